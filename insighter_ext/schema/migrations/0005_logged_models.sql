-- Tracking, continued: what is done with logged models and artifacts. Their tables stand with those of the runs.

-- ---- logged models --------------------------------------------------------------------------------------------------

create function private.logged_model_json(m insighter.logged_models) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', m.id, 'project_id', m.project_id, 'experiment_id', m.experiment_id::text, 'name', m.name,
    'model_type', m.model_type, 'source_run_id', private.hex(m.source_run_id), 'status', m.status, 'params', m.params,
    'tags', m.tags, 'created', private.ms(m.created_at), 'updated', private.ms(m.updated_at),
    'metrics', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', x.key, 'value', x.value, 'step', x.step,
        'timestamp', x.time, 'run_id', private.hex(x.run_id), 'model_id', x.model_id,
        'dataset_name', nullif(x.dataset_name, ''), 'dataset_digest', nullif(x.dataset_digest, '')))
        order by x.key, x.time), '[]')
      from insighter.logged_model_metrics x where x.project_id = m.project_id and x.model_id = m.id))
$$;

create function private.logged_model(p_id text, p_deleted boolean default false) returns insighter.logged_models
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.logged_models;
begin
  select * into v_found from insighter.logged_models where id = p_id and (p_deleted or deleted_at is null);
  if not found then
    perform private.fail(404, 'model_not_found', format('Logged model with ID ''%s'' not found.', p_id));
  end if;
  return v_found;
end
$$;

create function private.logged_model_for(p_id text) returns insighter.logged_models
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.logged_models := private.logged_model(p_id);
begin
  perform private.project_for(v_found.project_id, 'editor');
  return v_found;
end
$$;

create function public.logged_models_create(
  p_experiment_id text, p_name text, p_model_type text default '', p_source_run_id text default null,
  p_params jsonb default '{}', p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_experiment_id);
  v_run uuid;
  v_project uuid;
  v_made insighter.logged_models;
begin
  if p_source_run_id is not null then
    select f.id, f.project_id into v_run, v_project from private.run_for(p_source_run_id) f;
    if v_project <> v_experiment.project_id then
      perform private.fail(422, 'other_project', 'the run belongs to another project than the experiment');
    end if;
  end if;
  insert into insighter.logged_models (project_id, experiment_id, name, model_type, source_run_id, params, tags)
  values (v_experiment.project_id, v_experiment.id, p_name, p_model_type, v_run, p_params, p_tags)
  returning * into v_made;
  return private.logged_model_json(v_made);
end
$$;

create function public.logged_models_get(p_id text, p_deleted boolean default false) returns jsonb
language sql stable set search_path = '' as $$
  select private.logged_model_json(private.logged_model(p_id, p_deleted))
$$;

-- Newest first.
create function public.logged_models_search(
  p_experiment_ids jsonb, p_name text default null, p_source_run_id text default null, p_limit int default 100,
  p_cursor text default null
) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select m from insighter.experiments e
    join insighter.logged_models m on m.project_id = e.project_id and m.experiment_id = e.id
    where m.deleted_at is null
      and (p_experiment_ids ? e.id::text
        or (p_experiment_ids ? '0' and e.is_default and e.project_id = private.context_project()))
      and (p_name is null or m.name = p_name)
      and (p_source_run_id is null or private.hex(m.source_run_id) = p_source_run_id)
      and (p_cursor is null
        or (m.created_at, m.id) < (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)))
    order by m.created_at desc, m.id desc
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.logged_model_json(m) order by (m).created_at desc, (m).id desc), '[]'),
    'cursor', case when count(*) = p_limit
      then (select (m).created_at || '/' || (m).id from page order by (m).created_at, (m).id limit 1) end)
  from page
$$;

