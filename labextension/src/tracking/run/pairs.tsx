import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { CodeLine, formatNumber, useUi } from '../../components';

/** So many names are searched and not only read. */
const MANY = 8;

interface IPairsProps<V> {
  pairs: ReadonlyArray<readonly [string, V]>;
  /** The heads of the columns; those of the values first. */
  head: React.ReactNode;
  row: (key: string, value: V) => React.ReactNode;
  /** What a search looks at, besides the name. */
  text: (value: V) => string;
  /** What they are: "Find parameters". */
  find: string;
}

/** Names with values, by name, and a field to find one in. */
export function Pairs<V>({ pairs, head, row, text, find }: IPairsProps<V>): JSX.Element {
  const { trans } = useUi();
  const [wanted, setWanted] = React.useState('');
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const sorted = React.useMemo(
    () => [...pairs].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true })),
    [pairs]
  );
  const found = sorted.filter(([key, value]) => {
    const all = `${key} ${text(value)}`.toLowerCase();
    return words.every(word => all.includes(word));
  });
  return (
    <>
      {pairs.length > MANY && (
        <div className="jp-Insighter-Controls">
          <label className="jp-Insighter-Control">
            <searchIcon.react tag="span" width="14px" />
            <input
              className="jp-Insighter-Control-text"
              type="search"
              placeholder={find}
              aria-label={find}
              value={wanted}
              onChange={event => setWanted(event.target.value)}
            />
          </label>
          {words.length > 0 && (
            <span className="jp-Insighter-Quiet" role="status">
              {trans.__('%1 of %2', formatNumber(found.length), formatNumber(pairs.length))}
            </span>
          )}
        </div>
      )}
      <table className="jp-Insighter-Table">
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody>{found.map(([key, value]) => row(key, value))}</tbody>
      </table>
    </>
  );
}

/** What stands where there is nothing. */
export function Nothing({ text, code }: { text: string; code?: string }): JSX.Element {
  return (
    <div className="jp-Insighter-Nothing">
      <p>{text}</p>
      {code && <CodeLine code={code} />}
    </div>
  );
}
