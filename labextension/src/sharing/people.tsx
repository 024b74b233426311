import { Notification } from '@jupyterlab/apputils';
import * as React from 'react';

import { ApiError, type GivenRole, type Member, type Project } from '../api';
import { Button, ErrorNote, formatDate } from '../components';
import { type IHost, useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import { roleMeaning, roleName } from '../projects/roles';
import { CommandIDs } from './commands';
import { isOvertaken, type SharingModel } from './model';
import type { IPartProps } from './page';
import { RoleSelect } from './roleselect';
import { askLeave, askRemoval, askStepDown, askTransfer } from './parting';
import { offerUndo } from './undo';

/** The members of a project, its owner first, and one's own part in it. */
export function People(props: IPartProps): JSX.Element {
  const { model, project, may, focus } = props;
  const { trans } = useHost();
  const { value, error } = useResource(model.members);
  const table = React.useRef<HTMLTableElement>(null);
  const email = focus?.part === 'people' ? focus.email : undefined;
  React.useEffect(() => {
    if (email !== undefined) {
      const row = table.current?.querySelector(`tr[data-email="${CSS.escape(email)}"]`);
      row?.querySelector<HTMLElement>('select')?.focus();
    }
  }, [email, focus]);

  const admins = value?.filter(({ role }) => role === 'owner' || role === 'admin') ?? [];
  return (
    <>
      {error && !value && <ErrorNote error={error} onRetry={() => void model.members.refresh()} />}
      <div className="jp-Insighter-Bar">
        <p className="jp-Insighter-Quiet">
          {may
            ? trans.__('A role may do all that the ones before it may. Another one counts at once.')
            : trans.__(
                'Who may what is said by the admins: %1.',
                admins.map(({ display_name }) => display_name).join(', ')
              )}
        </p>
        {may && <Button onClick={() => model.focus({ part: 'invitations' })}>{trans.__('Invite…')}</Button>}
      </div>
      {value && (
        <table className="jp-Insighter-Table jp-Insighter-People" ref={table}>
          <thead>
            <tr>
              <th scope="col">{trans.__('Name')}</th>
              <th scope="col">{trans.__('Role')}</th>
              <th scope="col">{trans.__('May')}</th>
              <th scope="col">{trans.__('Since')}</th>
              <th scope="col">
                <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map(member => (
              <MemberRow key={member.user_id} {...props} member={member} />
            ))}
          </tbody>
        </table>
      )}
      {value && <OwnPart model={model} news={props.news} project={project} members={value} />}
    </>
  );
}

