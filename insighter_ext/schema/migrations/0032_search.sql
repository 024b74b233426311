-- Search: MLflow's filters and orders as queries.
--
-- A filter comes as a list of comparisons, [{kind, key, op, value}], an order as [{kind, key, desc}]: what the server made of
-- the text, or whatever somebody sends who calls these functions directly. So nothing of it is trusted. Every statement is
-- put together here, of columns that are written here and of values as quoted literals; and it runs under the caller's
-- row-level security, like any other.

-- ---- what all searches share ----------------------------------------------------------------------------------------

-- A comparison of an expression with the value of a condition. Types: text, numeric, double precision.
create function private.search_compare(p_sql text, p_type text, p_condition jsonb) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_op text := p_condition ->> 'op';
  v_value jsonb := p_condition -> 'value';
  v_kind text := jsonb_typeof(v_value);
begin
  if v_op in ('IS NULL', 'IS NOT NULL') then
    return format('%s %s', p_sql, v_op);
  elsif p_type = 'text' and v_kind = 'string' and v_op in ('=', '!=') then
    return format('%s %s %L', p_sql, v_op, v_value #>> '{}');
  elsif p_type = 'text' and v_kind = 'string' and v_op in ('LIKE', 'ILIKE') then
    -- Without an escape character, as in MLflow's own store: a backslash is a backslash.
    return format('%s %s %L escape ''''', p_sql, v_op, v_value #>> '{}');
  elsif p_type = 'text' and v_kind = 'array' and v_op in ('IN', 'NOT IN') and jsonb_array_length(v_value) between 1 and 5000 then
    return format(case v_op when 'IN' then '%s = any (%L::text[])' else '%s <> all (%L::text[])' end, p_sql,
      (select array_agg(coalesce(e, '')) from jsonb_array_elements_text(v_value) e));
  elsif p_type <> 'text' and v_op in ('=', '!=', '<', '<=', '>', '>=')
    and (v_kind = 'number' or (v_kind = 'string' and v_value #>> '{}' in ('Infinity', '-Infinity'))) then
    -- PostgreSQL has NaN for the greatest number; for MLflow it is no number at all, and different from every one.
    return format('%s %s %L::%s', p_sql, v_op, v_value #>> '{}', p_type)
      || case when p_type = 'double precision' and v_op in ('>', '>=') then format(' and %s <> ''NaN''', p_sql) else '' end;
  end if;
  perform private.fail(422, 'invalid_filter', format('this comparison is none of %s: %s', p_type, left(p_condition::text, 500)));
end
$$;

-- What a kind and a key stand for: {sql, type}, or {any, type} with a place for the key; null where there is none such.
create function private.search_column(p_columns jsonb, p_kind text, p_key text) returns jsonb
language sql immutable set search_path = '' as $$
  select case when c ? 'any' then c || jsonb_build_object('sql', format(c ->> 'any', p_key)) else c end
  from (select coalesce(p_columns -> p_kind -> p_key, p_columns -> p_kind -> '*') as c) f
  where p_kind is not null and p_key is not null
$$;

-- The conditions as one. "p_columns" is {kind: {key: column}}, "*" for any key. A column with "within" has its comparison in
-- a subquery.
create function private.search_where(p_filter jsonb, p_columns jsonb) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_condition jsonb;
  v_column jsonb;
  v_parts text[] := array['true'];
  v_part text;
begin
  if jsonb_typeof(p_filter) <> 'array' or jsonb_array_length(p_filter) > 100 then
    perform private.fail(422, 'invalid_filter', 'a filter is a list of at most 100 comparisons');
  end if;
  for v_condition in select e from jsonb_array_elements(p_filter) e loop
    v_column := private.search_column(p_columns, v_condition ->> 'kind', v_condition ->> 'key');
    if v_column is null then
      perform private.fail(422, 'invalid_filter', format('nothing is called %s here', left(v_condition::text, 500)));
    end if;
    v_part := private.search_compare(v_column ->> 'sql', v_column ->> 'type', v_condition);
    v_parts := v_parts || case when v_column ? 'within'
      then format(v_column ->> 'within', v_condition ->> 'key', v_part) else '(' || v_part || ')' end;
  end loop;
  return array_to_string(v_parts, ' and ');
end
$$;

-- An order as keys to sort by, [{sql, type, desc}]; what is missing comes last in both directions, after NaN.
create function private.search_keys(p_order jsonb, p_columns jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_order jsonb;
  v_column jsonb;
  v_keys jsonb := '[]';
begin
  if jsonb_typeof(p_order) <> 'array' or jsonb_array_length(p_order) > 20 then
    perform private.fail(422, 'invalid_order', 'an order is a list of at most 20 keys');
  end if;
  for v_order in select e from jsonb_array_elements(p_order) e loop
    v_column := private.search_column(p_columns, v_order ->> 'kind', v_order ->> 'key');
    if v_column is null or v_column ? 'within' then
      perform private.fail(422, 'invalid_order', format('nothing to order by is called %s here', left(v_order::text, 500)));
    end if;
    v_column := jsonb_build_object('type', v_column -> 'type', 'desc', coalesce((v_order ->> 'desc')::boolean, false), 'sql',
      case v_column ->> 'type' when 'double precision' then format('nullif(%s, ''NaN'')', v_column ->> 'sql')
        when 'text' then format('(%s) collate "C"', v_column ->> 'sql') else v_column ->> 'sql' end,
      'value', v_column -> 'sql') || case when v_column ? 'always' then '{"always": true}'::jsonb else '{}' end;
    v_keys := v_keys || v_column;
    if v_column ->> 'type' = 'double precision' then
      v_keys := v_keys || jsonb_build_object('type', 'int', 'desc', false, 'sql',
        format('(%s is null)::int', v_column ->> 'value'));
    end if;
  end loop;
  return v_keys;
end
$$;

-- What comes after a row with these values, in that order.
create function private.search_after(p_keys jsonb, p_values jsonb) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_same text[] := '{}';
  v_parts text[] := '{}';
  v_sql text;
  v_value text;
begin
  for i in 0 .. jsonb_array_length(p_keys) - 1 loop
    v_sql := p_keys -> i ->> 'sql';
    v_value := p_values ->> i;
    if v_value is null then
      v_same := v_same || format('%s is null', v_sql);
    else
      v_parts := v_parts || array_to_string(v_same || (format('(%s %s %L::%s', v_sql,
        case when (p_keys -> i ->> 'desc')::boolean then '<' else '>' end, v_value, p_keys -> i ->> 'type')
        || case when p_keys -> i ? 'always' then ')' else format(' or %s is null)', v_sql) end), ' and ');
      v_same := v_same || format('%s = %L::%s', v_sql, v_value, p_keys -> i ->> 'type');
    end if;
  end loop;
  return case when v_parts = '{}' then 'false' else '((' || array_to_string(v_parts, ') or (') || '))' end;
end
$$;

-- One page of whatever: the ids in order, how many there are at all where that is asked, and the cursor of the next page,
-- which holds the last row's keys and says of which query it is. All text but the cursor was made by functions of this file.
create function private.search_page(
  p_from text, p_where text, p_id text, p_keys jsonb, p_limit int, p_cursor text, p_query text,
  p_offset int default 0, p_total boolean default false, out ids text[], out cursor text, out total bigint
)
language plpgsql stable set search_path = '' as $$
declare
  v_query text := md5(p_query || p_keys::text);
  v_columns text;
  v_sort text;
  v_values text;
  v_where text := p_where;
  v_token jsonb;
  v_last jsonb;
begin
  if p_limit is null or p_limit not between 1 and 200000 or p_offset not between 0 and 100000000 then
    perform private.fail(422, 'invalid_page', 'a page has from 1 to 200000 items');
  end if;
  if p_cursor is not null then
    begin
      v_token := convert_from(decode(p_cursor, 'base64'), 'utf8')::jsonb;
    exception when others then
      v_token := null;
    end;
    if v_token ->> 'q' is distinct from v_query or jsonb_typeof(v_token -> 'v') is distinct from 'array' then
      perform private.fail(422, 'invalid_cursor', 'Invalid page token: it belongs to no page of this search',
        'search again without a token, or with the same filter and order as before');
    end if;
    v_where := v_where || ' and ' || private.search_after(p_keys, v_token -> 'v');
  end if;
  select string_agg(format('%s as k%s', k ->> 'sql', n), ', ' order by n),
    -- What is never null is sorted as an index has it.
    string_agg(format('k%s %s%s', n, case when (k ->> 'desc')::boolean then 'desc' else 'asc' end,
      case when k ? 'always' then '' else ' nulls last' end), ', ' order by n),
    string_agg(format('k%s::text', n), ', ' order by n)
  into v_columns, v_sort, v_values
  from jsonb_array_elements(p_keys) with ordinality as e (k, n);
  execute format('select array_agg(id order by n) filter (where n <= %1$s), max(total),
      (jsonb_agg(to_jsonb(array[%2$s])) filter (where n = %1$s)) -> 0, max(n)
    from (select *, row_number() over () as n from (select %3$s as id, %4$s as total, %5$s from %6$s where %7$s
      order by %8$s limit %1$s + 1 offset %9$s) page) page',
    p_limit, v_values, p_id, case when p_total then 'count(*) over ()' else 'null::bigint' end, v_columns, p_from, v_where,
    v_sort, p_offset)
  into ids, total, v_last, cursor;
  cursor := case when cursor::bigint > p_limit then
    translate(encode(convert_to(jsonb_build_object('q', v_query, 'v', v_last)::text, 'utf8'), 'base64'), E'\n', '') end;
  ids := coalesce(ids, '{}');
  if p_total and total is null then
    if p_offset > 0 then
      execute format('select count(*) from %s where %s', p_from, p_where) into total;
    end if;
    total := coalesce(total, 0);
  end if;
end
$$;

-- ---- runs -----------------------------------------------------------------------------------------------------------

-- All values of one metric in a project are found together; nothing of this index changes when a metric does.
create index run_metrics_latest_keys on insighter.run_metrics_latest (project_id, key, run_id);

-- What runs are searched by.
create function private.runs_columns(p_metrics text[]) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object(
    'param', '{"*": {"any": "r.params ->> %L", "type": "text"}}'::jsonb,
    'tag', '{"*": {"any": "r.tags ->> %L", "type": "text"}}'::jsonb,
    'attribute', '{
      "run_id": {"sql": "private.hex(r.id)", "type": "text"},
      "status": {"sql": "r.status", "type": "text"},
      "user_id": {"sql": "r.user_name", "type": "text"},
      "run_name": {"sql": "r.name", "type": "text"},
      "artifact_uri": {"sql": "''mlflow-artifacts:/runs/'' || private.hex(r.id) || ''/artifacts''", "type": "text"},
      "start_time": {"sql": "r.start_time", "type": "numeric", "always": true},
      "end_time": {"sql": "r.end_time", "type": "numeric"}}'::jsonb,
    'dataset', (select jsonb_object_agg(d.key, jsonb_build_object('sql', d.sql, 'type', 'text', 'within',
        'exists (select from insighter.run_datasets d where d.project_id = r.project_id and d.run_id = r.id and %2$s)'))
      from (values ('name', 'd.name'), ('digest', 'd.digest'), ('context', 'd.tags ->> ''mlflow.data.context'''))
        as d (key, sql)),
    'metric', (select coalesce(jsonb_object_agg(m.key, jsonb_build_object('sql', format('m%s.value', m.n),
      'type', 'double precision')), '{}') from unnest(p_metrics) with ordinality as m (key, n)))
$$;

-- The metrics that a filter and an order name, and those that are wanted besides.
create function private.runs_metric_keys(p_filter jsonb, p_order jsonb, p_more text[] default '{}') returns text[]
language sql immutable set search_path = '' as $$
  select coalesce(array_agg(distinct m.key), '{}') from (
    select e ->> 'key' as key from jsonb_array_elements(
      case when jsonb_typeof(p_filter) = 'array' and jsonb_typeof(p_order) = 'array' then p_filter || p_order else '[]' end) e
    where e ->> 'kind' = 'metric'
    union all select unnest(p_more)) m
  where m.key is not null
$$;

-- The tables: runs, and each of the metrics. Kept apart by "offset 0", so that a metric is looked up for the runs that are
-- left by then, whatever the planner believes of ten million rows; but for those of "p_dense", whose values in this project
-- are read all together.
create function private.runs_from(p_metrics text[], p_project uuid default null, p_dense text[] default '{}') returns text
language sql immutable set search_path = '' as $$
  select 'insighter.runs r' || coalesce(string_agg(case when m.key = any (p_dense) then format(
    ' left join (select x.run_id, x.value from insighter.run_metrics_latest x where x.project_id = %L and x.key = %L'
    ' offset 0) m%s on m%s.run_id = r.id', p_project, m.key, m.n, m.n)
    else format(
    ' left join lateral (select x.value from insighter.run_metrics_latest x where x.project_id = r.project_id'
    ' and x.run_id = r.id and x.key = %L offset 0) m%s on true', m.key, m.n) end, '' order by m.n), '')
  from unnest(p_metrics) with ordinality as m (key, n)
$$;

-- Of which metrics it is cheaper to read a project's values all together than run by run: where there are many runs in these
-- experiments, and a quarter of those that have the metric is theirs. Ids are random, so the first ones stand for all.
create function private.runs_dense(p_metrics text[], p_project uuid, p_experiments bigint[]) returns text[]
language plpgsql stable set search_path = '' as $$
begin
  if p_metrics = '{}' or (select count(*) from (select from insighter.runs r
    where r.project_id = p_project and r.experiment_id = any (p_experiments) limit 1000) first) < 1000 then
    return '{}';
  end if;
  return array(
    select m.key from unnest(p_metrics) as m (key)
    cross join lateral (
      select count(*) as seen, count(*) filter (where r.experiment_id = any (p_experiments)) as ours
      from (select x.run_id from insighter.run_metrics_latest x
        where x.project_id = p_project and x.key = m.key order by x.run_id limit 100) x
      join insighter.runs r on r.project_id = p_project and r.id = x.run_id) s
    where s.ours * 4 >= s.seen and s.seen > 0);
end
$$;

-- The experiments that the caller sees of those asked for; "0" is the default one of the project the call is about.
create function private.experiments_of(p_ids jsonb, p_project_id uuid, out experiments bigint[], out projects uuid[])
language plpgsql stable set search_path = '' as $$
declare
  v_ids bigint[];
begin
  if jsonb_typeof(p_ids) <> 'array' then
    perform private.fail(422, 'invalid_experiments', 'experiment_ids is a list');
  end if;
  select array_agg(e::bigint) into v_ids from jsonb_array_elements_text(p_ids) e where e ~ '^[0-9]{1,18}$' and e <> '0';
  if p_ids ? '0' then
    v_ids := v_ids || (select e.id from insighter.experiments e
      where e.project_id = coalesce(p_project_id, private.context_project()) and e.is_default);
  end if;
  select array_agg(e.id), array_agg(distinct e.project_id) into experiments, projects
  from insighter.experiments e
  where e.id = any (v_ids) and (p_project_id is null or e.project_id = p_project_id);
  if p_project_id is not null and experiments is null then
    perform private.project(p_project_id);
    perform private.fail(404, 'experiment_not_found', 'no such experiment in this project');
  end if;
end
$$;

-- Which runs: of these experiments, in this view (active, deleted or all).
create function private.runs_scope(p_experiments bigint[], p_projects uuid[], p_view text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  if p_view is null or p_view not in ('active', 'deleted', 'all') then
    perform private.fail(422, 'invalid_view', 'a view is active, deleted or all');
  end if;
  -- One of each is what an index has in order.
  return case when cardinality(p_projects) = 1 then format('r.project_id = %L', p_projects[1])
      else format('r.project_id = any (%L::uuid[])', p_projects) end
    || case when cardinality(p_experiments) = 1 then format(' and r.experiment_id = %s', p_experiments[1])
      else format(' and r.experiment_id = any (%L::bigint[])', p_experiments) end
    || case p_view when 'active' then ' and r.deleted_at is null' when 'deleted' then ' and r.deleted_at is not null' else '' end;
end
$$;

create function private.runs_found(
  p_experiment_ids jsonb, p_project_id uuid, p_view text, p_filter jsonb, p_order jsonb, p_limit int, p_cursor text,
  p_offset int, p_total boolean, out projects uuid[], out ids uuid[], out cursor text, out total bigint
)
language plpgsql stable set search_path = '' as $$
declare
  v_experiments bigint[];
  v_metrics text[] := private.runs_metric_keys(p_filter, p_order);
  v_columns jsonb := private.runs_columns(v_metrics);
  v_where text := private.search_where(p_filter, v_columns);
  v_keys jsonb := private.search_keys(p_order, v_columns);
  v_dense text[] := '{}';
  v_loops text := current_setting('enable_nestloop');
  v_found record;
begin
  select e.experiments, e.projects into v_experiments, projects from private.experiments_of(p_experiment_ids, p_project_id) e;
  if v_experiments is null then
    ids := '{}';
    total := 0;
    return;
  end if;
  if not p_order @> '[{"kind": "attribute", "key": "start_time"}]' then
    v_keys := v_keys || '{"sql": "r.start_time", "type": "bigint", "desc": true, "always": true}'::jsonb;
  end if;
  v_keys := v_keys || '{"sql": "r.id", "type": "uuid", "desc": false, "always": true}'::jsonb;
  if cardinality(projects) = 1 then
    v_dense := private.runs_dense(v_metrics, projects[1], v_experiments);
  end if;
  if v_dense <> '{}' then
    -- Of a filter the planner believes that it leaves next to nothing, and would read all values for each run.
    perform set_config('enable_nestloop', 'off', true);
  end if;
  select p.ids::uuid[] as ids, p.cursor, p.total into v_found from private.search_page(
    private.runs_from(v_metrics, projects[1], v_dense), private.runs_scope(v_experiments, projects, p_view) || ' and ' || v_where, 'r.id', v_keys, p_limit, p_cursor,
    concat_ws('|', v_experiments, p_view, p_filter), p_offset, p_total) p;
  if v_dense <> '{}' then
    perform set_config('enable_nestloop', v_loops, true);
  end if;
  ids := v_found.ids;
  cursor := v_found.cursor;
  total := v_found.total;
end
$$;

-- Runs as MLflow's protocol has them, in the order of their ids.
create function private.runs_protocol(p_projects uuid[], p_ids uuid[]) returns json
language sql stable set search_path = '' as $$
  select coalesce(json_agg(json_build_object(
    'info', format('{"run_id":"%1$s","run_uuid":"%1$s","run_name":%2$s,"experiment_id":"%3$s","user_id":%4$s,"status":"%5$s",'
      '"start_time":%6$s,%7$s"artifact_uri":"mlflow-artifacts:/runs/%1$s/artifacts","lifecycle_stage":"%8$s"}',
      private.hex(r.id), to_json(r.name), r.experiment_id, to_json(r.user_name), r.status, r.start_time,
      '"end_time":' || r.end_time || ',', case when r.deleted_at is null then 'active' else 'deleted' end)::json,
    'data', json_build_object(
      'metrics', coalesce(m.metrics, '[]'::json),
      'params', coalesce((select json_agg(e) from jsonb_each_text(r.params) e), '[]'::json),
      'tags', coalesce((select json_agg(e) from jsonb_each_text(r.tags) e), '[]'::json)),
    'inputs', json_build_object('dataset_inputs', coalesce(d.datasets, '[]'::json),
      'model_inputs', coalesce(l.inputs, '[]'::json)),
    'outputs', json_build_object('model_outputs', coalesce(l.outputs, '[]'::json))) order by w.position), '[]'::json)
  from unnest(p_ids) with ordinality as w (id, position)
  join insighter.runs r on r.project_id = any (p_projects) and r.id = w.id
  left join lateral (
    select json_agg(x) as metrics from (
      select x.key, x.value, x.time as timestamp, x.step from insighter.run_metrics_latest x
      where x.project_id = r.project_id and x.run_id = r.id order by x.key offset 0) x) m on true
  left join lateral (
    select json_agg(json_build_object(
      'tags', (select coalesce(json_agg(json_build_object('key', e.key, 'value', e.value)), '[]')
        from jsonb_each_text(x.tags) e),
      'dataset', json_strip_nulls(json_build_object('name', x.name, 'digest', x.digest, 'source_type', x.source_type,
        'source', x.source, 'schema', x.schema, 'profile', x.profile))) order by x.name, x.digest) as datasets
    from insighter.run_datasets x where x.project_id = r.project_id and x.run_id = r.id offset 0) d on true
  left join lateral (
    select json_agg(json_build_object('model_id', x.model_id) order by x.model_id) filter (where x.role = 'input') as inputs,
      json_agg(json_build_object('model_id', x.model_id, 'step', x.step) order by x.step, x.model_id)
        filter (where x.role = 'output') as outputs
    from insighter.run_models x where x.project_id = r.project_id and x.run_id = r.id offset 0) l on true
$$;

-- For the panels: rows and a cursor. Newest first, where no order is given.
drop function public.runs_search(jsonb, text, int, text, uuid);
create function public.runs_search(
  p_experiment_ids jsonb, p_view text default 'active', p_limit int default 1000, p_cursor text default null,
  p_project_id uuid default null, p_filter jsonb default '[]', p_order jsonb default '[]'
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('items', private.runs_json(f.projects, f.ids, false), 'cursor', f.cursor)
  from private.runs_found(p_experiment_ids, p_project_id, p_view, p_filter, p_order, p_limit, p_cursor, 0, false) f
$$;

-- The same as MLflow's answer, ready to be sent.
create function public.runs_search_protocol(
  p_experiment_ids jsonb, p_view text default 'active', p_limit int default 1000, p_cursor text default null,
  p_filter jsonb default '[]', p_order jsonb default '[]'
) returns json
language sql stable set search_path = '' as $$
  select case when f.cursor is null then json_build_object('runs', private.runs_protocol(f.projects, f.ids))
    else json_build_object('runs', private.runs_protocol(f.projects, f.ids), 'next_page_token', f.cursor) end
  from private.runs_found(p_experiment_ids, null, p_view, p_filter, p_order, p_limit, p_cursor, 0, false) f
$$;

create function public.runs_get_protocol(p_run_id text) returns json
language plpgsql stable set search_path = '' as $$
declare
  v_run record;
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    select r.id, r.project_id into v_run from insighter.runs r where r.id = p_run_id::uuid;
    if found then
      return json_build_object('run', private.runs_protocol(array[v_run.project_id], array[v_run.id]) -> 0);
    end if;
  end if;
  perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
end
$$;

-- ---- experiments ----------------------------------------------------------------------------------------------------

-- Of the project the call is about; newest first, where no order is given.
drop function public.experiments_search(text, text, int, text);
create function public.experiments_search(
  p_view text default 'active', p_limit int default 1000, p_cursor text default null, p_filter jsonb default '[]',
  p_order jsonb default '[]'
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_columns constant jsonb := '{
    "tag": {"*": {"any": "e.tags ->> %L", "type": "text"}},
    "attribute": {
      "name": {"sql": "e.name", "type": "text"},
      "experiment_id": {"sql": "e.id::text", "type": "text"},
      "creation_time": {"sql": "private.ms(e.created_at)", "type": "numeric"},
      "last_update_time": {"sql": "private.ms(e.updated_at)", "type": "numeric"}}}';
  v_order jsonb := case when p_order = '[]' then '[{"kind": "attribute", "key": "creation_time", "desc": true},
    {"kind": "attribute", "key": "experiment_id", "desc": false}]' else p_order end;
  -- Ids are numbers, by which they are sorted.
  v_keys jsonb := private.search_keys(v_order, jsonb_set(v_columns, '{attribute,experiment_id}',
    '{"sql": "e.id", "type": "bigint"}'));
  v_project uuid := private.context_project();
  v_page record;
begin
  if p_view is null or p_view not in ('active', 'deleted', 'all') then
    perform private.fail(422, 'invalid_view', 'a view is active, deleted or all');
  end if;
  if not v_order @> '[{"kind": "attribute", "key": "experiment_id"}]' then
    v_keys := v_keys || '{"sql": "e.id", "type": "bigint", "desc": true, "always": true}'::jsonb;
  end if;
  select * into v_page from private.search_page('insighter.experiments e', format('e.project_id = %L and %s and ', v_project,
      case p_view when 'active' then 'e.deleted_at is null' when 'deleted' then 'e.deleted_at is not null' else 'true' end)
    || private.search_where(p_filter, v_columns), 'e.id', v_keys, p_limit, p_cursor,
    concat_ws('|', v_project, p_view, p_filter)) p;
  return jsonb_build_object('cursor', v_page.cursor, 'items', (
    select coalesce(jsonb_agg(private.experiment_json(e) order by i.n), '[]')
    from unnest(v_page.ids::bigint[]) with ordinality as i (id, n)
    join insighter.experiments e on e.project_id = v_project and e.id = i.id));
end
$$;

-- ---- logged models --------------------------------------------------------------------------------------------------

-- "p_order" may name a dataset beside a metric: {kind, key, desc, dataset_name, dataset_digest}. "p_datasets" are
-- [{dataset_name, dataset_digest}]: metrics in the filter are then those on one of them; without any, a model has to have
-- some metric on one. Newest first, where no order is given.
drop function public.logged_models_search(jsonb, text, text, int, text);
create function public.logged_models_search(
  p_experiment_ids jsonb, p_limit int default 100, p_cursor text default null, p_filter jsonb default '[]',
  p_order jsonb default '[]', p_datasets jsonb default '[]'
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_columns jsonb := '{
    "param": {"*": {"any": "m.params ->> %L", "type": "text"}},
    "tag": {"*": {"any": "m.tags ->> %L", "type": "text"}},
    "attribute": {
      "name": {"sql": "m.name", "type": "text"},
      "model_id": {"sql": "m.id", "type": "text"},
      "model_type": {"sql": "m.model_type", "type": "text"},
      "source_run_id": {"sql": "private.hex(m.source_run_id)", "type": "text"},
      "experiment_id": {"sql": "m.experiment_id::text", "type": "text"},
      "artifact_location": {"sql": "''mlflow-artifacts:/models/'' || m.id || ''/artifacts''", "type": "text"},
      "status": {"sql": "case m.status when ''LOGGED_MODEL_PENDING'' then ''PENDING'' when ''LOGGED_MODEL_READY'' then ''READY'' else ''FAILED'' end", "type": "text"},
      "creation_timestamp": {"sql": "private.ms(m.created_at)", "type": "numeric"},
      "last_updated_timestamp": {"sql": "private.ms(m.updated_at)", "type": "numeric"}}}';
  v_measured constant text := 'insighter.logged_model_metrics x where x.project_id = m.project_id and x.model_id = m.id';
  v_from text := 'insighter.logged_models m';
  v_where text;
  v_on text;
  v_keys jsonb := '[]';
  v_order jsonb;
  v_found record;
  v_page record;
begin
  if jsonb_typeof(p_datasets) <> 'array' or jsonb_array_length(p_datasets) > 100 or jsonb_typeof(p_order) <> 'array'
    or jsonb_array_length(p_order) > 20 or exists (
      select from jsonb_array_elements(p_datasets) d where coalesce(d ->> 'dataset_name', '') = '') then
    perform private.fail(422, 'invalid_datasets', '`dataset_name` in the `datasets` clause must be specified.');
  end if;
  select * into v_found from private.experiments_of(p_experiment_ids, null) e;
  if v_found.experiments is null then
    return '{"items": [], "cursor": null}';
  end if;
  select string_agg(format('(x.dataset_name = %L%s)', d ->> 'dataset_name',
    case when coalesce(d ->> 'dataset_digest', '') <> '' then format(' and x.dataset_digest = %L', d ->> 'dataset_digest')
      else '' end), ' or ')
  into v_on from jsonb_array_elements(p_datasets) d;
  v_on := coalesce(' and (' || v_on || ')', '');
  v_columns := v_columns || jsonb_build_object('metric', jsonb_build_object('*', jsonb_build_object('any', 'x.value',
    'type', 'double precision', 'within',
    'exists (select from ' || v_measured || ' and x.key = %1$L and %2$s' || replace(v_on, '%', '%%') || ')')));
  v_where := private.search_where(p_filter, v_columns);
  if v_on <> '' and not p_filter @> '[{"kind": "metric"}]' then
    v_where := v_where || ' and exists (select from ' || v_measured || v_on || ')';
  end if;
  for v_order in select e from jsonb_array_elements(p_order) e loop
    if v_order ->> 'kind' = 'metric' and v_order ->> 'key' is not null then
      v_from := v_from || format(' left join lateral (select x.value from %s and x.key = %L%s%s'
        ' order by x.time desc, x.step desc, x.run_id limit 1) o%s on true', v_measured, v_order ->> 'key',
        ' and x.dataset_name = ' || quote_literal(nullif(v_order ->> 'dataset_name', '')),
        ' and x.dataset_digest = ' || quote_literal(nullif(v_order ->> 'dataset_digest', '')), jsonb_array_length(v_keys));
      v_columns := jsonb_set(v_columns, '{ordered}', jsonb_build_object('this', jsonb_build_object(
        'sql', format('o%s.value', jsonb_array_length(v_keys)), 'type', 'double precision')));
      v_order := jsonb_build_object('kind', 'ordered', 'key', 'this', 'desc', v_order -> 'desc');
    end if;
    v_keys := v_keys || private.search_keys(jsonb_build_array(v_order), v_columns);
  end loop;
  if not p_order @> '[{"kind": "attribute", "key": "creation_timestamp"}]' then
    v_keys := v_keys || '{"sql": "private.ms(m.created_at)", "type": "bigint", "desc": true, "always": true}'::jsonb;
  end if;
  v_keys := v_keys || '{"sql": "m.id collate \"C\"", "type": "text", "desc": false, "always": true}'::jsonb;
  select * into v_page from private.search_page(v_from, format('m.deleted_at is null and m.project_id = any (%L::uuid[])'
      ' and m.experiment_id = any (%L::bigint[]) and ', v_found.projects, v_found.experiments) || v_where,
    'm.id', v_keys, p_limit, p_cursor, concat_ws('|', v_found.experiments, p_filter, p_order, p_datasets)) p;
  return jsonb_build_object('cursor', v_page.cursor, 'items', (
    select coalesce(jsonb_agg(private.logged_model_json(m) order by i.n), '[]')
    from unnest(v_page.ids) with ordinality as i (id, n)
    join insighter.logged_models m on m.project_id = any (v_found.projects) and m.id = i.id));
end
$$;

-- ---- registered models and versions ---------------------------------------------------------------------------------

-- Prompts are registered models with a tag. A search that does not ask for them leaves them out, whatever else it says of
-- that tag.
create function private.search_prompts(p_filter jsonb, out prompts boolean, out filter jsonb)
language plpgsql immutable set search_path = '' as $$
begin
  if jsonb_typeof(p_filter) <> 'array' then
    perform private.fail(422, 'invalid_filter', 'a filter is a list of comparisons');
  end if;
  select coalesce((array_agg(
      (e ->> 'op' = '=' and lower(e ->> 'value') = 'true') or (e ->> 'op' = '!=' and lower(e ->> 'value') = 'false') order by n))[1],
    false)
  into prompts
  from jsonb_array_elements(p_filter) with ordinality as f (e, n)
  where e ->> 'kind' = 'tag' and e ->> 'key' = 'mlflow.prompt.is_prompt';
  filter := case when prompts then p_filter else (select coalesce(jsonb_agg(e order by n), '[]')
    from jsonb_array_elements(p_filter) with ordinality as f (e, n)
    where (e ->> 'kind' = 'tag' and e ->> 'key' = 'mlflow.prompt.is_prompt') is not true) end;
end
$$;

-- Of the project the call is about; by name, where no order is given.
create function public.models_search(
  p_limit int default 100, p_cursor text default null, p_filter jsonb default '[]', p_order jsonb default '[]'
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_columns constant jsonb := '{
    "tag": {"*": {"any": "m.tags ->> %L", "type": "text"}},
    "attribute": {
      "name": {"sql": "m.name", "type": "text"},
      "last_updated_timestamp": {"sql": "private.ms(m.updated_at)", "type": "numeric"}}}';
  v_keys jsonb := private.search_keys(p_order, v_columns);
  v_project uuid := private.context_project();
  v_asked record;
  v_page record;
begin
  select * into v_asked from private.search_prompts(p_filter) p;
  if not p_order @> '[{"kind": "attribute", "key": "name"}]' then
    v_keys := v_keys || '{"sql": "m.name collate \"C\"", "type": "text", "desc": false, "always": true}'::jsonb;
  end if;
  select * into v_page from private.search_page('insighter.registered_models m', format('m.project_id = %L and ', v_project)
    || case when v_asked.prompts then '' else 'not private.is_prompt(m.tags) and ' end
    || private.search_where(v_asked.filter, v_columns), 'm.id', v_keys, p_limit, p_cursor,
    concat_ws('|', v_project, p_filter)) p;
  return jsonb_build_object('cursor', v_page.cursor, 'items', (
    select coalesce(jsonb_agg(private.registered_model_json(m) order by i.n), '[]')
    from unnest(v_page.ids::uuid[]) with ordinality as i (id, n)
    join insighter.registered_models m on m.project_id = v_project and m.id = i.id));
end
$$;

-- Of the project the call is about; last changed first, where no order is given.
drop function public.model_versions_search(text, text, int, text);
create function public.model_versions_search(
  p_limit int default 10000, p_cursor text default null, p_filter jsonb default '[]', p_order jsonb default '[]'
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_columns constant jsonb := '{
    "tag": {"*": {"any": "v.tags ->> %L", "type": "text"}},
    "attribute": {
      "name": {"sql": "m.name", "type": "text"},
      "run_id": {"sql": "coalesce(private.hex(v.run_id), '''')", "type": "text"},
      "source_path": {"sql": "v.source", "type": "text"},
      "version_number": {"sql": "v.version", "type": "numeric"},
      "creation_timestamp": {"sql": "private.ms(v.created_at)", "type": "numeric"},
      "last_updated_timestamp": {"sql": "private.ms(v.updated_at)", "type": "numeric"}}}';
  v_order jsonb := case when p_order = '[]' then '[{"kind": "attribute", "key": "last_updated_timestamp", "desc": true}]'
    else p_order end;
  v_keys jsonb := private.search_keys(v_order, v_columns);
  v_project uuid := private.context_project();
  v_asked record;
  v_page record;
begin
  select * into v_asked from private.search_prompts(p_filter) p;
  if not v_order @> '[{"kind": "attribute", "key": "name"}]' then
    v_keys := v_keys || '{"sql": "m.name collate \"C\"", "type": "text", "desc": false, "always": true}'::jsonb;
  end if;
  if not v_order @> '[{"kind": "attribute", "key": "version_number"}]' then
    v_keys := v_keys || '{"sql": "v.version", "type": "int", "desc": true, "always": true}'::jsonb;
  end if;
  select * into v_page from private.search_page(
    'insighter.registered_models m join insighter.model_versions v on v.project_id = m.project_id and v.model_id = m.id',
    format('m.project_id = %L and ', v_project) || case when v_asked.prompts then '' else
      'not private.is_prompt(m.tags) and not exists (select from insighter.model_versions p'
      ' where p.project_id = m.project_id and p.model_id = m.id and private.is_prompt(p.tags)) and ' end
    || private.search_where(v_asked.filter, v_columns), 'v.model_id || ''/'' || v.version', v_keys, p_limit, p_cursor,
    concat_ws('|', v_project, p_filter)) p;
  return jsonb_build_object('cursor', v_page.cursor, 'items', (
    select coalesce(jsonb_agg(private.model_version_json(v, m.name) order by i.n), '[]')
    from unnest(v_page.ids) with ordinality as i (id, n)
    join insighter.model_versions v on v.project_id = v_project and v.model_id = split_part(i.id, '/', 1)::uuid
      and v.version = split_part(i.id, '/', 2)::int
    join insighter.registered_models m on m.project_id = v.project_id and m.id = v.model_id));
end
$$;

call private.expose('runs_search', 'runs_search_protocol', 'runs_get_protocol', 'experiments_search',
  'logged_models_search', 'models_search', 'model_versions_search');
revoke all on function private.search_compare, private.search_column, private.search_where, private.search_keys,
  private.search_after, private.search_page, private.runs_columns, private.runs_metric_keys, private.runs_from,
  private.runs_dense, private.experiments_of, private.runs_scope, private.runs_found, private.runs_protocol,
  private.search_prompts from public;
grant execute on function private.search_compare, private.search_column, private.search_where, private.search_keys,
  private.search_after, private.search_page, private.runs_columns, private.runs_metric_keys, private.runs_from,
  private.runs_dense, private.experiments_of, private.runs_scope, private.runs_found, private.runs_protocol,
  private.search_prompts to authenticated;
