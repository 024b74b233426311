-- Projects: the home of every asset. Also what all later migrations stand on: roles in a project, errors, events.
--
-- Tables live in schema "insighter", which PostgREST does not expose: the API is the functions in "public", and each of
-- them runs as its caller under row-level security. Schema "private" holds what only policies and functions use.

create schema insighter;
create schema private;
grant usage on schema insighter, private to authenticated;
grant usage on schema private to anon;

-- ---- errors ---------------------------------------------------------------------------------------------------------

create function private.fail(p_status int, p_code text, p_message text, p_hint text default null) returns void
language plpgsql immutable set search_path = '' as $$
begin
  raise exception using
    errcode = 'PT' || p_status, message = p_message, detail = p_code, hint = coalesce(p_hint, '');
end
$$;

-- Make functions of the API callable by those who signed in, and by nobody else.
create procedure private.expose(variadic p_functions text[])
language plpgsql set search_path = '' as $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname = any (p_functions)
  loop
    execute format('revoke all on function %s from public, anon', v_function);
    execute format('grant execute on function %s to authenticated', v_function);
  end loop;
end
$$;

-- ---- people ---------------------------------------------------------------------------------------------------------

create table insighter.profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  email text,
  display_name text not null
);

create function private.profile_for_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.profiles (user_id, email, display_name)
  values (new.id, new.email, coalesce(nullif(split_part(new.email, '@', 1), ''), 'someone'))
  on conflict (user_id) do nothing;
  return new;
end
$$;

create trigger insighter_profile after insert on auth.users
for each row execute function private.profile_for_user();

insert into insighter.profiles (user_id, email, display_name)
select id, email, coalesce(nullif(split_part(email, '@', 1), ''), 'someone') from auth.users
on conflict (user_id) do nothing;

-- ---- projects and members -------------------------------------------------------------------------------------------

-- In ascending order: a role may do all that those before it may.
create type insighter.project_role as enum ('viewer', 'annotator', 'editor', 'admin', 'owner');

