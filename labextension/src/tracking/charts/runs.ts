import { runtable, type RunRow } from '../../api';
import { Resource } from '../../pages/resource';
import { type Column, columnName, type IRunValues } from './axes';

/** Runs that are drawn at most, and those of one request. */
const MOST = 2000;
const PAGE = 1000;

/** How often runs that go on are looked at again, in milliseconds; many less often. */
const LIVE = 3000;
const LIVE_MANY = 15_000;
const MANY = 200;

/** Which runs are drawn. */
export interface IWanted {
  readonly project: string;
  readonly experiment: string;
  readonly runs: ReadonlyArray<string>;
  readonly selected: boolean;
  readonly filter: string;
  readonly view: 'active' | 'deleted' | 'all';
  readonly orderBy: ReadonlyArray<string>;
  /** Whose values are needed. */
  readonly columns: ReadonlyArray<Column>;
}

/** What the charts are made of. */
export interface ICharted {
  /** The runs of charts that show many. */
  readonly all: ReadonlyArray<IRunValues>;
  /** How many there are; more than are drawn. */
  readonly total: number;
  /** Those whose curves are drawn and that are compared. */
  readonly few: ReadonlyArray<IRunValues>;
}

/** All columns that the runs of an experiment have, the most frequent first. */
export function allColumns(project: string, experiment: string): Resource<Column[]> {
  return new Resource(async () => {
    const { metrics, params } = await runtable.keys(project, experiment);
    const sorted = (keys: typeof metrics) =>
      [...keys].sort((a, b) => b.runs - a.runs || a.key.localeCompare(b.key, undefined, { numeric: true }));
    return [
      ...sorted(params).map(({ key }) => `params.${key}`),
      ...sorted(metrics).map(({ key }) => `metrics.${key}`)
    ];
  });
}

/** The runs that are drawn, with the values that are needed. */
export function chartedRuns(wanted: IWanted): Resource<ICharted> {
  const { project, experiment, runs, selected, columns } = wanted;
  const names = (prefix: string) => columns.filter(column => column.startsWith(prefix)).map(columnName);
  const body = {
    filter: selected ? `attributes.run_id IN (${runs.map(id => `'${id}'`).join(', ')})` : wanted.filter,
    view: selected ? ('all' as const) : wanted.view,
    order_by: [...wanted.orderBy],
    metrics: names('metrics.'),
    params: names('params.')
  };
  return new Resource<ICharted>(
    async () => {
      if (selected && runs.length === 0) {
        return { all: [], total: 0, few: [] };
      }
      const all: RunRow[] = [];
      let total = 0;
      do {
        const page = await runtable.query(project, experiment, { ...body, offset: all.length, limit: PAGE });
        total = page.total;
        all.push(...page.items);
        if (page.items.length === 0) {
          break;
        }
      } while (all.length < Math.min(total, MOST));
      const shown = new Set(runs);
      const few = all.filter(({ id }) => shown.has(id));
      return { all, total, few: few.length > 0 ? few : all };
    },
    ({ all }) =>
      all.some(({ status }) => status === 'RUNNING') ? (all.length > MANY ? LIVE_MANY : LIVE) : null
  );
}
