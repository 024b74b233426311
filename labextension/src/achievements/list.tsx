import * as React from 'react';

import type { Achievement, AchievementIcon } from '../api';
import { formatNumber } from '../components';
import { useHost } from '../pages/host';
import { ICONS } from './icons';

interface IItemProps {
  achievement: Pick<Achievement, 'name' | 'description' | 'icon'>;
  /** Whether it is earned; what is not looks like something to come. */
  earned: boolean;
  /** When, where and by whom: a line. */
  facts?: React.ReactNode;
  /** How far it is, of how much. */
  progress?: number | null;
  goal?: number;
  actions?: React.ReactNode;
}

/** An achievement in a list: icon, name, what for, and how it stands. */
export function Item(props: IItemProps): JSX.Element {
  const { achievement, earned, facts, progress, goal, actions } = props;
  return (
    <li className="jp-Insighter-Achievement" data-earned={earned}>
      <Icon icon={achievement.icon} />
      <div className="jp-Insighter-Achievement-text">
        <div className="jp-Insighter-Achievement-name">{achievement.name}</div>
        {achievement.description && <div className="jp-Insighter-Quiet">{achievement.description}</div>}
        {facts && <div className="jp-Insighter-Achievement-facts">{facts}</div>}
        {typeof progress === 'number' && goal !== undefined && (
          <Progress label={achievement.name} progress={progress} goal={goal} />
        )}
      </div>
      {actions && <div className="jp-Insighter-Achievement-actions">{actions}</div>}
    </li>
  );
}

function Icon({ icon }: { icon: AchievementIcon }): JSX.Element {
  const { react: Drawn } = ICONS[icon];
  return (
    <span className="jp-Insighter-Achievement-icon" aria-hidden="true">
      <Drawn tag="span" elementSize="large" />
    </span>
  );
}

/** How far something is: a thin bar and words. */
function Progress(props: { label: string; progress: number; goal: number }): JSX.Element {
  const { label, progress, goal } = props;
  const { trans } = useHost();
  const words =
    goal === 1
      ? trans.__('not yet')
      : trans.__('%1 of %2 so far', formatNumber(progress), formatNumber(goal));
  return (
    <div className="jp-Insighter-Achievement-progress">
      {goal > 1 && (
        <div
          className="jp-Insighter-Achievement-track"
          role="progressbar"
          aria-label={label}
          aria-valuemin={0}
          aria-valuemax={goal}
          aria-valuenow={progress}
          aria-valuetext={words}
        >
          <div style={{ width: `${(100 * progress) / goal}%` }} />
        </div>
      )}
      <span className="jp-Insighter-Quiet">{words}</span>
    </div>
  );
}
