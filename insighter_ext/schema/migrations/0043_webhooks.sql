-- Webhooks: what happens to registered models and prompts, told to an address outside. The events, the payloads and the
-- signature are MLflow's. What is to be told is a row, written in the transaction of what happened: nothing is told that
-- was taken back, and nothing is forgotten when a server dies. Any server may send it; one does.
--
-- A webhook carries what the project knows to where nobody asks who reads it. So it is an admin's, and what is restricted
-- inside the project is told to none.

create table insighter.webhooks (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$'),
  description text not null default '' check (char_length(description) <= 1000),
  url text not null check (char_length(url) between 1 and 2000),
  -- "entity.action", as MLflow writes them.
  events text[] not null check (cardinality(events) between 1 and 20),
  -- The key of the signature. Read by the sending server alone: no role has the column.
  secret text check (char_length(secret) between 1 and 1000),
  status text not null default 'ACTIVE' check (status in ('ACTIVE', 'DISABLED')),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id),
  unique (id)
);

create table insighter.webhook_deliveries (
  id bigint generated always as identity,
  project_id uuid not null,
  webhook_id uuid not null,
  -- Which model it is about; null for an example.
  model_id uuid,
  -- What the receiver knows it by, the same each time it is tried.
  delivery uuid not null default gen_random_uuid(),
  event text not null,
  payload jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts int not null default 0,
  next_at timestamptz not null default now(),
  -- Until when a server has it in hand; one that dies lets it go so.
  taken_until timestamptz,
  response_status int,
  response_body text,
  error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, id),
  unique (id),
  foreign key (project_id, webhook_id) references insighter.webhooks (project_id, id) on delete cascade
);
create index webhook_deliveries_due on insighter.webhook_deliveries (next_at) where status = 'pending';
create index webhook_deliveries_of on insighter.webhook_deliveries (project_id, webhook_id, id desc);
create index webhook_deliveries_old on insighter.webhook_deliveries (finished_at) where finished_at is not null;

alter table insighter.webhooks enable row level security;
alter table insighter.webhook_deliveries enable row level security;
grant select (id, project_id, name, description, url, events, status, created_by, created_at, updated_at), insert, delete
  on insighter.webhooks to authenticated;
grant update (name, description, url, events, status, updated_at) on insighter.webhooks to authenticated;
grant select on insighter.webhook_deliveries to authenticated;
create policy webhooks_select on insighter.webhooks for select to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy webhooks_insert on insighter.webhooks for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and created_by = (select auth.uid()));
create policy webhooks_update on insighter.webhooks for update to authenticated
  using (project_id in (select private.project_ids('admin')))
  with check (project_id in (select private.project_ids('admin')));
create policy webhooks_delete on insighter.webhooks for delete to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy webhook_deliveries_select on insighter.webhook_deliveries for select to authenticated
  using (project_id in (select private.project_ids('admin')));
-- Of a model that was closed since, or deleted, nobody reads more here than there.
create policy webhook_deliveries_restricted on insighter.webhook_deliveries as restrictive for all to authenticated
  using (model_id is null or not private.is_hidden('model', project_id, model_id));

call private.audited('insighter.webhooks', 'webhook', 'project_id', 'id', 'name');

-- ---- what happens is noted ------------------------------------------------------------------------------------------

-- Whether a model is more closed than its project: then it is told to nobody outside, whoever may see it inside.
create function private.is_closed(p_project_id uuid, p_model_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from insighter.restrictions r
    where r.project_id = p_project_id and r.asset_kind = 'model' and r.asset_id = p_model_id)
$$;

