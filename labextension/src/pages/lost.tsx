import * as React from 'react';

import { Button } from '../components';
import { SharingCommands } from '../projects/commands';
import { useHost } from './host';
import { Page } from './page';

/** A page, or what stands in its place once its project is closed to the caller. */
export function Lost(props: {
  project: string;
  onClose: () => void;
  children: React.ReactNode;
}): JSX.Element {
  const { project, onClose } = props;
  const { trans, projects, commands } = useHost();
  const subscribe = React.useCallback(
    (notify: () => void) => {
      projects.stateChanged.connect(notify);
      return () => void projects.stateChanged.disconnect(notify);
    },
    [projects]
  );
  const name = React.useSyncExternalStore(subscribe, () => projects.lost(project));
  if (name === null) {
    return <>{props.children}</>;
  }
  return (
    <Page
      kind={trans.__('Project')}
      title={name}
      notes={
        <div className="jp-Insighter-ErrorNote" role="alert">
          <p className="jp-Insighter-ErrorNote-message">
            {trans.__('“%1” is closed to you: you were taken out of it, or it was deleted.', name)}
          </p>
          <p>{trans.__('Nothing of it is shown any more. Its admins know why, and can let you in again.')}</p>
          <div className="jp-Insighter-Buttons">
            <Button onClick={onClose}>{trans.__('Close')}</Button>
            <Button onClick={() => void commands.execute(SharingCommands.ask, { project })}>
              {trans.__('Ask for access…')}
            </Button>
          </div>
        </div>
      }
    >
      {null}
    </Page>
  );
}
