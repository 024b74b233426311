import { caretDownIcon, caretUpIcon, closeIcon } from '@jupyterlab/ui-components';
import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import type { RunKeys } from '../../api';
import { Button, formatNumber, IconButton, useAfter, useUi } from '../../components';
import { ask } from '../../pages/ask';
import type { IHost } from '../../pages/host';
import type { RunTableModel } from './model';
import { ATTRIBUTES, column, columnLabel, type IColumn, kindLabel, NAME, split } from './spec';

const ROW = 26;

interface IOffer {
  readonly key: string;
  readonly label: string;
  readonly kind: string;
  readonly runs: number | null;
}

/** Let somebody choose the columns of the table. */
export async function chooseColumns(host: IHost, model: RunTableModel): Promise<void> {
  const { trans } = host;
  await model.loadKeys();
  const chosen = await ask<ReadonlyArray<IColumn>, ReadonlyArray<IColumn>>({
    title: trans.__('Columns'),
    accept: trans.__('Show'),
    initial: model.spec.columns,
    form: (columns, change) => <Picker keys={model.keys} columns={columns} onChange={change} />,
    submit: columns => Promise.resolve(columns),
    ui: host
  });
  if (chosen) {
    model.setColumns(chosen);
  }
}

/** All there is to the left, what is shown to the right. */
function Picker(props: {
  keys: RunKeys | null;
  columns: ReadonlyArray<IColumn>;
  onChange: (columns: ReadonlyArray<IColumn>) => void;
}): JSX.Element {
  const { keys, columns, onChange } = props;
  const { trans } = useUi();
  const [search, setSearch] = React.useState('');
  const shown = React.useMemo(() => new Set(columns.map(({ key }) => key)), [columns]);
  const offers = React.useMemo<IOffer[]>(() => {
    const of = (all: RunKeys['metrics'], kind: 'metrics' | 'params' | 'tags') =>
      all.map(({ key, runs }) => ({ key: `${kind}.${key}`, label: key, kind: kindLabel(kind, trans), runs }));
    return [
      ...ATTRIBUTES.map(key => ({
        key,
        label: columnLabel(key, trans),
        kind: kindLabel('attributes', trans),
        runs: null
      })),
      ...of(keys?.metrics ?? [], 'metrics'),
      ...of(keys?.params ?? [], 'params'),
      ...of(keys?.tags ?? [], 'tags')
    ];
  }, [keys, trans]);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = offers.filter(({ label, kind }) =>
    words.every(word => label.toLowerCase().includes(word) || kind.toLowerCase().startsWith(word))
  );
  const set = (wanted: ReadonlyArray<string>, on: boolean) => {
    const others = columns.filter(({ key }) => !wanted.includes(key));
    onChange(on ? [...columns, ...wanted.filter(key => !shown.has(key)).map(column)] : others);
  };
  const mine = columns.filter(({ key }) => key !== NAME);
  const missing = found.filter(({ key }) => !shown.has(key));

  return (
    <div className="jp-Insighter-Columns">
      <div className="jp-Insighter-Columns-part">
        <input
          type="search"
          className="jp-mod-styled"
          value={search}
          placeholder={trans.__('Search metrics, parameters, tags …')}
          aria-label={trans.__('Search columns')}
          onChange={event => setSearch(event.target.value)}
        />
        <Offers offers={found} shown={shown} onToggle={(key, on) => set([key], on)} />
        <div className="jp-Insighter-Columns-foot">
          <span className="jp-Insighter-Quiet">
            {trans.__('%1 of %2', formatNumber(found.length), formatNumber(offers.length))}
          </span>
          {search && missing.length > 0 && missing.length <= 100 && (
            <Button
              onClick={() =>
                set(
                  missing.map(({ key }) => key),
                  true
                )
              }
            >
              {trans.__('Add all %1', missing.length)}
            </Button>
          )}
        </div>
      </div>
      <div className="jp-Insighter-Columns-part">
        <div className="jp-Insighter-Columns-title">{trans.__('Shown, from left to right')}</div>
        <Chosen
          columns={mine}
          onChange={next => onChange([...columns.filter(({ key }) => key === NAME), ...next])}
        />
        <div className="jp-Insighter-Columns-foot">
          <span className="jp-Insighter-Quiet">{trans._n('%1 column', '%1 columns', mine.length)}</span>
          <Button
            disabled={mine.length === 0}
            onClick={() => onChange(columns.filter(({ key }) => key === NAME))}
          >
            {trans.__('Remove all')}
          </Button>
        </div>
      </div>
    </div>
  );
}

