/** The one client of the platform's HTTP API; its types are made from the server's OpenAPI document. */
export { ApiError, asError, everything, isAbort, serverUrl, type IPage, type IUploadOptions } from './client';
export { session } from './session';

export * as accounts from './accounts';
export * as archives from './archives';
export * as assets from './assets';
export * as activity from './activity';
export * as bus from './bus';
export * as projects from './projects';
export * as datasets from './datasets';
export * as notebooks from './notebooks';
export * as experiments from './experiments';
export * as runs from './runs';
export * as runtable from './runtable';
export * as models from './models';
export * as deployments from './deployments';
export * as sharing from './sharing';
export * as achievements from './achievements';
export * as webhooks from './webhooks';
export type { Delivery, Webhook, WebhookCreate, WebhookUpdate } from './webhooks';
export * as lineage from './lineage';
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
export type { Asset, AssetsOfKind, Found, FoundAsset, Overview } from './assets';
export type { Present } from './channel';
export type { Comment, IActivityFilter, Notification, Notifications, Somebody } from './activity';
export type { IPublishOptions, Message } from './bus';
export type { Project, ProjectContents, ProjectCreate, ProjectUpdate, Quickstart, Status } from './projects';
export type { Column, Dataset, DatasetDetail, DatasetVersion, Preview, Uploaded } from './datasets';
export type {
  CellDiff,
  DiffLine,
  DiffOutput,
  Notebook,
  NotebookDiff,
  NotebookVersion,
  RunNotebook
} from './notebooks';
export type { ArtifactFile, Experiment, Metric, Run, RunDetail } from './experiments';
export type { Bytes, Curve, Curves, RunChange, Value } from './runs';
export type {
  RunColumn,
  RunGroup,
  RunGroupsQuery,
  RunKeys,
  RunRow,
  RunRows,
  RunTableQuery,
  RunView,
  RunViewCreate
} from './runtable';
export type {
  AliasBoard,
  AliasCheck,
  AliasMove,
  AliasRequest,
  AliasRule,
  AliasState,
  CardRevision,
  Compared,
  ComparedGroup,
  Gate,
  GateResult,
  ModelCard,
  ModelSignature,
  ModelVersion,
  PutAliasRule,
  RegisteredModel,
  RegisteredModelDetail,
  RegisterModel,
  SignatureField,
  VersionComparison,
  VersionDetail,
  VersionMetric
} from './models';
export type {
  Achievement,
  AchievementCreate,
  AchievementIcon,
  Achievements,
  AchievementUpdate,
  NextAchievement,
  OwnAchievement,
  OwnAchievements,
  Standing
} from './achievements';
export type { ICentre, LineageEdge, LineageGraph, LineageImpact, LineageNode } from './lineage';
export type {
  AccessRequest,
  AskedAccess,
  GivenRole,
  Invitation,
  Member,
  NewInvitation,
  Organisation,
  OrganisationMember,
  OrganisationRole,
  Restriction,
  RestrictionSet,
  SentInvitation,
  VisibilityChange
} from './sharing';
export type { Import } from './archives';
export type { Purged, TrashedProject, TrashEntry } from './trash';
export type { Deployment, DeploymentCreate, ITable } from './deployments';
