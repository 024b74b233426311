import * as React from 'react';

import { useHost, useRevision } from '../../pages/host';
import { Facts, Page } from '../../pages/page';
import { CommandIDs } from '../commands';
import { metricKeys } from '../model';
import { Comparison } from './comparison';

const Curves = React.lazy(async () => ({ default: (await import('../charts/curves')).Curves }));

interface IComparePageProps {
  project: string;
  experiment: string;
  runs: ReadonlyArray<string>;
}

/** Runs side by side, and their curves. */
export function ComparePage({ project, experiment, runs }: IComparePageProps): JSX.Element {
  const { trans, commands } = useHost();
  const revision = useRevision();
  return (
    <Page
      kind={trans.__('Comparison')}
      title={trans._n('%1 run', '%1 runs side by side', runs.length)}
      summary={
        experiment && (
          <Facts>
            <button
              type="button"
              className="jp-Insighter-Link"
              onClick={() =>
                void commands.execute(CommandIDs.openExperiment, {
                  project,
                  id: experiment,
                  name: trans.__('Experiment')
                })
              }
            >
              {trans.__('Open the experiment')}
            </button>
          </Facts>
        )
      }
    >
      <Comparison project={project} runs={runs} revision={revision}>
        {found => (
          <>
            <h2 className="jp-Insighter-Heading">{trans.__('Curves')}</h2>
            <React.Suspense fallback={<p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}>
              <Curves project={project} runs={found} keys={metricKeys(found)} />
            </React.Suspense>
          </>
        )}
      </Comparison>
    </Page>
  );
}
