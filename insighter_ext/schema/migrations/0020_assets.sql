-- Assets: one row for whatever a project has, of every kind, kept by triggers on the tables that hold them. What asks about
-- assets of any kind (search, pins, comments, lineage) asks here, and needs no word for each kind.
--
-- "id" is that of the asset's own table. "key" is how addresses and people name it: the name of a dataset, model or
-- deployment, the id of all others.

create table insighter.assets (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  kind text not null check (kind in ('dataset', 'notebook', 'experiment', 'run', 'model', 'deployment')),
  id text not null check (char_length(id) <= 64),
  key text not null,
  -- Of a kind that can be more closed than its project: what restrictions name it by.
  uuid uuid,
  name text not null,
  description text not null default '',
  -- What else it is found by: tags, columns of a dataset, metrics of a model.
  terms text not null default '',
  version int,
  -- A word for people, where there is one: a run's status, a model's aliases, a deployment's health.
  status text not null default '',
  created_by uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Of experiments and runs, which MLflow's clients delete and restore.
  deleted_at timestamptz,
  search tsvector not null default '',
  primary key (project_id, kind, id)
);
create index assets_key on insighter.assets (project_id, kind, key);
create index assets_recent on insighter.assets (project_id, kind, updated_at desc, id);

-- Assets that are hidden from the caller, of every kind: restricted ones, and whatever later is hidden for other reasons.
create function private.unseen_assets() returns setof uuid
language plpgsql stable security definer rows 10 set search_path = '' as $$
begin
  return query select private.hidden_assets();
end
$$;

alter table insighter.assets enable row level security;
-- Not the search column: its statistics and its words are the search's alone.
grant select (project_id, kind, id, key, uuid, name, description, terms, version, status, created_by, created_at,
  updated_at, deleted_at) on insighter.assets to authenticated;
create policy assets_select on insighter.assets for select to authenticated
  using (project_id in (select private.project_ids()));
create policy assets_restricted on insighter.assets as restrictive for all to authenticated
  using (uuid is null or uuid not in (select private.unseen_assets()));

-- ---- what they are found by -----------------------------------------------------------------------------------------

