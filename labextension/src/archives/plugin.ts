import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { downloadIcon, fileUploadIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { archives as api, type Project } from '../api';
import { notifyError, type IUi } from '../components';
import { may } from '../projects/roles';
import { IProjects } from '../projects/tokens';

import { ArchiveCommands } from './commands';
import { Imports } from './imports';

/** Projects as files: out of here, and in from elsewhere. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:archives',
  description: 'Exports a project to one file, and imports such a file.',
  autoStart: true,
  requires: [IProjects],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const ui: IUi = { commands, trans };
    const imports = new Imports(projects, trans);

    const subject = (args: ReadonlyPartialJSONObject): Project | null =>
      typeof args['id'] === 'string' ? projects.find(args['id']) : projects.current;
    // An archived project can be taken out as well.
    const mayExport = (args: ReadonlyPartialJSONObject): boolean => {
      const project = subject(args);
      return !!project && may({ ...project, archived_at: null }, 'admin');
    };

    commands.addCommand(ArchiveCommands.export, {
      label: trans.__('Export Project…'),
      caption: trans.__('Download the project as one file, to keep or to import elsewhere'),
      icon: downloadIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            id: { type: 'string', description: 'The project’s id; the open project when left out.' }
          }
        }
      },
      isVisible: mayExport,
      isEnabled: mayExport,
      execute: async args => {
        const project = subject(args);
        if (!project) {
          return;
        }
        try {
          const { askExport } = await import('./dialogs');
          const files = await askExport(ui, project);
          if (files !== null) {
            download(api.exportUrl(project.id, files));
          }
        } catch (reason) {
          notifyError(reason);
        }
      }
    });

    commands.addCommand(ArchiveCommands.import, {
      label: trans.__('Import Project…'),
      caption: trans.__('Make a project of a file that an export made'),
      icon: fileUploadIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const { askImport } = await import('./dialogs');
        const wanted = await askImport(ui);
        if (wanted) {
          void imports.start(wanted.file, wanted.name);
        }
      }
    });

    for (const command of Object.values(ArchiveCommands)) {
      palette?.addItem({ command, category: trans.__('Insighter') });
    }
    projects.stateChanged.connect(() => commands.notifyCommandChanged(ArchiveCommands.export));

    // What an earlier page began goes on, and is shown again.
    const resume = async (): Promise<void> => {
      if (projects.connection !== 'live') {
        return;
      }
      projects.stateChanged.disconnect(look);
      const running = (await api.list()).filter(
        ({ state, step }) => state === 'working' && step !== 'upload'
      );
      await Promise.all(running.map(one => imports.resume(one)));
    };
    const look = (): void => void resume().catch(() => undefined);
    projects.stateChanged.connect(look);
    look();
  }
};

/** Have the browser download something, without leaving the page. */
function download(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
}

export default plugin;
