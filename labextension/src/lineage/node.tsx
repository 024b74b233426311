import { launcherIcon } from '@jupyterlab/ui-components';
import { Handle, type Node, type NodeProps, Position } from '@xyflow/react';
import * as React from 'react';

import type { LineageNode } from '../api';
import { StatusDot } from '../components';
import { useHost } from '../pages/host';
import type { Way } from './model';
import { sentenceOf, statusOf } from './words';

/** What the nodes of the drawing share: what is chosen, and what a node can have done. */
export interface IDrawing {
  readonly chosen: string | null;
  /** The one node that the Tab key stops at. */
  readonly stop: string | null;
  readonly choose: (id: string) => void;
  readonly focused: (id: string) => void;
  readonly unfold: (node: LineageNode, way: Way) => void;
}

export const DrawingContext = React.createContext<IDrawing | null>(null);

export type AssetNode = Node<{ node: LineageNode; centre: boolean }, 'asset'>;

/** An asset in the drawing: icon, name, version, status, and how many more there are on either side. */
export function AssetNodeView({ data }: NodeProps<AssetNode>): JSX.Element {
  const { trans, assets } = useHost();
  const drawing = React.useContext(DrawingContext);
  const { node, centre } = data;
  const kind = assets.kind(node.kind);
  const icon = kind?.icon ?? launcherIcon;
  const status = statusOf(node, trans);
  const classes = [
    'jp-Insighter-LineageNode',
    centre ? 'jp-mod-centre' : '',
    node.deleted ? 'jp-mod-deleted' : '',
    drawing?.chosen === node.id ? 'jp-mod-chosen' : ''
  ];
  return (
    <div className={classes.filter(Boolean).join(' ')}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        className="jp-Insighter-LineageNode-main"
        data-node={node.id}
        tabIndex={drawing?.stop === node.id ? 0 : -1}
        aria-label={sentenceOf(node, assets, trans)}
        aria-pressed={drawing?.chosen === node.id}
        aria-current={centre || undefined}
        title={node.name}
        onClick={() => drawing?.choose(node.id)}
        onFocus={() => drawing?.focused(node.id)}
      >
        <icon.react tag="span" className="jp-Insighter-LineageNode-icon" elementSize="normal" />
        <span className="jp-Insighter-LineageNode-name">{node.name}</span>
        {node.version !== null && <span className="jp-Insighter-LineageNode-version">v{node.version}</span>}
        <span className="jp-Insighter-LineageNode-facts">
          <span>{kind?.label ?? node.kind}</span>
          {status ? (
            <StatusDot condition={status.condition} word={status.word} />
          ) : (
            node.status && <span>{node.status}</span>
          )}
          {node.stale && !node.deleted && <span>{trans.__('v%1 is newer', node.newest)}</span>}
        </span>
      </button>
      {node.more_up > 0 && <More node={node} way="up" />}
      {node.more_down > 0 && <More node={node} way="down" />}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function More({ node, way }: { node: LineageNode; way: Way }): JSX.Element {
  const { trans } = useHost();
  const drawing = React.useContext(DrawingContext);
  const count = way === 'up' ? node.more_up : node.more_down;
  const label =
    way === 'up'
      ? trans.__('Show more of what %1 was made from', node.name)
      : trans.__('Show more of what was made from %1', node.name);
  return (
    <button
      type="button"
      className="jp-Insighter-LineageNode-more"
      data-way={way}
      tabIndex={drawing?.stop === node.id ? 0 : -1}
      aria-label={label}
      title={label}
      onClick={() => drawing?.unfold(node, way)}
    >
      +{count >= 100 ? '99…' : count}
    </button>
  );
}
