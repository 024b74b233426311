-- Registry: registered models, their versions and aliases. A version knows where its files are: root and path of artifacts.

create table insighter.registered_models (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 250 and name !~ '[/:[:cntrl:]]' and name !~ '^\.{1,2}$'),
  description text not null default '' check (char_length(description) <= 100000),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  -- Numbers of deleted versions are not given again.
  last_version int not null default 0,
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id),
  unique (project_id, name)
);

create table insighter.model_versions (
  project_id uuid not null,
  model_id uuid not null,
  version int not null check (version >= 1),
  source text not null check (char_length(source) <= 2000),
  root text not null,
  root_path text not null,
  run_id uuid,
  logged_model_id text,
  run_link text not null default '' check (char_length(run_link) <= 2000),
  description text not null default '' check (char_length(description) <= 100000),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  stage text not null default 'None' check (stage in ('None', 'Staging', 'Production', 'Archived')),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, model_id, version),
  foreign key (project_id, model_id) references insighter.registered_models (project_id, id) on delete cascade,
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete set null (run_id),
  foreign key (project_id, logged_model_id) references insighter.logged_models (project_id, id)
    on delete set null (logged_model_id)
);
create index model_versions_run on insighter.model_versions (project_id, run_id);
create index model_versions_logged on insighter.model_versions (project_id, logged_model_id);

create table insighter.model_aliases (
  project_id uuid not null,
  model_id uuid not null,
  alias text not null check (char_length(alias) between 1 and 255 and alias ~ '^[\w-]+$'),
  version int not null,
  primary key (project_id, model_id, alias),
  foreign key (project_id, model_id, version) references insighter.model_versions (project_id, model_id, version)
    on delete cascade
);
create index model_aliases_version on insighter.model_aliases (project_id, model_id, version);

do $$
declare
  v_table text;
  v_mine text;
