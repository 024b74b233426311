import * as React from 'react';

import type { Notification } from '../api';
import { Button, EmptyState, ErrorNote, RelativeTime } from '../components';
import { useHost } from '../pages/host';
import type { Inbox } from './inbox';
import { kindIcon } from './rows';
import { notificationText, openNotification } from './notifying';

/** What is for the person, of all projects. */
export function ForYou({ inbox }: { inbox: Inbox }): JSX.Element {
  const { trans } = useHost();
  const { items, unread, error, more } = React.useSyncExternalStore(inbox.subscribe, inbox.snapshot);
  return (
    <div className="jp-Insighter-Scroll">
      {error && <ErrorNote error={error} onRetry={() => void inbox.reload()} />}
      {!items && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      {items?.length === 0 && (
        <EmptyState
          text={trans.__(
            'Nothing for you yet. You are told when somebody mentions you, and when something is said about what you made or spoke of.'
          )}
        />
      )}
      {unread > 0 && (
        <div className="jp-Insighter-Buttons">
          <Button onClick={() => void inbox.read(null)}>{trans.__('Mark all as read')}</Button>
        </div>
      )}
      {items && items.length > 0 && (
        <ol className="jp-Insighter-Events" aria-label={trans.__('For you')}>
          {items.map(item => (
            <Item key={item.id} item={item} inbox={inbox} />
          ))}
        </ol>
      )}
      {more && <Button onClick={() => void inbox.older()}>{trans.__('Show older ones')}</Button>}
    </div>
  );
}

function Item({ item, inbox }: { item: Notification; inbox: Inbox }): JSX.Element {
  const host = useHost();
  const { assets, trans } = host;
  const Icon = kindIcon(item.asset?.kind ?? '', assets);
  const unread = item.read_at === null;
  return (
    <li className="jp-Insighter-Event" data-unread={unread ? '' : undefined}>
      <Icon.react tag="span" className="jp-Insighter-Event-icon" elementSize="normal" />
      <span className="jp-Insighter-Event-text">
        <button
          type="button"
          className="jp-Insighter-Link"
          onClick={() => void openNotification(item, inbox, host)}
        >
          {notificationText(item, trans)}
        </button>
        {unread && <span className="jp-Insighter-Event-new"> {trans.__('new')}</span>}
        <span className="jp-Insighter-Event-excerpt">
          {item.project}
          {item.excerpt && ` · ${item.excerpt.replace(/@\[([^\]\n]+)\]\([0-9a-f-]{36}\)/g, '@$1')}`}
        </span>
      </span>
      <span className="jp-Insighter-Event-when">
        <RelativeTime time={item.created_at} />
      </span>
    </li>
  );
}
