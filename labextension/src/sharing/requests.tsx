import * as React from 'react';

import type { AccessRequest, GivenRole } from '../api';
import { Button, CopyButton, ErrorNote, RelativeTime } from '../components';
import { ask } from '../pages/ask';
import { useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import { roleName } from '../projects/roles';
import type { IPartProps } from './page';
import { explained } from './people';
import { RoleSelect } from './roleselect';

/** Who asks for access, to be let in or declined. */
export function Requests(props: IPartProps): JSX.Element {
  const { model, project, may } = props;
  const { trans } = useHost();
  const { value, error } = useResource(model.requests);
  return (
    <>
      {may && error && <ErrorNote error={error} onRetry={() => void model.requests.refresh()} />}
      {may && value && value.length > 0 && (
        <table className="jp-Insighter-Table jp-Insighter-Requests">
          <thead>
            <tr>
              <th scope="col">{trans.__('Who')}</th>
              <th scope="col">{trans.__('Why')}</th>
              <th scope="col">{trans.__('Asked')}</th>
              <th scope="col">{trans.__('Let in as')}</th>
              <th scope="col">
                <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map(request => (
              <RequestRow key={request.id} {...props} request={request} />
            ))}
          </tbody>
        </table>
      )}
      {may && value?.length === 0 && (
        <div className="jp-Insighter-Nothing">
          <p>{trans.__('Nobody asks for access. Whoever knows the project’s address can do so:')}</p>
          <div className="jp-Insighter-WithCopy">
            <code>{project.slug}</code>
            <CopyButton text={project.slug} label={trans.__('Copy the project’s address')} />
          </div>
        </div>
      )}
    </>
  );
}

function RequestRow(props: IPartProps & { request: AccessRequest }): JSX.Element {
  const { model, news, project, request } = props;
  const host = useHost();
  const { trans } = host;
  const { id, user_id, display_name, email, message } = request;
  const [role, setRole] = React.useState<GivenRole>(request.role);
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState<unknown>(null);

  const grant = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await model.grant(id, role);
    } catch (reason) {
      setProblem(explained(reason, news.about(project.id, user_id)));
    } finally {
      setBusy(false);
    }
  };
  const decline = () =>
    void ask({
      ui: host,
      title: trans.__('Decline the request of %1?', display_name),
      accept: trans.__('Decline'),
      warn: true,
      careful: true,
      initial: null,
      form: () => (
        <p>
          {trans.__(
            '%1 is not told, and cannot ask again for 30 days. You can still invite %1 at any time.',
            display_name
          )}
        </p>
      ),
      submit: async () => {
        try {
          await model.declineRequest(id);
        } catch (reason) {
          throw explained(reason, news.about(project.id, user_id));
        }
      }
    });

  return (
    <>
      <tr>
        <th scope="row" title={email ?? undefined}>
          <span>{display_name}</span>
          {email && <div className="jp-Insighter-Quiet">{email}</div>}
        </th>
        <td className="jp-mod-wrap">{message || '–'}</td>
        <td>
          <div>{roleName(request.role, trans)}</div>
          <div className="jp-Insighter-Quiet">
            <RelativeTime time={request.created_at} />
          </div>
        </td>
        <td>
          <RoleSelect
            label={trans.__('Role of %1', display_name)}
            role={role}
            onChange={setRole}
            disabled={busy}
          />
        </td>
        <td>
          <div className="jp-Insighter-Buttons">
            <Button
              primary
              disabled={busy}
              title={trans.__('Make %1 a member', display_name)}
              onClick={() => void grant()}
            >
              {trans.__('Let in')}
            </Button>
            <Button disabled={busy} onClick={decline}>
              {trans.__('Decline…')}
            </Button>
          </div>
        </td>
      </tr>
      {problem !== null && (
        <tr className="jp-Insighter-Table-note">
          <td colSpan={5}>
            <ErrorNote error={problem} />
          </td>
        </tr>
      )}
    </>
  );
}
