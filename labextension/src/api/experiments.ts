import { call, everything, serverUrl, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Experiment = Schemas['Experiment'];
export type Run = Schemas['Run'];
export type RunDetail = Schemas['RunDetail'];
export type Metric = Schemas['Metric'];
export type ArtifactFile = Schemas['ArtifactFile'];

/** A project's experiments, last used first. */
export function list(projectId: string): Promise<Experiment[]> {
  return everything<Experiment>((cursor): Promise<IPage<Experiment>> =>
    call('get', '/projects/{project_id}/experiments', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** A page of an experiment's runs, newest first. */
export function runs(
  projectId: string,
  experimentId: string,
  page: { limit?: number; cursor?: string | null } = {},
  signal?: AbortSignal
): Promise<IPage<Run>> {
  return call('get', '/projects/{project_id}/experiments/{experiment_id}/runs', {
    path: { project_id: projectId, experiment_id: experimentId },
    query: page,
    signal
  });
}

/** All of a run. */
export function run(projectId: string, runId: string, signal?: AbortSignal): Promise<RunDetail> {
  return call('get', '/projects/{project_id}/runs/{run_id}', {
    path: { project_id: projectId, run_id: runId },
    signal
  });
}

/** Files and folders in a folder of a run's artifacts. */
export async function artifacts(projectId: string, runId: string, folder = ''): Promise<ArtifactFile[]> {
  const page = await call('get', '/projects/{project_id}/runs/{run_id}/artifacts', {
    path: { project_id: projectId, run_id: runId },
    query: { path: folder }
  });
  return page.items;
}

/**
 * Where a file among a run's artifacts is downloaded from, by MLflow's own route; null when they are kept elsewhere
 * than on this server.
 */
export function artifactUrl(artifactUri: string, path: string): string | null {
  const root = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*?)\/*$/.exec(artifactUri)?.[1];
  if (root === undefined) {
    return null;
  }
  const file = `${root}/${path}`.split('/').map(encodeURIComponent).join('/');
  return serverUrl(`insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/${file}`);
}
