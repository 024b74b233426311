import { type ICentre, lineage } from '../api';
import { useHost } from '../pages/host';
import { DownloadLink, Page } from '../pages/page';
import { LineageView } from './view';

/** The lineage of an asset, or of a whole project, as a page of its own. */
export function LineagePage(props: { project: string; asset: ICentre | null; name: string }): JSX.Element {
  const { trans, projects } = useHost();
  const { project, asset, name } = props;
  return (
    <Page
      kind={trans.__('Lineage')}
      title={asset ? name : (projects.find(project)?.name ?? trans.__('Project'))}
      actions={
        <DownloadLink
          href={lineage.exportUrl(project)}
          title={trans.__('The lineage of the whole project as OpenLineage events, a line of JSON each')}
        >
          {trans.__('Export')}
        </DownloadLink>
      }
    >
      <LineageView project={project} asset={asset} />
    </Page>
  );
}
