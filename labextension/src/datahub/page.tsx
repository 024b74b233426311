import { caretDownEmptyThinIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { DatasetDetail, DatasetVersion } from '../api';
import {
  Button,
  CodeLine,
  CopyButton,
  ErrorNote,
  formatBytes,
  formatNumber,
  MoreMenu,
  openMenu,
  RelativeTime
} from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { GridView, TableView } from './gridview';
import { type DatasetModel, loadCode } from './model';
import { isNumeric } from './rows';

type Tab = 'rows' | 'columns' | 'versions';

/** The page of a dataset. */
export function DatasetPage({ model }: { model: DatasetModel }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  React.useEffect(() => {
    void model.detail.refresh();
  }, [model, revision]);

  const note = error && <ErrorNote error={error} onRetry={() => void model.detail.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Dataset')} title={model.name} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} dataset={value} note={note} />;
}

interface ILoadedProps {
  model: DatasetModel;
  dataset: DatasetDetail;
  note: React.ReactNode;
}

function Loaded({ model, dataset, note }: ILoadedProps): JSX.Element {
  const host = useHost();
  const { trans, commands } = host;
  const [chosen, setChosen] = React.useState<number | null>(null);
  const [tab, setTab] = React.useState<Tab>('rows');
  const [asTable, setAsTable] = React.useState(false);

  const version = dataset.history.find(one => one.version === chosen) ?? dataset.latest;
  const mayChange = useMay(model.project, 'editor');
  const newest = version.version === dataset.latest.version;
  const args = { project: model.project, name: model.name };
  const download = { ...args, version: version.version };
  const choose = (number: number) => {
    setChosen(number === dataset.latest.version ? null : number);
  };

  return (
    <Page
      kind={trans.__('Dataset')}
      title={dataset.name}
      selector={
        <select
          className="jp-Insighter-Select"
          aria-label={trans.__('Version')}
          value={version.version}
          onChange={event => choose(Number(event.target.value))}
        >
          {dataset.history.map(one => (
            <option key={one.version} value={one.version}>
              {one.version === dataset.latest.version
                ? trans.__('version %1 (newest)', one.version)
                : trans.__('version %1', one.version)}
            </option>
          ))}
        </select>
      }
      actions={
        <>
          {mayChange ? (
            <Button primary onClick={() => void commands.execute(CommandIDs.upload, args)}>
              {trans.__('New version…')}
            </Button>
          ) : (
            <ReadOnly />
          )}
          <MenuButton
            label={trans.__('Download')}
            open={at =>
              openMenu(
                host,
                [
                  [
                    { command: CommandIDs.download, args: { ...download, format: 'original' } },
                    { command: CommandIDs.download, args: { ...download, format: 'parquet' } }
                  ]
                ],
                at
              )
            }
          />
          <MoreMenu
            groups={[[{ command: CommandIDs.copyCode, args }], [{ command: CommandIDs.remove, args }]]}
          />
        </>
      }
      summary={
        <Facts>
          <span>
            {trans.__(
              '%1 rows × %2 columns',
              formatNumber(version.rows),
              formatNumber(version.columns.length)
            )}
          </span>
          <span>{`${formatBytes(version.size)} ${version.format.toUpperCase()}`}</span>
          <span title={trans.__('The name it was uploaded under')}>{version.filename}</span>
          <span>
            {trans.__('by %1', version.created_by)}, <RelativeTime time={version.created_at} />
          </span>
          <Checksum sha256={version.sha256} />
        </Facts>
      }
      notes={
        <>
          {note}
          <CodeLine code={loadCode(dataset.name, newest ? null : version.version)} />
        </>
      }
    >
      <Tabs<Tab>
        label={trans.__('Views of the dataset')}
        tabs={[
          { id: 'rows', label: trans.__('Rows') },
          { id: 'columns', label: trans.__('Columns'), count: version.columns.length },
          { id: 'versions', label: trans.__('Versions'), count: dataset.history.length }
        ]}
        current={tab}
        onSelect={setTab}
        fill
        asset={{ project: model.project, kind: 'dataset', key: dataset.name }}
        extra={
          tab === 'rows' && (
            <label className="jp-Insighter-Check">
              <input type="checkbox" checked={asTable} onChange={event => setAsTable(event.target.checked)} />
              {trans.__('Show as table')}
            </label>
          )
        }
      >
        {tab === 'rows' && <Rows model={model} version={version} asTable={asTable} />}
        {tab === 'columns' && <Columns version={version} />}
        {tab === 'versions' && (
          <Versions
            dataset={dataset}
            current={version.version}
            onChoose={number => {
              choose(number);
              setTab('rows');
            }}
          />
        )}
      </Tabs>
    </Page>
  );
}

/** A button with words and a caret, that opens a menu below itself. */
function MenuButton(props: { label: string; open: (at: Element) => void }): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Insighter-Button"
      aria-haspopup="menu"
      onClick={event => props.open(event.currentTarget)}
    >
      {props.label}
      <caretDownEmptyThinIcon.react tag="span" width="16px" />
    </button>
  );
}