-- Text as it is searched: without marks and case, every sign that is no letter or digit a blank. So "fixed_acidity",
-- "wine-quality" and "café.csv" are words, and no address or file name to the parser.
create function private.search_text(p_text text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select regexp_replace(lower(regexp_replace(normalize(coalesce(p_text, ''), nfkd), '[\u0300-\u036f]', '', 'g')),
    '[^[:alnum:]]+', ' ', 'g')
$$;

create function private.asset_search() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- A tsvector holds at most 1 MB: what is longer is found by its beginning.
  new.search := setweight(to_tsvector('simple', private.search_text(left(new.name, 1000))), 'A')
    || setweight(to_tsvector('simple', private.search_text(left(new.terms, 20000))), 'B')
    || setweight(to_tsvector('simple', private.search_text(left(new.description, 20000))), 'C');
  return new;
end
$$;
create trigger asset_search before insert or update of name, terms, description on insighter.assets
for each row execute function private.asset_search();

-- The words of a JSON object of tags, those of MLflow's own left out.
create function private.tag_terms(p_tags jsonb) returns text
language sql immutable set search_path = '' as $$
  select coalesce(string_agg(t.key || ' ' || left(t.value, 200), ' ' order by t.key), '')
  from jsonb_each_text(p_tags) t where t.key not like 'mlflow.%' and t.key not like 'insighter.%'
$$;

-- ---- kept by triggers: nobody else writes here ----------------------------------------------------------------------

-- Put a row in place, made of an object with the columns' names.
create function private.asset_put(p_asset jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into insighter.assets (project_id, kind, id, key, uuid, name, description, terms, version, status, created_by,
    created_at, updated_at, deleted_at)
  select a.project_id, a.kind, a.id, a.key, a.uuid, a.name, coalesce(a.description, ''), coalesce(a.terms, ''), a.version,
    coalesce(a.status, ''), a.created_by, a.created_at, a.updated_at, a.deleted_at
  from jsonb_populate_record(null::insighter.assets, p_asset) a
  on conflict (project_id, kind, id) do update set key = excluded.key, name = excluded.name,
    description = excluded.description, terms = excluded.terms, version = excluded.version, status = excluded.status,
    created_by = excluded.created_by, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at
$$;

-- What is told of a row that is an asset. One function per kind; DEFINER triggers call them, nobody else can.
create function private.dataset_asset(d insighter.datasets) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('project_id', d.project_id, 'kind', 'dataset', 'id', d.id, 'key', d.name, 'uuid', d.id,
    'name', d.name, 'version', v.version,
    'terms', (select string_agg(c.value ->> 'name', ' ') from jsonb_array_elements(v.columns) c),
    'created_by', d.created_by, 'created_at', d.created_at, 'updated_at', d.updated_at)
  from (select) one left join lateral (
    select v.version, v.columns from insighter.dataset_versions v
    where v.project_id = d.project_id and v.dataset_id = d.id order by v.version desc limit 1) v on true
$$;

create function private.experiment_asset(e insighter.experiments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('project_id', e.project_id, 'kind', 'experiment', 'id', e.id, 'key', e.id, 'name', e.name,
    'description', e.tags ->> 'mlflow.note.content', 'terms', private.tag_terms(e.tags), 'created_by', e.created_by,
    'created_at', e.created_at, 'updated_at', e.updated_at, 'deleted_at', e.deleted_at)
$$;

create function private.model_asset(m insighter.registered_models) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('project_id', m.project_id, 'kind', 'model', 'id', m.id, 'key', m.name, 'uuid', m.id,
    'name', m.name, 'description', m.description, 'version', v.version,
    'terms', concat_ws(' ', private.tag_terms(m.tags), private.tag_terms(v.tags), (
      select string_agg(l.key, ' ') from insighter.run_metrics_latest l
      where l.project_id = v.project_id and l.run_id = v.run_id), (
      select string_agg(distinct l.key, ' ') from insighter.logged_model_metrics l
      where l.project_id = v.project_id and l.model_id = v.logged_model_id)),
    'status', (select string_agg('@' || a.alias, ' ' order by a.alias) from insighter.model_aliases a
      where a.project_id = m.project_id and a.model_id = m.id),
    'created_by', m.created_by, 'created_at', m.created_at, 'updated_at', m.updated_at)
  from (select) one left join lateral (
    select v.* from insighter.model_versions v
    where v.project_id = m.project_id and v.model_id = m.id order by v.version desc limit 1) v on true
$$;

create function private.deployment_asset(d insighter.deployments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('project_id', d.project_id, 'kind', 'deployment', 'id', d.id, 'key', d.name, 'uuid', d.id,
    'name', d.name, 'terms', d.model_name, 'version', d.model_version, 'status', d.status, 'created_by', d.created_by,
    'created_at', d.created_at, 'updated_at', d.updated_at)
$$;

-- Arguments: the kind, and the column of the row with the asset's id: another than "id" where the row is of something
-- that belongs to the asset. What belongs to an asset that is on its way out finds it gone.
create function private.asset_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_row jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
  v_project uuid := (v_row ->> 'project_id')::uuid;
  v_id text := v_row ->> tg_argv[1];
begin
  if tg_op = 'DELETE' and tg_argv[1] = 'id' then
    delete from insighter.assets a where a.project_id = v_project and a.kind = tg_argv[0] and a.id = v_id;
  elsif tg_argv[0] = 'dataset' then
    perform private.asset_put(private.dataset_asset(d)) from insighter.datasets d
    where d.project_id = v_project and d.id = v_id::uuid;
  elsif tg_argv[0] = 'experiment' then
    perform private.asset_put(private.experiment_asset(e)) from insighter.experiments e
    where e.project_id = v_project and e.id = v_id::bigint;
  elsif tg_argv[0] = 'model' then
    perform private.asset_put(private.model_asset(m)) from insighter.registered_models m
    where m.project_id = v_project and m.id = v_id::uuid;
  else
    perform private.asset_put(private.deployment_asset(d)) from insighter.deployments d
    where d.project_id = v_project and d.id = v_id::uuid;
  end if;
  return null;
end
$$;

create trigger cataloged after insert or update or delete on insighter.datasets
for each row execute function private.asset_changed('dataset', 'id');
create trigger cataloged after insert or delete on insighter.dataset_versions
for each row execute function private.asset_changed('dataset', 'dataset_id');
create trigger cataloged after insert or update or delete on insighter.experiments
for each row execute function private.asset_changed('experiment', 'id');
create trigger cataloged after insert or update or delete on insighter.registered_models
for each row execute function private.asset_changed('model', 'id');
create trigger cataloged after insert or update or delete on insighter.model_versions
for each row execute function private.asset_changed('model', 'model_id');
create trigger cataloged after insert or update or delete on insighter.model_aliases
for each row execute function private.asset_changed('model', 'model_id');
create trigger cataloged after insert or update or delete on insighter.deployments
for each row execute function private.asset_changed('deployment', 'id');

-- Runs come by the thousand and change with every batch: theirs is written straight from the row, and when it matters.
create function private.run_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    delete from insighter.assets a
    where a.project_id = old.project_id and a.kind = 'run' and a.id = private.hex(old.id);
    return null;
  end if;
  insert into insighter.assets as a (project_id, kind, id, key, name, description, terms, status, created_by, created_at,
    updated_at, deleted_at)
  values (new.project_id, 'run', private.hex(new.id), private.hex(new.id), new.name,
    coalesce(new.tags ->> 'mlflow.note.content', ''), private.tag_terms(new.tags), lower(new.status), new.created_by,
    new.created_at, now(), new.deleted_at)
  on conflict (project_id, kind, id) do update set name = excluded.name, description = excluded.description,
    terms = excluded.terms, status = excluded.status, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at;
  return null;
end
$$;
create trigger cataloged after insert or delete on insighter.runs
for each row execute function private.run_changed();
create trigger cataloged_change after update of name, status, tags, deleted_at on insighter.runs
for each row when ((new.name, new.status, new.tags, new.deleted_at) is distinct from
  (old.name, old.status, old.tags, old.deleted_at)) execute function private.run_changed();

-- What was there before.
select private.asset_put(private.dataset_asset(d)) from insighter.datasets d;
select private.asset_put(private.experiment_asset(e)) from insighter.experiments e;
select private.asset_put(private.model_asset(m)) from insighter.registered_models m;
select private.asset_put(private.deployment_asset(d)) from insighter.deployments d;
insert into insighter.assets (project_id, kind, id, key, name, description, terms, status, created_by, created_at,
  updated_at, deleted_at)
select r.project_id, 'run', private.hex(r.id), private.hex(r.id), r.name, coalesce(r.tags ->> 'mlflow.note.content', ''),
  private.tag_terms(r.tags), lower(r.status), r.created_by, r.created_at, r.created_at, r.deleted_at
from insighter.runs r;

-- ---- for the files that follow --------------------------------------------------------------------------------------

-- An asset as the caller sees it, by kind and key, or 404.
create function private.asset_of(p_project_id uuid, p_kind text, p_key text) returns insighter.assets
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_found insighter.assets;
begin
  select a.project_id, a.kind, a.id, a.key, a.uuid, a.name, a.description, a.terms, a.version, a.status, a.created_by,
    a.created_at, a.updated_at, a.deleted_at
  into v_found.project_id, v_found.kind, v_found.id, v_found.key, v_found.uuid, v_found.name, v_found.description,
    v_found.terms, v_found.version, v_found.status, v_found.created_by, v_found.created_at, v_found.updated_at,
    v_found.deleted_at
  from insighter.assets a
  where a.project_id = v_project.id and a.kind = p_kind and a.key = normalize(p_key, nfc);
  if v_found.id is null then
    perform private.fail(404, 'asset_not_found', format('no %s "%s" in "%s"', left(p_kind, 40), left(p_key, 100), v_project.name),
      'GET /insighter/api/projects/<project id>/assets lists those there are');
  end if;
  return v_found;
end
$$;

-- None of these is for callers, whatever the server grants by default.
revoke all on function private.asset_search, private.asset_put, private.dataset_asset, private.experiment_asset,
  private.model_asset, private.deployment_asset, private.asset_changed, private.run_changed
  from public, anon, authenticated, service_role;
grant execute on function private.unseen_assets, private.search_text, private.tag_terms, private.asset_of to authenticated;
