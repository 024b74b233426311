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

-- Fold the small chunks of a run together. For private.points_put alone: nobody takes measurements away, and this takes
-- away none.
create function private.chunks_fold(p_project_id uuid, p_run_id uuid) returns void
language plpgsql set search_path = '' as $$
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
-- that go through PostgREST too, this is the cheapest. It asks for no right: that is for its callers.
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

-- What one request logs of a run that the caller may change: gives its project, or null where it may not be changed, and then
-- nothing is written. Params are never changed; a tag that is null is taken off. DEFINER: the right is asked for here, once,
-- and not by the policies of each table that it writes.
create function private.run_logged(p_id uuid, p_points jsonb, p_params jsonb, p_tags jsonb) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid;
  v_changed record;
begin
  select r.project_id into v_project
  from insighter.runs r join insighter.projects p on p.id = r.project_id
  where r.id = p_id and r.deleted_at is null and p.archived_at is null
    and r.project_id in (select private.project_ids('editor'));
  if v_project is null then
    return null;
  end if;
  if p_points is not null then
    perform private.points_put(v_project, p_id, p_points);
  end if;
  if p_params <> '{}' or p_tags <> '{}' then
    update insighter.runs r set
      params = r.params || coalesce(p_params, '{}'),
      tags = jsonb_strip_nulls(r.tags || coalesce(p_tags, '{}')),
      name = coalesce(nullif(p_tags ->> 'mlflow.runName', ''), r.name)
    where r.project_id = v_project and r.id = p_id
      and not exists (select from jsonb_each_text(p_params) n where r.params ->> n.key <> n.value);
    if not found then
      select n.key, r.params ->> n.key as before, n.value as after into v_changed
      from insighter.runs r cross join lateral jsonb_each_text(p_params) n
      where r.project_id = v_project and r.id = p_id and r.params ->> n.key <> n.value
      limit 1;
      perform private.fail(422, 'param_changed', format('Changing param values is not allowed. Param with key=''%s'' was '
        'already logged with value=''%s'' for run ID=''%s''. Attempted logging new value ''%s''.',
        v_changed.key, v_changed.before, private.hex(p_id), v_changed.after), 'log it under another key, or in a nested run');
    end if;
  end if;
  return v_project;
end
$$;

-- The same by the id that clients have, with metrics of logged models; says why where the run may not be changed.
create function private.run_log(
  p_run_id text, p_points jsonb, p_params jsonb, p_tags jsonb, p_model_metrics jsonb
) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    v_project := private.run_logged(p_run_id::uuid, p_points, p_params, p_tags);
  end if;
  if v_project is null then
    perform private.run_for(p_run_id);
    -- It may be changed since a moment ago: said, for nothing was written.
    perform private.fail(409, 'changed_meanwhile', format('the run %s was restored this moment', p_run_id), 'log it again');
  end if;
  if p_model_metrics <> '[]' then
    perform private.model_metrics(v_project, p_run_id::uuid, p_model_metrics);
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

-- An experiment, if the caller may change what is in it. DEFINER: the right is asked for once, and not by each table's policies.
create function private.experiment_open(p_id bigint) returns insighter.experiments
language plpgsql stable security definer set search_path = '' as $$
declare
  v_found insighter.experiments;
begin
  select e.* into v_found
  from insighter.experiments e join insighter.projects p on p.id = e.project_id
  where e.id = p_id and p.archived_at is null and e.project_id in (select private.project_ids('editor'));
  return v_found;
end
$$;

-- An experiment that is to be changed: as before (0004), with all the guards of a change in one query.
create or replace function private.experiment_for(p_id text, p_active boolean default true) returns insighter.experiments
language plpgsql set search_path = '' as $$
declare
  v_found insighter.experiments;
begin
  if p_id ~ '^[1-9][0-9]{0,17}$' then
    v_found := private.experiment_open(p_id::bigint);
  end if;
  if v_found.id is null then
    v_found := private.experiment(p_id);
    perform private.project_for(v_found.project_id, 'editor');
  end if;
  if p_active and v_found.deleted_at is not null then
    perform private.fail(422, 'experiment_deleted',
      format('The experiment %s must be in the ''active'' state. Current state is deleted.', v_found.id),
      'restore the experiment first');
  end if;
  return v_found;
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

