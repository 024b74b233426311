import { ApiError } from '../api';

import { Button } from './button';
import { useUi } from './context';
import { SignedOutNote } from './signedoutnote';

/** An error where the action was: what happened, what to do, details that unfold, and trying again. */
export function ErrorNote(props: { error: unknown; onRetry?: () => void }): JSX.Element {
  const { trans } = useUi();
  const error = ApiError.from(props.error);
  if (error.signedOut) {
    return <SignedOutNote />;
  }
  const { details } = error;
  const text = typeof details === 'string' ? details : JSON.stringify(details, undefined, 1);
  return (
    <div className="jp-Insighter-ErrorNote" role="alert">
      <p className="jp-Insighter-ErrorNote-message">{sentence(error.message)}</p>
      {error.hint && <p>{sentence(error.hint)}</p>}
      {details !== null && (
        <details>
          <summary>{trans.__('Details')}</summary>
          <pre tabIndex={0}>{text}</pre>
        </details>
      )}
      {props.onRetry && <Button onClick={props.onRetry}>{trans.__('Try again')}</Button>}
    </div>
  );
}

/** The server's messages begin in lower case, as they also end up behind a colon. */
function sentence(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
