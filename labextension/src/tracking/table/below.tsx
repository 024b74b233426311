import * as React from 'react';

import { ErrorBoundary, useUi } from '../../components';
import { useRevision } from '../../pages/host';
import type { RunTableModel } from './model';
import { namesOf, orderBy } from './spec';

// uPlot and what draws with it come when they are looked at
const ExperimentCharts = React.lazy(() => import('../charts'));

/** Of so many selected runs there are charts. */
const DRAWN = 500;

const LEAST = 0.15;
const MOST = 0.8;

/** The charts below the table, about the runs that are selected in it or else about those that match. */
export function ChartsBelow(props: {
  model: RunTableModel;
  /** In parts of what there is for table and charts. */
  height: number;
  onHeight: (height: number) => void;
}): JSX.Element {
  const { model, height, onHeight } = props;
  const { trans } = useUi();
  const revision = useRevision();
  React.useSyncExternalStore(model.subscribe, model.snapshot);
  const { spec, selected, which } = model;
  const runs = React.useMemo(() => [...selected].slice(0, DRAWN), [selected]);
  const columns = React.useMemo(
    () => ({ metrics: namesOf(spec.columns, 'metrics'), params: namesOf(spec.columns, 'params') }),
    [spec.columns]
  );
  const order = React.useMemo(() => orderBy(spec.sort), [spec.sort]);
  const set = (to: number) => onHeight(Math.max(LEAST, Math.min(MOST, to)));

  const pull = (event: React.PointerEvent<HTMLDivElement>) => {
    const edge = event.currentTarget;
    const whole = edge.parentElement?.getBoundingClientRect();
    if (!whole) {
      return;
    }
    event.preventDefault();
    edge.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent) => set((whole.bottom - move.clientY) / whole.height);
    const onEnd = () => {
      edge.removeEventListener('pointermove', onMove);
      edge.removeEventListener('pointerup', onEnd);
      edge.removeEventListener('pointercancel', onEnd);
    };
    edge.addEventListener('pointermove', onMove);
    edge.addEventListener('pointerup', onEnd);
    edge.addEventListener('pointercancel', onEnd);
  };

  return (
    <>
      <div
        role="separator"
        aria-orientation="horizontal"
        aria-label={trans.__('Height of the charts')}
        aria-valuenow={Math.round(100 * height)}
        aria-valuemin={Math.round(100 * LEAST)}
        aria-valuemax={Math.round(100 * MOST)}
        tabIndex={0}
        className="jp-Insighter-Runs-edge"
        onPointerDown={pull}
        onKeyDown={event => {
          const step = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
          if (step) {
            event.preventDefault();
            set(height + step);
          }
        }}
      />
      <div className="jp-Insighter-Runs-charts" style={{ flexBasis: `${100 * height}%` }}>
        <ErrorBoundary>
          <React.Suspense fallback={<p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}>
            <ExperimentCharts
              project={model.project}
              experiment={model.experiment}
              runs={runs}
              selected={runs.length > 0}
              columns={columns}
              filter={model.filterError ? '' : spec.filter}
              view={which}
              orderBy={order}
              revision={revision}
            />
          </React.Suspense>
        </ErrorBoundary>
      </div>
    </>
  );
}
