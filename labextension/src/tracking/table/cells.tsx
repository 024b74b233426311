import type { RunGroup, RunRow } from '../../api';
import { formatDecimals, formatDuration, formatMetric, formatNumber, RelativeTime } from '../../components';
import { duration } from '../model';
import { RunStatus } from '../status';
import { DATASET, DURATION, ENDED, MODELS, NAME, RUN_ID, split, STARTED, STATUS, USER } from './spec';

/** Digits that tell something. */
const SIGNIFICANT = 4;

/**
 * How many decimals the numbers of a column have, so that they stand below each other: told by the first ones that are seen,
 * for numbers that move while one scrolls cannot be read.
 */
export class Decimals {
  of(key: string, rows: ReadonlyArray<RunRow>): number | null {
    const known = this._known.get(key);
    if (known !== undefined) {
      return known;
    }
    const values = rows.flatMap(({ metrics }) => {
      const value = metrics[key];
      return typeof value === 'number' && Number.isFinite(value) ? [Math.abs(value)] : [];
    });
    if (values.length === 0) {
      return null;
    }
    const largest = Math.max(...values);
    const digits = values.every(Number.isInteger)
      ? 0
      : Math.min(6, Math.max(0, SIGNIFICANT - 1 - Math.floor(Math.log10(largest || 1))));
    this._known.set(key, digits);
    return digits;
  }

  private readonly _known = new Map<string, number>();
}

/** A metric with so many decimals, unless it is too large or too small for that. */
export function fixed(value: number | string, decimals: number | null): string {
  if (typeof value === 'string' || decimals === null) {
    return formatMetric(value);
  }
  const size = Math.abs(value);
  if (size >= 1e9 || (size !== 0 && size < 0.5 * 10 ** -decimals)) {
    return value.toExponential(2);
  }
  return formatDecimals(value, decimals);
}

/** What a run has in a column, as text: for files, menus and what is shown on hover. Empty where it has nothing. */
export function textOf(run: RunRow, key: string): string {
  const [kind, name] = split(key);
  switch (kind) {
    case 'metrics':
      return run.metrics[name] === undefined ? '' : String(run.metrics[name]);
    case 'params':
      return run.params[name] ?? '';
    case 'tags':
      return run.tags[name] ?? '';
  }
  const took = key === DURATION ? duration(run) : null;
  const texts: Readonly<Record<string, string | null>> = {
    [NAME]: run.name,
    [STATUS]: run.status,
    [STARTED]: run.started_at,
    [ENDED]: run.ended_at,
    [USER]: run.created_by,
    [RUN_ID]: run.id,
    [DURATION]: took === null ? '' : String(took / 1000),
    [DATASET]: run.datasets.map(({ name: of, digest }) => `${of} (${digest})`).join(', '),
    [MODELS]: run.models.length > 0 ? String(run.models.length) : ''
  };
  return texts[key] ?? '';
}

/** What a run has in a column. */
export function RunCell(props: { run: RunRow; column: string; decimals: number | null }): JSX.Element | null {
  const { run, column, decimals } = props;
  const [kind, name] = split(column);
  if (kind === 'metrics') {
    const value = run.metrics[name];
    return value === undefined ? null : <>{fixed(value, decimals)}</>;
  }
  if (kind === 'params' || kind === 'tags') {
    return <>{run[kind][name] ?? ''}</>;
  }
  switch (column) {
    case STATUS:
      return <RunStatus status={run.status} />;
    case STARTED:
      return run.started_at ? <RelativeTime time={run.started_at} /> : null;
    case ENDED:
      return run.ended_at ? <RelativeTime time={run.ended_at} /> : null;
    case DURATION: {
      const took = duration(run);
      return took === null ? null : <>{formatDuration(took)}</>;
    }
    case DATASET:
      return <>{run.datasets.map(one => one.name).join(', ')}</>;
    case MODELS:
      return run.models.length > 0 ? <>{formatNumber(run.models.length)}</> : null;
    default:
      return <>{textOf(run, column)}</>;
  }
}

/** A metric of a group: its mean, and from where to where it goes. */
export function GroupCell(props: {
  group: RunGroup;
  column: string;
  decimals: number | null;
}): JSX.Element | null {
  const { group, column, decimals } = props;
  const [kind, name] = split(column);
  const values = kind === 'metrics' ? group.metrics[name] : undefined;
  if (!values || values.mean === null || values.min === null || values.max === null) {
    return null;
  }
  return (
    <>
      {fixed(values.mean, decimals)}
      {values.min !== values.max && (
        <span className="jp-Insighter-Grid-range">
          {' '}
          {fixed(values.min, decimals)}–{fixed(values.max, decimals)}
        </span>
      )}
    </>
  );
}
