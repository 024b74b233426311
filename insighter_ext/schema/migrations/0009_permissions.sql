-- Permissions, as data that the policies read: who has which role, who sees a project without being a member, what a
-- credential may at most, and which assets are more closed than their project. The functions that change these follow in
-- the next files; here is what every policy of every table stands on.

-- ---- organisations --------------------------------------------------------------------------------------------------

-- People who belong together. A project with the visibility "team" can be read by all members of its organisation.
create table insighter.organisations (
  id uuid primary key default gen_random_uuid(),
  name text not null
    check (char_length(name) between 1 and 100 and name = btrim(name) and name !~ '[[:cntrl:]/\\]' and name !~ '^\.'),
  created_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index organisations_name on insighter.organisations (lower(name));
create index organisations_creator on insighter.organisations (created_by);

create table insighter.organisation_members (
  organisation_id uuid not null references insighter.organisations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- An admin changes the organisation and its members; a member sees it and the projects shared with it.
  role text not null check (role in ('member', 'admin')),
  created_at timestamptz not null default now(),
  primary key (organisation_id, user_id)
);
create index organisation_members_user on insighter.organisation_members (user_id, organisation_id);

-- ---- projects -------------------------------------------------------------------------------------------------------

create type insighter.visibility as enum ('private', 'team', 'public');

alter table insighter.projects
  add column visibility insighter.visibility not null default 'private',
  add column organisation_id uuid references insighter.organisations (id) on delete restrict,
  add constraint projects_team_has_organisation check (visibility <> 'team' or organisation_id is not null),
  add constraint projects_personal_is_private check (not personal or visibility = 'private');
create index projects_public on insighter.projects (id) where visibility = 'public';
create index projects_team on insighter.projects (organisation_id, id) where visibility = 'team';
create index projects_organisation on insighter.projects (organisation_id);

-- "created_by" is who owns the project: a transfer of ownership changes it together with the two members' roles. An
-- account cannot go while it owns projects; what it made in projects of others stays there without it.
alter table insighter.deployments drop constraint deployments_created_by_fkey;
create unique index members_owner on insighter.members (project_id) where role = 'owner';

create function private.owner_remains() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from insighter.projects p where p.id = old.project_id)
    and not exists (select from insighter.members m where m.project_id = old.project_id and m.role = 'owner') then
    perform private.fail(409, 'owner_missing', 'a project always has an owner', 'transfer the ownership first');
  end if;
  return null;
end
$$;

create constraint trigger owner_remains after update or delete on insighter.members
deferrable initially deferred for each row when (old.role = 'owner') execute function private.owner_remains();

-- ---- what the caller is ---------------------------------------------------------------------------------------------

-- Claims of a credential that limit it: insighter.project confines it to one project, insighter.role is a ceiling of its
-- role in every project. Only the platform and who holds the signing key can set them.

-- The projects in which the caller has at least a role, by membership or, for reading, by visibility. In PL/pgSQL because
-- that keeps its plans for the whole session.
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
      where m.user_id = v_user and m.project_id = v_only and m.role >= p_role;
  else
    return query select m.project_id from insighter.members m where m.user_id = v_user and m.role >= p_role;
  end if;
  if p_role = 'viewer' then
    return query select p.id from insighter.projects p
      where p.visibility = 'public' and (v_only is null or p.id = v_only);
    return query select p.id from insighter.organisation_members o
      join insighter.projects p on p.organisation_id = o.organisation_id and p.visibility = 'team'
      where o.user_id = v_user and (v_only is null or p.id = v_only);
  end if;
end
$$;

-- The projects the caller is a member of: whoever reads a project because it is public does not see its people.
create function private.membership_ids() returns setof uuid
language plpgsql stable security definer rows 20 set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_only uuid := (auth.jwt() -> 'insighter' ->> 'project')::uuid;
begin
  return query select m.project_id from insighter.members m
    where m.user_id = v_user and (v_only is null or m.project_id = v_only);
end
$$;

