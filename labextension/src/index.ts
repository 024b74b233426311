import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import accounts from './accounts/plugin';
import activity from './activity/plugin';
import assets from './assets/plugin';
import bus from './bus/plugin';
import datahub from './datahub/plugin';
import deployments from './deployments/plugin';
import projects from './projects/plugin';
import registry from './registry/plugin';
import tracking from './tracking/plugin';

/** Every plugin of the extension, capability by capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  ...projects,
  assets,
  bus,
  accounts,
  datahub,
  tracking,
  registry,
  deployments,
  ...activity
];

/** For other extensions. */
export { type BusHandler, IBus } from './bus/tokens';

export default plugins;
