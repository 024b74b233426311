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