-- The organisations in which the caller has at least a role. A confined credential is in none.
create function private.organisation_ids(p_role text default 'member') returns setof uuid
language sql stable security definer set search_path = '' as $$
  select o.organisation_id from insighter.organisation_members o
  where o.user_id = auth.uid() and (p_role = 'member' or o.role = 'admin')
    and (auth.jwt() -> 'insighter' ->> 'project') is null
    and (auth.jwt() -> 'insighter' ->> 'role') is null
$$;

-- The caller's role in a project, null where there is none. By visibility it is the viewer's.
create function private.role_in(p_project_id uuid) returns insighter.project_role
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_claims jsonb := auth.jwt() -> 'insighter';
  v_role insighter.project_role;
begin
  if (v_claims ->> 'project')::uuid <> p_project_id then
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

-- Whether the caller shares a project or an organisation with somebody. Asked for one person at a time: the people of all
-- projects of the caller are many, and those of a page few.
create function private.acquainted(p_user_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_claims jsonb := auth.jwt() -> 'insighter';
  v_only uuid := (v_claims ->> 'project')::uuid;
begin
  return exists (
      select from insighter.members m join insighter.members n on n.project_id = m.project_id and n.user_id = v_user
      where m.user_id = p_user_id and (v_only is null or m.project_id = v_only))
    or (v_only is null and (v_claims ->> 'role') is null and exists (
      select from insighter.organisation_members m
      join insighter.organisation_members n on n.organisation_id = m.organisation_id and n.user_id = v_user
      where m.user_id = p_user_id));
end
$$;

-- Whether the caller is a person at the platform, and no credential that was given a smaller part of its rights. Only such
-- a caller changes who may what, or makes credentials.
create function private.in_person() returns boolean
language sql stable set search_path = '' as $$
  select auth.uid() is not null
    and (auth.jwt() -> 'insighter' ->> 'project') is null
    and (auth.jwt() -> 'insighter' ->> 'role') is null
$$;

-- ---- assets that are more closed than their project -----------------------------------------------------------------

-- Who sees such an asset: members with at least a role, and the people named. Being a member of the project comes first:
-- no row here opens anything.
create table insighter.restrictions (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  asset_kind text not null check (asset_kind in ('dataset', 'model', 'deployment')),
  asset_id uuid not null,
  min_role insighter.project_role not null check (min_role > 'viewer'),
  people uuid[] not null default '{}',
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, asset_kind, asset_id)
);

-- The assets of a kind that the caller must not see, of all projects the caller sees.
create function private.hidden(p_kind text) returns setof uuid
language plpgsql stable security definer rows 5 set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_ceiling insighter.project_role := (auth.jwt() -> 'insighter' ->> 'role')::insighter.project_role;
begin
  return query
    select r.asset_id from insighter.restrictions r
    left join insighter.members m on m.project_id = r.project_id and m.user_id = v_user
    where r.asset_kind = p_kind and r.project_id in (select private.project_ids())
      and (m.role is null or (least(m.role, v_ceiling) < r.min_role and not v_user = any (r.people)));
end
$$;

-- The same of one asset. For tables of which a project has few rows, or a statement reads few, this costs less.
create function private.is_hidden(p_kind text, p_project_id uuid, p_id uuid) returns boolean
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

-- Roots of artifacts that hold the files of a model the caller must not see.
create function private.hidden_roots() returns setof text
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select v.root from insighter.model_versions v
    where v.model_id in (select private.hidden('model')) and v.project_id in (select private.project_ids());
end
$$;

-- The same, file by file: a run's other artifacts stay to be seen.
create function private.file_hidden(p_project_id uuid, p_root text, p_path text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from insighter.model_versions v
    where v.project_id = p_project_id and v.root = p_root and v.model_id in (select private.hidden('model'))
      and (v.root_path = '' or p_path = v.root_path or starts_with(p_path, v.root_path || '/')))
$$;
create index model_versions_root on insighter.model_versions (project_id, root);

