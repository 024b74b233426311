-- Activity: what happened in a project to look back at, what people say about its assets, and what of it is for somebody.

-- ---- what is listed -------------------------------------------------------------------------------------------------

-- Newest first, by each of the things one can look for. Models are named by their id, for another can have the name later.
create index events_person on insighter.events (project_id, actor, id desc);
create index events_asset on insighter.events (project_id, asset_kind, asset_id, id desc);
create index events_kind on insighter.events (project_id, asset_kind, id desc);
create index events_model on insighter.events (project_id, asset_uuid, id desc) where asset_kind = 'model';

-- ---- comments -------------------------------------------------------------------------------------------------------

create table insighter.comments (
  id bigint generated always as identity primary key,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  asset_kind text not null,
  asset_id text not null,
  -- Markdown. Somebody is mentioned by @[name](user id).
  body text not null check (char_length(body) between 1 and 10000),
  mentions uuid[] not null default '{}',
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  edited_at timestamptz,
  -- Whoever deleted it can bring it back for a day.
  deleted_at timestamptz,
  deleted_by uuid,
  foreign key (project_id, asset_kind, asset_id) references insighter.assets (project_id, kind, id) on delete cascade
);
create index comments_asset on insighter.comments (project_id, asset_kind, asset_id, id desc);
create index comments_deleted on insighter.comments (project_id, deleted_at) where deleted_at is not null;

-- What is for one person: a mention, a comment on what is theirs, and what other capabilities have to tell.
create table insighter.notifications (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  kind text not null check (kind ~ '^[a-z][a-z_]{0,39}$'),
  asset_kind text,
  asset_id text,
  comment_id bigint references insighter.comments (id) on delete cascade,
  actor uuid default auth.uid(),
  data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  read_at timestamptz,
  xid xid8 not null default pg_current_xact_id(),
  check ((asset_kind is null) = (asset_id is null)),
  foreign key (project_id, asset_kind, asset_id) references insighter.assets (project_id, kind, id) on delete cascade
);
create index notifications_person on insighter.notifications (user_id, id desc);
create index notifications_unread on insighter.notifications (user_id) where read_at is null;
create index notifications_stream on insighter.notifications (user_id, xid, id);
create index notifications_asset on insighter.notifications (project_id, asset_kind, asset_id);
create index notifications_comment on insighter.notifications (comment_id);

call private.audited('insighter.comments', 'comment', 'project_id', 'id', '', 'body,mentions,edited_at,asset_kind,asset_id');

-- Whoever listens for a person is woken by the person's id: a project's id it cannot be.
create function private.wake_person() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', new.user_id::text);
  return null;
end
$$;
create trigger notifications_wake after insert on insighter.notifications
for each row execute function private.wake_person();

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.comments enable row level security;
grant select, insert (project_id, asset_kind, asset_id, body, mentions),
  update (body, mentions, edited_at, deleted_at, deleted_by), delete on insighter.comments to authenticated;

-- What members say is for members: whoever sees the project without being one sees no comment.
create policy comments_select on insighter.comments for select to authenticated
  using (project_id in (select private.membership_ids()));
-- As closed as what it is about.
create policy comments_restricted on insighter.comments as restrictive for all to authenticated
  using (exists (
    select from insighter.assets a where a.project_id = comments.project_id and a.kind = asset_kind and a.id = asset_id));
-- What was deleted is there for whoever can bring it back.
create policy comments_deleted on insighter.comments as restrictive for select to authenticated
  using (deleted_at is null or deleted_by = (select auth.uid()));
create policy comments_insert on insighter.comments for insert to authenticated
  with check (project_id in (select private.membership_ids()) and created_by = (select auth.uid())
    and (select private.in_person()));
create policy comments_update on insighter.comments for update to authenticated
  using ((created_by = (select auth.uid()) or project_id in (select private.project_ids('admin')))
    and project_id in (select private.membership_ids()) and (select private.in_person()));
-- A day after their deletion they go for good, with the next deletion in the project.
create policy comments_delete on insighter.comments for delete to authenticated
  using (project_id in (select private.membership_ids()) and deleted_by = (select auth.uid())
    and deleted_at < now() - interval '1 day');

-- An admin takes a comment away, and puts no words into anybody's mouth: such a change finds no row, as with a policy, which
-- cannot compare the row with what it was.
create function private.own_words() returns trigger
language plpgsql set search_path = '' as $$
begin
  return case when new.created_by = auth.uid() or current_setting('role') <> 'authenticated' then new end;
