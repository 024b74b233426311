import * as React from 'react';

import type { RunDetail } from '../../api';
import { Button, ErrorNote, useUi } from '../../components';

/** Why a run failed, as far as it is known. */
export function Failure({ run }: { run: RunDetail }): JSX.Element | null {
  const { trans } = useUi();
  const reason = run.tags['insighter.failure.reason'];
  const detail = run.tags['insighter.failure.detail'];
  if (!reason || (run.status !== 'FAILED' && run.status !== 'KILLED')) {
    return null;
  }
  // The words are the server's (insighter_ext/tracking/endings.py); whoever sets the tag may say others.
  const words: Readonly<Record<string, string>> = {
    out_of_memory: trans.__('out of memory'),
    killed: trans.__('the kernel was killed'),
    crashed: trans.__('the kernel crashed'),
    restarted: trans.__('the kernel was restarted'),
    shut_down: trans.__('the kernel was shut down'),
    server_gone: trans.__('the server went away'),
    lost: trans.__('the kernel was lost')
  };
  const word = words[reason] ?? reason;
  return (
    <div className="jp-Insighter-RunBanner jp-mod-error" role="note">
      <strong>
        {run.status === 'FAILED' ? trans.__('Failed: %1', word) : trans.__('Stopped: %1', word)}
      </strong>
      {detail && detail.length <= 200 && !detail.includes('\n') && <p>{detail}</p>}
      {detail && (detail.length > 200 || detail.includes('\n')) && (
        <details className="jp-Insighter-Details">
          <summary>{trans.__('Details')}</summary>
          <pre tabIndex={0}>{detail}</pre>
        </details>
      )}
    </div>
  );
}

/** Says that a run is in the trash, and brings it back. */
export function Trashed(props: { restore: (() => Promise<void>) | null }): JSX.Element {
  const { restore } = props;
  const { trans } = useUi();
  const [error, setError] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const back = async () => {
    if (!restore) {
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await restore();
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  };
  return (
    <div className="jp-Insighter-RunBanner" role="note">
      <strong>{trans.__('This run is in the trash.')}</strong>
      {restore && (
        <Button disabled={busy} onClick={() => void back()}>
          {trans.__('Restore')}
        </Button>
      )}
      {error !== null && <ErrorNote error={error} />}
    </div>
  );
}
