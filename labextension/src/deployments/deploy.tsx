import type { Deployment, RegisteredModel } from '../api';
import { ErrorNote, useUi } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import { deploy, endpointName, versionsOf } from './model';

interface IChoice {
  readonly model: string;
  readonly version: number;
  readonly name: string;
  /** Whether the name was typed, and so does not follow the model's. */
  readonly typed: boolean;
}

/** Ask what to deploy and under which name, and deploy it; null when it was cancelled. */
export function askDeployment(
  host: IHost,
  project: string,
  models: ReadonlyArray<RegisteredModel>,
  taken: ReadonlyArray<string>,
  model: string | undefined,
  version: number | undefined
): Promise<Deployment | null> {
  const { trans } = host;
  const chosen = models.find(one => one.name === model) ?? models[0];
  return ask<IChoice, Deployment>({
    ui: host,
    title: trans.__('Deploy a model'),
    accept: trans.__('Deploy'),
    initial: {
      model: chosen.name,
      version: version ?? chosen.aliases['champion'] ?? chosen.latest?.version ?? 1,
      name: endpointName(chosen.name, taken),
      typed: false
    },
    form: (choice, change) => (
      <DeployForm project={project} models={models} taken={taken} choice={choice} change={change} />
    ),
    submit: choice => deploy(project, choice.name, choice.model, choice.version)
  });
}

interface IDeployFormProps {
  project: string;
  models: ReadonlyArray<RegisteredModel>;
  taken: ReadonlyArray<string>;
  choice: IChoice;
  change: (choice: IChoice) => void;
}

function DeployForm({ project, models, taken, choice, change }: IDeployFormProps): JSX.Element {
  const { trans } = useUi();
  const [, { value, error }] = useOwnResource(() => versionsOf(project, choice.model), choice.model, 0);
  const versions = value?.history ?? [];
  const chooseModel = (name: string) => {
    const model = models.find(one => one.name === name);
    change({
      ...choice,
      model: name,
      version: model?.aliases['champion'] ?? model?.latest?.version ?? 1,
      name: choice.typed ? choice.name : endpointName(name, taken)
    });
  };
  return (
    <>
      <Field label={trans.__('Model')}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.model}
            onChange={event => chooseModel(event.target.value)}
          >
            {models.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label={trans.__('Version')}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.version}
            onChange={event => change({ ...choice, version: Number(event.target.value) })}
          >
            {versions.length === 0 && <option value={choice.version}>v{choice.version}</option>}
            {versions.map(({ version, aliases }) => (
              <option key={version} value={version}>
                {[`v${version}`, ...aliases.map(alias => `@${alias}`)].join(' ')}
              </option>
            ))}
          </select>
        )}
      </Field>
      {error && <ErrorNote error={error} />}
      <Field
        label={trans.__('Name of the endpoint')}
        hint={trans.__('Lower-case letters, digits and dashes; it is part of the address.')}
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={63}
            pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
            title={trans.__('Lower-case letters, digits and dashes')}
            spellCheck={false}
            value={choice.name}
            onChange={event => change({ ...choice, name: event.target.value, typed: true })}
          />
        )}
      </Field>
    </>
  );
}
