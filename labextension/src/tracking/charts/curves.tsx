import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import {
  Button,
  EmptyState,
  ErrorNote,
  formatMetric,
  formatNumber,
  IconButton,
  useUi
} from '../../components';
import { zoomIcon } from './icons';
import { colourBook, type IStroke } from './colours';
import { type ILook, LookControls, useLook } from './controls';
import { CurvesModel } from './model';
import { type IPlotted, Plot } from './plot';
import { type ISeries, line, smooth, summarize } from './series';
import { type ITheme, useTheme } from './theme';

/** A run whose curves are drawn. */
export interface ICurvedRun {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly started_at: string | null;
}

interface ICurvesProps {
  project: string;
  runs: ReadonlyArray<ICurvedRun>;
  /** Metrics that any of them has, in the order of their charts. */
  keys: ReadonlyArray<string>;
}

/** Charts that are drawn at first, and by "more" each. */
const PAGE = 12;

/** Runs in a legend before it is folded. */
const LEGEND = 24;

/** The curves of runs, a chart for each metric. They grow while a run goes on. */
export function Curves({ project, runs, keys }: ICurvesProps): JSX.Element {
  const { trans } = useUi();
  const theme = useTheme();
  const group = React.useId();
  const [look, setLook] = useLook();
  const [find, setFind] = React.useState('');
  const [count, setCount] = React.useState(PAGE);
  const [large, setLarge] = React.useState<string | null>(null);
  const [hidden, setHidden] = React.useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = React.useState<string | null>(null);
  const place = React.useRef<HTMLElement>(null);

  const found = React.useMemo(() => {
    const words = find.toLowerCase().split(/\s+/).filter(Boolean);
    return keys.filter(key => words.every(word => key.toLowerCase().includes(word)));
  }, [keys, find]);
  const shown = found.slice(0, count);

  const model = React.useMemo(() => new CurvesModel(project), [project]);
  React.useEffect(() => {
    model.visible = () => (place.current?.offsetParent ?? null) !== null;
    return () => model.dispose();
  }, [model]);
  const revision = React.useSyncExternalStore(model.subscribe, model.snapshot);
  const ids = runs.map(({ id }) => id).join(' ');
  const live = runs
    .filter(({ status }) => status === 'RUNNING')
    .map(({ id }) => id)
    .join(' ');
  const shownKeys = JSON.stringify(shown);
  React.useEffect(() => {
    model.show(ids ? ids.split(' ') : [], JSON.parse(shownKeys) as string[], new Set(live.split(' ')));
  }, [model, ids, live, shownKeys]);

  const strokes = React.useMemo(
    () => colourBook.strokes(ids ? ids.split(' ') : [], theme.dark),
    [ids, theme.dark]
  );
  const toggle = (id: string) => {
    const next = new Set(hidden);
    if (!next.delete(id)) {
      next.add(id);
    }
    setHidden(next);
  };

  if (keys.length === 0) {
    return (
      <EmptyState
        text={trans.__('No metrics yet: a curve appears with the first value.')}
        code='mlflow.log_metric("loss", 0.21, step=1)'
      />
    );
  }
  const { error } = model;
  return (
    <section ref={place} className="jp-Insighter-Curves" aria-label={trans.__('Curves')}>
      <div className="jp-Insighter-Controls">
        {keys.length > 4 && (
          <label className="jp-Insighter-Control">
            <searchIcon.react tag="span" width="14px" title={trans.__('Find metrics')} />
            <input
              className="jp-Insighter-Control-text"
              type="search"
              placeholder={trans.__('Find metrics')}
              aria-label={trans.__('Find metrics')}
              value={find}
              onChange={event => {
                setFind(event.target.value);
                setCount(PAGE);
              }}
            />
          </label>
        )}
        <LookControls look={look} onChange={setLook} />
        {live && <span className="jp-Insighter-Live">{trans.__('live')}</span>}
      </div>
      {runs.length > 1 && (
        <Legend
          runs={runs}
          strokes={strokes}
          hidden={hidden}
          onToggle={toggle}
          onAll={() => setHidden(new Set(hidden.size > 0 ? [] : runs.map(({ id }) => id)))}
          onFocus={setFocus}
        />
      )}
      {error && <ErrorNote error={error} onRetry={() => void model.refresh()} />}
      {shown.length === 0 && <p className="jp-Insighter-Quiet">{trans.__('No metric is called so.')}</p>}
      <div className="jp-Insighter-Charts">
        {shown.map(key => (
          <Chart
            key={key}
            name={key}
            model={model}
            revision={revision}
            runs={runs}
            hidden={hidden}
            strokes={strokes}
            look={look}
            theme={theme}
            group={group}
            focus={focus}
            large={large === key}
            onLarge={() => setLarge(large === key ? null : key)}
          />
        ))}
      </div>
      {found.length > shown.length && (
        <Button onClick={() => setCount(count + PAGE)}>
          {trans.__(
            'Show %1 more of %2 curves',
            formatNumber(Math.min(PAGE, found.length - shown.length)),
            formatNumber(found.length)
          )}
        </Button>
      )}
      <Twin model={model} revision={revision} runs={runs} keys={shown} />
    </section>
  );
}

