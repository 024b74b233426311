import * as React from 'react';

import type { Project, Role } from '../api';
import type { IAssets } from '../assets/tokens';
import { UiProvider, useUi, type IUi } from '../components';
import { may } from '../projects/roles';
import type { IProjects } from '../projects/tokens';

/** What every view of an asset may need of the application. */
export interface IHost extends IUi {
  readonly assets: IAssets;
  readonly projects: IProjects;
}

const HostContext = React.createContext<IHost | null>(null);

/** Gives the application to the views inside. */
export function HostProvider(props: { host: IHost; children: React.ReactNode }): JSX.Element {
  return (
    <UiProvider value={props.host}>
      <HostContext.Provider value={props.host}>{props.children}</HostContext.Provider>
    </UiProvider>
  );
}

/** The application, from inside a view. */
export function useHost(): IHost {
  const host = React.useContext(HostContext);
  if (!host) {
    throw new Error('useHost outside of a HostProvider');
  }
  return host;
}

/** Whether the caller may do in a project what takes a role, kept current. */
export function useMay(project: string, role: Role): boolean {
  const { projects } = useHost();
  const subscribe = React.useCallback(
    (notify: () => void) => {
      projects.stateChanged.connect(notify);
      return () => void projects.stateChanged.disconnect(notify);
    },
    [projects]
  );
  return React.useSyncExternalStore(subscribe, () => may(projects.find(project), role));
}

/** A project as it is known here, kept current; null where it is neither open nor in the list. */
export function useProject(id: string): Project | null {
  const { projects } = useHost();
  const subscribe = React.useCallback(
    (notify: () => void) => {
      projects.stateChanged.connect(notify);
      return () => void projects.stateChanged.disconnect(notify);
    },
    [projects]
  );
  return React.useSyncExternalStore(subscribe, () => projects.find(id));
}

/** Stands where the actions would be, for whoever may only look. */
export function ReadOnly(): JSX.Element {
  const { trans } = useUi();
  return (
    <span
      className="jp-Insighter-Quiet"
      title={trans.__('Your role in the project lets you look at it, and change nothing.')}
    >
      {trans.__('read only')}
    </span>
  );
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
