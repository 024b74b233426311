import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { notifyError, useUi } from '../../components';
import { Decimals } from './cells';
import { Head } from './head';
import type { RunTableModel } from './model';
import { BlankRowView, GroupRowView, type IPlaced, type IRowLook, RunRowView } from './row';
import { column, type IColumn, NAME, namesOf, split, widthOf } from './spec';

export const ROW = 28;
const HEAD = 30;
const BOX = 32;

/** Where one is: row -1 is the head, column 0 are the boxes. */
export interface IPlace {
  readonly row: number;
  readonly column: number;
}

interface IGridProps {
  model: RunTableModel;
  /** The columns that are shown, those pinned first. */
  columns: ReadonlyArray<IColumn>;
  onOpen: (id: string, name: string) => void;
  onMenu: (row: number, key: string, at: Element | { clientX: number; clientY: number }) => void;
  onHeadMenu: (key: string, at: Element | { clientX: number; clientY: number }) => void;
  onDelete: () => void;
  groupLabel: (value: string | null) => string;
}

/** The columns as the table has them: that of the names first, those pinned next. */
export function arranged(columns: ReadonlyArray<IColumn>): IColumn[] {
  const name = columns.find(({ key }) => key === NAME) ?? column(NAME);
  const others = columns.filter(({ key }) => key !== NAME);
  return [
    { ...name, pinned: true },
    ...others.filter(({ pinned }) => pinned),
    ...others.filter(({ pinned }) => !pinned)
  ];
}

/**
 * Runs in rows and what is known of them in columns; of both only those in sight are there.
 *
 * Elements and not Lumino's canvas, which the grid of datasets draws on: rows have boxes, links, dots and menus, and a screen
 * reader hears them as a grid (one stop of the Tab key, `aria-activedescendant`) without a twin beside it. Some 30 rows of 10
 * columns are as few as a canvas would paint.
 */
