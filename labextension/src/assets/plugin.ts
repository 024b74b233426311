import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Assets } from './model';
import { IAssets } from './tokens';

/** The kinds of assets, to which every capability adds its own. */
const plugin: JupyterFrontEndPlugin<IAssets> = {
  id: '@insighter/labextension:assets',
  description: 'Provides the kinds of assets and what their pages have in common.',
  autoStart: true,
  provides: IAssets,
  activate: (): IAssets => new Assets()
};

export default plugin;
