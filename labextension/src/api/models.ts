import { call, everything, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type RegisteredModel = Schemas['RegisteredModel'];
export type RegisteredModelDetail = Schemas['RegisteredModelDetail'];
export type ModelVersion = Schemas['ModelVersion'];
export type ModelSignature = Schemas['ModelSignature'];
export type SignatureField = Schemas['SignatureField'];
export type RegisterModel = Schemas['RegisterModel'];

/** A project's registered models, by name. */
export function list(projectId: string): Promise<RegisteredModel[]> {
  return everything<RegisteredModel>((cursor): Promise<IPage<RegisteredModel>> =>
    call('get', '/projects/{project_id}/models', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** A registered model with all its versions, newest first. */
export function get(projectId: string, name: string, signal?: AbortSignal): Promise<RegisteredModelDetail> {
  return call('get', '/projects/{project_id}/models/{name}', {
    path: { project_id: projectId, name },
    signal
  });
}

/** Move a registered model with all its versions to the trash. */
export function remove(projectId: string, name: string): Promise<void> {
  return call('delete', '/projects/{project_id}/models/{name}', { path: { project_id: projectId, name } });
}

/** Register a model that a run logged, as the next version of a name. */
export function register(projectId: string, body: RegisterModel): Promise<ModelVersion> {
  return call('post', '/projects/{project_id}/models', { path: { project_id: projectId }, body });
}

/** A model version. */
export function version(
  projectId: string,
  name: string,
  number: number,
  signal?: AbortSignal
): Promise<ModelVersion> {
  return call('get', '/projects/{project_id}/models/{name}/versions/{version}', {
    path: { project_id: projectId, name, version: number },
    signal
  });
}

/** What a model version takes and gives. */
export function signature(
  projectId: string,
  name: string,
  number: number,
  signal?: AbortSignal
): Promise<ModelSignature> {
  return call('get', '/projects/{project_id}/models/{name}/versions/{version}/signature', {
    path: { project_id: projectId, name, version: number },
    signal
  });
}

/** Point an alias to a version. */
export async function setAlias(
  projectId: string,
  name: string,
  alias: string,
  number: number
): Promise<void> {
  await call('put', '/projects/{project_id}/models/{name}/aliases/{alias}', {
    path: { project_id: projectId, name, alias },
    body: { version: number }
  });
}

/** Remove an alias. */
export async function removeAlias(projectId: string, name: string, alias: string): Promise<void> {
  await call('delete', '/projects/{project_id}/models/{name}/aliases/{alias}', {
    path: { project_id: projectId, name, alias }
  });
}
