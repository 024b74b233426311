import * as React from 'react';

import { EmptyLine, ErrorNote, formatNumber, Row, RowList, StatusDot, useUi } from '../components';
import { experimentIcon } from '../pages/icons';
import { useOwnResource } from '../pages/resource';
import { may } from '../projects/roles';
import type { ISectionProps } from '../projects/tokens';
import { CommandIDs } from './commands';
import { experimentList } from './model';

/** The experiments in the sidebar. */
export function ExperimentsSection({ project, revision, setCount }: ISectionProps): JSX.Element {
  const { trans } = useUi();
  const [list, { value, error }] = useOwnResource(() => experimentList(project.id), project.id, revision);
  const count = value?.length ?? null;
  React.useEffect(() => setCount(count), [setCount, count]);
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value && value.length > 0 && (
        <RowList label={trans.__('Experiments')}>
          {value.map(({ id, name, runs, running }) => (
            <Row
              key={id}
              name={name}
              icon={experimentIcon}
              fact={trans._n('%2 run', '%2 runs', runs, formatNumber(runs))}
              status={running > 0 && <StatusDot condition="busy" word={trans.__('%1 running', running)} />}
              open={{ command: CommandIDs.openExperiment, args: { project: project.id, id, name } }}
            />
          ))}
        </RowList>
      )}
      {value?.length === 0 && (
        <EmptyLine
          text={trans.__('No runs yet')}
          fillable={may(project, 'editor')}
          hint={trans.__(
            'Log from a notebook of this project: MLflow knows the way by itself, nothing to configure.'
          )}
          code="import mlflow; mlflow.autolog()"
        />
      )}
    </>
  );
}
