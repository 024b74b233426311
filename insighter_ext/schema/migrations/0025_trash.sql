-- The trash: what is deleted is hidden from everybody for a while, comes back with everything that hangs on it, and goes for
-- good after a period, or when an admin says so.
--
-- Nothing of a deleted asset is touched but its name, which it gives free: its row is moved to a name nobody would choose,
-- and the one it had is kept here. So whatever points to it (versions, aliases, tags, restrictions, comments) is there when
-- it comes back. That it is hidden is said in one place, private.is_hidden, which the policies of its tables ask, and in
-- private.unseen_assets, which those of all other tables ask. Experiments and runs have a deletion of their own, MLflow's,
-- which its clients go on to see; a row here says until when.

-- ---- tables ---------------------------------------------------------------------------------------------------------

create table insighter.trash (
  project_id uuid not null,
  asset_kind text not null,
  asset_id text not null,
  -- As in the catalogue of assets: what is hidden by it. Null for experiments and runs.
  uuid uuid,
  -- As it was; what it is called again when it is restored.
  name text not null check (char_length(name) between 1 and 8000),
  deleted_by uuid not null default auth.uid(),
  deleted_at timestamptz not null default now(),
  purge_after timestamptz not null default now(),
  primary key (project_id, asset_kind, asset_id),
  foreign key (project_id, asset_kind, asset_id) references insighter.assets (project_id, kind, id) on delete cascade
);
create index trash_newest on insighter.trash (project_id, deleted_at desc, asset_kind, asset_id);
create index trash_due on insighter.trash (purge_after);

-- Whole projects. While a row is here, nobody is a member.
create table insighter.trashed_projects (
  project_id uuid primary key references insighter.projects (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 100),
  deleted_by uuid not null default auth.uid(),
  deleted_at timestamptz not null default now(),
  purge_after timestamptz not null default now()
);

-- Objects that a purge let go and that are not removed from the store yet: it is written with the purge, and goes when they
-- are. Whoever is killed in between leaves them to the next round.
create table insighter.released_objects (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  -- Not called a key: it needs nothing any more, and keeps nothing alive.
  object text not null check (object ~ ('^' || project_id::text || '/[0-9a-f]{64}$')),
  -- When the last of the rows that named it was written: an object stored since is another upload's.
  newest timestamptz not null,
  taken_at timestamptz,
  primary key (project_id, object)
);

-- How many days the trash keeps things, the same for all servers of a database: the one started last says it.
create table insighter.trash_period (
  days int not null check (days between 0 and 36500),
  only_row boolean primary key default true check (only_row)
);
insert into insighter.trash_period (days) values (30);

-- ---- what is hidden -------------------------------------------------------------------------------------------------

