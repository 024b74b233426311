import * as React from 'react';

import { ApiError, type GivenRole, type NewInvitation, type SentInvitation } from '../api';
import { hubSignsIn } from '../accounts/model';
import { SubmitRow, TextField, useSubmission } from '../accounts/form';
import { Button, EmptyState, ErrorNote, formatDate, RelativeTime, StatusDot } from '../components';
import { ask, Field } from '../pages/ask';
import { useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import { roleMeaning, roleName } from '../projects/roles';
import { NewCode } from './code';
import { isOvertaken, type SharingModel } from './model';
import type { IPartProps } from './page';
import { RoleSelect } from './roleselect';

/** Invite by e-mail address, and the invitations that nobody answered yet. */
export function Invitations(props: IPartProps): JSX.Element {
  const { model, project, may } = props;
  const { trans } = useHost();
  const { value, error } = useResource(model.invitations);
  const [made, setMade] = React.useState<NewInvitation | null>(null);
  const waiting = may ? (value ?? []) : [];
  return (
    <>
      {made && may && (
        <NewCode key={made.id} invitation={made} to={project.name} onDone={() => setMade(null)} />
      )}
      <InviteForm {...props} waiting={waiting} onMade={setMade} />
      {may && error && <ErrorNote error={error} onRetry={() => void model.invitations.refresh()} />}
      {may && value?.length === 0 && (
        <EmptyState
          text={trans.__(
            'No invitation waits for an answer. An invitation is good for 14 days, and for whoever has its code.'
          )}
        />
      )}
      {waiting.length > 0 && <Waiting model={model} invitations={waiting} />}
    </>
  );
}

interface IInviteFormProps extends IPartProps {
  waiting: ReadonlyArray<SentInvitation>;
  onMade: (made: NewInvitation | null) => void;
}

function InviteForm(props: IInviteFormProps): JSX.Element {
  const { model, may, focus, waiting, onMade } = props;
  const { trans, projects } = useHost();
  const [email, setEmail] = React.useState('');
  const [role, setRole] = React.useState<GivenRole>('editor');
  const [member, setMember] = React.useState<string | null>(null);
  const form = React.useRef<HTMLFormElement>(null);
  const address = email.trim();
  const again = waiting.some(invitation => invitation.email === address.toLowerCase());

  React.useEffect(() => {
    if (focus?.part === 'invitations') {
      if (focus.email) {
        setEmail(focus.email);
        setRole(focus.role ?? 'editor');
      }
      form.current?.querySelector<HTMLElement>('input')?.focus();
    }
  }, [focus]);

  const submission = useSubmission(
    ['email'],
    () =>
      /^\S+@\S+$/.test(address)
        ? null
        : { field: 'email', text: trans.__('Write the address as name@example.org.') },
    async () => {
      setMember(null);
      try {
        onMade(await model.invite(address, role));
        setEmail('');
      } catch (reason) {
        if (reason instanceof ApiError && reason.code === 'member_already') {
          setMember(address);
        }
        throw reason;
      }
    }
  );

  return (
    <form
      ref={form}
      className="jp-Insighter-Invite"
      method="post"
      noValidate
      aria-busy={submission.busy}
      aria-label={trans.__('Invite')}
      onSubmit={event => {
        if (may) {
          submission.submit(event);
        } else {
          event.preventDefault();
        }
      }}
    >
      <div className="jp-Insighter-Invite-fields">
        <TextField
          label={trans.__('E-mail')}
          name="email"
          type="email"
          autoComplete="off"
          value={email}
          maxLength={254}
          onChange={text => {
            setMember(null);
            setEmail(text);
          }}
          submission={submission}
          hint={
            again
              ? trans.__('Invited already: a new invitation takes the place of that one.')
              : hubSignsIn(projects)
                ? trans.__('Of who signs in by JupyterHub: ana@jupyterhub.localhost.')
                : undefined
          }
        />
        <Field label={trans.__('Role')} hint={trans.__('A member who %1', roleMeaning(role, trans))}>
          {id => <RoleSelect id={id} role={role} onChange={setRole} styled />}
        </Field>
      </div>
      {member !== null && (
        <button
          type="button"
          className="jp-Insighter-Link"
          onClick={() => model.focus({ part: 'people', email: member.toLowerCase() })}
        >
          {trans.__('Show the member')}
        </button>
      )}
      <SubmitRow
        submission={submission}
        label={trans.__('Invite')}
        busyLabel={trans.__('Inviting…')}
        disabled={!may}
      />
    </form>
  );
}

function Waiting(props: { model: SharingModel; invitations: ReadonlyArray<SentInvitation> }): JSX.Element {
  const { trans } = useHost();
  const heading = React.useId();
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Waiting for an answer')}
      </h2>
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Address')}</th>
            <th scope="col">{trans.__('As')}</th>
            <th scope="col">{trans.__('By')}</th>
            <th scope="col">{trans.__('Sent')}</th>
            <th scope="col">{trans.__('Good until')}</th>
            <th scope="col">
              <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {props.invitations.map(invitation => (
            <WaitingRow key={invitation.id} model={props.model} invitation={invitation} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function WaitingRow(props: { model: SharingModel; invitation: SentInvitation }): JSX.Element {
  const { model, invitation } = props;
  const host = useHost();
  const { trans } = host;
  const { email, expires_at } = invitation;
  const lapsed = Date.parse(expires_at) <= Date.now();

  const revoke = () =>
    void ask({
      ui: host,
      title: trans.__('Take the invitation of %1 back?', email),
      accept: trans.__('Take Back'),
      warn: true,
      careful: true,
      initial: null,
      form: () => (
        <p>{trans.__('Its code is good for nothing any more. You can invite the address again.')}</p>
      ),
      submit: async () => {
        try {
          await model.revoke(invitation.id);
        } catch (reason) {
          throw isOvertaken(reason)
            ? used(
                reason,
                trans.__(
                  'It was accepted, declined or taken back meanwhile; whoever accepted it is among the members.'
                )
              )
            : reason;
        }
      }
    });

  return (
    <tr>
      <th scope="row">{email}</th>
      <td>{roleName(invitation.role as GivenRole, trans)}</td>
      <td>{invitation.invited_by}</td>
      <td>
        <RelativeTime time={invitation.created_at} />
      </td>
      <td>
        {lapsed ? (
          <StatusDot condition="off" word={trans.__('lapsed')} />
        ) : (
          <time dateTime={expires_at}>{formatDate(expires_at)}</time>
        )}
      </td>
      <td>
        {lapsed ? (
          <Button
            onClick={() => model.focus({ part: 'invitations', email, role: invitation.role as GivenRole })}
          >
            {trans.__('Again…')}
          </Button>
        ) : (
          <Button title={trans.__('Take the invitation of %1 back', email)} onClick={revoke}>
            {trans.__('Take back…')}
          </Button>
        )}
      </td>
    </tr>
  );
}

/** An error with what to do in other words. */
function used(reason: unknown, hint: string): ApiError {
  const error = ApiError.from(reason);
  return error.status === 404
    ? new ApiError({ status: error.status, code: error.code, message: error.message, hint })
    : error;
}
