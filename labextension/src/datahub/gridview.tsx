import { Widget } from '@lumino/widgets';
import { MessageLoop } from '@lumino/messaging';
import * as React from 'react';

import { ApiError } from '../api';
import { Button, ErrorNote, formatNumber, useUi } from '../components';
import { COPY_ROWS, DatasetGrid } from './grid';
import { type Cell, cellText, type DatasetRows, isNumeric } from './rows';

/** Rows in a page of the table. */
const PAGE = 100;

/** The rows as a canvas grid, for the eye and the mouse; the cell the cursor is on is told in words, too. */
export function GridView({ rows }: { rows: DatasetRows }): JSX.Element {
  const { trans } = useUi();
  const host = React.useRef<HTMLDivElement>(null);
  const [error, setError] = React.useState<Error | null>(null);
  const [cell, setCell] = React.useState('');

  // not `useEffect`: React would take the host out of the page first, and the grid could not be detached from it
  React.useLayoutEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const problem = (reason: Error) =>
      setError(
        reason instanceof RangeError
          ? new ApiError({
              status: -1,
              code: 'too_much',
              message: trans.__('More than %1 rows are too many for the clipboard.', formatNumber(COPY_ROWS)),
              hint: trans.__('Select fewer rows, or download the version.')
            })
          : reason
      );
    const grid = new DatasetGrid(rows, problem);
    const onFailed = (_: DatasetRows, reason: Error | null) => setError(reason);
    rows.failed.connect(onFailed);
    const { selectionModel } = grid;
    const onSelection = () => {
      const row = selectionModel?.cursorRow ?? -1;
      const column = selectionModel?.cursorColumn ?? -1;
      if (row >= 0 && column >= 0) {
        const value = cellText(rows.data('body', row, column));
        setCell(trans.__('Row %1, %2: %3', formatNumber(row + 1), rows.columns[column].name, value));
      }
    };
    selectionModel?.changed.connect(onSelection);
    rows.loaded.connect(onSelection);
    grid.viewport.node.tabIndex = 0;
    grid.viewport.node.setAttribute('role', 'application');
    grid.viewport.node.setAttribute(
      'aria-label',
      trans.__(
        'Grid of %1 rows. The arrow keys move the cursor; the same rows can be shown as a table.',
        rows.total
      )
    );
    Widget.attach(grid, node);
    const sizes = new ResizeObserver(() => MessageLoop.sendMessage(grid, Widget.ResizeMessage.UnknownSize));
    sizes.observe(node);
    const themes = new MutationObserver(() => grid.restyle());
    themes.observe(document.body, { attributeFilter: ['data-jp-theme-name'] });
    return () => {
      themes.disconnect();
      sizes.disconnect();
      rows.failed.disconnect(onFailed);
      selectionModel?.changed.disconnect(onSelection);
      rows.loaded.disconnect(onSelection);
      grid.dispose();
    };
  }, [rows, trans]);

  return (
    <div className="jp-Insighter-GridView">
      {error && <ErrorNote error={error} onRetry={() => rows.retry()} />}
      <div className="jp-Insighter-GridView-host" ref={host} />
      <div className="jp-Insighter-hidden" role="status">
        {cell}
      </div>
    </div>
  );
}

/** The rows as a table of the page's own, page by page: for screen readers, and to find and select text in. */
export function TableView({ rows }: { rows: DatasetRows }): JSX.Element {
  const { trans } = useUi();
  const [offset, setOffset] = React.useState(0);
  const [attempt, setAttempt] = React.useState(0);
  const [page, setPage] = React.useState<ReadonlyArray<ReadonlyArray<Cell>> | null>(null);
  const [error, setError] = React.useState<unknown>(null);

  React.useEffect(() => {
    let current = true;
    rows.rows(offset, PAGE).then(
      found => {
        if (current) {
          setPage(found);
          setError(null);
        }
      },
      (reason: unknown) => {
        if (current) {
          setError(reason);
        }
      }
    );
    return () => {
      current = false;
    };
  }, [rows, offset, attempt]);

  const last = Math.min(offset + PAGE, rows.total);
  return (
    <div className="jp-Insighter-TableView">
      {error !== null && <ErrorNote error={error} onRetry={() => setAttempt(number => number + 1)} />}
      <div className="jp-Insighter-TableView-bar">
        <Button disabled={offset === 0} onClick={() => setOffset(Math.max(0, offset - PAGE))}>
          {trans.__('Previous')}
        </Button>
        <span role="status">
          {rows.total === 0
            ? trans.__('No rows')
            : trans.__(
                'Rows %1 to %2 of %3',
                formatNumber(offset + 1),
                formatNumber(last),
                formatNumber(rows.total)
              )}
        </span>
        <Button disabled={last >= rows.total} onClick={() => setOffset(offset + PAGE)}>
          {trans.__('Next')}
        </Button>
      </div>
      <div className="jp-Insighter-TableView-scroll" tabIndex={0} role="region" aria-label={trans.__('Rows')}>
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Row')}</th>
              {rows.columns.map(({ name, type }) => (
                <th key={name} scope="col" className={isNumeric(type) ? 'jp-mod-number' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {page?.map((row, index) => (
              <tr key={index}>
                <th scope="row">{formatNumber(offset + index + 1)}</th>
                {row.map((value, at) => (
                  <td
                    key={at}
                    className={`${isNumeric(rows.columns[at].type) ? 'jp-mod-number' : ''}${
                      value === null ? ' jp-mod-null' : ''
                    }`}
                  >
                    {cellText(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
