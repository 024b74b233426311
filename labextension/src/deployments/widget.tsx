import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { DeploymentModel } from './model';
import { DeploymentPage } from './page';

/** Which endpoint. */
export interface IDeploymentArgs extends IPageArgs {
  readonly name: string;
}

/** The page of an endpoint, for the main area. */
export function deploymentContent(host: IHost, args: IDeploymentArgs): PageContent<IDeploymentArgs> {
  const model = new DeploymentModel(args.project, args.name);
  return new PageContent(args, host, <DeploymentPage model={model} />, () => model.dispose());
}