function Checksum({ sha256 }: { sha256: string }): JSX.Element {
  const { trans } = useHost();
  return (
    <span className="jp-Insighter-WithCopy">
      <span title={sha256}>
        sha-256 <code>{sha256.slice(0, 8)}</code>
      </span>
      <CopyButton text={sha256} label={trans.__('Copy the whole sha-256')} />
    </span>
  );
}

interface IRowsProps {
  model: DatasetModel;
  version: DatasetVersion;
  asTable: boolean;
}

function Rows({ model, version, asTable }: IRowsProps): JSX.Element {
  const rows = model.rows(version);
  return asTable ? (
    <TableView key={version.sha256} rows={rows} />
  ) : (
    <GridView key={version.sha256} rows={rows} />
  );
}

function Columns({ version }: { version: DatasetVersion }): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-Scroll">
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col" className="jp-mod-number">
              #
            </th>
            <th scope="col">{trans.__('Column')}</th>
            <th scope="col">{trans.__('Type')}</th>
          </tr>
        </thead>
        <tbody>
          {version.columns.map(({ name, type }, index) => (
            <tr key={name}>
              <td className="jp-mod-number jp-mod-quiet">{index + 1}</td>
              <th scope="row">{name}</th>
              <td>
                <code data-numeric={isNumeric(type) || undefined}>{type}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface IVersionsProps {
  dataset: DatasetDetail;
  current: number;
  onChoose: (version: number) => void;
}

function Versions({ dataset, current, onChoose }: IVersionsProps): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-Scroll">
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Version')}</th>
            <th scope="col">{trans.__('When')}</th>
            <th scope="col">{trans.__('By')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Rows × columns')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Size')}
            </th>
            <th scope="col">{trans.__('File')}</th>
            <th scope="col">{trans.__('sha-256')}</th>
          </tr>
        </thead>
        <tbody>
          {dataset.history.map(one => (
            <tr key={one.version} aria-current={one.version === current || undefined}>
              <th scope="row">
                <button
                  type="button"
                  className="jp-Insighter-Link"
                  title={trans.__('Show the rows of version %1', one.version)}
                  onClick={() => onChoose(one.version)}
                >
                  v{one.version}
                </button>
              </th>
              <td>
                <RelativeTime time={one.created_at} />
              </td>
              <td>{one.created_by}</td>
              <td className="jp-mod-number">
                {formatNumber(one.rows)} × {formatNumber(one.columns.length)}
              </td>
              <td className="jp-mod-number">{formatBytes(one.size)}</td>
              <td>{one.filename}</td>
              <td>
                <span className="jp-Insighter-WithCopy">
                  <code title={one.sha256}>{one.sha256.slice(0, 8)}</code>
                  <CopyButton text={one.sha256} label={trans.__('Copy the whole sha-256')} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
