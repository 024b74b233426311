import 'uplot/dist/uPlot.min.css';
import * as React from 'react';
import uPlot from 'uplot';

import { formatDuration, formatMetric, formatNumber, formatTime, useUi } from '../../components';
import type { IStroke } from './colours';
import type { ILine, XAxis } from './series';
import { type ITheme, useSize } from './theme';

/** A line of a chart, and its name in the tooltip. */
export interface IPlotted {
  readonly id: string;
  readonly name: string;
  readonly stroke: IStroke;
  readonly line: ILine;
  /** The values behind the smoothed ones; null where nothing is smoothed. */
  readonly smoothed: (number | null)[] | null;
}

interface IPlotProps {
  lines: ReadonlyArray<IPlotted>;
  axis: XAxis;
  log: boolean;
  theme: ITheme;
  height: number;
  /** Charts of one group share the cursor and the zoom. */
  group: string;
  /** What is said of it to whoever does not see it. */
  label: string;
  /** The line that is meant in the legend; null for none. */
  focus: string | null;
}

/** Names in a tooltip; those nearest to the cursor. */
const TOLD = 12;

/** Between the marks of an axis of steps: there are no half ones. */
const WHOLE = [...Array(16).keys()].flatMap(power => [1, 2, 5].map(digit => digit * 10 ** power));

/** Pixels from the cursor within which a value is told. */
const NEAR = 24;

