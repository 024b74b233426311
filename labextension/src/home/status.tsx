import { type Condition, StatusDot, useUi } from '../components';

/** How good a word is, whatever kind of asset says it. */
const CONDITIONS: Readonly<Record<string, Condition>> = {
  running: 'busy',
  starting: 'busy',
  finished: 'ok',
  healthy: 'ok',
  failed: 'error',
  killed: 'warning',
  scheduled: 'off',
  stopped: 'off'
};

/** An asset's status as a dot and a word; a model's aliases as they are; nothing where there is none. */
export function AssetStatus({ status }: { status: string }): JSX.Element | null {
  const { trans } = useUi();
  const words: Readonly<Record<string, string>> = {
    running: trans.__('running'),
    starting: trans.__('starting'),
    finished: trans.__('finished'),
    healthy: trans.__('healthy'),
    failed: trans.__('failed'),
    killed: trans.__('stopped'),
    scheduled: trans.__('scheduled'),
    stopped: trans.__('stopped')
  };
  if (!status) {
    return null;
  }
  const condition = CONDITIONS[status];
  return condition ? (
    <StatusDot condition={condition} word={words[status] ?? status} />
  ) : (
    <span className="jp-Insighter-Quiet">{status}</span>
  );
}
