import * as React from 'react';

import { trash as api, type TrashedProject, type TrashEntry } from '../api';
import {
  Button,
  EmptyState,
  ErrorNote,
  formatBytes,
  formatDate,
  formatNumber,
  formatTime,
  RelativeTime
} from '../components';
import { useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page } from '../pages/page';
import { Resource, useOwnResource } from '../pages/resource';
import { purged, restored } from './dialogs';

/** What one row of either table shows and does. */
interface IRow {
  readonly key: string;
  readonly name: string;
  /** What it is, or what is in it. */
  readonly what: string;
  readonly deleted_at: string;
  readonly deleted_by: string;
  readonly purge_after: string;
  readonly bytes: number;
  readonly restore: (name: string | null) => Promise<unknown>;
  /** Left out for whoever may not. */
  readonly purge?: () => Promise<boolean>;
}

/** What was deleted in a project. */
export function TrashPage({ project }: { project: string }): JSX.Element {
  const host = useHost();
  const { trans, assets, projects } = host;
  const revision = useRevision();
  const mayPurge = useMay(project, 'admin');
  const [entries, { value, error }] = useOwnResource(
    () => new Resource(() => api.list(project)),
    project,
    revision
  );
  const days = projects.status?.trash_days ?? 0;
  const labelOf = (kind: string): string => assets.kind(kind)?.label ?? kind;
  const rowOf = (entry: TrashEntry): IRow => ({
    ...entry,
    key: `${entry.kind}/${entry.id}`,
    what: labelOf(entry.kind),
    restore: name => api.restore(project, entry, name),
    purge: mayPurge
      ? () =>
          purged(
            host,
            {
              title: trans.__('Delete “%1” for good?', entry.name),
              goes: [goesWith(entry), frees(entry.bytes)],
              accept: trans.__('Delete for Good')
            },
            () => api.purge(project, entry)
          )
      : undefined
  });
  const goesWith = ({ kind }: TrashEntry): string =>
    ({
      dataset: trans.__('All its versions go with it, and the stored files that nothing else needs.'),
      notebook: trans.__('All its versions go with it, and their stored files. Its own file stays.'),
      model: trans.__(
        'All its versions and aliases go with it. Their files stay with the runs that logged them.'
      ),
      deployment: trans.__('Its log and its copy of the model go with it. The model itself stays.'),
      experiment: trans.__('All its runs go with it, with their metrics and files.'),
      run: trans.__('Its metrics and files go with it, and the models it logged that nobody registered.')
    })[kind] ?? trans.__('All its versions go with it, and the stored files that nothing else needs.');
  const frees = (bytes: number): string =>
    bytes
      ? trans.__('That frees %1.', formatBytes(bytes))
      : trans.__('It frees no storage: nothing is stored for it alone.');
  const total = value?.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  return (
    <Page
      kind={projects.find(project)?.name ?? trans.__('Project')}
      title={trans.__('Trash')}
      actions={
        mayPurge &&
        !!value?.length && (
          <Button
            onClick={() =>
              void purged(
                host,
                {
                  title: trans.__('Empty the trash?'),
                  goes: [
                    trans._n(
                      '%1 deleted thing goes for good, with everything that hangs on it.',
                      '%1 deleted things go for good, with everything that hangs on them.',
                      value.length
                    ),
                    frees(total)
                  ],
                  accept: trans.__('Empty Trash')
                },
                () => api.empty(project)
              ).then(done => (done ? entries.refresh() : undefined))
            }
          >
            {trans.__('Empty Trash…')}
          </Button>
        )
      }
      summary={
        !!value?.length && (
          <Facts>
            <span>{trans._n('%1 thing', '%1 things', value.length)}</span>
            {total > 0 && <span>{trans.__('%1 to be freed', formatBytes(total))}</span>}
            <span>{trans._n('kept for %1 day', 'kept for %1 days', days)}</span>
          </Facts>
        )
      }
      notes={error && <ErrorNote error={error} onRetry={() => void entries.refresh()} />}
    >
      {!value ? (
        !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
      ) : value.length === 0 ? (
        <EmptyState
          text={
            days
              ? trans._n(
                  'The trash is empty. What is deleted in this project stays here for %1 day, and can be restored.',
                  'The trash is empty. What is deleted in this project stays here for %1 days, and can be restored.',
                  days
                )
              : trans.__('The trash is empty, and stays so: this server deletes at once.')
          }
          code="ix.trash.list()"
        />
      ) : (
        <Table rows={value.map(rowOf)} what={trans.__('Kind')} onDone={() => void entries.refresh()} />
      )}
    </Page>
  );
}

