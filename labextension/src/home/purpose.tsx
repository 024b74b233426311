import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { projects as api, type Project } from '../api';
import { EmptyState, IconButton, useAfter } from '../components';
import { useHost } from '../pages/host';
import { may } from '../projects/roles';
import { TextEditor } from '../projects/texteditor';
import { Markdown } from './markdown';

/** What the project is for: read, and by admins edited where it stands. */
export function Purpose(props: {
  project: Project;
  rendermime: IRenderMimeRegistry | null;
}): JSX.Element | null {
  const { project, rendermime } = props;
  const { trans, projects } = useHost();
  const [editing, setEditing] = React.useState(false);
  const place = React.useRef<HTMLElement>(null);
  const after = useAfter();
  const mayEdit = may(project, 'admin');

  const done = () => {
    setEditing(false);
    // the field that had the keyboard's focus is gone
    after(() => place.current?.querySelector<HTMLElement>('button')?.focus());
  };

  if (!editing && !project.description && !mayEdit) {
    return null;
  }
  return (
    <section ref={place} className="jp-Insighter-Purpose" aria-label={trans.__('Purpose')}>
      {editing ? (
        <TextEditor
          label={trans.__('Purpose')}
          rows={10}
          maxLength={10_000}
          before={project.description}
          save={async (description, before) => {
            await api.update(project.id, { description, expected: { description: before } });
            await projects.refresh();
          }}
          onDone={done}
        />
      ) : project.description ? (
        <>
          <Markdown text={project.description} rendermime={rendermime} />
          {mayEdit && (
            <span className="jp-Insighter-Purpose-edit">
              <IconButton
                icon={editIcon}
                label={trans.__('Edit the purpose')}
                onClick={() => setEditing(true)}
              />
            </span>
          )}
        </>
      ) : (
        <EmptyState
          text={trans.__(
            'Say in a few lines what this project is for, what its data are, and whom to ask: it is the first thing others read.'
          )}
          action={{ label: trans.__('Describe the purpose'), onClick: () => setEditing(true) }}
        />
      )}
    </section>
  );
}