-- Restricted for the caller, or in the trash for everybody. private.is_restricted stays the rule for what tells of an asset
-- (events, the audit, what runs noted), and for the files of a model, which are those of a run: a deletion neither closes nor
-- opens these.
create or replace function private.is_hidden(p_kind text, p_project_id uuid, p_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  if exists (select from insighter.trash t
    where t.project_id = p_project_id and t.asset_kind = p_kind and t.asset_id = p_id::text) then
    return true;
  end if;
  return private.is_restricted(p_kind, p_project_id, p_id);
end
$$;

create or replace function private.unseen_assets() returns setof uuid
language plpgsql stable security definer rows 10 set search_path = '' as $$
begin
  return query select private.hidden_assets()
    union all select t.uuid from insighter.trash t
    where t.uuid is not null and t.project_id in (select private.project_ids());
end
$$;

-- As they were, but for projects in the trash, in which nobody has a role.
create or replace function private.project_ids(p_role insighter.project_role default 'viewer') returns setof uuid
language plpgsql stable security definer rows 20 set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_claims jsonb := auth.jwt() -> 'insighter';
  v_only uuid := (v_claims ->> 'project')::uuid;
begin
  if v_user is null or (v_claims ->> 'role')::insighter.project_role < p_role then
    return;
  end if;
  if v_only is not null then
    return query select m.project_id from insighter.members m
      where m.user_id = v_user and m.project_id = v_only and m.role >= p_role
        and not exists (select from insighter.trashed_projects t where t.project_id = m.project_id);
  else
    return query select m.project_id from insighter.members m
      where m.user_id = v_user and m.role >= p_role
        and not exists (select from insighter.trashed_projects t where t.project_id = m.project_id);
  end if;
  if p_role = 'viewer' then
    return query select p.id from insighter.projects p
      where p.visibility = 'public' and (v_only is null or p.id = v_only)
        and not exists (select from insighter.trashed_projects t where t.project_id = p.id);
    return query select p.id from insighter.organisation_members o
      join insighter.projects p on p.organisation_id = o.organisation_id and p.visibility = 'team'
      where o.user_id = v_user and (v_only is null or p.id = v_only)
        and not exists (select from insighter.trashed_projects t where t.project_id = p.id);
  end if;
end
$$;

create or replace function private.membership_ids() returns setof uuid
language plpgsql stable security definer rows 20 set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_only uuid := (auth.jwt() -> 'insighter' ->> 'project')::uuid;
begin
  return query select m.project_id from insighter.members m
    where m.user_id = v_user and (v_only is null or m.project_id = v_only)
      and not exists (select from insighter.trashed_projects t where t.project_id = m.project_id);
end
$$;

create or replace function private.role_in(p_project_id uuid) returns insighter.project_role
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_claims jsonb := auth.jwt() -> 'insighter';
  v_role insighter.project_role;
begin
  if (v_claims ->> 'project')::uuid <> p_project_id
    or exists (select from insighter.trashed_projects t where t.project_id = p_project_id) then
    return null;
  end if;
  select m.role into v_role from insighter.members m where m.project_id = p_project_id and m.user_id = v_user;
  if not found and v_user is not null then
    select 'viewer' into v_role from insighter.projects p
    where p.id = p_project_id and (p.visibility = 'public' or (p.visibility = 'team' and exists (
      select from insighter.organisation_members o
      where o.organisation_id = p.organisation_id and o.user_id = v_user)));
  end if;
  return case when v_role is not null
    then least(v_role, (v_claims ->> 'role')::insighter.project_role) end;
end
$$;

-- An invitation to a project waits until the project comes back.
create or replace function private.invitation_open(i insighter.invitations) returns boolean
language sql stable security definer set search_path = '' as $$
  select i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > now()
    and case when i.project_id is not null
      then exists (select from insighter.members m
        where m.project_id = i.project_id and m.user_id = i.invited_by and m.role >= 'admin')
        and not exists (select from insighter.trashed_projects t where t.project_id = i.project_id)
      else exists (select from insighter.organisation_members m
        where m.organisation_id = i.organisation_id and m.user_id = i.invited_by and m.role = 'admin') end
$$;

-- ---- in and out -----------------------------------------------------------------------------------------------------

-- The table of a kind whose row goes with a purge, and gives its name free before; but a notebook's, which others may have
-- too. A kind joins with a line here, one in private.trash_objects when it has stored bytes, and policies on its tables that
-- ask private.is_hidden.
create function private.trash_table(p_kind text) returns regclass
language sql immutable set search_path = '' as $$
  select case p_kind
    when 'dataset' then 'insighter.datasets'
    when 'notebook' then 'insighter.notebooks'
    when 'model' then 'insighter.registered_models'
    when 'deployment' then 'insighter.deployments'
  end::regclass
$$;

create function private.trash_days() returns int
language sql stable security definer set search_path = '' as $$
  select p.days from insighter.trash_period p
$$;

-- A name that nobody has: in letters, digits and dashes, which every kind takes.
create function private.trash_name(p_name text) returns text
language sql volatile set search_path = '' as $$
  select coalesce(nullif(btrim(left(regexp_replace(lower(p_name), '[^a-z0-9]+', '-', 'g'), 30), '-'), '') || '-', '')
    || 'trashed-' || left(replace(gen_random_uuid()::text, '-', ''), 16)
$$;

-- DEFINER: names are not everybody's to change, nor is it a caller's to say how long something is kept.
create function private.trashed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select a.uuid, a.name into new.uuid, new.name from insighter.assets a
  where a.project_id = new.project_id and a.kind = new.asset_kind and a.id = new.asset_id;
  new.purge_after := new.deleted_at + make_interval(days => private.trash_days());
  if new.asset_kind = 'notebook' then
    update insighter.notebooks set trashed = true where project_id = new.project_id and id = new.uuid;
  elsif private.trash_table(new.asset_kind) is not null then
    execute format('update %s set name = $1 where project_id = $2 and id = $3', private.trash_table(new.asset_kind))
      using private.trash_name(new.name), new.project_id, new.uuid;
  end if;
  if new.asset_kind = 'deployment' then
    update insighter.deployments set status = 'stopped', reason = null, updated_at = now()
    where id = new.uuid and status in ('starting', 'healthy');
  end if;
  return new;
end
$$;
create trigger trashed before insert on insighter.trash for each row execute function private.trashed();

-- Out of the trash: back under its name, and told. Of what was purged nothing is there any more. DEFINER: as above; and of a
-- model the event has to say which one it is, for another may have its name meanwhile.
create function private.untrashed() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_count int := 0;
begin
  if old.asset_kind = 'notebook' then
    -- Where its path leads to another notebook by now, it is known by its id alone.
    update insighter.notebooks n set trashed = false, marked = n.marked or exists (
      select from insighter.notebooks o where o.project_id = n.project_id and o.created_by = n.created_by
        and o.path = n.path and not (o.marked or o.trashed))
    where n.project_id = old.project_id and n.id = old.uuid;
    get diagnostics v_count = row_count;
  elsif private.trash_table(old.asset_kind) is not null then
    execute format('update %s set name = $1 where project_id = $2 and id = $3', private.trash_table(old.asset_kind))
      using old.name, old.project_id, old.uuid;
    get diagnostics v_count = row_count;
  end if;
  if v_count > 0 then
    perform private.trash_told(old, 'restored', '{}');
  end if;
  return null;
end
$$;
create trigger untrashed after delete on insighter.trash for each row execute function private.untrashed();

create function private.trash_told(t insighter.trash, p_verb text, p_data jsonb) returns void
language sql volatile security definer set search_path = '' as $$
  insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_uuid, asset_name, data)
  values (t.project_id, auth.uid(), coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person'), p_verb, t.asset_kind,
    case t.asset_kind when 'model' then t.name else t.asset_id end, t.uuid, t.name, p_data)
$$;

-- The same of a project: its name, and what runs.
create function private.project_trashed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select p.name into new.name from insighter.projects p where p.id = new.project_id;
  new.purge_after := new.deleted_at + make_interval(days => private.trash_days());
  update insighter.projects set name = private.trash_name(new.name) where id = new.project_id;
  update insighter.deployments set status = 'stopped', reason = null, updated_at = now()
  where project_id = new.project_id and status in ('starting', 'healthy');
  return new;
