import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, archives as api, isAbort, type Import } from '../api';
import { errorText } from '../components';
import type { IProjects } from '../projects/tokens';

/** Milliseconds between two questions how far an import is. */
const ASK_EVERY = 1000;

/** How often the server may be away before one stops asking. */
const PATIENCE = 30;

/** Archives on their way to become projects: each is a notification from its first byte to its end. */
export class Imports {
  constructor(
    private readonly projects: IProjects,
    private readonly trans: TranslationBundle
  ) {}

  /** Upload an archive and make a project of it. */
  async start(file: File, name: string): Promise<void> {
    const { trans } = this;
    const giveUp = new AbortController();
    const id = this._begin(trans.__('Uploading “%1”…', file.name), () => giveUp.abort());
    try {
      const begun = await api.upload(file, name, {
        signal: giveUp.signal,
        onProgress: (sent, total) =>
          this._tell(id, trans.__('Uploading “%1”… %2 %', file.name, percent(sent, total)))
      });
      await this._follow(id, begun, file.name);
    } catch (reason) {
      if (isAbort(reason)) {
        Notification.dismiss(id);
      } else {
        // a damaged file stays one
        const again = ApiError.from(reason).offline;
        this._failed(id, reason, again ? () => void this.start(file, name) : undefined);
      }
    }
  }

  /** Show how far an import is that another page began. */
  async resume(begun: Import): Promise<void> {
    const { trans } = this;
    const label = begun.name || trans.__('project');
    const id = this._begin(trans.__('Importing “%1”…', label), () => void this._cancel(begun.id));
    try {
      await this._follow(id, begun, label);
    } catch (reason) {
      this._failed(id, reason);
    }
  }

  private async _follow(id: string, begun: Import, label: string): Promise<void> {
    const { trans } = this;
    const cancel = { label: trans.__('Cancel'), callback: () => void this._cancel(begun.id) };
    let seen = begun;
    let patience = PATIENCE;
    while (seen.state === 'working') {
      this._tell(id, trans.__('Importing “%1”… %2 %', label, percent(seen.done, seen.total)), cancel);
      await new Promise(resolve => window.setTimeout(resolve, ASK_EVERY));
      try {
        seen = await api.get(begun.id);
        patience = PATIENCE;
      } catch (reason) {
        // The server may be away for a moment; the import goes on, or says later that it did not.
        if (!ApiError.from(reason).offline || --patience === 0) {
          throw reason;
        }
      }
    }
    if (seen.state === 'cancelled') {
      Notification.dismiss(id);
    } else if (seen.state === 'done' && seen.project_id) {
      const project = seen.project_id;
      await this.projects.refresh();
      const name = this.projects.find(project)?.name ?? label;
      Notification.update({
        id,
        type: 'success',
        message: trans.__('“%1” is imported.', name),
        autoClose: false,
        actions: [{ label: trans.__('Open'), callback: () => void this.projects.select(project) }]
      });
    } else {
      throw new ApiError({
        status: 422,
        code: seen.error?.code ?? 'failed',
        message: seen.error?.message ?? trans.__('The server does not say why'),
        hint: seen.error?.hint
      });
    }
  }

  private _begin(message: string, cancel: () => void): string {
    return Notification.emit(message, 'in-progress', {
      autoClose: false,
      actions: [{ label: this.trans.__('Cancel'), callback: cancel }]
    });
  }

  private _tell(id: string, message: string, action?: Notification.IAction): void {
    Notification.update({ id, message, ...(action && { actions: [action] }) });
  }

  private _failed(id: string, reason: unknown, again?: () => void): void {
    Notification.update({
      id,
      type: 'error',
      message: this.trans.__('Not imported: %1', errorText(reason)),
      autoClose: false,
      actions: again ? [{ label: this.trans.__('Try again'), callback: again }] : []
    });
  }

  private async _cancel(importId: string): Promise<void> {
    await api.cancel(importId).catch(() => undefined); // it has ended by itself
  }
}

function percent(done: number, total: number): number {
  return total ? Math.round((100 * done) / total) : 0;
}
