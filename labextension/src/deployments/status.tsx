import type { TranslationBundle } from '@jupyterlab/translation';

import type { Deployment } from '../api';
import { type Condition, StatusDot, useUi } from '../components';

type Status = Deployment['status'];

const CONDITIONS: Readonly<Record<Status, Condition>> = {
  starting: 'busy',
  healthy: 'ok',
  failed: 'error',
  stopped: 'off'
};

function word(status: Status, trans: TranslationBundle): string {
  const words: Readonly<Record<Status, string>> = {
    starting: trans.__('starting'),
    healthy: trans.__('healthy'),
    failed: trans.__('failed'),
    stopped: trans.__('stopped')
  };
  return words[status];
}

/** How an endpoint is doing. */
export function DeploymentStatus({ deployment }: { deployment: Deployment }): JSX.Element {
  const { trans } = useUi();
  const { status, reason } = deployment;
  return <StatusDot condition={CONDITIONS[status]} word={word(status, trans)} title={reason ?? undefined} />;
}