-- Events that tell of such an asset, as their kind and id name it.
create function private.hidden_events() returns table (kind text, id text)
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select 'dataset', h::text from private.hidden('dataset') h
    union all select 'deployment', h::text from private.hidden('deployment') h
    union all select 'model', m.name from insighter.registered_models m
      where m.id in (select private.hidden('model')) and m.project_id in (select private.project_ids());
end
$$;

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.organisations enable row level security;
alter table insighter.organisation_members enable row level security;
alter table insighter.restrictions enable row level security;

grant select, insert, delete on insighter.organisations to authenticated;
grant update (name, updated_at) on insighter.organisations to authenticated;
grant select, insert, delete on insighter.organisation_members to authenticated;
grant update (role) on insighter.organisation_members to authenticated;
grant select, insert, delete on insighter.restrictions to authenticated;
grant update (min_role, people) on insighter.restrictions to authenticated;
grant insert, delete on insighter.members to authenticated;
grant update (role) on insighter.members to authenticated;
grant update (visibility, organisation_id) on insighter.projects to authenticated;

create policy organisations_select on insighter.organisations for select to authenticated
  using (id in (select private.organisation_ids()));
create policy organisations_insert on insighter.organisations for insert to authenticated
  with check (created_by = (select auth.uid()) and (select private.in_person()));
create policy organisations_update on insighter.organisations for update to authenticated
  using (id in (select private.organisation_ids('admin'))) with check (id in (select private.organisation_ids('admin')));
create policy organisations_delete on insighter.organisations for delete to authenticated
  using (id in (select private.organisation_ids('admin')));
create policy organisation_members_select on insighter.organisation_members for select to authenticated
  using (organisation_id in (select private.organisation_ids()));
create policy organisation_members_insert on insighter.organisation_members for insert to authenticated
  with check (organisation_id in (select private.organisation_ids('admin')));
create policy organisation_members_update on insighter.organisation_members for update to authenticated
  using (organisation_id in (select private.organisation_ids('admin')))
  with check (organisation_id in (select private.organisation_ids('admin')));
-- Whoever wants to leave may.
create policy organisation_members_delete on insighter.organisation_members for delete to authenticated
  using (organisation_id in (select private.organisation_ids('admin'))
    or (user_id = (select auth.uid()) and (select private.in_person())));

-- People see the people they share a project or an organisation with.
drop policy profiles_select on insighter.profiles;
create policy profiles_select on insighter.profiles for select to authenticated
  using (user_id = (select auth.uid()) or private.acquainted(user_id));

drop policy members_select on insighter.members;
create policy members_select on insighter.members for select to authenticated
  using (project_id in (select private.membership_ids()));
-- Admins give and take every role but the owner's, which only a transfer moves; everybody else may leave.
create policy members_insert on insighter.members for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and role < 'owner' and (select private.in_person()));
create policy members_update on insighter.members for update to authenticated
  using (project_id in (select private.project_ids('admin')) and role < 'owner' and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')) and role < 'owner');
create policy members_delete on insighter.members for delete to authenticated
  using (role < 'owner' and (select private.in_person())
    and (user_id = (select auth.uid()) or project_id in (select private.project_ids('admin'))));

-- A project is shared with an organisation by one of its members.
create function private.organisation_shared() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.organisation_id is not null and new.organisation_id not in (select private.organisation_ids()) then
    perform private.fail(404, 'organisation_not_found', 'no such organisation, or you are not a member of it',
      'GET /insighter/api/organisations lists yours');
  end if;
  return new;
end
$$;

create trigger organisation_shared before update of organisation_id on insighter.projects
for each row when (new.organisation_id is distinct from old.organisation_id) execute function private.organisation_shared();

create policy restrictions_select on insighter.restrictions for select to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy restrictions_insert on insighter.restrictions for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and created_by = (select auth.uid())
    and min_role <= (select private.role_in(project_id)) and (select private.in_person()));
