import { call, everything, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type RegisteredModel = Schemas['RegisteredModel'];
export type RegisteredModelDetail = Schemas['RegisteredModelDetail'];
export type ModelVersion = Schemas['ModelVersion'];
export type ModelSignature = Schemas['ModelSignature'];
export type SignatureField = Schemas['SignatureField'];
export type RegisterModel = Schemas['RegisterModel'];
export type AliasBoard = Schemas['AliasBoard'];
export type AliasCheck = Schemas['AliasCheck'];
export type AliasMove = Schemas['AliasMove'];
export type AliasRequest = Schemas['AliasRequest'];
export type AliasRule = Schemas['AliasRule'];
export type AliasState = Schemas['AliasState'];
export type CardRevision = Schemas['CardRevision'];
export type Compared = Schemas['Compared'];
export type ComparedGroup = Schemas['ComparedGroup'];
export type Gate = Schemas['Gate'];
export type GateResult = Schemas['GateResult'];
export type ModelCard = Schemas['ModelCard'];
export type PutAliasRule = Schemas['PutAliasRule'];
export type VersionComparison = Schemas['VersionComparison'];
export type VersionDetail = Schemas['VersionDetail'];
export type VersionMetric = Schemas['VersionMetric'];

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

/** All that is known of a version. */
export function detail(projectId: string, name: string, number: number): Promise<VersionDetail> {
  return call('get', '/projects/{project_id}/models/{name}/versions/{version}/detail', {
    path: { project_id: projectId, name, version: number }
  });
}

/** Two versions side by side. */
export function compare(
  projectId: string,
  name: string,
  left: number,
  right: number
): Promise<VersionComparison> {
  return call('get', '/projects/{project_id}/models/{name}/compare', {
    path: { project_id: projectId, name },
    query: { left, right }
  });
}

/** The aliases of a model, what protects them, and the moves that are asked for. */
export function aliases(projectId: string, name: string): Promise<AliasBoard> {
  return call('get', '/projects/{project_id}/models/{name}/aliases', {
    path: { project_id: projectId, name }
  });
}

/** What stands in the way of moving an alias to a version; of taking it off where none is given. */
export function checkAlias(
  projectId: string,
  name: string,
  alias: string,
  number: number | null
): Promise<AliasCheck> {
  return call('get', '/projects/{project_id}/models/{name}/aliases/{alias}/check', {
    path: { project_id: projectId, name, alias },
    query: { version: number ?? undefined }
  });
}

/** Who moved which alias, newest first. */
export function aliasMoves(projectId: string, name: string, cursor?: string): Promise<IPage<AliasMove>> {
  return call('get', '/projects/{project_id}/models/{name}/moves', {
    path: { project_id: projectId, name },
    query: { cursor, limit: 50 }
  });
}

/** Point an alias to a version. */
export async function setAlias(
  projectId: string,
  name: string,
  alias: string,
  number: number,
  why = ''
): Promise<void> {
  await call('put', '/projects/{project_id}/models/{name}/aliases/{alias}', {
    path: { project_id: projectId, name, alias },
    body: { version: number, why }
  });
}

/** Remove an alias. */
export async function removeAlias(
  projectId: string,
  name: string,
  alias: string,
  why?: string
): Promise<void> {
  await call('delete', '/projects/{project_id}/models/{name}/aliases/{alias}', {
    path: { project_id: projectId, name, alias },
    query: { why: why === '' ? undefined : why }
  });
}

/** Ask for a move of a protected alias; null for nowhere. */
export function requestAlias(
  projectId: string,
  name: string,
  alias: string,
  number: number | null,
  why: string
): Promise<AliasRequest> {
  return call('post', '/projects/{project_id}/models/{name}/requests', {
    path: { project_id: projectId, name },
    body: { alias, version: number, why }
  });
}

/** Approve, reject or withdraw a request. */
export function decideAlias(
  projectId: string,
  name: string,
  id: string,
  decision: 'approve' | 'reject' | 'withdraw',
  why = ''
): Promise<AliasRequest> {
  return call('post', '/projects/{project_id}/models/{name}/requests/{request_id}', {
    path: { project_id: projectId, name, request_id: id },
    body: { decision, why }
  });
}

/** Protect an alias, or change what protects it. */
export function protectAlias(projectId: string, body: PutAliasRule): Promise<AliasRule> {
  return call('put', '/projects/{project_id}/alias-rules', { path: { project_id: projectId }, body });
}

/** Take a protection off. */
export async function unprotectAlias(projectId: string, id: string): Promise<void> {
  await call('delete', '/projects/{project_id}/alias-rules/{rule_id}', {
    path: { project_id: projectId, rule_id: id }
  });
}

/** The card of a model, or of a version. */
export function card(projectId: string, name: string, number: number | null): Promise<ModelCard> {
  return call('get', '/projects/{project_id}/models/{name}/card', {
    path: { project_id: projectId, name },
    query: { version: number ?? undefined }
  });
}

/** Write it; `revision` is the one that was seen. */
export function writeCard(
  projectId: string,
  name: string,
  number: number | null,
  text: string,
  revision: number
): Promise<ModelCard> {
  return call('put', '/projects/{project_id}/models/{name}/card', {
    path: { project_id: projectId, name },
    body: { body: text, revision, version: number }
  });
}

/** Every state of it, newest first. */
export async function cardHistory(
  projectId: string,
  name: string,
  number: number | null
): Promise<CardRevision[]> {
  const { items } = await call('get', '/projects/{project_id}/models/{name}/card/history', {
    path: { project_id: projectId, name },
    query: { version: number ?? undefined }
  });
  return items;
}
