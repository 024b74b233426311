import { Notification } from '@jupyterlab/apputils';

import { ApiError } from '../api';

/** An error in one line: what happened and what to do. */
export function errorText(reason: unknown): string {
  const { message, hint } = ApiError.from(reason);
  const first = message.charAt(0).toLocaleUpperCase() + message.slice(1);
  if (!hint) {
    return first;
  }
  const next = hint.charAt(0).toLocaleUpperCase() + hint.slice(1);
  return `${first.replace(/\.$/, '')}. ${/[.!?]$/.test(next) ? next : `${next}.`}`;
}

/** Tell of an error whose action has no place on the screen, such as a command of the palette. */
export function notifyError(reason: unknown): void {
  Notification.error(errorText(reason), { autoClose: 8000 });
}
