-- The questions of the run table: a window of rows, the names of its columns, and groups. How a filter becomes a query: see
-- 0032_search.sql.

-- Milliseconds as a time of the calendar; null where it has none such.
create function private.moment(p_ms bigint) returns text
language sql immutable set search_path = '' as $$
  select case when p_ms between -62135596800000 and 253402300799999 then
    to_char(to_timestamp(p_ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end
$$;

-- A page of the table with the columns asked for: ids first, and of the page alone all else.
create function public.runs_query(
  p_project_id uuid, p_experiment_id text, p_filter jsonb default '[]', p_order jsonb default '[]',
  p_view text default 'active', p_metrics jsonb default '[]', p_params jsonb default '[]', p_tags jsonb default '[]',
  p_offset int default 0, p_limit int default 100
) returns json
language sql stable set search_path = '' as $$
  select json_build_object('total', f.total, 'offset', p_offset, 'items', (
    select coalesce(json_agg(json_build_object(
      'id', private.hex(r.id), 'name', r.name, 'status', r.status, 'started_at', private.moment(r.start_time),
      'ended_at', private.moment(r.end_time), 'created_by', coalesce(u.display_name, 'someone'),
      'deleted', r.deleted_at is not null,
      'metrics', coalesce((select json_object_agg(x.key, x.value) from insighter.run_metrics_latest x
        where x.project_id = r.project_id and x.run_id = r.id and x.key = any (w.metrics)), '{}'::json),
      'params', coalesce((select json_object_agg(k, r.params ->> k) from jsonb_array_elements_text(p_params) k
        where r.params ? k), '{}'::json),
      'tags', coalesce((select json_object_agg(k, r.tags ->> k) from jsonb_array_elements_text(p_tags) k
        where r.tags ? k), '{}'::json),
      'datasets', (select coalesce(json_agg(json_build_object('name', d.name, 'digest', d.digest,
          'context', d.tags ->> 'mlflow.data.context') order by d.name, d.digest), '[]')
        from insighter.run_datasets d where d.project_id = r.project_id and d.run_id = r.id),
      'models', (select coalesce(json_agg(m.id order by m.id), '[]') from (
        select x.model_id as id from insighter.run_models x
        where x.project_id = r.project_id and x.run_id = r.id and x.role = 'output'
        union select g.id from insighter.logged_models g
        where g.project_id = r.project_id and g.source_run_id = r.id and g.deleted_at is null) m))
      order by i.position), '[]')
    from unnest(f.ids) with ordinality as i (id, position)
    join insighter.runs r on r.project_id = p_project_id and r.id = i.id
    cross join (select array(select jsonb_array_elements_text(p_metrics))) as w (metrics)
    left join insighter.profiles u on u.user_id = r.created_by))
  from private.runs_found(jsonb_build_array(p_experiment_id), p_project_id, p_view, p_filter, p_order, p_limit, null, p_offset,
    true) f
$$;

-- How many metrics, parameters and tags are read to say which keys there are.
create function private.keys_budget() returns int
language sql immutable set search_path = '' as $$ select 200000 $$;

-- Which keys an experiment's runs have, and how many runs have each. Where runs times keys are more than can be counted at
-- once, runs spread evenly over all of them stand for the rest, and "exact" is false.
create function public.runs_keys(p_project_id uuid, p_experiment_id text) returns json
language plpgsql stable set search_path = '' as $$
declare
  v_experiment bigint;
  v_runs uuid[];
  v_total int;
  v_widest int;
  v_taken int;
  v_share numeric;
begin
  select e.experiments[1] into v_experiment
  from private.experiments_of(jsonb_build_array(p_experiment_id), p_project_id) e;
  select array_agg(r.id order by r.start_time desc, r.id) into v_runs from insighter.runs r
  where r.project_id = p_project_id and r.experiment_id = v_experiment and r.deleted_at is null;
  v_total := coalesce(cardinality(v_runs), 0);
  select max(m.keys) into v_widest from (
    select count(*) as keys from insighter.run_metrics_latest x
    where x.project_id = p_project_id and x.run_id = any (v_runs[1:3] || v_runs[v_total / 2:v_total / 2 + 2])
    group by x.run_id) m;
  v_taken := least(v_total, greatest(100, private.keys_budget() / greatest(v_widest, 20)));
  if v_taken < v_total then
    v_runs := array(select v_runs[1 + (i * (v_total - 1)::bigint / (v_taken - 1))::int] from generate_series(0, v_taken - 1) i);
  end if;
  v_share := v_total::numeric / greatest(v_taken, 1);
  return (
    with counted as (
      select 'metrics' as kind, x.key::text, count(*) as runs
      from unnest(v_runs) w cross join lateral (
        select m.key from insighter.run_metrics_latest m where m.project_id = p_project_id and m.run_id = w offset 0) x
      group by x.key
      union all
      select 'params', k, count(*) from insighter.runs r cross join lateral jsonb_object_keys(r.params) k
      where r.project_id = p_project_id and r.id = any (v_runs) group by k
      union all
      select 'tags', k, count(*) from insighter.runs r cross join lateral jsonb_object_keys(r.tags) k
      where r.project_id = p_project_id and r.id = any (v_runs) group by k
    ), told as (
      select c.kind, json_agg(json_build_object('key', c.key, 'runs', least(v_total, round(c.runs * v_share)::int))
        order by c.key collate "C") as keys
      from counted c group by c.kind
    )
    select json_build_object(
      'metrics', coalesce((select t.keys from told t where t.kind = 'metrics'), '[]'::json),
      'params', coalesce((select t.keys from told t where t.kind = 'params'), '[]'::json),
      'tags', coalesce((select t.keys from told t where t.kind = 'tags'), '[]'::json),
      'runs', v_total, 'exact', v_taken = v_total));
end
$$;

-- Runs with the same value of something, the largest groups first, with mean, least and greatest of each metric. NaN and
-- infinities are left out of these: they would be all that is seen. A run that read several datasets is in several groups.
create function public.runs_groups(
  p_project_id uuid, p_experiment_id text, p_group text, p_filter jsonb default '[]', p_view text default 'active',
  p_metrics jsonb default '[]'
) returns json
language plpgsql stable set search_path = '' as $$
declare
  v_wanted text[] := array(select distinct m from jsonb_array_elements_text(p_metrics) m where m is not null);
  v_keys text[] := private.runs_metric_keys(p_filter, '[]', v_wanted);
  v_columns jsonb := private.runs_columns(v_keys);
  v_where text := private.search_where(p_filter, v_columns);
  v_experiments bigint[];
  v_projects uuid[];
  v_join text := '';
  v_value text;
  v_measured text;
  v_answer json;
begin
  if cardinality(v_wanted) > 20 then
    perform private.fail(422, 'too_many_metrics', 'groups tell of at most 20 metrics');
  end if;
  case
    when p_group = 'dataset' then
      v_join := ' left join insighter.run_datasets g on g.project_id = r.project_id and g.run_id = r.id';
      v_value := 'g.name';
    when p_group like 'params._%' then v_value := format('r.params ->> %L', substr(p_group, 8));
    when p_group like 'tags._%' then v_value := format('r.tags ->> %L', substr(p_group, 6));
    when p_group = 'attributes.status' then v_value := 'r.status';
    when p_group = 'attributes.user_id' then v_value := 'r.user_name';
    else perform private.fail(422, 'invalid_group', format('runs are not grouped by "%s"', left(p_group, 300)),
      'group by params.…, tags.…, dataset, attributes.status or attributes.user_id');
  end case;
  select e.experiments, e.projects into v_experiments, v_projects
  from private.experiments_of(jsonb_build_array(p_experiment_id), p_project_id) e;
  select string_agg(format('%1$L, json_build_object(''mean'', avg(%2$s) filter (where %3$s), ''min'', min(%2$s) filter'
      ' (where %3$s), ''max'', max(%2$s) filter (where %3$s))', k, v, v || ' not in (''NaN'', ''Infinity'', ''-Infinity'')'), ', ')
  into v_measured
  from (select k, v_columns -> 'metric' -> k ->> 'sql' as v from unnest(v_wanted) k) m;
  execute format('select json_build_object(''items'', coalesce(json_agg(json_build_object(''value'', value, ''count'', runs,
      ''metrics'', measured) order by runs desc, value), ''[]''))
    from (select %s as value, count(distinct r.id) as runs, json_build_object(%s) as measured from %s%s where %s
      group by 1 order by 2 desc, 1 limit 1000) groups',
    v_value, coalesce(v_measured, ''), private.runs_from(v_keys), v_join,
    private.runs_scope(v_experiments, v_projects, p_view) || ' and ' || v_where)
  into v_answer;
  return v_answer;
end
$$;

call private.expose('runs_query', 'runs_keys', 'runs_groups');
revoke all on function private.moment, private.keys_budget from public;
grant execute on function private.moment, private.keys_budget to authenticated;
