-- Searching traces, and counting them.
--
-- Filters come as lists of {on, key, op, value}, read and checked before. Here they become SQL: words of it are chosen from
-- what is written here, and whatever somebody typed is quoted.

-- A pattern that refers back to what it has found can take for ever to match: it matches nothing.
create function private.trace_comparison(p_expression text, p_op text, p_value jsonb) returns text
language sql immutable set search_path = '' as $$
  select case
    when p_op = 'RLIKE' and p_value #>> '{}' ~ '\\[1-9]' then 'false'
    when p_op in ('IS NULL', 'IS NOT NULL') then format('(%s) %s', p_expression, p_op)
    when p_op in ('IN', 'NOT IN') then format('(%s) %s (%L::text[])', p_expression,
      case p_op when 'IN' then '= any' else '<> all' end, array(select jsonb_array_elements_text(p_value)))
    when p_op in ('=', '!=', '<', '<=', '>', '>=', 'LIKE', 'ILIKE', 'RLIKE') then format('(%s) %s %L%s', p_expression,
      case p_op when 'RLIKE' then '~' else p_op end, p_value #>> '{}',
      case when jsonb_typeof(p_value) = 'number' then '::numeric' else '' end)
  end
$$;

-- An attribute of a span, of a text without its quotes.
create function private.span_attribute(p_content text, p_key text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_value text;
begin
  v_value := p_content::jsonb -> 'attributes' ->> p_key;
  if v_value like '"%"' then
    return v_value::jsonb #>> '{}';
  end if;
  return v_value;
exception when data_exception then
  return v_value;
end
$$;

create function private.trace_condition(c jsonb) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_op text := c ->> 'op';
  v_value jsonb := c -> 'value';
  v_assessed text;
begin
  case c ->> 'on'
    when 'id' then return private.trace_comparison('t.id', v_op, v_value);
    when 'status' then return private.trace_comparison('t.status', v_op, v_value);
    when 'name' then return private.trace_comparison('t.name', v_op, v_value);
    when 'client_request_id' then return private.trace_comparison('t.client_request_id', v_op, v_value);
    when 'session' then return private.trace_comparison('t.session_id', v_op, v_value);
    when 'start' then return private.trace_comparison('t.start_ms', v_op, v_value);
    when 'duration' then return private.trace_comparison('t.duration_ms', v_op, v_value);
    when 'end' then return private.trace_comparison('t.start_ms + coalesce(t.duration_ms, 0)', v_op, v_value);
    when 'tag' then return private.trace_comparison(format('t.tags ->> %L', c ->> 'key'), v_op, v_value);
    when 'metadata' then return private.trace_comparison(format('t.metadata ->> %L', c ->> 'key'), v_op, v_value);
    when 'usage' then return private.trace_comparison('t.usage', v_op, v_value);
    when 'cost' then return private.trace_comparison('t.cost', v_op, v_value);
    when 'run' then return format('(t.metadata ->> ''mlflow.sourceRun'' = %1$L or exists (select from insighter.trace_runs r
      where r.project_id = t.project_id and r.trace_id = t.id and replace(r.run_id::text, ''-'', '''') = %1$L))',
      v_value #>> '{}');
    when 'prompt' then return format('%L = any (t.prompts)', v_value #>> '{}');
    when 'assessment' then
      -- Said of a session, it is said of each trace in it.
      v_assessed := format('select from insighter.trace_assessments a where a.project_id = t.project_id and a.type = %L
        and a.name = %L and a.valid and (a.trace_id = t.id or (a.metadata ? ''mlflow.trace.session'' and exists (
          select from insighter.traces s where s.project_id = a.project_id and s.id = a.trace_id
            and s.experiment_id = t.experiment_id and s.session_id = t.session_id)))', c ->> 'type', c ->> 'key');
      return case
        when v_op = 'IS NULL' then format('not exists (%s)', v_assessed)
        when v_op = 'IS NOT NULL' then format('exists (%s)', v_assessed)
        when v_op in ('<', '<=', '>', '>=') then format('exists (%s and a.numeric and %s)', v_assessed,
          private.trace_comparison('a.number', v_op, v_value))
        when v_op in ('=', '!=') then format('exists (%s and %s)', v_assessed,
          private.trace_comparison('a.value', case v_op when '=' then 'IN' else 'NOT IN' end, v_value))
        else format('exists (%s and %s)', v_assessed, private.trace_comparison('a.value', v_op, v_value)) end;
    when 'issue' then return format('exists (select from insighter.trace_assessments a where a.project_id = t.project_id
      and a.trace_id = t.id and a.type = ''issue'' and a.name = %L)', v_value #>> '{}');
    else return null;
  end case;
end
$$;

create function private.span_condition(c jsonb) returns text
language sql immutable set search_path = '' as $$
  select case
    when c ->> 'key' in ('name', 'type', 'status', 'content') then
      private.trace_comparison('s.' || (c ->> 'key'), c ->> 'op', c -> 'value')
    else format('(strpos(s.content, %L) > 0 and %s)', to_json(c ->> 'attribute'),
      private.trace_comparison(format('private.span_attribute(s.content, %L)', c ->> 'attribute'), c ->> 'op', c -> 'value'))
    end
$$;

-- All conditions as SQL over the row t; those on spans mean one and the same span.
create function private.trace_where(p_conditions jsonb) returns text
language sql immutable set search_path = '' as $$
  select coalesce(string_agg(w.text, ' and '), 'true') from (
    select private.trace_condition(c) as text from jsonb_array_elements(p_conditions) c where c ->> 'on' <> 'span'
    union all
    select format('exists (select from insighter.trace_spans s where s.project_id = t.project_id and s.trace_id = t.id and %s)',
      string_agg(private.span_condition(c), ' and '))
    from jsonb_array_elements(p_conditions) c where c ->> 'on' = 'span' having count(*) > 0) w
$$;

create function private.trace_order(p_order jsonb) returns text
language sql immutable set search_path = '' as $$
  select coalesce(string_agg(format('%s %s nulls last, ', case o ->> 'on'
      when 'id' then 't.id' when 'status' then 't.status' when 'name' then 't.name' when 'session' then 't.session_id'
      when 'start' then 't.start_ms' when 'duration' then 't.duration_ms' when 'experiment' then 't.experiment_id'
      when 'end' then 't.start_ms + coalesce(t.duration_ms, 0)'
      when 'tag' then format('t.tags ->> %L', o ->> 'key') when 'metadata' then format('t.metadata ->> %L', o ->> 'key')
    end, case when (o ->> 'desc')::boolean then 'desc' else 'asc' end), '' order by place), '') || 't.start_ms desc, t.id'
  from jsonb_array_elements(p_order) with ordinality x (o, place)
$$;

-- The traces of these experiments, as SQL over the row t: of those that the caller sees, whatever project they are of.
create function private.trace_scope(p_experiment_ids jsonb) returns text
language sql stable set search_path = '' as $$
  select coalesce('(' || string_agg(format('(t.project_id = %L and t.experiment_id = %s)', e.project_id, e.id), ' or ') || ')',
    'false')
  from insighter.experiments e
  where e.deleted_at is null and (p_experiment_ids ? e.id::text
    or (p_experiment_ids ? '0' and e.is_default and e.project_id = private.context_project()))
$$;

-- A pattern that somebody typed may be none.
create function private.trace_query(p_sql text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_answer jsonb;
begin
  execute p_sql into v_answer;
  return v_answer;
exception when invalid_regular_expression or invalid_escape_sequence then
  perform private.fail(422, 'invalid_filter', format('Invalid pattern in filter string: %s', sqlerrm), 'change the pattern');
end
$$;

create function public.traces_search(
  p_experiment_ids jsonb, p_conditions jsonb default '[]', p_order jsonb default '[]', p_limit int default 100,
  p_offset bigint default 0
) returns jsonb
language sql stable set search_path = '' as $$
  select private.trace_query(format(
    -- As private.trace_json writes them, all assessments in one look.
    'with page as materialized (
        select p.*, row_number() over () as place from (
          select t.* from insighter.traces t where %s and %s order by %s limit %s offset %s) p
      ), said as (
        select a.project_id, a.trace_id, jsonb_agg(to_jsonb(a) - ''{project_id,experiment_id,created_by,number,numeric}''::text[]
          order by a.created_ms, a.id) as items
        from page p join insighter.trace_assessments a on a.project_id = p.project_id and a.trace_id = p.id group by 1, 2
      )
      select jsonb_build_object(''items'', coalesce(jsonb_agg(
        to_jsonb(p) - ''{project_id,prompts,created_by,created_at,place}''::text[] || jsonb_build_object(
          ''experiment_id'', p.experiment_id::text, ''assessments'', coalesce(s.items, ''[]'')) order by p.place), ''[]''))
      from page p left join said s on s.project_id = p.project_id and s.trace_id = p.id',
    private.trace_scope(p_experiment_ids), private.trace_where(p_conditions), private.trace_order(p_order),
    least(greatest(p_limit, 1), 500), greatest(p_offset, 0)))
$$;

-- How many traces match each of two filters, both, and the base.
create function public.traces_correlate(
  p_experiment_ids jsonb, p_filter1 jsonb, p_filter2 jsonb, p_base jsonb default '[]'
) returns jsonb
language sql stable set search_path = '' as $$
  select private.trace_query(format(
    'select jsonb_build_object(''total'', count(*), ''filter1'', count(*) filter (where one),
        ''filter2'', count(*) filter (where other), ''joint'', count(*) filter (where one and other))
      from (select %s as one, %s as other from insighter.traces t where %s and %s) x',
    private.trace_where(p_filter1), private.trace_where(p_filter2), private.trace_scope(p_experiment_ids),
    private.trace_where(p_base)))
$$;

-- Numbers over traces, spans or assessments. p_query: {view, metric, aggregations: [{name, type, percentile}], dimensions,
-- conditions, interval_ms, start_ms, end_ms, limit}, checked before. Answers [{dimensions, values}], groups in order.
create function public.traces_metrics(p_experiment_ids jsonb, p_query jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_view text := p_query ->> 'view';
  v_metric text := p_query ->> 'metric';
  v_from text := 'insighter.traces t';
  v_value text;
  v_time text := 't.start_ms';
  v_bucket text := 't.start_ms';
  v_where text;
  v_dimensions text[] := '{}';
  v_groups text;
begin
  if v_view = 'SPANS' then
    v_from := v_from || ' join insighter.trace_spans s on s.project_id = t.project_id and s.trace_id = t.id';
    v_bucket := 'floor(s.start_ns / 1000000.0)::bigint';
    if v_metric like '%\_cost' then
      v_time := v_bucket;
    end if;
  elsif v_view = 'ASSESSMENTS' then
    v_from := v_from || ' join insighter.trace_assessments a on a.project_id = t.project_id and a.trace_id = t.id and a.valid';
  end if;
  v_value := case
    when v_metric = 'trace_count' then 't.id'
    when v_metric = 'session_count' then 'distinct t.session_id'
    when v_metric = 'latency' and v_view = 'TRACES' then 't.duration_ms'
    when v_metric = 'latency' then '(s.end_ns - s.start_ns) / 1000000'
    when v_metric = 'span_count' then 's.id'
    when v_metric = 'assessment_count' then 'a.id'
    when v_metric = 'assessment_value' then 'a.number'
    when v_metric like '%\_cost' then format('(s.cost ->> %L)::double precision', v_metric)
    else format('(t.usage ->> %L)::numeric', v_metric) end;
  select coalesce(string_agg(w, ' and '), 'true') into v_where from (
    select private.trace_where((select coalesce(jsonb_agg(c), '[]') from jsonb_array_elements(p_query -> 'conditions') c
      where c ->> 'on' not in ('span', 'of')))
    union all select private.span_condition(c) from jsonb_array_elements(p_query -> 'conditions') c where c ->> 'on' = 'span'
    union all select private.trace_comparison('a.' || (c ->> 'key'), '=', c -> 'value')
    from jsonb_array_elements(p_query -> 'conditions') c where c ->> 'on' = 'of' and c ->> 'key' in ('name', 'type')) x (w);
  if p_query ->> 'start_ms' is not null then
    v_where := v_where || format(' and %s >= %s', v_time, (p_query ->> 'start_ms')::bigint);
  end if;
  if p_query ->> 'end_ms' is not null then
    v_where := v_where || format(' and %s <= %s', v_time, (p_query ->> 'end_ms')::bigint);
  end if;
  v_where := v_where || format(' and (%s) is not null', replace(v_value, 'distinct ', ''));
  if p_query ->> 'interval_ms' is not null then
    v_dimensions := array[format('(floor((%s)::numeric / %s) * %2$s)::bigint', v_bucket, (p_query ->> 'interval_ms')::bigint)];
  end if;
  v_dimensions := v_dimensions || array(select case d
      when 'trace_name' then 't.name' when 'trace_status' then 't.status' when 'span_name' then 's.name'
      when 'span_type' then 's.type' when 'span_status' then 's.status' when 'span_model_name' then 's.model'
      when 'span_model_provider' then 's.provider' when 'assessment_name' then 'a.name'
      when 'assessment_value' then 'a.value' end
    from jsonb_array_elements_text(p_query -> 'dimensions') with ordinality x (d, place) order by place);
  select string_agg(i::text, ', ') into v_groups from generate_subscripts(v_dimensions, 1) i;
  return private.trace_query(format(
    'select coalesce(jsonb_agg(jsonb_build_object(''dimensions'', d, ''values'', v) order by place), ''[]'') from (
       select array_to_json(array[%s]::text[]) as d, jsonb_build_object(%s) as v, row_number() over () as place from (
         select %s from %s where %s and %s %s %s limit %s) g) r',
    (select string_agg('d' || i, ', ') from generate_subscripts(v_dimensions, 1) i),
    (select string_agg(format('%L, v%s', x ->> 'name', place), ', ')
      from jsonb_array_elements(p_query -> 'aggregations') with ordinality a (x, place)),
    (select string_agg(c, ', ') from (
      select format('%s as d%s', v_dimensions[i], i) from generate_subscripts(v_dimensions, 1) i
      union all
      select format(case x ->> 'type' when 'COUNT' then 'count(%s)' when 'SUM' then 'sum(%s)' when 'AVG' then 'avg(%s)'
          when 'MIN' then 'min(%s)' when 'MAX' then 'max(%s)'
          else 'percentile_cont(' || (x ->> 'percentile')::double precision / 100 || ') within group (order by %s)' end
        || ' as v%s', v_value, place)
      from jsonb_array_elements(p_query -> 'aggregations') with ordinality a (x, place)) y (c)),
    v_from, private.trace_scope(p_experiment_ids), v_where || coalesce((
      select string_agg(format(' and (%s) is not null', d), '') from unnest(v_dimensions) d), ''),
    coalesce('group by ' || v_groups, ''), coalesce('order by ' || v_groups, ''),
    least(greatest((p_query ->> 'limit')::int, 1), 10000)));
end
$$;

call private.expose('traces_search', 'traces_correlate', 'traces_metrics');
grant execute on function private.trace_comparison, private.span_attribute, private.trace_condition,
  private.span_condition, private.trace_where, private.trace_order, private.trace_scope, private.trace_query to
  authenticated;
