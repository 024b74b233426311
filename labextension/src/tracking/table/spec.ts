import type { TranslationBundle } from '@jupyterlab/translation';

import type { RunKeys, RunView } from '../../api';

/** A column of the run table. Its key: `attributes.status`, `dataset`, `duration`, `metrics.auc`, `params.lr`, `tags.team` … */
export interface IColumn {
  readonly key: string;
  /** In pixels; null for what suits its kind. */
  readonly width: number | null;
  /** Whether it stays when one scrolls sideways. */
  readonly pinned: boolean;
  /** Which of a metric's values is marked. */
  readonly best: 'max' | 'min' | null;
}

export interface ISort {
  readonly key: string;
  readonly descending: boolean;
}

/** What the table shows. */
export interface ISpec {
  readonly columns: ReadonlyArray<IColumn>;
  readonly sort: ReadonlyArray<ISort>;
  /** In MLflow's grammar. */
  readonly filter: string;
  /** Empty: not grouped. */
  readonly group_by: string;
}

export type Which = 'active' | 'deleted' | 'all';

export type Kind = 'metrics' | 'params' | 'tags' | 'attributes' | 'other';

/** What a run is called: the first column, which is always there. */
export const NAME = 'attributes.run_name';
export const STATUS = 'attributes.status';
export const STARTED = 'attributes.start_time';
export const ENDED = 'attributes.end_time';
export const DURATION = 'duration';
export const USER = 'attributes.user_id';
export const DATASET = 'dataset';
export const MODELS = 'models';
export const RUN_ID = 'attributes.run_id';

/** The columns that every run has something for. */
export const ATTRIBUTES = [STATUS, STARTED, ENDED, DURATION, USER, DATASET, MODELS, RUN_ID] as const;

/** Newest first, as long as nothing else is said. */
const NEWEST: ReadonlyArray<ISort> = [{ key: STARTED, descending: true }];

const DEFAULT_METRICS = 6;
const DEFAULT_PARAMS = 4;

export function column(key: string): IColumn {
  return { key, width: null, pinned: false, best: null };
}

/** Whether a column is of metrics, parameters or tags, and the key without that. */
export function split(key: string): [kind: Kind, name: string] {
  const found = /^(metrics|params|tags|attributes)\.([^]*)$/.exec(key);
  return found ? [found[1] as Kind, found[2]] : ['other', key];
}

/** The names of the shown columns of a kind. */
export function namesOf(columns: ReadonlyArray<IColumn>, kind: Kind): string[] {
  return columns.flatMap(({ key }) => {
    const [of, name] = split(key);
    return of === kind ? [name] : [];
  });
}

/** What is shown of an experiment that nobody has chosen columns for: what most of its runs have. */
export function usualSpec(keys: RunKeys | null): ISpec {
  const most = (all: RunKeys['metrics'], limit: number) =>
    // what hardly a run has would be an empty column
    [...all]
      .filter(({ runs }) => 4 * runs >= Math.max(...all.map(one => one.runs)))
      .sort((a, b) => b.runs - a.runs || a.key.localeCompare(b.key, undefined, { numeric: true }))
      .slice(0, limit);
  const metrics = most(
    (keys?.metrics ?? []).filter(({ key }) => !key.startsWith('system/')),
    DEFAULT_METRICS
  );
  const params = most(keys?.params ?? [], DEFAULT_PARAMS);
  return {
    columns: [
      STATUS,
      ...metrics.map(({ key }) => `metrics.${key}`),
      ...params.map(({ key }) => `params.${key}`),
      DATASET,
      USER,
      STARTED,
      DURATION
    ].map(column),
    sort: NEWEST,
    filter: '',
    group_by: ''
  };
}

