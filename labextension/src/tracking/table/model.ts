import { Signal } from '@lumino/signaling';

import {
  ApiError,
  asError,
  runtable,
  type RunKeys,
  type RunRow,
  type RunView,
  type RunViewCreate
} from '../../api';
import { Resource } from '../../pages/resource';
import { bestOf, type IQuestion, pages } from './query';
import { Sections } from './sections';
import {
  columnChanged,
  columnMoved,
  type IColumn,
  type ISpec,
  plain,
  sameSpec,
  sortedBy,
  specOf,
  usualSpec,
  type Which
} from './spec';
import { remember, remembered } from './storage';

/** How often what runs is looked at again, in milliseconds. */
const LIVE = 2000;

/** At least so long it waits between two looks, however much happens in the project. */
const PAUSE = 1000;

/** As many runs as change at once. */
export const MOST = 10_000;

/** What there is to say of a view beside what it shows. */
type How = 'name' | 'experiment_id' | 'is_default';

/** What the run table shows, what is chosen in it, and what can be done with that. */
export class RunTableModel {
  constructor(
    readonly project: string,
    readonly experiment: string
  ) {
    const kept = remembered(project, experiment);
    this._spec = kept?.spec ?? usualSpec(null);
    this._base = kept?.base ?? this._spec;
    this._viewId = kept?.view ?? null;
    this._undecided = kept === null;
    this.sections = new Sections(this._question);
    this.sections.changed.connect(() => {
      this._tell();
      this._watch();
    });
  }

  /** The runs that it shows. */
  readonly sections: Sections;

  /** Something of it has changed. */
  readonly changed = new Signal<this, void>(this);

  get spec(): ISpec {
    return this._spec;
  }

  get which(): Which {
    return this._which;
  }

  get keys(): RunKeys | null {
    return this._keys;
  }

  get views(): ReadonlyArray<RunView> {
    return this._views.value ?? [];
  }

  /** The view that was chosen; null: none, the columns are the usual ones. */
  get view(): RunView | null {
    return this.views.find(({ id }) => id === this._viewId) ?? null;
  }

  /** Whether something is shown otherwise than the chosen view says. */
  get modified(): boolean {
    return !sameSpec(this._spec, this._base);
  }

  /** Whether somebody has saved something else under the view's name since what is shown began from it. */
  get overtaken(): boolean {
    const { view } = this;
    return view !== null && !sameSpec(specOf(view), this._base);
  }

  get selected(): ReadonlySet<string> {
    return this._selected;
  }

  /** The best value of each metric whose column marks it. */
  get best(): ReadonlyMap<string, number> {
    return this._best;
  }

  /** Why the last question failed; null when it did not. */
  get error(): Error | null {
    return this._error ?? this.sections.error;
  }

