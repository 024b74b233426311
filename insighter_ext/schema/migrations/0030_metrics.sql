-- Metric histories, in chunks: a row for each batch that was logged instead of one for each value.
--
-- A chunk has the points of one batch, sorted by key and then by step, time and value: of the key at keys[i] those up to
-- ends[i]. So one key of a thousand is a slice, and a batch of a thousand points one row. What comes point by point makes
-- small chunks, which are folded together: 64 of level 0 into one of level 1, 32 of these into one of level 2. A point that
-- was sent twice, because an answer was lost, is there once for whoever reads, and after the next fold.

-- Whether the arrays of a chunk belong together, and its keys are sorted: a reader takes slices and does not look further.
create function private.chunk_is_whole(
  p_keys text[], p_ends int[], p_steps bigint[], p_times bigint[], p_values double precision[]
) returns boolean
language plpgsql immutable set search_path = '' as $$
declare
  v_keys int := cardinality(p_keys);
  v_points int := cardinality(p_values);
  v_key text collate "C" := '';
  v_end int := 0;
begin
  if v_keys = 0 or v_points = 0 or array_dims(p_keys) <> '[1:' || v_keys || ']' or array_dims(p_ends) <> array_dims(p_keys)
    or array_dims(p_values) <> '[1:' || v_points || ']' or array_dims(p_steps) <> array_dims(p_values)
    or array_dims(p_times) <> array_dims(p_values) or array_position(p_values, null) is not null then
    return false;
  end if;
  for i in 1..v_keys loop
    if (p_keys[i] collate "C" > v_key and p_ends[i] > v_end) is not true or char_length(p_keys[i]) > 250 then
      return false;
    end if;
    v_key := p_keys[i];
    v_end := p_ends[i];
  end loop;
  return v_end = v_points;
end
$$;

create table insighter.run_metric_chunks (
  project_id uuid not null,
  run_id uuid not null,
  level smallint not null check (level between 0 and 2),
  id bigint generated always as identity,
  keys text[] collate "C" not null,
  ends int[] not null,
  steps bigint[] not null,
  times bigint[] not null,
  values double precision[] not null,
  -- No step or time of the chunk lies outside: by them a page of a history leaves chunks out.
  first_step bigint not null,
  last_step bigint not null,
  first_time bigint not null check (first_time >= 0),
  last_time bigint not null,
  -- Which transaction wrote it: what a curve was told before is what that one's snapshot could see.
  written xid8 not null default pg_catalog.pg_current_xact_id(),
  primary key (project_id, run_id, level, id),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade,
  check (private.chunk_is_whole(keys, ends, steps, times, values)),
  check ((first_step <= all (steps) and last_step >= all (steps)
    and first_time <= all (times) and last_time >= all (times)) is true)
);
-- Numbers do not get smaller by packing, but slower.
alter table insighter.run_metric_chunks alter steps set storage external, alter times set storage external,
  alter values set storage external;
alter table insighter.run_metric_chunks enable row level security;
grant select, insert (project_id, run_id, level, keys, ends, steps, times, values, first_step, last_step, first_time, last_time)
  on insighter.run_metric_chunks to authenticated;
create policy run_metric_chunks_select on insighter.run_metric_chunks for select to authenticated
  using (project_id in (select private.project_ids()));
create policy run_metric_chunks_insert on insighter.run_metric_chunks for insert to authenticated
  with check (project_id in (select private.project_ids('editor')));

-- What was there before.
insert into insighter.run_metric_chunks
  (project_id, run_id, level, keys, ends, steps, times, values, first_step, last_step, first_time, last_time)
select p.project_id, p.run_id, 2, array[p.key], array[count(*)::int],
  array_agg(p.step order by p.step, p.time, p.value), array_agg(p.time order by p.step, p.time, p.value),
  array_agg(p.value order by p.step, p.time, p.value), min(p.step), max(p.step), min(p.time), max(p.time)
from (
  select l.project_id, l.run_id, l.key, m.step, m.time, m.value,
    row_number() over (partition by l.project_id, l.id order by m.step, m.time, m.value) / 10000 as part
  from insighter.run_metrics_latest l join insighter.run_metrics m on m.project_id = l.project_id and m.series = l.id
) p
group by p.project_id, p.run_id, p.key, p.part;

