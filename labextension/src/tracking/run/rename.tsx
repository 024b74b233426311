import { runs } from '../../api';
import { ask, Field } from '../../pages/ask';
import type { IHost } from '../../pages/host';

/** Ask for a run's new name, and give it. */
export async function rename(host: IHost, project: string, id: string, name: string): Promise<void> {
  const { trans, projects } = host;
  await ask({
    ui: host,
    title: trans.__('Rename the run'),
    accept: trans.__('Rename'),
    initial: name,
    form: (value, change) => (
      <Field label={trans.__('Name of the run')}>
        {field => (
          <input
            id={field}
            className="jp-mod-styled"
            required
            maxLength={250}
            spellCheck={false}
            value={value}
            onChange={event => change(event.target.value)}
          />
        )}
      </Field>
    ),
    submit: async value => {
      await runs.edit(project, id, { name: value.trim() });
      await projects.refresh();
    }
  });
}
