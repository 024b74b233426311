import { Signal, type ISignal } from '@lumino/signaling';

import { asError, isAbort, runs as api, type Curves } from '../../api';
import { extend, type ISeries } from './series';

/** What one request may ask for. */
const RUNS = 100;
const KEYS = 20;

/** Points of a curve that is asked for whole. */
const POINTS = 1000;

/** A curve that grew this long is asked for again, thinned. */
const LONGEST = 4 * POINTS;

/** How often curves of running runs are asked for what is new, in milliseconds. */
const LIVE = 1000;

/** What is asked for in one request, and where each run's answer ended. */
interface IPart {
  readonly runs: string[];
  readonly keys: string[];
  cursors: Record<string, string>;
}

/** Curves of several runs, which grow while these run. */
export class CurvesModel {
  constructor(readonly project: string) {}

  /** The series of a metric of a run; undefined while it has not come and where there is none. */
  series(run: string, key: string): ISeries | undefined {
    return this._series.get(`${run} ${key}`);
  }

  /** Counts up with everything that changes. */
  readonly snapshot = (): number => this._revision;

  readonly subscribe = (notify: () => void): (() => void) => {
    this._changed.connect(notify);
    return () => void this._changed.disconnect(notify);
  };

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Why the last request failed; null when it did not. */
  get error(): Error | null {
    return this._error;
  }

  /** Whether the first answer has come. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Say which curves are shown, and which runs go on. What is there already stays, and is not asked for again. */
  show(runs: ReadonlyArray<string>, keys: ReadonlyArray<string>, live: ReadonlySet<string>): void {
    const before = this._live;
    this._live = new Set(runs.filter(run => live.has(run)));
    // what ended since the last look has logged its last values meanwhile
    for (const run of before) {
      if (!this._live.has(run) && runs.includes(run)) {
        this._ended.add(run);
      }
    }
    const wanted = JSON.stringify([runs, keys]);
    if (wanted !== this._wanted) {
      this._wanted = wanted;
      this._parts = [];
      for (let run = 0; run < runs.length; run += RUNS) {
        for (let key = 0; key < keys.length; key += KEYS) {
          this._parts.push({
            runs: runs.slice(run, run + RUNS),
            keys: keys.slice(key, key + KEYS),
            cursors: {}
          });
        }
      }
      void this.refresh();
    } else if (this._live.size > 0 || this._ended.size > 0) {
      this._plan();
    }
  }

  /** Ask for all of it again. */
  async refresh(): Promise<void> {
    this._abort?.abort();
    const abort = new AbortController();
    this._abort = abort;
    window.clearTimeout(this._timer);
    try {
      for (const part of this._parts) {
        const { signal } = abort;
        const answer = await api.curves(
          this.project,
          { run_ids: part.runs, keys: part.keys, max_points: POINTS },
          signal
        );
        if (signal.aborted) {
          return;
        }
        part.cursors = answer.cursors;
        this._take(answer, false);
      }
      this._error = null;
    } catch (reason) {
      if (isAbort(reason) || abort.signal.aborted) {
        return;
      }
      this._error = asError(reason);
    }
    this._loaded = true;
    this._tell();
    this._plan();
  }

  /** Whether anybody looks; told by who shows it. */
  visible: () => boolean = () => true;

  dispose(): void {
    this._disposed = true;
    this._abort?.abort();
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _plan(): void {
    window.clearTimeout(this._timer);
    if (!this._disposed && (this._live.size > 0 || this._ended.size > 0)) {
      this._timer = window.setTimeout(() => void this._grow(), this._error ? 5 * LIVE : LIVE);
    }
  }

  /** What was logged since. */
  private async _grow(): Promise<void> {
    if (document.visibilityState !== 'visible' || !this.visible()) {
      this._plan();
      return;
    }
    const signal = this._abort?.signal;
    const ended = new Set(this._ended);
    const going = new Set([...this._live, ...ended]);
    let long = false;
    try {
      for (const part of this._parts) {
        const run_ids = part.runs.filter(run => going.has(run));
        if (run_ids.length === 0) {
          continue;
        }
        const after = Object.fromEntries(
          run_ids.flatMap(run => (run in part.cursors ? [[run, part.cursors[run]] as const] : []))
        );
        const answer = await api.curves(
          this.project,
          { run_ids, keys: part.keys, after, max_points: POINTS },
          signal
        );
        if (signal?.aborted) {
          return;
        }
        part.cursors = { ...part.cursors, ...answer.cursors };
        long = this._take(answer, true) || long;
      }
      ended.forEach(run => this._ended.delete(run));
      this._error = null;
    } catch (reason) {
      if (isAbort(reason) || signal?.aborted) {
        return;
      }
      this._error = asError(reason);
      this._tell();
    }
    if (long) {
      await this.refresh();
    } else {
      this._plan();
    }
  }

  /** Keep what came; whether one is too long now. */
  private _take({ curves }: Curves, more: boolean): boolean {
    let long = false;
    let changed = false;
    for (const { run_id: run, key, total, steps, times, values } of curves) {
      const name = `${run} ${key}`;
      const before = more ? this._series.get(name) : undefined;
      const now = before
        ? extend(before, { steps, times, values })
        : { run, key, total, steps, times, values };
      if (now !== before) {
        this._series.set(name, now);
        changed = true;
      }
      long ||= now.steps.length > LONGEST;
    }
    if (changed) {
      this._tell();
    }
    return long;
  }

  private _tell(): void {
    if (!this._disposed) {
      this._revision += 1;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _series = new Map<string, ISeries>();
  private readonly _ended = new Set<string>();
  private _live = new Set<string>();
  private _parts: IPart[] = [];
  private _wanted = '';
  private _revision = 0;
  private _loaded = false;
  private _error: Error | null = null;
  private _abort: AbortController | null = null;
  private _timer = 0;
  private _disposed = false;
}
