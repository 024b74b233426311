import type { TranslationBundle } from '@jupyterlab/translation';

import { projects as api, type Project } from '../api';
import { formatBytes, type IUi } from '../components';
import { ask, Field } from '../pages/ask';

/** Ask what goes along with a project; whether the files of its folder do, null when cancelled. */
export async function askExport(ui: IUi, project: Project): Promise<boolean | null> {
  const { trans } = ui;
  const contents = await api.contents(project.id);
  return ask({
    ui,
    title: trans.__('Export “%1”', project.name),
    accept: trans.__('Export'),
    initial: true,
    form: (files, change) => (
      <>
        <p>
          {trans.__(
            'One file with all datasets, runs, models and the audit, %1 of stored files. No addresses and nothing that lets anybody in is in it.',
            formatBytes(contents.bytes)
          )}
        </p>
        {project.folder && (
          <label className="jp-Insighter-Check">
            <input type="checkbox" checked={files} onChange={event => change(event.target.checked)} />
            <span>
              {trans.__('The notebooks and files of the folder “%1” too, except hidden ones', project.folder)}
            </span>
          </label>
        )}
      </>
    ),
    submit: files => Promise.resolve(files && project.folder !== '')
  });
}

/** What is to be imported. */
export interface IWanted {
  file: File;
  name: string;
}

/** Ask for an archive and the project's name; null when cancelled. */
export function askImport(ui: IUi): Promise<IWanted | null> {
  const { trans } = ui;
  return ask<{ file: File | null; name: string }, IWanted>({
    ui,
    title: trans.__('Import project'),
    accept: trans.__('Import'),
    initial: { file: null, name: '' },
    form: (value, change) => (
      <>
        <FileField trans={trans} onChange={file => change({ ...value, file })} />
        <Field label={trans.__('Name')} hint={trans.__('Left empty, it keeps the name it has in the file.')}>
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={value.name}
              maxLength={100}
              autoComplete="off"
              onChange={event => change({ ...value, name: event.target.value })}
            />
          )}
        </Field>
      </>
    ),
    submit: ({ file, name }) =>
      file
        ? Promise.resolve({ file, name: name.trim() })
        : Promise.reject(new Error(trans.__('Choose a file first.')))
  });
}

function FileField(props: { trans: TranslationBundle; onChange: (file: File | null) => void }): JSX.Element {
  const { trans, onChange } = props;
  return (
    <Field
      label={trans.__('File')}
      hint={trans.__(
        'One that an export made. Its models are programs: take files only from people you would run a notebook of.'
      )}
    >
      {id => (
        <input
          id={id}
          type="file"
          accept=".zip"
          required
          onChange={event => onChange(event.target.files?.[0] ?? null)}
        />
      )}
    </Field>
  );
}
