-- Tracking: all its tables; experiments, runs and their metrics. Logged models and artifacts go on in the next file.
--
-- Times and steps of runs and metrics are what the client says: milliseconds since 1970, 64-bit. Every table carries the
-- project, first in its key: the index that finds a run's rows is the one row-level security reads.

-- ---- the project a call is about ------------------------------------------------------------------------------------

-- The project of the caller's credential; a person who names none works in the personal project. Null before that exists.
create function private.context_project() returns uuid
language sql stable set search_path = '' as $$
  select coalesce((auth.jwt() -> 'insighter' ->> 'project')::uuid,
    (select p.id from insighter.projects p where p.created_by = auth.uid() and p.personal))
$$;

-- The same for a change: the personal project is made where it is missing, role and archive are checked.
create function private.context_project_for(p_role insighter.project_role, p_project_id uuid default null)
returns insighter.projects
language plpgsql set search_path = '' as $$
declare
  v_id uuid := coalesce(p_project_id, private.context_project());
begin
  if v_id is null then
    v_id := public.projects_personal() ->> 'id';
  end if;
  -- A statement of its own: a stable function does not see what the statement that calls it has made.
  return private.project_for(v_id, p_role);
end
$$;

create function private.ms(p_time timestamptz) returns bigint
language sql stable set search_path = '' as $$
  select (extract(epoch from p_time) * 1000)::bigint
$$;

-- ---- tables ---------------------------------------------------------------------------------------------------------

create table insighter.experiments (
  id bigint generated always as identity,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 500),
  -- What MLflow's clients mean by experiment "0".
  is_default boolean not null default false,
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (id),
  unique (project_id, name)
);
create unique index experiments_default on insighter.experiments (project_id) where is_default;

