import { call, everything, type IPage } from './client';
import type { components } from './generated';
import type { Project } from './projects';

type Schemas = components['schemas'];

export type TrashEntry = Schemas['TrashEntry'];
export type TrashedProject = Schemas['TrashedProject'];
export type Purged = Schemas['Purged'];

/** What is in a project's trash, the newest first. */
export function list(projectId: string): Promise<TrashEntry[]> {
  return everything<TrashEntry>((cursor): Promise<IPage<TrashEntry>> =>
    call('get', '/projects/{project_id}/trash', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** What was deleted last under a name, or the one with an id; undefined where it is not in the trash. */
export async function newest(
  projectId: string,
  kind: string,
  { name, id }: { name: string; id?: string }
): Promise<TrashEntry | undefined> {
  const { items } = await call('get', '/projects/{project_id}/trash', {
    path: { project_id: projectId },
    query: { kind, limit: 20 }
  });
  return items.find(entry => (id === undefined ? entry.name === name : entry.id === id));
}

/** Bring an asset back, under another name where one is given. */
export function restore(
  projectId: string,
  { kind, id }: Pick<TrashEntry, 'kind' | 'id'>,
  name: string | null = null
): Promise<TrashEntry> {
  return call('post', '/projects/{project_id}/trash/{kind}/{asset_id}/restore', {
    path: { project_id: projectId, kind, asset_id: id },
    body: { name }
  });
}

/** Delete an asset of the trash for good. */
export function purge(projectId: string, { kind, id }: Pick<TrashEntry, 'kind' | 'id'>): Promise<Purged> {
  return call('delete', '/projects/{project_id}/trash/{kind}/{asset_id}', {
    path: { project_id: projectId, kind, asset_id: id }
  });
}

/** Delete everything in a project's trash for good. */
export function empty(projectId: string): Promise<Purged> {
  return call('delete', '/projects/{project_id}/trash', { path: { project_id: projectId } });
}

/** The caller's deleted projects, the newest first. */
export function projects(): Promise<TrashedProject[]> {
  return everything<TrashedProject>((cursor): Promise<IPage<TrashedProject>> =>
    call('get', '/trash', { query: { cursor } })
  );
}

/** Bring a project back, under another name where one is given. */
export function restoreProject(projectId: string, name: string | null = null): Promise<Project> {
  return call('post', '/trash/{project_id}/restore', { path: { project_id: projectId }, body: { name } });
}

/** Delete a project of the trash for good; its folder stays. */
export function purgeProject(projectId: string): Promise<Purged> {
  return call('delete', '/trash/{project_id}', { path: { project_id: projectId } });
}
