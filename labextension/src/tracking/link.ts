import { IRouter, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { textArg } from '../pages/args';
import { CommandIDs } from './commands';

const PARAMETER = 'insighter-run';
const OPEN = 'insighter:open-linked-run';

/** A run's page by its address, `/lab?insighter-run=<project>/<run>`: what links outside of JupyterLab lead to. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:run-link',
  description: 'Opens the page of a run that JupyterLab’s address names.',
  autoStart: true,
  requires: [IRouter],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, router: IRouter, translator: ITranslator | null): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    app.commands.addCommand(OPEN, {
      label: trans.__('Open the Run of the Address'),
      describedBy: { args: { type: 'object', properties: { search: { type: 'string' } } } },
      execute: async args => {
        const query = new URLSearchParams(textArg(args, 'search') ?? '');
        const found = /^([0-9a-f-]{36})\/([0-9a-f]{32})$/.exec(query.get(PARAMETER) ?? '');
        // What was opened is not opened again with the next reload.
        query.delete(PARAMETER);
        const rest = query.toString();
        const { pathname, hash } = window.location;
        window.history.replaceState(window.history.state, '', `${pathname}${rest && `?${rest}`}${hash}`);
        if (found) {
          await app.restored;
          const [, project, id] = found;
          await app.commands.execute(CommandIDs.openRun, { project, id, name: id.slice(0, 8) });
        }
      }
    });
    router.register({ command: OPEN, pattern: new RegExp(`[?&]${PARAMETER}=`), rank: 40 });
  }
};

export default plugin;
