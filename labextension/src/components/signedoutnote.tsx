import * as React from 'react';

import { Button } from './button';
import { useUi } from './context';

const SignIn = React.lazy(async () => ({ default: (await import('../accounts/signin')).SignIn }));

/** The command that shows where to sign in. */
const SIGN_IN = 'insighter:sign-in';

/**
 * What stands where something needed a sign-in that has ended: what to do, without losing anything. A dialog lets nobody
 * out to the sidebar, so there one signs in on the spot.
 */
export function SignedOutNote(): JSX.Element {
  const { trans, commands } = useUi();
  const [open, setOpen] = React.useState(false);
  const [done, setDone] = React.useState(false);
  const place = React.useRef<HTMLDivElement>(null);
  if (done) {
    return (
      <p className="jp-Insighter-SignedOut" role="status">
        {trans.__('You are signed in again: go on where you were.')}
      </p>
    );
  }
  return (
    <div className="jp-Insighter-SignedOut" ref={place}>
      {open ? (
        <React.Suspense fallback={null}>
          <SignIn
            reason={trans.__('What you typed here stays.')}
            onDone={() => {
              place.current?.closest('.jp-Dialog')?.querySelector<HTMLElement>('.jp-mod-accept')?.focus();
              setDone(true);
            }}
            autoFocus
          />
        </React.Suspense>
      ) : (
        <div role="alert">
          <p className="jp-Insighter-ErrorNote-message">{trans.__('You are signed out.')}</p>
          <p>{trans.__('Sign in again to go on; what is open here stays as it is.')}</p>
          <Button
            primary
            onClick={() => {
              if (place.current?.closest('.jp-Dialog')) {
                setOpen(true);
              } else {
                void commands.execute(SIGN_IN);
              }
            }}
          >
            {trans.__('Sign in')}
          </Button>
        </div>
      )}
    </div>
  );
}
