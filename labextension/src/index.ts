import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

/** The plugin other Insighter plugins hang from. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:plugin',
  description: 'Starts the Insighter front end.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd): void => {}
};

const plugins: JupyterFrontEndPlugin<unknown>[] = [plugin];

export default plugins;
