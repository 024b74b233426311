import type { DocumentRegistry } from '@jupyterlab/docregistry';
import {
  type INotebookModel,
  type Notebook as NotebookView,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { ReactWidget } from '@jupyterlab/ui-components';
import { DisposableSet, type IDisposable } from '@lumino/disposable';

import type { IHost } from '../pages/host';
import { insighterIcon } from '../projects/icons';
import { Binding } from './binding';
import { CommandIDs } from './commands';

/** The name of the toolbar's item. */
const ITEM = 'insighterProject';

/** Binds every notebook that is opened, keeps what runs in it, and tells in its toolbar which project it is of. */
export class NotebookExtension implements DocumentRegistry.IWidgetExtension<NotebookPanel, INotebookModel> {
  constructor(
    private readonly host: IHost,
    private readonly contents: Contents.IManager
  ) {
    NotebookActions.executed.connect((_sender, { notebook, cell, success }) => {
      if (cell.model.type === 'code') {
        this._bindings.get(notebook)?.ran(success);
      }
    });
  }

  createNew(panel: NotebookPanel, context: DocumentRegistry.IContext<INotebookModel>): IDisposable {
    const { projects } = this.host;
    const binding = new Binding({
      panel,
      context,
      path: path => (this.contents.driveName(path) ? null : this.contents.localPath(path)),
      kept: project => {
        if (project === projects.current?.id) {
          void projects.refresh();
        }
      }
    });
    this._bindings.set(panel.content, binding);
    const badge = new Badge(this.host, binding);
    void context.ready.then(() => {
      if (!panel.isDisposed && !panel.toolbar.insertAfter('spacer', ITEM, badge)) {
        panel.toolbar.addItem(ITEM, badge);
      }
    });
    return DisposableSet.from([binding, badge]);
  }

  private readonly _bindings = new WeakMap<NotebookView, Binding>();
}

/** The project in a notebook's toolbar; its page is behind it. */
class Badge extends ReactWidget {
  constructor(
    private readonly host: IHost,
    private readonly binding: Binding
  ) {
    super();
    this.addClass('jp-Insighter-NotebookBadge');
    binding.changed.connect(this._update);
    host.projects.stateChanged.connect(this._update);
    this.hide();
  }

  override dispose(): void {
    this.host.projects.stateChanged.disconnect(this._update);
    super.dispose();
  }

  protected override render(): JSX.Element | null {
    const { notebook } = this.binding;
    const { trans, commands, projects } = this.host;
    if (!notebook) {
      return null;
    }
    const name = projects.find(notebook.project_id)?.name;
    const title = name
      ? trans.__('A notebook of the project “%1”: show its versions', name)
      : trans.__('Show the notebook’s versions');
    return (
      <button
        type="button"
        className="jp-Insighter-NotebookBadge-button"
        title={title}
        onClick={() =>
          void commands.execute(CommandIDs.open, {
            project: notebook.project_id,
            id: notebook.id,
            name: notebook.name
          })
        }
      >
        <insighterIcon.react tag="span" width="14px" />
        <span>{name ?? trans.__('Versions')}</span>
      </button>
    );
  }

  private readonly _update = (): void => {
    this.setHidden(this.binding.notebook === null);
    this.update();
  };
}
