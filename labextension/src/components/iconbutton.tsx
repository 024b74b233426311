import type { LabIcon } from '@jupyterlab/ui-components';
import { ellipsesIcon, launcherIcon } from '@jupyterlab/ui-components';
import type * as React from 'react';

import { useUi, type IAction } from './context';
import { type MenuGroup, openMenu } from './menu';

/** An icon to press; its label is its tooltip and its name for screen readers. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  disabled?: boolean;
  tabIndex?: number;
  expanded?: boolean;
  hasMenu?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Insighter-IconButton"
      title={props.label}
      aria-label={props.label}
      aria-haspopup={props.hasMenu ? 'menu' : undefined}
      aria-expanded={props.expanded}
      disabled={props.disabled}
      tabIndex={props.tabIndex}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}

/** What else can be done, behind three dots. */
export function MoreMenu(props: { groups: ReadonlyArray<MenuGroup>; label?: string }): JSX.Element {
  const ui = useUi();
  return (
    <IconButton
      icon={ellipsesIcon}
      label={props.label ?? ui.trans.__('More')}
      hasMenu
      onClick={event => openMenu(ui, props.groups, event.currentTarget)}
    />
  );
}

/** A command as an icon to press: icon (unless another is given) and label are the command's. Nothing while the command is not visible. */
export function CommandButton(props: {
  action: IAction;
  icon?: LabIcon;
  tabIndex?: number;
}): JSX.Element | null {
  const { commands } = useUi();
  const { command, args } = props.action;
  if (!commands.hasCommand(command) || !commands.isVisible(command, args)) {
    return null;
  }
  const icon = props.icon ?? (commands.icon(command, args) as LabIcon | undefined);
  return (
    <IconButton
      icon={icon ?? launcherIcon}
      label={commands.label(command, args)}
      disabled={!commands.isEnabled(command, args)}
      tabIndex={props.tabIndex}
      onClick={event => {
        event.stopPropagation();
        void commands.execute(command, args);
      }}
    />
  );
}
