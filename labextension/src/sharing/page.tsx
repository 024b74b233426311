import * as React from 'react';

import type { Project } from '../api';
import { Button, CodeLine, EmptyState, ErrorNote } from '../components';
import { useHost, useProject, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIds as ProjectCommands } from '../projects/commands';
import { mayShare, roleName } from '../projects/roles';
import { ClosedAssets } from './closed';
import { CommandIDs } from './commands';
import { Invitations } from './invitations';
import type { IFocus, Part, SharingModel } from './model';
import type { News } from './news';
import { People } from './people';
import { Requests } from './requests';
import { Visibility, visibilityName, visibilityText } from './visibility';

interface ISharingProps {
  model: SharingModel;
  news: News;
}

/** Who may what in a project. */
export function SharingPage({ model, news }: ISharingProps): JSX.Element {
  const { trans, projects } = useHost();
  const revision = useRevision();
  const known = useProject(model.project);
  const { value, error } = useResource(model.details);
  const project = known ?? value;
  const role = project?.role;
  React.useEffect(() => model.refresh(), [model, revision, role]);

  if (!project) {
    return (
      <Page
        kind={trans.__('Sharing')}
        title={trans.__('Project')}
        notes={error && <ErrorNote error={error} onRetry={() => model.refresh()} />}
      >
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  const local = projects.me?.local === true;
  return (
    <Page
      kind={trans.__('Sharing')}
      title={project.name}
      summary={
        <Facts>
          {!project.personal && <span>{visibilityName(project.visibility, trans).toLocaleLowerCase()}</span>}
          {project.member && !project.personal && (
            <span>{trans._n('%1 member', '%1 members', project.members)}</span>
          )}
          <span>
            {project.member
              ? trans.__('you are %1', roleName(project.role, trans))
              : trans.__('you are not a member')}
          </span>
        </Facts>
      }
    >
      {local ? (
        <NoAccounts />
      ) : project.personal ? (
        <Personal />
      ) : project.member ? (
        <Parts model={model} news={news} project={project} />
      ) : (
        <Outside project={project} />
      )}
    </Page>
  );
}

/** Where there is one local account, there is nobody to share with. */
function NoAccounts(): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-Nothing">
      <p>
        {trans.__(
          'Sharing takes people with accounts. This server has one local account, for whoever Jupyter lets in, and so everything in it is open to that person alone.'
        )}
      </p>
      <p>
        {trans.__(
          'Where a team shares a server, everybody gets an account of their own with this line in Jupyter’s configuration (jupyter_server_config.py), and a restart of the server:'
        )}
      </p>
      <CodeLine code="c.ServerApp.identity_provider_class = 'server_handlers.identity.InsighterIdentityProvider'" />
      <p>
        {trans.__(
          'The first account is made by whoever runs the machine. docs/accounts.md tells the rest, and of JupyterHub and Supabase, whose accounts serve as well.'
        )}
      </p>
      <CodeLine code="insighter accounts create ana@example.org" />
    </div>
  );
}

function Personal(): JSX.Element {
  const { trans, commands } = useHost();
  return (
    <EmptyState
      text={trans.__(
        'This is your personal project: it is yours alone and cannot be shared. To work with others make a project for it, and invite them to that.'
      )}
      action={{
        label: trans.__('New project'),
        onClick: () => void commands.execute(ProjectCommands.create)
      }}
    />
  );
}

/** For whoever reads a project without being a member. */
function Outside({ project }: { project: Project }): JSX.Element {
  const { trans, commands } = useHost();
  return (
    <EmptyState
      text={`${visibilityText(project.visibility, trans)} ${trans.__(
        'You read it that way. Who its members are is seen by members only.'
      )}`}
      action={{
        label: trans.__('Ask for access…'),
        onClick: () => void commands.execute(CommandIDs.ask, { project: project.slug })
      }}
    />
  );
}

function Parts({ model, news, project }: ISharingProps & { project: Project }): JSX.Element {
  const { trans } = useHost();
  const [part, setPart] = React.useState<Part>('people');
  const [focus, setFocus] = React.useState<IFocus | null>(null);
  const admin = mayShare(project);
  // what was open for an admin stays open, with what is typed in it, when the role is taken away
  const [was, setWas] = React.useState(admin);
  if (admin && !was) {
    setWas(true);
  }

  React.useEffect(() => {
    const show = () => {
      const next = model.takeFocus();
      if (next) {
        setPart(next.part);
        setFocus(next);
      }
    };
    show();
    model.focused.connect(show);
    return () => void model.focused.disconnect(show);
  }, [model]);

  const { value: invitations } = useResource(model.invitations);
  const { value: requests } = useResource(model.requests);
  const { value: closed } = useResource(model.restrictions);
  const parts = [
    { id: 'people' as const, label: trans.__('People'), count: project.members },
    ...(was
      ? [
          { id: 'invitations' as const, label: trans.__('Invitations'), count: invitations?.length || null },
          { id: 'requests' as const, label: trans.__('Requests'), count: requests?.length || null }
        ]
      : []),
    { id: 'visibility' as const, label: trans.__('Visibility') },
    ...(was
      ? [{ id: 'closed' as const, label: trans.__('Restricted assets'), count: closed?.length || null }]
      : [])
  ];
  const shown = parts.some(({ id }) => id === part) ? part : 'people';
  const own = { model, news, project, may: admin, focus };

  return (
    <>
      {was && !admin && (
        <div className="jp-Insighter-Notice" role="alert">
          <p>
            {news.ofOwnRole(project.id) ?? trans.__('You are not an admin of this project any more.')}{' '}
            {trans.__(
              'Only admins say who may what. What you typed here stays until you close this; nothing of it can be sent.'
            )}
          </p>
          <Button onClick={() => setWas(false)}>{trans.__('Close')}</Button>
        </div>
      )}
      <Tabs<Part>
        label={trans.__('Parts of sharing')}
        tabs={parts}
        current={shown}
        onSelect={next => {
          setFocus(null);
          setPart(next);
        }}
        fill
      >
        {/* all of them, so that what is typed in one outlives a look at another */}
        <div className="jp-Insighter-Scroll" hidden={shown !== 'people'}>
          <People {...own} />
        </div>
        <div className="jp-Insighter-Scroll" hidden={shown !== 'visibility'}>
          <Visibility {...own} />
        </div>
        {was && (
          <>
            <div className="jp-Insighter-Scroll" hidden={shown !== 'invitations'}>
              <Invitations {...own} />
            </div>
            <div className="jp-Insighter-Scroll" hidden={shown !== 'requests'}>
              <Requests {...own} />
            </div>
            <div className="jp-Insighter-Scroll" hidden={shown !== 'closed'}>
              <ClosedAssets {...own} />
            </div>
          </>
        )}
      </Tabs>
    </>
  );
}

/** What every part of the page is given. */
export interface IPartProps extends ISharingProps {
  project: Project;
  /** Whether the caller may change it. */
  may: boolean;
  focus: IFocus | null;
}
