import * as React from 'react';

import type { Compared, ComparedGroup, RegisteredModelDetail } from '../api';
import { Button, ErrorNote, formatBytes, formatMetric } from '../components';
import { useHost, useRevision } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import type { RegisteredModelModel } from './model';

interface ICompareProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  left: number;
  right: number;
  onCompare: (left: number, right: number) => void;
  onBack: () => void;
}

/** Two versions side by side; what differs is marked, and nothing else is shown unless asked for. */
export function Compare(props: ICompareProps): JSX.Element {
  const { model, left, right, onCompare, onBack } = props;
  const { trans } = useHost();
  const revision = useRevision();
  const [comparison, { value, error }] = useOwnResource(
    () => model.comparison(left, right),
    `${model.name}/${left}/${right}`,
    revision
  );
  const [all, setAll] = React.useState(false);
  const differing = value?.groups.reduce((sum, group) => sum + group.differing, 0) ?? 0;
  return (
    <>
      <div className="jp-Insighter-Headline">
        <span className="jp-Insighter-Buttons">
          <Button onClick={onBack}>{trans.__('← All versions')}</Button>
          <Choice
            {...props}
            label={trans.__('The one version')}
            version={left}
            onChange={one => onCompare(one, right)}
          />
          <Button title={trans.__('Swap the two')} onClick={() => onCompare(right, left)}>
            ⇄
          </Button>
          <Choice
            {...props}
            label={trans.__('The other version')}
            version={right}
            onChange={one => onCompare(left, one)}
          />
        </span>
        <label className="jp-Insighter-Check">
          <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
          <span>{trans.__('What is the same too')}</span>
        </label>
      </div>
      {error && <ErrorNote error={error} onRetry={() => void comparison.refresh()} />}
      {!value && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      {value && differing === 0 && (
        <p className="jp-Insighter-Quiet">{trans.__('The two do not differ in anything that is known.')}</p>
      )}
      {value?.groups.map(group => (
        <Group key={group.name} group={group} left={left} right={right} all={all} />
      ))}
    </>
  );
}

function Choice(
  props: ICompareProps & { label: string; version: number; onChange: (version: number) => void }
): JSX.Element {
  const { trans } = useHost();
  return (
    <select
      className="jp-Insighter-Select"
      aria-label={props.label}
      value={props.version}
      onChange={event => props.onChange(Number(event.target.value))}
    >
      {props.detail.history.map(one => (
        <option key={one.version} value={one.version}>
          {[trans.__('version %1', one.version), ...one.aliases.map(alias => `@${alias}`)].join(' ')}
        </option>
      ))}
    </select>
  );
}

function Group(props: {
  group: ComparedGroup;
  left: number;
  right: number;
  all: boolean;
}): JSX.Element | null {
  const { group, left, right, all } = props;
  const { trans } = useHost();
  const rows = all ? group.rows : group.rows.filter(({ differs }) => differs);
  if (rows.length === 0) {
    return null;
  }
  const titles: Readonly<Record<ComparedGroup['name'], string>> = {
    facts: trans.__('Facts'),
    metrics: trans.__('Metrics'),
    params: trans.__('Parameters'),
    inputs: trans.__('Inputs'),
    outputs: trans.__('Outputs'),
    datasets: trans.__('Datasets'),
    requirements: trans.__('Requirements'),
    files: trans.__('Files')
  };
  const measured = group.name === 'metrics';
  return (
    <section aria-label={titles[group.name]}>
      <h2 className="jp-Insighter-Heading">
        {titles[group.name]}{' '}
        <span className="jp-Insighter-Tabs-count">
          {trans._n('%1 differs', '%1 differ', group.differing)}
        </span>
      </h2>
      <table className="jp-Insighter-Table jp-Insighter-Compare">
        <thead>
          <tr>
            <th scope="col">
              <span className="jp-Insighter-hidden">{trans.__('Differs')}</span>
            </th>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">v{left}</th>
            <th scope="col">v{right}</th>
            {measured && <th scope="col">{trans.__('Change')}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={`${row.key}/${row.dataset ?? ''}`} data-differs={row.differs}>
              <td>
                {row.differs && (
                  <>
                    <span aria-hidden="true">≠</span>
                    <span className="jp-Insighter-hidden">{trans.__('differs')}</span>
                  </>
                )}
              </td>
              <th scope="row" title={row.key}>
                {row.key}
                {row.dataset !== null && (
                  <span className="jp-Insighter-Quiet"> {trans.__('on %1', row.dataset)}</span>
                )}
              </th>
              <td className="jp-mod-wrap">{shown(group, row, row.left)}</td>
              <td className="jp-mod-wrap">{shown(group, row, row.right)}</td>
              {measured && <td>{change(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function shown(group: ComparedGroup, row: Compared, value: Compared['left']): string {
  if (value === null) {
    return '–';
  }
  if (typeof value === 'number') {
    return group.name === 'files' || row.key === 'size' ? formatBytes(value) : formatMetric(value);
  }
  return value;
}

function change({ left, right }: Compared): string {
  if (typeof left !== 'number' || typeof right !== 'number' || left === right) {
    return '';
  }
  return `${right > left ? '+' : '−'}${formatMetric(Math.abs(right - left))}`;
}
