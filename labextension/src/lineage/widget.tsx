import type { IAssetTabProps } from '../assets/tokens';
import type { IHost } from '../pages/host';
import { type IPageArgs, PageContent } from '../pages/widget';
import { LineagePage } from './page';
import { LineageView } from './view';

/** Whose lineage; of the whole project where kind and key are empty. */
export interface ILineageArgs extends IPageArgs {
  readonly kind: string;
  readonly key: string;
  readonly name: string;
}

/** The page of a lineage, for the main area. */
export function lineageContent(host: IHost, args: ILineageArgs): PageContent<ILineageArgs> {
  const asset = args.kind ? { kind: args.kind, key: args.key } : null;
  return new PageContent(
    args,
    host,
    <LineagePage project={args.project} asset={asset} name={args.name || args.key} />
  );
}

/** The tab of an asset's page. */
export function LineageTab({ asset: { project, kind, key } }: IAssetTabProps): JSX.Element {
  return <LineageView key={`${project}/${kind}/${key}`} project={project} asset={{ kind, key }} />;
}
