import { addIcon, closeIcon, deleteIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { AliasBoard, AliasRule, RegisteredModelDetail } from '../api';
import { IconButton, notifyError, useUi } from '../components';
import { ask, Field } from '../pages/ask';
import { type IHost, useHost, useMay } from '../pages/host';
import { offerUndo } from '../sharing/undo';
import { roleName, rolesUpTo } from '../projects/roles';
import { Chip } from './aliases';
import { COMPARATORS, protectionText } from './gates';
import type { RegisteredModelModel } from './model';

interface ITypedGate {
  readonly metric: string;
  readonly op: (typeof COMPARATORS)[number][0];
  readonly value: string;
  readonly dataset: string;
}

interface IChoice {
  readonly alias: string;
  readonly everywhere: boolean;
  readonly role: AliasRule['role'];
  readonly approvals: number;
  readonly gates: ReadonlyArray<ITypedGate>;
}

/** The rules that are for a model, to be changed and taken away by admins. */
export function AliasRules(props: {
  model: RegisteredModelModel;
  board: AliasBoard;
  detail: RegisteredModelDetail;
}): JSX.Element | null {
  const { model, board, detail } = props;
  const host = useHost();
  const { trans } = host;
  const mayProtect = useMay(model.project, 'admin');
  if (board.rules.length === 0) {
    return null;
  }
  const remove = async (rule: AliasRule) => {
    try {
      await model.unprotect(rule.id);
      offerUndo(host, trans.__('@%1 is not protected by this rule any more', rule.alias), () =>
        model.protect({
          alias: rule.alias,
          model: rule.model,
          role: rule.role,
          approvals: rule.approvals,
          gates: rule.gates
        })
      );
    } catch (reason) {
      notifyError(reason);
    }
  };
  return (
    <>
      <h2 className="jp-Insighter-Heading">{trans.__('Rules')}</h2>
      <ul className="jp-Insighter-Plain">
        {board.rules.map(rule => (
          <li key={rule.id} className="jp-Insighter-AliasRule">
            <Chip alias={rule.alias} locked />
            <span>
              {protectionText(rule, trans)}{' '}
              <span className="jp-Insighter-Quiet">
                {rule.all_models ? trans.__('all models of the project') : trans.__('this model')}
              </span>
            </span>
            {mayProtect && (
              <>
                <IconButton
                  icon={editIcon}
                  label={trans.__('Change the rule for @%1', rule.alias)}
                  onClick={() => void askRule(host, model, board, detail, rule)}
                />
                <IconButton
                  icon={deleteIcon}
                  label={trans.__('Take the protection off @%1', rule.alias)}
                  onClick={() => void remove(rule)}
                />
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Ask what shall protect an alias, and make or change the rule. */
export async function askRule(
  host: IHost,
  model: RegisteredModelModel,
  board: AliasBoard,
  detail: RegisteredModelDetail,
  before?: AliasRule
): Promise<void> {
  const { trans, projects } = host;
  const own = projects.find(model.project)?.role ?? 'admin';
  await ask<IChoice, void>({
    ui: host,
    title: before ? trans.__('What does moving @%1 take?', before.alias) : trans.__('Protect an alias'),
    accept: before ? trans.__('Change') : trans.__('Protect'),
    initial: {
      alias: before?.alias ?? board.aliases.find(each => !each.protected)?.alias ?? 'champion',
      everywhere: before?.all_models ?? false,
      role: before?.role ?? 'admin',
      approvals: before?.approvals ?? 1,
      gates:
        before?.gates.map(gate => ({ ...gate, value: String(gate.value), dataset: gate.dataset ?? '' })) ?? []
    },
    form: (choice, change) => (
      <RuleFields
        choice={choice}
        change={change}
        fixed={before !== undefined}
        roles={rolesUpTo(own).filter(
          (role): role is IChoice['role'] => role !== 'viewer' && role !== 'annotator'
        )}
        metrics={[...new Set(detail.history.flatMap(({ metrics }) => metrics.map(({ key }) => key)))]}
      />
    ),
    submit: choice =>
      model.protect({
        alias: choice.alias.trim().replace(/^@/, ''),
        model: choice.everywhere ? null : model.name,
        role: choice.role,
        approvals: choice.approvals,
        gates: choice.gates.map(({ metric, op, value, dataset }) => ({
          metric: metric.trim(),
          op,
          value: Number(value),
          dataset: dataset.trim() || null
        }))
      })
  });
}

function RuleFields(props: {
  choice: IChoice;
  change: (choice: IChoice) => void;
  fixed: boolean;
  roles: ReadonlyArray<IChoice['role']>;
  metrics: ReadonlyArray<string>;
}): JSX.Element {
  const { choice, change, fixed, roles, metrics } = props;
  const { trans } = useUi();
  const names = React.useId();
  const set = (index: number, part: Partial<ITypedGate>) =>
    change({
      ...choice,
      gates: choice.gates.map((gate, place) => (place === index ? { ...gate, ...part } : gate))
    });
  return (
    <>
      {!fixed && (
        <>
          <Field label={trans.__('Alias')} hint={trans.__('A star stands for anything: prod-*')}>
            {id => (
              <input
                id={id}
                className="jp-mod-styled"
                required
                pattern="@?[A-Za-z0-9_*\-]+"
                title={trans.__('Letters, digits, dashes, underscores, and stars')}
                maxLength={255}
                spellCheck={false}
                value={choice.alias}
                onChange={event => change({ ...choice, alias: event.target.value })}
              />
            )}
          </Field>
          <label className="jp-Insighter-Check">
            <input
              type="checkbox"
              checked={choice.everywhere}
              onChange={event => change({ ...choice, everywhere: event.target.checked })}
            />
            <span>{trans.__('of all models of the project, those to come too')}</span>
          </label>
        </>
      )}
      <Field label={trans.__('Who moves it')}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.role}
            onChange={event => change({ ...choice, role: event.target.value as IChoice['role'] })}
          >
            {roles.map(role => (
              <option key={role} value={role}>
                {trans.__('the role %1 and above', roleName(role, trans))}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field
        label={trans.__('Approvals')}
        hint={
          choice.approvals === 0
            ? trans.__('Whoever has the role moves it at once; others ask.')
            : trans.__(
                'By others with that role: nobody approves what they asked for, unless nobody else has the role.'
              )
        }
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            type="number"
            required
            min={0}
            max={10}
            value={choice.approvals}
            onChange={event => change({ ...choice, approvals: Number(event.target.value) })}
          />
        )}
      </Field>
      <fieldset className="jp-Insighter-GateFields">
        <legend>{trans.__('Gates: what has to hold of a version')}</legend>
        {choice.gates.map((gate, index) => (
          <div key={index} className="jp-Insighter-GateField">
            <input
              className="jp-mod-styled"
              aria-label={trans.__('Metric')}
              placeholder="auc"
              required
              maxLength={250}
              spellCheck={false}
              list={names}
              value={gate.metric}
              onChange={event => set(index, { metric: event.target.value })}
            />
            <select
              className="jp-Insighter-Select"
              aria-label={trans.__('Comparison')}
              value={gate.op}
              onChange={event => set(index, { op: event.target.value as ITypedGate['op'] })}
            >
              {COMPARATORS.map(([op, sign]) => (
                <option key={op} value={op}>
                  {sign}
                </option>
              ))}
            </select>
            <input
              className="jp-mod-styled"
              aria-label={trans.__('Value')}
              placeholder="0.9"
              type="number"
              step="any"
              required
              value={gate.value}
              onChange={event => set(index, { value: event.target.value })}
            />
            <input
              className="jp-mod-styled"
              aria-label={trans.__('On which dataset; none for any')}
              placeholder={trans.__('on a dataset')}
              maxLength={500}
              spellCheck={false}
              value={gate.dataset}
              onChange={event => set(index, { dataset: event.target.value })}
            />
            <IconButton
              icon={closeIcon}
              label={trans.__('Take this gate away')}
              onClick={() => change({ ...choice, gates: choice.gates.filter((_, place) => place !== index) })}
            />
          </div>
        ))}
        <datalist id={names}>
          {metrics.map(key => (
            <option key={key} value={key} />
          ))}
        </datalist>
        <IconButton
          icon={addIcon}
          label={trans.__('Add a gate')}
          disabled={choice.gates.length >= 20}
          onClick={() =>
            change({
              ...choice,
              gates: [...choice.gates, { metric: metrics[0] ?? '', op: '>=', value: '', dataset: '' }]
            })
          }
        />
      </fieldset>
    </>
  );
}
