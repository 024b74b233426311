import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { SharingModel } from './model';
import type { News } from './news';
import { SharingPage } from './page';

/** Which project's. */
export type ISharingArgs = IPageArgs;

/** The page of who may what in a project, for the main area. */
export function sharingContent(
  host: IHost,
  news: News,
  model: SharingModel,
  args: ISharingArgs
): PageContent<ISharingArgs> {
  const view = <SharingPage model={model} news={news} />;
  return new PageContent<ISharingArgs>(args, host, view, () => model.dispose());
}
