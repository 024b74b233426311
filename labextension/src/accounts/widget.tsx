import type { IHost } from '../pages/host';
import { PageContent } from '../pages/widget';
import { AccountModel } from './model';
import { AccountPage } from './page';

/** What the account's page is opened with: nothing, for it is always the account that is signed in. */
export type IAccountArgs = Readonly<Record<string, never>>;

/** The account's page, for the main area. */
export function accountContent(host: IHost): PageContent<IAccountArgs> {
  const model = new AccountModel();
  return new PageContent<IAccountArgs>({}, host, <AccountPage model={model} />, () => model.dispose());
}
