import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Metric, RunDetail } from '../api';
import {
  Button,
  CopyButton,
  EmptyState,
  ErrorNote,
  formatDuration,
  formatMetric,
  formatNumber,
  IconButton,
  RelativeTime
} from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { duration, isSystemTag, metricKeys, restoreRun, type RunModel } from './model';
import { Artifacts } from './run/artifacts';
import { Failure, Trashed } from './run/banner';
import { Links } from './run/links';
import { Notes } from './run/notes';
import { Nothing, Pairs } from './run/pairs';
import { useSource } from './run/source';
import { Tags } from './run/tags';
import { RunStatus } from './status';

const Curves = React.lazy(async () => ({ default: (await import('./charts/curves')).Curves }));

type Tab = 'metrics' | 'params' | 'links' | 'artifacts' | 'tags';

interface IRunPageProps {
  model: RunModel;
  name: string;
  rendermime: IRenderMimeRegistry | null;
}

/** The page of a run. */
export function RunPage({ model, name, rendermime }: IRunPageProps): JSX.Element {
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
  return <Loaded model={model} run={value} note={note} rendermime={rendermime} />;
}

interface ILoadedProps {
  model: RunModel;
  run: RunDetail;
  note: React.ReactNode;
  rendermime: IRenderMimeRegistry | null;
}

function Loaded({ model, run, note, rendermime }: ILoadedProps): JSX.Element {
  const { trans, commands, projects } = useHost();
  const [tab, setTab] = React.useState<Tab>('metrics');
  const { project } = model;
  const params = React.useMemo(() => Object.entries(run.params), [run.params]);
  const own = Object.keys(run.tags).filter(key => !isSystemTag(key));
  const mayChange = useMay(project, 'editor');
  const editable = mayChange && !run.deleted;
  const about = { project, id: run.id, name: run.name };

  return (
    <Page
      kind={trans.__('Run')}
      title={run.name || run.id.slice(0, 8)}
      status={<RunStatus status={run.status} />}
      selector={
        editable && (
          <IconButton
            icon={editIcon}
            label={trans.__('Rename the run')}
            onClick={() =>
              void commands.execute(CommandIDs.renameRun, about).then(() => model.detail.refresh())
            }
          />
        )
      }
      actions={
        !mayChange ? (
          <ReadOnly />
        ) : (
          !run.deleted && (
            <>
              <Button onClick={() => void commands.execute(CommandIDs.deleteRun, about)}>
                {trans.__('Delete')}
              </Button>
              {run.models.length > 0 && (
                <Button
                  primary
                  onClick={() => void commands.execute(CommandIDs.registerModel, { project, run: run.id })}
                >
                  {trans.__('Register model…')}
                </Button>
              )}
            </>
          )
        )
      }
      summary={<Summary model={model} run={run} />}
      notes={
        <>
          {note}
          {run.deleted && (
            <Trashed
              restore={
                mayChange
                  ? async () => {
                      await restoreRun(project, run.id);
                      await Promise.all([model.detail.refresh(), projects.refresh()]);
                    }
                  : null
              }
            />
          )}
          <Failure run={run} />
          <Notes model={model} run={run} rendermime={rendermime} editable={editable} />
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
        {tab === 'artifacts' ? (
          <Artifacts model={model} run={run} rendermime={rendermime} />
        ) : (
          <div className="jp-Insighter-Scroll">
            {tab === 'metrics' && <Metrics project={project} run={run} />}
            {tab === 'params' && <Params params={params} />}
            {tab === 'links' && <Links model={model} run={run} />}
            {tab === 'tags' && <Tags model={model} run={run} editable={editable} />}
          </div>
        )}
      </Tabs>
    </Page>
  );
}

function Summary({ model, run }: { model: RunModel; run: RunDetail }): JSX.Element {
  const { trans, commands } = useHost();
  const { project } = model;
  const took = duration(run);
  const source = useSource(model, run);
  return (
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
      {source}
      <span className="jp-Insighter-WithCopy">
        <span title={run.id}>
          {trans.__('id')} <code>{run.id.slice(0, 8)}</code>
        </span>
        <CopyButton text={run.id} label={trans.__('Copy the run’s id')} />
      </span>
    </Facts>
  );
}

function Metrics({ project, run }: { project: string; run: RunDetail }): JSX.Element {
  const { trans } = useHost();
  const { id, name, status, started_at, metrics } = run;
  const runs = React.useMemo(() => [{ id, name, status, started_at }], [id, name, status, started_at]);
  const names = JSON.stringify(metricKeys([run]));
  const keys = React.useMemo(() => JSON.parse(names) as string[], [names]);
  if (metrics.length === 0) {
    return (
      <EmptyState
        text={
          status === 'RUNNING'
            ? trans.__('No metrics yet: a curve appears with the first value.')
            : trans.__('No metrics.')
        }
        code='mlflow.log_metric("loss", 0.21, step=1)'
      />
    );
  }
  return (
    <>
      <React.Suspense fallback={<p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}>
        <Curves project={project} runs={runs} keys={keys} />
      </React.Suspense>
      <h2 className="jp-Insighter-Heading">{trans.__('Last values')}</h2>
      <Pairs<Metric>
        pairs={metrics.map(metric => [metric.key, metric] as const)}
        find={trans.__('Find values')}
        text={({ value }) => String(value)}
        head={
          <>
            <th scope="col">{trans.__('Metric')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Last value')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Step')}
            </th>
            <th scope="col">{trans.__('When')}</th>
          </>
        }
        row={(key, { value, step, timestamp }) => (
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
        )}
      />
    </>
  );
}

function Params({ params }: { params: ReadonlyArray<readonly [string, string]> }): JSX.Element {
  const { trans } = useHost();
  if (params.length === 0) {
    return <Nothing text={trans.__('No parameters.')} code='mlflow.log_param("depth", 12)' />;
  }
  return (
    <Pairs
      pairs={params}
      find={trans.__('Find parameters')}
      text={value => value}
      head={
        <>
          <th scope="col">{trans.__('Parameter')}</th>
          <th scope="col">{trans.__('Value')}</th>
        </>
      }
      row={(key, value) => (
        <tr key={key}>
          <th scope="row">{key}</th>
          <td className="jp-mod-wrap">{value}</td>
        </tr>
      )}
    />
  );
}
