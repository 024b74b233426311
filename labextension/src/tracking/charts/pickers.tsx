import * as React from 'react';

import { useUi } from '../../components';
import { type Column, columnName } from './axes';

interface ISelectProps {
  label: string;
  columns: ReadonlyArray<Column>;
  value: Column;
  onChange: (column: Column) => void;
}

/** One of the runs' parameters and metrics. */
export function ColumnSelect({ label, columns, value, onChange }: ISelectProps): JSX.Element {
  const { trans } = useUi();
  const group = (prefix: string, title: string) => {
    const own = columns.filter(column => column.startsWith(prefix));
    return (
      own.length > 0 && (
        <optgroup label={title}>
          {own.map(column => (
            <option key={column} value={column}>
              {columnName(column)}
            </option>
          ))}
        </optgroup>
      )
    );
  };
  return (
    <label className="jp-Insighter-Control">
      {label}
      <select className="jp-Insighter-Select" value={value} onChange={event => onChange(event.target.value)}>
        {group('metrics.', trans.__('Metrics'))}
        {group('params.', trans.__('Parameters'))}
      </select>
    </label>
  );
}

interface IPickerProps {
  label: string;
  columns: ReadonlyArray<Column>;
  chosen: ReadonlyArray<Column>;
  onChange: (columns: Column[]) => void;
}

/** Rows of a list to tick that are drawn at once. */
const SHOWN = 200;

/** Some of the runs' parameters and metrics, ticked in a list that unfolds. */
export function ColumnPicker({ label, columns, chosen, onChange }: IPickerProps): JSX.Element {
  const { trans } = useUi();
  const [find, setFind] = React.useState('');
  const place = React.useRef<HTMLDetailsElement>(null);
  const words = find.toLowerCase();
  const found = columns.filter(column => column.toLowerCase().includes(words));
  return (
    <details
      ref={place}
      className="jp-Insighter-Picker"
      onKeyDown={event => {
        if (event.key === 'Escape' && place.current?.open) {
          event.stopPropagation();
          place.current.open = false;
          place.current.querySelector('summary')?.focus();
        }
      }}
      onBlur={event => {
        if (place.current && !place.current.contains(event.relatedTarget)) {
          place.current.open = false;
        }
      }}
    >
      <summary>{trans.__('%1 (%2)', label, chosen.length)}</summary>
      <div className="jp-Insighter-Picker-list" role="group" aria-label={label} tabIndex={-1}>
        {columns.length > 12 && (
          <input
            className="jp-Insighter-Control-text"
            type="search"
            placeholder={trans.__('Find')}
            aria-label={trans.__('Find')}
            value={find}
            onChange={event => setFind(event.target.value)}
          />
        )}
        {found.slice(0, SHOWN).map(column => (
          <label key={column} className="jp-Insighter-Control">
            <input
              type="checkbox"
              checked={chosen.includes(column)}
              onChange={event =>
                onChange(event.target.checked ? [...chosen, column] : chosen.filter(one => one !== column))
              }
            />
            {columnName(column)}
            <span className="jp-Insighter-Quiet">
              {column.startsWith('metrics.') ? trans.__('metric') : trans.__('parameter')}
            </span>
          </label>
        ))}
        {found.length > SHOWN && (
          <p className="jp-Insighter-Quiet">
            {trans.__('%1 more: type a part of the name', found.length - SHOWN)}
          </p>
        )}
      </div>
    </details>
  );
}
