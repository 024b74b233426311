import { addIcon, caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Present, Project } from '../api';
import { ArchiveCommands } from '../archives/commands';
import {
  CommandButton,
  EmptyState,
  ErrorBoundary,
  ErrorNote,
  formatNumber,
  IconButton,
  Initials,
  type MenuGroup,
  MoreMenu,
  openMenu,
  RelativeTime,
  StatusDot,
  useUi
} from '../components';

import { VisibilityBadge } from './badge';
import { AccountCommands, CommandIds, SharingCommands, SIDEBAR, TrashCommands } from './commands';
import { Asking, Invitations, PersonRow } from './person';
import { may, mayShare, roleName } from './roles';
import type { Sections } from './sidebar';
import type { IProjects, ISection } from './tokens';

const SignIn = React.lazy(async () => ({ default: (await import('../accounts/signin')).SignIn }));

/** The command that opens a project's home; the home's. */
const OPEN_HOME = 'insighter:open-home';

/** The pages of the open project, in the order of its menu; those of other capabilities. */
const PAGES: ReadonlyArray<string> = [
  OPEN_HOME,
  'insighter:open-activity',
  SharingCommands.open,
  'insighter:open-lineage',
  'insighter:open-achievements',
  TrashCommands.open
];

/** What can be done with the open project, and with one's part in others. */
const ACTIONS: ReadonlyArray<MenuGroup> = [
  PAGES.map(command => ({ command, args: { isMenu: true } })),
  [
    { command: CommandIds.rename },
    { command: CommandIds.describe },
    { command: CommandIds.openFolder },
    { command: ArchiveCommands.export },
    { command: CommandIds.refresh }
  ],
  [{ command: CommandIds.archive }, { command: CommandIds.restore }, { command: CommandIds.remove }],
  [
    { command: CommandIds.switch, args: { archived: true } },
    { command: AccountCommands.join },
    { command: SharingCommands.ask }
  ],
  [{ command: AccountCommands.open }, { command: AccountCommands.signOut }]
];

/** How many people's initials stand in the line of facts. */
const FACES = 4;

/** How many projects the switcher's menu lists before one has to search. */
const MENU_LENGTH = 12;

/** What the sidebar shows. */
export function SidebarView(props: { projects: IProjects; sections: Sections }): JSX.Element {
  const { projects, sections } = props;
  const { trans, commands } = useUi();
  const revision = useRevision(projects);
  useSignal(sections.changed);
  const [counts, setCounts] = React.useState<Readonly<Record<string, number | null>>>({});
  const project = projects.current;

  const setCount = React.useCallback((id: string, count: number | null) => {
    setCounts(before => (before[id] === count ? before : { ...before, [id]: count }));
  }, []);

  // the form one signed in with is gone, and the keyboard's focus with it
  const { connection } = projects;
  const before = React.useRef(connection);
  React.useEffect(() => {
    if (before.current === 'signed-out' && document.activeElement === document.body) {
      document.querySelector<HTMLElement>(`#${SIDEBAR} .jp-Insighter-Switcher`)?.focus();
    }
    before.current = connection;
  }, [connection]);

  if (connection === 'signed-out') {
    return (
      <div className="jp-Insighter-SignInHost">
        <React.Suspense fallback={null}>
          <SignIn
            reason={
              projects.me ? trans.__('Your sign-in has ended. What is open stays as it is.') : undefined
            }
          />
        </React.Suspense>
      </div>
    );
  }
  if (!project) {
    return <Beginning projects={projects} />;
  }

  const { me } = projects;
  const people = me !== null && me.local === false;

  // Nothing at all is there yet: one thing to do, instead of an empty state for every kind of asset.
  const fresh =
    project.personal && projects.all.every(each => each.personal) && !Object.values(counts).some(Boolean);

  return (
    <>
      <ProjectHeader project={project} projects={projects} />
      {projects.connection === 'offline' && (
        <div className="jp-Insighter-Banner" role="status" title={projects.error?.message}>
          {trans.__('Offline: trying again')}
        </div>
      )}
      {project.archived_at !== null && (
        <div className="jp-Insighter-Banner" role="status">
          {trans.__('Archived: it can be read, and not changed.')}
        </div>
      )}
      {sections.tops.map((Top, index) => (
        <ErrorBoundary key={index}>
          <Top project={project} />
        </ErrorBoundary>
      ))}
      {people && <Invitations me={me} projects={projects} />}
      {people && mayShare(project) && <Asking project={project} revision={revision} />}
      <div className="jp-Insighter-Sections">
        {fresh && (
          <div className="jp-Insighter-Welcome">
            <EmptyState
              text={trans.__(
                'A project keeps data, experiments, models and endpoints together, with a folder for its notebooks.'
              )}
              action={{
                label: trans.__('Start with the quickstart'),
                onClick: () => void commands.execute(CommandIds.quickstart)
              }}
              second={{
                label: trans.__('New project'),
                onClick: () => void commands.execute(CommandIds.create)
              }}
            />
          </div>
        )}
        <div hidden={fresh}>
          {sections.all.map(section => (
            <Section
              key={`${project.id} ${section.id}`}
              section={section}
              project={project}
              revision={revision}
              count={counts[section.id] ?? null}
              setCount={setCount}
              collapsed={sections.collapsed.has(section.id)}
              onToggle={collapsed => sections.setCollapsed(section.id, collapsed)}
            />
          ))}
        </div>
      </div>
      {people && <PersonRow me={me} />}
    </>
  );
}

