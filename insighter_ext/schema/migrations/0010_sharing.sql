-- Sharing: who gets which role in a project, and how. Members, ownership, visibility, organisations; invitations, requests for
-- access and restrictions follow. All of it takes a person who signed in: no kernel and no token changes who may what.

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

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('members_list', 'members_set', 'members_remove', 'projects_transfer', 'projects_set_visibility',
  'projects_list', 'organisations_create', 'organisations_list', 'organisations_get', 'organisations_update',
  'organisations_delete', 'organisation_members_list', 'organisation_members_set', 'organisation_members_remove');
-- These act for others, and are called by the functions above alone.
revoke all on function private.member_gone, private.creator_becomes_admin, private.admin_remains from public, anon, authenticated, service_role;
grant execute on function private.must_be_in_person, private.project_shared_by, private.role_below_owner,
  private.person_name, private.member_json, private.members_of, private.organisation_members_of,
  private.ownership_moved, private.organisation, private.organisation_for, private.organisation_json,
  private.organisation_name, private.organisation_member_json, private.organisation_member_missing to authenticated;
