import * as React from 'react';

import type { Notebook } from '../api';
import { EmptyLine, ErrorNote, formatRelative, Row, RowList, StatusDot, useUi } from '../components';
import { notebookIcon } from '../pages/icons';
import { useOwnResource } from '../pages/resource';
import { SharingCommands } from '../projects/commands';
import { may } from '../projects/roles';
import type { ISectionProps } from '../projects/tokens';
import { CommandIDs } from './commands';
import { notebookList } from './model';

/** The notebooks in the sidebar. */
export function NotebooksSection({ project, revision, setCount }: ISectionProps): JSX.Element {
  const { trans, commands } = useUi();
  const [list, { value, error }] = useOwnResource(() => notebookList(project.id), project.id, revision);
  const count = value?.length ?? null;
  React.useEffect(() => setCount(count), [setCount, count]);
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value && value.length > 0 && (
        <RowList label={trans.__('Notebooks')}>
          {value.map(notebook => (
            <NotebookRow key={notebook.id} notebook={notebook} />
          ))}
        </RowList>
      )}
      {value?.length === 0 && (
        <EmptyLine
          text={trans.__('No notebooks yet')}
          action={{
            label: trans.__('New notebook'),
            onClick: () => void commands.execute(CommandIDs.create, { project: project.id })
          }}
          fillable={may(project, 'editor')}
          hint={trans.__(
            'A notebook in the project’s folder is one of its assets; what ran in it is kept as a version. In its kernel:'
          )}
          code="ix.notebook.versions"
        />
      )}
    </>
  );
}

function NotebookRow({ notebook }: { notebook: Notebook }): JSX.Element {
  const { trans } = useUi();
  const { id, name, project_id: project, last_run: ran, file } = notebook;
  const args = { project, id, name };
  const title = [
    notebook.path,
    ran ? trans.__('last run %1 by %2', formatRelative(ran.at), ran.by) : trans.__('never ran'),
    ...(file === null ? [trans.__('its file is not on this server')] : [])
  ];
  return (
    <Row
      name={name}
      icon={notebookIcon}
      fact={[
        ...(notebook.versions > 0 ? [`v${notebook.versions}`] : []),
        ran ? formatRelative(ran.at) : trans.__('never ran')
      ]}
      status={ran?.outcome === 'failed' && <StatusDot condition="error" word={trans.__('failed')} />}
      title={title.join('\n')}
      open={{ command: CommandIDs.open, args }}
      actions={[
        { command: CommandIDs.openFile, args: { ...args, file }, inline: true },
        { command: SharingCommands.restrict, args: { project, kind: 'notebook', key: id, name } },
        { command: CommandIDs.remove, args }
      ]}
    />
  );
}