/** Before the platform first answered. */
function Beginning(props: { projects: IProjects }): JSX.Element {
  const { projects } = props;
  const { trans } = useUi();
  if (projects.connection === 'offline') {
    return (
      <div className="jp-Insighter-Beginning">
        <ErrorNote error={projects.error} onRetry={() => void projects.refresh()} />
      </div>
    );
  }
  return (
    <p className="jp-Insighter-Beginning" role="status">
      <StatusDot condition="busy" word={trans.__('Starting the platform…')} />
    </p>
  );
}

/** The open project's name, what can be done with it, and its facts in a line. */
function ProjectHeader(props: { project: Project; projects: IProjects }): JSX.Element {
  const { project, projects } = props;
  const ui = useUi();
  const { trans } = ui;
  const members = trans._n('%1 member', '%1 members', project.members);

  const openSwitcher = (event: React.MouseEvent) => {
    const byUse = [...projects.all].sort(
      (one, other) => Date.parse(other.last_activity) - Date.parse(one.last_activity)
    );
    const listed = byUse
      .slice(0, MENU_LENGTH)
      .sort(
        (one, other) => Number(one.personal) - Number(other.personal) || one.name.localeCompare(other.name)
      );
    openMenu(
      ui,
      [
        listed.map(({ id, name }) => ({ command: CommandIds.switch, args: { id, name } })),
        projects.all.length > MENU_LENGTH ? [{ command: CommandIds.switch }] : [],
        [
          { command: CommandIds.create },
          { command: ArchiveCommands.import },
          { command: CommandIds.quickstart },
          { command: TrashCommands.open, args: { projects: true, isMenu: true } }
        ]
      ],
      event.currentTarget
    );
  };

  return (
    <header className="jp-Insighter-ProjectHeader">
      <div className="jp-Insighter-ProjectHeader-title">
        <h2>
          <button
            type="button"
            className="jp-Insighter-Switcher"
            aria-haspopup="menu"
            title={project.description || project.name}
            aria-label={trans.__('Project %1: open another one', project.name)}
            onClick={openSwitcher}
          >
            <caretDownIcon.react tag="span" elementSize="normal" />
            <span>{project.name}</span>
          </button>
        </h2>
        <VisibilityBadge project={project} leads />
        <CommandButton action={{ command: OPEN_HOME, args: { project: project.id } }} />
        <MoreMenu label={trans.__('Project actions')} groups={ACTIONS} />
        <IconButton
          icon={addIcon}
          label={trans.__('New project')}
          onClick={() => void ui.commands.execute(CommandIds.create)}
        />
      </div>
      <div className="jp-Insighter-Facts">
        <span className="jp-Insighter-Facts-text">
          {standing(project, trans).map(fact => (
            <React.Fragment key={fact}>
              {fact === members ? (
                <button
                  type="button"
                  className="jp-Insighter-Link"
                  title={trans.__('Show who may what')}
                  onClick={() =>
                    void ui.commands.execute(SharingCommands.open, { project: project.id, part: 'people' })
                  }
                >
                  {fact}
                </button>
              ) : (
                <span>{fact}</span>
              )}
              {' · '}
            </React.Fragment>
          ))}
          <Here present={projects.present} />
          <RelativeTime time={project.last_activity} />
        </span>
        <LiveDot projects={projects} />
      </div>
    </header>
  );
}

