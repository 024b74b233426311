import type { Message } from './channel';
import { call, type IPage } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

/** What somebody said about an asset. */
export type Comment = Schemas['Comment'];

/** An account. */
export type Somebody = Schemas['Somebody'];

/** What is for one person. */
export type Notification = Schemas['Notification'];

/** A page of notifications, and how many wait to be read. */
export type Notifications = Schemas['Notifications'];

/** An asset, as the paths of the API name it. */
interface IAsset {
  project: string;
  kind: string;
  key: string;
}

/** Which of what happened. */
export interface IActivityFilter {
  /** An account's id. */
  person?: string;
  kind?: string;
  /** Of an asset of the kind. */
  key?: string;
}

/** What happened in a project, newest first. */
export async function list(
  project: string,
  filter: IActivityFilter,
  limit: number,
  cursor: string | null
): Promise<IPage<Message>> {
  return call('get', '/projects/{project_id}/activity', {
    path: { project_id: project },
    query: { ...filter, limit, cursor: cursor ?? undefined }
  });
}

/** Comments on an asset, newest first. */
export async function comments(asset: IAsset, cursor: string | null, limit = 50): Promise<IPage<Comment>> {
  return call('get', '/projects/{project_id}/assets/{kind}/{key}/comments', {
    path: pathOf(asset),
    query: { limit, cursor: cursor ?? undefined }
  });
}

/** Who can be mentioned in a comment on an asset. */
export async function people(asset: IAsset): Promise<Somebody[]> {
  return (await call('get', '/projects/{project_id}/assets/{kind}/{key}/people', { path: pathOf(asset) }))
    .items;
}

/** Comment on an asset. */
export async function comment(asset: IAsset, body: string): Promise<Comment> {
  return call('post', '/projects/{project_id}/assets/{kind}/{key}/comments', {
    path: pathOf(asset),
    body: { body }
  });
}

/** Edit one's comment. */
export async function edit(project: string, id: number, body: string): Promise<Comment> {
  const path = { project_id: project, comment_id: id };
  return call('patch', '/projects/{project_id}/comments/{comment_id}', { path, body: { body } });
}

/** Delete a comment. */
export async function remove(project: string, id: number): Promise<void> {
  const path = { project_id: project, comment_id: id };
  await call('delete', '/projects/{project_id}/comments/{comment_id}', { path });
}

/** Bring back a comment that one deleted. */
export async function restore(project: string, id: number): Promise<Comment> {
  const path = { project_id: project, comment_id: id };
  return call('post', '/projects/{project_id}/comments/{comment_id}/restore', { path });
}

/** What is for the caller, of all projects, newest first. */
export async function notifications(cursor: string | null, limit = 50): Promise<Notifications> {
  return call('get', '/notifications', { query: { limit, cursor: cursor ?? undefined } });
}

/** Note notifications as read, all of them where none are named; how many are left. */
export async function read(ids: number[] | null): Promise<number> {
  return (await call('post', '/notifications/read', { body: { ids } })).unread;
}

function pathOf({ project, kind, key }: IAsset): { project_id: string; kind: string; key: string } {
  return { project_id: project, kind, key };
}
