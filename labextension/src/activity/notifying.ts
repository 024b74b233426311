import { Notification as Toast } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Notification } from '../api';
import { notifyError } from '../components';
import type { IHost } from '../pages/host';
import { CommandIDs } from './commands';
import type { Inbox } from './inbox';

/** A notification in a sentence. */
export function notificationText(item: Notification, trans: TranslationBundle): string {
  const who = item.actor ?? trans.__('Someone');
  const what = item.asset?.name ?? item.project;
  switch (item.kind) {
    case 'mention':
      return trans.__('%1 mentioned you on %2', who, what);
    case 'comment':
      return trans.__('%1 commented on %2', who, what);
    case 'alias_asked':
      return trans.__('%1 asks for your approval of @%3 of %2', who, what, String(item.data['alias']));
    case 'alias_decided':
      return item.data['state'] === 'rejected'
        ? trans.__('%1 rejected your move of @%3 of %2', who, what, String(item.data['alias']))
        : trans.__('%1 approved your move of @%3 of %2', who, what, String(item.data['alias']));
    default: {
      // another capability brings its own words
      const { title } = item.data;
      return typeof title === 'string' ? title : trans.__('%1: something for you in %2', who, what);
    }
  }
}

/** Open what a notification is about, and note it as read. */
export async function openNotification(item: Notification, inbox: Inbox, host: IHost): Promise<void> {
  if (item.read_at === null) {
    void inbox.read([item.id]);
  }
  try {
    if (host.projects.current?.id !== item.project_id) {
      await host.projects.select(item.project_id);
    }
    if (item.asset) {
      const { kind, key, name } = item.asset;
      await host.assets.open({ project: item.project_id, kind, key }, name);
    }
  } catch (reason) {
    notifyError(reason);
  }
}

/** Tell of what came just now, quietly, on the page that is looked at. A reload tells nothing again. */
export function tell(item: Notification, inbox: Inbox, host: IHost): void {
  const { trans, commands } = host;
  if (document.visibilityState !== 'visible') {
    return; // the count tells, and another page may
  }
  Toast.info(notificationText(item, trans), {
    autoClose: 6000,
    actions: [
      {
        label: item.asset ? trans.__('Open') : trans.__('Show'),
        callback: () =>
          void (item.asset
            ? openNotification(item, inbox, host)
            : commands.execute(CommandIDs.open, { view: 'mine' }))
      }
    ]
  });
}
