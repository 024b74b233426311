import { closeIcon, searchIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ApiError } from '../../api';
import { errorText, formatNumber, IconButton, useCaret, useUi } from '../../components';
import { complete, type ICompletion, type IKnown, type ISuggestion, unitsOf } from './completion';
import { recentFilters, rememberFilter } from './storage';

interface IFilterBoxProps {
  /** The filter that the table shows. */
  filter: string;
  /** What is wrong with it. */
  error: ApiError | null;
  known: IKnown;
  onApply: (filter: string) => void;
  /** It is written in: what it knows should be current. */
  onFocus: () => void;
  inputRef: React.RefObject<HTMLInputElement>;
}

const NOTHING: ICompletion = { from: 0, to: 0, items: [] };

/** A line for a filter in MLflow's grammar: what fits is offered below it, and so is what is wrong. */
export function FilterBox(props: IFilterBoxProps): JSX.Element {
  const { filter, error, known, onApply, inputRef } = props;
  const { trans } = useUi();
  const list = React.useId();
  const [shown, setShown] = React.useState(filter);
  const [text, setText] = React.useState(filter);
  const [open, setOpen] = React.useState(false);
  const [caret, setCaret] = React.useState(0);
  const [active, setActive] = React.useState(-1);
  const placeCaret = useCaret(inputRef);
  if (shown !== filter) {
    // a view or a menu has set it
    setShown(filter);
    setText(filter);
  }

  const completion = React.useMemo(
    () => (open ? (text.trim() === '' ? opening(known) : complete(text, caret, known)) : NOTHING),
    [open, text, caret, known]
  );
  const { items } = completion;
  const chosen = active < items.length ? active : -1;

  const apply = (value: string) => {
    setOpen(false);
    setActive(-1);
    setText(value);
    rememberFilter(value);
    onApply(value.trim());
  };
  const take = (suggestion: ISuggestion) => {
    if (suggestion.kind === 'recent') {
      apply(suggestion.text);
      return;
    }
    const rest = text.slice(completion.to);
    const space = rest.startsWith(' ') ? '' : ' ';
    const next = text.slice(0, completion.from) + suggestion.text + space + rest;
    const at = completion.from + suggestion.text.length + 1;
    setText(next);
    setActive(-1);
    setCaret(at);
    placeCaret(at);
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>) => {
    const offered = open && items.length > 0;
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp': {
        const step = event.key === 'ArrowDown' ? 1 : -1;
        if (offered) {
          const next = chosen + step;
          setActive(next < -1 ? items.length - 1 : next >= items.length ? -1 : next);
        }
        setOpen(true);
        break;
      }
      case 'Tab':
        if (!offered || event.shiftKey || text.trim() === '') {
          return;
        }
        take(items[Math.max(0, chosen)]);
        break;
      case 'Enter':
        if (offered && chosen >= 0) {
          take(items[chosen]);
        } else {
          apply(text);
        }
        break;
      case 'Escape':
        if (offered) {
          setOpen(false);
          setActive(-1);
        } else if (text) {
          apply('');
        } else {
          return;
        }
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const placed = (event: React.SyntheticEvent<HTMLInputElement>) => {
    setCaret(event.currentTarget.selectionStart ?? text.length);
  };

  return (
    <div className="jp-Insighter-Filter" role="search" aria-label={trans.__('Filter runs')}>
      <div className="jp-Insighter-Filter-box" data-error={error ? '' : undefined}>
        <searchIcon.react tag="span" className="jp-Insighter-Filter-icon" />
        <input
          ref={inputRef}
          type="text"
          role="combobox"
          className="jp-Insighter-Filter-input"
          aria-label={trans.__('Filter')}
          aria-expanded={open && items.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
          aria-invalid={error !== null}
          aria-describedby={error ? `${list}-error` : undefined}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={trans.__("Filter: metrics.auc > 0.9 AND params.lr = '0.1'   ( / )")}
          value={text}
          onChange={event => {
            setText(event.target.value);
            setActive(-1);
            setOpen(true);
            placed(event);
          }}
          onSelect={placed}
          onKeyDown={onKeyDown}
          onFocus={() => {
            props.onFocus();
            // in a filter that is there, Tab goes on until something is written
            setOpen(text.trim() === '');
          }}
          onBlur={() => {
            setOpen(false);
            setActive(-1);
          }}
        />
        {text.trim() !== filter && (
          <button type="button" className="jp-Insighter-Filter-apply" onClick={() => apply(text)}>
            {trans.__('Apply ⏎')}
          </button>
        )}
        {text && (
          <IconButton icon={closeIcon} label={trans.__('Clear the filter')} onClick={() => apply('')} />
        )}
      </div>
      <ul
        id={list}
        role="listbox"
        className="jp-Insighter-Filter-list"
        aria-label={trans.__('What fits here')}
        hidden={!open || items.length === 0}
        onMouseDown={event => event.preventDefault()}
      >
        {items.map((item, index) => (
          <li
            key={`${item.kind} ${item.text}`}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            ref={index === chosen ? node => node?.scrollIntoView({ block: 'nearest' }) : undefined}
            onClick={() => take(item)}
          >
            <code>{item.kind === 'name' ? trans.__('name contains “%1”', item.fact) : item.text}</code>
            <span>{about(item, trans)}</span>
          </li>
        ))}
      </ul>
      {error && <FilterError id={`${list}-error`} filter={filter} error={error} />}
    </div>
  );
}

/** What is wrong with a filter, and where. */
function FilterError(props: { id: string; filter: string; error: ApiError }): JSX.Element {
  const { filter, error } = props;
  const details = error.details as { position?: unknown; length?: unknown } | null;
  const position = typeof details?.position === 'number' ? details.position : null;
  const length = typeof details?.length === 'number' ? details.length : 0;
  const from = position === null ? 0 : unitsOf(filter, position);
  const to = position === null ? 0 : Math.max(unitsOf(filter, position + length), from + 1);
  return (
    <div className="jp-Insighter-Filter-error" id={props.id} role="alert">
      {position !== null && (
        <code className="jp-Insighter-Filter-where">
          {filter.slice(0, from)}
          <mark>{filter.slice(from, to) || ' '}</mark>
          {filter.slice(to)}
        </code>
      )}
      <span>{errorText(error)}</span>
    </div>
  );
}

/** What is offered before anything is written: what was used last, then the keys. */
function opening(known: IKnown): ICompletion {
  const recent = recentFilters().map((text): ISuggestion => ({ text, kind: 'recent', fact: '' }));
  return { from: 0, to: 0, items: [...recent, ...complete('', 0, known).items] };
}

function about({ kind, fact }: ISuggestion, trans: TranslationBundle): string {
  switch (kind) {
    case 'metric':
      return trans._n('metric, %2 run', 'metric, %2 runs', Number(fact), formatNumber(Number(fact)));
    case 'parameter':
      return trans._n('parameter, %2 run', 'parameter, %2 runs', Number(fact), formatNumber(Number(fact)));
    case 'tag':
      return trans._n('tag, %2 run', 'tag, %2 runs', Number(fact), formatNumber(Number(fact)));
    case 'attribute':
      return trans.__('attribute');
    case 'recent':
      return trans.__('used before');
    default:
      return '';
  }
}