end
$$;
create trigger own_words before update of body on insighter.comments
for each row when (new.body is distinct from old.body) execute function private.own_words();

alter table insighter.notifications enable row level security;
grant select, update (read_at) on insighter.notifications to authenticated;
create policy notifications_select on insighter.notifications for select to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));
create policy notifications_update on insighter.notifications for update to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));
-- Nothing of a project that one left, of what is closed to one by now, or of what was taken back.
create policy notifications_restricted on insighter.notifications as restrictive for all to authenticated
  using (project_id in (select private.membership_ids())
    and (asset_id is null or exists (
      select from insighter.assets a
      where a.project_id = notifications.project_id and a.kind = asset_kind and a.id = asset_id))
    and (comment_id is null or exists (
      select from insighter.comments c where c.id = comment_id and c.deleted_at is null)));

-- That something was said is for members, as what was said is.
drop policy events_of_members on insighter.events;
create policy events_of_members on insighter.events as restrictive for all to authenticated
  using ((asset_kind <> 'member' and verb not in ('commented', 'comment_edited', 'comment_deleted', 'comment_restored'))
    or project_id in (select private.membership_ids()));

-- ---- who is told ----------------------------------------------------------------------------------------------------

-- The members that see an asset, for whoever is a member too; all of them where none is named. DEFINER: restrictions are
-- for admins to read, and people are to be told of nothing they cannot see.
create function private.audience(p_project_id uuid, p_asset_kind text default null, p_asset_id text default null)
returns setof uuid
language plpgsql stable security definer rows 20 set search_path = '' as $$
begin
  return query
    select m.user_id from insighter.members m
    where m.project_id = p_project_id and p_project_id in (select private.membership_ids())
      and not exists (
        select from insighter.restrictions r
        where r.project_id = p_project_id and r.asset_kind = p_asset_kind and r.asset_id::text = p_asset_id
          and m.role < r.min_role and not m.user_id = any (r.people));
end
$$;

-- Tell somebody; whoever is no member, or does not see the asset, is not told. For functions that act in the project. Of
-- each person the newest thousand stay. DEFINER: nobody writes to others by themselves.
create function private.notify(
  p_user_id uuid, p_project_id uuid, p_kind text, p_asset_kind text default null, p_asset_id text default null,
  p_data jsonb default '{}', p_comment_id bigint default null
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_user_id not in (select private.audience(p_project_id, p_asset_kind, p_asset_id)) then
    return;
  end if;
  insert into insighter.notifications (user_id, project_id, kind, asset_kind, asset_id, comment_id, data)
  values (p_user_id, p_project_id, p_kind, p_asset_kind, p_asset_id, p_comment_id, p_data);
  delete from insighter.notifications n
  where n.user_id = p_user_id and n.id < (
    select o.id from insighter.notifications o where o.user_id = p_user_id order by o.id desc offset 999 limit 1);
end
$$;

-- ---- the API: activity ----------------------------------------------------------------------------------------------

-- An event as the bus tells it. The key is how the asset is called now; null when it is gone or closed.
create function private.event_data(e insighter.events, p_key text) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('verb', e.verb, 'asset_kind', e.asset_kind, 'asset_id', e.asset_id, 'asset_name', e.asset_name,
    'asset_key', p_key) || e.data
$$;

-- What happened, newest first: of a person, of a kind, of an asset. Made for each question, so that it is asked by the index
-- that fits.
create function public.activity_list(
  p_project_id uuid, p_person uuid default null, p_kind text default null, p_key text default null,
  p_limit int default 50, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
  v_asset insighter.assets;
  v_answer jsonb;
begin
  if p_cursor !~ '^[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of the activity', 'take the one an answer gave');
  elsif p_key is not null and p_kind is null then
    perform private.fail(422, 'kind_missing', 'an asset is named by its kind and its key', 'give the kind too');
  elsif p_key is not null then
    v_asset := private.asset_of(v_project.id, p_kind, p_key);
  end if;
  execute format(
    $query$
    with page as materialized (
      select e from insighter.events e
      where e.project_id = $1 %s %s %s order by e.id desc limit $6
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.envelope('e' || (p.e).id, $1, 'activity',
          'insighter.' || (p.e).asset_kind || '.' || (p.e).verb, (p.e).asset_kind || '/' || (p.e).asset_id,
          (p.e).created_at, f.user_id, f.display_name, (p.e).actor_kind, private.event_data(p.e, a.key))
        order by (p.e).id desc), '[]'),
      'cursor', case when count(*) = $6 then min((p.e).id)::text end)
    from page p
    left join insighter.profiles f on f.user_id = (p.e).actor
    left join insighter.assets a on a.project_id = $1 and a.kind = (p.e).asset_kind
      and a.id = coalesce((p.e).asset_uuid::text, (p.e).asset_id)
    $query$,
    case when p_person is not null then 'and e.actor = $2' end,
    case
      when v_asset.kind = 'model' then 'and e.asset_kind = ''model'' and e.asset_uuid = $4::uuid'
      when v_asset.id is not null then 'and e.asset_kind = $3 and e.asset_id = $4'
      when p_kind is not null then 'and e.asset_kind = $3' end,
    case when p_cursor is not null then 'and e.id < $5' end)
  into v_answer using v_project.id, p_person, p_kind, v_asset.id, p_cursor::bigint, v_limit;
  return v_answer;
