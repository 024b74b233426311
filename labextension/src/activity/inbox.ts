import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { activity as api, type Message, type Notification } from '../api';
import type { IAssetRef } from '../assets/tokens';
import type { IBus } from '../bus/tokens';
import type { IProjects } from '../projects/tokens';

/** What is shown of what is for the person. */
export interface IInboxState {
  /** Newest first; null until they came. */
  readonly items: ReadonlyArray<Notification> | null;
  readonly unread: number;
  readonly error: Error | null;
  readonly more: boolean;
}

/** What is for whoever is signed in, of all projects: loaded once, and from then on as the bus tells it. */
export class Inbox {
  constructor(
    private readonly bus: IBus,
    private readonly projects: IProjects
  ) {
    bus.subscribe('notifications', message => this._take(message));
    bus.began.connect(() => void this.reload());
    // where nobody calls, it is looked at when something is known to have happened
    projects.stateChanged.connect(() => {
      if (projects.me && this._asked === 0) {
        void this.reload();
      }
    });
    projects.changed.connect(() => {
      if (!this.bus.live) {
        void this.reload();
      }
    });
    projects.personChanged.connect(() => {
      this._asked = 0;
      this._set({ items: null, unread: 0, error: null, more: false });
    });
    // what was read on another page is read here, too
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && this._state.unread > 0) {
        void this.reload();
      }
    });
  }

  get unread(): number {
    return this._state.unread;
  }

  /** Something came just now. */
  get arrived(): ISignal<this, Notification> {
    return this._arrived;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** For React. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  readonly snapshot = (): IInboxState => this._state;

  /** Ask for the newest. */
  async reload(): Promise<void> {
    const { me } = this.projects;
    if (!me) {
      return;
    }
    const asked = ++this._asked;
    this._early = [];
    try {
      const { items, cursor, unread } = await api.notifications(null);
      if (asked === this._asked && me.user_id === this.projects.me?.user_id) {
        this._cursor = cursor;
        // the answer may be from before what came meanwhile
        const missed = this._early.filter(item => !items.some(({ id }) => id === item.id));
        this._set({
          items: merged(missed, items),
          unread: unread + missed.length,
          error: null,
          more: cursor !== null
        });
      }
    } catch (reason) {
      if (asked === this._asked) {
        this._set({ ...this._state, error: reason as Error });
      }
    }
  }

  /** While comments on an asset are looked at, it is not told that there are new ones, and those there are count as read. */
  watch(asset: IAssetRef, looking: () => boolean): IDisposable {
    const watched = (item: Notification): boolean =>
      item.kind === 'comment' &&
      item.project_id === asset.project &&
      item.asset?.kind === asset.kind &&
      item.asset.key === asset.key &&
      document.visibilityState === 'visible' &&
      looking();
    this._watched.add(watched);
    const seen = this._state.items?.filter(item => item.read_at === null && watched(item)) ?? [];
    if (seen.length > 0) {
      void this.read(seen.map(({ id }) => id));
    }
    return new DisposableDelegate(() => this._watched.delete(watched));
  }

  /** Load older ones. */
  async older(): Promise<void> {
    const asked = this._asked;
    try {
      const { items, cursor, unread } = await api.notifications(this._cursor);
      if (asked === this._asked) {
        this._cursor = cursor;
        this._set({
          items: merged(this._state.items ?? [], items),
          unread,
          error: null,
          more: cursor !== null
        });
      }
    } catch (reason) {
      this._set({ ...this._state, error: reason as Error });
    }
  }

  /** Note some as read, or all. */
  async read(ids: number[] | null): Promise<void> {
    const now = new Date().toISOString();
    const chosen = ids === null ? null : new Set(ids);
    try {
      const unread = await api.read(ids);
      const items = this._state.items?.map(item =>
        item.read_at === null && (chosen?.has(item.id) ?? true) ? { ...item, read_at: now } : item
      );
      this._set({ ...this._state, items: items ?? null, unread, error: null });
    } catch (reason) {
      this._set({ ...this._state, error: reason as Error });
    }
  }

  private _take(message: Message): void {
    const item = message.data as Notification;
    const { items, unread } = this._state;
    if (items?.some(({ id }) => id === item.id)) {
      return; // the list, asked for meanwhile, had it
    }
    this._early.unshift(item);
    this._set({ ...this._state, items: merged([item], items ?? []), unread: unread + 1 });
    if ([...this._watched].some(watched => watched(item))) {
      void this.read([item.id]);
    } else {
      this._arrived.emit(item);
    }
  }

  private _set(state: IInboxState): void {
    this._state = state;
    this._changed.emit();
  }

  private _state: IInboxState = { items: null, unread: 0, error: null, more: false };
  private _cursor: string | null = null;
  private _asked = 0;
  private _early: Notification[] = [];
  private readonly _watched = new Set<(item: Notification) => boolean>();
  private readonly _arrived = new Signal<this, Notification>(this);
  private readonly _changed = new Signal<this, void>(this);
}

function merged(
  first: ReadonlyArray<Notification>,
  second: ReadonlyArray<Notification>
): ReadonlyArray<Notification> {
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...second.filter(({ id }) => !known.has(id))];
}
