import { ApiError, experiments, notebooks, type RunDetail } from '../../api';
import { Resource } from '../../pages/resource';

/** Runs that are put side by side at most: more columns than these are not compared by reading. */
export const COMPARED = 20;

/** How often runs that go on are looked at again, in milliseconds. */
const LIVE = 3000;

/** What is compared. */
export interface ICompared {
  readonly runs: ReadonlyArray<RunDetail>;
  /** For each run the notebook that made it, with its version. */
  readonly notebooks: ReadonlyArray<string | null>;
  /** How many of those asked for are not there any more. */
  readonly gone: number;
}

/** Runs in full, in the order they were asked for. */
export function comparedRuns(project: string, ids: ReadonlyArray<string>): Resource<ICompared> {
  const made = new Map<string, string | null>();
  return new Resource<ICompared>(
    async () => {
      const found = await Promise.all(ids.slice(0, COMPARED).map(id => there(experiments.run(project, id))));
      const runs = found.filter(run => run !== null);
      for (const { id, tags } of runs) {
        if (!made.has(id) && tags['insighter.notebook']) {
          const notebook = await there(notebooks.ofRun(project, id));
          made.set(
            id,
            notebook && (notebook.version === null ? notebook.name : `${notebook.name} v${notebook.version}`)
          );
        }
      }
      return {
        runs,
        notebooks: runs.map(({ id }) => made.get(id) ?? null),
        gone: found.length - runs.length
      };
    },
    ({ runs }) => (runs.some(({ status }) => status === 'RUNNING') ? LIVE : null)
  );
}

/** What was asked for; null where it is gone. */
async function there<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (reason) {
    if (reason instanceof ApiError && reason.status === 404) {
      return null;
    }
    throw reason;
  }
}

/** An experiment's newest runs, to choose from. */
export async function newestRuns(
  project: string,
  experiment: string
): Promise<{ id: string; name: string }[]> {
  const page = await experiments.runs(project, experiment, { limit: 50 });
  return page.items.map(({ id, name }) => ({ id, name: name || id.slice(0, 8) }));
}