begin
  foreach v_table in array array['registered_models', 'model_versions', 'model_aliases'] loop
    v_mine := case when v_table <> 'model_aliases' then ' and created_by = (select auth.uid())' else '' end;
    execute format('alter table insighter.%I enable row level security', v_table);
    execute format('grant select, insert, delete on insighter.%I to authenticated', v_table);
    execute format('create policy %I on insighter.%I for select to authenticated
      using (project_id in (select private.project_ids()))', v_table || '_select', v_table);
    execute format('create policy %I on insighter.%I for insert to authenticated
      with check (project_id in (select private.project_ids(''editor''))%s)', v_table || '_insert', v_table, v_mine);
    execute format('create policy %I on insighter.%I for update to authenticated
      using (project_id in (select private.project_ids(''editor'')))
      with check (project_id in (select private.project_ids(''editor'')))', v_table || '_update', v_table);
    execute format('create policy %I on insighter.%I for delete to authenticated
      using (project_id in (select private.project_ids(''editor'')))', v_table || '_delete', v_table);
  end loop;
end
$$;
grant update (name, description, tags, last_version, updated_at) on insighter.registered_models to authenticated;
grant update (description, tags, stage, updated_at) on insighter.model_versions to authenticated;
grant update (version) on insighter.model_aliases to authenticated;

-- ---- what the functions share ---------------------------------------------------------------------------------------

create function private.registered_model(p_name text, p_project_id uuid default null) returns insighter.registered_models
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := coalesce(p_project_id, private.context_project());
  v_found insighter.registered_models;
begin
  select * into v_found from insighter.registered_models where project_id = v_project and name = p_name;
  if not found then
    if p_project_id is not null then
      perform private.project(p_project_id);
    end if;
    perform private.fail(404, 'model_not_found', format('Registered Model with name=%s not found', p_name));
  end if;
  return v_found;
end
$$;

create function private.registered_model_for(p_name text, p_project_id uuid default null)
returns insighter.registered_models
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.registered_models := private.registered_model(p_name, p_project_id);
begin
  perform private.project_for(v_found.project_id, 'editor');
  return v_found;
end
$$;

create function private.model_version(p_model insighter.registered_models, p_version text) returns insighter.model_versions
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.model_versions;
begin
  if p_version ~ '^[0-9]{1,9}$' then
    select * into v_found from insighter.model_versions
    where project_id = p_model.project_id and model_id = p_model.id and version = p_version::int;
  end if;
  if v_found.version is null then
    perform private.fail(404, 'version_not_found',
      format('Model Version (name=%s, version=%s) not found', p_model.name, p_version));
  end if;
  return v_found;
end
$$;

create function private.model_version_json(v insighter.model_versions, p_name text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'name', p_name, 'version', v.version, 'source', v.source, 'root', v.root, 'root_path', v.root_path,
    'run_id', private.hex(v.run_id), 'model_id', v.logged_model_id, 'run_link', v.run_link,
    'description', v.description, 'tags', v.tags, 'stage', v.stage, 'created', private.ms(v.created_at),
    'updated', private.ms(v.updated_at), 'created_at', v.created_at,
    'created_by', coalesce((select u.display_name from insighter.profiles u where u.user_id = v.created_by), 'someone'),
    'aliases', (select coalesce(jsonb_agg(a.alias order by a.alias), '[]') from insighter.model_aliases a
      where a.project_id = v.project_id and a.model_id = v.model_id and a.version = v.version),
    'metrics', coalesce(
      (select jsonb_agg(m.metric order by m.key) from (
        select distinct on (x.key) x.key,
          jsonb_build_object('key', x.key, 'value', x.value, 'step', x.step, 'timestamp', x.time) as metric
        from insighter.logged_model_metrics x
        where x.project_id = v.project_id and x.model_id = v.logged_model_id
        order by x.key, x.step desc, x.time desc) m),
      (select jsonb_agg(jsonb_build_object('key', l.key, 'value', l.value, 'step', l.step, 'timestamp', l.time)
        order by l.key)
       from insighter.run_metrics_latest l where l.project_id = v.project_id and l.run_id = v.run_id),
      '[]'))
$$;

create function private.registered_model_json(m insighter.registered_models) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'name', m.name, 'description', m.description, 'tags', m.tags, 'created', private.ms(m.created_at),
    'updated', private.ms(m.updated_at), 'created_at', m.created_at, 'updated_at', m.updated_at,
    'versions', (select count(*) from insighter.model_versions v where v.project_id = m.project_id and v.model_id = m.id),
    'latest', (select private.model_version_json(v, m.name) from insighter.model_versions v
      where v.project_id = m.project_id and v.model_id = m.id order by v.version desc limit 1),
    'latest_versions', (select coalesce(jsonb_agg(private.model_version_json(l.v, m.name) order by (l.v).version), '[]')
      from (select distinct on (v.stage) v from insighter.model_versions v
        where v.project_id = m.project_id and v.model_id = m.id order by v.stage, v.version desc) l),
    'aliases', (select coalesce(jsonb_object_agg(a.alias, a.version), '{}') from insighter.model_aliases a
      where a.project_id = m.project_id and a.model_id = m.id))
$$;

-- Where the files of a source are, and what made them. Only files of the same project: whoever may use the model may
-- then read them.
create function private.model_source(
  p_project_id uuid, p_source text, out root text, out path text, out run_id uuid, out logged_model_id text
)
language plpgsql stable set search_path = '' as $$
declare
  v_parts text[];
  v_model insighter.logged_models;
  v_version insighter.model_versions;
  v_registered insighter.registered_models;
  v_project uuid;
begin
  if p_source ~ '^models:/+m-[0-9a-f]{32}/?$' then
    root := 'models/' || substring(p_source from 'm-[0-9a-f]{32}');
    path := '';
  elsif p_source ~ '^models:/+[^/@]+(/[0-9]+|@[^/]+)$' then
    v_parts := regexp_match(p_source, '^models:/+([^/@]+)[/@](.+)$');
    v_registered := private.registered_model(v_parts[1], p_project_id);
    v_version := private.model_version(v_registered, case when p_source ~ '@'
      then (select a.version::text from insighter.model_aliases a
        where a.project_id = p_project_id and a.model_id = v_registered.id and a.alias = v_parts[2])
      else v_parts[2] end);
    root := v_version.root;
    path := v_version.root_path;
  elsif p_source ~ '^mlflow-artifacts:/+(runs/[0-9a-f]{32}|models/m-[0-9a-f]{32})/artifacts(/|$)' then
    v_parts := regexp_match(p_source,
      '^mlflow-artifacts:/+(runs/[0-9a-f]{32}|models/m-[0-9a-f]{32})/artifacts/*(.*?)/*$');
    root := v_parts[1];
    path := v_parts[2];
  elsif p_source ~ '^runs:/+[0-9a-f]{32}/.' then
    v_parts := regexp_match(p_source, '^runs:/+([0-9a-f]{32})/+(.*?)/*$');
    select g.* into v_model from insighter.logged_models g
    where g.project_id = p_project_id and g.source_run_id = v_parts[1]::uuid and g.name = v_parts[2]
      and g.deleted_at is null
    order by g.created_at desc limit 1;
    root := case when v_model.id is null then 'runs/' || v_parts[1] else 'models/' || v_model.id end;
    path := case when v_model.id is null then v_parts[2] else '' end;
  else
    perform private.fail(422, 'invalid_source', format('Invalid model version source: ''%s''', p_source),
      'log the model to this server first: its source is then models:/<model id> or runs:/<run id>/<path>');
  end if;
  v_project := private.artifact_root(root);
  if v_project <> p_project_id then
    perform private.fail(422, 'other_project', 'the files of this model belong to another project',
      'register the model in the project where it was logged');
  end if;
  if root like 'runs/%' then
    run_id := split_part(root, '/', 2)::uuid;
  else
    logged_model_id := split_part(root, '/', 2);
    select g.source_run_id into run_id from insighter.logged_models g
    where g.project_id = p_project_id and g.id = logged_model_id;
  end if;
end
$$;

-- ---- registered models ----------------------------------------------------------------------------------------------

create function private.model_create(p_project_id uuid, p_name text, p_description text, p_tags jsonb) returns boolean
language plpgsql set search_path = '' as $$
begin
  insert into insighter.registered_models (project_id, name, description, tags)
  values (p_project_id, p_name, p_description, p_tags)
  on conflict do nothing;
  return found;
end
$$;

create function public.models_create(
  p_name text, p_description text default '', p_tags jsonb default '{}', p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.context_project_for('editor', p_project_id);
begin
  if not private.model_create(v_project.id, p_name, p_description, p_tags) then
    perform private.fail(409, 'model_exists', format('Registered Model (name=%s) already exists.', p_name));
  end if;
  perform private.record(v_project.id, 'created', 'model', p_name, p_name);
  return private.registered_model_json(private.registered_model(p_name, v_project.id));
end
$$;

create function public.models_get(p_name text, p_project_id uuid default null, p_history boolean default false)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
begin
  return private.registered_model_json(v_model) || case when p_history then jsonb_build_object('history', (
    select coalesce(jsonb_agg(private.model_version_json(v, p_name) order by v.version desc), '[]')
    from insighter.model_versions v where v.project_id = v_model.project_id and v.model_id = v_model.id)) else '{}' end;
end
$$;

-- By name. With a project that is not to be seen: 404.
create function public.models_list(
  p_project_id uuid default null, p_name text default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := case when p_project_id is null then private.context_project() else (private.project(p_project_id)).id end;
  v_answer jsonb;
begin
  with page as (
    select m from insighter.registered_models m
    where m.project_id = v_project and (p_name is null or m.name = p_name) and (p_cursor is null or m.name > p_cursor)
    order by m.name
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.registered_model_json(m) order by (m).name), '[]'),
    'cursor', case when count(*) = p_limit then max((m).name) end)
  into v_answer from page;
  return v_answer;
end
$$;

-- Change name or description; set tags (a null takes one off).
create function public.models_update(
  p_name text, p_new_name text default null, p_description text default null, p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name);
begin
  begin
    update insighter.registered_models set
      name = coalesce(p_new_name, name), description = coalesce(p_description, description),
      tags = jsonb_strip_nulls(tags || p_tags), updated_at = now()
    where project_id = v_model.project_id and id = v_model.id
    returning * into v_model;
  exception when unique_violation then
    perform private.fail(409, 'model_exists', format('Registered Model (name=%s) already exists.', p_new_name));
  end;
  if p_new_name <> p_name then
    perform private.record(v_model.project_id, 'renamed', 'model', p_new_name, p_new_name,
      jsonb_build_object('before', p_name));
  end if;
  return private.registered_model_json(v_model);
end
$$;

create function public.models_delete(p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name);
begin
  delete from insighter.registered_models where project_id = v_model.project_id and id = v_model.id;
  perform private.record(v_model.project_id, 'deleted', 'model', p_name, p_name);
  return '{}';
end
$$;

-- ---- versions -------------------------------------------------------------------------------------------------------

create function private.model_version_create(
  p_model insighter.registered_models, p_source text, p_run_id text, p_logged_model_id text, p_run_link text,
  p_description text, p_tags jsonb
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_source record;
  v_run uuid;
  v_logged text;
  v_number int;
  v_made insighter.model_versions;
begin
  select * into v_source from private.model_source(p_model.project_id, p_source) s;
  v_run := v_source.run_id;
  v_logged := coalesce(v_source.logged_model_id, nullif(p_logged_model_id, ''));
  -- What the client says of the origin is kept where it is of this project.
  if coalesce(p_run_id, '') <> '' then
    select f.id into v_run from private.run_for(p_run_id, false) f where f.project_id = p_model.project_id;
  end if;
  if v_logged is not null and (private.logged_model(v_logged)).project_id <> p_model.project_id then
    perform private.fail(422, 'other_project', 'the logged model belongs to another project');
  end if;
  update insighter.registered_models set last_version = last_version + 1, updated_at = now()
  where project_id = p_model.project_id and id = p_model.id
  returning last_version into v_number;
  insert into insighter.model_versions (project_id, model_id, version, source, root, root_path, run_id, logged_model_id,
    run_link, description, tags)
  values (p_model.project_id, p_model.id, v_number, p_source, v_source.root, v_source.path, v_run, v_logged,
    coalesce(p_run_link, ''), coalesce(p_description, ''), p_tags)
  returning * into v_made;
  perform private.record(p_model.project_id, 'registered', 'model', p_model.name, p_model.name || ' v' || v_number,
    jsonb_build_object('version', v_number, 'run_id', private.hex(v_run)));
  return private.model_version_json(v_made, p_model.name);
end
$$;

create function public.model_versions_create(
  p_name text, p_source text, p_run_id text default null, p_model_id text default null, p_run_link text default '',
  p_description text default '', p_tags jsonb default '{}'
) returns jsonb
language sql volatile set search_path = '' as $$
  select private.model_version_create(private.registered_model_for(p_name), p_source, p_run_id, p_model_id, p_run_link,
    p_description, p_tags)
$$;

-- For the panels and the SDK: the model that a run logged becomes the next version of a name, which is made where missing.
create function public.models_register(
  p_project_id uuid, p_name text, p_run_id text default null, p_model_id text default null, p_description text default ''
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_run record;
  v_source text := 'models:/' || p_model_id;
  v_path text;
begin
  if v_source is null then
    select * into v_run from private.run_for(p_run_id, false) f;
    if v_run.project_id <> p_project_id then
      perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
    end if;
    select 'models:/' || g.id into v_source from insighter.logged_models g
    where g.project_id = p_project_id and g.source_run_id = v_run.id and g.deleted_at is null
      and g.status = 'LOGGED_MODEL_READY'
    order by g.created_at desc limit 1;
    if v_source is null then
      select a.path into v_path from insighter.artifacts a
      where a.project_id = p_project_id and a.root = 'runs/' || p_run_id and (a.path = 'MLmodel' or a.path like '%/MLmodel')
      order by a.created_at desc limit 1;
      if v_path is null then
        perform private.fail(422, 'no_model', 'the run logged no model',
          'log one in the run, for example with mlflow.sklearn.log_model(model, name="model")');
      end if;
      v_source := 'mlflow-artifacts:/runs/' || p_run_id || '/artifacts/' || regexp_replace(v_path, '/?MLmodel$', '');
    end if;
  elsif not exists (
    select from insighter.artifacts a where a.project_id = p_project_id and a.root = 'models/' || p_model_id
  ) then
    perform private.logged_model(p_model_id);
    perform private.fail(422, 'no_model', 'this logged model has no files yet', 'wait until it is completely logged');
  end if;
  perform private.model_create(p_project_id, p_name, '', '{}');
  return private.model_version_create(private.registered_model(p_name, p_project_id), v_source, null, p_model_id, '',
    p_description, '{}');
end
$$;

create function public.model_versions_get(
  p_name text, p_version text default null, p_alias text default null, p_project_id uuid default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
  v_version text := p_version;
begin
  if p_alias is not null then
    select a.version::text into v_version from insighter.model_aliases a
    where a.project_id = v_model.project_id and a.model_id = v_model.id and a.alias = p_alias;
    if not found and lower(p_alias) = 'latest' then
      select max(v.version)::text into v_version from insighter.model_versions v
      where v.project_id = v_model.project_id and v.model_id = v_model.id;
    end if;
    if v_version is null then
      perform private.fail(404, 'alias_not_found', format('Registered model alias %s not found.', p_alias));
    end if;
  end if;
  return private.model_version_json(private.model_version(v_model, v_version), p_name);
end
$$;

-- All files of a version: paths relative to the model's folder, with the keys of their objects.
create function public.model_versions_files(p_name text, p_version text, p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_version insighter.model_versions := private.model_version(private.registered_model(p_name, p_project_id), p_version);
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'path', case when v_version.root_path = '' then a.path else substr(a.path, char_length(v_version.root_path) + 2) end,
      'key', a.object_key, 'size', a.size) order by a.path), '[]')
    from insighter.artifacts a
    where a.project_id = v_version.project_id and a.root = v_version.root
      and (v_version.root_path = '' or (a.path > v_version.root_path || '/' and a.path < v_version.root_path || '0')));
end
$$;

-- Newest first.
create function public.model_versions_search(
  p_name text default null, p_run_id text default null, p_limit int default 10000, p_cursor text default null
) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select v, m.name from insighter.registered_models m
    join insighter.model_versions v on v.project_id = m.project_id and v.model_id = m.id
    where m.project_id = private.context_project()
      and (p_name is null or m.name = p_name)
      and (p_run_id is null or private.hex(v.run_id) = p_run_id)
      and (p_cursor is null or (v.created_at, v.model_id, v.version) < (split_part(p_cursor, '/', 1)::timestamptz,
        split_part(p_cursor, '/', 2)::uuid, split_part(p_cursor, '/', 3)::int))
    order by v.created_at desc, v.model_id desc, v.version desc
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.model_version_json(v, name)
      order by (v).created_at desc, (v).model_id desc, (v).version desc), '[]'),
    'cursor', case when count(*) = p_limit then (select (v).created_at || '/' || (v).model_id || '/' || (v).version
      from page order by (v).created_at, (v).model_id, (v).version limit 1) end)
  from page