create table insighter.runs (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  experiment_id bigint not null,
  name text not null check (char_length(name) <= 8000),
  status text not null default 'RUNNING' check (status in ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
  user_name text not null default '' check (char_length(user_name) <= 256),
  start_time bigint not null,
  end_time bigint,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (id),
  foreign key (project_id, experiment_id) references insighter.experiments (project_id, id) on delete cascade
);
create index runs_experiment on insighter.runs (project_id, experiment_id, start_time desc, id);

-- A row for each metric of a run, with its newest value; its id stands for run and key in the history.
create table insighter.run_metrics_latest (
  id bigint generated always as identity,
  project_id uuid not null,
  run_id uuid not null,
  key text collate "C" not null check (char_length(key) between 1 and 250),
  value double precision not null,
  step bigint not null,
  time bigint not null check (time >= 0),
  primary key (project_id, id),
  unique (project_id, run_id, key),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade
);

create table insighter.run_metrics (
  project_id uuid not null,
  series bigint not null,
  step bigint not null,
  time bigint not null,
  value double precision not null,
  -- All of it: a metric that a client sends twice because the answer was lost is there once.
  primary key (project_id, series, step, time, value)
);

-- In place of a foreign key, which would be checked for each of a thousand values of one series and double the time that a
-- batch takes. Nothing but runs_log_batch writes here, and it takes the series from the table it refers to.
create function private.series_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from insighter.run_metrics m using gone g where m.project_id = g.project_id and m.series = g.id;
  return null;
end
$$;
create trigger series_deleted after delete on insighter.run_metrics_latest
referencing old table as gone for each statement execute function private.series_deleted();

create table insighter.run_datasets (
  project_id uuid not null,
  run_id uuid not null,
  name text not null check (char_length(name) between 1 and 500),
  digest text not null check (char_length(digest) between 1 and 36),
  source_type text not null,
  source text not null check (char_length(source) <= 65535),
  schema text check (char_length(schema) <= 1048575),
  profile text check (char_length(profile) <= 16777215),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  primary key (project_id, run_id, name, digest),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade
);

-- MLflow's logged models: the files of a model and what is known of them, made by a run or by nobody.
create table insighter.logged_models (
  id text not null default 'm-' || replace(gen_random_uuid()::text, '-', '') check (id ~ '^m-[0-9a-f]{32}$'),
  project_id uuid not null,
  experiment_id bigint not null,
  name text not null check (char_length(name) between 1 and 500),
  model_type text not null default '',
  source_run_id uuid,
  status text not null default 'LOGGED_MODEL_PENDING'
    check (status in ('LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED')),
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (id),
  foreign key (project_id, experiment_id) references insighter.experiments (project_id, id) on delete cascade,
  foreign key (project_id, source_run_id) references insighter.runs (project_id, id) on delete set null (source_run_id)
);
create index logged_models_experiment on insighter.logged_models (project_id, experiment_id, created_at desc, id);
create index logged_models_run on insighter.logged_models (project_id, source_run_id);

-- The newest value of each metric of a logged model, for each run and dataset it was measured in and on.
create table insighter.logged_model_metrics (
  project_id uuid not null,
  model_id text not null,
  key text collate "C" not null check (char_length(key) between 1 and 250),
  run_id uuid not null,
  dataset_name text not null default '' check (char_length(dataset_name) <= 500),
  dataset_digest text not null default '' check (char_length(dataset_digest) <= 36),
  value double precision not null,
  step bigint not null,
  time bigint not null check (time >= 0),
  primary key (project_id, model_id, key, run_id, dataset_name, dataset_digest),
  foreign key (project_id, model_id) references insighter.logged_models (project_id, id) on delete cascade,
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade
);
create index logged_model_metrics_run on insighter.logged_model_metrics (project_id, run_id);

create table insighter.run_models (
  project_id uuid not null,
  run_id uuid not null,
  role text not null check (role in ('input', 'output')),
  model_id text not null,
  step bigint not null default 0,
  primary key (project_id, run_id, role, model_id),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade,
  foreign key (project_id, model_id) references insighter.logged_models (project_id, id) on delete cascade
);
create index run_models_model on insighter.run_models (project_id, model_id);

-- Files below a root, which is runs/<run id> or models/<model id>.
create table insighter.artifacts (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  root text not null check (root ~ '^(runs/[0-9a-f]{32}|models/m-[0-9a-f]{32})$'),
  path text collate "C" not null check (
    char_length(path) between 1 and 1000 and path !~ '[[:cntrl:]\\]' and path !~ '(^|/)(\.{0,2})(/|$)'),
  -- Nobody can name an object of another project here and then read it.
  object_key text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, root, path),
  check (object_key = project_id::text || '/' || sha256)
);
create index artifacts_object on insighter.artifacts (object_key);

-- ---- row-level security ---------------------------------------------------------------------------------------------

do $$
declare
  v_table text;
  v_mine text;
