import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type * as React from 'react';

import type { Project } from '../api';

/** A project's home, to which capabilities add what they have to tell. */
export const IHome = new Token<IHome>(
  '@insighter/labextension:IHome',
  'The home of a project, to which capabilities add sections.'
);

/** A project's home. */
export interface IHome {
  /** Add a section; dispose of the answer to take it away. */
  addSection(section: IHomeSection): IDisposable;
}

/** A section of a project's home. */
export interface IHomeSection {
  /** A word for it that stays. */
  id: string;

  /** Its heading, translated. */
  title: string;

  /** Its place among the sections that were added: the smaller, the higher. */
  rank: number;

  /** What is inside it. */
  component: React.ComponentType<IHomeSectionProps>;
}

/** What a section's component is given. */
export interface IHomeSectionProps {
  project: Project;

  /** Another number whenever the project changed: an effect that depends on it loads again. */
  revision: number;
}
