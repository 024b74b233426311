import * as React from 'react';

import { ApiError } from '../api';
import { Button, RelativeTime, useUi } from '../components';

/** What somebody else wrote while one edited the same. */
export interface IMeanwhile {
  theirs: string;
  /** Who it was; null where that is not known. */
  by: string | null;
  at: string;
}

/** What an error tells of it; null where it is another error. */
export function meanwhileOf(reason: unknown): IMeanwhile | null {
  if (!(reason instanceof ApiError) || reason.code !== 'changed_meanwhile') {
    return null;
  }
  const { theirs, by, at } = reason.details as IMeanwhile;
  return { theirs, by, at };
}

/** How it stands with saving something that others may change meanwhile. */
export interface ISaving {
  /** What it is saved over. */
  readonly before: string;
  /** What others wrote, as long as it is not chosen what to make of it. */
  readonly meanwhile: IMeanwhile | null;
  /** Why else it was not saved. */
  readonly error: unknown;
  readonly busy: boolean;
  readonly save: () => Promise<void>;
  /** It is chosen. */
  readonly settle: () => void;
}

/**
 * Save something over what was there when its editing began, whatever came meanwhile; and once what others wrote was shown,
 * over that.
 */
export function useSaving(
  began: string,
  save: (before: string) => Promise<void>,
  onDone: () => void,
  onClash?: (error: ApiError) => void
): ISaving {
  const [before, setBefore] = React.useState(began);
  const [meanwhile, setMeanwhile] = React.useState<IMeanwhile | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const saved = async () => {
    setBusy(true);
    setError(null);
    setMeanwhile(null);
    try {
      await save(before);
      onDone();
    } catch (reason) {
      const told = meanwhileOf(reason);
      setMeanwhile(told);
      if (told) {
        setBefore(told.theirs);
        onClash?.(reason as ApiError);
      } else {
        setError(reason);
      }
      setBusy(false);
    }
  };
  return { before, meanwhile, error, busy, save: saved, settle: () => setMeanwhile(null) };
}

/** Both texts, and what to make of them; nothing is saved by it. */
export function Meanwhile(props: {
  meanwhile: IMeanwhile;
  /** What one typed oneself. */
  mine: string;
  /** The text that is to be saved. */
  onChoose: (text: string) => void;
  /** Whether the two can stand below each other. */
  mergeable?: boolean;
}): JSX.Element {
  const { meanwhile, mine, onChoose } = props;
  const { trans } = useUi();
  const { theirs, by, at } = meanwhile;
  return (
    <div className="jp-Insighter-Meanwhile" role="alert">
      <p>
        {by
          ? trans.__('%1 changed this while you edited it. Nothing is lost: yours is in the field.', by)
          : trans.__('This was changed while you edited it. Nothing is lost: yours is in the field.')}{' '}
        <RelativeTime time={at} />
      </p>
      <pre tabIndex={0} aria-label={trans.__('What is there now')}>
        {theirs || trans.__('(nothing)')}
      </pre>
      <div className="jp-Insighter-Buttons">
        <Button onClick={() => onChoose(mine)}>{trans.__('Keep mine')}</Button>
        <Button onClick={() => onChoose(theirs)}>{trans.__('Take theirs')}</Button>
        {props.mergeable && theirs && (
          <Button onClick={() => onChoose(`${theirs}\n\n${mine}`)}>{trans.__('Put both together')}</Button>
        )}
      </div>
    </div>
  );
}
