import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { userIcon } from '@jupyterlab/ui-components';

import { IAssets } from '../assets/tokens';
import { accounts, serverUrl } from '../api';
import { notifyError } from '../components';
import { describe } from '../pages/args';
import type { IHost } from '../pages/host';
import { PAGE, Pages } from '../pages/widget';
import { CommandIds as ProjectCommands } from '../projects/commands';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import { hubSignsIn } from './model';
import type { IAccountArgs } from './widget';

/** The account: its page, signing in and out. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:accounts',
  description: 'The account: profile, sign-ins, access tokens; signing in and out.',
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
    const people = (): boolean => projects.me !== null && !projects.me.local && !hubSignsIn(projects);

    const pages = new Pages<IAccountArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-account',
      command: CommandIDs.open,
      icon: userIcon,
      key: () => 'account',
      label: () => trans.__('Account'),
      caption: () => trans.__('Your account'),
      make: async () => (await import('./widget')).accountContent(host)
    });

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Account'),
      caption: trans.__('Show your profile, your sign-ins and your access tokens'),
      icon: args => (args['isPalette'] ? undefined : userIcon),
      describedBy: describe({}),
      execute: () => pages.open({})
    });

    commands.addCommand(CommandIDs.join, {
      label: trans.__('Accept an Invitation…'),
      caption: trans.__('Become a member with the code of an invitation'),
      isVisible: () => projects.me?.local === false && projects.connection !== 'signed-out',
      describedBy: describe({}),
      execute: async () => {
        const { askCode } = await import('./join');
        const joined = await askCode(host);
        if (!joined) {
          return;
        }
        await projects.refresh();
        if (joined.project) {
          const { id } = joined.project;
          await projects.select(id).catch(notifyError);
          await commands.execute(ProjectCommands.showSidebar);
        } else {
          Notification.success(trans.__('You are a member of the organisation.'), { autoClose: 5000 });
        }
      }
    });

    commands.addCommand(CommandIDs.signIn, {
      label: trans.__('Sign In'),
      caption: trans.__('Show where to sign in'),
      isVisible: () => projects.connection === 'signed-out',
      describedBy: describe({}),
      execute: async () => {
        await commands.execute(ProjectCommands.showSidebar);
      }
    });

    commands.addCommand(CommandIDs.signOut, {
      label: trans.__('Sign Out'),
      caption: trans.__('End this sign-in; kernels go on running'),
      isVisible: () => people() && projects.connection !== 'signed-out',
      describedBy: describe({}),
      execute: async () => {
        try {
          const { login_page } = await accounts.state();
          if (login_page && !(await sure(host))) {
            return;
          }
          await accounts.signOut();
          if (login_page) {
            // nothing of Jupyter answers any more
            window.location.assign(serverUrl('login'));
          }
        } catch (reason) {
          notifyError(reason);
        }
      }
    });

    // What one person had open, or was told, is not for the next.
    projects.personChanged.connect(() => {
      Notification.dismiss();
      for (const widget of [...app.shell.widgets('main')]) {
        if (widget.node.querySelector(`.${PAGE}`)) {
          widget.close();
        }
      }
    });
    projects.stateChanged.connect(() => {
      for (const id of [CommandIDs.join, CommandIDs.signIn, CommandIDs.signOut]) {
        commands.notifyCommandChanged(id);
      }
    });

    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: 'Insighter', args: { isPalette: true } });
    }
  }
};

/** Ask whether to leave JupyterLab altogether. */
async function sure({ trans }: IHost): Promise<boolean> {
  const { button } = await showDialog({
    title: trans.__('Sign out?'),
    body: trans.__('You leave JupyterLab with it. Kernels go on running; save your documents first.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Sign Out') })
    ]
  });
  return button.accept;
}

export default plugin;
