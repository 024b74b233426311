import type { Project } from '../api';
import { formatBytes, type IUi } from '../components';
import { ask, Field } from '../pages/ask';
import { datasetName } from './uploads';

/** A file and the dataset it shall become a version of. */
export interface INamed {
  readonly file: File;
  readonly name: string;
}

/**
 * Ask for the names of the datasets that files become versions of; null when it was cancelled.
 *
 * `versions` holds the newest version of each dataset there is, by name in lower case; `fixed` is the name where it is known already.
 */
export function askNames(
  ui: IUi,
  project: Project,
  files: ReadonlyArray<File>,
  versions: ReadonlyMap<string, number>,
  fixed?: string
): Promise<ReadonlyArray<INamed> | null> {
  const { trans } = ui;
  const outcome = (name: string): string => {
    const version = versions.get(name.trim().toLowerCase());
    return version === undefined
      ? trans.__('Makes a new dataset.')
      : trans.__('Adds version %1 to the dataset “%2”.', version + 1, name.trim());
  };
  const initial: ReadonlyArray<INamed> = files.map(file => ({ file, name: fixed ?? datasetName(file.name) }));
  return ask({
    ui,
    title:
      files.length === 1
        ? trans.__('Upload a file to “%1”', project.name)
        : trans.__('Upload %1 files to “%2”', files.length, project.name),
    accept: trans.__('Upload'),
    initial,
    form: (named, change) => (
      <>
        {named.map(({ file, name }, index) => (
          <Field
            key={index}
            label={trans.__('%1 (%2) becomes the dataset', file.name, formatBytes(file.size))}
            hint={outcome(name)}
          >
            {id => (
              <input
                id={id}
                className="jp-mod-styled"
                required
                maxLength={100}
                spellCheck={false}
                value={name}
                onChange={event => {
                  const typed = event.target.value;
                  change(named.map((one, at) => (at === index ? { ...one, name: typed } : one)));
                }}
              />
            )}
          </Field>
        ))}
      </>
    ),
    submit: named => Promise.resolve(named.map(({ file, name }) => ({ file, name: name.trim() })))
  });
}
