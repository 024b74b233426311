import type { Project } from '../api';
import { useUi } from '../components';

/** Who else sees the project, where it is not its members alone. */
export function VisibilityBadge({ project }: { project: Project }): JSX.Element | null {
  const { trans } = useUi();
  switch (project.visibility) {
    case 'public':
      return (
        <span className="jp-Insighter-Badge" title={trans.__('Everybody who is signed in can read it')}>
          {trans.__('public')}
        </span>
      );
    case 'team':
      return (
        <span className="jp-Insighter-Badge" title={trans.__('All members of its organisation can read it')}>
          {trans.__('team')}
        </span>
      );
    default:
      return null;
  }
}
