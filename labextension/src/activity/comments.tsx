import { deleteIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { activity as api, ApiError, type Comment, type Somebody } from '../api';
import type { IAssetRef, IAssetTabProps } from '../assets/tokens';
import { Button, EmptyState, ErrorNote, IconButton, notifyError, RelativeTime } from '../components';
import { HostProvider, type IHost, useHost, useMay, useRevision } from '../pages/host';
import { Resource, useOwnResource } from '../pages/resource';
import { Composer, EMPTY, type IDraft } from './composer';
import { Markdown } from './markdown';
import { typed } from './mentions';
import { EventList, useFeed } from './rows';
import { eventOf } from './sentences';
import type { IServices } from './services';

/** How many are loaded at first, and how many more each time. */
const PAGE = 50;

/** What was begun and not sent, by asset: another tab, or a reload, loses none of it. */
const DRAFTS = 'insighter:draft:';

/** Drafts are nobody else's: they go with whoever wrote them. */
export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage).filter(name => name.startsWith(DRAFTS))) {
    sessionStorage.removeItem(key);
  }
}

interface ITabProps extends IAssetTabProps {
  host: IHost;
  services: IServices;
}

/** What happened to an asset. */
export function ActivityTab({ asset, host, services }: ITabProps): JSX.Element {
  const { trans } = host;
  const { project, kind, key } = asset;
  const [feed, { items, error, more, loading }] = useFeed(
    { bus: services.bus, projects: host.projects },
    project,
    { kind, key }
  );
  return (
    <HostProvider host={host}>
      <div className="jp-Insighter-Scroll">
        {error && <ErrorNote error={error} onRetry={() => void feed?.reload()} />}
        {items && items.length > 0 && (
          <EventList items={items} project={project} label={trans.__('What happened to it')} />
        )}
        {items?.length === 0 && <EmptyState text={trans.__('Nothing happened to it yet.')} />}
        {more && (
          <Button disabled={loading} onClick={() => void feed?.older()}>
            {trans.__('Show older ones')}
          </Button>
        )}
      </div>
    </HostProvider>
  );
}

/** What is said about an asset. */
export function CommentsTab({ asset, host, services }: ITabProps): JSX.Element {
  return (
    <HostProvider host={host}>
      <Comments key={`${asset.project}/${asset.kind}/${asset.key}`} asset={asset} services={services} />
    </HostProvider>
  );
}

function Comments({ asset, services }: { asset: IAssetRef; services: IServices }): JSX.Element {
  const { trans, projects } = useHost();
  const { bus } = services;
  const { project, kind, key } = asset;
  const length = React.useRef(PAGE);
  const elsewhere = useRevision();
  const [told, next] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const heard = bus.subscribe('activity', message => {
      const event = eventOf(message);
      if (event.verb.startsWith('comment') && event.kind === kind && event.key === key) {
        next();
      }
    });
    bus.began.connect(next);
    return () => {
      heard.dispose();
      bus.began.disconnect(next);
    };
  }, [bus, kind, key]);
  // the bus tells of the open project; of another one it is known that something may have happened
  const revision = bus.live && projects.current?.id === project ? told : told + elsewhere;
  const [list, { value, error }] = useOwnResource(
    () => new Resource(() => api.comments(asset, null, length.current)),
    '',
    revision
  );
  const people = usePeople(asset);
  const [draft, setDraft] = useDraft(asset);
  const [gone, setGone] = React.useState<Comment | null>(null);
  const mayManage = useMay(project, 'admin');
  const maySpeak = useMay(project, 'viewer') && projects.find(project)?.member !== false;
  const end = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const watching = services.inbox.watch({ project, kind, key }, () => !!end.current?.offsetParent);
    return () => watching.dispose();
  }, [services.inbox, project, kind, key]);
  const newest = value?.items[0]?.id;
  React.useEffect(() => {
    if (newest !== undefined) {
      end.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [newest]);

  const remove = async (comment: Comment): Promise<void> => {
    try {
      await api.remove(project, comment.id);
      setGone(comment);
      await list.refresh();
    } catch (reason) {
      notifyError(reason);
    }
  };
  const bringBack = async (comment: Comment): Promise<void> => {
    try {
      await api.restore(project, comment.id);
      setGone(null);
      await list.refresh();
    } catch (reason) {
      notifyError(reason);
    }
  };

  if (error instanceof ApiError && error.code === 'members_only') {
    return <EmptyState text={trans.__('The members of the project see and write comments.')} />;
  }
  return (
    <div className="jp-Insighter-Scroll jp-Insighter-Comments">
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value?.cursor && (
        <Button
          onClick={() => {
            length.current += PAGE;
            void list.refresh();
          }}
        >
          {trans.__('Show earlier ones')}
        </Button>
      )}
      {value?.items.length === 0 && (
        <EmptyState
          text={trans.__('Nothing was said yet. Ask, note what you found, mention who should know.')}
        />
      )}
      {value && value.items.length > 0 && (
        <ol className="jp-Insighter-CommentList" aria-label={trans.__('Comments')}>
          {[...value.items].reverse().map(comment => (
            <CommentItem
              key={comment.id}
              comment={comment}
              project={project}
              people={people}
              services={services}
              mayDelete={maySpeak && (comment.mine || mayManage)}
              mayEdit={maySpeak && comment.mine}
              onDelete={() => void remove(comment)}
              onEdited={() => void list.refresh()}
            />
          ))}
        </ol>
      )}
      {gone && (
        <p className="jp-Insighter-Quiet" role="status">
          {trans.__('The comment was deleted.')}{' '}
          <button type="button" className="jp-Insighter-Link" onClick={() => void bringBack(gone)}>
            {trans.__('Undo')}
          </button>
        </p>
      )}
      {maySpeak ? (
        <Composer
          label={trans.__('Comment')}
          accept={trans.__('Comment')}
          draft={draft}
          onDraft={setDraft}
          people={people}
          onSend={async body => {
            await api.comment(asset, body);
            setDraft(EMPTY);
            await list.refresh();
          }}
        />
      ) : (
        <p className="jp-Insighter-Quiet">{trans.__('The project is archived: nothing is said any more.')}</p>
      )}
      <div ref={end} />
    </div>
  );
}

