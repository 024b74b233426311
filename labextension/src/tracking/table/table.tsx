import { ellipsesIcon, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ErrorNote, IconButton, EmptyState, notifyError } from '../../components';
import { type IHost, useHost, useMay } from '../../pages/host';
import { CodeBlock } from '../../pages/page';
import { CommandIDs as Mlflow } from '../../mlflow/commands';
import { CommandIDs } from '../commands';
import { COMPARED } from '../compare/model';
import { deleteRuns, exportRuns, restoreRuns, runsText, tagRuns } from './bulk';
import { textOf } from './cells';
import { chooseColumns } from './columns';
import type { IKnown } from './completion';
import { FilterBox } from './filterbox';
import { arranged, differing, Grid } from './grid';
import { openGroupMenu, openHeadMenu, openRunMenu } from './menus';
import type { RunTableModel } from './model';
import { popUp } from './popup';
import { columnLabel, namesOf, split, type Which } from './spec';
import { openViews } from './views';

interface IRunTableProps {
  model: RunTableModel;
  /** What the experiment is called. */
  name: string;
  /** Buttons of what stands beside the table. */
  toggles?: React.ReactNode;
}

/** The runs of an experiment, with all that is there to find some among them. */
export function RunTable({ model, name, toggles }: IRunTableProps): JSX.Element {
  const host = useHost();
  const { trans, commands } = host;
  const editor = useMay(model.project, 'editor');
  const revision = React.useSyncExternalStore(model.subscribe, model.snapshot);
  const [onlyDiffering, setOnlyDiffering] = React.useState(false);
  const input = React.useRef<HTMLInputElement>(null);
  const frame = React.useRef<HTMLDivElement>(null);
  const { spec, selected, error, filterError } = model;
  const { total } = model.sections;

  const looked = onlyDiffering ? revision : 0;
  const columns = React.useMemo(
    () => arranged(onlyDiffering ? differing(model, spec.columns) : spec.columns),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- which differ comes with the rows
    [model, spec.columns, onlyDiffering, looked]
  );

  const { keys } = model;
  const known = React.useMemo<IKnown>(() => ({ keys, values: key => valuesOf(model, key) }), [model, keys]);

  // wherever one is on the page
  React.useEffect(() => {
    const page = frame.current?.closest<HTMLElement>('.jp-Insighter-PageHost');
    const onKeyDown = (event: KeyboardEvent) => {
      const writes =
        event.target instanceof HTMLElement &&
        event.target.matches('input, textarea, select, [contenteditable]');
      if (event.key === '/' && !writes && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        input.current?.focus();
        input.current?.select();
      }
    };
    page?.addEventListener('keydown', onKeyDown);
    return () => page?.removeEventListener('keydown', onKeyDown);
  }, []);

  const nothing = total === 0 && !model.sections.outdated && !error;
  return (
    <div className="jp-Insighter-RunTable" ref={frame}>
      <div className="jp-Insighter-RunTable-top">
        <FilterBox
          filter={spec.filter}
          error={filterError}
          known={known}
          inputRef={input}
          onApply={filter => {
            if (filter === spec.filter) {
              void model.refresh();
            } else {
              model.change({ filter });
            }
          }}
          onFocus={() => void model.loadKeys()}
        />
        <select
          className="jp-Insighter-Select"
          aria-label={trans.__('Which runs')}
          value={model.which}
          onChange={event => model.setWhich(event.target.value as Which)}
        >
          <option value="active">{trans.__('Active')}</option>
          <option value="deleted">{trans.__('Deleted')}</option>
          <option value="all">{trans.__('All')}</option>
        </select>
        <IconButton icon={refreshIcon} label={trans.__('Refresh')} onClick={() => void model.refresh()} />
      </div>
      {selected.size > 0 ? (
        <BulkBar
          host={host}
          model={model}
          editor={editor}
          name={name}
          columns={columns.map(({ key }) => key)}
          toggles={toggles}
        />
      ) : (
        <div className="jp-Insighter-RunTable-bar" role="toolbar" aria-label={trans.__('The table')}>
          <span className="jp-Insighter-RunTable-total" role="status">
            {total === null || model.sections.outdated
              ? error
                ? ''
                : trans.__('Loading…')
              : spec.filter
                ? trans._n('%2 matches', '%2 match', total, runsText(total, trans))
                : runsText(total, trans)}
          </span>
          <Drop
            label={trans.__('View')}
            value={model.view?.name ?? trans.__('usual')}
            mark={model.modified ? trans.__('changed') : null}
            onOpen={at => void openViews(host, model, at)}
          />
          <Drop
            label={trans.__('Group by')}
            value={spec.group_by ? columnLabel(spec.group_by, trans) : trans.__('nothing')}
            onOpen={at => void openGroupMenu(host, model, at).catch(notifyError)}
          />
          <button
            type="button"
            className="jp-Insighter-Tool"
            onClick={() => void chooseColumns(host, model).catch(notifyError)}
          >
            {trans.__('Columns…')}
          </button>
          <label
            className="jp-Insighter-Tool"
            title={trans.__('Hide parameters that are the same in all runs that are loaded')}
          >
            <input
              type="checkbox"
              checked={onlyDiffering}
              onChange={event => setOnlyDiffering(event.target.checked)}
            />
            {trans.__('Differing only')}
          </label>
          <span className="jp-Insighter-RunTable-end">
            {toggles}
            <IconButton
              icon={ellipsesIcon}
              label={trans.__('More')}
              hasMenu
              onClick={event =>
                popUp(
                  [
                    [
                      {
                        label: trans.__('Export as CSV'),
                        disabled: !total,
                        run: () =>
                          void exportRuns(
                            host,
                            model,
                            name,
                            columns.map(({ key }) => key)
                          )
                      },
                      {
                        label: trans.__('Select All That Match'),
                        disabled: !total,
                        run: () => void model.selectAll().catch(notifyError)
                      }
                    ],
                    [
                      {
                        label: trans.__('Open in MLflow'),
                        run: () =>
                          void commands.execute(Mlflow.openMlflow, {
                            project: model.project,
                            path: `experiments/${model.experiment}/runs`
                          })
                      }
                    ]
                  ],
                  event.currentTarget
                )
              }
            />
          </span>
        </div>
      )}
      {error && !filterError && <ErrorNote error={error} onRetry={() => model.retry()} />}
      {nothing ? (
        <Nothing model={model} name={name} />
      ) : (
        <Grid
          model={model}
          columns={columns}
          onOpen={(id, run) =>
            void commands.execute(CommandIDs.openRun, { project: model.project, id, name: run })
          }
          onMenu={(row, key, at) => {
            const entry = model.sections.entry(row);
            if (entry.kind === 'run') {
              openRunMenu(host, model, entry.run, key, editor, at);
            }
          }}
          onHeadMenu={(key, at) => openHeadMenu(host, model, key, at)}
          onDelete={() => {
            if (editor && model.which === 'active') {
              void deleteRuns(host, model, [...selected]);
            }
          }}
          groupLabel={value => value ?? trans.__('(none)')}
        />
      )}
    </div>
  );
}

