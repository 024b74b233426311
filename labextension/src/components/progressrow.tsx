import { closeIcon } from '@jupyterlab/ui-components';

import { useUi } from './context';
import { IconButton } from './iconbutton';

/** Work that goes on: what, how far (between 0 and 1; null when nobody knows), and a way to cancel it. */
export function ProgressRow(props: {
  label: string;
  fraction: number | null;
  detail?: string;
  onCancel?: () => void;
}): JSX.Element {
  const { trans } = useUi();
  const { label, fraction, detail, onCancel } = props;
  const percent = fraction === null ? null : Math.round(Math.min(1, Math.max(0, fraction)) * 100);
  return (
    <div className="jp-Insighter-ProgressRow">
      <div className="jp-Insighter-ProgressRow-text">
        <span className="jp-Insighter-ProgressRow-label" title={label}>
          {label}
        </span>
        <span className="jp-Insighter-ProgressRow-detail">
          {detail ?? (percent === null ? '' : `${percent} %`)}
        </span>
        {onCancel && (
          <IconButton icon={closeIcon} label={trans.__('Cancel “%1”', label)} onClick={onCancel} />
        )}
      </div>
      <div
        className="jp-Insighter-ProgressRow-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        data-unknown={percent === null ? '' : undefined}
      >
        <div
          className="jp-Insighter-ProgressRow-bar"
          style={percent === null ? {} : { width: `${percent}%` }}
        />
      </div>
    </div>
  );
}