/** The projects that the caller deleted. */
export function ProjectsPage(): JSX.Element {
  const host = useHost();
  const { trans, assets, projects } = host;
  const revision = useRevision();
  const [entries, { value, error }] = useOwnResource(() => new Resource(() => api.projects()), '', revision);
  const contents = (entry: TrashedProject): string => {
    const counted = Object.entries(entry.assets).map(([kind, count]) => {
      const known = assets.kind(kind);
      const label = (count === 1 ? known?.label : known?.plural) ?? kind;
      return `${formatNumber(count)} ${label.toLocaleLowerCase()}`;
    });
    return counted.join(', ') || trans.__('nothing');
  };
  const rowOf = (entry: TrashedProject): IRow => ({
    ...entry,
    key: entry.id,
    what: contents(entry),
    restore: name => api.restoreProject(entry.id, name),
    purge: () =>
      purged(
        host,
        {
          title: trans.__('Delete the project “%1” for good?', entry.name),
          goes: [
            trans.__(
              'With it goes what is in it (%1), its history and its members’ access.',
              contents(entry)
            ),
            trans.__('That frees %1. Its folder with notebooks and files stays.', formatBytes(entry.bytes))
          ],
          accept: trans.__('Delete for Good')
        },
        () => api.purgeProject(entry.id)
      )
  });
  return (
    <Page
      kind={trans.__('Insighter')}
      title={trans.__('Deleted projects')}
      notes={error && <ErrorNote error={error} onRetry={() => void entries.refresh()} />}
    >
      {!value ? (
        !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
      ) : value.length === 0 ? (
        <EmptyState
          text={trans._n(
            'No project of yours is in the trash. One that you delete stays here for %1 day, and can be restored.',
            'No project of yours is in the trash. One that you delete stays here for %1 days, and can be restored.',
            projects.status?.trash_days ?? 0
          )}
        />
      ) : (
        <Table rows={value.map(rowOf)} what={trans.__('Contents')} onDone={() => void entries.refresh()} />
      )}
    </Page>
  );
}

function Table(props: { rows: ReadonlyArray<IRow>; what: string; onDone: () => void }): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-Scroll">
      <table className="jp-Insighter-Table jp-Insighter-Trash">
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{props.what}</th>
            <th scope="col">{trans.__('Deleted')}</th>
            <th scope="col">{trans.__('Goes for good')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Frees')}
            </th>
            <th scope="col">
              <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {props.rows.map(({ key, ...row }) => (
            <Row key={key} row={row} onDone={props.onDone} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, onDone }: { row: Omit<IRow, 'key'>; onDone: () => void }): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<unknown>(null);
  const attempt = async (action: () => Promise<boolean>): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      if (await action()) {
        onDone();
      }
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  const { purge } = row;
  return (
    <>
      <tr aria-busy={busy}>
        <th scope="row" className="jp-mod-wrap">
          {row.name}
        </th>
        <td className="jp-mod-wrap">{row.what}</td>
        <td className="jp-mod-wrap">
          <RelativeTime time={row.deleted_at} /> {trans.__('by %1', row.deleted_by)}
        </td>
        <td>
          <time dateTime={row.purge_after} title={formatTime(row.purge_after)}>
            {trans.__('on %1', formatDate(row.purge_after))}
          </time>
        </td>
        <td className="jp-mod-number">{row.bytes ? formatBytes(row.bytes) : '–'}</td>
        <td>
          <div className="jp-Insighter-Trash-actions">
            <Button
              disabled={busy}
              title={trans.__('Bring “%1” back with everything that hung on it', row.name)}
              onClick={() => void attempt(() => restored(host, row.name, row.restore))}
            >
              {trans.__('Restore')}
            </Button>
            {purge && (
              <Button
                disabled={busy}
                title={trans.__('Delete “%1” for good', row.name)}
                onClick={() => void attempt(purge)}
              >
                {trans.__('Delete for Good…')}
              </Button>
            )}
          </div>
        </td>
      </tr>
      {error !== null && (
        <tr>
          <td colSpan={6}>
            <ErrorNote error={error} />
          </td>
        </tr>
      )}
    </>
  );
}
