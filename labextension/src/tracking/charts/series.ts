import type { Value } from '../../api';

/** What the x axis shows. */
export type XAxis = 'step' | 'time' | 'relative';

/** A metric of a run, in the order of its steps. */
export interface ISeries {
  readonly run: string;
  readonly key: string;
  /** Values that were logged; more than there are points where the curve is thinned. */
  readonly total: number;
  readonly steps: ReadonlyArray<number>;
  /** In milliseconds. */
  readonly times: ReadonlyArray<number>;
  readonly values: ReadonlyArray<Value | null>;
}

/** A line to draw: `x` increases; a y of null is a gap. */
export interface ILine {
  readonly x: number[];
  readonly y: (number | null)[];
  /** Points that a logarithmic axis has no place for. */
  readonly hidden: number;
  /** Whether all values have the same step, so that their order takes its place. */
  readonly ordered: boolean;
}

/**
 * The line of a series.
 *
 * @param started - the time of 0 on a relative axis, in milliseconds; the first value's where left out.
 */
export function line(series: ISeries, axis: XAxis, log: boolean, started?: number): ILine {
  const { steps, times, values } = series;
  const ordered = axis === 'step' && steps.length > 1 && steps.every(step => step === steps[0]);
  const zero = started ?? (times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : 0);
  const points = values.map((value, index) => {
    const at =
      axis === 'step'
        ? ordered
          ? index
          : steps[index]
        : (times[index] - (axis === 'time' ? 0 : zero)) / 1000;
    return [at, typeof value === 'number' ? value : null] as [number, number | null];
  });
  if (axis !== 'step') {
    points.sort((a, b) => a[0] - b[0]);
  }
  const x: number[] = [];
  const y: (number | null)[] = [];
  let hidden = 0;
  for (const [at, value] of points) {
    const drawn = log && value !== null && value <= 0 ? null : value;
    hidden += drawn === value ? 0 : 1;
    if (x.length > 0 && x[x.length - 1] === at) {
      y[y.length - 1] = drawn; // logged again: the later one counts
    } else {
      x.push(at);
      y.push(drawn);
    }
  }
  return { x, y, hidden, ordered };
}

/**
 * Exponential moving average, corrected for its start: `weight` is the share of the past, 0 ≤ weight < 1. Gaps stay gaps, and
 * the average goes on behind them.
 */
export function smooth(y: ReadonlyArray<number | null>, weight: number): (number | null)[] {
  if (weight <= 0) {
    return [...y];
  }
  let average = 0;
  let correction = 0;
  return y.map(value => {
    if (value === null) {
      return null;
    }
    average = weight * average + (1 - weight) * value;
    correction = weight * correction + (1 - weight);
    return average / correction;
  });
}

/** Least, greatest and last value. */
export interface ISummary {
  readonly min: number | null;
  readonly max: number | null;
  readonly last: Value | null;
  readonly step: number | null;
}

export function summarize({ values, steps }: ISeries): ISummary {
  let min: number | null = null;
  let max: number | null = null;
  for (const value of values) {
    if (typeof value === 'number') {
      min = min === null || value < min ? value : min;
      max = max === null || value > max ? value : max;
    }
  }
  return { min, max, last: values.at(-1) ?? null, step: steps.at(-1) ?? null };
}

/** A series with what was logged since, in the order of steps. What comes a second time is there once. */
export function extend(series: ISeries, more: Omit<ISeries, 'run' | 'key' | 'total'>): ISeries {
  const last = series.steps.at(-1) ?? -Infinity;
  const inOrder = more.steps.every((step, index) => step > (index > 0 ? more.steps[index - 1] : last));
  let fresh = [...more.steps.keys()];
  if (!inOrder) {
    const name = ({ steps, times, values }: typeof more, index: number) =>
      `${steps[index]} ${times[index]} ${values[index]}`;
    const known = new Set([...series.steps.keys()].map(index => name(series, index)));
    fresh = fresh.filter(index => !known.has(name(more, index)));
  }
  if (fresh.length === 0) {
    return series;
  }
  const steps = [...series.steps, ...fresh.map(index => more.steps[index])];
  const times = [...series.times, ...fresh.map(index => more.times[index])];
  const values = [...series.values, ...fresh.map(index => more.values[index])];
  const merged = { ...series, total: series.total + fresh.length };
  if (inOrder) {
    return { ...merged, steps, times, values };
  }
  // a stable sort: of one step, what came later stays behind
  const order = [...steps.keys()].sort((a, b) => steps[a] - steps[b] || times[a] - times[b]);
  return {
    ...merged,
    steps: order.map(index => steps[index]),
    times: order.map(index => times[index]),
    values: order.map(index => values[index])
  };
}
