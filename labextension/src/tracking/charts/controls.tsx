import * as React from 'react';

import { useUi } from '../../components';
import type { XAxis } from './series';

/** How curves are drawn. */
export interface ILook {
  /** Weight of the past in the average, 0 for none. */
  readonly smoothing: number;
  readonly log: boolean;
  readonly axis: XAxis;
}

/** What was chosen last is how the next page begins. */
let last: ILook = { smoothing: 0, log: false, axis: 'step' };

export function useLook(): [ILook, (look: ILook) => void] {
  const [look, setLook] = React.useState(last);
  return [
    look,
    next => {
      last = next;
      setLook(next);
    }
  ];
}

/** Smoothing, scale and axis of curves. */
export function LookControls(props: { look: ILook; onChange: (look: ILook) => void }): JSX.Element {
  const { look, onChange } = props;
  const { trans } = useUi();
  return (
    <>
      <label className="jp-Insighter-Control">
        {trans.__('Smoothing')}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={look.smoothing}
          onChange={event => onChange({ ...look, smoothing: Number(event.target.value) })}
        />
        <output>{look.smoothing.toFixed(2)}</output>
      </label>
      <label className="jp-Insighter-Control">
        <input
          type="checkbox"
          checked={look.log}
          onChange={event => onChange({ ...look, log: event.target.checked })}
        />
        {trans.__('Log scale')}
      </label>
      <label className="jp-Insighter-Control">
        {trans.__('Over')}
        <select
          className="jp-Insighter-Select"
          value={look.axis}
          onChange={event => onChange({ ...look, axis: event.target.value as XAxis })}
        >
          <option value="step">{trans.__('Steps')}</option>
          <option value="relative">{trans.__('Time since the start')}</option>
          <option value="time">{trans.__('Time of day')}</option>
        </select>
      </label>
    </>
  );
}
