import type { Project } from '../api';
import { Button, ErrorNote } from '../components';
import { HostProvider, type IHost } from '../pages/host';
import { CommandIDs } from './commands';
import { EventList, useFeed } from './rows';
import type { IServices } from './services';

/** How many rows it shows. */
const LENGTH = 5;

/** The last of what happened, for the sidebar and the project's home. */
export function ActivitySection(props: { project: Project; host: IHost; services: IServices }): JSX.Element {
  const { host, services, project } = props;
  const { trans, commands } = host;
  const [feed, { items, error }] = useFeed(
    { bus: services.bus, projects: host.projects },
    project.id,
    {},
    LENGTH
  );
  return (
    <HostProvider host={host}>
      <div className="jp-Insighter-ActivitySection">
        {error && <ErrorNote error={error} onRetry={() => void feed?.reload()} />}
        {items && <EventList items={items} project={project.id} label={trans.__('Last activity')} />}
        {items && (
          <Button onClick={() => void commands.execute(CommandIDs.open)}>{trans.__('All activity')}</Button>
        )}
      </div>
    </HostProvider>
  );
}
