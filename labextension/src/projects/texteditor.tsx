import * as React from 'react';

import type { ApiError } from '../api';
import { Button, ErrorNote, useCaret, useUi } from '../components';
import { Field } from '../pages/ask';
import { Meanwhile, useSaving } from './meanwhile';

interface ITextEditorProps {
  label: string;
  /** What is said below the field before how to save it. */
  hint?: string;
  rows: number;
  maxLength: number;
  /** What was there when the editing began, whatever comes meanwhile. */
  before: string;
  /** What is to be edited, where that is another text. */
  text?: string;
  /** Save it over what was there before; what it throws is shown. */
  save: (text: string, before: string) => Promise<void>;
  /** Somebody else's text is there: what is saved from now on is saved over that. */
  onClash?: (error: ApiError) => void;
  onDone: () => void;
  /** What stands below the field; `insert` puts a line where the cursor is. */
  tools?: (insert: (line: string) => void) => React.ReactNode;
}

/** A text in Markdown, edited where it stands. What others write meanwhile is shown, and nothing that was typed is lost. */
export function TextEditor(props: ITextEditorProps): JSX.Element {
  const { onDone } = props;
  const { trans } = useUi();
  const [text, setText] = React.useState(props.text ?? props.before);
  const { before, meanwhile, error, busy, save, settle } = useSaving(
    props.before,
    over => props.save(text, over),
    onDone,
    props.onClash
  );
  const [sure, setSure] = React.useState(false);
  const field = React.useRef<HTMLTextAreaElement>(null);
  const placeCaret = useCaret(field);

  const cancel = () => (text === before || sure ? onDone() : setSure(true));
  const insert = (line: string) => {
    const area = field.current;
    const at = area?.selectionStart ?? text.length;
    const piece = `${at > 0 && text[at - 1] !== '\n' ? '\n' : ''}${line}\n`;
    setText(text.slice(0, at) + piece + text.slice(at));
    placeCaret(at + piece.length);
  };

  return (
    <form
      className="jp-Insighter-TextEditor"
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
        label={props.label}
        hint={[trans.__('Markdown.'), props.hint, trans.__('Ctrl or ⌘ with Enter saves, Escape leaves it.')]
          .filter(Boolean)
          .join(' ')}
      >
        {id => (
          <textarea
            id={id}
            ref={field}
            className="jp-mod-styled"
            rows={props.rows}
            maxLength={props.maxLength}
            value={text}
            autoFocus
            onChange={event => {
              setText(event.target.value);
              setSure(false);
            }}
          />
        )}
      </Field>
      {props.tools?.(insert)}
      {meanwhile && (
        <Meanwhile
          meanwhile={meanwhile}
          mine={text}
          mergeable
          onChoose={chosen => {
            setText(chosen);
            settle();
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
