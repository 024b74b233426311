import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import activity from './activity/plugin';
import projects from './projects/plugin';

/** Every plugin of the extension, capability by capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [...projects, ...activity];

export default plugins;
