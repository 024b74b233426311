import * as React from 'react';

import type { Project, Restriction, RestrictionSet, Role } from '../api';
import { Button, EmptyState, ErrorNote, formatDate } from '../components';
import { type IHost, useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import type { SharingModel } from './model';
import type { IPartProps } from './page';
import { askRestriction } from './restrict';
import { offerUndo } from './undo';

/** Assets that are more closed than their project. */
export function ClosedAssets({ model, project, may }: IPartProps): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const { value, error } = useResource(model.restrictions);
  const add = () => void restrict(host, model, project, null);
  if (!may) {
    return <></>;
  }
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void model.restrictions.refresh()} />}
      {value?.length === 0 && (
        <EmptyState
          text={trans.__(
            'A dataset, notebook, model or endpoint can be more closed than its project: seen by members from a role on, and by those named. To all others it is not there: it is in no list, search or activity.'
          )}
          action={{ label: trans.__('Restrict an asset…'), onClick: add }}
        />
      )}
      {value && value.length > 0 && (
        <>
          <div className="jp-Insighter-Bar">
            <p className="jp-Insighter-Quiet">
              {trans.__('To all others such an asset is not there: it is in no list, search or activity.')}
            </p>
            <Button onClick={add}>{trans.__('Restrict an asset…')}</Button>
          </div>
          <table className="jp-Insighter-Table">
            <thead>
              <tr>
                <th scope="col">{trans.__('Asset')}</th>
                <th scope="col">{trans.__('Seen by')}</th>
                <th scope="col">{trans.__('And by')}</th>
                <th scope="col">{trans.__('Since')}</th>
                <th scope="col">
                  <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.map(restriction => (
                <ClosedRow
                  key={`${restriction.kind}/${restriction.key}`}
                  model={model}
                  project={project}
                  restriction={restriction}
                />
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function ClosedRow(props: { model: SharingModel; project: Project; restriction: Restriction }): JSX.Element {
  const { model, project, restriction } = props;
  const host = useHost();
  const { trans, assets } = host;
  const { kind, key, name, people, min_role } = restriction;
  const [problem, setProblem] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const known = assets.kind(kind);

  const open = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await model.unrestrict(kind, key);
      offerUndo(host, trans.__('“%1” is open to all who see the project.', name), () =>
        model.restrict(kind, key, restated(restriction))
      );
    } catch (reason) {
      setProblem(reason);
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <tr>
        <th scope="row">
          <span className="jp-Insighter-Closed-name">
            {known && <known.icon.react tag="span" elementSize="normal" title={known.label} />}
            <button
              type="button"
              className="jp-Insighter-Link"
              onClick={() => void assets.open({ project: project.id, kind, key }, name)}
            >
              {name}
            </button>
          </span>
        </th>
        <td>{from(min_role, trans)}</td>
        <td className="jp-mod-wrap">{people.map(({ display_name }) => display_name).join(', ') || '–'}</td>
        <td>
          <time dateTime={restriction.created_at}>{formatDate(restriction.created_at)}</time>
        </td>
        <td>
          <div className="jp-Insighter-Buttons">
            <Button
              title={trans.__('Say who sees %1', name)}
              disabled={busy}
              onClick={() => void restrict(host, model, project, restriction)}
            >
              {trans.__('Change…')}
            </Button>
            <Button
              title={trans.__('Open %1 to all who see the project', name)}
              disabled={busy}
              onClick={() => void open()}
            >
              {trans.__('Open to all')}
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

/** Those who see what is closed to all below a role. */
export function from(role: Role, trans: IHost['trans']): string {
  switch (role) {
    case 'owner':
      return trans.__('the owner');
    case 'admin':
      return trans.__('admins and the owner');
    case 'editor':
      return trans.__('editors and above');
    default:
      return trans.__('annotators and above');
  }
}

/** A restriction as one sets it. */
function restated({ min_role, people }: Restriction): RestrictionSet {
  return {
    // a restriction is never by the role that everybody has
    min_role: min_role === 'viewer' ? 'annotator' : min_role,
    people: people.map(({ user_id }) => user_id)
  };
}

/** Ask who shall see an asset, set it, and let it be undone. */
async function restrict(
  host: IHost,
  model: SharingModel,
  project: Project,
  before: Restriction | null
): Promise<void> {
  const { trans } = host;
  const set = await askRestriction(host, project, {
    subject: before,
    before,
    members: model.members.value ?? [],
    restrict: (kind, key, body) => model.restrict(kind, key, body)
  });
  if (set) {
    const { kind, key, name } = set;
    offerUndo(host, trans.__('“%1” is seen by %2 now.', name, from(set.min_role, trans)), () =>
      before ? model.restrict(kind, key, restated(before)) : model.unrestrict(kind, key)
    );
  }
}
