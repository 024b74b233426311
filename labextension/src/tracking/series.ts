import { Metric, MetricPoint } from '../api';

/** A value as the API says it: not finite ones come as words. */
export type MetricValue = Metric['value'];

/** A point that can be drawn. */
export interface IPoint {
  readonly x: number;
  readonly y: number;
}

/** What is said of a curve to whoever does not see it. */
export interface ISummary {
  readonly min: number | null;
  readonly max: number | null;
  readonly last: MetricValue | null;
}

/** More points than this are not told apart on a small chart. */
const BUCKETS = 300;

/** Least, greatest and last value of a history. */
export function summarize(points: ReadonlyArray<MetricPoint>): ISummary {
  let min: number | null = null;
  let max: number | null = null;
  for (const { value } of points) {
    if (typeof value === 'number') {
      min = min === null || value < min ? value : min;
      max = max === null || value > max ? value : max;
    }
  }
  const last = points.at(-1);
  return { min, max, last: last?.value ?? null };
}

/**
 * The pieces of a curve: it breaks where a value is not finite. Steps are the x axis; where all steps are the same
 * the order is. A long history keeps the least and the greatest value of each of 300 stretches.
 */
export function curve(points: ReadonlyArray<MetricPoint>): IPoint[][] {
  const byOrder = points.every(point => point.step === points[0].step);
  const pieces: IPoint[][] = [];
  let piece: IPoint[] = [];
  points.forEach(({ value, step }, index) => {
    if (typeof value === 'number') {
      piece.push({ x: byOrder ? index : step, y: value });
    } else if (piece.length > 0) {
      pieces.push(piece);
      piece = [];
    }
  });
  if (piece.length > 0) {
    pieces.push(piece);
  }
  const size = Math.ceil(points.length / BUCKETS);
  return size <= 2 ? pieces : pieces.map(part => thin(part, size));
}

function thin(points: IPoint[], size: number): IPoint[] {
  const kept: IPoint[] = [];
  for (let start = 0; start < points.length; start += size) {
    const bucket = points.slice(start, start + size);
    const low = bucket.reduce((a, b) => (b.y < a.y ? b : a));
    const high = bucket.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low.x < high.x ? [low, high] : low === high ? [low] : [high, low]));
  }
  const last = points[points.length - 1];
  if (kept[kept.length - 1] !== last) {
    kept.push(last);
  }
  return kept;
}
