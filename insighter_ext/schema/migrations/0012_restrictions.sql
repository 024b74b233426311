-- Restrictions: assets that are more closed than their project, and what must not tell of them.

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

call private.expose('restrictions_list', 'restrictions_set', 'restrictions_remove', 'datasets_may_upload',
  'models_delete', 'model_versions_create');
-- These act for others, and are called by the functions above alone.
revoke all on function private.closed_remains from public, anon, authenticated, service_role;
grant execute on function private.hidden_assets, private.asset, private.restriction_json, private.name_taken,
  private.name_free to authenticated;
