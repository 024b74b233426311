import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { ApiError, asError } from '../api';

/** Something that is fetched from the server, shown, and fetched again. */
export class Resource<T> implements IDisposable {
  /**
   * @param fetch - asks the server.
   * @param again - after how many milliseconds to ask again by itself, told from what came; null: not by itself.
   */
  constructor(
    private readonly fetch: () => Promise<T>,
    private readonly again: (value: T) => number | null = () => null
  ) {}

  /** What came last; null before anything did. It stays while it is asked for again, and when that fails, unless it is gone. */
  get value(): T | null {
    return this._state.value;
  }

  /** Why the last time failed; null when it did not. */
  get error(): Error | null {
    return this._state.error;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Ask the server. Asked while an answer is on the way, it asks once more after that. Never throws. */
  async refresh(): Promise<void> {
    if (this._running) {
      this._once = true;
      return this._running;
    }
    this._running = this._refresh();
    return this._running;
  }

  /** Take what an action answered. An answer that is on its way may be from before: it is asked for once more. */
  set(value: T): void {
    this._turn += 1;
    this._once = this._running !== null;
    this._settle({ value, error: null });
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  /** For React: called when something changed. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  /** For React: what is shown now, the same object until something changes. */
  readonly snapshot = (): Resource.IState<T> => this._state;

  private async _refresh(): Promise<void> {
    window.clearTimeout(this._timer);
    do {
      this._once = false;
      const turn = this._turn;
      try {
        const value = await this.fetch();
        if (turn === this._turn) {
          this._settle({ value, error: null });
        }
      } catch (reason) {
        const error = asError(reason);
        // what is gone, or not to be seen any more, does not stay on the screen
        const gone = reason instanceof ApiError && reason.status === 404;
        this._settle({ value: gone ? null : this.value, error });
      }
    } while (this._once && !this._disposed);
    this._running = null;
    const delay = this.value === null ? null : this.again(this.value);
    if (delay !== null && !this._disposed) {
      window.clearTimeout(this._timer);
      this._timer = window.setTimeout(() => void this.refresh(), this.error ? 5 * delay : delay);
    }
  }

  private _settle(state: Resource.IState<T>): void {
    if (!this._disposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _state: Resource.IState<T> = { value: null, error: null };
  private _running: Promise<void> | null = null;
  private _once = false;
  /** Another number whenever something was set. */
  private _turn = 0;
  private _timer = 0;
  private _disposed = false;
}

export namespace Resource {
  export interface IState<T> {
    readonly value: T | null;
    readonly error: Error | null;
  }
}

/** What a resource holds, kept current. */
export function useResource<T>(resource: Resource<T>): Resource.IState<T> {
  return React.useSyncExternalStore(resource.subscribe, resource.snapshot);
}

/**
 * A resource of the component's own, made again when `key` changes and asked again when `revision` does.
 */
export function useOwnResource<T>(
  make: () => Resource<T>,
  key: string,
  revision: unknown
): [Resource<T>, Resource.IState<T>] {
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const resource = React.useMemo(make, [key]);
  React.useEffect(() => {
    void resource.refresh();
  }, [resource, revision]);
  // a resource that is not looked at any more stops asking by itself
  React.useEffect(() => () => resource.dispose(), [resource]);
  return [resource, useResource(resource)];
}
