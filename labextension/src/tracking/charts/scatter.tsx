import * as React from 'react';

import { EmptyState, formatMetric, formatNumber, useUi } from '../../components';
import { axis, type Column, columnName, type IRunValues } from './axes';
import { ramp, rampGradient } from './colours';
import { ColumnSelect } from './pickers';
import { useSize, useTheme } from './theme';

interface IScatterProps {
  runs: ReadonlyArray<IRunValues>;
  columns: ReadonlyArray<Column>;
  initial: ReadonlyArray<Column>;
  /** Told of columns whose values are wanted. */
  onNeed: (columns: ReadonlyArray<Column>) => void;
  onOpen: (run: IRunValues) => void;
}

const LEFT = 72;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 42;
/** Pixels within which a point is meant. */
const NEAR = 10;

/** A point for each run over two columns, coloured by a third. */
export function Scatter({ runs, columns, initial, onNeed, onOpen }: IScatterProps): JSX.Element {
  const { trans } = useUi();
  const theme = useTheme();
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const metrics = initial.filter(one => one.startsWith('metrics.'));
  const params = initial.filter(one => one.startsWith('params.'));
  const first = params[0] ?? metrics[1] ?? metrics[0] ?? columns[0] ?? '';
  const [across, setAcross] = React.useState<Column>(first);
  const [up, setUp] = React.useState<Column>(metrics[0] ?? first);
  const [colour, setColour] = React.useState<Column>(metrics[1] ?? metrics[0] ?? first);
  const [logs, setLogs] = React.useState({ x: false, y: false });
  const [hover, setHover] = React.useState<number | null>(null);

  const x = React.useMemo(() => axis(runs, across, formatMetric, logs.x), [runs, across, logs.x]);
  const y = React.useMemo(() => axis(runs, up, formatMetric, logs.y), [runs, up, logs.y]);
  const shade = React.useMemo(() => axis(runs, colour, formatMetric), [runs, colour]);
  const points = React.useMemo(
    () =>
      runs.flatMap((_run, index) => {
        const [at, high] = [x.places[index], y.places[index]];
        return at === null || high === null
          ? []
          : [
              {
                index,
                left: LEFT + (0.02 + 0.96 * at) * (width - LEFT - RIGHT),
                top: TOP + (0.98 - 0.96 * high) * (height - TOP - BOTTOM)
              }
            ];
      }),
    [runs, x, y, width, height]
  );
  // with the keyboard one goes along the x axis
  const along = React.useMemo(() => [...points].sort((a, b) => a.left - b.left || a.top - b.top), [points]);

  React.useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || width === 0 || height === 0) {
      return;
    }
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = height * ratio;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, height);
    context.font = theme.font;
    context.fillStyle = theme.text;
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const { at, text } of y.ticks.slice(0, 20)) {
      const top = Math.round(TOP + (0.98 - 0.96 * at) * (height - TOP - BOTTOM)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, top);
      context.lineTo(width - RIGHT, top);
      context.stroke();
      context.fillText(fitted(context, text, LEFT - 14), LEFT - 6, top);
    }
    context.textAlign = 'center';
    const room = (width - LEFT - RIGHT) / Math.max(1, x.ticks.length);
    for (const { at, text } of x.ticks) {
      const left = Math.round(LEFT + (0.02 + 0.96 * at) * (width - LEFT - RIGHT)) + 0.5;
      context.beginPath();
      context.moveTo(left, TOP);
      context.lineTo(left, height - BOTTOM);
      context.stroke();
      if (room > 18) {
        context.fillText(fitted(context, text, room - 4), left, height - BOTTOM + 12);
      }
    }
    context.fillText(columnName(across), LEFT + (width - LEFT - RIGHT) / 2, height - 10);
    context.globalAlpha = 0.85;
    const radius = runs.length > 500 ? 3 : 4.5;
    for (const { index, left, top } of points) {
      const at = shade.places[index];
      context.fillStyle = at === null ? theme.text : ramp(at, theme.dark);
      context.beginPath();
      context.arc(left, top, radius, 0, 2 * Math.PI);
      context.fill();
    }
    const meant = points.find(({ index }) => index === hover);
    if (meant) {
      context.globalAlpha = 1;
      context.strokeStyle = theme.accent;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(meant.left, meant.top, radius + 3, 0, 2 * Math.PI);
      context.stroke();
    }
  }, [points, x, y, shade, across, theme, width, height, hover, runs.length]);

  if (columns.length === 0) {
    return <EmptyState text={trans.__('The runs have neither parameters nor metrics to draw.')} />;
  }

  const pick = (event: React.MouseEvent): number | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let found: number | null = null;
    let least = NEAR;
    for (const point of points) {
      const away = Math.hypot(point.left - left, point.top - top);
      if (away < least) {
        [found, least] = [point.index, away];
      }
    }
    return found;
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const here = along.findIndex(({ index }) => index === hover);
    const goals: Readonly<Record<string, number>> = {
      ArrowRight: Math.min(here + 1, along.length - 1),
      ArrowLeft: here < 0 ? along.length - 1 : Math.max(here - 1, 0),
      Home: 0,
      End: along.length - 1
    };
    const goal = goals[event.key];
    if (goal !== undefined && along[goal]) {
      event.preventDefault();
      event.stopPropagation();
      setHover(along[goal].index);
    } else if (event.key === 'Enter' && hover !== null && runs[hover]) {
      event.preventDefault();
      onOpen(runs[hover]);
    } else if (event.key === 'Escape') {
      setHover(null);
    }
  };
  const meant = hover === null ? undefined : points.find(({ index }) => index === hover);
  const told = meant && [
    runs[meant.index].name || runs[meant.index].id.slice(0, 8),
    ...[...new Set([across, up, colour])].map(column => {
      const one = column === across ? x : column === up ? y : shade;
      return `${one.label}: ${one.texts[meant.index] ?? '–'}`;
    })
  ];
  const needed = (set: (column: Column) => void) => (column: Column) => {
    onNeed([column]);
    set(column);
  };
  const missing = runs.length - points.length;

  return (
    <section className="jp-Insighter-Scatter" aria-label={trans.__('Scatter')}>
      <div className="jp-Insighter-Controls">
        <ColumnSelect
          label={trans.__('Across')}
          columns={columns}
          value={across}
          onChange={needed(setAcross)}
        />
        <ColumnSelect label={trans.__('Up')} columns={columns} value={up} onChange={needed(setUp)} />
        <ColumnSelect
          label={trans.__('Colour')}
          columns={columns}
          value={colour}
          onChange={needed(setColour)}
        />
        {shade.ticks.length > 0 && (
          <span className="jp-Insighter-Ramp">
            {shade.ticks[0].text}
            <span style={{ background: rampGradient(theme.dark) }} />
            {shade.ticks[shade.ticks.length - 1].text}
          </span>
        )}
        {(['x', 'y'] as const).map(which => (
          <label key={which} className="jp-Insighter-Control">
            <input
              type="checkbox"
              checked={logs[which]}
              onChange={event => setLogs({ ...logs, [which]: event.target.checked })}
            />
            {which === 'x' ? trans.__('Log across') : trans.__('Log up')}
          </label>
        ))}
        <span className="jp-Insighter-Quiet" role="status">
          {trans._n('%2 run', '%2 runs', points.length, formatNumber(points.length))}
          {missing > 0 && `, ${trans.__('%1 without a value here', formatNumber(missing))}`}
        </span>
      </div>
      <div
        ref={place}
        className={`jp-Insighter-Scatter-place${hover === null ? '' : ' jp-mod-meant'}`}
        role="img"
        tabIndex={0}
        aria-label={trans.__('%1 over %2, a point for each of %3 runs', y.label, x.label, points.length)}
        aria-description={trans.__('Arrow keys go from run to run, Enter opens it.')}
        onKeyDown={onKeyDown}
        onMouseMove={event => setHover(pick(event))}
        onMouseLeave={() => setHover(null)}
        onClick={event => {
          const found = pick(event);
          if (found !== null) {
            onOpen(runs[found]);
          }
        }}
      >
        <canvas ref={canvas} style={{ width, height }} />
        <span className="jp-Insighter-Scatter-up">{columnName(up)}</span>
        {meant && told && (
          <div
            className="jp-Insighter-Plot-tip"
            style={
              meant.left > width / 2
                ? { right: width - meant.left + 12, top: Math.max(0, meant.top - 20) }
                : { left: meant.left + 12, top: Math.max(0, meant.top - 20) }
            }
          >
            {told.map((text, index) => (
              <div key={index}>{index === 0 ? <strong>{text}</strong> : text}</div>
            ))}
          </div>
        )}
      </div>
      <span className="jp-Insighter-hidden" role="status">
        {told?.join(', ')}
      </span>
    </section>
  );
}

/** A text that has its place, or its beginning. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) {
    shown = `${shown.slice(0, -2)}…`;
  }
  return shown;
}
