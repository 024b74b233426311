import { call } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Asset = Schemas['Asset'];
export type FoundAsset = Schemas['FoundAsset'];
export type Found = Schemas['Found'];
export type Overview = Schemas['Overview'];
export type AssetsOfKind = Schemas['AssetsOfKind'];

/** What a project's home shows of its assets. */
export function overview(projectId: string, signal?: AbortSignal): Promise<Overview> {
  return call('get', '/projects/{project_id}/home', { path: { project_id: projectId }, signal });
}

/** A page of a project's assets of a kind, the one that changed last first. */
export async function list(
  projectId: string,
  kind: string,
  limit: number,
  cursor: string | null,
  signal?: AbortSignal
): Promise<{ items: Asset[]; cursor: string | null }> {
  return call('get', '/projects/{project_id}/assets', {
    path: { project_id: projectId },
    query: { kind, limit, cursor },
    signal
  });
}

/** The best of what has all words of a text, in all projects; without words the newest. */
export function search(text: string, limit: number, signal?: AbortSignal): Promise<Found> {
  return call('get', '/assets', { query: { q: text, limit }, signal });
}

/** Pin an asset for everybody in its project: at a position, or behind the others. */
export async function pin(projectId: string, kind: string, key: string, position?: number): Promise<void> {
  await call('put', '/projects/{project_id}/pins/{kind}/{key}', {
    path: { project_id: projectId, kind, key },
    body: { position: position ?? null }
  });
}

/** Unpin it; the position it had. */
export async function unpin(projectId: string, kind: string, key: string): Promise<number> {
  const path = { project_id: projectId, kind, key };
  return (await call('delete', '/projects/{project_id}/pins/{kind}/{key}', { path })).position;
}
