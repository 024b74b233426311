/** The one client of the platform's HTTP API; its types are made from the server's OpenAPI document. */
export { ApiError, everything, isAbort, serverUrl, type IPage, type IUploadOptions } from './client';
export { session } from './session';

export * as accounts from './accounts';
export * as projects from './projects';
export * as datasets from './datasets';
export * as experiments from './experiments';
export * as models from './models';
export * as deployments from './deployments';
export * as sharing from './sharing';
export * as trash from './trash';

export type {
  AccessToken,
  AccessTokenCreate,
  Account,
  AuthState,
  Me,
  NewAccessToken,
  Role,
  SignIn,
  SignUp
} from './accounts';
export type { Project, ProjectContents, ProjectCreate, ProjectUpdate, Quickstart, Status } from './projects';
export type { Column, Dataset, DatasetDetail, DatasetVersion, Preview, Uploaded } from './datasets';
export type {
  ArtifactFile,
  Experiment,
  Metric,
  MetricHistory,
  MetricPoint,
  Run,
  RunDetail
} from './experiments';
export type {
  ModelSignature,
  ModelVersion,
  RegisteredModel,
  RegisteredModelDetail,
  RegisterModel,
  SignatureField
} from './models';
export type { Invitation } from './sharing';
export type { Purged, TrashedProject, TrashEntry } from './trash';
export type { Deployment, DeploymentCreate, ITable } from './deployments';
