import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import * as React from 'react';

import { IAssets, type IAssetTabProps } from '../assets/tokens';
import { IBus } from '../bus/tokens';
import { describe } from '../pages/args';
import { IHome, type IHomeSectionProps } from '../home/tokens';
import type { IHost } from '../pages/host';
import { IProjects, ISidebar, type ISectionProps } from '../projects/tokens';

import { CommandIDs } from './commands';
import { activityIcon } from './icons';
import { Inbox } from './inbox';
import { InboxItem } from './inboxitem';
import { tell } from './notifying';
import type { IServices } from './services';
import { StatusItem } from './statusitem';
import type { ActivityContent } from './widget';

const Section = React.lazy(async () => ({ default: (await import('./section')).ActivitySection }));
const CommentsTab = React.lazy(async () => ({ default: (await import('./comments')).CommentsTab }));
const ActivityTab = React.lazy(async () => ({ default: (await import('./comments')).ActivityTab }));

/** The open project in the status bar. */
const status: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:status',
  description: 'Shows the open project in the status bar.',
  autoStart: true,
  requires: [IProjects],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    statusBar?.registerStatusItem('insighter', {
      item: new StatusItem(projects, { commands: app.commands, trans }),
      align: 'left',
      rank: 1.5
    });
  }
};

/** What happened, what is said, and what of it is for whoever is signed in. */
const activity: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:activity',
  description: 'What happens in the project, comments on its assets, and notifications.',
  autoStart: true,
  requires: [IProjects, ISidebar, IAssets, IBus],
  optional: [
    IHome,
    IRenderMimeRegistry,
    IStatusBar,
    ITranslator,
    ICommandPalette,
    ILayoutRestorer,
    ILabShell
  ],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    sidebar: ISidebar,
    assets: IAssets,
    bus: IBus,
    home: IHome | null,
    rendermime: IRenderMimeRegistry | null,
    statusBar: IStatusBar | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands, shell } = app;
    const host: IHost = { commands, projects, assets, trans };
    const inbox = new Inbox(bus, projects);
    const services: IServices = { bus, inbox, rendermime };

    inbox.arrived.connect((_sender, item) => tell(item, inbox, host));
    projects.personChanged.connect(
      () => void import('./comments').then(({ forgetDrafts }) => forgetDrafts())
    );

    const tracker = new WidgetTracker<MainAreaWidget<ActivityContent>>({ namespace: 'insighter-activity' });
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.open,
        args: ({ content }) => content.args,
        name: () => 'activity'
      });
    }
    const open = async (args: ReadonlyJSONObject): Promise<void> => {
      const { ActivityContent, viewOf } = await import('./widget');
      const found = tracker.find(() => true);
      if (found) {
        if (Object.keys(args).length > 0) {
          found.content.present(viewOf(args));
        }
        shell.activateById(found.id);
        return;
      }
      const content = new ActivityContent(host, services, viewOf(args));
      content.title.label = trans.__('Activity');
      content.title.icon = activityIcon;
      const widget = new MainAreaWidget({ content });
      widget.id = 'insighter-activity';
      widget.title.closable = true;
      widget.toolbar.hide();
      content.viewChanged.connect(() => void tracker.save(widget));
      shell.add(widget, labShell ? 'main' : 'right', { mode: 'tab-after' });
      void tracker.add(widget);
      shell.activateById(widget.id);
    };

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Activity'),
      caption: trans.__('Show what happens in the open project, and what is for you'),
      icon: activityIcon,
      describedBy: describe({
        view: 'string: "all", or "mine" for your notifications',
        project: 'string: The project that the filter is of',
        person: 'string: Only what this account did',
        kind: 'string: Only about assets of this kind',
        key: 'string: Only about the asset of this key'
      }),
      execute: args => open(args as ReadonlyJSONObject)
    });
    commands.addCommand(CommandIDs.read, {
      label: trans.__('Mark All Notifications as Read'),
      isEnabled: () => inbox.unread > 0,
      describedBy: describe({}),
      execute: () => inbox.read(null)
    });
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Insighter') });
    }

    const inside = (view: JSX.Element): JSX.Element => (
      <React.Suspense fallback={<p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}>
        {view}
      </React.Suspense>
    );
    assets.addTab({
      id: 'comments',
      label: trans.__('Comments'),
      rank: 100,
      component: function CommentsOf(props: IAssetTabProps) {
        return inside(<CommentsTab {...props} host={host} services={services} />);
      }
    });
    assets.addTab({
      id: 'activity',
      label: trans.__('Activity'),
      rank: 110,
      component: function ActivityOf(props: IAssetTabProps) {
        return inside(<ActivityTab {...props} host={host} services={services} />);
      }
    });
    sidebar.addSection({
      id: 'activity',
      title: trans.__('Activity'),
      rank: 900,
      component: function ActivityInSidebar(props: ISectionProps) {
        return inside(<Section {...props} host={host} services={services} />);
      }
    });
    home?.addSection({
      id: 'activity',
      title: trans.__('Activity'),
      rank: 100,
      component: function ActivityAtHome({ project }: IHomeSectionProps) {
        return inside(<Section project={project} host={host} services={services} />);
      }
    });
    statusBar?.registerStatusItem('insighter-inbox', {
      item: new InboxItem(inbox, { commands, trans }),
      align: 'left',
      rank: 1.6,
      isActive: () => inbox.unread > 0,
      activeStateChanged: inbox.changed
    });
  }
};

const plugins: JupyterFrontEndPlugin<unknown>[] = [status, activity];

export default plugins;
