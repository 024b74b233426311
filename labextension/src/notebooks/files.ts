import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { type Contents, ServerConnection } from '@jupyterlab/services';
import type { CommandRegistry } from '@lumino/commands';
import type { PartialJSONObject } from '@lumino/coreutils';

import { ApiError, notebooks, projects } from '../api';

/** Make a notebook in a project's folder and open it; the kernel is asked for as Jupyter does. */
export async function createFile(commands: CommandRegistry, project: string): Promise<void> {
  const cwd = await projects.openFolder(project);
  await commands.execute('notebook:create-new', { cwd });
}

/** Where a notebook's file is on this server, as it is known now. */
export async function fileOf(project: string, id: string): Promise<string | null> {
  return (await notebooks.get(project, id)).file;
}

/** Write a version, as it was, into a new file beside the notebook's, and answer its path. */
export async function copyVersion(
  contents: Contents.IManager,
  project: string,
  id: string,
  version: number
): Promise<string> {
  const [notebook, content] = await Promise.all([
    notebooks.get(project, id),
    notebooks.content(project, id, version)
  ]);
  const folder = notebook.file !== null ? PathExt.dirname(notebook.file) : await projects.openFolder(project);
  const path = await freePath(contents, PathExt.join(folder, `${notebook.name} v${version}`));
  await contents.save(path, { type: 'notebook', format: 'json', content });
  return path;
}

/**
 * Put a version back into the notebook's file. What the file holds now, saved or not, is a version first.
 *
 * @returns the version that holds what was there before.
 */
export async function restore(
  commands: CommandRegistry,
  project: string,
  id: string,
  version: number
): Promise<number> {
  const path = await fileOf(project, id);
  if (path === null) {
    throw new ApiError({
      status: 404,
      code: 'file_not_found',
      message: 'the notebook’s file is not on this server',
      hint: 'open a copy of the version instead'
    });
  }
  const content = (await notebooks.content(project, id, version)) as PartialJSONObject;
  const panel = (await commands.execute('docmanager:open', { path, factory: 'Notebook' })) as IDocumentWidget<
    NotebookPanel['content'],
    INotebookModel
  >;
  const { context } = panel;
  await context.ready;
  const before = await notebooks.snapshot(project, id, context.model.toJSON(), { reason: 'saved' });
  const metadata = { ...(content['metadata'] as PartialJSONObject | undefined), insighter: { notebook: id } };
  context.model.fromJSON({ ...content, metadata });
  await context.save();
  await notebooks.snapshot(project, id, context.model.toJSON(), { reason: 'restored' });
  return before.version.version;
}

/** A path with this beginning at which there is nothing yet. */
async function freePath(contents: Contents.IManager, stem: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = number === 1 ? `${stem}.ipynb` : `${stem} (${number}).ipynb`;
    try {
      await contents.get(path, { content: false });
    } catch (reason) {
      if (reason instanceof ServerConnection.ResponseError && reason.response.status === 404) {
        return path;
      }
      throw reason;
    }
  }
}
