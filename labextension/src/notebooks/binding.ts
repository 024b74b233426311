import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { ApiError, notebooks, type Notebook } from '../api';

/** Where a notebook's metadata keep whose it is. */
const KEY = 'insighter';

/** Milliseconds without a cell that finished, after which what ran has run. */
const QUIET = 1200;

/** Milliseconds until a snapshot is tried again that the server did not answer. */
const RETRY = 15_000;

/** States of a kernel in which more may finish soon. */
const AT_WORK: ReadonlyArray<string> = ['busy', 'starting'];

/** What a binding needs of the application. */
export interface IBindingOptions {
  panel: NotebookPanel;
  context: DocumentRegistry.IContext<INotebookModel>;
  /** The file's path below Jupyter's root; null where it is on another drive. */
  path: (path: string) => string | null;
  /** Called with the project in which a notebook ran, or was kept. */
  kept: (project: string) => void;
}

/**
 * An open notebook and the asset that it is.
 *
 * It is bound when it is opened, and again when its file moves. The id gets into the file's metadata with whatever save
 * comes first: to open a notebook does not change it. What ran is kept as a version, as it is in the page, saved or not.
 */
export class Binding implements IDisposable {
  constructor(private readonly options: IBindingOptions) {
    const { context } = options;
    context.pathChanged.connect(this._bindAgain);
    context.saveState.connect(this._mark);
    void context.ready.then(() => this._bind());
  }

  /** The asset; null where the file is in no project's folder. */
  get notebook(): Notebook | null {
    return this._notebook;
  }

  /** It became another, or none. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** A cell has run. */
  ran(success: boolean): void {
    this._outcome = success && this._outcome !== 'failed' ? 'ok' : 'failed';
    this._wait(QUIET);
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    window.clearTimeout(this._timer);
    const { context } = this.options;
    context.pathChanged.disconnect(this._bindAgain);
    context.saveState.disconnect(this._mark);
    // closed right after it ran
    if (this._outcome && !context.isDisposed && !context.model.isDisposed) {
      void this._keep();
    }
    Signal.clearData(this);
  }

  private readonly _bindAgain = (): void => void this._bind();

  /** Ask which asset the file is; one question after the other. */
  private _bind(): Promise<void> {
    this._binding = this._binding.then(async () => {
      const { context } = this.options;
      if (this._disposed || context.isDisposed) {
        return;
      }
      const path = this.options.path(context.path);
      const known = this._notebook?.id ?? marked(context.model);
      try {
        const found = path === null ? null : await notebooks.bind(path, known);
        if (found?.id !== this._notebook?.id || found?.name !== this._notebook?.name) {
          this._notebook = found;
          this._changed.emit();
        }
      } catch (reason) {
        // The notebook works as it does without us; it is asked again when it runs.
        console.warn('Insighter does not know this notebook.', ApiError.from(reason).message);
      }
    });
    return this._binding;
  }

  private readonly _mark = (_sender: unknown, state: DocumentRegistry.SaveState): void => {
    const { model } = this.options.context;
    if (state === 'started' && this._notebook && marked(model) !== this._notebook.id) {
      const before: unknown = model.getMetadata(KEY);
      const kept = typeof before === 'object' && before !== null ? before : {};
      model.setMetadata(KEY, { ...kept, notebook: this._notebook.id });
      this._fresh = true;
    } else if (state === 'completed' && this._fresh) {
      this._fresh = false;
      void this._bind(); // from now on it is known by its mark
    }
  };

  private _wait(delay: number): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      const status = this.options.panel.sessionContext.session?.kernel?.status ?? 'unknown';
      if (AT_WORK.includes(status)) {
        this._wait(QUIET);
      } else {
        void this._keep();
      }
    }, delay);
  }

  /** Keep what ran. */
  private async _keep(): Promise<void> {
    const { panel, context } = this.options;
    const outcome = this._outcome;
    if (!outcome) {
      return;
    }
    this._outcome = null;
    const content = context.model.toJSON();
    const kernel = panel.sessionContext.session?.kernel?.id;
    if (!this._notebook) {
      await this._bind();
    }
    await this._binding;
    const notebook = this._notebook;
    if (!notebook) {
      return;
    }
    try {
      await notebooks.snapshot(notebook.project_id, notebook.id, content, {
        reason: 'ran',
        outcome,
        kernel
      });
      this.options.kept(notebook.project_id);
    } catch (reason) {
      const error = ApiError.from(reason);
      if (error.offline && !this._disposed) {
        this._outcome = outcome;
        this._wait(RETRY);
      } else if (error.status === 404) {
        // the asset was deleted: what ran is of the one that the file is from now on
        this._notebook = null;
        this._changed.emit();
        if (!this._disposed) {
          this._outcome = outcome;
          this._wait(QUIET);
        }
      } else {
        console.warn('Insighter could not keep what ran.', error.message);
      }
    }
  }

  private _notebook: Notebook | null = null;
  private _binding: Promise<void> = Promise.resolve();
  private _fresh = false;
  private _outcome: 'ok' | 'failed' | null = null;
  private _timer = 0;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** The id that a notebook carries; null where it carries none. */
function marked(model: INotebookModel): string | null {
  const mark = model.getMetadata(KEY) as { notebook?: unknown } | undefined;
  return typeof mark?.notebook === 'string' && UUID.test(mark.notebook) ? mark.notebook : null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
