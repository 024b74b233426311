import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ICentre, LineageGraph, LineageNode } from '../api';
import { Button, EmptyState, ErrorNote, IconButton, RelativeTime, StatusDot } from '../components';
import { useHost, useRevision } from '../pages/host';
import { useResource } from '../pages/resource';
import { Canvas } from './canvas';
import { Impact } from './impact';
import { LineageModel, refOf, visible, type Way } from './model';
import { Twin } from './twin';
import { sentenceOf, statusOf, titleOf } from './words';

interface IViewProps {
  project: string;
  /** null: the whole project. */
  asset: ICentre | null;
}

type Form = 'graph' | 'list';

/** The lineage of an asset, or of a project: as a drawing and in words. */
export function LineageView({ project, asset }: IViewProps): JSX.Element {
  const { trans, assets } = useHost();
  const revision = useRevision();
  // from the asset that was asked for one goes on to others, and back
  const [path, setPath] = React.useState<ReadonlyArray<LineageNode>>([]);
  const [ways, setWays] = React.useState<Record<Way, boolean>>({ up: true, down: true });
  const [form, setForm] = React.useState<Form>('graph');
  const goal = path.length > 0 ? refOf(path[path.length - 1]) : asset;
  const key = goal ? `${goal.kind}/${goal.key}/${goal.version ?? ''}` : '';
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const model = React.useMemo(() => new LineageModel(project, goal), [project, key]);
  React.useEffect(() => () => model.dispose(), [model]);
  React.useEffect(() => {
    void model.refresh();
  }, [model, revision]);
  const { value, error } = useResource(model.graph);
  const impact = useResource(model.impact).value;
  const graph = useSame(value);
  const empty = graph !== null && graph.edges.length === 0;
  const shown = React.useMemo(() => (graph ? visible(graph, ways) : null), [graph, ways]);

  const toggle = (way: Way) => {
    const other = way === 'up' ? 'down' : 'up';
    // one of the two is always shown
    setWays(now => (now[way] && !now[other] ? now : { ...now, [way]: !now[way] }));
  };
  return (
    <div className="jp-Insighter-Lineage">
      <div className="jp-Insighter-Lineage-bar">
        {path.length > 0 && (
          <Button onClick={() => setPath(path.slice(0, -1))}>
            {path.length > 1
              ? trans.__('Back to %1', titleOf(path[path.length - 2]))
              : asset
                ? trans.__('Back')
                : trans.__('Back to the project')}
          </Button>
        )}
        {goal && !empty && (
          <div role="group" aria-label={trans.__('Directions')} className="jp-Insighter-Toggles">
            <Toggle on={ways.up} onClick={() => toggle('up')} label={trans.__('Made from')} />
            <Toggle on={ways.down} onClick={() => toggle('down')} label={trans.__('Used by')} />
          </div>
        )}
        {!empty && (
          <div role="group" aria-label={trans.__('Shown as')} className="jp-Insighter-Toggles">
            <Toggle on={form === 'graph'} onClick={() => setForm('graph')} label={trans.__('Graph')} />
            <Toggle on={form === 'list'} onClick={() => setForm('list')} label={trans.__('List')} />
          </div>
        )}
        {goal && impact && <Impact impact={impact} assets={assets} />}
      </div>
      {error && <ErrorNote error={error} onRetry={() => void model.refresh()} />}
      {!shown ? (
        !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
      ) : empty ? (
        <Nothing kind={goal?.kind ?? null} name={goal?.key ?? ''} />
      ) : (
        <>
          {graph?.more && (
            <p className="jp-Insighter-Quiet">
              {goal
                ? trans.__(
                    'There is more than fits here: the numbers at the nodes show what lies behind them.'
                  )
                : trans.__('There is more than fits here: shown is what was tied last.')}
            </p>
          )}
          <Shown
            key={form}
            form={form}
            graph={shown}
            project={project}
            ways={ways}
            onUnfold={(node, way) => void model.unfold(node, way)}
            onCentre={node => setPath([...path, node])}
          />
        </>
      )}
    </div>
  );
}

interface IShownProps {
  form: Form;
  graph: LineageGraph;
  project: string;
  ways: Readonly<Record<Way, boolean>>;
  onUnfold: (node: LineageNode, way: Way) => void;
  onCentre: (node: LineageNode) => void;
}

