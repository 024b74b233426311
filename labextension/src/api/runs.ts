import { ApiError, call, readJson, send } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type RunChange = Schemas['RunChange'];

/** A value as the API says it: what is not finite comes as a word. */
export type Value = number | 'NaN' | 'Infinity' | '-Infinity';

export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type CurvesQuery = Schemas['CurvesBody'];

/** Curves of some runs, at most 100 with 20 metrics: whole, or what came after the cursors of an earlier answer. */
export function curves(projectId: string, query: CurvesQuery, signal?: AbortSignal): Promise<Curves> {
  return call('post', '/projects/{project_id}/runs/curves', {
    path: { project_id: projectId },
    body: query,
    signal
  });
}

/** Change a run's name, notes and tags. */
export function edit(projectId: string, runId: string, change: RunChange): Promise<Schemas['RunDetail']> {
  return call('patch', '/projects/{project_id}/runs/{run_id}', {
    path: { project_id: projectId, run_id: runId },
    body: change
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
