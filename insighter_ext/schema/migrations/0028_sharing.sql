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