-- Change a status; add params; set tags (a null takes one off).
create function public.logged_models_update(
  p_id text, p_status text default null, p_params jsonb default '{}', p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.logged_models := private.logged_model_for(p_id);
begin
  update insighter.logged_models set
    status = coalesce(p_status, status), params = params || p_params, tags = jsonb_strip_nulls(tags || p_tags),
    updated_at = now()
  where project_id = v_model.project_id and id = p_id
  returning * into v_model;
  return private.logged_model_json(v_model);
end
$$;

create function public.logged_models_delete(p_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.logged_models := private.logged_model_for(p_id);
begin
  update insighter.logged_models set deleted_at = now(), updated_at = now()
  where project_id = v_model.project_id and id = p_id;
  return '{}';
end
$$;

-- What a run measured of logged models.
create function private.model_metrics(p_project_id uuid, p_run_id uuid, p_metrics jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_missing text;
begin
  select m.model_id into v_missing
  from jsonb_to_recordset(p_metrics) as m (model_id text)
  where not exists (select from insighter.logged_models g where g.project_id = p_project_id and g.id = m.model_id)
  limit 1;
  if v_missing is not null then
    perform private.fail(404, 'model_not_found', format('Logged model with ID ''%s'' not found.', v_missing));
  end if;
  insert into insighter.logged_model_metrics as l
    (project_id, model_id, key, run_id, dataset_name, dataset_digest, value, step, time)
  select distinct on (m.model_id, m.key, coalesce(m.dataset_name, ''), coalesce(m.dataset_digest, ''))
    p_project_id, m.model_id, m.key, p_run_id, coalesce(m.dataset_name, ''), coalesce(m.dataset_digest, ''),
    m.value, m.step, m.time
  from jsonb_to_recordset(p_metrics) as m (model_id text, key text, value double precision, step bigint, time bigint,
    dataset_name text, dataset_digest text)
  order by m.model_id, m.key, coalesce(m.dataset_name, ''), coalesce(m.dataset_digest, ''), m.step desc, m.time desc,
    m.value desc
  on conflict (project_id, model_id, key, run_id, dataset_name, dataset_digest) do update
  set value = excluded.value, step = excluded.step, time = excluded.time
  where (excluded.step, excluded.time, excluded.value) > (l.step, l.time, l.value);
end
$$;

-- The models that a run read or made.
create function private.link_models(p_project_id uuid, p_run_id uuid, p_role text, p_models jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_missing text;
begin
  if coalesce(p_models, '[]') = '[]' then
    return;
  end if;
  select m.model_id into v_missing from jsonb_to_recordset(p_models) as m (model_id text)
  where not exists (select from insighter.logged_models g where g.project_id = p_project_id and g.id = m.model_id)
  limit 1;
  if v_missing is not null then
    perform private.fail(404, 'model_not_found', format('Logged model with ID ''%s'' not found.', v_missing),
      'a run reads and makes models of its own project');
  end if;
  insert into insighter.run_models (project_id, run_id, role, model_id, step)
  select distinct on (m.model_id) p_project_id, p_run_id, p_role, m.model_id, coalesce(m.step, 0)
  from jsonb_to_recordset(p_models) as m (model_id text, step bigint)
  order by m.model_id, m.step desc
  on conflict (project_id, run_id, role, model_id) do update set step = excluded.step;
end
$$;

-- ---- artifacts ------------------------------------------------------------------------------------------------------

-- The project of a root that the caller sees.
create function private.artifact_root(p_root text) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid;
begin
  if p_root ~ '^runs/[0-9a-f]{32}$' then
    select project_id into v_project from insighter.runs where id = split_part(p_root, '/', 2)::uuid;
  elsif p_root like 'models/%' then
    select project_id into v_project from insighter.logged_models where id = split_part(p_root, '/', 2);
  end if;
  if v_project is null then
    perform private.fail(404, 'artifacts_not_found', format('there are no artifacts at %s', p_root));
  end if;
  return v_project;
end
$$;

-- May the caller put a file there? Asked before its bytes are taken.
create function public.artifacts_begin(p_root text, p_path text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.artifact_root(p_root);
begin
  perform private.project_for(v_project, 'editor');
  if exists (
    select from insighter.artifacts a
    where a.project_id = v_project and a.root = p_root
      and (a.path > p_path || '/' and a.path < p_path || '0'
        or a.path = any (select array_to_string((string_to_array(p_path, '/'))[1:i], '/')
          from generate_series(1, cardinality(string_to_array(p_path, '/')) - 1) i))
  ) then
    perform private.fail(422, 'path_taken', format('"%s" is a folder already, or lies in what is a file', p_path),
      'choose another path');
  end if;
  return jsonb_build_object('project_id', v_project);
end
$$;

create function public.artifacts_put(p_root text, p_path text, p_object_key text, p_sha256 text, p_size bigint)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (public.artifacts_begin(p_root, p_path) ->> 'project_id')::uuid;
begin
  insert into insighter.artifacts (project_id, root, path, object_key, sha256, size)
  values (v_project, p_root, p_path, p_object_key, p_sha256, p_size)
  on conflict (project_id, root, path) do update
  set object_key = excluded.object_key, sha256 = excluded.sha256, size = excluded.size, created_by = excluded.created_by,
    created_at = excluded.created_at;
  return '{}';
end
$$;

create function public.artifacts_get(p_root text, p_path text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.artifact_root(p_root);
  v_found jsonb;
begin
  select jsonb_build_object('path', path, 'key', object_key, 'sha256', sha256, 'size', size) into v_found
  from insighter.artifacts where project_id = v_project and root = p_root and path = p_path;
  if v_found is null then
    perform private.fail(404, 'artifact_not_found', format('there is no artifact "%s"', p_path));
  end if;
  return v_found;
end
$$;

-- What lies directly in a folder, paths relative to the root.
create function public.artifacts_list(p_root text, p_path text default '', p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.artifact_root(p_root);
  v_folder text := case when p_path = '' then '' else p_path || '/' end;
  v_items jsonb;
begin
  if p_project_id is not null and p_project_id <> v_project then
    perform private.fail(404, 'artifacts_not_found', format('there are no artifacts at %s in this project', p_root));
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('path', v_folder || name, 'is_dir', is_dir, 'size', size)
    order by not is_dir, name), '[]')
  into v_items
  from (
    select split_part(substr(a.path, char_length(v_folder) + 1), '/', 1) as name,
      bool_or(strpos(substr(a.path, char_length(v_folder) + 1), '/') > 0) as is_dir,
      case when not bool_or(strpos(substr(a.path, char_length(v_folder) + 1), '/') > 0) then max(a.size) end as size
    from insighter.artifacts a
    where a.project_id = v_project and a.root = p_root
      and (v_folder = '' or (a.path > v_folder and a.path < p_path || '0'))
    group by 1
  ) children;
  return v_items;
end
$$;

-- Delete a file or a folder. Answers which objects nothing in the project needs any more, and when the last of these files
-- was put there: an object stored again since then is another upload's.
create function public.artifacts_delete(p_root text, p_path text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := private.artifact_root(p_root);
  v_keys text[];
  v_newest timestamptz;
begin
  perform private.project_for(v_project, 'editor');
  with gone as (
    delete from insighter.artifacts a
    where a.project_id = v_project and a.root = p_root
      and (p_path = '' or a.path = p_path or (a.path > p_path || '/' and a.path < p_path || '0'))
    returning a.object_key, a.created_at
  )
  select array_agg(object_key), max(created_at) into v_keys, v_newest from gone;
  return jsonb_build_object('keys', private.objects_unreferenced(v_project, v_keys), 'newest', v_newest);
end
$$;

call private.expose('logged_models_create', 'logged_models_get', 'logged_models_search', 'logged_models_update',
  'logged_models_delete', 'artifacts_begin', 'artifacts_put', 'artifacts_get', 'artifacts_list', 'artifacts_delete');
grant execute on function private.logged_model_json, private.logged_model, private.logged_model_for,
  private.model_metrics, private.link_models, private.artifact_root to authenticated;
