import * as React from 'react';

import type { MetricPoint } from '../api';
import { formatMetric, formatNumber, useUi } from '../components';
import { curve, type IPoint, summarize } from './series';

const WIDTH = 300;
const HEIGHT = 120;
const TOP = 8;
const BOTTOM = 18;
const RIGHT = 8;

/** The curve of a metric over its steps, and the same in words. */
export function Chart(props: { name: string; points: ReadonlyArray<MetricPoint> }): JSX.Element {
  const { name, points } = props;
  const { trans } = useUi();
  const title = React.useId();
  const summary = React.useMemo(() => summarize(points), [points]);
  const pieces = React.useMemo(() => curve(points), [points]);
  const all = pieces.flat();
  const words = trans.__(
    'min %1 · max %2 · last %3',
    summary.min === null ? '–' : formatMetric(summary.min),
    summary.max === null ? '–' : formatMetric(summary.max),
    summary.last === null ? '–' : formatMetric(summary.last)
  );
  return (
    <figure className="jp-Insighter-Chart">
      <figcaption id={title} className="jp-Insighter-Chart-title" title={name}>
        {name}
      </figcaption>
      {all.length > 0 && <Curve pieces={pieces} all={all} labelled={title} />}
      <div className="jp-Insighter-Chart-words">{words}</div>
    </figure>
  );
}

interface ICurveProps {
  pieces: ReadonlyArray<ReadonlyArray<IPoint>>;
  all: ReadonlyArray<IPoint>;
  labelled: string;
}

function Curve({ pieces, all, labelled }: ICurveProps): JSX.Element {
  const x = extent(all.map(point => point.x));
  const y = extent(all.map(point => point.y));
  const [top, bottom] = [formatMetric(y.high), formatMetric(y.low)];
  // room for the numbers of the y axis, about 6 units for a character
  const left = 8 + 6 * Math.max(top.length, bottom.length);
  const px = (value: number) => left + ((value - x.low) / x.span) * (WIDTH - left - RIGHT);
  const py = (value: number) => TOP + (1 - (value - y.low) / y.span) * (HEIGHT - TOP - BOTTOM);
  const floor = HEIGHT - BOTTOM;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={labelled}>
      <g className="jp-Insighter-Chart-axes">
        <line x1={left} x2={WIDTH - RIGHT} y1={TOP} y2={TOP} />
        <line x1={left} x2={WIDTH - RIGHT} y1={(TOP + floor) / 2} y2={(TOP + floor) / 2} />
        <line x1={left} x2={WIDTH - RIGHT} y1={floor} y2={floor} />
        <text x={left - 4} y={TOP + 4} textAnchor="end">
          {top}
        </text>
        <text x={left - 4} y={floor + 3} textAnchor="end">
          {bottom}
        </text>
        <text x={left} y={HEIGHT - 4}>
          {formatNumber(x.low)}
        </text>
        <text x={WIDTH - RIGHT} y={HEIGHT - 4} textAnchor="end">
          {formatNumber(x.high)}
        </text>
      </g>
      {pieces.map((piece, index) =>
        piece.length === 1 ? (
          <circle
            key={index}
            className="jp-Insighter-Chart-point"
            cx={px(piece[0].x)}
            cy={py(piece[0].y)}
            r={2}
          />
        ) : (
          <polyline
            key={index}
            className="jp-Insighter-Chart-line"
            points={piece.map(point => `${px(point.x).toFixed(1)},${py(point.y).toFixed(1)}`).join(' ')}
          />
        )
      )}
    </svg>
  );
}

function extent(values: ReadonlyArray<number>): { low: number; high: number; span: number } {
  let low = values[0];
  let high = values[0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high, span: high - low || 1 };
}
