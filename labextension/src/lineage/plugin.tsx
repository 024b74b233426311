import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { lineage } from '../api';
import { IAssets, type IAssetTabProps } from '../assets/tokens';
import { useUi } from '../components';
import { describe, textArg } from '../pages/args';
import type { IHost } from '../pages/host';
import { lineageIcon } from '../pages/icons';
import { Pages } from '../pages/widget';
import { IProjects } from '../projects/tokens';
import { CommandIDs } from './commands';
import type { ILineageArgs } from './widget';

/** What draws it is large: it is fetched when somebody looks. */
const Drawn = React.lazy(async () => ({ default: (await import('./widget')).LineageTab }));

function LineageTab(props: IAssetTabProps): JSX.Element {
  const { trans } = useUi();
  return (
    <React.Suspense fallback={<p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}>
      <Drawn {...props} />
    </React.Suspense>
  );
}

/** Lineage: a tab of every asset's page, and a page of a project's whole. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@insighter/labextension:lineage',
  description: 'What was made from what, as a graph.',
  autoStart: true,
  requires: [IProjects, IAssets],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjects,
    assets: IAssets,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('insighter');
    const { commands } = app;
    const host: IHost = { commands, projects, assets, trans };

    const pages = new Pages<ILineageArgs>({
      app,
      restorer,
      labShell,
      namespace: 'insighter-lineage',
      command: CommandIDs.open,
      icon: lineageIcon,
      key: ({ project, kind, key }) => `${project}:${kind}:${key}`,
      label: ({ kind, key, name }) => (kind ? trans.__('Lineage of %1', name || key) : trans.__('Lineage')),
      caption: ({ kind, key, name }) =>
        kind
          ? trans.__('What %1 was made from, and what for', name || key)
          : trans.__('Lineage of the project'),
      make: async args => (await import('./widget')).lineageContent(host, args)
    });

    commands.addCommand(CommandIDs.open, {
      label: args =>
        args['isMenu']
          ? trans.__('Lineage')
          : textArg(args, 'key') || !args['isPalette']
            ? trans.__('Show Lineage')
            : trans.__('Show Lineage of the Project'),
      caption: trans.__('Show what was made from what'),
      icon: args => (args['isPalette'] ? undefined : lineageIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({
        project: 'string: Id of the project; the open one where left out',
        kind: 'string: Kind of the asset in the middle; the whole project where left out',
        key: 'string: The asset: the name of a dataset, model or deployment, the id of all others',
        name: 'string: What it is called, where that is not its key'
      }),
      execute: async args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project !== undefined) {
          const [kind, key] = [textArg(args, 'kind') ?? '', textArg(args, 'key') ?? ''];
          const whole = !kind || !key;
          await pages.open({
            project,
            kind: whole ? '' : kind,
            key: whole ? '' : key,
            name: whole ? '' : (textArg(args, 'name') ?? key)
          });
        }
      }
    });

    commands.addCommand(CommandIDs.download, {
      label: args =>
        args['isPalette'] ? trans.__('Export Lineage of the Project') : trans.__('Export Lineage'),
      caption: trans.__('Download a project’s lineage as OpenLineage events'),
      icon: args => (args['isPalette'] ? undefined : downloadIcon),
      isEnabled: args => textArg(args, 'project') !== undefined || projects.current !== null,
      describedBy: describe({ project: 'string: Id of the project; the open one where left out' }),
      execute: args => {
        const project = textArg(args, 'project') ?? projects.current?.id;
        if (project !== undefined) {
          const link = document.createElement('a');
          link.href = lineage.exportUrl(project);
          link.download = '';
          link.click();
        }
      }
    });

    assets.addTab({ id: 'lineage', label: trans.__('Lineage'), rank: 200, component: LineageTab });
    for (const command of [CommandIDs.open, CommandIDs.download]) {
      palette?.addItem({ command, category: 'Insighter', args: { isPalette: true } });
    }
  }
};

export default plugin;
