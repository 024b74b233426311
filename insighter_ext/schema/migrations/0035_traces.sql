-- Traces: what a call of a program did, span by span, and what people and judges say of it.
--
-- A trace is named by the program that makes it, which is why its id is unique in its project alone; who asks for one by its
-- id means that of the caller's project first. Its spans come in exports, each of one call here, before or after the trace's
-- own description. A span is kept as the JSON text that MLflow's clients download; the columns beside it are what is searched
-- and counted. Traces are many: none of them is an event, and none an asset of the catalogue.

-- ---- tables ---------------------------------------------------------------------------------------------------------

create table insighter.traces (
  project_id uuid not null,
  id text collate "C" not null check (id ~ '^[A-Za-z0-9_-]{1,64}$'),
  experiment_id bigint not null,
  -- Milliseconds since 1970, as the program says it, and for how many it ran; null while it does.
  start_ms bigint not null,
  duration_ms bigint,
  status text not null default 'IN_PROGRESS' check (status in ('STATE_UNSPECIFIED', 'IN_PROGRESS', 'OK', 'ERROR')),
  name text check (char_length(name) <= 4096),
  client_request_id text check (char_length(client_request_id) <= 250),
  session_id text check (char_length(session_id) <= 250),
  request_preview text check (char_length(request_preview) <= 10000),
  response_preview text check (char_length(response_preview) <= 10000),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- Tokens and costs of the models it called: {input_tokens, output_tokens, total_tokens, …}, {input_cost, …}.
  usage jsonb check (jsonb_typeof(usage) = 'object'),
  cost jsonb check (jsonb_typeof(cost) = 'object'),
  -- Versions of prompts: "<name>/<version>".
  prompts text[] not null default '{}' check (cardinality(prompts) <= 1000),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  foreign key (project_id, experiment_id) references insighter.experiments (project_id, id) on delete cascade
);
create index traces_experiment on insighter.traces (project_id, experiment_id, start_ms desc, id);
create index traces_id on insighter.traces (id);
create index traces_session on insighter.traces (project_id, session_id) where session_id is not null;

create table insighter.trace_spans (
  project_id uuid not null,
  trace_id text collate "C" not null,
  id text collate "C" not null check (id ~ '^[0-9a-f]{16}$'),
  -- Of its trace; kept here too, so that its rows are hidden without a look at that.
  experiment_id bigint not null,
  parent_id text collate "C",
  name text not null check (char_length(name) <= 8000),
  type text check (char_length(type) <= 500),
  status text not null check (status in ('OK', 'ERROR', 'UNSET')),
  -- Nanoseconds since 1970; no end where it has not ended.
  start_ns bigint not null,
  end_ns bigint,
  content text not null,
  usage jsonb,
  cost jsonb,
  model text check (char_length(model) <= 500),
  provider text check (char_length(provider) <= 500),
  primary key (project_id, trace_id, id),
  foreign key (project_id, trace_id) references insighter.traces (project_id, id) on delete cascade
);

-- Feedback, expectations and references to issues.
create table insighter.trace_assessments (
  project_id uuid not null,
  trace_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 64),
  experiment_id bigint not null,
  type text not null check (type in ('feedback', 'expectation', 'issue')),
  name text not null check (char_length(name) between 1 and 250),
  -- JSON text.
  value text not null check (octet_length(value) <= 1000000),
  error jsonb check (octet_length(error::text) <= 100000),
  rationale text check (char_length(rationale) <= 100000),
  source_type text not null check (char_length(source_type) <= 50),
  source_id text check (char_length(source_id) <= 250),
  run_id text check (char_length(run_id) <= 32),
  span_id text check (char_length(span_id) <= 50),
  metadata jsonb check (jsonb_typeof(metadata) = 'object'),
  -- The one that it takes the place of, which is not valid any more.
  overrides text check (char_length(overrides) <= 64),
  valid boolean not null default true,
  -- What can be averaged of the value: a number, or yes and no; and whether it is a number.
  number double precision,
  numeric boolean not null default false,
  created_ms bigint not null,
  updated_ms bigint not null,
  created_by uuid not null default auth.uid(),
  primary key (project_id, trace_id, id),
  foreign key (project_id, trace_id) references insighter.traces (project_id, id) on delete cascade
);

