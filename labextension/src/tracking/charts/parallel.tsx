import * as React from 'react';

import { Button, EmptyState, formatMetric, formatNumber, useUi } from '../../components';
import { COMPARED } from '../compare/model';
import { axis, type Column, columnName, type IAxis, type IRunValues } from './axes';
import { AxisView, BOTTOM, type Brush, TOP } from './axisview';
import { rampGradient } from './colours';
import { type IGeometry, Lines, nearestLine } from './lines';
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

const SIDE = 60;
/** Pixels that an axis needs at least. */
const WIDTH = 96;
/** Runs of the selection that are listed. */
const LISTED = 20;

/** Parallel coordinates: a line for each run, an axis for each column. Parts of axes are chosen by dragging along them. */
export function Parallel({ runs, columns, initial, onNeed, onOpen, onCompare }: IParallelProps): JSX.Element {
  const { trans } = useUi();
  const theme = useTheme();
  const [place, size] = useSize<HTMLDivElement>();
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

  const { height } = size;
  const count = axes.length;
  const geometry = React.useMemo((): IGeometry => {
    const width = size.width === 0 ? 0 : Math.max(size.width, 2 * SIDE + (count - 1) * WIDTH);
    return {
      width,
      height,
      x: [...Array(count).keys()].map(index =>
        count === 1 ? width / 2 : SIDE + (index * (width - 2 * SIDE)) / (count - 1)
      ),
      y: at => (at === null ? height - 12 : TOP + (1 - at) * (height - TOP - BOTTOM))
    };
  }, [size.width, height, count]);
  const { width, x } = geometry;

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
    return nearestLine(axes, chosen, geometry, event.clientX - box.left, event.clientY - box.top);
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
        {selected.length > 1 && selected.length <= COMPARED && selected.length < runs.length && (
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
            const found = event.target instanceof HTMLCanvasElement ? pick(event) : null;
            if (found !== null) {
              onOpen(runs[found]);
            }
          }}
        >
          <Lines
            axes={axes}
            geometry={geometry}
            chosen={chosen}
            shade={shade}
            hover={hover}
            theme={theme}
            label={trans.__(
              'Parallel coordinates of %1 runs over %2',
              formatNumber(runs.length),
              order.map(columnName).join(', ')
            )}
          />
          {height > 0 &&
            axes.map((one, index) => (
              <AxisView
                key={one.column}
                axis={one}
                left={x[index]}
                height={height}
                brush={brushes[one.column] ?? null}
                onBrush={range => brush(one.column, range)}
                onMove={by => move(index, index + by)}
                onDrop={at => {
                  const slot = x.map(other => Math.abs(other - at));
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
      <Listed axes={axes} runs={runs} chosen={chosen} onOpen={onOpen} />
    </section>
  );
}

interface IListedProps {
  axes: ReadonlyArray<IAxis>;
  runs: ReadonlyArray<IRunValues>;
  chosen: ReadonlyArray<boolean>;
  onOpen: (run: IRunValues) => void;
}

/** The chosen runs in words. */
function Listed({ axes, runs, chosen, onOpen }: IListedProps): JSX.Element {
  const { trans } = useUi();
  const [open, setOpen] = React.useState(false);
  const found = open ? [...runs.keys()].filter(index => chosen[index]) : [];
  return (
    <details
      className="jp-Insighter-Details"
      onToggle={event => setOpen((event.target as HTMLDetailsElement).open)}
    >
      <summary>{trans.__('The chosen runs as a table')}</summary>
      {open && (
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
            {found.slice(0, LISTED).map(index => (
              <tr key={runs[index].id}>
                <th scope="row">
                  <button type="button" className="jp-Insighter-Link" onClick={() => onOpen(runs[index])}>
                    {runs[index].name || runs[index].id.slice(0, 8)}
                  </button>
                </th>
                {axes.map(({ column, texts }) => (
                  <td key={column} className="jp-mod-number">
                    {texts[index] ?? '–'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found.length > LISTED && (
        <p className="jp-Insighter-Quiet">{trans.__('and %1 more', formatNumber(found.length - LISTED))}</p>
      )}
    </details>
  );
}
