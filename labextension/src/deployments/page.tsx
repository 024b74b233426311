import * as React from 'react';

import type { Deployment } from '../api';
import { Button, CopyButton, ErrorNote, MoreMenu, RelativeTime } from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { address, type DeploymentModel } from './model';
import { DeploymentStatus } from './status';
import { TryIt } from './tryit';

/** The command that opens a model's page; the registry's. */
const OPEN_MODEL = 'insighter:open-model';

/** The page of an endpoint. */
export function DeploymentPage({ model }: { model: DeploymentModel }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  React.useEffect(() => {
    void model.detail.refresh();
  }, [model, revision]);
  const note = error && <ErrorNote error={error} onRetry={() => void model.detail.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Deployment')} title={model.name} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} deployment={value} note={note} />;
}

interface ILoadedProps {
  model: DeploymentModel;
  deployment: Deployment;
  note: React.ReactNode;
}

function Loaded({ model, deployment, note }: ILoadedProps): JSX.Element {
  const host = useHost();
  const { trans, commands, projects } = host;
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState<unknown>(null);
  const { project, name } = model;
  const mayChange = useMay(project, 'editor');
  const { status } = deployment;
  const running = status === 'healthy' || status === 'starting';
  const url = address(deployment);

  const toggle = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await (running ? model.stop() : model.start());
      void projects.refresh();
    } catch (reason) {
      setProblem(reason);
    } finally {
      setBusy(false);
    }
  };

  // the sidebar and others learn it at once
  const before = React.useRef(status);
  React.useEffect(() => {
    if (before.current !== status) {
      before.current = status;
      void projects.refresh();
    }
  }, [projects, status]);

  return (
    <Page
      kind={trans.__('Deployment')}
      title={name}
      status={<DeploymentStatus deployment={deployment} />}
      actions={
        <>
          {mayChange ? (
            <Button primary={!running} disabled={busy} onClick={() => void toggle()}>
              {running
                ? busy
                  ? trans.__('Stopping…')
                  : trans.__('Stop')
                : busy
                  ? trans.__('Starting…')
                  : trans.__('Start')}
            </Button>
          ) : (
            <ReadOnly />
          )}
          <MoreMenu
            groups={[
              [{ command: CommandIDs.copyAddress, args: { project, name } }],
              [{ command: CommandIDs.remove, args: { project, name } }]
            ]}
          />
        </>
      }
      summary={
        <Facts>
          <button
            type="button"
            className="jp-Insighter-Link"
            title={trans.__('Open the model')}
            onClick={() => void commands.execute(OPEN_MODEL, { project, name: deployment.model })}
          >
            {`${deployment.model} v${deployment.version}`}
          </button>
          <span>
            {trans.__('by %1', deployment.created_by)}, <RelativeTime time={deployment.created_at} />
          </span>
          <span className="jp-Insighter-WithCopy jp-Insighter-Address">
            <code title={url}>{url}</code>
            <CopyButton text={url} label={trans.__('Copy the address')} />
          </span>
        </Facts>
      }
      notes={
        <>
          {note}
          {problem !== null && <ErrorNote error={problem} />}
          {status === 'failed' && (
            <div className="jp-Insighter-Failure" role="alert">
              <p>{deployment.reason ?? trans.__('It ended without saying why; its log may tell.')}</p>
              <Log lines={deployment.log} open />
            </div>
          )}
        </>
      }
    >
      <Tabs<'try'>
        label={trans.__('Parts of the deployment')}
        tabs={[{ id: 'try', label: trans.__('Try it') }]}
        current="try"
        onSelect={() => undefined}
        fill
        asset={{ project, kind: 'deployment', key: name }}
      >
        <div className="jp-Insighter-Scroll">
          <TryIt model={model} deployment={deployment} />
          {status !== 'failed' && <Log lines={deployment.log} />}
        </div>
      </Tabs>
    </Page>
  );
}

/** The last lines of the process's log, its end in sight. */
function Log({ lines, open }: { lines: ReadonlyArray<string>; open?: boolean }): JSX.Element | null {
  const { trans } = useHost();
  const end = React.useRef<HTMLPreElement>(null);
  const text = lines.join('\n');
  React.useEffect(() => {
    if (end.current) {
      end.current.scrollTop = end.current.scrollHeight;
    }
  }, [text]);
  if (lines.length === 0) {
    return null;
  }
  return (
    <details className="jp-Insighter-Details" open={open}>
      <summary>{trans.__('The last lines of its log')}</summary>
      <pre ref={end} tabIndex={0} className="jp-Insighter-Log">
        {text}
      </pre>
    </details>
  );
}
