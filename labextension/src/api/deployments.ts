import { call, readJson, send, serverUrl } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Deployment = Schemas['Deployment'];
export type DeploymentCreate = Schemas['DeploymentCreate'];

/** Rows to predict from: MLflow's `dataframe_split`. */
export interface ITable {
  columns: string[];
  data: unknown[][];
}

/** A project's endpoints, by name; without their logs. */
export async function list(projectId: string): Promise<Deployment[]> {
  const page = await call('get', '/projects/{project_id}/deployments', { path: { project_id: projectId } });
  return page.items;
}

/** An endpoint with the end of its log. */
export function get(projectId: string, name: string, signal?: AbortSignal): Promise<Deployment> {
  return call('get', '/projects/{project_id}/deployments/{name}', {
    path: { project_id: projectId, name },
    signal
  });
}

/** Deploy a model version. The answer comes at once; `status` of later answers tells when it is healthy. */
export function create(projectId: string, body: DeploymentCreate): Promise<Deployment> {
  return call('post', '/projects/{project_id}/deployments', { path: { project_id: projectId }, body });
}

/** Stop an endpoint; it can be started again. */
export function stop(projectId: string, name: string): Promise<Deployment> {
  return call('post', '/projects/{project_id}/deployments/{name}/stop', {
    path: { project_id: projectId, name }
  });
}

/** Start a stopped or failed endpoint again. */
export function start(projectId: string, name: string): Promise<Deployment> {
  return call('post', '/projects/{project_id}/deployments/{name}/start', {
    path: { project_id: projectId, name }
  });
}

/** Stop an endpoint and forget it. */
export function remove(projectId: string, name: string): Promise<void> {
  return call('delete', '/projects/{project_id}/deployments/{name}', {
    path: { project_id: projectId, name }
  });
}

/** Where an endpoint takes rows: the whole address, for people to copy. */
export function invocationsUrl(deployment: Deployment): string {
  return serverUrl(`${deployment.path}/invocations`);
}

/**
 * Send a body that is JSON already to an endpoint, and give its answer.
 *
 * @throws ApiError with the endpoint's own message, such as a column that is missing.
 */
export async function invoke(deployment: Deployment, body: string, signal?: AbortSignal): Promise<unknown> {
  return readJson(await send(invocationsUrl(deployment), 'POST', body, signal));
}

/**
 * Predict from rows, by MLflow's scoring protocol. One prediction per row, of whatever shape the model gives.
 *
 * @throws ApiError with the endpoint's own message, such as a column that is missing.
 */
export async function predict(
  deployment: Deployment,
  table: ITable,
  signal?: AbortSignal
): Promise<unknown[]> {
  const body = JSON.stringify({ dataframe_split: table });
  const answer = await readJson(await send(invocationsUrl(deployment), 'POST', body, signal));
  return (answer as { predictions: unknown[] }).predictions;
}
