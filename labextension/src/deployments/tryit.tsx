import * as React from 'react';

import type { Deployment, ModelSignature } from '../api';
import { Button, ErrorNote, formatDuration } from '../components';
import { useHost } from '../pages/host';
import { CodeBlock, Tabs } from '../pages/page';
import { useOwnResource } from '../pages/resource';
import { address, type DeploymentModel, type IAnswer } from './model';
import {
  formFields,
  formPayload,
  type FormValues,
  type IField,
  initialValues,
  predictions,
  templatePayload
} from './payload';
import { type ISnippet, snippets } from './snippets';

/** Predictions that are shown without being asked for. */
const SHOWN = 20;

interface ITryItProps {
  model: DeploymentModel;
  deployment: Deployment;
}

/** A form made from the model's signature, what the endpoint answers, and how to ask it from elsewhere. */
export function TryIt({ model, deployment }: ITryItProps): JSX.Element {
  const { trans } = useHost();
  const [, { value, error }] = useOwnResource(
    () => model.signature(deployment),
    `${deployment.model}/${deployment.version}`,
    0
  );
  if (!value && !error) {
    return <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>;
  }
  return (
    <Inputs
      key={`${deployment.model}/${deployment.version}`}
      model={model}
      deployment={deployment}
      signature={value}
      unknown={error}
    />
  );
}

interface IInputsProps extends ITryItProps {
  signature: ModelSignature | null;
  /** Why the signature is not known. */
  unknown: Error | null;
}

type Outcome = { answer: IAnswer } | { error: unknown };

function Inputs({ model, deployment, signature, unknown }: IInputsProps): JSX.Element {
  const { trans } = useHost();
  const fields = React.useMemo(() => (signature ? formFields(signature) : null), [signature]);
  const [values, setValues] = React.useState<FormValues>(() =>
    signature && fields ? initialValues(fields, signature) : {}
  );
  const [asJson, setAsJson] = React.useState(fields === null);
  const [json, setJson] = React.useState(() => templatePayload(signature));
  const [outcome, setOutcome] = React.useState<Outcome | null>(null);
  const [busy, setBusy] = React.useState(false);

  const ready = deployment.status === 'healthy';
  const payload = asJson || !fields ? json : formPayload(fields, values);

  const predict = async () => {
    if (!ready || busy) {
      return;
    }
    setBusy(true);
    try {
      if (asJson) {
        JSON.parse(json);
      }
      setOutcome({ answer: await model.invoke(deployment, payload) });
    } catch (error) {
      const unreadable = error instanceof SyntaxError;
      setOutcome({
        error: unreadable ? new Error(trans.__('This is not JSON yet: %1', error.message)) : error
      });
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="jp-Insighter-TryIt">
      <section className="jp-Insighter-TryIt-form" aria-label={trans.__('Try it')}>
        <div className="jp-Insighter-TryIt-head">
          <h2 className="jp-Insighter-Heading">{trans.__('Try it')}</h2>
          {fields && (
            <label className="jp-Insighter-Check">
              <input
                type="checkbox"
                checked={asJson}
                onChange={event => {
                  setAsJson(event.target.checked);
                  if (event.target.checked) {
                    setJson(formPayload(fields, values));
                  }
                }}
              />
              {trans.__('Paste JSON')}
            </label>
          )}
        </div>
        {unknown && (
          <ErrorNote error={new Error(trans.__('The model’s signature is not known: %1', unknown.message))} />
        )}
        <form
          onSubmit={event => {
            event.preventDefault();
            void predict();
          }}
        >
          {asJson || !fields ? (
            <textarea
              className="jp-mod-styled jp-Insighter-TryIt-json"
              aria-label={trans.__('The request’s body, JSON as MLflow’s scoring protocol wants it')}
              spellCheck={false}
              rows={10}
              value={json}
              onChange={event => setJson(event.target.value)}
              onKeyDown={event => {
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                  event.preventDefault();
                  event.stopPropagation();
                  void predict();
                }
              }}
            />
          ) : (
            <div className="jp-Insighter-TryIt-fields">
              {fields.map(field => (
                <Input
                  key={field.name}
                  field={field}
                  value={values[field.name]}
                  onChange={value => setValues({ ...values, [field.name]: value })}
                />
              ))}
            </div>
          )}
          <div className="jp-Insighter-TryIt-go">
            <button
              type="submit"
              className="jp-Insighter-Button jp-mod-primary"
              disabled={!ready || busy}
              title={asJson ? trans.__('Ctrl+Enter') : trans.__('Enter')}
            >
              {busy ? trans.__('Predicting…') : trans.__('Predict')}
            </button>
            {!ready && (
              <span className="jp-Insighter-Quiet">
                {deployment.status === 'starting'
                  ? trans.__('As soon as it is healthy.')
                  : trans.__('Start it to try it.')}
              </span>
            )}
            <div className="jp-Insighter-TryIt-outcome" role="status">
              {ready && outcome && 'answer' in outcome && <Answer answer={outcome.answer} />}
            </div>
          </div>
        </form>
        {ready && outcome && 'error' in outcome && <ErrorNote error={outcome.error} />}
      </section>
      <Snippets url={address(deployment)} payload={payload} />
    </div>
  );
}

