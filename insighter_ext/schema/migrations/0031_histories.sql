-- Reading metric histories: paged as MLflow pages them, sampled, and as curves that fit a screen.

-- A run that is to be read: 404 where it is not to be seen.
create function private.run_seen(p_run_id text, p_project_id uuid default null, out id uuid, out project_id uuid)
language plpgsql stable set search_path = '' as $$
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    select r.id, r.project_id into id, project_id from insighter.runs r
    where r.id = p_run_id::uuid and (p_project_id is null or r.project_id = p_project_id);
  end if;
  if id is null then
    perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
  end if;
end
$$;

-- The points of one metric, each once, by step, time and value; with a snapshot those that it could not see.
create function private.metric_series(
  p_project_id uuid, p_run_id uuid, p_key text, p_since pg_snapshot, p_start bigint, p_end bigint,
  out steps bigint[], out times bigint[], out "values" double precision[]
)
language sql stable set search_path = '' set work_mem = '64MB' as $$
  select array_agg(p.step), array_agg(p.time), array_agg(p.value) from (
    select distinct u.step, u.time, u.value
    from insighter.run_metric_chunks c
    cross join lateral (select array_position(c.keys, p_key) as position offset 0) k
    cross join lateral (select coalesce(c.ends[k.position - 1], 0) + 1 as first, c.ends[k.position] as last offset 0) s
    cross join lateral unnest(c.steps[s.first:s.last], c.times[s.first:s.last], c.values[s.first:s.last]) u (step, time, value)
    where c.project_id = p_project_id and c.run_id = p_run_id and k.position is not null
      and (p_since is null or not pg_visible_in_snapshot(c.written, p_since))
      and (p_start is null or (c.last_step >= p_start and u.step >= p_start))
      and (p_end is null or (c.first_step <= p_end and u.step <= p_end))
    order by u.step, u.time, u.value) p
$$;

-- A metric of a run: {steps, times, values, cursor}, by step, time and value or, as MLflow has it, by time, step and value. The
-- cursor is the last point of the page before. A page reads the chunks that it has points of and no others.
drop function public.runs_metric_history;
create function public.runs_metric_history(
  p_run_id text, p_key text, p_limit int default 25000, p_cursor text default null, p_project_id uuid default null,
  p_by text default 'step'
) returns jsonb
language plpgsql stable set search_path = '' set work_mem = '32MB' as $$
declare
  v_by_step boolean := p_by <> 'time';
  v_id uuid;
  v_project uuid;
  -- Of the last point: the first and the second number that it is sorted by, and its value.
  v_one bigint;
  v_two bigint;
  v_value double precision;
  v_to record;
  v_answer jsonb;
begin
  select s.id, s.project_id into v_id, v_project from private.run_seen(p_run_id, p_project_id) s;
  if p_cursor is not null then
    if p_cursor !~ '^-?\d{1,19}/-?\d{1,19}/[^/\s]{1,30}$' then
      perform private.fail(422, 'invalid_cursor', 'that is no page of this history', 'begin with the first page');
    end if;
    v_one := split_part(p_cursor, '/', 1)::bigint;
    v_two := split_part(p_cursor, '/', 2)::bigint;
    v_value := split_part(p_cursor, '/', 3)::double precision;
  end if;
  -- Where chunks with enough points end: nothing behind it belongs to the page.
  select e.one, e.two into v_to from (
    select c.one, c.two, sum(c.points) over (order by c.one, c.two) as points from (
      select case when v_by_step then c.last_step else c.last_time end as one,
        case when v_by_step then c.last_time else c.last_step end as two,
        case when p_cursor is null or (case when v_by_step then c.first_step else c.first_time end,
          case when v_by_step then c.first_time else c.first_step end) > (v_one, v_two)
          then c.ends[k.position] - coalesce(c.ends[k.position - 1], 0) else 0 end as points
      from insighter.run_metric_chunks c
      cross join lateral (select array_position(c.keys, p_key) as position offset 0) k
      where c.project_id = v_project and c.run_id = v_id and k.position is not null) c
    where p_cursor is null or (c.one, c.two) >= (v_one, v_two)) e
  where e.points > p_limit order by e.points limit 1;
  with page as (
    select distinct p.one, p.two, p.value
    from insighter.run_metric_chunks c
    cross join lateral (select array_position(c.keys, p_key) as position offset 0) k
    cross join lateral (select coalesce(c.ends[k.position - 1], 0) + 1 as first, c.ends[k.position] as last offset 0) s
    cross join lateral unnest(
      case when v_by_step then c.steps[s.first:s.last] else c.times[s.first:s.last] end,
      case when v_by_step then c.times[s.first:s.last] else c.steps[s.first:s.last] end,
      c.values[s.first:s.last]) p (one, two, value)
    where c.project_id = v_project and c.run_id = v_id and k.position is not null
      and (p_cursor is null or ((case when v_by_step then c.last_step else c.last_time end,
        case when v_by_step then c.last_time else c.last_step end) >= (v_one, v_two)
        and (p.one, p.two, p.value) > (v_one, v_two, v_value)))
      and (v_to.one is null or ((case when v_by_step then c.first_step else c.first_time end,
        case when v_by_step then c.first_time else c.first_step end) <= (v_to.one, v_to.two)
        and (p.one, p.two) <= (v_to.one, v_to.two)))
    order by p.one, p.two, p.value
    limit p_limit + 1
  ), kept as (
    select p.* from page p order by p.one, p.two, p.value limit p_limit
  ), columns as (
    select coalesce(jsonb_agg(one), '[]') as one, coalesce(jsonb_agg(two), '[]') as two,
      coalesce(jsonb_agg(value), '[]') as value from kept
  )
  select jsonb_build_object('values', c.value,
    'steps', case when v_by_step then c.one else c.two end, 'times', case when v_by_step then c.two else c.one end,
    'cursor', case when v_to.one is not null or (select count(*) from page) > p_limit
      then (select one || '/' || two || '/' || value from kept order by one desc, two desc, value desc limit 1) end)
  into v_answer from columns c;
  return v_answer;
