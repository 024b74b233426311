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
}

/** Tell that an asset is in the trash, and offer it back. */
export async function assetTrashed(host: ITeller, { project, kind, name }: IDeleted): Promise<void> {
  const entry = await api.newest(project, kind, name).catch(() => undefined);
  tell(host, name, entry?.purge_after, entry && (() => api.restore(project, entry)));
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
  if (!until || !restore || !projects.status?.trash_days) {
    Notification.success(trans.__('“%1” is deleted.', name), { autoClose: 5000 });
    return;
  }
  Notification.success(trans.__('“%1” is in the trash until %2.', name, formatDate(until)), {
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
