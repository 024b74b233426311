import * as React from 'react';

import { serverUrl, type NewInvitation } from '../api';
import { Button, CopyButton, formatDate } from '../components';
import { useHost } from '../pages/host';
import { CodeBlock } from '../pages/page';

/** A new invitation's code, the only time it is seen, and what to do with it. */
export function NewCode(props: {
  invitation: NewInvitation;
  /** What one is invited to. */
  to: string;
  onDone: () => void;
}): JSX.Element {
  const { invitation, to, onDone } = props;
  const { trans } = useHost();
  const { code, email, expires_at } = invitation;
  const place = React.useRef<HTMLElement>(null);
  const heading = React.useId();
  React.useEffect(() => {
    place.current?.focus();
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const letter = trans.__(
    'You are invited to “%1” on %2\nYour code, good until %3:\n%4\nNew there? Make an account with the code. Otherwise sign in, and choose “Accept an Invitation…” in the ⋯ of the Insighter sidebar.',
    to,
    serverUrl('lab'),
    formatDate(expires_at),
    code
  );
  return (
    <section
      className="jp-Insighter-Secret jp-mod-letter"
      ref={place}
      tabIndex={-1}
      aria-labelledby={heading}
    >
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('%1 is invited: pass the code on', email)}
      </h2>
      <p>
        {trans.__(
          'Insighter sends no mail, and shows the code this once. It is enough by itself for whoever has it: give it to the invited alone.'
        )}
      </p>
      <div className="jp-Insighter-CodeLine">
        <code tabIndex={0} aria-label={trans.__('The code')}>
          {code}
        </code>
        <CopyButton text={code} label={trans.__('Copy the code')} />
      </div>
      <p>
        {trans.__(
          'Whoever has an account with this address, confirmed, finds the invitation in the sidebar and needs no code. To everybody else send this:'
        )}
      </p>
      <CodeBlock code={letter} label={trans.__('A message to send')} />
      <div className="jp-Insighter-Buttons">
        <Button onClick={onDone}>{trans.__('I have passed it on')}</Button>
      </div>
    </section>
  );
}
