import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { ProjectsPage, TrashPage } from './page';

/** Whose trash: a project's, or, with an empty text, the deleted projects themselves. */
export type ITrashArgs = IPageArgs;

/** The trash, for the main area. */
export function trashContent(host: IHost, args: ITrashArgs): PageContent<ITrashArgs> {
  return new PageContent(args, host, args.project ? <TrashPage project={args.project} /> : <ProjectsPage />);
}