-- For every webhook that wants to know. DEFINER: whoever registers a model need not see the webhooks.
create function private.webhook_event(p_project_id uuid, p_model_id uuid, p_event text, p_payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.webhook_deliveries (project_id, webhook_id, model_id, event, payload)
  select w.project_id, w.id, p_model_id, p_event, p_payload from insighter.webhooks w
  where w.project_id = p_project_id and w.status = 'ACTIVE' and p_event = any (w.events)
    and not private.is_closed(p_project_id, p_model_id);
  if found then
    perform pg_catalog.pg_notify('insighter', 'webhooks');
  end if;
end
$$;

create function private.webhook_tags(p_tags jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select p_tags - 'mlflow.prompt.is_prompt' - 'mlflow.prompt.type' - 'mlflow.prompt.text'
$$;

-- Tags that were set, and those that were taken off, each an event.
create function private.webhook_tags_changed(
  p_project_id uuid, p_model_id uuid, p_entity text, p_of jsonb, p_before jsonb, p_after jsonb
) returns void
language plpgsql set search_path = '' as $$
declare
  v_tag record;
begin
  for v_tag in select key, value from jsonb_each_text(private.webhook_tags(p_after)) t
    where p_before ->> key is distinct from value
  loop
    perform private.webhook_event(p_project_id, p_model_id, p_entity || '.set',
      p_of || jsonb_build_object('key', v_tag.key, 'value', v_tag.value));
  end loop;
  for v_tag in select key from jsonb_object_keys(private.webhook_tags(p_before)) key where not p_after ? key
  loop
    perform private.webhook_event(p_project_id, p_model_id, p_entity || '.deleted',
      p_of || jsonb_build_object('key', v_tag.key));
  end loop;
end
$$;

create function private.webhook_model() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.webhook_event(new.project_id, new.id,
      case when private.is_prompt(new.tags) then 'prompt.created' else 'registered_model.created' end,
      jsonb_build_object('name', new.name, 'description', nullif(new.description, ''),
        'tags', case when private.is_prompt(new.tags) then private.webhook_tags(new.tags) else new.tags end));
  elsif private.is_prompt(new.tags) then
    perform private.webhook_tags_changed(new.project_id, new.id, 'prompt_tag', jsonb_build_object('name', new.name),
      old.tags, new.tags);
  end if;
  return null;
end
$$;
create trigger webhook_model_made after insert on insighter.registered_models
for each row execute function private.webhook_model();
create trigger webhook_model_tagged after update of tags on insighter.registered_models
for each row when (old.tags is distinct from new.tags) execute function private.webhook_model();

create function private.webhook_version() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_name text;
  v_of jsonb;
begin
  select name into v_name from insighter.registered_models where project_id = new.project_id and id = new.model_id;
  v_of := jsonb_build_object('name', v_name, 'version', new.version::text);
  if tg_op = 'UPDATE' then
    perform private.webhook_tags_changed(new.project_id, new.model_id,
      case when private.is_prompt(new.tags) then 'prompt_version_tag' else 'model_version_tag' end, v_of, old.tags, new.tags);
  elsif private.is_prompt(new.tags) then
    perform private.webhook_event(new.project_id, new.model_id, 'prompt_version.created', v_of || jsonb_build_object(
      'template', new.tags ->> 'mlflow.prompt.text', 'tags', private.webhook_tags(new.tags),
      'description', nullif(new.description, '')));
  else
    perform private.webhook_event(new.project_id, new.model_id, 'model_version.created', v_of || jsonb_build_object(
      'source', new.source, 'run_id', private.hex(new.run_id), 'tags', new.tags,
      'description', nullif(new.description, '')));
  end if;
  return null;
end
$$;
create trigger webhook_version_made after insert on insighter.model_versions
for each row execute function private.webhook_version();
create trigger webhook_version_tagged after update of tags on insighter.model_versions
for each row when (old.tags is distinct from new.tags) execute function private.webhook_version();

-- Of a model that goes as a whole nothing is told of each alias.
create function private.webhook_alias() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid := case when tg_op = 'DELETE' then old.project_id else new.project_id end;
  v_id uuid := case when tg_op = 'DELETE' then old.model_id else new.model_id end;
  v_model insighter.registered_models;
begin
  select * into v_model from insighter.registered_models where project_id = v_project and id = v_id;
  if not found then
    return null;
  end if;
  perform private.webhook_event(v_project, v_id,
    (case when private.is_prompt(v_model.tags) then 'prompt_alias' else 'model_version_alias' end)
      || case when tg_op = 'DELETE' then '.deleted' else '.created' end,
    jsonb_build_object('name', v_model.name) || case when tg_op = 'DELETE' then jsonb_build_object('alias', old.alias)
      else jsonb_build_object('alias', new.alias, 'version', new.version::text) end);
  return null;
end
$$;
create trigger webhook_alias after insert or delete on insighter.model_aliases
for each row execute function private.webhook_alias();
create trigger webhook_alias_moved after update of version on insighter.model_aliases
for each row when (old.version <> new.version) execute function private.webhook_alias();

-- ---- the API --------------------------------------------------------------------------------------------------------

create function private.webhook_json(
  p_project_id uuid, p_id uuid
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', w.id, 'project_id', w.project_id, 'name', w.name, 'description', w.description,
    'url', w.url, 'events', to_jsonb(w.events), 'status', w.status, 'created', private.ms(w.created_at),
    'updated', private.ms(w.updated_at), 'created_at', w.created_at, 'updated_at', w.updated_at,
    'created_by', private.person_name(w.created_by),
    'last', (select jsonb_build_object('status', d.status, 'event', d.event, 'response_status', d.response_status,
        'error', d.error, 'at', coalesce(d.finished_at, d.created_at))
      from insighter.webhook_deliveries d where d.project_id = w.project_id and d.webhook_id = w.id
      order by d.id desc limit 1))
  from insighter.webhooks w where w.project_id = p_project_id and w.id = p_id
$$;

-- For reading, what an archived project calls is seen too.
create function private.webhooks_of(p_project_id uuid, p_change boolean) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if p_change or p_project_id not in (select private.project_ids('admin')) then
    return (private.project_for(p_project_id, 'admin')).id;
  end if;
  return v_project.id;
end
$$;

create function private.webhook(p_id text, p_project_id uuid default null, p_change boolean default true) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid;
begin
  if p_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select project_id into v_project from insighter.webhooks
    where id = p_id::uuid and (p_project_id is null or project_id = p_project_id);
  end if;
  if v_project is null then
    if p_project_id is not null then
      perform private.webhooks_of(p_project_id, p_change);
    end if;
    perform private.fail(404, 'webhook_not_found', format('Webhook with ID %s not found.', p_id));
  end if;
  return private.webhooks_of(v_project, p_change);
end
$$;

create function private.webhook_events(p_events jsonb) returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_events text[];
  v_unknown text;
begin
  select array_agg(distinct e order by e) into v_events from jsonb_array_elements_text(p_events) e;
  if v_events is null then
    perform private.fail(422, 'no_events', 'Webhook events must be a non-empty list', 'say which events it is called for');
  end if;
  select e into v_unknown from unnest(v_events) e where e <> all (array['registered_model.created', 'model_version.created',
    'model_version_tag.set', 'model_version_tag.deleted', 'model_version_alias.created', 'model_version_alias.deleted',
    'prompt.created', 'prompt_version.created', 'prompt_tag.set', 'prompt_tag.deleted', 'prompt_version_tag.set',
    'prompt_version_tag.deleted', 'prompt_alias.created', 'prompt_alias.deleted']);
  if v_unknown is not null then
    perform private.fail(422, 'unknown_event', format('there is no event "%s"', v_unknown),
      'such as model_version.created or model_version_alias.created');
  end if;
  return v_events;
end
$$;

create function public.webhooks_create(
  p_name text, p_url text, p_events jsonb, p_description text default '', p_secret text default null,
  p_status text default 'ACTIVE', p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.context_project_for('admin', p_project_id);
  v_id uuid := gen_random_uuid();
begin
  perform pg_catalog.pg_advisory_xact_lock(hashtextextended('webhooks ' || v_project.id, 0));
  if (select count(*) from insighter.webhooks where project_id = v_project.id) >= 50 then
    perform private.fail(409, 'too_many_webhooks', 'a project has 50 webhooks at most', 'delete one that nobody needs');
  end if;
  insert into insighter.webhooks (id, project_id, name, url, events, description, secret, status)
  values (v_id, v_project.id, p_name, p_url, private.webhook_events(p_events), p_description, nullif(p_secret, ''), p_status);
  return private.webhook_json(v_project.id, v_id);
end
$$;

create function public.webhooks_get(p_id text, p_project_id uuid default null) returns jsonb
language sql stable set search_path = '' as $$
  select private.webhook_json(private.webhook(p_id, p_project_id, false), p_id::uuid)
$$;

-- Newest first. Without a project: of the caller's. The cursor is how many were told.
create function public.webhooks_list(p_project_id uuid default null, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := coalesce(p_project_id, private.context_project());
  v_offset bigint := case when p_cursor ~ '^[0-9]{1,9}$' then p_cursor::bigint else 0 end;
  v_answer jsonb;
begin
  perform private.webhooks_of(v_project, false);
  with page as (
    select w.id, row_number() over (order by w.created_at desc, w.id) as position
    from insighter.webhooks w where w.project_id = v_project
    order by w.created_at desc, w.id offset v_offset limit p_limit
  )
  select jsonb_build_object('items', coalesce(jsonb_agg(private.webhook_json(v_project, id) order by position), '[]'),
    'cursor', case when count(*) = p_limit then (v_offset + p_limit)::text end)
  into v_answer from page;
  return v_answer;
end
$$;

-- DEFINER: no role has the column.
create function private.webhook_secret(p_project_id uuid, p_id uuid, p_secret text) returns void
language sql volatile security definer set search_path = '' as $$
  update insighter.webhooks set secret = p_secret
  where project_id = p_project_id and id = p_id and project_id in (select private.project_ids('admin'))
$$;

-- What is null stays as it is; an empty secret takes it off.
create function public.webhooks_update(
  p_id text, p_name text default null, p_url text default null, p_events jsonb default null,
  p_description text default null, p_secret text default null, p_status text default null, p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := private.webhook(p_id, p_project_id);
begin
  update insighter.webhooks set
    name = coalesce(p_name, name), url = coalesce(p_url, url), description = coalesce(p_description, description),
    events = case when p_events is null then events else private.webhook_events(p_events) end,
    status = coalesce(p_status, status), updated_at = now()
  where project_id = v_project and id = p_id::uuid;
  if p_secret is not null then
    perform private.webhook_secret(v_project, p_id::uuid, nullif(p_secret, ''));
  end if;
  return private.webhook_json(v_project, p_id::uuid);
end
$$;

create function public.webhooks_delete(p_id text, p_project_id uuid default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := private.webhook(p_id, p_project_id);
begin
  delete from insighter.webhooks where project_id = v_project and id = p_id::uuid;
  return '{}';
end
$$;

create function private.delivery_json(d insighter.webhook_deliveries) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', d.id, 'delivery', d.delivery, 'event', d.event, 'payload', d.payload, 'status', d.status,
    'attempts', d.attempts, 'next_at', case when d.status = 'pending' then d.next_at end,
    'response_status', d.response_status, 'response_body', d.response_body, 'error', d.error,
    'created_at', d.created_at, 'finished_at', d.finished_at)
$$;

-- Newest first, of the last thirty days; the cursor is the last one's number.
create function public.webhooks_deliveries(
  p_id text, p_project_id uuid default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.webhook(p_id, p_project_id, false);
  v_answer jsonb;
begin
  with page as (
    select d from insighter.webhook_deliveries d
    where d.project_id = v_project and d.webhook_id = p_id::uuid
      and (p_cursor is null or p_cursor !~ '^[0-9]{1,18}$' or d.id < p_cursor::bigint)
    order by d.id desc limit p_limit
  )
  select jsonb_build_object('items', coalesce(jsonb_agg(private.delivery_json(d) order by (d).id desc), '[]'),
    'cursor', case when count(*) = p_limit then min((d).id)::text end)
  into v_answer from page;
  return v_answer;
end
$$;

-- DEFINER: deliveries are written by what happened. Whoever asks was checked before, and is once more.
create function private.webhook_send(
  p_project_id uuid, p_id uuid, p_event text, p_payload jsonb, p_delivery bigint
) returns insighter.webhook_deliveries
language plpgsql security definer set search_path = '' as $$
declare
  v_made insighter.webhook_deliveries;
begin
  if p_project_id not in (select private.project_ids('admin')) then
    return null;
  elsif p_delivery is null then
    insert into insighter.webhook_deliveries (project_id, webhook_id, event, payload, taken_until)
    select w.project_id, w.id, coalesce(p_event, w.events[1]), coalesce(p_payload, '{}'), now() + interval '45 seconds'
    from insighter.webhooks w where w.project_id = p_project_id and w.id = p_id
    returning * into v_made;
  else
    update insighter.webhook_deliveries set status = 'pending', next_at = now(), taken_until = now() + interval '45 seconds',
      attempts = 0, finished_at = null, error = null, response_status = null, response_body = null
    where project_id = p_project_id and webhook_id = p_id and id = p_delivery
      and (model_id is null or not private.is_closed(project_id, model_id))
      and (status <> 'pending' or coalesce(taken_until, now()) <= now())
    returning * into v_made;
  end if;
  return v_made;
end
$$;

-- The same once more, under the same delivery id, or an example for a test: a delivery that nobody else takes meanwhile.
create function public.webhooks_send(
  p_id text, p_event text default null, p_payload jsonb default null, p_delivery bigint default null,
  p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := private.webhook(p_id, p_project_id);
  v_made insighter.webhook_deliveries := private.webhook_send(v_project, p_id::uuid, p_event, p_payload, p_delivery);
begin
  if v_made.id is not null then
    return private.delivery_json(v_made);
  elsif exists (select from insighter.webhook_deliveries
    where project_id = v_project and webhook_id = p_id::uuid and id = p_delivery and status <> 'pending') then
    perform private.fail(403, 'model_closed', 'its model is more closed than the project now, and told to nobody outside',
      'open the model to the whole project first');
  elsif exists (select from insighter.webhook_deliveries
    where project_id = v_project and webhook_id = p_id::uuid and id = p_delivery) then
    perform private.fail(409, 'delivery_under_way', 'this delivery is being sent', 'look again in a moment');
  end if;
  perform private.fail(404, 'delivery_not_found', 'no such delivery of this webhook');
end
$$;

-- ---- for the servers ------------------------------------------------------------------------------------------------

-- Of a webhook that was switched off meanwhile, a project in the trash, or a model that was closed nothing is sent.
create function private.is_sendable(d insighter.webhook_deliveries) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from insighter.webhooks w where w.id = d.webhook_id and w.status = 'ACTIVE')
    and not exists (select from insighter.trashed_projects t where t.project_id = d.project_id)
    and (d.model_id is null or not private.is_closed(d.project_id, d.model_id))
$$;

-- What is due, or one that a request is for, with address and key; for the platform alone. DEFINER: of all projects.
create function public.webhooks_take(p_limit int default 20, p_delivery bigint default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_answer jsonb;
begin
  perform private.must_be_platform();
  delete from insighter.webhook_deliveries where finished_at < now() - interval '30 days';
  -- What waited that long, for a webhook that was switched off or a project in the trash, is no news any more.
  update insighter.webhook_deliveries set status = 'failed', error = 'not sent in time', finished_at = now()
  where status = 'pending' and created_at < now() - interval '30 days' and coalesce(taken_until, now()) <= now();
  with due as (
    select d.id from insighter.webhook_deliveries d
    where case when p_delivery is not null then d.id = p_delivery
      else d.status = 'pending' and d.next_at <= now() and (d.taken_until is null or d.taken_until <= now())
        and private.is_sendable(d) end
    order by d.id limit p_limit
    for update skip locked
  ), taken as (
    update insighter.webhook_deliveries d set taken_until = now() + interval '45 seconds', attempts = attempts + 1
    from due where d.id = due.id
    returning d.*
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'delivery', t.delivery, 'event', t.event, 'payload', t.payload,
    'attempts', t.attempts, 'url', w.url, 'secret', w.secret,
    'workspace', (select p.slug from insighter.projects p where p.id = t.project_id)) order by t.id), '[]')
  into v_answer
  from taken t join insighter.webhooks w on w.id = t.webhook_id;
  return v_answer;
end
$$;

-- What came of it. p_again: the seconds until it is tried again; null where it is not.
create function public.webhooks_sent(
  p_id bigint, p_attempt int, p_delivered boolean, p_response_status int default null, p_response_body text default null,
  p_error text default null, p_again int default null
) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_found insighter.webhook_deliveries;
begin
  perform private.must_be_platform();
  update insighter.webhook_deliveries set
    status = case when p_delivered then 'delivered' when p_again is null then 'failed' else 'pending' end,
    next_at = case when p_again is null then next_at else now() + make_interval(secs => p_again) end,
    taken_until = null, response_status = p_response_status, response_body = left(p_response_body, 4000),
    error = left(p_error, 1000), finished_at = case when p_delivered or p_again is null then now() end
  -- Who was so slow that another took it is not asked any more.
  where id = p_id and status = 'pending' and attempts = p_attempt
  returning * into v_found;
  return case when v_found.id is null then null else private.delivery_json(v_found) end;
end
$$;

-- When the next one is due that nobody has in hand; null where there is none.
create function public.webhooks_next() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.must_be_platform();
  return (select to_jsonb(greatest(0, extract(epoch from min(greatest(d.next_at, coalesce(d.taken_until, d.next_at))) - now())))
    from insighter.webhook_deliveries d where d.status = 'pending' and private.is_sendable(d));
end
$$;

call private.expose('webhooks_create', 'webhooks_get', 'webhooks_list', 'webhooks_update', 'webhooks_delete',
  'webhooks_deliveries', 'webhooks_send', 'webhooks_take', 'webhooks_sent', 'webhooks_next');
grant execute on function private.webhooks_of, private.webhook, private.webhook_json, private.webhook_events, private.webhook_send,
  private.webhook_secret, private.delivery_json to authenticated;
-- None of these is for callers, whatever the server grants by default.
revoke all on function private.webhook_event, private.webhook_tags_changed, private.webhook_tags, private.webhook_model,
  private.webhook_version, private.webhook_alias, private.is_closed, private.is_sendable from public, anon, authenticated, service_role;
