import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { ComparePage } from './compare/page';
import { ExperimentModel } from './experimentmodel';
import { ExperimentPage } from './experimentpage';
import { RunModel } from './model';
import { RunPage } from './runpage';

/** Which experiment or run; its name is shown until the server has told it. */
export interface ITrackingArgs extends IPageArgs {
  readonly id: string;
  readonly name: string;
}

/** Which runs are compared, and the experiment to go back to; empty where it is not one. */
export interface ICompareArgs extends IPageArgs {
  readonly experiment: string;
  readonly runs: ReadonlyArray<string>;
}

/** The page of an experiment, for the main area. */
export function experimentContent(host: IHost, args: ITrackingArgs): PageContent<ITrackingArgs> {
  const model = new ExperimentModel(args.project, args.id);
  const view = <ExperimentPage model={model} name={args.name} />;
  const content = new PageContent(args, host, view, () => model.dispose());
  model.experiment.changed.connect(({ value }) => {
    if (value) {
      content.title.label = value.name;
    }
  });
  return content;
}

/** The page of a run, for the main area. */
export function runContent(
  host: IHost,
  args: ITrackingArgs,
  rendermime: IRenderMimeRegistry | null
): PageContent<ITrackingArgs> {
  const model = new RunModel(args.project, args.id);
  const view = <RunPage model={model} name={args.name} rendermime={rendermime} />;
  const content = new PageContent(args, host, view, () => model.dispose());
  model.detail.changed.connect(({ value }) => {
    if (value?.name) {
      content.title.label = value.name;
    }
  });
  return content;
}

/** Runs side by side, for the main area. */
export function compareContent(host: IHost, args: ICompareArgs): PageContent<ICompareArgs> {
  return new PageContent(args, host, <ComparePage {...args} />);
}
