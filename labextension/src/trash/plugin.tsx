import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IAssets } from '../assets/tokens';
import { textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { trashIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import type { ITrashArgs } from './widget';

/** The trash: what was deleted in a project, and the projects that were. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:trash',
  description: 'What was deleted: restored, or deleted for good.',
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

    const pages = new Pages<ITrashArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-trash',
      command: CommandIDs.open,
      icon: trashIcon,
      key: ({ project }) => project || 'projects',
      label: ({ project }) => (project ? trans.__('Trash') : trans.__('Deleted projects')),
      caption: ({ project }) =>
        project
          ? trans.__('What was deleted in “%1”', projects.find(project)?.name ?? project)
          : trans.__('Projects in the trash'),
      make: async args => (await import('./widget')).trashContent(host, args)
    });

    commands.addCommand(CommandIDs.open, {
      label: args =>
        args['projects']
          ? trans.__('Deleted Projects…')
          : args['isMenu']
            ? trans.__('Trash')
            : trans.__('Open Trash'),
      caption: args =>
        args['projects']
          ? trans.__('Restore projects that you deleted, or delete them for good')
          : trans.__('Restore what was deleted in the project, or delete it for good'),
      icon: args => (args['projects'] ? undefined : trashIcon),
      isEnabled: args => args['projects'] === true || may(projects.current, 'editor') || !!args['project'],
      describedBy: {
        args: {
          type: 'object',
          properties: {
            project: { type: 'string', description: 'Id of the project; the open one where left out.' },
            projects: { type: 'boolean', description: 'Whether to show the deleted projects instead.' }
          }
        }
      },
      execute: async args => {
        // a page that is brought back names the deleted projects by no project
        const all = args['projects'] === true || args['project'] === '';
        const project = all ? '' : (textArg(args, 'project') ?? projects.current?.id);
        if (project !== undefined) {
          await pages.open({ project });
        }
      }
    });

    projects.stateChanged.connect(() => commands.notifyCommandChanged(CommandIDs.open));
    palette?.addItem({ command: CommandIDs.open, category: 'Insighter' });
    palette?.addItem({ command: CommandIDs.open, category: 'Insighter', args: { projects: true } });
  }
};

export default plugin;
