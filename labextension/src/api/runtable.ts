import { call } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type RunColumn = Schemas['RunColumn'];
export type RunView = Schemas['RunView'];
export type RunViewCreate = Schemas['RunViewCreate'];
export type RunsMoved = Schemas['RunsMoved'];

export type RunRow = Schemas['RunRow'];
export type RunRows = Schemas['RunTable'];
export type RunKeys = Schemas['RunKeys'];
export type RunGroup = Schemas['RunGroup'];
export type RunTableQuery = Schemas['RunTableQuery'];
export type RunGroupsQuery = Schemas['GroupQuery'];

/** A window of an experiment's runs, with the asked columns alone. */
export function query(
  projectId: string,
  experimentId: string,
  body: RunTableQuery,
  signal?: AbortSignal
): Promise<RunRows> {
  return call('post', '/projects/{project_id}/experiments/{experiment_id}/runs/query', {
    path: { project_id: projectId, experiment_id: experimentId },
    body,
    signal
  });
}

/** What an experiment's runs have: the keys of metrics, parameters and tags. */
export function keys(projectId: string, experimentId: string): Promise<RunKeys> {
  return call('get', '/projects/{project_id}/experiments/{experiment_id}/keys', {
    path: { project_id: projectId, experiment_id: experimentId }
  });
}

/** Runs by what they have in common: the largest groups first, a thousand at most, with up to 20 metrics. */
export async function groups(
  projectId: string,
  experimentId: string,
  body: RunGroupsQuery,
  signal?: AbortSignal
): Promise<RunGroup[]> {
  const found = await call('post', '/projects/{project_id}/experiments/{experiment_id}/runs/groups', {
    path: { project_id: projectId, experiment_id: experimentId },
    body,
    signal
  });
  return found.items;
}

/** The views that a project keeps for an experiment, its own first. */
export async function views(projectId: string, experimentId: string): Promise<RunView[]> {
  const page = await call('get', '/projects/{project_id}/run-views', {
    path: { project_id: projectId },
    query: { experiment_id: experimentId }
  });
  return page.items;
}

/** Keep a new view. */
export function createView(projectId: string, body: RunViewCreate): Promise<RunView> {
  return call('post', '/projects/{project_id}/run-views', { path: { project_id: projectId }, body });
}

/** Change a view; 409 when somebody has changed it since that version. */
export function updateView(
  projectId: string,
  id: string,
  version: number,
  body: RunViewCreate
): Promise<RunView> {
  return call('put', '/projects/{project_id}/run-views/{view_id}', {
    path: { project_id: projectId, view_id: id },
    body: { ...body, version }
  });
}

/** Delete a view. */
export async function deleteView(projectId: string, id: string): Promise<void> {
  await call('delete', '/projects/{project_id}/run-views/{view_id}', {
    path: { project_id: projectId, view_id: id }
  });
}

/** Set tags of runs, or remove those that are null: of all or of none. */
export async function setTags(
  projectId: string,
  experimentId: string,
  runs: string[],
  tags: Record<string, string | null>
): Promise<number> {
  const done = await call('post', '/projects/{project_id}/experiments/{experiment_id}/runs/tags', {
    path: { project_id: projectId, experiment_id: experimentId },
    body: { run_ids: runs, tags }
  });
  return done.changed;
}

/** Delete runs, all or none. Gives those that were not deleted before. */
export async function deleteRuns(projectId: string, experimentId: string, runs: string[]): Promise<string[]> {
  const done = await call('post', '/projects/{project_id}/experiments/{experiment_id}/runs/delete', {
    path: { project_id: projectId, experiment_id: experimentId },
    body: { run_ids: runs }
  });
  return done.run_ids;
}

/** Restore runs, all or none. Gives those that were deleted before. */
export async function restoreRuns(
  projectId: string,
  experimentId: string,
  runs: string[]
): Promise<string[]> {
  const done = await call('post', '/projects/{project_id}/experiments/{experiment_id}/runs/restore', {
    path: { project_id: projectId, experiment_id: experimentId },
    body: { run_ids: runs }
  });
  return done.run_ids;
}
