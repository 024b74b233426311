-- What is known of a version, and the card of a model, which is filled from it.

-- ---- what is known of a version -------------------------------------------------------------------------------------

create function public.model_versions_detail(p_name text, p_version text, p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
  v insighter.model_versions := private.model_version(v_model, p_version);
begin
  return private.model_version_json(v, p_name) || jsonb_build_object(
    -- Of each the newest, by the dataset it was measured on; those of the run where they say more.
    'measured', coalesce((
      select jsonb_agg(x.metric || jsonb_build_object('source', x.source) order by x.key, x.dataset) from (
        (select distinct on (m.key, m.dataset_name) m.key, m.dataset_name as dataset, 'model' as source, jsonb_build_object(
          'key', m.key, 'value', m.value, 'step', m.step, 'timestamp', m.time, 'dataset', nullif(m.dataset_name, ''),
          'digest', nullif(m.dataset_digest, ''), 'run_id', private.hex(m.run_id)) as metric
        from insighter.logged_model_metrics m
        where m.project_id = v.project_id and m.model_id = v.logged_model_id
        order by m.key, m.dataset_name, m.step desc, m.time desc limit 2000)
        union all
        (select l.key, '', 'run', jsonb_build_object('key', l.key, 'value', l.value, 'step', l.step, 'timestamp', l.time,
          'dataset', null, 'digest', null, 'run_id', private.hex(v.run_id))
        from insighter.run_metrics_latest l
        where l.project_id = v.project_id and l.run_id = v.run_id and not exists (
          select from insighter.logged_model_metrics m where m.project_id = v.project_id and m.model_id = v.logged_model_id
            and m.key = l.key and (m.dataset_name = '' or m.value = l.value))
        order by l.key limit 2000)) x), '[]'),
    'params', coalesce((select r.params from insighter.runs r where r.project_id = v.project_id and r.id = v.run_id), '{}')
      || coalesce((select g.params from insighter.logged_models g
        where g.project_id = v.project_id and g.id = v.logged_model_id), '{}'),
    'model_type', coalesce((select g.model_type from insighter.logged_models g
      where g.project_id = v.project_id and g.id = v.logged_model_id), ''),
    'run', (select jsonb_build_object('id', private.hex(r.id), 'name', r.name, 'status', r.status,
        'experiment_id', r.experiment_id::text, 'experiment', e.name, 'deleted', r.deleted_at is not null,
        'commit', r.tags ->> 'mlflow.source.git.commit')
      from insighter.runs r
      join insighter.experiments e on e.project_id = r.project_id and e.id = r.experiment_id
      where r.project_id = v.project_id and r.id = v.run_id),
    -- What its run noted as read, and what lineage knows of it: the dataset's own version where it is one of the project's.
    'datasets', coalesce((
      select jsonb_agg(distinct d.item) from (
        select jsonb_build_object('name', i.name, 'digest', i.digest,
          'context', coalesce(i.tags ->> 'mlflow.data.context', ''), 'dataset', k.name, 'version', f.version) as item
        from insighter.run_datasets i
        left join lateral private.lineage_read(i) f on true
        left join insighter.datasets k on k.project_id = i.project_id and k.id = f.dataset_id
        where i.project_id = v.project_id and i.run_id = v.run_id
        union all
        select jsonb_build_object('name', k.name, 'digest', left(w.sha256, 16), 'context', '', 'dataset', k.name,
          'version', w.version)
        from insighter.lineage_edges e
        join insighter.datasets k on k.project_id = e.project_id and k.id::text = e.source_id
        join insighter.dataset_versions w on w.project_id = k.project_id and w.dataset_id = k.id and w.version = e.source_version
        where e.project_id = v.project_id and e.target_kind = 'run' and e.target_id = private.hex(v.run_id)
          and e.source_kind = 'dataset' and not exists (
            select from insighter.run_datasets i cross join lateral private.lineage_read(i) f
            where i.project_id = v.project_id and i.run_id = v.run_id and f.dataset_id = k.id and f.version = w.version)) d), '[]'),
    'deployments', coalesce((
      select jsonb_agg(jsonb_build_object('name', d.name, 'status', d.status) order by d.name) from insighter.deployments d
      where d.project_id = v.project_id and d.model_name = p_name and d.model_version = v.version), '[]'));
end
$$;

-- ---- cards ----------------------------------------------------------------------------------------------------------

-- What people write of a model or of one of its versions, every state of it kept. Where a line says {{metrics}} or the like,
-- the reader sees what is known.
create table insighter.model_cards (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  model_id uuid not null,
  -- Null for the card of the model.
  version int,
  revision int not null check (revision >= 1),
  body text not null check (char_length(body) <= 100000),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  unique nulls not distinct (project_id, model_id, version, revision),
  foreign key (project_id, model_id) references insighter.registered_models (project_id, id) on delete cascade,
  foreign key (project_id, model_id, version) references insighter.model_versions (project_id, model_id, version)
    on delete cascade
);

alter table insighter.model_cards enable row level security;
grant select on insighter.model_cards to authenticated;
create policy model_cards_select on insighter.model_cards for select to authenticated
  using (project_id in (select private.project_ids()));
create policy model_cards_restricted on insighter.model_cards as restrictive for all to authenticated
  using (not private.is_hidden('model', project_id, model_id));

-- A state of a card is written once, in one's own name.
grant insert on insighter.model_cards to authenticated;
create policy model_cards_insert on insighter.model_cards for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));

