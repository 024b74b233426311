import { Notification } from '@jupyterlab/apputils';
import * as React from 'react';

import type { AliasCheck, RegisteredModelDetail } from '../api';
import { ErrorNote, formatMetric, notifyError, useUi } from '../components';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';
import { offerUndo } from '../sharing/undo';
import { GateList, gateText, Lock, protectionText } from './gates';
import type { RegisteredModelModel } from './model';

/** Metrics that stand beside a version to choose. */
const METRICS = 3;

/** How long to wait for the end of a word before it is looked up. */
const PAUSE = 250;

const ALIAS = '@?[A-Za-z0-9_\\-]+';

interface IMove {
  readonly alias: string;
  /** Null takes it off. */
  readonly version: number | null;
  readonly why: string;
  /** What the server says of it; null while it was not asked. */
  readonly check: AliasCheck | null;
}

/** Ask where an alias shall be and why, showing what stands in the way; then move it, or ask for the move. */
export async function askMove(
  host: IHost,
  model: RegisteredModelModel,
  detail: RegisteredModelDetail,
  given: { alias?: string; version?: number | null }
): Promise<void> {
  const { trans } = host;
  const off = given.version === null;
  const done = await ask<IMove, IMove>({
    ui: host,
    title: given.alias
      ? off
        ? trans.__('Take @%1 off', given.alias)
        : trans.__('Move @%1', given.alias)
      : trans.__('Set an alias'),
    accept: ({ check }) =>
      check?.way === 'request'
        ? trans.__('Ask for it')
        : off
          ? trans.__('Take Off')
          : given.alias || (check && check.before !== null)
            ? trans.__('Move')
            : trans.__('Set'),
    warn: off,
    initial: {
      alias: given.alias ?? '',
      version: off ? null : (given.version ?? detail.latest?.version ?? null),
      why: '',
      check: null
    },
    form: (move, change) => (
      <MoveFields model={model} detail={detail} given={given} move={move} change={change} />
    ),
    submit: async move => {
      const { version, why, check } = move;
      const alias = plain(move.alias);
      const failing = check?.gates.find(({ passed }) => !passed);
      if (failing) {
        throw new Error(
          trans.__('A gate does not hold: %1. Choose another version.', gateText(failing, trans))
        );
      }
      if (check?.way === 'request') {
        await model.request(alias, version, why);
      } else {
        await model.move(alias, version, why);
      }
      return move;
    }
  });
  if (!done) {
    return;
  }
  const alias = plain(done.alias);
  const { version, check } = done;
  if (check?.way === 'request') {
    Notification.success(trans.__('Asked. Whoever may approve it is told.'), { autoClose: 6000 });
  } else {
    told(host, model, alias, check?.before ?? null, version);
  }
  void host.projects.refresh();
}

/** Tell that an alias moved, and offer to move it back. */
export function told(
  host: IHost,
  model: RegisteredModelModel,
  alias: string,
  before: number | null,
  version: number | null
): void {
  const { trans } = host;
  offerUndo(
    host,
    version === null ? trans.__('@%1 is taken off', alias) : trans.__('@%1 is at v%2 now', alias, version),
    async () => {
      await model.move(alias, before, trans.__('undone'));
      await host.projects.refresh();
    }
  );
}

/** Take an alias off at once where nothing protects it; else ask. */
export async function takeOff(
  host: IHost,
  model: RegisteredModelModel,
  detail: RegisteredModelDetail,
  alias: string
): Promise<void> {
  try {
    const check = await model.check(alias, null);
    if (check.protected) {
      await askMove(host, model, detail, { alias, version: null });
      return;
    }
    await model.move(alias, null, '');
    told(host, model, alias, check.before, null);
    void host.projects.refresh();
  } catch (reason) {
    notifyError(reason);
  }
}

function plain(alias: string): string {
  return alias.trim().replace(/^@/, '');
}

