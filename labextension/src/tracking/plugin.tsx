import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IAssets } from '../assets/tokens';
import type { Experiment } from '../api';
import { notifyError } from '../components';
import { describe, textArg } from '../pages/args';
import { choose } from '../pages/choose';
import type { IHost } from '../pages/host';
import { experimentIcon, modelIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects, ISidebar } from '../projects/tokens';
import { CommandIDs } from './commands';
import { allExperiments, loggedModels } from './model';
import { register } from './register';
import { addRunCommands } from './runcommands';
import { ExperimentsSection } from './section';
import type { ITrackingArgs } from './widget';

/** Experiments and runs: the sidebar's section, their pages, and their commands. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:tracking',
  description: 'Experiments and runs, as MLflow logs them.',
  autoStart: true,
  requires: [IProjects, ISidebar, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    sidebar: ISidebar,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    rendermime: IRenderMimeRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };
    const common = {
      app,
      restorer,
      labShell,
      icon: experimentIcon,
      key: ({ project, id }: ITrackingArgs) => `${project}:${id}`,
      label: ({ name }: ITrackingArgs) => name
    };
    const experimentPages = new Pages<ITrackingArgs>({
      ...common,
      namespace: 'insighter-experiments',
      command: CommandIDs.openExperiment,
      caption: ({ name }) => trans.__('Experiment %1', name),
      make: async args => (await import('./widget')).experimentContent(host, args)
    });
    const runPages = new Pages<ITrackingArgs>({
      ...common,
      namespace: 'insighter-runs',
      command: CommandIDs.openRun,
      caption: ({ name }) => trans.__('Run %1', name),
      make: async args => (await import('./widget')).runContent(host, args, rendermime)
    });

    commands.addCommand(CommandIDs.openExperiment, {
      label: args => (args['isPalette'] ? trans.__('Open Experiment…') : trans.__('Open')),
      caption: trans.__('Show an experiment’s runs'),
      icon: args => (args['isPalette'] ? undefined : experimentIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        id: 'string: Id of the experiment; asked for where left out',
        name: 'string: Its name'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project === undefined) {
          return;
        }
        const id = textArg(args, 'id');
        if (id !== undefined) {
          await experimentPages.open({ project, id, name: textArg(args, 'name') ?? id });
          return;
        }
        let all: Experiment[] = [];
        const name = await choose(host, {
          title: trans.__('Open an experiment'),
          names: async () => {
            all = await allExperiments(project);
            return all.map(one => one.name);
          },
          none: trans.__('No experiments yet')
        });
        const found = all.find(one => one.name === name);
        if (found) {
          await experimentPages.open({ project, id: found.id, name: found.name });
        }
      }
    });

    commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Run'),
      caption: trans.__('Show a run’s metrics, parameters and artifacts'),
      icon: experimentIcon,
      describedBy: describe(
        {
          project: 'string: Id of the project; the open one where left out',
          id: 'string: Id of the run',
          name: 'string: Its name'
        },
        ['id']
      ),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        const id = textArg(args, 'id');
        if (project !== undefined && id !== undefined) {
          await runPages.open({ project, id, name: textArg(args, 'name') ?? id.slice(0, 8) });
        }
      }
    });

    addRunCommands({ app, host, restorer, labShell });

    commands.addCommand(CommandIDs.registerModel, {
      label: trans.__('Register Model…'),
      caption: trans.__('Register a model that a run logged'),
      icon: modelIcon,
      isEnabled: args => {
        const project = textArg(args, 'project');
        return may(project === undefined ? projects.current : projects.find(project), 'editor');
      },
      describedBy: describe(
        {
          project: 'string: Id of the project; the open one where left out',
          run: 'string: Id of the run',
          model: 'string: Id of the logged model; chosen among the run’s where left out',
          name: 'string: The name that is proposed'
        },
        ['run']
      ),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        const run = textArg(args, 'run');
        const model = textArg(args, 'model');
        if (project === undefined || run === undefined) {
          return;
        }
        const logged = model === undefined ? await loggedModels(project, run).catch(notifyError) : [model];
        if (!logged) {
          return;
        }
        if (logged.length === 0) {
          Notification.warning(trans.__('This run logged no model.'), { autoClose: 5000 });
          return;
        }
        await register(host, project, logged, textArg(args, 'name') ?? '');
      }
    });

    assets.addKind({
      kind: 'experiment',
      label: trans.__('Experiment'),
      plural: trans.__('Experiments'),
      icon: experimentIcon,
      rank: 200,
      open: ({ project, key }, name) =>
        commands.execute(CommandIDs.openExperiment, { project, id: key, name })
    });

    assets.addKind({
      kind: 'run',
      label: trans.__('Run'),
      plural: trans.__('Runs'),
      icon: experimentIcon,
      rank: 210,
      open: ({ project, key }, name) => commands.execute(CommandIDs.openRun, { project, id: key, name })
    });

    sidebar.addSection({
      id: 'experiments',
      title: trans.__('Experiments'),
      rank: 200,
      component: ExperimentsSection
    });
    palette?.addItem({
      command: CommandIDs.openExperiment,
      category: 'Insighter',
      args: { isPalette: true }
    });
    palette?.addItem({ command: CommandIDs.compareRuns, category: 'Insighter', args: { isPalette: true } });
  }
};

export default plugin;
