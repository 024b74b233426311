import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { RegisteredModelModel } from './model';
import { ModelPage } from './page';

/** Which registered model. */
export interface IModelArgs extends IPageArgs {
  readonly name: string;
}

/** The page of a registered model, for the main area. */
export function modelContent(
  host: IHost,
  rendermime: IRenderMimeRegistry | null,
  args: IModelArgs
): PageContent<IModelArgs> {
  const model = new RegisteredModelModel(args.project, args.name);
  return new PageContent(args, host, <ModelPage model={model} rendermime={rendermime} />, () =>
    model.dispose()
  );
}
