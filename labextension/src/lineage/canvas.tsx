import '@xyflow/react/dist/base.css';

import {
  Controls,
  type Edge,
  MarkerType,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useNodesInitialized,
  useReactFlow
} from '@xyflow/react';
import * as React from 'react';

import type { LineageGraph, LineageNode } from '../api';
import { useHost } from '../pages/host';
import { arranged, HEIGHT, type IPoint, WIDTH } from './layout';
import { neighbours, type Way } from './model';
import { type AssetNode, AssetNodeView, DrawingContext, type IDrawing } from './node';
import { shortVerbOf, verbOf } from './words';

const NODE_TYPES = { asset: AssetNodeView };

/** From how many nodes on a small map is of use. */
const LARGE = 40;

/** Room around the graph when all of it is shown, and how large its nodes get at most. */
const FIT = { padding: 0.06, maxZoom: 1, minZoom: 0.2 };

/** Smaller than that nobody reads it: then the middle is shown, and not all. */
const READABLE = 0.65;

interface ICanvasProps {
  graph: LineageGraph;
  chosen: string | null;
  onChoose: (id: string | null) => void;
  onOpen: (node: LineageNode) => void;
  onUnfold: (node: LineageNode, way: Way) => void;
}

/** The graph as a drawing, from left to right. */
export function Canvas(props: ICanvasProps): JSX.Element {
  return (
    <ReactFlowProvider>
      <Drawing {...props} />
    </ReactFlowProvider>
  );
}

