-- Notebooks: those of a project's folder, as assets with versions. A version is a snapshot of the file when it ran; which
-- run was made by which notebook, and by which version of it, is known.
--
-- A notebook is known by its id, which its file carries in its metadata. Ids are made here and nowhere else: one that a file
-- brings from another project is not this project's, and opens nothing.

create table insighter.notebooks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  -- Below the project's folder, where it was seen last; people of one project may have folders on several machines.
  path text not null
    check (char_length(path) between 7 and 1000 and path ~ '\.ipynb$' and path !~ '(^/|[[:cntrl:]]|(^|/)\.\.?(/|$)|//)'),
  name text generated always as (regexp_replace(path, '^.*/|\.ipynb$', '', 'g')) stored,
  -- Whether the file is known to carry the id; until then it is known by its path to whoever made it.
  marked boolean not null default false,
  -- In the trash: its file is not known to be it until it comes back.
  trashed boolean not null default false,
  kernel text not null default '' check (char_length(kernel) <= 200),
  language text not null default '' check (char_length(language) <= 100),
  versions int not null default 0,
  last_run_at timestamptz,
  last_run_by uuid,
  last_run_outcome text check (last_run_outcome in ('ok', 'failed')),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, id)
);
create unique index notebooks_unmarked on insighter.notebooks (project_id, created_by, path)
  where not (marked or trashed);
create index notebooks_name on insighter.notebooks (project_id, lower(name), id);

create table insighter.notebook_versions (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  notebook_id uuid not null,
  version int not null check (version > 0),
  object_key text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  -- SHA-256 of sources and outputs alone: what ran again and came out the same is no other version.
  fingerprint text not null check (fingerprint ~ '^[0-9a-f]{64}$'),
  cells int not null check (cells >= 0),
  -- Why there is a snapshot; "restored": an older version was put back into the file.
  reason text not null check (reason in ('ran', 'saved', 'restored')),
  outcome text check (outcome in ('ok', 'failed')),
  -- Whether its outputs were too large to keep.
  stripped boolean not null default false,
  path text not null,
  kernel_id uuid,
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, notebook_id, version),
  foreign key (project_id, notebook_id) references insighter.notebooks (project_id, id) on delete cascade,
  -- Nobody can name an object of another project here and then read it.
  check (object_key = project_id::text || '/' || sha256),
  check ((outcome is not null) = (reason = 'ran'))
);
create index notebook_versions_object on insighter.notebook_versions (object_key);

-- Which notebook a kernel runs, by the credential with which the kernel comes.
create table insighter.notebook_kernels (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  credential_id uuid not null references insighter.credentials (id) on delete cascade,
  notebook_id uuid not null,
  kernel_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (project_id, credential_id),
  foreign key (project_id, notebook_id) references insighter.notebooks (project_id, id) on delete cascade
);
create index notebook_kernels_credential on insighter.notebook_kernels (credential_id);
create index notebook_kernels_notebook on insighter.notebook_kernels (project_id, notebook_id);

-- Which runs a notebook made. The version is known once there is a snapshot of what made it.
create table insighter.notebook_runs (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  run_id uuid not null,
  notebook_id uuid not null,
  version int,
  kernel_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (project_id, run_id),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade,
  foreign key (project_id, notebook_id) references insighter.notebooks (project_id, id) on delete cascade
);
create index notebook_runs_notebook on insighter.notebook_runs (project_id, notebook_id, version);

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.notebooks enable row level security;
alter table insighter.notebook_versions enable row level security;
alter table insighter.notebook_kernels enable row level security;
alter table insighter.notebook_runs enable row level security;

grant select, insert (project_id, path, kernel, language, created_by), delete on insighter.notebooks to authenticated;
grant update (path, marked, kernel, language, versions, last_run_at, last_run_by, last_run_outcome, updated_at)
  on insighter.notebooks to authenticated;
grant select, insert on insighter.notebook_versions, insighter.notebook_kernels, insighter.notebook_runs to authenticated;
grant update (version) on insighter.notebook_runs to authenticated;

create policy notebooks_select on insighter.notebooks for select to authenticated
  using (project_id in (select private.project_ids()));
