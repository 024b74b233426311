import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';

import { showMenu } from '../../components';

/** A line of a menu that is made for the moment. */
export interface IChoice {
  readonly label: string;
  readonly run: () => void;
  /** Whether it is the one that holds now. */
  readonly checked?: boolean;
  readonly disabled?: boolean;
  readonly caption?: string;
}

/** Open a menu of what can be done right here, below an element or where the mouse is. */
export function popUp(
  groups: ReadonlyArray<ReadonlyArray<IChoice>>,
  at: Element | { clientX: number; clientY: number }
): void {
  const commands = new CommandRegistry();
  const menu = new MenuSvg({ commands });
  groups
    .filter(group => group.length > 0)
    .forEach((group, number) => {
      if (number > 0) {
        menu.addItem({ type: 'separator' });
      }
      group.forEach((choice, index) => {
        const command = `${number}:${index}`;
        commands.addCommand(command, {
          label: choice.label.replace(/\s+/g, ' '),
          caption: choice.caption,
          isToggleable: choice.checked !== undefined,
          isToggled: () => choice.checked ?? false,
          isEnabled: () => !choice.disabled,
          execute: choice.run
        });
        menu.addItem({ command });
      });
    });
  showMenu(menu, at);
}
