import * as React from 'react';

import type { RegisteredModel } from '../api';
import { EmptyLine, ErrorNote, Row, RowList, useUi } from '../components';
import { modelIcon } from '../pages/icons';
import { useOwnResource } from '../pages/resource';
import { SharingCommands } from '../projects/commands';
import { may } from '../projects/roles';
import type { ISectionProps } from '../projects/tokens';
import { CommandIDs } from './commands';
import { modelList } from './model';

/** The command that deploys a model; the deployments'. */
const DEPLOY = 'insighter:deploy-model';

/** The registered models in the sidebar. */
export function ModelsSection({ project, revision, setCount }: ISectionProps): JSX.Element {
  const { trans } = useUi();
  const [list, { value, error }] = useOwnResource(() => modelList(project.id), project.id, revision);
  const count = value?.length ?? null;
  React.useEffect(() => setCount(count), [setCount, count]);
  return (
    <>
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value && value.length > 0 && (
        <RowList label={trans.__('Models')}>
          {value.map(model => (
            <ModelRow key={model.name} model={model} project={project.id} />
          ))}
        </RowList>
      )}
      {value?.length === 0 && (
        <EmptyLine
          text={trans.__('No models yet')}
          fillable={may(project, 'editor')}
          hint={trans.__('Register one from a run’s page, or while you log it:')}
          code='mlflow.sklearn.log_model(model, name="model", registered_model_name="wine-quality")'
        />
      )}
    </>
  );
}

function ModelRow({ model, project }: { model: RegisteredModel; project: string }): JSX.Element {
  const { trans } = useUi();
  const { name, latest } = model;
  const args = { project, name };
  // where the newest version bears no alias, the first alias tells which one is in use
  const others = Object.entries(model.aliases).map(([alias, version]) => `@${alias} v${version}`);
  const own = latest?.aliases.map(alias => `@${alias}`) ?? [];
  const fact = latest
    ? [`v${latest.version}`, ...(own.length > 0 ? own : others.slice(0, 1))]
    : [trans.__('no versions')];
  return (
    <Row
      name={name}
      icon={modelIcon}
      fact={fact}
      title={[latest ? `${name} v${latest.version}` : name, ...others].join('\n')}
      open={{ command: CommandIDs.open, args }}
      actions={[
        ...(latest
          ? [{ command: DEPLOY, args: { project, model: name, version: latest.version }, inline: true }]
          : []),
        { command: CommandIDs.copyCode, args: { ...args, version: latest?.version ?? 1 } },
        { command: SharingCommands.restrict, args: { ...args, kind: 'model' } },
        { command: CommandIDs.remove, args }
      ]}
    />
  );
}
