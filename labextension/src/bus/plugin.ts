import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { describe, textArg } from '../pages/args';
import { IProjects } from '../projects/tokens';
import { Bus } from './model';
import { IBus } from './tokens';

/** The command that publishes. */
const PUBLISH = 'insighter:publish-message';

/** The bus of the open project. */
const plugin: JupyterFrontEndPlugin<IBus> = {
  id: '@insighter/labextension:bus',
  description: 'Provides the bus of the open project: publish, subscribe, latest.',
  autoStart: true,
  provides: IBus,
  requires: [IProjects],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, projects: IProjects, translator: ITranslator | null): IBus => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const bus = new Bus(projects);
    app.commands.addCommand(PUBLISH, {
      label: trans.__('Publish Message'),
      caption: trans.__('Tell something to whatever listens in the open project'),
      isEnabled: () => projects.current !== null,
      describedBy: describe(
        {
          topic: 'string: Lower-case letters, digits, ".", "-" and "_"',
          data: 'object: Anything that is JSON, up to 256 KB',
          type: 'string: The publisher’s word for what it is',
          subject: 'string: What it is about',
          durable: 'boolean: Whether it is kept for those who come later; it is where left out'
        },
        ['topic']
      ),
      execute: async args => {
        const message = await bus.publish(textArg(args, 'topic') ?? '', args['data'] ?? null, {
          type: textArg(args, 'type'),
          subject: textArg(args, 'subject'),
          durable: args['durable'] !== false
        });
        return message.id;
      }
    });
    return bus;
  }
};

export default plugin;