export function sameSpec(one: ISpec, other: ISpec): boolean {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

/** A spec as it is kept, whatever else it came with. */
export function plain({ columns, sort, filter, group_by }: ISpec): {
  columns: IColumn[];
  sort: ISort[];
  filter: string;
  group_by: string;
} {
  return {
    columns: columns.map(({ key, width, pinned, best }) => ({
      key,
      width: width ?? null,
      pinned: pinned ?? false,
      best: best ?? null
    })),
    sort: sort.map(({ key, descending }) => ({ key, descending })),
    filter,
    group_by
  };
}

/** What a view shows. */
export function specOf(view: RunView): ISpec {
  return plain({
    columns: view.columns.map(({ key, width, pinned, best }) => ({
      key,
      width: width ?? null,
      pinned: pinned ?? false,
      best: best ?? null
    })),
    sort: view.sort.map(({ key, descending }) => ({ key, descending: descending ?? false })),
    filter: view.filter,
    group_by: view.group_by
  });
}

/** The columns with something of one changed. */
export function columnChanged(
  columns: ReadonlyArray<IColumn>,
  key: string,
  change: Partial<IColumn>
): IColumn[] {
  // the runs' names are a column of their own, which is kept only when something of it was changed
  const all = columns.some(each => each.key === key)
    ? columns
    : [{ ...column(key), pinned: true }, ...columns];
  return all.map(each => (each.key === key ? { ...each, ...change } : each));
}

/** The columns with one where another is, or so many places further; null where it cannot go there. */
export function columnMoved(
  columns: ReadonlyArray<IColumn>,
  key: string,
  to: string | number
): IColumn[] | null {
  const from = columns.findIndex(each => each.key === key);
  const goal = typeof to === 'number' ? from + to : columns.findIndex(each => each.key === to);
  if (from < 0 || goal < 0 || goal >= columns.length || columns[goal].key === NAME) {
    return null;
  }
  const moved = [...columns];
  const [one] = moved.splice(from, 1);
  moved.splice(goal, 0, { ...one, pinned: columns[goal].pinned });
  return moved;
}

/** The order after a column was chosen to sort by: first one way, then the other; `also` keeps what there was. */
export function sortedBy(
  sort: ReadonlyArray<ISort>,
  key: string,
  descending: boolean | undefined,
  also: boolean
): ISort[] {
  const now = sort.find(each => each.key === key);
  // what one looks for among metrics is the largest first, among words the beginning of the alphabet
  const first = split(key)[0] === 'metrics' || key.endsWith('_time');
  const next = { key, descending: descending ?? (now ? !now.descending : first) };
  return also ? [...sort.filter(each => each.key !== key), next].slice(-5) : [next];
}

/** What a column is called in its head. */
export function columnLabel(key: string, trans: TranslationBundle): string {
  const words: Readonly<Record<string, string>> = {
    [NAME]: trans.__('Run'),
    [STATUS]: trans.__('Status'),
    [STARTED]: trans.__('Started'),
    [ENDED]: trans.__('Ended'),
    [DURATION]: trans.__('Duration'),
    [USER]: trans.__('By'),
    [DATASET]: trans.__('Dataset'),
    [MODELS]: trans.__('Models'),
    [RUN_ID]: trans.__('Run ID')
  };
  return words[key] ?? split(key)[1];
}

/** What kind of column it is, in a word. */
export function kindLabel(kind: Kind, trans: TranslationBundle): string {
  return {
    metrics: trans.__('metric'),
    params: trans.__('parameter'),
    tags: trans.__('tag'),
    attributes: trans.__('attribute'),
    other: trans.__('attribute')
  }[kind];
}

/** Whether the server sorts by a column. */
export function sortable(key: string): boolean {
  return ![DURATION, DATASET, MODELS, RUN_ID].includes(key);
}

/** Whether rows can be grouped by a column, and by what then. */
export function groupable(key: string): boolean {
  return ['params', 'tags'].includes(split(key)[0]) || [STATUS, USER, DATASET].includes(key);
}

/** How wide a column is. */
export function widthOf({ key, width }: IColumn, grouped: boolean): number {
  if (width !== null) {
    return width;
  }
  const usual: Readonly<Record<string, number>> = {
    [NAME]: 210,
    [STATUS]: 100,
    [STARTED]: 110,
    [ENDED]: 110,
    [DURATION]: 96,
    [USER]: 110,
    [DATASET]: 130,
    [MODELS]: 80,
    [RUN_ID]: 250
  };
  const [kind, name] = split(key);
  if (usual[key] !== undefined) {
    return usual[key];
  }
  const least = kind === 'metrics' ? (grouped ? 170 : 96) : 90;
  return Math.max(least, Math.min(190, name.length * 7 + 40));
}

/** Whether its values are numbers, which stand to the right. */
export function numeric(key: string): boolean {
  return split(key)[0] === 'metrics' || key === DURATION || key === MODELS;
}

// ---- MLflow's grammar ----------------------------------------------------------------------------------------------

/** A column's key as MLflow writes it: with quotation marks where its name is more than a word. */
export function identifier(key: string): string {
  const [kind, name] = split(key);
  if (kind === 'other' || /^\w+$/.test(name)) {
    return key;
  }
  return name.includes('`') ? `${kind}."${name}"` : `${kind}.\`${name}\``;
}

/** A text as MLflow writes it; null when its grammar has no way to. */
export function literal(text: string): string | null {
  if (!text.includes("'")) {
    return `'${text}'`;
  }
  return text.includes('"') ? null : `"${text}"`;
}

export function orderBy(sort: ReadonlyArray<ISort>): string[] {
  return sort.map(({ key, descending }) => `${identifier(key)} ${descending ? 'DESC' : 'ASC'}`);
}

/** Two filters that both have to hold. */
export function both(one: string, other: string): string {
  return one.trim() && other.trim() ? `${one.trim()} AND ${other.trim()}` : one.trim() || other.trim();
}

/** The filter that leaves a group's runs; null when MLflow's grammar has none. */
export function groupFilter(group_by: string, value: string | null): string | null {
  if (value === null) {
    const kind = split(group_by)[0];
    return kind === 'params' || kind === 'tags' ? `${identifier(group_by)} IS NULL` : null;
  }
  const text = literal(value);
  return text && `${group_by === DATASET ? 'dataset.name' : identifier(group_by)} = ${text}`;
}
