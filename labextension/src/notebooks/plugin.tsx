import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon, copyIcon, downloadIcon, launchIcon, undoIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Project } from '../api';
import { IAssets } from '../assets/tokens';
import { errorText, notifyError } from '../components';
import { describe, numberArg, textArg } from '../pages/args';
import { ask } from '../pages/ask';
import type { IHost } from '../pages/host';
import { notebookIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects, ISidebar } from '../projects/tokens';
import { assetTrashed } from '../trash/undo';
import { CommandIDs } from './commands';
import { NotebookExtension } from './extension';
import { copyVersion, createFile, fileOf, restore } from './files';
import { deleteNotebook, downloadUrl } from './model';
import { NotebooksSection } from './section';
import type { INotebookArgs } from './widget';

/** Notebooks: the sidebar's section, the page of a notebook, and what binds and keeps those that are open. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:notebooks',
  description: 'Notebooks of a project’s folder, with a version of whatever ran.',
  autoStart: true,
  requires: [IProjects, ISidebar, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    sidebar: ISidebar,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const { contents } = app.serviceManager;
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<INotebookArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-notebooks',
      command: CommandIDs.open,
      icon: notebookIcon,
      key: ({ project, id }) => `${project}:${id}`,
      label: ({ name }) => name,
      caption: ({ name }) => trans.__('Notebook %1', name),
      make: async args => (await import('./widget')).notebookContent(host, args)
    });

    app.docRegistry.addWidgetExtension('Notebook', new NotebookExtension(host, contents));

    /** The project that is meant: the one named, else the open one. */
    const project = (id: string | undefined): Project | null =>
      id === undefined ? projects.current : projects.find(id);
    const mayChange = (args: ReadonlyPartialJSONObject): boolean =>
      may(project(textArg(args, 'project')), 'editor');

    /** Run an action of a command; what goes wrong is told in a notification. */
    const attempt = async (action: () => Promise<void>): Promise<void> => {
      try {
        await action();
      } catch (reason) {
        notifyError(reason);
      }
    };

    const ONE = {
      project: 'string: Id of the project',
      id: 'string: Id of the notebook',
      name: 'string: Its name, shown until the page knows better'
    };

    commands.addCommand(CommandIDs.create, {
      label: args => (args['isPalette'] ? trans.__('New Notebook in the Project') : trans.__('New Notebook')),
      caption: trans.__('Make a notebook in the project’s folder'),
      icon: args => (args['isPalette'] ? undefined : addIcon),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({ project: 'string: Id of the project; the open one where left out' }),
      execute: args => {
        const to = project(textArg(args, 'project'));
        return to ? attempt(() => createFile(commands, to.id)) : undefined;
      }
    });

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Show Versions'),
      caption: trans.__('Show a notebook’s versions and what changed between them'),
      icon: notebookIcon,
      describedBy: describe(ONE, ['project', 'id']),
      execute: async args => {
        const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
        if (of && id) {
          await pages.open({ project: of, id, name: textArg(args, 'name') ?? trans.__('Notebook') });
        }
      }
    });

    commands.addCommand(CommandIDs.openFile, {
      label: trans.__('Open Notebook'),
      caption: trans.__('Open the notebook’s file'),
      icon: launchIcon,
      isEnabled: args => args['file'] !== null,
      describedBy: describe({ ...ONE, file: 'string: Its path, where it is known' }, ['project', 'id']),
      execute: args =>
        attempt(async () => {
          const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
          if (!of || !id) {
            return;
          }
          const path = textArg(args, 'file') ?? (await fileOf(of, id));
          if (path === null) {
            Notification.warning(trans.__('The notebook’s file is not on this server.'), { autoClose: 5000 });
          } else {
            await commands.execute('docmanager:open', { path });
          }
        })
    });

    commands.addCommand(CommandIDs.copyVersion, {
      label: trans.__('Open a Copy'),
      icon: copyIcon,
      describedBy: describe({ ...ONE, version: 'number: The version' }, ['project', 'id', 'version']),
      execute: args =>
        attempt(async () => {
          const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
          const version = numberArg(args, 'version');
          if (of && id && version !== undefined) {
            const path = await copyVersion(contents, of, id, version);
            await commands.execute('docmanager:open', { path });
          }
        })
    });

    commands.addCommand(CommandIDs.download, {
      label: trans.__('Download'),
      icon: downloadIcon,
      describedBy: describe({ ...ONE, version: 'number: The version' }, ['project', 'id', 'version']),
      execute: args => {
        const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
        const version = numberArg(args, 'version');
        if (of && id && version !== undefined) {
          const link = document.createElement('a');
          link.href = downloadUrl(of, id, version);
          link.download = '';
          link.click();
        }
      }
    });

    commands.addCommand(CommandIDs.restore, {
      label: trans.__('Restore into the File'),
      icon: undoIcon,
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({ ...ONE, version: 'number: The version' }, ['project', 'id', 'version']),
      execute: args => {
        const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
        const version = numberArg(args, 'version');
        return of && id && version !== undefined ? putBack(of, id, version, true) : undefined;
      }
    });

    /** Put a version back into the file, and offer the way back. */
    const putBack = async (of: string, id: string, version: number, undo: boolean): Promise<void> => {
      try {
        const before = await restore(commands, of, id, version);
        await projects.refresh();
        Notification.success(trans.__('The file holds version %1 again.', version), {
          autoClose: 10_000,
          actions: undo
            ? [{ label: trans.__('Undo'), callback: () => void putBack(of, id, before, false) }]
            : []
        });
      } catch (reason) {
        Notification.error(errorText(reason), { autoClose: 8000 });
      }
    };

    commands.addCommand(CommandIDs.remove, {
      label: trans.__('Delete Notebook…'),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe(ONE, ['project', 'id']),
      execute: async args => {
        const [of, id] = [textArg(args, 'project'), textArg(args, 'id')];
        const name = textArg(args, 'name') ?? '';
        if (!of || !id) {
          return;
        }
        await ask({
          ui: host,
          title: trans.__('Delete the notebook “%1” from the project?', name),
          accept: trans.__('Move to Trash'),
          warn: true,
          careful: true,
          initial: null,
          form: () => (
            <p>
              {trans.__(
                'All its versions go with it, for everybody in the project, until it is restored from the trash. The file stays where it is; used meanwhile, it is a new notebook of the project.'
              )}
            </p>
          ),
          submit: async () => {
            await deleteNotebook(of, id);
            pages.close(open => open.project === of && open.id === id);
            await projects.refresh();
            void assetTrashed(host, { project: of, kind: 'notebook', name });
          }
        });
      }
    });

    assets.addKind({
      kind: 'notebook',
      label: trans.__('Notebook'),
      plural: trans.__('Notebooks'),
      icon: notebookIcon,
      rank: 150,
      open: ({ project: of, key }, name) => commands.execute(CommandIDs.open, { project: of, id: key, name })
    });

    sidebar.addSection({
      id: 'notebooks',
      title: trans.__('Notebooks'),
      rank: 150,
      component: NotebooksSection,
      addCommand: CommandIDs.create
    });

    projects.stateChanged.connect(() => commands.notifyCommandChanged(CommandIDs.create));
    palette?.addItem({ command: CommandIDs.create, category: 'Insighter', args: { isPalette: true } });
  }
};

export default plugin;
