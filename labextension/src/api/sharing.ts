import { call, everything, type IPage } from './client';
import type { components } from './generated';
import type { Project } from './projects';

type Schemas = components['schemas'];

/** An invitation that waits for the caller's answer. */
export type Invitation = Schemas['OwnInvitation'];
/** An invitation that nobody answered yet, as admins see it. */
export type SentInvitation = Schemas['Invitation'];
export type NewInvitation = Schemas['NewInvitation'];
export type Member = Schemas['Member'];
export type GivenRole = Schemas['MemberRole']['role'];
export type VisibilityChange = Schemas['VisibilityChange'];
export type AccessRequest = Schemas['AccessRequest'];
export type AskedAccess = Schemas['AskedAccess'];
export type Restriction = Schemas['Restriction'];
export type RestrictionSet = Schemas['RestrictionSet'];
export type Organisation = Schemas['Organisation'];
export type OrganisationMember = Schemas['OrganisationMember'];
export type OrganisationRole = OrganisationMember['role'];

// ---- the caller's own invitations

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

// ---- members

/** A project's members, its owner first; for members. */
export function members(projectId: string): Promise<Member[]> {
  return everything<Member>((cursor): Promise<IPage<Member>> =>
    call('get', '/projects/{project_id}/members', { path: { project_id: projectId }, query: { cursor } })
  );
}

/**
 * Give a member another role, or somebody one knows their first. `before` is the role that the caller saw: it is refused where
 * that is another one by now, or none.
 */
export function setMember(
  projectId: string,
  userId: string,
  role: GivenRole,
  before: GivenRole | null = null
): Promise<Member> {
  const path = { project_id: projectId, user_id: userId };
  return call('put', '/projects/{project_id}/members/{user_id}', { path, body: { role, before } });
}

/** Take somebody out of a project, or leave it. */
export async function removeMember(projectId: string, userId: string): Promise<void> {
  const path = { project_id: projectId, user_id: userId };
  await call('delete', '/projects/{project_id}/members/{user_id}', { path });
}

/** Make another member the owner; the caller is an admin afterwards. */
export function transfer(projectId: string, userId: string): Promise<Project> {
  const path = { project_id: projectId };
  return call('put', '/projects/{project_id}/owner', { path, body: { user_id: userId } });
}

/** Say who sees a project without being a member. */
export function setVisibility(projectId: string, body: VisibilityChange): Promise<Project> {
  return call('put', '/projects/{project_id}/visibility', { path: { project_id: projectId }, body });
}

// ---- invitations to a project

/** A project's invitations that nobody answered yet, oldest first. */
export function sentInvitations(projectId: string): Promise<SentInvitation[]> {
  return everything<SentInvitation>((cursor): Promise<IPage<SentInvitation>> =>
    call('get', '/projects/{project_id}/invitations', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** Invite an address; the answer has the code, which is shown once. */
export function invite(projectId: string, email: string, role: GivenRole): Promise<NewInvitation> {
  const path = { project_id: projectId };
  return call('post', '/projects/{project_id}/invitations', { path, body: { email, role } });
}

/** Take an invitation back. */
export async function revoke(projectId: string, id: string): Promise<void> {
  const path = { project_id: projectId, invitation_id: id };
  await call('delete', '/projects/{project_id}/invitations/{invitation_id}', { path });
}

// ---- requests for access

/** Who asks for access to a project, oldest first. */
export function requests(projectId: string): Promise<AccessRequest[]> {
  return everything<AccessRequest>((cursor): Promise<IPage<AccessRequest>> =>
    call('get', '/projects/{project_id}/access-requests', {
      path: { project_id: projectId },
      query: { cursor }
    })
  );
}

/** Make who asked a member. */
export function grant(projectId: string, id: string, role: GivenRole): Promise<Member> {
  const path = { project_id: projectId, request_id: id };
  return call('post', '/projects/{project_id}/access-requests/{request_id}/grant', { path, body: { role } });
}

/** Close a request; who asked is not told. */
export async function declineRequest(projectId: string, id: string): Promise<void> {
  const path = { project_id: projectId, request_id: id };
  await call('post', '/projects/{project_id}/access-requests/{request_id}/decline', { path });
}

/** What the caller asked for within 30 days, newest first. */
export async function asked(): Promise<AskedAccess[]> {
  return (await call('get', '/access-requests', {})).items;
}

/** Ask the admins of a project, named by its id or slug, for access. */
export function askAccess(project: string, role: GivenRole, message: string): Promise<AskedAccess> {
  return call('post', '/access-requests', { body: { project, role, message } });
}

// ---- restrictions

/** The assets that are more closed than their project. */
export function restrictions(projectId: string): Promise<Restriction[]> {
  return everything<Restriction>((cursor): Promise<IPage<Restriction>> =>
    call('get', '/projects/{project_id}/restrictions', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** Close an asset to all but members with a role, and people named. */
export function restrict(
  projectId: string,
  kind: string,
  name: string,
  body: RestrictionSet
): Promise<Restriction> {
  const path = { project_id: projectId, kind, name };
  return call('put', '/projects/{project_id}/restrictions/{kind}/{name}', { path, body });
}

/** Open an asset to all who see its project. */
export async function unrestrict(projectId: string, kind: string, name: string): Promise<void> {
  const path = { project_id: projectId, kind, name };
  await call('delete', '/projects/{project_id}/restrictions/{kind}/{name}', { path });
}

// ---- organisations

/** The caller's organisations, by name. */
export function organisations(): Promise<Organisation[]> {
  return everything<Organisation>((cursor): Promise<IPage<Organisation>> =>
    call('get', '/organisations', { query: { cursor } })
  );
}

/** Make an organisation; the caller is its first admin. */
export function createOrganisation(name: string): Promise<Organisation> {
  return call('post', '/organisations', { body: { name } });
}

/** An organisation's members, admins first. */
export function organisationMembers(id: string): Promise<OrganisationMember[]> {
  return everything<OrganisationMember>((cursor): Promise<IPage<OrganisationMember>> =>
    call('get', '/organisations/{organisation_id}/members', {
      path: { organisation_id: id },
      query: { cursor }
    })
  );
}

/** Give a member of an organisation the other role. */
export async function setOrganisationMember(
  id: string,
  userId: string,
  role: OrganisationRole
): Promise<void> {
  const path = { organisation_id: id, user_id: userId };
  await call('put', '/organisations/{organisation_id}/members/{user_id}', { path, body: { role } });
}

/** Take somebody out of an organisation, or leave it. */
export async function removeOrganisationMember(id: string, userId: string): Promise<void> {
  const path = { organisation_id: id, user_id: userId };
  await call('delete', '/organisations/{organisation_id}/members/{user_id}', { path });
}

/** Invite an address to an organisation; the answer has the code, which is shown once. */
export function inviteToOrganisation(
  id: string,
  email: string,
  role: OrganisationRole
): Promise<NewInvitation> {
  const path = { organisation_id: id };
  return call('post', '/organisations/{organisation_id}/invitations', { path, body: { email, role } });
}
