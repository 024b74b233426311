import * as React from 'react';

import { accounts, ApiError, type AuthState } from '../api';
import { Button, ErrorNote, useUi } from '../components';
import { Resource, useOwnResource } from '../pages/resource';

import {
  type FieldName,
  type IFieldError,
  type ISubmission,
  SubmitRow,
  TextField,
  useSubmission,
  waitLabel
} from './form';

/** The fewest characters of a password. */
export const SHORTEST_PASSWORD = 8;

/** What one is about to do. */
type Step = 'sign-in' | 'sign-up' | 'recovery' | 'new-password' | 'confirmation';

/** What was typed, whichever step it was typed in. */
type Draft = Readonly<Record<DraftName, string>>;

/** A password that is thought up is kept apart from one that is known. */
type DraftName = FieldName | 'new_password';

interface ISignInProps {
  /** Why it is asked for. */
  reason?: string;
  /** Called when somebody is signed in. */
  onDone?: () => void;
  /** Whether to take the keyboard's focus at once. */
  autoFocus?: boolean;
}

/** Signing in, and what may have to be done before: making an account, confirming it, another password. */
export function SignIn(props: ISignInProps): JSX.Element {
  const { trans } = useUi();
  const [resource, { value: state, error }] = useOwnResource(
    () => new Resource<AuthState>(() => accounts.state()),
    'state',
    0
  );
  const [step, setStep] = React.useState<Step>('sign-in');
  const [draft, setDraft] = React.useState<Draft>({
    email: '',
    password: '',
    new_password: '',
    code: '',
    invitation: '',
    display_name: '',
    current: ''
  });
  const heading = React.useId();
  const place = React.useRef<HTMLElement>(null);
  const { autoFocus } = props;
  React.useEffect(() => {
    if (autoFocus) {
      place.current?.scrollIntoView({ block: 'start' });
    }
  }, [autoFocus]);
  const moved = step !== 'sign-in' || autoFocus === true;

  const common: IStepProps = {
    state,
    draft,
    change: (field, value) => setDraft(before => ({ ...before, [field]: value })),
    go: next => setStep(next),
    done: () => {
      setDraft(before => ({ ...before, password: '', new_password: '', code: '' }));
      props.onDone?.();
    },
    autoFocus: moved
  };
  if (ApiError.from(error).signedOut) {
    return <JupyterSignedOut />;
  }
  const titles: Readonly<Record<Step, string>> = {
    'sign-in': trans.__('Sign in to Insighter'),
    'sign-up': trans.__('Create an account'),
    recovery: trans.__('Set a new password'),
    'new-password': trans.__('Set a new password'),
    confirmation: trans.__('Confirm your address')
  };
  return (
    <section ref={place} className="jp-Insighter-SignIn" aria-labelledby={heading}>
      <h2 id={heading}>{titles[step]}</h2>
      {props.reason && step === 'sign-in' && <p role="status">{props.reason}</p>}
      {step === 'sign-in' && <SignInStep {...common} />}
      {step === 'sign-up' && <SignUpStep {...common} />}
      {step === 'recovery' && <RecoveryStep {...common} />}
      {step === 'new-password' && <NewPasswordStep {...common} />}
      {step === 'confirmation' && <ConfirmationStep {...common} />}
      {error && !state && <ErrorNote error={error} onRetry={() => void resource.refresh()} />}
    </section>
  );
}

/** Jupyter's own sign-in has ended, and with it every way to Insighter's. */
function JupyterSignedOut(): JSX.Element {
  const { trans } = useUi();
  return (
    <section className="jp-Insighter-SignIn" role="alert">
      <p>{trans.__('JupyterLab itself is signed out. Reload the page to sign in to it again.')}</p>
      <Button primary onClick={() => window.location.reload()}>
        {trans.__('Reload')}
      </Button>
    </section>
  );
}

interface IStepProps {
  /** How people get in here; null until the server has said it. */
  state: AuthState | null;
  draft: Draft;
  change: (field: DraftName, value: string) => void;
  go: (step: Step) => void;
  done: () => void;
  autoFocus: boolean;
}

