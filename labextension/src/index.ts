import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import accounts from './accounts/plugin';
import activity from './activity/plugin';
import assets from './assets/plugin';
import datahub from './datahub/plugin';
import deployments from './deployments/plugin';
import projects from './projects/plugin';
import registry from './registry/plugin';
import tracking from './tracking/plugin';
import trash from './trash/plugin';

/** Every plugin of the extension, capability by capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  ...projects,
  assets,
  accounts,
  datahub,
  tracking,
  registry,
  deployments,
  trash,
  ...activity
];

export default plugins;