end
$$;

-- ---- the API: comments ----------------------------------------------------------------------------------------------

-- Names of those mentioned are told as they are now, whatever the text calls them.
create function private.comment_json(c insighter.comments, p_key text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', c.id, 'asset', jsonb_build_object('kind', c.asset_kind, 'key', p_key), 'body', c.body,
    'author_id', c.created_by, 'author', private.person_name(c.created_by), 'created_at', c.created_at,
    'edited_at', c.edited_at, 'mine', c.created_by = auth.uid(),
    'mentions', (select coalesce(jsonb_agg(jsonb_build_object('user_id', m, 'display_name', private.person_name(m))), '[]')
      from unnest(c.mentions) m))
$$;

-- A project whose members the caller belongs to; 403 for whoever sees it otherwise.
create function private.project_of_members(p_project_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if v_project.id not in (select private.membership_ids()) then
    perform private.fail(403, 'members_only', format('comments are for the members of "%s"', v_project.name),
      'ask for access to the project');
  end if;
  return v_project;
end
$$;

-- The same, to say something there: in person.
create function private.project_to_speak_in(p_project_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_of_members(p_project_id);
begin
  if not private.in_person() then
    perform private.fail(403, 'not_in_person', 'comments are written by people', 'sign in to the platform');
  end if;
  return private.project_for(v_project.id, 'viewer');
end
$$;

-- A comment as the caller sees it, its asset with it, or 404.
create function private.comment_of(p_project_id uuid, p_comment_id bigint, p_deleted boolean) returns insighter.comments
language plpgsql stable set search_path = '' as $$
declare
  v_comment insighter.comments;
begin
  select * into v_comment from insighter.comments c
  where c.project_id = p_project_id and c.id = p_comment_id and (c.deleted_at is not null) = p_deleted;
  if not found then
    perform private.fail(404, 'comment_not_found', 'no such comment, or not for you any more', 'look at the comments again');
  end if;
  return v_comment;
end
$$;

create function private.comment_body(p_body text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_body text := btrim(p_body, E' \n\r\t');
begin
  if coalesce(v_body, '') = '' then
    perform private.fail(422, 'empty_comment', 'a comment says something', 'write a word or two');
  elsif char_length(v_body) > 10000 then
    perform private.fail(422, 'comment_too_long', 'a comment holds at most 10,000 characters',
      'put the long text into a notebook, and point to it');
  end if;
  return v_body;
end
$$;

-- Whom a text mentions. 422 where it is somebody who does not see the asset and would never be told.
create function private.mentions_of(p_project_id uuid, p_asset_kind text, p_asset_id text, p_body text, p_before uuid[])
returns uuid[]
language plpgsql stable set search_path = '' as $$
declare
  v_people uuid[] := array(
    select distinct m[1]::uuid from regexp_matches(p_body,
      '@\[[^\]\n]{1,200}\]\(([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\)', 'g') m order by 1);
begin
  if cardinality(v_people) > 50 then
    perform private.fail(422, 'too_many_mentions', 'a comment mentions at most 50 people', 'mention those it is for');
  elsif exists (select from unnest(v_people) p where not p = any (p_before)
      and p not in (select private.audience(p_project_id, p_asset_kind, p_asset_id))) then
    perform private.fail(422, 'cannot_be_mentioned', 'somebody you mention does not see this, and would not be told',
      'mention members of the project who see it');
  end if;
  return v_people;
end
$$;

-- The event names an asset as all events do: a model by its name.
create function private.commented(p_comment insighter.comments, p_verb text) returns insighter.assets
language plpgsql set search_path = '' as $$
declare
  v_asset record;
begin
  select a.kind, a.id, a.key, a.name, a.created_by into v_asset from insighter.assets a
  where a.project_id = p_comment.project_id and a.kind = p_comment.asset_kind and a.id = p_comment.asset_id;
  perform private.record(p_comment.project_id, p_verb, v_asset.kind,
    case v_asset.kind when 'model' then v_asset.key else v_asset.id end, v_asset.name,
    jsonb_build_object('comment', p_comment.id));
  return jsonb_populate_record(null::insighter.assets, to_jsonb(v_asset));
end
$$;

-- Newest first.
create function public.comments_list(
  p_project_id uuid, p_kind text, p_key text, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_of_members(p_project_id);
  v_asset insighter.assets := private.asset_of(v_project.id, p_kind, p_key);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  if p_cursor !~ '^[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of comments', 'take the one an answer gave');
  end if;
  return (
    with page as materialized (
      select c from insighter.comments c
      where c.project_id = v_project.id and c.asset_kind = v_asset.kind and c.asset_id = v_asset.id
        and c.deleted_at is null and (p_cursor is null or c.id < p_cursor::bigint)
      order by c.id desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.comment_json(p.c, v_asset.key) order by (p.c).id desc), '[]'),
      'cursor', case when count(*) = v_limit then min((p.c).id)::text end)
    from page p);
end
$$;

-- Who can be mentioned: the first five hundred by name.
create function public.comments_people(p_project_id uuid, p_kind text, p_key text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_of_members(p_project_id);
  v_asset insighter.assets := private.asset_of(v_project.id, p_kind, p_key);
begin
  return (
    select jsonb_build_object('items', coalesce(
      jsonb_agg(jsonb_build_object('user_id', m.user_id, 'display_name', m.display_name) order by m.name, m.user_id), '[]'))
    from (
      select m.user_id, m.display_name, m.name from private.members_of(v_project.id) m
      where m.user_id in (select private.audience(v_project.id, v_asset.kind, v_asset.id))
      order by m.name, m.user_id limit 500) m);
end
$$;

-- Whom it mentions is told, and so are whoever made the asset and whoever said something about it before.
create function public.comments_create(p_project_id uuid, p_kind text, p_key text, p_body text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_to_speak_in(p_project_id);
  v_asset insighter.assets := private.asset_of(v_project.id, p_kind, p_key);
  v_body text := private.comment_body(p_body);
  v_comment insighter.comments;
begin
  insert into insighter.comments (project_id, asset_kind, asset_id, body, mentions)
  values (v_project.id, v_asset.kind, v_asset.id, v_body,
    private.mentions_of(v_project.id, v_asset.kind, v_asset.id, v_body, '{}'))
  returning * into v_comment;
  perform private.commented(v_comment, 'commented');
  perform private.notify(t.person, v_project.id, case when t.person = any (v_comment.mentions) then 'mention' else 'comment' end,
    v_asset.kind, v_asset.id, '{}', v_comment.id)
  from (
    select unnest(v_comment.mentions) as person
    union select v_asset.created_by
    union select c.created_by from insighter.comments c
      where c.project_id = v_project.id and c.asset_kind = v_asset.kind and c.asset_id = v_asset.id and c.deleted_at is null
  ) t
  where t.person is not null and t.person <> auth.uid() order by t.person;
  return private.comment_json(v_comment, v_asset.key);
end
$$;

create function public.comments_update(p_project_id uuid, p_comment_id bigint, p_body text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_to_speak_in(p_project_id);
  v_old insighter.comments := private.comment_of(v_project.id, p_comment_id, false);
  v_body text := private.comment_body(p_body);
  v_new insighter.comments;
  v_asset insighter.assets;
begin
  if v_old.created_by <> auth.uid() then
    perform private.fail(403, 'not_yours', 'only whoever wrote a comment edits it', 'write another one');
  end if;
  update insighter.comments set body = v_body, edited_at = now(),
    mentions = private.mentions_of(v_project.id, v_old.asset_kind, v_old.asset_id, v_body, v_old.mentions)
  where id = v_old.id returning * into v_new;
  v_asset := private.commented(v_new, 'comment_edited');
  perform private.notify(m, v_project.id, 'mention', v_new.asset_kind, v_new.asset_id, '{}', v_new.id)
  from unnest(v_new.mentions) m where not m = any (v_old.mentions) and m <> auth.uid();
  return private.comment_json(v_new, v_asset.key);
end
$$;

create function public.comments_delete(p_project_id uuid, p_comment_id bigint) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_to_speak_in(p_project_id);
  v_comment insighter.comments := private.comment_of(v_project.id, p_comment_id, false);
begin
  if v_comment.created_by <> auth.uid() and v_project.id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'not_yours', 'only whoever wrote a comment, or an admin, deletes it',
      'ask an admin of the project');
  end if;
  delete from insighter.comments c
  where c.project_id = v_project.id and c.deleted_by = auth.uid() and c.deleted_at < now() - interval '1 day';
  perform private.commented(v_comment, 'comment_deleted');
  update insighter.comments set deleted_at = now(), deleted_by = auth.uid() where id = v_comment.id;
  return '{}';
end
$$;

create function public.comments_restore(p_project_id uuid, p_comment_id bigint) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_to_speak_in(p_project_id);
  v_comment insighter.comments := private.comment_of(v_project.id, p_comment_id, true);
  v_asset insighter.assets;
begin
  update insighter.comments set deleted_at = null, deleted_by = null where id = v_comment.id returning * into v_comment;
  if not found then
    perform private.fail(403, 'not_yours', 'this is not yours to bring back any more', 'ask an admin of the project');
  end if;
  v_asset := private.commented(v_comment, 'comment_restored');
  return private.comment_json(v_comment, v_asset.key);
end
$$;

-- ---- the API: what is for the caller --------------------------------------------------------------------------------

create function private.notification_json(n insighter.notifications) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', n.id, 'kind', n.kind, 'project_id', n.project_id, 'project', p.name,
    'asset', case when a.key is not null then jsonb_build_object('kind', a.kind, 'key', a.key, 'name', a.name) end,
    'actor_id', f.user_id, 'actor', f.display_name, 'comment_id', n.comment_id, 'excerpt', left(c.body, 300),
    'data', n.data, 'created_at', n.created_at, 'read_at', n.read_at)
  from insighter.projects p
  left join insighter.assets a on a.project_id = n.project_id and a.kind = n.asset_kind and a.id = n.asset_id
  left join insighter.profiles f on f.user_id = n.actor
  left join insighter.comments c on c.id = n.comment_id
  where p.id = n.project_id
$$;

-- Newest first, of all projects, and how many wait to be read.
create function public.notifications_list(p_unread boolean default false, p_limit int default 50, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  if p_cursor !~ '^[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of notifications', 'take the one an answer gave');
  end if;
  return (
    with page as materialized (
      select n from insighter.notifications n
      where n.user_id = auth.uid() and (not p_unread or n.read_at is null)
        and (p_cursor is null or n.id < p_cursor::bigint)
      order by n.id desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.notification_json(p.n) order by (p.n).id desc), '[]'),
      'cursor', case when count(*) = v_limit then min((p.n).id)::text end,
      'unread', (select count(*) from insighter.notifications n where n.user_id = auth.uid() and n.read_at is null))
    from page p);
