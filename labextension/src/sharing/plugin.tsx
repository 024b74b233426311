import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { lockIcon, usersIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import type { GivenRole, Project } from '../api';
import { IAssets } from '../assets/tokens';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { PAGE, Pages } from '../pages/widget';
import { mayShare, rolesUpTo } from '../projects/roles';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import type { ClosedKind, IFocus, Part, SharingModel } from './model';
import { News } from './news';
import type { ISharingArgs } from './widget';

const PARTS: ReadonlyArray<Part> = ['people', 'invitations', 'requests', 'visibility', 'closed'];

/** Who may what in a project: the page, the commands, and word of what others change about it. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:sharing',
  description: 'Members, invitations, requests for access, visibility and closed assets of a project.',
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
    const news = new News(projects, trans);
    const models = new Map<string, SharingModel>();

    const pages = new Pages<ISharingArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-sharing',
      command: CommandIDs.open,
      icon: usersIcon,
      key: ({ project }) => project,
      label: () => trans.__('Sharing'),
      caption: ({ project }) => trans.__('Who may what in %1', projects.find(project)?.name ?? project),
      make: async args => {
        const [{ sharingContent }, { SharingModel }] = await Promise.all([
          import('./widget'),
          import('./model')
        ]);
        const model = new SharingModel(args.project, projects);
        models.set(args.project, model);
        const content = sharingContent(host, news, model, args);
        content.disposed.connect(() => {
          if (models.get(args.project) === model) {
            models.delete(args.project);
          }
        });
        return content;
      }
    });

    /** The project that is meant: the one named, else the open one. */
    const subject = (args: ReadonlyPartialJSONObject): Project | null => {
      const id = textArg(args, 'project');
      return id === undefined ? projects.current : projects.find(id);
    };
    /** Whether there are people with accounts, of whom one is signed in. */
    const people = (): boolean => projects.me?.local === false && projects.connection !== 'signed-out';

    commands.addCommand(CommandIDs.open, {
      label: args => (args['isPalette'] ? trans.__('Share Project…') : trans.__('Sharing')),
      caption: trans.__('Show and change who may what in the project'),
      icon: args => (args['isPalette'] ? undefined : usersIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        part: 'string: people, invitations, requests, visibility or closed',
        email: 'string: An address to invite, or that of the member to show',
        role: 'string: The role to invite it to'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project === undefined) {
          return;
        }
        await pages.open({ project });
        const part = PARTS.find(each => each === args['part']);
        if (part) {
          const role = rolesUpTo('admin').find(each => each === args['role']) as GivenRole | undefined;
          const focus: IFocus = { part, email: textArg(args, 'email'), role };
          models.get(project)?.focus(focus);
        }
      }
    });

    const mayRestrict = (args: ReadonlyPartialJSONObject): boolean => people() && mayShare(subject(args));
    commands.addCommand(CommandIDs.restrict, {
      label: trans.__('Restrict…'),
      caption: trans.__('Close it to all but members from a role on, and people named'),
      icon: lockIcon,
      isVisible: mayRestrict,
      isEnabled: mayRestrict,
      describedBy: describe(
        {
          project: 'string: Id of the project; the open one where left out',
          kind: 'string: dataset, notebook, model or deployment',
          key: 'string: A notebook’s id; its name where left out',
          name: 'string: The asset'
        },
        ['kind', 'name']
      ),
      execute: async args => {
        const project = subject(args);
        const kind = (['dataset', 'notebook', 'model', 'deployment'] as ClosedKind[]).find(
          each => each === args['kind']
        );
        const name = textArg(args, 'name');
        if (project && kind && name !== undefined) {
          const { restrictAsset } = await import('./restrict');
          await restrictAsset(host, project, kind, textArg(args, 'key') ?? name, name);
        }
      }
    });

    commands.addCommand(CommandIDs.ask, {
      label: trans.__('Ask for Access…'),
      caption: trans.__('Ask the admins of a project to let you in'),
      isVisible: people,
      isEnabled: people,
      describedBy: describe({ project: 'string: Address or id of the project; asked for where left out' }),
      execute: async args => {
        const { askAccess } = await import('./askaccess');
        await askAccess(host, textArg(args, 'project') ?? '');
      }
    });

    projects.gone.connect((_projects, { id, name, own }) => {
      if (own) {
        for (const widget of [...app.shell.widgets('main')]) {
          if (isPageOf(widget, id)) {
            widget.close();
          }
        }
      } else if (people()) {
        // pages of it say the same in the place of what they showed
        Notification.warning(
          trans.__('“%1” is closed to you: you were taken out of it, or it was deleted.', name ?? id),
          {
            autoClose: false,
            actions: [
              {
                label: trans.__('Ask for access…'),
                callback: () => void commands.execute(CommandIDs.ask, { project: id })
              }
            ]
          }
        );
      }
    });
    projects.stateChanged.connect(() => {
      for (const id of Object.values(CommandIDs)) {
        commands.notifyCommandChanged(id);
      }
    });

    for (const command of [CommandIDs.open, CommandIDs.ask]) {
      palette?.addItem({ command, category: 'Insighter', args: { isPalette: true } });
    }
  }
};

/** Whether something in the main area is a page of a project. */
function isPageOf(widget: Widget, project: string): boolean {
  const { content } = widget as { content?: { args?: { project?: unknown } } };
  return widget.node.querySelector(`.${PAGE}`) !== null && content?.args?.project === project;
}

export default plugin;
