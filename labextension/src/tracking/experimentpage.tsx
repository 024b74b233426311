import * as React from 'react';

import { ErrorNote, formatNumber, RelativeTime } from '../components';
import { useHost, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import type { ExperimentModel } from './experimentmodel';
import { ChartsBelow } from './table/below';
import { chartsHeight, rememberCharts } from './table/storage';
import { RunTable } from './table/table';

/** How high the charts are at first, in parts of what there is for table and charts. */
const CHARTS = 0.45;

/** The page of an experiment: its runs. */
export function ExperimentPage(props: { model: ExperimentModel; name: string }): JSX.Element {
  const { model, name } = props;
  const { trans } = useHost();
  const revision = useRevision();
  const { value: experiment, error } = useResource(model.experiment);
  const begun = React.useRef(false);
  React.useEffect(() => {
    if (begun.current) {
      void model.refresh();
    } else {
      begun.current = true;
      model.table.start();
      void model.experiment.refresh();
    }
  }, [model, revision]);
  const title = experiment?.name ?? name;
  const [height, setHeight] = React.useState(chartsHeight);
  const show = (to: number | null) => {
    setHeight(to);
    rememberCharts(to);
  };

  return (
    <Page
      kind={trans.__('Experiment')}
      title={title}
      summary={
        experiment && (
          <Facts>
            <span>{trans._n('%2 run', '%2 runs', experiment.runs, formatNumber(experiment.runs))}</span>
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
      notes={error && <ErrorNote error={error} onRetry={() => void model.refresh()} />}
    >
      <Tabs<'runs'>
        label={trans.__('Parts of the experiment')}
        tabs={[{ id: 'runs', label: trans.__('Runs'), count: experiment?.runs ?? null }]}
        current="runs"
        onSelect={() => undefined}
        fill
        asset={{ project: model.project, kind: 'experiment', key: model.id }}
      >
        <div className="jp-Insighter-Runs">
          <RunTable
            model={model.table}
            name={title}
            toggles={
              <button
                type="button"
                className="jp-Insighter-Tool"
                aria-pressed={height !== null}
                onClick={() => show(height === null ? CHARTS : null)}
              >
                {trans.__('Charts')}
              </button>
            }
          />
          {height !== null && <ChartsBelow model={model.table} height={height} onHeight={show} />}
        </div>
      </Tabs>
    </Page>
  );
}
