import * as React from 'react';

import { type ICentre, lineage, type LineageImpact } from '../api';
import type { IAssets } from '../assets/tokens';
import { StatusDot, useUi } from '../components';
import { countsOf } from './words';

/** What would break without an asset, in a line. */
export function Impact(props: { impact: LineageImpact; assets: IAssets }): JSX.Element {
  const { trans } = useUi();
  const { impact, assets } = props;
  const counts = countsOf(impact, assets);
  if (!counts) {
    return (
      <p className="jp-Insighter-Lineage-impact">
        {trans.__('Nothing would break without it: nothing was made from it.')}
      </p>
    );
  }
  return (
    <p className="jp-Insighter-Lineage-impact">
      <strong>{trans.__('What would break:')}</strong> {counts}
      {impact.more ? '…' : ''}
      {impact.running.length > 0 && (
        <>
          {' · '}
          <StatusDot
            condition="ok"
            word={trans._n('%2 runs', '%2 run', impact.running.length, impact.running.join(', '))}
          />
        </>
      )}
    </p>
  );
}

/** The same for a question to delete an asset: asked for now, and silent while it is not known. */
export function ImpactOf(props: { project: string; asset: ICentre; assets: IAssets }): JSX.Element | null {
  const { project, asset, assets } = props;
  const { kind, key, version } = asset;
  const [impact, setImpact] = React.useState<LineageImpact | null>(null);
  React.useEffect(() => {
    let wanted = true;
    lineage.impact(project, { kind, key, version }).then(
      found => wanted && setImpact(found),
      () => undefined
    );
    return () => {
      wanted = false;
    };
  }, [project, kind, key, version]);
  return impact && <Impact impact={impact} assets={assets} />;
}
