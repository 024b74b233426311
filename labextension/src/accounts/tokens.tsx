import * as React from 'react';

import { serverUrl, type AccessToken, type NewAccessToken, type Project, type Role } from '../api';
import {
  Button,
  CopyButton,
  EmptyState,
  ErrorNote,
  formatDate,
  RelativeTime,
  StatusDot,
  useUi
} from '../components';
import { ask, Field } from '../pages/ask';
import { type IHost, useHost } from '../pages/host';
import { CodeBlock, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { roleName, rolesUpTo } from '../projects/roles';
import { type AccountModel, isActive, isSignedOut } from './model';

/** The account's access tokens; one that was just made with its secret, until that is put away. */
export function Tokens({ model }: { model: AccountModel }): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const { value, error } = useResource(model.tokens);
  const [made, setMade] = React.useState<NewAccessToken | null>(null);

  const create = async () => {
    const token = await askToken(host, model);
    if (token) {
      setMade(token);
    }
  };
  const active = value?.filter(isActive) ?? [];
  const gone = value?.filter(token => !isActive(token)) ?? [];

  return (
    <>
      {error && !isSignedOut(error) && (
        <ErrorNote error={error} onRetry={() => void model.tokens.refresh()} />
      )}
      {made && <Secret key={made.id} token={made} onDone={() => setMade(null)} />}
      {active.length > 0 && (
        <div className="jp-Insighter-Bar">
          <p className="jp-Insighter-Quiet">
            {trans.__(
              'For programs outside of JupyterLab. Each reaches one project, and no more of it than its role.'
            )}
          </p>
          <Button onClick={() => void create()}>{trans.__('New token…')}</Button>
        </div>
      )}
      {value && active.length === 0 && (
        <EmptyState
          text={trans.__(
            'An access token lets a program outside of JupyterLab into one project: a training job, a script, MLflow on another machine. Kernels need none.'
          )}
          action={{ label: trans.__('New token…'), onClick: () => void create() }}
        />
      )}
      {active.length > 0 && <TokenTable model={model} tokens={active} />}
      {gone.length > 0 && (
        <details className="jp-Insighter-Details">
          <summary>{trans.__('Revoked and expired (%1)', gone.length)}</summary>
          <TokenTable model={model} tokens={gone} />
        </details>
      )}
    </>
  );
}

function TokenTable(props: { model: AccountModel; tokens: ReadonlyArray<AccessToken> }): JSX.Element {
  const { model, tokens } = props;
  const { trans } = useHost();
  return (
    <table className="jp-Insighter-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Project')}</th>
          <th scope="col">{trans.__('At most')}</th>
          <th scope="col">{trans.__('Last used')}</th>
          <th scope="col">{trans.__('Expires')}</th>
          <th scope="col">
            <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map(token => (
          <TokenRow key={token.id} model={model} token={token} />
        ))}
      </tbody>
    </table>
  );
}

function TokenRow({ model, token }: { model: AccountModel; token: AccessToken }): JSX.Element {
  const host = useHost();
  const { trans } = host;
  return (
    <tr>
      <th scope="row" title={trans.__('Made %1', formatDate(token.created_at))}>
        {token.name}
      </th>
      <td>{token.project ?? trans.__('one you do not see any more')}</td>
      <td>{roleName(token.role, trans)}</td>
      <td>{token.last_used_at ? <RelativeTime time={token.last_used_at} /> : trans.__('never')}</td>
      <td>
        <time dateTime={token.expires_at}>{formatDate(token.expires_at)}</time>
      </td>
      <td>
        {!isActive(token) ? (
          <StatusDot
            condition="off"
            word={token.revoked_at !== null ? trans.__('revoked') : trans.__('expired')}
          />
        ) : (
          <Button
            title={trans.__('Revoke the token “%1”', token.name)}
            onClick={() => void revoke(host, model, token)}
          >
            {trans.__('Revoke…')}
          </Button>
        )}
      </td>
    </tr>
  );
}

async function revoke(host: IHost, model: AccountModel, token: AccessToken): Promise<void> {
  const { trans } = host;
  await ask({
    ui: host,
    title: trans.__('Revoke the token “%1”?', token.name),
    accept: trans.__('Revoke'),
    warn: true,
    careful: true,
    initial: null,
    form: () => (
      <p>
        {trans.__(
          'Programs that use it are refused from now on. This cannot be undone; a new token takes its place.'
        )}
      </p>
    ),
    submit: () => model.revokeToken(token.id)
  });
}

interface IChoice {
  readonly name: string;
  readonly project: string;
  readonly role: Role;
  readonly days: number;
}

/** Days that are offered. */
const DAYS: ReadonlyArray<number> = [7, 30, 90, 365];

/** Ask for a new token and make it; null when cancelled. */
function askToken(host: IHost, model: AccountModel): Promise<NewAccessToken | null> {
  const { trans, projects } = host;
  const choices = projects.all.filter(project => project.member);
  const first = choices.find(({ id }) => id === projects.current?.id) ?? choices[0];
  return ask<IChoice, NewAccessToken>({
    ui: host,
    title: trans.__('New access token'),
    accept: trans.__('Create'),
    initial: { name: '', project: first?.id ?? '', role: highest(first, 'editor'), days: 90 },
    form: (choice, change) => <TokenForm choices={choices} choice={choice} change={change} />,
    submit: ({ name, project, role, days }) =>
      model.createToken({ name: name.trim(), project_id: project, role, days })
  });
}

