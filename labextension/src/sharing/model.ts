import { type ISignal, Signal } from '@lumino/signaling';

import {
  type AccessRequest,
  ApiError,
  datasets,
  deployments,
  type GivenRole,
  type Member,
  models,
  type NewInvitation,
  notebooks,
  type Organisation,
  type Project,
  projects,
  type Restriction,
  type RestrictionSet,
  type SentInvitation,
  sharing,
  type VisibilityChange
} from '../api';
import { Resource } from '../pages/resource';
import { mayShare } from '../projects/roles';
import type { IProjects } from '../projects/tokens';

/** The parts of the page. */
export type Part = 'people' | 'invitations' | 'requests' | 'visibility' | 'closed';

/** What of a person is shown in a part: whose role to change, whom to invite again. */
export interface IFocus {
  readonly part: Part;
  /** The address of a member, or one to be invited. */
  readonly email?: string;
  readonly role?: GivenRole;
}

/** Kinds of assets that can be more closed than their project. */
export type ClosedKind = Restriction['kind'];

/** Milliseconds between two looks for what no event tells: invitations and requests. */
const LOOK = 30_000;

/** Who may what in a project: what the page shows and does. */
export class SharingModel {
  constructor(
    readonly project: string,
    private readonly projects: IProjects
  ) {}

  /** The project itself, where it is neither open nor in the list. */
  readonly details = new Resource<Project>(() => projects.get(this.project));
  readonly members = new Resource<Member[]>(() => sharing.members(this.project));
  readonly invitations = new Resource<SentInvitation[]>(
    () => sharing.sentInvitations(this.project),
    () => LOOK
  );
  readonly requests = new Resource<AccessRequest[]>(
    () => sharing.requests(this.project),
    () => LOOK
  );
  readonly restrictions = new Resource<Restriction[]>(() => sharing.restrictions(this.project));
  readonly organisations = new Resource<Organisation[]>(() => sharing.organisations());

  /** A part of the page is to be shown. */
  get focused(): ISignal<this, IFocus> {
    return this._focused;
  }

  /** What to show first; taken once. */
  takeFocus(): IFocus | null {
    const focus = this._focus;
    this._focus = null;
    return focus;
  }

  /** Show a part of the page. */
  focus(focus: IFocus): void {
    this._focus = focus;
    this._focused.emit(focus);
  }

  /** Ask again for all that the caller may see. */
  refresh(): void {
    const project = this.projects.find(this.project) ?? this.details.value;
    if (!this.projects.find(this.project)) {
      void this.details.refresh();
    }
    if (project?.member) {
      void this.members.refresh();
    }
    if (mayShare(project)) {
      void this.invitations.refresh();
      void this.requests.refresh();
      void this.restrictions.refresh();
      void this.organisations.refresh();
    }
  }

  /** Give a role; to a member in the place of the one that is shown. */
  setRole(userId: string, role: GivenRole, before: GivenRole | null = null): Promise<Member> {
    return this._do(() => sharing.setMember(this.project, userId, role, before));
  }

  /** Take somebody else out. */
  remove(userId: string): Promise<void> {
    return this._do(() => sharing.removeMember(this.project, userId));
  }

  leave(userId: string): Promise<void> {
    return this.projects.part(this.project, () => sharing.removeMember(this.project, userId));
  }

  transfer(userId: string): Promise<Project> {
    return this._do(() => sharing.transfer(this.project, userId));
  }

  invite(email: string, role: GivenRole): Promise<NewInvitation> {
    return this._do(() => sharing.invite(this.project, email, role));
  }

  revoke(id: string): Promise<void> {
    return this._do(() => sharing.revoke(this.project, id));
  }

  grant(id: string, role: GivenRole): Promise<Member> {
    return this._do(() => sharing.grant(this.project, id, role));
  }

  declineRequest(id: string): Promise<void> {
    return this._do(() => sharing.declineRequest(this.project, id));
  }

  setVisibility(change: VisibilityChange): Promise<Project> {
    return this._do(() => sharing.setVisibility(this.project, change));
  }

  restrict(kind: ClosedKind, key: string, body: RestrictionSet): Promise<Restriction> {
    return this._do(() => sharing.restrict(this.project, kind, key, body));
  }

  unrestrict(kind: ClosedKind, key: string): Promise<void> {
    return this._do(() => sharing.unrestrict(this.project, kind, key));
  }

  async createOrganisation(name: string): Promise<Organisation> {
    const made = await sharing.createOrganisation(name);
    await this.organisations.refresh();
    return made;
  }

  get isDisposed(): boolean {
    return this.members.isDisposed;
  }

  dispose(): void {
    this.details.dispose();
    this.members.dispose();
    this.invitations.dispose();
    this.requests.dispose();
    this.restrictions.dispose();
    this.organisations.dispose();
    Signal.clearData(this);
  }

  /** An action; however it ends, what is shown is asked for again: what was refused had changed meanwhile. */
  private async _do<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } finally {
      await this.projects.refresh();
      if (!this.isDisposed) {
        this.refresh();
      }
    }
  }

  private _focus: IFocus | null = null;
  private readonly _focused = new Signal<this, IFocus>(this);
}

/** An asset, as the API and as people name it. */
export interface INamed {
  readonly key: string;
  readonly name: string;
}

/** A project's assets of a kind, as the caller sees them. */
export async function namedAssets(project: string, kind: ClosedKind): Promise<INamed[]> {
  if (kind === 'notebook') {
    return (await notebooks.list(project)).map(({ id, path }) => ({ key: id, name: path }));
  }
  const { list } = { dataset: datasets, model: models, deployment: deployments }[kind];
  return (await list(project)).map(({ name }) => ({ key: name, name }));
}

/** What is known of an asset's restriction; null where it has none. */
export async function restrictionOf(
  project: string,
  kind: ClosedKind,
  key: string
): Promise<Restriction | null> {
  const all = await sharing.restrictions(project);
  return all.find(one => one.kind === kind && one.key === key) ?? null;
}

/** Whether something was refused because there was nothing to do it to any more, or no right to do it. */
export function isOvertaken(reason: unknown): boolean {
  return reason instanceof ApiError && [403, 404, 409].includes(reason.status);
}