/** Curves by uPlot: drag to zoom, double click to go back; with the keyboard arrows, + and −, and Escape. */
export function Plot(props: IPlotProps): JSX.Element {
  const { lines, axis, log, theme, height, group, label, focus } = props;
  const { trans } = useUi();
  const [place, { width }] = useSize<HTMLDivElement>();
  const chart = React.useRef<uPlot | null>(null);
  const zoomed = React.useRef(false);
  const names = React.useRef(lines);
  names.current = lines;

  const shape = JSON.stringify(
    lines.map(({ id, name, stroke, smoothed }) => [id, name, stroke, smoothed !== null])
  );
  const data = React.useMemo(() => aligned(lines), [lines]);
  const latest = React.useRef(data);
  latest.current = data;

  // made again when it is to look different; what only grows is told to the one that is there
  React.useLayoutEffect(() => {
    const node = place.current;
    if (!node || width === 0) {
      return;
    }
    zoomed.current = false;
    const made = new uPlot(
      options({
        lines: names,
        axis,
        log,
        theme,
        width,
        height,
        group,
        onZoom: zoom => (zoomed.current = zoom)
      }),
      latest.current,
      node
    );
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, axis, log, theme, group, width > 0]);

  React.useLayoutEffect(() => {
    if (chart.current && width > 0) {
      chart.current.setSize({ width, height });
    }
  }, [width, height]);

  React.useLayoutEffect(() => {
    const plot = chart.current;
    if (!plot || plot.data === data) {
      return;
    }
    const { min, max } = plot.scales['x'];
    if (zoomed.current && min !== undefined && max !== undefined) {
      plot.batch(() => {
        plot.setData(data, false);
        plot.setScale('x', { min, max });
      });
    } else {
      plot.setData(data);
    }
  }, [data]);

  React.useLayoutEffect(() => {
    const plot = chart.current;
    if (!plot) {
      return;
    }
    const index = plot.series.findIndex(({ label: of }) => of === focus);
    plot.setSeries(focus !== null && index > 0 ? index : null, { focus: true }, false);
  }, [focus, shape]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const plot = chart.current;
    if (plot && !event.ctrlKey && !event.metaKey && !event.altKey && steer(plot, event.key)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  return (
    <div
      ref={place}
      className="jp-Insighter-Plot"
      style={{ height }}
      role="img"
      aria-label={label}
      aria-description={trans.__('Arrow keys show values, + and − zoom, Escape shows all.')}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onBlur={() => chart.current?.setCursor({ left: -10, top: -10 })}
    />
  );
}

/** All lines over one x axis. */
function aligned(lines: ReadonlyArray<IPlotted>): uPlot.AlignedData {
  const tables = lines.map(
    ({ line: { x, y }, smoothed }) => (smoothed ? [x, y, smoothed] : [x, y]) as uPlot.AlignedData
  );
  return uPlot.join(tables);
}

interface IOptions {
  lines: React.MutableRefObject<ReadonlyArray<IPlotted>>;
  axis: XAxis;
  log: boolean;
  theme: ITheme;
  width: number;
  height: number;
  group: string;
  onZoom: (zoomed: boolean) => void;
}

function options(wanted: IOptions): uPlot.Options {
  const { lines, axis, log, theme, width, height, group, onZoom } = wanted;
  const series: uPlot.Series[] = [{}];
  for (const { id, stroke, smoothed } of lines.current) {
    const own: uPlot.Series = {
      label: id,
      stroke: stroke.colour,
      dash: stroke.dash,
      width: 1.5,
      points: { size: 5, fill: stroke.colour, width: 0 }
    };
    // alone, a faint line would be no line of its own: the tooltip and the legend are about the smoothed one
    series.push(
      ...(smoothed ? [{ ...own, label: '', alpha: 0.25, dash: [], points: { show: false } }, own] : [own])
    );
  }
  const look = {
    stroke: theme.text,
    font: theme.font,
    grid: { stroke: theme.grid, width: 1 },
    ticks: { show: false }
  };
  return {
    width,
    height,
    padding: [8, 14, 0, 0],
    legend: { show: false },
    focus: { alpha: 0.25 },
    cursor: {
      sync: { key: group, scales: ['x', null], setSeries: false },
      drag: { x: true, y: false, dist: 4 },
      points: { size: 6 },
      dataIdx: nearest
    },
    scales: {
      x: { time: axis === 'time' },
      y: log ? { distr: 3 } : {}
    },
    series,
    axes: [
      {
        ...look,
        size: 26,
        gap: 4,
        ...(axis === 'step' ? { incrs: WHOLE } : {}),
        ...(axis === 'time' ? {} : { values: (_plot, splits) => splits.map(at => xText(at, axis)) })
      },
      {
        ...look,
        gap: 4,
        size: (_plot, values) => 14 + 6.2 * Math.max(3, ...(values ?? []).map(text => text?.length ?? 0)),
        values: (_plot, splits) => splits.map(at => (at === null ? '' : yText(at)))
      }
    ],
    hooks: {
      setScale: [
        (plot, key) => {
          const { min, max } = plot.scales[key];
          const x = plot.data[0];
          if (key === 'x' && x.length > 0 && min !== undefined && max !== undefined) {
            onZoom(min > x[0] || max < x[x.length - 1]);
          }
        }
      ]
    },
    plugins: [tooltip(lines, axis, theme)]
  };
}

function xText(at: number, axis: XAxis): string {
  return axis === 'relative'
    ? at < 0
      ? `−${formatDuration(-at * 1000)}`
      : formatDuration(at * 1000)
    : formatNumber(at);
}

function yText(value: number): string {
  const size = Math.abs(value);
  return size >= 1e5 || (size > 0 && size < 1e-3)
    ? value.toExponential(size >= 1e5 ? 1 : 0)
    : formatMetric(value);
}

/** The point of a line that is nearest along x: lines have their points at different places. */
function nearest(plot: uPlot, index: number, hovered: number): number | null {
  const x = plot.data[0];
  const y = plot.data[index];
  if (index === 0 || x.length === 0) {
    return hovered;
  }
  const there = (at: number) => at >= 0 && at < y.length && y[at] !== null && y[at] !== undefined;
  for (let away = 0; away < x.length; away++) {
    const [left, right] = [hovered - away, hovered + away];
    const found = [left, right].filter(there);
    if (found.length > 0) {
      const here = plot.valToPos(x[hovered], 'x');
      const [best] = found.sort((a, b) => Math.abs(x[a] - x[hovered]) - Math.abs(x[b] - x[hovered]));
      return Math.abs(plot.valToPos(x[best], 'x') - here) <= NEAR ? best : null;
    }
    if (left < 0 && right >= x.length) {
      break;
    }
  }
  return null;
}

/** Zoom and cursor by keys; whether the key means anything. */
function steer(plot: uPlot, key: string): boolean {
  const x = plot.data[0];
  const { min, max } = plot.scales['x'];
  if (x.length === 0 || min === undefined || max === undefined) {
    return false;
  }
  const at = plot.cursor.idx ?? null;
  const seen = [...x.keys()].filter(index => x[index] >= min && x[index] <= max);
  const goals: Readonly<Record<string, number>> = {
    ArrowRight: at === null ? seen[0] : Math.min(at + 1, seen[seen.length - 1]),
    ArrowLeft: at === null ? seen[seen.length - 1] : Math.max(at - 1, seen[0]),
    Home: seen[0],
    End: seen[seen.length - 1]
  };
  if (key in goals) {
    const goal = goals[key];
    if (goal !== undefined) {
      plot.setCursor({ left: plot.valToPos(x[goal], 'x'), top: plot.over.clientHeight / 2 });
    }
    return true;
  }
  if (key === '+' || key === '=' || key === '-') {
    const middle = at === null ? (min + max) / 2 : x[at];
    const span = ((max - min) / 2) * (key === '-' ? 2 : 0.5);
    plot.setScale('x', { min: Math.max(x[0], middle - span), max: Math.min(x[x.length - 1], middle + span) });
    return true;
  }
  if (key === 'Escape' || key === '0') {
    plot.setScale('x', { min: x[0], max: x[x.length - 1] });
    plot.setCursor({ left: -10, top: -10 });
    return true;
  }
  return false;
}

/** The values under the cursor. Names are a run's own text, and so never markup. */
function tooltip(
  lines: React.MutableRefObject<ReadonlyArray<IPlotted>>,
  axis: XAxis,
  theme: ITheme
): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = 'jp-Insighter-Plot-tip';
  box.hidden = true;
  const text = (name: string, content: string): HTMLElement => {
    const node = document.createElement('span');
    node.className = `jp-Insighter-Plot-${name}`;
    node.textContent = content;
    return node;
  };
  return {
    hooks: {
      ready: plot => void plot.over.append(box),
      setCursor: plot => {
        const { left = -1, top = -1, idx, idxs } = plot.cursor;
        if (left < 0 || idx === null || idx === undefined || !idxs) {
          box.hidden = true;
          return;
        }
        const told: { line: IPlotted; value: number; raw: number | null; away: number }[] = [];
        let column = 0;
        for (const line of lines.current) {
          column += line.smoothed ? 2 : 1;
          const at = idxs[column];
          const value = at === null || at === undefined ? null : plot.data[column]?.[at];
          if (typeof value === 'number') {
            const raw = line.smoothed ? (plot.data[column - 1][at as number] ?? null) : null;
            told.push({ line, value, raw, away: Math.abs(plot.valToPos(value, 'y') - top) });
          }
        }
        if (told.length === 0) {
          box.hidden = true;
          return;
        }
        const near = [...told].sort((a, b) => a.away - b.away).slice(0, TOLD);
        const shown = near.sort((a, b) => b.value - a.value);
        const x = plot.data[0][idx];
        const rows = shown.map(({ line, value, raw }) => {
          const row = document.createElement('div');
          const swatch = text('swatch', '');
          swatch.style.background = line.stroke.colour;
          const figure = formatMetric(value) + (raw === null ? '' : ` (${formatMetric(raw)})`);
          row.append(swatch, text('name', line.name), text('value', figure));
          return row;
        });
        const where = axis === 'time' ? formatTime(new Date(x * 1000).toISOString()) : xText(x, axis);
        box.replaceChildren(text('where', where), ...rows);
        if (told.length > shown.length) {
          box.append(text('where', `… ${told.length - shown.length}`));
        }
        box.hidden = false;
        box.style.color = theme.text;
        const over = plot.over;
        const right = left > over.clientWidth / 2;
        box.style.left = right ? '' : `${left + 12}px`;
        box.style.right = right ? `${over.clientWidth - left + 12}px` : '';
        box.style.top = `${Math.max(-4, Math.min(top, over.clientHeight - box.offsetHeight))}px`;
      }
    }
  };
}