end
$$;

-- Note some of them as read, or all; how many are left.
create function public.notifications_read(p_ids jsonb default null) returns jsonb
language plpgsql set search_path = '' as $$
begin
  if not private.in_person() then
    perform private.fail(403, 'not_in_person', 'notifications are for people', 'sign in to the platform');
  end if;
  update insighter.notifications n set read_at = now()
  where n.user_id = auth.uid() and n.read_at is null
    and (p_ids is null or n.id in (select i::bigint from jsonb_array_elements_text(p_ids) i));
  return jsonb_build_object(
    'unread', (select count(*) from insighter.notifications n where n.user_id = auth.uid() and n.read_at is null));
end
$$;

-- ---- the bus: a person's own topic, and a limit of topics ----------------------------------------------------------------

-- The last position in a project's stream that can be told: of a row, of whatever topic, older than every transaction still
-- running. That of a row and no other, as only these outlive a crash: the numbers of transactions that wrote nothing, or were
-- rolled back, are given again after it, and what then bears them would be taken for heard.
create function private.stream_end(p_project_id uuid, p_horizon xid8) returns table (xid xid8, kind text, id bigint)
language plpgsql stable rows 1 set search_path = '' as $$
begin
  return query
    select s.xid, s.kind, s.id from (
      (select e.xid, 'e' as kind, e.id from insighter.events e
       where e.project_id = p_project_id and e.xid < p_horizon order by e.xid desc, e.id desc limit 1)
      union all
      (select m.xid, 'm', m.id from insighter.messages m
       where m.project_id = p_project_id and m.xid < p_horizon order by m.xid desc, m.id desc limit 1)
      union all
      (select n.xid, 'n', n.id from insighter.notifications n
       where n.user_id = auth.uid() and n.xid < p_horizon order by n.xid desc, n.id desc limit 1)
    ) s order by s.xid desc, s.kind desc, s.id desc limit 1;