create table insighter.projects (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null
    check (char_length(name) between 1 and 100 and name = btrim(name) and name !~ '[[:cntrl:]/\\]' and name !~ '^\.'),
  description text not null default '' check (char_length(description) <= 10000),
  folder text not null default '' check (char_length(folder) <= 1000),
  personal boolean not null default false,
  archived_at timestamptz,
  created_by uuid not null references auth.users (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index projects_name on insighter.projects (created_by, lower(name));
create unique index projects_personal on insighter.projects (created_by) where personal;

create table insighter.members (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role insighter.project_role not null,
  created_at timestamptz not null default now(),
  primary key (project_id, user_id)
);
create index members_user on insighter.members (user_id, role);

-- The projects in which the caller has at least a role. A credential confined to one project sees that one alone.
create function private.project_ids(p_role insighter.project_role default 'viewer') returns setof uuid
language sql stable security definer set search_path = '' as $$
  select m.project_id
  from insighter.members m
  where m.user_id = auth.uid()
    and m.role >= p_role
    and m.project_id = coalesce((auth.jwt() -> 'insighter' ->> 'project')::uuid, m.project_id)
$$;

create function private.owner_becomes_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.members (project_id, user_id, role) values (new.id, new.created_by, 'owner');
  return new;
end
$$;

create trigger owner_becomes_member after insert on insighter.projects
for each row execute function private.owner_becomes_member();

-- ---- events: what happened, written by the function that did it, in its transaction -----------------------------------

create table insighter.events (
  id bigint generated always as identity primary key,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  actor uuid,
  actor_kind text not null,
  verb text not null,
  asset_kind text not null,
  asset_id text not null,
  asset_name text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index events_project on insighter.events (project_id, id desc);

-- The only way to write an event, so that nobody writes one in another's name.
create function private.record(
  p_project_id uuid, p_verb text, p_asset_kind text, p_asset_id text, p_asset_name text, p_data jsonb default '{}'
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name, data)
  values (p_project_id, auth.uid(), coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person'),
          p_verb, p_asset_kind, p_asset_id, p_asset_name, p_data);
end
$$;

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.profiles enable row level security;
alter table insighter.projects enable row level security;
alter table insighter.members enable row level security;
alter table insighter.events enable row level security;

grant select on insighter.profiles, insighter.members, insighter.events to authenticated;
grant select, insert, delete on insighter.projects to authenticated;
grant update (name, description, folder, archived_at, updated_at) on insighter.projects to authenticated;

create policy profiles_select on insighter.profiles for select to authenticated
  using (user_id = (select auth.uid()) or user_id in (
    select m.user_id from insighter.members m where m.project_id in (select private.project_ids())
  ));
create policy members_select on insighter.members for select to authenticated
  using (project_id in (select private.project_ids()));
create policy events_select on insighter.events for select to authenticated
  using (project_id in (select private.project_ids()));
create policy projects_select on insighter.projects for select to authenticated
  using (id in (select private.project_ids()));
-- A credential confined to one project makes no other.
create policy projects_insert on insighter.projects for insert to authenticated
  with check (created_by = (select auth.uid()) and (select auth.jwt() -> 'insighter' ->> 'project') is null);
create policy projects_update on insighter.projects for update to authenticated
  using (id in (select private.project_ids('admin'))) with check (id in (select private.project_ids('admin')));
create policy projects_delete on insighter.projects for delete to authenticated
  using (id in (select private.project_ids('owner')) and not personal);

-- ---- the API --------------------------------------------------------------------------------------------------------

create function private.project_json(p insighter.projects) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', p.id, 'slug', p.slug, 'name', p.name, 'description', p.description, 'folder', p.folder,
    'personal', p.personal, 'archived_at', p.archived_at, 'created_at', p.created_at, 'updated_at', p.updated_at,
    'role', (select m.role from insighter.members m where m.project_id = p.id and m.user_id = auth.uid()),
    'members', (select count(*) from insighter.members m where m.project_id = p.id),
    'last_event', (select coalesce(max(e.id), 0) from insighter.events e where e.project_id = p.id),
    'last_activity', coalesce(
      (select e.created_at from insighter.events e where e.project_id = p.id order by e.id desc limit 1), p.updated_at))
$$;

-- A project as seen by the caller, or 404.
create function private.project(p_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects;
begin
  select * into v_project from insighter.projects where id = p_id;
  if not found then
    perform private.fail(404, 'project_not_found', 'no such project, or it is not shared with you',
      'GET /insighter/api/projects lists yours');
  end if;
  return v_project;
end
$$;

-- The same, for a change: 403 for a role that is too low, 409 when it is archived.
create function private.project_for(p_id uuid, p_role insighter.project_role) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_id);
begin
  if p_id not in (select private.project_ids(p_role)) then
    perform private.fail(403, 'role_too_low', format('this takes the role %s in "%s"', p_role, v_project.name),
      'ask an admin of the project');
  end if;
  if v_project.archived_at is not null then
    perform private.fail(409, 'project_archived', format('"%s" is archived and cannot change', v_project.name),
      'restore the project first');
  end if;
  return v_project;
end
$$;

create function private.project_name(p_name text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_name text := btrim(normalize(p_name, nfc));
begin
  if v_name is null or v_name = '' then
    perform private.fail(422, 'invalid_name', 'a project needs a name', 'give it 1 to 100 characters');
  elsif char_length(v_name) > 100 then
    perform private.fail(422, 'invalid_name', 'the name has more than 100 characters', 'shorten it');
  elsif v_name ~ '[[:cntrl:]/\\]' or v_name ~ '^\.' then
    perform private.fail(422, 'invalid_name',
      'a name has no "/", "\" or control characters and does not begin with "."', 'use words, spaces and dashes');
  end if;
  return v_name;
end
$$;

create function public.projects_create(p_name text, p_description text default '', p_folder text default '')
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid := gen_random_uuid();
  v_name text := private.project_name(p_name);
  -- Letters with marks lose them, other scripts give an empty slug: then the id serves.
  v_base text := left(btrim(regexp_replace(lower(
    regexp_replace(normalize(v_name, nfd), '[\u0300-\u036f]', '', 'g')), '[^a-z0-9]+', '-', 'g'), '-'), 50);
  v_slug text := btrim(coalesce(nullif(v_base, ''), 'project'), '-');
begin
  if (auth.jwt() -> 'insighter' ->> 'project') is not null then
    perform private.fail(403, 'credential_confined', 'this credential belongs to one project and makes no others',
      'make the project in JupyterLab or with the "insighter" command');
  end if;
  if exists (select from insighter.projects where created_by = auth.uid() and lower(name) = lower(v_name)) then
    perform private.fail(409, 'project_exists', format('you already have a project "%s"', v_name),
      'choose another name, or open that project');
  end if;
  -- Slugs are unique among all projects, also those the caller cannot see: on a clash the id's first digits follow.
  for i in 1..2 loop
    begin
      insert into insighter.projects (id, slug, name, description, folder, created_by)
      values (v_id, v_slug, v_name, coalesce(p_description, ''), p_folder, auth.uid());
      exit;
    exception when unique_violation then
      if i = 2 then raise; end if;
      v_slug := v_slug || '-' || left(v_id::text, 8);
    end;
  end loop;
  perform private.record(v_id, 'created', 'project', v_id::text, v_name);
  return (select private.project_json(p) from insighter.projects p where id = v_id);
end
$$;

-- The account's own project, made when first asked for: where work lands that names no project.
create function public.projects_personal() returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
begin
  select id into v_id from insighter.projects where created_by = auth.uid() and personal;
  if v_id is null then
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

create function public.projects_list(
  p_archived boolean default false, p_limit int default 100, p_cursor text default null
) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select p from insighter.projects p
    where (p.archived_at is not null) = p_archived
      and (p_cursor is null or (lower(p.name), p.id::text) > (split_part(p_cursor, '/', 1), split_part(p_cursor, '/', 2)))
    order by lower(p.name), p.id::text
    limit least(greatest(p_limit, 1), 500)
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.project_json(p) order by lower((p).name), (p).id::text), '[]'),
    'cursor', case when count(*) = least(greatest(p_limit, 1), 500)
      then (select lower((p).name) || '/' || (p).id from page order by lower((p).name) desc, (p).id::text desc limit 1) end)
  from page
