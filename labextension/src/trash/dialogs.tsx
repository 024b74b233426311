import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, type Purged } from '../api';
import { formatBytes } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';

/** Bring something back; where its name is taken by now, ask for another. Whether it is back. */
export async function restored(
  host: IHost,
  name: string,
  restore: (name: string | null) => Promise<unknown>
): Promise<boolean> {
  const { trans, projects } = host;
  try {
    await restore(null);
  } catch (reason) {
    const taken = reason instanceof ApiError && ['name_taken', 'project_exists'].includes(reason.code);
    if (!taken) {
      throw reason;
    }
    const done = await ask({
      ui: host,
      title: trans.__('Restore “%1”', name),
      accept: trans.__('Restore'),
      initial: name,
      form: (value, change) => (
        <Field
          label={trans.__('Name')}
          hint={trans.__('Something else is called “%1” by now: choose another name.', name)}
        >
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={value}
              required
              maxLength={250}
              autoComplete="off"
              spellCheck={false}
              onFocus={event => event.target.select()}
              onChange={event => change(event.target.value)}
            />
          )}
        </Field>
      ),
      submit: async value => {
        await restore(value.trim());
        return true;
      }
    });
    if (!done) {
      return false;
    }
  }
  await projects.refresh();
  return true;
}

/** Say what goes for good, ask, do it, and tell what it freed. Whether it was done. */
export async function purged(
  host: IHost,
  question: { title: string; goes: ReadonlyArray<string>; accept: string },
  purge: () => Promise<Purged>
): Promise<boolean> {
  const { trans, projects } = host;
  const done = await ask({
    ui: host,
    title: question.title,
    accept: question.accept,
    warn: true,
    careful: true,
    initial: null,
    form: () => (
      <>
        {question.goes.map(line => (
          <p key={line}>{line}</p>
        ))}
        <p>{trans.__('This cannot be undone.')}</p>
      </>
    ),
    submit: purge
  });
  if (!done) {
    return false;
  }
  Notification.success(outcome(trans, done), { autoClose: 10_000 });
  await projects.refresh();
  return true;
}

/** What a purge did, in words. */
function outcome(trans: TranslationBundle, done: Purged): string {
  const { freed_bytes, freed_objects, kept_bytes, kept } = done;
  const told = [
    freed_objects
      ? trans._n(
          'Freed %2: %1 stored file.',
          'Freed %2: %1 stored files.',
          freed_objects,
          formatBytes(freed_bytes)
        )
      : trans.__('Nothing was stored for it alone.')
  ];
  if (kept_bytes) {
    told.push(trans.__('%1 stay, because something else needs them.', formatBytes(kept_bytes)));
  }
  for (const { name, needed_by } of kept.slice(0, 3)) {
    told.push(trans.__('“%1” stays in the trash: %2 stands on its files.', name, needed_by.join(', ')));
  }
  if (kept.length > 3) {
    told.push(trans._n('%1 more stays.', '%1 more stay.', kept.length - 3));
  }
  if (done.pending) {
    told.push(trans.__('The store could not remove all of it now; the server goes on with it.'));
  }
  return told.join(' ');
}
