import { runtable, type RunRows } from '../../api';
import { type IColumn, identifier, type ISpec, namesOf, orderBy, split, type Which } from './spec';

/** How many runs are asked for at once where only their ids count. */
const LARGEST = 1000;

/** Whose runs are asked for, and how they are shown. */
export interface IQuestion {
  readonly project: string;
  readonly experiment: string;
  readonly spec: ISpec;
  readonly which: Which;
}

/** Gets so many of the runs that match a filter, from a place on; without columns their ids alone are sure. */
export function fetching(
  { project, experiment, spec, which }: IQuestion,
  filter: string,
  columns = true
): (offset: number, limit: number, signal?: AbortSignal) => Promise<RunRows> {
  return (offset, limit, signal) =>
    runtable.query(
      project,
      experiment,
      {
        filter,
        order_by: orderBy(spec.sort),
        view: which,
        metrics: columns ? namesOf(spec.columns, 'metrics') : [],
        params: columns ? namesOf(spec.columns, 'params') : [],
        tags: columns ? namesOf(spec.columns, 'tags') : [],
        offset,
        limit
      },
      signal
    );
}

/** The runs that match a filter, from one place up to another, page by page. */
export async function* pages(
  question: IQuestion,
  filter: string,
  first: number,
  end: number,
  columns: boolean
): AsyncGenerator<RunRows> {
  const fetch = fetching(question, filter, columns);
  for (let offset = first; offset < end; offset += LARGEST) {
    const page = await fetch(offset, Math.min(LARGEST, end - offset));
    yield page;
    if (offset + page.items.length >= page.total || page.items.length === 0) {
      return;
    }
  }
}

/** The value of a metric that its column marks, among all runs that match; undefined where none has a number. */
export async function bestOf(
  { project, experiment, spec, which }: IQuestion,
  { key, best }: IColumn,
  signal: AbortSignal
): Promise<number | undefined> {
  const [, name] = split(key);
  const page = await runtable.query(
    project,
    experiment,
    {
      filter: spec.filter,
      order_by: [`${identifier(key)} ${best === 'min' ? 'ASC' : 'DESC'}`],
      view: which,
      metrics: [name],
      params: [],
      tags: [],
      offset: 0,
      limit: 1
    },
    signal
  );
  const value = page.items[0]?.metrics[name];
  return typeof value === 'number' ? value : undefined;
}