create policy notebooks_insert on insighter.notebooks for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
create policy notebooks_update on insighter.notebooks for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy notebooks_delete on insighter.notebooks for delete to authenticated
  using (project_id in (select private.project_ids('editor')));
create policy notebook_versions_select on insighter.notebook_versions for select to authenticated
  using (project_id in (select private.project_ids()));
create policy notebook_versions_insert on insighter.notebook_versions for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
create policy notebook_kernels_select on insighter.notebook_kernels for select to authenticated
  using (project_id in (select private.project_ids()));
-- Of one's own credentials; a kernel sees none, and so says of none what it runs.
create policy notebook_kernels_insert on insighter.notebook_kernels for insert to authenticated
  with check (project_id in (select private.project_ids('editor'))
    and (credential_id, project_id) in (select c.id, c.project_id from insighter.credentials c));
create policy notebook_runs_select on insighter.notebook_runs for select to authenticated
  using (project_id in (select private.project_ids()));
create policy notebook_runs_insert on insighter.notebook_runs for insert to authenticated
  with check (project_id in (select private.project_ids('editor')));
create policy notebook_runs_update on insighter.notebook_runs for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));

create policy notebooks_restricted on insighter.notebooks as restrictive for all to authenticated
  using (not private.is_hidden('notebook', project_id, id));
create policy notebook_versions_restricted on insighter.notebook_versions as restrictive for all to authenticated
  using (not private.is_hidden('notebook', project_id, notebook_id));
create policy notebook_kernels_restricted on insighter.notebook_kernels as restrictive for all to authenticated
  using (not private.is_hidden('notebook', project_id, notebook_id));
create policy notebook_runs_restricted on insighter.notebook_runs as restrictive for all to authenticated
  using (not private.is_hidden('notebook', project_id, notebook_id));

-- Which notebook a kernel runs is told by its session; which made a run, by the run, whose creation is audited.
call private.audited('insighter.notebooks', 'notebook', 'project_id', 'id', 'name',
  'marked,trashed,versions,last_run_at,last_run_by,last_run_outcome');
call private.audited('insighter.notebook_versions', 'notebook_version', 'project_id', 'notebook_id,version');

-- ---- notebooks can be more closed than their project ----------------------------------------------------------------

alter table insighter.restrictions drop constraint restrictions_asset_kind_check,
  add constraint restrictions_asset_kind_check check (asset_kind in ('dataset', 'notebook', 'model', 'deployment'));

create or replace function private.hidden_assets() returns setof uuid
language plpgsql stable security definer rows 10 set search_path = '' as $$
begin
  return query select private.hidden('dataset') union all select private.hidden('notebook')
    union all select private.hidden('model') union all select private.hidden('deployment');
end
$$;

