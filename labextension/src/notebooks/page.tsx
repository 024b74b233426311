import * as React from 'react';

import type { Notebook, NotebookVersion } from '../api';
import {
  Button,
  EmptyState,
  ErrorNote,
  formatBytes,
  formatNumber,
  notifyError,
  MoreMenu,
  RelativeTime,
  StatusDot
} from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { Changes } from './changes';
import { CommandIDs } from './commands';
import { type IHistory, type NotebookModel } from './model';

/** A command of the experiments. */
const OPEN_RUN = 'insighter:open-run';

type Tab = 'versions' | 'changes';

/** Two versions: what changed from the one to the other. */
export interface IPair {
  before: number;
  after: number;
}

/** The page of a notebook. */
export function NotebookPage({ model, name }: { model: NotebookModel; name: string }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  const history = useResource(model.history);
  React.useEffect(() => {
    void model.refresh();
  }, [model, revision]);
  const problem = error ?? history.error;
  const note = problem && <ErrorNote error={problem} onRetry={() => void model.refresh()} />;
  if (!value || !history.value) {
    return (
      <Page kind={trans.__('Notebook')} title={value?.name ?? name} notes={note}>
        {!problem && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} notebook={value} history={history.value} note={note} />;
}

interface ILoadedProps {
  model: NotebookModel;
  notebook: Notebook;
  history: IHistory;
  note: React.ReactNode;
}

function Loaded({ model, notebook, history, note }: ILoadedProps): JSX.Element {
  const host = useHost();
  const { trans, commands } = host;
  const [tab, setTab] = React.useState<Tab>('versions');
  const [chosen, setChosen] = React.useState<IPair | null>(null);
  const mayChange = useMay(model.project, 'editor');
  const args = { project: model.project, id: notebook.id, name: notebook.name };
  const { last_run: ran, file } = notebook;
  const pair = chosen ?? { before: Math.max(1, notebook.versions - 1), after: notebook.versions };
  return (
    <Page
      kind={trans.__('Notebook')}
      title={notebook.name}
      status={ran && <Outcome outcome={ran.outcome} />}
      actions={
        <>
          {!mayChange && <ReadOnly />}
          <Button
            primary
            disabled={file === null}
            title={file === null ? trans.__('Its file is not on this server') : undefined}
            onClick={() => void commands.execute(CommandIDs.openFile, { ...args, file })}
          >
            {trans.__('Open notebook')}
          </Button>
          <MoreMenu groups={[[{ command: CommandIDs.remove, args }]]} />
        </>
      }
      summary={
        <Facts>
          <span title={trans.__('In the project’s folder')}>{notebook.path}</span>
          {notebook.language && <span>{notebook.language}</span>}
          <span>
            {ran ? (
              <>
                {trans.__('last run by %1', ran.by)}, <RelativeTime time={ran.at} />
              </>
            ) : (
              trans.__('never ran')
            )}
          </span>
          <span>{trans.__('made by %1', notebook.created_by)}</span>
          {file === null && <span>{trans.__('its file is not on this server')}</span>}
        </Facts>
      }
      notes={note}
    >
      <Tabs<Tab>
        label={trans.__('Parts of the notebook')}
        tabs={[
          { id: 'versions', label: trans.__('Versions'), count: notebook.versions },
          { id: 'changes', label: trans.__('Changes') }
        ]}
        current={tab}
        onSelect={setTab}
        fill
        asset={{ project: model.project, kind: 'notebook', key: notebook.id }}
        extra={
          tab === 'changes' &&
          notebook.versions > 1 && <Chooser pair={pair} history={history} onChoose={setChosen} />
        }
      >
        <div className="jp-Insighter-Scroll">
          {notebook.versions === 0 ? (
            <EmptyState
              text={trans.__(
                'No version yet. When cells have run, the notebook is kept as it is then: sources, outputs and the runs it made.'
              )}
              action={
                file !== null
                  ? {
                      label: trans.__('Open notebook'),
                      onClick: () => void commands.execute(CommandIDs.openFile, { ...args, file })
                    }
                  : undefined
              }
            />
          ) : tab === 'versions' ? (
            <Versions
              model={model}
              notebook={notebook}
              history={history}
              mayChange={mayChange}
              onCompare={next => {
                setChosen(next);
                setTab('changes');
              }}
            />
          ) : notebook.versions === 1 ? (
            <p className="jp-Insighter-Quiet">
              {trans.__('There is one version. What changes with the next run is shown here.')}
            </p>
          ) : (
            <Changes key={`${pair.before}/${pair.after}`} model={model} pair={pair} />
          )}
        </div>
      </Tabs>
    </Page>
  );
}

/** How cells went. */
function Outcome({ outcome }: { outcome: 'ok' | 'failed' }): JSX.Element {
  const { trans } = useHost();
  return outcome === 'ok' ? (
    <StatusDot condition="ok" word={trans.__('ran')} title={trans.__('No cell raised an error')} />
  ) : (
    <StatusDot condition="error" word={trans.__('failed')} title={trans.__('A cell raised an error')} />
  );
}

interface IChooserProps {
  pair: IPair;
  history: IHistory;
  onChoose: (pair: IPair) => void;
}

function Chooser({ pair, history, onChoose }: IChooserProps): JSX.Element {
  const { trans } = useHost();
  const numbers = [...new Set([...history.items.map(({ version }) => version), pair.before, pair.after])];
  numbers.sort((one, other) => other - one);
  const select = (label: string, value: number, choose: (version: number) => void) => (
    <label className="jp-Insighter-Check">
      {label}
      <select
        className="jp-Insighter-Select"
        value={value}
        onChange={event => choose(Number(event.target.value))}
      >
        {numbers.map(version => (
          <option key={version} value={version}>
            {trans.__('version %1', version)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <span className="jp-Insighter-NotebookPair">
      {select(trans.__('from'), pair.before, before => onChoose({ ...pair, before }))}
      {select(trans.__('to'), pair.after, after => onChoose({ ...pair, after }))}
    </span>
  );
}

interface IVersionsProps {
  model: NotebookModel;
  notebook: Notebook;
  history: IHistory;
  mayChange: boolean;
  onCompare: (pair: IPair) => void;
}

function Versions({ model, notebook, history, mayChange, onCompare }: IVersionsProps): JSX.Element {
  const { trans } = useHost();
  return (
    <>
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Version')}</th>
            <th scope="col">{trans.__('Why')}</th>
            <th scope="col">{trans.__('When')}</th>
            <th scope="col">{trans.__('By')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Cells')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Size')}
            </th>
            <th scope="col">{trans.__('Runs')}</th>
            <th scope="col">
              <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {history.items.map(version => (
            <VersionRow
              key={version.version}
              model={model}
              notebook={notebook}
              version={version}
              mayChange={mayChange}
              onCompare={onCompare}
            />
          ))}
        </tbody>
      </table>
      {history.cursor && (
        <div className="jp-Insighter-Buttons">
          <Button onClick={() => void model.more().catch(notifyError)}>{trans.__('Older versions')}</Button>
        </div>
      )}
    </>
  );
}

interface IVersionRowProps extends Omit<IVersionsProps, 'history'> {
  version: NotebookVersion;
}

function VersionRow({ model, notebook, version, mayChange, onCompare }: IVersionRowProps): JSX.Element {
  const host = useHost();
  const { trans, commands } = host;
  const { project } = model;
  const number = version.version;
  const args = { project, id: notebook.id, name: notebook.name, version: number };
  const restorable = mayChange && notebook.file !== null;
  return (
    <tr>
      <th scope="row">v{number}</th>
      <td>
        <Why version={version} />
      </td>
      <td>
        <RelativeTime time={version.created_at} />
      </td>
      <td>{version.created_by}</td>
      <td className="jp-mod-number">{formatNumber(version.cells)}</td>
      <td className="jp-mod-number">
        {version.stripped ? (
          <span
            title={trans.__('With its outputs it was larger than 20 MB; they were left out.')}
          >{`${formatBytes(version.size)}*`}</span>
        ) : (
          formatBytes(version.size)
        )}
      </td>
      <td>
        {version.runs.map(({ id, name }, index) => (
          <React.Fragment key={id}>
            {index > 0 && ', '}
            <button
              type="button"
              className="jp-Insighter-Link"
              title={trans.__('Open the run %1', name)}
              onClick={() => void commands.execute(OPEN_RUN, { project, id, name })}
            >
              {name}
            </button>
          </React.Fragment>
        ))}
      </td>
      <td>
        <span className="jp-Insighter-NotebookActions">
          {number > 1 && (
            <Button
              title={trans.__('What changed from version %1 to version %2', number - 1, number)}
              onClick={() => onCompare({ before: number - 1, after: number })}
            >
              {trans.__('Changes')}
            </Button>
          )}
          <MoreMenu
            label={trans.__('More about version %1', number)}
            groups={[
              [
                { command: CommandIDs.copyVersion, args },
                { command: CommandIDs.download, args }
              ],
              restorable ? [{ command: CommandIDs.restore, args }] : []
            ]}
          />
        </span>
      </td>
    </tr>
  );
}

function Why({ version }: { version: NotebookVersion }): JSX.Element {
  const { trans } = useHost();
  if (version.outcome) {
    return <Outcome outcome={version.outcome} />;
  }
  return (
    <StatusDot
      condition="off"
      word={version.reason === 'restored' ? trans.__('restored') : trans.__('kept')}
      title={
        version.reason === 'restored'
          ? trans.__('An older version was put back into the file')
          : trans.__('The file as it was before a version was put back')
      }
    />
  );
}