function SignInStep({ state, draft, change, go, done, autoFocus }: IStepProps): JSX.Element {
  const { trans } = useUi();
  const submission = useSubmission(
    ['email', 'password'],
    () =>
      missing(draft, 'email', trans.__('Enter your e-mail address.')) ??
      missing(draft, 'password', trans.__('Enter your password.')),
    async () => {
      try {
        await accounts.signIn(draft.email.trim(), draft.password);
      } catch (reason) {
        if (reason instanceof ApiError && reason.code === 'email_not_confirmed') {
          go('confirmation');
          return;
        }
        throw reason;
      }
      done();
    }
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      <EmailField draft={draft} change={change} submission={submission} autoFocus={autoFocus} />
      <TextField
        label={trans.__('Password')}
        name="password"
        type="password"
        autoComplete="current-password"
        value={draft.password}
        onChange={value => change('password', value)}
        submission={submission}
      />
      <SubmitRow submission={submission} label={trans.__('Sign in')} busyLabel={trans.__('Signing in…')} />
      <div className="jp-Insighter-SignIn-links">
        <Link onClick={() => go(state?.sends_mail === false ? 'new-password' : 'recovery')}>
          {trans.__('Forgot your password?')}
        </Link>
        {state && state.sign_up !== 'closed' && (
          <Link onClick={() => go('sign-up')}>
            {state.sign_up === 'invited'
              ? trans.__('Invited? Create an account')
              : trans.__('Create an account')}
          </Link>
        )}
        {state?.sign_up === 'closed' && (
          <p className="jp-Insighter-Quiet">
            {trans.__('No account yet? Whoever runs this server makes them.')}
          </p>
        )}
      </div>
    </form>
  );
}

function SignUpStep({ state, draft, change, go, done, autoFocus }: IStepProps): JSX.Element {
  const { trans } = useUi();
  const newPassword = useNewPassword();
  const invited = state?.sign_up === 'invited';
  const submission = useSubmission(
    ['invitation', 'display_name', 'email', 'password'],
    () =>
      (invited ? missing(draft, 'invitation', trans.__('Enter the code of your invitation.')) : null) ??
      missing(draft, 'email', trans.__('Enter your e-mail address.')) ??
      newPassword(draft),
    async () => {
      const signedIn = await accounts.signUp({
        email: draft.email.trim(),
        password: draft.new_password,
        ...(draft.display_name.trim() && { display_name: draft.display_name.trim() }),
        ...(draft.invitation.trim() && { invitation: draft.invitation.trim() })
      });
      if (signedIn) {
        done();
      } else {
        go('confirmation');
      }
    }
  );
  const code = (
    <TextField
      label={trans.__('Invitation code')}
      name="invitation"
      autoComplete="off"
      hint={trans.__('Whoever invited you has it.')}
      optional={!invited}
      value={draft.invitation}
      onChange={value => change('invitation', value)}
      submission={submission}
      autoFocus={autoFocus && invited}
    />
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      {invited && code}
      <EmailField
        draft={draft}
        change={change}
        submission={submission}
        autoFocus={autoFocus && !invited}
        hint={invited ? trans.__('The address that was invited.') : undefined}
      />
      <TextField
        label={trans.__('Name')}
        name="display_name"
        autoComplete="name"
        optional
        hint={trans.__('What the others see.')}
        value={draft.display_name}
        onChange={value => change('display_name', value)}
        submission={submission}
        maxLength={100}
      />
      <NewPasswordField draft={draft} change={change} submission={submission} />
      {!invited && code}
      <SubmitRow
        submission={submission}
        label={trans.__('Create account')}
        busyLabel={trans.__('Creating the account…')}
      />
      <div className="jp-Insighter-SignIn-links">
        <Link onClick={() => go('sign-in')}>{trans.__('I have an account: sign in')}</Link>
      </div>
    </form>
  );
}

function RecoveryStep({ draft, change, go, autoFocus }: IStepProps): JSX.Element {
  const { trans } = useUi();
  const submission = useSubmission(
    ['email'],
    () => missing(draft, 'email', trans.__('Enter your e-mail address.')),
    async () => {
      await accounts.askRecovery(draft.email.trim());
      go('new-password');
    }
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      <p>{trans.__('With a code you can set a new password. For which account?')}</p>
      <EmailField draft={draft} change={change} submission={submission} autoFocus={autoFocus} />
      <SubmitRow submission={submission} label={trans.__('Get a code')} busyLabel={trans.__('Asking…')} />
      <div className="jp-Insighter-SignIn-links">
        <Link onClick={() => go('new-password')}>{trans.__('I have a code')}</Link>
        <Link onClick={() => go('sign-in')}>{trans.__('Back to signing in')}</Link>
      </div>
    </form>
  );
}

