import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IThemeManager, type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { ApiError, type Project, projects as api } from '../api';
import { notifyError } from '../components';
import { describe, textArg } from '../pages/args';
import { experimentIcon } from '../pages/icons';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import { type MlflowFrame, mlflowWidget } from './widget';

const NAME = /^(?!default$|workspaces$|api$|ajax-api$|static-files$)[a-z0-9][a-z0-9-]*[a-z0-9]$/;

/** MLflow's own web pages in a tab: one for each project. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:mlflow',
  description: 'MLflow’s own web pages, served by this server.',
  autoStart: true,
  requires: [IProjects],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell, IThemeManager],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    themes: IThemeManager | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const tracker = new WidgetTracker<MainAreaWidget<MlflowFrame>>({ namespace: 'insighter-mlflow' });

    app.commands.addCommand(CommandIDs.openMlflow, {
      label: args => (args['path'] ? trans.__('Open in MLflow') : trans.__('Open MLflow’s Pages')),
      caption: trans.__('Show MLflow’s own web pages of the project'),
      icon: args => (args['isPalette'] ? undefined : experimentIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        path: 'string: Which page, such as experiments/1; the first where left out'
      }),
      execute: async args => {
        const id = textArg(args, 'project') ?? projects.current?.id;
        if (id === undefined) {
          return;
        }
        // with the layout it is opened before the projects are here
        const project = projects.find(id) ?? (await find(id).catch(notifyError));
        if (!project) {
          return;
        }
        const path = textArg(args, 'path');
        const open = tracker.find(({ content }) => content.project === project.id);
        if (open) {
          if (path !== undefined) {
            open.content.goTo(path);
          }
          app.shell.activateById(open.id);
          return;
        }
        // As the server names it: by the slug, where MLflow takes that for a name.
        const workspace = NAME.test(project.slug) ? project.slug : project.id;
        const widget = mlflowWidget({ project: project.id, workspace, path: path ?? '' }, themes, trans);
        widget.id = `insighter-mlflow:${project.id}`;
        widget.title.label = `MLflow · ${project.name}`;
        widget.title.caption = trans.__('MLflow’s pages of %1', project.name);
        widget.title.icon = experimentIcon;
        widget.title.closable = true;
        app.shell.add(widget, labShell ? 'main' : 'right', { mode: 'tab-after' });
        await tracker.add(widget);
        app.shell.activateById(widget.id);
      }
    });

    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openMlflow,
        args: ({ content }) => ({ project: content.project, path: content.path }),
        name: ({ content }) => content.project
      });
    }
    palette?.addItem({ command: CommandIDs.openMlflow, category: 'Insighter', args: { isPalette: true } });
  }
};

/** A project, from the server; null where there is none. */
async function find(id: string): Promise<Project | null> {
  try {
    return await api.get(id);
  } catch (reason) {
    if (reason instanceof ApiError && reason.status === 404) {
      return null; // it was deleted, or closed to whoever opened it once
    }
    throw reason;
  }
}

export default plugin;
