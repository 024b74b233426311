import { Notification } from '@jupyterlab/apputils';

import { trash as api, type Project } from '../api';
import { formatDate, notifyError, type IUi } from '../components';
import type { IProjects } from '../projects/tokens';

/** What telling of a deletion needs of the application. */
interface ITeller extends IUi {
  readonly projects: IProjects;
}

/** An asset that was deleted a moment ago. */
interface IDeleted {
  readonly project: string;
  readonly kind: string;
  readonly name: string;
  /** Where others may have its name. */
  readonly id?: string;
}

/** Tell that an asset is in the trash, and offer it back. */
export async function assetTrashed(host: ITeller, deleted: IDeleted): Promise<void> {
  const { project, kind, name, id } = deleted;
  const entry = await api.newest(project, kind, { name, id }).catch(() => undefined);
  // what is known by its id comes back even where its entry was not found
  const found = entry ?? (id === undefined ? undefined : { kind, id });
  tell(host, name, entry?.purge_after, found && (() => api.restore(project, found)));
}

/** The same of a project, which is opened again when it comes back. */
export async function projectTrashed(host: ITeller, { id, name }: Project): Promise<void> {
  const entries = await api.projects().catch(() => []);
  tell(host, name, entries.find(entry => entry.id === id)?.purge_after, async () => {
    await api.restoreProject(id);
    await host.projects.select(id);
  });
}

function tell(
  host: ITeller,
  name: string,
  until: string | undefined,
  restore: (() => Promise<unknown>) | undefined
): void {
  const { trans, projects } = host;
  if (!restore || !projects.status?.trash_days) {
    Notification.success(trans.__('“%1” is deleted.', name), { autoClose: 5000 });
    return;
  }
  const told = until
    ? trans.__('“%1” is in the trash until %2.', name, formatDate(until))
    : trans.__('“%1” is in the trash.', name);
  Notification.success(told, {
    autoClose: 15_000,
    actions: [
      {
        label: trans.__('Undo'),
        callback: () =>
          void restore()
            .then(() => projects.refresh())
            .then(() => Notification.success(trans.__('“%1” is back.', name), { autoClose: 5000 }))
            .catch(notifyError)
      }
    ]
  });
}