end
$$;
create trigger project_trashed before insert on insighter.trashed_projects
for each row execute function private.project_trashed();

create function private.project_untrashed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update insighter.projects set name = old.name where id = old.project_id;
  return null;
end
$$;
create trigger project_untrashed after delete on insighter.trashed_projects
for each row execute function private.project_untrashed();

-- The caller's projects in the trash: those it owned. A credential's ceiling and its project count as everywhere.
create function private.trashed_ids() returns setof uuid
language sql stable security definer rows 5 set search_path = '' as $$
  select t.project_id from insighter.trashed_projects t
  join insighter.members m on m.project_id = t.project_id and m.user_id = auth.uid() and m.role = 'owner'
  where coalesce((auth.jwt() -> 'insighter' ->> 'role'), 'owner') = 'owner'
    and t.project_id = coalesce((auth.jwt() -> 'insighter' ->> 'project')::uuid, t.project_id)
$$;

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.trash enable row level security;
alter table insighter.trashed_projects enable row level security;
alter table insighter.released_objects enable row level security;
alter table insighter.trash_period enable row level security;

-- Whoever may delete sees what was deleted, and may take it back. What is restricted is so here too.
grant select, insert (project_id, asset_kind, asset_id), update (name), delete on insighter.trash to authenticated;
create policy trash_select on insighter.trash for select to authenticated
  using (project_id in (select private.project_ids('editor')));
create policy trash_insert on insighter.trash for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and deleted_by = (select auth.uid()));
create policy trash_update on insighter.trash for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy trash_delete on insighter.trash for delete to authenticated
  using (project_id in (select private.project_ids('editor')));
create policy trash_restricted on insighter.trash as restrictive for all to authenticated
  using (uuid is null or not private.is_restricted(asset_kind, project_id, uuid));

grant select, insert (project_id), update (name), delete on insighter.trashed_projects to authenticated;
create policy trashed_projects_select on insighter.trashed_projects for select to authenticated
  using (project_id in (select private.trashed_ids()));
create policy trashed_projects_insert on insighter.trashed_projects for insert to authenticated
  with check (project_id in (select private.project_ids('owner')) and deleted_by = (select auth.uid()));
create policy trashed_projects_update on insighter.trashed_projects for update to authenticated
  using (project_id in (select private.trashed_ids()) and (select private.in_person()))
  with check (project_id in (select private.trashed_ids()));
create policy trashed_projects_delete on insighter.trashed_projects for delete to authenticated
  using (project_id in (select private.trashed_ids()) and (select private.in_person()));

-- Written by the purge alone.
grant select, update (taken_at), delete on insighter.released_objects to authenticated;
create policy released_objects_select on insighter.released_objects for select to authenticated
  using (project_id in (select private.project_ids('editor')));
create policy released_objects_update on insighter.released_objects for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy released_objects_delete on insighter.released_objects for delete to authenticated
  using (project_id in (select private.project_ids('editor')));

grant select on insighter.trash_period to authenticated;
create policy trash_period_select on insighter.trash_period for select to authenticated using (only_row);

call private.audited('insighter.trash', 'trash', 'project_id', 'asset_kind,asset_id', 'name');
call private.audited('insighter.trashed_projects', 'trashed_project', 'project_id', 'project_id', 'name');

-- Rows of the audit that tell of what is restricted: in the trash too.
create policy audit_trash_restricted on insighter.audit as restrictive for all to authenticated
  using (asset_kind <> 'trash' or split_part(asset_id, ':', 2) not in (select h::text from private.hidden_assets() h));

-- ---- what goes for good ---------------------------------------------------------------------------------------------

-- Roots of artifacts that a purge of a run or an experiment lets go: its own, and those of the models its runs logged. Not
-- those that a version of a registered model stands on.
create function private.trash_roots(p_project_id uuid, p_kind text, p_id text) returns setof text
language sql stable set search_path = '' as $$
  with runs as (
    select r.id from insighter.runs r
    where r.project_id = p_project_id and (
      (p_kind = 'run' and private.hex(r.id) = p_id) or (p_kind = 'experiment' and r.experiment_id::text = p_id))
  ), roots as (
    select 'runs/' || private.hex(r.id) as root from runs r
    union select 'models/' || g.id from insighter.logged_models g
    where g.project_id = p_project_id
      and (g.source_run_id in (select r.id from runs r) or (p_kind = 'experiment' and g.experiment_id::text = p_id))
  )
  select o.root from roots o where not exists (
    select from insighter.model_versions v where v.project_id = p_project_id and v.root = o.root)
$$;

-- The objects that rows of an asset name, once for each time they do.
create function private.trash_objects(p_project_id uuid, p_kind text, p_id text)
returns table (object text, size bigint, since timestamptz)
language plpgsql stable set search_path = '' as $$
begin
  if p_kind = 'dataset' then
    return query select o.object, o.size, v.created_at from insighter.dataset_versions v
      cross join lateral (values (v.object_key, v.size), (v.table_object_key, v.table_size)) o (object, size)
      where v.project_id = p_project_id and v.dataset_id = p_id::uuid;
  elsif p_kind = 'notebook' then
    return query select v.object_key, v.size, v.created_at from insighter.notebook_versions v
      where v.project_id = p_project_id and v.notebook_id = p_id::uuid;
  elsif p_kind in ('run', 'experiment') then
    return query select a.object_key, a.size, a.created_at from insighter.artifacts a
      where a.project_id = p_project_id
        and a.root in (select r from private.trash_roots(p_project_id, p_kind, p_id) r);
  end if;
