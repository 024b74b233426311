import { Signal } from '@lumino/signaling';

import { asError, isAbort, type RunRow, type RunRows } from '../../api';

/** Rows that are asked for at a time: a page of the server's, which the visible window is rounded to. */
const BLOCK = 100;

/** Asks the server for a window of rows. */
export type Fetch = (offset: number, limit: number, signal: AbortSignal) => Promise<RunRows>;

/**
 * The rows of a long list, of which those are here that were looked at. Answers to questions that are not asked any more are
 * dropped; what was shown stays until something newer has come.
 */
export class RowWindow {
  constructor(private _fetch: Fetch) {}

  /** How many there are; null as long as nobody has told. */
  get total(): number | null {
    return this._total;
  }

  /** Why the last question failed; null when it did not. */
  get error(): Error | null {
    return this._error;
  }

  /** Whether what is shown answers an older question. */
  get outdated(): boolean {
    return this._outdated;
  }

  /** Something has come. */
  readonly changed = new Signal<this, void>(this);

  /** Rows came or went above the first visible one: by so many it stands further down now. */
  readonly shifted = new Signal<this, number>(this);

  get isDisposed(): boolean {
    return this._disposed;
  }

  at(index: number): RunRow | undefined {
    return this._rows.get(index);
  }

  /** All that are here, in their order. */
  loaded(): RunRow[] {
    return [...this._rows].sort(([a], [b]) => a - b).map(([, row]) => row);
  }

  /** Those that are here and looked at. */
  visible(): RunRow[] {
    const rows: RunRow[] = [];
    for (let index = this._first; index <= this._last; index++) {
      const row = this._rows.get(index);
      if (row) {
        rows.push(row);
      }
    }
    return rows;
  }

  /** These are looked at: fetch what is missing of them. */
  need(first: number, last: number): void {
    this._first = Math.max(0, first);
    this._last = Math.max(this._first, last);
    if (this._total === null || this._outdated || this._error) {
      return; // whoever began asks first
    }
    const missing: number[] = [];
    const end = Math.floor(Math.min(this._last, Math.max(0, this._total - 1)) / BLOCK);
    for (let block = Math.floor(this._first / BLOCK); block <= end; block++) {
      if (!this._fresh.has(block) && !this._asked.has(block)) {
        missing.push(block);
      }
    }
    if (missing.length > 0) {
      void this._load(missing[0], missing[missing.length - 1] + 1);
    }
  }

  /** Ask something else; what is shown stays until the answer comes. */
  ask(fetch: Fetch): Promise<void> {
    this._fetch = fetch;
    this._outdated = true;
    return this.refresh();
  }

  /** Ask again for what is looked at. Asked while an answer is on the way, that answer counts no more. */
  async refresh(): Promise<void> {
    this._giveUp();
    const controller = (this._controller = new AbortController());
    const first = this._outdated ? 0 : Math.max(0, Math.floor(this._first / BLOCK) - 1);
    const last = this._outdated ? 1 : Math.min(first + 9, Math.floor(this._last / BLOCK) + 2);
    try {
      let page = await this._fetch(first * BLOCK, (last - first) * BLOCK, controller.signal);
      if (page.items.length === 0 && page.total > 0) {
        // so many are gone that there is nothing left where one looks
        const at = Math.max(0, Math.ceil(page.total / BLOCK) - 1) * BLOCK;
        page = await this._fetch(at, BLOCK, controller.signal);
      }
      if (controller.signal.aborted || this._disposed) {
        return;
      }
      this._replace(page);
    } catch (reason) {
      this._fail(reason, controller);
    }
  }

  dispose(): void {
    this._disposed = true;
    this._giveUp();
    Signal.clearData(this);
  }

  private async _load(first: number, end: number): Promise<void> {
    const controller = this._controller;
    for (let block = first; block < end; block++) {
      this._asked.add(block);
    }
    try {
      const page = await this._fetch(first * BLOCK, (end - first) * BLOCK, controller.signal);
      if (controller.signal.aborted || this._disposed) {
        return;
      }
      if (page.total !== this._total) {
        void this.refresh(); // what is here belongs to another moment
        return;
      }
      page.items.forEach((row, index) => this._rows.set(page.offset + index, row));
      for (let block = first; block < end; block++) {
        this._fresh.add(block);
        this._asked.delete(block);
      }
      this.changed.emit();
    } catch (reason) {
      this._fail(reason, controller);
    }
  }

  private _replace(page: RunRows): void {
    const before = this._rows.get(this._first);
    const index = before ? page.items.findIndex(({ id }) => id === before.id) : -1;
    const shift = this._outdated || this._first === 0 || index < 0 ? 0 : page.offset + index - this._first;
    const old = this._outdated || this._total === null ? [] : [...this._rows];
    this._rows = new Map(
      old.map(([at, row]): [number, RunRow] => [at + shift, row]).filter(([at]) => at >= 0 && at < page.total)
    );
    page.items.forEach((row, at) => this._rows.set(page.offset + at, row));
    this._fresh.clear();
    const end = page.offset + page.items.length;
    for (let block = Math.ceil(page.offset / BLOCK); block * BLOCK < end; block++) {
      this._fresh.add(block);
    }
    this._total = page.total;
    this._outdated = false;
    this._error = null;
    if (shift !== 0) {
      this._first += shift;
      this._last += shift;
      this.shifted.emit(shift);
    }
    this.changed.emit();
  }

  private _giveUp(): void {
    this._controller.abort();
    this._controller = new AbortController();
    this._asked.clear();
  }

  private _fail(reason: unknown, controller: AbortController): void {
    if (isAbort(reason) || controller.signal.aborted || this._disposed) {
      return;
    }
    this._asked.clear();
    this._error = asError(reason);
    this.changed.emit();
  }

  private _rows = new Map<number, RunRow>();
  private readonly _fresh = new Set<number>();
  private readonly _asked = new Set<number>();
  private _controller = new AbortController();
  private _total: number | null = null;
  private _error: Error | null = null;
  private _outdated = true;
  private _first = 0;
  private _last = 0;
  private _disposed = false;
}
