import { filterIcon, type LabIcon, userIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IActivityFilter, Message } from '../api';
import type { IAssets } from '../assets/tokens';
import type { IBus } from '../bus/tokens';
import { IconButton, RelativeTime } from '../components';
import { useHost } from '../pages/host';
import { insighterIcon } from '../projects/icons';
import type { IProjects } from '../projects/tokens';
import { Feed, type IFeedState } from './feed';
import { eventOf, sentence } from './sentences';

/** A feed of the component's own, made again when what it is about changes. */
export function useFeed(
  services: { bus: IBus; projects: IProjects },
  project: string,
  filter: IActivityFilter,
  size?: number
): [Feed | null, IFeedState] {
  const [feed, setFeed] = React.useState<Feed | null>(null);
  const { bus, projects } = services;
  const { person, kind, key } = filter;
  React.useEffect(() => {
    const made = new Feed({ bus, projects, project, filter: { person, kind, key }, size });
    setFeed(made);
    return () => made.dispose();
  }, [bus, projects, project, person, kind, key, size]);
  const state = React.useSyncExternalStore(
    React.useCallback((notify: () => void) => feed?.subscribe(notify) ?? (() => undefined), [feed]),
    () => feed?.snapshot() ?? NOTHING
  );
  return [feed, state];
}

const NOTHING: IFeedState = { items: null, error: null, more: false, loading: true };

/** The icon of a kind of asset, of people, or of the project. */
export function kindIcon(kind: string, assets: IAssets): LabIcon {
  return assets.kind(kind)?.icon ?? (kind === 'member' ? userIcon : insighterIcon);
}

/** What happened, as rows: who did what to what, and when. */
export function EventList(props: {
  items: ReadonlyArray<Message>;
  project: string;
  label: string;
  /** Show what happened to one asset alone. */
  onAsset?: (kind: string, key: string) => void;
}): JSX.Element {
  return (
    <ol className="jp-Insighter-Events" aria-label={props.label}>
      {props.items.map(message => (
        <EventRow key={message.id} message={message} project={props.project} onAsset={props.onAsset} />
      ))}
    </ol>
  );
}

const EventRow = React.memo(function EventRow(props: {
  message: Message;
  project: string;
  onAsset?: (kind: string, key: string) => void;
}): JSX.Element {
  const { message, project, onAsset } = props;
  const { assets, trans } = useHost();
  const event = eventOf(message);
  const { parts, fact } = sentence(event, trans);
  const Icon = kindIcon(event.kind, assets);
  const { key } = event;
  const open =
    key !== null && assets.kind(event.kind)
      ? () => void assets.open({ project, kind: event.kind, key })
      : null;
  const slots = {
    who: <span className="jp-Insighter-Event-who">{message.actorname ?? trans.__('someone')}</span>,
    what: open ? (
      <button type="button" className="jp-Insighter-Link" onClick={open}>
        {event.name}
      </button>
    ) : (
      <span className="jp-Insighter-Event-what">{event.name}</span>
    ),
    fact: <span className="jp-Insighter-Event-fact">{fact}</span>
  };
  return (
    <li className="jp-Insighter-Event">
      <Icon.react tag="span" className="jp-Insighter-Event-icon" elementSize="normal" />
      <span className="jp-Insighter-Event-text">
        {parts.map((part, index) => (
          <React.Fragment key={index}>{'text' in part ? part.text : slots[part.slot]}</React.Fragment>
        ))}
        {message.actorkind === 'kernel' && (
          <span className="jp-Insighter-Quiet"> {trans.__('from a notebook')}</span>
        )}
      </span>
      {open && onAsset && key !== null && (
        <span className="jp-Insighter-Event-only">
          <IconButton
            icon={filterIcon}
            label={trans.__('Only what happened to %1', event.name)}
            onClick={() => onAsset(event.kind, key)}
          />
        </span>
      )}
      <span className="jp-Insighter-Event-when">
        <RelativeTime time={message.time} />
      </span>
    </li>
  );
});
