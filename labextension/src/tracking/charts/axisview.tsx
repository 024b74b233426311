import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton, useUi } from '../../components';
import type { IAxis } from './axes';

/** Pixels above and below an axis: for its name, and for runs without a value. */
export const TOP = 46;
export const BOTTOM = 34;

/** So near to an end of an axis the end is meant. */
const NEAR = 0.03;

/** From where to where an axis is chosen; both from 0 at the bottom to 1. */
export type Brush = readonly [number, number];

interface IAxisViewProps {
  axis: IAxis;
  left: number;
  height: number;
  brush: Brush | null;
  onBrush: (range: Brush | null) => void;
  onMove: (by: number) => void;
  onDrop: (left: number) => void;
  onRemove: (() => void) | null;
}

/** An axis: its name to move it by, its line to choose a part of. */
export function AxisView(props: IAxisViewProps): JSX.Element {
  const { axis: shown, left, height, brush, onBrush } = props;
  const { trans } = useUi();
  const [shift, setShift] = React.useState(0);
  const start = React.useRef(0);
  const span = height - TOP - BOTTOM;
  const share = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = 1 - (event.clientY - box.top) / box.height;
    // the ends are where runs are, and a pixel is easily missed
    return at < NEAR ? 0 : at > 1 - NEAR ? 1 : at;
  };
  const words = brush ? trans.__('%1 to %2', shown.at(brush[0]), shown.at(brush[1])) : trans.__('all');
  const step = shown.scale === 'categories' && shown.ticks.length > 1 ? 1 / (shown.ticks.length - 1) : 0.05;

  const keys = trans.__(
    '← and → move the axis, ↑ and ↓ its upper end, with Shift its lower end; Escape frees it, Delete takes it away.'
  );

  const onKeyDown = (event: React.KeyboardEvent) => {
    const [low, high] = brush ?? [0, 1];
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => props.onMove(-1),
      ArrowRight: () => props.onMove(1),
      ArrowUp: () =>
        onBrush(event.shiftKey ? [Math.min(high, low + step), high] : [low, Math.min(1, high + step)]),
      ArrowDown: () =>
        onBrush(event.shiftKey ? [Math.max(0, low - step), high] : [low, Math.max(low, high - step)]),
      Escape: () => onBrush(null),
      Delete: () => props.onRemove?.()
    };
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      event.stopPropagation();
      action();
    }
  };

  return (
    <div className="jp-Insighter-Axis" style={{ left: left + shift }}>
      <div
        className="jp-Insighter-Axis-name"
        role="button"
        tabIndex={0}
        title={`${shown.label}\n${keys}`}
        aria-label={trans.__('Axis %1: %2', shown.label, words)}
        aria-description={keys}
        onKeyDown={onKeyDown}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = event.clientX;
        }}
        onPointerMove={event => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) {
            setShift(event.clientX - start.current);
          }
        }}
        onPointerUp={event => {
          event.currentTarget.releasePointerCapture(event.pointerId);
          if (Math.abs(shift) > 8) {
            props.onDrop(left + shift);
          }
          setShift(0);
        }}
        onPointerCancel={() => setShift(0)}
      >
        {shown.label}
        {shown.scale === 'log' && <span className="jp-Insighter-Quiet"> {trans.__('(log)')}</span>}
      </div>
      {props.onRemove && (
        <span className="jp-Insighter-Axis-remove">
          <IconButton
            icon={closeIcon}
            label={trans.__('Take the axis %1 away', shown.label)}
            tabIndex={-1}
            onClick={props.onRemove}
          />
        </span>
      )}
      <div
        className="jp-Insighter-Axis-line"
        style={{ top: TOP, height: span }}
        data-axis={shown.column}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = share(event);
        }}
        onPointerMove={event => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) {
            const at = share(event);
            onBrush([Math.min(at, start.current), Math.max(at, start.current)]);
          }
        }}
        onPointerUp={event => {
          event.currentTarget.releasePointerCapture(event.pointerId);
          // a click is no part of an axis: it frees it
          if (Math.abs(share(event) - start.current) * span < 3) {
            onBrush(null);
          }
        }}
      >
        {brush && (
          <div
            className="jp-Insighter-Axis-brush"
            style={{ top: `${(1 - brush[1]) * 100}%`, height: `${(brush[1] - brush[0]) * 100}%` }}
          />
        )}
        {shown.ticks.slice(0, 30).map(({ at, text }, index) => (
          <span
            key={index}
            className="jp-Insighter-Axis-tick"
            style={{ top: `${(1 - at) * 100}%` }}
            title={text}
          >
            {text}
          </span>
        ))}
      </div>
      {shown.places.includes(null) && (
        <span className="jp-Insighter-Axis-none" title={trans.__('Runs without a value here')}>
          {trans.__('none')}
        </span>
      )}
    </div>
  );
}