$$;

create function public.projects_get(p_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.project_json(private.project(p_id))
$$;

create function public.projects_update(
  p_id uuid, p_name text default null, p_description text default null, p_folder text default null,
  p_archived boolean default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.projects := private.project(p_id);
  v_new insighter.projects;
begin
  if p_id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins change a project', 'ask an admin of the project');
  end if;
  if v_old.personal and (p_archived or p_name is not null) then
    perform private.fail(409, 'project_personal', 'the personal project keeps its name and cannot be archived');
  end if;
  begin
    update insighter.projects set
      name = case when p_name is null then name else private.project_name(p_name) end,
      description = coalesce(p_description, description),
      folder = coalesce(p_folder, folder),
      archived_at = case when p_archived is null then archived_at when p_archived then coalesce(archived_at, now()) end,
      updated_at = now()
    where id = p_id
    returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'project_exists', format('you already have a project "%s"', btrim(p_name)),
      'choose another name');
  end;
  if v_new.name is distinct from v_old.name then
    perform private.record(p_id, 'renamed', 'project', p_id::text, v_new.name, jsonb_build_object('before', v_old.name));
  end if;
  if v_new.description is distinct from v_old.description then
    perform private.record(p_id, 'described', 'project', p_id::text, v_new.name);
  end if;
  if (v_new.archived_at is null) is distinct from (v_old.archived_at is null) then
    perform private.record(p_id, case when p_archived then 'archived' else 'restored' end, 'project', p_id::text, v_new.name);
  end if;
  return private.project_json(v_new);
end
$$;

create function public.projects_delete(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_id);
begin
  if v_project.personal then
    perform private.fail(409, 'project_personal', 'the personal project cannot be deleted');
  end if;
  delete from insighter.projects where id = p_id;
  if not found then
    perform private.fail(403, 'role_too_low', 'only its owner deletes a project', 'ask the owner');
  end if;
  return private.project_json(v_project);
end
$$;

call private.expose('projects_create', 'projects_personal', 'projects_list', 'projects_get', 'projects_update',
  'projects_delete');
grant execute on function private.fail, private.project_ids, private.record, private.project_json, private.project,
  private.project_for, private.project_name to authenticated;
grant execute on function private.fail to anon;

create function public.platform_status() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'database', 'PostgreSQL ' || current_setting('server_version'),
    'display_name', (select display_name from insighter.profiles where user_id = auth.uid()))
$$;
call private.expose('platform_status');
