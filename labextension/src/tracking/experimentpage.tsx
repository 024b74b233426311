import * as React from 'react';

import type { Run } from '../api';
import {
  Button,
  CodeLine,
  EmptyState,
  ErrorNote,
  formatDuration,
  formatMetric,
  formatNumber,
  RelativeTime
} from '../components';
import { useHost, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { duration, type ExperimentModel, frequentMetrics } from './model';
import { RunStatus } from './status';

/** Metrics that get a column. */
const COLUMNS = 8;

/** The page of an experiment: its runs. */
export function ExperimentPage(props: { model: ExperimentModel; name: string }): JSX.Element {
  const { model, name } = props;
  const { trans } = useHost();
  const revision = useRevision();
  const { value: experiment } = useResource(model.experiment);
  const { value: runs, error } = useResource(model.runs);
  const [busy, setBusy] = React.useState(false);
  React.useEffect(() => {
    void model.refresh();
  }, [model, revision]);

  const more = async () => {
    setBusy(true);
    await model.more();
    setBusy(false);
  };

  return (
    <Page
      kind={trans.__('Experiment')}
      title={experiment?.name ?? name}
      summary={
        experiment && (
          <Facts>
            <span>{trans._n('%1 run', '%1 runs', experiment.runs, formatNumber(experiment.runs))}</span>
            {experiment.running > 0 && <span>{trans.__('%1 running', experiment.running)}</span>}
            {experiment.last_run && (
              <span>
                {trans.__('last run')} <RelativeTime time={experiment.last_run} />
              </span>
            )}
            <span>
              {trans.__('made')} <RelativeTime time={experiment.created_at} />
            </span>
          </Facts>
        )
      }
      notes={
        <>
          {error && <ErrorNote error={error} onRetry={() => void model.refresh()} />}
          {runs && runs.items.length > 0 && (
            <CodeLine code={`mlflow.set_experiment(${JSON.stringify(experiment?.name ?? name)})`} />
          )}
        </>
      }
    >
      <Tabs<'runs'>
        label={trans.__('Parts of the experiment')}
        tabs={[{ id: 'runs', label: trans.__('Runs'), count: experiment?.runs ?? null }]}
        current="runs"
        onSelect={() => undefined}
        fill
        asset={{ project: model.project, kind: 'experiment', key: model.id }}
      >
        {!runs && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
        {runs?.items.length === 0 && (
          <EmptyState
            text={trans.__('No runs in this experiment yet.')}
            code={`mlflow.set_experiment(${JSON.stringify(experiment?.name ?? name)})`}
          />
        )}
        {runs && runs.items.length > 0 && (
          <div className="jp-Insighter-Runs">
            <RunTable runs={runs.items} project={model.project} />
            {runs.cursor !== null && (
              <div className="jp-Insighter-Runs-more">
                <Button disabled={busy} onClick={() => void more()}>
                  {busy ? trans.__('Loading…') : trans.__('Load older runs')}
                </Button>
              </div>
            )}
          </div>
        )}
      </Tabs>
    </Page>
  );
}

/** Runs in a table; the metrics that most of them have are columns. */
function RunTable(props: { runs: ReadonlyArray<Run>; project: string }): JSX.Element {
  const { runs, project } = props;
  const { trans } = useHost();
  const keys = React.useMemo(() => frequentMetrics(runs, COLUMNS), [runs]);
  const all = React.useMemo(() => new Set(runs.flatMap(run => run.metrics.map(({ key }) => key))), [runs]);
  return (
    <>
      <div className="jp-Insighter-Scroll" role="region" tabIndex={0} aria-label={trans.__('Runs')}>
        <table className="jp-Insighter-Table jp-Insighter-RunTable">
          <thead>
            <tr>
              <th scope="col">{trans.__('Run')}</th>
              <th scope="col">{trans.__('Status')}</th>
              <th scope="col" aria-sort="descending">
                {trans.__('Started')}
              </th>
              <th scope="col" className="jp-mod-number">
                {trans.__('Duration')}
              </th>
              {keys.map(key => (
                <th key={key} scope="col" className="jp-mod-number jp-Insighter-RunTable-metric" title={key}>
                  {key}
                </th>
              ))}
              <th scope="col">{trans.__('By')}</th>
            </tr>
          </thead>
          <tbody>
            {runs.map(run => (
              <RunRow key={run.id} run={run} keys={keys} project={project} />
            ))}
          </tbody>
        </table>
      </div>
      {all.size > keys.length && (
        <p className="jp-Insighter-Quiet">
          {trans.__('%1 more metrics are on the pages of the runs.', all.size - keys.length)}
        </p>
      )}
    </>
  );
}

interface IRunRowProps {
  run: Run;
  keys: ReadonlyArray<string>;
  project: string;
}

function RunRow({ run, keys, project }: IRunRowProps): JSX.Element {
  const { commands } = useHost();
  const took = duration(run);
  const values = new Map(run.metrics.map(({ key, value }) => [key, value]));
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="jp-Insighter-Link"
          onClick={() => void commands.execute(CommandIDs.openRun, { project, id: run.id, name: run.name })}
        >
          {run.name || run.id.slice(0, 8)}
        </button>
      </th>
      <td>
        <RunStatus status={run.status} />
      </td>
      <td>{run.started_at && <RelativeTime time={run.started_at} />}</td>
      <td className="jp-mod-number">{took !== null && formatDuration(took)}</td>
      {keys.map(key => {
        const value = values.get(key);
        return (
          <td key={key} className="jp-mod-number" title={value === undefined ? undefined : String(value)}>
            {value === undefined ? '' : formatMetric(value)}
          </td>
        );
      })}
      <td>{run.created_by}</td>
    </tr>
  );
}
