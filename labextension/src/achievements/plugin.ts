import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IAssets } from '../assets/tokens';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { type IPageArgs, Pages } from '../pages/widget';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import { achievementIcon } from './icons';
import { Notices } from './notices';

const PLUGIN = '@insighter/labextension:achievements';

/** Achievements: the page of a project's, and a notice of what was just earned. The account's are in its page. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Achievements of a project, and notices of those that were earned.',
  autoStart: true,
  requires: [IProjects, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    registry: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<IPageArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-achievements',
      command: CommandIDs.open,
      icon: achievementIcon,
      key: ({ project }) => project,
      label: () => trans.__('Achievements'),
      caption: ({ project }) => trans.__('Achievements of %1', projects.find(project)?.name ?? project),
      make: async args => (await import('./widget')).achievementsContent(host, args)
    });

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Achievements'),
      caption: trans.__('Show what you and the team have earned in the project'),
      icon: args => (args['isPalette'] ? undefined : achievementIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({ project: 'string: Id of the project; the open one where left out' }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project !== undefined) {
          await pages.open({ project });
        }
      }
    });
    palette?.addItem({ command: CommandIDs.open, category: 'Insighter', args: { isPalette: true } });

    const notices = new Notices(host);
    if (registry) {
      void registry.load(PLUGIN).then(
        settings => {
          const read = (): void => {
            notices.enabled = settings.get('notifications').composite as boolean;
          };
          read();
          settings.changed.connect(read);
        },
        (reason: unknown) => console.error('The settings of achievements could not be loaded.', reason)
      );
    }
  }
};

export default plugin;