-- As private.is_hidden, but for restrictions alone, whatever else may hide an asset.
create function private.is_restricted(p_kind text, p_project_id uuid, p_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  v_restriction insighter.restrictions;
begin
  select * into v_restriction from insighter.restrictions r
  where r.project_id = p_project_id and r.asset_kind = p_kind and r.asset_id = p_id;
  if not found then
    return false;
  end if;
  return not exists (
    select from insighter.members m where m.project_id = p_project_id and m.user_id = auth.uid()
      and (least(m.role, (auth.jwt() -> 'insighter' ->> 'role')::insighter.project_role) >= v_restriction.min_role
        or m.user_id = any (v_restriction.people)));
end
$$;

-- A notebook by its id; its name, which others may have too, is no key.
create or replace function private.asset(p_project_id uuid, p_kind text, p_name text) returns table (id uuid, name text)
language plpgsql stable set search_path = '' as $$
begin
  if p_kind is null or p_kind not in ('dataset', 'notebook', 'model', 'deployment') then
    perform private.fail(422, 'invalid_kind', 'nothing of this kind is restricted',
      'dataset, notebook, model or deployment');
  end if;
  return query
    select d.id, d.name from insighter.datasets d
    where p_kind = 'dataset' and d.project_id = p_project_id and lower(d.name) = lower(btrim(normalize(p_name, nfc)))
    union all select n.id, n.name from insighter.notebooks n
    where p_kind = 'notebook' and n.project_id = p_project_id and n.id::text = lower(p_name)
    union all select m.id, m.name from insighter.registered_models m
    where p_kind = 'model' and m.project_id = p_project_id and m.name = p_name
    union all select e.id, e.name from insighter.deployments e
    where p_kind = 'deployment' and e.project_id = p_project_id and e.name = p_name;
  if not found then
    perform private.fail(404, 'asset_not_found', format('no %s "%s" in this project', p_kind, left(p_name, 100)),
      case p_kind when 'notebook' then 'its id is in the project''s list' else 'its name is in the project''s list' end);
  end if;
end
$$;

create or replace function private.restriction_json(r insighter.restrictions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('kind', r.asset_kind, 'name', f.name,
    'key', case r.asset_kind when 'notebook' then r.asset_id::text else f.name end,
    'min_role', r.min_role,
    'people', (select coalesce(jsonb_agg(jsonb_build_object('user_id', p, 'display_name', private.person_name(p))
      order by private.person_name(p), p), '[]') from unnest(r.people) p),
    'created_at', r.created_at)
  from (select case r.asset_kind
    when 'dataset' then (select d.name from insighter.datasets d where d.id = r.asset_id)
    when 'notebook' then (select n.name from insighter.notebooks n where n.id = r.asset_id)
    when 'model' then (select m.name from insighter.registered_models m
      where m.project_id = r.project_id and m.id = r.asset_id)
    else (select e.name from insighter.deployments e where e.id = r.asset_id) end as name) f
$$;

create or replace function private.record(
  p_project_id uuid, p_verb text, p_asset_kind text, p_asset_id text, p_asset_name text, p_data jsonb default '{}'
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_uuid, asset_name, data)
  values (p_project_id, auth.uid(), coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person'), p_verb, p_asset_kind, p_asset_id,
    case
      when p_asset_kind in ('dataset', 'notebook', 'deployment') then p_asset_id::uuid
      when p_asset_kind = 'model' then (
        select m.id from insighter.registered_models m where m.project_id = p_project_id and m.name = p_asset_id) end,
    p_asset_name, p_data);
end
$$;

create or replace function private.audit_name(p_kind text, p_row jsonb) returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  v_kind text := case p_kind when 'restriction' then p_row ->> 'asset_kind' else p_kind end;
  v_project uuid := (p_row ->> 'project_id')::uuid;
begin
  if v_kind in ('member', 'organisation_member', 'access_request') then
    return (select f.display_name from insighter.profiles f where f.user_id = (p_row ->> 'user_id')::uuid);
  elsif v_kind in ('dataset', 'dataset_version') then
    return (select d.name from insighter.datasets d
      where d.project_id = v_project and d.id = coalesce(p_row ->> 'dataset_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind in ('notebook', 'notebook_version') then
    return (select n.name from insighter.notebooks n
      where n.project_id = v_project and n.id = coalesce(p_row ->> 'notebook_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind in ('model', 'model_version', 'model_alias') then
    return (select m.name from insighter.registered_models m
      where m.project_id = v_project and m.id = coalesce(p_row ->> 'model_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind = 'deployment' then
    return (select d.name from insighter.deployments d
      where d.project_id = v_project and d.id = (p_row ->> 'asset_id')::uuid);
  end if;
  return null;
end
$$;

create or replace function private.hidden_audit() returns table (kind text, id text)
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select k, h::text from private.hidden('dataset') h
      cross join unnest(array['dataset', 'dataset_version', 'restriction']) k
    union all select k, h::text from private.hidden('notebook') h
      cross join unnest(array['notebook', 'notebook_version', 'restriction']) k
    union all select k, h::text from private.hidden('model') h
      cross join unnest(array['model', 'model_version', 'model_alias', 'restriction']) k
    union all select k, h::text from private.hidden('deployment') h cross join unnest(array['deployment', 'restriction']) k
    union all select 'artifact', r from private.hidden_roots() r
    union all select k, substr(r, 8) from private.hidden_roots() r cross join unnest(array['logged_model', 'run_model']) k
      where starts_with(r, 'models/')
    union all select 'run_dataset', left(v.sha256, 16) from private.hidden('dataset') h
      join insighter.datasets d on d.id = h
      join insighter.dataset_versions v on v.project_id = d.project_id and v.dataset_id = d.id
    union all select 'run_dataset', unnest(r.remains) from insighter.restrictions r
      where r.asset_kind = 'dataset' and r.asset_id in (select private.hidden('dataset'));
end
$$;

-- ---- in the catalogue of assets -------------------------------------------------------------------------------------

create function private.notebook_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    delete from insighter.assets a
    where a.project_id = old.project_id and a.kind = 'notebook' and a.id = old.id::text;
    return null;
  end if;
  perform private.asset_put(jsonb_build_object('project_id', new.project_id, 'kind', 'notebook', 'id', new.id, 'key', new.id,
    'uuid', new.id, 'name', new.name, 'terms', new.path || ' ' || new.language, 'version', nullif(new.versions, 0),
    'status', new.last_run_outcome, 'created_by', new.created_by, 'created_at', new.created_at,
    'updated_at', new.updated_at));
  return null;
end
$$;
create trigger cataloged after insert or update or delete on insighter.notebooks
for each row execute function private.notebook_changed();

-- ---- which notebook made a run --------------------------------------------------------------------------------------

-- A run that a notebook's kernel begins bears the notebook's id as a tag, for MLflow's clients to find it by; not its name,
-- which may be closed later.
create function private.run_in_notebook() returns trigger
language plpgsql set search_path = '' as $$
declare
  v_kernel insighter.notebook_kernels;
begin
  select * into v_kernel from insighter.notebook_kernels k
  where k.project_id = new.project_id
    and k.credential_id = (auth.jwt() -> 'insighter' ->> 'credential')::uuid;
  if not found then
    return new;
  elsif tg_when = 'BEFORE' then
    new.tags := new.tags || jsonb_build_object('insighter.notebook', v_kernel.notebook_id);
  else
    insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id)
    values (new.project_id, new.id, v_kernel.notebook_id, v_kernel.kernel_id);
  end if;
  return new;
end
$$;
create trigger in_notebook_tag before insert on insighter.runs
for each row execute function private.run_in_notebook();
create trigger in_notebook after insert on insighter.runs
for each row execute function private.run_in_notebook();

-- The runs of a kernel that have no version yet are told theirs.
create function private.notebook_runs_made(p_notebook insighter.notebooks, p_version int, p_kernel_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  with told as (
    update insighter.notebook_runs r set version = p_version
    where r.project_id = p_notebook.project_id and r.notebook_id = p_notebook.id and r.kernel_id = p_kernel_id
      and r.version is null
    returning r.run_id
  )
  update insighter.runs r set tags = r.tags || jsonb_build_object('insighter.notebook_version', p_version::text)
  where r.project_id = p_notebook.project_id and r.id in (select t.run_id from told t);
end
$$;

-- ---- reading --------------------------------------------------------------------------------------------------------

-- A person as those who see the asset see them.
create function private.maker(p_user_id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce((select f.display_name from insighter.profiles f where f.user_id = p_user_id), 'someone')
$$;

create function private.notebook_json(n insighter.notebooks) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', n.id, 'project_id', n.project_id, 'path', n.path, 'name', n.name, 'kernel', n.kernel,
    'language', n.language, 'versions', n.versions, 'created_by', private.maker(n.created_by), 'created_at', n.created_at,
    'updated_at', n.updated_at, 'last_run', case when n.last_run_at is not null then jsonb_build_object(
      'at', n.last_run_at, 'by', private.maker(n.last_run_by), 'outcome', n.last_run_outcome) end)
$$;

-- The runs that a version made, the newest first, as many as one looks at.
create function private.notebook_version_json(v insighter.notebook_versions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('version', v.version, 'sha256', v.sha256, 'size', v.size, 'cells', v.cells, 'reason', v.reason,
    'outcome', v.outcome, 'stripped', v.stripped, 'path', v.path, 'created_by', private.maker(v.created_by),
    'created_at', v.created_at, 'runs', (
      select coalesce(jsonb_agg(jsonb_build_object('id', private.hex(r.id), 'name', r.name) order by r.start_time desc, r.id), '[]')
      from (select u.id, u.name, u.start_time from insighter.notebook_runs m
        join insighter.runs u on u.project_id = m.project_id and u.id = m.run_id and u.deleted_at is null
        where m.project_id = v.project_id and m.notebook_id = v.notebook_id and m.version = v.version
        order by u.start_time desc, u.id limit 20) r))
$$;

-- A notebook as the caller sees it, or 404.
create function private.notebook(p_project_id uuid, p_id uuid) returns insighter.notebooks
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_notebook insighter.notebooks;
begin
  select * into v_notebook from insighter.notebooks where project_id = v_project.id and id = p_id;
  if not found then
    perform private.fail(404, 'notebook_not_found', format('no such notebook in "%s"', v_project.name),
      'GET /insighter/api/projects/<project id>/notebooks lists those there are');
  end if;
  return v_notebook;
end
$$;

create function public.notebooks_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  -- A name has no slash: what stands before the last one is the name.
  if p_cursor is not null and p_cursor !~ '/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of the list', 'take the one an answer gave');
  end if;
  return (
    with page as (
      select n from insighter.notebooks n
      where n.project_id = v_project.id
        and (p_cursor is null or (lower(n.name), n.id) > (left(p_cursor, -37), right(p_cursor, 36)::uuid))
      order by lower(n.name), n.id limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.notebook_json(n) order by lower((n).name), (n).id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select lower((n).name) || '/' || (n).id from page order by lower((n).name) desc, (n).id desc limit 1) end)
    from page);
end
$$;

create function public.notebooks_get(p_project_id uuid, p_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.notebook_json(private.notebook(p_project_id, p_id))
$$;

-- Newest first.
create function public.notebooks_versions(
  p_project_id uuid, p_id uuid, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_notebook insighter.notebooks := private.notebook(p_project_id, p_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  if p_cursor !~ '^[0-9]{1,9}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of the list', 'take the one an answer gave');
  end if;
  return (
    with page as (
      select v from insighter.notebook_versions v
      where v.project_id = v_notebook.project_id and v.notebook_id = v_notebook.id
        and (p_cursor is null or v.version < p_cursor::int)
      order by v.version desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.notebook_version_json(v) order by (v).version desc), '[]'),
      'cursor', case when count(*) = v_limit then min((v).version)::text end)
    from page);
end
$$;

-- One version, with where its bytes are.
create function public.notebooks_version(p_project_id uuid, p_id uuid, p_version int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_notebook insighter.notebooks := private.notebook(p_project_id, p_id);
  v_version insighter.notebook_versions;
begin
  select * into v_version from insighter.notebook_versions
  where project_id = v_notebook.project_id and notebook_id = v_notebook.id and version = p_version;
  if not found then
    perform private.fail(404, 'version_not_found', format('"%s" has no version %s', v_notebook.name, p_version),
      case v_notebook.versions when 0 then 'it has none yet: run a cell of it'
        else format('its newest is %s', v_notebook.versions) end);
  end if;
  return private.notebook_version_json(v_version)
    || jsonb_build_object('name', v_notebook.name, 'object_key', v_version.object_key);
end
$$;

-- The notebook that made a run, as far as the caller sees it, or null.
create function public.notebooks_of_run(p_project_id uuid, p_run_id text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if p_run_id !~ '^[0-9a-f]{32}$' then
    return null;
  end if;
  return (
    select private.notebook_json(n) || jsonb_build_object('version', r.version)
    from insighter.notebook_runs r join insighter.notebooks n on n.project_id = r.project_id and n.id = r.notebook_id
    where r.project_id = v_project.id and r.run_id = p_run_id::uuid);
end
$$;

-- ---- changing -------------------------------------------------------------------------------------------------------

-- The notebook of a file: by the id it carries, else by its path, as long as no file was seen to carry the id; else a new
-- one, as one whose notebook is in the trash is. A copy carries the id of another file, and so comes without it: "p_copy"
-- keeps it from that file's notebook.
create function public.notebooks_bind(
  p_project_id uuid, p_path text, p_id uuid default null, p_copy boolean default false, p_kernel text default null,
  p_language text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_found insighter.notebooks;
  v_old text;
  v_made boolean := false;
begin
  -- The file of a notebook that is closed to the caller does not become another one, open to all.
  if p_id is not null and private.is_restricted('notebook', v_project.id, p_id) then
    perform private.fail(404, 'notebook_not_found', 'this notebook is not shared with you', 'ask an admin of the project');
  end if;
  if p_id is not null and not p_copy then
    select * into v_found from insighter.notebooks where project_id = v_project.id and id = p_id for update;
  end if;
  if v_found.id is null then
    insert into insighter.notebooks (project_id, path, kernel, language)
    values (v_project.id, p_path, coalesce(p_kernel, ''), coalesce(p_language, ''))
    on conflict (project_id, created_by, path) where not (marked or trashed) do nothing
    returning * into v_found;
    v_made := v_found.id is not null;
    if v_made then
      perform private.record(v_project.id, 'created', 'notebook', v_found.id::text, v_found.name,
        jsonb_build_object('path', v_found.path));
    else
      select * into v_found from insighter.notebooks
      where project_id = v_project.id and created_by = auth.uid() and path = p_path and not marked for update;
      if not found then
        perform private.fail(404, 'notebook_not_found', 'this notebook is not shared with you', 'ask an admin of the project');
      end if;
    end if;
  end if;
  v_old := v_found.path;
  if not v_made and (v_old, v_found.kernel, v_found.language, v_found.marked) is distinct from
    (p_path, coalesce(p_kernel, v_found.kernel), coalesce(p_language, v_found.language), v_found.id = p_id or v_found.marked)
  then
    update insighter.notebooks set path = p_path, marked = v_found.marked or coalesce(id = p_id, false),
      kernel = coalesce(p_kernel, kernel), language = coalesce(p_language, language),
      updated_at = case when path = p_path then updated_at else now() end
    where project_id = v_project.id and id = v_found.id returning * into v_found;
    if v_old <> p_path then
      perform private.record(v_project.id, 'moved', 'notebook', v_found.id::text, v_found.name,
        jsonb_build_object('from', v_old, 'path', p_path));
    end if;
  end if;
  return private.notebook_json(v_found) || jsonb_build_object('made', v_made);
end
$$;

-- A kernel with a credential of the caller's runs this notebook from now on.
create function public.notebooks_attach(p_project_id uuid, p_id uuid, p_kernel_id uuid, p_credential_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_notebook insighter.notebooks;
begin
  perform private.project_for(p_project_id, 'editor');
  v_notebook := private.notebook(p_project_id, p_id);
  if not exists (select from insighter.credentials c where c.id = p_credential_id and c.project_id = p_project_id) then
    perform private.fail(404, 'credential_not_found', 'no such credential of yours in this project');
  end if;
  insert into insighter.notebook_kernels (project_id, credential_id, notebook_id, kernel_id)
  values (p_project_id, p_credential_id, v_notebook.id, p_kernel_id);
  return '{}';
end
$$;

-- What a snapshot answers when the newest version has the same sources and outputs; otherwise null. What ran has run.
create function public.notebooks_unchanged(
  p_project_id uuid, p_id uuid, p_fingerprint text, p_reason text, p_outcome text default null, p_kernel_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_notebook insighter.notebooks;
  v_version insighter.notebook_versions;
begin
  perform private.project_for(p_project_id, 'editor');
  v_notebook := private.notebook(p_project_id, p_id);
  -- Whoever adds a version meanwhile waits.
  select * into v_notebook from insighter.notebooks where project_id = p_project_id and id = p_id for update;
  select * into v_version from insighter.notebook_versions
  where project_id = p_project_id and notebook_id = p_id and version = v_notebook.versions and fingerprint = p_fingerprint;
  if not found then
    return null;
  end if;
  if p_reason = 'ran' then
    update insighter.notebooks set last_run_at = now(), last_run_by = auth.uid(), last_run_outcome = p_outcome,
      updated_at = now()
    where project_id = p_project_id and id = p_id returning * into v_notebook;
    perform private.notebook_runs_made(v_notebook, v_version.version, p_kernel_id);
  end if;
  return jsonb_build_object('notebook', private.notebook_json(v_notebook),
    'version', private.notebook_version_json(v_version), 'unchanged', true);
end
$$;

-- Add a version. Those of one notebook at the same time queue up at the notebook's row.
create function public.notebooks_add_version(
  p_project_id uuid, p_id uuid, p_sha256 text, p_size bigint, p_fingerprint text, p_cells int, p_reason text,
  p_outcome text default null, p_stripped boolean default false, p_kernel_id uuid default null, p_kernel text default null,
  p_language text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_same jsonb := public.notebooks_unchanged(p_project_id, p_id, p_fingerprint, p_reason, p_outcome, p_kernel_id);
  v_notebook insighter.notebooks;
  v_version insighter.notebook_versions;
begin
  if v_same is not null then
    return v_same;
  end if;
  update insighter.notebooks set versions = versions + 1, updated_at = now(), kernel = coalesce(p_kernel, kernel),
    language = coalesce(p_language, language),
    last_run_at = case p_reason when 'ran' then now() else last_run_at end,
    last_run_by = case p_reason when 'ran' then auth.uid() else last_run_by end,
    last_run_outcome = case p_reason when 'ran' then p_outcome else last_run_outcome end
  where project_id = p_project_id and id = p_id returning * into v_notebook;
  insert into insighter.notebook_versions (project_id, notebook_id, version, object_key, sha256, size, fingerprint, cells,
    reason, outcome, stripped, path, kernel_id)
  values (p_project_id, p_id, v_notebook.versions, p_project_id::text || '/' || p_sha256, p_sha256, p_size, p_fingerprint,
    p_cells, p_reason, p_outcome, p_stripped, v_notebook.path, p_kernel_id)
  returning * into v_version;
  if p_reason = 'ran' then
    perform private.notebook_runs_made(v_notebook, v_version.version, p_kernel_id);
  end if;
  perform private.record(p_project_id, case p_reason when 'saved' then 'updated' else p_reason end, 'notebook', p_id::text,
    v_notebook.name, jsonb_strip_nulls(jsonb_build_object('version', v_version.version, 'outcome', p_outcome)));
  return jsonb_build_object('notebook', private.notebook_json(v_notebook),
    'version', private.notebook_version_json(v_version), 'unchanged', false);
end
$$;

-- ---- what hangs on a project ----------------------------------------------------------------------------------------

create or replace function public.projects_contents(p_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.project(p_id);
  return jsonb_build_object(
    'datasets', (select count(*) from insighter.datasets where project_id = p_id),
    'dataset_versions', (select count(*) from insighter.dataset_versions where project_id = p_id),
    'notebooks', (select count(*) from insighter.notebooks where project_id = p_id),
    'notebook_versions', (select count(*) from insighter.notebook_versions where project_id = p_id),
    'experiments', (select count(*) from insighter.experiments where project_id = p_id),
    'runs', (select count(*) from insighter.runs where project_id = p_id),
    'models', (select count(*) from insighter.registered_models where project_id = p_id),
    'model_versions', (select count(*) from insighter.model_versions where project_id = p_id),
    'deployments', (
      select coalesce(jsonb_agg(name order by name), '[]') from insighter.deployments where project_id = p_id),
    -- An object that several assets name is stored once.
    'bytes', (
      select coalesce(sum(size), 0) from (
        select object_key, size from insighter.dataset_versions where project_id = p_id
        union select table_object_key, table_size from insighter.dataset_versions where project_id = p_id
        union select object_key, size from insighter.notebook_versions where project_id = p_id
        union select object_key, size from insighter.artifacts where project_id = p_id
      ) objects));
end
$$;

call private.expose('notebooks_list', 'notebooks_get', 'notebooks_versions', 'notebooks_version', 'notebooks_of_run',
  'notebooks_bind', 'notebooks_attach', 'notebooks_unchanged', 'notebooks_add_version');
-- Not for callers, whatever the server grants by default.
revoke all on function private.notebook_changed from public, anon, authenticated, service_role;
grant execute on function private.is_restricted, private.run_in_notebook, private.notebook_runs_made, private.maker,
  private.notebook_json, private.notebook_version_json, private.notebook to authenticated;
