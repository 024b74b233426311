import type { GivenRole, Member, Project, Restriction } from '../api';
import { ask, exactly, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { roleMeaning, roleName } from '../projects/roles';
import type { SharingModel } from './model';

/** Ask whether to take somebody out, and do it; whether it was done. */
export async function askRemoval(
  host: IHost,
  member: Member,
  named: ReadonlyArray<Restriction>,
  remove: () => Promise<void>
): Promise<boolean> {
  const { trans } = host;
  const { display_name } = member;
  const done = await ask({
    ui: host,
    title: trans.__('Take %1 out of the project?', display_name),
    accept: trans.__('Remove'),
    warn: true,
    careful: true,
    initial: null,
    form: () => (
      <>
        <p>
          {trans.__(
            '%1 is a member no longer, and neither are the kernels and access tokens that work for %1. What %1 made stays.',
            display_name
          )}
        </p>
        {named.length > 0 && (
          <p>
            {trans.__(
              'Restricted assets do not name %1 any more, also after coming back: %2.',
              display_name,
              named.map(({ name }) => name).join(', ')
            )}
          </p>
        )}
      </>
    ),
    submit: async () => {
      await remove();
      return true;
    }
  });
  return done ?? false;
}

/** Ask whether to give up one's own role as an admin, which one cannot take back oneself. */
export async function askStepDown(
  host: IHost,
  model: SharingModel,
  member: Member,
  role: GivenRole
): Promise<void> {
  const { trans } = host;
  await ask({
    ui: host,
    title: trans.__('Become %1 yourself?', roleName(role, trans)),
    accept: trans.__('Give Up My Role'),
    warn: true,
    careful: true,
    initial: null,
    form: () => (
      <p>
        {trans.__(
          'You are an admin no longer: you say no more who may what, and only another admin can give you the role back.'
        )}
      </p>
    ),
    submit: () => model.setRole(member.user_id, role)
  });
}

/** Ask whether to leave a project, and do it; whether it was done. */
export async function askLeave(host: IHost, project: Project, leave: () => Promise<void>): Promise<boolean> {
  const { trans } = host;
  const done = await ask({
    ui: host,
    title: trans.__('Leave “%1”?', project.name),
    accept: trans.__('Leave'),
    warn: true,
    careful: true,
    initial: null,
    form: () => (
      <>
        <p>
          {trans.__('To come back takes an admin who lets you in again. What you made stays in the project.')}
        </p>
        {project.folder && (
          <p>{trans.__('The folder “%1” with its notebooks and files stays where it is.', project.folder)}</p>
        )}
      </>
    ),
    submit: async () => {
      await leave();
      return true;
    }
  });
  return done ?? false;
}

interface ITransfer {
  readonly to: string;
  readonly typed: string;
}

/** Ask to whom a project goes, have its name typed, and transfer it; the new owner, null when cancelled. */
export function askTransfer(
  host: IHost,
  project: Project,
  others: ReadonlyArray<Member>,
  transfer: (member: Member) => Promise<unknown>
): Promise<Member | null> {
  const { trans } = host;
  return ask<ITransfer, Member>({
    ui: host,
    title: trans.__('Transfer “%1”', project.name),
    accept: trans.__('Transfer'),
    warn: true,
    initial: { to: others[0].user_id, typed: '' },
    form: (value, change) => (
      <>
        <Field
          label={trans.__('New owner')}
          hint={trans.__('The owner %1. You are an admin afterwards.', roleMeaning('owner', trans))}
        >
          {id => (
            <select
              id={id}
              className="jp-mod-styled"
              value={value.to}
              onChange={event => change({ ...value, to: event.target.value })}
            >
              {others.map(({ user_id, display_name, email }) => (
                <option key={user_id} value={user_id}>
                  {email ? `${display_name} (${email})` : display_name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <p>{trans.__('You cannot take it back: only the new owner can transfer it to you again.')}</p>
        <Field label={trans.__('To transfer it, type its name: %1', project.name)}>
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={value.typed}
              required
              autoComplete="off"
              spellCheck={false}
              pattern={exactly(project.name)}
              title={trans.__('The project’s name, exactly')}
              onChange={event => change({ ...value, typed: event.target.value })}
            />
          )}
        </Field>
      </>
    ),
    submit: async ({ to }) => {
      const member = others.find(({ user_id }) => user_id === to) ?? others[0];
      await transfer(member);
      return member;
    }
  });
}
