import { InputDialog } from '@jupyterlab/apputils';

import { type IUi, notifyError } from '../components';

/** A choice among names. */
export interface IChoice {
  title: string;
  /** Gets the names. */
  names: () => Promise<ReadonlyArray<string>>;
  /** What stands there when there are none. */
  none: string;
  /** What the button says; “Open” where left out. */
  accept?: string;
}

/** Let the user choose one of some names; null when there is none to choose, or it was cancelled. */
export async function choose({ trans }: IUi, choice: IChoice): Promise<string | null> {
  const names = await choice.names().catch(notifyError);
  if (!names) {
    return null;
  }
  const { button, value } = await InputDialog.getItem({
    title: choice.title,
    items: names.length > 0 ? [...names] : [choice.none],
    okLabel: choice.accept ?? trans.__('Open'),
    cancelLabel: trans.__('Cancel')
  });
  return button.accept && value !== null && names.includes(value) ? value : null;
}