function MemberRow(props: IPartProps & { member: Member }): JSX.Element {
  const { model, news, project, may, member } = props;
  const host = useHost();
  const { trans, projects } = host;
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState<unknown>(null);
  const { user_id, display_name, email, role } = member;
  const own = user_id === projects.me?.user_id;
  const changeable = may && role !== 'owner';

  const change = async (next: GivenRole) => {
    if (role === 'owner') {
      return; // it is transferred, and not given
    }
    setProblem(null);
    setBusy(true);
    try {
      if (own) {
        await askStepDown(host, model, member, next);
        return;
      }
      await model.setRole(user_id, next, role);
      offerUndo(host, trans.__('%1 is %2 now.', display_name, roleName(next, trans)), () =>
        model.setRole(user_id, role, next)
      );
    } catch (reason) {
      setProblem(explained(reason, news.about(project.id, user_id)));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <tr data-email={email ?? undefined}>
        <th scope="row" title={email ?? undefined}>
          <span>{display_name}</span>
          {own && <span className="jp-Insighter-Quiet"> {trans.__('(you)')}</span>}
          {email && <div className="jp-Insighter-Quiet">{email}</div>}
        </th>
        <td>
          {changeable ? (
            <RoleSelect
              label={trans.__('Role of %1', display_name)}
              role={role}
              disabled={busy}
              onChange={next => void change(next)}
            />
          ) : (
            roleName(role, trans)
          )}
        </td>
        <td className="jp-mod-wrap jp-mod-quiet">{roleMeaning(role, trans)}</td>
        <td>
          <time dateTime={member.since}>{formatDate(member.since)}</time>
        </td>
        <td>
          {changeable && !own && (
            <Button
              title={trans.__('Take %1 out of the project', display_name)}
              disabled={busy}
              onClick={() => void remove(host, props)}
            >
              {trans.__('Remove…')}
            </Button>
          )}
        </td>
      </tr>
      {problem !== null && (
        <tr className="jp-Insighter-Table-note">
          <td colSpan={5}>
            <ErrorNote error={problem} />
          </td>
        </tr>
      )}
    </>
  );
}

/** Take somebody out, and let it be undone: those one knows from elsewhere come back at once, all others by an invitation. */
async function remove(host: IHost, props: IPartProps & { member: Member }): Promise<void> {
  const { model, news, project, member } = props;
  const { trans, commands } = host;
  const { user_id, display_name, email } = member;
  const named = (model.restrictions.value ?? []).filter(({ people }) =>
    people.some(person => person.user_id === user_id)
  );
  const removed = await askRemoval(host, member, named, async () => {
    try {
      await model.remove(user_id);
    } catch (reason) {
      throw explained(reason, news.about(project.id, user_id));
    }
  });
  if (!removed) {
    return;
  }
  const role = member.role as GivenRole;
  offerUndo(host, trans.__('%1 is not a member any more.', display_name), async () => {
    try {
      await model.setRole(user_id, role);
    } catch (reason) {
      if (!(reason instanceof ApiError && reason.code === 'person_not_found')) {
        throw reason;
      }
      Notification.warning(
        trans.__(
          '%1 is in no other project or organisation of yours, and so comes back by an invitation only.',
          display_name
        ),
        {
          autoClose: false,
          actions: [
            {
              label: trans.__('Invite…'),
              callback: () =>
                void commands.execute(CommandIDs.open, {
                  project: project.id,
                  part: 'invitations',
                  email: email ?? '',
                  role
                })
            }
          ]
        }
      );
    }
  });
}

/** An error, with what others did meanwhile in the place of the server's guess. */
export function explained(reason: unknown, news: string | null): unknown {
  if (news === null || !isOvertaken(reason)) {
    return reason;
  }
  const error = ApiError.from(reason);
  return new ApiError({ status: error.status, code: error.code, message: error.message, hint: news });
}

/** To leave the project, or to hand it over first. */
function OwnPart(props: {
  model: SharingModel;
  news: IPartProps['news'];
  project: Project;
  members: ReadonlyArray<Member>;
}): JSX.Element {
  const { model, news, project, members } = props;
  const host = useHost();
  const { trans, projects } = host;
  const heading = React.useId();
  const others = members.filter(({ user_id }) => user_id !== projects.me?.user_id);
  return (
    <section className="jp-Insighter-Note" aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Your own part')}
      </h2>
      {project.role === 'owner' ? (
        <>
          <p>
            {trans.__('You own the project. A project always has an owner: to leave it, transfer it first.')}
            {others.length === 0 && ` ${trans.__('There is nobody to transfer it to yet: invite somebody.')}`}
          </p>
          {others.length > 0 && (
            <Button onClick={() => void transfer(host, model, project, others)}>
              {trans.__('Transfer…')}
            </Button>
          )}
        </>
      ) : (
        <>
          <p>
            {project.visibility === 'private'
              ? trans.__('Who leaves sees nothing of the project any more.')
              : trans.__('Who leaves may read on what is open to others, and change nothing.')}
          </p>
          <Button onClick={() => void leave(host, news, model, project)}>{trans.__('Leave project…')}</Button>
        </>
      )}
    </section>
  );
}

async function leave(
  host: IHost,
  news: IPartProps['news'],
  model: SharingModel,
  project: Project
): Promise<void> {
  const me = host.projects.me?.user_id;
  if (
    me !== undefined &&
    (await askLeave(host, project, () => news.leaving(project.id, () => model.leave(me))))
  ) {
    Notification.info(host.trans.__('You left “%1”.', project.name), { autoClose: 8000 });
  }
}

async function transfer(
  host: IHost,
  model: SharingModel,
  project: Project,
  others: ReadonlyArray<Member>
): Promise<void> {
  const to = await askTransfer(host, project, others, member => model.transfer(member.user_id));
  if (to) {
    Notification.success(
      host.trans.__('%1 owns “%2” now; you are one of its admins.', to.display_name, project.name),
      { autoClose: 8000 }
    );
  }
}
