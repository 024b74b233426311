import * as React from 'react';

import type { IAxis } from './axes';
import { ramp } from './colours';
import type { ITheme } from './theme';

/** Where axes and values are on a page of parallel coordinates, in pixels. */
export interface IGeometry {
  readonly width: number;
  readonly height: number;
  /** Of the axes from left to right. */
  readonly x: ReadonlyArray<number>;
  /** Of a place on an axis, from 0 to 1; null for a run without a value. */
  readonly y: (at: number | null) => number;
}

interface ILinesProps {
  axes: ReadonlyArray<IAxis>;
  geometry: IGeometry;
  /** Of each run whether it is among those chosen. */
  chosen: ReadonlyArray<boolean>;
  shade: IAxis | null;
  hover: number | null;
  theme: ITheme;
  label: string;
}

/** From so many lines on they are as thin as they can be, which is drawn several times faster. */
const MANY = 300;

/**
 * The lines of the runs in three layers, so that only what changes is drawn again: behind all of them, on it those chosen, on
 * top the one that is meant.
 */
export function Lines({ axes, geometry, chosen, shade, hover, theme, label }: ILinesProps): JSX.Element {
  const { width, height } = geometry;
  const all = chosen.every(Boolean);
  const count = chosen.length;
  const behind = useLayer(
    geometry,
    context => {
      if (all) {
        return;
      }
      context.globalAlpha = 0.35;
      context.strokeStyle = theme.grid;
      for (let index = 0; index < count; index++) {
        trace(context, axes, geometry, index);
      }
    },
    [axes, geometry, count, all, theme]
  );
  const front = useLayer(
    geometry,
    (context, pixel) => {
      context.globalAlpha = count > MANY ? 0.55 : 0.85;
      context.lineWidth = count > MANY ? pixel : 1.3;
      chosen.forEach((kept, index) => {
        if (kept) {
          const at = shade?.places[index] ?? null;
          context.strokeStyle = at === null ? theme.text : ramp(at, theme.dark);
          trace(context, axes, geometry, index);
        }
      });
    },
    [axes, geometry, chosen, shade, theme]
  );
  const top = useLayer(
    geometry,
    context => {
      if (hover !== null && hover < count) {
        context.lineWidth = 3;
        context.strokeStyle = theme.accent;
        trace(context, axes, geometry, hover);
      }
    },
    [axes, geometry, hover, count, theme]
  );
  const style = { width, height };
  return (
    <div role="img" aria-label={label}>
      <canvas ref={behind} style={style} />
      <canvas ref={front} style={style} />
      <canvas ref={top} style={style} />
    </div>
  );
}

/** A canvas that is drawn when what it shows changes. `pixel` is the width of the thinnest line there is. */
function useLayer(
  { width, height }: IGeometry,
  draw: (context: CanvasRenderingContext2D, pixel: number) => void,
  changes: React.DependencyList
): React.RefObject<HTMLCanvasElement> {
  const canvas = React.useRef<HTMLCanvasElement>(null);
  React.useLayoutEffect(() => {
    const node = canvas.current;
    const context = node?.getContext('2d');
    if (!node || !context || width === 0 || height === 0) {
      return;
    }
    const ratio = window.devicePixelRatio || 1;
    node.width = width * ratio;
    node.height = height * ratio;
    context.scale(ratio, ratio);
    context.lineWidth = 1 / ratio;
    draw(context, 1 / ratio);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what the drawing shows is said by who draws
  }, changes);
  return canvas;
}

function trace(
  context: CanvasRenderingContext2D,
  axes: ReadonlyArray<IAxis>,
  { x, y }: IGeometry,
  run: number
): void {
  context.beginPath();
  axes.forEach(({ places }, index) => {
    const top = y(places[run] ?? null);
    if (index === 0) {
      context.moveTo(x[index], top);
    } else {
      context.lineTo(x[index], top);
    }
  });
  context.stroke();
}

/** The run whose line is nearest to a place, within a few pixels; null where none is. */
export function nearestLine(
  axes: ReadonlyArray<IAxis>,
  chosen: ReadonlyArray<boolean>,
  { x, y }: IGeometry,
  left: number,
  top: number
): number | null {
  const after = x.findIndex(at => at >= left);
  if (after <= 0) {
    return null;
  }
  const share = (left - x[after - 1]) / (x[after] - x[after - 1]);
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
