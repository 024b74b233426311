import * as React from 'react';

import type { Deployment } from '../api';
import { EmptyLine, ErrorNote, Row, RowList, useUi } from '../components';
import { deploymentIcon } from '../pages/icons';
import { useOwnResource } from '../pages/resource';
import { SharingCommands } from '../projects/commands';
import { may } from '../projects/roles';
import type { ISectionProps } from '../projects/tokens';
import { CommandIDs } from './commands';
import { deploymentList, endpointName } from './model';
import { DeploymentStatus } from './status';

/** The endpoints in the sidebar. */
export function DeploymentsSection({ project, revision, setCount }: ISectionProps): JSX.Element {
  const { trans, commands } = useUi();
  const [list, { value, error }] = useOwnResource(() => deploymentList(project.id), project.id, revision);
  const count = value?.length ?? null;
  React.useEffect(() => setCount(count), [setCount, count]);
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value && value.length > 0 && (
        <RowList label={trans.__('Deployments')}>
          {value.map(deployment => (
            <DeploymentRow key={deployment.id} deployment={deployment} project={project.id} />
          ))}
        </RowList>
      )}
      {value?.length === 0 && (
        <EmptyLine
          text={trans.__('No endpoints yet')}
          hint={trans.__('A registered model becomes an endpoint that predicts; in a notebook:')}
          action={{
            label: trans.__('Deploy…'),
            onClick: () => void commands.execute(CommandIDs.deploy, { project: project.id })
          }}
          fillable={may(project, 'editor')}
          code='ix.deployments.create("wine", version, wait=True)'
        />
      )}
    </>
  );
}

function DeploymentRow({ deployment, project }: { deployment: Deployment; project: string }): JSX.Element {
  const { name, model, version, status, reason } = deployment;
  const args = { project, name };
  const running = status === 'healthy' || status === 'starting';
  return (
    <Row
      name={name}
      icon={deploymentIcon}
      fact={name === endpointName(model) ? `v${version}` : [`v${version}`, model]}
      title={[name, `${model} v${version}`, ...(reason ? [reason] : [])].join('\n')}
      status={<DeploymentStatus deployment={deployment} />}
      open={{ command: CommandIDs.open, args }}
      actions={[
        { command: running ? CommandIDs.stop : CommandIDs.start, args, inline: true },
        { command: CommandIDs.copyAddress, args },
        { command: SharingCommands.restrict, args: { ...args, kind: 'deployment' } },
        { command: CommandIDs.remove, args }
      ]}
    />
  );
}
