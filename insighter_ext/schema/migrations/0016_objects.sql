-- Objects: who may read, write and delete stored bytes. One rule for both modes: on Supabase the policies of
-- storage.objects ask it, in embedded mode the object store does, by objects_authorize.
--
-- An object is named "<project id>/<sha-256>". It is read by whoever sees a row that names it, so that bytes are as closed as
-- the assets they belong to; it is written by editors; and it is deleted by them once no row names it any more. A key whose
-- rows are all hidden from the caller is to the caller as if it were not there.

-- ---- what is left of deleted projects -------------------------------------------------------------------------------

-- With a project go its members, and with them the right to its objects. So the deletion notes for whom they may be removed;
-- the row goes when they are.
create table insighter.released_projects (
  project_id uuid primary key,
  released_by uuid not null references auth.users (id) on delete cascade,
  released_at timestamptz not null default now()
);
create index released_projects_by on insighter.released_projects (released_by);

alter table insighter.released_projects enable row level security;
grant select, delete on insighter.released_projects to authenticated;

-- A credential that was confined to the project may finish what it began.
create policy released_projects_select on insighter.released_projects for select to authenticated
  using (released_by = (select auth.uid())
    and project_id = coalesce((select (auth.jwt() -> 'insighter' ->> 'project')::uuid), project_id)
    and coalesce((select auth.jwt() -> 'insighter' ->> 'role'), 'owner') = 'owner');
create policy released_projects_delete on insighter.released_projects for delete to authenticated
  using (released_by = (select auth.uid())
    and project_id = coalesce((select (auth.jwt() -> 'insighter' ->> 'project')::uuid), project_id)
    and coalesce((select auth.jwt() -> 'insighter' ->> 'role'), 'owner') = 'owner');

-- Written by the deletion alone: nobody makes another's project theirs to clear.
create function private.project_released() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.released_projects (project_id, released_by)
  values (old.id, coalesce(auth.uid(), old.created_by))
  on conflict (project_id) do nothing;
  return null;
end
$$;

create trigger project_released after delete on insighter.projects
for each row execute function private.project_released();

-- ---- the rule -------------------------------------------------------------------------------------------------------

-- The project of a well-formed key, null for every other name.
create function private.object_project(p_name text) returns uuid
language sql immutable set search_path = '' as $$
  select case when p_name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}$'
    then split_part(p_name, '/', 1)::uuid end
$$;

-- Keys of objects that no row names, whoever might see it. For the sweep of the embedded store, which asks as the database's
-- owner, and for the function below: nobody else can call it.
create function private.objects_orphaned(p_names text[]) returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_names text[] := array(select distinct n from unnest(p_names) n where private.object_project(n) is not null);
  v_column record;
begin
  for v_column in
    select c.oid::regclass::text as holder, a.attname as name
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p')
      and a.attname like '%object\_key' and not a.attisdropped
  loop
    exit when cardinality(v_names) = 0;
    execute format('select array(select n from unnest($1) n where not exists (select from %s where %I = n))',
      v_column.holder, v_column.name) into v_names using v_names;
  end loop;
  return v_names;
end
$$;

create or replace function private.objects_unreferenced(p_project_id uuid, p_keys text[]) returns text[]
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_project_id not in (select private.project_ids()) then
    return '{}';
  end if;
  return private.objects_orphaned(array(select k from unnest(p_keys) k where split_part(k, '/', 1) = p_project_id::text));
end
$$;

-- Whether the caller sees a row that names the object. Runs as the caller: the policies of each table say what is seen, those
-- of restricted assets included. Like private.objects_unreferenced it knows no table by name, so that none is forgotten.
create function private.object_seen(p_name text) returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_column record;
  v_seen boolean;
begin
  for v_column in
    select c.oid::regclass::text as holder, a.attname as name
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p')
      and a.attname like '%object\_key' and not a.attisdropped
      and pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')
  loop
    execute format('select exists (select from %s where %I = $1)', v_column.holder, v_column.name)
      into v_seen using p_name;
    if v_seen then
      return true;
    end if;
  end loop;
  return false;
end
$$;

-- Of these objects those that are the caller's to delete: no row names them, and the caller is an editor of the project, or
-- deleted it.
create function private.objects_released(p_names text[]) returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_released text[] := '{}';
  v_project uuid;
  v_names text[];
begin
  for v_project, v_names in
    select private.object_project(n), array_agg(distinct n) from unnest(p_names) n
    where private.object_project(n) is not null group by 1
  loop
    if v_project in (select private.project_ids('editor')) then
      v_released := v_released || private.objects_unreferenced(v_project, v_names);
    elsif exists (select from insighter.released_projects where project_id = v_project) then
      v_released := v_released || v_names;
    end if;
  end loop;
  return v_released;
end
$$;

create function private.object_released(p_name text) returns boolean
language sql stable set search_path = '' as $$
  select cardinality(private.objects_released(array[p_name])) > 0
$$;

-- What nothing names can be read by whoever may delete it: it was stored a moment ago, or is about to go.
create function private.object_allowed(p_name text, p_write boolean) returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.object_project(p_name);
begin
  if v_project is null then
    return false;
  elsif p_write then
    return v_project in (select private.project_ids('editor'));
  end if;
  return (v_project in (select private.project_ids('viewer')) and private.object_seen(p_name))
    or private.object_released(p_name);
end
$$;

revoke all on function private.objects_orphaned from public;

