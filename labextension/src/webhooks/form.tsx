import type { Webhook } from '../api';
import { useUi } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { EVENTS, type WebhooksModel } from './model';

interface IDraft {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  readonly description: string;
  readonly events: ReadonlyArray<string>;
}

/** Ask for a webhook, or for changes of one, and save it. */
export async function define(host: IHost, model: WebhooksModel, old: Webhook | null): Promise<void> {
  const { trans } = host;
  await ask<IDraft, void>({
    title: old ? trans.__('Change “%1”', old.name) : trans.__('New webhook'),
    accept: trans.__('Save'),
    initial: old
      ? { ...old, secret: '' }
      : {
          name: '',
          url: '',
          secret: '',
          description: '',
          events: ['model_version.created', 'model_version_alias.created']
        },
    ui: host,
    form: (draft, change) => <Form draft={draft} change={change} old={old !== null} />,
    submit: ({ secret, events, ...rest }) => {
      const body = { ...rest, events: [...events], secret: secret === '' ? null : secret };
      return old ? model.update(old.id, body) : model.create({ ...body, status: 'ACTIVE' });
    }
  });
}

interface IFormProps {
  draft: IDraft;
  change: (draft: IDraft) => void;
  old: boolean;
}

function Form({ draft, change, old }: IFormProps): JSX.Element {
  const { trans } = useUi();
  const set = (part: Partial<IDraft>) => change({ ...draft, ...part });
  return (
    <>
      <Field
        label={trans.__('Name')}
        hint={trans.__('Lower-case letters, digits, dots, dashes, underscores.')}
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={63}
            pattern="[a-z0-9]([a-z0-9._\-]*[a-z0-9])?"
            autoComplete="off"
            placeholder="ci"
            value={draft.name}
            onChange={event => set({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label={trans.__('Address')} hint={trans.__('What is called, with POST.')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            type="url"
            required
            autoComplete="off"
            placeholder="https://ci.example.org/hooks/models"
            value={draft.url}
            onChange={event => set({ url: event.target.value })}
          />
        )}
      </Field>
      <Field
        label={trans.__('Secret')}
        hint={
          old
            ? trans.__('Leave it empty to keep the one there is. It signs each call (HMAC-SHA256).')
            : trans.__('It signs each call (HMAC-SHA256), and is not shown again.')
        }
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            type="password"
            maxLength={1000}
            autoComplete="new-password"
            value={draft.secret}
            onChange={event => set({ secret: event.target.value })}
          />
        )}
      </Field>
      <fieldset className="jp-Insighter-Webhook-events">
        <legend>{trans.__('Called when')}</legend>
        {EVENTS.map(event => (
          <label key={event}>
            <input
              type="checkbox"
              checked={draft.events.includes(event)}
              onChange={({ target }) =>
                set({
                  events: target.checked
                    ? [...draft.events, event]
                    : draft.events.filter(one => one !== event)
                })
              }
            />
            <code>{event}</code>
          </label>
        ))}
      </fieldset>
      <Field label={trans.__('What for')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            maxLength={1000}
            autoComplete="off"
            value={draft.description}
            onChange={event => set({ description: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}
