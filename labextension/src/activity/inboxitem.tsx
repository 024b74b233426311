import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import type { IUi } from '../components';
import { CommandIDs } from './commands';
import { commentIcon } from './icons';
import type { Inbox } from './inbox';

/** How many notifications wait to be read, in the status bar; nothing where none does. */
export class InboxItem extends ReactWidget {
  constructor(
    private readonly inbox: Inbox,
    private readonly ui: IUi
  ) {
    super();
    this.addClass('jp-Insighter-StatusItem');
    this.addClass('jp-mod-highlighted');
  }

  protected override render(): JSX.Element {
    return <UseSignal signal={this.inbox.changed}>{() => this._item()}</UseSignal>;
  }

  private _item(): JSX.Element | null {
    const { commands, trans } = this.ui;
    const { unread } = this.inbox;
    if (unread === 0) {
      return null;
    }
    const label = trans._n('%1 notification for you', '%1 notifications for you', unread);
    return (
      <button
        type="button"
        title={label}
        aria-label={label}
        onClick={() => void commands.execute(CommandIDs.open, { view: 'mine' })}
      >
        <commentIcon.react tag="span" stylesheet="statusBar" />
        <span>{unread}</span>
      </button>
    );
  }
}
