import * as React from 'react';

import type { AliasMove } from '../api';
import { Button, ErrorNote, RelativeTime } from '../components';
import { useHost, useRevision } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import { gateText } from './gates';
import type { RegisteredModelModel } from './model';

/** Who moved which alias, when and why; newest first. */
export function AliasHistory({ model }: { model: RegisteredModelModel }): JSX.Element | null {
  const { trans } = useHost();
  const revision = useRevision();
  const [moves, { value, error }] = useOwnResource(() => model.moves(), model.name, revision);
  const [older, setOlder] = React.useState<ReadonlyArray<AliasMove>>([]);
  const [cursor, setCursor] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<unknown>(null);
  React.useEffect(() => {
    setOlder([]);
    setCursor(value?.cursor ?? null);
  }, [value]);

  const more = async () => {
    if (cursor === null) {
      return;
    }
    setProblem(null);
    try {
      const page = await model.olderMoves(cursor);
      setOlder([...older, ...page.items]);
      setCursor(page.cursor);
    } catch (reason) {
      setProblem(reason);
    }
  };

  if (error) {
    return <ErrorNote error={error} onRetry={() => void moves.refresh()} />;
  }
  if (!value || value.items.length === 0) {
    return null;
  }
  const spot = (version: number | null) => (version === null ? '–' : `v${version}`);
  return (
    <>
      <h2 className="jp-Insighter-Heading">{trans.__('History')}</h2>
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('When')}</th>
            <th scope="col">{trans.__('Alias')}</th>
            <th scope="col">{trans.__('From, to')}</th>
            <th scope="col">{trans.__('By')}</th>
            <th scope="col">{trans.__('Why')}</th>
          </tr>
        </thead>
        <tbody>
          {[...value.items, ...older].map((move, index) => (
            <tr key={index}>
              <td>
                <RelativeTime time={move.at} />
              </td>
              <th scope="row">@{move.alias}</th>
              <td>
                {spot(move.before)} → {spot(move.version)}
              </td>
              <td className="jp-mod-wrap">
                {move.by}
                {move.asked_by && (
                  <div className="jp-Insighter-Quiet">{trans.__('asked by %1', move.asked_by)}</div>
                )}
              </td>
              <td className="jp-mod-wrap">
                {move.why}
                {move.gates.length > 0 && (
                  <div className="jp-Insighter-Quiet">
                    {move.gates.map(gate => `${gateText(gate, trans)} (${String(gate.found)})`).join(' · ')}
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {problem !== null && <ErrorNote error={problem} />}
      {cursor !== null && <Button onClick={() => void more()}>{trans.__('Show older ones')}</Button>}
    </>
  );
}