/** A button that opens a menu and says what is chosen in it. */
function Drop(props: {
  label: string;
  value: string;
  mark?: string | null;
  onOpen: (at: Element) => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Insighter-Tool"
      aria-haspopup="menu"
      onClick={event => props.onOpen(event.currentTarget)}
    >
      <span className="jp-Insighter-Tool-label">{props.label}</span>
      <span className="jp-Insighter-Tool-value">{props.value}</span>
      {props.mark && <span className="jp-Insighter-Tool-mark">{props.mark}</span>}
      <span aria-hidden="true">▾</span>
    </button>
  );
}

/** What can be done with the runs that are chosen. */
function BulkBar(props: {
  host: IHost;
  model: RunTableModel;
  editor: boolean;
  name: string;
  columns: ReadonlyArray<string>;
  toggles: React.ReactNode;
}): JSX.Element {
  const { host, model, editor } = props;
  const { trans, commands } = host;
  const { selected, which, project, experiment } = model;
  const runs = [...selected];
  const tool = (label: string, run: () => void, disabled = false) => (
    <button type="button" className="jp-Insighter-Tool" disabled={disabled} onClick={run}>
      {label}
    </button>
  );
  return (
    <div
      className="jp-Insighter-RunTable-bar jp-mod-bulk"
      role="toolbar"
      aria-label={trans.__('The selected runs')}
    >
      <span className="jp-Insighter-RunTable-total" role="status">
        {trans.__('%1 selected', runsText(selected.size, trans))}
      </span>
      {commands.hasCommand(CommandIDs.compareRuns) &&
        tool(
          trans.__('Compare'),
          () => void commands.execute(CommandIDs.compareRuns, { project, experiment, runs }),
          selected.size < 2 || selected.size > COMPARED
        )}
      {editor && which !== 'deleted' && tool(trans.__('Tag…'), () => void tagRuns(host, model, runs))}
      {editor && which !== 'deleted' && tool(trans.__('Delete'), () => void deleteRuns(host, model, runs))}
      {editor && which !== 'active' && tool(trans.__('Restore'), () => void restoreRuns(host, model, runs))}
      {tool(trans.__('Export as CSV'), () => void exportRuns(host, model, props.name, props.columns))}
      <span className="jp-Insighter-RunTable-space" />
      {props.toggles}
      {tool(trans.__('Select none'), () => model.clearSelection())}
    </div>
  );
}

/** What stands where there are no runs. */
function Nothing({ model, name }: { model: RunTableModel; name: string }): JSX.Element {
  const { trans } = useHost();
  if (model.spec.filter) {
    return (
      <EmptyState
        text={trans.__('No run matches this filter.')}
        action={{ label: trans.__('Clear the filter'), onClick: () => model.change({ filter: '' }) }}
      />
    );
  }
  if (model.which === 'deleted') {
    return (
      <EmptyState text={trans.__('No deleted runs. What is deleted can be restored here for a while.')} />
    );
  }
  const code = ['import mlflow', `mlflow.set_experiment(${JSON.stringify(name)})`, 'mlflow.autolog()'];
  return (
    <div className="jp-Insighter-EmptyState">
      <p>
        {trans.__(
          'No runs in this experiment yet. Train something in a notebook of the project, after this:'
        )}
      </p>
      <CodeBlock code={code.join('\n')} label={trans.__('How to log runs')} />
    </div>
  );
}

/** Values that loaded runs have for a parameter, tag or attribute. */
function valuesOf(model: RunTableModel, key: string): string[] {
  const [kind, of] = split(key.replace(/^param(eter)?\./, 'params.').replace(/^tag\./, 'tags.'));
  const shown = kind === 'attributes' || namesOf(model.spec.columns, kind).includes(of);
  if (!shown && !key.startsWith('dataset')) {
    return [];
  }
  const values = model.sections.loaded().flatMap(run => {
    if (key.startsWith('dataset')) {
      return run.datasets.map(one => (key === 'dataset.digest' ? one.digest : one.name));
    }
    return textOf(run, `${kind}.${of}`);
  });
  return [...new Set(values)]
    .filter(value => value !== '')
    .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
}