interface IMoveFieldsProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  given: { alias?: string; version?: number | null };
  move: IMove;
  change: (move: IMove) => void;
}

function MoveFields({ model, detail, given, move, change }: IMoveFieldsProps): JSX.Element {
  const { trans } = useUi();
  const [error, setError] = React.useState<unknown>(null);
  const list = React.useId();
  const alias = plain(move.alias);
  const { version, check } = move;
  const current = check && check.alias === alias && check.version === version ? check : null;
  const latest = React.useRef(move);
  latest.current = move;

  React.useEffect(() => {
    setError(null);
    if (!new RegExp(`^${ALIAS}$`).test(alias) || /^v\d+$/i.test(alias) || alias === 'latest') {
      return;
    }
    let over = false;
    const timer = window.setTimeout(
      () => {
        model
          .check(alias, version)
          .then(check => !over && change({ ...latest.current, check }))
          .catch((reason: unknown) => !over && setError(reason));
      },
      given.alias ? 0 : PAUSE
    );
    return () => {
      over = true;
      window.clearTimeout(timer);
    };
    // what is typed as a reason changes nothing of it
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [alias, version]);

  return (
    <>
      {!given.alias && (
        <Field label={trans.__('Alias')} hint={trans.__('Such as champion: it always names one version.')}>
          {id => (
            <>
              <input
                id={id}
                className="jp-mod-styled"
                required
                pattern={ALIAS}
                title={trans.__('Letters, digits, dashes and underscores')}
                maxLength={255}
                spellCheck={false}
                list={list}
                value={move.alias}
                onChange={event => change({ ...move, alias: event.target.value, check: null })}
              />
              <datalist id={list}>
                {Object.keys(detail.aliases).map(name => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
      )}
      {given.version !== null && (
        <Field
          label={trans.__('Version')}
          hint={
            current && current.before !== null && current.before !== version
              ? trans.__('It is at v%1 now.', current.before)
              : undefined
          }
        >
          {id => (
            <select
              id={id}
              className="jp-mod-styled"
              value={version ?? ''}
              onChange={event => change({ ...move, version: Number(event.target.value), check: null })}
            >
              {detail.history.map(one => (
                <option key={one.version} value={one.version}>
                  {[
                    `v${one.version}`,
                    ...one.aliases.map(each => `@${each}`),
                    ...one.metrics.slice(0, METRICS).map(({ key, value }) => `${key} ${formatMetric(value)}`)
                  ].join('  ')}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field
        label={trans.__('Why')}
        hint={
          current?.way === 'request'
            ? trans.__('Whoever approves it reads this.')
            : trans.__('Kept in the history of the alias.')
        }
      >
        {id => (
          <textarea
            id={id}
            className="jp-mod-styled"
            rows={2}
            maxLength={2000}
            value={move.why}
            onChange={event => change({ ...move, why: event.target.value })}
          />
        )}
      </Field>
      <div aria-live="polite" className="jp-Insighter-Way">
        {current && <Way check={current} />}
        {error !== null && <ErrorNote error={error} />}
      </div>
    </>
  );
}

/** What a move takes, and whether it holds. */
function Way({ check }: { check: AliasCheck }): JSX.Element | null {
  const { trans } = useUi();
  const { gates, passed, needed } = check;
  if (!check.protected) {
    return null;
  }
  return (
    <>
      <p>
        <Lock /> {trans.__('Protected: %1', protectionText({ ...check, gates: [] }, trans))}
      </p>
      <GateList gates={gates} />
      <p>
        {!passed
          ? trans.__('A gate does not hold, so this version cannot have the alias.')
          : check.way === 'request'
            ? trans._n(
                'It moves when %1 person has approved it.',
                'It moves when %1 people have approved it.',
                Math.max(1, needed)
              )
            : check.way === 'move' && check.approvals > 0
              ? trans.__('Nobody else has the role: you move it alone.')
              : ''}
      </p>
    </>
  );
}