-- The runs that a trace was linked to beside the one that made it, perhaps before it came: there is no foreign key to it.
create table insighter.trace_runs (
  project_id uuid not null,
  trace_id text collate "C" not null check (char_length(trace_id) between 1 and 64),
  run_id uuid not null,
  primary key (project_id, trace_id, run_id),
  foreign key (project_id, run_id) references insighter.runs (project_id, id) on delete cascade
);
create index trace_runs_run on insighter.trace_runs (project_id, run_id);

create function private.traces_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from insighter.trace_runs r using gone g where r.project_id = g.project_id and r.trace_id = g.id;
  return null;
end
$$;
create trigger traces_deleted after delete on insighter.traces
referencing old table as gone for each statement execute function private.traces_deleted();

-- ---- row-level security ---------------------------------------------------------------------------------------------

-- As runs; and what an experiment in the trash holds is nobody's to see until it comes back.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['traces', 'trace_spans', 'trace_assessments', 'trace_runs'] loop
    execute format('alter table insighter.%I enable row level security', v_table);
    execute format('grant select, insert, delete on insighter.%I to authenticated', v_table);
    execute format('create policy %I on insighter.%I for select to authenticated
      using (project_id in (select private.project_ids()))', v_table || '_select', v_table);
    execute format('create policy %I on insighter.%I for insert to authenticated
      with check (project_id in (select private.project_ids(''editor''))%s)', v_table || '_insert', v_table,
      case when v_table in ('traces', 'trace_assessments') then ' and created_by = (select auth.uid())' else '' end);
    execute format('create policy %I on insighter.%I for update to authenticated
      using (project_id in (select private.project_ids(''editor'')))
      with check (project_id in (select private.project_ids(''editor'')))', v_table || '_update', v_table);
    execute format('create policy %I on insighter.%I for delete to authenticated
      using (project_id in (select private.project_ids(''editor'')))', v_table || '_delete', v_table);
    if v_table <> 'trace_runs' then
      execute format('create policy %I on insighter.%I as restrictive for all to authenticated
        using (experiment_id not in (select e.id from insighter.experiments e where e.deleted_at is not null))',
        v_table || '_trashed', v_table);
    end if;
  end loop;
end
$$;
create index experiments_deleted on insighter.experiments (project_id, id) where deleted_at is not null;
grant update (experiment_id, start_ms, duration_ms, status, name, client_request_id, session_id, request_preview,
  response_preview, tags, metadata, usage, cost, prompts) on insighter.traces to authenticated;
grant update (experiment_id, parent_id, name, type, status, start_ns, end_ns, content, usage, cost, model, provider)
  on insighter.trace_spans to authenticated;
grant update (experiment_id, type, name, value, error, rationale, source_type, source_id, run_id, span_id, metadata,
  overrides, valid, number, "numeric", created_ms, updated_ms) on insighter.trace_assessments to authenticated;

-- What somebody said of a trace is audited; what programs log by the thousand is not.
call private.audited('insighter.trace_assessments', 'assessment', 'project_id', 'trace_id,id', 'name');

call private.archived('insighter.traces', 37,
  'id experiment_id=id:experiment start_ms duration_ms status name client_request_id session_id request_preview=text
   response_preview=text tags=tags metadata=tags usage cost prompts created_by=me created_at');
call private.archived('insighter.trace_spans', 38,
  'trace_id id experiment_id=id:experiment parent_id name type status start_ns end_ns content=text usage cost model provider');
call private.archived('insighter.trace_assessments', 39,
  'trace_id id experiment_id=id:experiment type name value=text error rationale=text source_type source_id run_id=text span_id
   metadata overrides valid number numeric created_ms updated_ms created_by=me');
-- Links wait for runs and traces alike: both are there.
call private.archived('insighter.trace_runs', 21, 'trace_id run_id=id:run');

-- ---- reading --------------------------------------------------------------------------------------------------------

create function private.assessment_json(a insighter.trace_assessments) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(a) - '{project_id,experiment_id,created_by,number,numeric}'::text[]
$$;

create function private.trace_json(t insighter.traces) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(t) - '{project_id,prompts,created_by,created_at}'::text[] || jsonb_build_object(
    'experiment_id', t.experiment_id::text,
    'assessments', (select coalesce(jsonb_agg(private.assessment_json(a) order by a.created_ms, a.id), '[]')
      from insighter.trace_assessments a where a.project_id = t.project_id and a.trace_id = t.id))
$$;

-- A trace by its id, which is a project's own: of those that the caller sees, one of the project that is meant comes first, then
-- one that the caller may change, then one of the caller's projects. So nobody's trace of the same id stands in the way.
create function private.trace(p_id text) returns insighter.traces
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.traces;
begin
  select * into v_found from insighter.traces t where t.id = p_id
  order by t.project_id is distinct from private.context_project(),
    t.project_id not in (select private.project_ids('editor')), t.project_id not in (select private.membership_ids()),
    t.created_at desc, t.project_id limit 1;
  if not found then
    perform private.fail(404, 'trace_not_found', format('Trace with ID ''%s'' not found.', left(p_id, 100)));
  end if;
  return v_found;
end
$$;

create function private.trace_for(p_id text) returns insighter.traces
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.traces := private.trace(p_id);
begin
  perform private.project_for(v_found.project_id, 'editor');
  return v_found;
end
$$;

create function private.trace_spans_json(t insighter.traces) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(s.content order by s.parent_id is not null, s.start_ns, s.id), '[]')
  from insighter.trace_spans s where s.project_id = t.project_id and s.trace_id = t.id
$$;

create function public.traces_get(p_id text, p_spans boolean default false) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace(p_id);
begin
  return private.trace_json(v_trace)
    || case when p_spans then jsonb_build_object('spans', private.trace_spans_json(v_trace)) else '{}' end;
end
$$;

-- Those of these traces that the caller sees, in the order asked for.
create function public.traces_list(p_ids jsonb, p_experiment_ids jsonb default null, p_spans boolean default false)
returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.trace_json(f) || case when p_spans
    then jsonb_build_object('spans', private.trace_spans_json(f)) else '{}' end order by place), '[]')
  from (
    select distinct on (i.place) t as f, i.place
    from jsonb_array_elements_text(p_ids) with ordinality i (id, place)
    join insighter.traces t on t.id = i.id
    where p_experiment_ids is null or p_experiment_ids ? t.experiment_id::text
      or (p_experiment_ids ? '0' and exists (select from insighter.experiments e
        where e.project_id = t.project_id and e.id = t.experiment_id and e.is_default))
    order by i.place, t.project_id is distinct from private.context_project(),
      t.project_id not in (select private.project_ids('editor')), t.project_id not in (select private.membership_ids()),
      t.created_at desc, t.project_id
  ) found
$$;

-- ---- writing --------------------------------------------------------------------------------------------------------

-- What the spans of a trace used or cost together. A span that tells it tells it for all below it.
create function private.trace_total(p_project_id uuid, p_trace_id text, p_cost boolean) returns jsonb
language sql stable set search_path = '' as $$
  with recursive spans as materialized (
    select s.id, s.parent_id, case when p_cost then s.cost else s.usage end as told
    from insighter.trace_spans s where s.project_id = p_project_id and s.trace_id = p_trace_id
  ), walk as (
    select s.id, s.told, s.told is not null as covered from spans s
    where s.parent_id is null or s.parent_id not in (select p.id from spans p)
    union all
    select s.id, case when not w.covered then s.told end, w.covered or s.told is not null
    from walk w join spans s on s.parent_id = w.id
  ), sums as (
    select k.key, sum(k.value::numeric) as total from walk w cross join lateral jsonb_each_text(w.told) k
    where w.told is not null group by k.key
  )
  select jsonb_object_agg(key, total) from sums
$$;

-- One export: spans of any number of traces, all of it or nothing. p_traces: a row for each trace with what its spans tell of
-- it. What traces_start said stands; of the rest the earliest start and the latest end count, and what was known first.
create function public.traces_log_spans(p_experiment_id text, p_traces jsonb, p_spans jsonb, p_run_id text default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_experiment_id);
begin
  insert into insighter.traces as t (project_id, id, experiment_id, start_ms, duration_ms, status, name, session_id,
    request_preview, response_preview, tags, metadata)
  select v_experiment.project_id, x.id, v_experiment.id, x.start_ms, x.end_ms - x.start_ms, coalesce(x.status, 'IN_PROGRESS'),
    x.name, x.session_id, x.request_preview, x.response_preview,
    jsonb_build_object('mlflow.artifactLocation', 'mlflow-artifacts:/traces/' || x.id || '/artifacts') || x.tags, x.metadata
  from jsonb_to_recordset(p_traces) as x (id text, start_ms bigint, end_ms bigint, status text, name text, session_id text,
    request_preview text, response_preview text, tags jsonb, metadata jsonb)
  order by x.id
  on conflict (project_id, id) do update set
    start_ms = case when t.metadata ? 'mlflow.trace.infoFinalized' then t.start_ms
      else least(t.start_ms, excluded.start_ms) end,
    duration_ms = case when t.metadata ? 'mlflow.trace.infoFinalized' or excluded.duration_ms is null then t.duration_ms
      else greatest(t.start_ms + t.duration_ms, excluded.start_ms + excluded.duration_ms)
        - least(t.start_ms, excluded.start_ms) end,
    status = case when t.status in ('IN_PROGRESS', 'STATE_UNSPECIFIED') and excluded.status <> 'IN_PROGRESS'
      then excluded.status else t.status end,
    name = coalesce(excluded.name, t.name),
    session_id = coalesce(t.session_id, excluded.session_id),
    request_preview = coalesce(t.request_preview, excluded.request_preview),
    response_preview = coalesce(t.response_preview, excluded.response_preview),
    tags = t.tags || (excluded.tags - 'mlflow.artifactLocation'),
    metadata = excluded.metadata || t.metadata;
  insert into insighter.trace_spans (project_id, trace_id, id, experiment_id, parent_id, name, type, status, start_ns, end_ns,
    content, usage, cost, model, provider)
  select t.project_id, x.trace_id, x.id, t.experiment_id, x.parent_id, x.name, x.type, x.status, x.start_ns, x.end_ns,
    x.content, x.usage, x.cost, x.model, x.provider
  from jsonb_to_recordset(p_spans) as x (trace_id text, id text, parent_id text, name text, type text, status text,
    start_ns bigint, end_ns bigint, content text, usage jsonb, cost jsonb, model text, provider text)
  join insighter.traces t on t.project_id = v_experiment.project_id and t.id = x.trace_id
  on conflict (project_id, trace_id, id) do update set parent_id = excluded.parent_id, name = excluded.name,
    type = excluded.type, status = excluded.status, start_ns = excluded.start_ns, end_ns = excluded.end_ns,
    content = excluded.content, usage = excluded.usage, cost = excluded.cost, model = excluded.model,
    provider = excluded.provider;
  update insighter.traces t set
    usage = case when t.usage is null or not t.metadata ? 'mlflow.trace.infoFinalized'
      then coalesce(private.trace_total(t.project_id, t.id, false), t.usage) else t.usage end,
    cost = case when t.cost is null or not t.metadata ? 'mlflow.trace.infoFinalized'
      then coalesce(private.trace_total(t.project_id, t.id, true), t.cost) else t.cost end
  where t.project_id = v_experiment.project_id and t.id in (
    select x.trace_id from jsonb_to_recordset(p_spans) as x (trace_id text, usage jsonb, cost jsonb)
    where x.usage is not null or x.cost is not null);
  if p_run_id ~ '^[0-9a-f]{32}$' then
    insert into insighter.trace_runs (project_id, trace_id, run_id)
    select r.project_id, x.id, r.id from insighter.runs r
    cross join jsonb_to_recordset(p_traces) as x (id text, status text)
    where r.project_id = v_experiment.project_id and r.id = p_run_id::uuid and x.status is not null
    on conflict do nothing;
  end if;
  return '{}';
end
$$;

create function private.assessments_put(t insighter.traces, p_assessments jsonb) returns void
language sql set search_path = '' as $$
  insert into insighter.trace_assessments as a (project_id, trace_id, id, experiment_id, type, name, value, error, rationale,
    source_type, source_id, run_id, span_id, metadata, overrides, valid, number, numeric, created_ms, updated_ms)
  select t.project_id, t.id, x.id, t.experiment_id, x.type, x.name, x.value, x.error, x.rationale, x.source_type,
    x.source_id, x.run_id, x.span_id, x.metadata, x.overrides, x.valid, x.number, x.numeric, x.created_ms, x.updated_ms
  from jsonb_to_recordset(p_assessments) as x (id text, type text, name text, value text, error jsonb, rationale text,
    source_type text, source_id text, run_id text, span_id text, metadata jsonb, overrides text, valid boolean,
    number double precision, "numeric" boolean, created_ms bigint, updated_ms bigint)
  on conflict (project_id, trace_id, id) do update set type = excluded.type, name = excluded.name, value = excluded.value,
    error = excluded.error, rationale = excluded.rationale, source_type = excluded.source_type,
    source_id = excluded.source_id, run_id = excluded.run_id, span_id = excluded.span_id, metadata = excluded.metadata,
    overrides = excluded.overrides, valid = excluded.valid, number = excluded.number, "numeric" = excluded.numeric,
    created_ms = excluded.created_ms, updated_ms = excluded.updated_ms
$$;

-- What a program says of a whole trace, usually at its end, whether its spans are here or not. It is final: spans that come
-- later change none of it.
create function public.traces_start(p_trace jsonb, p_assessments jsonb default '[]') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_trace ->> 'experiment_id');
  x insighter.traces := jsonb_populate_record(null::insighter.traces, p_trace - '{experiment_id,prompts}'::text[]);
  v_made insighter.traces;
begin
  insert into insighter.traces as t (project_id, id, experiment_id, start_ms, duration_ms, status, name, client_request_id,
    session_id, request_preview, response_preview, tags, metadata, usage, cost)
  values (v_experiment.project_id, x.id, v_experiment.id, x.start_ms, x.duration_ms, x.status, x.name, x.client_request_id,
    x.session_id, x.request_preview, x.response_preview,
    x.tags || jsonb_build_object('mlflow.artifactLocation', 'mlflow-artifacts:/traces/' || x.id || '/artifacts'),
    x.metadata, x.usage, x.cost)
  on conflict (project_id, id) do update set experiment_id = excluded.experiment_id, start_ms = excluded.start_ms,
    duration_ms = excluded.duration_ms, status = excluded.status, client_request_id = excluded.client_request_id,
    name = coalesce(excluded.name, t.name), session_id = coalesce(excluded.session_id, t.session_id),
    request_preview = coalesce(excluded.request_preview, t.request_preview),
    response_preview = coalesce(excluded.response_preview, t.response_preview), tags = t.tags || excluded.tags,
    metadata = t.metadata || excluded.metadata,
    usage = coalesce(t.usage || excluded.usage, excluded.usage, t.usage),
    cost = coalesce(t.cost || excluded.cost, excluded.cost, t.cost)
  returning * into v_made;
  update insighter.trace_spans s set experiment_id = v_made.experiment_id
  where s.project_id = v_made.project_id and s.trace_id = v_made.id and s.experiment_id <> v_made.experiment_id;
  update insighter.trace_assessments a set experiment_id = v_made.experiment_id
  where a.project_id = v_made.project_id and a.trace_id = v_made.id and a.experiment_id <> v_made.experiment_id;
  if p_assessments <> '[]' then
    perform private.assessments_put(v_made, p_assessments);
  end if;
  return private.trace_json(v_made);
end
$$;

-- Change tags (a null takes one off, and has to be there), metadata, and how it ended.
create function public.traces_update(
  p_id text, p_tags jsonb default '{}', p_metadata jsonb default '{}', p_end_ms bigint default null, p_status text default null,
  p_fields jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace_for(p_id);
  v_missing text;
begin
  select k.key into v_missing from jsonb_each(p_tags) k where k.value = 'null'
    and case when k.key = 'mlflow.traceName' then v_trace.name is null else not v_trace.tags ? k.key end limit 1;
  if v_missing is not null then
    perform private.fail(404, 'tag_not_found', format('No trace tag with key ''%s'' for trace with ID ''%s''', v_missing, p_id));
  end if;
  update insighter.traces t set
    tags = jsonb_strip_nulls(t.tags || (p_tags - 'mlflow.traceName')),
    name = case when p_tags ? 'mlflow.traceName' then p_tags ->> 'mlflow.traceName' else t.name end,
    metadata = t.metadata || p_metadata, duration_ms = coalesce(p_end_ms - t.start_ms, t.duration_ms),
    status = coalesce(p_status, t.status), session_id = coalesce(p_fields ->> 'session_id', t.session_id),
    usage = coalesce(t.usage || (p_fields -> 'usage'), p_fields -> 'usage', t.usage),
    cost = coalesce(t.cost || (p_fields -> 'cost'), p_fields -> 'cost', t.cost)
  where t.project_id = v_trace.project_id and t.id = v_trace.id returning * into v_trace;
  return private.trace_json(v_trace);
end
$$;

-- Delete traces of an experiment for good: up to a time, the oldest so many, or these.
create function public.traces_delete(
  p_experiment_id text, p_max_start_ms bigint default null, p_max_traces int default null, p_ids jsonb default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_experiment insighter.experiments := private.experiment_for(p_experiment_id, false);
  v_count int;
begin
  with chosen as materialized (
    select t.id from insighter.traces t
    where t.project_id = v_experiment.project_id and t.experiment_id = v_experiment.id
      and (p_max_start_ms is null or t.start_ms <= p_max_start_ms)
      and (p_ids is null or t.id in (select jsonb_array_elements_text(p_ids)))
    order by t.start_ms, t.id limit p_max_traces
  )
  delete from insighter.traces d using chosen c where d.project_id = v_experiment.project_id and d.id = c.id;
  get diagnostics v_count = row_count;
  return to_jsonb(v_count);
end
$$;

-- Link traces to a run of their project, whether they have come yet or not.
create function public.traces_link_run(p_ids jsonb, p_run_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_run uuid;
  v_project uuid;
begin
  select f.id, f.project_id into v_run, v_project from private.run_for(p_run_id, false) f;
  insert into insighter.trace_runs (project_id, trace_id, run_id)
  select v_project, i, v_run from jsonb_array_elements_text(p_ids) i on conflict do nothing;
  return '{}';
end
$$;

create function public.traces_link_prompts(p_id text, p_prompts jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace_for(p_id);
begin
  update insighter.traces t set prompts = array(
    select unnest(t.prompts) union select jsonb_array_elements_text(p_prompts) order by 1)
  where t.project_id = v_trace.project_id and t.id = v_trace.id;
  return '{}';
end
$$;

-- ---- assessments ----------------------------------------------------------------------------------------------------

create function private.assessment(p_trace insighter.traces, p_id text) returns insighter.trace_assessments
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.trace_assessments;
begin
  select * into v_found from insighter.trace_assessments a
  where a.project_id = p_trace.project_id and a.trace_id = p_trace.id and a.id = p_id;
  if not found then
    perform private.fail(404, 'assessment_not_found',
      format('Assessment with ID ''%s'' not found for trace ''%s''', left(p_id, 100), p_trace.id));
  end if;
  return v_found;
end
$$;

create function public.assessments_create(p_trace_id text, p_assessment jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace_for(p_trace_id);
  v_old insighter.trace_assessments;
begin
  if p_assessment ->> 'overrides' is not null then
    v_old := private.assessment(v_trace, p_assessment ->> 'overrides');
    update insighter.trace_assessments a set valid = false
    where a.project_id = v_trace.project_id and a.trace_id = v_trace.id and a.id = v_old.id;
  end if;
  if exists (select from insighter.trace_assessments a
    where a.project_id = v_trace.project_id and a.trace_id = v_trace.id and a.id = p_assessment ->> 'id') then
    perform private.fail(409, 'assessment_taken', 'the trace has an assessment of this id', 'leave the id out');
  end if;
  perform private.assessments_put(v_trace, jsonb_build_array(p_assessment));
  return private.assessment_json(private.assessment_made(v_trace, p_assessment ->> 'id'));
end
$$;

-- A statement of its own: a stable function does not see what the statement that calls it has made.
create function private.assessment_made(p_trace insighter.traces, p_id text) returns insighter.trace_assessments
language sql volatile set search_path = '' as $$
  select * from insighter.trace_assessments a
  where a.project_id = p_trace.project_id and a.trace_id = p_trace.id and a.id = p_id
$$;

create function public.assessments_get(p_trace_id text, p_id text) returns jsonb
language sql stable set search_path = '' as $$
  select private.assessment_json(private.assessment(private.trace(p_trace_id), p_id))
$$;

-- p_changes: name, value with number and numeric, error, rationale; metadata is added to what there is. What kind it is stays.
create function public.assessments_update(p_trace_id text, p_id text, p_changes jsonb, p_type text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace_for(p_trace_id);
  v_old insighter.trace_assessments := private.assessment(v_trace, p_id);
begin
  if p_type <> v_old.type then
    perform private.fail(422, 'other_kind',
      format('Cannot update %s value on %s assessment.', p_type, initcap(v_old.type)));
  end if;
  update insighter.trace_assessments a set
    name = coalesce(p_changes ->> 'name', a.name),
    value = coalesce(p_changes ->> 'value', a.value),
    error = case when p_changes ? 'value' then nullif(p_changes -> 'error', 'null') else a.error end,
    number = case when p_changes ? 'value' then (p_changes ->> 'number')::double precision else a.number end,
    "numeric" = case when p_changes ? 'value' then (p_changes ->> 'numeric')::boolean else a.numeric end,
    rationale = case when a.type = 'feedback' then coalesce(p_changes ->> 'rationale', a.rationale) else a.rationale end,
    metadata = case when p_changes ? 'metadata' then coalesce(a.metadata, '{}') || (p_changes -> 'metadata')
      else a.metadata end,
    valid = coalesce((p_changes ->> 'valid')::boolean, a.valid),
    updated_ms = greatest(private.ms(clock_timestamp()), a.created_ms)
  where a.project_id = v_trace.project_id and a.trace_id = v_trace.id and a.id = p_id returning * into v_old;
  return private.assessment_json(v_old);
end
$$;

-- What it took the place of is valid again. Of no effect where there is none.
create function public.assessments_delete(p_trace_id text, p_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_trace insighter.traces := private.trace_for(p_trace_id);
  v_overrides text;
begin
  delete from insighter.trace_assessments a
  where a.project_id = v_trace.project_id and a.trace_id = v_trace.id and a.id = p_id returning a.overrides into v_overrides;
  update insighter.trace_assessments a set valid = true
  where a.project_id = v_trace.project_id and a.trace_id = v_trace.id and a.id = v_overrides and not a.valid;
  return '{}';
end
$$;

call private.expose('traces_get', 'traces_list', 'traces_log_spans', 'traces_start', 'traces_update', 'traces_delete',
  'traces_link_run', 'traces_link_prompts', 'assessments_create', 'assessments_get', 'assessments_update',
  'assessments_delete');
revoke all on function private.traces_deleted from public, anon, authenticated, service_role;
grant execute on function private.assessment_json, private.trace_json, private.trace, private.trace_for,
  private.trace_spans_json, private.trace_total, private.assessments_put, private.assessment, private.assessment_made
  to authenticated;