function Shown({ form, graph, project, ways, onUnfold, onCentre }: IShownProps): JSX.Element {
  const { assets } = useHost();
  const [chosen, setChosen] = React.useState<string | null>(null);
  const node = graph.nodes.find(({ id }) => id === chosen);
  const open = React.useCallback(
    ({ kind, key, name }: LineageNode) => void assets.open({ project, kind, key }, name),
    [assets, project]
  );
  if (form === 'list') {
    return <Twin graph={graph} ways={ways} onOpen={open} onUnfold={onUnfold} />;
  }
  return (
    <div className="jp-Insighter-Lineage-stage">
      <Canvas
        graph={graph}
        chosen={node ? node.id : null}
        onChoose={setChosen}
        onOpen={open}
        onUnfold={onUnfold}
      />
      {node && (
        <Details
          node={node}
          centre={graph.centre.includes(node.id) && graph.centre.length === 1}
          onOpen={() => open(node)}
          onCentre={() => {
            setChosen(null);
            onCentre(node);
          }}
          onClose={() => setChosen(null)}
        />
      )}
    </div>
  );
}

interface IDetailsProps {
  node: LineageNode;
  centre: boolean;
  onOpen: () => void;
  onCentre: () => void;
  onClose: () => void;
}

function Details({ node, centre, onOpen, onCentre, onClose }: IDetailsProps): JSX.Element {
  const { trans, assets } = useHost();
  const kind = assets.kind(node.kind);
  const status = statusOf(node, trans);
  return (
    <aside className="jp-Insighter-Lineage-details" aria-label={sentenceOf(node, assets, trans)}>
      <header>
        <h2>{titleOf(node)}</h2>
        <IconButton icon={closeIcon} label={trans.__('Close')} onClick={onClose} />
      </header>
      <ul className="jp-Insighter-Summary">
        <li>{kind?.label ?? node.kind}</li>
        {status && (
          <li>
            <StatusDot condition={status.condition} word={status.word} />
          </li>
        )}
        {!status && node.status && <li>{node.status}</li>}
      </ul>
      <p>
        {node.created_by ? trans.__('by %1', node.created_by) : ''} <RelativeTime time={node.created_at} />
      </p>
      {node.stale && !node.deleted && (
        <p>
          {trans.__(
            'There is a newer version: v%1. What was made from this one does not know it.',
            node.newest
          )}
        </p>
      )}
      <div className="jp-Insighter-Buttons">
        {kind && !node.deleted && (
          <Button primary onClick={onOpen}>
            {trans.__('Open')}
          </Button>
        )}
        {!centre && <Button onClick={onCentre}>{trans.__('Show its lineage')}</Button>}
      </div>
    </aside>
  );
}

/** How an asset of a kind comes by its lineage: a sentence, and a line of code. */
function Nothing({ kind, name }: { kind: string | null; name: string }): JSX.Element {
  const { trans } = useHost();
  const quoted = JSON.stringify(name);
  if (kind === 'dataset') {
    return (
      <EmptyState
        text={trans.__(
          'Nobody knows yet what this was made from, or what for. A run that reads it is tied to it:'
        )}
        code={`with mlflow.start_run(): frame = ix.datasets.load(${quoted})`}
      />
    );
  }
  if (kind === 'run') {
    return (
      <EmptyState
        text={trans.__(
          'This run is tied to nothing. Load a dataset inside of it, and it is known what it read:'
        )}
        code='with mlflow.start_run(): frame = ix.datasets.load("wine")'
      />
    );
  }
  if (kind === 'model') {
    return (
      <EmptyState
        text={trans.__(
          'Nobody knows which run made this model. One that is registered from a run is tied to it:'
        )}
        code={`ix.models.register(${quoted}, run="forest")`}
      />
    );
  }
  return (
    <EmptyState
      text={trans.__(
        'Nothing is tied together here yet. A run that loads a dataset and registers a model ties all three:'
      )}
      code='with mlflow.start_run(): frame = ix.datasets.load("wine")'
    />
  );
}

function Toggle(props: { on: boolean; label: string; onClick: () => void }): JSX.Element {
  return (
    <button type="button" className="jp-Insighter-Toggle" aria-pressed={props.on} onClick={props.onClick}>
      {props.label}
    </button>
  );
}

/** The same object as long as the graph is the same: what is asked again and has not changed is not drawn again. */
function useSame(value: LineageGraph | null): LineageGraph | null {
  const last = React.useRef<{ text: string; value: LineageGraph | null }>({ text: '', value: null });
  return React.useMemo(() => {
    const text = JSON.stringify(value);
    if (text !== last.current.text) {
      last.current = { text, value };
    }
    return last.current.value;
  }, [value]);
}
