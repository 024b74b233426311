import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, archives as api, isAbort, type Import } from '../api';
import { errorText } from '../components';
import type { IProjects } from '../projects/tokens';

/** Milliseconds between two questions how far an import is. */
const ASK_EVERY = 1000;

/** Archives on their way to become projects: each is a notification with its progress, and goes on without the page. */
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
    let begun: Import;
    try {
      begun = await api.upload(file, name, {
        signal: giveUp.signal,
        onProgress: (sent, total) => {
          Notification.update({
            id,
            message: trans.__('Uploading “%1”…', file.name),
            progress: total ? sent / total : 0
          });
        }
      });
    } catch (reason) {
      Notification.dismiss(id);
      if (!isAbort(reason)) {
        this._failed(reason, () => void this.start(file, name));
      }
      return;
    }
    Notification.dismiss(id);
    await this.follow(begun, file.name);
  }

  /** Show how far an import is, until it has ended. */
  async follow(begun: Import, label: string): Promise<void> {
    const { trans } = this;
    const message = trans.__('Importing “%1”…', label);
    const id = this._begin(message, () => void api.cancel(begun.id).catch(() => undefined));
    let seen = begun;
    let patience = 10;
    while (seen.state === 'working') {
      await new Promise(resolve => window.setTimeout(resolve, ASK_EVERY));
      try {
        seen = await api.get(begun.id);
        patience = 10;
      } catch (reason) {
        // The server may be away for a moment; the import is not, or says so later.
        if (!ApiError.from(reason).offline || --patience === 0) {
          Notification.dismiss(id);
          this._failed(reason);
          return;
        }
      }
      Notification.update({ id, message, progress: seen.total ? seen.done / seen.total : 0 });
    }
    Notification.dismiss(id);
    if (seen.state === 'failed') {
      const { code, message: why, hint } = seen.error ?? { code: 'failed', message: '', hint: null };
      this._failed(new ApiError({ status: 422, code, message: why, hint }));
    } else if (seen.state === 'done' && seen.project_id) {
      const project = seen.project_id;
      await this.projects.refresh();
      const name = this.projects.find(project)?.name ?? label;
      Notification.success(trans.__('“%1” is imported.', name), {
        autoClose: false,
        actions: [{ label: trans.__('Open'), callback: () => void this.projects.select(project) }]
      });
    }
  }

  private _begin(message: string, cancel: () => void): string {
    return Notification.emit(message, 'in-progress', {
      autoClose: false,
      progress: 0,
      actions: [{ label: this.trans.__('Cancel'), callback: cancel }]
    });
  }

  private _failed(reason: unknown, again?: () => void): void {
    const { trans } = this;
    Notification.error(trans.__('The import came to nothing. %1', errorText(reason)), {
      autoClose: false,
      actions: again ? [{ label: trans.__('Try again'), callback: again }] : []
    });
  }
}
