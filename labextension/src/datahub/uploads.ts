import { ISignal, Signal } from '@lumino/signaling';

import { ApiError, datasets, isAbort, type Uploaded } from '../api';

/** Uploads that run at a time; the others wait. */
const AT_ONCE = 2;

/** A file on its way to become a version of a dataset. */
export interface IUpload {
  readonly id: number;
  readonly project: string;
  readonly name: string;
  readonly file: File;
  /** `sending` its bytes, then `reading` while the server looks into them; `same` when nothing was added. */
  readonly phase: 'waiting' | 'sending' | 'reading' | 'same' | 'failed';
  /** Bytes sent. */
  readonly sent: number;
  readonly error: ApiError | null;
  /** What the server answered, where the phase is `same`. */
  readonly uploaded: Uploaded | null;
}

/** The uploads of this page: they go on whatever panel is shown. */
export class Uploads {
  /** @param done - called when a version was added. */
  constructor(private readonly done: (upload: IUpload, uploaded: Uploaded) => void) {}

  get all(): ReadonlyArray<IUpload> {
    return this._all;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Upload a file as the next version of a dataset, new or old. */
  add(project: string, name: string, file: File): void {
    const id = ++this._last;
    this._all = [
      ...this._all,
      { id, project, name, file, phase: 'waiting', sent: 0, error: null, uploaded: null }
    ];
    this._start();
    this._changed.emit();
  }

  /** Send the same file again. */
  retry(id: number): void {
    this._update(id, { phase: 'waiting', sent: 0, error: null });
    this._start();
  }

  /** Give up an upload, or forget one that ended. */
  dismiss(id: number): void {
    this._running.get(id)?.abort();
    this._all = this._all.filter(upload => upload.id !== id);
    this._changed.emit();
  }

  /** For React. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  /** For React. */
  readonly snapshot = (): ReadonlyArray<IUpload> => this._all;

  private _start(): void {
    for (const upload of this._all) {
      if (this._running.size >= AT_ONCE) {
        return;
      }
      // two versions of one dataset keep the order in which they were given
      const busy = this._all.some(
        other => this._running.has(other.id) && other.project === upload.project && other.name === upload.name
      );
      if (upload.phase === 'waiting' && !busy) {
        void this._send(upload);
      }
    }
  }

  private async _send({ id, project, name, file }: IUpload): Promise<void> {
    const giveUp = new AbortController();
    this._running.set(id, giveUp);
    this._update(id, { phase: 'sending', sent: 0 });
    try {
      const uploaded = await datasets.upload(project, name, file, {
        signal: giveUp.signal,
        onProgress: (sent, total) => this._update(id, { sent, phase: sent < total ? 'sending' : 'reading' })
      });
      const upload = this._all.find(one => one.id === id);
      if (uploaded.unchanged) {
        this._update(id, { phase: 'same', uploaded });
      } else {
        this._all = this._all.filter(one => one.id !== id);
        this._changed.emit();
      }
      if (upload) {
        this.done(upload, uploaded);
      }
    } catch (reason) {
      if (!isAbort(reason)) {
        this._update(id, { phase: 'failed', error: ApiError.from(reason) });
      }
    } finally {
      this._running.delete(id);
      this._start();
    }
  }

  private _update(id: number, change: Partial<IUpload>): void {
    this._all = this._all.map(upload => (upload.id === id ? { ...upload, ...change } : upload));
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _running = new Map<number, AbortController>();
  private _all: ReadonlyArray<IUpload> = [];
  private _last = 0;
}

/** A dataset's name from a file's: without its endings, and what a name cannot hold as dashes. */
export function datasetName(filename: string): string {
  const name = filename
    .normalize('NFC')
    .replace(/(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|pq|gz|zst))+$/i, '')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .slice(0, 100)
    .replace(/^[-.]+|[-.]+$/g, '');
  return name || 'dataset';
}
