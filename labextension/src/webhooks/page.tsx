import { Notification } from '@jupyterlab/apputils';
import * as React from 'react';

import type { Delivery, Webhook } from '../api';
import { Button, EmptyState, ErrorNote, notifyError, RelativeTime, StatusDot } from '../components';
import { ask } from '../pages/ask';
import { useHost, useRevision } from '../pages/host';
import { Facts, Page } from '../pages/page';
import { useOwnResource, useResource } from '../pages/resource';
import { define } from './form';
import type { WebhooksModel } from './model';

/** The addresses that are called when something happens to a project's models. */
export function WebhooksPage({ model }: { model: WebhooksModel }): JSX.Element {
  const host = useHost();
  const { trans, projects } = host;
  const revision = useRevision();
  const { value, error } = useResource(model.list);
  React.useEffect(() => {
    void model.list.refresh();
  }, [model, revision]);
  return (
    <Page
      kind={trans.__('Webhooks')}
      title={projects.find(model.project)?.name ?? trans.__('Project')}
      actions={
        value &&
        value.length > 0 && (
          <Button onClick={() => void define(host, model, null)}>{trans.__('New webhook…')}</Button>
        )
      }
      summary={
        <Facts>
          <span>{trans.__('what happens to models and prompts, told to addresses outside')}</span>
        </Facts>
      }
      notes={error && <ErrorNote error={error} onRetry={() => void model.list.refresh()} />}
    >
      {!value ? (
        !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
      ) : value.length === 0 ? (
        <EmptyState
          text={trans.__(
            'A webhook calls an address when a version is registered or an alias moves: a pipeline that tests it, a channel that talks about it.'
          )}
          action={{ label: trans.__('New webhook…'), onClick: () => void define(host, model, null) }}
        />
      ) : (
        <ul className="jp-Insighter-Webhooks">
          {value.map(hook => (
            <Item key={hook.id} hook={hook} model={model} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function Item({ hook, model }: { hook: Webhook; model: WebhooksModel }): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const [open, setOpen] = React.useState(false);
  const [busy, setBusy] = React.useState(false);
  const active = hook.status === 'ACTIVE';
  const heading = React.useId();

  const test = async () => {
    setBusy(true);
    try {
      told(await model.test(hook.id), trans.__('The test was taken'));
    } catch (reason) {
      notifyError(reason);
    } finally {
      setBusy(false);
    }
  };
  const remove = () =>
    ask({
      title: trans.__('Delete “%1”?', hook.name),
      accept: trans.__('Delete'),
      warn: true,
      careful: true,
      initial: null,
      ui: host,
      form: () => <p>{trans.__('It is not called any more, and what it was called for is forgotten.')}</p>,
      submit: () => model.remove(hook.id)
    });

  return (
    <li aria-labelledby={heading}>
      <div className="jp-Insighter-Bar">
        <h2 id={heading} className="jp-Insighter-Heading">
          {hook.name} <Outcome hook={hook} />
        </h2>
        <div className="jp-Insighter-Buttons">
          <Button disabled={busy || !active} onClick={() => void test()}>
            {trans.__('Test')}
          </Button>
          <Button
            onClick={() =>
              void model.update(hook.id, { status: active ? 'DISABLED' : 'ACTIVE' }).catch(notifyError)
            }
          >
            {active ? trans.__('Switch off') : trans.__('Switch on')}
          </Button>
          <Button onClick={() => void define(host, model, hook)}>{trans.__('Change…')}</Button>
          <Button onClick={() => void remove()}>{trans.__('Delete…')}</Button>
        </div>
      </div>
      {hook.description && <p>{hook.description}</p>}
      <p className="jp-Insighter-Quiet">
        <code>{hook.url}</code>
      </p>
      <p className="jp-Insighter-Quiet">{hook.events.join(' · ')}</p>
      <details
        className="jp-Insighter-Details"
        open={open}
        onToggle={event => setOpen(event.currentTarget.open)}
      >
        <summary>{trans.__('What it was called for')}</summary>
        {open && <Deliveries hook={hook} model={model} />}
      </details>
    </li>
  );
}

/** What came of the newest delivery. */
function Outcome({ hook }: { hook: Webhook }): JSX.Element {
  const { trans } = useHost();
  if (hook.status === 'DISABLED') {
    return <StatusDot condition="off" word={trans.__('switched off')} />;
  }
  switch (hook.last?.status) {
    case 'delivered':
      return <StatusDot condition="ok" word={trans.__('last call taken')} />;
    case 'failed':
      return <StatusDot condition="error" word={hook.last.error ?? trans.__('last call failed')} />;
    case 'pending':
      return <StatusDot condition="busy" word={trans.__('being sent')} />;
    default:
      return <StatusDot condition="off" word={trans.__('not called yet')} />;
  }
}

function Deliveries({ hook, model }: { hook: Webhook; model: WebhooksModel }): JSX.Element {
  const { trans } = useHost();
  const [list, { value, error }] = useOwnResource(() => model.deliveries(hook.id), hook.id, hook.last?.at);
  if (error) {
    return <ErrorNote error={error} onRetry={() => void list.refresh()} />;
  }
  if (!value) {
    return <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>;
  }
  if (value.length === 0) {
    return <p className="jp-Insighter-Quiet">{trans.__('Nothing in the last thirty days.')}</p>;
  }
  const again = async (delivery: Delivery) => {
    try {
      told(await model.send(hook.id, delivery.id), trans.__('It was taken'));
      await list.refresh();
    } catch (reason) {
      notifyError(reason);
    }
  };
  return (
    <table className="jp-Insighter-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Event')}</th>
          <th scope="col">{trans.__('About')}</th>
          <th scope="col">{trans.__('Outcome')}</th>
          <th scope="col">{trans.__('Tries')}</th>
          <th scope="col">{trans.__('When')}</th>
          <th scope="col">
            <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {value.map(delivery => (
          <tr key={delivery.id}>
            <th scope="row">
              <code>{delivery.event}</code>
            </th>
            <td>{about(delivery)}</td>
            <td title={delivery.response_body ?? undefined}>
              <StatusDot
                condition={CONDITIONS[delivery.status]}
                word={
                  delivery.response_status !== null
                    ? String(delivery.response_status)
                    : (delivery.error ?? trans.__('being sent'))
                }
              />
            </td>
            <td>{delivery.attempts}</td>
            <td>
              <RelativeTime time={delivery.created_at} />
            </td>
            <td>
              {delivery.status !== 'pending' && (
                <Button onClick={() => void again(delivery)}>{trans.__('Send again')}</Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const CONDITIONS = { delivered: 'ok', failed: 'error', pending: 'busy' } as const;

/** The model and its version or alias. */
function about({ payload }: Delivery): string {
  const parts = ['name', 'version', 'alias', 'key'].map(name => payload[name]);
  return parts.filter(part => typeof part === 'string').join(' · ');
}

function told(sent: Delivery, taken: string): void {
  if (sent.status === 'delivered') {
    Notification.success(`${taken}: ${String(sent.response_status)}`, { autoClose: 4000 });
  } else {
    Notification.error(sent.error ?? String(sent.response_status), { autoClose: 8000 });
  }
}
