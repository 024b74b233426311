import * as React from 'react';

import type { Somebody } from '../api';
import { Button, ErrorNote, useCaret } from '../components';
import { useHost } from '../pages/host';
import { asStored, matching, nameAt, stored } from './mentions';

/** How many names are offered. */
const OFFERED = 8;

/** What is being written. */
export interface IDraft {
  readonly text: string;
  /** Whom the names in it stand for. */
  readonly people: ReadonlyArray<Somebody>;
}

export const EMPTY: IDraft = { text: '', people: [] };

/** A field for a comment, in which "@" offers the people who can be mentioned. Ctrl or ⌘ with Enter sends it. */
export function Composer(props: {
  label: string;
  accept: string;
  draft: IDraft;
  onDraft: (draft: IDraft) => void;
  people: ReadonlyArray<Somebody>;
  /** Sends it; what it throws is shown, and the text stays. */
  onSend: (body: string) => Promise<void>;
  onCancel?: () => void;
  focus?: boolean;
}): JSX.Element {
  const { draft, onDraft, people } = props;
  const { trans } = useHost();
  const id = React.useId();
  const field = React.useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = React.useState(draft.text.length);
  const [chosen, setChosen] = React.useState(0);
  const [closed, setClosed] = React.useState<number | null>(null);
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<unknown>(null);
  const placeCaret = useCaret(field);

  const name = nameAt(draft.text, caret);
  const offered = name && name.from !== closed ? matching(people, name.query).slice(0, OFFERED) : [];
  const current = Math.min(chosen, offered.length - 1);

  React.useEffect(() => {
    if (props.focus) {
      field.current?.focus();
      field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
    }
  }, [props.focus]);

  const take = (person: Somebody): void => {
    if (!name) {
      return;
    }
    // Of two people with one name the text would not tell which.
    const twins = people.some(one => one !== person && one.display_name === person.display_name);
    const put = `${twins ? asStored(person) : `@${person.display_name}`} `;
    const text = draft.text.slice(0, name.from) + put + draft.text.slice(caret);
    const others = draft.people.filter(one => one.user_id !== person.user_id);
    onDraft({ text, people: twins ? draft.people : [...others, person] });
    const place = name.from + put.length;
    setCaret(place);
    setChosen(0);
    placeCaret(place);
  };

  const send = async (): Promise<void> => {
    if (busy || draft.text.trim() === '') {
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await props.onSend(stored(draft.text, draft.people));
      setClosed(null);
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const move: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      void send();
    } else if (offered.length > 0 && move[event.key]) {
      event.preventDefault();
      setChosen((current + move[event.key] + offered.length) % offered.length);
    } else if (offered.length > 0 && (event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) {
      event.preventDefault();
      take(offered[current]);
    } else if (event.key === 'Escape' && name && offered.length > 0) {
      event.stopPropagation();
      setClosed(name.from);
    } else if (event.key === 'Escape' && props.onCancel) {
      event.stopPropagation();
      props.onCancel();
    }
  };

  return (
    <div className="jp-Insighter-Composer" data-lm-suppress-shortcuts="true">
      <label className="jp-Insighter-hidden" htmlFor={`${id}-field`}>
        {props.label}
      </label>
      <textarea
        ref={field}
        id={`${id}-field`}
        rows={3}
        maxLength={10_000}
        placeholder={trans.__('Say something; @ mentions a member, Markdown works')}
        value={draft.text}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={offered.length > 0 ? `${id}-list` : undefined}
        aria-activedescendant={offered.length > 0 ? `${id}-${current}` : undefined}
        onChange={event => {
          onDraft({ ...draft, text: event.target.value });
          setCaret(event.target.selectionStart);
          setChosen(0);
        }}
        onSelect={event => setCaret(event.currentTarget.selectionStart)}
        onKeyDown={onKeyDown}
      />
      {offered.length > 0 && (
        <ul id={`${id}-list`} role="listbox" aria-label={trans.__('Members')}>
          {offered.map((person, index) => (
            <li
              key={person.user_id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === current}
              onMouseDown={event => {
                event.preventDefault();
                take(person);
              }}
            >
              {person.display_name}
            </li>
          ))}
        </ul>
      )}
      {error !== null && <ErrorNote error={error} />}
      <div className="jp-Insighter-Buttons">
        <Button primary disabled={busy || draft.text.trim() === ''} onClick={() => void send()}>
          {props.accept}
        </Button>
        {props.onCancel && <Button onClick={props.onCancel}>{trans.__('Cancel')}</Button>}
      </div>
    </div>
  );
}
