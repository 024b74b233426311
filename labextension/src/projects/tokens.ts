import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type * as React from 'react';

import type { ApiError, Me, Message, Project, Status } from '../api';
import type { Channel, Present } from '../api/channel';

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

  /** Who has the open project open now, oneself included; nobody where that is not known, or not to be known. */
  readonly present: ReadonlyArray<Present>;

  /** A project that is open or in the list; null when it is neither. */
  find(id: string): Project | null;

  /** What is heard of the open project as it happens. `IBus` is the way to listen to it. */
  readonly channel: Channel;

  /** Another project is open (not emitted when only its fields changed). */
  readonly currentChanged: ISignal<IProjects, Project | null>;

  /** Something happened in the open project, or `refresh()` was called: load again what you show of it. */
  readonly changed: ISignal<IProjects, void>;

  /** What happened in the open project, in order, as soon as the server tells it; `changed` follows. */
  readonly heard: ISignal<IProjects, ReadonlyArray<Message>>;

  /** Whatever this interface tells may have changed: for views that show the projects themselves. */
  readonly stateChanged: ISignal<IProjects, void>;

  /** Somebody else is signed in, or nobody: what is shown of anything is to go. */
  readonly personChanged: ISignal<IProjects, void>;

  /** A project is not there any more for the caller. */
  readonly gone: ISignal<IProjects, IGone>;

  /** The name of a project that was closed to the caller while it was open, or deleted, by others; null for all else. */
  lost(id: string): string | null;

  /** Do what ends one's own part in a project, such as to leave or delete it: that it is gone then is no news. */
  part<T>(id: string, action: () => Promise<T>): Promise<T>;

  /** Open another project. */
  select(id: string): Promise<void>;

  /** Look for changes now. Call it after every action of yours. It does not throw: see `error`. */
  refresh(): Promise<void>;
}

/** A project that is not there any more for the caller. */
export interface IGone {
  /** Its id. */
  readonly id: string;

  /** What it was called; null where that is not known here. */
  readonly name: string | null;

  /** Whether the caller left or deleted it. */
  readonly own: boolean;
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

  /** Put something between the project's name and the sections; dispose of the answer to take it away. */
  addTop(component: React.ComponentType<ITopProps>): IDisposable;
}

/** What a component above the sections is given. */
export interface ITopProps {
  /** The open project. */
  project: Project;
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
