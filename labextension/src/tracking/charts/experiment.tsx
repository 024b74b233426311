import * as React from 'react';

import { EmptyState, ErrorNote } from '../../components';
import { useHost } from '../../pages/host';
import { Tabs } from '../../pages/page';
import { useOwnResource } from '../../pages/resource';
import { CommandIDs } from '../commands';
import { Comparison } from '../compare/comparison';
import type { Column, IRunValues } from './axes';
import { Curves } from './curves';
import { Parallel } from './parallel';
import { chartedRuns, type ICharted } from './runs';
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
  const wanted = React.useMemo(
    () => ({ project, experiment, runs, selected, filter, view, orderBy: props.orderBy ?? [] }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- lists by what is in them
    [project, experiment, runs.join(' '), selected, filter, view, (props.orderBy ?? []).join(' ')]
  );
  const [resource, { value, error }] = useOwnResource(
    () => chartedRuns(wanted),
    JSON.stringify(wanted),
    revision
  );
  const open = ({ id, name }: IRunValues) => void commands.execute(CommandIDs.openRun, { project, id, name });

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
        {error && <ErrorNote error={error} onRetry={() => void resource.refresh()} />}
        {!value && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
        {value &&
          (value.all.length === 0 ? (
            <EmptyState text={trans.__('No runs to draw.')} />
          ) : (
            <Charts
              tab={tab}
              charted={value}
              project={project}
              columns={columns}
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
  project: string;
  columns: IExperimentChartsProps['columns'];
  onOpen: (run: IRunValues) => void;
  onCompare: (runs: ReadonlyArray<IRunValues>) => void;
}

function Charts({ tab, charted, project, columns, onOpen, onCompare }: IChartsProps): JSX.Element {
  const { trans } = useHost();
  const { all, few, keys, total } = charted;
  const shown = [
    ...columns.params.map(key => `params.${key}`),
    ...columns.metrics.map(key => `metrics.${key}`)
  ];
  const known = [...keys.metrics.map(key => `metrics.${key}`), ...keys.params.map(key => `params.${key}`)];
  const there = shown.filter(column => known.includes(column));
  const initial: Column[] = [
    ...there,
    ...(there.length > 1 ? [] : varying(all, known).filter(column => !there.includes(column)))
  ].slice(0, AXES);
  const metrics = [...columns.metrics.filter(key => keys.metrics.includes(key)), ...keys.metrics];
  // tabs keep what was chosen in them only while the columns stay what they were
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
          <Curves project={project} runs={few.slice(0, CURVED)} keys={[...new Set(metrics)]} />
        </>
      );
    case 'parallel':
    case 'scatter':
      return (
        <>
          {total > all.length && (
            <p className="jp-Insighter-Quiet">{trans.__('The first %1 of %2 runs.', all.length, total)}</p>
          )}
          {tab === 'parallel' ? (
            <Parallel
              key={key}
              runs={all}
              columns={known}
              initial={initial}
              onOpen={onOpen}
              onCompare={onCompare}
            />
          ) : (
            <Scatter key={key} runs={all} columns={known} initial={initial} onOpen={onOpen} />
          )}
        </>
      );
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

/** Columns whose values are not all the same come first: the others tell nothing. */
function varying(runs: ReadonlyArray<IRunValues>, columns: ReadonlyArray<Column>): Column[] {
  const differs = (column: Column) => {
    const name = column.slice(column.indexOf('.') + 1);
    const values = column.startsWith('metrics.')
      ? runs.map(run => run.metrics[name])
      : runs.map(run => run.params[name]);
    return values.some(value => value !== values[0]);
  };
  const telling = columns.filter(differs);
  return telling.length > 0 ? telling : [...columns];
}
