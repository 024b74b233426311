import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunDetail } from '../../api';
import { Button, ErrorNote, IconButton, useUi } from '../../components';
import { Markdown } from '../../home/markdown';
import { Field } from '../../pages/ask';
import { type IMeanwhile, Meanwhile, meanwhileOf } from '../../projects/meanwhile';
import type { RunModel } from '../model';
import { NOTE } from './tags';

interface INotesProps {
  model: RunModel;
  run: RunDetail;
  rendermime: IRenderMimeRegistry | null;
  editable: boolean;
}

/** A run's notes in Markdown, edited where they stand. MLflow's pages show the same. */
export function Notes({ model, run, rendermime, editable }: INotesProps): JSX.Element | null {
  const { trans } = useUi();
  const [editing, setEditing] = React.useState(false);
  const place = React.useRef<HTMLElement>(null);
  const text = run.tags[NOTE] ?? '';
  if (!text && !editing && !editable) {
    return null;
  }
  const done = () => {
    setEditing(false);
    // the field that had the keyboard's focus is gone
    window.requestAnimationFrame(() => place.current?.querySelector<HTMLElement>('button')?.focus());
  };
  return (
    <section ref={place} className="jp-Insighter-Notes" aria-label={trans.__('Notes')}>
      {editing ? (
        <Editor model={model} text={text} onDone={done} />
      ) : text ? (
        <>
          <div className="jp-Insighter-Notes-text" tabIndex={0}>
            <Markdown text={text} rendermime={rendermime} />
          </div>
          {editable && (
            <IconButton icon={editIcon} label={trans.__('Edit the notes')} onClick={() => setEditing(true)} />
          )}
        </>
      ) : (
        <button type="button" className="jp-Insighter-Link" onClick={() => setEditing(true)}>
          {trans.__('Add notes')}
        </button>
      )}
    </section>
  );
}

function Editor(props: { model: RunModel; text: string; onDone: () => void }): JSX.Element {
  const { model, onDone } = props;
  const { trans } = useUi();
  // what was there when the editing began, whatever comes meanwhile
  const [before, setBefore] = React.useState(props.text);
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
      await model.edit({ note: text, expected: { [NOTE]: before || null } });
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
      className="jp-Insighter-Notes-editor"
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
        label={trans.__('Notes')}
        hint={trans.__('Markdown. Ctrl or ⌘ with Enter saves, Escape leaves it.')}
      >
        {field => (
          <textarea
            id={field}
            className="jp-mod-styled"
            rows={7}
            maxLength={8000}
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
