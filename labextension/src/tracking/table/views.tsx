import { Dialog, showDialog } from '@jupyterlab/apputils';

import { ApiError, type RunView } from '../../api';
import { notifyError } from '../../components';
import { ask, Field } from '../../pages/ask';
import type { IHost } from '../../pages/host';
import { may } from '../../projects/roles';
import { offerUndo } from '../../sharing/undo';
import type { RunTableModel } from './model';
import { type IChoice, popUp } from './popup';

/** The menu of the views that the project keeps. */
export async function openViews(host: IHost, model: RunTableModel, at: Element): Promise<void> {
  const { trans } = host;
  await model.loadViews();
  const editor = may(host.projects.find(model.project), 'editor');
  const { view, views, modified } = model;
  const line = (one: RunView): IChoice => ({
    label: [
      one.name,
      one.experiment_id === null ? trans.__('all experiments') : '',
      one.is_default ? trans.__('default') : '',
      one.created_by ? trans.__('by %1', one.created_by) : ''
    ]
      .filter(Boolean)
      .join(' · '),
    checked: one.id === view?.id,
    run: () => model.choose(one)
  });
  const chosen: IChoice[] = view
    ? [
        {
          label: trans.__('Save “%1”', view.name),
          disabled: !modified,
          run: () => void save(host, model, view)
        },
        {
          label: view.is_default
            ? trans.__('Open Experiments Without “%1”', view.name)
            : trans.__('Open with “%1” by Default', view.name),
          run: () => void model.edit(view, { is_default: !view.is_default }).catch(notifyError)
        },
        { label: trans.__('Rename “%1”…', view.name), run: () => void saveAs(host, model, view) },
        {
          label: trans.__('Delete “%1”', view.name),
          run: () => void remove(host, model, view)
        }
      ]
    : [];
  popUp(
    [
      [
        { label: trans.__('Usual columns'), checked: view === null, run: () => model.choose(null) },
        ...views.map(line)
      ],
      [
        { label: trans.__('Undo All Changes'), disabled: !modified, run: () => model.choose(view) },
        ...(editor
          ? [{ label: trans.__('Save as a New View…'), run: () => void saveAs(host, model, null) }]
          : [])
      ],
      editor ? chosen : []
    ],
    at
  );
}

interface IHow {
  readonly name: string;
  readonly everywhere: boolean;
  readonly usual: boolean;
}

/** Ask for a name: of a new view, which keeps what is shown, or another one for a view, which keeps what it showed. */
async function saveAs(host: IHost, model: RunTableModel, old: RunView | null): Promise<void> {
  const { trans } = host;
  await ask<IHow, void>({
    title: old ? trans.__('Rename the view “%1”', old.name) : trans.__('Save as a new view'),
    accept: trans.__('Save'),
    initial: {
      name: old?.name ?? '',
      everywhere: old ? old.experiment_id === null : false,
      usual: old?.is_default ?? false
    },
    form: (how, change) => (
      <>
        <Field
          label={trans.__('Name')}
          hint={trans.__('All who see the project’s runs find it in the menu of views.')}
        >
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={how.name}
              required
              maxLength={100}
              onChange={event => change({ ...how, name: event.target.value })}
            />
          )}
        </Field>
        <label className="jp-Insighter-Check">
          <input
            type="checkbox"
            checked={how.everywhere}
            onChange={event => change({ ...how, everywhere: event.target.checked })}
          />
          {trans.__('For all experiments of the project')}
        </label>
        <label className="jp-Insighter-Check">
          <input
            type="checkbox"
            checked={how.usual}
            onChange={event => change({ ...how, usual: event.target.checked })}
          />
          {how.everywhere ? trans.__('Experiments open with it') : trans.__('The experiment opens with it')}
        </label>
      </>
    ),
    submit: async ({ name, everywhere, usual }) => {
      const body = {
        name: name.trim(),
        experiment_id: everywhere ? null : model.experiment,
        is_default: usual
      };
      await (old ? model.edit(old, body) : model.saveAs(body));
    },
    ui: host
  });
}

/** Keep what is shown as the view it was; whoever was faster is not overwritten unasked. */
export async function save(host: IHost, model: RunTableModel, view: RunView): Promise<void> {
  const { trans } = host;
  // the menu has loaded the views: the server alone cannot tell that this one is newer than what was begun from
  if (!model.overtaken) {
    try {
      await model.save(view);
      return;
    } catch (reason) {
      if (!(reason instanceof ApiError) || reason.code !== 'view_changed') {
        notifyError(reason);
        return;
      }
    }
  }
  await model.loadViews();
  const now = model.views.find(({ id }) => id === view.id);
  if (!now) {
    notifyError(new Error(trans.__('“%1” was deleted meanwhile.', view.name)));
    return;
  }
  const { button } = await showDialog({
    title: trans.__('“%1” was changed meanwhile', view.name),
    body: trans.__('Somebody has saved other columns, another order or filter under this name.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Replace Theirs'), accept: true, actions: ['replace'] }),
      Dialog.okButton({ label: trans.__('Take Theirs'), actions: ['take'] })
    ]
  });
  if (button.actions.includes('take')) {
    model.choose(now);
  } else if (button.actions.includes('replace')) {
    await model.save(now).catch(notifyError);
  }
}

async function remove(host: IHost, model: RunTableModel, view: RunView): Promise<void> {
  try {
    const undo = await model.deleteView(view);
    offerUndo(host, host.trans.__('The view “%1” is deleted.', view.name), undo);
  } catch (reason) {
    notifyError(reason);
  }
}
