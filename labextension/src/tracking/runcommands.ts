import type { ILabShell, ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { copyIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { notifyError } from '../components';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { experimentIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { assetTrashed } from '../trash/undo';
import { CommandIDs } from './commands';
import { deleteRun } from './model';
import type { ICompareArgs } from './widget';

interface IParts {
  app: JupyterFrontEnd;
  host: IHost;
  restorer: ILayoutRestorer | null;
  labShell: ILabShell | null;
}

/** The commands about single runs and their comparison. */
export function addRunCommands({ app, host, restorer, labShell }: IParts): void {
  const { commands, projects, trans } = host;

  const comparisons = new Pages<ICompareArgs>({
    app,
    restorer,
    labShell,
    namespace: 'insighter-comparisons',
    command: CommandIDs.compareRuns,
    icon: experimentIcon,
    key: ({ project, runs }) => `${project}:${runs.join(',')}`,
    label: ({ runs }) => trans._n('%1 run', '%1 runs side by side', runs.length),
    caption: ({ runs }) => trans._n('%1 run', '%1 runs side by side', runs.length),
    make: async args => (await import('./widget')).compareContent(host, args)
  });

  const mayChange = (args: ReadonlyPartialJSONObject): boolean => {
    const project = textArg(args, 'project');
    return may(project === undefined ? projects.current : projects.find(project), 'editor');
  };

  commands.addCommand(CommandIDs.compareRuns, {
    label: args => (args['isPalette'] ? trans.__('Compare Runs…') : trans.__('Compare')),
    caption: trans.__('Put runs side by side: parameters, metrics, tags and curves'),
    icon: args => (args['isPalette'] ? undefined : copyIcon),
    isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
    describedBy: describe({
      project: 'string: Id of the project; the open one where left out',
      experiment: 'string: Id of the experiment that the runs are of',
      runs: 'array: Ids of the runs; asked for where left out'
    }),
    execute: async args => {
      const project = textArg(args, 'project') ?? projects.current?.id;
      if (project === undefined) {
        return;
      }
      const experiment = textArg(args, 'experiment');
      const given = args['runs'];
      const runs = Array.isArray(given) ? given.filter(id => typeof id === 'string') : [];
      if (runs.length > 0) {
        await comparisons.open({ project, experiment: experiment ?? '', runs });
        return;
      }
      try {
        const { chooseRuns } = await import('./compare/choose');
        const chosen = await chooseRuns(host, project, experiment);
        if (chosen) {
          await comparisons.open({ project, experiment: chosen.experiment, runs: chosen.runs });
        }
      } catch (reason) {
        notifyError(reason);
      }
    }
  });

  const ONE = {
    project: 'string: Id of the project',
    id: 'string: Id of the run',
    name: 'string: Its name'
  };

  commands.addCommand(CommandIDs.renameRun, {
    label: trans.__('Rename Run…'),
    isVisible: mayChange,
    isEnabled: mayChange,
    describedBy: describe(ONE, ['project', 'id']),
    execute: async args => {
      const [project, id] = [textArg(args, 'project'), textArg(args, 'id')];
      if (project && id) {
        const { rename } = await import('./run/rename');
        await rename(host, project, id, textArg(args, 'name') ?? '');
      }
    }
  });

  commands.addCommand(CommandIDs.deleteRun, {
    label: trans.__('Delete Run'),
    caption: trans.__('Move the run to the trash'),
    isVisible: mayChange,
    isEnabled: mayChange,
    describedBy: describe(ONE, ['project', 'id']),
    execute: async args => {
      const [project, id] = [textArg(args, 'project'), textArg(args, 'id')];
      if (!project || !id) {
        return;
      }
      const name = textArg(args, 'name') ?? id.slice(0, 8);
      try {
        await deleteRun(project, id);
        await projects.refresh();
      } catch (reason) {
        notifyError(reason);
        return;
      }
      void assetTrashed(host, { project, kind: 'run', name, id });
    }
  });
}
