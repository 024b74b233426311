import { call, everything, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Status = Schemas['Status'];
export type Project = Schemas['Project'];
export type ProjectCreate = Schemas['ProjectCreate'];
export type ProjectUpdate = Schemas['ProjectUpdate'];
export type ProjectContents = Schemas['ProjectContents'];
export type Quickstart = Schemas['Quickstart'];

/** The platform's version, state and caller. */
export function status(signal?: AbortSignal): Promise<Status> {
  return call('get', '/status', { signal });
}

/**
 * The projects the caller is a member of, by name; the archived ones instead when asked for. The scope "all" has also
 * those that one may read without being a member.
 */
export function list(archived = false, scope: 'mine' | 'all' = 'mine'): Promise<Project[]> {
  return everything<Project>((cursor): Promise<IPage<Project>> =>
    call('get', '/projects', { query: { archived, scope, cursor } })
  );
}

/** One project. */
export function get(projectId: string, signal?: AbortSignal): Promise<Project> {
  return call('get', '/projects/{project_id}', { path: { project_id: projectId }, signal });
}

/** Make a project and its folder. */
export function create(body: ProjectCreate): Promise<Project> {
  return call('post', '/projects', { body });
}

/** Rename, describe, archive or restore. */
export function update(projectId: string, body: ProjectUpdate): Promise<Project> {
  return call('patch', '/projects/{project_id}', { path: { project_id: projectId }, body });
}

/** Move a project with its assets to the trash; `confirm` is its name. Its folder stays. */
export function remove(projectId: string, confirm: string): Promise<void> {
  return call('delete', '/projects/{project_id}', { path: { project_id: projectId }, body: { confirm } });
}

/** What a deletion would delete. */
export function contents(projectId: string, signal?: AbortSignal): Promise<ProjectContents> {
  return call('get', '/projects/{project_id}/contents', { path: { project_id: projectId }, signal });
}

/** Make sure that the project's folder is there; its path relative to Jupyter's root. */
export async function openFolder(projectId: string): Promise<string> {
  return (await call('put', '/projects/{project_id}/folder', { path: { project_id: projectId } })).path;
}

/** Make a project with a real data set and a notebook to run. */
export function quickstart(): Promise<Quickstart> {
  return call('post', '/quickstart', {});
}
