import { call, everything } from './client';
import type { components } from './generated';
import type { Project } from './projects';

type Schemas = components['schemas'];

/** An invitation that waits for the caller's answer. */
export type Invitation = Schemas['OwnInvitation'];

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

/** The members of a project, its owner first. */
export async function members(project: string): Promise<Schemas['Member'][]> {
  const path = { project_id: project };
  return everything(cursor =>
    call('get', '/projects/{project_id}/members', {
      path,
      query: { limit: 500, cursor: cursor ?? undefined }
    })
  );
}