end
$$;

-- How often these objects are named, by whatever table: every column whose name ends in "object_key" counts.
create function private.objects_counted(p_objects text[]) returns table (object text, times bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_named text;
begin
  select string_agg(format('select %I as object from %s where %1$I = any ($1)', a.attname, c.oid::regclass), ' union all ')
  into v_named
  from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
  where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p')
    and a.attname like '%object\_key' and not a.attisdropped;
  return query execute 'select n.object, count(*) from (' || v_named || ') n group by n.object' using p_objects;
end
$$;

-- What a purge of entries would free: of each the objects that nothing else names. DEFINER: what is in the trash is hidden
-- from everybody, and others' rows count.
create function private.trash_weights(p_project_id uuid, p_entries jsonb)
returns table (kind text, id text, objects bigint, bytes bigint)
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_project_id not in (select private.project_ids('editor')) then
    return;
  end if;
  return query
    with own as materialized (
      select t.asset_kind, t.asset_id, o.object, max(o.size) as size, count(*) as times
      from jsonb_to_recordset(p_entries) as e (kind text, id text)
      join insighter.trash t on t.project_id = p_project_id and t.asset_kind = e.kind and t.asset_id = e.id
      cross join lateral private.trash_objects(t.project_id, t.asset_kind, t.asset_id) o
      where t.uuid is null or not private.is_restricted(t.asset_kind, t.project_id, t.uuid)
      group by 1, 2, 3
    )
    select w.asset_kind, w.asset_id, count(*), sum(w.size)::bigint
    from own w join private.objects_counted(array(select distinct x.object from own x)) c
      on c.object = w.object and c.times = w.times
    group by 1, 2;
end
$$;

-- The versions of registered models that stand on files of a run or an experiment: as long as they are there, it stays.
create function private.trash_needed(p_project_id uuid, p_kind text, p_id text) returns text[]
language sql stable set search_path = '' as $$
  select coalesce(array_agg(n.label order by n.label), '{}') from (
    select distinct case when private.is_restricted('model', m.project_id, m.id) then 'a model that is not shared with you'
      else coalesce(t.name, m.name) || ' v' || v.version end as label
    from insighter.model_versions v
    join insighter.registered_models m on m.project_id = v.project_id and m.id = v.model_id
    left join insighter.trash t on t.project_id = m.project_id and t.asset_kind = 'model' and t.asset_id = m.id::text
    where v.project_id = p_project_id and (
      (p_kind = 'run' and v.root = 'runs/' || p_id)
      or (p_kind = 'experiment' and (
        v.root in (select 'runs/' || private.hex(r.id) from insighter.runs r
          where r.project_id = p_project_id and r.experiment_id::text = p_id)
        or v.root in (select 'models/' || g.id from insighter.logged_models g
          where g.project_id = p_project_id and g.experiment_id::text = p_id))))) n
$$;

-- Delete an entry of the trash for good, note the objects that nothing names any more, and tell. Asks itself for the right:
-- an admin's, or that its time is over. Null where it is not there (any more). DEFINER: what is in the trash is hidden from
-- everybody, and nobody else writes notes of released objects.
create function private.trash_end(p_project_id uuid, p_kind text, p_id text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_entry insighter.trash;
  v_role insighter.project_role := private.role_in(p_project_id);
  v_needed text[];
  v_objects jsonb;
  v_roots text[];
  v_released text[];
  v_told record;
begin
  select * into v_entry from insighter.trash t
  where t.project_id = p_project_id and t.asset_kind = p_kind and t.asset_id = p_id for update skip locked;
  if not found or v_role is null or v_role < 'editor' or (v_role < 'admin' and v_entry.purge_after > now())
    or (v_entry.uuid is not null and private.is_restricted(p_kind, p_project_id, v_entry.uuid)) then
    return null;
  end if;
  v_needed := private.trash_needed(p_project_id, p_kind, p_id);
  select coalesce(jsonb_agg(to_jsonb(o)), '[]') into v_objects from (
    select n.object, max(n.size) as size, max(n.since) as since
    from private.trash_objects(p_project_id, p_kind, p_id) n group by n.object) o;
  -- Told before: what belongs to it goes with the catalogue's row.
  if v_needed = '{}' then
    perform private.trash_told(v_entry, 'purged', jsonb_build_object('due', v_entry.purge_after <= now()));
  end if;
  if private.trash_table(p_kind) is not null then
    execute format('delete from %s where project_id = $1 and id = $2', private.trash_table(p_kind))
      using p_project_id, v_entry.uuid;
  else
    v_roots := array(select private.trash_roots(p_project_id, p_kind, p_id));
    delete from insighter.artifacts a where a.project_id = p_project_id and a.root = any (v_roots);
    delete from insighter.logged_models g where g.project_id = p_project_id and 'models/' || g.id = any (v_roots);
    delete from insighter.runs r
    where r.project_id = p_project_id and 'runs/' || private.hex(r.id) = any (v_roots) and r.deleted_at is not null;
    if p_kind = 'experiment' and v_needed = '{}' then
      delete from insighter.experiments e
      where e.project_id = p_project_id and e.id = p_id::bigint and e.deleted_at is not null;
    end if;
  end if;
  v_released := private.objects_orphaned(array(select o ->> 'object' from jsonb_array_elements(v_objects) o));
  insert into insighter.released_objects as r (project_id, object, newest)
  select p_project_id, o ->> 'object', (o ->> 'since')::timestamptz from jsonb_array_elements(v_objects) o
  where o ->> 'object' = any (v_released)
  on conflict (project_id, object) do update set newest = greatest(r.newest, excluded.newest), taken_at = null;
  select count(*) as objects, coalesce(sum((o ->> 'size')::bigint), 0) as bytes into v_told
  from jsonb_array_elements(v_objects) o where not o ->> 'object' = any (v_released);
  return jsonb_build_object('kind', p_kind, 'id', p_id, 'name', v_entry.name, 'purged', v_needed = '{}',
    'needed_by', v_needed, 'kept_objects', v_told.objects, 'kept_bytes', v_told.bytes);
end
$$;

-- ---- the API --------------------------------------------------------------------------------------------------------

create function private.trash_json(t insighter.trash) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('kind', t.asset_kind, 'id', t.asset_id, 'name', t.name, 'deleted_at', t.deleted_at,
    'deleted_by', coalesce((select f.display_name from insighter.profiles f where f.user_id = t.deleted_by), 'someone'),
    'purge_after', t.purge_after)
$$;

-- Move an asset to the trash.
create function private.trash_put(p_project_id uuid, p_kind text, p_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_entry insighter.trash;
begin
  insert into insighter.trash (project_id, asset_kind, asset_id) values (p_project_id, p_kind, p_id)
  returning * into v_entry;
  return private.trash_json(v_entry);
exception when unique_violation then  -- another request was faster
  return private.trash_json(private.trash_entry(p_project_id, p_kind, p_id));
end
$$;

-- A project as seen by the caller, whose trash is the caller's to look at.
create function private.trash_project(p_project_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if p_project_id not in (select private.project_ids('editor')) then
    perform private.fail(403, 'role_too_low', format('this takes the role editor in "%s"', v_project.name),
      'ask an admin of the project');
  end if;
  return v_project;
end
$$;

create function private.trash_entry(p_project_id uuid, p_kind text, p_id text) returns insighter.trash
language plpgsql stable set search_path = '' as $$
declare
  v_entry insighter.trash;
begin
  select * into v_entry from insighter.trash t
  where t.project_id = p_project_id and t.asset_kind = p_kind and t.asset_id = p_id;
  if not found then
    perform private.fail(404, 'not_in_trash', 'that is not in the trash (any more)',
      'GET /insighter/api/projects/<project id>/trash lists what is');
  end if;
  return v_entry;
end
$$;

-- Newest first.
create function public.trash_list(
  p_project_id uuid, p_kind text default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.trash_project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
  v_answer jsonb;
begin
  with page as materialized (
    select t from insighter.trash t
    where t.project_id = v_project.id and (p_kind is null or t.asset_kind = p_kind)
      and (p_cursor is null or (t.deleted_at, t.asset_kind, t.asset_id) < (split_part(p_cursor, '/', 1)::timestamptz,
        split_part(p_cursor, '/', 2), split_part(p_cursor, '/', 3)))
    order by t.deleted_at desc, t.asset_kind desc, t.asset_id desc limit v_limit
  ), weights as materialized (
    select w.* from private.trash_weights(v_project.id, (select coalesce(jsonb_agg(jsonb_build_object(
      'kind', (t).asset_kind, 'id', (t).asset_id)), '[]') from page)) w
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.trash_json(t) || jsonb_build_object('objects', coalesce(w.objects, 0),
      'bytes', coalesce(w.bytes, 0)) order by (t).deleted_at desc, (t).asset_kind desc, (t).asset_id desc), '[]'),
    'cursor', case when count(*) = v_limit then (
      select (t).deleted_at || '/' || (t).asset_kind || '/' || (t).asset_id from page
      order by (t).deleted_at, (t).asset_kind, (t).asset_id limit 1) end)
  into v_answer from page left join weights w on w.kind = (t).asset_kind and w.id = (t).asset_id;
  return v_answer;
end
$$;

create function public.trash_restore(p_project_id uuid, p_kind text, p_id text, p_name text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_entry insighter.trash := private.trash_entry(v_project.id, p_kind, p_id);
  v_name text := coalesce(btrim(normalize(p_name, nfc)), v_entry.name);
begin
  -- A notebook is called as its file is.
  if (v_entry.uuid is null or p_kind = 'notebook') and v_name <> v_entry.name then
    perform private.fail(422, 'invalid_name', format('a %s comes back under its own name', p_kind), 'leave the name out');
  elsif p_kind = 'run' and exists (
    select from insighter.runs r join insighter.experiments e on e.project_id = r.project_id and e.id = r.experiment_id
    where r.project_id = v_project.id and private.hex(r.id) = p_id and e.deleted_at is not null) then
    perform private.fail(409, 'experiment_deleted', 'its experiment is in the trash too', 'restore the experiment first');
  end if;
  if p_kind = 'experiment' then
    perform public.experiments_set_deleted(p_id, false);
  elsif p_kind = 'run' then
    perform public.runs_set_deleted(p_id, false);
  else
    begin
      update insighter.trash set name = v_name
      where project_id = v_project.id and asset_kind = p_kind and asset_id = p_id and name <> v_name;
      delete from insighter.trash where project_id = v_project.id and asset_kind = p_kind and asset_id = p_id;
      if not found then
        perform private.trash_entry(v_project.id, p_kind, p_id);
      end if;
    exception
      when unique_violation then
        perform private.fail(409, 'name_taken', format('there is another %s "%s" by now', p_kind, v_name),
          'restore it under another name: {"name": "…"}');
      when check_violation then
        perform private.fail(422, 'invalid_name', format('a %s cannot be called "%s"', p_kind, left(v_name, 100)),
          'choose another name');
    end;
  end if;
  return private.trash_json(v_entry) || jsonb_build_object('name', v_name);
end
$$;

-- Delete for good: one entry; all of them; or, under "due", those whose time is over, for which nobody need be an admin. At
-- most a hundred, "more" says that there are others. What cannot go yet is told with what needs it.
create function public.trash_purge(
  p_project_id uuid, p_kind text default null, p_id text default null, p_due boolean default false
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.trash_project(p_project_id);
  v_entry insighter.trash;
  v_end jsonb;
  v_ends jsonb := '[]';
  v_purged int := 0;
begin
  if not p_due then
    v_project := private.project_for(p_project_id, 'admin');
  end if;
  if p_id is not null then
    perform private.trash_entry(v_project.id, p_kind, p_id);
  end if;
  for v_entry in
    select * from insighter.trash t
    where t.project_id = v_project.id and (p_id is null or (t.asset_kind = p_kind and t.asset_id = p_id))
      and (not p_due or t.purge_after <= now())
    -- Models first: what they need goes with them.
    order by t.asset_kind <> 'model', t.deleted_at, t.asset_kind, t.asset_id
  loop
    v_end := private.trash_end(v_project.id, v_entry.asset_kind, v_entry.asset_id);
    if v_end is not null then
      v_ends := v_ends || v_end;
      v_purged := v_purged + (v_end ->> 'purged')::boolean::int;
    end if;
    exit when v_purged = 100;
  end loop;
  return jsonb_build_object('items', v_ends, 'more', v_purged = 100);
end
$$;

-- Objects to remove from the store, taken by the caller: nobody else takes them for ten minutes, by when a server that was
-- killed has not removed them.
create function public.trash_release(p_project_id uuid, p_limit int default 500) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.trash_project(p_project_id);
  v_answer jsonb;
begin
  with free as (
    select r.project_id, r.object from insighter.released_objects r
    where r.project_id = v_project.id and (r.taken_at is null or r.taken_at < now() - interval '10 minutes')
    limit least(greatest(p_limit, 1), 1000) for update skip locked
  ), taken as (
    update insighter.released_objects r set taken_at = now() from free f
    where r.project_id = f.project_id and r.object = f.object returning r.object, r.newest
  )
  select jsonb_build_object('keys', coalesce(jsonb_agg(t.object), '[]'), 'newest', max(t.newest)) into v_answer from taken t;
  return v_answer;
end
$$;

-- These were looked after: removed, or named again.
create function public.trash_released(p_project_id uuid, p_keys jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.trash_project(p_project_id);
begin
  delete from insighter.released_objects r
  where r.project_id = v_project.id and r.object in (select jsonb_array_elements_text(p_keys));
  return '{}';
end
$$;

-- ---- whole projects -------------------------------------------------------------------------------------------------

-- What a project holds, for whoever owns it in the trash. DEFINER: nobody sees into it.
create function private.trashed_contents(p_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_id not in (select private.trashed_ids()) then
    return '{}';
  end if;
  return jsonb_build_object(
    'assets', (select coalesce(jsonb_object_agg(k.kind, k.count), '{}') from (
      select a.kind, count(*) from insighter.assets a where a.project_id = p_id group by a.kind) k),
    'bytes', (select coalesce(sum(o.size), 0) from (
      select v.object_key, v.size from insighter.dataset_versions v where v.project_id = p_id
      union select v.table_object_key, v.table_size from insighter.dataset_versions v where v.project_id = p_id
      union select v.object_key, v.size from insighter.notebook_versions v where v.project_id = p_id
      union select a.object_key, a.size from insighter.artifacts a where a.project_id = p_id) o));
end
$$;

create function private.trashed_project_json(t insighter.trashed_projects) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', t.project_id, 'name', t.name, 'deleted_at', t.deleted_at,
    'deleted_by', coalesce((select f.display_name from insighter.profiles f where f.user_id = t.deleted_by), 'someone'),
    'purge_after', t.purge_after) || private.trashed_contents(t.project_id)
$$;

create function private.trashed_project(p_id uuid) returns insighter.trashed_projects
language plpgsql stable set search_path = '' as $$
declare
  v_entry insighter.trashed_projects;
begin
  select * into v_entry from insighter.trashed_projects t where t.project_id = p_id;
  if not found then
    perform private.fail(404, 'not_in_trash', 'no such project in your trash', 'GET /insighter/api/trash lists those there are');
  end if;
  return v_entry;
end
$$;

create function public.trash_projects_list(p_limit int default 100, p_cursor text default null) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select t from insighter.trashed_projects t
    where p_cursor is null or (t.deleted_at, t.project_id)
      < (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid)
    order by t.deleted_at desc, t.project_id desc limit least(greatest(p_limit, 1), 500)
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.trashed_project_json(t) order by (t).deleted_at desc, (t).project_id desc), '[]'),
    'cursor', case when count(*) = least(greatest(p_limit, 1), 500) then (
      select (t).deleted_at || '/' || (t).project_id from page order by (t).deleted_at, (t).project_id limit 1) end)
  from page
$$;

create function public.trash_projects_restore(p_id uuid, p_name text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_entry insighter.trashed_projects;
  v_name text;
begin
  perform private.must_be_in_person();
  v_entry := private.trashed_project(p_id);
  v_name := case when p_name is null then v_entry.name else private.project_name(p_name) end;
  begin
    update insighter.trashed_projects set name = v_name where project_id = p_id and name <> v_name;
    delete from insighter.trashed_projects where project_id = p_id;
  exception when unique_violation then
    perform private.fail(409, 'project_exists', format('you have another project "%s" by now', v_name),
      'restore it under another name: {"name": "…"}');
  end;
  perform private.record(p_id, 'restored', 'project', p_id::text, v_name);
  return private.project_json(private.project(p_id));
end
$$;

-- Asks itself for the right: the owner's, in person or because its time is over. DEFINER: nobody sees it any more.
create function private.project_purged(p_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_entry insighter.trashed_projects;
  v_folder text;
begin
  select * into v_entry from insighter.trashed_projects t where t.project_id = p_id for update;
  if not found or p_id not in (select private.trashed_ids())
    or not (private.in_person() or v_entry.purge_after <= now()) then
    return null;
  end if;
  delete from insighter.projects p where p.id = p_id returning p.folder into v_folder;
  return jsonb_build_object('id', p_id, 'name', v_entry.name, 'folder', v_folder);
end
$$;

-- Delete for good: the rows; the objects are the caller's to clear away then, see objects_released.
create function public.trash_projects_purge(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_entry insighter.trashed_projects := private.trashed_project(p_id);
  v_purged jsonb;
begin
  if v_entry.purge_after > now() then
    perform private.must_be_in_person();
  end if;
  v_purged := private.project_purged(p_id);
  if v_purged is null then
    perform private.trashed_project(null);
  end if;
  return v_purged;
end
$$;

-- The owner who leaves the platform takes along what is in the trash.
create or replace function private.personal_project_goes() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_others text;
  v_personal uuid;
begin
  select string_agg(format('"%s"', p.name), ', ' order by p.name) into v_others
  from insighter.projects p where p.created_by = auth.uid() and not p.personal
    and not exists (select from insighter.trashed_projects t where t.project_id = p.id);
  if v_others is not null then
    perform private.fail(409, 'projects_owned', 'the account owns projects: ' || v_others,
      'transfer them to another member, or delete them, first');
  end if;
  delete from insighter.projects p where p.created_by = auth.uid() and not p.personal;
  delete from insighter.projects p where p.created_by = auth.uid() and p.personal returning p.id into v_personal;
  return jsonb_build_object('personal_project', v_personal);
end
$$;

-- What is visible to the members of an organisation that goes, and lies in the trash, comes back private.
create function private.organisation_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update insighter.projects p set visibility = 'private', organisation_id = null
  where p.organisation_id = old.id and exists (select from insighter.trashed_projects t where t.project_id = p.id);
  return old;
end
$$;
create trigger organisation_gone before delete on insighter.organisations
for each row execute function private.organisation_gone();

-- ---- the server's rounds --------------------------------------------------------------------------------------------

-- For the platform alone: no account is behind it, and no project before it. Only who holds the signing key can say so.
create function private.must_be_platform() returns void
language plpgsql stable set search_path = '' as $$
begin
  if auth.jwt() -> 'insighter' ->> 'kind' is distinct from 'service' or auth.jwt() -> 'insighter' ->> 'project' is not null then
    perform private.fail(403, 'service_only', 'this is asked by the platform itself', null);
  end if;
end
$$;

-- What a server has to look after, having said how long its installation keeps things: the projects with entries or objects
-- that are due, and in whose name; the trashed projects that are; and those whose objects were not all removed. DEFINER: of
-- all accounts. It changes nothing but the period.
create function public.trash_due(p_days int) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform private.must_be_platform();
  update insighter.trash_period set days = p_days where days <> p_days;
  return jsonb_build_object(
    'projects', (select coalesce(jsonb_agg(jsonb_build_object('project_id', p.id, 'account', p.created_by)), '[]')
      from insighter.projects p
      where not exists (select from insighter.trashed_projects t where t.project_id = p.id) and (
        exists (select from insighter.trash t where t.project_id = p.id and t.purge_after <= now())
        or exists (select from insighter.released_objects r where r.project_id = p.id
          and (r.taken_at is null or r.taken_at < now() - interval '10 minutes')))),
    'whole', (select coalesce(jsonb_agg(jsonb_build_object('project_id', p.id, 'account', p.created_by)), '[]')
      from insighter.trashed_projects t join insighter.projects p on p.id = t.project_id where t.purge_after <= now()),
    'left', (select coalesce(jsonb_agg(jsonb_build_object('project_id', r.project_id, 'account', r.released_by)), '[]')
      from insighter.released_projects r where r.released_at < now() - interval '10 minutes'));
end
$$;

-- ---- deletions, as they are now -------------------------------------------------------------------------------------

create or replace function public.datasets_delete(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_dataset insighter.datasets := private.dataset(p_project_id, p_name);
begin
  v_project := private.project_for(p_project_id, 'editor');
  perform private.record(v_project.id, 'deleted', 'dataset', v_dataset.id::text, v_dataset.name,
    jsonb_build_object('versions', v_dataset.versions));
  return private.trash_put(v_project.id, 'dataset', v_dataset.id::text);
end
$$;

-- The file is its owner's, and stays.
create function public.notebooks_delete(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_notebook insighter.notebooks := private.notebook(p_project_id, p_id);
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
begin
  perform private.record(v_project.id, 'deleted', 'notebook', p_id::text, v_notebook.name,
    jsonb_build_object('versions', v_notebook.versions));
  return private.trash_put(v_project.id, 'notebook', p_id::text);
end
$$;

-- The event comes first: after the deletion nobody knows whose id the name stood for.
drop function public.models_delete(text);
create function public.models_delete(p_name text, p_project_id uuid default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
begin
  perform private.record(v_model.project_id, 'deleted', 'model', p_name, p_name);
  return private.trash_put(v_model.project_id, 'model', v_model.id::text);
end
$$;

create or replace function public.deployments_delete(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment_for_change(p_project_id, p_name);
  v_answer jsonb := private.deployment_json(v_deployment);
begin
  perform private.project_for(p_project_id, 'editor');
  perform private.deployment_event(v_deployment, 'deleted');
  perform private.trash_put(v_deployment.project_id, 'deployment', v_deployment.id::text);
  return v_answer;
end
$$;

-- Delete, with the runs in it, or restore; both can be undone until the trash lets go of it.
create or replace function public.experiments_set_deleted(p_id text, p_deleted boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.experiments := private.experiment_for(p_id, false);
  v_now timestamptz := now();
begin
  if (v_old.deleted_at is not null) = p_deleted then
    perform private.fail(case when p_deleted then 404 else 422 end, 'experiment_not_' || case when p_deleted then 'found'
      else 'deleted' end, format('the experiment %s is %s', v_old.id, case when p_deleted then 'deleted already' else 'not deleted' end));
  end if;
  update insighter.experiments set deleted_at = case when p_deleted then v_now end, updated_at = v_now where id = v_old.id;
  -- Runs that were deleted one by one before stay deleted when the experiment comes back.
  update insighter.runs set deleted_at = case when p_deleted then v_now end
  where project_id = v_old.project_id and experiment_id = v_old.id
    and deleted_at is not distinct from case when p_deleted then null else v_old.deleted_at end;
  if p_deleted then
    perform private.trash_put(v_old.project_id, 'experiment', v_old.id::text);
  else
    delete from insighter.trash t
    where t.project_id = v_old.project_id and t.asset_kind = 'experiment' and t.asset_id = v_old.id::text;
  end if;
  perform private.record(v_old.project_id, case when p_deleted then 'deleted' else 'restored' end, 'experiment',
    v_old.id::text, v_old.name);
  return '{}';
end
$$;

create or replace function public.runs_set_deleted(p_run_id text, p_deleted boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
  v_name text;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id, false) f;
  update insighter.runs set deleted_at = case when p_deleted then coalesce(deleted_at, now()) end
  where project_id = v_project and id = v_id and (deleted_at is not null) <> p_deleted
  returning name into v_name;
  if found then
    if p_deleted then
      perform private.trash_put(v_project, 'run', p_run_id);
    else
      delete from insighter.trash t where t.project_id = v_project and t.asset_kind = 'run' and t.asset_id = p_run_id;
    end if;
    perform private.record(v_project, case when p_deleted then 'deleted' else 'restored' end, 'run', p_run_id, v_name);
  end if;
  return '{}';
end
$$;

create or replace function public.projects_delete(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_id);
  v_answer jsonb := private.project_json(v_project);
begin
  if v_project.personal then
    perform private.fail(409, 'project_personal', 'the personal project cannot be deleted');
  elsif p_id not in (select private.project_ids('owner')) then
    perform private.fail(403, 'role_too_low', 'only its owner deletes a project', 'ask the owner');
  end if;
  perform private.record(p_id, 'deleted', 'project', p_id::text, v_project.name);
  insert into insighter.trashed_projects (project_id) values (p_id);
  return v_answer;
end
$$;

-- What MLflow's clients had deleted before there was a trash.
insert into insighter.trash (project_id, asset_kind, asset_id, deleted_by, deleted_at)
select e.project_id, 'experiment', e.id::text, e.created_by, now()
from insighter.experiments e where e.deleted_at is not null
union all
select r.project_id, 'run', private.hex(r.id), r.created_by, now()
from insighter.runs r join insighter.experiments e on e.project_id = r.project_id and e.id = r.experiment_id
where r.deleted_at is not null and r.deleted_at is distinct from e.deleted_at;

call private.expose('trash_list', 'trash_restore', 'trash_purge', 'trash_release', 'trash_released', 'trash_projects_list',
  'trash_projects_restore', 'trash_projects_purge', 'trash_due', 'datasets_delete', 'notebooks_delete', 'models_delete',
  'deployments_delete', 'experiments_set_deleted', 'runs_set_deleted', 'projects_delete');
-- These act past row-level security, and are called by the functions above alone.
revoke all on function private.trash_told, private.trash_roots, private.trash_objects, private.objects_counted,
  private.trash_needed, private.trash_table, private.trash_days, private.trash_name, private.trashed, private.untrashed,
  private.project_trashed, private.project_untrashed, private.organisation_gone
  from public, anon, authenticated, service_role;
grant execute on function private.trashed_ids, private.trash_weights, private.trash_end,
  private.trash_put, private.trash_json, private.trash_project, private.trash_entry, private.trashed_contents,
  private.trashed_project_json, private.trashed_project, private.project_purged, private.must_be_platform to authenticated;
