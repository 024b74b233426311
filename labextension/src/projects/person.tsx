import { caretDownIcon, userIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { type AccessRequest, type Invitation, type Me, type Project, type Role, sharing } from '../api';
import { Button, ErrorNote, openMenu, useUi } from '../components';
import { Resource, useOwnResource } from '../pages/resource';

import { AccountCommands, SharingCommands } from './commands';
import { roleName } from './roles';
import type { IProjects } from './tokens';

/** Milliseconds between two looks for invitations. */
const LOOK = 60_000;

/** Who is signed in, at the sidebar's end; nothing where the server has one local account. */
export function PersonRow(props: { me: Me }): JSX.Element {
  const { me } = props;
  const ui = useUi();
  const { trans } = ui;
  return (
    <footer className="jp-Insighter-Person">
      <button
        type="button"
        aria-haspopup="menu"
        title={me.email ?? me.display_name}
        aria-label={trans.__('Signed in as %1', me.display_name)}
        onClick={event =>
          openMenu(
            ui,
            [[{ command: AccountCommands.open }], [{ command: AccountCommands.signOut }]],
            event.currentTarget
          )
        }
      >
        <userIcon.react tag="span" elementSize="normal" />
        <span className="jp-Insighter-Person-name">{me.display_name}</span>
        <caretDownIcon.react tag="span" elementSize="normal" />
      </button>
    </footer>
  );
}

/** Invitations that wait for an answer; nothing where there are none. */
export function Invitations(props: { me: Me; projects: IProjects }): JSX.Element | null {
  const { me, projects } = props;
  const { trans } = useUi();
  const [list, { value }] = useOwnResource(
    () =>
      new Resource<Invitation[]>(
        () => sharing.invitations(),
        () => LOOK
      ),
    me.user_id,
    projects.all.length // whoever joined by a code has answered one of them
  );
  if (!value || value.length === 0) {
    return null;
  }
  return (
    <ul className="jp-Insighter-Invitations" aria-label={trans.__('Invitations')}>
      {value.map(invitation => (
        <InvitationRow
          key={invitation.id}
          invitation={invitation}
          onAnswered={async project => {
            list.set(value.filter(({ id }) => id !== invitation.id));
            await projects.refresh();
            if (project) {
              await projects.select(project);
            }
          }}
        />
      ))}
    </ul>
  );
}

/** Whoever asks for access to the open project waits for its admins; nothing where nobody does. */
export function Asking(props: { project: Project; revision: number }): JSX.Element | null {
  const { project, revision } = props;
  const { trans, commands } = useUi();
  const [, { value }] = useOwnResource(
    () =>
      new Resource<AccessRequest[]>(
        () => sharing.requests(project.id),
        () => LOOK
      ),
    project.id,
    revision
  );
  if (!value || value.length === 0) {
    return null;
  }
  const open = { project: project.id, part: 'requests' };
  return (
    <div className="jp-Insighter-Banner" role="status">
      <button
        type="button"
        className="jp-Insighter-Link"
        onClick={() => void commands.execute(SharingCommands.open, open)}
      >
        {value.length === 1
          ? trans.__('%1 asks for access', value[0].display_name)
          : trans.__('%1 people ask for access', value.length)}
      </button>
    </div>
  );
}

function InvitationRow(props: {
  invitation: Invitation;
  /** Called with the id of the project that one is in now, if any. */
  onAnswered: (project: string | null) => Promise<void>;
}): JSX.Element {
  const { invitation } = props;
  const { trans } = useUi();
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<unknown>(null);
  const answer = async (accepted: boolean) => {
    setBusy(true);
    setError(null);
    try {
      let project: string | null = null;
      if (accepted) {
        project = (await sharing.accept(invitation.id))?.id ?? null;
      } else {
        await sharing.decline(invitation.id);
      }
      await props.onAnswered(project);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  const { invited_by, name, kind, role } = invitation;
  const text =
    kind === 'organisation'
      ? trans.__('%1 invites you to the organisation “%2”.', invited_by, name)
      : trans.__('%1 invites you to “%2” as %3.', invited_by, name, roleName(role as Role, trans));
  return (
    <li>
      <span>{text}</span>
      <div className="jp-Insighter-Buttons">
        <Button disabled={busy} onClick={() => void answer(true)}>
          {trans.__('Accept')}
        </Button>
        <Button disabled={busy} onClick={() => void answer(false)}>
          {trans.__('Decline')}
        </Button>
      </div>
      {error !== null && <ErrorNote error={error} />}
    </li>
  );
}