begin
  foreach v_table in array array['experiments', 'runs', 'run_metrics_latest', 'run_metrics', 'run_datasets',
    'logged_models', 'logged_model_metrics', 'run_models', 'artifacts']
  loop
    v_mine := case when v_table in ('experiments', 'runs', 'logged_models', 'artifacts')
      then ' and created_by = (select auth.uid())' else '' end;
    execute format('alter table insighter.%I enable row level security', v_table);
    execute format('grant select, insert on insighter.%I to authenticated', v_table);
    execute format('create policy %I on insighter.%I for select to authenticated
      using (project_id in (select private.project_ids()))', v_table || '_select', v_table);
    execute format('create policy %I on insighter.%I for insert to authenticated
      with check (project_id in (select private.project_ids(''editor''))%s)', v_table || '_insert', v_table, v_mine);
    execute format('create policy %I on insighter.%I for update to authenticated
      using (project_id in (select private.project_ids(''editor'')))
      with check (project_id in (select private.project_ids(''editor'')))', v_table || '_update', v_table);
    execute format('create policy %I on insighter.%I for delete to authenticated
      using (project_id in (select private.project_ids(''editor'')))', v_table || '_delete', v_table);
  end loop;
end
$$;
grant update (name, tags, updated_at, deleted_at) on insighter.experiments to authenticated;
grant update (name, status, start_time, end_time, params, tags, deleted_at) on insighter.runs to authenticated;
grant update (value, step, time) on insighter.run_metrics_latest, insighter.logged_model_metrics to authenticated;
grant update (source_type, source, schema, profile, tags) on insighter.run_datasets to authenticated;
grant update (name, status, params, tags, updated_at, deleted_at) on insighter.logged_models to authenticated;
grant update (step) on insighter.run_models to authenticated;
grant update (object_key, sha256, size, created_by, created_at) on insighter.artifacts to authenticated;
grant delete on insighter.artifacts to authenticated;

-- ---- experiments ----------------------------------------------------------------------------------------------------

create function private.experiment_json(e insighter.experiments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', e.id::text, 'name', e.name, 'deleted', e.deleted_at is not null, 'tags', e.tags,
    'created', private.ms(e.created_at), 'updated', private.ms(e.updated_at))
$$;

-- The experiment "0" of a project, made when first needed.
create function private.default_experiment() returns insighter.experiments
language plpgsql set search_path = '' as $$
declare
  v_found insighter.experiments;
  v_project insighter.projects;
begin
  select * into v_found from insighter.experiments where project_id = private.context_project() and is_default;
  if not found then
    v_project := private.context_project_for('editor');
    insert into insighter.experiments (project_id, name, is_default) values (v_project.id, 'Default', true)
    on conflict do nothing;
    select * into v_found from insighter.experiments where project_id = v_project.id and is_default;
    if not found then
      perform private.fail(404, 'experiment_not_found', 'another experiment took the name Default', 'name the experiment');
    end if;
  end if;
  return v_found;
end
$$;

create function private.experiment(p_id text) returns insighter.experiments
language plpgsql set search_path = '' as $$
declare
  v_found insighter.experiments;
begin
  if p_id = '0' then
    return private.default_experiment();
  end if;
  if p_id ~ '^[0-9]{1,18}$' then
    select * into v_found from insighter.experiments where id = p_id::bigint;
  end if;
  if v_found.id is null then
    perform private.fail(404, 'experiment_not_found', format('No Experiment with id=%s exists', p_id));
  end if;
  return v_found;
end
$$;

create function private.experiment_for(p_id text, p_active boolean default true) returns insighter.experiments
language plpgsql set search_path = '' as $$
declare
  v_found insighter.experiments := private.experiment(p_id);
begin
  perform private.project_for(v_found.project_id, 'editor');
  if p_active and v_found.deleted_at is not null then
    perform private.fail(422, 'experiment_deleted',
      format('The experiment %s must be in the ''active'' state. Current state is deleted.', v_found.id),
      'restore the experiment first');
  end if;
  return v_found;
end
$$;

create function public.experiments_create(p_name text, p_tags jsonb default '{}', p_project_id uuid default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.context_project_for('editor', p_project_id);
  v_made insighter.experiments;
begin
  insert into insighter.experiments (project_id, name, tags, is_default)
  values (v_project.id, p_name, p_tags, p_name = 'Default')
  on conflict do nothing
  returning * into v_made;
  if v_made.id is null then
    perform private.fail(409, 'experiment_exists', format('Experiment(name=%s) already exists%s.', p_name,
      (select case when deleted_at is not null then ' in deleted state' else '' end
       from insighter.experiments where project_id = v_project.id and name = p_name)),
      'choose another name, or restore the deleted experiment');
  end if;
  perform private.record(v_project.id, 'created', 'experiment', v_made.id::text, p_name);
  return private.experiment_json(v_made);
end
$$;

create function public.experiments_get(p_id text) returns jsonb
language sql volatile set search_path = '' as $$
  select private.experiment_json(private.experiment(p_id))
$$;

create function public.experiments_get_by_name(p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_found insighter.experiments;
begin
  select * into v_found from insighter.experiments where project_id = private.context_project() and name = p_name;
  if not found and p_name = 'Default' then
    v_found := private.default_experiment();
  elsif not found then
    perform private.fail(404, 'experiment_not_found', format('Could not find experiment with name ''%s''', p_name));
  end if;
  return private.experiment_json(v_found);
end
$$;

-- Newest first. p_view: active, deleted or all.
create function public.experiments_search(
  p_view text default 'active', p_name text default null, p_limit int default 1000, p_cursor text default null
) returns jsonb
language sql stable set search_path = '' as $$
  with page as (
    select e from insighter.experiments e
    where e.project_id = private.context_project()
      and (p_view = 'all' or (e.deleted_at is not null) = (p_view = 'deleted'))
      and (p_name is null or e.name = p_name)
      and (p_cursor is null or e.id < p_cursor::bigint)
    order by e.id desc
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.experiment_json(e) order by (e).id desc), '[]'),
    'cursor', case when count(*) = p_limit then min((e).id)::text end)
  from page
$$;

-- For the panels: last used first.
create function public.experiments_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language sql stable set search_path = '' as $$
  with used as (
    select e.id, e.name, e.created_at, r.runs, r.running, r.last_run,
      coalesce(r.last_run, private.ms(e.created_at)) as used
    from private.project(p_project_id) p
    join insighter.experiments e on e.project_id = p.id
    cross join lateral (
      select count(*) as runs, count(*) filter (where r.status = 'RUNNING') as running, max(r.start_time) as last_run
      from insighter.runs r
      where r.project_id = e.project_id and r.experiment_id = e.id and r.deleted_at is null) r
    where e.deleted_at is null
  ), page as (
    select * from used u
    where p_cursor is null
      or (u.used, u.id) < (split_part(p_cursor, '/', 1)::bigint, split_part(p_cursor, '/', 2)::bigint)
    order by u.used desc, u.id desc
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(jsonb_build_object('id', id::text, 'name', name, 'runs', runs, 'running', running,
      'last_run', last_run, 'created_at', created_at) order by used desc, id desc), '[]'),
    'cursor', case when count(*) = p_limit
      then (select used || '/' || id from page order by used, id limit 1) end)
  from page
$$;

create function public.experiments_rename(p_id text, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.experiments := private.experiment_for(p_id);
  v_new insighter.experiments;
begin
  begin
    update insighter.experiments set name = p_name, updated_at = now() where id = v_old.id returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'experiment_exists', format('Experiment(name=%s) already exists.', p_name));
  end;
  perform private.record(v_old.project_id, 'renamed', 'experiment', v_old.id::text, p_name,
    jsonb_build_object('before', v_old.name));
  return private.experiment_json(v_new);
end
$$;

-- Delete, with the runs in it, or restore; both can be undone.
create function public.experiments_set_deleted(p_id text, p_deleted boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.experiments := private.experiment_for(p_id, false);
  v_now timestamptz := now();
begin
  if (v_old.deleted_at is not null) = p_deleted then
    perform private.fail(case when p_deleted then 404 else 422 end, 'experiment_not_' || case when p_deleted then 'found'
      else 'deleted' end, format('the experiment %s is %s', v_old.id, case when p_deleted then 'deleted already' else 'not deleted' end));
  end if;
  update insighter.experiments set deleted_at = case when p_deleted then v_now end, updated_at = v_now where id = v_old.id;
  -- Runs that were deleted one by one before stay deleted when the experiment comes back.
  update insighter.runs set deleted_at = case when p_deleted then v_now end
  where project_id = v_old.project_id and experiment_id = v_old.id
    and deleted_at is not distinct from case when p_deleted then null else v_old.deleted_at end;
  perform private.record(v_old.project_id, case when p_deleted then 'deleted' else 'restored' end, 'experiment',
    v_old.id::text, v_old.name);
  return '{}';
end
$$;

-- Tags to set; those whose value is null are taken off.
create function public.experiments_set_tags(p_id text, p_tags jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.experiments := private.experiment_for(p_id);
begin
  update insighter.experiments set tags = jsonb_strip_nulls(tags || p_tags), updated_at = now() where id = v_old.id;
  return '{}';
end
$$;

-- ---- runs -----------------------------------------------------------------------------------------------------------

create function private.hex(p_id uuid) returns text
language sql immutable set search_path = '' as $$
  select replace(p_id::text, '-', '')
$$;

-- A run that is to be changed: 404 where it is not to be seen, and all the guards of a change in one query.
create function private.run_for(p_run_id text, p_active boolean default true, out id uuid, out project_id uuid)
language plpgsql stable set search_path = '' as $$
declare
  v_allowed boolean;
  v_deleted timestamptz;
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    select r.id, r.project_id, r.deleted_at,
      p.archived_at is null and r.project_id in (select private.project_ids('editor'))
    into id, project_id, v_deleted, v_allowed
    from insighter.runs r join insighter.projects p on p.id = r.project_id
    where r.id = p_run_id::uuid;
  end if;
  if id is null then
    perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
  elsif not v_allowed then
    perform private.project_for(project_id, 'editor');
  elsif p_active and v_deleted is not null then
    perform private.fail(422, 'run_deleted',
      format('The run %s must be in the ''active'' state. Current state is deleted.', p_run_id), 'restore the run first');
  end if;
end
$$;

-- Runs in full, in the order of their ids; set-based, so that a page of a thousand is one query of each table.
create function private.runs_json(p_project_ids uuid[], p_ids uuid[], p_detail boolean) returns jsonb
language sql stable set search_path = '' as $$
  with wanted as (
    select w.id, w.position from unnest(p_ids) with ordinality as w (id, position)
  ), metrics as (
    select m.run_id, jsonb_agg(jsonb_build_object('key', m.key, 'value', m.value, 'step', m.step, 'timestamp', m.time)
      order by m.key) as metrics
    from insighter.run_metrics_latest m
    where m.project_id = any (p_project_ids) and m.run_id = any (p_ids)
    group by m.run_id
  ), datasets as (
    select d.run_id, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', d.name, 'digest', d.digest,
      'source_type', d.source_type, 'source', d.source, 'schema', d.schema, 'profile', d.profile))
      || jsonb_build_object('tags', d.tags) order by d.name, d.digest) as datasets
    from insighter.run_datasets d
    where d.project_id = any (p_project_ids) and d.run_id = any (p_ids)
    group by d.run_id
  ), models as (
    select m.run_id,
      jsonb_agg(m.model_id order by m.model_id) filter (where m.role = 'input') as inputs,
      jsonb_agg(jsonb_build_object('model_id', m.model_id, 'step', m.step) order by m.step, m.model_id)
        filter (where m.role = 'output') as outputs
    from insighter.run_models m
    where m.project_id = any (p_project_ids) and m.run_id = any (p_ids)
    group by m.run_id
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', private.hex(r.id), 'project_id', r.project_id, 'name', r.name, 'experiment_id', r.experiment_id::text,
    'status', r.status, 'user_name', r.user_name, 'start_time', r.start_time, 'end_time', r.end_time,
    'deleted', r.deleted_at is not null, 'created_by', coalesce(u.display_name, 'someone'),
    'params', r.params, 'tags', r.tags, 'metrics', coalesce(m.metrics, '[]'), 'datasets', coalesce(d.datasets, '[]'),
    'inputs', coalesce(l.inputs, '[]'), 'outputs', coalesce(l.outputs, '[]'))
    || case when p_detail then jsonb_build_object(
      'experiment_name', (select e.name from insighter.experiments e where e.id = r.experiment_id),
      'models', (select coalesce(jsonb_agg(g.id order by g.created_at, g.id), '[]') from insighter.logged_models g
        where g.project_id = r.project_id and g.source_run_id = r.id and g.deleted_at is null)) else '{}' end
    order by w.position), '[]')
  from wanted w
  join insighter.runs r on r.id = w.id
  left join insighter.profiles u on u.user_id = r.created_by
  left join metrics m on m.run_id = r.id
  left join datasets d on d.run_id = r.id
  left join models l on l.run_id = r.id
