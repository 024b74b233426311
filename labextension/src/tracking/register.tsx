import { Notification } from '@jupyterlab/apputils';

import { formatNumber } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { modelNames, registerModel } from './model';

/** The command that opens a model's page; the registry's. */
const OPEN_MODEL = 'insighter:open-model';

interface IChoice {
  readonly name: string;
  readonly logged: string;
}

/** Ask for a name and register one of the models that a run logged under it. */
export async function register(
  host: IHost,
  project: string,
  logged: ReadonlyArray<string>,
  proposal: string
): Promise<void> {
  const { trans, commands, projects } = host;
  // the names are only proposals: without them the field is filled in by hand
  const names = await modelNames(project).catch((): string[] => []);
  const initial: IChoice = { name: proposal, logged: logged[0] };
  const version = await ask({
    ui: host,
    title: trans.__('Register a model'),
    accept: trans.__('Register'),
    initial,
    form: (choice, change) => (
      <>
        {logged.length > 1 && (
          <Field label={trans.__('Which of the %1 models of the run', formatNumber(logged.length))}>
            {id => (
              <select
                id={id}
                className="jp-mod-styled"
                value={choice.logged}
                onChange={event => change({ ...choice, logged: event.target.value })}
              >
                {logged.map(one => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field
          label={trans.__('Name of the model')}
          hint={
            names.includes(choice.name.trim())
              ? trans.__('Becomes the next version of “%1”.', choice.name.trim())
              : trans.__('Becomes version 1 of a new model.')
          }
        >
          {id => (
            <>
              <input
                id={id}
                className="jp-mod-styled"
                required
                maxLength={250}
                spellCheck={false}
                list={`${id}-names`}
                value={choice.name}
                onChange={event => change({ ...choice, name: event.target.value })}
              />
              <datalist id={`${id}-names`}>
                {names.map(name => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
      </>
    ),
    submit: choice => registerModel(project, choice.name.trim(), choice.logged)
  });
  if (version) {
    const { name } = version;
    Notification.success(trans.__('%1 version %2 is registered', name, version.version), {
      autoClose: 8000,
      actions: [
        { label: trans.__('Open'), callback: () => void commands.execute(OPEN_MODEL, { project, name }) }
      ]
    });
    await projects.refresh();
  }
}
