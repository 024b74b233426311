import * as React from 'react';

import {
  type NewInvitation,
  type Organisation,
  type OrganisationMember,
  type OrganisationRole,
  sharing
} from '../api';
import { Button, ErrorNote } from '../components';
import { ask, Field } from '../pages/ask';
import { type IHost, useHost } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { NewCode } from './code';
import type { SharingModel } from './model';

/** Ask for a new organisation and make it; null when cancelled. */
export function askOrganisation(host: IHost, model: SharingModel): Promise<Organisation | null> {
  const { trans } = host;
  return ask({
    ui: host,
    title: trans.__('New organisation'),
    accept: trans.__('Create'),
    initial: '',
    form: (name, change) => (
      <Field
        label={trans.__('Name')}
        hint={trans.__('People who belong together, to whom projects can be shown. You are its first admin.')}
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={100}
            autoComplete="off"
            value={name}
            onChange={event => change(event.target.value)}
          />
        )}
      </Field>
    ),
    submit: name => model.createOrganisation(name.trim())
  });
}

/** The caller's organisations, each with its people. */
export function Organisations(props: {
  model: SharingModel;
  organisations: ReadonlyArray<Organisation>;
}): JSX.Element | null {
  const { model, organisations } = props;
  const { trans } = useHost();
  const heading = React.useId();
  if (organisations.length === 0) {
    return null;
  }
  return (
    <section className="jp-Insighter-Note" aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Your organisations')}
      </h2>
      {organisations.map(organisation => (
        <OrganisationDetails key={organisation.id} model={model} organisation={organisation} />
      ))}
    </section>
  );
}

function OrganisationDetails(props: { model: SharingModel; organisation: Organisation }): JSX.Element {
  const { organisation } = props;
  const { trans } = useHost();
  const [open, setOpen] = React.useState(false);
  return (
    <details className="jp-Insighter-Details" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        {organisation.name}{' '}
        <span className="jp-Insighter-Quiet">
          {trans._n('%1 member', '%1 members', organisation.members)}
        </span>
      </summary>
      {open && <OrganisationPeople {...props} />}
    </details>
  );
}

function OrganisationPeople(props: { model: SharingModel; organisation: Organisation }): JSX.Element {
  const { model, organisation } = props;
  const host = useHost();
  const { trans, projects } = host;
  const { id, name } = organisation;
  const admin = organisation.role === 'admin';
  const [made, setMade] = React.useState<NewInvitation | null>(null);
  const [problem, setProblem] = React.useState<unknown>(null);
  const [list, { value, error }] = useOwnResource(
    () => new Resource<OrganisationMember[]>(() => sharing.organisationMembers(id)),
    id,
    organisation.members
  );

  const act = async (action: () => Promise<void>) => {
    setProblem(null);
    try {
      await action();
    } catch (reason) {
      setProblem(reason);
    } finally {
      await Promise.all([list.refresh(), model.organisations.refresh()]);
    }
  };
  const takeOut = (member: OrganisationMember, own: boolean) =>
    void ask({
      ui: host,
      title: own
        ? trans.__('Leave “%1”?', name)
        : trans.__('Take %1 out of “%2”?', member.display_name, name),
      accept: own ? trans.__('Leave') : trans.__('Remove'),
      warn: true,
      careful: true,
      initial: null,
      form: () => (
        <p>
          {trans.__(
            'Projects that are shown to the organisation are not read that way any more. To come back takes another invitation.'
          )}
        </p>
      ),
      submit: async () => {
        await sharing.removeOrganisationMember(id, member.user_id);
        await Promise.all([list.refresh(), model.organisations.refresh()]);
      }
    });

  return (
    <div className="jp-Insighter-Organisation">
      {made && <NewCode key={made.id} invitation={made} to={name} onDone={() => setMade(null)} />}
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {problem !== null && <ErrorNote error={problem} />}
      <table className="jp-Insighter-Table">
        <tbody>
          {(value ?? []).map(member => {
            const own = member.user_id === projects.me?.user_id;
            return (
              <tr key={member.user_id}>
                <th scope="row">
                  <span>{member.display_name}</span>
                  {own && <span className="jp-Insighter-Quiet"> {trans.__('(you)')}</span>}
                </th>
                <td className="jp-mod-quiet">{member.email ?? ''}</td>
                <td>
                  {admin ? (
                    <select
                      className="jp-Insighter-Select"
                      aria-label={trans.__('Role of %1 in %2', member.display_name, name)}
                      value={member.role}
                      onChange={event => {
                        const role = event.target.value as OrganisationRole;
                        void act(() => sharing.setOrganisationMember(id, member.user_id, role));
                      }}
                    >
                      <option value="member">{trans.__('member')}</option>
                      <option value="admin">{trans.__('admin')}</option>
                    </select>
                  ) : (
                    member.role
                  )}
                </td>
                <td>
                  {(admin || own) && (
                    <Button
                      title={
                        own
                          ? trans.__('Leave %1', name)
                          : trans.__('Take %1 out of %2', member.display_name, name)
                      }
                      onClick={() => takeOut(member, own)}
                    >
                      {own ? trans.__('Leave…') : trans.__('Remove…')}
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {admin && (
        <div className="jp-Insighter-Buttons">
          <Button onClick={() => void askMember(host, organisation).then(one => one && setMade(one))}>
            {trans.__('Invite to %1…', name)}
          </Button>
        </div>
      )}
    </div>
  );
}

interface IInvited {
  readonly email: string;
  readonly role: OrganisationRole;
}

/** Ask whom to invite to an organisation, and do it; null when cancelled. */
function askMember(host: IHost, organisation: Organisation): Promise<NewInvitation | null> {
  const { trans } = host;
  return ask<IInvited, NewInvitation>({
    ui: host,
    title: trans.__('Invite to “%1”', organisation.name),
    accept: trans.__('Invite'),
    initial: { email: '', role: 'member' },
    form: (value, change) => (
      <>
        <Field label={trans.__('E-mail')}>
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              type="email"
              required
              maxLength={254}
              autoComplete="off"
              value={value.email}
              onChange={event => change({ ...value, email: event.target.value })}
            />
          )}
        </Field>
        <Field
          label={trans.__('Role')}
          hint={
            value.role === 'admin'
              ? trans.__('An admin invites others and takes them out.')
              : trans.__('A member reads what is shown to the organisation, and sees who else belongs to it.')
          }
        >
          {id => (
            <select
              id={id}
              className="jp-mod-styled"
              value={value.role}
              onChange={event => change({ ...value, role: event.target.value as OrganisationRole })}
            >
              <option value="member">{trans.__('member')}</option>
              <option value="admin">{trans.__('admin')}</option>
            </select>
          )}
        </Field>
      </>
    ),
    submit: ({ email, role }) => sharing.inviteToOrganisation(organisation.id, email.trim(), role)
  });
}
