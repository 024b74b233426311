import type { TranslationBundle } from '@jupyterlab/translation';

import { projects as api, type Project, type ProjectContents } from '../api';
import { formatBytes, type IUi } from '../components';
import { ask, exactly, Field } from '../pages/ask';
import { type IMeanwhile, Meanwhile, meanwhileOf } from './meanwhile';
import type { IProjects } from './tokens';

/** Ask for a new project and make it; null when cancelled. */
export function createProject(ui: IUi): Promise<Project | null> {
  const { trans } = ui;
  return ask({
    ui,
    title: trans.__('New project'),
    accept: trans.__('Create'),
    initial: { name: '', description: '' },
    form: (value, change) => (
      <>
        <NameField trans={trans} value={value.name} onChange={name => change({ ...value, name })} />
        <DescriptionField
          trans={trans}
          value={value.description}
          onChange={description => change({ ...value, description })}
        />
      </>
    ),
    submit: ({ name, description }) => api.create({ name: name.trim(), description })
  });
}

/** Ask for a project's new name; null when cancelled. */
export function renameProject(ui: IUi, project: Project): Promise<Project | null> {
  const { trans } = ui;
  const edit = new Edit(project.name);
  return ask({
    ui,
    title: trans.__('Rename project'),
    accept: trans.__('Rename'),
    initial: project.name,
    form: (value, change) => (
      <>
        <NameField
          trans={trans}
          value={value}
          onChange={change}
          hint={trans.__('Its folder and its address stay as they are.')}
        />
        {edit.meanwhile && <Meanwhile meanwhile={edit.meanwhile} mine={value} onChoose={change} />}
      </>
    ),
    submit: name =>
      edit.save(before => api.update(project.id, { name: name.trim(), expected: { name: before } }))
  });
}

/** Ask for a project's new description; null when cancelled. */
export function describeProject(ui: IUi, project: Project): Promise<Project | null> {
  const { trans } = ui;
  const edit = new Edit(project.description);
  return ask({
    ui,
    title: trans.__('Describe “%1”', project.name),
    accept: trans.__('Save'),
    initial: project.description,
    form: (value, change) => (
      <>
        <DescriptionField trans={trans} value={value} onChange={change} rows={8} />
        {edit.meanwhile && <Meanwhile meanwhile={edit.meanwhile} mine={value} onChoose={change} mergeable />}
      </>
    ),
    submit: description =>
      edit.save(before => api.update(project.id, { description, expected: { description: before } }))
  });
}

/** A text that somebody else may change too while it is edited. */
class Edit {
  /** @param _before - what was there when the editing began. */
  constructor(private _before: string) {}

  /** What somebody else made of it; the next attempt to save takes it as seen. */
  meanwhile: IMeanwhile | null = null;

  async save<T>(send: (before: string) => Promise<T>): Promise<T> {
    try {
      return await send(this._before);
    } catch (reason) {
      this.meanwhile = meanwhileOf(reason);
      this._before = this.meanwhile?.theirs ?? this._before;
      throw reason;
    }
  }
}

/** Say what goes with a project, have its name typed, and move it to the trash; whether it is there. */
export async function deleteProject(ui: IUi, projects: IProjects, project: Project): Promise<boolean> {
  const { trans } = ui;
  const contents = await api.contents(project.id);
  const gone = await ask({
    ui,
    title: trans.__('Delete “%1”?', project.name),
    accept: trans.__('Move to Trash'),
    warn: true,
    initial: '',
    form: (value, change) => (
      <>
        <WhatGoes trans={trans} contents={contents} />
        {project.folder && (
          <p>{trans.__('The folder “%1” with its notebooks and files stays.', project.folder)}</p>
        )}
        <Field label={trans.__('To move it to the trash, type its name: %1', project.name)}>
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={value}
              required
              autoComplete="off"
              spellCheck={false}
              pattern={exactly(project.name)}
              title={trans.__('The project’s name, exactly')}
              onChange={event => change(event.target.value)}
            />
          )}
        </Field>
      </>
    ),
    submit: async confirm => {
      await projects.part(project.id, () => api.remove(project.id, confirm));
      return true;
    }
  });
  return gone ?? false;
}

/** The things that a deletion takes along. */
function WhatGoes(props: { trans: TranslationBundle; contents: ProjectContents }): JSX.Element {
  const { trans, contents } = props;
  const things = [
    contents.datasets &&
      `${trans._n('%1 dataset', '%1 datasets', contents.datasets)} (${trans._n('%1 version', '%1 versions', contents.dataset_versions)})`,
    contents.notebooks &&
      `${trans._n('%1 notebook', '%1 notebooks', contents.notebooks)} (${trans._n('%1 version', '%1 versions', contents.notebook_versions)})`,
    contents.experiments &&
      `${trans._n('%1 experiment', '%1 experiments', contents.experiments)} (${trans._n('%1 run', '%1 runs', contents.runs)})`,
    contents.models &&
      `${trans._n('%1 model', '%1 models', contents.models)} (${trans._n('%1 version', '%1 versions', contents.model_versions)})`,
    contents.deployments.length &&
      trans._n(
        'the endpoint %2, which stops answering',
        'the endpoints %2, which stop answering',
        contents.deployments.length,
        contents.deployments.join(', ')
      ),
    contents.bytes && trans.__('%1 of stored files', formatBytes(contents.bytes))
  ].filter(Boolean);
  if (!things.length) {
    return <p>{trans.__('It is empty: nothing but the project itself is deleted.')}</p>;
  }
  return (
    <>
      <p>{trans.__('With it goes, for all its members, until you restore it from the trash:')}</p>
      <ul>
        {things.map(thing => (
          <li key={thing}>{thing}</li>
        ))}
      </ul>
    </>
  );
}

function NameField(props: {
  trans: TranslationBundle;
  value: string;
  onChange: (name: string) => void;
  hint?: string;
}): JSX.Element {
  return (
    <Field label={props.trans.__('Name')} hint={props.hint}>
      {id => (
        <input
          id={id}
          className="jp-mod-styled"
          value={props.value}
          required
          maxLength={100}
          autoComplete="off"
          onFocus={event => event.target.select()}
          onChange={event => props.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function DescriptionField(props: {
  trans: TranslationBundle;
  value: string;
  onChange: (description: string) => void;
  rows?: number;
}): JSX.Element {
  return (
    <Field label={props.trans.__('Description')} hint={props.trans.__('Markdown; may be empty.')}>
      {id => (
        <textarea
          id={id}
          className="jp-mod-styled"
          rows={props.rows ?? 3}
          maxLength={10_000}
          value={props.value}
          onChange={event => props.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