/** A role, or the caller's own in a project where that is less. */
function highest(project: Project | undefined, role: Role): Role {
  const roles = rolesUpTo(project?.role ?? 'viewer');
  return roles.includes(role) ? role : roles[roles.length - 1];
}

interface ITokenFormProps {
  choices: ReadonlyArray<Project>;
  choice: IChoice;
  change: (choice: IChoice) => void;
}

function TokenForm({ choices, choice, change }: ITokenFormProps): JSX.Element {
  const { trans } = useUi();
  const project = choices.find(({ id }) => id === choice.project);
  const expires = new Date(Date.now() + choice.days * 86_400_000).toISOString();
  const meanings: Readonly<Record<Role, string>> = {
    viewer: trans.__('It reads.'),
    annotator: trans.__('It reads and annotates.'),
    editor: trans.__('It reads and writes: data, runs, models, endpoints.'),
    admin: trans.__('It also changes the project itself.'),
    owner: trans.__('It does all you may do in the project, except to give rights and make tokens.')
  };
  return (
    <>
      <Field
        label={trans.__('Name')}
        hint={trans.__('What it is for: you will find it in the list by this.')}
      >
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={100}
            autoComplete="off"
            placeholder={trans.__('nightly training')}
            value={choice.name}
            onChange={event => change({ ...choice, name: event.target.value })}
          />
        )}
      </Field>
      <Field label={trans.__('Project')} hint={trans.__('It reaches this one only.')}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            required
            value={choice.project}
            onChange={event => {
              const next = choices.find(one => one.id === event.target.value);
              change({ ...choice, project: event.target.value, role: highest(next, choice.role) });
            }}
          >
            {choices.map(({ id: value, name }) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={trans.__('At most as')} hint={meanings[choice.role]}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.role}
            onChange={event => change({ ...choice, role: event.target.value as Role })}
          >
            {rolesUpTo(project?.role ?? 'viewer').map(role => (
              <option key={role} value={role}>
                {roleName(role, trans)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={trans.__('Valid for')} hint={trans.__('Until %1.', formatDate(expires))}>
        {id => (
          <select
            id={id}
            className="jp-mod-styled"
            value={choice.days}
            onChange={event => change({ ...choice, days: Number(event.target.value) })}
          >
            {DAYS.map(days => (
              <option key={days} value={days}>
                {trans._n('%1 day', '%1 days', days)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  );
}

type Language = 'mlflow' | 'curl' | 'python' | 'shell';

/** A new token's secret, the only time it is seen, and what to do with it. */
function Secret({ token, onDone }: { token: NewAccessToken; onDone: () => void }): JSX.Element {
  const { trans } = useHost();
  const [language, setLanguage] = React.useState<Language>('mlflow');
  const place = React.useRef<HTMLElement>(null);
  const heading = React.useId();
  React.useEffect(() => {
    place.current?.focus();
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const { secret } = token;
  const project = serverUrl(`insighter/api/projects/${token.project_id}/datasets`);
  const snippets: Readonly<Record<Language, string>> = {
    mlflow: `export MLFLOW_TRACKING_URI=${serverUrl('insighter/mlflow')}\nexport MLFLOW_TRACKING_TOKEN=${secret}`,
    shell: `export INSIGHTER_URL=${serverUrl('').replace(/\/$/, '')}\nexport INSIGHTER_TOKEN=${secret}\ninsighter dataset list`,
    curl: `curl -H 'Authorization: Bearer ${secret}' \\\n  ${project}`,
    python: `import requests\n\nanswer = requests.get(\n    "${project}",\n    headers={"Authorization": "Bearer ${secret}"},\n)\nprint(answer.json())`
  };
  return (
    <section className="jp-Insighter-Secret" ref={place} tabIndex={-1} aria-labelledby={heading}>
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('“%1” is made: copy it now', token.name)}
      </h2>
      <p>
        {trans.__('This is the only time it is shown. Keep it like a password; if it is lost, make another.')}
      </p>
      <div className="jp-Insighter-CodeLine">
        <code tabIndex={0} aria-label={trans.__('The token')}>
          {secret}
        </code>
        <CopyButton text={secret} label={trans.__('Copy the token')} />
      </div>
      <Tabs<Language>
        label={trans.__('How to use it')}
        tabs={[
          { id: 'mlflow', label: 'MLflow' },
          { id: 'curl', label: 'curl' },
          { id: 'python', label: 'Python' },
          { id: 'shell', label: 'insighter' }
        ]}
        current={language}
        onSelect={setLanguage}
      >
        <CodeBlock code={snippets[language]} label={trans.__('How to use it')} />
      </Tabs>
      <div className="jp-Insighter-Buttons">
        <Button onClick={onDone}>{trans.__('I have copied it')}</Button>
      </div>
    </section>
  );
}
