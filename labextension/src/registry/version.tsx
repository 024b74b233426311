import type { RegisteredModelDetail, SignatureField, VersionDetail, VersionMetric } from '../api';
import {
  Button,
  CodeLine,
  CopyButton,
  ErrorNote,
  formatBytes,
  formatMetric,
  formatNumber,
  RelativeTime
} from '../components';
import { useHost, useMay, useRevision } from '../pages/host';
import { Facts } from '../pages/page';
import { useOwnResource } from '../pages/resource';
import { Aliases } from './aliases';
import { loadCode, type RegisteredModelModel } from './model';

/** Commands of other capabilities. */
const DEPLOY = 'insighter:deploy-model';
const OPEN_DATASET = 'insighter:open-dataset';
const OPEN_DEPLOYMENT = 'insighter:open-deployment';
const OPEN_RUN = 'insighter:open-run';

interface IVersionProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  number: number;
  onVersion: (version: number) => void;
  onBack: () => void;
}

/** All that is known of a version. */
export function Version({ model, detail, number, onVersion, onBack }: IVersionProps): JSX.Element {
  const { trans, commands } = useHost();
  const revision = useRevision();
  const [version, { value, error }] = useOwnResource(
    () => model.version(number),
    `${model.name}/${number}`,
    revision
  );
  const mayChange = useMay(model.project, 'editor');
  const own = detail.history.find(one => one.version === number);
  return (
    <>
      <div className="jp-Insighter-Headline">
        <span className="jp-Insighter-Buttons">
          <Button onClick={onBack}>{trans.__('← All versions')}</Button>
          <select
            className="jp-Insighter-Select"
            aria-label={trans.__('Version')}
            value={number}
            onChange={event => onVersion(Number(event.target.value))}
          >
            {detail.history.map(one => (
              <option key={one.version} value={one.version}>
                {trans.__('version %1', one.version)}
              </option>
            ))}
          </select>
          <Aliases model={model} detail={detail} version={number} own={own?.aliases ?? []} />
        </span>
        {mayChange && (
          <Button
            onClick={() =>
              void commands.execute(DEPLOY, { project: model.project, model: model.name, version: number })
            }
          >
            {trans.__('Deploy…')}
          </Button>
        )}
      </div>
      {error && <ErrorNote error={error} onRetry={() => void version.refresh()} />}
      {!value && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      {value && <Known model={model} version={value} />}
    </>
  );
}

function Known({ model, version }: { model: RegisteredModelModel; version: VersionDetail }): JSX.Element {
  const { trans, commands } = useHost();
  const { project, name } = model;
  const { packaging, run } = version;
  const open = (command: string, args: Record<string, string>) =>
    void commands.execute(command, { project, ...args });
  return (
    <>
      <div className="jp-Insighter-VersionNotes">
        <Facts>
          {run && (
            <span>
              {trans.__('from the run')}{' '}
              <button
                type="button"
                className="jp-Insighter-Link"
                title={run.id}
                onClick={() => open(OPEN_RUN, { id: run.id })}
              >
                {run.name}
              </button>{' '}
              {run.deleted ? trans.__('(deleted)') : trans.__('in %1', run.experiment)}
            </span>
          )}
          {run?.commit && <span>{trans.__('commit %1', run.commit.slice(0, 10))}</span>}
          <span>
            {trans.__('registered by %1,', version.created_by)} <RelativeTime time={version.created_at} />
          </span>
          {version.file_count > 0 && (
            <span>
              {formatBytes(version.size)}{' '}
              {trans._n('in %1 file', 'in %1 files', version.file_count, formatNumber(version.file_count))}
            </span>
          )}
          {packaging.flavors.length > 0 && (
            <span
              title={packaging.flavors
                .map(flavor =>
                  [
                    flavor.name,
                    ...Object.entries(flavor.details).map(([key, said]) => `  ${key}: ${said}`)
                  ].join('\n')
                )
                .join('\n')}
            >
              {packaging.flavors.map(flavor => flavor.name).join(', ')}
            </span>
          )}
          {packaging.mlflow_version && <span>MLflow {packaging.mlflow_version}</span>}
          {packaging.python_version && <span>Python {packaging.python_version}</span>}
        </Facts>
        {version.description && <p className="jp-Insighter-Description">{version.description}</p>}
        <CodeLine code={loadCode(name, version.version, [])} />
        {packaging.runs_code.length > 0 && (
          <p className="jp-Insighter-Quiet" title={packaging.runs_code.join('\n')}>
            {trans.__('Loading it runs code of whoever made it: %1.', packaging.runs_code.join('; '))}
          </p>
        )}
      </div>
      <div className="jp-Insighter-Known">
        <section>
          <h2 className="jp-Insighter-Heading">{trans.__('Metrics')}</h2>
          <Measured metrics={version.measured} />
        </section>
        <section>
          <h2 className="jp-Insighter-Heading">{trans.__('Made from')}</h2>
          {version.datasets.length === 0 ? (
            <p className="jp-Insighter-Quiet">
              {trans.__('Its run noted no dataset. mlflow.log_input and ix.datasets.load note them.')}
            </p>
          ) : (
            <ul className="jp-Insighter-Plain">
              {version.datasets.map(item => (
                <li key={`${item.name}/${item.digest}/${item.context}`}>
                  {item.dataset !== null ? (
                    <button
                      type="button"
                      className="jp-Insighter-Link"
                      onClick={() => open(OPEN_DATASET, { name: item.dataset as string })}
                    >
                      {item.dataset} v{item.version}
                    </button>
                  ) : (
                    <>
                      {item.name} <code>{item.digest}</code>
                    </>
                  )}{' '}
                  <span className="jp-Insighter-Quiet">{item.context}</span>
                </li>
              ))}
            </ul>
          )}
          {version.deployments.length > 0 && (
            <>
              <h2 className="jp-Insighter-Heading">{trans.__('Served by')}</h2>
              <ul className="jp-Insighter-Plain">
                {version.deployments.map(item => (
                  <li key={item.name}>
                    <button
                      type="button"
                      className="jp-Insighter-Link"
                      onClick={() => open(OPEN_DEPLOYMENT, { name: item.name })}
                    >
                      {item.name}
                    </button>{' '}
                    <span className="jp-Insighter-Quiet">{item.status}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
        </section>
        <section>
          <h2 className="jp-Insighter-Heading">{trans.__('Parameters')}</h2>
          <Pairs pairs={Object.entries(version.params)} none={trans.__('None was logged.')} />
        </section>
        <section>
          <Fields title={trans.__('Inputs')} fields={packaging.inputs} />
          <Fields title={trans.__('Outputs')} fields={packaging.outputs} />
        </section>
        <section>
          <h2 className="jp-Insighter-Heading">{trans.__('Files')}</h2>
          <Pairs
            pairs={version.files.map(({ path, size }) => [path, formatBytes(size)])}
            none={trans.__('Nothing was logged at its source.')}
          />
          {version.file_count > version.files.length && (
            <p className="jp-Insighter-Quiet">
              {trans.__('… and %1 more', formatNumber(version.file_count - version.files.length))}
            </p>
          )}
        </section>
        <section>
          <h2 className="jp-Insighter-Heading">
            {trans.__('Requirements')}{' '}
            {packaging.requirements.length > 0 && (
              <CopyButton
                text={packaging.requirements.join('\n')}
                label={trans.__('Copy the requirements')}
              />
            )}
          </h2>
          {packaging.requirements.length === 0 ? (
            <p className="jp-Insighter-Quiet">{trans.__('Not told.')}</p>
          ) : (
            <ul className="jp-Insighter-Plain">
              {packaging.requirements.map(line => (
                <li key={line}>
                  <code>{line}</code>
                </li>
              ))}
            </ul>
          )}
        </section>
      </div>
    </>
  );
}

/** Metrics by the dataset they were measured on. */
function Measured({ metrics }: { metrics: ReadonlyArray<VersionMetric> }): JSX.Element {
  const { trans } = useHost();
  if (metrics.length === 0) {
    return <p className="jp-Insighter-Quiet">{trans.__('None was logged.')}</p>;
  }
  const datasets = [...new Set(metrics.map(({ dataset }) => dataset))].sort((one, other) =>
    (one ?? '').localeCompare(other ?? '')
  );
  const keys = [...new Set(metrics.map(({ key }) => key))];
  return (
    <table className="jp-Insighter-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Metric')}</th>
          {datasets.map(dataset => (
            <th key={dataset ?? ''} scope="col" className="jp-mod-number">
              {dataset === null ? trans.__('value') : trans.__('on %1', dataset)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {keys.map(key => (
          <tr key={key}>
            <th scope="row">{key}</th>
            {datasets.map(dataset => {
              const found = metrics.find(one => one.key === key && one.dataset === dataset);
              return (
                <td
                  key={dataset ?? ''}
                  className="jp-mod-number"
                  title={found?.source === 'run' ? trans.__('logged for its run') : undefined}
                >
                  {found ? formatMetric(found.value) : ''}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Pairs(props: { pairs: ReadonlyArray<readonly [string, string]>; none: string }): JSX.Element {
  if (props.pairs.length === 0) {
    return <p className="jp-Insighter-Quiet">{props.none}</p>;
  }
  return (
    <table className="jp-Insighter-Table">
      <tbody>
        {props.pairs.map(([key, value]) => (
          <tr key={key}>
            <th scope="row" title={key}>
              {key}
            </th>
            <td className="jp-mod-wrap">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The columns a model takes or gives. */
function Fields(props: { title: string; fields: ReadonlyArray<SignatureField> }): JSX.Element {
  const { trans } = useHost();
  const shaped = props.fields.some(({ shape }) => shape);
  return (
    <>
      <h2 className="jp-Insighter-Heading">{props.title}</h2>
      {props.fields.length === 0 ? (
        <p className="jp-Insighter-Quiet">{trans.__('Not told. With an input example MLflow infers it.')}</p>
      ) : (
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Name')}</th>
              <th scope="col">{trans.__('Type')}</th>
              {shaped && <th scope="col">{trans.__('Shape')}</th>}
              <th scope="col">{trans.__('Required')}</th>
            </tr>
          </thead>
          <tbody>
            {props.fields.map((field, index) => (
              <tr key={index}>
                <th scope="row">{field.name ?? '–'}</th>
                <td>
                  <code>{field.type}</code>
                </td>
                {shaped && <td>{field.shape ? `(${field.shape.join(', ')})` : ''}</td>}
                <td>{field.required ? trans.__('yes') : trans.__('no')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