  /** What is wrong with the filter, where that is what is wrong. */
  get filterError(): ApiError | null {
    const { error } = this;
    return error instanceof ApiError && error.status === 422 && this._spec.filter.trim() ? error : null;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Begin; the rows do not wait for what decides the columns. */
  start(): void {
    void Promise.allSettled([this._ask(), this._decide()]).then(() => this._watch());
  }

  /** Ask once more for all that the table needs, whichever of it failed. */
  retry(): void {
    this._again();
    void this._decide();
  }

  // ---- rows ----

  /** These rows are looked at. */
  need(first: number, last: number): void {
    this.sections.need(first, last);
    this._watch();
  }

  /** Look again. Asked often, it waits a little. */
  async refresh(): Promise<void> {
    if (this._disposed) {
      return;
    }
    const pause = this._looked + PAUSE - Date.now();
    if (pause > 0) {
      this._wait(pause);
      return;
    }
    window.clearTimeout(this._timer);
    this._timer = 0;
    this._looked = Date.now();
    this._error = null;
    await this.sections.refresh();
    await this._findBest();
    this._watch();
  }

  async loadKeys(): Promise<void> {
    if (this._keys && Date.now() - this._keysAt < 10_000) {
      return;
    }
    this._keysAt = Date.now();
    try {
      this._keys = await runtable.keys(this.project, this.experiment);
      this._tell();
    } catch (reason) {
      this._keysAt = 0;
      this._fail(reason);
    }
  }

  // ---- what is shown ----

  change(spec: Partial<ISpec>): void {
    this._undecided = false;
    this._set({ ...this._spec, ...spec });
  }

  setWhich(which: Which): void {
    this._which = which;
    this._selected = new Set();
    void this._ask();
    this._tell();
  }

  setColumns(columns: ReadonlyArray<IColumn>): void {
    this.change({ columns });
  }

  changeColumn(key: string, column: Partial<IColumn>): void {
    this.setColumns(columnChanged(this._spec.columns, key, column));
  }

  /** Put a column where another is; with a number, so many places further. */
  moveColumn(key: string, to: string | number): void {
    const columns = columnMoved(this._spec.columns, key, to);
    if (columns) {
      this.setColumns(columns);
    }
  }

  /** Sort by a column, then the other way; `also` keeps what it is sorted by already. */
  sortBy(key: string, descending?: boolean, also = false): void {
    this.change({ sort: sortedBy(this._spec.sort, key, descending, also) });
  }

  // ---- views ----

  async loadViews(): Promise<void> {
    await this._views.refresh();
    if (this._views.error) {
      this._fail(this._views.error);
      return;
    }
    const { view } = this;
    if (this._viewId !== null && view === null) {
      this._viewId = null;
      this._keep();
    } else if (this.overtaken && !this.modified) {
      this.choose(view);
    }
    this._tell();
  }

  /** Show a view; null: the usual columns. */
  choose(view: RunView | null): void {
    this._undecided = false;
    this._viewId = view?.id ?? null;
    this._base = view ? specOf(view) : usualSpec(this._keys);
    this._set(this._base);
  }

  /** Keep what is shown as a new view. */
  async saveAs(how: Pick<RunViewCreate, How>): Promise<RunView> {
    const view = await runtable.createView(this.project, { ...plain(this._spec), ...how });
    await this._saved(view);
    return view;
  }

  /** Keep what is shown as the view it was. */
  async save(view: RunView): Promise<void> {
    const { name, experiment_id, is_default } = view;
    const body = { name, experiment_id, is_default, ...plain(this._spec) };
    await this._saved(await runtable.updateView(this.project, view.id, view.version, body));
  }

  /** Change what a view is called or where it opens; what it shows stays, whatever is shown here. */
  async edit(view: RunView, how: Partial<Pick<RunViewCreate, How>>): Promise<void> {
    const { name, experiment_id, is_default } = view;
    const body = { name, experiment_id, is_default, ...plain(specOf(view)), ...how };
    await runtable.updateView(this.project, view.id, view.version, body);
    await this.loadViews();
  }

  /** Delete a view; gives what brings it back. */
  async deleteView(view: RunView): Promise<() => Promise<void>> {
    await runtable.deleteView(this.project, view.id);
    await this.loadViews();
    return async () => {
      const { name, experiment_id, is_default } = view;
      await runtable.createView(this.project, { ...plain(specOf(view)), name, experiment_id, is_default });
      await this.loadViews();
    };
  }

  // ---- what is chosen ----

  select(ids: Iterable<string>, on = true): void {
    const selected = new Set(this._selected);
    for (const id of ids) {
      if (on) {
        selected.add(id);
      } else {
        selected.delete(id);
      }
    }
    this._selected = selected;
    this._tell();
  }

  clearSelection(): void {
    this._selected = new Set();
    this._tell();
  }

  /** Choose all rows from one to another, those too that are not here. */
  async selectRange(from: number, to: number, on: boolean): Promise<void> {
    const [first, last] = from < to ? [from, to] : [to, from];
    const ids: string[] = [];
    let missing = false;
    for (let index = first; index <= last; index++) {
      const entry = this.sections.entry(index);
      if (entry.kind === 'run') {
        ids.push(entry.run.id);
      }
      missing ||= entry.kind === 'blank';
    }
    if (missing && !this.sections.grouped) {
      ids.length = 0;
      for await (const page of pages(this._question, this._spec.filter, first, last + 1, false)) {
        ids.push(...page.items.map(({ id }) => id));
      }
    }
    this.select(ids, on);
  }

  /** Choose all runs that match, those too that are not here. */
  async selectAll(): Promise<void> {
    const ids: string[] = [];
    for await (const page of pages(this._question, this._spec.filter, 0, Infinity, false)) {
      ids.push(...page.items.map(({ id }) => id));
    }
    this.select(ids);
  }

  /** All runs that match, or of them those that are chosen, with the shown columns. */
  async *export(onlySelected: boolean): AsyncGenerator<RunRow[]> {
    const some = onlySelected ? this._selected : null;
    const few = some && some.size <= 100;
    const ids = few ? `attributes.run_id IN (${[...some].map(id => `'${id}'`).join(', ')})` : '';
    for await (const page of pages(this._question, few ? ids : this._spec.filter, 0, Infinity, true)) {
      yield some ? page.items.filter(({ id }) => some.has(id)) : page.items;
    }
  }

  // ---- what is done to many ----

  async tag(runs: string[], tags: Record<string, string | null>): Promise<number> {
    const changed = await runtable.setTags(this.project, this.experiment, runs, tags);
    this._again();
    return changed;
  }

  async delete(runs: string[]): Promise<string[]> {
    const moved = await runtable.deleteRuns(this.project, this.experiment, runs);
    this.select(moved, false);
    this._again();
    return moved;
  }

  async restore(runs: string[]): Promise<string[]> {
    const moved = await runtable.restoreRuns(this.project, this.experiment, runs);
    if (!this._disposed) {
      this.select(moved, false);
      this._again();
    }
    return moved;
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this._timer);
    this._controller.abort();
    this.sections.dispose();
    this._views.dispose();
    Signal.clearData(this);
  }

