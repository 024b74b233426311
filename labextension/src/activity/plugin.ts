import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IProjects } from '../projects/tokens';

import { StatusItem } from './statusitem';

/** The open project in the status bar. */
const status: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:status',
  description: 'Shows the open project in the status bar.',
  autoStart: true,
  requires: [IProjects],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    statusBar?.registerStatusItem('insighter', {
      item: new StatusItem(projects, { commands: app.commands, trans }),
      align: 'left',
      rank: 1.5
    });
  }
};

const plugins: JupyterFrontEndPlugin<unknown>[] = [status];

export default plugins;
