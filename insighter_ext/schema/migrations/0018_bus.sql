-- The bus: what happens in a project, told to everybody who listens, in one order, nothing missing and nothing twice.
--
-- Two kinds of messages share it: events, which the functions of the API write, and messages that programs of the project
-- publish on topics of their own. A position in the stream is (transaction, kind, id). Ids are given before a transaction
-- commits, so a smaller one can appear after a larger one was read; a transaction's number can too, but whoever reads only
-- what is older than every transaction still running has seen all there ever will be up to there.

alter table insighter.events add column xid xid8 not null default pg_current_xact_id();
create index events_stream on insighter.events (project_id, xid, id);

create table insighter.messages (
  id bigint generated always as identity primary key,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  topic text not null check (topic ~ '^[a-z0-9][a-z0-9._-]{0,99}$' and topic <> 'activity'),
  type text not null check (char_length(type) between 1 and 200 and type !~ '[[:cntrl:]]'),
  subject text check (char_length(subject) <= 500),
  data jsonb,
  -- A durable message stays until later ones push it out; another is for those who listen now.
  durable boolean not null,
  actor uuid not null default auth.uid(),
  actor_kind text not null,
  created_at timestamptz not null default now(),
  xid xid8 not null default pg_current_xact_id()
);
create index messages_stream on insighter.messages (project_id, xid, id);
create index messages_topic on insighter.messages (project_id, topic, id desc);
create index messages_fleeting on insighter.messages (project_id, created_at) where not durable;

alter table insighter.messages enable row level security;
grant select, insert (project_id, topic, type, subject, data, durable, actor_kind), delete on insighter.messages
  to authenticated;
create policy messages_select on insighter.messages for select to authenticated
  using (project_id in (select private.project_ids()));
create policy messages_insert on insighter.messages for insert to authenticated
  with check (project_id in (select private.project_ids('annotator')) and actor = (select auth.uid())
    and actor_kind = coalesce((select auth.jwt() -> 'insighter' ->> 'kind'), 'person'));
-- What was pushed out goes with the next message of whoever writes.
create policy messages_delete on insighter.messages for delete to authenticated
  using (project_id in (select private.project_ids('annotator')));

-- A wake-up with the project's id alone: whoever listens reads what is new under its own rights. Several rows of one
-- transaction wake once.
create function private.wake() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', new.project_id::text);
  return null;
end
$$;
create trigger events_wake after insert on insighter.events for each row execute function private.wake();
create trigger messages_wake after insert on insighter.messages for each row execute function private.wake();
-- Whoever lost or got access learns it at once.
create trigger members_wake after insert or update on insighter.members for each row execute function private.wake();
create function private.wake_old() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', old.project_id::text);
  return null;
end
$$;
create trigger members_gone after delete on insighter.members for each row execute function private.wake_old();

-- ---- the API --------------------------------------------------------------------------------------------------------

-- As CloudEvents 1.0; "actorid", "actorname" and "actorkind" are extensions.
create function private.envelope(
  p_id text, p_project_id uuid, p_topic text, p_type text, p_subject text, p_time timestamptz, p_actor uuid,
  p_actor_name text, p_actor_kind text, p_data jsonb
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'specversion', '1.0', 'id', p_id, 'source', '/projects/' || p_project_id, 'type', p_type, 'subject', p_subject,
    'time', p_time, 'datacontenttype', 'application/json', 'topic', p_topic, 'actorid', p_actor, 'actorkind', p_actor_kind,
    'actorname', p_actor_name))
    || jsonb_build_object('data', p_data)
$$;

-- Who sent it is told to those who see that person.
create function private.message_json(m insighter.messages) returns jsonb
language sql stable set search_path = '' as $$
  select private.envelope('m' || m.id, m.project_id, m.topic, m.type, m.subject, m.created_at, f.user_id, f.display_name,
    m.actor_kind, m.data)
  from (select) one left join insighter.profiles f on f.user_id = m.actor
$$;

-- What came after a position, oldest first. Without a position: the present one, and nothing. "pending" says that there is
-- more which cannot be told yet, because an older transaction still runs: ask again soon.
create function public.bus_read(
  p_project_id uuid, p_after text default null, p_topics jsonb default null, p_limit int default 500
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_horizon xid8 := pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot());
  v_xid xid8;
  v_kind text;
  v_id bigint;
  v_answer jsonb;