-- Whether a credential is good at this moment, as private.live_credential has it. DEFINER: nobody reads credentials of others.
create function private.credential_stands(p_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from insighter.credentials c join auth.users u on u.id = c.user_id
    where c.id = p_id and c.user_id = auth.uid() and c.revoked_at is null and c.expires_at > now()
      and u.deleted_at is null and coalesce(u.banned_until, '-infinity') <= now()
      and (c.kind <> 'session' or exists (
        select from auth.sessions s
        where s.id = c.session_id and s.user_id = c.user_id and coalesce(s.not_after, 'infinity') > now())))
$$;

-- What several requests write, in their order and in one transaction: all of them or none. Each is {create: …} or {update: …}
-- with the arguments of the function, or {log: {run_id, points, params, tags, model_metrics}}; the answer has theirs, in order.
-- It asks for itself whether the caller's credential still stands, so that servers need not ask before each call.
create function public.runs_write(p_writes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_write jsonb;
  v_one jsonb;
  v_answers jsonb := '[]';
  v_credential uuid := (auth.jwt() -> 'insighter' ->> 'credential')::uuid;
begin
  if v_credential is not null and not private.credential_stands(v_credential) then
    perform private.fail(401, 'credential_invalid', 'this credential is not valid any more',
      'restart the kernel, or make another access token');
  end if;
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

-- As before (0022), but whoever has no credential is no notebook's kernel: that is said without a look.
create or replace function private.run_in_notebook() returns trigger
language plpgsql set search_path = '' as $$
declare
  v_credential uuid := (auth.jwt() -> 'insighter' ->> 'credential')::uuid;
  v_kernel insighter.notebook_kernels;
begin
  if v_credential is null then
    return new;
  end if;
  select * into v_kernel from insighter.notebook_kernels k
  where k.project_id = new.project_id and k.credential_id = v_credential;
  if not found then
    return new;
  elsif tg_when = 'BEFORE' then
    new.tags := new.tags || jsonb_build_object('insighter.notebook', v_kernel.notebook_id);
  else
    insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id)
    values (new.project_id, new.id, v_kernel.notebook_id, v_kernel.kernel_id);
  end if;
  return new;
end
$$;

-- ---- what follows a run ---------------------------------------------------------------------------------------------

-- As before (0020), but what changes nothing that the catalogue tells is left out, and so are words that stay the same.
create or replace function private.run_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_id text;
  v_description text;
  v_terms text;
begin
  if tg_op = 'DELETE' then
    delete from insighter.assets a
    where a.project_id = old.project_id and a.kind = 'run' and a.id = private.hex(old.id);
    return null;
  end if;
  v_id := private.hex(new.id);
  v_description := coalesce(new.tags ->> 'mlflow.note.content', '');
  v_terms := private.tag_terms(new.tags);
  if tg_op = 'UPDATE' then
    if new.name = old.name and v_description = coalesce(old.tags ->> 'mlflow.note.content', '')
      and (new.tags = old.tags or v_terms = private.tag_terms(old.tags)) then
      update insighter.assets a set status = lower(new.status), updated_at = now(), deleted_at = new.deleted_at
      where a.project_id = new.project_id and a.kind = 'run' and a.id = v_id;
    else
      update insighter.assets a set name = new.name, description = v_description, terms = v_terms,
        status = lower(new.status), updated_at = now(), deleted_at = new.deleted_at
      where a.project_id = new.project_id and a.kind = 'run' and a.id = v_id;
    end if;
    if found then
      return null;
    end if;
  end if;
  insert into insighter.assets as a (project_id, kind, id, key, name, description, terms, status, created_by, created_at,
    updated_at, deleted_at)
  values (new.project_id, 'run', v_id, v_id, new.name, v_description, v_terms, lower(new.status), new.created_by,
    new.created_at, now(), new.deleted_at)
  on conflict (project_id, kind, id) do update set name = excluded.name, description = excluded.description,
    terms = excluded.terms, status = excluded.status, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at;
  return null;
end
$$;