export function Grid(props: IGridProps): JSX.Element {
  const { model, columns } = props;
  const { trans } = useUi();
  const base = React.useId();
  const revision = React.useSyncExternalStore(model.subscribe, model.snapshot);
  const scroller = React.useRef<HTMLDivElement>(null);
  const [place, setPlace] = React.useState<IPlace>({ row: 0, column: 1 });
  const anchor = React.useRef(0);
  const { selected, spec } = model;
  const { count, grouped } = model.sections;

  const [pinned, loose] = React.useMemo(() => {
    let left = BOX;
    const placed = columns.map((each, index): IPlaced => {
      const width = widthOf(each, grouped);
      const at = each.pinned ? left : null;
      left += each.pinned ? width : 0;
      return { key: each.key, index: index + 1, width, pinned: at };
    });
    return [placed.filter(each => each.pinned !== null), placed.filter(each => each.pinned === null)];
  }, [columns, grouped]);
  const pinnedWidth = pinned.reduce((sum, { width }) => sum + width, BOX);

  const rows = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
    scrollMargin: HEAD,
    scrollPaddingStart: HEAD
  });
  const across = useVirtualizer({
    horizontal: true,
    count: loose.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => loose[index]?.width ?? 100,
    getItemKey: index => loose[index]?.key ?? index,
    overscan: 3,
    scrollMargin: pinnedWidth,
    scrollPaddingStart: pinnedWidth
  });
  const widths = loose.map(({ key, width }) => `${key} ${width}`).join('\n');
  React.useLayoutEffect(() => across.measure(), [across, widths]);

  const down = rows.getVirtualItems();
  const visible = down.length > 0 ? [down[0].index, down[down.length - 1].index] : [0, 0];
  const [first, last] = visible;
  React.useEffect(() => model.need(first, last), [model, revision, first, last]);

  React.useEffect(() => {
    const onShift = (_sender: unknown, by: number) => {
      // what one looks at stays where it is
      scroller.current?.scrollBy({ top: by * ROW, behavior: 'instant' });
      anchor.current += by;
      setPlace(now => (now.row < 0 ? now : { ...now, row: Math.max(0, now.row + by) }));
    };
    model.sections.shifted.connect(onShift);
    return () => void model.sections.shifted.disconnect(onShift);
  }, [model]);

  // something else is asked: one begins to read at the top
  const question = JSON.stringify([spec.filter, spec.sort, spec.group_by, model.which]);
  React.useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
  }, [question]);

  // eslint-disable-next-line react-hooks/exhaustive-deps -- numbers of another question have other decimals
  const decimals = React.useMemo(() => new Decimals(), [question]);
  const digits = React.useMemo(() => {
    const loaded = model.sections.loaded().slice(0, 200);
    return new Map(columns.map(({ key }) => [key, decimals.of(split(key)[1], loaded)]));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the rows come with the revision
  }, [columns, decimals, revision]);

  const inSight = across.getVirtualItems();
  const span = inSight.map(({ index }) => index).join();
  const look = React.useMemo<IRowLook>(
    () => ({
      pinned,
      shown: inSight.flatMap(({ index }) => loose[index] ?? []),
      before: inSight.length > 0 ? inSight[0].start - pinnedWidth : 0,
      width: across.getTotalSize() + pinnedWidth,
      decimals: digits,
      best: model.best,
      cellId: (row, at) => `${base}-${row}-${at}`
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the columns in sight are made anew with every scrolled pixel
    [pinned, loose, span, widths, pinnedWidth, digits, model.best, base]
  );

  const go = (to: IPlace) => {
    const row = Math.max(-1, Math.min(count - 1, to.row));
    const at = Math.max(0, Math.min(columns.length, to.column));
    setPlace({ row, column: at });
    if (row >= 0) {
      rows.scrollToIndex(row);
    }
    if (at > pinned.length) {
      across.scrollToIndex(at - 1 - pinned.length);
    }
  };

  const toggle = (row: number) => {
    const entry = model.sections.entry(row);
    if (entry.kind === 'run') {
      model.select([entry.run.id], !selected.has(entry.run.id));
      anchor.current = row;
    }
  };
  const range = (to: number) => void model.selectRange(anchor.current, to, true).catch(notifyError);

  const enter = (row: number) => {
    const entry = model.sections.entry(row);
    if (entry.kind === 'run') {
      props.onOpen(entry.run.id, entry.run.name);
    } else if (entry.kind === 'group') {
      model.sections.toggle(entry.section);
    }
  };

  const keyAt = (at: number) => columns[at - 1]?.key ?? NAME;
  const onKeyDown = (event: React.KeyboardEvent) => {
    const control = event.ctrlKey || event.metaKey;
    const { row, column: at } = place;
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 0) - HEAD) / ROW) - 1);
    const to: Partial<Record<string, IPlace>> = {
      ArrowDown: { row: control ? count - 1 : row + 1, column: at },
      ArrowUp: { row: control ? 0 : row - 1, column: at },
      ArrowLeft: { row, column: control ? 0 : at - 1 },
      ArrowRight: { row, column: control ? columns.length : at + 1 },
      PageDown: { row: row + page, column: at },
      PageUp: { row: Math.max(0, row - page), column: at },
      Home: { row: control ? 0 : row, column: 0 },
      End: { row: control ? count - 1 : row, column: columns.length }
    };
    const goal = to[event.key];
    if (row < 0 && at > 1 && event.altKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      const step = event.key === 'ArrowLeft' ? -1 : 1;
      const { key } = columns[at - 1];
      if (event.shiftKey) {
        const width = widthOf(columns[at - 1], grouped) + 16 * step;
        model.changeColumn(key, { width: Math.max(40, Math.min(800, width)) });
      } else {
        model.moveColumn(key, step);
        go({ row, column: Math.max(2, Math.min(columns.length, at + step)) });
      }
    } else if (goal && !event.altKey) {
      if (event.shiftKey && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
        range(Math.max(0, Math.min(count - 1, goal.row)));
      }
      go(goal);
    } else if (event.key === ' ') {
      if (row < 0) {
        return;
      }
      if (event.shiftKey) {
        range(row);
      } else {
        toggle(row);
      }
    } else if (event.key === 'Enter') {
      if (row < 0) {
        model.sortBy(keyAt(at), undefined, event.shiftKey);
      } else {
        enter(row);
      }
    } else if (control && event.key.toLowerCase() === 'a') {
      void model.selectAll().catch(notifyError);
    } else if (event.key === 'Escape' && selected.size > 0) {
      model.clearSelection();
    } else if (event.key === 'Delete' && selected.size > 0) {
      props.onDelete();
    } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      const cell = document.getElementById(look.cellId(row, at)) ?? event.currentTarget;
      if (row < 0) {
        props.onHeadMenu(keyAt(at), cell);
      } else {
        props.onMenu(row, keyAt(at), cell);
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  /** Which cell an event was in. */
  const where = (event: React.MouseEvent): IPlace | null => {
    const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
    const row = cell?.closest<HTMLElement>('[data-row]');
    return cell && row ? { row: Number(row.dataset['row']), column: Number(cell.dataset['column']) } : null;
  };
  const onClick = (event: React.MouseEvent) => {
    const at = where(event);
    if (!at) {
      return;
    }
    setPlace(at);
    const target = event.target as Element;
    if (target.closest('[data-toggle]') || target.closest('[data-open]')) {
      if (!(event.ctrlKey || event.metaKey || event.shiftKey)) {
        enter(at.row);
        return;
      }
    }
    if (event.shiftKey) {
      range(at.row);
    } else if (at.column === 0 || event.ctrlKey || event.metaKey) {
      toggle(at.row);
    } else {
      anchor.current = at.row;
    }
  };
  const onContextMenu = (event: React.MouseEvent) => {
    const at = where(event);
    if (at) {
      event.preventDefault();
      event.stopPropagation();
      setPlace(at);
      props.onMenu(at.row, keyAt(at.column), event);
    }
  };

  const active = place.row < 0 || (place.row >= first && place.row <= last);
  return (
    <div
      ref={scroller}
      className="jp-Insighter-Grid"
      role="grid"
      tabIndex={0}
      aria-label={trans.__('Runs')}
      aria-rowcount={model.sections.total === null ? -1 : count + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable
      aria-busy={model.sections.outdated}
      aria-activedescendant={active ? look.cellId(place.row, place.column) : undefined}
      data-outdated={model.sections.outdated && count > 0 ? '' : undefined}
      onKeyDown={onKeyDown}
      onContextMenu={onContextMenu}
    >
      <Head
        model={model}
        look={look}
        columns={columns}
        active={place.row < 0 ? place.column : null}
        onMenu={props.onHeadMenu}
        onPlace={at => {
          setPlace({ row: -1, column: at });
          scroller.current?.focus();
        }}
      />
      <div
        role="rowgroup"
        className="jp-Insighter-Grid-body"
        style={{ height: rows.getTotalSize(), width: look.width }}
        onClick={onClick}
      >
        {down.map(({ index, start }) => {
          const entry = model.sections.entry(index);
          const common = {
            look,
            index,
            top: start - HEAD,
            active: place.row === index ? place.column : null,
            selected: entry.kind === 'run' && selected.has(entry.run.id)
          };
          if (entry.kind === 'run') {
            return <RunRowView key={entry.run.id} {...common} run={entry.run} inGroup={grouped} />;
          }
          return entry.kind === 'group' ? (
            <GroupRowView
              key={`group ${entry.section.group?.value ?? ''} ${entry.section.group?.value === null}`}
              {...common}
              section={entry.section}
              open={entry.section.rows !== null}
              label={props.groupLabel(entry.section.group?.value ?? null)}
            />
          ) : (
            <BlankRowView key={`blank ${index}`} {...common} />
          );
        })}
      </div>
    </div>
  );
}

/** The shown columns without those of parameters that are the same in all runs that are here. */
export function differing(model: RunTableModel, columns: ReadonlyArray<IColumn>): IColumn[] {
  const runs = model.sections.loaded();
  if (runs.length < 2) {
    return [...columns];
  }
  const same = new Set(
    namesOf(columns, 'params').filter(name =>
      runs.every(({ params }) => params[name] === runs[0].params[name])
    )
  );
  return columns.filter(({ key }) => split(key)[0] !== 'params' || !same.has(split(key)[1]));
}
