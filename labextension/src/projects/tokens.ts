import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type * as React from 'react';

import type { ApiError, Me, Project, Status } from '../api';
import type { Channel } from '../api/channel';

/** The projects and the one that is open: what every other part of the front end shows things of. */
export const IProjects = new Token<IProjects>(
  '@insighter/labextension:IProjects',
  'The projects of the platform and the one that is open.'
);

/** How things stand between the page and the server. */
export type Connection = 'connecting' | 'live' | 'offline' | 'signed-out';

/** The projects and the one that is open. */
export interface IProjects {
  /** Whether the server answers. What was loaded before stays while it does not. */
  readonly connection: Connection;

  /** Why the server does not answer as it should; null while live. */
  readonly error: ApiError | null;

  /** The platform's state; null until it first answered. */
  readonly status: Status | null;

  /** Who is signed in, or was until now; null until the platform first answered, and after signing out. */
  readonly me: Me | null;

  /** The caller's projects by name, the personal one included, the archived ones not. */
  readonly all: ReadonlyArray<Project>;

  /** The open project; null until the platform first answered. */
  readonly current: Project | null;

  /** A project that is open or in the list; null when it is neither. */
  find(id: string): Project | null;

  /** What is heard of the open project as it happens. `IBus` is the way to listen to it. */
  readonly channel: Channel;

  /** Another project is open (not emitted when only its fields changed). */
  readonly currentChanged: ISignal<IProjects, Project | null>;

  /** Something happened in the open project, or `refresh()` was called: load again what you show of it. */
  readonly changed: ISignal<IProjects, void>;

  /** Whatever this interface tells may have changed: for views that show the projects themselves. */
  readonly stateChanged: ISignal<IProjects, void>;

  /** Somebody else is signed in, or nobody: what is shown of anything is to go. */
  readonly personChanged: ISignal<IProjects, void>;

  /** Open another project. */
  select(id: string): Promise<void>;

  /** Look for changes now. Call it after every action of yours. It does not throw: see `error`. */
  refresh(): Promise<void>;
}

/** The sidebar, where every capability shows a project's assets of its kind. */
export const ISidebar = new Token<ISidebar>(
  '@insighter/labextension:ISidebar',
  'The sidebar of the platform, to which capabilities add their sections.'
);

/** The sidebar. */
export interface ISidebar {
  /** Add a section; dispose of the answer to take it away. */
  addSection(section: ISection): IDisposable;
}

/** A collapsible section of the sidebar. */
export interface ISection {
  /** A word for it that stays. */
  id: string;

  /** Its heading, translated. */
  title: string;

  /** Its place from the top: the smaller, the higher. */
  rank: number;

  /** What is inside it. Rendered also while collapsed (but hidden), so that the count stays right. */
  component: React.ComponentType<ISectionProps>;

  /** The command behind the ＋ of its header, called with `{}`. */
  addCommand?: string;
}

/** What a section's component is given. */
export interface ISectionProps {
  /** The open project. */
  project: Project;

  /** Another number whenever the project changed: an effect that depends on it loads again. */
  revision: number;

  /** Tell how many there are, for the header; null while it is not known. */
  setCount: (count: number | null) => void;
}
