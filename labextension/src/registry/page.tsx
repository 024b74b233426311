import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

import type { RegisteredModelDetail } from '../api';
import { Button, CodeLine, EmptyState, ErrorNote, formatNumber, RelativeTime } from '../components';
import { ReadOnly, useHost, useMay, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { AliasBoardView } from './aliasboard';
import { Card } from './card';
import { Compare } from './compare';
import { Lock } from './gates';
import { loadCode, type RegisteredModelModel } from './model';
import { Version } from './version';
import { Versions } from './versions';

/** The command that deploys a model; the deployments'. */
const DEPLOY = 'insighter:deploy-model';
const WEBHOOKS = 'insighter:open-webhooks';

type Tab = 'versions' | 'aliases' | 'card';

/** What the tab of the versions shows: all of them, one, or two side by side. */
type Look = { readonly version: number } | { readonly left: number; readonly right: number } | null;

interface IModelPageProps {
  model: RegisteredModelModel;
  rendermime: IRenderMimeRegistry | null;
}

/** The page of a registered model. */
export function ModelPage({ model, rendermime }: IModelPageProps): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.detail);
  React.useEffect(() => {
    void model.refresh();
  }, [model, revision]);
  const note = error && <ErrorNote error={error} onRetry={() => void model.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Model')} title={model.name} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} rendermime={rendermime} detail={value} note={note} />;
}

interface ILoadedProps extends IModelPageProps {
  detail: RegisteredModelDetail;
  note: React.ReactNode;
}

function Loaded({ model, rendermime, detail, note }: ILoadedProps): JSX.Element {
  const { trans, commands } = useHost();
  const [tab, setTab] = React.useState<Tab>('versions');
  const [look, setLook] = React.useState<Look>(null);
  const { value: board } = useResource(model.board);
  const { latest, history } = detail;
  const [first] = Object.keys(detail.aliases);
  const mayChange = useMay(model.project, 'editor');
  const admin = useMay(model.project, 'admin');
  const waiting = board?.requests.filter(({ state }) => state === 'open').length ?? 0;
  const showVersion = (version: number) => {
    setTab('versions');
    setLook({ version });
  };
  // a version that was deleted meanwhile is not looked at any more
  const there = (number: number) => history.some(({ version }) => version === number);
  const shown =
    look && ('version' in look ? there(look.version) : there(look.left) && there(look.right)) ? look : null;
  return (
    <Page
      kind={trans.__('Model')}
      title={detail.name}
      actions={
        !mayChange ? (
          <ReadOnly />
        ) : (
          <>
            {admin && (
              <Button onClick={() => void commands.execute(WEBHOOKS, { project: model.project })}>
                {trans.__('Webhooks')}
              </Button>
            )}
            {latest && (
              <Button
                primary
                onClick={() =>
                  void commands.execute(DEPLOY, {
                    project: model.project,
                    model: detail.name,
                    version: detail.aliases['champion'] ?? latest.version
                  })
                }
              >
                {trans.__('Deploy…')}
              </Button>
            )}
          </>
        )
      }
      summary={
        <Facts>
          <span>{trans._n('%1 version', '%1 versions', detail.versions, formatNumber(detail.versions))}</span>
          {latest && (
            <span>
              {trans.__('newest: v%1 by %2', latest.version, latest.created_by)},{' '}
              <RelativeTime time={latest.created_at} />
            </span>
          )}
          {Object.entries(detail.aliases).map(([alias, version]) => (
            <span key={alias} className="jp-Insighter-WithCopy">
              {board?.aliases.some(each => each.alias === alias && each.protected) && <Lock />}
              {`@${alias} → v${version}`}
            </span>
          ))}
          {waiting > 0 && (
            <button type="button" className="jp-Insighter-Link" onClick={() => setTab('aliases')}>
              {trans._n('%1 move is asked for', '%1 moves are asked for', waiting)}
            </button>
          )}
        </Facts>
      }
      notes={
        <>
          {note}
          {detail.description && <p className="jp-Insighter-Description">{detail.description}</p>}
          {latest && <CodeLine code={loadCode(detail.name, latest.version, first ? [first] : [])} />}
        </>
      }
    >
      <Tabs<Tab>
        label={trans.__('Parts of the model')}
        tabs={[
          { id: 'versions', label: trans.__('Versions'), count: history.length },
          { id: 'aliases', label: trans.__('Aliases'), count: Object.keys(detail.aliases).length },
          { id: 'card', label: trans.__('Card') }
        ]}
        current={tab}
        onSelect={setTab}
        fill
        asset={{ project: model.project, kind: 'model', key: detail.name }}
      >
        <div className="jp-Insighter-Scroll">
          {tab === 'aliases' ? (
            <AliasBoardView model={model} detail={detail} onVersion={showVersion} />
          ) : tab === 'card' ? (
            <Card model={model} detail={detail} rendermime={rendermime} />
          ) : !latest ? (
            <EmptyState
              text={trans.__('This model has no versions yet. Log one under its name.')}
              code={`mlflow.sklearn.log_model(model, name="model", registered_model_name=${JSON.stringify(detail.name)})`}
            />
          ) : shown && 'version' in shown ? (
            <Version
              key={shown.version}
              model={model}
              detail={detail}
              number={shown.version}
              onVersion={showVersion}
              onBack={() => setLook(null)}
            />
          ) : shown ? (
            <Compare
              model={model}
              detail={detail}
              {...shown}
              onCompare={(left, right) => setLook({ left, right })}
              onBack={() => setLook(null)}
            />
          ) : (
            <Versions
              model={model}
              detail={detail}
              onVersion={showVersion}
              onCompare={(left, right) => setLook({ left, right })}
            />
          )}
        </div>
      </Tabs>
    </Page>
  );
}
