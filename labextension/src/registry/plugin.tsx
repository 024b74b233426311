import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { IAssets } from '../assets/tokens';
import { describe, numberArg, textArg } from '../pages/args';
import { ask } from '../pages/ask';
import { choose } from '../pages/choose';
import type { IHost } from '../pages/host';
import { modelIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects, ISidebar } from '../projects/tokens';
import { assetTrashed } from '../trash/undo';
import { CommandIDs } from './commands';
import { deleteModel, loadCode, modelNames } from './model';
import { ModelsSection } from './section';
import type { IModelArgs } from './widget';

/** Registered models: the sidebar's section, the page of a model, and their commands. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:registry',
  description: 'Registered models, their versions and aliases.',
  autoStart: true,
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
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<IModelArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-models',
      command: CommandIDs.open,
      icon: modelIcon,
      key: ({ project, name }) => `${project}:${name}`,
      label: ({ name }) => name,
      caption: ({ name }) => trans.__('Model %1', name),
      make: async args => (await import('./widget')).modelContent(host, rendermime, args)
    });

    commands.addCommand(CommandIDs.open, {
      label: args => (args['isPalette'] ? trans.__('Open Model…') : trans.__('Open')),
      caption: trans.__('Show a model’s versions, aliases and card'),
      icon: args => (args['isPalette'] ? undefined : modelIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        name: 'string: The model; asked for where left out'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project === undefined) {
          return;
        }
        const name =
          textArg(args, 'name') ??
          (await choose(host, {
            title: trans.__('Open a model'),
            names: () => modelNames(project),
            none: trans.__('No models yet')
          }));
        if (name) {
          await pages.open({ project, name });
        }
      }
    });

    commands.addCommand(CommandIDs.copyCode, {
      label: trans.__('Copy Code to Load It'),
      icon: copyIcon,
      describedBy: describe({ name: 'string: The model', version: 'number: The version' }, [
        'name',
        'version'
      ]),
      execute: args => {
        const name = textArg(args, 'name');
        if (name) {
          const code = loadCode(name, numberArg(args, 'version') ?? null, []);
          Clipboard.copyToSystem(code);
          Notification.success(trans.__('Copied: %1', code), { autoClose: 3000 });
        }
      }
    });

    const mayChange = (args: ReadonlyPartialJSONObject): boolean => {
      const project = textArg(args, 'project');
      return project !== undefined && may(projects.find(project), 'editor');
    };

    commands.addCommand(CommandIDs.remove, {
      label: trans.__('Delete Model…'),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({ project: 'string: Id of the project', name: 'string: The model' }, [
        'project',
        'name'
      ]),
      execute: async args => {
        const [project, name] = [textArg(args, 'project'), textArg(args, 'name')];
        if (!project || !name) {
          return;
        }
        await ask({
          ui: host,
          title: trans.__('Delete the model “%1”?', name),
          accept: trans.__('Move to Trash'),
          warn: true,
          careful: true,
          initial: null,
          form: () => (
            <p>
              {trans.__(
                'All its versions and aliases go with it, for everybody in the project, until it is restored from the trash. Its files stay with the runs that logged them, and endpoints that run go on.'
              )}
            </p>
          ),
          submit: async () => {
            await deleteModel(project, name);
            pages.close(open => open.project === project && open.name === name);
            await projects.refresh();
            void assetTrashed(host, { project, kind: 'model', name });
          }
        });
      }
    });

    assets.addKind({
      kind: 'model',
      label: trans.__('Model'),
      plural: trans.__('Models'),
      icon: modelIcon,
      rank: 300,
      open: ({ project, key }) => commands.execute(CommandIDs.open, { project, name: key })
    });

    sidebar.addSection({
      id: 'models',
      title: trans.__('Models'),
      rank: 300,
      component: ModelsSection
    });
    palette?.addItem({ command: CommandIDs.open, category: 'Insighter', args: { isPalette: true } });
  }
};

export default plugin;
