import * as React from 'react';

import { type Member, type Project, type Restriction, type RestrictionSet, sharing } from '../api';
import { notifyError, useUi } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { rolesUpTo } from '../projects/roles';
import { from } from './closed';
import { type ClosedKind, type INamed, namedAssets, restrictionOf } from './model';
import { offerUndo } from './undo';

/** Which asset. */
interface ISubject {
  readonly kind: ClosedKind;
  readonly key: string;
  readonly name: string;
}

/** What the question is asked with. */
interface IRestrictionQuestion {
  /** The asset; asked for when null. */
  readonly subject: ISubject | null;
  /** What holds now; null where the asset is not restricted. */
  readonly before: Restriction | null;
  readonly members: ReadonlyArray<Member>;
  readonly restrict: (kind: ClosedKind, key: string, body: RestrictionSet) => Promise<Restriction>;
}

interface IChoice {
  readonly kind: ClosedKind;
  readonly key: string;
  readonly role: RestrictionSet['min_role'];
  readonly people: ReadonlySet<string>;
}

/** Kinds that can be restricted. */
const KINDS: ReadonlyArray<ClosedKind> = ['dataset', 'notebook', 'model', 'deployment'];

/** Ask who shall still see an asset, and restrict it so; null when cancelled. */
export function askRestriction(
  host: IHost,
  project: Project,
  question: IRestrictionQuestion
): Promise<Restriction | null> {
  const { trans } = host;
  const { subject, before, members, restrict } = question;
  const highest = before?.min_role ?? 'admin';
  return ask<IChoice, Restriction>({
    ui: host,
    title: subject ? trans.__('Who sees “%1”?', subject.name) : trans.__('Restrict an asset'),
    accept: before ? trans.__('Change') : trans.__('Restrict'),
    initial: {
      kind: subject?.kind ?? 'dataset',
      key: subject?.key ?? '',
      role: highest === 'viewer' ? 'annotator' : highest,
      people: new Set(before?.people.map(({ user_id }) => user_id))
    },
    form: (choice, change) => (
      <>
        {!subject && <SubjectFields host={host} project={project.id} choice={choice} change={change} />}
        <AudienceFields project={project} members={members} choice={choice} change={change} />
      </>
    ),
    submit: ({ kind, key, role, people }) => restrict(kind, key, { min_role: role, people: [...people] })
  });
}

interface IFieldsProps {
  choice: IChoice;
  change: (choice: IChoice) => void;
}

/** Which asset. */
function SubjectFields(props: IFieldsProps & { host: IHost; project: string }): JSX.Element {
  const { host, project, choice, change } = props;
  const { trans } = useUi();
  const { kind } = choice;
  const [, { value: named, error }] = useOwnResource(
    () => new Resource<INamed[]>(() => namedAssets(project, kind)),
    kind,
    0
  );
  return (
    <>
      <Field label={trans.__('Kind')}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={kind}
            onChange={event => change({ ...choice, kind: event.target.value as ClosedKind, key: '' })}
          >
            {KINDS.map(each => (
              <option key={each} value={each}>
                {host.assets.kind(each)?.label ?? each}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field
        label={trans.__('Name')}
        hint={
          error
            ? trans.__('The names could not be loaded: %1', error.message)
            : named?.length === 0
              ? trans.__('The project has none.')
              : undefined
        }
      >
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            required
            value={choice.key}
            onChange={event => change({ ...choice, key: event.target.value })}
          >
            <option value="">{named ? trans.__('Choose…') : trans.__('Loading…')}</option>
            {named?.map(({ key, name }) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  );
}

/** From which role on, and who besides. */
function AudienceFields(
  props: IFieldsProps & { project: Project; members: ReadonlyArray<Member> }
): JSX.Element {
  const { project, members, choice, change } = props;
  const { trans } = useUi();
  const legend = React.useId();
  const roles = rolesUpTo(project.role ?? 'viewer').filter(role => role !== 'viewer');
  const seeing = rolesUpTo('owner').slice(rolesUpTo(choice.role).length - 1);
  const others = members.filter(({ role }) => !seeing.includes(role));
  return (
    <>
      <Field
        label={trans.__('Seen by')}
        hint={trans.__(
          'At most your own role, so that nobody shuts themselves out. Kernels are editors at most: what editors do not see is read in a notebook by those named alone.'
        )}
      >
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.role}
            onChange={event => change({ ...choice, role: event.target.value as IChoice['role'] })}
          >
            {roles.map(role => (
              <option key={role} value={role}>
                {from(role, trans)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="jp-Insighter-Field" role="group" aria-labelledby={legend}>
        <div id={legend}>{trans.__('And by these, whatever their role')}</div>
        {members.length === 0 || others.length + namedAbove(members, choice, seeing).length === 0 ? (
          <div className="jp-Insighter-Field-hint">{trans.__('All members see it by their role.')}</div>
        ) : (
          <div className="jp-Insighter-Checks">
            {[...others, ...namedAbove(members, choice, seeing)].map(({ user_id, display_name, email }) => (
              <label key={user_id} className="jp-Insighter-Check" title={email ?? undefined}>
                <input
                  type="checkbox"
                  checked={choice.people.has(user_id)}
                  onChange={event => {
                    const people = new Set(choice.people);
                    if (event.target.checked) {
                      people.add(user_id);
                    } else {
                      people.delete(user_id);
                    }
                    change({ ...choice, people });
                  }}
                />
                {display_name}
              </label>
            ))}
          </div>
        )}
      </div>
    </>
  );
}

/** Members who are named although their role would do: they stay on the list, for they are there when it is lowered. */
function namedAbove(
  members: ReadonlyArray<Member>,
  choice: IChoice,
  seeing: ReadonlyArray<string>
): ReadonlyArray<Member> {
  return members.filter(({ user_id, role }) => seeing.includes(role) && choice.people.has(user_id));
}

/** Ask who shall see one asset, from wherever it is listed. */
export async function restrictAsset(
  host: IHost,
  project: Project,
  kind: ClosedKind,
  key: string,
  name: string
): Promise<void> {
  const { trans, projects } = host;
  const found = await Promise.all([restrictionOf(project.id, kind, key), sharing.members(project.id)]).catch(
    notifyError
  );
  if (!found) {
    return;
  }
  const [before, members] = found;
  const undo = async () => {
    await (before
      ? sharing.restrict(project.id, kind, key, {
          min_role: before.min_role === 'viewer' ? 'annotator' : before.min_role,
          people: before.people.map(({ user_id }) => user_id)
        })
      : sharing.unrestrict(project.id, kind, key));
    await projects.refresh();
  };
  const set = await askRestriction(host, project, {
    subject: { kind, key, name },
    before,
    members,
    restrict: (_kind, _key, body) => sharing.restrict(project.id, kind, key, body)
  });
  if (set) {
    await projects.refresh();
    offerUndo(host, trans.__('“%1” is seen by %2 now.', name, from(set.min_role, trans)), undo);
  }
}