interface ILegendProps {
  runs: ReadonlyArray<ICurvedRun>;
  strokes: ReadonlyMap<string, IStroke>;
  hidden: ReadonlySet<string>;
  onToggle: (id: string) => void;
  onAll: () => void;
  onFocus: (id: string | null) => void;
}

/** The runs with their colours; each is switched off and on. */
function Legend({ runs, strokes, hidden, onToggle, onAll, onFocus }: ILegendProps): JSX.Element {
  const { trans } = useUi();
  const [all, setAll] = React.useState(false);
  const listed = all ? runs : runs.slice(0, LEGEND);
  return (
    <ul className="jp-Insighter-Legend" aria-label={trans.__('Runs')}>
      {listed.map(({ id, name }) => (
        <li key={id}>
          <button
            type="button"
            aria-pressed={!hidden.has(id)}
            title={hidden.has(id) ? trans.__('Show this run') : trans.__('Hide this run')}
            onClick={() => onToggle(id)}
            onPointerEnter={() => onFocus(id)}
            onPointerLeave={() => onFocus(null)}
            onFocus={() => onFocus(id)}
            onBlur={() => onFocus(null)}
          >
            <Swatch stroke={strokes.get(id)} />
            {name || id.slice(0, 8)}
          </button>
        </li>
      ))}
      {runs.length > listed.length && (
        <li>
          <button type="button" className="jp-Insighter-Link" onClick={() => setAll(true)}>
            {trans.__('%1 more', runs.length - listed.length)}
          </button>
        </li>
      )}
      <li>
        <button type="button" className="jp-Insighter-Link" onClick={onAll}>
          {hidden.size > 0 ? trans.__('Show all') : trans.__('Hide all')}
        </button>
      </li>
    </ul>
  );
}

/** A short piece of a run's line. */
export function Swatch({ stroke }: { stroke: IStroke | undefined }): JSX.Element {
  return (
    <svg className="jp-Insighter-Swatch" width="18" height="8" aria-hidden="true">
      <line
        x1="0"
        x2="18"
        y1="4"
        y2="4"
        stroke={stroke?.colour}
        strokeWidth="3"
        strokeDasharray={stroke?.dash.join(' ') || undefined}
      />
    </svg>
  );
}

interface IChartProps {
  name: string;
  model: CurvesModel;
  revision: number;
  runs: ReadonlyArray<ICurvedRun>;
  hidden: ReadonlySet<string>;
  strokes: ReadonlyMap<string, IStroke>;
  look: ILook;
  theme: ITheme;
  group: string;
  focus: string | null;
  large: boolean;
  onLarge: () => void;
}

