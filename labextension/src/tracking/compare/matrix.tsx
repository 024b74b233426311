import * as React from 'react';

import type { RunDetail } from '../../api';
import { Button, formatDuration, formatMetric, formatTime, useUi } from '../../components';
import { duration, isSystemTag, NOTE } from '../model';

/** A part of the comparison: rows of values, one for each run; null where a run has none. */
export interface IGroup {
  readonly id: string;
  readonly title: string;
  readonly rows: ReadonlyArray<IRow>;
}

export interface IRow {
  readonly name: string;
  readonly values: ReadonlyArray<string | null>;
  /** Whether two of the runs have not the same. */
  readonly differs: boolean;
  /** The runs with the least and with the greatest value; only of metrics that differ. */
  readonly least?: number;
  readonly greatest?: number;
}

/** The words of the attributes that are compared. */
export interface IWords {
  readonly status: (status: RunDetail['status']) => string;
  readonly labels: Readonly<
    Record<
      | 'status'
      | 'started'
      | 'duration'
      | 'by'
      | 'experiment'
      | 'datasets'
      | 'notebook'
      | 'commit'
      | 'failure',
      string
    >
  >;
  readonly titles: Readonly<Record<'attributes' | 'params' | 'metrics' | 'tags', string>>;
}

/** What the runs say of themselves, side by side. `notebooks` are the names and versions of those that made them. */
export function compare(
  runs: ReadonlyArray<RunDetail>,
  notebooks: ReadonlyArray<string | null>,
  words: IWords
): IGroup[] {
  const { labels, titles } = words;
  const attributes = [
    row(
      labels.status,
      runs.map(({ status }) => words.status(status))
    ),
    row(
      labels.failure,
      runs.map(({ tags }) => tags['insighter.failure.reason'] ?? null)
    ),
    row(
      labels.experiment,
      runs.map(({ experiment_name }) => experiment_name)
    ),
    row(
      labels.started,
      runs.map(({ started_at }) => (started_at === null ? null : formatTime(started_at)))
    ),
    row(
      labels.duration,
      runs.map(run => {
        const took = duration(run);
        return took === null ? null : formatDuration(took);
      })
    ),
    row(
      labels.by,
      runs.map(({ created_by }) => created_by)
    ),
    row(
      labels.datasets,
      runs.map(({ inputs }) => inputs.map(({ name, digest }) => `${name} ${digest}`).join(', ') || null)
    ),
    row(labels.notebook, notebooks),
    row(
      labels.commit,
      runs.map(({ tags }) => tags['mlflow.source.git.commit'] ?? null)
    )
  ].filter(({ values }) => values.some(value => value !== null));
  const groups = [
    { id: 'attributes', title: titles.attributes, rows: attributes },
    { id: 'params', title: titles.params, rows: keyed(runs.map(({ params }) => params)) },
    { id: 'metrics', title: titles.metrics, rows: measured(runs) },
    { id: 'tags', title: titles.tags, rows: keyed(runs.map(({ tags }) => own(tags))) }
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

function row(name: string, values: ReadonlyArray<string | null>): IRow {
  return { name, values, differs: values.some(value => value !== values[0]) };
}

function names(keys: Iterable<string>): string[] {
  return [...new Set(keys)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
}

function keyed(maps: ReadonlyArray<Readonly<Record<string, string>>>): IRow[] {
  return names(maps.flatMap(Object.keys)).map(key =>
    row(
      key,
      maps.map(map => map[key] ?? null)
    )
  );
}

function measured(runs: ReadonlyArray<RunDetail>): IRow[] {
  const maps = runs.map(({ metrics }) => new Map(metrics.map(({ key, value }) => [key, value])));
  return names(maps.flatMap(map => [...map.keys()])).map(key => {
    const raw = maps.map(map => map.get(key));
    const numbers = raw.flatMap((value, index) => (typeof value === 'number' ? [{ value, index }] : []));
    const differs = raw.some(value => value !== raw[0]);
    const told = {
      name: key,
      values: raw.map(value => (value === undefined ? null : formatMetric(value))),
      differs
    };
    if (!differs || numbers.length < 2) {
      return told;
    }
    const sorted = [...numbers].sort((a, b) => a.value - b.value);
    return sorted[0].value === sorted[sorted.length - 1].value
      ? told
      : { ...told, least: sorted[0].index, greatest: sorted[sorted.length - 1].index };
  });
}

/** Tags that people set, and their notes. */
function own(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => key === NOTE || !isSystemTag(key)));
}

/** The comparison as a table in Markdown. */
export function markdown(runs: ReadonlyArray<RunDetail>, groups: ReadonlyArray<IGroup>): string {
  const cell = (text: string) =>
    text
      .replace(/\\/g, '\\\\')
      .replace(/\|/g, '\\|')
      .replace(/\s*\n\s*/g, ' ');
  const line = (cells: ReadonlyArray<string>) => `| ${cells.map(cell).join(' | ')} |`;
  const head = ['', ...runs.map(({ name, id }) => name || id.slice(0, 8))];
  return groups
    .flatMap(({ title, rows }) => [
      `**${title}**`,
      '',
      line(head),
      `|${' --- |'.repeat(head.length)}`,
      ...rows.map(({ name, values }) => line([name, ...values.map(value => value ?? '')])),
      ''
    ])
    .join('\n');
}

interface IMatrixProps {
  runs: ReadonlyArray<RunDetail>;
  groups: ReadonlyArray<IGroup>;
  onOpen: (run: RunDetail) => void;
  onlyDiffering: boolean;
}

/** Rows of long tables that are shown at first. */
const ROWS = 200;

/** Runs as columns; what differs is marked. */
export function Matrix({ runs, groups, onOpen, onlyDiffering }: IMatrixProps): JSX.Element {
  const { trans } = useUi();
  const [all, setAll] = React.useState(false);
  return (
    <div className="jp-Insighter-Scroll" role="region" tabIndex={0} aria-label={trans.__('Comparison')}>
      <table className="jp-Insighter-Table jp-Insighter-Matrix">
        <thead>
          <tr>
            <td />
            {runs.map(run => (
              <th key={run.id} scope="col">
                <button
                  type="button"
                  className="jp-Insighter-Link"
                  title={trans.__('Open the run')}
                  onClick={() => onOpen(run)}
                >
                  {run.name || run.id.slice(0, 8)}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        {groups.map(({ id, title, rows }) => {
          const told = onlyDiffering ? rows.filter(({ differs }) => differs) : rows;
          const listed = all ? told : told.slice(0, ROWS);
          const differing = rows.filter(({ differs }) => differs).length;
          return (
            <tbody key={id}>
              <tr className="jp-Insighter-Matrix-group">
                <th scope="rowgroup" colSpan={runs.length + 1}>
                  {title}
                  <span className="jp-Insighter-Quiet">
                    {' '}
                    {differing === 0
                      ? trans.__('all the same')
                      : trans.__('%1 of %2 differ', differing, rows.length)}
                  </span>
                </th>
              </tr>
              {listed.map(one => (
                <tr key={one.name} className={one.differs ? 'jp-mod-differs' : undefined}>
                  <th scope="row" title={one.name}>
                    {one.name}
                    {one.differs && (
                      <span className="jp-Insighter-Matrix-mark" title={trans.__('differs')}>
                        <span aria-hidden="true">≠</span>
                        <span className="jp-Insighter-hidden">{trans.__('differs')}</span>
                      </span>
                    )}
                  </th>
                  {one.values.map((value, index) => (
                    <td key={index} className="jp-mod-wrap">
                      {value ?? <span className="jp-Insighter-Quiet">–</span>}
                      {one.least === index && (
                        <span className="jp-Insighter-Matrix-edge" title={trans.__('the least of the row')}>
                          {trans.__('min')}
                        </span>
                      )}
                      {one.greatest === index && (
                        <span
                          className="jp-Insighter-Matrix-edge"
                          title={trans.__('the greatest of the row')}
                        >
                          {trans.__('max')}
                        </span>
                      )}
                    </td>
                  ))}
                </tr>
              ))}
              {told.length > listed.length && (
                <tr>
                  <td colSpan={runs.length + 1}>
                    <Button onClick={() => setAll(true)}>
                      {trans.__('Show %1 more rows', told.length - listed.length)}
                    </Button>
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}
