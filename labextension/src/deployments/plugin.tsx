import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { IAssets } from '../assets/tokens';
import { errorText, notifyError } from '../components';
import { describe, numberArg, textArg } from '../pages/args';
import { ask } from '../pages/ask';
import { choose } from '../pages/choose';
import type { IHost } from '../pages/host';
import { deploymentIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects, ISidebar } from '../projects/tokens';
import { assetTrashed } from '../trash/undo';
import { CommandIDs } from './commands';
import { askDeployment } from './deploy';
import { act, addressOf, deployableModels, deploymentNames } from './model';
import { DeploymentsSection } from './section';
import type { IDeploymentArgs } from './widget';

/** Endpoints: the sidebar's section, the page of an endpoint, and their commands. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:deployments',
  description: 'Deployed models: start, stop, try, call.',
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
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<IDeploymentArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-deployments',
      command: CommandIDs.open,
      icon: deploymentIcon,
      key: ({ project, name }) => `${project}:${name}`,
      label: ({ name }) => name,
      caption: ({ name }) => trans.__('Deployment %1', name),
      make: async args => (await import('./widget')).deploymentContent(host, args)
    });

    /** Which endpoint a command is about. */
    const which = (args: ReadonlyPartialJSONObject): IDeploymentArgs | null => {
      const project = textArg(args, 'project') ?? projects.current?.id;
      const name = textArg(args, 'name');
      return project === undefined || name === undefined ? null : { project, name };
    };
    const whichArgs = describe(
      { project: 'string: Id of the project; the open one where left out', name: 'string: The endpoint' },
      ['name']
    );

    /** Whether what changes something in the project is offered. */
    const mayChange = (args: ReadonlyPartialJSONObject): boolean => {
      const project = textArg(args, 'project');
      return may(project === undefined ? projects.current : projects.find(project), 'editor');
    };

    commands.addCommand(CommandIDs.deploy, {
      label: args => (args['isPalette'] ? trans.__('Deploy Model…') : trans.__('Deploy…')),
      caption: trans.__('Serve a model version as an endpoint that predicts'),
      icon: args => (args['isPalette'] ? undefined : deploymentIcon),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        model: 'string: The registered model; chosen in the dialog where left out',
        version: 'number: Its version; @champion or the newest where left out'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project === undefined) {
          return;
        }
        const models = await deployableModels(project).catch(notifyError);
        if (!models) {
          return;
        }
        if (models.length === 0) {
          await showDialog({
            title: trans.__('No model to deploy yet'),
            body: trans.__(
              'Register one first: from the page of a run that logged a model, or with registered_model_name="…" when you log it.'
            ),
            buttons: [Dialog.okButton({ label: trans.__('Close') })]
          });
          return;
        }
        const [model, version] = [textArg(args, 'model'), numberArg(args, 'version')];
        // only for a better proposal: the server has the last word on the name
        const taken = await deploymentNames(project).catch((): string[] => []);
        const made = await askDeployment(host, project, models, taken, model, version);
        if (made) {
          void projects.refresh();
          await pages.open({ project, name: made.name });
        }
      }
    });

    commands.addCommand(CommandIDs.open, {
      label: args => (args['isPalette'] ? trans.__('Open Deployment…') : trans.__('Open')),
      caption: trans.__('Show an endpoint, try it, see how to call it'),
      icon: args => (args['isPalette'] ? undefined : deploymentIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        name: 'string: The endpoint; asked for where left out'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project === undefined) {
          return;
        }
        const name =
          textArg(args, 'name') ??
          (await choose(host, {
            title: trans.__('Open a deployment'),
            names: () => deploymentNames(project),
            none: trans.__('No deployments yet')
          }));
        if (name) {
          await pages.open({ project, name });
        }
      }
    });

    /** Start or stop: it may be called from anywhere, so a notification tells how it goes. */
    const run = async (args: ReadonlyPartialJSONObject, action: 'start' | 'stop'): Promise<void> => {
      const target = which(args);
      if (!target) {
        return;
      }
      const { project, name } = target;
      const done = act(project, name, action).then(() => null);
      Notification.promise(done, {
        pending: {
          message: action === 'start' ? trans.__('Starting %1…', name) : trans.__('Stopping %1…', name)
        },
        success: {
          message: () =>
            action === 'start' ? trans.__('%1 is starting', name) : trans.__('%1 is stopped', name),
          options: { autoClose: 2000 }
        },
        error: { message: errorText }
      });
      await done.catch(() => undefined);
      await projects.refresh();
    };

    commands.addCommand(CommandIDs.start, {
      label: trans.__('Start'),
      caption: trans.__('Start an endpoint again'),
      icon: runIcon,
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: whichArgs,
      execute: args => run(args, 'start')
    });

    commands.addCommand(CommandIDs.stop, {
      label: trans.__('Stop'),
      caption: trans.__('Stop an endpoint; it can be started again'),
      icon: stopIcon,
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: whichArgs,
      execute: args => run(args, 'stop')
    });

    commands.addCommand(CommandIDs.copyAddress, {
      label: trans.__('Copy Address'),
      icon: copyIcon,
      describedBy: whichArgs,
      execute: async args => {
        const target = which(args);
        if (target) {
          try {
            Clipboard.copyToSystem(await addressOf(target.project, target.name));
            Notification.success(trans.__('Copied the address of %1', target.name), { autoClose: 3000 });
          } catch (reason) {
            notifyError(reason);
          }
        }
      }
    });

    commands.addCommand(CommandIDs.remove, {
      label: trans.__('Delete Deployment…'),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: whichArgs,
      execute: async args => {
        const target = which(args);
        if (!target) {
          return;
        }
        const { project, name } = target;
        await ask({
          ui: host,
          title: trans.__('Delete the deployment “%1”?', name),
          accept: trans.__('Move to Trash'),
          warn: true,
          careful: true,
          initial: null,
          form: () => (
            <p>
              {trans.__(
                'It is stopped, and its address answers nobody any more. Restored from the trash, it can be started again. The model and its versions stay.'
              )}
            </p>
          ),
          submit: async () => {
            await act(project, name, 'remove');
            pages.close(open => open.project === project && open.name === name);
            await projects.refresh();
            void assetTrashed(host, { project, kind: 'deployment', name });
          }
        });
      }
    });

    assets.addKind({
      kind: 'deployment',
      label: trans.__('Deployment'),
      plural: trans.__('Deployments'),
      icon: deploymentIcon,
      rank: 400,
      open: ({ project, key }) => commands.execute(CommandIDs.open, { project, name: key })
    });

    sidebar.addSection({
      id: 'deployments',
      title: trans.__('Deployments'),
      rank: 400,
      component: DeploymentsSection,
      addCommand: CommandIDs.deploy
    });
    projects.stateChanged.connect(() => commands.notifyCommandChanged(CommandIDs.deploy));
    for (const command of [CommandIDs.deploy, CommandIDs.open]) {
      palette?.addItem({ command, category: 'Insighter', args: { isPalette: true } });
    }
  }
};

export default plugin;
