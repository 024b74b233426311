-- What hangs on a project, for the question before its deletion. Stands after all the tables it counts.

create function public.projects_contents(p_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.project(p_id);
  return jsonb_build_object(
    'datasets', (select count(*) from insighter.datasets where project_id = p_id),
    'dataset_versions', (select count(*) from insighter.dataset_versions where project_id = p_id),
    'experiments', (select count(*) from insighter.experiments where project_id = p_id),
    'runs', (select count(*) from insighter.runs where project_id = p_id),
    'models', (select count(*) from insighter.registered_models where project_id = p_id),
    'model_versions', (select count(*) from insighter.model_versions where project_id = p_id),
    'deployments', (
      select coalesce(jsonb_agg(name order by name), '[]') from insighter.deployments where project_id = p_id),
    -- An object that several assets name is stored once.
    'bytes', (
      select coalesce(sum(size), 0) from (
        select object_key, size from insighter.dataset_versions where project_id = p_id
        union select table_object_key, table_size from insighter.dataset_versions where project_id = p_id
        union select object_key, size from insighter.artifacts where project_id = p_id
      ) objects));
end
$$;

call private.expose('projects_contents');
