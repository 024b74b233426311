import { notebooks } from '../api';
import { useHost } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { CommandIDs } from './commands';

/** The notebook that made a run, as a link to its page; nothing while it is not known. */
export function MadeIn({ project, run }: { project: string; run: string }): JSX.Element | null {
  const { trans, commands } = useHost();
  const [, { value }] = useOwnResource(() => new Resource(() => notebooks.ofRun(project, run)), run, 0);
  if (!value) {
    return null;
  }
  const { id, name, version } = value;
  return (
    <button
      type="button"
      className="jp-Insighter-Link"
      title={trans.__('Show the versions of the notebook that made the run')}
      onClick={() => void commands.execute(CommandIDs.open, { project, id, name })}
    >
      {version === null ? trans.__('in %1', name) : trans.__('in %1 v%2', name, version)}
    </button>
  );
}