end
$$;

-- As before (see 0018_bus.sql), but for the end, and with the topic "notifications": what is for the caller, of all
-- projects. It is told to whoever asks for it by name.
create or replace function public.bus_read(
  p_project_id uuid, p_after text default null, p_topics jsonb default null, p_limit int default 500
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_horizon xid8 := pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot());
  v_own boolean := coalesce(p_topics ? 'notifications', false);
  v_end text;
  v_xid xid8;
  v_kind text;
  v_id bigint;
  v_answer jsonb;
begin
  if p_after is null then
    select s.xid::text || '.' || s.kind || '.' || s.id into v_end from private.stream_end(v_project.id, v_horizon) s;
    return jsonb_build_object('items', '[]'::jsonb, 'cursor', coalesce(v_end, '0.a.0'), 'more', false, 'pending', false);
  end if;
  if p_after !~ '^[0-9]{1,19}\.[aemn]\.[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_position', 'this is no position of the bus', 'take the one an answer gave');
  end if;
  v_xid := split_part(p_after, '.', 1)::xid8;
  v_kind := split_part(p_after, '.', 2);
  v_id := split_part(p_after, '.', 3)::bigint;
  select s.xid::text || '.' || s.kind || '.' || s.id into v_end from private.stream_end(v_project.id, v_horizon) s
  where (s.xid, s.kind, s.id) > (v_xid, v_kind, v_id);
  with found as (
    (select e.xid, 'e' as kind, e.id, e.project_id, 'activity' as topic, 'insighter.' || e.asset_kind || '.' || e.verb as type,
      e.asset_kind || '/' || e.asset_id as subject, e.created_at, e.actor, e.actor_kind,
      private.event_data(e, (
        select a.key from insighter.assets a where a.project_id = e.project_id and a.kind = e.asset_kind
          and a.id = coalesce(e.asset_uuid::text, e.asset_id))) as data
    from insighter.events e
    where e.project_id = v_project.id and e.xid >= v_xid and e.xid < v_horizon
      and (e.xid > v_xid or ('e', e.id) > (v_kind, v_id)) and (p_topics is null or p_topics ? 'activity')
    order by e.xid, e.id limit v_limit)
    union all
    (select m.xid, 'm', m.id, m.project_id, m.topic, m.type, m.subject, m.created_at, m.actor, m.actor_kind, m.data
    from insighter.messages m
    where m.project_id = v_project.id and m.xid >= v_xid and m.xid < v_horizon
      and (m.xid > v_xid or ('m', m.id) > (v_kind, v_id)) and (p_topics is null or p_topics ? m.topic)
    order by m.xid, m.id limit v_limit)
    union all
    (select n.xid, 'n', n.id, n.project_id, 'notifications', 'insighter.notification.' || n.kind,
      n.asset_kind || '/' || n.asset_id, n.created_at, n.actor, 'person', private.notification_json(n)
    from insighter.notifications n
    where v_own and n.user_id = auth.uid() and n.xid >= v_xid and n.xid < v_horizon
      and (n.xid > v_xid or ('n', n.id) > (v_kind, v_id))
    order by n.xid, n.id limit v_limit)
  ), told as materialized (
    select * from found order by xid, kind, id limit v_limit
  ), people as materialized (
    -- Each person once, whatever they did.
    select f.user_id, f.display_name from insighter.profiles f where f.user_id in (select t.actor from told t)
  ), page as (
    select t.xid, t.kind, t.id, private.envelope(t.kind || t.id, t.project_id, t.topic, t.type, t.subject, t.created_at,
      f.user_id, f.display_name, t.actor_kind, t.data) as message
    from told t left join people f on f.user_id = t.actor
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.message order by p.xid, p.kind, p.id), '[]'),
    'cursor', coalesce(
      case when count(*) = v_limit
        then (array_agg(p.xid::text || '.' || p.kind || '.' || p.id order by p.xid desc, p.kind desc, p.id desc))[1] end,
      v_end, p_after),
    'more', count(*) = v_limit)
  into v_answer from page p;
  return v_answer || jsonb_build_object('pending',
    exists (select from insighter.events e where e.project_id = v_project.id and e.xid >= v_horizon)
    or exists (select from insighter.messages m where m.project_id = v_project.id and m.xid >= v_horizon)
    or (v_own and exists (
      select from insighter.notifications n where n.user_id = auth.uid() and n.xid >= v_horizon)));
