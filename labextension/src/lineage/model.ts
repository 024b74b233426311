import type { IDisposable } from '@lumino/disposable';

import { type ICentre, lineage, type LineageGraph, type LineageImpact, type LineageNode } from '../api';
import { Resource } from '../pages/resource';

/** Towards what something was made from, or towards what was made from it. */
export type Way = 'up' | 'down';

/** How many steps are shown at first, and how many nodes; what is left out is asked for node by node. */
const DEPTH = 6;
const LIMIT = 120;

/** How many nodes a click on "more" adds at most. */
const STEP = 40;

/** The graph around an asset, or of a project, as far as it was unfolded. */
export class LineageModel implements IDisposable {
  /** @param centre - null: the whole project. */
  constructor(
    readonly project: string,
    readonly centre: ICentre | null
  ) {
    this.graph = new Resource(() => this._fetch());
    this.impact = new Resource(async () => (centre ? lineage.impact(project, centre) : null));
  }

  readonly graph: Resource<LineageGraph>;
  readonly impact: Resource<LineageImpact | null>;

  get isDisposed(): boolean {
    return this.graph.isDisposed;
  }

  async refresh(): Promise<void> {
    await Promise.all([this.graph.refresh(), this.impact.refresh()]);
  }

  /** Add what lies next to a node. */
  async unfold(node: LineageNode, way: Way): Promise<void> {
    this._unfolded.set(`${node.id} ${way}`, { centre: refOf(node), way });
    await this.graph.refresh();
  }

  dispose(): void {
    this.graph.dispose();
    this.impact.dispose();
  }

  private async _fetch(): Promise<LineageGraph> {
    const { project, centre } = this;
    const parts = await Promise.all([
      lineage.graph(project, centre, { depth: DEPTH, limit: LIMIT }),
      // what was unfolded and is gone since adds nothing
      ...[...this._unfolded.values()].map(each =>
        lineage.graph(project, each.centre, { direction: each.way, depth: 1, limit: STEP }).catch(() => null)
      )
    ]);
    return merged(parts.filter(part => part !== null));
  }

  private readonly _unfolded = new Map<string, { centre: ICentre; way: Way }>();
}

/** How the API names a node's asset. */
export function refOf(node: LineageNode): ICentre {
  return { kind: node.kind, key: node.key, ...(node.version === null ? {} : { version: node.version }) };
}

/** Several parts of one graph as one; the first says what is in the middle. */
export function merged(parts: ReadonlyArray<LineageGraph>): LineageGraph {
  const [first] = parts;
  const nodes = new Map<string, LineageNode>();
  const edges = new Map<string, LineageGraph['edges'][number]>();
  const known = { up: new Map<string, number>(), down: new Map<string, number>() };
  for (const part of parts) {
    part.edges.forEach(edge => edges.set(`${edge.source} ${edge.verb} ${edge.target}`, edge));
    const ends = { up: counted(part, 'target'), down: counted(part, 'source') };
    for (const node of part.nodes) {
      nodes.set(node.id, node);
      for (const [way, more] of [
        ['up', node.more_up],
        ['down', node.more_down]
      ] as const) {
        // what is shown and what is not make the same sum in each part
        const sum = (ends[way].get(node.id) ?? 0) + more;
        known[way].set(node.id, Math.max(sum, known[way].get(node.id) ?? 0));
      }
    }
  }
  const all = { ...first, edges: [...edges.values()] };
  const ends = { up: counted(all, 'target'), down: counted(all, 'source') };
  const left = (way: Way, id: string): number =>
    Math.max(0, (known[way].get(id) ?? 0) - (ends[way].get(id) ?? 0));
  return {
    ...all,
    nodes: [...nodes.values()].map(node => ({
      ...node,
      more_up: left('up', node.id),
      more_down: left('down', node.id)
    }))
  };
}

function counted(graph: LineageGraph, end: 'source' | 'target'): Map<string, number> {
  const counts = new Map<string, number>();
  graph.edges.forEach(edge => counts.set(edge[end], (counts.get(edge[end]) ?? 0) + 1));
  return counts;
}

/** What one sees of a graph: of the ways from its middle those that are chosen. */
export function visible(graph: LineageGraph, ways: Readonly<Record<Way, boolean>>): LineageGraph {
  if (graph.centre.length === 0 || (ways.up && ways.down)) {
    return graph;
  }
  const kept = new Set(graph.centre);
  let front = [...graph.centre];
  const next = neighbours(graph);
  while (front.length > 0) {
    front = front.flatMap(id => (ways.up ? next.up : next.down).get(id) ?? []).filter(id => !kept.has(id));
    front.forEach(id => kept.add(id));
  }
  return {
    ...graph,
    nodes: graph.nodes.filter(({ id }) => kept.has(id)),
    edges: graph.edges.filter(({ source, target }) => kept.has(source) && kept.has(target))
  };
}

/** The nodes next to each node, in both directions, each of them once. */
export function neighbours(graph: LineageGraph): Record<Way, ReadonlyMap<string, string[]>> {
  const next = { up: new Map<string, string[]>(), down: new Map<string, string[]>() };
  const add = (way: Way, from: string, to: string): void => {
    const found = next[way].get(from) ?? [];
    if (!found.includes(to)) {
      next[way].set(from, [...found, to]);
    }
  };
  for (const { source, target } of graph.edges) {
    add('down', source, target);
    add('up', target, source);
  }
  return next;
}