call private.audited('insighter.model_cards', 'model_card', 'project_id', 'model_id,id');
call private.archived('insighter.model_cards', 44,
  'id=new:model_card model_id=id:model version revision body=text created_by=me created_at');

-- A card is audited under its model's name.
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
  elsif v_kind in ('model', 'model_version', 'model_alias', 'model_card') then
    return (select m.name from insighter.registered_models m
      where m.project_id = v_project and m.id = coalesce(p_row ->> 'model_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind = 'deployment' then
    return (select d.name from insighter.deployments d
      where d.project_id = v_project and d.id = (p_row ->> 'asset_id')::uuid);
  end if;
  return null;
end
$$;

create function private.model_card_json(c insighter.model_cards) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('version', c.version, 'revision', c.revision, 'body', c.body,
    'by', private.person_name(c.created_by), 'at', c.created_at)
$$;

-- What people wrote: of the version, and of the model; each null where nobody did.
create function public.models_card(p_name text, p_version text default null, p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
  v_version int := case when p_version is not null then (private.model_version(v_model, p_version)).version end;
begin
  return jsonb_build_object(
    'model', (select private.model_card_json(c) from insighter.model_cards c
      where c.project_id = v_model.project_id and c.model_id = v_model.id and c.version is null
      order by c.revision desc limit 1),
    'version', (select private.model_card_json(c) from insighter.model_cards c
      where c.project_id = v_model.project_id and c.model_id = v_model.id and c.version = v_version
      order by c.revision desc limit 1));
end
$$;

-- "p_revision" is the one that the caller saw, 0 where there was none: what somebody else wrote meanwhile is not overwritten.
create function public.models_write_card(
  p_name text, p_body text, p_revision int, p_version text default null, p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_version int := case when p_version is not null then (private.model_version(v_model, p_version)).version end;
  v_last insighter.model_cards;
  v_new insighter.model_cards;
begin
  select * into v_last from insighter.model_cards c
  where c.project_id = v_model.project_id and c.model_id = v_model.id and c.version is not distinct from v_version
  order by c.revision desc limit 1;
  if coalesce(v_last.revision, 0) = p_revision then
    insert into insighter.model_cards (project_id, model_id, version, revision, body)
    values (v_model.project_id, v_model.id, v_version, p_revision + 1, p_body)
    on conflict do nothing returning * into v_new;
  end if;
  if v_new.id is null then  -- also where another request was faster
    select * into v_last from insighter.model_cards c
    where c.project_id = v_model.project_id and c.model_id = v_model.id and c.version is not distinct from v_version
    order by c.revision desc limit 1;
    perform private.fail_with(409, 'changed_meanwhile', 'the card was changed while you edited it',
      'compare the two, and save again with the revision that is there now', jsonb_build_object(
        'field', 'card', 'yours', p_body, 'theirs', coalesce(v_last.body, ''), 'revision', coalesce(v_last.revision, 0),
        'by', private.person_name(v_last.created_by), 'at', v_last.created_at));
  end if;
  perform private.record(v_model.project_id, 'described', 'model', p_name, p_name || coalesce(' v' || v_version, ''));
  return private.model_card_json(v_new);
end
$$;

-- Every state of a card, newest first.
create function public.models_card_history(p_name text, p_version text default null, p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
  v_version int := case when p_version is not null then (private.model_version(v_model, p_version)).version end;
begin
  return jsonb_build_object('items', (
    select coalesce(jsonb_agg(private.model_card_json(c) order by c.revision desc), '[]') from (
      select k.* from insighter.model_cards k
      where k.project_id = v_model.project_id and k.model_id = v_model.id and k.version is not distinct from v_version
      order by k.revision desc limit 100) c));
end
$$;

call private.expose('model_versions_detail', 'models_card', 'models_write_card', 'models_card_history');
grant execute on function private.model_card_json to authenticated;
