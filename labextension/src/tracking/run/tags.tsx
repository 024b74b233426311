import { addIcon, closeIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunDetail } from '../../api';
import { Button, ErrorNote, IconButton, useUi } from '../../components';
import { Meanwhile, useSaving } from '../../projects/meanwhile';
import { isSystemTag, NOTE, type RunModel } from '../model';
import { Nothing, Pairs } from './pairs';

interface ITagsProps {
  model: RunModel;
  run: RunDetail;
  editable: boolean;
}

/** A run's tags: those of people, which they change, and those of programs. */
export function Tags({ model, run, editable }: ITagsProps): JSX.Element {
  const { trans } = useUi();
  // the name of the one that is edited; an empty one is to be added
  const [editing, setEditing] = React.useState<string | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const tags = Object.entries(run.tags);
  const own = tags.filter(([key]) => !isSystemTag(key));
  const system = tags.filter(([key]) => isSystemTag(key) && key !== NOTE);

  const remove = async (key: string) => {
    setError(null);
    try {
      await model.edit({ tags: { [key]: null } });
    } catch (reason) {
      setError(reason);
    }
  };
  const editor = (key: string) => (
    <TagEditor
      key={key}
      model={model}
      name={key}
      value={run.tags[key] ?? ''}
      taken={key ? [] : Object.keys(run.tags)}
      onDone={() => setEditing(null)}
    />
  );

  return (
    <>
      {error !== null && <ErrorNote error={error} />}
      {own.length === 0 ? (
        <Nothing text={trans.__('No tags of your own.')} code='mlflow.set_tag("stage", "trial")' />
      ) : (
        <Pairs
          pairs={own}
          find={trans.__('Find tags')}
          text={value => value}
          head={
            <>
              <th scope="col">{trans.__('Tag')}</th>
              <th scope="col">{trans.__('Value')}</th>
              {editable && (
                <th scope="col">
                  <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
                </th>
              )}
            </>
          }
          row={(key, value) =>
            editing === key ? (
              <tr key={key}>
                <td colSpan={3}>{editor(key)}</td>
              </tr>
            ) : (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td className="jp-mod-wrap">{value}</td>
                {editable && (
                  <td>
                    <IconButton
                      icon={editIcon}
                      label={trans.__('Change the tag %1', key)}
                      onClick={() => setEditing(key)}
                    />
                    <IconButton
                      icon={closeIcon}
                      label={trans.__('Take off the tag %1', key)}
                      onClick={() => void remove(key)}
                    />
                  </td>
                )}
              </tr>
            )
          }
        />
      )}
      {editable &&
        (editing === '' ? (
          editor('')
        ) : (
          <div className="jp-Insighter-Buttons">
            <button type="button" className="jp-Insighter-Button" onClick={() => setEditing('')}>
              <addIcon.react tag="span" width="12px" /> {trans.__('Add a tag')}
            </button>
          </div>
        ))}
      {system.length > 0 && (
        <details className="jp-Insighter-Details">
          <summary>{trans.__('System tags (%1)', system.length)}</summary>
          <Pairs
            pairs={system}
            find={trans.__('Find tags')}
            text={value => value}
            head={
              <>
                <th scope="col">{trans.__('Tag')}</th>
                <th scope="col">{trans.__('Value')}</th>
              </>
            }
            row={(key, value) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td className="jp-mod-wrap">{value}</td>
              </tr>
            )}
          />
        </details>
      )}
    </>
  );
}

interface ITagEditorProps {
  model: RunModel;
  /** Empty for a new one. */
  name: string;
  value: string;
  taken: ReadonlyArray<string>;
  onDone: () => void;
}

function TagEditor({ model, name, value, taken, onDone }: ITagEditorProps): JSX.Element {
  const { trans } = useUi();
  const [key, setKey] = React.useState(name);
  const [text, setText] = React.useState(value);
  const tag = key.trim();
  const { meanwhile, error, busy, save, settle } = useSaving(
    value,
    before => model.edit({ tags: { [tag]: text }, expected: { [tag]: before || null } }),
    onDone
  );
  const there = name === '' && taken.includes(tag);

  return (
    <form
      className="jp-Insighter-TagEditor"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onDone();
        }
      }}
    >
      {name === '' ? (
        <input
          className="jp-mod-styled"
          required
          maxLength={250}
          placeholder={trans.__('Name')}
          aria-label={trans.__('Name of the tag')}
          spellCheck={false}
          autoFocus
          value={key}
          onChange={event => setKey(event.target.value)}
        />
      ) : (
        <strong>{name}</strong>
      )}
      <input
        className="jp-mod-styled"
        maxLength={8000}
        placeholder={trans.__('Value')}
        aria-label={trans.__('Value of the tag')}
        autoFocus={name !== ''}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <Button primary submit disabled={busy || there}>
        {trans.__('Save')}
      </Button>
      <Button disabled={busy} onClick={onDone}>
        {trans.__('Cancel')}
      </Button>
      {there && <span role="alert">{trans.__('The run has a tag of this name: change that one.')}</span>}
      {meanwhile && (
        <Meanwhile
          meanwhile={meanwhile}
          mine={text}
          onChoose={chosen => {
            setText(chosen);
            settle();
          }}
        />
      )}
      {error !== null && <ErrorNote error={error} />}
    </form>
  );
}
