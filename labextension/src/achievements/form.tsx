import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { type Achievement, type AchievementIcon, achievements, isAbort, type Standing } from '../api';
import { errorText, formatNumber } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { ICONS } from './icons';
import { type AchievementsModel, EMPTY, fromRule, type IRuleFields, toRule, VERBS } from './model';

/** Milliseconds without a key pressed until a rule is tried. */
const PAUSE = 400;

interface IDraft {
  readonly name: string;
  readonly description: string;
  readonly icon: AchievementIcon;
  readonly audience: Achievement['audience'];
  readonly fields: IRuleFields;
}

/** Ask for an achievement of the project's own, or for changes of one, and save it. */
export async function define(host: IHost, model: AchievementsModel, old: Achievement | null): Promise<void> {
  const { trans } = host;
  const initial: IDraft = old
    ? { ...old, fields: fromRule(old.rule) }
    : { name: '', description: '', icon: 'star', audience: 'project', fields: EMPTY };
  await ask<IDraft, void>({
    title: old ? trans.__('Change “%1”', old.name) : trans.__('New achievement'),
    accept: trans.__('Save'),
    initial,
    ui: host,
    form: (draft, change) => (
      <Form draft={draft} change={change} fixed={old !== null} project={model.project} trans={trans} />
    ),
    submit: ({ name, description, icon, audience, fields }) => {
      const body = { name: name.trim(), description: description.trim(), icon, rule: ruleOf(fields, trans) };
      return old ? model.update(old.id, body) : model.create({ ...body, audience });
    }
  });
}

function ruleOf(fields: IRuleFields, trans: TranslationBundle): Achievement['rule'] {
  try {
    return toRule(fields);
  } catch (reason) {
    throw new Error(
      trans.__('The rule is not JSON: %1', reason instanceof Error ? reason.message : String(reason))
    );
  }
}

interface IFormProps {
  draft: IDraft;
  change: (draft: IDraft) => void;
  /** Whom it is for does not change any more. */
  fixed: boolean;
  project: string;
  trans: TranslationBundle;
}

function Form({ draft, change, fixed, project, trans }: IFormProps): JSX.Element {
  const { fields } = draft;
  const set = (part: Partial<IDraft>) => change({ ...draft, ...part });
  const setFields = (part: Partial<IRuleFields>) => set({ fields: { ...fields, ...part } });
  return (
    <>
      <div className="jp-Insighter-Achievement-pair">
        <Field label={trans.__('Name')}>
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              required
              maxLength={100}
              autoComplete="off"
              placeholder={trans.__('Ten datasets')}
              value={draft.name}
              onChange={event => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Choice
          label={trans.__('Icon')}
          value={draft.icon}
          options={Object.keys(ICONS).map(icon => [icon, icon])}
          onChange={icon => set({ icon: icon as AchievementIcon })}
        />
      </div>
      <Field label={trans.__('What for')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            maxLength={500}
            autoComplete="off"
            value={draft.description}
            onChange={event => set({ description: event.target.value })}
          />
        )}
      </Field>
      <div className="jp-Insighter-Achievement-pair">
        <Choice
          label={trans.__('What counts')}
          value={fields.kind}
          options={[
            ['count', trans.__('so many events')],
            ['metric', trans.__('a model past a target')],
            ['streak', trans.__('an endpoint stays well')],
            ['recovered', trans.__('an endpoint is well again')],
            ['json', trans.__('a rule written as JSON')]
          ]}
          onChange={kind => setFields({ kind: kind as IRuleFields['kind'] })}
        />
        <Choice
          label={trans.__('Earned by')}
          value={draft.audience}
          disabled={fixed}
          options={[
            ['project', trans.__('the team, once')],
            ['person', trans.__('each person')]
          ]}
          onChange={audience => set({ audience: audience as IDraft['audience'] })}
        />
      </div>
      <RuleFields fields={fields} change={setFields} trans={trans} />
      <Preview project={project} audience={draft.audience} fields={fields} trans={trans} />
    </>
  );
}

interface IRuleFieldsProps {
  fields: IRuleFields;
  change: (part: Partial<IRuleFields>) => void;
  trans: TranslationBundle;
}

