import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunDetail } from '../../api';
import { IconButton, useAfter, useUi } from '../../components';
import { Markdown } from '../../home/markdown';
import { TextEditor } from '../../projects/texteditor';
import { NOTE, type RunModel } from '../model';

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
  const after = useAfter();
  const text = run.tags[NOTE] ?? '';
  if (!text && !editing && !editable) {
    return null;
  }
  const done = () => {
    setEditing(false);
    // the field that had the keyboard's focus is gone
    after(() => place.current?.querySelector<HTMLElement>('button')?.focus());
  };
  return (
    <section ref={place} className="jp-Insighter-Notes" aria-label={trans.__('Notes')}>
      {editing ? (
        <TextEditor
          label={trans.__('Notes')}
          rows={7}
          maxLength={8000}
          before={text}
          save={(note, before) => model.edit({ note, expected: { [NOTE]: before || null } })}
          onDone={done}
        />
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