end
$$;

-- The wake-up carries the topic: a chatty one wakes only who hears it.
create function private.wake_event() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', new.project_id || ' activity');
  return null;
end
$$;
create function private.wake_topic() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', new.project_id || ' ' || new.topic);
  return null;
end
$$;
drop trigger events_wake on insighter.events;
create trigger events_wake after insert on insighter.events for each row execute function private.wake_event();
drop trigger messages_wake on insighter.messages;
create trigger messages_wake after insert on insighter.messages for each row execute function private.wake_topic();

-- How many topics of a project have durable messages, counted by jumping from one to the next; more than a limit is not
-- counted.
create function private.topics_of(p_project_id uuid, p_limit int) returns int
language plpgsql stable set search_path = '' as $$
declare
  v_topic text := '';
  v_count int := 0;
begin
  loop
    select m.topic into v_topic from insighter.messages m
    where m.project_id = p_project_id and m.topic > v_topic and m.durable order by m.topic limit 1;
    exit when not found or v_count >= p_limit;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

-- As before, with a thousand topics at most: of each a hundred messages stay for ever.
create or replace function public.bus_publish(p_project_id uuid, p_topic text, p_message jsonb default '{}') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'annotator');
  v_data jsonb := p_message -> 'data';
  v_durable boolean := coalesce((p_message ->> 'durable')::boolean, true);
  v_message insighter.messages;