function RuleFields({ fields, change, trans }: IRuleFieldsProps): JSX.Element {
  const number = (label: string, name: 'goal' | 'days' | 'target', min?: number, max?: number) => (
    <Field label={label}>
      {id => (
        <input
          id={id}
          className="jp-mod-styled"
          type="number"
          required
          min={min}
          max={max}
          step={min === undefined ? 'any' : 1}
          value={fields[name]}
          onChange={event => change({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
  switch (fields.kind) {
    case 'count':
      return (
        <>
          <div className="jp-Insighter-Achievement-pair">
            <Choice
              label={trans.__('Kind of asset')}
              value={fields.asset}
              options={Object.keys(VERBS).map(kind => [kind, kind])}
              onChange={asset => change({ asset, verb: VERBS[asset][0] })}
            />
            <Choice
              label={trans.__('What happens')}
              value={fields.verb}
              options={VERBS[fields.asset].map(verb => [verb, verb])}
              onChange={verb => change({ verb })}
            />
          </div>
          <div className="jp-Insighter-Achievement-pair">
            {number(trans.__('How many'), 'goal', 1, 10_000)}
            <Choice
              label={trans.__('Counted')}
              value={fields.distinct}
              options={[
                ['event', trans.__('each time')],
                ['asset', trans.__('once per asset')],
                ['day', trans.__('once per day')]
              ]}
              onChange={distinct => change({ distinct: distinct as IRuleFields['distinct'] })}
            />
          </div>
        </>
      );
    case 'metric':
      return (
        <div className="jp-Insighter-Achievement-triple">
          <Field label={trans.__('Metric')}>
            {id => (
              <input
                id={id}
                className="jp-mod-styled"
                required
                maxLength={250}
                autoComplete="off"
                value={fields.metric}
                onChange={event => change({ metric: event.target.value })}
              />
            )}
          </Field>
          <Choice
            label={trans.__('Is')}
            value={fields.op}
            options={['>=', '>', '<=', '<'].map(op => [op, op])}
            onChange={op => change({ op })}
          />
          {number(trans.__('Target'), 'target')}
        </div>
      );
    case 'streak':
      return number(trans.__('Days without a failure or a stop'), 'days', 1, 3650);
    case 'recovered':
      return number(trans.__('How many times'), 'goal', 1, 10_000);
    case 'json':
      return (
        <Field label={trans.__('Rule')} hint={trans.__('docs/achievements.md shows what a rule may be.')}>
          {id => (
            <textarea
              id={id}
              className="jp-mod-styled jp-Insighter-Achievement-json"
              required
              rows={5}
              spellCheck={false}
              value={fields.json}
              onChange={event => change({ json: event.target.value })}
            />
          )}
        </Field>
      );
  }
}

interface IChoiceProps {
  label: string;
  value: string;
  options: ReadonlyArray<readonly [string, string]>;
  disabled?: boolean;
  onChange: (value: string) => void;
}

function Choice({ label, value, options, disabled, onChange }: IChoiceProps): JSX.Element {
  return (
    <Field label={label}>
      {id => (
        <select
          id={id}
          className="jp-mod-styled"
          value={value}
          disabled={disabled}
          onChange={event => onChange(event.target.value)}
        >
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface IPreviewProps {
  project: string;
  audience: Achievement['audience'];
  fields: IRuleFields;
  trans: TranslationBundle;
}

/** How far it would be by what is filled in, or what is wrong with that. */
function Preview({ project, audience, fields, trans }: IPreviewProps): JSX.Element {
  const [text, setText] = React.useState('');
  React.useEffect(() => {
    const trying = new AbortController();
    const timer = window.setTimeout(() => {
      // what is no rule yet throws inside
      void (async () => achievements.preview(project, audience, ruleOf(fields, trans), trying.signal))()
        .then(standing => setText(told(standing, audience, trans)))
        .catch((reason: unknown) => {
          if (!isAbort(reason) && !trying.signal.aborted) {
            setText(errorText(reason));
          }
        });
    }, PAUSE);
    return () => {
      window.clearTimeout(timer);
      trying.abort();
    };
  }, [project, audience, fields, trans]);
  return (
    <p className="jp-Insighter-Achievement-preview" role="status">
      {text}
    </p>
  );
}

function told(
  { progress, goal, at }: Standing,
  audience: Achievement['audience'],
  trans: TranslationBundle
): string {
  const words = trans.__('%1 of %2 so far', formatNumber(progress), formatNumber(goal));
  if (at !== null) {
    return audience === 'person'
      ? trans.__('You would have it at once.')
      : trans.__('The team would have it at once.');
  }
  return audience === 'person' ? trans.__('You: %1', words) : trans.__('The team: %1', words);
}