/** What there is: a thousand metrics are as quick as ten. */
function Offers(props: {
  offers: ReadonlyArray<IOffer>;
  shown: ReadonlySet<string>;
  onToggle: (key: string, on: boolean) => void;
}): JSX.Element {
  const { offers, shown } = props;
  const { trans } = useUi();
  const scroller = React.useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: offers.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8
  });
  return (
    <div
      className="jp-Insighter-Columns-list"
      ref={scroller}
      role="group"
      aria-label={trans.__('All columns')}
    >
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const { key, label, kind, runs } = offers[index];
          return (
            <label key={key} title={label} style={{ transform: `translateY(${start}px)` }}>
              <input
                type="checkbox"
                checked={shown.has(key)}
                onChange={event => props.onToggle(key, event.target.checked)}
              />
              <span>{label}</span>
              <small>{runs === null ? kind : trans.__('%1 · %2', kind, formatNumber(runs))}</small>
            </label>
          );
        })}
      </div>
      {offers.length === 0 && <p className="jp-Insighter-Quiet">{trans.__('Nothing is called so.')}</p>}
    </div>
  );
}

/** What is shown, in its order: pulled with the mouse, or moved with the arrow keys and Alt. */
function Chosen(props: {
  columns: ReadonlyArray<IColumn>;
  onChange: (columns: ReadonlyArray<IColumn>) => void;
}): JSX.Element {
  const { columns, onChange } = props;
  const { trans } = useUi();
  const list = React.useRef<HTMLUListElement>(null);
  const dragged = React.useRef<number | null>(null);
  const after = useAfter();
  const move = (from: number, to: number) => {
    if (to < 0 || to >= columns.length) {
      return;
    }
    const next = [...columns];
    const [moved] = next.splice(from, 1);
    next.splice(to, 0, moved);
    onChange(next);
    after(() => list.current?.querySelectorAll('li')[to]?.focus());
  };
  return (
    <ul className="jp-Insighter-Columns-list" ref={list} aria-label={trans.__('Shown columns')}>
      {columns.map(({ key, pinned }, index) => {
        const label = columnLabel(key, trans);
        return (
          <li
            key={key}
            tabIndex={0}
            draggable
            title={trans.__('Pull it elsewhere, or press Alt and an arrow key')}
            onDragStart={() => (dragged.current = index)}
            onDragOver={event => dragged.current !== null && event.preventDefault()}
            onDrop={event => {
              event.preventDefault();
              if (dragged.current !== null) {
                move(dragged.current, index);
                dragged.current = null;
              }
            }}
            onKeyDown={event => {
              if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
                event.preventDefault();
                event.stopPropagation();
                move(index, index + (event.key === 'ArrowUp' ? -1 : 1));
              }
            }}
          >
            <span>{label}</span>
            <small>{kindLabel(split(key)[0], trans)}</small>
            <label className="jp-Insighter-Columns-pin">
              <input
                type="checkbox"
                checked={pinned}
                onChange={event =>
                  onChange(
                    columns.map(each => (each.key === key ? { ...each, pinned: event.target.checked } : each))
                  )
                }
              />
              {trans.__('pinned')}
            </label>
            <IconButton
              icon={caretUpIcon}
              label={trans.__('Move %1 to the left', label)}
              disabled={index === 0}
              onClick={() => move(index, index - 1)}
            />
            <IconButton
              icon={caretDownIcon}
              label={trans.__('Move %1 to the right', label)}
              disabled={index === columns.length - 1}
              onClick={() => move(index, index + 1)}
            />
            <IconButton
              icon={closeIcon}
              label={trans.__('Remove %1', label)}
              onClick={() => onChange(columns.filter(each => each.key !== key))}
            />
          </li>
        );
      })}
    </ul>
  );
}