$$;

create function public.model_versions_update(
  p_name text, p_version text, p_description text default null, p_tags jsonb default '{}', p_stage text default null,
  p_archive boolean default false
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name);
  v_version insighter.model_versions := private.model_version(v_model, p_version);
begin
  if p_archive then
    update insighter.model_versions set stage = 'Archived', updated_at = now()
    where project_id = v_model.project_id and model_id = v_model.id and stage = p_stage and version <> v_version.version;
  end if;
  update insighter.model_versions set
    description = coalesce(p_description, description), tags = jsonb_strip_nulls(tags || p_tags),
    stage = coalesce(p_stage, stage), updated_at = now()
  where project_id = v_model.project_id and model_id = v_model.id and version = v_version.version
  returning * into v_version;
  return private.model_version_json(v_version, p_name);
end
$$;

create function public.model_versions_delete(p_name text, p_version text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name);
  v_version insighter.model_versions := private.model_version(v_model, p_version);
begin
  delete from insighter.model_versions
  where project_id = v_model.project_id and model_id = v_model.id and version = v_version.version;
  perform private.record(v_model.project_id, 'deleted', 'model', p_name, p_name || ' v' || v_version.version,
    jsonb_build_object('version', v_version.version));
  return '{}';
end
$$;

-- ---- aliases --------------------------------------------------------------------------------------------------------