drop trigger series_deleted on insighter.run_metrics_latest;
drop function private.series_deleted;
drop table insighter.run_metrics;

-- The newest value of each metric changes with every batch: in its place, and no index is on what changes.
alter table insighter.run_metrics_latest drop constraint run_metrics_latest_pkey, drop column id,
  drop constraint run_metrics_latest_project_id_run_id_key_key, add primary key (project_id, run_id, key),
  set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
alter table insighter.runs set (fillfactor = 80);

delete from insighter.archived_tables where name = 'run_metrics';
call private.archived('insighter.run_metrics_latest', 30, 'run_id=id:run key value step time');
call private.archived('insighter.run_metric_chunks', 31,
  'run_id=id:run level keys ends steps times values first_step last_step first_time last_time', p_left_out => 'id written');

-- ---- folding --------------------------------------------------------------------------------------------------------

-- Fold the small chunks of a run together. DEFINER: nobody takes measurements away, and this takes away none.
create function private.chunks_fold(p_project_id uuid, p_run_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- One at a time; whoever comes second need not wait for it.
  if not pg_try_advisory_xact_lock(hashtextextended('chunks ' || p_run_id, 0)) then
    return;
  end if;
  for v_level in 0..1 loop
    continue when (select count(*) from insighter.run_metric_chunks c
      where c.project_id = p_project_id and c.run_id = p_run_id and c.level = v_level) < 64 / (v_level + 1);
    with old as (
      delete from insighter.run_metric_chunks c
      where c.project_id = p_project_id and c.run_id = p_run_id and c.level = v_level
      returning c.keys, c.ends, c.steps, c.times, c.values
    ), points as (
      select distinct k.key collate "C" as key, u.step, u.time, u.value
      from old o
      cross join lateral (
        select e.key, coalesce(lag(e.last) over (order by e.position), 0) + 1 as first, e.last
        from unnest(o.keys, o.ends) with ordinality e (key, last, position)) k
      cross join lateral unnest(o.steps[k.first:k.last], o.times[k.first:k.last], o.values[k.first:k.last])
        u (step, time, value)
    )
    insert into insighter.run_metric_chunks
      (project_id, run_id, level, keys, ends, steps, times, values, first_step, last_step, first_time, last_time)
    select p_project_id, p_run_id, v_level + 1, k.keys, k.ends, p.*
    from (
      select array_agg(step order by key, step, time, value) as steps, array_agg(time order by key, step, time, value),
        array_agg(value order by key, step, time, value), min(step), max(step), min(time), max(time)
      from points) p
    cross join (
      select array_agg(c.key order by c.key) as keys, array_agg(c.last order by c.key) as ends
      from (select key, (sum(count(*)) over (order by key))::int as last from points group by key) c) k
    where p.steps is not null;
  end loop;
end
$$;

-- ---- writing --------------------------------------------------------------------------------------------------------

-- Put points of a run down: {keys, ends, steps, times, values} as in a chunk, and bounds, which are first and last step,
-- first and last time. Arrays of numbers are texts as PostgreSQL writes arrays: of all ways to hand a thousand numbers over
-- that go through PostgREST too, this is the cheapest.
create function private.points_put(p_project_id uuid, p_run_id uuid, p_points jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_keys text[] := array(select jsonb_array_elements_text(p_points -> 'keys'));
  v_ends int[] := (p_points ->> 'ends')::int[];
  v_steps bigint[] := (p_points ->> 'steps')::bigint[];
  v_times bigint[] := (p_points ->> 'times')::bigint[];
  v_values double precision[] := (p_points ->> 'values')::double precision[];
  v_bounds bigint[] := (p_points ->> 'bounds')::bigint[];
  v_level int := case when cardinality(v_values) < 32 then 0 when cardinality(v_values) < 256 then 1 else 2 end;
begin
  insert into insighter.run_metric_chunks
    (project_id, run_id, level, keys, ends, steps, times, values, first_step, last_step, first_time, last_time)
  values (p_project_id, p_run_id, v_level, v_keys, v_ends, v_steps, v_times, v_values, v_bounds[1], v_bounds[2], v_bounds[3],
    v_bounds[4]);
  insert into insighter.run_metrics_latest as l (project_id, run_id, key, value, step, time)
  select p_project_id, p_run_id, k.key, v_values[k.last], v_steps[k.last], v_times[k.last]
  from unnest(v_keys, v_ends) k (key, last)
  on conflict (project_id, run_id, key) do update
  set value = excluded.value, step = excluded.step, time = excluded.time
  where (excluded.step, excluded.time, excluded.value) > (l.step, l.time, l.value);
  if v_level < 2 and (select count(*) from (select from insighter.run_metric_chunks c
    where c.project_id = p_project_id and c.run_id = p_run_id and c.level = v_level limit 64) small) >= 64 / (v_level + 1) then
    perform private.chunks_fold(p_project_id, p_run_id);
  end if;
end
$$;

-- The same from [{key, value, step, time}], in any order.
create function private.points_of(p_metrics jsonb) returns jsonb
language sql stable set search_path = '' as $$
  with points as (
    select m.key collate "C" as key, m.step, m.time, m.value
    from jsonb_to_recordset(p_metrics) as m (key text, value double precision, step bigint, time bigint)
  )
  select jsonb_build_object('keys', k.keys, 'ends', k.ends::text, 'steps', p.steps::text, 'times', p.times::text,
    'values', p.values::text, 'bounds', p.bounds::text)
  from (
    select array_agg(step order by key, step, time, value) as steps, array_agg(time order by key, step, time, value) as times,
      array_agg(value order by key, step, time, value) as values, array[min(step), max(step), min(time), max(time)] as bounds
    from points) p
  cross join (
    select jsonb_agg(c.key order by c.key) as keys, array_agg(c.last order by c.key) as ends
    from (select key, (sum(count(*)) over (order by key))::int as last from points group by key) c) k
$$;

-- What one request logs of a run. Params are never changed; a tag that is null is taken off.
create function private.run_log(
  p_run_id text, p_points jsonb, p_params jsonb, p_tags jsonb, p_model_metrics jsonb
) returns void
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
  v_changed record;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  if p_points is not null then
    perform private.points_put(v_project, v_id, p_points);
  end if;
  if p_params <> '{}' or p_tags <> '{}' then
    update insighter.runs r set
      params = r.params || coalesce(p_params, '{}'),
      tags = jsonb_strip_nulls(r.tags || coalesce(p_tags, '{}')),
      name = coalesce(nullif(p_tags ->> 'mlflow.runName', ''), r.name)
    where r.project_id = v_project and r.id = v_id
      and not exists (select from jsonb_each_text(p_params) n where r.params ->> n.key <> n.value);
    if not found then
      select n.key, r.params ->> n.key as before, n.value as after into v_changed
      from insighter.runs r cross join lateral jsonb_each_text(p_params) n
      where r.project_id = v_project and r.id = v_id and r.params ->> n.key <> n.value
      limit 1;
      perform private.fail(422, 'param_changed', format('Changing param values is not allowed. Param with key=''%s'' was '
        'already logged with value=''%s'' for run ID=''%s''. Attempted logging new value ''%s''.',
        v_changed.key, v_changed.before, p_run_id, v_changed.after), 'log it under another key, or in a nested run');
    end if;
  end if;
  if p_model_metrics <> '[]' then
    perform private.model_metrics(v_project, v_id, p_model_metrics);
  end if;
end
$$;

-- Metrics [{key, value, step, time}], params and tags {key: value}, metrics of logged models: all of it or nothing.
create or replace function public.runs_log_batch(
  p_run_id text, p_metrics jsonb default '[]', p_params jsonb default '{}', p_tags jsonb default '{}',
  p_model_metrics jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.run_log(p_run_id, case when p_metrics <> '[]' then private.points_of(p_metrics) end, p_params, p_tags,
    p_model_metrics);
  return '{}';
end
$$;

-- The id is the caller's where it gives one: done again, because an answer was lost, it makes no second run.
drop function public.runs_create;
create function public.runs_create(
  p_experiment_id text, p_name text, p_user_name text default '', p_start_time bigint default null,
  p_tags jsonb default '{}', p_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_experiment_id);
  v_name text := coalesce(nullif(p_tags ->> 'mlflow.runName', ''), p_name);
  v_run insighter.runs;
begin
  insert into insighter.runs (id, project_id, experiment_id, name, user_name, start_time, tags)
  values (coalesce(p_id, gen_random_uuid()), v_experiment.project_id, v_experiment.id, v_name, p_user_name,
    coalesce(p_start_time, private.ms(clock_timestamp())), p_tags || jsonb_build_object('mlflow.runName', v_name))
  on conflict (id) do nothing
  returning * into v_run;
  if v_run.id is null then
    select * into v_run from insighter.runs r
    where r.id = p_id and r.experiment_id = v_experiment.id and r.created_by = auth.uid();
    if not found then
      perform private.fail(409, 'run_id_taken', 'another run has this id', 'leave the id to the server');
    end if;
  else
    perform private.record(v_run.project_id, 'started', 'run', private.hex(v_run.id), v_name,
      jsonb_build_object('experiment', v_experiment.name, 'experiment_id', v_experiment.id::text));
  end if;
  return jsonb_build_object('id', private.hex(v_run.id), 'project_id', v_run.project_id, 'name', v_run.name,
    'experiment_id', v_run.experiment_id::text, 'status', v_run.status, 'user_name', v_run.user_name,
    'start_time', v_run.start_time, 'end_time', v_run.end_time, 'deleted', false,
    'created_by', private.person_name(v_run.created_by), 'params', v_run.params, 'tags', v_run.tags, 'metrics', '[]'::jsonb,
    'datasets', '[]'::jsonb, 'inputs', '[]'::jsonb, 'outputs', '[]'::jsonb);
end
$$;

-- What several requests write, in their order and in one transaction: all of them or none. Each is {create: …} or {update: …}
-- with the arguments of the function, or {log: {run_id, points, params, tags, model_metrics}}; the answer has theirs, in order.
create function public.runs_write(p_writes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_write jsonb;
  v_one jsonb;
  v_answers jsonb := '[]';
begin
  for v_write in select w from jsonb_array_elements(p_writes) w loop
    v_one := v_write -> 'log';
    if v_one is not null then
      perform private.run_log(v_one ->> 'run_id', v_one -> 'points', v_one -> 'params', v_one -> 'tags',
        v_one -> 'model_metrics');
      v_answers := v_answers || '{}'::jsonb;
      continue;
    end if;
    v_one := v_write -> 'create';
    if v_one is not null then
      v_answers := v_answers || public.runs_create(v_one ->> 'experiment_id', v_one ->> 'name',
        coalesce(v_one ->> 'user_name', ''), (v_one ->> 'start_time')::bigint, coalesce(v_one -> 'tags', '{}'),
        (v_one ->> 'id')::uuid);
      continue;
    end if;
    v_one := v_write -> 'update';
    v_answers := v_answers || public.runs_update(v_one ->> 'run_id', v_one ->> 'status', (v_one ->> 'end_time')::bigint,
      v_one ->> 'name');
  end loop;
  return v_answers;
end
$$;

-- ---- reading --------------------------------------------------------------------------------------------------------

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

-- The points of one metric, each once; with a snapshot those that it could not see.
create function private.metric_points(
  p_project_id uuid, p_run_id uuid, p_key text, p_since pg_snapshot default null
) returns table (step bigint, "time" bigint, value double precision)
language sql stable set search_path = '' as $$
  select distinct u.step, u.time, u.value
  from insighter.run_metric_chunks c
  cross join lateral (select array_position(c.keys, p_key) as position offset 0) k
  cross join lateral (select coalesce(c.ends[k.position - 1], 0) + 1 as first, c.ends[k.position] as last offset 0) s
  cross join lateral unnest(c.steps[s.first:s.last], c.times[s.first:s.last], c.values[s.first:s.last]) u (step, time, value)
  where c.project_id = p_project_id and c.run_id = p_run_id and k.position is not null
    and (p_since is null or not pg_visible_in_snapshot(c.written, p_since))
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
-- and last; of one point the last.
create or replace function public.runs_metric_interval(
  p_run_ids jsonb, p_key text, p_start bigint default null, p_end bigint default null, p_limit int default 2500
) returns jsonb
language plpgsql stable set search_path = '' set work_mem = '32MB' as $$
begin
  return (
    with points as (
      select i.position as run, s.id, p.step, p.time, p.value,
        row_number() over run as position, count(*) over (partition by i.position) as total, ntile(p_limit) over run as bucket
      from jsonb_array_elements_text(p_run_ids) with ordinality i (id, position)
      cross join lateral private.run_seen(i.id) s
      cross join lateral private.metric_points(s.project_id, s.id, p_key) p
      where (p_start is null or p.step >= p_start) and (p_end is null or p.step <= p_end)
      window run as (partition by i.position order by p.step, p.time, p.value)
    ), marked as (
      select p.*, p.bucket is distinct from lag(p.bucket) over (partition by p.run order by p.position) as first
      from points p
    )
    select coalesce(jsonb_agg(jsonb_build_object('run_id', private.hex(id), 'key', p_key, 'value', value, 'step', step,
      'timestamp', time) order by run, position), '[]')
    from marked
    where position = total or (first and bucket < p_limit));
end
$$;

-- Metrics of runs for a chart: {curves: [{run_id, key, total, steps, times, values}], cursors: {run_id: cursor}}. Of a curve with
-- more than p_max_points it has the first and the last point, the least and the greatest of each of equal parts. p_after has
-- the cursors of the answer before: of these runs comes what was logged since, all of it up to 50,000 points. A point may come again, after small
-- chunks were folded.
create function public.runs_curves(
  p_project_id uuid, p_run_ids jsonb, p_keys jsonb, p_max_points int default 1000, p_after jsonb default null
) returns jsonb
language plpgsql stable set search_path = '' set work_mem = '32MB' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_answer jsonb;
begin
  with points as (
    select s.id, k.key, p.*, row_number() over curve as n, count(*) over (partition by s.id, k.key) as total,
      -- Whoever asks after long gets a choice of what is new.
      count(*) over (partition by s.id, k.key) <= case when p_after ? private.hex(s.id) then 50000 else p_max_points end as whole
    from (select distinct private.hex(i::uuid) as id from jsonb_array_elements_text(p_run_ids) i) r
    cross join lateral private.run_seen(r.id, v_project.id) s
    cross join (select distinct k as key from jsonb_array_elements_text(p_keys) k) k
    cross join lateral private.metric_points(s.project_id, s.id, k.key, (p_after ->> private.hex(s.id))::pg_snapshot) p
    window curve as (partition by s.id, k.key order by p.step, p.time, p.value)
  ), parts as (
    select p.*, case when whole then n else (n - 1) * greatest(p_max_points / 4, 1) / total end as part
    from points p
  ), ends as (
    select p.id, p.key, p.part, min(p.n) as first, max(p.n) as last, min(p.value) filter (where p.value < 'NaN') as least,
      max(p.value) filter (where p.value < 'NaN') as greatest
    from parts p where not p.whole group by p.id, p.key, p.part
  ), kept as (
    select p.id, p.key, p.step, p.time, p.value, p.n, p.total from parts p where p.whole
    union all
    select x.id, x.key, x.step, x.time, x.value, x.n, x.total from (
      select p.*, p.n in (e.first, e.last) or row_number() over (partition by p.id, p.key, p.part, p.value order by p.n) = 1
        as keep
      from parts p join ends e on e.id = p.id and e.key = p.key and e.part = p.part
        and (p.n in (e.first, e.last) or p.value in (e.least, e.greatest))
      where not p.whole) x
    where x.keep
  ), curves as (
    select k.id, k.key, jsonb_build_object('run_id', private.hex(k.id), 'key', k.key, 'total', k.total,
      'steps', jsonb_agg(k.step order by k.n), 'times', jsonb_agg(k.time order by k.n),
      'values', jsonb_agg(k.value order by k.n)) as curve
    from kept k group by k.id, k.key, k.total
  )
  select jsonb_build_object('curves', coalesce((select jsonb_agg(c.curve order by c.id, c.key) from curves c), '[]'),
    'cursors', coalesce((select jsonb_object_agg(private.hex(s.id), pg_current_snapshot()::text)
      from jsonb_array_elements_text(p_run_ids) i cross join lateral private.run_seen(i, v_project.id) s), '{}'))
  into v_answer;
  return v_answer;
end
$$;

call private.expose('runs_create', 'runs_write', 'runs_metric_history', 'runs_curves');
revoke all on function private.chunk_is_whole, private.chunks_fold, private.points_put, private.points_of, private.run_log,
  private.run_seen, private.metric_points from public, anon, service_role;
grant execute on function private.chunk_is_whole, private.chunks_fold, private.points_put, private.points_of, private.run_log,
  private.run_seen, private.metric_points to authenticated;
