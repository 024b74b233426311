import * as React from 'react';

import { type Member, type Present, type Project, sharing } from '../api';
import { ErrorNote, Initials, StatusDot } from '../components';
import { useHost } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { roleName } from '../projects/roles';

/** How many people are shown before one asks for the others. */
const FEW = 8;

/** Who is in the project, and who of them is here now. */
export function People(props: {
  project: Project;
  revision: number;
  present: ReadonlyArray<Present>;
}): JSX.Element {
  const { project, revision, present } = props;
  const { trans } = useHost();
  const [list, { value, error }] = useOwnResource(
    () => new Resource<Member[]>(() => sharing.members(project.id)),
    project.id,
    revision
  );
  const [all, setAll] = React.useState(false);
  if (error) {
    return <ErrorNote error={error} onRetry={() => void list.refresh()} />;
  }
  const members = [...(value ?? [])].sort(
    (one, other) => Number(is(present, other) !== undefined) - Number(is(present, one) !== undefined)
  );
  const shown = all ? members : members.slice(0, FEW);
  return (
    <>
      <ul className="jp-Insighter-People" aria-label={trans.__('Members')}>
        {shown.map(member => (
          <Person key={member.user_id} member={member} present={is(present, member)} />
        ))}
      </ul>
      {members.length > shown.length && (
        <button type="button" className="jp-Insighter-Link" onClick={() => setAll(true)}>
          {trans.__('Show all %1', members.length)}
        </button>
      )}
    </>
  );
}

function is(present: ReadonlyArray<Present>, member: Member): Present | undefined {
  return present.find(({ user_id }) => user_id === member.user_id);
}

function Person(props: { member: Member; present: Present | undefined }): JSX.Element {
  const { member, present } = props;
  const { trans } = useHost();
  return (
    <li title={member.email ?? undefined}>
      <Initials name={member.display_name} />
      <span className="jp-Insighter-People-name">{member.display_name}</span>
      <span className="jp-Insighter-Quiet">{roleName(member.role, trans)}</span>
      {present && (
        <StatusDot
          condition={present.away ? 'warning' : 'ok'}
          word={present.away ? trans.__('away') : trans.__('here')}
          title={
            present.away
              ? trans.__('Has the project open, and does not look at it')
              : trans.__('Has the project open now')
          }
        />
      )}
    </li>
  );
}
