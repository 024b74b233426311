import { caretDownEmptyIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunRow } from '../../api';
import { formatNumber, useUi } from '../../components';
import { GroupCell, RunCell, textOf } from './cells';
import type { ISection } from './sections';
import { NAME, numeric, split } from './spec';

/** A column where it stands. */
export interface IPlaced {
  readonly key: string;
  /** Its number among all columns; the boxes to choose runs are column 0. */
  readonly index: number;
  readonly width: number;
  /** From the left edge where it is pinned; null where it goes along. */
  readonly pinned: number | null;
}

/** What all rows have of the table. */
export interface IRowLook {
  readonly pinned: ReadonlyArray<IPlaced>;
  /** The columns in sight. */
  readonly shown: ReadonlyArray<IPlaced>;
  /** As wide as the columns before those in sight. */
  readonly before: number;
  readonly width: number;
  readonly decimals: ReadonlyMap<string, number | null>;
  readonly best: ReadonlyMap<string, number>;
  readonly cellId: (row: number, column: number) => string;
}

interface IRowProps {
  look: IRowLook;
  index: number;
  top: number;
  /** The column of the active cell, when it is in this row. */
  active: number | null;
  selected: boolean;
}

const Row = (
  props: IRowProps & { className?: string; children: React.ReactNode; busy?: boolean }
): JSX.Element => (
  <div
    role="row"
    className={`jp-Insighter-Grid-row ${props.className ?? ''}`}
    data-row={props.index}
    aria-rowindex={props.index + 2}
    aria-selected={props.selected}
    aria-busy={props.busy}
    style={{ transform: `translateY(${props.top}px)`, width: props.look.width }}
  >
    {props.children}
  </div>
);

function Cell(
  props: IRowProps & {
    placed: IPlaced;
    className?: string;
    title?: string;
    children: React.ReactNode;
    header?: boolean;
  }
): JSX.Element {
  const { placed, look, index } = props;
  return (
    <div
      role={props.header ? 'rowheader' : 'gridcell'}
      id={look.cellId(index, placed.index)}
      aria-colindex={placed.index + 1}
      className={`jp-Insighter-Grid-cell ${props.className ?? ''}`}
      data-column={placed.index}
      data-active={props.active === placed.index ? '' : undefined}
      data-pinned={placed.pinned === null ? undefined : ''}
      title={props.title}
      style={{ width: placed.width, left: placed.pinned ?? undefined }}
    >
      {props.children}
    </div>
  );
}

const BOX: IPlaced = { key: '', index: 0, width: 32, pinned: 0 };

/** A run. */
export const RunRowView = React.memo(function RunRowView(
  props: IRowProps & { run: RunRow; inGroup: boolean }
) {
  const { look, run } = props;
  const { trans } = useUi();
  const name = run.name || run.id.slice(0, 8);
  const cell = (placed: IPlaced) => {
    const { key } = placed;
    if (key === NAME) {
      return (
        <Cell {...props} key={key} placed={placed} header title={name} className="jp-Insighter-Grid-name">
          <button type="button" tabIndex={-1} className="jp-Insighter-Link" data-open={run.id}>
            {name}
          </button>
          {run.deleted && <span className="jp-Insighter-Quiet"> {trans.__('deleted')}</span>}
        </Cell>
      );
    }
    const best = look.best.get(key);
    const isBest = best !== undefined && run.metrics[split(key)[1]] === best;
    return (
      <Cell
        {...props}
        key={key}
        placed={placed}
        title={textOf(run, key)}
        className={`${numeric(key) ? 'jp-mod-number' : ''} ${isBest ? 'jp-mod-best' : ''}`}
      >
        <RunCell run={run} column={key} decimals={look.decimals.get(key) ?? null} />
        {isBest && <span className="jp-Insighter-hidden"> {trans.__('best')}</span>}
      </Cell>
    );
  };
  return (
    <Row {...props} className={props.inGroup ? 'jp-mod-inGroup' : ''}>
      <Cell {...props} placed={BOX} className="jp-Insighter-Grid-box">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.selected}
          aria-label={trans.__('Select %1', name)}
          readOnly
        />
      </Cell>
      {look.pinned.map(cell)}
      <span className="jp-Insighter-Grid-gap" style={{ width: look.before }} />
      {look.shown.map(cell)}
    </Row>
  );
});

/** A group of runs: what they have in common, how many there are, and what their metrics are. */
export const GroupRowView = React.memo(function GroupRowView(
  props: IRowProps & { section: ISection; open: boolean; label: string }
) {
  const { look, section, open } = props;
  const { trans } = useUi();
  const { group } = section;
  if (!group) {
    return null;
  }
  const cell = (placed: IPlaced) =>
    placed.key === NAME ? (
      <Cell {...props} key={placed.key} placed={placed} header className="jp-Insighter-Grid-group">
        <button
          type="button"
          tabIndex={-1}
          data-toggle={props.index}
          aria-expanded={open}
          disabled={section.filter === null}
          title={
            section.filter === null
              ? trans.__('MLflow’s filters have no words for these runs, so they cannot be listed apart.')
              : props.label
          }
        >
          {open ? <caretDownEmptyIcon.react tag="span" /> : <caretRightIcon.react tag="span" />}
          <span className="jp-Insighter-Grid-value" data-none={group.value === null ? '' : undefined}>
            {props.label}
          </span>
          <span className="jp-Insighter-Grid-count">{formatNumber(group.count)}</span>
        </button>
      </Cell>
    ) : (
      <Cell
        {...props}
        key={placed.key}
        placed={placed}
        className={numeric(placed.key) ? 'jp-mod-number' : ''}
        title={trans.__('mean, and from the smallest to the largest')}
      >
        <GroupCell group={group} column={placed.key} decimals={look.decimals.get(placed.key) ?? null} />
      </Cell>
    );
  return (
    <Row {...props} className="jp-mod-group">
      <Cell {...props} placed={BOX} className="jp-Insighter-Grid-box">
        {null}
      </Cell>
      {look.pinned.map(cell)}
      <span className="jp-Insighter-Grid-gap" style={{ width: look.before }} />
      {look.shown.map(cell)}
    </Row>
  );
});

/** A run that is on its way. */
export const BlankRowView = React.memo(function BlankRowView(props: IRowProps) {
  const { trans } = useUi();
  return (
    <Row {...props} busy>
      <Cell {...props} placed={BOX} className="jp-Insighter-Grid-box">
        {null}
      </Cell>
      {props.look.pinned.map(placed => (
        <Cell {...props} key={placed.key} placed={placed}>
          <span className="jp-Insighter-Grid-wait" aria-label={trans.__('Loading…')} />
        </Cell>
      ))}
    </Row>
  );
});
