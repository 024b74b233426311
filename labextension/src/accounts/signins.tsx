import * as React from 'react';

import type { SignIn } from '../api';
import { Button, ErrorNote, formatTime, RelativeTime, StatusDot } from '../components';
import { useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { type AccountModel, isSignedOut, programName } from './model';

/** Where the account is signed in, each to be ended. */
export function SignIns({ model }: { model: AccountModel }): JSX.Element {
  const { trans } = useHost();
  const { value, error } = useResource(model.signIns);
  const [problem, setProblem] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState<string | null>(null);
  React.useEffect(() => {
    void model.signIns.refresh();
  }, [model]);

  const act = async (what: string, action: () => Promise<void>) => {
    setBusy(what);
    setProblem(null);
    try {
      await action();
    } catch (reason) {
      setProblem(reason);
    } finally {
      setBusy(null);
    }
  };

  const others = value?.filter(({ current }) => !current).length ?? 0;
  return (
    <>
      {error && !isSignedOut(error) && (
        <ErrorNote error={error} onRetry={() => void model.signIns.refresh()} />
      )}
      {problem !== null && <ErrorNote error={problem} />}
      <div className="jp-Insighter-Bar">
        <p className="jp-Insighter-Quiet">
          {trans.__('Where you are signed in. End what you do not know, and change the password then.')}
        </p>
        {others > 1 && (
          <Button disabled={busy !== null} onClick={() => void act('others', () => model.endOthers())}>
            {busy === 'others' ? trans.__('Ending…') : trans.__('End all others')}
          </Button>
        )}
      </div>
      {value && (
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('With')}</th>
              <th scope="col">{trans.__('From')}</th>
              <th scope="col">{trans.__('Signed in')}</th>
              <th scope="col">{trans.__('Last used')}</th>
              <th scope="col">
                <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map(signIn => (
              <SignInRow
                key={signIn.id}
                signIn={signIn}
                busy={busy !== null}
                onEnd={() => void act(signIn.id, () => model.endSignIn(signIn.id))}
              />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function SignInRow(props: { signIn: SignIn; busy: boolean; onEnd: () => void }): JSX.Element {
  const { signIn, busy, onEnd } = props;
  const { trans, commands } = useHost();
  const { user_agent, ip, current } = signIn;
  const name = user_agent
    ? programName(user_agent, (browser, system) => trans.__('%1 on %2', browser, system))
    : trans.__('unknown');
  return (
    <tr>
      <th scope="row" title={user_agent ?? undefined}>
        {name}
      </th>
      <td>{ip ?? '–'}</td>
      <td>
        <time dateTime={signIn.created_at}>{formatTime(signIn.created_at)}</time>
      </td>
      <td>
        {current ? (
          <StatusDot condition="ok" word={trans.__('this one')} />
        ) : signIn.last_used_at ? (
          <RelativeTime time={signIn.last_used_at} />
        ) : (
          '–'
        )}
      </td>
      <td>
        {current ? (
          <Button onClick={() => void commands.execute(CommandIDs.signOut)}>{trans.__('Sign out')}</Button>
        ) : (
          <Button disabled={busy} title={trans.__('End the sign-in of %1', name)} onClick={onEnd}>
            {trans.__('End')}
          </Button>
        )}
      </td>
    </tr>
  );
}