$$;

create function public.runs_create(
  p_experiment_id text, p_name text, p_user_name text default '', p_start_time bigint default null,
  p_tags jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_experiment_id);
  v_id uuid := gen_random_uuid();
  v_name text := coalesce(nullif(p_tags ->> 'mlflow.runName', ''), p_name);
begin
  insert into insighter.runs (id, project_id, experiment_id, name, user_name, start_time, tags)
  values (v_id, v_experiment.project_id, v_experiment.id, v_name, p_user_name,
    coalesce(p_start_time, private.ms(clock_timestamp())), p_tags || jsonb_build_object('mlflow.runName', v_name));
  perform private.record(v_experiment.project_id, 'started', 'run', private.hex(v_id), v_name,
    jsonb_build_object('experiment', v_experiment.name, 'experiment_id', v_experiment.id::text));
  return private.runs_json(array[v_experiment.project_id], array[v_id], false) -> 0;
end
$$;

create function public.runs_get(p_run_id text, p_project_id uuid default null, p_detail boolean default false)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_run record;
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    select r.id, r.project_id into v_run from insighter.runs r
    where r.id = p_run_id::uuid and (p_project_id is null or r.project_id = p_project_id);
    if found then
      return private.runs_json(array[v_run.project_id], array[v_run.id], p_detail) -> 0;
    end if;
  end if;
  perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
