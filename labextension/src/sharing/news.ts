import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Message, Project, Role } from '../api';
import { roleName } from '../projects/roles';
import type { IProjects } from '../projects/tokens';

/** How many events about people are kept. */
const KEPT = 100;

/** The reader lost sight of an asset. */
const NARROWED = 'insighter.member.narrowed';

/** What is known of an event. */
interface IEventData {
  readonly asset_name?: string;
  readonly before?: string | null;
  readonly after?: string | null;
}

/**
 * What others do about who may what, in words: told at once where it is about the reader, and kept to explain why something
 * is not as it was.
 */
export class News {
  constructor(
    private readonly projects: IProjects,
    private readonly trans: TranslationBundle
  ) {
    this._last = projects.current;
    projects.heard.connect((_projects, messages) => this._hear(messages));
    projects.stateChanged.connect(() => this._compare());
    projects.personChanged.connect(() => {
      this._events = [];
      this._last = null;
    });
  }

  /** What somebody did last about a person in a project; null where that was not heard, or was the reader's own doing. */
  about(project: string, userId: string): string | null {
    const event = this._find(project, `member/${userId}`);
    return event && event.actorid !== this._me ? this._tell(event) : null;
  }

  /** Why the reader's own role in a project is another than before. */
  ofOwnRole(project: string): string | null {
    return this._me === undefined ? null : this.about(project, this._me);
  }

  private _hear(messages: ReadonlyArray<Message>): void {
    const about = messages.filter(({ type }) => type.startsWith('insighter.member.') && type !== NARROWED);
    this._events = [...about.reverse(), ...this._events].slice(0, KEPT);
    for (const { type, actorname } of messages) {
      if (type === NARROWED) {
        // told to whom it is about alone, and not what it was
        const actor = actorname ?? this.trans.__('Somebody');
        const name = this.projects.current?.name ?? '';
        Notification.info(
          this.trans.__('%1 restricted something of “%2”: it is not shown to you any more.', actor, name),
          { autoClose: 10_000 }
        );
      }
    }
  }

  /** Tell of a change of the reader's own part that the reader did not bring about. */
  private _compare(): void {
    const before = this._last;
    const now = this.projects.current;
    this._last = now;
    if (!before || !now || before.id !== now.id || this.projects.me?.local !== false) {
      return;
    }
    if (before.member && !now.member) {
      if (!this._leaving.has(now.id)) {
        this._warn(
          this.trans.__(
            'You are not a member of “%1” any more. It can be read by %2, so you still see it.',
            now.name,
            now.visibility === 'public' ? this.trans.__('everybody') : this.trans.__('its organisation')
          )
        );
      }
    } else if (before.member && now.member && before.role !== now.role) {
      this._tellRole(before, now);
    }
  }

  private _tellRole(before: Project, now: Project): void {
    const event = this._me === undefined ? undefined : this._find(now.id, `member/${this._me}`);
    if (event?.actorid === this._me && event !== undefined) {
      return; // by an invitation of one's own accepting, for example
    }
    if (before.role === 'owner') {
      return; // only the owner transfers
    }
    const role = roleName(now.role, this.trans);
    const text =
      event?.actorname === undefined || event.actorname === null
        ? this.trans.__('Your role in “%1” is %2 now.', now.name, role)
        : now.role === 'owner'
          ? this.trans.__('%1 transferred “%2” to you: you are its owner now.', event.actorname, now.name)
          : this.trans.__('%1 made you %2 of “%3”.', event.actorname, role, now.name);
    Notification.info(text, { autoClose: 10_000 });
  }

  private _warn(text: string): void {
    Notification.warning(text, { autoClose: false });
  }

  /** While one leaves a project that one may read on, that is no news. */
  async leaving<T>(project: string, action: () => Promise<T>): Promise<T> {
    this._leaving.add(project);
    try {
      return await action();
    } finally {
      this._leaving.delete(project);
    }
  }

  private _find(project: string, subject: string): Message | undefined {
    return this._events.find(event => event.source === `/projects/${project}` && event.subject === subject);
  }

  /** An event about a person in a sentence. */
  private _tell(event: Message): string | null {
    const { trans } = this;
    const data = (event.data ?? {}) as IEventData;
    const actor = event.actorname ?? trans.__('Somebody');
    const own = event.subject === `member/${this._me}`;
    const name = data.asset_name ?? trans.__('somebody');
    const role = roleName((data.after ?? null) as Role | null, trans);
    switch (event.type.split('.').pop()) {
      case 'added':
        return trans.__('%1 made %2 %3.', actor, name, role);
      case 'changed':
        return own ? trans.__('%1 made you %2.', actor, role) : trans.__('%1 made %2 %3.', actor, name, role);
      case 'joined':
        return trans.__('%1 joined as %2.', name, role);
      case 'left':
        return trans.__('%1 left the project.', name);
      case 'removed':
        return trans.__('%1 took %2 out of the project.', actor, name);
      case 'transferred':
        return own
          ? trans.__('%1 transferred the project to you.', actor)
          : trans.__('%1 transferred the project to %2.', actor, name);
      default:
        return null;
    }
  }

  private get _me(): string | undefined {
    return this.projects.me?.user_id;
  }

  private _events: ReadonlyArray<Message> = [];
  private _last: Project | null;
  private readonly _leaving = new Set<string>();
}
