import { Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { projects as api, type Project } from '../api';
import { ErrorNote, type IUi, RelativeTime, UiProvider, useUi } from '../components';

import { VisibilityBadge } from './badge';

/** Let a project be found by typing, and chosen; null when cancelled. */
export async function chooseProject(ui: IUi, options: { archived: boolean }): Promise<Project | null> {
  const dialog = new ChooserDialog(ui, options.archived);
  const { button } = await dialog.launch();
  return button.accept ? dialog.choice.current : null;
}

/** What is marked in the list right now. */
type Choice = React.MutableRefObject<Project | null>;

class ChooserDialog extends Dialog<unknown> {
  constructor(ui: IUi, archived: boolean) {
    const choice: Choice = { current: null };
    const { trans } = ui;
    super({
      title: archived ? trans.__('Archived projects') : trans.__('Open project'),
      body: ReactWidget.create(
        <UiProvider value={ui}>
          <Chooser archived={archived} choice={choice} onChoose={() => this.resolve(1)} />
        </UiProvider>
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Open') })
      ],
      defaultButton: 1,
      focusNodeSelector: 'input'
    });
    this.choice = choice;
    this.addClass('jp-Insighter-Chooser');
  }

  readonly choice: Choice;

  /** Opening waits until there is something to open. */
  override resolve(index?: number): void {
    if (index === 0 || this.choice.current) {
      super.resolve(index);
    }
  }
}

function Chooser(props: { archived: boolean; choice: Choice; onChoose: () => void }): JSX.Element {
  const { archived, choice, onChoose } = props;
  const list = React.useRef<HTMLUListElement>(null);
  const { trans } = useUi();
  const id = React.useId();
  const [all, setAll] = React.useState<Project[] | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [text, setText] = React.useState('');
  const [marked, setMarked] = React.useState(0);
  const [attempt, setAttempt] = React.useState(0);

  React.useEffect(() => {
    let here = true;
    // also those that are not one's own, but open to be read
    api.list(archived, 'all').then(
      answer => {
        if (here) {
          setAll(answer);
          setError(null);
        }
      },
      (reason: unknown) => here && setError(reason)
    );
    return () => {
      here = false;
    };
  }, [archived, attempt]);

  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = (all ?? []).filter(project =>
    words.every(word => `${project.name} ${project.folder}`.toLocaleLowerCase().includes(word))
  );
  const at = Math.min(marked, found.length - 1);

  React.useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  React.useEffect(() => {
    choice.current = found[at] ?? null;
  });

  const onKeyDown = (event: React.KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (to !== undefined && found.length) {
      event.preventDefault();
      setMarked((to + found.length) % found.length);
    }
  };

  return (
    <div className="jp-Insighter jp-Insighter-Chooser-body">
      <input
        className="jp-mod-styled"
        type="search"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length ? `${id}-${at}` : undefined}
        aria-label={trans.__('Find a project by name')}
        placeholder={trans.__('Find by name')}
        value={text}
        onChange={event => {
          setText(event.target.value);
          setMarked(0);
        }}
        onKeyDown={onKeyDown}
      />
      {error !== null && <ErrorNote error={error} onRetry={() => setAttempt(attempt + 1)} />}
      <ul ref={list} id={`${id}-list`} role="listbox" aria-label={trans.__('Projects')}>
        {found.map((project, index) => (
          <li
            key={project.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseMove={() => setMarked(index)}
            onClick={() => {
              choice.current = project;
              onChoose();
            }}
          >
            <span className="jp-Insighter-Row-name">{project.name}</span>
            {!project.member && <VisibilityBadge project={project} />}
            <span className="jp-Insighter-Row-fact">
              <RelativeTime time={project.last_activity} />
            </span>
          </li>
        ))}
      </ul>
      {all !== null && !found.length && (
        <p role="status">
          {all.length
            ? trans.__('No project is called like this.')
            : archived
              ? trans.__('Nothing is archived.')
              : trans.__('There is no project yet.')}
        </p>
      )}
    </div>
  );
}
