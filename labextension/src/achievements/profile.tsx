import * as React from 'react';

import { achievements, type OwnAchievement, type OwnAchievements } from '../api';
import { ErrorNote, RelativeTime } from '../components';
import { useHost, useRevision } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { Item } from './list';

/** What a person has earned and what comes next, in the account's page, with the switch that takes it away. */
export function ProfileAchievements(): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const heading = React.useId();
  const [resource, { value, error }] = useOwnResource(
    () => new Resource<OwnAchievements>(() => achievements.mine()),
    '',
    revision
  );
  const [problem, setProblem] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);

  const show = async (shown: boolean) => {
    setBusy(true);
    setProblem(null);
    try {
      await achievements.show(shown);
      await resource.refresh();
    } catch (reason) {
      setProblem(reason);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section className="jp-Insighter-Achievements" aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Achievements')}
      </h2>
      {error && !value && <ErrorNote error={error} onRetry={() => void resource.refresh()} />}
      {problem !== null && <ErrorNote error={problem} />}
      {value && (
        <>
          <label className="jp-Insighter-Check">
            <input
              type="checkbox"
              checked={value.shown}
              disabled={busy}
              onChange={event => void show(event.target.checked)}
            />
            {trans.__('Show my achievements')}
          </label>
          <p className="jp-Insighter-Quiet">
            {value.shown
              ? trans.__('Here, and to the members of the projects in which you earned them.')
              : trans.__('They are shown to nobody, and nothing is told of them. None is lost.')}
          </p>
          {value.shown && <Lists mine={value} />}
        </>
      )}
    </section>
  );
}

function Lists({ mine }: { mine: OwnAchievements }): JSX.Element {
  const { trans } = useHost();
  return (
    <>
      {mine.items.length === 0 ? (
        <p>{trans.__('None yet. The first dataset, the first model and others will stand here.')}</p>
      ) : (
        <ul className="jp-Insighter-Achievements-list">
          {mine.items.map(item => (
            <Item key={item.id} achievement={item} earned facts={<Facts item={item} />} />
          ))}
        </ul>
      )}
      {mine.next.length > 0 && (
        <>
          <h3 className="jp-Insighter-Heading">{trans.__('Next')}</h3>
          <ul className="jp-Insighter-Achievements-list">
            {mine.next.map(item => (
              <Item
                key={item.id}
                achievement={item}
                earned={false}
                facts={item.progress > 0 || item.own ? item.project.name : undefined}
                progress={item.progress}
                goal={item.goal}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Facts({ item }: { item: OwnAchievement }): JSX.Element {
  const { assets, commands } = useHost();
  const { asset, project } = item;
  return (
    <>
      <RelativeTime time={item.at} /> ·{' '}
      <button
        type="button"
        className="jp-Insighter-Link"
        onClick={() => void commands.execute(CommandIDs.open, { project: project.id })}
      >
        {project.name}
      </button>
      {asset && (
        <>
          {' · '}
          <button
            type="button"
            className="jp-Insighter-Link"
            onClick={() => void assets.open({ project: project.id, kind: asset.kind, key: asset.key })}
          >
            {asset.name}
          </button>
        </>
      )}
    </>
  );
}
