import { Clipboard } from '@jupyterlab/apputils';

import type { RunRow } from '../../api';
import type { IHost } from '../../pages/host';
import { choose } from '../../pages/choose';
import { CommandIDs } from '../commands';
import { COMPARED } from '../compare/model';
import { isSystemTag } from '../model';
import { deleteRuns, restoreRuns, tagRuns } from './bulk';
import { textOf } from './cells';
import { chooseColumns } from './columns';
import type { RunTableModel } from './model';
import { type IChoice, popUp } from './popup';
import {
  both,
  columnLabel,
  DATASET,
  groupable,
  identifier,
  literal,
  NAME,
  sortable,
  split,
  STATUS,
  USER
} from './spec';

type At = Element | { clientX: number; clientY: number };

/** How many keys a menu has room for; the others are in a list. */
const ROOM = 12;

/** What can be done with a column. */
export function openHeadMenu(host: IHost, model: RunTableModel, key: string, at: At): void {
  const { trans } = host;
  const label = columnLabel(key, trans);
  const columns = model.spec.columns;
  const index = columns.findIndex(each => each.key === key);
  const now = columns[index];
  const name = key === NAME;
  const sorted = model.spec.sort.find(each => each.key === key);
  const best = now?.best ?? null;
  popUp(
    [
      sortable(key)
        ? [
            {
              label: trans.__('Sort Ascending'),
              checked: sorted?.descending === false,
              run: () => model.sortBy(key, false)
            },
            {
              label: trans.__('Sort Descending'),
              checked: sorted?.descending === true,
              run: () => model.sortBy(key, true)
            },
            {
              label: trans.__('Then Sort by It, Too'),
              disabled: sorted !== undefined,
              run: () => model.sortBy(key, undefined, true)
            }
          ]
        : [],
      split(key)[0] === 'metrics'
        ? [
            {
              label: trans.__('Mark the Highest Value'),
              checked: best === 'max',
              run: () => model.changeColumn(key, { best: best === 'max' ? null : 'max' })
            },
            {
              label: trans.__('Mark the Lowest Value'),
              checked: best === 'min',
              run: () => model.changeColumn(key, { best: best === 'min' ? null : 'min' })
            }
          ]
        : [],
      groupable(key)
        ? [{ label: trans.__('Group by %1', label), run: () => model.change({ group_by: key }) }]
        : [],
      name
        ? []
        : [
            {
              label: now?.pinned ? trans.__('Unpin') : trans.__('Pin to the Left'),
              run: () => model.changeColumn(key, { pinned: !now?.pinned })
            },
            {
              label: trans.__('Move Left'),
              disabled: index < 1,
              run: () => model.moveColumn(key, -1)
            },
            {
              label: trans.__('Move Right'),
              disabled: index >= columns.length - 1,
              run: () => model.moveColumn(key, 1)
            },
            {
              label: trans.__('Hide'),
              run: () => model.setColumns(columns.filter(each => each.key !== key))
            }
          ],
      [{ label: trans.__('Columns…'), run: () => void chooseColumns(host, model) }]
    ],
    at
  );
}

/** What can be done with a run, or with all that are chosen when it is one of them. */
export function openRunMenu(
  host: IHost,
  model: RunTableModel,
  run: RunRow,
  key: string,
  editor: boolean,
  at: At
): void {
  const { trans, commands } = host;
  const { project, experiment, selected, spec } = model;
  const runs = selected.has(run.id) ? [...selected] : [run.id];
  const compared = { project, experiment, runs };
  const text = textOf(run, key);
  const [kind] = split(key);
  const quoted = literal(text);
  const value = kind === 'metrics' ? text : quoted;
  const asks = value !== null && text !== '' && kind !== 'other' && key !== NAME && !key.endsWith('_time');
  const only = (comparator: string): IChoice => ({
    label: trans.__('Only Runs with %1 %2 %3', columnLabel(key, trans), comparator, text.slice(0, 40)),
    run: () => model.change({ filter: both(spec.filter, `${identifier(key)} ${comparator} ${value}`) })
  });
  popUp(
    [
      [
        {
          label: trans.__('Open'),
          run: () => void commands.execute(CommandIDs.openRun, { project, id: run.id, name: run.name })
        },
        ...(commands.hasCommand(CommandIDs.compareRuns)
          ? [
              {
                label: trans.__('Compare %1 Runs', runs.length),
                disabled: runs.length < 2 || runs.length > COMPARED,
                run: () => void commands.execute(CommandIDs.compareRuns, compared)
              }
            ]
          : []),
        { label: trans.__('Copy the Run’s ID'), run: () => Clipboard.copyToSystem(run.id) }
      ],
      asks ? (kind === 'metrics' ? [only('>='), only('<=')] : [only('='), only('!=')]) : [],
      groupable(key)
        ? [
            {
              label: trans.__('Group by %1', columnLabel(key, trans)),
              run: () => model.change({ group_by: key })
            }
          ]
        : [],
      editor && !run.deleted
        ? [
            {
              label: trans._n('Tag…', 'Tag %1 Runs…', runs.length),
              run: () => void tagRuns(host, model, runs)
            },
            {
              label: trans._n('Delete', 'Delete %1 Runs', runs.length),
              run: () => void deleteRuns(host, model, runs)
            }
          ]
        : [],
      editor && run.deleted
        ? [
            {
              label: trans._n('Restore', 'Restore %1 Runs', runs.length),
              run: () => void restoreRuns(host, model, runs)
            }
          ]
        : []
    ],
    at
  );
}

/** By what runs can be grouped. */
export async function openGroupMenu(host: IHost, model: RunTableModel, at: Element): Promise<void> {
  const { trans } = host;
  await model.loadKeys();
  const now = model.spec.group_by;
  const line = (key: string): IChoice => ({
    label: columnLabel(key, trans),
    checked: key === now,
    run: () => model.change({ group_by: key })
  });
  const { params = [], tags = [] } = model.keys ?? {};
  const most = (all: { key: string; runs: number }[]) =>
    [...all].sort((a, b) => b.runs - a.runs || a.key.localeCompare(b.key)).map(({ key }) => key);
  const keys = [
    ...most(params).map(key => `params.${key}`),
    ...most(tags.filter(({ key }) => !isSystemTag(key))).map(key => `tags.${key}`)
  ];
  const few = keys.slice(0, ROOM);
  if (now && !few.includes(now) && keys.includes(now)) {
    few.push(now);
  }
  popUp(
    [
      [{ label: trans.__('Not Grouped'), checked: now === '', run: () => model.change({ group_by: '' }) }],
      [STATUS, USER, DATASET].map(line),
      few.map(line),
      keys.length > few.length
        ? [
            {
              label: trans.__('Another…'),
              run: () =>
                void choose(host, {
                  title: trans.__('Group by'),
                  accept: trans.__('Group'),
                  names: () => Promise.resolve(keys),
                  none: trans.__('No parameters or tags yet')
                }).then(key => key !== null && model.change({ group_by: key }))
            }
          ]
        : []
    ],
    at
  );
}
