import * as React from 'react';

import { EmptyState, ErrorNote, formatNumber } from '../../components';
import { useHost } from '../../pages/host';
import { Tabs } from '../../pages/page';
import { useOwnResource } from '../../pages/resource';
import { CommandIDs } from '../commands';
import { Comparison } from '../compare/comparison';
import { type Column, columnName, type IRunValues } from './axes';
import { Curves } from './curves';
import { Parallel } from './parallel';
import { allColumns, chartedRuns, type ICharted, type IWanted } from './runs';
import { Scatter } from './scatter';

export interface IExperimentChartsProps {
  project: string;
  experiment: string;
  /** Ids of the runs that are selected in the table; where none are, those of the page that is shown. */
  runs: ReadonlyArray<string>;
  /** Whether `runs` are selected ones: then all charts are about them alone. */
  selected?: boolean;
  /** Names of the columns that the table shows: the charts begin with them. */
  columns: { readonly metrics: ReadonlyArray<string>; readonly params: ReadonlyArray<string> };
  /** The table's filter, view and order: what is drawn of whole experiments. */
  filter?: string;
  view?: 'active' | 'deleted' | 'all';
  orderBy?: ReadonlyArray<string>;
  /** Changes when the runs may have. */
  revision?: unknown;
}

type Tab = 'curves' | 'parallel' | 'scatter' | 'differences';

/** Runs whose curves are drawn together. */
const CURVED = 30;

/** Axes that parallel coordinates begin with. */
const AXES = 8;

/** Columns of each kind that are drawn where the table shows too few. */
const USUAL = 6;

