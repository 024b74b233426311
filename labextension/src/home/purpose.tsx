import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { projects as api, type Project } from '../api';
import { Button, EmptyState, ErrorNote, IconButton } from '../components';
import { useHost } from '../pages/host';
import { Field } from '../pages/ask';
import { type IMeanwhile, Meanwhile, meanwhileOf } from '../projects/meanwhile';
import { may } from '../projects/roles';
import { Markdown } from './markdown';

/** What the project is for: read, and by admins edited where it stands. */
export function Purpose(props: {
  project: Project;
  rendermime: IRenderMimeRegistry | null;
}): JSX.Element | null {
  const { project, rendermime } = props;
  const { trans } = useHost();
  const [editing, setEditing] = React.useState(false);
  const place = React.useRef<HTMLElement>(null);
  const mayEdit = may(project, 'admin');

  const done = () => {
    setEditing(false);
    // the field that had the keyboard's focus is gone
    window.requestAnimationFrame(() => place.current?.querySelector<HTMLElement>('button')?.focus());
  };

  if (!editing && !project.description && !mayEdit) {
    return null;
  }
  return (
    <section ref={place} className="jp-Insighter-Purpose" aria-label={trans.__('Purpose')}>
      {editing ? (
        <Editor project={project} onDone={done} />
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

function Editor(props: { project: Project; onDone: () => void }): JSX.Element {
  const { onDone } = props;
  const { trans, projects } = useHost();
  const { id } = props.project;
  // what was there when the editing began, whatever comes meanwhile
  const [before, setBefore] = React.useState(props.project.description);
  const [text, setText] = React.useState(before);
  const [meanwhile, setMeanwhile] = React.useState<IMeanwhile | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const [sure, setSure] = React.useState(false);

  const save = async () => {
    setBusy(true);
    setError(null);
    setMeanwhile(null);
    try {
      await api.update(id, { description: text, expected: { description: before } });
      await projects.refresh();
      onDone();
    } catch (reason) {
      const told = meanwhileOf(reason);
      setMeanwhile(told);
      if (told) {
        setBefore(told.theirs);
      } else {
        setError(reason);
      }
      setBusy(false);
    }
  };

  const cancel = () => (text === before || sure ? onDone() : setSure(true));

  return (
    <form
      className="jp-Insighter-Purpose-editor"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          event.stopPropagation();
          void save();
        } else if (event.key === 'Escape') {
          event.stopPropagation();
          cancel();
        }
      }}
    >
      <Field
        label={trans.__('Purpose')}
        hint={trans.__('Markdown. Ctrl or ⌘ with Enter saves, Escape leaves it.')}
      >
        {field => (
          <textarea
            id={field}
            className="jp-mod-styled"
            rows={10}
            maxLength={10_000}
            value={text}
            autoFocus
            onChange={event => {
              setText(event.target.value);
              setSure(false);
            }}
          />
        )}
      </Field>
      {meanwhile && (
        <Meanwhile
          meanwhile={meanwhile}
          mine={text}
          mergeable
          onChoose={chosen => {
            setText(chosen);
            setMeanwhile(null);
          }}
        />
      )}
      {error !== null && <ErrorNote error={error} />}
      {sure && <p role="alert">{trans.__('What you typed is not saved. Cancel once more to leave it.')}</p>}
      <div className="jp-Insighter-Buttons">
        <Button primary submit disabled={busy}>
          {trans.__('Save')}
        </Button>
        <Button disabled={busy} onClick={cancel}>
          {trans.__('Cancel')}
        </Button>
      </div>
    </form>
  );
}
