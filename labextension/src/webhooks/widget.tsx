import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { WebhooksModel } from './model';
import { WebhooksPage } from './page';

/** The page of a project's webhooks, for the main area. */
export function webhooksContent(host: IHost, args: IPageArgs): PageContent<IPageArgs> {
  const model = new WebhooksModel(args.project);
  return new PageContent(args, host, <WebhooksPage model={model} />, () => model.dispose());
}
