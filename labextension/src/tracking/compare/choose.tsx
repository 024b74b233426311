import { ask, Field } from '../../pages/ask';
import type { IHost } from '../../pages/host';
import { allExperiments } from '../model';
import { COMPARED, newestRuns } from './model';

interface IChoice {
  readonly experiment: string;
  readonly runs: ReadonlyArray<string>;
}

/** Ask which runs are to be compared; null where nothing was chosen. */
export async function chooseRuns(
  host: IHost,
  project: string,
  experiment: string | undefined
): Promise<IChoice | null> {
  const { trans } = host;
  const experiments = await allExperiments(project);
  const first = experiment ?? experiments[0]?.id ?? '';
  const runs = new Map<string, { id: string; name: string }[]>();
  const load = async (id: string) => {
    if (id && !runs.has(id)) {
      runs.set(id, await newestRuns(project, id));
    }
  };
  await load(first);
  return ask<IChoice, IChoice>({
    ui: host,
    title: trans.__('Compare runs'),
    accept: trans.__('Compare'),
    initial: { experiment: first, runs: [] },
    form: (choice, change) => (
      <>
        <Field label={trans.__('Experiment')}>
          {id => (
            <select
              id={id}
              className="jp-mod-styled"
              value={choice.experiment}
              onChange={event => {
                const chosen = event.target.value;
                void load(chosen).then(() => change({ experiment: chosen, runs: [] }));
              }}
            >
              {experiments.map(({ id: value, name }) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <fieldset className="jp-Insighter-Choices">
          <legend>{trans.__('Its newest runs: choose 2 to %1', COMPARED)}</legend>
          {(runs.get(choice.experiment) ?? []).map(({ id, name }) => (
            <label key={id}>
              <input
                type="checkbox"
                checked={choice.runs.includes(id)}
                onChange={event =>
                  change({
                    ...choice,
                    runs: event.target.checked ? [...choice.runs, id] : choice.runs.filter(one => one !== id)
                  })
                }
              />
              {name}
            </label>
          ))}
          {(runs.get(choice.experiment) ?? []).length === 0 && <p>{trans.__('No runs yet')}</p>}
        </fieldset>
      </>
    ),
    submit: choice => {
      if (choice.runs.length < 2 || choice.runs.length > COMPARED) {
        throw new Error(trans.__('Choose 2 to %1 runs.', COMPARED));
      }
      return Promise.resolve(choice);
    }
  });
}
