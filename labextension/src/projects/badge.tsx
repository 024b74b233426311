import type { Project } from '../api';
import { useUi } from '../components';

import { SharingCommands } from './commands';

/** Who else sees the project, where it is not its members alone; where it `leads`, to where that is changed. */
export function VisibilityBadge(props: { project: Project; leads?: boolean }): JSX.Element | null {
  const { project } = props;
  const { trans, commands } = useUi();
  if (project.visibility === 'private') {
    return null;
  }
  const [word, title] =
    project.visibility === 'public'
      ? [trans.__('public'), trans.__('Everybody who is signed in can read it')]
      : [trans.__('team'), trans.__('All members of its organisation can read it')];
  if (!props.leads) {
    return (
      <span className="jp-Insighter-Badge" title={title}>
        {word}
      </span>
    );
  }
  const open = { project: project.id, part: 'visibility' };
  return (
    <button
      type="button"
      className="jp-Insighter-Badge"
      title={title}
      onClick={() => void commands.execute(SharingCommands.open, open)}
    >
      {word}
    </button>
  );
}
