import { DisposableSet, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { activity as api, type IActivityFilter, type Message } from '../api';
import type { IBus } from '../bus/tokens';
import type { IProjects } from '../projects/tokens';
import { eventOf } from './sentences';

/** How many are loaded at a time. */
const PAGE = 50;

/** What a feed shows. */
export interface IFeedState {
  /** Newest first; null until they came. */
  readonly items: ReadonlyArray<Message> | null;
  readonly error: Error | null;
  /** Whether there are older ones. */
  readonly more: boolean;
  /** Whether older ones are on their way. */
  readonly loading: boolean;
}

/**
 * What happened in a project: the list from the server, with what happens meanwhile on top of it, as the bus tells it. Each
 * event once, whichever way it came. The list is asked for again only when listening began anew.
 */
export class Feed implements IDisposable {
  constructor(
    private readonly options: {
      bus: IBus;
      projects: IProjects;
      project: string;
      filter: IActivityFilter;
      size?: number;
    }
  ) {
    const { bus, projects } = options;
    this._subscriptions.add(bus.subscribe('activity', message => this._take(message)));
    bus.began.connect(this._reload);
    // The bus tells of the open project. Where it does not, it is looked at again when something may have happened.
    projects.changed.connect(this._look);
    void this.reload();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** For React. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  readonly snapshot = (): IFeedState => this._state;

  /** Ask for the newest again. */
  async reload(): Promise<void> {
    const { project, filter, size = PAGE } = this.options;
    const asked = ++this._asked;
    this._early = [];
    try {
      const { items, cursor } = await api.list(project, filter, size, null);
      if (asked === this._asked) {
        this._cursor = cursor;
        const early = this._early;
        this._set({ items, error: null, more: cursor !== null, loading: false });
        early.forEach(message => this._add(message));
      }
    } catch (reason) {
      if (asked === this._asked) {
        this._set({ ...this._state, error: reason as Error, loading: false });
      }
    }
  }

  /** Load older ones. */
  async older(): Promise<void> {
    const { project, filter } = this.options;
    if (this._state.loading || this._cursor === null) {
      return;
    }
    const asked = this._asked;
    this._set({ ...this._state, loading: true, error: null });
    try {
      const { items, cursor } = await api.list(project, filter, PAGE, this._cursor);
      if (asked === this._asked) {
        this._cursor = cursor;
        const before = this._state.items ?? [];
        const known = new Set(before.map(({ id }) => id));
        const added = items.filter(({ id }) => !known.has(id));
        this._set({ items: [...before, ...added], error: null, more: cursor !== null, loading: false });
      }
    } catch (reason) {
      if (asked === this._asked) {
        this._set({ ...this._state, error: reason as Error, loading: false });
      }
    }
  }

  dispose(): void {
    if (!this._disposed) {
      this._disposed = true;
      this._asked += 1;
      this._subscriptions.dispose();
      this.options.bus.began.disconnect(this._reload);
      this.options.projects.changed.disconnect(this._look);
      Signal.clearData(this);
    }
  }

  private _take(message: Message): void {
    const { project, filter } = this.options;
    const { kind, key } = eventOf(message);
    if (
      message.source !== `/projects/${project}` ||
      (filter.person && message.actorid !== filter.person) ||
      (filter.kind && kind !== filter.kind) ||
      (filter.key && key !== filter.key)
    ) {
      return;
    }
    if (this._state.items) {
      this._add(message);
    }
    this._early.push(message); // an answer on its way may be from before
    this._early.splice(0, this._early.length - PAGE);
  }

  private _add(message: Message): void {
    const items = this._state.items ?? [];
    if (items.some(({ id }) => id === message.id)) {
      return;
    }
    const { size } = this.options;
    const place = items.findIndex(({ id }) => number(id) < number(message.id));
    const next = [...items];
    next.splice(place < 0 ? items.length : place, 0, message);
    this._set({ ...this._state, items: size === undefined ? next : next.slice(0, size) });
  }

  private _set(state: IFeedState): void {
    if (!this._disposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private readonly _reload = (): void => void this.reload();

  private readonly _look = (): void => {
    const { bus, projects, project } = this.options;
    if (!bus.live || projects.current?.id !== project || this._state.error) {
      void this.reload();
    }
  };

  private _state: IFeedState = { items: null, error: null, more: false, loading: true };
  private _cursor: string | null = null;
  private _asked = 0;
  private _early: Message[] = [];
  private _disposed = false;
  private readonly _subscriptions = new DisposableSet();
  private readonly _changed = new Signal<this, void>(this);
}

/** An event's number in its id: e17. */
function number(id: string): number {
  return Number(id.slice(1));
}
