import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon, downloadIcon, fileUploadIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { IAssets } from '../assets/tokens';
import type { Project } from '../api';
import { describe, numberArg, textArg } from '../pages/args';
import { ask } from '../pages/ask';
import { choose } from '../pages/choose';
import { ImpactOf } from '../lineage/impact';
import type { IHost } from '../pages/host';
import { datasetIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { may } from '../projects/roles';
import { IProjects, ISidebar, type ISectionProps } from '../projects/tokens';
import { assetTrashed } from '../trash/undo';
import { CommandIDs } from './commands';
import { datasetNames, deleteDataset, downloadUrl, loadCode, newestVersions } from './model';
import { askNames } from './naming';
import { DatasetsSection } from './section';
import { Uploads } from './uploads';
import type { IDatasetArgs } from './widget';

/** Datasets: the sidebar's section, the page of a dataset, and their commands. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:datahub',
  description: 'Datasets: upload, look at, download.',
  autoStart: true,
  requires: [IProjects, ISidebar, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    sidebar: ISidebar,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<IDatasetArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-datasets',
      command: CommandIDs.open,
      icon: datasetIcon,
      key: ({ project, name }) => `${project}:${name}`,
      label: ({ name }) => name,
      caption: ({ name }) => trans.__('Dataset %1', name),
      make: async args => (await import('./widget')).datasetContent(host, args)
    });

    const uploads = new Uploads((upload, uploaded) => {
      if (!uploaded.unchanged && !sidebarShows(upload.project)) {
        Notification.success(trans.__('%1: version %2 is there', upload.name, uploaded.version.version), {
          autoClose: 5000
        });
      }
      void projects.refresh();
    });
    const sidebarShows = (project: string) => projects.current?.id === project;

    /** The project that is meant: the one named, else the open one. */
    const project = (id: string | undefined): Project | null =>
      id === undefined ? projects.current : projects.find(id);
    const mayChange = (args: ReadonlyPartialJSONObject): boolean =>
      may(project(textArg(args, 'project')), 'editor');

    const offer = async (to: Project, files: ReadonlyArray<File>, fixed?: string): Promise<void> => {
      if (files.length === 0) {
        return;
      }
      // without the list the dialog only cannot tell which names are taken
      const versions = await newestVersions(to.id).catch(() => new Map<string, number>());
      const named = await askNames(host, to, files, versions, fixed);
      named?.forEach(({ file, name }) => uploads.add(to.id, name, file));
    };

    commands.addCommand(CommandIDs.upload, {
      label: args =>
        args['isPalette']
          ? trans.__('Upload Dataset…')
          : textArg(args, 'name')
            ? trans.__('Upload New Version…')
            : trans.__('Upload a Dataset…'),
      caption: trans.__('Upload a CSV, JSON or Parquet file as a version of a dataset'),
      icon: fileUploadIcon,
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        name: 'string: The dataset to add a version to; asked for where left out'
      }),
      execute: args => {
        const to = project(textArg(args, 'project'));
        const fixed = textArg(args, 'name');
        if (to) {
          chooseFiles(fixed === undefined, files => void offer(to, files, fixed));
        }
      }
    });

    commands.addCommand(CommandIDs.renameUpload, {
      label: trans.__('Upload under Another Name…'),
      describedBy: describe({ id: 'number: Number of an upload that failed' }, ['id']),
      execute: async args => {
        const upload = uploads.all.find(one => one.id === numberArg(args, 'id'));
        const to = project(upload?.project);
        if (!upload || !to) {
          return;
        }
        const versions = await newestVersions(to.id).catch(() => new Map<string, number>());
        const named = await askNames(host, to, [upload.file], versions, upload.name);
        if (named) {
          uploads.dismiss(upload.id);
          named.forEach(({ file, name }) => uploads.add(to.id, name, file));
        }
      }
    });

    commands.addCommand(CommandIDs.open, {
      label: args => (args['isPalette'] ? trans.__('Open Dataset…') : trans.__('Open')),
      caption: trans.__('Show a dataset’s rows, columns and versions'),
      icon: args => (args['isPalette'] ? undefined : datasetIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        name: 'string: The dataset; asked for where left out'
      }),
      execute: async args => {
        const id = textArg(args, 'project') ?? projects.current?.id;
        if (id === undefined) {
          return;
        }
        const name =
          textArg(args, 'name') ??
          (await choose(host, {
            title: trans.__('Open a dataset'),
            names: () => datasetNames(id),
            none: trans.__('No datasets yet')
          }));
        if (name) {
          await pages.open({ project: id, name });
        }
      }
    });

    commands.addCommand(CommandIDs.download, {
      label: args =>
        args['format'] === 'parquet' ? trans.__('Download as Parquet') : trans.__('Download Original File'),
      icon: downloadIcon,
      describedBy: describe(
        {
          project: 'string: Id of the project',
          name: 'string: The dataset',
          version: 'number: The version',
          format: 'string: original or parquet'
        },
        ['project', 'name', 'version']
      ),
      execute: args => {
        const [id, name] = [textArg(args, 'project'), textArg(args, 'name')];
        const version = numberArg(args, 'version');
        if (id && name && version !== undefined) {
          const link = document.createElement('a');
          link.href = downloadUrl(id, name, version, args['format'] === 'parquet' ? 'parquet' : 'original');
          link.download = '';
          link.click();
        }
      }
    });

    commands.addCommand(CommandIDs.copyCode, {
      label: trans.__('Copy Code to Load It'),
      icon: copyIcon,
      describedBy: describe({ name: 'string: The dataset' }, ['name']),
      execute: args => {
        const name = textArg(args, 'name');
        if (name) {
          Clipboard.copyToSystem(loadCode(name, null));
          Notification.success(trans.__('Copied: %1', loadCode(name, null)), { autoClose: 3000 });
        }
      }
    });

    commands.addCommand(CommandIDs.remove, {
      label: trans.__('Delete Dataset…'),
      isVisible: mayChange,
      isEnabled: mayChange,
      describedBy: describe({ project: 'string: Id of the project', name: 'string: The dataset' }, [
        'project',
        'name'
      ]),
      execute: async args => {
        const [id, name] = [textArg(args, 'project'), textArg(args, 'name')];
        if (!id || !name) {
          return;
        }
        await ask({
          ui: host,
          title: trans.__('Delete the dataset “%1”?', name),
          accept: trans.__('Move to Trash'),
          warn: true,
          careful: true,
          initial: null,
          form: () => (
            <>
              <p>
                {trans.__(
                  'All its versions go with it, for everybody in the project, until it is restored from the trash. Runs that read it keep their record of it.'
                )}
              </p>
              <ImpactOf project={id} asset={{ kind: 'dataset', key: name }} assets={assets} />
            </>
          ),
          submit: async () => {
            await deleteDataset(id, name);
            pages.close(open => open.project === id && open.name === name);
            await projects.refresh();
            void assetTrashed(host, { project: id, kind: 'dataset', name });
          }
        });
      }
    });

    assets.addKind({
      kind: 'dataset',
      label: trans.__('Dataset'),
      plural: trans.__('Datasets'),
      icon: datasetIcon,
      rank: 100,
      open: ({ project, key }) => commands.execute(CommandIDs.open, { project, name: key })
    });

    sidebar.addSection({
      id: 'datasets',
      title: trans.__('Datasets'),
      rank: 100,
      component: (props: ISectionProps) => (
        <DatasetsSection {...props} uploads={uploads} offer={(to, files) => void offer(to, files)} />
      ),
      addCommand: CommandIDs.upload
    });

    projects.stateChanged.connect(() => commands.notifyCommandChanged(CommandIDs.upload));
    for (const command of [CommandIDs.upload, CommandIDs.open]) {
      palette?.addItem({ command, category: 'Insighter', args: { isPalette: true } });
    }
  }
};

/** Open the browser's file chooser. */
function chooseFiles(multiple: boolean, chosen: (files: ReadonlyArray<File>) => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = multiple;
  input.accept = '.csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,.pq,.gz,text/csv,application/json';
  input.onchange = () => chosen([...(input.files ?? [])]);
  input.click();
}

export default plugin;
