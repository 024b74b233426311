import { ApiError, call, readJson, send } from './client';
import * as experiments from './experiments';
import type { components } from './generated';

type Schemas = components['schemas'];

export type RunChange = Schemas['RunChange'];

/** A value as the API says it: what is not finite comes as a word. */
export type Value = number | 'NaN' | 'Infinity' | '-Infinity';

/** A metric of a run: three arrays of the same length, a long history thinned. */
export interface Curve {
  run_id: string;
  key: string;
  /** How many values were logged. */
  total: number;
  steps: number[];
  /** In milliseconds. */
  times: number[];
  values: (Value | null)[];
}

/** Curves, and for each run where to go on. */
export interface Curves {
  curves: Curve[];
  cursors: Record<string, string>;
}

/** Which curves: at most 100 runs and 20 keys in one request. */
export interface CurvesQuery {
  run_ids: string[];
  keys: string[];
  max_points?: number;
  after?: Record<string, string> | null;
}

/** Curves of some runs, whole or what came after the cursors of an earlier answer. */
export async function curves(projectId: string, query: CurvesQuery, _signal?: AbortSignal): Promise<Curves> {
  const found = await Promise.all(
    query.run_ids.flatMap(run =>
      query.keys.map(async (key): Promise<Curve> => {
        const { points } = await experiments.metric(projectId, run, key);
        const from = Number(query.after?.[run] ?? 0);
        const fresh = points.slice(0).filter(({ timestamp }) => Date.parse(timestamp) > from);
        return {
          run_id: run,
          key,
          total: points.length,
          steps: fresh.map(({ step }) => step),
          times: fresh.map(({ timestamp }) => Date.parse(timestamp)),
          values: fresh.map(({ value }) => value)
        };
      })
    )
  );
  const cursors: Record<string, string> = {};
  for (const run of query.run_ids) {
    const times = found.filter(({ run_id }) => run_id === run).flatMap(({ times: all }) => all);
    cursors[run] = String(Math.max(Number(query.after?.[run] ?? 0), ...times));
  }
  return { curves: found, cursors };
}

/** Change a run's name, notes and tags. */
export function edit(
  projectId: string,
  runId: string,
  change: Partial<RunChange>
): Promise<Schemas['RunDetail']> {
  return call('patch', '/projects/{project_id}/runs/{run_id}', {
    path: { project_id: projectId, run_id: runId },
    body: change as RunChange
  });
}

/** Move a run to the trash. */
export function remove(projectId: string, runId: string): Promise<void> {
  return call('delete', '/projects/{project_id}/runs/{run_id}', {
    path: { project_id: projectId, run_id: runId }
  });
}

/** The beginning of a file, or all of it. */
export interface Bytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether these are all. */
  readonly whole: boolean;
}

/**
 * Read a file's first bytes.
 *
 * @param url - where it is downloaded from.
 * @param limit - as many at most; the rest is not transferred.
 * @throws ApiError when the answer is an error.
 */
export async function bytes(url: string, limit: number, signal?: AbortSignal): Promise<Bytes> {
  const response = await send(url, 'GET', undefined, signal);
  if (!response.ok || response.body === null) {
    await readJson(response);
    throw new ApiError({
      status: response.status,
      code: 'client',
      message: 'The file came without content.'
    });
  }
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  let whole = false;
  while (size <= limit) {
    const { done, value } = await reader.read();
    if (done) {
      whole = true;
      break;
    }
    parts.push(value);
    size += value.length;
  }
  if (!whole) {
    await reader.cancel();
  }
  const kept = Math.min(size, limit);
  const all = new Uint8Array(kept);
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, kept - at);
    all.set(piece, at);
    at += piece.length;
  }
  return { bytes: all, whole };
}
