import { useSyncExternalStore } from 'react';

import { formatRelative, formatTime } from './format';

const PERIOD = 20_000;

/** One clock for all the times on the screen; it stands while nobody looks. */
const listeners = new Set<() => void>();
let timer: number | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    if (!document.hidden) {
      now = Date.now();
      listeners.forEach(each => each());
    }
  }, PERIOD);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

/** How long ago a time is, kept current; the exact time on hover. */
export function RelativeTime(props: { time: string }): JSX.Element {
  const tick = useSyncExternalStore(subscribe, () => now);
  return (
    <time dateTime={props.time} title={formatTime(props.time)}>
      {formatRelative(props.time, Math.max(tick, Date.parse(props.time)))}
    </time>
  );
}
