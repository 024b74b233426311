import type { AliasRule, AliasState, RegisteredModelDetail } from '../api';
import { Button, EmptyState, ErrorNote, RelativeTime } from '../components';
import { useHost, useMay } from '../pages/host';
import { useResource } from '../pages/resource';
import { Chip } from './aliases';
import { protectionText } from './gates';
import { AliasHistory } from './history';
import type { RegisteredModelModel } from './model';
import { askMove, takeOff } from './move';
import { DecidedRequests, OpenRequests } from './requests';
import { AliasRules, askRule } from './rules';

interface IAliasBoardProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  onVersion: (version: number) => void;
}

/** The tab of the aliases: where they are, what protects them, what is asked for, who moved them. */
export function AliasBoardView({ model, detail, onVersion }: IAliasBoardProps): JSX.Element {
  const host = useHost();
  const { trans } = host;
  const { value, error } = useResource(model.board);
  const mayChange = useMay(model.project, 'editor');
  const mayProtect = useMay(model.project, 'admin');
  const note = error && <ErrorNote error={error} onRetry={() => void model.board.refresh()} />;
  if (!value) {
    return note || <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>;
  }
  return (
    <>
      {note}
      <OpenRequests model={model} requests={value.requests} />
      {value.aliases.length === 0 ? (
        <EmptyState
          text={trans.__(
            'No alias yet. An alias names the version that is in use, so that whoever loads it needs no number.'
          )}
          action={
            mayChange && detail.latest
              ? {
                  label: trans.__('Set an alias…'),
                  onClick: () => void askMove(host, model, detail, {})
                }
              : undefined
          }
          second={
            mayProtect
              ? { label: trans.__('Protect one…'), onClick: () => void askRule(host, model, value, detail) }
              : undefined
          }
          code={`ix.models[${JSON.stringify(model.name)}].set_alias("champion", why="the first")`}
        />
      ) : (
        <>
          <div className="jp-Insighter-Headline">
            <h2 className="jp-Insighter-Heading">{trans.__('Aliases')}</h2>
            <span className="jp-Insighter-Buttons">
              {mayChange && (
                <Button onClick={() => void askMove(host, model, detail, {})}>
                  {trans.__('Set an alias…')}
                </Button>
              )}
              {mayProtect && (
                <Button onClick={() => void askRule(host, model, value, detail)}>
                  {trans.__('Protect…')}
                </Button>
              )}
            </span>
          </div>
          <table className="jp-Insighter-Table jp-Insighter-AliasTable">
            <thead>
              <tr>
                <th scope="col">{trans.__('Alias')}</th>
                <th scope="col">{trans.__('Version')}</th>
                <th scope="col">{trans.__('Moved there')}</th>
                <th scope="col">{trans.__('What it takes')}</th>
                <th scope="col">
                  <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.aliases.map(alias => (
                <AliasRow
                  key={alias.alias}
                  model={model}
                  detail={detail}
                  alias={alias}
                  rules={value.rules}
                  onVersion={onVersion}
                />
              ))}
            </tbody>
          </table>
        </>
      )}
      <AliasRules model={model} board={value} detail={detail} />
      <AliasHistory model={model} />
      <DecidedRequests model={model} requests={value.requests} />
    </>
  );
}

function AliasRow(
  props: IAliasBoardProps & { alias: AliasState; rules: ReadonlyArray<AliasRule> }
): JSX.Element {
  const { model, detail, alias, rules, onVersion } = props;
  const host = useHost();
  const { trans } = host;
  const mayChange = useMay(model.project, 'editor');
  const name = alias.alias;
  const { version } = alias;
  return (
    <tr>
      <th scope="row">
        <Chip alias={name} locked={alias.protected} />
      </th>
      <td>
        {version === null ? (
          <span className="jp-Insighter-Quiet">{trans.__('none')}</span>
        ) : (
          <button type="button" className="jp-Insighter-Link" onClick={() => onVersion(version)}>
            v{version}
          </button>
        )}
      </td>
      <td className="jp-mod-wrap">
        {alias.since && (
          <>
            {alias.by}, <RelativeTime time={alias.since} />
            {alias.why && <div className="jp-Insighter-Quiet">{alias.why}</div>}
          </>
        )}
      </td>
      <td className="jp-mod-wrap">
        {alias.protected ? (
          protectionText({ ...alias, gates: gatesOf(rules, name) }, trans)
        ) : (
          <span className="jp-Insighter-Quiet">{trans.__('moved by every editor')}</span>
        )}
      </td>
      <td>
        {mayChange && detail.latest && (
          <div className="jp-Insighter-Buttons">
            <Button
              title={trans.__('Move @%1 to another version', name)}
              onClick={() => void askMove(host, model, detail, { alias: name })}
            >
              {version === null ? trans.__('Set…') : trans.__('Move…')}
            </Button>
            {version !== null && (
              <Button
                title={trans.__('Take @%1 off version %2', name, version)}
                onClick={() => void takeOff(host, model, detail, name)}
              >
                {trans.__('Take off')}
              </Button>
            )}
          </div>
        )}
      </td>
    </tr>
  );
}

/** What all rules that fit an alias ask of a version. */
function gatesOf(rules: ReadonlyArray<AliasRule>, alias: string): AliasRule['gates'] {
  const all = rules
    .filter(rule => new RegExp(`^${rule.alias.replace(/\*/g, '.*')}$`).test(alias))
    .flatMap(({ gates }) => gates);
  // two rules can ask for the same
  return [...new Map(all.map(gate => [JSON.stringify(gate), gate])).values()];
}
