import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import accounts from './accounts/plugin';
import achievements from './achievements/plugin';
import activity from './activity/plugin';
import archives from './archives/plugin';
import assets from './assets/plugin';
import bus from './bus/plugin';
import datahub from './datahub/plugin';
import deployments from './deployments/plugin';
import lineage from './lineage/plugin';
import mlflow from './mlflow/plugin';
import notebooks from './notebooks/plugin';
import home from './home/plugin';
import projects from './projects/plugin';
import registry from './registry/plugin';
import sharing from './sharing/plugin';
import runLink from './tracking/link';
import tracking from './tracking/plugin';
import trash from './trash/plugin';
import webhooks from './webhooks/plugin';

/** Every plugin of the extension, capability by capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  ...projects,
  assets,
  bus,
  accounts,
  sharing,
  archives,
  home,
  datahub,
  notebooks,
  tracking,
  mlflow,
  webhooks,
  runLink,
  registry,
  deployments,
  achievements,
  lineage,
  trash,
  ...activity
];

/** For other extensions. */
export { type BusHandler, IBus } from './bus/tokens';

export default plugins;