end
$$;

-- Newest first; p_view as in experiments_search. With a project, its experiments alone.
create function public.runs_search(
  p_experiment_ids jsonb, p_view text default 'active', p_limit int default 1000, p_cursor text default null,
  p_project_id uuid default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_experiments bigint[];
  v_projects uuid[];
  v_ids uuid[];
  v_cursor text;
begin
  select array_agg(e.id), array_agg(distinct e.project_id) into v_experiments, v_projects
  from insighter.experiments e
  where (p_project_id is null or e.project_id = p_project_id)
    and (p_experiment_ids ? e.id::text
      or (p_experiment_ids ? '0' and e.is_default and e.project_id = private.context_project()));
  if p_project_id is not null and v_experiments is null then
    perform private.project(p_project_id);
    perform private.fail(404, 'experiment_not_found', 'no such experiment in this project');
  end if;
  select array_agg(page.id order by page.start_time desc, page.id),
    case when count(*) = p_limit then (array_agg(page.start_time || '/' || page.id order by page.start_time, page.id desc))[1] end
  into v_ids, v_cursor
  from (
    select r.id, r.start_time from insighter.runs r
    where r.project_id = any (v_projects) and r.experiment_id = any (v_experiments)
      and (p_view = 'all' or (r.deleted_at is not null) = (p_view = 'deleted'))
      and (p_cursor is null or r.start_time < split_part(p_cursor, '/', 1)::bigint
        or (r.start_time = split_part(p_cursor, '/', 1)::bigint and r.id > split_part(p_cursor, '/', 2)::uuid))
    order by r.start_time desc, r.id
    limit p_limit
  ) page;
  return jsonb_build_object('items', private.runs_json(v_projects, v_ids, false), 'cursor', v_cursor);
end
$$;

create function public.runs_update(
  p_run_id text, p_status text default null, p_end_time bigint default null, p_name text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
  v_before text;
  v_run insighter.runs;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  select status into v_before from insighter.runs where project_id = v_project and id = v_id for update;
  update insighter.runs set
    status = coalesce(p_status, status),
    end_time = case when p_status = 'RUNNING' then null else coalesce(p_end_time, end_time) end,
    name = coalesce(nullif(p_name, ''), name),
    tags = case when nullif(p_name, '') is null then tags else tags || jsonb_build_object('mlflow.runName', p_name) end
  where project_id = v_project and id = v_id
  returning * into v_run;
  if v_run.status <> v_before then
    perform private.record(v_project,
      case v_run.status when 'FINISHED' then 'finished' when 'FAILED' then 'failed' when 'KILLED' then 'stopped'
        when 'RUNNING' then 'resumed' else 'scheduled' end,
      'run', p_run_id, v_run.name, jsonb_build_object('experiment_id', v_run.experiment_id::text));
  end if;
  return jsonb_build_object('id', p_run_id, 'name', v_run.name, 'experiment_id', v_run.experiment_id::text,
    'status', v_run.status, 'user_name', v_run.user_name, 'start_time', v_run.start_time, 'end_time', v_run.end_time,
    'deleted', false);
end
$$;

create function public.runs_set_deleted(p_run_id text, p_deleted boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
  v_name text;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id, false) f;
  update insighter.runs set deleted_at = case when p_deleted then coalesce(deleted_at, now()) end
  where project_id = v_project and id = v_id and (deleted_at is not null) <> p_deleted
  returning name into v_name;
  if found then
    perform private.record(v_project, case when p_deleted then 'deleted' else 'restored' end, 'run', p_run_id, v_name);
  end if;
  return '{}';
end
$$;

-- Metrics [{key, value, step, time}], params and tags {key: value}, metrics of logged models: all of it or nothing.
create function public.runs_log_batch(
  p_run_id text, p_metrics jsonb default '[]', p_params jsonb default '{}', p_tags jsonb default '{}',
  p_model_metrics jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
  v_changed record;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  if p_metrics <> '[]' then
    insert into insighter.run_metrics_latest as l (project_id, run_id, key, value, step, time)
    select distinct on (m.key) v_project, v_id, m.key, m.value, m.step, m.time
    from jsonb_to_recordset(p_metrics) as m (key text collate "C", value double precision, step bigint, time bigint)
    order by m.key, m.step desc, m.time desc, m.value desc
    on conflict (project_id, run_id, key) do update
    set value = excluded.value, step = excluded.step, time = excluded.time
    where (excluded.step, excluded.time, excluded.value) > (l.step, l.time, l.value);
    insert into insighter.run_metrics (project_id, series, step, time, value)
    select v_project, l.id, m.step, m.time, m.value
    from jsonb_to_recordset(p_metrics) as m (key text, value double precision, step bigint, time bigint)
    join insighter.run_metrics_latest l on l.project_id = v_project and l.run_id = v_id and l.key = m.key
    on conflict do nothing;
  end if;
  if p_params <> '{}' or p_tags <> '{}' then
    update insighter.runs r set
      params = r.params || p_params,
      tags = jsonb_strip_nulls(r.tags || p_tags),
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
  return '{}';
end
$$;

create function public.runs_delete_tag(p_run_id text, p_key text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  update insighter.runs set tags = tags - p_key where project_id = v_project and id = v_id and tags ? p_key;
  if not found then
    perform private.fail(404, 'tag_not_found', format('No tag with name: %s in run with id %s', p_key, p_run_id));
  end if;
  return '{}';
end
$$;

-- Datasets [{name, digest, source_type, source, schema, profile, tags}] and models ["m-…"] that a run read.
create function public.runs_log_inputs(p_run_id text, p_datasets jsonb default '[]', p_models jsonb default '[]')
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  insert into insighter.run_datasets as d (project_id, run_id, name, digest, source_type, source, schema, profile, tags)
  select distinct on (n.name, n.digest) v_project, v_id, n.name, n.digest, n.source_type, n.source, n.schema, n.profile,
    coalesce(n.tags, '{}')
  from jsonb_to_recordset(p_datasets) as n (name text, digest text, source_type text, source text, schema text,
    profile text, tags jsonb)
  order by n.name, n.digest
  on conflict (project_id, run_id, name, digest) do update set tags = d.tags || excluded.tags;
  perform private.link_models(v_project, v_id, 'input', (select jsonb_agg(jsonb_build_object('model_id', m))
    from jsonb_array_elements(p_models) m));
  return '{}';
end
$$;

-- Models [{model_id, step}] that a run made.
create function public.runs_log_outputs(p_run_id text, p_models jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid;
  v_project uuid;
begin
  select f.id, f.project_id into v_id, v_project from private.run_for(p_run_id) f;
  perform private.link_models(v_project, v_id, 'output', p_models);
  return '{}';
end
$$;

-- A metric of a run by step and time; the cursor is step/time/value of the last point of the page before.
create function public.runs_metric_history(
  p_run_id text, p_key text, p_limit int default 25000, p_cursor text default null, p_project_id uuid default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_run record;
  v_series bigint;
  v_answer jsonb;
begin
  if p_run_id ~ '^[0-9a-f]{32}$' then
    select r.id, r.project_id into v_run from insighter.runs r
    where r.id = p_run_id::uuid and (p_project_id is null or r.project_id = p_project_id);
  end if;
  if v_run is null then
    perform private.fail(404, 'run_not_found', format('Run with id=%s not found', p_run_id));
  end if;
  select l.id into v_series from insighter.run_metrics_latest l
  where l.project_id = v_run.project_id and l.run_id = v_run.id and l.key = p_key;
  with page as (
    select m.step, m.time, m.value from insighter.run_metrics m
    where m.project_id = v_run.project_id and m.series = v_series
      and (p_cursor is null or (m.step, m.time, m.value) > (split_part(p_cursor, '/', 1)::bigint,
        split_part(p_cursor, '/', 2)::bigint, split_part(p_cursor, '/', 3)::double precision))
    order by m.step, m.time, m.value
    limit p_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(jsonb_build_object('value', value, 'step', step, 'timestamp', time)
      order by step, time, value), '[]'),
    'cursor', case when count(*) = p_limit
      then (array_agg(step || '/' || time || '/' || value order by step desc, time desc, value desc))[1] end)
  into v_answer from page;
  return v_answer;
end
$$;

-- One metric of many runs between two steps, at most p_limit points of each run, evenly thinned, with first and last.
create function public.runs_metric_interval(
  p_run_ids jsonb, p_key text, p_start bigint default null, p_end bigint default null, p_limit int default 2500
) returns jsonb
language sql stable set search_path = '' as $$
  with points as (
    select l.run_id, m.step, m.time, m.value,
      row_number() over (partition by l.run_id order by m.step, m.time, m.value) as position,
      count(*) over (partition by l.run_id) as total
    from insighter.runs r
    join insighter.run_metrics_latest l on l.project_id = r.project_id and l.run_id = r.id and l.key = p_key
    join insighter.run_metrics m on m.project_id = l.project_id and m.series = l.id
    where r.id = any (select i::uuid from jsonb_array_elements_text(p_run_ids) i where i ~ '^[0-9a-f]{32}$')
      and (p_start is null or m.step >= p_start) and (p_end is null or m.step <= p_end)
  )
  select coalesce(jsonb_agg(jsonb_build_object('run_id', private.hex(run_id), 'key', p_key, 'value', value, 'step', step,
    'timestamp', time) order by run_id, step, time, value), '[]')
  from points
  where position = total or (position - 1) % greatest(1, ceil(total::numeric / greatest(p_limit, 1))::bigint) = 0
$$;

call private.expose('experiments_create', 'experiments_get', 'experiments_get_by_name', 'experiments_search',
  'experiments_list', 'experiments_rename', 'experiments_set_deleted', 'experiments_set_tags', 'runs_create', 'runs_get',
  'runs_search', 'runs_update', 'runs_set_deleted', 'runs_log_batch', 'runs_delete_tag', 'runs_log_inputs',
  'runs_log_outputs', 'runs_metric_history', 'runs_metric_interval');
grant execute on function private.context_project, private.context_project_for, private.ms, private.experiment_json,
  private.default_experiment, private.experiment, private.experiment_for, private.hex, private.run_for, private.runs_json
  to authenticated;
