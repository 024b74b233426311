import { notebooks, type Notebook, type NotebookDiff, type NotebookVersion } from '../api';
import { Resource } from '../pages/resource';

/** A project's notebooks, by name. */
export function notebookList(project: string): Resource<Notebook[]> {
  return new Resource(() => notebooks.list(project));
}

/** Move a notebook with all its versions to the trash; its file stays. */
export function deleteNotebook(project: string, id: string): Promise<void> {
  return notebooks.remove(project, id);
}

/** Where a version is downloaded from. */
export function downloadUrl(project: string, id: string, version: number): string {
  return notebooks.contentUrl(project, id, version);
}

/** Versions that are loaded so far. */
export interface IHistory {
  readonly items: ReadonlyArray<NotebookVersion>;
  /** Asks for older ones; null when these are all. */
  readonly cursor: string | null;
}

/** What a notebook's page shows. */
export class NotebookModel {
  constructor(
    readonly project: string,
    readonly id: string
  ) {
    this.detail = new Resource(() => notebooks.get(project, id));
    this.history = new Resource<IHistory>(() => notebooks.versions(project, id, null));
  }

  readonly detail: Resource<Notebook>;

  /** The newest versions; with `more`, older ones too, until it is refreshed. */
  readonly history: Resource<IHistory>;

  /** Load older versions too. */
  async more(): Promise<void> {
    const held = this.history.value;
    if (held?.cursor) {
      const page = await notebooks.versions(this.project, this.id, held.cursor);
      this.history.set({ items: [...held.items, ...page.items], cursor: page.cursor });
    }
  }

  async refresh(): Promise<void> {
    await Promise.all([this.detail.refresh(), this.history.refresh()]);
  }

  /** What changed between two versions; a version never changes, and so neither does this. */
  diff(before: number, after: number): Resource<NotebookDiff> {
    return new Resource(() => notebooks.diff(this.project, this.id, before, after));
  }

  dispose(): void {
    this.detail.dispose();
    this.history.dispose();
  }
}
