import { caretDownEmptyThinIcon, caretUpEmptyThinIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { notifyError, useUi } from '../../components';
import type { RunTableModel } from './model';
import type { IPlaced, IRowLook } from './row';
import { columnLabel, type IColumn, kindLabel, NAME, numeric, sortable, split } from './spec';

interface IHeadProps {
  model: RunTableModel;
  look: IRowLook;
  columns: ReadonlyArray<IColumn>;
  /** The active column, when the head is where one is. */
  active: number | null;
  onMenu: (key: string, at: Element | { clientX: number; clientY: number }) => void;
  onPlace: (column: number) => void;
}

const DRAGGED = 'application/x-insighter-column';

/** The head of the table: a click sorts, an edge that is pulled makes wider, a head that is pulled goes elsewhere. */
export function Head(props: IHeadProps): JSX.Element {
  const { model, look } = props;
  const { trans } = useUi();
  const { selected } = model;
  const { total } = model.sections;
  const all = total !== null && total > 0 && selected.size >= total;
  const box = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    if (box.current) {
      box.current.indeterminate = selected.size > 0 && !all;
    }
  });
  return (
    <div role="rowgroup" className="jp-Insighter-Grid-head" style={{ width: look.width }}>
      <div role="row" aria-rowindex={1} className="jp-Insighter-Grid-headrow">
        <div
          role="columnheader"
          id={look.cellId(-1, 0)}
          aria-colindex={1}
          className="jp-Insighter-Grid-cell jp-Insighter-Grid-box"
          data-pinned=""
          data-active={props.active === 0 ? '' : undefined}
          style={{ width: 32, left: 0 }}
        >
          <input
            ref={box}
            type="checkbox"
            tabIndex={-1}
            checked={all}
            aria-label={all ? trans.__('Select none') : trans.__('Select all runs that match')}
            title={all ? trans.__('Select none') : trans.__('Select all runs that match')}
            onChange={() =>
              selected.size > 0 ? model.clearSelection() : void model.selectAll().catch(notifyError)
            }
          />
        </div>
        {look.pinned.map(placed => (
          <HeadCell key={placed.key} {...props} placed={placed} />
        ))}
        <span className="jp-Insighter-Grid-gap" style={{ width: look.before }} />
        {look.shown.map(placed => (
          <HeadCell key={placed.key} {...props} placed={placed} />
        ))}
      </div>
    </div>
  );
}

function HeadCell(props: IHeadProps & { placed: IPlaced }): JSX.Element {
  const { model, look, placed } = props;
  const { key, width } = placed;
  const { trans } = useUi();
  const { sort } = model.spec;
  const at = sort.findIndex(each => each.key === key);
  const [over, setOver] = React.useState(false);
  const label = columnLabel(key, trans);
  const [kind] = split(key);
  const can = sortable(key);
  const order = at < 0 ? undefined : sort[at].descending ? 'descending' : 'ascending';
  const Sign = at >= 0 && sort[at].descending ? caretDownEmptyThinIcon : caretUpEmptyThinIcon;
  const movable = key !== NAME;

  const pull = (event: React.PointerEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const from = event.clientX;
    const target = event.currentTarget as HTMLElement;
    target.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent) => {
      const next = Math.round(Math.max(40, Math.min(1000, width + move.clientX - from)));
      model.changeColumn(key, { width: next });
    };
    const onEnd = () => {
      target.removeEventListener('pointermove', onMove);
      target.removeEventListener('pointerup', onEnd);
      target.removeEventListener('pointercancel', onEnd);
    };
    target.addEventListener('pointermove', onMove);
    target.addEventListener('pointerup', onEnd);
    target.addEventListener('pointercancel', onEnd);
  };

  return (
    <div
      role="columnheader"
      id={look.cellId(-1, placed.index)}
      aria-colindex={placed.index + 1}
      aria-sort={order}
      className={`jp-Insighter-Grid-cell ${numeric(key) ? 'jp-mod-number' : ''}`}
      data-pinned={placed.pinned === null ? undefined : ''}
      data-active={props.active === placed.index ? '' : undefined}
      data-key={key}
      data-over={over ? '' : undefined}
      style={{ width, left: placed.pinned ?? undefined }}
      title={`${label} (${kindLabel(kind, trans)})`}
      draggable={movable}
      onDragStart={event => event.dataTransfer.setData(DRAGGED, key)}
      onDragOver={event => {
        if (movable && event.dataTransfer.types.includes(DRAGGED)) {
          event.preventDefault();
          setOver(true);
        }
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        setOver(false);
        const from = event.dataTransfer.getData(DRAGGED);
        if (from && from !== key) {
          event.preventDefault();
          event.stopPropagation();
          model.moveColumn(from, key);
        }
      }}
      onClick={event => {
        props.onPlace(placed.index);
        if (can) {
          model.sortBy(key, undefined, event.shiftKey);
        }
      }}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        props.onMenu(key, event);
      }}
    >
      <span className="jp-Insighter-Grid-label">{label}</span>
      {at >= 0 && (
        <span className="jp-Insighter-Grid-sort" aria-hidden="true">
          <Sign.react tag="span" />
          {sort.length > 1 && <small>{at + 1}</small>}
        </span>
      )}
      <button
        type="button"
        tabIndex={-1}
        className="jp-Insighter-Grid-menu"
        aria-label={trans.__('What to do with the column %1', label)}
        onClick={event => {
          event.stopPropagation();
          props.onMenu(key, event.currentTarget);
        }}
      >
        ⋮
      </button>
      <span
        className="jp-Insighter-Grid-edge"
        onPointerDown={pull}
        onClick={event => event.stopPropagation()}
        onDoubleClick={() => model.changeColumn(key, { width: null })}
        draggable={false}
      />
    </div>
  );
}