function NewPasswordStep({ state, draft, change, go, done, autoFocus }: IStepProps): JSX.Element {
  const { trans } = useUi();
  const newPassword = useNewPassword();
  const submission = useSubmission(
    ['email', 'code', 'password'],
    () =>
      missing(draft, 'email', trans.__('Enter your e-mail address.')) ??
      missing(draft, 'code', trans.__('Enter the code.')) ??
      newPassword(draft),
    async () => {
      await accounts.recover(draft.email.trim(), draft.code.trim(), draft.new_password);
      done();
    }
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      <p role="status">
        {state?.sends_mail === false
          ? trans.__(
              'This server sends no e-mail. Whoever runs it gets a code for you with “insighter accounts recover”.'
            )
          : trans.__('If this address has an account, a code is on its way to it. Look into your mail.')}
      </p>
      <EmailField draft={draft} change={change} submission={submission} />
      <CodeField draft={draft} change={change} submission={submission} autoFocus={autoFocus} />
      <NewPasswordField draft={draft} change={change} submission={submission} />
      <SubmitRow
        submission={submission}
        label={trans.__('Set password and sign in')}
        busyLabel={trans.__('Setting the password…')}
      />
      <div className="jp-Insighter-SignIn-links">
        {state?.sends_mail !== false && (
          <Link onClick={() => go('recovery')}>{trans.__('Ask for another code')}</Link>
        )}
        <Link onClick={() => go('sign-in')}>{trans.__('Back to signing in')}</Link>
      </div>
    </form>
  );
}

/** Only where the server sends mail: elsewhere a new account is signed in at once. */
function ConfirmationStep({ draft, change, go, done, autoFocus }: IStepProps): JSX.Element {
  const { trans } = useUi();
  const [again, setAgain] = React.useState(false);
  const submission = useSubmission(
    ['email', 'code'],
    () =>
      missing(draft, 'email', trans.__('Enter your e-mail address.')) ??
      missing(draft, 'code', trans.__('Enter the code.')),
    async () => {
      await accounts.confirm(draft.email.trim(), draft.code.trim());
      done();
    }
  );
  const resend = useSubmission(
    [],
    () => null,
    async () => {
      setAgain(false);
      await accounts.askConfirmation(draft.email.trim());
      setAgain(true);
    }
  );
  return (
    <form method="post" noValidate aria-busy={submission.busy} onSubmit={submission.submit}>
      <p role="status">
        {trans.__(
          'A message is on its way to %1. Follow its link and sign in, or enter its code here.',
          draft.email.trim()
        )}
      </p>
      <CodeField draft={draft} change={change} submission={submission} autoFocus={autoFocus} />
      <SubmitRow submission={submission} label={trans.__('Confirm')} busyLabel={trans.__('Confirming…')}>
        <Button disabled={resend.busy || resend.wait > 0} onClick={() => resend.submit()}>
          {resend.wait > 0 ? waitLabel(resend, trans) : trans.__('Send it again')}
        </Button>
      </SubmitRow>
      {resend.error && <ErrorNote error={resend.error} />}
      {again && <p role="status">{trans.__('It was sent again. It may take a minute.')}</p>}
      <div className="jp-Insighter-SignIn-links">
        <Link onClick={() => go('sign-in')}>{trans.__('Back to signing in')}</Link>
      </div>
    </form>
  );
}

interface IPartProps {
  draft: Draft;
  change: (field: DraftName, value: string) => void;
  submission: ISubmission;
  autoFocus?: boolean;
  hint?: string;
}

function EmailField({ draft, change, submission, autoFocus, hint }: IPartProps): JSX.Element {
  const { trans } = useUi();
  return (
    <TextField
      label={trans.__('E-mail')}
      name="email"
      type="email"
      autoComplete="username"
      value={draft.email}
      onChange={value => change('email', value)}
      submission={submission}
      autoFocus={autoFocus}
      hint={hint}
    />
  );
}

function CodeField({ draft, change, submission, autoFocus }: IPartProps): JSX.Element {
  const { trans } = useUi();
  return (
    <TextField
      label={trans.__('Code')}
      name="code"
      autoComplete="one-time-code"
      value={draft.code}
      onChange={value => change('code', value)}
      submission={submission}
      autoFocus={autoFocus}
    />
  );
}

function NewPasswordField({ draft, change, submission }: IPartProps): JSX.Element {
  const { trans } = useUi();
  return (
    <TextField
      label={trans.__('New password')}
      name="password"
      type="password"
      autoComplete="new-password"
      hint={trans.__('At least %1 characters.', SHORTEST_PASSWORD)}
      value={draft.new_password}
      onChange={value => change('new_password', value)}
      submission={submission}
    />
  );
}

function Link(props: { onClick: () => void; children: React.ReactNode }): JSX.Element {
  return (
    <button type="button" className="jp-Insighter-Link" onClick={props.onClick}>
      {props.children}
    </button>
  );
}

/** What is to be said of a field that is empty. */
function missing(draft: Draft, field: FieldName, text: string): IFieldError | null {
  return draft[field].trim() ? null : { field, text };
}

/** What is to be said of a new password that is too short. */
function useNewPassword(): (draft: Draft) => IFieldError | null {
  const { trans } = useUi();
  return ({ new_password }) =>
    [...new_password].length < SHORTEST_PASSWORD
      ? { field: 'password', text: trans.__('Take at least %1 characters.', SHORTEST_PASSWORD) }
      : null;
}
