import type { RunKeys } from '../../api';
import { identifier, literal } from './spec';

/** What can be put where the caret is. */
export interface ISuggestion {
  /** What is put there. */
  readonly text: string;
  /** What kind of thing it is. */
  readonly kind:
    'metric' | 'parameter' | 'tag' | 'attribute' | 'comparator' | 'value' | 'word' | 'name' | 'recent';
  /** A fact of it. */
  readonly fact: string;
}

/** Suggestions, and the part of the text that they replace. */
export interface ICompletion {
  readonly from: number;
  readonly to: number;
  readonly items: ReadonlyArray<ISuggestion>;
}

/** What completion knows of the runs. */
export interface IKnown {
  readonly keys: RunKeys | null;
  /** Values that runs have for a parameter or tag. */
  readonly values: (key: string) => ReadonlyArray<string>;
}

const LIMIT = 50;

const ATTRIBUTES = ['run_name', 'status', 'start_time', 'end_time', 'user_id', 'run_id'].map(
  name => `attributes.${name}`
);
const DATASETS = ['name', 'digest', 'context'].map(name => `dataset.${name}`);
const STATUSES = ['FINISHED', 'RUNNING', 'FAILED', 'KILLED', 'SCHEDULED'];
const NUMBERS = ['>', '>=', '<', '<=', '=', '!='];
const TEXTS = ['=', '!=', 'LIKE', 'ILIKE'];

// A text in quotation marks (which may still be open), a comparator, a bracket or comma, or a word with quoted parts.
const TOKEN = /'[^']*'?|"[^"]*"?|!=|>=|<=|[=<>(),]|(?:`[^`]*`?|"[^"]*"?|[^\s=<>!(),'"`])+/g;

interface IToken {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** What the grammar expects next, after whole tokens. */
type Expected =
  | { what: 'key' }
  | { what: 'comparator'; key: string }
  | { what: 'value'; key: string; list: boolean }
  | { what: 'and' };

/** What fits at the caret of a filter in MLflow's grammar. */
export function complete(text: string, caret: number, known: IKnown): ICompletion {
  const tokens: IToken[] = [...text.slice(0, caret).matchAll(TOKEN)].map(({ 0: found, index }) => ({
    text: found,
    from: index,
    to: index + found.length
  }));
  const last = tokens.at(-1);
  // what touches the caret is still being written
  const partial = last && last.to === caret && !/^[(),]$/.test(last.text) ? last : null;
  const expected = after(partial ? tokens.slice(0, -1) : tokens);
  let written = partial?.text ?? '';
  let at = { from: partial?.from ?? caret, to: caret };
  if (expected.what === 'comparator' && /^(!=|[<>]=?|=)$/.test(written) && partial) {
    const more = offered(expected, written, known).filter(({ text: each }) => each !== written);
    return { ...at, items: more };
  }
  if (expected.what === 'comparator' && partial && isComparator(written)) {
    written = '';
    at = { from: caret, to: caret };
  }
  return { ...at, items: offered(expected, written, known).slice(0, LIMIT) };
}

function isComparator(text: string): boolean {
  return /^(!=|>=|<=|=|<|>|LIKE|ILIKE|IN|IS)$/i.test(text);
}

function after(tokens: ReadonlyArray<IToken>): Expected {
  let state: Expected = { what: 'key' };
  for (const { text } of tokens) {
    const word = text.toUpperCase();
    if (state.what === 'key') {
      state = { what: 'comparator', key: text };
    } else if (state.what === 'comparator') {
      if (word === 'IS' || word === 'NOT') {
        continue;
      }
      state = word === 'NULL' ? { what: 'and' } : { what: 'value', key: state.key, list: word === 'IN' };
    } else if (state.what === 'value') {
      if (!state.list || text === ')') {
        state = { what: 'and' };
      }
    } else if (word === 'AND') {
      state = { what: 'key' };
    }
  }
  return state;
}

function offered(expected: Expected, written: string, known: IKnown): ISuggestion[] {
  if (expected.what === 'key') {
    return keysLike(written, known);
  }
  if (expected.what === 'comparator') {
    const fits = comparators(expected.key).filter(text => text.startsWith(written.toUpperCase()));
    return fits.map(text => ({ text, kind: 'comparator', fact: '' }));
  }
  if (expected.what === 'value') {
    const inner = written.replace(/^['"]|['"]$/g, '').toLowerCase();
    return values(expected.key, known)
      .filter(value => value.toLowerCase().includes(inner))
      .flatMap(value => {
        const quoted = literal(value);
        return quoted === null || quoted === written
          ? []
          : [{ text: quoted, kind: 'value', fact: '' } as const];
      });
  }
  return 'AND'.startsWith(written.toUpperCase()) && written.toUpperCase() !== 'AND'
    ? [{ text: 'AND', kind: 'word', fact: '' }]
    : [];
}

function comparators(key: string): string[] {
  if (/^metrics?\./.test(key) || /^(attributes?|attr|run)\.(start|end)_time$/.test(key)) {
    return NUMBERS;
  }
  if (/^(param(eter)?s?|tags?)\./.test(key)) {
    return [...TEXTS, 'IS NULL', 'IS NOT NULL'];
  }
  return /run_id$/.test(key) ? ['=', '!=', 'IN', 'NOT IN', 'LIKE', 'ILIKE'] : TEXTS;
}

function values(key: string, known: IKnown): ReadonlyArray<string> {
  if (/^(attributes?|attr|run)\.status$|^status$/.test(key)) {
    return STATUSES;
  }
  return known.values(key.replace(/[`"]/g, ''));
}

function keysLike(written: string, { keys }: IKnown): ISuggestion[] {
  const wanted = written.replace(/[`"]/g, '').toLowerCase();
  const all: (ISuggestion & { plain: string; runs: number })[] = [];
  const add = (key: string, kind: ISuggestion['kind'], runs: number, fact = '') =>
    all.push({ text: identifier(key), plain: key.toLowerCase(), kind, fact, runs });
  keys?.metrics.forEach(({ key, runs }) => add(`metrics.${key}`, 'metric', runs, String(runs)));
  keys?.params.forEach(({ key, runs }) => add(`params.${key}`, 'parameter', runs, String(runs)));
  ATTRIBUTES.forEach(key => add(key, 'attribute', 0));
  DATASETS.forEach(key => add(key, 'attribute', 0));
  keys?.tags.forEach(({ key, runs }) => add(`tags.${key}`, 'tag', runs, String(runs)));
  const rank = (plain: string) => {
    const name = plain.slice(plain.indexOf('.') + 1);
    return plain.startsWith(wanted) || name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2;
  };
  const found = all
    .filter(({ plain, text }) => plain.includes(wanted) && text !== written)
    .sort((a, b) => rank(a.plain) - rank(b.plain) || b.runs - a.runs)
    .slice(0, LIMIT - 1)
    .map(({ text, kind, fact }): ISuggestion => ({ text, kind, fact }));
  // a word that begins no key is likely meant for the runs' names
  const name = /^[\w -]{2,}$/.test(written) ? literal(`%${written}%`) : null;
  return name === null
    ? found
    : [...found, { text: `attributes.run_name ILIKE ${name}`, kind: 'name', fact: written }];
}

/** A place in a text, which the server counts in code points, in JavaScript's units. */
export function unitsOf(text: string, codePoints: number): number {
  return [...text].slice(0, codePoints).join('').length;
}