begin
  if p_topic !~ '^[a-z0-9][a-z0-9._-]{0,99}$' then
    perform private.fail(422, 'invalid_topic', 'a topic is 1 to 100 lower-case letters, digits, ".", "-" and "_"',
      'for example "features.ready"');
  elsif p_topic in ('activity', 'notifications') then
    perform private.fail(422, 'invalid_topic', format('the topic "%s" is the platform''s own', p_topic),
      'choose another topic');
  elsif octet_length(v_data::text) > 262144 then
    perform private.fail(413, 'message_too_large', 'a message holds at most 256 KB',
      'upload the data as a dataset or an artifact, and send its name');
  elsif v_durable and not exists (
      select from insighter.messages m where m.project_id = v_project.id and m.topic = p_topic and m.durable)
      and private.topics_of(v_project.id, 1000) >= 1000 then
    perform private.fail(409, 'too_many_topics', 'a project has at most 1,000 topics with messages that stay',
      'put what varies into the data or the subject, or send messages that are not durable');
  end if;
  insert into insighter.messages (project_id, topic, type, subject, data, durable, actor_kind)
  values (v_project.id, p_topic, coalesce(p_message ->> 'type', 'message'), p_message ->> 'subject', v_data, v_durable,
    coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person'))
  returning * into v_message;
  delete from insighter.messages m
  where m.project_id = v_project.id and not m.durable and m.created_at < now() - interval '1 minute';
  delete from insighter.messages m
  where m.project_id = v_project.id and m.topic = p_topic and m.durable and m.id < (
    select o.id from insighter.messages o
    where o.project_id = v_project.id and o.topic = p_topic and o.durable order by o.id desc offset 99 limit 1);
  return private.message_json(v_message);
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('activity_list', 'comments_list', 'comments_people', 'comments_create', 'comments_update',
  'comments_delete', 'comments_restore', 'notifications_list', 'notifications_read', 'bus_read', 'bus_publish');
grant execute on function private.wake_person, private.wake_event, private.wake_topic, private.own_words, private.audience,
  private.notify, private.event_data, private.comment_json, private.project_of_members, private.project_to_speak_in,
  private.comment_of, private.comment_body, private.mentions_of, private.commented, private.notification_json,
  private.stream_end, private.topics_of to authenticated;
