import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useUi, type IAction } from './context';
import { CommandButton } from './iconbutton';
import { openMenu } from './menu';

/** What a row shows and does. */
export interface IRowProps {
  name: string;

  /** The one fact that matters, short; of several parts those at the end go first when there is no room. */
  fact?: string | ReadonlyArray<string>;

  /** A `StatusDot`. */
  status?: React.ReactNode;

  icon?: LabIcon;

  /** Shown on hover. */
  title?: string;

  /** What a click or Enter does. */
  open?: IAction;

  /** What else can be done: all in the context menu, those marked `inline` also as icons on hover. */
  actions?: ReadonlyArray<IAction>;
}

const MAIN = 'jp-Insighter-Row-main';

/**
 * A list of `Row`s. One stop of the Tab key; arrow keys, Home and End move in it, right and left reach a row's icons.
 */
export function RowList(props: { label: string; children: React.ReactNode }): JSX.Element {
  const list = React.useRef<HTMLUListElement>(null);
  const last = React.useRef<Element | null>(null);

  const settleTabStop = React.useCallback(() => {
    const mains = list.current?.querySelectorAll<HTMLElement>(`.${MAIN}`) ?? [];
    const stop = last.current && list.current?.contains(last.current) ? last.current : mains[0];
    mains.forEach(main => {
      main.tabIndex = main === stop ? 0 : -1;
    });
  }, []);

  // After every render: rows come and go.
  React.useEffect(settleTabStop);

  const onFocus = (event: React.FocusEvent) => {
    if (event.target.classList.contains(MAIN)) {
      last.current = event.target;
      settleTabStop();
    }
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const row = target.closest('.jp-Insighter-Row');
    if (!row || !list.current || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    let next: HTMLElement | undefined;
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      const stops = [...row.querySelectorAll<HTMLElement>('button:not(:disabled)')];
      next = stops[stops.indexOf(target) + (event.key === 'ArrowRight' ? 1 : -1)];
    } else {
      const mains = [...list.current.querySelectorAll<HTMLElement>(`.${MAIN}`)];
      const here = mains.findIndex(main => row.contains(main));
      const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: mains.length - 1 }[event.key];
      if (to === undefined) {
        return;
      }
      next = mains[to];
    }
    event.preventDefault();
    next?.focus();
  };

  return (
    <ul
      ref={list}
      className="jp-Insighter-RowList"
      role="list"
      aria-label={props.label}
      onFocus={onFocus}
      onKeyDown={onKeyDown}
    >
      {props.children}
    </ul>
  );
}

/** A thing in a list: name, one fact, status as dot and word, actions on hover and in the context menu. */
export function Row(props: IRowProps): JSX.Element {
  const ui = useUi();
  const { open, actions = [] } = props;

  const onContextMenu = (event: React.MouseEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const groups = open ? [[open], actions] : [actions];
    // From the keyboard the event has no place.
    openMenu(ui, groups, event.clientX || event.clientY ? event : event.currentTarget);
  };

  const inline = actions.filter(action => action.inline);
  return (
    <li className="jp-Insighter-Row" onContextMenu={onContextMenu}>
      <button
        type="button"
        className={MAIN}
        title={props.title}
        onClick={() => open && void ui.commands.execute(open.command, open.args)}
      >
        {props.icon && <props.icon.react tag="span" className="jp-Insighter-Row-icon" elementSize="normal" />}
        <span className="jp-Insighter-Row-name" style={{ minWidth: `min(7em, ${props.name.length}ch)` }}>
          {props.name}
        </span>
        {typeof props.fact === 'string' && <span className="jp-Insighter-Row-fact">{props.fact}</span>}
        {typeof props.fact === 'object' && (
          <span className="jp-Insighter-Row-fact jp-mod-parts">
            {props.fact.map(part => (
              <React.Fragment key={part}>
                <span>{part}</span>{' '}
              </React.Fragment>
            ))}
          </span>
        )}
        {props.status && <span className="jp-Insighter-Row-status">{props.status}</span>}
      </button>
      {inline.length > 0 && (
        <span className="jp-Insighter-Row-actions">
          {inline.map(action => (
            <CommandButton key={action.command} action={action} tabIndex={-1} />
          ))}
        </span>
      )}
    </li>
  );
}