create function public.models_set_alias(p_name text, p_alias text, p_version text, p_project_id uuid default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_version insighter.model_versions := private.model_version(v_model, p_version);
  v_before int;
begin
  select a.version into v_before from insighter.model_aliases a
  where a.project_id = v_model.project_id and a.model_id = v_model.id and a.alias = p_alias;
  if v_before is distinct from v_version.version then
    insert into insighter.model_aliases (project_id, model_id, alias, version)
    values (v_model.project_id, v_model.id, p_alias, v_version.version)
    on conflict (project_id, model_id, alias) do update set version = excluded.version;
    perform private.record(v_model.project_id, 'aliased', 'model', p_name, p_name || '@' || p_alias,
      jsonb_build_object('alias', p_alias, 'version', v_version.version, 'before', v_before));
  end if;
  return private.registered_model_json(v_model);
end
$$;

create function public.models_delete_alias(p_name text, p_alias text, p_project_id uuid default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
begin
  delete from insighter.model_aliases
  where project_id = v_model.project_id and model_id = v_model.id and alias = p_alias;
  if not found then
    perform private.fail(404, 'alias_not_found', format('Registered model alias %s not found.', p_alias));
  end if;
  perform private.record(v_model.project_id, 'unaliased', 'model', p_name, p_name || '@' || p_alias,
    jsonb_build_object('alias', p_alias));
  return '{}';
end
$$;

call private.expose('models_create', 'models_get', 'models_list', 'models_update', 'models_delete', 'models_register',
  'models_set_alias', 'models_delete_alias', 'model_versions_create', 'model_versions_get', 'model_versions_files',
  'model_versions_search', 'model_versions_update', 'model_versions_delete');
grant execute on function private.registered_model, private.registered_model_for, private.model_version,
  private.model_version_json, private.registered_model_json, private.model_source, private.model_create,
  private.model_version_create to authenticated;
