-- What changes under somebody's feet: who lost sight of an asset, and who has another role than it was when one looked.

-- ---- restrictions ---------------------------------------------------------------------------------------------------

-- Whoever loses sight of an asset is told that something is not shown to them any more. The event of the restriction is hidden
-- from them with the asset, and their panels would go on showing what was there.

-- It names no asset, and is told to nobody else: to whom the asset was hidden before, it would tell that there is one.
create policy events_of_one on insighter.events as restrictive for all to authenticated
  using (verb <> 'narrowed' or asset_kind <> 'member' or asset_id = (select auth.uid())::text);

-- Close an asset to all but members with a role, and the members named.
create or replace function public.restrictions_set(
  p_project_id uuid, p_kind text, p_name text, p_min_role text, p_people jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_asset record;
  v_role insighter.project_role := p_min_role::insighter.project_role;
  v_people uuid[] := array(select distinct p::uuid from jsonb_array_elements_text(p_people) p order by 1);
  v_old insighter.restrictions;
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
  select * into v_old from insighter.restrictions r
  where r.project_id = v_project.id and r.asset_kind = p_kind and r.asset_id = v_asset.id;
  insert into insighter.restrictions as r (project_id, asset_kind, asset_id, min_role, people, created_by)
  values (v_project.id, p_kind, v_asset.id, v_role, v_people, auth.uid())
  on conflict (project_id, asset_kind, asset_id) do update set min_role = excluded.min_role, people = excluded.people
  returning * into v_new;
  perform private.record(v_project.id, 'restricted', p_kind,
    case p_kind when 'model' then v_asset.name else v_asset.id::text end, v_asset.name,
    jsonb_build_object('min_role', v_role, 'people', cardinality(v_people)));
  perform private.record(v_project.id, 'narrowed', 'member', m.user_id::text, private.person_name(m.user_id))
  from insighter.members m
  where m.project_id = v_project.id and m.role < v_role and not m.user_id = any (v_people)
    and (v_old.asset_id is null or m.role >= v_old.min_role or m.user_id = any (v_old.people));
  return private.restriction_json(v_new);
end
$$;

-- ---- members --------------------------------------------------------------------------------------------------------

-- Give a role below the owner's: to a member another one, to somebody the caller knows the first. "before" is the role that
-- the caller saw: whoever was given another one meanwhile, or was taken out, keeps to that.
drop function public.members_set(uuid, uuid, text);
create function public.members_set(p_project_id uuid, p_user_id uuid, p_role text, p_before text default null) returns jsonb
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
  elsif p_before is not null and v_old.role::text is distinct from p_before then
    perform private.fail(409, 'member_changed', 'this membership was changed meanwhile', 'look again');
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

call private.expose('members_set', 'restrictions_set');
