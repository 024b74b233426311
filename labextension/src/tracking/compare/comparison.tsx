import * as React from 'react';

import type { RunDetail } from '../../api';
import { CopyButton, EmptyState, ErrorNote } from '../../components';
import { useHost } from '../../pages/host';
import { useOwnResource } from '../../pages/resource';
import { CommandIDs } from '../commands';
import { statusWord } from '../status';
import { compare, type IGroup, type IWords, markdown, Matrix } from './matrix';
import { comparedRuns, COMPARED } from './model';

interface IComparisonProps {
  project: string;
  runs: ReadonlyArray<string>;
  revision: unknown;
  /** What comes below the table. */
  children?: (runs: ReadonlyArray<RunDetail>) => React.ReactNode;
}

/** Runs side by side: what they were given, what came out, and what differs. */
export function Comparison({ project, runs: ids, revision, children }: IComparisonProps): JSX.Element {
  const { trans, commands } = useHost();
  const [only, setOnly] = React.useState(false);
  const [resource, { value, error }] = useOwnResource(
    () => comparedRuns(project, ids),
    ids.join(' '),
    revision
  );
  const words = React.useMemo(
    (): IWords => ({
      status: status => statusWord(status, trans),
      labels: {
        status: trans.__('Status'),
        started: trans.__('Started'),
        duration: trans.__('Duration'),
        by: trans.__('By'),
        experiment: trans.__('Experiment'),
        datasets: trans.__('Datasets'),
        notebook: trans.__('Notebook'),
        commit: trans.__('Git commit'),
        failure: trans.__('Failed because')
      },
      titles: {
        attributes: trans.__('Attributes'),
        params: trans.__('Parameters'),
        metrics: trans.__('Metrics'),
        tags: trans.__('Tags')
      }
    }),
    [trans]
  );
  const groups = React.useMemo(
    (): IGroup[] => (value ? compare(value.runs, value.notebooks, words) : []),
    [value, words]
  );
  if (!value) {
    return error ? (
      <ErrorNote error={error} onRetry={() => void resource.refresh()} />
    ) : (
      <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
    );
  }
  const { runs, gone } = value;
  if (runs.length === 0) {
    return <EmptyState text={trans.__('None of these runs is there any more.')} />;
  }
  const shown = groups.map(group =>
    only ? { ...group, rows: group.rows.filter(({ differs }) => differs) } : group
  );
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void resource.refresh()} />}
      <div className="jp-Insighter-Controls">
        <label className="jp-Insighter-Control">
          <input type="checkbox" checked={only} onChange={event => setOnly(event.target.checked)} />
          {trans.__('Only what differs')}
        </label>
        <span className="jp-Insighter-WithCopy">
          <span className="jp-Insighter-Quiet">{trans.__('As Markdown')}</span>
          <CopyButton
            text={markdown(
              runs,
              shown.filter(({ rows }) => rows.length > 0)
            )}
            label={trans.__('Copy the comparison as Markdown')}
          />
        </span>
        {ids.length > COMPARED && (
          <span className="jp-Insighter-Quiet">
            {trans.__('the first %1 of %2 runs', COMPARED, ids.length)}
          </span>
        )}
        {gone > 0 && (
          <span className="jp-Insighter-Quiet">
            {trans._n('%1 run is not there any more', '%1 runs are not there any more', gone)}
          </span>
        )}
      </div>
      <Matrix
        runs={runs}
        groups={groups}
        onlyDiffering={only}
        onOpen={({ id, name }) => void commands.execute(CommandIDs.openRun, { project, id, name })}
      />
      {children?.(runs)}
    </>
  );
}
