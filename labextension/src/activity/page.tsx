import * as React from 'react';

import { sharing, type IActivityFilter, type Somebody } from '../api';
import { Button, EmptyState, ErrorNote, StatusDot } from '../components';
import { useHost } from '../pages/host';
import { Page, Tabs } from '../pages/page';
import { ForYou } from './foryou';
import { EventList, useFeed } from './rows';
import type { IServices } from './services';
import type { IView } from './widget';

/** What happened in the open project, and what is for the person. */
export function ActivityPage(props: {
  services: IServices;
  view: IView;
  onView: (view: IView) => void;
}): JSX.Element {
  const { services, view, onView } = props;
  const { trans, projects } = useHost();
  const { unread } = React.useSyncExternalStore(services.inbox.subscribe, services.inbox.snapshot);
  const project = useCurrent();
  return (
    <Page kind={trans.__('Activity')} title={project?.name ?? trans.__('No project is open')}>
      <Tabs<IView['view']>
        label={trans.__('Parts of the activity')}
        tabs={[
          { id: 'all', label: trans.__('Everything') },
          { id: 'mine', label: trans.__('For you'), count: unread || null }
        ]}
        current={view.view}
        onSelect={tab => onView({ ...view, view: tab })}
        fill
        extra={view.view === 'all' && <Live services={services} />}
      >
        {view.view === 'mine' ? (
          <ForYou inbox={services.inbox} />
        ) : (
          project && (
            <Everything
              key={project.id}
              project={project.id}
              services={services}
              // who and what is looked for is of the project it was chosen in
              filter={view.project === project.id ? view.filter : {}}
              onFilter={filter => onView({ ...view, project: project.id, filter })}
            />
          )
        )}
      </Tabs>
      {!project && projects.error && <ErrorNote error={projects.error} />}
    </Page>
  );
}

/** The open project, kept current. */
function useCurrent(): ReturnType<typeof useHost>['projects']['current'] {
  const { projects } = useHost();
  const subscribe = React.useCallback(
    (notify: () => void) => {
      projects.stateChanged.connect(notify);
      return () => void projects.stateChanged.disconnect(notify);
    },
    [projects]
  );
  return React.useSyncExternalStore(subscribe, () => projects.current);
}

/** Whether what happens appears by itself. */
function Live({ services }: { services: IServices }): JSX.Element {
  const { trans } = useHost();
  const { bus } = services;
  const subscribe = React.useCallback(
    (notify: () => void) => {
      bus.stateChanged.connect(notify);
      return () => void bus.stateChanged.disconnect(notify);
    },
    [bus]
  );
  const live = React.useSyncExternalStore(subscribe, () => bus.live);
  return live ? (
    <StatusDot condition="ok" word={trans.__('live')} title={trans.__('Changes appear by themselves')} />
  ) : (
    <StatusDot
      condition="busy"
      word={trans.__('catching up')}
      title={trans.__('The server does not call at the moment: what happens is asked for now and then')}
    />
  );
}

function Everything(props: {
  project: string;
  services: IServices;
  filter: IActivityFilter;
  onFilter: (filter: IActivityFilter) => void;
}): JSX.Element {
  const { project, services, filter, onFilter } = props;
  const { trans, assets, projects } = useHost();
  const [feed, { items, error, more, loading }] = useFeed({ bus: services.bus, projects }, project, filter);
  const people = usePeople(project);
  const latest = React.useRef({ filter, onFilter });
  React.useEffect(() => {
    latest.current = { filter, onFilter };
  });
  // the same function for all rows and renders: a row that did not change is not rendered again
  const onAsset = React.useCallback((kind: string, key: string) => {
    latest.current.onFilter({ person: latest.current.filter.person, kind, key });
  }, []);
  const filtered = Boolean(filter.person ?? filter.kind);
  const kinds = [
    ...assets.kinds.map(({ kind, plural }) => ({ kind, label: plural })),
    { kind: 'member', label: trans.__('Members') },
    { kind: 'project', label: trans.__('The project') }
  ];
  return (
    <>
      <div className="jp-Insighter-Filters" role="group" aria-label={trans.__('What is shown')}>
        {people && people.length > 1 && (
          <select
            className="jp-Insighter-Select"
            aria-label={trans.__('By whom')}
            value={filter.person ?? ''}
            onChange={event => onFilter({ ...filter, person: event.target.value || undefined })}
          >
            <option value="">{trans.__('By everybody')}</option>
            {people.map(one => (
              <option key={one.user_id} value={one.user_id}>
                {one.display_name}
              </option>
            ))}
          </select>
        )}
        <select
          className="jp-Insighter-Select"
          aria-label={trans.__('About what')}
          value={filter.kind ?? ''}
          onChange={event => onFilter({ person: filter.person, kind: event.target.value || undefined })}
        >
          <option value="">{trans.__('About everything')}</option>
          {kinds.map(({ kind, label }) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
        {filter.key && (
          <button
            type="button"
            className="jp-Insighter-Chip"
            title={trans.__('Show all of the kind')}
            onClick={() => onFilter({ ...filter, key: undefined })}
          >
            {filter.key} ×
          </button>
        )}
        {filtered && <Button onClick={() => onFilter({})}>{trans.__('Show everything')}</Button>}
      </div>
      <div className="jp-Insighter-Scroll">
        {error && <ErrorNote error={error} onRetry={() => void feed?.reload()} />}
        {!items && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
        {items?.length === 0 && (
          <EmptyState
            text={
              filtered
                ? trans.__('Nothing of this happened in the project yet.')
                : trans.__(
                    'Nothing happened yet. Whatever somebody does in the project appears here at once.'
                  )
            }
            code={filtered ? undefined : 'ix.activity()'}
          />
        )}
        {items && items.length > 0 && (
          <EventList
            items={items}
            project={project}
            label={trans.__('What happened')}
            onAsset={filter.key ? undefined : onAsset}
          />
        )}
        {more && <Older loading={loading} onMore={() => void feed?.older()} />}
      </div>
    </>
  );
}

/** Loads older ones when it comes into view, or is pressed. */
function Older(props: { loading: boolean; onMore: () => void }): JSX.Element {
  const { trans } = useHost();
  const { loading, onMore } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const latest = React.useRef(onMore);
  React.useEffect(() => {
    latest.current = onMore;
  }, [onMore]);
  React.useEffect(() => {
    if (!place.current || loading) {
      return;
    }
    const seen = new IntersectionObserver(entries => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) {
        latest.current();
      }
    });
    seen.observe(place.current);
    return () => seen.disconnect();
  }, [loading]);
  return (
    <div ref={place} className="jp-Insighter-Older">
      <Button disabled={loading} onClick={onMore}>
        {loading ? trans.__('Loading…') : trans.__('Show older ones')}
      </Button>
    </div>
  );
}

/** The project's members; null where they are not to be seen. */
function usePeople(project: string): Somebody[] | null {
  const [people, setPeople] = React.useState<Somebody[] | null>(null);
  React.useEffect(() => {
    let there = true;
    sharing.members(project).then(
      found => there && setPeople(found),
      () => there && setPeople(null)
    );
    return () => {
      there = false;
    };
  }, [project]);
  return people;
}