function Drawing({ graph, chosen, onChoose, onOpen, onUnfold }: ICanvasProps): JSX.Element {
  const { trans } = useHost();
  const flow = useReactFlow();
  const frame = React.useRef<HTMLDivElement>(null);
  const places = React.useRef<Map<string, IPoint>>(new Map());
  const [last, setLast] = React.useState<string | null>(null);

  const nodes = React.useMemo<AssetNode[]>(() => {
    places.current = arranged(graph, places.current);
    return graph.nodes.map(node => ({
      id: node.id,
      type: 'asset',
      position: places.current.get(node.id) ?? { x: 0, y: 0 },
      width: WIDTH,
      height: HEIGHT,
      data: { node, centre: graph.centre.includes(node.id) }
    }));
  }, [graph]);

  const edges = React.useMemo<Edge[]>(
    () =>
      graph.edges.map(({ source, target, verb }) => {
        const marked = chosen === source || chosen === target;
        return {
          id: `${source} ${verb} ${target}`,
          source,
          target,
          className: marked ? 'jp-mod-chosen' : undefined,
          label: marked ? shortVerbOf(verb, trans) : undefined,
          ariaLabel: verbOf(verb, trans),
          markerEnd: { type: MarkerType.ArrowClosed, color: 'var(--jp-ui-font-color3)' }
        };
      }),
    [graph, chosen, trans]
  );

  const stop = graph.nodes.some(({ id }) => id === last)
    ? last
    : (graph.centre[0] ?? graph.nodes[0]?.id ?? null);

  /** Bring a node into sight, if it is not. */
  const reveal = React.useCallback(
    (id: string) => {
      const place = places.current.get(id);
      const box = frame.current?.getBoundingClientRect();
      if (!place || !box) {
        return;
      }
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [place.x * zoom + x, place.y * zoom + y];
      if (left < 0 || top < 0 || left + WIDTH * zoom > box.width || top + HEIGHT * zoom > box.height) {
        void flow.setCenter(place.x + WIDTH / 2, place.y + HEIGHT / 2, { zoom, duration: 150 });
      }
    },
    [flow]
  );

  // what is told of a chosen node takes room from the drawing
  React.useEffect(() => {
    const later = chosen === null ? 0 : window.setTimeout(() => reveal(chosen), 50);
    return () => window.clearTimeout(later);
  }, [chosen, reveal]);

  const drawing = React.useMemo<IDrawing>(
    () => ({
      chosen,
      stop,
      choose: onChoose,
      unfold: onUnfold,
      focused: id => {
        setLast(id);
        reveal(id);
      }
    }),
    [chosen, stop, onChoose, onUnfold, reveal]
  );

  const onKeyDown = (event: React.KeyboardEvent) => {
    const id = (event.target as HTMLElement).dataset['node'];
    const here = id === undefined ? undefined : places.current.get(id);
    if (id === undefined || !here || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    if (event.key === 'Escape' && chosen !== null) {
      event.preventDefault();
      event.stopPropagation();
      onChoose(null);
      return;
    }
    if (event.key === 'Enter') {
      const node = graph.nodes.find(each => each.id === id);
      event.preventDefault();
      if (node && !node.deleted) {
        onOpen(node);
      }
      return;
    }
    const goal = next(event.key, id, here, graph, places.current);
    if (goal !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      frame.current
        ?.querySelector<HTMLElement>(`[data-node="${CSS.escape(goal)}"]`)
        ?.focus({ preventScroll: true });
    }
  };

  return (
    <DrawingContext.Provider value={drawing}>
      <div
        ref={frame}
        className="jp-Insighter-Lineage-canvas"
        role="group"
        aria-label={trans.__('Lineage: arrow keys go along it, Enter opens, Space tells more')}
        onKeyDown={onKeyDown}
      >
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          minZoom={FIT.minZoom}
          maxZoom={1.5}
          fitView
          fitViewOptions={FIT}
          proOptions={{ hideAttribution: true }}
          onPaneClick={() => onChoose(null)}
          ariaLabelConfig={{
            'controls.ariaLabel': trans.__('Zoom'),
            'controls.zoomIn.ariaLabel': trans.__('Zoom in'),
            'controls.zoomOut.ariaLabel': trans.__('Zoom out'),
            'controls.fitView.ariaLabel': trans.__('Show all of it'),
            'minimap.ariaLabel': trans.__('Small map')
          }}
        >
          <Refit centre={graph.centre} />
          <Controls showInteractive={false} fitViewOptions={FIT} />
          {graph.nodes.length > LARGE && <MiniMap pannable zoomable />}
        </ReactFlow>
      </div>
    </DrawingContext.Provider>
  );
}

/** Shows all of the graph, or of a large one its middle, when another asset is in it. */
function Refit({ centre }: { centre: ReadonlyArray<string> }): null {
  const flow = useReactFlow();
  const ready = useNodesInitialized();
  const key = centre.join(' ');
  React.useEffect(() => {
    if (!ready) {
      return;
    }
    void flow.fitView(FIT).then(() => {
      const middle = key ? flow.getNode(key.split(' ')[0]) : undefined;
      if (middle && flow.getZoom() < READABLE) {
        void flow.setCenter(middle.position.x + WIDTH / 2, middle.position.y + HEIGHT / 2, { zoom: 0.8 });
      }
    });
  }, [key, ready, flow]);
  return null;
}

/** Where an arrow key leads: right and left along the edges, up and down to what is drawn there. */
function next(
  key: string,
  id: string,
  here: IPoint,
  graph: LineageGraph,
  places: ReadonlyMap<string, IPoint>
): string | undefined {
  const distance = (other: string): number => Math.abs((places.get(other)?.y ?? 0) - here.y);
  if (key === 'ArrowRight' || key === 'ArrowLeft') {
    const ways = neighbours(graph)[key === 'ArrowRight' ? 'down' : 'up'].get(id) ?? [];
    return [...ways].sort((one, other) => distance(one) - distance(other))[0];
  }
  if (key === 'ArrowDown' || key === 'ArrowUp') {
    const sign = key === 'ArrowDown' ? 1 : -1;
    return graph.nodes
      .map(node => node.id)
      .filter(other => {
        const place = places.get(other);
        return place && sign * (place.y - here.y) > 1 && Math.abs(place.x - here.x) < WIDTH;
      })
      .sort((one, other) => distance(one) - distance(other))[0];
  }
  return undefined;
}
