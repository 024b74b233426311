import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button, EmptyState, formatMetric, formatNumber, IconButton, useUi } from '../../components';
import { axis, type Column, columnName, type IAxis, type IRunValues } from './axes';
import { ramp, rampGradient } from './colours';
import { ColumnPicker, ColumnSelect } from './pickers';
import { useSize, useTheme } from './theme';

interface IParallelProps {
  runs: ReadonlyArray<IRunValues>;
  /** All there are, and those that are axes at first. */
  columns: ReadonlyArray<Column>;
  initial: ReadonlyArray<Column>;
  /** Told of columns whose values are wanted. */
  onNeed: (columns: ReadonlyArray<Column>) => void;
  onOpen: (run: IRunValues) => void;
  onCompare: (runs: ReadonlyArray<IRunValues>) => void;
}

const TOP = 46;
const BOTTOM = 34;
const SIDE = 60;
/** Pixels that an axis needs at least. */
const WIDTH = 96;
/** Runs of the selection that are listed. */
const LISTED = 20;

/** From where to where an axis is chosen; both from 0 at the bottom to 1. */
type Brush = readonly [number, number];

/** Parallel coordinates: a line for each run, an axis for each column. Parts of axes are chosen by dragging along them. */
export function Parallel({ runs, columns, initial, onNeed, onOpen, onCompare }: IParallelProps): JSX.Element {
  const { trans } = useUi();
  const theme = useTheme();
  const [place, size] = useSize<HTMLDivElement>();
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const [order, setOrder] = React.useState<ReadonlyArray<Column>>(initial);
  const [colour, setColour] = React.useState<Column>(
    initial.find(one => one.startsWith('metrics.')) ?? initial[0] ?? ''
  );
  const [brushes, setBrushes] = React.useState<Readonly<Record<Column, Brush>>>({});
  const [hover, setHover] = React.useState<number | null>(null);

  const axes = React.useMemo(() => order.map(column => axis(runs, column, formatMetric)), [runs, order]);
  const shade = React.useMemo(() => (colour ? axis(runs, colour, formatMetric) : null), [runs, colour]);
  const chosen = React.useMemo(() => {
    const active = axes.flatMap(({ column, places }) => {
      const brush = brushes[column];
      return brush ? [{ places, brush }] : [];
    });
    return runs.map((_run, index) =>
      active.every(({ places, brush: [low, high] }) => {
        const at = places[index];
        return at !== null && at >= low - 1e-9 && at <= high + 1e-9;
      })
    );
  }, [axes, brushes, runs]);
  const selected = runs.filter((_run, index) => chosen[index]);

  const width = Math.max(size.width, 2 * SIDE + (axes.length - 1) * WIDTH);
  const { height } = size;
  const x = (index: number) =>
    axes.length === 1 ? width / 2 : SIDE + (index * (width - 2 * SIDE)) / (axes.length - 1);
  const y = (at: number | null) => (at === null ? height - 12 : TOP + (1 - at) * (height - TOP - BOTTOM));

  React.useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || size.width === 0 || height === 0) {
      return;
    }
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = height * ratio;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, height);
    const path = (index: number) => {
      context.beginPath();
      axes.forEach(({ places }, at) => {
        const point = [x(at), y(places[index])] as const;
        if (at === 0) {
          context.moveTo(...point);
        } else {
          context.lineTo(...point);
        }
      });
      context.stroke();
    };
    const draw = (kept: boolean) => {
      runs.forEach((_run, index) => {
        if (chosen[index] !== kept) {
          return;
        }
        const at = shade?.places[index] ?? null;
        context.strokeStyle = kept ? (at === null ? theme.text : ramp(at, theme.dark)) : theme.grid;
        path(index);
      });
    };
    context.lineWidth = 1;
    context.globalAlpha = 0.35;
    draw(false);
    context.globalAlpha = runs.length > 300 ? 0.55 : 0.85;
    context.lineWidth = 1.3;
    draw(true);
    if (hover !== null && hover < runs.length) {
      context.globalAlpha = 1;
      context.lineWidth = 3;
      context.strokeStyle = theme.accent;
      path(hover);
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- x and y follow from the width, the height and the axes
  }, [axes, shade, chosen, theme, width, height, size.width, hover, runs]);

  if (columns.length === 0) {
    return <EmptyState text={trans.__('The runs have neither parameters nor metrics to draw.')} />;
  }

  const brush = (column: Column, range: Brush | null) => {
    const next = { ...brushes };
    if (range === null) {
      delete next[column];
    } else {
      next[column] = range;
    }
    setBrushes(next);
  };
  const move = (from: number, to: number) => {
    const next = [...order];
    next.splice(Math.max(0, Math.min(order.length - 1, to)), 0, ...next.splice(from, 1));
    setOrder(next);
  };
  const pick = (event: React.MouseEvent): number | null => {
    const box = event.currentTarget.getBoundingClientRect();
    return nearestLine(axes, chosen, event.clientX - box.left, event.clientY - box.top, x, y);
  };

  return (
    <section className="jp-Insighter-Parallel" aria-label={trans.__('Parallel coordinates')}>
      <div className="jp-Insighter-Controls">
        <ColumnPicker
          label={trans.__('Axes')}
          columns={columns}
          chosen={order}
          onChange={next => {
            onNeed(next);
            setOrder([
              ...order.filter(one => next.includes(one)),
              ...next.filter(one => !order.includes(one))
            ]);
          }}
        />
        <ColumnSelect
          label={trans.__('Colour')}
          columns={columns}
          value={colour}
          onChange={column => {
            onNeed([column]);
            setColour(column);
          }}
        />
        {shade && shade.ticks.length > 0 && (
          <span className="jp-Insighter-Ramp">
            {shade.ticks[0].text}
            <span style={{ background: rampGradient(theme.dark) }} />
            {shade.ticks[shade.ticks.length - 1].text}
          </span>
        )}
        <span className="jp-Insighter-Quiet" role="status">
          {trans.__('%1 of %2 runs', formatNumber(selected.length), formatNumber(runs.length))}
        </span>
        {Object.keys(brushes).length > 0 && (
          <Button onClick={() => setBrushes({})}>{trans.__('Choose all again')}</Button>
        )}
        {selected.length > 1 && selected.length <= 20 && selected.length < runs.length && (
          <Button onClick={() => onCompare(selected)}>{trans.__('Compare these')}</Button>
        )}
      </div>
      <p className="jp-Insighter-Quiet">
        {trans.__('Drag along an axis to choose runs, drag its name to move it.')}
      </p>
      <div ref={place} className="jp-Insighter-Parallel-place">
        <div
          className="jp-Insighter-Parallel-plot"
          style={{ width }}
          onMouseMove={event => setHover(event.buttons === 0 ? pick(event) : null)}
          onMouseLeave={() => setHover(null)}
          onClick={event => {
            const found = event.target === canvas.current ? pick(event) : null;
            if (found !== null) {
              onOpen(runs[found]);
            }
          }}
        >
          <canvas
            ref={canvas}
            style={{ width, height }}
            role="img"
            aria-label={trans.__(
              'Parallel coordinates of %1 runs over %2',
              runs.length,
              order.map(columnName).join(', ')
            )}
          />
          {height > 0 &&
            axes.map((one, index) => (
              <AxisView
                key={one.column}
                axis={one}
                left={x(index)}
                height={height}
                brush={brushes[one.column] ?? null}
                onBrush={range => brush(one.column, range)}
                onMove={by => move(index, index + by)}
                onDrop={at => {
                  const slot = axes.map((_axis, other) => Math.abs(x(other) - at));
                  move(index, slot.indexOf(Math.min(...slot)));
                }}
                onRemove={
                  axes.length > 2 ? () => setOrder(order.filter(other => other !== one.column)) : null
                }
              />
            ))}
          {hover !== null && runs[hover] && (
            <div className="jp-Insighter-Parallel-tip" role="presentation">
              <strong>{runs[hover].name || runs[hover].id.slice(0, 8)}</strong>
              {axes.map(({ column, label, texts }) => (
                <div key={column}>
                  {label}: {texts[hover] ?? '–'}
                </div>
              ))}
            </div>
          )}
        </div>
      </div>
      <details className="jp-Insighter-Details">
        <summary>{trans.__('The chosen runs as a table')}</summary>
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Run')}</th>
              {axes.map(({ column, label }) => (
                <th key={column} scope="col" className="jp-mod-number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs
              .flatMap((run, index) =>
                chosen[index]
                  ? [
                      <tr key={run.id}>
                        <th scope="row">
                          <button type="button" className="jp-Insighter-Link" onClick={() => onOpen(run)}>
                            {run.name || run.id.slice(0, 8)}
                          </button>
                        </th>
                        {axes.map(({ column, texts }) => (
                          <td key={column} className="jp-mod-number">
                            {texts[index] ?? '–'}
                          </td>
                        ))}
                      </tr>
                    ]
                  : []
              )
              .slice(0, LISTED)}
          </tbody>
        </table>
        {selected.length > LISTED && (
          <p className="jp-Insighter-Quiet">
            {trans.__('and %1 more', formatNumber(selected.length - LISTED))}
          </p>
        )}
      </details>
    </section>
  );
}

/** The run whose line is nearest to a place, within a few pixels. */
function nearestLine(
  axes: ReadonlyArray<IAxis>,
  chosen: ReadonlyArray<boolean>,
  left: number,
  top: number,
  x: (index: number) => number,
  y: (at: number | null) => number
): number | null {
  const after = axes.findIndex((_axis, index) => x(index) >= left);
  if (after <= 0) {
    return null;
  }
  const share = (left - x(after - 1)) / (x(after) - x(after - 1));
  let best: number | null = null;
  let least = 6;
  chosen.forEach((kept, index) => {
    if (kept) {
      const at = y(axes[after - 1].places[index]) * (1 - share) + y(axes[after].places[index]) * share;
      const away = Math.abs(at - top);
      if (away < least) {
        [best, least] = [index, away];
      }
    }
  });
  return best;
}

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
function AxisView(props: IAxisViewProps): JSX.Element {
  const { axis: shown, left, height, brush, onBrush } = props;
  const { trans } = useUi();
  const [shift, setShift] = React.useState(0);
  const start = React.useRef(0);
  const span = height - TOP - BOTTOM;
  const share = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, 1 - (event.clientY - box.top) / box.height));
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
