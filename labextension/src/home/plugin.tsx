import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { homeIcon, searchIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { assets as api } from '../api';
import { IAssets } from '../assets/tokens';
import { notifyError } from '../components';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { pinIcon } from '../pages/icons';
import { type IPageArgs, Pages } from '../pages/widget';
import { SIDEBAR } from '../projects/commands';
import { may } from '../projects/roles';
import { IProjects, ISidebar } from '../projects/tokens';
import { CommandIds } from './commands';
import { HomeSections } from './model';
import { SEARCH_FIELD, searchTop } from './search';
import { IHome } from './tokens';

/** An asset that a command is about. */
const AN_ASSET = {
  project: 'string: Id of its project',
  kind: 'string: dataset, notebook, experiment, run, model or deployment',
  key: 'string: The name of a dataset, model or deployment; the id of all others',
  name: 'string: What it is called'
};

/** The home of a project, the search over the assets of all of them, and pins. */
const plugin: JupyterFrontEndPlugin<IHome> = {
  id: '@insighter/labextension:home',
  description: 'The home of a project, and the search over all assets.',
  autoStart: true,
  provides: IHome,
  requires: [IProjects, ISidebar, IAssets],
  optional: [IRenderMimeRegistry, ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    sidebar: ISidebar,
    assets: IAssets,
    rendermime: IRenderMimeRegistry | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): IHome => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };
    const sections = new HomeSections();

    const pages = new Pages<IPageArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-home',
      command: CommandIds.open,
      icon: homeIcon,
      key: ({ project }) => project,
      label: () => trans.__('Home'),
      caption: ({ project }) => trans.__('Home of %1', projects.find(project)?.name ?? trans.__('a project')),
      make: async args => (await import('./widget')).homeContent(host, sections, rendermime, args)
    });

    commands.addCommand(CommandIds.open, {
      label: args => (args['isMenu'] ? trans.__('Home') : trans.__('Open Project Home')),
      caption: trans.__('Show what the project is for, who is in it and what it has'),
      icon: homeIcon,
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({ project: 'string: Id of the project; the open one where left out' }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project !== undefined) {
          // one home at a time: that of the project one came from is in the way
          pages.close(other => other.project !== project);
          await pages.open({ project });
        }
      }
    });

    commands.addCommand(CommandIds.search, {
      label: trans.__('Search All Assets'),
      caption: trans.__('Find datasets, experiments, runs, models and endpoints of all projects'),
      icon: searchIcon,
      describedBy: describe({}),
      execute: () => {
        app.shell.activateById(SIDEBAR);
        // the sidebar is shown first, and takes the focus to its beginning
        window.requestAnimationFrame(() => {
          const field = document.getElementById(SEARCH_FIELD) as HTMLInputElement | null;
          field?.focus();
          field?.select();
          field?.click();
        });
      }
    });

    commands.addCommand(CommandIds.openAsset, {
      label: trans.__('Open'),
      caption: trans.__('Show the asset’s page'),
      describedBy: describe(AN_ASSET, ['project', 'kind', 'key']),
      execute: async args => {
        const asset = assetOf(args);
        if (asset) {
          await assets.open(asset, textArg(args, 'name'));
        }
      }
    });

    const mayPin = (args: ReadonlyPartialJSONObject): boolean => {
      const project = textArg(args, 'project');
      return project !== undefined && may(projects.find(project), 'editor');
    };

    const pin = async (args: ReadonlyPartialJSONObject, position?: number): Promise<void> => {
      const asset = assetOf(args);
      if (asset) {
        try {
          await api.pin(asset.project, asset.kind, asset.key, position);
          await projects.refresh();
        } catch (reason) {
          notifyError(reason);
        }
      }
    };

    commands.addCommand(CommandIds.pin, {
      label: trans.__('Pin'),
      caption: trans.__('Show it first, to everybody in the project'),
      icon: pinIcon,
      describedBy: describe(AN_ASSET, ['project', 'kind', 'key']),
      isVisible: mayPin,
      isEnabled: mayPin,
      execute: args => pin(args)
    });

    commands.addCommand(CommandIds.unpin, {
      label: trans.__('Unpin'),
      caption: trans.__('Show it among the others again'),
      icon: pinIcon,
      describedBy: describe(AN_ASSET, ['project', 'kind', 'key']),
      isVisible: mayPin,
      isEnabled: mayPin,
      execute: async args => {
        const asset = assetOf(args);
        if (!asset) {
          return;
        }
        try {
          const position = await api.unpin(asset.project, asset.kind, asset.key);
          await projects.refresh();
          Notification.info(trans.__('“%1” is not pinned any more.', textArg(args, 'name') ?? asset.key), {
            autoClose: 8000,
            actions: [{ label: trans.__('Undo'), callback: () => void pin(args, position) }]
          });
        } catch (reason) {
          notifyError(reason);
        }
      }
    });

    projects.personChanged.connect(() => pages.close(() => true));
    sidebar.addTop(searchTop(host));
    palette?.addItem({ command: CommandIds.open, category: 'Insighter' });
    palette?.addItem({ command: CommandIds.search, category: 'Insighter' });
    return sections;
  }
};

/** The asset that a command's arguments name. */
function assetOf(args: ReadonlyPartialJSONObject): { project: string; kind: string; key: string } | null {
  const [project, kind, key] = ['project', 'kind', 'key'].map(name => textArg(args, name));
  return project && kind && key ? { project, kind, key } : null;
}

export default plugin;
