import type { TranslationBundle } from '@jupyterlab/translation';

import type { Run } from '../api';
import { type Condition, StatusDot, useUi } from '../components';

const CONDITIONS: Readonly<Record<Run['status'], Condition>> = {
  RUNNING: 'busy',
  SCHEDULED: 'off',
  FINISHED: 'ok',
  FAILED: 'error',
  KILLED: 'warning'
};

/** A status in a word. */
export function statusWord(status: Run['status'], trans: TranslationBundle): string {
  const words: Readonly<Record<Run['status'], string>> = {
    RUNNING: trans.__('running'),
    SCHEDULED: trans.__('scheduled'),
    FINISHED: trans.__('finished'),
    FAILED: trans.__('failed'),
    KILLED: trans.__('stopped')
  };
  return words[status];
}

/** How a run is doing. */
export function RunStatus({ status }: { status: Run['status'] }): JSX.Element {
  const { trans } = useUi();
  return <StatusDot condition={CONDITIONS[status]} word={statusWord(status, trans)} />;
}
