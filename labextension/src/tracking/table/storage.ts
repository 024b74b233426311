import type { ISpec } from './spec';

/** What somebody has set in a table and not kept as a view: of this browser alone. */
export interface IKept {
  readonly view: string | null;
  readonly base: ISpec;
  readonly spec: ISpec;
}

/** How many filters are remembered. */
const RECENT = 12;

/** How many experiments' tables. */
const TABLES = 40;

const TABLE = 'insighter:run-table';
const FILTERS = 'insighter:run-filters';
const CHARTS = 'insighter:run-charts';

function read<T>(key: string, fallback: T): T {
  try {
    return (JSON.parse(window.localStorage.getItem(key) ?? 'null') as T | null) ?? fallback;
  } catch {
    return fallback; // somebody else wrote there
  }
}

function write(key: string, value: unknown): void {
  try {
    window.localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a full or forbidden store: then it is not remembered
  }
}

/** How an experiment's table was left here; null when it was left as it usually is. */
export function remembered(project: string, experiment: string): IKept | null {
  const [, kept] = tables().find(([key]) => key === `${project}:${experiment}`) ?? [];
  const sound =
    Array.isArray(kept?.spec?.columns) && Array.isArray(kept.spec.sort) && Array.isArray(kept.base?.columns);
  return sound ? kept : null;
}

export function remember(project: string, experiment: string, kept: IKept | null): void {
  const key = `${project}:${experiment}`;
  const others = tables().filter(([other]) => other !== key);
  write(TABLE, [...(kept ? [[key, kept]] : []), ...others].slice(0, TABLES));
}

function tables(): [string, IKept][] {
  const found = read<unknown>(TABLE, []);
  return Array.isArray(found) ? (found as [string, IKept][]).filter(Array.isArray) : [];
}

/** The filters that were used here last, newest first. */
export function recentFilters(): string[] {
  const found = read<unknown>(FILTERS, []);
  return Array.isArray(found) ? found.filter(one => typeof one === 'string') : [];
}

export function rememberFilter(filter: string): void {
  const text = filter.trim();
  if (text) {
    write(FILTERS, [text, ...recentFilters().filter(other => other !== text)].slice(0, RECENT));
  }
}

/** How high the charts below the table are, in parts of the page; null while they are closed. */
export function chartsHeight(): number | null {
  const found = read<unknown>(CHARTS, null);
  return typeof found === 'number' && found > 0.1 && found < 0.9 ? found : null;
}

export function rememberCharts(height: number | null): void {
  write(CHARTS, height);
}
