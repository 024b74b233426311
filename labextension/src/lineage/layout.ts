import { Graph, layout } from '@dagrejs/dagre';

import type { LineageGraph } from '../api';

/** How large a node is drawn, in pixels. */
export const WIDTH = 176;
export const HEIGHT = 56;

const BETWEEN_COLUMNS = 88;
const BETWEEN_ROWS = 22;

/** Where the upper left corner of a node is. */
export interface IPoint {
  readonly x: number;
  readonly y: number;
}

/**
 * Places for all nodes, from left to right.
 *
 * What has a place keeps it, so that nothing jumps under the pointer; what is new comes next to what it is tied to.
 */
export function arranged(graph: LineageGraph, before: ReadonlyMap<string, IPoint>): Map<string, IPoint> {
  const ideal = laidOut(graph);
  const kept = graph.nodes.filter(({ id }) => before.has(id));
  // hardly anything of what was there is left: it is another picture
  if (kept.length * 2 < before.size || kept.length === 0) {
    return ideal;
  }
  const places = new Map<string, IPoint>();
  kept.forEach(({ id }) => places.set(id, before.get(id) as IPoint));
  const taken = [...places.values()];
  let left = graph.nodes.filter(({ id }) => !places.has(id));
  while (left.length > 0) {
    const later: typeof left = [];
    for (const node of left) {
      const tied = graph.edges.find(
        ({ source, target }) =>
          (source === node.id && places.has(target)) || (target === node.id && places.has(source))
      );
      const anchor = tied && places.get(tied.source === node.id ? tied.target : tied.source);
      if (!tied || !anchor) {
        later.push(node);
        continue;
      }
      const x = anchor.x + (tied.source === node.id ? -1 : 1) * (WIDTH + BETWEEN_COLUMNS);
      const place = free({ x, y: anchor.y }, taken);
      places.set(node.id, place);
      taken.push(place);
    }
    if (later.length === left.length) {
      // tied to nothing that is shown: below everything
      for (const node of later) {
        const place = free(ideal.get(node.id) ?? { x: 0, y: 0 }, taken);
        places.set(node.id, place);
        taken.push(place);
      }
      break;
    }
    left = later;
  }
  return places;
}

function laidOut(graph: LineageGraph): Map<string, IPoint> {
  const drawing = new Graph();
  drawing.setGraph({ rankdir: 'LR', nodesep: BETWEEN_ROWS, ranksep: BETWEEN_COLUMNS });
  drawing.setDefaultEdgeLabel(() => ({}));
  graph.nodes.forEach(({ id }) => drawing.setNode(id, { width: WIDTH, height: HEIGHT }));
  graph.edges.forEach(({ source, target }) => drawing.setEdge(source, target));
  layout(drawing);
  return new Map(
    graph.nodes.map(({ id }) => {
      const { x = 0, y = 0 } = drawing.node(id) as { x?: number; y?: number };
      return [id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    })
  );
}

/** The place nearest below where nothing else is. */
function free(wanted: IPoint, taken: ReadonlyArray<IPoint>): IPoint {
  let { y } = wanted;
  for (;;) {
    const inTheWay = taken.find(
      other => Math.abs(other.x - wanted.x) < WIDTH && Math.abs(other.y - y) < HEIGHT + BETWEEN_ROWS / 2
    );
    if (!inTheWay) {
      return { x: wanted.x, y };
    }
    y = inTheWay.y + HEIGHT + BETWEEN_ROWS;
  }
}
