import { call } from './client';
import type { components } from './generated';
import { readJson, send, serverUrl } from './client';

type Schemas = components['schemas'];

export type RunColumn = Schemas['RunColumn'];
export type RunView = Schemas['RunView'];
export type RunViewCreate = Schemas['RunViewCreate'];
export type RunsMoved = Schemas['RunsMoved'];

export interface RunRow {
  id: string;
  name: string;
  status: 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
  started_at: string | null;
  ended_at: string | null;
  created_by: string;
  deleted: boolean;
  metrics: Record<string, number | 'NaN' | 'Infinity' | '-Infinity'>;
  params: Record<string, string>;
  tags: Record<string, string>;
  datasets: { name: string; digest: string; context: string | null }[];
  models: string[];
}

export interface RunRows {
  total: number;
  offset: number;
  items: RunRow[];
}

export interface RunKeys {
  metrics: { key: string; runs: number }[];
  params: { key: string; runs: number }[];
  tags: { key: string; runs: number }[];
}

export interface RunGroup {
  value: string | null;
  count: number;
  metrics: Record<string, { mean: number | string; min: number | string; max: number | string }>;
}

export interface RunTableQuery {
  filter: string;
  order_by: string[];
  view: 'active' | 'deleted' | 'all';
  metrics: string[];
  params: string[];
  tags: string[];
  offset: number;
  limit: number;
}

export interface RunGroupsQuery {
  filter: string;
  view: 'active' | 'deleted' | 'all';
  group_by: string;
  metrics: string[];
}

/** A window of an experiment's runs, with the asked columns alone. */
export async function query(
  projectId: string,
  experimentId: string,
  body: RunTableQuery,
  signal?: AbortSignal
): Promise<RunRows> {
  const url = serverUrl(`insighter/api/projects/${projectId}/experiments/${experimentId}/runs/query`);
  return (await readJson(await send(url, 'POST', JSON.stringify(body), signal))) as RunRows;
}

/** What an experiment's runs have: the keys of metrics, parameters and tags. */
export async function keys(projectId: string, experimentId: string): Promise<RunKeys> {
  const url = serverUrl(`insighter/api/projects/${projectId}/experiments/${experimentId}/keys`);
  return (await readJson(await send(url, 'GET'))) as RunKeys;
}

/** Runs by what they have in common. */
export async function groups(
  projectId: string,
  experimentId: string,
  body: RunGroupsQuery,
  signal?: AbortSignal
): Promise<RunGroup[]> {
  const url = serverUrl(`insighter/api/projects/${projectId}/experiments/${experimentId}/runs/groups`);
  return ((await readJson(await send(url, 'POST', JSON.stringify(body), signal))) as { items: RunGroup[] })
    .items;
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
