import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { createContext, useContext } from 'react';

/** What components need of the application around them. */
export interface IUi {
  commands: CommandRegistry;
  trans: TranslationBundle;
}

const UiContext = createContext<IUi>({
  commands: new CommandRegistry(),
  trans: nullTranslator.load('insighter')
});

/** Gives the components inside it the application's commands and texts; the sidebar's sections are inside one. */
export const UiProvider = UiContext.Provider;

/** The application's commands and texts. */
export function useUi(): IUi {
  return useContext(UiContext);
}

/** A command with its arguments: what a row, a button or a menu does. */
export interface IAction {
  command: string;
  args?: ReadonlyJSONObject;
  /** Whether a row shows it as an icon too, and not only in its context menu. */
  inline?: boolean;
}
