import * as React from 'react';

import type { ModelVersion, RegisteredModelDetail, SignatureField } from '../api';
import {
  Button,
  CodeLine,
  EmptyState,
  ErrorNote,
  formatMetric,
  formatNumber,
  RelativeTime
} from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useOwnResource, useResource } from '../pages/resource';
import { Aliases } from './aliases';
import { loadCode, type RegisteredModelModel } from './model';

/** Commands of other capabilities. */
const DEPLOY = 'insighter:deploy-model';
const OPEN_RUN = 'insighter:open-run';

/** Metrics that stand in a version's row. */
const METRICS = 4;

type Tab = 'versions' | 'signature';

/** The page of a registered model. */
export function ModelPage({ model }: { model: RegisteredModelModel }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  React.useEffect(() => {
    void model.detail.refresh();
  }, [model, revision]);
  const note = error && <ErrorNote error={error} onRetry={() => void model.detail.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Model')} title={model.name} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} detail={value} note={note} />;
}

interface ILoadedProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  note: React.ReactNode;
}

function Loaded({ model, detail, note }: ILoadedProps): JSX.Element {
  const { trans, commands } = useHost();
  const [tab, setTab] = React.useState<Tab>('versions');
  const [chosen, setChosen] = React.useState<number | null>(null);
  const { latest, history } = detail;
  const shown = history.find(one => one.version === chosen) ?? latest;
  const [first] = Object.keys(detail.aliases);
  const mayChange = useMay(model.project, 'editor');
  return (
    <Page
      kind={trans.__('Model')}
      title={detail.name}
      actions={
        !mayChange ? (
          <ReadOnly />
        ) : (
          latest && (
            <Button
              primary
              onClick={() =>
                void commands.execute(DEPLOY, {
                  project: model.project,
                  model: detail.name,
                  version: detail.aliases['champion'] ?? latest.version
                })
              }
            >
              {trans.__('Deploy…')}
            </Button>
          )
        )
      }
      summary={
        <Facts>
          <span>{trans._n('%1 version', '%1 versions', detail.versions, formatNumber(detail.versions))}</span>
          {latest && (
            <span>
              {trans.__('newest: v%1 by %2', latest.version, latest.created_by)},{' '}
              <RelativeTime time={latest.created_at} />
            </span>
          )}
          {Object.entries(detail.aliases).map(([alias, version]) => (
            <span key={alias}>{`@${alias} → v${version}`}</span>
          ))}
        </Facts>
      }
      notes={
        <>
          {note}
          {detail.description && <p className="jp-Insighter-Description">{detail.description}</p>}
          {latest && <CodeLine code={loadCode(detail.name, latest.version, first ? [first] : [])} />}
        </>
      }
    >
      {!shown ? (
        <EmptyState
          text={trans.__('This model has no versions yet. Log one under its name.')}
          code={`mlflow.sklearn.log_model(model, name="model", registered_model_name=${JSON.stringify(detail.name)})`}
        />
      ) : (
        <Tabs<Tab>
          label={trans.__('Parts of the model')}
          tabs={[
            { id: 'versions', label: trans.__('Versions'), count: history.length },
            { id: 'signature', label: trans.__('Signature') }
          ]}
          current={tab}
          onSelect={setTab}
          fill
          asset={{ project: model.project, kind: 'model', key: detail.name }}
          extra={
            tab === 'signature' && (
              <label className="jp-Insighter-Check">
                {trans.__('of')}
                <select
                  className="jp-Insighter-Select"
                  value={shown.version}
                  onChange={event => setChosen(Number(event.target.value))}
                >
                  {history.map(one => (
                    <option key={one.version} value={one.version}>
                      {trans.__('version %1', one.version)}
                    </option>
                  ))}
                </select>
              </label>
            )
          }
        >
          <div className="jp-Insighter-Scroll">
            {tab === 'versions' ? (
              <Versions
                model={model}
                detail={detail}
                onSignature={version => {
                  setChosen(version);
                  setTab('signature');
                }}
              />
            ) : (
              <Signature key={shown.version} model={model} version={shown.version} />
            )}
          </div>
        </Tabs>
      )}
    </Page>
  );
}

