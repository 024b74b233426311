import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IAssets } from '../assets/tokens';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { modelIcon } from '../pages/icons';
import { type IPageArgs, Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';

/** Webhooks: the page of a project's. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:webhooks',
  description: 'Addresses that are called when something happens to models.',
  autoStart: true,
  requires: [IProjects, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };
    const pages = new Pages<IPageArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-webhooks',
      command: CommandIDs.open,
      icon: modelIcon,
      key: ({ project }) => project,
      label: () => trans.__('Webhooks'),
      caption: ({ project }) => trans.__('Webhooks of %1', projects.find(project)?.name ?? project),
      make: async args => (await import('./widget')).webhooksContent(host, args)
    });
    commands.addCommand(CommandIDs.open, {
      label: trans.__('Webhooks'),
      caption: trans.__('Call an address when something happens to models'),
      icon: args => (args['isPalette'] ? undefined : modelIcon),
      isEnabled: args => {
        const project = textArg(args, 'project');
        return may(project === undefined ? projects.current : projects.find(project), 'admin');
      },
      describedBy: describe({ project: 'string: Id of the project; the open one where left out' }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project !== undefined) {
          await pages.open({ project });
        }
      }
    });
    palette?.addItem({ command: CommandIDs.open, category: 'Insighter', args: { isPalette: true } });
  }
};

export default plugin;
