import { MenuSvg } from '@jupyterlab/ui-components';
import type { Menu } from '@lumino/widgets';

import type { IAction, IUi } from './context';

/** A group of a menu; groups are kept apart by a line. */
export type MenuGroup = ReadonlyArray<IAction>;

/** Open a menu of commands below an element, or where the mouse is. */
export function openMenu(
  ui: IUi,
  groups: ReadonlyArray<MenuGroup>,
  at: Element | { clientX: number; clientY: number }
): void {
  const menu = new MenuSvg({ commands: ui.commands });
  for (const group of groups) {
    const known = group.filter(action => ui.commands.hasCommand(action.command));
    if (known.length && menu.items.length) {
      menu.addItem({ type: 'separator' });
    }
    for (const { command, args } of known) {
      menu.addItem({ command, args: args ?? {} });
    }
  }
  showMenu(menu, at);
}

/** Show a menu that is made for the moment, and give the focus back to where it was. */
export function showMenu(menu: Menu, at: Element | { clientX: number; clientY: number }): void {
  menu.addClass('jp-Insighter-Menu');
  const opener = document.activeElement;
  // The menu tells that it closes before it runs its command, hence not disposed of at once.
  menu.aboutToClose.connect(() => {
    requestAnimationFrame(() => {
      menu.dispose();
      if (document.activeElement === document.body && opener instanceof HTMLElement) {
        opener.focus();
      }
    });
  });
  if (at instanceof Element) {
    const box = at.getBoundingClientRect();
    menu.open(box.left, box.bottom);
  } else {
    menu.open(at.clientX, at.clientY);
  }
}
