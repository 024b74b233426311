import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { isAbort, type RunRow } from '../../api';
import { errorText, formatNumber, notifyError } from '../../components';
import { ask, Field } from '../../pages/ask';
import type { IHost } from '../../pages/host';
import { offerUndo } from '../../sharing/undo';
import { csv, download } from './csv';
import { isSystemTag } from '../model';
import { MOST, type RunTableModel } from './model';
import { NAME } from './spec';

/** "1 run", "1,204 runs". */
export function runsText(count: number, trans: TranslationBundle): string {
  return trans._n('%2 run', '%2 runs', count, formatNumber(count));
}

/** Delete runs, and offer to take it back. */
export async function deleteRuns(
  host: IHost,
  model: RunTableModel,
  runs: ReadonlyArray<string>
): Promise<void> {
  const { trans } = host;
  if (tooMany(host, runs)) {
    return;
  }
  try {
    const moved = await meanwhile(
      model.delete([...runs]),
      trans.__('Deleting %1…', runsText(runs.length, trans))
    );
    offerUndo(host, trans.__('%1 deleted.', runsText(moved.length, trans)), () =>
      meanwhile(model.restore(moved), trans.__('Restoring %1…', runsText(moved.length, trans)))
    );
  } catch (reason) {
    notifyError(reason);
  }
}

/** Restore deleted runs. */
export async function restoreRuns(
  host: IHost,
  model: RunTableModel,
  runs: ReadonlyArray<string>
): Promise<void> {
  const { trans } = host;
  if (tooMany(host, runs)) {
    return;
  }
  try {
    const moved = await meanwhile(
      model.restore([...runs]),
      trans.__('Restoring %1…', runsText(runs.length, trans))
    );
    Notification.success(trans.__('%1 restored.', runsText(moved.length, trans)), { autoClose: 5000 });
  } catch (reason) {
    notifyError(reason);
  }
}

interface ITag {
  readonly key: string;
  readonly value: string;
  readonly remove: boolean;
}

/** Set or remove a tag of runs. */
export async function tagRuns(host: IHost, model: RunTableModel, runs: ReadonlyArray<string>): Promise<void> {
  const { trans } = host;
  if (tooMany(host, runs)) {
    return;
  }
  await model.loadKeys();
  const known = (model.keys?.tags ?? []).map(({ key }) => key).filter(key => !isSystemTag(key));
  const changed = await ask<ITag, number>({
    title: trans.__('Tag %1', runsText(runs.length, trans)),
    accept: trans.__('Apply'),
    initial: { key: '', value: '', remove: false },
    form: (tag, change) => (
      <>
        <Field label={trans.__('Tag')} hint={trans.__('Such as “team” or “reviewed/by”.')}>
          {id => (
            <>
              <input
                id={id}
                className="jp-mod-styled"
                list={`${id}-known`}
                value={tag.key}
                required
                maxLength={250}
                pattern="[\w\/.\- :]+"
                onChange={event => change({ ...tag, key: event.target.value })}
              />
              <datalist id={`${id}-known`}>
                {known.slice(0, 200).map(key => (
                  <option key={key} value={key} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        {!tag.remove && (
          <Field label={trans.__('Value')}>
            {id => (
              <input
                id={id}
                className="jp-mod-styled"
                value={tag.value}
                maxLength={8000}
                onChange={event => change({ ...tag, value: event.target.value })}
              />
            )}
          </Field>
        )}
        <label className="jp-Insighter-Check">
          <input
            type="checkbox"
            checked={tag.remove}
            onChange={event => change({ ...tag, remove: event.target.checked })}
          />
          {trans.__('Remove this tag from the runs')}
        </label>
      </>
    ),
    submit: ({ key, value, remove }) => model.tag([...runs], { [key.trim()]: remove ? null : value }),
    ui: host
  });
  if (changed !== null) {
    Notification.success(trans.__('Changed %1.', runsText(changed, trans)), { autoClose: 5000 });
  }
}

/** Runs as a CSV file with the shown columns: those that are chosen, or all that match. */
export async function exportRuns(
  host: IHost,
  model: RunTableModel,
  name: string,
  columns: ReadonlyArray<string>
): Promise<void> {
  const { trans } = host;
  const some = model.selected.size > 0;
  const total = some ? model.selected.size : (model.sections.total ?? 0);
  const notice = Notification.emit(trans.__('Reading %1…', runsText(total, trans)), 'in-progress', {
    autoClose: false
  });
  try {
    const runs: RunRow[] = [];
    for await (const page of model.export(some)) {
      runs.push(...page);
    }
    download(
      `${name.replace(/[^\p{L}\p{N}._ -]+/gu, '_') || 'runs'}.csv`,
      csv(runs, [NAME, ...columns.filter(key => key !== NAME)])
    );
    Notification.update({
      id: notice,
      message: trans.__('%1 exported.', runsText(runs.length, trans)),
      type: 'success',
      autoClose: 4000
    });
  } catch (reason) {
    if (isAbort(reason)) {
      Notification.dismiss(notice);
    } else {
      Notification.update({ id: notice, message: errorText(reason), type: 'error', autoClose: 8000 });
    }
  }
}

/** Say what is being done while it takes longer than a moment: thousands of runs take some seconds. */
async function meanwhile<T>(work: Promise<T>, text: string): Promise<T> {
  let notice: string | null = null;
  const timer = window.setTimeout(() => {
    notice = Notification.emit(text, 'in-progress', { autoClose: false });
  }, 500);
  try {
    return await work;
  } finally {
    window.clearTimeout(timer);
    if (notice !== null) {
      Notification.dismiss(notice);
    }
  }
}

function tooMany({ trans }: IHost, runs: ReadonlyArray<string>): boolean {
  if (runs.length > MOST) {
    Notification.warning(
      trans.__('At most %1 runs change at once. Filter to choose fewer.', formatNumber(MOST)),
      { autoClose: 8000 }
    );
    return true;
  }
  return runs.length === 0;
}