/** A metric's chart. */
function Chart(props: IChartProps): JSX.Element {
  const { name, model, revision, runs, hidden, strokes, look, theme, group, focus, large } = props;
  const { trans } = useUi();
  const { axis, log, smoothing } = look;
  const title = React.useId();
  const drawn = React.useMemo(
    () =>
      runs.flatMap((run): [IPlotted, ISeries][] => {
        const series = model.series(run.id, name);
        const stroke = strokes.get(run.id);
        if (!series || !stroke || series.steps.length === 0 || hidden.has(run.id)) {
          return [];
        }
        const started = run.started_at === null ? undefined : Date.parse(run.started_at);
        const curve = line(series, axis, log, started);
        const smoothed = smoothing > 0 ? smooth(curve.y, smoothing) : null;
        return [
          [{ id: run.id, name: run.name || run.id.slice(0, 8), stroke, line: curve, smoothed }, series]
        ];
      }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what the model holds changes with its revision
    [runs, model, revision, name, hidden, strokes, axis, log, smoothing]
  );
  const lines = React.useMemo(() => drawn.map(([plotted]) => plotted), [drawn]);
  const points = lines.some(({ line: { y } }) => y.some(value => value !== null));
  const single = lines.every(({ line: { x } }) => x.length <= 1);
  const missing = lines.reduce((sum, { line: { hidden: of } }) => sum + of, 0);
  const thinned = drawn.filter(([, { total, steps }]) => total > steps.length);
  const notes = [
    missing > 0 &&
      trans._n(
        '%1 value ≤ 0 has no place on a log scale',
        '%1 values ≤ 0 have no place on a log scale',
        missing
      ),
    lines.some(({ line: { ordered } }) => ordered) && trans.__('logged without steps: in their order'),
    thinned.length > 0 &&
      trans.__(
        'of %1 values the telling ones are drawn',
        formatNumber(thinned.reduce((sum, [, { total }]) => sum + total, 0))
      )
  ].filter(Boolean);
  const words = drawn.length === 1 && !single ? summary(drawn[0][1]) : null;
  const label = [
    name,
    trans._n('curve of %1 run', 'curves of %1 runs', drawn.length),
    ...drawn
      .slice(0, 8)
      .map(([{ name: run }, series]) => `${run}: ${formatMetric(summarize(series).last ?? '–')}`)
  ].join(', ');

  function summary(series: ISeries): string {
    const { min, max, last } = summarize(series);
    return trans.__(
      'min %1 · max %2 · last %3',
      min === null ? '–' : formatMetric(min),
      max === null ? '–' : formatMetric(max),
      last === null ? '–' : formatMetric(last)
    );
  }

  return (
    <figure
      className={`jp-Insighter-Chart${large ? ' jp-mod-large' : ''}`}
      aria-labelledby={title}
      data-metric={name}
    >
      <figcaption className="jp-Insighter-Chart-caption">
        <span id={title} className="jp-Insighter-Chart-title" title={name}>
          {name}
        </span>
        <IconButton
          icon={zoomIcon}
          label={large ? trans.__('Make it small again') : trans.__('Make it large')}
          expanded={large}
          onClick={props.onLarge}
        />
      </figcaption>
      {points && single ? (
        <Bars lines={lines} log={log} />
      ) : points ? (
        <Plot
          lines={lines}
          axis={axis}
          log={log}
          theme={theme}
          height={large ? 380 : 190}
          group={group}
          label={label}
          focus={focus}
        />
      ) : (
        <p className="jp-Insighter-Chart-none">
          {!model.loaded
            ? trans.__('Loading…')
            : drawn.length === 0
              ? trans.__('None of the runs shown has it.')
              : missing > 0
                ? trans.__('No value above 0: a log scale has no place for the others.')
                : trans.__('No finite value: %1', String(summarize(drawn[0][1]).last ?? '–'))}
        </p>
      )}
      {(words || notes.length > 0) && (
        <div className="jp-Insighter-Chart-words">{[words, ...notes].filter(Boolean).join(' · ')}</div>
      )}
    </figure>
  );
}

/** Values of which there is one for each run: no curves, but bars. */
function Bars({ lines, log }: { lines: ReadonlyArray<IPlotted>; log: boolean }): JSX.Element {
  const values = lines.flatMap(({ id, name, stroke, line: { y } }) =>
    typeof y[0] === 'number' ? [{ id, name, stroke, value: y[0] }] : []
  );
  const scaled = values.map(({ value }) => (log ? Math.log10(value) : value));
  const low = Math.min(...scaled, log ? Infinity : 0);
  const high = Math.max(...scaled, log ? -Infinity : 0);
  return (
    <ul className="jp-Insighter-Bars">
      {values.map(({ id, name, stroke, value }, index) => (
        <li key={id}>
          {lines.length > 1 && <span className="jp-Insighter-Bars-name">{name}</span>}
          <span className="jp-Insighter-Bars-bar">
            <span
              style={{
                width: `${high === low ? 100 : 2 + (98 * (scaled[index] - low)) / (high - low)}%`,
                background: stroke.colour
              }}
            />
          </span>
          <span className="jp-Insighter-Bars-value" title={String(value)}>
            {formatMetric(value)}
          </span>
        </li>
      ))}
    </ul>
  );
}

interface ITwinProps {
  model: CurvesModel;
  revision: number;
  runs: ReadonlyArray<ICurvedRun>;
  keys: ReadonlyArray<string>;
}

/** What the charts show, as a table. */
function Twin({ model, runs, keys }: ITwinProps): JSX.Element {
  const { trans } = useUi();
  const [open, setOpen] = React.useState(false);
  const rows = open
    ? keys.flatMap(key =>
        runs.flatMap(run => {
          const series = model.series(run.id, key);
          return series && series.steps.length > 0
            ? [{ key, run, ...summarize(series), total: series.total }]
            : [];
        })
      )
    : [];
  return (
    <details
      className="jp-Insighter-Details"
      onToggle={event => setOpen((event.target as HTMLDetailsElement).open)}
    >
      <summary>{trans.__('The curves as a table')}</summary>
      {open && (
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Metric')}</th>
              {runs.length > 1 && <th scope="col">{trans.__('Run')}</th>}
              {[
                trans.__('Last'),
                trans.__('Min'),
                trans.__('Max'),
                trans.__('Last step'),
                trans.__('Values')
              ].map(head => (
                <th key={head} scope="col" className="jp-mod-number">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, run, last, min, max, step, total }) => (
              <tr key={`${run.id} ${key}`}>
                <th scope="row">{key}</th>
                {runs.length > 1 && <td>{run.name || run.id.slice(0, 8)}</td>}
                {[last, min, max, step, total].map((value, index) => (
                  <td key={index} className="jp-mod-number">
                    {value === null ? '–' : formatMetric(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}
