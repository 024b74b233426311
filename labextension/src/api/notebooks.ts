import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

import { apiUrl, call, everything, readJson, send, upload, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Notebook = Schemas['Notebook'];
export type NotebookVersion = Schemas['NotebookVersion'];
export type NotebookDiff = Schemas['NotebookDiff'];
export type CellDiff = Schemas['CellDiff'];
export type DiffLine = Schemas['DiffLine'];
export type DiffOutput = Schemas['DiffOutput'];
export type RunNotebook = Schemas['RunNotebook'];
export type Snapshot = Schemas['Snapshot'];

/** Why there is a snapshot, and of what ran how it went and in which kernel. */
export interface ISnapshotReason {
  reason: 'ran' | 'saved' | 'restored';
  outcome?: 'ok' | 'failed';
  kernel?: string;
}

/** Bind a notebook file, below Jupyter's root, to the project of its folder; null where it is in none. */
export async function bind(path: string, id: string | null): Promise<Notebook | null> {
  return (await call('post', '/notebooks', { body: { path, id } })) ?? null;
}

/** A project's notebooks, by name. */
export function list(projectId: string): Promise<Notebook[]> {
  return everything<Notebook>((cursor): Promise<IPage<Notebook>> =>
    call('get', '/projects/{project_id}/notebooks', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** A notebook. */
export function get(projectId: string, id: string): Promise<Notebook> {
  return call('get', '/projects/{project_id}/notebooks/{notebook_id}', {
    path: { project_id: projectId, notebook_id: id }
  });
}

/** Delete a notebook with all its versions; its file stays. */
export function remove(projectId: string, id: string): Promise<void> {
  return call('delete', '/projects/{project_id}/notebooks/{notebook_id}', {
    path: { project_id: projectId, notebook_id: id }
  });
}

/** A page of a notebook's versions, newest first. */
export function versions(
  projectId: string,
  id: string,
  cursor: string | null
): Promise<IPage<NotebookVersion>> {
  return call('get', '/projects/{project_id}/notebooks/{notebook_id}/versions', {
    path: { project_id: projectId, notebook_id: id },
    query: { cursor }
  });
}

/** Keep a notebook as it is now, unless the newest version is the same. */
export async function snapshot(
  projectId: string,
  id: string,
  content: ReadonlyPartialJSONValue,
  { reason, outcome, kernel }: ISnapshotReason
): Promise<Snapshot> {
  const url = apiUrl(
    '/projects/{project_id}/notebooks/{notebook_id}/versions',
    { project_id: projectId, notebook_id: id },
    { reason, outcome, kernel_id: kernel }
  );
  return (await upload(url, new Blob([JSON.stringify(content)]))) as Snapshot;
}

/** Where a version is downloaded from; for a link. */
export function contentUrl(projectId: string, id: string, version: number): string {
  return apiUrl('/projects/{project_id}/notebooks/{notebook_id}/versions/{version}/content', {
    project_id: projectId,
    notebook_id: id,
    version
  });
}

/** A version itself: a notebook in nbformat's JSON. */
export async function content(
  projectId: string,
  id: string,
  version: number
): Promise<ReadonlyPartialJSONValue> {
  return (await readJson(await send(contentUrl(projectId, id, version), 'GET'))) as ReadonlyPartialJSONValue;
}

/** What changed from one version to another, cell by cell. */
export function diff(projectId: string, id: string, before: number, after: number): Promise<NotebookDiff> {
  return call('get', '/projects/{project_id}/notebooks/{notebook_id}/versions/{before}/diff/{after}', {
    path: { project_id: projectId, notebook_id: id, before, after }
  });
}

/** The notebook that made a run; null where none did. */
export async function ofRun(projectId: string, runId: string): Promise<RunNotebook | null> {
  const found = await call('get', '/projects/{project_id}/runs/{run_id}/notebook', {
    path: { project_id: projectId, run_id: runId }
  });
  return found ?? null;
}
