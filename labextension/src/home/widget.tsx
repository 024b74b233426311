import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import type { HomeSections } from './model';
import { HomePage } from './page';

/** A project's home, for the main area. */
export function homeContent(
  host: IHost,
  sections: HomeSections,
  rendermime: IRenderMimeRegistry | null,
  args: IPageArgs
): PageContent<IPageArgs> {
  return new PageContent(
    args,
    host,
    <HomePage id={args.project} sections={sections} rendermime={rendermime} />
  );
}
