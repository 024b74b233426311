import { experiments } from '../../api';
import { Resource } from '../../pages/resource';
import type { IRunValues } from './axes';

/** Runs that are drawn at most. */
const MOST = 2000;

/** How often runs that go on are looked at again, in milliseconds. */
const LIVE = 3000;

/** Which runs are drawn. */
export interface IWanted {
  readonly project: string;
  readonly experiment: string;
  readonly runs: ReadonlyArray<string>;
  readonly selected: boolean;
  readonly filter: string;
  readonly view: 'active' | 'deleted' | 'all';
  readonly orderBy: ReadonlyArray<string>;
}

/** What the charts are made of. */
export interface ICharted {
  /** The runs of charts that show many. */
  readonly all: ReadonlyArray<IRunValues>;
  /** How many there are; more than are drawn. */
  readonly total: number;
  /** Those whose curves are drawn and that are compared. */
  readonly few: ReadonlyArray<IRunValues>;
  readonly keys: { readonly metrics: ReadonlyArray<string>; readonly params: ReadonlyArray<string> };
}

/** The runs that are drawn, with their values. */
export function chartedRuns(wanted: IWanted): Resource<ICharted> {
  const { project, experiment, runs, selected } = wanted;
  return new Resource<ICharted>(
    async () => {
      const items: IRunValues[] = [];
      let cursor: string | null = null;
      do {
        const page = await experiments.runs(project, experiment, { limit: 500, cursor });
        items.push(
          ...page.items.map(run => ({
            ...run,
            metrics: Object.fromEntries(run.metrics.map(({ key, value }) => [key, value]))
          }))
        );
        cursor = page.cursor;
      } while (cursor !== null && items.length < MOST);
      const few = items.filter(({ id }) => runs.includes(id));
      const all = selected ? few : items;
      const names = (maps: Readonly<Record<string, unknown>>[]) =>
        [...new Set(maps.flatMap(Object.keys))].sort((a, b) =>
          a.localeCompare(b, undefined, { numeric: true })
        );
      return {
        all,
        total: all.length,
        few,
        keys: {
          metrics: names(all.map(({ metrics }) => metrics)),
          params: names(all.map(({ params }) => params))
        }
      };
    },
    ({ few }) => (few.some(({ status }) => status === 'RUNNING') ? LIVE : null)
  );
}
