import * as React from 'react';

import type { LineageGraph, LineageNode } from '../api';
import { StatusDot } from '../components';
import { useHost } from '../pages/host';
import { neighbours, type Way } from './model';
import { statusOf, titleOf, verbOf } from './words';

interface ITwinProps {
  graph: LineageGraph;
  ways: Readonly<Record<Way, boolean>>;
  onOpen: (node: LineageNode) => void;
  onUnfold: (node: LineageNode, way: Way) => void;
}

/** The same graph in words: two trees around an asset, a table of a whole project. */
export function Twin(props: ITwinProps): JSX.Element {
  const { trans } = useHost();
  const { graph, ways } = props;
  if (graph.centre.length === 0) {
    return <EdgeTable {...props} />;
  }
  return (
    <div className="jp-Insighter-Scroll jp-Insighter-LineageList" tabIndex={0}>
      {ways.up && (
        <Tree {...props} way="up" title={trans.__('Made from')} none={trans.__('Nothing that is known.')} />
      )}
      {ways.down && (
        <Tree {...props} way="down" title={trans.__('Used by')} none={trans.__('Nothing yet.')} />
      )}
    </div>
  );
}

function Tree(props: ITwinProps & { way: Way; title: string; none: string }): JSX.Element {
  const { graph, way, title, none } = props;
  const heading = React.useId();
  const next = React.useMemo(() => neighbours(graph)[way], [graph, way]);
  const empty = graph.centre.every(id => (next.get(id) ?? []).length === 0);
  const several = graph.centre.length > 1;
  // what is named twice is unfolded once
  const shown = new Set(graph.centre);
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>{title}</h2>
      {empty ? (
        <p>{none}</p>
      ) : several ? (
        <ul>
          {graph.centre.map(id => (
            <Branch key={id} {...props} id={id} next={next} shown={shown} />
          ))}
        </ul>
      ) : (
        <Branches {...props} id={graph.centre[0]} next={next} shown={shown} />
      )}
    </section>
  );
}

interface IBranchProps extends ITwinProps {
  way: Way;
  id: string;
  next: ReadonlyMap<string, string[]>;
  shown: Set<string>;
}

function Branches(props: IBranchProps): JSX.Element | null {
  const { trans } = useHost();
  const { graph, way, id, next, shown, onUnfold } = props;
  const node = graph.nodes.find(each => each.id === id);
  const below = (next.get(id) ?? []).map(other => {
    const again = shown.has(other);
    shown.add(other);
    return { other, again };
  });
  const more = node ? (way === 'up' ? node.more_up : node.more_down) : 0;
  if (below.length === 0 && more === 0) {
    return null;
  }
  return (
    <ul>
      {below.map(({ other, again }) => (
        <Branch key={other} {...props} id={other} again={again} />
      ))}
      {node && more > 0 && (
        <li>
          <button type="button" className="jp-Insighter-Link" onClick={() => onUnfold(node, way)}>
            {more >= 100 ? trans.__('Show more (100 or more)') : trans.__('Show more (%1)', more)}
          </button>
        </li>
      )}
    </ul>
  );
}

function Branch(props: IBranchProps & { again?: boolean }): JSX.Element | null {
  const { trans } = useHost();
  const { graph, id, next, again, onOpen } = props;
  const node = graph.nodes.find(each => each.id === id);
  if (!node) {
    return null;
  }
  return (
    <li>
      <Name node={node} onOpen={onOpen} />
      {again && (next.get(id) ?? []).length > 0 ? (
        <span className="jp-Insighter-Quiet"> {trans.__('(see above)')}</span>
      ) : (
        <Branches {...props} />
      )}
    </li>
  );
}

function Name({ node, onOpen }: { node: LineageNode; onOpen: (node: LineageNode) => void }): JSX.Element {
  const { trans, assets } = useHost();
  const kind = assets.kind(node.kind);
  const status = statusOf(node, trans);
  return (
    <span className="jp-Insighter-LineageList-name">
      {kind && <kind.icon.react tag="span" elementSize="normal" />}
      <span className="jp-Insighter-Quiet">{kind?.label ?? node.kind}</span>
      {node.deleted || !kind ? (
        <span>{titleOf(node)}</span>
      ) : (
        <button type="button" className="jp-Insighter-Link" onClick={() => onOpen(node)}>
          {titleOf(node)}
        </button>
      )}
      {status ? <StatusDot condition={status.condition} word={status.word} /> : node.status}
      {node.stale && !node.deleted && (
        <span className="jp-Insighter-Quiet">{trans.__('v%1 is newer', node.newest)}</span>
      )}
    </span>
  );
}

function EdgeTable({ graph, onOpen }: ITwinProps): JSX.Element {
  const { trans } = useHost();
  const nodes = React.useMemo(() => new Map(graph.nodes.map(node => [node.id, node])), [graph]);
  return (
    <div className="jp-Insighter-Scroll" tabIndex={0}>
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('From')}</th>
            <th scope="col">{trans.__('What was done')}</th>
            <th scope="col">{trans.__('To')}</th>
          </tr>
        </thead>
        <tbody>
          {graph.edges.map(({ source, target, verb }) => {
            const [from, to] = [nodes.get(source), nodes.get(target)];
            return (
              from &&
              to && (
                <tr key={`${source} ${verb} ${target}`}>
                  <td>
                    <Name node={from} onOpen={onOpen} />
                  </td>
                  <td>{verbOf(verb, trans)}</td>
                  <td>
                    <Name node={to} onOpen={onOpen} />
                  </td>
                </tr>
              )
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
