import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IBus } from '../bus/tokens';
import type { Inbox } from './inbox';

/** What the views of activity need besides the application. */
export interface IServices {
  readonly bus: IBus;
  readonly inbox: Inbox;
  /** Renders Markdown; null where Jupyter has none: then it stays text. */
  readonly rendermime: IRenderMimeRegistry | null;
}
