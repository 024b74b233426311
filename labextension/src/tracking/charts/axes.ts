import type { Value } from '../../api';

/** A run as the charts of an experiment know it. */
export interface IRunValues {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly started_at: string | null;
  readonly metrics: Readonly<Record<string, Value>>;
  readonly params: Readonly<Record<string, string>>;
}

/** What an axis shows: "metrics.loss", "params.depth". */
export type Column = string;

export function columnName(column: Column): string {
  return column.slice(column.indexOf('.') + 1);
}

function raw(run: IRunValues, column: Column): number | string | undefined {
  const name = columnName(column);
  return column.startsWith('metrics.') ? run.metrics[name] : run.params[name];
}

/** More values than these are no categories that one could read. */
const CATEGORIES = 40;

/** From this ratio of the greatest to the least value on, the axis is logarithmic. */
const WIDE = 100;

/** Where the runs are on an axis. */
export interface IAxis {
  readonly column: Column;
  readonly label: string;
  /** From 0 at the bottom to 1 at the top, for each run; null where it has no value here. */
  readonly places: ReadonlyArray<number | null>;
  /** What stands at the axis. */
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>;
  /** The value itself, for words. */
  readonly texts: ReadonlyArray<string | null>;
  readonly scale: 'linear' | 'log' | 'categories';
  /** The value at a place, in words. */
  readonly at: (place: number) => string;
}

/** Where runs are on the axis of a column, whose kind is told from the values. `log`: null for what suits the values. */
export function axis(
  runs: ReadonlyArray<IRunValues>,
  column: Column,
  format: (value: number) => string,
  log: boolean | null = null
): IAxis {
  const values = runs.map(run => raw(run, column));
  const label = columnName(column);
  const texts = values.map(value =>
    value === undefined ? null : typeof value === 'number' ? format(value) : value
  );
  const numbers = values.map(number);
  const given = values.filter(value => value !== undefined);
  const finite = numbers.filter(value => value !== null);
  const numeric =
    column.startsWith('metrics.') || (given.length > 0 && finite.length >= given.filter(isWord).length);
  if (!numeric) {
    const all = [...new Set(given.map(String))].sort((a, b) =>
      a.localeCompare(b, undefined, { numeric: true })
    );
    const categories = all.slice(0, CATEGORIES);
    const place = (index: number) => (categories.length === 1 ? 0.5 : index / (categories.length - 1));
    const index = new Map(categories.map((value, at) => [value, at]));
    return {
      column,
      label,
      places: values.map(value => {
        const at = value === undefined ? undefined : index.get(String(value));
        return at === undefined ? null : place(at);
      }),
      ticks: categories.map((text, at) => ({ at: place(at), text })),
      texts,
      scale: 'categories',
      at: at => categories[Math.round(at * (categories.length - 1))] ?? ''
    };
  }
  let low = Infinity;
  let high = -Infinity;
  for (const value of finite) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const logarithmic = finite.length > 0 && low > 0 && (log ?? high / low >= WIDE);
  const to = logarithmic ? Math.log10 : (value: number) => value;
  const back = logarithmic ? (value: number) => 10 ** value : (value: number) => value;
  const [a, b] =
    finite.length === 0 ? [0, 1] : low === high ? [to(low) - 0.5, to(low) + 0.5] : [to(low), to(high)];
  return {
    column,
    label,
    places: numbers.map(value =>
      value === null || (logarithmic && value <= 0) ? null : (to(value) - a) / (b - a)
    ),
    ticks:
      finite.length === 0
        ? []
        : low === high
          ? [{ at: 0.5, text: format(low) }]
          : [0, 0.25, 0.5, 0.75, 1].map(at => ({
              at,
              text: format(rounded(back(a + at * (b - a))))
            })),
    texts,
    scale: logarithmic ? 'log' : 'linear',
    at: at => format(rounded(back(a + at * (b - a))))
  };
}

/** A number of an axis without the digits that only its computation gave it. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** A metric's or a parameter's value as a finite number. */
function number(value: number | string | undefined): number | null {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : null;
  }
  if (value === undefined || value.trim() === '') {
    return null;
  }
  const found = Number(value);
  return Number.isFinite(found) ? found : null;
}

/** Whether a value counts when it is told whether a column is one of numbers: "None" and the like do not. */
function isWord(value: number | string): boolean {
  return !/^(none|nan|null|auto|)$/i.test(String(value).trim());
}