function CommentItem(props: {
  comment: Comment;
  project: string;
  people: ReadonlyArray<Somebody>;
  services: IServices;
  mayEdit: boolean;
  mayDelete: boolean;
  onDelete: () => void;
  onEdited: () => void;
}): JSX.Element {
  const { comment, project } = props;
  const { trans } = useHost();
  const [draft, setDraft] = React.useState<IDraft | null>(null);
  const stop = (): void => setDraft(null);
  return (
    <li className="jp-Insighter-Comment">
      <div className="jp-Insighter-Comment-head">
        <span className="jp-Insighter-Event-who">{comment.author}</span>
        <span className="jp-Insighter-Quiet">
          <RelativeTime time={comment.created_at} />
          {comment.edited_at && ` · ${trans.__('edited')}`}
        </span>
        <span className="jp-Insighter-Comment-actions">
          {props.mayEdit && !draft && (
            <IconButton
              icon={editIcon}
              label={trans.__('Edit the comment')}
              onClick={() => setDraft(typed(comment.body, comment.mentions))}
            />
          )}
          {props.mayDelete && (
            <IconButton icon={deleteIcon} label={trans.__('Delete the comment')} onClick={props.onDelete} />
          )}
        </span>
      </div>
      {draft ? (
        <Composer
          label={trans.__('Edit the comment')}
          accept={trans.__('Save')}
          draft={draft}
          onDraft={setDraft}
          people={props.people}
          focus
          onCancel={stop}
          onSend={async body => {
            await api.edit(project, comment.id, body);
            stop();
            props.onEdited();
          }}
        />
      ) : (
        <Markdown text={comment.body} mentions={comment.mentions} rendermime={props.services.rendermime} />
      )}
    </li>
  );
}

/** Who can be mentioned; nobody until they are known. */
function usePeople(asset: IAssetRef): ReadonlyArray<Somebody> {
  const [people, setPeople] = React.useState<ReadonlyArray<Somebody>>([]);
  const { project, kind, key } = asset;
  React.useEffect(() => {
    let there = true;
    api.people({ project, kind, key }).then(
      found => there && setPeople(found),
      () => undefined // the list of comments tells what is wrong
    );
    return () => {
      there = false;
    };
  }, [project, kind, key]);
  return people;
}

function useDraft({ project, kind, key }: IAssetRef): [IDraft, (draft: IDraft) => void] {
  const place = `${DRAFTS}${project}/${kind}/${key}`;
  const [draft, setDraft] = React.useState<IDraft>(() => {
    const kept = sessionStorage.getItem(place);
    return kept ? (JSON.parse(kept) as IDraft) : EMPTY;
  });
  const change = React.useCallback(
    (next: IDraft) => {
      setDraft(next);
      if (next.text) {
        sessionStorage.setItem(place, JSON.stringify(next));
      } else {
        sessionStorage.removeItem(place);
      }
    },
    [place]
  );
  return [draft, change];
}