begin
  if p_after is null then
    return jsonb_build_object('items', '[]'::jsonb, 'cursor', v_horizon::text || '.a.0', 'more', false, 'pending', false);
  end if;
  if p_after !~ '^[0-9]{1,19}\.[aem]\.[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_position', 'this is no position of the bus', 'take the one an answer gave');
  end if;
  v_xid := split_part(p_after, '.', 1)::xid8;
  v_kind := split_part(p_after, '.', 2);
  v_id := split_part(p_after, '.', 3)::bigint;
  with found as (
    (select e.xid, 'e' as kind, e.id, 'activity' as topic, 'insighter.' || e.asset_kind || '.' || e.verb as type,
      e.asset_kind || '/' || e.asset_id as subject, e.created_at, e.actor, e.actor_kind,
      jsonb_build_object('verb', e.verb, 'asset_kind', e.asset_kind, 'asset_id', e.asset_id, 'asset_name', e.asset_name)
        || e.data as data
    from insighter.events e
    where e.project_id = v_project.id and e.xid >= v_xid and e.xid < v_horizon
      and (e.xid > v_xid or ('e', e.id) > (v_kind, v_id)) and (p_topics is null or p_topics ? 'activity')
    order by e.xid, e.id limit v_limit)
    union all
    (select m.xid, 'm', m.id, m.topic, m.type, m.subject, m.created_at, m.actor, m.actor_kind, m.data
    from insighter.messages m
    where m.project_id = v_project.id and m.xid >= v_xid and m.xid < v_horizon
      and (m.xid > v_xid or ('m', m.id) > (v_kind, v_id)) and (p_topics is null or p_topics ? m.topic)
    order by m.xid, m.id limit v_limit)
  ), told as materialized (
    select * from found order by xid, kind, id limit v_limit
  ), people as materialized (
    -- Each person once, whatever they did.
    select f.user_id, f.display_name from insighter.profiles f where f.user_id in (select t.actor from told t)
  ), page as (
    select t.xid, t.kind, t.id, private.envelope(t.kind || t.id, v_project.id, t.topic, t.type, t.subject, t.created_at,
      f.user_id, f.display_name, t.actor_kind, t.data) as message
    from told t left join people f on f.user_id = t.actor
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.message order by p.xid, p.kind, p.id), '[]'),
    'cursor', coalesce(
      case when count(*) = v_limit
        then (array_agg(p.xid::text || '.' || p.kind || '.' || p.id order by p.xid desc, p.kind desc, p.id desc))[1] end,
      greatest(v_horizon, v_xid)::text || '.a.0'),
    'more', count(*) = v_limit)
  into v_answer from page p;
  return v_answer || jsonb_build_object('pending',
    exists (select from insighter.events e where e.project_id = v_project.id and e.xid >= v_horizon)
    or exists (select from insighter.messages m where m.project_id = v_project.id and m.xid >= v_horizon));
end
$$;

-- Publish {type, data, subject, durable}; one document, so that data can be any JSON. Of a topic the newest hundred durable
-- messages stay; one that is not durable stays for a minute, for those whose connection broke.
create function public.bus_publish(p_project_id uuid, p_topic text, p_message jsonb default '{}') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'annotator');
  v_data jsonb := p_message -> 'data';
  v_message insighter.messages;
begin
  if p_topic !~ '^[a-z0-9][a-z0-9._-]{0,99}$' then
    perform private.fail(422, 'invalid_topic', 'a topic is 1 to 100 lower-case letters, digits, ".", "-" and "_"',
      'for example "features.ready"');
  elsif p_topic = 'activity' then
    perform private.fail(422, 'invalid_topic', 'the topic "activity" is the platform''s own', 'choose another topic');
  elsif octet_length(v_data::text) > 262144 then
    perform private.fail(413, 'message_too_large', 'a message holds at most 256 KB',
      'upload the data as a dataset or an artifact, and send its name');
  end if;
  insert into insighter.messages (project_id, topic, type, subject, data, durable, actor_kind)
  values (v_project.id, p_topic, coalesce(p_message ->> 'type', 'message'), p_message ->> 'subject', v_data,
    coalesce((p_message ->> 'durable')::boolean, true),
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

-- The newest durable message of a topic, or null.
create function public.bus_latest(p_project_id uuid, p_topic text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  return (
    select private.message_json(m) from insighter.messages m
    where m.project_id = v_project.id and m.topic = p_topic and m.durable order by m.id desc limit 1);
end
$$;

call private.expose('bus_read', 'bus_publish', 'bus_latest');
grant execute on function private.wake, private.wake_old, private.envelope, private.message_json to authenticated;
