-- What MLflow's clients and its web pages ask beyond the daily logging: datasets of experiments.

-- Which datasets the runs of some experiments read: [{experiment_id, name, digest, context}], at most a thousand.
create function public.experiments_datasets(p_experiment_ids jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('experiment_id', f.experiment_id::text, 'name', f.name,
    'digest', f.digest, 'context', f.context) order by f.experiment_id, f.name, f.digest, f.context), '[]')
  from (
    select distinct r.experiment_id, d.name, d.digest, d.tags ->> 'mlflow.data.context' as context
    from insighter.experiments e
    join insighter.runs r on r.project_id = e.project_id and r.experiment_id = e.id
    join insighter.run_datasets d on d.project_id = r.project_id and d.run_id = r.id
    where p_experiment_ids ? e.id::text
      or (p_experiment_ids ? '0' and e.is_default and e.project_id = private.context_project())
    limit 1000
  ) f
$$;
call private.expose('experiments_datasets');

-- ---- workspaces -----------------------------------------------------------------------------------------------------

-- What MLflow calls a workspace is a project. Its name there is the slug; or the id, where the slug is no name for MLflow,
-- or has a meaning of its own.
create function private.workspace_name(p insighter.projects) returns text
language sql immutable set search_path = '' as $$
  select case when p.slug ~ '^[a-z0-9][a-z0-9-]*[a-z0-9]$'
      and p.slug not in ('default', 'workspaces', 'api', 'ajax-api', 'static-files')
    then p.slug else p.id::text end
$$;

create function private.workspace_json(p insighter.projects) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', p.id, 'name', private.workspace_name(p),
    'description', concat_ws(': ', p.name, nullif(p.description, '')))
$$;

-- The caller's projects.
create function public.workspaces_list() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.workspace_json(p) order by private.workspace_name(p)), '[]')
  from insighter.projects p
  where p.archived_at is null and p.id in (select private.membership_ids())
$$;

-- One that the caller sees; "default" is the one that is meant where none is named.
create function public.workspaces_get(p_name text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.projects;
begin
  if p_name = 'default' then
    select * into v_found from insighter.projects p where p.id = private.context_project();
  else
    -- The id is a name, too, whatever the slug: programs need not know which slugs MLflow takes.
    select * into v_found from insighter.projects p where p.slug = p_name or p.id::text = p_name
    order by p.id::text = p_name desc limit 1;
  end if;
  if v_found.id is null then
    perform private.fail(404, 'workspace_not_found', format('Workspace ''%s'' not found', left(p_name, 100)),
      'it is the name of a project that you see: GET /api/3.0/mlflow/workspaces lists yours');
  end if;
  return private.workspace_json(v_found);
end
$$;

create or replace function private.experiment_json(e insighter.experiments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', e.id::text, 'name', e.name, 'deleted', e.deleted_at is not null, 'tags', e.tags,
    'created', private.ms(e.created_at), 'updated', private.ms(e.updated_at),
    'workspace', (select private.workspace_name(p) from insighter.projects p where p.id = e.project_id))
$$;

call private.expose('workspaces_list', 'workspaces_get');
grant execute on function private.workspace_name, private.workspace_json to authenticated;

-- ---- tags that are not there ----------------------------------------------------------------------------------------

-- The name of a tag that is to be taken off and is not there.
create function private.missing_tag(p_tags jsonb, p_changes jsonb) returns text
language sql immutable set search_path = '' as $$
  select c.key from jsonb_each(p_changes) c where c.value = 'null' and not p_tags ? c.key limit 1
$$;

create or replace function public.experiments_set_tags(p_id text, p_tags jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.experiments := private.experiment_for(p_id);
  v_missing text;
begin
  -- Another may be setting tags of the same experiment.
  select private.missing_tag(e.tags, p_tags) into v_missing from insighter.experiments e where e.id = v_old.id for update;
  if v_missing is not null then
    perform private.fail(404, 'tag_not_found', format('No tag with name: %s in experiment with id %s', v_missing, p_id));
  end if;
  update insighter.experiments set tags = jsonb_strip_nulls(tags || p_tags), updated_at = now() where id = v_old.id;
  return '{}';
end
$$;

create or replace function public.logged_models_update(
  p_id text, p_status text default null, p_params jsonb default '{}', p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.logged_models := private.logged_model_for(p_id);
  v_missing text;
begin
  -- Another may be setting tags of the same model.
  select private.missing_tag(m.tags, p_tags) into v_missing
  from insighter.logged_models m where m.project_id = v_model.project_id and m.id = v_model.id for update;
  if v_missing is not null then
    perform private.fail(404, 'tag_not_found', format('No tag with key ''%s'' found for model with ID ''%s''', v_missing, p_id));
  end if;
  update insighter.logged_models set
    status = coalesce(p_status, status), params = params || p_params, tags = jsonb_strip_nulls(tags || p_tags),
    updated_at = now()
  where project_id = v_model.project_id and id = p_id
  returning * into v_model;
  return private.logged_model_json(v_model);
end
$$;

-- What is deleted already stays so.
create or replace function public.logged_models_delete(p_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.logged_models := private.logged_model(p_id, true);
begin
  perform private.project_for(v_model.project_id, 'editor');
  update insighter.logged_models set deleted_at = now(), updated_at = now()
  where project_id = v_model.project_id and id = p_id and deleted_at is null;
  return '{}';
end
$$;

-- ---- prompts --------------------------------------------------------------------------------------------------------

-- MLflow's prompts are registered models with a tag, whose versions have their text in another tag, and no files.
create function private.is_prompt(p_tags jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select lower(coalesce(p_tags ->> 'mlflow.prompt.is_prompt', '')) = 'true'
$$;

create or replace function private.model_version_create(
  p_model insighter.registered_models, p_source text, p_run_id text, p_logged_model_id text, p_run_link text,
  p_description text, p_tags jsonb
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_prompt boolean := private.is_prompt(p_model.tags);
  v_source record;
  v_run uuid;
  v_logged text;
  v_number int;
  v_made insighter.model_versions;
begin
  if v_prompt <> private.is_prompt(p_tags) then
    perform private.fail(422, 'other_kind', format('"%s" is a %s, and no version of a %s', p_model.name,
      case when v_prompt then 'prompt' else 'model' end, case when v_prompt then 'model' else 'prompt' end),
      'choose another name');
  end if;
  if v_prompt then
    select '' as root, '' as path, null::uuid as run_id, null::text as logged_model_id into v_source;
  else
    select * into v_source from private.model_source(p_model.project_id, p_source) s;
  end if;
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

-- By name, without prompts. With a project that is not to be seen: 404.
create or replace function public.models_list(
  p_project_id uuid default null, p_name text default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := case when p_project_id is null then private.context_project() else (private.project(p_project_id)).id end;
  v_answer jsonb;
begin
  with page as (
    select m from insighter.registered_models m
    where m.project_id = v_project and not private.is_prompt(m.tags) and (p_name is null or m.name = p_name)
      and (p_cursor is null or m.name > p_cursor)
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

call private.expose('experiments_set_tags', 'logged_models_update', 'logged_models_delete', 'models_list');
grant execute on function private.missing_tag, private.is_prompt to authenticated;
