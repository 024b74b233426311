import { Signal } from '@lumino/signaling';

import { asError, runtable, type RunGroup, type RunRow } from '../../api';
import { fetching, type IQuestion } from './query';
import { RowWindow } from './rows';
import { both, groupFilter, namesOf } from './spec';

/** Of so many metrics groups tell. */
const GROUPED = 20;

/** What stands in a row of the table. */
export type Entry =
  | { readonly kind: 'run'; readonly run: RunRow }
  | { readonly kind: 'group'; readonly section: ISection }
  | { readonly kind: 'blank' };

/** Runs that stand together: those of a group, or all. */
export interface ISection {
  /** Null: there are no groups. */
  readonly group: RunGroup | null;
  /** What leaves its runs; null when MLflow's grammar has no words for it. */
  readonly filter: string | null;
  /** Null while it is closed. */
  rows: RowWindow | null;
}

const BLANK: Entry = { kind: 'blank' };

/** The answer to a question: all runs that match, or groups of them, of which those that are open show theirs. */
export class Sections {
  constructor(private _question: IQuestion) {
    this._sections = [this._all()];
  }

  /** Something has come. */
  readonly changed = new Signal<this, void>(this);

  /** By so many rows what was visible stands further down now. */
  readonly shifted = new Signal<this, number>(this);

  get grouped(): boolean {
    return this._question.spec.group_by !== '';
  }

  /** Runs that match; null as long as nobody has told. */
  get total(): number | null {
    if (this.grouped) {
      return this._groups && this._matching;
    }
    return this._sections[0]?.rows?.total ?? null;
  }

  /** Whether what is shown answers an older question. */
  get outdated(): boolean {
    return this.grouped ? this._groups === null : (this._sections[0].rows?.outdated ?? false);
  }

  /** Why the last question failed; null when it did not. */
  get error(): Error | null {
    return this._error ?? this._sections.map(({ rows }) => rows?.error).find(Boolean) ?? null;
  }

  /** How many rows there are, those of groups too. */
  get count(): number {
    return this._sections.reduce((sum, section) => sum + sizeOf(section), 0);
  }

  entry(index: number): Entry {
    let at = index;
    for (const section of this._sections) {
      const size = sizeOf(section);
      if (at < size) {
        if (section.group && at === 0) {
          return { kind: 'group', section };
        }
        const run = section.rows?.at(section.group ? at - 1 : at);
        return run ? { kind: 'run', run } : BLANK;
      }
      at -= size;
    }
    return BLANK;
  }

  /** These rows are looked at. */
  need(first: number, last: number): void {
    let start = 0;
    for (const section of this._sections) {
      const size = sizeOf(section);
      const head = section.group ? 1 : 0;
      if (
        section.rows &&
        (size > head || section.rows.total === null) &&
        first < start + size &&
        last >= start
      ) {
        section.rows.need(Math.max(0, first - start - head), Math.max(0, last - start - head));
      }
      start += size;
    }
  }

  /** Open or close a group. */
  toggle(section: ISection): void {
    if (section.rows) {
      section.rows.dispose();
      section.rows = null;
    } else if (section.filter !== null) {
      section.rows = this._window(section.filter);
      void section.rows.refresh();
    }
    this._tell();
  }

  /** All runs that are here. */
  loaded(): RunRow[] {
    return this._sections.flatMap(({ rows }) => rows?.loaded() ?? []);
  }

  /** Those that are here and looked at. */
  visible(): RunRow[] {
    return this._sections.flatMap(({ rows }) => rows?.visible() ?? []);
  }

  /** Ask something else; what is shown stays until the answer comes. */
  async ask(question: IQuestion): Promise<void> {
    this._question = question;
    this._error = null;
    this._controller.abort();
    this._controller = new AbortController();
    const first = this._sections[0];
    if (this.grouped) {
      await this._regroup(false);
    } else if (first?.group === null && first.rows) {
      await first.rows.ask(fetching(question, question.spec.filter));
    } else {
      this._sections.forEach(({ rows }) => rows?.dispose());
      this._sections = [this._all()];
      this._groups = null;
      this._tell();
      await this._sections[0].rows?.refresh();
    }
  }

  /** Ask the same again; groups that are open stay so. */
  async refresh(): Promise<void> {
    this._error = null;
    if (this.grouped) {
      await this._regroup(true);
    }
    await Promise.all(this._sections.map(({ rows }) => rows?.refresh() ?? Promise.resolve()));
  }

  dispose(): void {
    this._disposed = true;
    this._controller.abort();
    this._sections.forEach(({ rows }) => rows?.dispose());
    Signal.clearData(this);
  }

  private async _regroup(keep: boolean): Promise<void> {
    const { signal } = this._controller;
    const { project, experiment, which, spec } = this._question;
    const { filter, group_by, columns } = spec;
    try {
      const [groups, { total }] = await Promise.all([
        runtable.groups(
          project,
          experiment,
          { filter, view: which, group_by, metrics: namesOf(columns, 'metrics').slice(0, GROUPED) },
          signal
        ),
        // a run that read several datasets is in several groups
        fetching(this._question, filter, false)(0, 1, signal)
      ]);
      if (signal.aborted || this._disposed) {
        return;
      }
      const old = this._sections;
      const open = new Map(keep ? old.map(({ group, rows }) => [group?.value, rows] as const) : []);
      this._groups = groups;
      this._matching = total;
      this._sections = groups.map(group => {
        const rest = groupFilter(group_by, group.value);
        const joined = rest === null ? null : both(filter, rest);
        return { group, filter: joined, rows: (joined !== null && open.get(group.value)) || null };
      });
      const left = new Set(this._sections.map(({ rows }) => rows));
      old.forEach(({ rows }) => !left.has(rows) && rows?.dispose());
      this._error = null;
      this._tell();
    } catch (reason) {
      if (!signal.aborted && !this._disposed) {
        this._error = asError(reason);
        this._tell();
      }
    }
  }

  private _all(): ISection {
    const rows = this._window(this._question.spec.filter);
    rows.shifted.connect((_sender, by) => this.shifted.emit(by));
    return { group: null, filter: null, rows };
  }

  private _window(filter: string): RowWindow {
    const rows = new RowWindow(fetching(this._question, filter));
    rows.changed.connect(() => this._tell());
    return rows;
  }

  private _tell(): void {
    this.changed.emit();
  }

  private _sections: ISection[];
  private _groups: RunGroup[] | null = null;
  private _matching = 0;
  private _controller = new AbortController();
  private _error: Error | null = null;
  private _disposed = false;
}

function sizeOf({ group, rows }: ISection): number {
  const runs = rows?.total ?? (rows && group ? Math.min(group.count, 1) : 0);
  return group ? 1 + runs : runs;
}