interface IInputProps {
  field: IField;
  value: string;
  onChange: (value: string) => void;
}

function Input({ field, value, onChange }: IInputProps): JSX.Element {
  const { trans } = useHost();
  const id = React.useId();
  const { name, kind, type, required } = field;
  const types = {
    number: 'number',
    integer: 'number',
    boolean: 'checkbox',
    datetime: 'datetime-local',
    text: 'text'
  };
  const common = { id, type: types[kind], className: 'jp-mod-styled' };
  return (
    <div className="jp-Insighter-TryIt-field" data-kind={kind}>
      <label htmlFor={id} title={`${name}: ${type}`}>
        <span>{name}</span>
        <small>{required ? type : trans.__('%1, optional', type)}</small>
      </label>
      {kind === 'boolean' ? (
        <input
          {...common}
          checked={value === 'true'}
          onChange={event => onChange(event.target.checked ? 'true' : 'false')}
        />
      ) : (
        <input
          {...common}
          step={kind === 'integer' ? 1 : kind === 'datetime' ? 1 : 'any'}
          required={required && kind !== 'text'}
          value={value}
          onChange={event => onChange(event.target.value)}
        />
      )}
    </div>
  );
}

function Answer({ answer }: { answer: IAnswer }): JSX.Element {
  const { trans } = useHost();
  const [all, setAll] = React.useState(false);
  const lines = predictions(answer.body);
  const shown = all ? lines : lines?.slice(0, SHOWN);
  return (
    <>
      {shown && lines ? (
        <span className="jp-Insighter-TryIt-values">
          →{' '}
          {shown.map((line, index) => (
            <output key={index}>{line}</output>
          ))}
          {shown.length < lines.length && (
            <Button onClick={() => setAll(true)}>{trans.__('%1 more', lines.length - shown.length)}</Button>
          )}
        </span>
      ) : (
        <pre>{JSON.stringify(answer.body, null, 2)}</pre>
      )}
      <span className="jp-Insighter-Quiet">{formatDuration(answer.milliseconds)}</span>
    </>
  );
}

function Snippets({ url, payload }: { url: string; payload: string }): JSX.Element {
  const { trans, projects } = useHost();
  const [current, setCurrent] = React.useState<ISnippet['id']>('curl');
  const local = projects.me?.local !== false;
  const all = snippets(url, payload, local ? 'JUPYTER_TOKEN' : 'INSIGHTER_TOKEN');
  const snippet = all.find(({ id }) => id === current) ?? all[0];
  return (
    <section className="jp-Insighter-Snippets" aria-label={trans.__('Call it from elsewhere')}>
      <h2 className="jp-Insighter-Heading">{trans.__('Call it from elsewhere')}</h2>
      <Tabs label={trans.__('Languages')} tabs={all} current={snippet.id} onSelect={setCurrent}>
        <CodeBlock code={snippet.code} label={snippet.label} />
      </Tabs>
      <p className="jp-Insighter-Quiet">
        {local
          ? trans.__('JUPYTER_TOKEN is the caller’s own token for this Jupyter server.')
          : trans.__('INSIGHTER_TOKEN is an access token for this project: your account has them.')}
      </p>
    </section>
  );
}
