import { DataModel } from '@lumino/datagrid';
import { ISignal, Signal } from '@lumino/signaling';

import { asError, Column, Preview } from '../api';

/** Rows per request. */
const BLOCK = 200;
/** Blocks that are kept: 20,000 rows. */
const KEPT = 100;
/** Requests at a time; of those that wait only the newest few still matter to whoever scrolls. */
const AT_ONCE = 2;
const WAITING = 6;

/** What a cell shows while its block is on the way. */
export const PENDING = Symbol('pending');

export type Cell = unknown;

/** SQL types whose values stand on the right of their cell. */
export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|REAL|DECIMAL|NUMERIC)\b/i.test(type);
}

/** A value as text. */
export function cellText(value: Cell): string {
  switch (typeof value) {
    case 'symbol':
      return '…';
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return value === undefined ? 'null' : JSON.stringify(value);
  }
}

/**
 * The rows of a dataset version as the grid wants them: it asks for one cell at a time, and gets those that are
 * here; the block of one that is not is fetched, and the grid told when it has come.
 */
export class DatasetRows extends DataModel {
  constructor(
    readonly columns: ReadonlyArray<Column>,
    readonly total: number,
    private readonly fetch: (offset: number, limit: number) => Promise<Preview>
  ) {
    super();
  }

  /** Emitted when a block failed, and with null when one came after that. */
  get failed(): ISignal<this, Error | null> {
    return this._failed;
  }

  /** Emitted with the number of the first row of a block that came. */
  get loaded(): ISignal<this, number> {
    return this._loaded;
  }

  override rowCount(region: DataModel.RowRegion): number {
    return region === 'body' ? this.total : 1;
  }

  override columnCount(region: DataModel.ColumnRegion): number {
    return region === 'body' ? this.columns.length : 1;
  }

  override data(region: DataModel.CellRegion, row: number, column: number): Cell {
    switch (region) {
      case 'corner-header':
        return '';
      case 'row-header':
        return row + 1;
      case 'column-header':
        return this.columns[column].name;
      default:
        return this._cell(row, column);
    }
  }

  override metadata(region: DataModel.CellRegion, _row: number, column: number): DataModel.Metadata {
    return region === 'body' || region === 'column-header'
      ? { type: this.columns[column].type }
      : DataModel.emptyMetadata;
  }

  /** Rows `offset` to `offset + limit`, fetched where they are not here yet. */
  async rows(offset: number, limit: number): Promise<ReadonlyArray<ReadonlyArray<Cell>>> {
    const end = Math.min(offset + limit, this.total);
    const found: ReadonlyArray<Cell>[] = [];
    for (let row = offset; row < end;) {
      const number = Math.floor(row / BLOCK);
      const block = this._blocks.get(number) ?? (await this._fetchBlock(number));
      const first = number * BLOCK;
      const part = block.slice(row - first, end - first);
      if (part.length === 0) {
        break;
      }
      found.push(...part);
      row += part.length;
    }
    return found;
  }

  /** Ask again for what failed. */
  retry(): void {
    this._broken.clear();
    this._failed.emit(null);
    this._tell(0, this.total);
  }

  dispose(): void {
    this._disposed = true;
    this._blocks.clear();
    this._queue.length = 0;
    Signal.clearData(this);
  }

  private _cell(row: number, column: number): Cell {
    const number = Math.floor(row / BLOCK);
    const block = this._blocks.get(number);
    if (block) {
      return block[row - number * BLOCK]?.[column];
    }
    this._want(number);
    return PENDING;
  }

  private _want(number: number): void {
    if (this._broken.has(number) || this._running.has(number) || this._queue.includes(number)) {
      return;
    }
    this._queue.push(number);
    if (this._queue.length > WAITING) {
      this._queue.shift();
    }
    this._next();
  }

  private _next(): void {
    while (!this._disposed && this._running.size < AT_ONCE && this._queue.length > 0) {
      const number = this._queue.pop()!;
      this._fetchBlock(number).catch(() => undefined);
    }
  }

  private _fetchBlock(number: number): Promise<ReadonlyArray<ReadonlyArray<Cell>>> {
    const running = this._running.get(number);
    if (running) {
      return running;
    }
    const fetching = this._load(number);
    this._running.set(number, fetching);
    return fetching;
  }

  private async _load(number: number): Promise<ReadonlyArray<ReadonlyArray<Cell>>> {
    try {
      const { rows } = await this.fetch(number * BLOCK, BLOCK);
      if (this._disposed) {
        return rows;
      }
      this._blocks.set(number, rows);
      if (this._blocks.size > KEPT) {
        const [oldest] = this._blocks.keys();
        this._blocks.delete(oldest);
      }
      if (this._broken.delete(number) && this._broken.size === 0) {
        this._failed.emit(null);
      }
      this._tell(number * BLOCK, rows.length);
      this._loaded.emit(number * BLOCK);
      return rows;
    } catch (reason) {
      this._broken.add(number);
      if (!this._disposed) {
        this._failed.emit(asError(reason));
      }
      throw reason;
    } finally {
      this._running.delete(number);
      this._next();
    }
  }

  private _tell(row: number, rowSpan: number): void {
    if (rowSpan > 0) {
      this.emitChanged({
        type: 'cells-changed',
        region: 'body',
        row,
        column: 0,
        rowSpan,
        columnSpan: this.columns.length
      });
    }
  }

  private readonly _blocks = new Map<number, ReadonlyArray<ReadonlyArray<Cell>>>();
  private readonly _running = new Map<number, Promise<ReadonlyArray<ReadonlyArray<Cell>>>>();
  private readonly _broken = new Set<number>();
  private readonly _queue: number[] = [];
  private readonly _failed = new Signal<this, Error | null>(this);
  private readonly _loaded = new Signal<this, number>(this);
  private _disposed = false;
}
