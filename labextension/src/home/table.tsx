import * as React from 'react';

import type { Asset, AssetsOfKind } from '../api';
import { CommandButton, ErrorNote, formatNumber, openMenu, RelativeTime, useUi } from '../components';
import { useHost } from '../pages/host';
import { CommandIds } from './commands';
import { more } from './model';
import { AssetStatus } from './status';

/** Assets in a table: a click or Enter opens one, the context menu has what else can be done. */
export function AssetTable(props: {
  label: string;
  assets: ReadonlyArray<Asset>;
  /** Whether what kind they are is told too: where several stand together. */
  mixed?: boolean;
}): JSX.Element {
  const { trans } = useUi();
  const { assets, mixed = false } = props;
  // a column in which nothing would stand is left out
  const columns: IColumns = {
    mixed,
    version: mixed || assets.some(({ version }) => version !== null),
    status: assets.some(({ status }) => status !== '')
  };
  return (
    <table className="jp-Insighter-Assets" aria-label={props.label}>
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          {columns.version && <th scope="col">{mixed ? trans.__('Kind') : trans.__('Version')}</th>}
          {columns.status && <th scope="col">{trans.__('Status')}</th>}
          <th scope="col" className="jp-Insighter-Assets-owner">
            {trans.__('Owner')}
          </th>
          <th scope="col">{trans.__('Changed')}</th>
          <th scope="col" className="jp-Insighter-Assets-pin">
            <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {assets.map(asset => (
          <AssetRow key={`${asset.kind} ${asset.key}`} asset={asset} columns={columns} />
        ))}
      </tbody>
    </table>
  );
}

/** Which columns a table has beside those that all have. */
interface IColumns {
  /** Whether the version stands behind the kind. */
  readonly mixed: boolean;
  readonly version: boolean;
  readonly status: boolean;
}

function AssetRow({ asset, columns }: { asset: Asset; columns: IColumns }): JSX.Element {
  const host = useHost();
  const { commands, assets } = host;
  const kind = assets.kind(asset.kind);
  const args = { project: asset.project_id, kind: asset.kind, key: asset.key, name: asset.name };
  const pin = { command: asset.pinned ? CommandIds.unpin : CommandIds.pin, args };
  const version = asset.version === null ? '' : `v${asset.version}`;
  return (
    <tr
      onContextMenu={event => {
        event.preventDefault();
        const at = event.clientX || event.clientY ? event : event.currentTarget;
        openMenu(host, [[{ command: CommandIds.openAsset, args }], [pin]], at);
      }}
    >
      <th scope="row">
        <button
          type="button"
          className="jp-Insighter-Assets-name"
          title={asset.description || asset.name}
          onClick={() => void commands.execute(CommandIds.openAsset, args)}
        >
          {kind && <kind.icon.react tag="span" elementSize="normal" />}
          <span>{asset.name}</span>
        </button>
      </th>
      {columns.version && (
        <td>{columns.mixed ? `${kind?.label ?? asset.kind} ${version}`.trim() : version}</td>
      )}
      {columns.status && (
        <td>
          <AssetStatus status={asset.status} />
        </td>
      )}
      <td className="jp-Insighter-Assets-owner" title={asset.owner ?? undefined}>
        {asset.owner ?? ''}
      </td>
      <td>
        <RelativeTime time={asset.updated_at} />
      </td>
      <td className="jp-Insighter-Assets-pin" data-pinned={asset.pinned}>
        <CommandButton action={pin} />
      </td>
    </tr>
  );
}

/** All assets of a kind: those that changed last, and the others when asked for. */
export function KindSection(props: { project: string; kind: AssetsOfKind }): JSX.Element {
  const { project, kind } = props;
  const { trans, assets } = useHost();
  const heading = React.useId();
  const [shown, setShown] = React.useState<ReadonlyArray<Asset> | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const known = assets.kind(kind.kind);
  const items = shown ?? kind.items;

  const load = React.useCallback(
    async (from: ReadonlyArray<Asset>) => {
      setBusy(true);
      setError(null);
      try {
        setShown(await more(project, kind.kind, from));
      } catch (reason) {
        setError(reason);
      }
      setBusy(false);
    },
    [project, kind.kind]
  );

  // What was unfolded stays so, with what changed in it.
  const unfolded = shown?.length ?? 0;
  const held = React.useRef(kind);
  React.useEffect(() => {
    if (held.current !== kind && unfolded > 0) {
      void load(items.slice(0, Math.max(unfolded - 50, 0)));
    }
    held.current = kind;
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [kind]);

  return (
    <section className="jp-Insighter-Home-kind" aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {known?.plural ?? kind.kind} <span className="jp-Insighter-Quiet">{formatNumber(kind.count)}</span>
      </h2>
      <AssetTable label={known?.plural ?? kind.kind} assets={items} />
      {error !== null && <ErrorNote error={error} onRetry={() => void load(items)} />}
      {kind.count > items.length && (
        <button type="button" className="jp-Insighter-Link" disabled={busy} onClick={() => void load(items)}>
          {kind.count - items.length <= 50
            ? trans.__('Show all %1', formatNumber(kind.count))
            : trans.__('Show 50 more of %1', formatNumber(kind.count))}
        </button>
      )}
    </section>
  );
}