-- What became of an upload is nobody's to ask: objects_authorize tells what may be deleted.
drop function public.objects_unreferenced;

-- ---- what restricted assets take along ------------------------------------------------------------------------------

-- The files of deleted versions too: to delete a model opens nothing.
create or replace function private.hidden_roots() returns setof text
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select v.root from insighter.model_versions v
    where v.model_id in (select private.hidden('model')) and v.project_id in (select private.project_ids())
    union all select split_part(unnest(r.remains), '|', 1) from insighter.restrictions r
    where r.asset_kind = 'model' and r.asset_id in (select private.hidden('model'));
end
$$;

create or replace function private.file_hidden(p_project_id uuid, p_root text, p_path text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from (
      select v.root_path as folder from insighter.model_versions v
      where v.project_id = p_project_id and v.root = p_root and v.model_id in (select private.hidden('model'))
      union all select substr(l, char_length(p_root) + 2)
      from insighter.restrictions r cross join unnest(r.remains) l
      where r.project_id = p_project_id and r.asset_kind = 'model' and starts_with(l, p_root || '|')
        and r.asset_id in (select private.hidden('model'))) closed
    where folder = '' or p_path = folder or starts_with(p_path, folder || '/'))
$$;

-- A logged model whose files are those of a model the caller must not see: what is known of it is as closed as they are, and
-- which run made it, or read it.
create policy logged_models_restricted on insighter.logged_models as restrictive for all to authenticated
  using ('models/' || id not in (select private.hidden_roots()));
create policy run_models_restricted on insighter.run_models as restrictive for all to authenticated
  using ('models/' || model_id not in (select private.hidden_roots()));

-- What the SDK tells a run of the dataset versions it read, of those the caller must not see.
create function private.hidden_reads() returns table (project_id uuid, name text, digest text)
language plpgsql stable security definer rows 10 set search_path = '' as $$
begin
  return query
    select d.project_id, d.name, left(v.sha256, 16) from insighter.datasets d
    join insighter.dataset_versions v on v.project_id = d.project_id and v.dataset_id = d.id
    where d.id in (select private.hidden('dataset'))
    -- What was deleted since.
    union all select r.project_id, null, unnest(r.remains) from insighter.restrictions r
    where r.asset_kind = 'dataset' and r.asset_id in (select private.hidden('dataset'));
end
$$;

-- What a run read: the columns and figures of a dataset are as closed as the dataset.
create policy run_datasets_restricted on insighter.run_datasets as restrictive for select to authenticated
  using ((project_id, digest) not in (select h.project_id, h.digest from private.hidden_reads() h));
-- And what was measured on it, or of a model that is hidden.
create policy logged_model_metrics_restricted on insighter.logged_model_metrics as restrictive for select to authenticated
  using ('models/' || model_id not in (select private.hidden_roots())
    and (project_id, dataset_digest) not in (select h.project_id, h.digest from private.hidden_reads() h));

-- ---- the policies of Supabase's store -------------------------------------------------------------------------------

-- An object that a row names never changes; storing again what no row names yet is the repetition of an upload.
create policy insighter_select on storage.objects for select to authenticated
  using (bucket_id = 'insighter' and private.object_allowed(name, false));
create policy insighter_insert on storage.objects for insert to authenticated
  with check (bucket_id = 'insighter' and private.object_allowed(name, true));
create policy insighter_update on storage.objects for update to authenticated
  using (bucket_id = 'insighter' and private.object_allowed(name, true) and private.object_released(name))
  with check (bucket_id = 'insighter' and private.object_allowed(name, true) and private.object_released(name));
create policy insighter_delete on storage.objects for delete to authenticated
  using (bucket_id = 'insighter' and private.object_released(name));

-- ---- the API --------------------------------------------------------------------------------------------------------

-- The keys among those given with which the caller may do something: "read", "write" or "delete". A write that is refused is
-- an error, with its reason.
create function public.objects_authorize(p_keys jsonb, p_action text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_keys text[] := array(select jsonb_array_elements_text(p_keys));
  v_key text;
begin
  if p_action = 'read' then
    return to_jsonb(array(select k from unnest(v_keys) k where private.object_allowed(k, false)));
  elsif p_action = 'delete' then
    return to_jsonb(private.objects_released(v_keys));
  elsif p_action <> 'write' then
    perform private.fail(422, 'invalid', format('no object is asked for to "%s" it', p_action),
      'read, write or delete');
  end if;
  foreach v_key in array v_keys loop
    if not private.object_allowed(v_key, true) then
      if private.object_project(v_key) is null then
        perform private.fail(422, 'invalid_key', 'that is no key of an object', '<project id>/<sha-256>');
      end if;
      perform private.project(private.object_project(v_key));
      perform private.fail(403, 'role_too_low', 'only editors of a project store files in it',
        'ask an admin of the project');
    end if;
  end loop;
  return to_jsonb(v_keys);
end
$$;

-- The projects that the caller deleted and whose objects were not all removed yet.
create function public.objects_released() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(r.project_id order by r.released_at), '[]') from insighter.released_projects r
$$;

-- All objects of a deleted project are removed.
create function public.objects_cleared(p_project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  delete from insighter.released_projects where project_id = p_project_id;
  return '{}';
end
$$;

call private.expose('objects_authorize', 'objects_released', 'objects_cleared');
grant execute on function private.hidden_reads, private.object_project, private.object_seen, private.objects_released,
  private.object_released, private.object_allowed to authenticated;
