import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import { addIcon, editIcon, folderIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { projects as api, type Project } from '../api';
import { errorText, notifyError, type IUi } from '../components';
import { projectTrashed } from '../trash/undo';

import { insighterIcon } from './icons';
import { may } from './roles';
import type { IProjects } from './tokens';

/** The commands of the capability. */
export const CommandIds = {
  create: 'insighter:create-project',
  rename: 'insighter:rename-project',
  describe: 'insighter:describe-project',
  archive: 'insighter:archive-project',
  restore: 'insighter:restore-project',
  remove: 'insighter:delete-project',
  switch: 'insighter:switch-project',
  openFolder: 'insighter:open-project-folder',
  quickstart: 'insighter:quickstart',
  refresh: 'insighter:refresh',
  showSidebar: 'insighter:show-sidebar'
} as const;

/** Commands of the accounts. */
export const AccountCommands = {
  open: 'insighter:open-account',
  join: 'insighter:accept-invitation',
  signOut: 'insighter:sign-out'
} as const;

/** Commands of sharing. */
export const SharingCommands = {
  open: 'insighter:open-sharing',
  restrict: 'insighter:restrict-asset',
  ask: 'insighter:ask-access'
} as const;

/** Commands of the trash. */
export const TrashCommands = { open: 'insighter:open-trash' } as const;

/** The command that opens a project's home; the home's. */
const OPEN_HOME = 'insighter:open-home';

/** The sidebar's id in the shell. */
export const SIDEBAR = 'insighter-sidebar';

/** Arguments that name a project; the open one when left out. */
const ONE_PROJECT = {
  type: 'object',
  properties: { id: { type: 'string', description: 'The project’s id; the open project when left out.' } }
} as const;

const NOTHING = { type: 'object', properties: {} } as const;

/** Add the commands of projects to an application. */
export function addCommands(app: JupyterFrontEnd, projects: IProjects, ui: IUi): void {
  const { commands, trans } = ui;

  /** The project a command is about. */
  const subject = (args: ReadonlyPartialJSONObject): Project | null =>
    typeof args['id'] === 'string'
      ? (projects.all.find(({ id }) => id === args['id']) ?? null)
      : projects.current;

  /** Whether a command that changes the project is offered. */
  const mayChange = (args: ReadonlyPartialJSONObject): boolean => {
    const project = subject(args);
    return !!project && !project.personal && may({ ...project, archived_at: null }, 'admin');
  };

  /** Open a project that was chosen by hand, and show what it is about. */
  const enter = async (id: string): Promise<void> => {
    await projects.select(id);
    show();
    if (commands.hasCommand(OPEN_HOME)) {
      await commands.execute(OPEN_HOME, { project: id });
    }
  };

  /** Run an action of a command; what goes wrong is told in a notification. */
  const attempt = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await action();
    } catch (reason) {
      notifyError(reason);
      return undefined;
    }
  };

  const goTo = async (path: string, show: boolean): Promise<void> => {
    if (commands.hasCommand('filebrowser:go-to-path')) {
      await commands.execute('filebrowser:go-to-path', { path, dontShowBrowser: !show });
    } else if (commands.hasCommand('filebrowser:open-path')) {
      await commands.execute('filebrowser:open-path', { path });
    }
  };

  commands.addCommand(CommandIds.create, {
    label: args =>
      args['isMenu']
        ? trans.__('Insighter Project…')
        : args['isLauncher']
          ? trans.__('New project')
          : trans.__('New Project…'),
    caption: trans.__('Make a project for data, experiments, models and endpoints'),
    icon: addIcon,
    describedBy: { args: NOTHING },
    execute: async () => {
      const { createProject } = await import('./dialogs');
      const project = await createProject(ui);
      if (project) {
        await attempt(async () => {
          await enter(project.id);
          await goTo(project.folder, false);
        });
      }
      return project?.id ?? null;
    }
  });

  commands.addCommand(CommandIds.rename, {
    label: trans.__('Rename Project…'),
    caption: trans.__('Give the project another name'),
    icon: editIcon,
    describedBy: { args: ONE_PROJECT },
    isVisible: mayChange,
    isEnabled: mayChange,
    execute: async args => {
      const project = subject(args);
      if (!project) {
        return;
      }
      const { renameProject } = await import('./dialogs');
      if (await renameProject(ui, project)) {
        await projects.refresh();
      }
    }
  });

  commands.addCommand(CommandIds.describe, {
    label: trans.__('Describe Project…'),
    caption: trans.__('Edit the project’s description'),
    describedBy: { args: ONE_PROJECT },
    isVisible: mayChange,
    isEnabled: mayChange,
    execute: async args => {
      const project = subject(args);
      if (!project) {
        return;
      }
      const { describeProject } = await import('./dialogs');
      if (await describeProject(ui, project)) {
        await projects.refresh();
      }
    }
  });

  const setArchived = (project: Project, archived: boolean): Promise<void | undefined> =>
    attempt(async () => {
      await api.update(project.id, { archived });
      await projects.refresh();
    });

  commands.addCommand(CommandIds.archive, {
    label: trans.__('Archive Project'),
    caption: trans.__('Put the project away, unchangeable, until it is restored'),
    describedBy: { args: ONE_PROJECT },
    isVisible: args => mayChange(args) && !subject(args)?.archived_at,
    isEnabled: args => mayChange(args) && !subject(args)?.archived_at,
    execute: async args => {
      const project = subject(args);
      if (!project) {
        return;
      }
      await setArchived(project, true);
      Notification.info(trans.__('“%1” is archived: it can be read, and not changed.', project.name), {
        autoClose: 8000,
        actions: [{ label: trans.__('Restore'), callback: () => void setArchived(project, false) }]
      });
    }
  });

  commands.addCommand(CommandIds.restore, {
    label: trans.__('Restore Project'),
    caption: trans.__('Make the archived project changeable again'),
    describedBy: { args: ONE_PROJECT },
    isVisible: args => mayChange(args) && !!subject(args)?.archived_at,
    isEnabled: args => mayChange(args) && !!subject(args)?.archived_at,
    execute: async args => {
      const project = subject(args);
      if (project) {
        await setArchived(project, false);
      }
    }
  });

  commands.addCommand(CommandIds.remove, {
    label: trans.__('Delete Project…'),
    caption: trans.__('Move the project with all its assets to the trash; its folder stays'),
    describedBy: { args: ONE_PROJECT },
    isVisible: args => mayChange(args) && subject(args)?.role === 'owner',
    isEnabled: args => mayChange(args) && subject(args)?.role === 'owner',
    execute: async args => {
      const project = subject(args);
      if (!project) {
        return;
      }
      await attempt(async () => {
        const { deleteProject } = await import('./dialogs');
        if (await deleteProject(ui, projects, project)) {
          await projects.refresh();
          void projectTrashed({ ...ui, projects }, project);
        }
      });
    }
  });

  commands.addCommand(CommandIds.switch, {
    label: args => {
      const name = args['name'];
      if (typeof name === 'string') {
        return name;
      }
      if (args['archived']) {
        return trans.__('Archived Projects…');
      }
      return args['isLauncher'] ? trans.__('Open project') : trans.__('Open Project…');
    },
    caption: trans.__('Choose the project to work in'),
    icon: args => (args['name'] ? undefined : folderIcon),
    isToggleable: true,
    isToggled: args => args['id'] !== undefined && args['id'] === projects.current?.id,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: { type: 'string', description: 'The project’s id; asked for when left out.' },
          name: { type: 'string', description: 'The label of the command.' },
          archived: { type: 'boolean', description: 'Whether to ask among the archived projects.' }
        }
      }
    },
    execute: args =>
      attempt(async () => {
        let id = args['id'];
        if (typeof id !== 'string' || !id) {
          const { chooseProject } = await import('./chooser');
          id = (await chooseProject(ui, { archived: args['archived'] === true }))?.id;
        }
        if (typeof id === 'string' && id) {
          await enter(id);
        }
      })
  });

  commands.addCommand(CommandIds.openFolder, {
    label: trans.__('Open Project Folder'),
    caption: trans.__('Show the project’s folder in the file browser'),
    icon: folderIcon,
    describedBy: { args: ONE_PROJECT },
    isEnabled: args => !!subject(args),
    execute: args =>
      attempt(async () => {
        const project = subject(args);
        if (project) {
          await goTo(await api.openFolder(project.id), true);
        }
      })
  });

  commands.addCommand(CommandIds.quickstart, {
    label: trans.__('Quickstart'),
    caption: trans.__('Make a project with a real data set and a notebook that is ready to run'),
    icon: insighterIcon,
    describedBy: { args: NOTHING },
    execute: async () => {
      const making = api.quickstart();
      const opened = making.then(async made => {
        await attempt(async () => {
          await projects.select(made.project.id);
          show();
          await goTo(made.project.folder, false);
          const notebook: unknown = await commands.execute('docmanager:open', { path: made.notebook });
          // cells that are run before the kernel is there are not run at all
          await kernelOf(notebook as IDocumentWidget | undefined);
        });
        return made;
      });
      Notification.promise(opened, {
        pending: { message: trans.__('Making a project with data and a notebook…') },
        success: {
          message: result =>
            trans.__(
              '“%1” is ready: run its notebook.',
              (result as { project: { name: string } }).project.name
            ),
          options: { autoClose: 5000 }
        },
        error: { message: reason => errorText(reason), options: { autoClose: false } }
      });
      await opened.catch(() => null); // told by the notification
    }
  });

  commands.addCommand(CommandIds.refresh, {
    label: trans.__('Refresh Insighter'),
    caption: trans.__('Load what is shown of the project again'),
    icon: refreshIcon,
    describedBy: { args: NOTHING },
    execute: () => projects.refresh()
  });

  const show = (): void => app.shell.activateById(SIDEBAR);

  commands.addCommand(CommandIds.showSidebar, {
    label: trans.__('Show Insighter'),
    caption: trans.__('Show the project and its assets in the sidebar'),
    icon: insighterIcon,
    describedBy: { args: NOTHING },
    execute: show
  });

  projects.stateChanged.connect(() => {
    for (const id of [
      CommandIds.rename,
      CommandIds.describe,
      CommandIds.archive,
      CommandIds.restore,
      CommandIds.remove,
      CommandIds.switch,
      CommandIds.openFolder
    ]) {
      commands.notifyCommandChanged(id);
    }
  });
}

/** How long a kernel may take to start before one stops waiting for it, in milliseconds. */
const PATIENCE = 30_000;

/** Wait until a notebook has its kernel; not for ever, and not where it has none. */
async function kernelOf(notebook: IDocumentWidget | undefined): Promise<void> {
  if (notebook) {
    const { ready, sessionContext } = notebook.context;
    const started = ready.then(() => sessionContext.ready).then(() => sessionContext.session?.kernel?.info);
    await Promise.race([started, new Promise(resolve => window.setTimeout(resolve, PATIENCE))]);
  }
}