interface IVersionsProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  onSignature: (version: number) => void;
}

function Versions({ model, detail, onSignature }: IVersionsProps): JSX.Element {
  const { trans } = useHost();
  return (
    <table className="jp-Insighter-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Version')}</th>
          <th scope="col">{trans.__('Aliases')}</th>
          <th scope="col">{trans.__('Metrics')}</th>
          <th scope="col">{trans.__('Run')}</th>
          <th scope="col">{trans.__('By')}</th>
          <th scope="col">{trans.__('When')}</th>
          <th scope="col">
            <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {detail.history.map(version => (
          <VersionRow
            key={version.version}
            model={model}
            version={version}
            aliases={detail.aliases}
            onSignature={() => onSignature(version.version)}
          />
        ))}
      </tbody>
    </table>
  );
}

interface IVersionRowProps {
  model: RegisteredModelModel;
  version: ModelVersion;
  aliases: Readonly<Record<string, number>>;
  onSignature: () => void;
}

function VersionRow({ model, version, aliases, onSignature }: IVersionRowProps): JSX.Element {
  const { trans, commands } = useHost();
  const { project, name } = model;
  const { run_id, metrics } = version;
  const mayChange = useMay(project, 'editor');
  const number = version.version;
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="jp-Insighter-Link"
          title={version.description || trans.__('Show the signature of version %1', number)}
          onClick={onSignature}
        >
          v{number}
        </button>
      </th>
      <td>
        <Aliases model={model} version={number} own={version.aliases} all={aliases} />
      </td>
      <td className="jp-mod-wrap" title={metrics.map(({ key, value }) => `${key} ${value}`).join('\n')}>
        {metrics
          .slice(0, METRICS)
          .map(({ key, value }) => `${key} ${formatMetric(value)}`)
          .join(' · ')}
        {metrics.length > METRICS && ' …'}
      </td>
      <td>
        {run_id && (
          <button
            type="button"
            className="jp-Insighter-Link"
            title={trans.__('Open the run %1', run_id)}
            onClick={() => void commands.execute(OPEN_RUN, { project, id: run_id })}
          >
            {run_id.slice(0, 8)}
          </button>
        )}
      </td>
      <td>{version.created_by}</td>
      <td>
        <RelativeTime time={version.created_at} />
      </td>
      <td>
        {mayChange && (
          <Button
            title={trans.__('Deploy version %1', number)}
            onClick={() => void commands.execute(DEPLOY, { project, model: name, version: number })}
          >
            {trans.__('Deploy…')}
          </Button>
        )}
      </td>
    </tr>
  );
}

function Signature({ model, version }: { model: RegisteredModelModel; version: number }): JSX.Element {
  const { trans } = useHost();
  const [signature, { value, error }] = useOwnResource(
    () => model.signature(version),
    `${model.name}/${version}`,
    0
  );
  if (error) {
    return <ErrorNote error={error} onRetry={() => void signature.refresh()} />;
  }
  if (!value) {
    return <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>;
  }
  if (value.inputs.length === 0 && value.outputs.length === 0) {
    return (
      <EmptyState
        text={trans.__(
          'Version %1 was logged without a signature. With an input example MLflow infers one.',
          version
        )}
        code='mlflow.sklearn.log_model(model, name="model", input_example=X.head())'
      />
    );
  }
  return (
    <>
      <Fields title={trans.__('Inputs')} fields={value.inputs} />
      <Fields title={trans.__('Outputs')} fields={value.outputs} />
      <p className="jp-Insighter-Quiet">{trans.__('Flavors: %1', value.flavors.join(', '))}</p>
    </>
  );
}

function Fields(props: { title: string; fields: ReadonlyArray<SignatureField> }): JSX.Element {
  const { trans } = useHost();
  const shaped = props.fields.some(({ shape }) => shape);
  return (
    <>
      <h2 className="jp-Insighter-Heading">{props.title}</h2>
      {props.fields.length === 0 ? (
        <p className="jp-Insighter-Quiet">{trans.__('Not told.')}</p>
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