/** Who has the project open now. Nothing while that is nobody but oneself. */
function Here({ present }: { present: ReadonlyArray<Present> }): JSX.Element | null {
  const { trans } = useUi();
  if (present.length < 2) {
    return null;
  }
  const names = present.map(({ display_name, away }) =>
    away ? trans.__('%1 (away)', display_name) : display_name
  );
  return (
    <span className="jp-Insighter-Facts-whole" title={trans.__('Here now: %1', names.join(', '))}>
      <span className="jp-Insighter-Here">
        {present.slice(0, FACES).map(person => (
          <Initials key={person.user_id} name={person.display_name} away={person.away} />
        ))}
      </span>{' '}
      {trans.__('%1 here', present.length)}
      {' · '}
    </span>
  );
}

/** What the caller is in the project, and with how many others. */
function standing(project: Project, trans: ReturnType<typeof useUi>['trans']): string[] {
  if (project.personal) {
    return [trans.__('only you')];
  }
  const facts = project.member
    ? [roleName(project.role, trans), trans._n('%1 member', '%1 members', project.members)]
    : [trans.__('not a member')];
  return may({ ...project, archived_at: null }, 'editor') ? facts : [...facts, trans.__('read only')];
}

/** Whether the page is in touch with the server. */
function LiveDot(props: { projects: IProjects }): JSX.Element {
  const { trans } = useUi();
  switch (props.projects.connection) {
    case 'live':
      return (
        <StatusDot condition="ok" word={trans.__('live')} title={trans.__('Changes appear by themselves')} />
      );
    case 'offline':
      return <StatusDot condition="off" word={trans.__('offline')} title={props.projects.error?.message} />;
    case 'connecting':
    case 'signed-out':
      return <StatusDot condition="busy" word={trans.__('connecting')} />;
  }
}

/** A kind of asset: heading with count and ＋, and its list. */
function Section(props: {
  section: ISection;
  project: Project;
  revision: number;
  count: number | null;
  setCount: (id: string, count: number | null) => void;
  collapsed: boolean;
  onToggle: (collapsed: boolean) => void;
}): JSX.Element {
  const { section, project, revision, count, setCount, collapsed, onToggle } = props;
  const id = React.useId();
  const Caret = collapsed ? caretRightIcon : caretDownIcon;

  const setOwnCount = React.useCallback(
    (value: number | null) => setCount(section.id, value),
    [setCount, section.id]
  );
  React.useEffect(() => () => setOwnCount(null), [setOwnCount]);

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const { key, currentTarget } = event;
    if (key === 'ArrowRight' || key === 'ArrowLeft') {
      event.preventDefault();
      onToggle(key === 'ArrowLeft');
    } else if (key === 'ArrowDown' || key === 'ArrowUp') {
      const headings = [
        ...(currentTarget
          .closest('.jp-Insighter-Sections')
          ?.querySelectorAll<HTMLElement>('.jp-Insighter-Section-toggle') ?? [])
      ];
      event.preventDefault();
      headings[headings.indexOf(currentTarget) + (key === 'ArrowDown' ? 1 : -1)]?.focus();
    }
  };

  return (
    <section className="jp-Insighter-Section" aria-labelledby={`${id}-heading`}>
      <div className="jp-Insighter-Section-header">
        <h3>
          <button
            type="button"
            id={`${id}-heading`}
            className="jp-Insighter-Section-toggle"
            aria-expanded={!collapsed}
            aria-controls={`${id}-body`}
            onClick={() => onToggle(!collapsed)}
            onKeyDown={onKeyDown}
          >
            <Caret.react tag="span" elementSize="normal" />
            <span>{section.title}</span>
            {count !== null && <span className="jp-Insighter-Section-count">{formatNumber(count)}</span>}
          </button>
        </h3>
        {section.addCommand && (
          <span className="jp-Insighter-Section-add">
            <CommandButton action={{ command: section.addCommand, args: {} }} icon={addIcon} />
          </span>
        )}
      </div>
      <div id={`${id}-body`} className="jp-Insighter-Section-body" hidden={collapsed}>
        <ErrorBoundary>
          <section.component project={project} revision={revision} setCount={setOwnCount} />
        </ErrorBoundary>
      </div>
    </section>
  );
}

/** Render again whenever a signal is emitted. */
function useSignal(signal: { connect: Connect; disconnect: Connect }): void {
  const [, next] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const slot = () => next();
    signal.connect(slot);
    next(); // what was emitted before this was connected
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}

type Connect = (slot: () => void) => boolean;

/** Render with the projects; a number that grows when the open project changed. */
function useRevision(projects: IProjects): number {
  const [revision, next] = React.useReducer((count: number) => count + 1, 0);
  useSignal(projects.stateChanged);
  React.useEffect(() => {
    const slot = () => next();
    projects.changed.connect(slot);
    return () => {
      projects.changed.disconnect(slot);
    };
  }, [projects]);
  return revision;
}
