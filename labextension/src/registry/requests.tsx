import * as React from 'react';

import type { AliasRequest } from '../api';
import { Button, ErrorNote, formatDate, RelativeTime } from '../components';
import { ask, Field } from '../pages/ask';
import { useHost } from '../pages/host';
import { roleName } from '../projects/roles';
import { Chip } from './aliases';
import { GateList } from './gates';
import type { RegisteredModelModel } from './model';

interface IRequestsProps {
  model: RegisteredModelModel;
  requests: ReadonlyArray<AliasRequest>;
}

/** Moves that are asked for, to be decided. */
export function OpenRequests({ model, requests }: IRequestsProps): JSX.Element | null {
  const { trans } = useHost();
  const open = requests.filter(({ state }) => state === 'open');
  if (open.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Moves asked for')} className="jp-Insighter-AliasRequests">
      <h2 className="jp-Insighter-Heading">{trans.__('Moves asked for')}</h2>
      {open.map(request => (
        <Open key={request.id} model={model} request={request} />
      ))}
    </section>
  );
}

/** Those that were decided, unfolded on demand. */
export function DecidedRequests({ requests }: IRequestsProps): JSX.Element | null {
  const { trans } = useHost();
  const decided = requests.filter(({ state }) => state !== 'open');
  if (decided.length === 0) {
    return null;
  }
  return (
    <details className="jp-Insighter-Details jp-Insighter-Decided">
      <summary>{trans._n('%1 request was decided', '%1 requests were decided', decided.length)}</summary>
      <ul className="jp-Insighter-Plain">
        {decided.map(request => (
          <Decided key={request.id} request={request} />
        ))}
      </ul>
    </details>
  );
}

function Goal({ request }: { request: AliasRequest }): JSX.Element {
  const { trans } = useHost();
  const { before, version } = request;
  return (
    <>
      <Chip alias={request.alias} locked /> {before !== null && `v${before} `}→{' '}
      {version === null ? trans.__('nowhere') : `v${version}`}
    </>
  );
}

function Open(props: { model: RegisteredModelModel; request: AliasRequest }): JSX.Element {
  const { model, request } = props;
  const host = useHost();
  const { trans, projects } = host;
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<unknown>(null);
  const { approvals, needed, gates } = request;
  const failing = gates.some(({ passed }) => !passed);

  const decide = async (decision: 'approve' | 'withdraw') => {
    setBusy(true);
    setError(null);
    try {
      await model.decide(request, decision, '');
      void projects.refresh();
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  const reject = () =>
    void ask({
      ui: host,
      title: trans.__('Reject the move of @%1?', request.alias),
      accept: trans.__('Reject'),
      warn: true,
      initial: '',
      form: (why, change) => (
        <Field label={trans.__('Why')} hint={trans.__('%1 is told.', request.created_by)}>
          {id => (
            <textarea
              id={id}
              className="jp-mod-styled"
              rows={2}
              maxLength={2000}
              value={why}
              onChange={event => change(event.target.value)}
            />
          )}
        </Field>
      ),
      submit: async why => {
        await model.decide(request, 'reject', why);
        void projects.refresh();
      }
    });

  return (
    <div className="jp-Insighter-AliasRequest">
      <p>
        <Goal request={request} />
      </p>
      <p className="jp-Insighter-Quiet">
        {trans.__('asked by %1', request.created_by)} <RelativeTime time={request.created_at} />
        {' · '}
        {trans.__(
          '%1 of %2 approvals by the role %3',
          approvals.length,
          needed,
          roleName(request.role, trans)
        )}
        {approvals.length > 0 && ` (${approvals.map(({ by }) => by).join(', ')})`}
        {' · '}
        {trans.__('good until %1', formatDate(request.expires_at))}
      </p>
      <p className="jp-Insighter-Description">{request.why}</p>
      <GateList gates={gates} />
      <div className="jp-Insighter-Buttons">
        {request.may_approve && (
          <Button
            primary
            disabled={busy || failing}
            title={failing ? trans.__('A gate does not hold') : undefined}
            onClick={() => void decide('approve')}
          >
            {trans.__('Approve')}
          </Button>
        )}
        {request.may_decide && !request.mine && (
          <Button disabled={busy} onClick={reject}>
            {trans.__('Reject…')}
          </Button>
        )}
        {request.mine && (
          <Button disabled={busy} onClick={() => void decide('withdraw')}>
            {trans.__('Withdraw')}
          </Button>
        )}
        {!request.may_approve && !request.mine && (
          <span className="jp-Insighter-Quiet">
            {trans.__('Whoever has the role %1 decides.', roleName(request.role, trans))}
          </span>
        )}
      </div>
      {error !== null && <ErrorNote error={error} />}
    </div>
  );
}

function Decided({ request }: { request: AliasRequest }): JSX.Element {
  const { trans } = useHost();
  const words: Readonly<Record<AliasRequest['state'], string>> = {
    open: trans.__('open'),
    moved: trans.__('moved'),
    rejected: trans.__('rejected'),
    withdrawn: trans.__('withdrawn'),
    expired: trans.__('expired'),
    gone: trans.__('the version was deleted')
  };
  return (
    <li>
      <Goal request={request} /> <strong>{words[request.state]}</strong>{' '}
      <span className="jp-Insighter-Quiet">
        {trans.__('asked by %1: %2', request.created_by, request.why)}
        {request.decided_by && ` · ${request.decided_by}`}
        {request.decision && `: ${request.decision}`}
      </span>
    </li>
  );
}