  /** For React: called when something changed. */
  readonly subscribe = (notify: () => void): (() => void) => {
    this.changed.connect(notify);
    return () => void this.changed.disconnect(notify);
  };

  /** For React: another number whenever something changed. */
  readonly snapshot = (): number => this._revision;

  // ---- inside ----

  /** Show what an experiment opens with, unless something was chosen; what fails leaves that to the next attempt. */
  private async _decide(): Promise<void> {
    const keys = this.loadKeys();
    await this.loadViews();
    const usual = this.views.find(({ is_default }) => is_default);
    if (this._undecided && usual) {
      this.choose(usual);
    }
    await keys;
    if (this._undecided && this._keys) {
      this._undecided = this._views.value === null;
      this._base = usualSpec(this._keys);
      this._set(this._base);
    }
  }

  private _set(spec: ISpec): void {
    if (this._disposed) {
      return;
    }
    const before = this._spec;
    this._spec = spec;
    if (before.filter !== spec.filter) {
      this._selected = new Set();
    }
    const asks = (one: ISpec) =>
      JSON.stringify([one.filter, one.sort, one.group_by, one.columns.map(({ key }) => key).sort()]);
    const marks = (one: ISpec) => JSON.stringify(one.columns.map(({ key, best }) => [key, best]));
    if (asks(before) !== asks(spec)) {
      void this._ask();
    } else if (marks(before) !== marks(spec)) {
      void this._findBest();
    }
    this._keep();
    this._tell();
  }

  /** Ask for the rows of what is to be shown now. */
  private async _ask(): Promise<void> {
    if (this._disposed) {
      return;
    }
    this._error = null;
    this._controller.abort();
    this._controller = new AbortController();
    this._looked = Date.now();
    await this.sections.ask(this._question);
    await this._findBest();
    this._watch();
  }

  private async _findBest(): Promise<void> {
    const marked = this._spec.columns.filter(({ best }) => best !== null);
    if (marked.length === 0 && this._best.size === 0) {
      return;
    }
    const { signal } = this._controller;
    const found = await Promise.allSettled(
      marked.map(async (column): Promise<[string, number | undefined]> => [
        column.key,
        await bestOf(this._question, column, signal)
      ])
    );
    if (!signal.aborted && !this._disposed) {
      this._best = new Map(
        found.flatMap(one =>
          one.status === 'fulfilled' && one.value[1] !== undefined ? [[one.value[0], one.value[1]]] : []
        )
      );
      this._tell();
    }
  }

  private get _question(): IQuestion {
    const { project, experiment, _spec: spec, _which: which } = this;
    return { project, experiment, spec, which };
  }

  /** As long as something runs that one looks at, look again and again; not while nobody looks at the page. */
  private _watch(): void {
    if (this._disposed || this._timer !== 0) {
      return;
    }
    if (this.sections.visible().some(({ status }) => status === 'RUNNING')) {
      this._wait(this.error ? 5 * LIVE : LIVE);
    }
  }

  private _wait(milliseconds: number): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      this._timer = 0;
      if (document.hidden) {
        this._watch();
      } else {
        void this.refresh();
      }
    }, milliseconds);
  }

  private _again(): void {
    this._looked = 0;
    void this.refresh();
  }

  private async _saved(view: RunView): Promise<void> {
    this._undecided = false;
    this._viewId = view.id;
    this._base = specOf(view);
    this._keep();
    await this.loadViews();
  }

  private _keep(): void {
    const nothing = this._viewId === null && !this.modified;
    remember(
      this.project,
      this.experiment,
      nothing ? null : { view: this._viewId, base: plain(this._base), spec: plain(this._spec) }
    );
  }

  private _fail(reason: unknown): void {
    if (!this._disposed) {
      this._error = asError(reason);
      this._tell();
    }
  }

  private _tell(): void {
    if (!this._disposed) {
      this._revision += 1;
      this.changed.emit();
    }
  }

  private _spec: ISpec;
  private _base: ISpec;
  private _viewId: string | null;
  private _undecided: boolean;
  private _which: Which = 'active';
  private _keys: RunKeys | null = null;
  private _keysAt = 0;
  private readonly _views = new Resource<RunView[]>(() => runtable.views(this.project, this.experiment));
  private _selected: ReadonlySet<string> = new Set();
  private _best: ReadonlyMap<string, number> = new Map();
  private _controller = new AbortController();
  private _error: Error | null = null;
  private _looked = 0;
  private _timer = 0;
  private _revision = 0;
  private _disposed = false;
}
