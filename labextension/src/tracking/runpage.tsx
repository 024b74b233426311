import * as React from 'react';

import type { Metric, RunDetail } from '../api';
import {
  Button,
  CodeLine,
  CopyButton,
  ErrorNote,
  formatDuration,
  formatMetric,
  formatNumber,
  RelativeTime
} from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { MadeIn } from '../notebooks/madein';
import { Facts, Page, Tabs } from '../pages/page';
import { useOwnResource, useResource } from '../pages/resource';
import { ArtifactTree } from './artifacts';
import { Chart } from './chart';
import { CommandIDs } from './commands';
import { duration, type RunModel } from './model';
import { RunStatus } from './status';

type Tab = 'metrics' | 'params' | 'links' | 'artifacts' | 'tags';

/** Commands of other capabilities. */
const OPEN_DATASET = 'insighter:open-dataset';
const OPEN_MODEL = 'insighter:open-model';

/** Curves that are drawn at once; each is a request. */
const CURVES = 24;

/** The page of a run. */
export function RunPage({ model, name }: { model: RunModel; name: string }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  React.useEffect(() => {
    void model.detail.refresh();
  }, [model, revision]);
  const note = error && <ErrorNote error={error} onRetry={() => void model.detail.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Run')} title={name} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} run={value} note={note} />;
}

interface ILoadedProps {
  model: RunModel;
  run: RunDetail;
  note: React.ReactNode;
}

function Loaded({ model, run, note }: ILoadedProps): JSX.Element {
  const { trans, commands } = useHost();
  const [tab, setTab] = React.useState<Tab>('metrics');
  const { project } = model;
  const params = Object.entries(run.params);
  const tags = Object.entries(run.tags);
  const own = tags.filter(([key]) => !key.startsWith('mlflow.'));
  const description = run.tags['mlflow.note.content'];
  const took = duration(run);
  const mayChange = useMay(project, 'editor');
  return (
    <Page
      kind={trans.__('Run')}
      title={run.name || run.id.slice(0, 8)}
      status={<RunStatus status={run.status} />}
      actions={
        !mayChange ? (
          <ReadOnly />
        ) : (
          run.models.length > 0 && (
            <Button
              primary
              onClick={() => void commands.execute(CommandIDs.registerModel, { project, run: run.id })}
            >
              {trans.__('Register model…')}
            </Button>
          )
        )
      }
      summary={
        <Facts>
          <button
            type="button"
            className="jp-Insighter-Link"
            title={trans.__('Open the experiment')}
            onClick={() =>
              void commands.execute(CommandIDs.openExperiment, {
                project,
                id: run.experiment_id,
                name: run.experiment_name
              })
            }
          >
            {run.experiment_name}
          </button>
          <span>
            {trans.__('by %1', run.created_by)}
            {run.started_at && (
              <>
                , <RelativeTime time={run.started_at} />
              </>
            )}
          </span>
          {took !== null && (
            <span>
              {run.ended_at
                ? trans.__('took %1', formatDuration(took))
                : trans.__('for %1', formatDuration(took))}
            </span>
          )}
          {run.tags['insighter.notebook'] && <MadeIn project={project} run={run.id} />}
          <span className="jp-Insighter-WithCopy">
            <span title={run.id}>
              {trans.__('id')} <code>{run.id.slice(0, 8)}</code>
            </span>
            <CopyButton text={run.id} label={trans.__('Copy the run’s id')} />
          </span>
        </Facts>
      }
      notes={
        <>
          {note}
          {description && <p className="jp-Insighter-Description">{description}</p>}
        </>
      }
    >
      <Tabs<Tab>
        label={trans.__('Parts of the run')}
        tabs={[
          { id: 'metrics', label: trans.__('Metrics'), count: run.metrics.length },
          { id: 'params', label: trans.__('Parameters'), count: params.length },
          { id: 'links', label: trans.__('Inputs & models'), count: run.inputs.length + run.models.length },
          { id: 'artifacts', label: trans.__('Artifacts') },
          { id: 'tags', label: trans.__('Tags'), count: own.length }
        ]}
        current={tab}
        onSelect={setTab}
        fill
        asset={{ project, kind: 'run', key: run.id }}
      >
        <div className="jp-Insighter-Scroll">
          {tab === 'metrics' && <Metrics model={model} run={run} />}
          {tab === 'params' && (
            <Pairs
              pairs={params}
              heads={[trans.__('Parameter'), trans.__('Value')]}
              none={trans.__('No parameters.')}
              code='mlflow.log_param("depth", 12)'
            />
          )}
          {tab === 'links' && <Links model={model} run={run} />}
          {tab === 'artifacts' && <ArtifactTree model={model} run={run} />}
          {tab === 'tags' && (
            <>
              <Pairs
                pairs={own}
                heads={[trans.__('Tag'), trans.__('Value')]}
                none={trans.__('No tags of your own.')}
                code='mlflow.set_tag("stage", "trial")'
              />
              {tags.length > own.length && (
                <details className="jp-Insighter-Details">
                  <summary>{trans.__('System tags (%1)', tags.length - own.length)}</summary>
                  <Pairs
                    pairs={tags.filter(([key]) => key.startsWith('mlflow.'))}
                    heads={[trans.__('Tag'), trans.__('Value')]}
                    none=""
                  />
                </details>
              )}
            </>
          )}
        </div>
      </Tabs>
    </Page>
  );
}

function Metrics({ model, run }: { model: RunModel; run: RunDetail }): JSX.Element {
  const { trans } = useHost();
  const [all, setAll] = React.useState(false);
  const { metrics } = run;
  if (metrics.length === 0) {
    return <Nothing text={trans.__('No metrics.')} code='mlflow.log_metric("loss", 0.25, step=1)' />;
  }
  // one value at step 0 is no curve
  const curves = metrics.filter(({ step }) => step !== 0);
  const shown = all ? curves : curves.slice(0, CURVES);
  return (
    <>
      {shown.length > 0 && (
        <div className="jp-Insighter-Charts">
          {shown.map(metric => (
            <MetricChart key={metric.key} model={model} metric={metric} />
          ))}
        </div>
      )}
      {shown.length < curves.length && (
        <Button onClick={() => setAll(true)}>
          {trans.__('Draw the other %1 curves', curves.length - shown.length)}
        </Button>
      )}
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Metric')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Last value')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Step')}
            </th>
            <th scope="col">{trans.__('When')}</th>
          </tr>
        </thead>
        <tbody>
          {metrics.map(({ key, value, step, timestamp }) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td className="jp-mod-number" title={String(value)}>
                {formatMetric(value)}
              </td>
              <td className="jp-mod-number">{formatNumber(step)}</td>
              <td>
                <RelativeTime time={timestamp} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** A curve, asked for again when the metric's newest value is another. */
function MetricChart({ model, metric }: { model: RunModel; metric: Metric }): JSX.Element | null {
  const { key, step, timestamp } = metric;
  const [, { value, error }] = useOwnResource(
    () => model.history(key),
    `${model.id}/${key}`,
    `${step} ${timestamp}`
  );
  if (error) {
    return <ErrorNote error={error} />;
  }
  return value && value.points.length > 1 ? <Chart name={key} points={value.points} /> : null;
}

function Links({ model, run }: { model: RunModel; run: RunDetail }): JSX.Element {
  const { trans, commands } = useHost();
  const { project } = model;
  const revision = useRevision();
  const [, { value: links }] = useOwnResource(
    () => model.links(run),
    [run.id, ...run.inputs.map(({ digest }) => digest), ...run.models].join(' '),
    revision
  );
  const mayChange = useMay(project, 'editor');
  const inContext = run.inputs.some(({ context }) => context);
  return (
    <>
      <h2 className="jp-Insighter-Heading">{trans.__('Datasets it read')}</h2>
      {run.inputs.length === 0 ? (
        <Nothing text={trans.__('None was recorded.')} code='ix.datasets.load("wine")' />
      ) : (
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Dataset')}</th>
              <th scope="col">{trans.__('Digest')}</th>
              {inContext && <th scope="col">{trans.__('Context')}</th>}
            </tr>
          </thead>
          <tbody>
            {run.inputs.map(({ name, digest, context }, index) => (
              <tr key={`${name} ${digest} ${context}`}>
                <th scope="row">
                  {links?.inputs[index] ? (
                    <button
                      type="button"
                      className="jp-Insighter-Link"
                      title={trans.__('Open the dataset')}
                      onClick={() => void commands.execute(OPEN_DATASET, { project, name })}
                    >
                      {`${name} v${links.inputs[index]}`}
                    </button>
                  ) : (
                    name
                  )}
                </th>
                <td>
                  <code>{digest}</code>
                </td>
                {inContext && <td>{context}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h2 className="jp-Insighter-Heading">{trans.__('Models it logged')}</h2>
      {run.models.length === 0 ? (
        <Nothing
          text={trans.__('None. Log one to register and deploy it.')}
          code='mlflow.sklearn.log_model(model, name="model")'
        />
      ) : (
        <ul className="jp-Insighter-Models">
          {run.models.map(id => (
            <li key={id}>
              <code>{id}</code>
              <CopyButton text={id} label={trans.__('Copy the model’s id')} />
              {links?.versions
                .filter(({ model_id }) => model_id === id)
                .map(({ name, version }) => (
                  <button
                    key={`${name} ${version}`}
                    type="button"
                    className="jp-Insighter-Link"
                    title={trans.__('Open the registered model')}
                    onClick={() => void commands.execute(OPEN_MODEL, { project, name })}
                  >
                    {`${name} v${version}`}
                  </button>
                ))}
              {mayChange && (
                <Button
                  onClick={() =>
                    void commands.execute(CommandIDs.registerModel, { project, run: run.id, model: id })
                  }
                >
                  {trans.__('Register…')}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

interface IPairsProps {
  pairs: ReadonlyArray<readonly [string, string]>;
  heads: readonly [string, string];
  none: string;
  code?: string;
}

function Pairs({ pairs, heads, none, code }: IPairsProps): JSX.Element {
  if (pairs.length === 0) {
    return <Nothing text={none} code={code} />;
  }
  return (
    <table className="jp-Insighter-Table">
      <thead>
        <tr>
          <th scope="col">{heads[0]}</th>
          <th scope="col">{heads[1]}</th>
        </tr>
      </thead>
      <tbody>
        {[...pairs]
          .sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }))
          .map(([key, value]) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td className="jp-mod-wrap">{value}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function Nothing({ text, code }: { text: string; code?: string }): JSX.Element {
  return (
    <div className="jp-Insighter-Nothing">
      <p>{text}</p>
      {code && <CodeLine code={code} />}
    </div>
  );
}
