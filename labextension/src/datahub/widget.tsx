import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { DatasetModel } from './model';
import { DatasetPage } from './page';

/** Which dataset. */
export interface IDatasetArgs extends IPageArgs {
  readonly name: string;
}

/** The page of a dataset, for the main area. */
export function datasetContent(host: IHost, args: IDatasetArgs): PageContent<IDatasetArgs> {
  const model = new DatasetModel(args.project, args.name);
  return new PageContent(args, host, <DatasetPage model={model} />, () => model.dispose());
}
