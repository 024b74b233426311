import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { NotebookModel } from './model';
import { NotebookPage } from './page';

/** Which notebook; its name is shown until the page knows better. */
export interface INotebookArgs extends IPageArgs {
  readonly id: string;
  readonly name: string;
}

/** The page of a notebook, for the main area. */
export function notebookContent(host: IHost, args: INotebookArgs): PageContent<INotebookArgs> {
  const model = new NotebookModel(args.project, args.id);
  return new PageContent(args, host, <NotebookPage model={model} name={args.name} />, () => model.dispose());
}
