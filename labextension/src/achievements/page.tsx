import * as React from 'react';

import type { Achievement } from '../api';
import { Button, ErrorNote, notifyError, RelativeTime } from '../components';
import { ask } from '../pages/ask';
import { useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page } from '../pages/page';
import { useResource } from '../pages/resource';
import { define } from './form';
import { Item } from './list';
import type { AchievementsModel } from './model';

/** People who are named; the others are counted. */
const NAMED = 5;

/** The achievements of a project: the team's, each person's, and the project's own definitions. */
export function AchievementsPage({ model }: { model: AchievementsModel }): JSX.Element {
  const host = useHost();
  const { trans, projects } = host;
  const revision = useRevision();
  const { value, error } = useResource(model.list);
  const admin = useMay(model.project, 'admin');
  React.useEffect(() => {
    void model.list.refresh();
  }, [model, revision]);
  const items = value?.items ?? [];
  const of = (audience: Achievement['audience']) => items.filter(item => item.audience === audience);
  const earned = items.filter(item => item.at !== null).length;
  return (
    <Page
      kind={trans.__('Achievements')}
      title={projects.find(model.project)?.name ?? trans.__('Project')}
      actions={
        admin && (
          <Button onClick={() => void define(host, model, null)}>{trans.__('New achievement…')}</Button>
        )
      }
      summary={
        value && (
          <Facts>
            <span>{trans.__('%1 of %2 earned by you and the team', earned, items.length)}</span>
            {!value.shown && <span>{trans.__('yours are switched off in your account')}</span>}
          </Facts>
        )
      }
      notes={error && <ErrorNote error={error} onRetry={() => void model.list.refresh()} />}
    >
      {!value ? (
        !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>
      ) : (
        <div className="jp-Insighter-Achievements">
          <Part title={trans.__('Of the team')} items={of('project')} model={model} admin={admin} />
          <Part title={trans.__('Of each person')} items={of('person')} model={model} admin={admin} />
        </div>
      )}
    </Page>
  );
}

interface IPartProps {
  title: string;
  items: ReadonlyArray<Achievement>;
  model: AchievementsModel;
  admin: boolean;
}

function Part({ title, items, model, admin }: IPartProps): JSX.Element {
  const heading = React.useId();
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {title}
      </h2>
      <ul className="jp-Insighter-Achievements-list">
        {items.map(item => (
          <Item
            key={item.id}
            achievement={item}
            earned={item.at !== null}
            facts={<Standing item={item} project={model.project} />}
            progress={item.progress}
            goal={item.goal}
            actions={admin && item.own && !item.retired && <Actions item={item} model={model} />}
          />
        ))}
      </ul>
    </section>
  );
}

function Standing({ item, project }: { item: Achievement; project: string }): JSX.Element | null {
  const { trans, assets } = useHost();
  const names = item.earned.map(({ display_name }) => display_name).filter(name => name !== null);
  const asset = item.audience === 'project' ? item.earned[0]?.asset : null;
  const parts: React.ReactNode[] = [];
  if (item.at !== null) {
    parts.push(<RelativeTime key="at" time={item.at} />);
  }
  if (names.length > 0) {
    const more = names.length - NAMED;
    const named = names.slice(0, NAMED).join(', ');
    parts.push(more > 0 ? trans.__('%1 and %2 more', named, more) : named);
  }
  if (asset) {
    parts.push(
      <button
        key="asset"
        type="button"
        className="jp-Insighter-Link"
        onClick={() => void assets.open({ project, kind: asset.kind, key: asset.key })}
      >
        {asset.name}
      </button>
    );
  }
  if (item.retired) {
    parts.push(trans.__('not given any more'));
  }
  return parts.length === 0 ? null : (
    <>
      {parts.map((part, index) => (
        <React.Fragment key={index}>
          {index > 0 && ' · '}
          {part}
        </React.Fragment>
      ))}
    </>
  );
}

function Actions({ item, model }: { item: Achievement; model: AchievementsModel }): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const remove = async () => {
    await ask({
      title: trans.__('Delete “%1”?', item.name),
      accept: trans.__('Delete'),
      warn: true,
      careful: true,
      initial: null,
      ui: host,
      form: () => (
        <p>
          {trans.__(
            'Nobody earns it any more. Those who have keep it; where nobody has, nothing is left of it.'
          )}
        </p>
      ),
      submit: () => model.remove(item.id)
    }).catch(notifyError);
  };
  return (
    <>
      <Button title={trans.__('Change “%1”', item.name)} onClick={() => void define(host, model, item)}>
        {trans.__('Edit…')}
      </Button>
      <Button title={trans.__('Delete “%1”', item.name)} onClick={() => void remove()}>
        {trans.__('Delete…')}
      </Button>
    </>
  );
}
