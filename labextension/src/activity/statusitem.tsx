import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import type { IUi } from '../components';
import { CommandIds } from '../projects/commands';
import { insighterIcon } from '../projects/icons';
import type { Connection, IProjects } from '../projects/tokens';

/** The open project; a click shows the sidebar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly projects: IProjects,
    private readonly ui: IUi
  ) {
    super();
    this.addClass('jp-Insighter-StatusItem');
    this.addClass('jp-mod-highlighted');
  }

  protected override render(): JSX.Element {
    return <UseSignal signal={this.projects.stateChanged}>{() => this._item()}</UseSignal>;
  }

  private _item(): JSX.Element {
    const { commands, trans } = this.ui;
    const { current, connection } = this.projects;
    const name = current?.name ?? trans.__('Insighter');
    const states: Readonly<Record<Connection, string | null>> = {
      connecting: null,
      live: null,
      offline: trans.__('offline'),
      'signed-out': trans.__('signed out')
    };
    const state = states[connection];
    return (
      <button
        type="button"
        title={trans.__('Insighter project: %1', name)}
        onClick={() => void commands.execute(CommandIds.showSidebar)}
      >
        <insighterIcon.react tag="span" stylesheet="statusBar" />
        <span className="jp-Insighter-StatusItem-name">{name}</span>
        {state && <span>· {state}</span>}
      </button>
    );
  }
}
