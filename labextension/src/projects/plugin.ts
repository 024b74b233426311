import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addCommands, CommandIds, SIDEBAR } from './commands';
import { ProjectsModel } from './model';
import { Sections, Sidebar } from './sidebar';
import { IProjects, ISidebar } from './tokens';

const MODEL_ID = '@insighter/labextension:projects';

/** Remembers that the sidebar was shown once, unasked. */
const GREETED = 'insighter:greeted';

/** Milliseconds between two questions, where the settings cannot be had. */
const INTERVAL = 3000;

/** The projects and the one that is open. */
const model: JupyterFrontEndPlugin<IProjects> = {
  id: MODEL_ID,
  description: 'Provides the projects and the one that is open.',
  autoStart: true,
  provides: IProjects,
  optional: [IStateDB, IDefaultFileBrowser, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    state: IStateDB | null,
    browser: IDefaultFileBrowser | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): IProjects => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const projects = new ProjectsModel({
      state,
      folder: async () => {
        const addressed = PageConfig.getOption('treePath') || PageConfig.getOption('notebookPath');
        if (addressed) {
          return addressed;
        }
        await app.restored;
        await browser?.model.restored;
        return browser?.model.path.replace(/^[^/]*:/, '') ?? '';
      },
      interval: INTERVAL
    });
    projects.updated.connect((_sender, version) => {
      Notification.info(trans.__('Insighter was updated to %1: reload the page to use it.', version), {
        autoClose: false,
        actions: [{ label: trans.__('Reload'), callback: () => window.location.reload() }]
      });
    });
    if (registry) {
      const read = (settings: ISettingRegistry.ISettings): void => {
        projects.interval = 1000 * (settings.get('pollInterval').composite as number);
      };
      registry.load(MODEL_ID).then(
        settings => {
          read(settings);
          settings.changed.connect(read);
        },
        (reason: unknown) => console.error('Insighter’s settings could not be loaded.', reason)
      );
    }
    projects.start();
    return projects;
  }
};

/** The sidebar, the commands of projects, and the ways to them. */
const sidebar: JupyterFrontEndPlugin<ISidebar> = {
  id: '@insighter/labextension:sidebar',
  description: 'Adds the sidebar that shows a project and its assets, and the commands of projects.',
  autoStart: true,
  provides: ISidebar,
  requires: [IProjects],
  optional: [IStateDB, ILabShell, ILayoutRestorer, ICommandPalette, ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    state: IStateDB | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): ISidebar => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const ui = { commands: app.commands, trans };
    const sections = new Sections(state);
    const widget = new Sidebar(projects, sections, ui);
    app.shell.add(widget, 'left', { rank: 110, type: 'Insighter' });
    restorer?.add(widget, SIDEBAR);
    addCommands(app, projects, ui);

    const category = trans.__('Insighter');
    for (const command of Object.values(CommandIds)) {
      palette?.addItem({ command, category });
    }
    [CommandIds.quickstart, CommandIds.create, CommandIds.switch].forEach((command, rank) => {
      launcher?.add({ command, args: { isLauncher: true }, category, rank, categoryRank: 10 });
    });

    if (labShell) {
      void greet(app, state);
    }
    return sections;
  }
};

/** Show the sidebar the first time that JupyterLab opens with Insighter in it; afterwards as it was left. */
async function greet(app: JupyterFrontEnd, state: IStateDB | null): Promise<void> {
  await app.restored;
  if (state && (await state.fetch(GREETED)) === undefined) {
    await state.save(GREETED, true);
    app.shell.activateById(SIDEBAR);
  }
}

const plugins: JupyterFrontEndPlugin<unknown>[] = [model, sidebar];

export default plugins;
