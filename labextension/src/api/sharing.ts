import { call, everything, type IPage } from './client';
import type { components } from './generated';
import type { Project } from './projects';

type Schemas = components['schemas'];

/** An invitation that waits for the caller's answer. */
export type Invitation = Schemas['OwnInvitation'];

/** Somebody with a role in a project. */
export type Member = Schemas['Member'];

/** A project's members: the owner first, then by role and name. */
export function members(projectId: string): Promise<Member[]> {
  return everything<Member>((cursor): Promise<IPage<Member>> =>
    call('get', '/projects/{project_id}/members', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** Invitations to the caller's confirmed address. */
export async function invitations(): Promise<Invitation[]> {
  return (await call('get', '/invitations', {})).items;
}

/** Accept an invitation; the project it leads to, null where it is to an organisation. */
export async function accept(id: string): Promise<Project | null> {
  const path = { invitation_id: id };
  return (await call('post', '/invitations/{invitation_id}/accept', { path })).project;
}

/** Accept an invitation by its code; the project it leads to, null where it is to an organisation. */
export async function acceptCode(code: string): Promise<Project | null> {
  return (await call('post', '/invitations/accept', { body: { code } })).project;
}

/** Decline an invitation. */
export async function decline(id: string): Promise<void> {
  await call('post', '/invitations/{invitation_id}/decline', { path: { invitation_id: id } });
}
