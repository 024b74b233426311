import * as React from 'react';

import type { ModelVersion, RegisteredModelDetail } from '../api';
import { Button, formatMetric, RelativeTime } from '../components';
import { useHost, useMay } from '../pages/host';
import { Aliases } from './aliases';
import type { RegisteredModelModel } from './model';

/** Commands of other capabilities. */
const DEPLOY = 'insighter:deploy-model';
const OPEN_RUN = 'insighter:open-run';

/** Metrics that stand in a version's row. */
const METRICS = 4;

interface IVersionsProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  onVersion: (version: number) => void;
  onCompare: (left: number, right: number) => void;
}

/** All versions, to look at one, or to choose two to compare. */
export function Versions(props: IVersionsProps): JSX.Element {
  const { detail, onCompare } = props;
  const { trans } = useHost();
  const [chosen, setChosen] = React.useState<ReadonlyArray<number>>([]);
  const there = chosen.filter(version => detail.history.some(one => one.version === version));
  const toggle = (version: number) =>
    // a third takes the place of the one before the last
    setChosen(there.includes(version) ? there.filter(one => one !== version) : [...there.slice(-1), version]);
  const [left, right] = [...there].sort((one, other) => one - other);
  return (
    <>
      {detail.history.length > 1 && (
        <div className="jp-Insighter-Headline">
          <span className="jp-Insighter-Quiet" aria-live="polite">
            {there.length < 2
              ? trans.__('Choose two versions to compare them.')
              : trans.__('v%1 and v%2 are chosen.', left, right)}
          </span>
          <Button disabled={there.length < 2} onClick={() => onCompare(left, right)}>
            {trans.__('Compare')}
          </Button>
        </div>
      )}
      <table className="jp-Insighter-Table">
        <thead>
          <tr>
            {detail.history.length > 1 && (
              <th scope="col">
                <span className="jp-Insighter-hidden">{trans.__('Compare')}</span>
              </th>
            )}
            <th scope="col">{trans.__('Version')}</th>
            <th scope="col">{trans.__('Aliases')}</th>
            <th scope="col">{trans.__('Metrics')}</th>
            <th scope="col">{trans.__('Run')}</th>
            <th scope="col">{trans.__('By')}</th>
            <th scope="col">{trans.__('When')}</th>
            <th scope="col">
              <span className="jp-Insighter-hidden">{trans.__('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {detail.history.map(version => (
            <VersionRow
              key={version.version}
              {...props}
              version={version}
              chosen={detail.history.length > 1 ? there.includes(version.version) : null}
              onToggle={() => toggle(version.version)}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

interface IVersionRowProps extends IVersionsProps {
  version: ModelVersion;
  /** Null where there is nothing to choose from. */
  chosen: boolean | null;
  onToggle: () => void;
}

function VersionRow(props: IVersionRowProps): JSX.Element {
  const { model, detail, version, chosen, onVersion, onToggle } = props;
  const { trans, commands } = useHost();
  const { project, name } = model;
  const { run_id, metrics } = version;
  const mayChange = useMay(project, 'editor');
  const number = version.version;
  return (
    <tr>
      {chosen !== null && (
        <td>
          <input
            type="checkbox"
            aria-label={trans.__('Compare version %1', number)}
            checked={chosen}
            onChange={onToggle}
          />
        </td>
      )}
      <th scope="row">
        <button
          type="button"
          className="jp-Insighter-Link"
          title={version.description || trans.__('Show what is known of version %1', number)}
          onClick={() => onVersion(number)}
        >
          v{number}
        </button>
      </th>
      <td>
        <Aliases model={model} detail={detail} version={number} own={version.aliases} />
      </td>
      <td className="jp-mod-wrap" title={metrics.map(({ key, value }) => `${key} ${value}`).join('\n')}>
        {metrics
          .slice(0, METRICS)
          .map(({ key, value }) => `${key} ${formatMetric(value)}`)
          .join(' · ')}
        {metrics.length > METRICS && ' …'}
      </td>
      <td>
        {run_id && (
          <button
            type="button"
            className="jp-Insighter-Link"
            title={trans.__('Open the run %1', run_id)}
            onClick={() => void commands.execute(OPEN_RUN, { project, id: run_id })}
          >
            {run_id.slice(0, 8)}
          </button>
        )}
      </td>
      <td>{version.created_by}</td>
      <td>
        <RelativeTime time={version.created_at} />
      </td>
      <td>
        {mayChange && (
          <Button
            title={trans.__('Deploy version %1', number)}
            onClick={() => void commands.execute(DEPLOY, { project, model: name, version: number })}
          >
            {trans.__('Deploy…')}
          </Button>
        )}
      </td>
    </tr>
  );
}
