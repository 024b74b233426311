import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { assets as api, type Asset, type FoundAsset } from '../api';
import type { IHome, IHomeSection } from './tokens';

/** Milliseconds after the last letter that a search waits for the next one. */
const PAUSE = 120;

/** How many a search shows. */
const FOUND = 20;

/** What others add to the home. */
export class HomeSections implements IHome {
  get all(): ReadonlyArray<IHomeSection> {
    return this._all;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  addSection(section: IHomeSection): IDisposable {
    this._all = [...this._all, section].sort((one, other) => one.rank - other.rank);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._all = this._all.filter(each => each !== section);
      this._changed.emit();
    });
  }

  private _all: ReadonlyArray<IHomeSection> = [];
  private readonly _changed = new Signal<this, void>(this);
}

/** The assets of a kind in a project: the first of them, and more page by page. */
export async function more(project: string, kind: string, shown: ReadonlyArray<Asset>): Promise<Asset[]> {
  const items: Asset[] = [];
  let cursor: string | null = null;
  const wanted = shown.length + 50;
  do {
    const page: { items: Asset[]; cursor: string | null } = await api.list(project, kind, 500, cursor);
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null && items.length < wanted);
  return items.slice(0, wanted);
}

/** What a search shows at a moment. */
export interface ISearchState {
  /** The text it answers; null before the first answer. */
  readonly text: string | null;
  readonly items: ReadonlyArray<FoundAsset>;
  /** Whether there is more than is shown. */
  readonly more: boolean;
  readonly error: unknown;
  readonly busy: boolean;
}

const NOTHING: ISearchState = { text: null, items: [], more: false, error: null, busy: false };

/** A search as one types: asked when the fingers rest, and an answer that another question has overtaken is dropped. */
export class Search implements IDisposable {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Ask: after a pause, or at once. */
  ask(text: string, atOnce = false): void {
    window.clearTimeout(this._timer);
    this._abort?.abort();
    this._set({ ...this._state, busy: true });
    this._timer = window.setTimeout(() => void this._ask(text), atOnce ? 0 : PAUSE);
  }

  /** Forget what was found. */
  clear(): void {
    window.clearTimeout(this._timer);
    this._abort?.abort();
    this._set(NOTHING);
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this._timer);
    this._abort?.abort();
    Signal.clearData(this);
  }

  /** For React. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  /** For React. */
  readonly snapshot = (): ISearchState => this._state;

  private async _ask(text: string): Promise<void> {
    const abort = new AbortController();
    this._abort = abort;
    try {
      const { items, more } = await api.search(text, FOUND, abort.signal);
      if (!abort.signal.aborted) {
        this._set({ text, items: together(items), more, error: null, busy: false });
      }
    } catch (error) {
      if (!abort.signal.aborted) {
        this._set({ text, items: [], more: false, error, busy: false });
      }
    }
  }

  private _set(state: ISearchState): void {
    if (!this._disposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private _state: ISearchState = NOTHING;
  private _timer = 0;
  private _abort: AbortController | null = null;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** Project by project, in the order of the best of each. */
function together(items: ReadonlyArray<FoundAsset>): FoundAsset[] {
  const projects = [...new Set(items.map(({ project_id }) => project_id))];
  return projects.flatMap(id => items.filter(({ project_id }) => project_id === id));
}
