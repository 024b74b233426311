import { runs } from '../../api';

/** How a file is shown. */
export type Shown =
  /** By one of JupyterLab's renderers of what is not trusted. */
  | { readonly as: 'mime'; readonly items: ReadonlyArray<IRendered>; readonly cut: boolean }
  | { readonly as: 'image'; readonly blob: Blob }
  /** A page in a frame where nothing runs. */
  | { readonly as: 'page'; readonly html: string; readonly cut: boolean }
  | {
      readonly as: 'table';
      readonly head: ReadonlyArray<string>;
      readonly rows: ReadonlyArray<ReadonlyArray<string>>;
      readonly cut: boolean;
    }
  | { readonly as: 'text'; readonly text: string; readonly cut: boolean }
  /** Not at all: too large, or of a kind that nothing here shows. */
  | { readonly as: 'none'; readonly why: 'large' | 'kind' };

/** A piece of content as the kernel would send it: by MIME type. */
export interface IRendered {
  readonly data: Readonly<Record<string, unknown>>;
  /** In front of it: "[3]". */
  readonly mark?: string;
}

/** Bytes that are shown as they are; of text the beginning is. */
const LARGEST = 20e6;
const TEXT = 512e3;

/** Rows of a table, cells of a notebook. */
const ROWS = 200;
const CELLS = 200;

const IMAGES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  bmp: 'image/bmp',
  webp: 'image/webp',
  svg: 'image/svg+xml'
};

/** What JupyterLab's own image renderer takes. */
const RENDERED = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/bmp']);

/** Languages that text is highlighted in. */
const LANGUAGES: Readonly<Record<string, string>> = {
  py: 'python',
  r: 'r',
  yaml: 'yaml',
  yml: 'yaml',
  mlmodel: 'yaml',
  toml: 'toml',
  sql: 'sql',
  sh: 'bash',
  xml: 'xml',
  js: 'javascript',
  ts: 'typescript',
  css: 'css',
  java: 'java'
};

/** Highlighting longer text would hold up the page. */
const HIGHLIGHTED = 60e3;

/**
 * Read a file and see how it is shown; nothing of it is run.
 *
 * @param url - where it is downloaded from.
 * @param size - in bytes; null where it is not known.
 */
export async function preview(
  url: string,
  name: string,
  size: number | null,
  signal: AbortSignal
): Promise<Shown> {
  const kind = name.split('.').at(-1)?.toLowerCase() ?? '';
  const image = IMAGES[kind];
  if (image !== undefined || kind === 'pdf') {
    if ((size ?? 0) > LARGEST) {
      return { as: 'none', why: 'large' };
    }
    const { bytes, whole } = await runs.bytes(url, LARGEST, signal);
    if (!whole) {
      return { as: 'none', why: 'large' };
    }
    if (image !== undefined && !RENDERED.has(image)) {
      return { as: 'image', blob: new Blob([bytes], { type: image }) };
    }
    return { as: 'mime', items: [{ data: { [image ?? 'application/pdf']: base64(bytes) } }], cut: false };
  }
  const limit = kind === 'ipynb' ? LARGEST : TEXT;
  const { bytes, whole } = await runs.bytes(url, limit, signal);
  const text = decode(bytes, whole);
  if (text === null) {
    return { as: 'none', why: 'kind' };
  }
  const cut = !whole;
  switch (kind) {
    case 'md':
    case 'markdown':
      return mime({ 'text/markdown': text }, cut);
    case 'html':
    case 'htm':
      return { as: 'page', html: text, cut };
    case 'csv':
    case 'tsv':
      return table(text, kind === 'csv' ? ',' : '\t', cut);
    case 'json': {
      const json = whole ? parsed(text) : undefined;
      return typeof json === 'object' && json !== null
        ? mime({ 'application/json': json }, false)
        : { as: 'text', text, cut };
    }
    case 'ipynb': {
      const cells = whole ? notebook(parsed(text)) : null;
      return cells
        ? { as: 'mime', items: cells.slice(0, CELLS), cut: cells.length > CELLS }
        : { as: 'text', text: text.slice(0, TEXT), cut: text.length > TEXT || cut };
    }
    default: {
      const language = LANGUAGES[kind];
      return language !== undefined && text.length <= HIGHLIGHTED && !cut
        ? mime({ 'text/markdown': fenced(text, language) }, false)
        : { as: 'text', text, cut };
    }
  }
}

