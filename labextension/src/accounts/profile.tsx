import * as React from 'react';

import { ProfileAchievements } from '../achievements/profile';
import type { Account } from '../api';
import { CodeLine } from '../components';
import { useHost } from '../pages/host';
import { SubmitRow, TextField, useSubmission } from './form';
import { type AccountModel, hubSignsIn } from './model';
import { SHORTEST_PASSWORD } from './signin';

interface IPartProps {
  model: AccountModel;
  account: Account;
}

/** Who the account is to others, and its password. */
export function Profile({ model, account }: IPartProps): JSX.Element {
  const { projects } = useHost();
  return (
    <div className="jp-Insighter-Forms">
      <Name model={model} account={account} />
      {account.local ? (
        <LocalNote />
      ) : hubSignsIn(projects) ? (
        <HubNote />
      ) : (
        <>
          {!account.confirmed && <Confirmation model={model} account={account} />}
          <Password model={model} account={account} />
        </>
      )}
      <ProfileAchievements />
    </div>
  );
}

function Name({ model, account }: IPartProps): JSX.Element {
  const { trans, projects } = useHost();
  const [name, setName] = React.useState(account.display_name);
  const [saved, setSaved] = React.useState(false);
  const submission = useSubmission(
    ['display_name'],
    () =>
      name.trim() ? null : { field: 'display_name', text: trans.__('Enter a name: the others see it.') },
    async () => {
      setSaved(false);
      await model.rename(name.trim());
      setSaved(true);
      void projects.refresh();
    }
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      <TextField
        label={trans.__('Name')}
        name="display_name"
        autoComplete="name"
        hint={trans.__('It stands beside what you make, for everybody who may see it.')}
        value={name}
        onChange={value => {
          setSaved(false);
          setName(value);
        }}
        submission={submission}
        maxLength={100}
      />
      <SubmitRow
        submission={submission}
        label={trans.__('Save')}
        busyLabel={trans.__('Saving…')}
        disabled={name.trim() === account.display_name}
      >
        <Done text={saved ? trans.__('Saved.') : ''} />
      </SubmitRow>
    </form>
  );
}

/** Proving that the address is the account's; invitations to it wait for that. */
function Confirmation({ model, account }: IPartProps): JSX.Element {
  const { trans } = useHost();
  const [code, setCode] = React.useState('');
  const heading = React.useId();
  const submission = useSubmission(
    ['code'],
    () => (code.trim() ? null : { field: 'code', text: trans.__('Enter the code.') }),
    () => model.confirm(account.email, code.trim())
  );
  return (
    <form
      method="post"
      noValidate
      aria-busy={submission.busy}
      aria-labelledby={heading}
      onSubmit={submission.submit}
    >
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Confirm your address')}
      </h2>
      <p className="jp-Insighter-Quiet">
        {trans.__(
          'Until it is confirmed that %1 is yours, invitations to it are accepted by their codes only.',
          account.email
        )}
      </p>
      <TextField
        label={trans.__('Code')}
        name="code"
        autoComplete="one-time-code"
        hint={trans.__('From the mail; where the server sends none, from whoever runs it.')}
        value={code}
        onChange={setCode}
        submission={submission}
      />
      <SubmitRow submission={submission} label={trans.__('Confirm')} busyLabel={trans.__('Confirming…')} />
    </form>
  );
}

function Password({ model, account }: IPartProps): JSX.Element {
  const { trans } = useHost();
  const [current, setCurrent] = React.useState('');
  const [next, setNext] = React.useState('');
  const [done, setDone] = React.useState(false);
  const heading = React.useId();
  const submission = useSubmission(
    ['current', 'password'],
    () => {
      if (!current) {
        return { field: 'current', text: trans.__('Enter the password you have now.') };
      }
      return [...next].length < SHORTEST_PASSWORD
        ? { field: 'password', text: trans.__('Take at least %1 characters.', SHORTEST_PASSWORD) }
        : null;
    },
    async () => {
      setDone(false);
      await model.changePassword(current, next);
      setCurrent('');
      setNext('');
      setDone(true);
    }
  );
  return (
    <form
      method="post"
      noValidate
      aria-busy={submission.busy}
      aria-labelledby={heading}
      onSubmit={submission.submit}
    >
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Change the password')}
      </h2>
      {/* tells a password manager whose password it is */}
      <input
        type="text"
        name="username"
        autoComplete="username"
        value={account.email ?? ''}
        readOnly
        hidden
      />
      <TextField
        label={trans.__('Current password')}
        name="current"
        type="password"
        autoComplete="current-password"
        value={current}
        onChange={setCurrent}
        submission={submission}
      />
      <TextField
        label={trans.__('New password')}
        name="password"
        type="password"
        autoComplete="new-password"
        hint={trans.__('At least %1 characters. Your other sign-ins end with it.', SHORTEST_PASSWORD)}
        value={next}
        onChange={value => {
          setDone(false);
          setNext(value);
        }}
        submission={submission}
      />
      <SubmitRow
        submission={submission}
        label={trans.__('Change password')}
        busyLabel={trans.__('Changing the password…')}
      >
        <Done text={done ? trans.__('Changed. Your other sign-ins have ended.') : ''} />
      </SubmitRow>
    </form>
  );
}

/** How a team gets accounts, where there is only the local one. */
function LocalNote(): JSX.Element {
  const { trans } = useHost();
  return (
    <section className="jp-Insighter-Note">
      <p>
        {trans.__(
          'This server has one local account, for whoever Jupyter lets in: there is no password to keep and nothing to sign out of. Where a team shares a server, everybody gets an account of their own with this line in Jupyter’s configuration; docs/accounts.md tells the rest.'
        )}
      </p>
      <CodeLine code="c.ServerApp.identity_provider_class = 'server_handlers.identity.InsighterIdentityProvider'" />
    </section>
  );
}

/** Where JupyterHub signs people in. */
function HubNote(): JSX.Element {
  const { trans } = useHost();
  return (
    <section className="jp-Insighter-Note">
      <p>{trans.__('JupyterHub signs you in: your password and your sign-ins are kept there.')}</p>
    </section>
  );
}

/** Says that something is done, also to who does not see it. */
function Done({ text }: { text: string }): JSX.Element {
  return (
    <span className="jp-Insighter-Quiet jp-Insighter-Done" role="status">
      {text}
    </span>
  );
}