/** The charts of an experiment: curves of the runs, all runs over parameters and metrics, and what differs between some. */
export function ExperimentCharts(props: IExperimentChartsProps): JSX.Element {
  const {
    project,
    experiment,
    runs,
    selected = true,
    columns,
    filter = '',
    view = 'active',
    revision
  } = props;
  const { trans, commands } = useHost();
  const [tab, setTab] = React.useState<Tab>('curves');
  const [more, setMore] = React.useState<ReadonlyArray<Column>>([]);
  const [keys, { value: known, error: unknown }] = useOwnResource(
    () => allColumns(project, experiment),
    `${project} ${experiment}`,
    revision
  );
  const shown = JSON.stringify([
    ...columns.params.map(key => `params.${key}`),
    ...columns.metrics.map(key => `metrics.${key}`)
  ]);
  const initial = React.useMemo(() => {
    const there = (JSON.parse(shown) as Column[]).filter(column => known?.includes(column));
    const usual = ['params.', 'metrics.'].flatMap(kind =>
      (known ?? []).filter(column => column.startsWith(kind)).slice(0, USUAL)
    );
    return [...there, ...(there.length > 1 ? [] : usual.filter(column => !there.includes(column)))];
  }, [shown, known]);
  const wanted = JSON.stringify({
    project,
    experiment,
    runs,
    selected,
    filter,
    view,
    orderBy: props.orderBy ?? [],
    columns: [...new Set([...initial, ...more])]
  });
  const [resource, { value, error }] = useOwnResource(
    () => chartedRuns(JSON.parse(wanted) as IWanted),
    wanted,
    revision
  );
  const last = React.useRef<ICharted | null>(null);
  last.current = value ?? last.current;
  const charted = value ?? last.current;
  const open = ({ id, name }: IRunValues) => void commands.execute(CommandIDs.openRun, { project, id, name });
  const failed = error ?? unknown;

  return (
    <Tabs<Tab>
      label={trans.__('Charts of the experiment')}
      tabs={[
        { id: 'curves', label: trans.__('Curves') },
        { id: 'parallel', label: trans.__('Parallel coordinates') },
        { id: 'scatter', label: trans.__('Scatter') },
        { id: 'differences', label: trans.__('Differences') }
      ]}
      current={tab}
      onSelect={setTab}
      fill
    >
      <div className="jp-Insighter-Scroll jp-Insighter-ExperimentCharts">
        {failed && (
          <ErrorNote
            error={failed}
            onRetry={() => {
              void keys.refresh();
              void resource.refresh();
            }}
          />
        )}
        {!(charted && known) && !failed && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
        {charted &&
          known &&
          (charted.all.length === 0 ? (
            <EmptyState text={trans.__('No runs to draw.')} />
          ) : (
            <Charts
              tab={tab}
              charted={charted}
              known={known}
              initial={initial}
              project={project}
              onNeed={needed => setMore(before => [...new Set([...before, ...needed])])}
              onOpen={open}
              onCompare={found =>
                void commands.execute(CommandIDs.compareRuns, {
                  project,
                  experiment,
                  runs: found.map(({ id }) => id)
                })
              }
            />
          ))}
      </div>
    </Tabs>
  );
}

interface IChartsProps {
  tab: Tab;
  charted: ICharted;
  known: ReadonlyArray<Column>;
  initial: ReadonlyArray<Column>;
  project: string;
  onNeed: (columns: ReadonlyArray<Column>) => void;
  onOpen: (run: IRunValues) => void;
  onCompare: (runs: ReadonlyArray<IRunValues>) => void;
}

function Charts({
  tab,
  charted,
  known,
  initial,
  project,
  onNeed,
  onOpen,
  onCompare
}: IChartsProps): JSX.Element {
  const { trans } = useHost();
  const { all, few, total } = charted;
  const isMetric = (column: Column) => column.startsWith('metrics.');
  const metrics = [...new Set([...initial.filter(isMetric), ...known.filter(isMetric)])].map(columnName);
  const names = JSON.stringify(metrics);
  const keys = React.useMemo(() => JSON.parse(names) as string[], [names]);
  const curved = React.useMemo(() => few.slice(0, CURVED), [few]);
  // what was chosen in a chart stays while the table's columns stay
  const key = JSON.stringify(initial);
  switch (tab) {
    case 'curves':
      return (
        <>
          {few.length > CURVED && (
            <p className="jp-Insighter-Quiet">
              {trans.__(
                'Curves of the first %1 of %2 runs: select some in the table to see theirs.',
                CURVED,
                few.length
              )}
            </p>
          )}
          <Curves project={project} runs={curved} keys={keys} />
        </>
      );
    case 'parallel':
    case 'scatter': {
      const common = { runs: all, columns: known, onNeed, onOpen };
      return (
        <>
          {total > all.length && (
            <p className="jp-Insighter-Quiet">
              {trans.__('The first %1 of %2 runs.', formatNumber(all.length), formatNumber(total))}
            </p>
          )}
          {tab === 'parallel' ? (
            <Parallel
              key={key}
              {...common}
              initial={varying(all, initial).slice(0, AXES)}
              onCompare={onCompare}
            />
          ) : (
            <Scatter key={key} {...common} initial={varying(all, initial)} />
          )}
        </>
      );
    }
    case 'differences':
      return few.length < 2 ? (
        <EmptyState
          text={trans.__('Select two runs or more in the table to see what differs between them.')}
        />
      ) : (
        <Comparison
          project={project}
          runs={few.map(({ id }) => id)}
          revision={few.map(({ status }) => status).join(' ')}
        />
      );
  }
}

/** Columns whose values are not all the same: the others tell nothing, and are left out while some do. */
function varying(runs: ReadonlyArray<IRunValues>, columns: ReadonlyArray<Column>): Column[] {
  const differs = (column: Column) => {
    const name = columnName(column);
    const values = runs.map(({ metrics, params }) =>
      column.startsWith('metrics.') ? metrics[name] : params[name]
    );
    return values.some(value => value !== values[0]);
  };
  const telling = columns.filter(differs);
  return telling.length > 1 ? telling : [...columns];
}
