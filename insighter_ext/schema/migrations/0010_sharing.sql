-- Sharing: who gets which role in a project, and how. Members, ownership, visibility, organisations, restrictions,
-- invitations, requests for access. All of it takes a person who signed in: no kernel and no token changes who may what.

create function private.must_be_in_person() returns void
language plpgsql stable set search_path = '' as $$
begin
  if not private.in_person() then
    perform private.fail(403, 'in_person_only', 'this takes a person who signed in, not a kernel or an access token',
      'do it in JupyterLab, or with the "insighter" command as yourself');
  end if;
end
$$;

-- A project as seen by one of its admins who is there in person; else 404 or 403. Archived ones too: whoever is to be shut
-- out of a project must not stay in because nothing else changes in it.
create function private.project_shared_by(p_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_id);
begin
  perform private.must_be_in_person();
  if p_id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins say who may what in a project', 'ask an admin of the project');
  end if;
  if v_project.personal then
    perform private.fail(409, 'project_personal', 'the personal project is its owner''s alone',
      'make a project, and share that');
  end if;
  return v_project;
end
$$;

-- The role that a text names, below the owner's.
create function private.role_below_owner(p_role text) returns insighter.project_role
language plpgsql immutable set search_path = '' as $$
begin
  if p_role is null or p_role not in ('viewer', 'annotator', 'editor', 'admin') then
    perform private.fail(422, 'invalid_role', 'that role cannot be given',
      'viewer, annotator, editor or admin; there is one owner, who can transfer the project');
  end if;
  return p_role::insighter.project_role;
end
$$;

