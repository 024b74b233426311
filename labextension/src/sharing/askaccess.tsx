import { Notification } from '@jupyterlab/apputils';

import { type AskedAccess, type GivenRole, sharing } from '../api';
import { RelativeTime, StatusDot, useUi } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { roleMeaning, roleName } from '../projects/roles';
import { RoleSelect } from './roleselect';

interface IRequest {
  readonly project: string;
  readonly role: GivenRole;
  readonly message: string;
}

/** Ask the admins of a project for access to it. */
export async function askAccess(host: IHost, project: string): Promise<void> {
  const { trans } = host;
  const asked = await ask<IRequest, AskedAccess>({
    ui: host,
    title: trans.__('Ask for access'),
    accept: trans.__('Ask'),
    initial: { project, role: 'viewer', message: '' },
    form: (request, change) => <RequestForm request={request} change={change} />,
    submit: ({ project: named, role, message }) => sharing.askAccess(named.trim(), role, message)
  });
  if (asked) {
    Notification.success(
      trans.__(
        'Asked. If there is a project “%1”, its admins see your name, your address and your message.',
        asked.project
      ),
      { autoClose: 8000 }
    );
  }
}

function RequestForm(props: { request: IRequest; change: (request: IRequest) => void }): JSX.Element {
  const { request, change } = props;
  const { trans } = useUi();
  const [, { value }] = useOwnResource(() => new Resource<AskedAccess[]>(() => sharing.asked()), '', 0);
  return (
    <>
      <Field
        label={trans.__('Project')}
        hint={trans.__('Its address, such as wine-quality, or its id: its members know both.')}
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={63}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={request.project}
            onChange={event => change({ ...request, project: event.target.value })}
          />
        )}
      </Field>
      <Field label={trans.__('As')} hint={trans.__('A member who %1', roleMeaning(request.role, trans))}>
        {id => (
          <RoleSelect id={id} styled role={request.role} onChange={role => change({ ...request, role })} />
        )}
      </Field>
      <Field label={trans.__('Why')} hint={trans.__('Its admins read it, with your name and address.')}>
        {id => (
          <textarea
            id={id}
            className="jp-mod-styled"
            rows={3}
            maxLength={1000}
            value={request.message}
            onChange={event => change({ ...request, message: event.target.value })}
          />
        )}
      </Field>
      {value && value.length > 0 && (
        <div className="jp-Insighter-Field">
          <div>{trans.__('You asked for')}</div>
          <ul className="jp-Insighter-Asked">
            {value.map(({ id, project, role, state, created_at }) => (
              <li key={id}>
                <span className="jp-Insighter-Asked-project">{project}</span>
                <span className="jp-Insighter-Quiet">{roleName(role, trans)}</span>
                <RelativeTime time={created_at} />
                <StatusDot
                  condition={state === 'granted' ? 'ok' : 'off'}
                  word={state === 'granted' ? trans.__('granted') : trans.__('no answer yet')}
                />
              </li>
            ))}
          </ul>
          <div className="jp-Insighter-Field-hint">
            {trans.__('Whether there is such a project is told to nobody who is not let in.')}
          </div>
        </div>
      )}
    </>
  );
}
