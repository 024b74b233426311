import { Notification } from '@jupyterlab/apputils';

import { achievements, type Message, type Project } from '../api';
import type { IHost } from '../pages/host';
import type { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';

/** What the bus calls it. */
const EARNED = 'insighter.achievement.earned';

/** Milliseconds after a project was opened until it is asked for what is due. */
const LATER = 20_000;

/** Tells a person what they or their team just earned: once, when it happens, and of nobody else. */
export class Notices {
  constructor(private readonly host: IHost) {
    const { projects } = host;
    projects.heard.connect(this._heard);
    projects.currentChanged.connect(this._opened);
  }

  /** Whether anything is told at all. */
  enabled = true;

  private readonly _heard = (_sender: IProjects, messages: ReadonlyArray<Message>): void => {
    for (const message of messages) {
      const earned = earnedBy(message);
      if (earned && this.enabled && [null, this.host.projects.me?.user_id].includes(earned.user)) {
        void this._tell(earned);
      }
    }
  };

  private async _tell(earned: IEarned): Promise<void> {
    const { commands, trans } = this.host;
    try {
      // whoever has switched their own off is not told of the team's either
      if (!(await achievements.list(earned.project)).shown) {
        return;
      }
    } catch {
      return; // it stands on the page for later
    }
    const text =
      earned.user === null
        ? trans.__('The team has earned “%1”.', earned.name)
        : trans.__('You have earned “%1”.', earned.name);
    Notification.info(text, {
      autoClose: 8000,
      actions: [
        {
          label: trans.__('Show'),
          callback: () => void commands.execute(CommandIDs.open, { project: earned.project })
        }
      ]
    });
  }

  /** Days that pass bring about what no event tells of: who opens a project asks for it, when all else has loaded. */
  private readonly _opened = (_sender: IProjects, project: Project | null): void => {
    window.clearTimeout(this._timer);
    if (project?.member) {
      this._timer = window.setTimeout(() => {
        // what is found comes by the bus; what goes wrong is no matter, for it stands on the page
        achievements.list(project.id).catch(() => undefined);
      }, LATER);
    }
  };

  private _timer = 0;
}

interface IEarned {
  readonly project: string;
  readonly name: string;
  /** Null: the team. */
  readonly user: string | null;
}

function earnedBy({ type, source, data }: Message): IEarned | null {
  if (type !== EARNED || typeof data !== 'object' || data === null) {
    return null;
  }
  const { asset_name, user_id } = data as Readonly<Record<string, unknown>>;
  return {
    project: source.replace('/projects/', ''),
    name: String(asset_name),
    user: typeof user_id === 'string' ? user_id : null
  };
}
