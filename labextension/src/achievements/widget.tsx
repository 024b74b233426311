import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { AchievementsModel } from './model';
import { AchievementsPage } from './page';

/** The page of a project's achievements, for the main area. */
export function achievementsContent(host: IHost, args: IPageArgs): PageContent<IPageArgs> {
  const model = new AchievementsModel(args.project);
  return new PageContent(args, host, <AchievementsPage model={model} />, () => model.dispose());
}