create policy restrictions_update on insighter.restrictions for update to authenticated
  using (project_id in (select private.project_ids('admin')) and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')));
create policy restrictions_delete on insighter.restrictions for delete to authenticated
  using (project_id in (select private.project_ids('admin')) and (select private.in_person()));

-- Restrictive: they come on top of each table's own policies.
create policy datasets_restricted on insighter.datasets as restrictive for all to authenticated
  using (not private.is_hidden('dataset', project_id, id));
create policy dataset_versions_restricted on insighter.dataset_versions as restrictive for all to authenticated
  using (not private.is_hidden('dataset', project_id, dataset_id));
create policy registered_models_restricted on insighter.registered_models as restrictive for all to authenticated
  using (not private.is_hidden('model', project_id, id));
create policy model_versions_restricted on insighter.model_versions as restrictive for all to authenticated
  using (not private.is_hidden('model', project_id, model_id));
create policy model_aliases_restricted on insighter.model_aliases as restrictive for all to authenticated
  using (not private.is_hidden('model', project_id, model_id));
create policy deployments_restricted on insighter.deployments as restrictive for all to authenticated
  using (not private.is_hidden('deployment', project_id, id));
create policy artifacts_restricted on insighter.artifacts as restrictive for all to authenticated
  using (root not in (select private.hidden_roots()) or not private.file_hidden(project_id, root, path));
create policy events_restricted on insighter.events as restrictive for all to authenticated
  using ((asset_kind, asset_id) not in (select h.kind, h.id from private.hidden_events() h));

-- ---- who may do what is asked for in person -------------------------------------------------------------------------

-- A credential with a ceiling makes no projects either.
drop policy projects_insert on insighter.projects;
create policy projects_insert on insighter.projects for insert to authenticated
  with check (created_by = (select auth.uid()) and (select private.in_person()));

create or replace function public.projects_personal() returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
begin
  select id into v_id from insighter.projects where created_by = auth.uid() and personal;
  if v_id is null and not private.in_person() then
    perform private.fail(403, 'credential_confined', 'this credential belongs to one project and makes no others',
      'make the project in JupyterLab or with the "insighter" command');
  elsif v_id is null then
    v_id := gen_random_uuid();
    begin
      insert into insighter.projects (id, slug, name, description, personal, created_by)
      values (v_id, 'personal-' || left(v_id::text, 8), 'Personal', 'What belongs to no other project.', true, auth.uid());
      perform private.record(v_id, 'created', 'project', v_id::text, 'Personal');
    exception when unique_violation then  -- another request was faster
      select id into strict v_id from insighter.projects where created_by = auth.uid() and personal;
    end;
  end if;
  return (select private.project_json(p) from insighter.projects p where id = v_id);
end
$$;

-- Projects as the caller sees them, all in one statement: what a policy asks for is then asked once, and not for each of them.
create function private.projects_json(p_projects insighter.projects[]) returns table (id uuid, item jsonb)
language sql stable set search_path = '' as $$
  select p.id, jsonb_build_object(
    'id', p.id, 'slug', p.slug, 'name', p.name, 'description', p.description, 'folder', p.folder,
    'personal', p.personal, 'archived_at', p.archived_at, 'created_at', p.created_at, 'updated_at', p.updated_at,
    'visibility', p.visibility, 'organisation_id', p.organisation_id,
    'role', case when o.role is null then private.role_in(p.id) else least(o.role, o.ceiling) end,
    'member', o.role is not null,
    'members', m.count, 'last_event', coalesce(e.id, 0), 'last_activity', coalesce(e.created_at, p.updated_at))
  from unnest(p_projects) p
  left join (
    select o.project_id, o.role, (auth.jwt() -> 'insighter' ->> 'role')::insighter.project_role as ceiling
    from insighter.members o where o.user_id = auth.uid()) o on o.project_id = p.id
  left join lateral (
    select count(*) from insighter.members m where m.project_id = p.id) m on true
  left join lateral (
    select e.id, e.created_at from insighter.events e where e.project_id = p.id order by e.id desc limit 1) e on true
$$;

create or replace function private.project_json(p insighter.projects) returns jsonb
language sql stable set search_path = '' as $$
  select j.item from private.projects_json(array[p]) j
$$;

-- The list of datasets, in one statement too.
create or replace function public.datasets_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
  v_answer jsonb;
begin
  with page as materialized (
    select d from insighter.datasets d
    where d.project_id = v_project.id and (p_cursor is null or lower(d.name) > p_cursor)
    order by lower(d.name) limit v_limit
  ), latest as (
    select distinct on (v.dataset_id) v from page join insighter.dataset_versions v
      on v.project_id = v_project.id and v.dataset_id = (page.d).id
    order by v.dataset_id, v.version desc
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(jsonb_build_object(
      'id', (d).id, 'name', (d).name, 'versions', (d).versions, 'created_at', (d).created_at, 'updated_at', (d).updated_at,
      'latest', case when (l.v).version is not null then jsonb_build_object(
        'version', (l.v).version, 'format', (l.v).format, 'filename', (l.v).filename, 'sha256', (l.v).sha256,
        'size', (l.v).size, 'rows', (l.v).rows, 'columns', (l.v).columns, 'created_at', (l.v).created_at,
        'created_by', coalesce(u.display_name, 'someone')) end) order by lower((d).name)), '[]'),
    'cursor', case when count(*) = v_limit then max(lower((d).name)) end)
  into v_answer
  from page left join latest l on (l.v).dataset_id = (page.d).id
  left join insighter.profiles u on u.user_id = (l.v).created_by;
  return v_answer;
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