end
$$;

-- One metric of many runs between two steps: of each run at most p_limit points, evenly thinned as MLflow does it, with first
-- and last; of one point the last. Equal parts, of which the first are longer by one, as ntile makes them.
create or replace function public.runs_metric_interval(
  p_run_ids jsonb, p_key text, p_start bigint default null, p_end bigint default null, p_limit int default 2500
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_run text;
  v_series record;
  v_total bigint;
  v_points jsonb[] := '{}';
begin
  for v_run in select jsonb_array_elements_text(p_run_ids) loop
    select m.* into v_series from private.run_seen(v_run) s
    cross join lateral private.metric_series(s.project_id, s.id, p_key, null, p_start, p_end) m;
    v_total := coalesce(cardinality(v_series.values), 0);
    v_points := v_points || array(
      select jsonb_build_object('run_id', v_run, 'key', p_key, 'value', v_series.values[n], 'step', v_series.steps[n],
        'timestamp', v_series.times[n])
      from (
        select i * (v_total / p_limit) + least(i, v_total % p_limit) + 1 as n
        from generate_series(0, least(v_total, p_limit) - 2) i
        union all select v_total where v_total > 0) chosen
      order by n);
  end loop;
  return to_jsonb(v_points);
end
$$;

-- Of a curve with more than p_max points the first and the last, the least and the greatest of each of equal parts; else all.
create function private.curve_choice(p_values double precision[], p_max int) returns int[]
language sql immutable set search_path = '' set work_mem = '64MB' as $$
  with points as (
    select v as value, n, (n - 1) * greatest(p_max / 4, 1) / cardinality(p_values) as part
    from unnest(p_values) with ordinality u (v, n)
  ), parts as (
    select part, min(n) as first, max(n) as last, min(value) filter (where value < 'NaN') as least,
      max(value) filter (where value < 'NaN') as greatest
    from points group by part
  ), found as (
    select min(p.n) as n from points p join parts a on a.part = p.part and p.value in (a.least, a.greatest)
    group by p.part, p.value
    union select unnest(array[first, last]) from parts
  )
  select array_agg(n::int order by n) from found
$$;

-- Metrics of runs for a chart: {curves: [{run_id, key, total, steps, times, values}], cursors: {run_id: cursor}}, by run and key. A
-- curve with more than p_max_points is thinned. p_after has the cursors of the answer before: of these runs comes what was
-- logged since, all of it up to 50,000 points. A point may come again, after small chunks were folded.
create function public.runs_curves(
  p_project_id uuid, p_run_ids jsonb, p_keys jsonb, p_max_points int default 1000, p_after jsonb default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_curve record;
  v_most int;
  v_chosen int[];
  v_cursors jsonb := '{}';
  v_curves jsonb[] := '{}';
begin
  for v_curve in
    select r.id, k.key, m.* from (select distinct r as id from jsonb_array_elements_text(p_run_ids) r) r
    cross join lateral private.run_seen(r.id, v_project.id) s
    cross join (select distinct k as key from jsonb_array_elements_text(p_keys) k) k
    cross join lateral private.metric_series(s.project_id, s.id, k.key, (p_after ->> r.id)::pg_snapshot, null, null) m
    order by r.id, k.key
  loop
    v_cursors := v_cursors || jsonb_build_object(v_curve.id, pg_current_snapshot()::text);
    continue when v_curve.values is null;
    v_most := case when p_after ? v_curve.id then greatest(p_max_points, 50000) else p_max_points end;
    if cardinality(v_curve.values) > v_most then
      v_chosen := private.curve_choice(v_curve.values, p_max_points);
      v_curves := v_curves || (
        select jsonb_build_object('run_id', v_curve.id, 'key', v_curve.key, 'total', cardinality(v_curve.values),
          'steps', jsonb_agg(v_curve.steps[n] order by n), 'times', jsonb_agg(v_curve.times[n] order by n),
          'values', jsonb_agg(v_curve.values[n] order by n))
        from unnest(v_chosen) n);
    else
      v_curves := v_curves || jsonb_build_object('run_id', v_curve.id, 'key', v_curve.key,
        'total', cardinality(v_curve.values), 'steps', v_curve.steps, 'times', v_curve.times, 'values', v_curve.values);
    end if;
  end loop;
  return jsonb_build_object('curves', to_jsonb(v_curves), 'cursors', v_cursors);
end
$$;

call private.expose('runs_metric_history', 'runs_curves');
revoke all on function private.run_seen, private.metric_series, private.curve_choice from public, anon, authenticated,
  service_role;
grant execute on function private.run_seen, private.metric_series, private.curve_choice to authenticated;
