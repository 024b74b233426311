import * as React from 'react';

import type { CellDiff, DiffLine, DiffOutput } from '../api';
import { ErrorNote } from '../components';
import { useHost } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import type { NotebookModel } from './model';
import type { IPair } from './page';

/** Lines without a change that are shown around one. */
const CONTEXT = 3;

const SIGNS: Readonly<Record<DiffLine['op'], string>> = { same: ' ', added: '+', removed: '−' };

/** What changed between two versions, cell by cell. Nothing of an output runs here: it is text, or an image. */
export function Changes({ model, pair }: { model: NotebookModel; pair: IPair }): JSX.Element {
  const { trans } = useHost();
  const { before, after } = pair;
  const [diff, { value, error }] = useOwnResource(
    () => model.diff(before, after),
    `${model.id}/${before}/${after}`,
    0
  );
  if (error) {
    return <ErrorNote error={error} onRetry={() => void diff.refresh()} />;
  }
  if (!value) {
    return <p className="jp-Insighter-Loading">{trans.__('Comparing…')}</p>;
  }
  const counts = [
    value.changed && trans._n('%1 cell changed', '%1 cells changed', value.changed),
    value.added && trans._n('%1 added', '%1 added', value.added),
    value.removed && trans._n('%1 removed', '%1 removed', value.removed)
  ].filter(Boolean);
  return (
    <div className="jp-Insighter-NotebookDiff">
      <p className="jp-Insighter-Quiet" role="status">
        {counts.length > 0 ? counts.join(' · ') : trans.__('No cell differs between these versions.')}
      </p>
      {grouped(value.cells).map(group =>
        group.length > 1 || group[0].state === 'same' ? (
          <details key={keyOf(group[0])} className="jp-Insighter-Details">
            <summary>
              {trans._n('%1 cell without a change', '%1 cells without a change', group.length)}
            </summary>
            {group.map(cell => (
              <Cell key={keyOf(cell)} cell={cell} />
            ))}
          </details>
        ) : (
          <Cell key={keyOf(group[0])} cell={group[0]} />
        )
      )}
    </div>
  );
}

/** Cells without a change that follow one another are one group; every other cell is its own. */
function grouped(cells: ReadonlyArray<CellDiff>): CellDiff[][] {
  const groups: CellDiff[][] = [];
  for (const cell of cells) {
    const last = groups.at(-1);
    if (cell.state === 'same' && last?.[0].state === 'same') {
      last.push(cell);
    } else {
      groups.push([cell]);
    }
  }
  return groups;
}

const keyOf = (cell: CellDiff): string => `${cell.before ?? ''}/${cell.after ?? ''}`;

function Cell({ cell }: { cell: CellDiff }): JSX.Element {
  const { trans } = useHost();
  const states: Readonly<Record<CellDiff['state'], string>> = {
    same: trans.__('unchanged'),
    changed: trans.__('changed'),
    added: trans.__('added'),
    removed: trans.__('removed')
  };
  const place = cell.after ?? cell.before ?? 0;
  const label = trans.__('Cell %1, %2, %3', place, cell.type, states[cell.state]);
  const sourceChanged = cell.lines.some(({ op }) => op !== 'same');
  return (
    <section className="jp-Insighter-CellDiff" data-state={cell.state} aria-label={label}>
      <header className="jp-Insighter-CellDiff-header">
        <span>
          {trans.__('Cell %1', place)} · {cell.type}
        </span>
        <span className="jp-Insighter-CellDiff-state">
          {cell.state === 'changed' && !sourceChanged
            ? trans.__('only its outputs changed')
            : states[cell.state]}
        </span>
      </header>
      <Source lines={cell.lines} whole={!sourceChanged || cell.state !== 'changed'} />
      {cell.outputs_changed && <Outputs cell={cell} />}
    </section>
  );
}

interface ISourceProps {
  lines: ReadonlyArray<DiffLine>;
  /** Whether all lines are shown; else those around a change. */
  whole: boolean;
}

function Source({ lines, whole }: ISourceProps): JSX.Element {
  const { trans } = useHost();
  const [all, setAll] = React.useState(whole);
  const near = lines.map(
    (_line, index) =>
      all || lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ op }) => op !== 'same')
  );
  const rows: JSX.Element[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    if (near[index]) {
      rows.push(<Line key={index} line={lines[index]} />);
      continue;
    }
    const next = near.indexOf(true, index);
    const hidden = (next < 0 ? lines.length : next) - index;
    rows.push(
      <button key={index} type="button" className="jp-Insighter-CellDiff-more" onClick={() => setAll(true)}>
        {trans._n('Show %1 more line', 'Show %1 more lines', hidden)}
      </button>
    );
    index += hidden - 1;
  }
  return (
    <div className="jp-Insighter-CellDiff-source" tabIndex={0} role="group" aria-label={trans.__('Source')}>
      {rows}
    </div>
  );
}

function Line({ line }: { line: DiffLine }): JSX.Element {
  const { trans } = useHost();
  const words = { same: '', added: trans.__('added:'), removed: trans.__('removed:') };
  return (
    <div className="jp-Insighter-CellDiff-line" data-op={line.op}>
      <span className="jp-Insighter-CellDiff-sign" aria-hidden="true">
        {SIGNS[line.op]}
      </span>
      {words[line.op] && <span className="jp-Insighter-hidden">{words[line.op]}</span>}
      <code>{line.text || ' '}</code>
    </div>
  );
}

function Outputs({ cell }: { cell: CellDiff }): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-CellDiff-outputs">
      {cell.state !== 'added' && (
        <OutputList
          label={trans.__('Outputs before')}
          sign={SIGNS.removed}
          op="removed"
          outputs={cell.outputs_before}
        />
      )}
      {cell.state !== 'removed' && (
        <OutputList
          label={trans.__('Outputs after')}
          sign={SIGNS.added}
          op="added"
          outputs={cell.outputs_after}
        />
      )}
    </div>
  );
}

interface IOutputListProps {
  label: string;
  sign: string;
  op: DiffLine['op'];
  outputs: ReadonlyArray<DiffOutput>;
}

function OutputList({ label, sign, op, outputs }: IOutputListProps): JSX.Element {
  const { trans } = useHost();
  return (
    <div className="jp-Insighter-CellDiff-output" data-op={op}>
      <div className="jp-Insighter-CellDiff-label">
        <span aria-hidden="true">{sign} </span>
        {label}
      </div>
      {outputs.length === 0 && <span className="jp-Insighter-Quiet">{trans.__('none')}</span>}
      {outputs.map((output, index) => (
        <Output key={index} output={output} />
      ))}
    </div>
  );
}

function Output({ output }: { output: DiffOutput }): JSX.Element {
  const { trans } = useHost();
  if (output.image) {
    // The server lets PNG, JPEG and GIF through, in base64; as an image none of them runs anything.
    return (
      <img
        src={`data:${output.type};base64,${output.image}`}
        alt={output.text || trans.__('Image without a description')}
      />
    );
  }
  if (output.kind === 'other') {
    return <span className="jp-Insighter-Quiet">{trans.__('not shown here: %1', output.type)}</span>;
  }
  return <pre data-kind={output.kind}>{output.text}</pre>;
}
