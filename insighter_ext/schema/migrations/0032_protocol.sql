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
    select * into v_found from insighter.projects p where private.workspace_name(p) = p_name and
      (p.slug = p_name or p.id::text = p_name);
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
