import { Notification } from '@jupyterlab/apputils';

import { notifyError, type IUi } from '../components';

/** Tell that something is done, and offer to take it back. */
export function offerUndo({ trans }: IUi, done: string, undo: () => Promise<unknown>): void {
  Notification.success(done, {
    autoClose: 10_000,
    actions: [
      {
        label: trans.__('Undo'),
        callback: () => {
          undo().catch(notifyError);
        }
      }
    ]
  });
}