-- The API is for those who signed in. A service key, which passes by row-level security, has no part in it.
create or replace procedure private.expose(variadic p_functions text[])
language plpgsql set search_path = '' as $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname = any (p_functions)
  loop
    execute format('revoke all on function %s from public, anon, service_role', v_function);
    execute format('grant execute on function %s to authenticated', v_function);
  end loop;
end
$$;

-- Again for the functions of the files before, for a service key was not thought of there.
call private.expose('projects_create', 'projects_personal', 'projects_list', 'projects_get', 'projects_update',
  'projects_delete', 'platform_status', 'credentials_issue', 'credentials_revoke', 'credentials_issuers',
  'credentials_resolve', 'objects_unreferenced', 'datasets_list', 'datasets_get', 'datasets_version',
  'datasets_may_upload', 'datasets_unchanged', 'datasets_add_version', 'datasets_delete', 'experiments_create',
  'experiments_get', 'experiments_get_by_name', 'experiments_search', 'experiments_list', 'experiments_rename',
  'experiments_set_deleted', 'experiments_set_tags', 'runs_create', 'runs_get', 'runs_search', 'runs_update',
  'runs_set_deleted', 'runs_log_batch', 'runs_delete_tag', 'runs_log_inputs', 'runs_log_outputs',
  'runs_metric_history', 'runs_metric_interval', 'logged_models_create', 'logged_models_get',
  'logged_models_search', 'logged_models_update', 'logged_models_delete', 'artifacts_begin', 'artifacts_put',
  'artifacts_get', 'artifacts_list', 'artifacts_delete', 'models_create', 'models_get', 'models_list',
  'models_update', 'models_delete', 'models_register', 'models_set_alias', 'models_delete_alias',
  'model_versions_create', 'model_versions_get', 'model_versions_files', 'model_versions_search',
  'model_versions_update', 'model_versions_delete', 'deployments_create', 'deployments_list', 'deployments_get',
  'deployments_resolve', 'deployments_active', 'deployments_known', 'deployments_start', 'deployments_stop',
  'deployments_set_status', 'deployments_delete', 'projects_contents');
grant execute on function public.credentials_resolve to anon;

grant execute on function private.membership_ids, private.organisation_shared, private.organisation_ids, private.role_in,
  private.acquainted, private.in_person, private.projects_json, private.is_hidden,
  private.hidden, private.hidden_roots, private.file_hidden, private.hidden_events to authenticated;