-- As before (0021); most assets have no words but their name.
create or replace function private.asset_search() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.named := left(private.search_text(left(new.name, 1000)), 100);
  -- A tsvector holds at most 1 MB: what is longer is found by its beginning.
  new.search := concat_ws(' ', '''p ' || new.project_id || '''', '''k ' || new.kind || '''',
    private.search_words(left(new.name, 1000), '1A'),
    case when new.terms <> '' then private.search_words(left(new.terms, 20000), '2B') end,
    case when new.description <> '' then private.search_words(left(new.description, 20000), '3C') end)::tsvector;
  return new;
end
$$;

-- The audit, row by row as before (0013) and with the same words, in fewer queries.
create or replace function private.audit_object(p_object jsonb, p_other jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_told jsonb;
begin
  if p_object = '{}' or p_object = p_other then
    return '{}';
  end if;
  select jsonb_object_agg(o.key, case
    when o.key ~* ('passw|secret|(api|private|access|account)[-_. ]?key|(auth|access|api|bearer|refresh)[-_. ]?token'
      || '|(^|[-_. ])(token|pwd|dsn|credentials?)$')
    then '"(withheld)"'
    when length(o.value::text) > 2000 then private.audit_value(o.value)
    else o.value end)
  into v_told
  from jsonb_each(p_object) o
  where o.value is distinct from p_other -> o.key;
  -- Of very many keys no more than of one long value.
  if length(v_told::text) > 50000 then
    return jsonb_build_object('sha256', encode(sha256(convert_to(v_told::text, 'UTF8')), 'hex'),
      'length', length(v_told::text));
  end if;
  return coalesce(v_told, '{}');
end
$$;

create or replace function private.audit_write(
  p_scope_kind text, p_scope uuid, p_action text, p_asset_kind text, p_asset_id text, p_asset_name text, p_changes jsonb
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_claims jsonb := auth.jwt();
  v_row insighter.audit;
  -- Where this transaction has written the last row of which chain: scope, seq, hash, and the place of the head's newest
  -- version. Finding that by the index takes longer with each version that the transaction makes.
  v_end text[] := string_to_array(current_setting('insighter.audit_end', true), ' ');
  v_head tid;
begin
  if v_end[1] = p_scope::text then
    v_row.seq := v_end[2]::bigint + 1;
    v_row.prev_hash := decode(v_end[3], 'hex');
    v_head := v_end[4]::tid;
  else
    -- Of one chain alone, as nearly always, the head is locked and read at once; of several all are locked in their order first.
    if current_setting('insighter.audit_scopes', true) = ',' || p_scope
      and coalesce(current_setting('insighter.audit_locked', true), '') = '' then
      select h.seq + 1, h.hash, h.ctid into v_row.seq, v_row.prev_hash, v_head
      from insighter.audit_heads h where h.scope = p_scope for update;
      if found then
        perform set_config('insighter.audit_locked', ',' || p_scope, true);
      end if;
    end if;
    if v_head is null then
      perform private.audit_lock(p_scope);
      select h.seq + 1, h.hash, h.ctid into v_row.seq, v_row.prev_hash, v_head
      from insighter.audit_heads h where h.scope = p_scope;
    end if;
  end if;
  v_row.scope_kind := p_scope_kind;
  v_row.scope := p_scope;
  -- With the head's lock held: later rows have later times, as far as the clock has.
  v_row.at := clock_timestamp();
  v_row.actor := (v_claims ->> 'sub')::uuid;
  v_row.actor_kind := case
    when v_row.actor is not null then coalesce(v_claims -> 'insighter' ->> 'kind', 'person')
    when v_claims ->> 'role' = 'service_role' then 'service'
    else 'system' end;
  v_row.credential := (v_claims -> 'insighter' ->> 'credential')::uuid;
  v_row.action := p_action;
  v_row.asset_kind := p_asset_kind;
  v_row.asset_id := p_asset_id;
  v_row.asset_name := left(coalesce(p_asset_name, ''), 500);
  v_row.changes := p_changes;
  v_row.hash := private.audit_hash(v_row);
  insert into insighter.audit (scope_kind, scope, seq, at, actor, actor_kind, credential, action, asset_kind, asset_id,
    asset_name, changes, prev_hash, hash)
  values (v_row.scope_kind, v_row.scope, v_row.seq, v_row.at, v_row.actor, v_row.actor_kind, v_row.credential,
    v_row.action, v_row.asset_kind, v_row.asset_id, v_row.asset_name, v_row.changes, v_row.prev_hash, v_row.hash);
  update insighter.audit_heads h set seq = v_row.seq, hash = v_row.hash
  where h.ctid = v_head and h.scope = p_scope
  returning h.ctid into strict v_head;
  perform set_config('insighter.audit_end',
    concat_ws(' ', p_scope, v_row.seq, encode(v_row.hash, 'hex'), v_head), true);
end
$$;

-- ---- archives of earlier releases -----------------------------------------------------------------------------------

-- They have a row for each value, in a table that is no more.
create or replace function public.archives_stage(p_id uuid, p_section text, p_page int, p_lines text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_archive insighter.archives := private.archive_at_work(p_id);
begin
  if v_archive.kind <> 'import' or octet_length(p_lines) > 64000000 then
    perform private.fail(422, 'archive_invalid', 'that is no page of an import');
  elsif p_section not in ('objects', 'people', 'project', 'run_metrics')
    and not exists (select from insighter.archived_tables t where t.name = p_section) then
    perform private.fail(422, 'archive_newer', format('the archive has rows of "%s", which is no table here',
      left(p_section, 60)), 'update Insighter: a newer release made it');
  end if;
  insert into insighter.archive_pages (archive_id, section, page, rows, lines)
  values (v_archive.id, p_section, p_page, cardinality(string_to_array(p_lines, E'\n')), p_lines);
  return '{}';
end
$$;

alter function private.archive_written rename to archive_tables_written;
create function private.archive_written(p_archive insighter.archives) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.archive_tables_written(p_archive);
  with lines as (
    select g.section, l::jsonb as line
    from insighter.archive_pages g cross join lateral string_to_table(g.lines, E'\n') l
    where g.archive_id = p_archive.id and g.section in ('run_metrics', 'run_metrics_latest')
  ), points as (
    select i.new::uuid as run_id, s.key, m.step, m.time, m.value,
      row_number() over (partition by i.new, s.key order by m.step, m.time, m.value) / 10000 as part
    from (select r.* from lines l cross join lateral jsonb_to_record(l.line)
        as r (series bigint, step bigint, time bigint, value double precision) where l.section = 'run_metrics') m
    join (select r.* from lines l cross join lateral jsonb_to_record(l.line) as r (id bigint, run_id text, key text)
        where l.section = 'run_metrics_latest') s on s.id = m.series
    join insighter.archive_ids i on i.archive_id = p_archive.id and i.kind = 'run' and i.old = replace(s.run_id, '-', '')
  )
  insert into insighter.run_metric_chunks
    (project_id, run_id, level, keys, ends, steps, times, values, first_step, last_step, first_time, last_time)
  select p_archive.becomes, p.run_id, 2, array[p.key], array[count(*)::int],
    array_agg(p.step order by p.step, p.time, p.value), array_agg(p.time order by p.step, p.time, p.value),
    array_agg(p.value order by p.step, p.time, p.value), min(p.step), max(p.step), min(p.time), max(p.time)
  from points p group by p.run_id, p.key, p.part;
exception when others then
  if sqlstate ~ '^(PT|40|42|53|57)' and sqlstate <> '42501' then
    raise;
  end if;
  perform private.fail(422, 'archive_invalid',
    format('rows/run_metrics.jsonl has what cannot be imported: %s', left(sqlerrm, 300)),
    'the archive was changed, or made by another program: export the project again');
end
$$;

call private.expose('runs_create', 'runs_write');
revoke all on function private.chunk_is_whole, private.chunks_fold, private.points_put, private.points_of,
  private.run_log, private.run_logged, private.experiment_open, private.credential_stands, private.archive_written
  from public, anon, authenticated, service_role;
grant execute on function private.chunk_is_whole, private.points_of, private.run_log, private.run_logged,
  private.experiment_open, private.credential_stands, private.archive_written to authenticated;
