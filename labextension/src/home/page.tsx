import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

import { assets as api, type Overview, projects as projectsApi, type Present, type Project } from '../api';
import {
  CommandButton,
  EmptyState,
  ErrorBoundary,
  ErrorNote,
  formatNumber,
  RelativeTime
} from '../components';
import { useHost, useRevision } from '../pages/host';
import { Facts, Page } from '../pages/page';
import { Resource, useOwnResource } from '../pages/resource';
import { VisibilityBadge } from '../projects/badge';
import { may, roleName } from '../projects/roles';
import type { HomeSections } from './model';
import { People } from './people';
import { Purpose } from './purpose';
import { AssetTable, KindSection } from './table';

/** Commands of other capabilities. */
const UPLOAD = 'insighter:upload-dataset';
const OPEN_FOLDER = 'insighter:open-project-folder';

/** What is in a project that nobody has used yet. */
const FIRST_LINES = `import insighter_ext as ix
ix.datasets.upload("wine", "wine.csv")`;

interface IHomeProps {
  id: string;
  sections: HomeSections;
  rendermime: IRenderMimeRegistry | null;
}

/** A project's home: what it is for, who is in it, what it has. */
export function HomePage(props: IHomeProps): JSX.Element {
  const { id } = props;
  const { trans } = useHost();
  const revision = useRevision();
  const [project, error] = useProject(id, revision);
  if (!project) {
    return (
      <Page
        kind={trans.__('Project')}
        title={trans.__('Home')}
        notes={error ? <ErrorNote error={error} /> : null}
      >
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded {...props} project={project} revision={revision} />;
}

function Loaded(props: IHomeProps & { project: Project; revision: number }): JSX.Element {
  const { project, revision, sections, rendermime } = props;
  const { trans, assets } = useHost();
  const present = usePresent(project.id);
  const added = useAdded(sections);
  const [overview, { value, error }] = useOwnResource(
    () => new Resource<Overview>(() => api.overview(project.id)),
    project.id,
    revision
  );
  const kinds = [...(value?.kinds ?? [])].sort(
    (one, other) => (assets.kind(one.kind)?.rank ?? 1e6) - (assets.kind(other.kind)?.rank ?? 1e6)
  );
  return (
    <Page
      kind={trans.__('Project')}
      title={project.name}
      selector={<VisibilityBadge project={project} />}
      actions={<CommandButton action={{ command: OPEN_FOLDER, args: { id: project.id } }} />}
      summary={
        <Facts>
          <span>{project.member ? roleName(project.role, trans) : trans.__('not a member')}</span>
          {project.member && <span>{trans._n('%1 member', '%1 members', project.members)}</span>}
          {present.length > 0 && <span>{trans.__('%1 here', present.length)}</span>}
          {kinds.map(({ kind, count }) => (
            <span key={kind}>
              {formatNumber(count)}{' '}
              {(count === 1 ? assets.kind(kind)?.label : assets.kind(kind)?.plural)?.toLocaleLowerCase() ??
                kind}
            </span>
          ))}
          {project.archived_at !== null && <span>{trans.__('archived')}</span>}
          <RelativeTime time={project.last_activity} />
        </Facts>
      }
      notes={error && <ErrorNote error={error} onRetry={() => void overview.refresh()} />}
    >
      <div className="jp-Insighter-Home">
        <div className="jp-Insighter-Home-main">
          <Purpose key={project.id} project={project} rendermime={rendermime} />
          {value && value.pinned.length > 0 && (
            <section aria-label={trans.__('Pinned')}>
              <h2 className="jp-Insighter-Heading">{trans.__('Pinned')}</h2>
              <AssetTable label={trans.__('Pinned')} assets={value.pinned} mixed />
            </section>
          )}
          {kinds.map(kind => (
            <KindSection key={`${project.id} ${kind.kind}`} project={project.id} kind={kind} />
          ))}
          {value && kinds.length === 0 && <Empty project={project} />}
        </div>
        <div className="jp-Insighter-Home-side">
          {project.member && !project.personal && (
            <section aria-label={trans.__('People')}>
              <h2 className="jp-Insighter-Heading">{trans.__('People')}</h2>
              <People project={project} revision={revision} present={present} />
            </section>
          )}
          {added.map(section => (
            <section key={section.id} aria-label={section.title}>
              <h2 className="jp-Insighter-Heading">{section.title}</h2>
              <ErrorBoundary>
                <section.component project={project} revision={revision} />
              </ErrorBoundary>
            </section>
          ))}
        </div>
      </div>
    </Page>
  );
}

/** What to do in a project that has nothing yet. */
function Empty({ project }: { project: Project }): JSX.Element {
  const { trans, commands } = useHost();
  if (!may(project, 'editor')) {
    return <p className="jp-Insighter-Quiet">{trans.__('There is nothing in this project yet.')}</p>;
  }
  const upload = commands.hasCommand(UPLOAD)
    ? {
        label: trans.__('Upload data'),
        onClick: () => void commands.execute(UPLOAD, { project: project.id })
      }
    : undefined;
  return (
    <EmptyState
      text={trans.__(
        'Datasets, experiments, models and endpoints of this project will stand here. It begins with data.'
      )}
      action={upload}
      code={FIRST_LINES}
    />
  );
}

/** The project as the application has it; asked for where it has it not. */
function useProject(id: string, revision: number): [Project | null, Error | null] {
  const { projects } = useHost();
  const held = React.useSyncExternalStore(
    React.useCallback(
      (notify: () => void) => {
        projects.stateChanged.connect(notify);
        return () => void projects.stateChanged.disconnect(notify);
      },
      [projects]
    ),
    () => projects.find(id)
  );
  const missing = held === null;
  const [, { value, error }] = useOwnResource(
    () => new Resource<Project | null>(async () => (missing ? projectsApi.get(id) : null)),
    `${id} ${missing}`,
    revision
  );
  return [held ?? value, held ? null : error];
}

/** Who is in a project now: known of the open one. */
function usePresent(id: string): ReadonlyArray<Present> {
  const { projects } = useHost();
  return React.useSyncExternalStore(
    React.useCallback(
      (notify: () => void) => {
        projects.stateChanged.connect(notify);
        return () => void projects.stateChanged.disconnect(notify);
      },
      [projects]
    ),
    () => (projects.current?.id === id ? projects.present : NOBODY)
  );
}

const NOBODY: ReadonlyArray<Present> = [];

function useAdded(sections: HomeSections): HomeSections['all'] {
  return React.useSyncExternalStore(
    React.useCallback(
      (notify: () => void) => {
        sections.changed.connect(notify);
        return () => void sections.changed.disconnect(notify);
      },
      [sections]
    ),
    () => sections.all
  );
}
