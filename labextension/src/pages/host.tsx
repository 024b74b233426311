import * as React from 'react';

import { UiProvider, useUi, type IUi } from '../components';
import type { IProjects } from '../projects/tokens';

/** What every view of an asset may need of the application. */
export interface IHost extends IUi {
  readonly projects: IProjects;
}

const ProjectsContext = React.createContext<IProjects | null>(null);

/** Gives the application to the views inside. */
export function HostProvider(props: { host: IHost; children: React.ReactNode }): JSX.Element {
  return (
    <UiProvider value={props.host}>
      <ProjectsContext.Provider value={props.host.projects}>{props.children}</ProjectsContext.Provider>
    </UiProvider>
  );
}

/** The application, from inside a view. */
export function useHost(): IHost {
  const { commands, trans } = useUi();
  const projects = React.useContext(ProjectsContext);
  if (!projects) {
    throw new Error('useHost outside of a HostProvider');
  }
  return { commands, trans, projects };
}

/** A number that changes whenever something happened in the open project. */
export function useRevision(): number {
  const { projects } = useHost();
  const [revision, setRevision] = React.useState(0);
  React.useEffect(() => {
    const next = () => setRevision(number => number + 1);
    projects.changed.connect(next);
    return () => void projects.changed.disconnect(next);
  }, [projects]);
  return revision;
}