function mime(data: Readonly<Record<string, unknown>>, cut: boolean): Shown {
  return { as: 'mime', items: [{ data }], cut };
}

/** Text in UTF-8; null where it is none. The last character may have been cut in two. */
function decode(bytes: Uint8Array, whole: boolean): string | null {
  if (bytes.subarray(0, 4096).includes(0)) {
    return null;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

/** Code in Markdown, behind a fence that is longer than any in it. */
function fenced(code: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, ...[...code.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}${language}\n${code}\n${fence}`;
}

/** The first rows of a file of separated values. */
export function table(text: string, separator: string, cut: boolean): Shown {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  let at = 0;
  for (; at < text.length && rows.length <= ROWS; at++) {
    const each = text[at];
    if (quoted) {
      if (each === '"' && text[at + 1] === '"') {
        field += each;
        at += 1;
      } else if (each === '"') {
        quoted = false;
      } else {
        field += each;
      }
    } else if (each === '"' && field === '') {
      quoted = true;
    } else if (each === separator) {
      row.push(field);
      field = '';
    } else if (each === '\n') {
      rows.push([...row, field]);
      row = [];
      field = '';
    } else if (each !== '\r') {
      field += each;
    }
  }
  const more = at < text.length || cut;
  if (!more && (field !== '' || row.length > 0)) {
    rows.push([...row, field]);
  }
  const [head = [], ...rest] = rows;
  return { as: 'table', head, rows: rest.slice(0, ROWS), cut: more || rest.length > ROWS };
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lines that nbformat keeps as one text or as many. */
function lines(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join('') : typeof value === 'string' ? value : '';
}

/** The cells of a notebook with their outputs; null where it is no notebook. */
function notebook(json: unknown): IRendered[] | null {
  if (!isObject(json) || !Array.isArray(json['cells'])) {
    return null;
  }
  const { metadata } = json;
  const info = isObject(metadata) && isObject(metadata['language_info']) ? metadata['language_info'] : {};
  const language = typeof info['name'] === 'string' ? info['name'] : 'python';
  return json['cells'].filter(isObject).flatMap((cell): IRendered[] => {
    const source = lines(cell['source']);
    if (cell['cell_type'] === 'markdown') {
      return [{ data: { 'text/markdown': source } }];
    }
    if (cell['cell_type'] !== 'code') {
      return [{ data: { 'text/plain': source } }];
    }
    const count = cell['execution_count'];
    const outputs = Array.isArray(cell['outputs']) ? cell['outputs'].filter(isObject) : [];
    return [
      {
        data: { 'text/markdown': fenced(source, language) },
        mark: `[${typeof count === 'number' ? count : ' '}]`
      },
      ...outputs.flatMap((output): IRendered[] => {
        if (output['output_type'] === 'stream') {
          const channel = output['name'] === 'stderr' ? 'stderr' : 'stdout';
          return [{ data: { [`application/vnd.jupyter.${channel}`]: lines(output['text']) } }];
        }
        if (output['output_type'] === 'error') {
          const trace = Array.isArray(output['traceback']) ? output['traceback'].map(String).join('\n') : '';
          return [{ data: { 'application/vnd.jupyter.stderr': trace } }];
        }
        const bundle = output['data'];
        return isObject(bundle)
          ? [
              {
                data: Object.fromEntries(
                  Object.entries(bundle).map(([type, value]) => [
                    type,
                    Array.isArray(value) ? lines(value) : value
                  ])
                )
              }
            ]
          : [];
      })
    ];
  });
}