create function private.person_name(p_user_id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce((select f.display_name from insighter.profiles f where f.user_id = p_user_id), 'someone')
$$;

-- ---- members --------------------------------------------------------------------------------------------------------

-- Whoever leaves a project is not named in its restrictions any more: to be invited again opens nothing from before.
-- DEFINER: also who leaves by their own will is taken out, and only admins change restrictions.
create function private.member_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update insighter.restrictions set people = array_remove(people, old.user_id)
  where project_id = old.project_id and old.user_id = any (people);
  return null;
end
$$;

create trigger member_gone after delete on insighter.members
for each row execute function private.member_gone();

create function private.member_json(m insighter.members) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('user_id', m.user_id, 'display_name', private.person_name(m.user_id),
    'email', (select f.email from insighter.profiles f where f.user_id = m.user_id), 'role', m.role,
    'since', m.created_at)
$$;

-- A project's members, for those who are members too. DEFINER: they see all of each other, which the policy of profiles would
-- ask for each of them.
create function private.members_of(p_project_id uuid) returns table (
  rank int, name text, user_id uuid, display_name text, email text, role insighter.project_role, since timestamptz
)
language sql stable security definer set search_path = '' as $$
  select 5 - array_position(enum_range(null::insighter.project_role), m.role), lower(coalesce(f.display_name, 'someone')),
    m.user_id, coalesce(f.display_name, 'someone'), f.email, m.role, m.created_at
  from insighter.members m left join insighter.profiles f on f.user_id = m.user_id
  where m.project_id = p_project_id and p_project_id in (select private.membership_ids())
$$;

-- Owner first, then by role and name. Whoever sees the project without being a member does not see its people.
create function public.members_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  perform private.project(p_project_id);
  if p_project_id not in (select private.membership_ids()) then
    perform private.fail(403, 'members_only', 'only members see who else is one', 'ask for access to the project');
  end if;
  return (
    with page as materialized (
      select * from private.members_of(p_project_id) m
      where p_cursor is null or (m.rank, m.name, m.user_id) > (split_part(p_cursor, '/', 1)::int,
        substr(p_cursor, 40), split_part(p_cursor, '/', 2)::uuid)
      order by m.rank, m.name, m.user_id limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(to_jsonb(p) - '{rank,name}'::text[] order by p.rank, p.name, p.user_id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select concat_ws('/', l.rank, l.user_id, l.name) from page l
        order by l.rank desc, l.name desc, l.user_id desc limit 1) end)
    from page p);
end
$$;

-- Give a role below the owner's: to a member another one, to somebody the caller knows the first.
create function public.members_set(p_project_id uuid, p_user_id uuid, p_role text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_role insighter.project_role := private.role_below_owner(p_role);
  v_old insighter.members;
  v_new insighter.members;
begin
  select * into v_old from insighter.members where project_id = v_project.id and user_id = p_user_id;
  if v_old.role = 'owner' then
    perform private.fail(409, 'owner_stays', 'the owner''s role is not changed',
      'the owner can transfer the project to another member');
  elsif v_old.role = v_role then
    return private.member_json(v_old);
  elsif v_old.role is not null then
    update insighter.members set role = v_role
    where project_id = v_project.id and user_id = p_user_id and role = v_old.role returning * into v_new;
  -- Nobody is made a member by strangers, and nobody's name and address are found out by a made-up id.
  elsif not exists (select from insighter.profiles f where f.user_id = p_user_id) then
    perform private.fail(404, 'person_not_found', 'you share no project or organisation with this person',
      'invite them by their e-mail address');
  else
    insert into insighter.members (project_id, user_id, role) values (v_project.id, p_user_id, v_role)
    on conflict (project_id, user_id) do nothing returning * into v_new;
  end if;
  if v_new.role is null then
    perform private.fail(409, 'member_changed', 'this membership was changed at the same time', 'look again');
  end if;
  perform private.record(v_project.id, case when v_old.role is null then 'added' else 'changed' end, 'member',
    p_user_id::text, private.person_name(p_user_id), jsonb_build_object('before', v_old.role, 'after', v_new.role));
  return private.member_json(v_new);
end
$$;

-- Take somebody's membership, or leave.
create function public.members_remove(p_project_id uuid, p_user_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_old insighter.members;
  v_name text := private.person_name(p_user_id);
begin
  perform private.must_be_in_person();
  if p_user_id <> auth.uid() and p_project_id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins take others out of a project', 'ask an admin of the project');
  end if;
  select * into v_old from insighter.members where project_id = v_project.id and user_id = p_user_id;
  if not found then
    perform private.fail(404, 'member_not_found', format('no such member of "%s"', v_project.name),
      'GET /insighter/api/projects/<project id>/members lists them');
  elsif v_old.role = 'owner' then
    perform private.fail(409, 'owner_stays', 'a project always has an owner',
      'transfer the project to another member first');
  end if;
  delete from insighter.members where project_id = v_project.id and user_id = p_user_id;
  if not found then
    perform private.fail(409, 'member_changed', 'this membership was changed at the same time', 'look again');
  end if;
  perform private.record(v_project.id, case when p_user_id = auth.uid() then 'left' else 'removed' end, 'member',
    p_user_id::text, v_name, jsonb_build_object('before', v_old.role));
  return '{}';
end
$$;

-- ---- ownership ------------------------------------------------------------------------------------------------------

-- DEFINER: the policies let nobody touch the owner's membership, nor the column that says whose a project is. All of it
-- is asked again once the project is locked: of two transfers at a time the second finds that it is not the owner's any more.
create function private.ownership_moved(p_id uuid, p_user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_project insighter.projects;
begin
  select * into v_project from insighter.projects where id = p_id for no key update;
  if not private.in_person() or p_id not in (select private.project_ids('owner')) then
    perform private.fail(403, 'role_too_low', 'only its owner transfers a project', 'ask the owner');
  elsif v_project.personal then
    perform private.fail(409, 'project_personal', 'the personal project stays with its account', 'make a project, and share that');
  elsif p_user_id = auth.uid() then
    perform private.fail(409, 'owner_already', 'the project is yours already', 'choose another member');
  end if;
  update insighter.members set role = 'admin' where project_id = p_id and user_id = auth.uid() and role = 'owner';
  update insighter.members set role = 'owner' where project_id = p_id and user_id = p_user_id;
  if not found then
    perform private.fail(404, 'member_not_found', 'a project is transferred to one of its members',
      'invite that person first');
  end if;
  begin
    update insighter.projects set created_by = p_user_id, updated_at = now() where id = p_id;
  exception when unique_violation then
    perform private.fail(409, 'project_exists', format('the new owner already has a project "%s"', v_project.name),
      'rename one of the two first');
  end;
end
$$;

-- The new owner was a member before; the old one is an admin afterwards.
create function public.projects_transfer(p_id uuid, p_user_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.project(p_id);
  perform private.must_be_in_person();
  perform private.ownership_moved(p_id, p_user_id);
  perform private.record(p_id, 'transferred', 'member', p_user_id::text, private.person_name(p_user_id),
    jsonb_build_object('before', private.person_name(auth.uid()), 'after', private.person_name(p_user_id)));
  return public.projects_get(p_id);
end
$$;

-- ---- visibility -----------------------------------------------------------------------------------------------------

-- A project is opened by a person, and to an organisation by one of its members. What the platform does to itself asks nobody.
create or replace function private.organisation_shared() returns trigger
language plpgsql set search_path = '' as $$
begin
  if auth.uid() is null or (tg_op = 'INSERT' and new.visibility = 'private' and new.organisation_id is null) then
    return new;
  end if;
  if tg_op = 'UPDATE' then
    if new.visibility = old.visibility and new.organisation_id is not distinct from old.organisation_id then
      return new;
    end if;
  end if;
  perform private.must_be_in_person();
  if new.organisation_id is not null and new.organisation_id not in (select private.organisation_ids()) then
    perform private.fail(404, 'organisation_not_found', 'no such organisation, or you are not a member of it',
      'GET /insighter/api/organisations lists yours');
  end if;
  return new;
end
$$;

drop trigger organisation_shared on insighter.projects;
create trigger organisation_shared before insert or update of visibility, organisation_id on insighter.projects
for each row execute function private.organisation_shared();

create function public.projects_set_visibility(p_id uuid, p_visibility text, p_organisation_id uuid default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.projects := private.project_shared_by(p_id);
  v_new insighter.projects;
begin
  if p_visibility is null or p_visibility not in ('private', 'team', 'public') then
    perform private.fail(422, 'invalid_visibility', 'that is no visibility', 'private, team or public');
  elsif (p_visibility = 'team') <> (p_organisation_id is not null) then
    perform private.fail(422, 'invalid_visibility', 'a project is visible to the team of one organisation',
      'name an organisation with "team", and only with that');
  end if;
  update insighter.projects
  set visibility = p_visibility::insighter.visibility, organisation_id = p_organisation_id, updated_at = now()
  where id = p_id returning * into v_new;
  if not found then
    perform private.fail(409, 'project_changed', 'the project was changed at the same time', 'look again');
  end if;
  if (v_new.visibility, v_new.organisation_id) is distinct from (v_old.visibility, v_old.organisation_id) then
    perform private.record(p_id, 'shared', 'project', p_id::text, v_new.name,
      jsonb_build_object('before', v_old.visibility, 'after', v_new.visibility));
  end if;
  return private.project_json(v_new);
end
$$;

-- By default those the caller is a member of; "all" are those of the caller's organisations and the public ones too.
drop function public.projects_list(boolean, int, text);
create function public.projects_list(
  p_archived boolean default false, p_limit int default 100, p_cursor text default null, p_scope text default 'mine'
) returns jsonb
language sql stable set search_path = '' as $$
  with page as materialized (
    select p from insighter.projects p
    where (p.archived_at is not null) = p_archived
      and (p_scope = 'all' or p.id in (select private.membership_ids()))
      and (p_cursor is null or (lower(p.name), p.id::text) > (split_part(p_cursor, '/', 1), split_part(p_cursor, '/', 2)))
    order by lower(p.name), p.id::text
    limit least(greatest(p_limit, 1), 500)
  )
  select jsonb_build_object(
    'items', (select coalesce(jsonb_agg(j.item order by lower(j.item ->> 'name'), j.id::text), '[]')
      from private.projects_json(array(select p from page)) j),
    'cursor', case when count(*) = least(greatest(p_limit, 1), 500)
      then (select lower((p).name) || '/' || (p).id from page order by lower((p).name) desc, (p).id::text desc limit 1) end)
  from page
$$;

-- ---- organisations --------------------------------------------------------------------------------------------------

-- DEFINER: nobody is an admin of an organisation that has none yet.
create function private.creator_becomes_admin() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.created_by is not null then
    insert into insighter.organisation_members (organisation_id, user_id, role) values (new.id, new.created_by, 'admin')
    on conflict do nothing;
  end if;
  return new;
end
$$;

create trigger creator_becomes_admin after insert on insighter.organisations
for each row execute function private.creator_becomes_admin();

-- An organisation keeps an admin as long as it has members. Whoever goes waits here for who goes at the same time, so not
-- both can rely on the other staying. Not deferred: at COMMIT, the audit's locks are held and nobody waits for others.
-- DEFINER: it counts all, whatever the caller sees.
create function private.admin_remains() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from insighter.organisations o where o.id = old.organisation_id for no key update;
  if found and not exists (select from insighter.organisation_members m
      where m.organisation_id = old.organisation_id and m.role = 'admin')
    and (exists (select from insighter.organisation_members m where m.organisation_id = old.organisation_id)
      or exists (select from auth.users u where u.id = old.user_id)) then
    perform private.fail(409, 'admin_missing', 'an organisation always has an admin',
      'make another member an admin first, or delete the organisation');
  end if;
  return null;
end
$$;

create trigger admin_remains after update or delete on insighter.organisation_members
for each row when (old.role = 'admin') execute function private.admin_remains();

-- Nobody joins an organisation but by an invitation they accepted: its members see each other.
drop policy organisation_members_insert on insighter.organisation_members;
revoke insert on insighter.organisation_members from authenticated;

create function private.organisation(p_id uuid) returns insighter.organisations
language plpgsql stable set search_path = '' as $$
declare
  v_organisation insighter.organisations;
begin
  select * into v_organisation from insighter.organisations where id = p_id;
  if not found then
    perform private.fail(404, 'organisation_not_found', 'no such organisation, or you are not a member of it',
      'GET /insighter/api/organisations lists yours');
  end if;
  return v_organisation;
end
$$;

create function private.organisation_for(p_id uuid) returns insighter.organisations
language plpgsql stable set search_path = '' as $$
declare
  v_organisation insighter.organisations := private.organisation(p_id);
begin
  if p_id not in (select private.organisation_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only its admins change an organisation', 'ask one of its admins');
  end if;
  return v_organisation;
end
$$;

create function private.organisation_json(o insighter.organisations) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', o.id, 'name', o.name,
    'role', (select m.role from insighter.organisation_members m where m.organisation_id = o.id and m.user_id = auth.uid()),
    'members', (select count(*) from insighter.organisation_members m where m.organisation_id = o.id),
    'created_at', o.created_at, 'updated_at', o.updated_at)
$$;

create function private.organisation_name(p_name text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_name text := btrim(normalize(p_name, nfc));
begin
  if v_name is null or v_name = '' or char_length(v_name) > 100 or v_name ~ '[[:cntrl:]/\\]' or v_name ~ '^\.' then
    perform private.fail(422, 'invalid_name', 'an organisation''s name has 1 to 100 characters, no "/", "\" or control'
      ' characters, and does not begin with "."', 'choose another name');
  end if;
  return v_name;
end
$$;

create function public.organisations_create(p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid := gen_random_uuid();
  v_name text := private.organisation_name(p_name);
begin
  perform private.must_be_in_person();
  begin
    insert into insighter.organisations (id, name, created_by) values (v_id, v_name, auth.uid());
  exception when unique_violation then
    perform private.fail(409, 'organisation_exists', format('there is an organisation "%s" already', v_name),
      'choose another name, or ask to be invited to it');
  end;
  return private.organisation_json(private.organisation(v_id));
end
$$;

create function public.organisations_list(p_limit int default 100, p_cursor text default null) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select o from insighter.organisations o
    where p_cursor is null or lower(o.name) > p_cursor
    order by lower(o.name) limit least(greatest(p_limit, 1), 500)
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.organisation_json(o) order by lower((o).name)), '[]'),
    'cursor', case when count(*) = least(greatest(p_limit, 1), 500) then max(lower((o).name)) end)
  from page
$$;

create function public.organisations_get(p_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.organisation_json(private.organisation(p_id))
$$;

create function public.organisations_update(p_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_organisation insighter.organisations := private.organisation_for(p_id);
  v_name text := private.organisation_name(p_name);
begin
  begin
    update insighter.organisations set name = v_name, updated_at = now() where id = p_id returning * into v_organisation;
  exception when unique_violation then
    perform private.fail(409, 'organisation_exists', format('there is an organisation "%s" already', v_name),
      'choose another name');
  end;
  return private.organisation_json(v_organisation);
end
$$;

-- Its projects belong to their owners: who deletes an organisation decides nothing about them.
create function public.organisations_delete(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.organisation_for(p_id);
  delete from insighter.organisations where id = p_id;
  return '{}';
-- PostgreSQL 18 has a name of its own for it.
exception when foreign_key_violation or restrict_violation then
  perform private.fail(409, 'organisation_in_use', 'projects are visible to its members',
    'their admins make them private or public first');
  return null;
end
$$;

create function private.organisation_member_json(m insighter.organisation_members) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('user_id', m.user_id, 'display_name', private.person_name(m.user_id),
    'email', (select f.email from insighter.profiles f where f.user_id = m.user_id), 'role', m.role,
    'since', m.created_at)
$$;

-- DEFINER: as private.members_of.
create function private.organisation_members_of(p_organisation_id uuid) returns table (
  rank int, name text, user_id uuid, display_name text, email text, role text, since timestamptz
)
language sql stable security definer set search_path = '' as $$
  select case m.role when 'admin' then 0 else 1 end, lower(coalesce(f.display_name, 'someone')), m.user_id,
    coalesce(f.display_name, 'someone'), f.email, m.role, m.created_at
  from insighter.organisation_members m left join insighter.profiles f on f.user_id = m.user_id
  where m.organisation_id = p_organisation_id and p_organisation_id in (select private.organisation_ids())
$$;

create function public.organisation_members_list(p_organisation_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_organisation insighter.organisations := private.organisation(p_organisation_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as materialized (
      select * from private.organisation_members_of(v_organisation.id) m
      where p_cursor is null or (m.rank, m.name, m.user_id) > (split_part(p_cursor, '/', 1)::int,
        substr(p_cursor, 40), split_part(p_cursor, '/', 2)::uuid)
      order by m.rank, m.name, m.user_id limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(to_jsonb(p) - '{rank,name}'::text[] order by p.rank, p.name, p.user_id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select concat_ws('/', l.rank, l.user_id, l.name) from page l
        order by l.rank desc, l.name desc, l.user_id desc limit 1) end)
    from page p);
end
$$;

create function private.organisation_member_missing() returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.fail(404, 'member_not_found', 'no such member of this organisation',
    'people join by an invitation to their e-mail address');
end
$$;

create function public.organisation_members_set(p_organisation_id uuid, p_user_id uuid, p_role text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_organisation insighter.organisations := private.organisation_for(p_organisation_id);
  v_member insighter.organisation_members;
begin
  if p_role is null or p_role not in ('member', 'admin') then
    perform private.fail(422, 'invalid_role', 'that is no role in an organisation', 'member or admin');
  end if;
  update insighter.organisation_members set role = p_role
  where organisation_id = v_organisation.id and user_id = p_user_id returning * into v_member;
  if not found then
    perform private.organisation_member_missing();
  end if;
  return private.organisation_member_json(v_member);
end
$$;

create function public.organisation_members_remove(p_organisation_id uuid, p_user_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.must_be_in_person();
  if p_user_id = auth.uid() then
    perform private.organisation(p_organisation_id);
  else
    perform private.organisation_for(p_organisation_id);
  end if;
  delete from insighter.organisation_members where organisation_id = p_organisation_id and user_id = p_user_id;
  if not found then
    perform private.organisation_member_missing();
  end if;
  return '{}';
end
$$;

-- ---- invitations ----------------------------------------------------------------------------------------------------

-- To a project or to an organisation. Only the hash of its code is kept.
create table insighter.invitations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid references insighter.projects (id) on delete cascade,
  organisation_id uuid references insighter.organisations (id) on delete cascade,
  email text not null check (char_length(email) between 3 and 254 and email = lower(email collate "C")),
  role text not null,
  code_hash text not null unique check (code_hash ~ '^[0-9a-f]{64}$'),
  invited_by uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '14 days',
  accepted_at timestamptz,
  accepted_by uuid,
  declined_at timestamptz,
  revoked_at timestamptz,
  constraint invitations_to_one check (num_nonnulls(project_id, organisation_id) = 1),
  constraint invitations_role check (case when organisation_id is null
    then role in ('viewer', 'annotator', 'editor', 'admin') else role in ('member', 'admin') end),
  constraint invitations_days check (expires_at <= created_at + interval '14 days')
);
create index invitations_project on insighter.invitations (project_id, created_at, id);
create index invitations_organisation on insighter.invitations (organisation_id, created_at, id);
create index invitations_inviter on insighter.invitations (invited_by);
create index invitations_pending on insighter.invitations (email)
  where accepted_at is null and declined_at is null and revoked_at is null;
create unique index invitations_one on insighter.invitations (coalesce(project_id, organisation_id), email)
  where accepted_at is null and declined_at is null and revoked_at is null;

alter table insighter.invitations enable row level security;
grant select (id, project_id, organisation_id, email, role, invited_by, created_at, expires_at, accepted_at, accepted_by,
    declined_at, revoked_at),
  insert (id, project_id, organisation_id, email, role, code_hash, invited_by), update (revoked_at)
  on insighter.invitations to authenticated;

create policy invitations_select on insighter.invitations for select to authenticated
  using (project_id in (select private.project_ids('admin'))
    or organisation_id in (select private.organisation_ids('admin')));
create policy invitations_insert on insighter.invitations for insert to authenticated
  with check (invited_by = (select auth.uid()) and (select private.in_person())
    and (project_id in (select private.project_ids('admin'))
      or organisation_id in (select private.organisation_ids('admin'))));
-- What was answered or revoked stays so.
create policy invitations_update on insighter.invitations for update to authenticated
  using (accepted_at is null and declined_at is null and revoked_at is null and (select private.in_person())
    and (project_id in (select private.project_ids('admin'))
      or organisation_id in (select private.organisation_ids('admin'))))
  with check (project_id in (select private.project_ids('admin'))
    or organisation_id in (select private.organisation_ids('admin')));

-- An address as it is compared: capital letters of ASCII do not count, all else does. Folding more would make one address of
-- two that belong to different people, as with the Kelvin sign and the letter k.
create function private.folded_email(p_email text) returns text
language sql immutable set search_path = '' as $$
  select lower(p_email collate "C")
$$;

-- Whether it can still be accepted. It is worth what its sender's word is worth now: whoever is no admin any more has not
-- left a way back in. DEFINER: asked for people who see neither the project nor the sender.
create function private.invitation_open(i insighter.invitations) returns boolean
language sql stable security definer set search_path = '' as $$
  select i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > now()
    and case when i.project_id is not null
      then exists (select from insighter.members m
        where m.project_id = i.project_id and m.user_id = i.invited_by and m.role >= 'admin')
      else exists (select from insighter.organisation_members m
        where m.organisation_id = i.organisation_id and m.user_id = i.invited_by and m.role = 'admin') end
$$;

-- Make it a membership; false where somebody was faster. A role is never lowered. Its callers have made sure that it is
-- open, and that this account may take it. DEFINER: whoever is invited is no admin, and has no rights there yet.
create function private.invitation_taken(p_id uuid, p_user_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_taken insighter.invitations;
  v_before insighter.project_role;
begin
  update insighter.invitations set accepted_at = now(), accepted_by = p_user_id
  where id = p_id and accepted_at is null and declined_at is null and revoked_at is null and expires_at > now()
  returning * into v_taken;
  if not found then
    return false;
  end if;
  if v_taken.organisation_id is not null then
    insert into insighter.organisation_members as m (organisation_id, user_id, role)
    values (v_taken.organisation_id, p_user_id, v_taken.role)
    on conflict (organisation_id, user_id) do update set role = 'admin' where m.role = 'member' and excluded.role = 'admin';
    return true;
  end if;
  select m.role into v_before from insighter.members m where m.project_id = v_taken.project_id and m.user_id = p_user_id;
  insert into insighter.members as m (project_id, user_id, role)
  values (v_taken.project_id, p_user_id, v_taken.role::insighter.project_role)
  on conflict (project_id, user_id) do update set role = excluded.role where m.role < excluded.role;
  if found then
    -- Not by private.record: at a sign-up nobody is signed in yet.
    insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name, data)
    values (v_taken.project_id, p_user_id, 'person', case when v_before is null then 'joined' else 'changed' end, 'member',
      p_user_id::text, private.person_name(p_user_id), jsonb_build_object('before', v_before, 'after', v_taken.role));
  end if;
  return true;
end
$$;

-- A new account with a confirmed address joins what that address was invited to. An account that was there before is asked.
-- DEFINER: it runs in the sign-in's own transaction, as a role that has no part in the platform.
create function private.newcomer_joins() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
begin
  if new.email is null or new.email_confirmed_at is null then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if old.email_confirmed_at is not null then
      return null;
    end if;
    -- A new password together with the proof: whoever made the account was perhaps not whose address it is. What they gave
    -- out for it ends.
    if new.encrypted_password is distinct from old.encrypted_password then
      update insighter.credentials set revoked_at = now() where user_id = new.id and revoked_at is null;
    end if;
  end if;
  for v_id in
    select i.id from insighter.invitations i
    where i.email = private.folded_email(new.email) and private.invitation_open(i)
      and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
    order by i.created_at, i.id
  loop
    perform private.invitation_taken(v_id, new.id);
  end loop;
  return null;
end
$$;

-- Triggers run by name: after the one that makes the profile.
create trigger insighter_welcome after insert or update of email_confirmed_at on auth.users
for each row execute function private.newcomer_joins();

-- Of a project or an organisation, for its admins; the one that is meant.
create function private.inviting(p_project_id uuid, p_organisation_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if num_nonnulls(p_project_id, p_organisation_id) <> 1 then
    perform private.fail(422, 'invalid', 'an invitation is to one project or to one organisation', 'name one of them');
  elsif p_project_id is not null then
    return (private.project_shared_by(p_project_id)).id;
  end if;
  perform private.must_be_in_person();
  return (private.organisation_for(p_organisation_id)).id;
end
$$;

-- Whether an address is that of a member. DEFINER: the address an account signs in with is in no table that people read.
-- For admins, who see all members and their addresses.
create function private.is_member(p_project_id uuid, p_organisation_id uuid, p_email text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from insighter.members m join auth.users u on u.id = m.user_id
    where m.project_id = p_project_id and p_project_id in (select private.project_ids('admin'))
      and private.folded_email(u.email) = p_email
    union all
    select from insighter.organisation_members m join auth.users u on u.id = m.user_id
    where m.organisation_id = p_organisation_id and p_organisation_id in (select private.organisation_ids('admin'))
      and private.folded_email(u.email) = p_email)
$$;

-- Whether anybody has an account with the address changes nothing about the answer. Inviting again takes the earlier
-- invitation's place.
create function public.invitations_create(
  p_email text, p_role text, p_code_hash text, p_project_id uuid default null, p_organisation_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
  v_email text := private.folded_email(btrim(p_email, E' \t\r\n'));
  v_new insighter.invitations;
  v_id uuid := gen_random_uuid();
begin
  if v_email is null or char_length(v_email) > 254
    or v_email !~ '^[^\s\u0001-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff@<>(),:;"\\\[\]]+@[^\s\u0001-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff@<>(),:;"\\\[\]]+$' then
    perform private.fail(422, 'invalid_email', 'that is no e-mail address', 'write it as name@example.org');
  end if;
  if p_project_id is not null then
    perform private.role_below_owner(p_role);
  elsif p_role is null or p_role not in ('member', 'admin') then
    perform private.fail(422, 'invalid_role', 'that is no role in an organisation', 'member or admin');
  end if;
  if private.is_member(p_project_id, p_organisation_id, v_email) then
    perform private.fail(409, 'member_already', format('%s is a member already', v_email),
      'give the member another role instead');
  end if;
  update insighter.invitations set revoked_at = now()
  where coalesce(project_id, organisation_id) = v_to and email = v_email
    and accepted_at is null and declined_at is null and revoked_at is null;
  begin
    insert into insighter.invitations (id, project_id, organisation_id, email, role, code_hash, invited_by)
    values (v_id, p_project_id, p_organisation_id, v_email, p_role, p_code_hash, auth.uid());
  exception when unique_violation then
    perform private.fail(409, 'invited_already', 'somebody invited the same address at the same time', 'look again');
  end;
  return (select jsonb_build_object('id', i.id, 'project_id', i.project_id, 'organisation_id', i.organisation_id,
      'email', i.email, 'role', i.role, 'invited_by', private.person_name(i.invited_by), 'created_at', i.created_at,
      'expires_at', i.expires_at)
    from insighter.invitations i where i.id = v_id);
end
$$;

-- Those that can still be accepted, and those that lapsed less than two weeks ago, oldest first.
create function public.invitations_list(
  p_project_id uuid default null, p_organisation_id uuid default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select i.id, i.project_id, i.organisation_id, i.email, i.role, private.person_name(i.invited_by) as invited_by,
        i.created_at, i.expires_at
      from insighter.invitations i
      where (i.project_id = p_project_id or i.organisation_id = p_organisation_id)
        and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
        and i.expires_at > now() - interval '14 days'
        and (p_cursor is null or (i.created_at, i.id)
          > (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid))
      order by i.created_at, i.id limit v_limit
    )
    select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(p) order by p.created_at, p.id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select to_jsonb(l.created_at) #>> '{}' || '/' || l.id from page l order by l.created_at desc, l.id desc limit 1) end)
    from page p);
end
$$;

create function public.invitations_revoke(
  p_id uuid, p_project_id uuid default null, p_organisation_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
begin
  update insighter.invitations set revoked_at = now()
  where id = p_id and coalesce(project_id, organisation_id) = v_to
    and accepted_at is null and declined_at is null and revoked_at is null;
  if not found then
    perform private.fail(404, 'invitation_not_found', 'no such invitation that is still open',
      'whoever accepted it is a member now');
  end if;
  return '{}';
end
$$;

-- The address that the caller proved to have. From the sign-in's own table: what a token says of its holder can be as the
-- holder likes. DEFINER: nobody reads that table.
create function private.own_address() returns text
language sql stable security definer set search_path = '' as $$
  select private.folded_email(u.email) from auth.users u
  where u.id = auth.uid() and u.email_confirmed_at is not null and u.deleted_at is null
$$;

-- The caller's open invitations, with what they are to. DEFINER: nothing there can be seen before they are accepted.
create function private.own_invitations() returns table (
  id uuid, kind text, name text, role text, invited_by text, created_at timestamptz, expires_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select i.id, case when i.project_id is null then 'organisation' else 'project' end, coalesce(p.name, o.name), i.role,
    private.person_name(i.invited_by), i.created_at, i.expires_at
  from insighter.invitations i
  left join insighter.projects p on p.id = i.project_id
  left join insighter.organisations o on o.id = i.organisation_id
  where i.email = private.own_address() and private.in_person() and private.invitation_open(i)
    and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
$$;

create function public.invitations_mine() returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.must_be_in_person();
  return (select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(i) order by i.created_at, i.id), '[]'), 'cursor', null)
    from private.own_invitations() i);
end
$$;

create function private.invitation_missing() returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.fail(404, 'invitation_not_found',
    'no such invitation for you: it may have been used, revoked, or be older than 14 days', 'ask for another one');
end
$$;

-- Accept by the id of an own invitation, or by a code, which is enough by itself. DEFINER: see invitation_taken.
create function private.invitation_accepted(p_id uuid, p_code_hash text) returns insighter.invitations
language plpgsql security definer set search_path = '' as $$
declare
  v_found insighter.invitations;
begin
  if private.in_person() then
    select i.* into v_found from insighter.invitations i
    where case when p_id is not null then i.id = p_id and i.email = private.own_address() else i.code_hash = p_code_hash end
      and private.invitation_open(i);
  end if;
  if v_found.id is null or not private.invitation_taken(v_found.id, auth.uid()) then
    perform private.invitation_missing();
  end if;
  return v_found;
end
$$;

create function public.invitations_accept(p_id uuid default null, p_code_hash text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_taken insighter.invitations;
begin
  perform private.must_be_in_person();
  v_taken := private.invitation_accepted(p_id, p_code_hash);
  return jsonb_build_object(
    'project', case when v_taken.project_id is not null then public.projects_get(v_taken.project_id) end,
    'organisation', case when v_taken.organisation_id is not null then public.organisations_get(v_taken.organisation_id) end);
end
$$;

-- DEFINER: whoever is invited does not see the row.
create function private.invitation_declined(p_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update insighter.invitations i set declined_at = now()
  where i.id = p_id and i.email = private.own_address() and private.in_person()
    and i.accepted_at is null and i.declined_at is null and i.revoked_at is null and private.invitation_open(i);
  return found;
end
$$;

create function public.invitations_decline(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.must_be_in_person();
  if not private.invitation_declined(p_id) then
    perform private.invitation_missing();
  end if;
  return '{}';
end
$$;

-- What a code is good for, for the form that makes an account; null where for nothing. DEFINER, and callable before anybody
-- is known: whoever asks already has the code, of 192 bits.
create function public.invitations_check(p_code_hash text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('email', i.email, 'role', i.role,
    'project', (select p.name from insighter.projects p where p.id = i.project_id),
    'organisation', (select o.name from insighter.organisations o where o.id = i.organisation_id))
  from insighter.invitations i
  where i.code_hash = p_code_hash and private.invitation_open(i)
$$;

-- ---- requests for access --------------------------------------------------------------------------------------------

-- What somebody asked for, as they wrote it, whether or not there is such a project: the asker's own list, which can tell
-- nothing about what the asker does not see.
create table insighter.access_asked (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  asked text not null check (asked ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  role insighter.project_role not null check (role < 'owner'),
  message text not null default '' check (char_length(message) <= 1000),
  created_at timestamptz not null default now(),
  unique (user_id, asked)
);

-- What a project's admins see of it.
create table insighter.access_requests (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role insighter.project_role not null check (role < 'owner'),
  message text not null default '' check (char_length(message) <= 1000),
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  decision text check (decision in ('granted', 'declined')),
  decided_by uuid,
  check ((decided_at is null) = (decision is null))
);
create index access_requests_project on insighter.access_requests (project_id, created_at, id);
create index access_requests_user on insighter.access_requests (user_id);
create unique index access_requests_one on insighter.access_requests (project_id, user_id) where decided_at is null;

alter table insighter.access_asked enable row level security;
alter table insighter.access_requests enable row level security;
grant select, insert (user_id, asked, role, message), delete on insighter.access_asked to authenticated;
grant select, update (decided_at, decision, decided_by) on insighter.access_requests to authenticated;

create policy access_asked_select on insighter.access_asked for select to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));
create policy access_asked_insert on insighter.access_asked for insert to authenticated
  with check (user_id = (select auth.uid()) and (select private.in_person()));
-- What is older than 30 days may be asked anew.
create policy access_asked_delete on insighter.access_asked for delete to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()) and created_at < now() - interval '30 days');
create policy access_requests_select on insighter.access_requests for select to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy access_requests_update on insighter.access_requests for update to authenticated
  using (decided_at is null and project_id in (select private.project_ids('admin')) and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')) and decided_by = (select auth.uid()));

-- Put a request before the admins, if there is such a project; it tells nobody whether. DEFINER: the asker does not see
-- the project.
create function private.access_requested(p_asked text, p_role insighter.project_role, p_message text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if private.in_person() then
    insert into insighter.access_requests (project_id, user_id, role, message)
    -- Nothing is refused here: a refusal would tell that there is such a project.
    select p.id, auth.uid(), least(p_role, 'admin'), left(p_message, 1000) from insighter.projects p
    where p_asked in (p.slug, p.id::text) and not p.personal
      and not exists (select from insighter.access_requests r where r.project_id = p.id and r.user_id = auth.uid()
        and r.created_at > now() - interval '30 days')
    on conflict do nothing;
  end if;
end
$$;

-- "granted" is what the asker sees anyway. A request that was declined stays "pending" for the asker until it lapses after 30
-- days: to be told of it would be to be told that there is such a project.
create function private.access_asked_json(a insighter.access_asked) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', a.id, 'project', a.asked, 'role', a.role, 'message', a.message,
    'state', case when exists (
        select from insighter.projects p join insighter.members m on m.project_id = p.id
        where a.asked in (p.slug, p.id::text) and m.user_id = auth.uid() and m.role >= a.role)
      then 'granted' else 'pending' end,
    'created_at', a.created_at)
$$;

create function public.access_requests_create(p_project text, p_role text, p_message text default '') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_asked text := lower(btrim(p_project));
  v_role insighter.project_role := private.role_below_owner(p_role);
  v_message text := btrim(regexp_replace(coalesce(p_message, ''), '[\u0001-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]', '', 'g'));
  v_new insighter.access_asked;
begin
  perform private.must_be_in_person();
  if v_asked is null or v_asked !~ '^[a-z0-9][a-z0-9-]{0,62}$' then
    perform private.fail(422, 'invalid_project', 'a project is asked for by its id, or by its name in addresses',
      'whoever told you of the project can tell you its address');
  elsif char_length(v_message) > 1000 then
    perform private.fail(422, 'message_too_long', 'the message has more than 1,000 characters', 'shorten it');
  end if;
  if exists (
    select from insighter.projects p join insighter.members m on m.project_id = p.id
    where v_asked in (p.slug, p.id::text) and m.user_id = auth.uid() and m.role >= v_role
  ) then
    perform private.fail(409, 'member_already', 'you have this role in the project already', 'open the project');
  end if;
  delete from insighter.access_asked where user_id = auth.uid() and created_at < now() - interval '30 days';
  if (select count(*) from insighter.access_asked where user_id = auth.uid() and asked <> v_asked) >= 20 then
    perform private.fail(409, 'too_many_requests', 'you asked for access to 20 projects within 30 days',
      'ask again when some of these requests are older than that, or talk to an admin of the project');
  end if;
  insert into insighter.access_asked (user_id, asked, role, message) values (auth.uid(), v_asked, v_role, v_message)
  on conflict (user_id, asked) do nothing returning * into v_new;
  if found then
    perform private.access_requested(v_asked, v_role, v_message);
  else
    select * into v_new from insighter.access_asked where user_id = auth.uid() and asked = v_asked;
  end if;
  return private.access_asked_json(v_new);
end
$$;

create function public.access_requests_mine() returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.must_be_in_person();
  return (select jsonb_build_object('items', coalesce(jsonb_agg(private.access_asked_json(a) order by a.created_at desc), '[]'),
      'cursor', null)
    from insighter.access_asked a where a.user_id = auth.uid() and a.created_at > now() - interval '30 days');
end
$$;

-- Who asks. DEFINER: an admin does not see people outside, but has to know whom it is about. For admins alone.
create function private.askers(p_project_id uuid) returns table (user_id uuid, display_name text, email text)
language sql stable security definer set search_path = '' as $$
  select f.user_id, f.display_name, f.email
  from insighter.access_requests r join insighter.profiles f on f.user_id = r.user_id
  where r.project_id = p_project_id and r.decided_at is null and p_project_id in (select private.project_ids('admin'))
$$;

create function public.access_requests_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select r.id, r.user_id, coalesce(a.display_name, 'someone') as display_name, a.email, r.role, r.message, r.created_at
      from insighter.access_requests r left join private.askers(v_project.id) a on a.user_id = r.user_id
      where r.project_id = v_project.id and r.decided_at is null
        and (p_cursor is null or (r.created_at, r.id)
          > (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid))
      order by r.created_at, r.id limit v_limit
    )
    select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(p) order by p.created_at, p.id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select to_jsonb(l.created_at) #>> '{}' || '/' || l.id from page l order by l.created_at desc, l.id desc limit 1) end)
    from page p);
end
$$;

create function private.access_decided(p_project_id uuid, p_id uuid, p_decision text) returns insighter.access_requests
language plpgsql set search_path = '' as $$
declare
  v_request insighter.access_requests;
begin
  perform private.project_shared_by(p_project_id);
  update insighter.access_requests set decided_at = now(), decision = p_decision, decided_by = auth.uid()
  where id = p_id and project_id = p_project_id and decided_at is null returning * into v_request;
  if not found then
    perform private.fail(404, 'request_not_found', 'no such request that is still open',
      'somebody may have answered it already');
  end if;
  return v_request;
end
$$;

-- With the role that was asked for, or another one. A role is never lowered.
create function public.access_requests_grant(p_project_id uuid, p_id uuid, p_role text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_request insighter.access_requests := private.access_decided(p_project_id, p_id, 'granted');
  v_role insighter.project_role := private.role_below_owner(coalesce(p_role, v_request.role::text));
  v_before insighter.project_role;
  v_member insighter.members;
begin
  select m.role into v_before from insighter.members m
  where m.project_id = p_project_id and m.user_id = v_request.user_id;
  if v_before is null then
    insert into insighter.members (project_id, user_id, role) values (p_project_id, v_request.user_id, v_role)
    on conflict (project_id, user_id) do nothing;
  else
    update insighter.members set role = v_role
    where project_id = p_project_id and user_id = v_request.user_id and role < v_role;
  end if;
  if found then
    perform private.record(p_project_id, case when v_before is null then 'added' else 'changed' end, 'member',
      v_request.user_id::text, private.person_name(v_request.user_id),
      jsonb_build_object('before', v_before, 'after', v_role));
  end if;
  select * into v_member from insighter.members where project_id = p_project_id and user_id = v_request.user_id;
  return private.member_json(v_member);
end
$$;

create function public.access_requests_decline(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.access_decided(p_project_id, p_id, 'declined');
  return '{}';
end
$$;

-- ---- restrictions ---------------------------------------------------------------------------------------------------

-- All assets hidden from the caller, of every kind.
create function private.hidden_assets() returns setof uuid
language plpgsql stable security definer rows 10 set search_path = '' as $$
begin
  return query select private.hidden('dataset') union all select private.hidden('model')
    union all select private.hidden('deployment');
end
$$;

-- Nobody opens, loosens or learns of what is closed to them; nobody closes more than they could open again.
create policy restrictions_restricted on insighter.restrictions as restrictive for all to authenticated
  using (asset_id not in (select private.hidden_assets()));
drop policy restrictions_update on insighter.restrictions;
create policy restrictions_update on insighter.restrictions for update to authenticated
  using (project_id in (select private.project_ids('admin')) and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')) and min_role <= (select private.role_in(project_id)));

-- What a deleted version leaves behind stays as closed as it was: of a dataset what runs noted of it, by the beginning of its
-- SHA-256; of a model the files, as "<root>|<path>".
alter table insighter.restrictions add column remains text[] not null default '{}';

-- DEFINER: whoever may delete a version need not be one who says who may what.
create function private.closed_remains() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_asset uuid;
  v_left text;
begin
  if tg_argv[0] = 'dataset' then
    v_asset := old.dataset_id;
    v_left := left(old.sha256, 16);
  else
    v_asset := old.model_id;
    v_left := old.root || '|' || old.root_path;
  end if;
  update insighter.restrictions set remains = remains || v_left
  where project_id = old.project_id and asset_kind = tg_argv[0] and asset_id = v_asset and not v_left = any (remains);
  return null;
end
$$;

create trigger closed_remains after delete on insighter.dataset_versions
for each row execute function private.closed_remains('dataset');
create trigger closed_remains after delete on insighter.model_versions
for each row execute function private.closed_remains('model');

-- An asset by kind and name, as the caller sees it, or 404.
create function private.asset(p_project_id uuid, p_kind text, p_name text) returns table (id uuid, name text)
language plpgsql stable set search_path = '' as $$
begin
  if p_kind is null or p_kind not in ('dataset', 'model', 'deployment') then
    perform private.fail(422, 'invalid_kind', 'nothing of this kind is restricted', 'dataset, model or deployment');
  end if;
  return query
    select d.id, d.name from insighter.datasets d
    where p_kind = 'dataset' and d.project_id = p_project_id and lower(d.name) = lower(btrim(normalize(p_name, nfc)))
    union all select m.id, m.name from insighter.registered_models m
    where p_kind = 'model' and m.project_id = p_project_id and m.name = p_name
    union all select e.id, e.name from insighter.deployments e
    where p_kind = 'deployment' and e.project_id = p_project_id and e.name = p_name;
  if not found then
    perform private.fail(404, 'asset_not_found', format('no %s "%s" in this project', p_kind, left(p_name, 100)),
      'its name is in the project''s list');
  end if;
end
$$;

create function private.restriction_json(r insighter.restrictions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('kind', r.asset_kind, 'name', case r.asset_kind
      when 'dataset' then (select d.name from insighter.datasets d where d.id = r.asset_id)
      when 'model' then (select m.name from insighter.registered_models m
        where m.project_id = r.project_id and m.id = r.asset_id)
      else (select e.name from insighter.deployments e where e.id = r.asset_id) end,
    'min_role', r.min_role,
    'people', (select coalesce(jsonb_agg(jsonb_build_object('user_id', p, 'display_name', private.person_name(p))
      order by private.person_name(p), p), '[]') from unnest(r.people) p),
    'created_at', r.created_at)
$$;

create function public.restrictions_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select r from insighter.restrictions r
      where r.project_id = v_project.id
        -- What was deleted stays hidden in the activity, and is on no list.
        and (private.restriction_json(r) ->> 'name') is not null
        and (p_cursor is null or (r.asset_kind, r.asset_id)
          > (split_part(p_cursor, '/', 1), split_part(p_cursor, '/', 2)::uuid))
      order by r.asset_kind, r.asset_id limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.restriction_json(r) order by (r).asset_kind, (r).asset_id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select (r).asset_kind || '/' || (r).asset_id from page order by (r).asset_kind desc, (r).asset_id desc limit 1) end)
    from page);
end
$$;

-- Close an asset to all but members with a role, and the members named.
create function public.restrictions_set(
  p_project_id uuid, p_kind text, p_name text, p_min_role text, p_people jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_asset record;
  v_role insighter.project_role := p_min_role::insighter.project_role;
  v_people uuid[] := array(select distinct p::uuid from jsonb_array_elements_text(p_people) p order by 1);
  v_new insighter.restrictions;
begin
  select a.id, a.name into v_asset from private.asset(v_project.id, p_kind, p_name) a;
  if v_role is null or v_role = 'viewer' then
    perform private.fail(422, 'invalid_role', 'every member is at least a viewer: that would restrict nothing',
      'choose annotator, editor, admin or owner, or take the restriction off');
  elsif v_role > private.role_in(v_project.id) then
    perform private.fail(403, 'role_too_low', 'you would shut yourself out', 'ask for no more than your own role');
  elsif cardinality(v_people) > 200 then
    perform private.fail(422, 'too_many_people', 'a restriction names at most 200 people', 'give them a role instead');
  elsif exists (select from unnest(v_people) p where p not in (
      select m.user_id from insighter.members m where m.project_id = v_project.id)) then
    perform private.fail(422, 'not_a_member', 'one of these people is no member of the project', 'invite them first');
  end if;
  insert into insighter.restrictions as r (project_id, asset_kind, asset_id, min_role, people, created_by)
  values (v_project.id, p_kind, v_asset.id, v_role, v_people, auth.uid())
  on conflict (project_id, asset_kind, asset_id) do update set min_role = excluded.min_role, people = excluded.people
  returning * into v_new;
  perform private.record(v_project.id, 'restricted', p_kind,
    case p_kind when 'model' then v_asset.name else v_asset.id::text end, v_asset.name,
    jsonb_build_object('min_role', v_role, 'people', cardinality(v_people)));
  return private.restriction_json(v_new);
end
$$;

create function public.restrictions_remove(p_project_id uuid, p_kind text, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_asset record;
begin
  select a.id, a.name into v_asset from private.asset(v_project.id, p_kind, p_name) a;
  delete from insighter.restrictions where project_id = v_project.id and asset_kind = p_kind and asset_id = v_asset.id;
  if not found then
    perform private.fail(404, 'restriction_not_found', format('the %s "%s" is not restricted', p_kind, v_asset.name));
  end if;
  perform private.record(v_project.id, 'unrestricted', p_kind,
    case p_kind when 'model' then v_asset.name else v_asset.id::text end, v_asset.name);
  return '{}';
end
$$;

-- ---- the activity: what it must not tell ----------------------------------------------------------------------------

-- Events name a model by its name, which another can have later, or it itself had before: what they are hidden by is its id.
alter table insighter.events add column asset_uuid uuid;
update insighter.events set asset_uuid = asset_id::uuid where asset_kind in ('dataset', 'deployment');
update insighter.events e set asset_uuid = m.id from insighter.registered_models m
where e.asset_kind = 'model' and m.project_id = e.project_id and m.name = e.asset_id;

create or replace function private.record(
  p_project_id uuid, p_verb text, p_asset_kind text, p_asset_id text, p_asset_name text, p_data jsonb default '{}'
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_uuid, asset_name, data)
  values (p_project_id, auth.uid(), coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person'), p_verb, p_asset_kind, p_asset_id,
    case
      when p_asset_kind in ('dataset', 'deployment') then p_asset_id::uuid
      when p_asset_kind = 'model' then (
        select m.id from insighter.registered_models m where m.project_id = p_project_id and m.name = p_asset_id) end,
    p_asset_name, p_data);
end
$$;

-- The event comes first: after the deletion nobody knows whose id the name stood for.
create or replace function public.models_delete(p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name);
begin
  perform private.record(v_model.project_id, 'deleted', 'model', p_name, p_name);
  delete from insighter.registered_models where project_id = v_model.project_id and id = v_model.id;
  return '{}';
end
$$;

drop policy events_restricted on insighter.events;
create policy events_restricted on insighter.events as restrictive for all to authenticated
  using (asset_uuid is null or asset_uuid not in (select private.hidden_assets()));
drop function private.hidden_events;
-- Whoever sees a project without being a member does not see its people, in the activity neither.
create policy events_of_members on insighter.events as restrictive for all to authenticated
  using (asset_kind <> 'member' or project_id in (select private.membership_ids()));

-- ---- names that are taken by what cannot be seen --------------------------------------------------------------------

-- Whether a name is taken by an asset that is hidden from the caller. To whoever may make assets, the refusal tells that
-- much; nothing else of it. DEFINER: the caller does not see it.
create function private.name_taken(p_project_id uuid, p_kind text, p_name text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_project_id not in (select private.project_ids('editor')) then
    return false;
  end if;
  return case p_kind
    when 'dataset' then exists (select from insighter.datasets d
      where d.project_id = p_project_id and lower(d.name) = lower(p_name) and d.id in (select private.hidden('dataset')))
    when 'model' then exists (select from insighter.registered_models m
      where m.project_id = p_project_id and m.name = p_name and m.id in (select private.hidden('model')))
    when 'deployment' then exists (select from insighter.deployments e
      where e.project_id = p_project_id and e.name = p_name and e.id in (select private.hidden('deployment')))
    else false end;
end
$$;

create function private.name_free(p_project_id uuid, p_kind text, p_name text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if private.name_taken(p_project_id, p_kind, p_name) then
    perform private.fail(409, 'name_taken', format('the name "%s" is taken by a %s that is not shared with you', p_name, p_kind),
      'choose another name');
  end if;
end
$$;

-- Before a row is made or renamed, whichever function does it.
create function private.name_must_be_free() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform private.name_free(new.project_id, tg_argv[0], new.name);
  return new;
end
$$;
create trigger name_must_be_free before insert on insighter.datasets
for each row execute function private.name_must_be_free('dataset');
create trigger name_must_be_free before insert or update of name on insighter.registered_models
for each row execute function private.name_must_be_free('model');
create trigger name_must_be_free before insert on insighter.deployments
for each row execute function private.name_must_be_free('deployment');

create or replace function public.datasets_may_upload(p_project_id uuid, p_name text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_name text := private.dataset_name(p_name);
begin
  perform private.name_free(v_project.id, 'dataset', v_name);
  return jsonb_build_object('project_id', v_project.id, 'name', v_name);
end
$$;

-- MLflow's client makes the model, takes "there is one" for an answer, and goes on to the version.
create or replace function public.model_versions_create(
  p_name text, p_source text, p_run_id text default null, p_model_id text default null, p_run_link text default '',
  p_description text default '', p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.name_free(private.context_project(), 'model', p_name);
  return private.model_version_create(private.registered_model_for(p_name), p_source, p_run_id, p_model_id, p_run_link,
    p_description, p_tags);
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('members_list', 'members_set', 'members_remove', 'projects_transfer', 'projects_set_visibility',
  'projects_list', 'organisations_create', 'organisations_list', 'organisations_get', 'organisations_update',
  'organisations_delete', 'organisation_members_list', 'organisation_members_set', 'organisation_members_remove',
  'invitations_create', 'invitations_list', 'invitations_revoke', 'invitations_mine', 'invitations_accept',
  'invitations_decline', 'invitations_check', 'access_requests_create', 'access_requests_mine', 'access_requests_list',
  'access_requests_grant', 'access_requests_decline', 'restrictions_list', 'restrictions_set', 'restrictions_remove',
  'datasets_may_upload', 'models_delete', 'model_versions_create');
grant execute on function public.invitations_check to anon;

-- These act for others, and are called by the functions above alone.
revoke all on function private.member_gone, private.closed_remains, private.creator_becomes_admin, private.admin_remains, private.invitation_open,
  private.invitation_taken, private.newcomer_joins from public, anon, authenticated, service_role;
grant execute on function private.must_be_in_person, private.project_shared_by, private.role_below_owner,
  private.person_name, private.member_json, private.members_of, private.organisation_members_of,
  private.ownership_moved, private.organisation, private.organisation_for,
  private.organisation_json, private.organisation_name, private.organisation_member_json,
  private.organisation_member_missing, private.folded_email, private.inviting, private.is_member, private.own_address,
  private.own_invitations, private.invitation_missing, private.invitation_accepted, private.invitation_declined,
  private.access_requested, private.access_asked_json, private.askers, private.access_decided, private.hidden_assets,
  private.asset, private.restriction_json, private.name_taken, private.name_free
  to authenticated;
