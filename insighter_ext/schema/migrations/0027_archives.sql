-- Archives: a project as one file, taken out here and brought in elsewhere.
--
-- An export is a copy of the project's rows, made in one statement and so of one moment, which the server then reads page by
-- page. An import is the reverse: pages are put down where nobody else sees them, and one function makes the project of
-- them, or nothing. What lies in between belongs to whoever began, and goes when it ends.
--
-- Which tables go along, and how their columns are read elsewhere, is written down where the tables are made, by
-- "call private.archived(…)". A test knows the tables that stay, each with its reason.

-- ---- which tables, and how ------------------------------------------------------------------------------------------

create table insighter.archived_tables (
  name text primary key,
  -- Tables are brought in by it: what others refer to first.
  rank int not null unique,
  -- {column: how it is read}, see private.archived.
  columns jsonb not null,
  left_out text[] not null,
  -- Which rows of it go along, and in what order; and columns that are written otherwise than they are. SQL over the row r.
  rows text not null,
  written jsonb not null
);
alter table insighter.archived_tables enable row level security;
grant select on insighter.archived_tables to authenticated;
create policy archived_tables_select on insighter.archived_tables for select to authenticated using (true);

-- Have a table go along. p_columns lists its columns but project_id, each with how an import reads it:
--
--   name              as it is; a time is not in the future, a document not nested without end
--   id=new:<kind>     the row's own id, which gets a new value; others refer to it by the kind
--   id=keep:<kind>    the same, but it stays as it is where nothing has it yet
--   x=id:<kind>       such an id of another row; null where that is not in the archive
--   x=asset:<column>  the id of an asset, whose kind stands in the other column
--   x=me              whoever imports
--   x=object          the key of an object, for which the archive has its SHA-256
--   x=root            a root of artifacts
--   x=tags            an object of strings, ids in them followed
--   x=text            a text with ids in it
--
-- p_expressions has SQL for columns that need more, over the row r: $1 is the archive, $2 the new project, $3 whether ids of
-- the archive were taken. p_left_out are the columns that stay: what is of this machine, and whatever is secret. p_rows says
-- which rows go along, where it is not all: a condition, and "order by" where numbers of rows are made anew and say what came
-- first. p_written has SQL for columns that are written otherwise than they are.
create procedure private.archived(
  p_table regclass, p_rank int, p_columns text, p_expressions jsonb default '{}', p_left_out text default '',
  p_rows text default 'true', p_written jsonb default '{}'
)
language plpgsql set search_path = '' as $$
begin
  insert into insighter.archived_tables (name, rank, columns, left_out, rows, written)
  select c.relname, p_rank,
    (select jsonb_object_agg(split_part(w, '=', 1), substr(w, strpos(w || '=', '=') + 1))
      from regexp_split_to_table(btrim(p_columns), '\s+') w)
    || (select coalesce(jsonb_object_agg(e.key, '(' || e.value || ')'), '{}') from jsonb_each_text(p_expressions) e),
    coalesce(string_to_array(nullif(p_left_out, ''), ' '), '{}'), p_rows, p_written
  from pg_catalog.pg_class c where c.oid = p_table
  on conflict (name) do update
  set rank = excluded.rank, columns = excluded.columns, left_out = excluded.left_out, rows = excluded.rows,
    written = excluded.written;
end
$$;

-- ---- what is on its way ---------------------------------------------------------------------------------------------

create table insighter.archives (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('export', 'import')),
  -- What is exported, or what an import made.
  project_id uuid references insighter.projects (id) on delete cascade,
  -- The id that the project of an import will have: its objects are stored under it before there is a project.
  becomes uuid not null unique default gen_random_uuid(),
  -- What the project shall be called; empty for the name it has in the archive.
  name text not null check (char_length(name) <= 100),
  state text not null default 'working' check (state in ('working', 'done', 'failed', 'cancelled')),
  step text not null default '' check (char_length(step) <= 100),
  done bigint not null default 0,
  total bigint not null default 0,
  error jsonb,
  created_by uuid not null default auth.uid() references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  -- Where nothing was heard of it for long, its server is gone.
  touched_at timestamptz not null default now()
);
create index archives_project on insighter.archives (project_id);
create index archives_creator on insighter.archives (created_by, created_at desc);

-- Rows as lines of JSON. Unlogged: after a crash of PostgreSQL one begins again.
create unlogged table insighter.archive_pages (
  archive_id uuid not null references insighter.archives (id) on delete cascade,
  section text not null,
  page int not null,
  rows int not null,
  lines text not null,
  primary key (archive_id, section, page)
);

-- What ids of the archive become here.
create unlogged table insighter.archive_ids (
  archive_id uuid not null references insighter.archives (id) on delete cascade,
  kind text not null,
  -- Without dashes, as a run's id is written in many places.
  old text not null,
  new text not null,
  primary key (archive_id, kind, old)
);

alter table insighter.archives enable row level security;
alter table insighter.archive_pages enable row level security;
alter table insighter.archive_ids enable row level security;
grant select, insert (kind, project_id, name, total), delete,
  update (project_id, state, step, done, total, error, touched_at) on insighter.archives to authenticated;
grant select, insert on insighter.archive_pages, insighter.archive_ids to authenticated;

create policy archives_select on insighter.archives for select to authenticated
  using (created_by = (select auth.uid()) and (select private.in_person()));
create policy archives_insert on insighter.archives for insert to authenticated
  with check (created_by = (select auth.uid()) and (select private.in_person())
    and (kind = 'import' or project_id in (select private.project_ids('admin'))));
create policy archives_update on insighter.archives for update to authenticated
  using (created_by = (select auth.uid()) and (select private.in_person()))
  with check (created_by = (select auth.uid()) and (kind = 'export' or project_id is null or project_id = becomes));
create policy archives_delete on insighter.archives for delete to authenticated
  using (created_by = (select auth.uid()) and (select private.in_person()));
create policy archive_pages_select on insighter.archive_pages for select to authenticated
  using (archive_id in (select a.id from insighter.archives a));
create policy archive_pages_insert on insighter.archive_pages for insert to authenticated
  with check (archive_id in (select a.id from insighter.archives a));
create policy archive_ids_select on insighter.archive_ids for select to authenticated
  using (archive_id in (select a.id from insighter.archives a));
create policy archive_ids_insert on insighter.archive_ids for insert to authenticated
  with check (archive_id in (select a.id from insighter.archives a));

-- What lies in between goes when it ends; the objects of an import that came to nothing are released to whoever began it.
create function private.archive_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from insighter.archive_pages where archive_id = old.id;
  delete from insighter.archive_ids where archive_id = old.id;
  if old.kind = 'import' and not exists (select from insighter.projects p where p.id = old.becomes) then
    insert into insighter.released_projects (project_id, released_by)
    select old.becomes, u.id from auth.users u where u.id = old.created_by
    on conflict (project_id) do nothing;
  end if;
  return null;
end
$$;
create trigger archive_ended after update of state on insighter.archives
for each row when (old.state = 'working' and new.state <> 'working') execute function private.archive_ended();
create trigger archive_gone after delete on insighter.archives
for each row when (old.state = 'working') execute function private.archive_ended();

-- Where an imported project comes from. Its audit there is kept as it was, as an object: here it has a chain of its own.
create table insighter.project_origins (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  -- The newest is the highest: what was exported from an import brings its own along.
  number int not null check (number > 0),
  name text not null check (char_length(name) <= 400),
  exported_at timestamptz not null,
  exported_by text not null check (char_length(exported_by) <= 400),
  -- [{id, name, role}]: who did what there, as its audit names them.
  people jsonb not null default '[]' check (jsonb_typeof(people) = 'array'),
  audit_object_key text check (audit_object_key ~ ('^' || project_id::text || '/[0-9a-f]{64}$')),
  audit_rows bigint not null default 0,
  audit_head text check (char_length(audit_head) <= 200),
  created_by uuid not null default auth.uid(),
  imported_at timestamptz not null default now(),
  primary key (project_id, number)
);
create index project_origins_audit on insighter.project_origins (audit_object_key);
alter table insighter.project_origins enable row level security;
grant select, insert on insighter.project_origins to authenticated;
-- For those who read the audit.
create policy project_origins_select on insighter.project_origins for select to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy project_origins_insert on insighter.project_origins for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and created_by = (select auth.uid())
    and (select private.in_person()));
call private.audited('insighter.project_origins', 'project_origin', 'project_id', 'number', 'name');

-- ---- the tables -----------------------------------------------------------------------------------------------------

-- An endpoint comes in stopped, whatever it was.
grant insert (status, created_at, updated_at) on insighter.deployments to authenticated;
grant insert (id, marked, versions, last_run_at, last_run_by, last_run_outcome, created_at, updated_at)
  on insighter.notebooks to authenticated;
grant insert (created_at) on insighter.pins to authenticated;
grant insert (id, created_by, created_at, edited_at) on insighter.comments to authenticated;
grant insert (id, created_by, created_at, updated_at) on insighter.achievements to authenticated;

-- What lies in the trash does not go along. Of it the rest stays closed, as after a deletion for good: see
-- private.closed_remains. DEFINER: what is in the trash is hidden from everybody.
create function private.archive_remains(p_project_id uuid, p_kind text, p_asset_id uuid) returns text[]
language sql stable security definer set search_path = '' as $$
  select array(
    select unnest(r.remains) from insighter.restrictions r
    where r.project_id = p_project_id and r.asset_kind = p_kind and r.asset_id = p_asset_id
    union select left(v.sha256, 16) from insighter.dataset_versions v
    where p_kind = 'dataset' and v.project_id = p_project_id and v.dataset_id = p_asset_id and t.asset_id is not null
    union select v.root || '|' || v.root_path from insighter.model_versions v
    where p_kind = 'model' and v.project_id = p_project_id and v.model_id = p_asset_id and t.asset_id is not null
      and v.root is not null)
  from (select) one left join insighter.trash t
    on t.project_id = p_project_id and t.asset_kind = p_kind and t.asset_id = p_asset_id::text
  where p_project_id in (select private.project_ids('admin'))
    and not private.is_restricted(p_kind, p_project_id, p_asset_id)
$$;

call private.archived('insighter.experiments', 10,
  'id=new:experiment name is_default tags=tags created_by=me created_at updated_at deleted_at');
call private.archived('insighter.runs', 20,
  'id=keep:run experiment_id=id:experiment name status user_name start_time end_time params=tags tags=tags created_by=me
   created_at deleted_at',
  -- What runs there does not run here.
  jsonb_build_object('status', $$case when r.status in ('RUNNING', 'SCHEDULED') then 'KILLED' else r.status end$$));
call private.archived('insighter.run_metrics_latest', 30, 'id=new:series run_id=id:run key value step time');
call private.archived('insighter.run_metrics', 31, 'series=id:series step time value');
call private.archived('insighter.run_datasets', 32,
  'run_id=id:run name digest source_type source=text schema profile tags=tags');
call private.archived('insighter.logged_models', 33,
  'id=keep:logged_model experiment_id=id:experiment name model_type source_run_id=id:run status params=tags tags=tags
   created_by=me created_at updated_at deleted_at');
call private.archived('insighter.logged_model_metrics', 34,
  'model_id=id:logged_model key run_id=id:run dataset_name dataset_digest value step time');
call private.archived('insighter.run_models', 35, 'run_id=id:run role model_id=id:logged_model step');
call private.archived('insighter.artifacts', 36,
  'root=root path object_key=object sha256 size created_by=me created_at');
call private.archived('insighter.registered_models', 40,
  'id=new:model name description tags=tags last_version created_by=me created_at updated_at');
call private.archived('insighter.model_versions', 41,
  'model_id=id:model version source=text root=root root_path run_id=id:run logged_model_id=id:logged_model run_link
   description tags=tags stage created_by=me created_at updated_at');
call private.archived('insighter.model_aliases', 42, 'model_id=id:model alias version');
call private.archived('insighter.datasets', 50, 'id=new:dataset name versions created_by=me created_at updated_at');
call private.archived('insighter.dataset_versions', 51,
  'dataset_id=id:dataset version format filename object_key=object sha256 size table_object_key=object table_size rows
   columns created_by=me created_at',
  jsonb_build_object('columns', $$case when not exists (select from jsonb_array_elements(r.columns) c
      where jsonb_typeof(c -> 'name') is distinct from 'string' or jsonb_typeof(c -> 'type') is distinct from 'string')
    then private.archive_json(r.columns) end$$));
call private.archived('insighter.deployments', 60,
  'id=new:deployment name model_name model_version status created_by=me created_at updated_at',
  jsonb_build_object('status', $$'stopped'::text$$), 'port reason attempt host host_hash run_by');
-- A file carries its notebook's id. Where that became another, it is known by its path again, and of those that were at one
-- place the last.
call private.archived('insighter.notebooks', 70,
  'id=keep:notebook path marked kernel language versions last_run_at last_run_by last_run_outcome created_by=me created_at
   updated_at',
  jsonb_build_object(
    'marked', $$(r.marked and not $3) or row_number() over (partition by r.path order by r.updated_at desc, r.id) > 1$$,
    'last_run_by', $$case when r.last_run_by is not null then auth.uid() end$$), 'name trashed');
call private.archived('insighter.notebook_versions', 71,
  'notebook_id=id:notebook version object_key=object sha256 size fingerprint cells reason outcome stripped path kernel_id
   created_by=me created_at');
call private.archived('insighter.notebook_runs', 72, 'run_id=id:run notebook_id=id:notebook version kernel_id created_at');
call private.archived('insighter.lineage_edges', 80,
  'source_kind source_id=asset:source_kind source_version target_kind target_id=asset:target_kind target_version verb
   created_by=me created_at');
call private.archived('insighter.pins', 81,
  'asset_kind asset_id=asset:asset_kind position created_at', p_left_out => 'created_by');
-- Who said it is told by the audit that comes along. Whoever is mentioned in it is not there.
call private.archived('insighter.comments', 82,
  'id=new:comment asset_kind asset_id=asset:asset_kind body=text mentions created_by=me created_at edited_at',
  jsonb_build_object('mentions', $$array(select m from unnest(r.mentions) m where m = auth.uid())$$),
  'deleted_at deleted_by', 'r.deleted_at is null order by r.id');
call private.archived('insighter.achievements', 83,
  'id=new:achievement name description icon audience rule created_by=me created_at updated_at',
  '{}', 'slug listens retired_at', 'r.retired_at is null');
-- As closed as before, to people who are not here as to everybody. Of what was deleted the restriction stays, for what is left.
call private.archived('insighter.restrictions', 90,
  'asset_kind asset_id min_role created_by=me created_at remains',
  jsonb_build_object(
    'asset_id', $$coalesce((select i.new from insighter.archive_ids i where i.archive_id = $1 and i.kind = r.asset_kind
      and i.old = replace(r.asset_id::text, '-', '')), gen_random_uuid()::text)::uuid$$,
    'remains', $$case when $3 then array(select private.archive_text($1, x) from unnest(r.remains) x)
      else coalesce(r.remains, '{}') end$$), 'people', 'true',
  jsonb_build_object('remains', 'private.archive_remains(r.project_id, r.asset_kind, r.asset_id)'));
call private.archived('insighter.project_origins', 95,
  'number name exported_at exported_by people audit_object_key=object audit_rows audit_head created_by=me imported_at');

-- ---- objects of a project that is not there yet ---------------------------------------------------------------------

-- The projects that imports of the caller are about to make.
create function private.project_ids_to_be() returns setof uuid
language sql stable set search_path = '' as $$
  select a.becomes from insighter.archives a where a.kind = 'import' and a.state = 'working'
$$;

-- What was made from what comes along: the triggers that write it would know it otherwise, by when it was brought in.
create function private.is_to_be(p_project_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select p_project_id in (select private.project_ids_to_be())
$$;
create or replace trigger traced after insert on insighter.run_datasets
for each row when (not private.is_to_be(new.project_id)) execute function private.lineage_traced();
create or replace trigger traced after insert on insighter.run_models
for each row when (new.role = 'input' and not private.is_to_be(new.project_id)) execute function private.lineage_traced();
create or replace trigger traced after insert on insighter.model_versions
for each row when (not private.is_to_be(new.project_id)) execute function private.lineage_traced();
create or replace trigger traced after insert on insighter.deployments
for each row when (not private.is_to_be(new.project_id)) execute function private.lineage_traced();
create or replace trigger traced after insert or update of version on insighter.notebook_runs
for each row when (new.version is not null and not private.is_to_be(new.project_id))
execute function private.lineage_traced();

create or replace function private.objects_released(p_names text[]) returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_released text[] := '{}';
  v_project uuid;
  v_names text[];
begin
  for v_project, v_names in
    select private.object_project(n), array_agg(distinct n) from unnest(p_names) n
    where private.object_project(n) is not null group by 1
  loop
    if v_project in (select private.project_ids('editor')) then
      v_released := v_released || private.objects_unreferenced(v_project, v_names);
    elsif exists (select from insighter.released_projects where project_id = v_project)
      or v_project in (select private.project_ids_to_be()) then
      v_released := v_released || v_names;
    end if;
  end loop;
  return v_released;
end
$$;

create or replace function private.object_allowed(p_name text, p_write boolean) returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_project uuid := private.object_project(p_name);
begin
  if v_project is null then
    return false;
  elsif p_write then
    return v_project in (select private.project_ids('editor')) or v_project in (select private.project_ids_to_be());
  end if;
  return (v_project in (select private.project_ids('viewer')) and private.object_seen(p_name))
    or private.object_released(p_name);
end
$$;

-- ---- what the functions share ---------------------------------------------------------------------------------------

create function private.archive_json(p_value jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  if pg_catalog.jsonb_path_exists(p_value, '$.**{32}') or pg_catalog.pg_column_size(p_value) > 10000000 then
    perform private.fail(422, 'archive_invalid', 'a document in the archive is too large, or nested too deeply');
  end if;
  return p_value;
end
$$;

-- A text with the ids in it that became others.
create function private.archive_text(p_archive_id uuid, p_text text) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_text text := p_text;
  v_id record;
begin
  for v_id in
    select f.found, right(replace(i.new, '-', ''), 32) as new from (
      select distinct m[1] as found from regexp_matches(p_text,
        '(?<![0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])', 'g') m) f
    join insighter.archive_ids i on i.archive_id = p_archive_id and i.kind in ('run', 'logged_model', 'notebook')
      and i.old in (replace(f.found, '-', ''), 'm' || f.found)
  loop
    v_text := replace(v_text, v_id.found, case when v_id.found like '%-%' then v_id.new::uuid::text else v_id.new end);
  end loop;
  return v_text;
end
$$;

create function private.archive_tags(p_archive_id uuid, p_tags jsonb, p_renewed boolean) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  if jsonb_typeof(p_tags) <> 'object'
    or exists (select from jsonb_each(p_tags) t where jsonb_typeof(t.value) <> 'string') then
    perform private.fail(422, 'archive_invalid', 'tags and parameters in the archive are not all texts');
  end if;
  return case when p_renewed then private.archive_text(p_archive_id, p_tags::text)::jsonb else p_tags end;
end
$$;

-- A row's text, whose SHA-256 after the hash of the row before is its own: see private.audit_hash.
create function private.archive_audit_text(a insighter.audit) returns text
language sql stable set search_path = '' as $$
  select jsonb_build_array(
    a.scope_kind, a.scope, a.seq, to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    a.actor, a.actor_kind, a.credential, a.action, a.asset_kind, a.asset_id, a.asset_name, a.changes)::text
$$;

-- Whether any of these ids is there, whoever may see it. DEFINER: ids are unique among all projects. It tells whoever knows
-- an id of 122 random bits that it exists.
create function private.archive_taken(p_kind text, p_ids text[]) returns boolean
language sql stable security definer set search_path = '' as $$
  select case p_kind
    when 'run' then exists (select from insighter.runs r where r.id = any (p_ids::uuid[]))
    when 'logged_model' then exists (select from insighter.logged_models m where m.id = any (p_ids))
    when 'notebook' then exists (select from insighter.notebooks n where n.id = any (p_ids::uuid[]))
    else true end
$$;

-- The next number of a table's own. DEFINER: nobody else draws from its sequence.
create function private.archive_number(p_table text) returns bigint
language sql volatile security definer set search_path = '' as $$
  select nextval(pg_get_serial_sequence('insighter.' || quote_ident(t.name), 'id'))
  from insighter.archived_tables t where t.name = p_table
$$;

-- The columns of a table and their types, those that go along.
create function private.archive_columns(p_table text) returns table (name text, type text, how text, missing text)
language sql stable set search_path = '' as $$
  select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), t.columns ->> a.attname,
    -- An archive of an earlier release lacks what later ones added.
    (select pg_catalog.pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d
      where a.attnotnull and a.attidentity = '' and t.columns ->> a.attname !~ '[:]|^me$'
        and d.adrelid = c.oid and d.adnum = a.attnum)
  from insighter.archived_tables t
  join pg_catalog.pg_class c on c.relname = t.name and c.relnamespace = 'insighter'::regnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and t.columns ? a.attname
  where t.name = p_table
  order by a.attnum
$$;

-- SQL that reads a column of the archive's row r.
create function private.archive_expression(p_name text, p_type text, p_how text, p_missing text) returns text
language sql immutable set search_path = '' as $$
  select coalesce('coalesce(' || e.text || ', ' || p_missing || ')', e.text) from (select case
    when p_how like '(%' then p_how
    when p_how = 'me' then 'auth.uid()'
    when p_how ~ '^(new|keep|id):' then format(
      '(select i.new from insighter.archive_ids i where i.archive_id = $1 and i.kind = %L and i.old = replace(r.%I::text, ''-'', ''''))::%s',
      split_part(p_how, ':', 2), p_name, p_type)
    when p_how like 'asset:%' then format(
      '(select case i.kind when ''run'' then replace(i.new, ''-'', '''') else i.new end from insighter.archive_ids i
        where i.archive_id = $1 and i.kind = r.%I and i.old = replace(r.%I::text, ''-'', ''''))::%s',
      split_part(p_how, ':', 2), p_name, p_type)
    when p_how = 'object' then format(
      '$2::text || ''/'' || (select i.new from insighter.archive_ids i
        where i.archive_id = $1 and i.kind = ''object'' and i.old = r.%I)', p_name)
    -- What is left of something that is not in the archive belongs to nothing that has a name.
    when p_how = 'root' then format(
      'case when r.%1$I like ''runs/%%'' then ''runs/'' || coalesce((select replace(i.new, ''-'', '''') from insighter.archive_ids i
          where i.archive_id = $1 and i.kind = ''run'' and i.old = substr(r.%1$I, 6)), md5($2::text || r.%1$I))
        else ''models/'' || coalesce((select i.new from insighter.archive_ids i
          where i.archive_id = $1 and i.kind = ''logged_model'' and i.old = replace(substr(r.%1$I, 8), ''-'', '''')),
          ''m-'' || md5($2::text || r.%1$I)) end', p_name)
    when p_how = 'tags' then format('private.archive_tags($1, r.%I, $3)', p_name)
    when p_how = 'text' then format('case when $3 then private.archive_text($1, r.%1$I) else r.%1$I end', p_name)
    when p_type = 'timestamp with time zone' then format(
      'case when r.%1$I is not null then least(greatest(r.%1$I, timestamptz ''2000-01-01 00:00+00''), now()) end', p_name)
    when p_type = 'jsonb' then format('private.archive_json(r.%I)', p_name)
    else format('r.%I', p_name) end) e (text)
$$;

-- Whether nothing was heard of it for so long that its server is gone. While the rows are written nobody can hear of it.
create function private.archive_lost(a insighter.archives) returns boolean
language sql stable set search_path = '' as $$
  select a.state = 'working'
    and a.touched_at < now() - case a.step when 'saving' then interval '20 minutes' else interval '2 minutes' end
$$;

create function private.archive_view(a insighter.archives) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', a.id, 'kind', a.kind, 'name', a.name, 'project_id', a.project_id, 'becomes', a.becomes,
    'step', a.step, 'done', a.done, 'total', a.total, 'created_at', a.created_at)
    || case when private.archive_lost(a)
      then jsonb_build_object('state', 'failed', 'error', jsonb_build_object('code', 'server_lost',
        'message', 'the server that worked on it is gone', 'hint', 'begin again: nothing of it was kept'))
      else jsonb_build_object('state', a.state, 'error', a.error) end
$$;

-- One of the caller's own, or 404.
create function private.archive(p_id uuid) returns insighter.archives
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.archives;
begin
  select * into v_found from insighter.archives where id = p_id;
  if not found then
    perform private.fail(404, 'archive_not_found', 'no such export or import of yours', 'begin it again');
  end if;
  return v_found;
end
$$;

-- The same, for going on with it.
create function private.archive_at_work(p_id uuid) returns insighter.archives
language plpgsql set search_path = '' as $$
declare
  v_found insighter.archives := private.archive(p_id);
begin
  select * into v_found from insighter.archives where id = p_id for update;
  if v_found.state is distinct from 'working' then
    perform private.fail(409, 'archive_ended', 'this export or import has ended', 'begin it again');
  end if;
  return v_found;
end
$$;

-- What servers that are gone left of the caller's.
create function private.archives_tidy() returns void
language sql set search_path = '' as $$
  delete from insighter.archives a
  where private.archive_lost(a) or (a.state <> 'working' and a.created_at < now() - interval '7 days')
$$;

-- ---- taking out -----------------------------------------------------------------------------------------------------

-- All that goes along of a project, as the caller sees it, in pages of about a megabyte. STABLE: every query in it sees what
-- the statement that calls it sees, so that all of it is of one moment.
create function private.archive_read(p_project_id uuid) returns table (section text, page int, rows int, lines text)
language plpgsql stable set search_path = '' as $$
declare
  v_table record;
  v_objects text := '';
  -- $1 is the project.
  v_paged text := 'select %L::text, row_number() over (order by chunk)::int, count(*)::int, string_agg(line, E''\n'' order by position)
    from (select line, row_number() over () as position,
        div(sum(octet_length(line)) over (rows unbounded preceding), 1000000) as chunk from (%s) l) c
    group by chunk';
begin
  for v_table in
    select t.name, t.rows,
      (select string_agg(case when t.written ? c.name then format('%s as %I', t.written ->> c.name, c.name)
        when c.how = 'object' then format('split_part(r.%1$I, ''/'', 2) as %1$I', c.name)
        else format('r.%I', c.name) end, ', ') from private.archive_columns(t.name) c) as columns,
      (select string_agg(format('select r.%I as key from insighter.%I r where r.project_id = $1 and %s', c.name,
        t.name, split_part(t.rows, ' order by ', 1)), ' union ')
        from private.archive_columns(t.name) c where c.how = 'object') as objects
    from insighter.archived_tables t order by t.rank
  loop
    return query execute format(v_paged, v_table.name, format(
      'select to_jsonb(x)::text as line from (select %s from insighter.%I r where r.project_id = $1 and %s) x',
      v_table.columns, v_table.name, v_table.rows)) using p_project_id;
    v_objects := concat_ws(' union ', nullif(v_objects, ''), v_table.objects);
  end loop;
  return query execute format(v_paged, 'objects', format(
    'select jsonb_build_object(''sha256'', split_part(k.key, ''/'', 2))::text as line
     from (%s) k where k.key is not null', v_objects)) using p_project_id;
  -- Whom somebody invited or asked for access is told by an address, which stays here: of such rows there is the hash.
  return query execute format(v_paged, 'audit', '
    select jsonb_build_object(''seq'', a.seq, ''prev_hash'', encode(a.prev_hash, ''hex''), ''hash'', encode(a.hash, ''hex''),
      ''text'', case when a.asset_kind not in (''invitation'', ''access_request'', ''access_asked'')
        then private.archive_audit_text(a) end)::text as line
    from insighter.audit a where a.scope = $1 order by a.seq') using p_project_id;
  return query execute format(v_paged, 'people', '
    select jsonb_build_object(''id'', f.user_id, ''name'', f.display_name, ''role'', m.role)::text as line
    from insighter.profiles f left join insighter.members m on m.project_id = $1 and m.user_id = f.user_id
    where m.user_id is not null or f.user_id in (select a.actor from insighter.audit a where a.scope = $1)')
    using p_project_id;
  return query select 'project'::text, 1, 1, jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description,
      'created_at', p.created_at, 'exported_at', now(), 'exported_by', private.person_name(auth.uid()),
      'audit_head', (select h.seq || ':' || encode(h.hash, 'hex') from insighter.audit_heads h where h.scope = p.id))::text
    from insighter.projects p where p.id = p_project_id;
end
$$;

-- Begin an export: the answer names the sections and how many pages each has.
create function public.archives_export(p_project_id uuid) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '15min' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_id uuid;
begin
  perform private.must_be_in_person();
  if v_project.id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins take a whole project out', 'ask an admin of the project');
  end if;
  perform private.archives_tidy();
  insert into insighter.archives (kind, project_id, name) values ('export', v_project.id, v_project.name)
  returning id into v_id;
  insert into insighter.archive_pages (archive_id, section, page, rows, lines)
  select v_id, r.section, r.page, r.rows, r.lines from private.archive_read(v_project.id) r;
  perform private.record(v_project.id, 'exported', 'project', v_project.id::text, v_project.name);
  return jsonb_build_object('id', v_id, 'slug', v_project.slug, 'folder', v_project.folder, 'sections', (
    select jsonb_object_agg(s.section, jsonb_build_object('pages', s.pages, 'rows', s.rows))
    from (select g.section, count(*) as pages, sum(g.rows) as rows from insighter.archive_pages g
      where g.archive_id = v_id group by g.section) s));
end
$$;

create function public.archives_page(p_id uuid, p_section text, p_page int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_archive insighter.archives := private.archive(p_id);
begin
  return (select to_jsonb(g.lines) from insighter.archive_pages g
    where g.archive_id = v_archive.id and g.section = p_section and g.page = p_page);
end
$$;

-- ---- bringing in ----------------------------------------------------------------------------------------------------

create function public.archives_import(p_name text default null, p_total bigint default 0) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_name text := case when p_name is null then '' else private.project_name(p_name) end;
  v_new insighter.archives;
begin
  perform private.must_be_in_person();
  perform private.archives_tidy();
  insert into insighter.archives (kind, name, total) values ('import', v_name, p_total) returning * into v_new;
  return private.archive_view(v_new);
end
$$;

-- Put a page down. The sections are the tables, "objects" (those that are stored), "people" and "project".
create function public.archives_stage(p_id uuid, p_section text, p_page int, p_lines text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_archive insighter.archives := private.archive_at_work(p_id);
begin
  if v_archive.kind <> 'import' or octet_length(p_lines) > 64000000 then
    perform private.fail(422, 'archive_invalid', 'that is no page of an import');
  elsif p_section not in ('objects', 'people', 'project')
    and not exists (select from insighter.archived_tables t where t.name = p_section) then
    perform private.fail(422, 'archive_newer', format('the archive has rows of "%s", which is no table here',
      left(p_section, 60)), 'update Insighter: a newer release made it');
  end if;
  insert into insighter.archive_pages (archive_id, section, page, rows, lines)
  values (v_archive.id, p_section, p_page, cardinality(string_to_array(p_lines, E'\n')), p_lines);
  return '{}';
end
$$;

-- The rows of a section, for SQL that is put together: $1 is the archive.
create function private.archive_rows(p_section text) returns text
language sql immutable set search_path = '' as $$
  select format('from insighter.archive_pages g cross join lateral string_to_table(g.lines, E''\n'') with ordinality l (line, number)
    cross join lateral jsonb_populate_record(null::insighter.%I, l.line::jsonb) r
    where g.archive_id = $1 and g.section = %L', p_section, p_section)
$$;

-- All rows of the archive, as the caller's own, into a new project. Row-level security and the tables' own rules stand behind
-- each of them; ids, keys and names of people in the archive are not taken at their word.
create function private.archive_written(p_archive insighter.archives) returns void
language plpgsql set search_path = '' as $$
declare
  v_table record;
  v_ids text[];
  v_taken boolean := false;
  v_at text := 'objects';
begin
  insert into insighter.archive_ids (archive_id, kind, old, new)
  select distinct p_archive.id, 'object', l::jsonb ->> 'sha256', l::jsonb ->> 'sha256'
  from insighter.archive_pages g cross join lateral string_to_table(g.lines, E'\n') l
  where g.archive_id = p_archive.id and g.section = 'objects';
  -- Where none of them is taken all keep their ids, which notebooks and links know.
  for v_table in
    select t.name, c.name as id, split_part(c.how, ':', 2) as kind
    from insighter.archived_tables t cross join lateral private.archive_columns(t.name) c
    where c.how like 'keep:%' order by t.rank
  loop
    v_at := v_table.name;
    execute format('select array_agg(r.%I::text) %s', v_table.id, private.archive_rows(v_table.name))
      into v_ids using p_archive.id;
    v_taken := v_taken or coalesce(private.archive_taken(v_table.kind, v_ids), false);
  end loop;
  for v_table in
    select t.name, c.name as id, c.type, split_part(c.how, ':', 2) as kind, c.how like 'keep:%' and not v_taken as keep
    from insighter.archived_tables t cross join lateral private.archive_columns(t.name) c
    where c.how ~ '^(new|keep):' order by t.rank
  loop
    v_at := v_table.name;
    execute format('insert into insighter.archive_ids (archive_id, kind, old, new)
      select $1, %L, replace(r.%I::text, ''-'', ''''), %s %s', v_table.kind, v_table.id,
      case when v_table.keep then format('r.%I::text', v_table.id)
        when v_table.type = 'uuid' then 'gen_random_uuid()::text'
        when v_table.type = 'bigint' then format('private.archive_number(%L)::text', v_table.name)
        else '''m-'' || replace(gen_random_uuid()::text, ''-'', '''')' end, private.archive_rows(v_table.name)
        || case v_table.type when 'bigint' then ' order by g.page, l.number' else '' end)
      using p_archive.id;
  end loop;
  for v_table in
    select t.name, string_agg(quote_ident(c.name), ', ' order by c.name) as columns,
      string_agg(private.archive_expression(c.name, c.type, c.how, c.missing), ', ' order by c.name) as expressions
    from insighter.archived_tables t cross join lateral private.archive_columns(t.name) c
    group by t.name, t.rank order by t.rank
  loop
    v_at := v_table.name;
    execute format('insert into insighter.%I (project_id, %s) overriding system value select $2, %s %s', v_table.name,
      v_table.columns, v_table.expressions, private.archive_rows(v_table.name))
      using p_archive.id, p_archive.becomes, v_taken;
  end loop;
  -- Experiments and runs that MLflow's clients deleted came along, for they still see them.
  v_at := 'runs';
  insert into insighter.trash (project_id, asset_kind, asset_id)
  select e.project_id, 'experiment', e.id::text from insighter.experiments e
  where e.project_id = p_archive.becomes and e.deleted_at is not null
  union all
  select r.project_id, 'run', private.hex(r.id) from insighter.runs r
  join insighter.experiments e on e.project_id = r.project_id and e.id = r.experiment_id
  where r.project_id = p_archive.becomes and r.deleted_at is not null and r.deleted_at is distinct from e.deleted_at;
exception when others then
  -- A row that the caller may not write is one that was made up.
  if sqlstate ~ '^(PT|40|42|53|57)' and sqlstate <> '42501' then
    raise;
  end if;
  perform private.fail(422, 'archive_invalid', format('rows/%s.jsonl has what cannot be imported: %s', v_at, left(sqlerrm, 300)),
    'the archive was changed, or made by another program: export the project again');
end
$$;

-- Make the project of what was put down: all of it, or nothing. p_folder is made already; p_audit: {sha256, rows, head} of the
-- audit of the archive.
create function public.archives_commit(p_id uuid, p_folder text default '', p_audit jsonb default null) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '15min' as $$
declare
  v_archive insighter.archives := private.archive_at_work(p_id);
  v_from jsonb;
  v_people jsonb;
  v_wanted text;
  v_name text;
  v_slug text;
  v_count int := 1;
begin
  if v_archive.kind <> 'import' then
    perform private.fail(422, 'archive_invalid', 'that is no import');
  end if;
  select l::jsonb into v_from from insighter.archive_pages g cross join lateral string_to_table(g.lines, E'\n') l
  where g.archive_id = p_id and g.section = 'project' limit 1;
  if jsonb_typeof(v_from) is distinct from 'object' then
    perform private.fail(422, 'archive_invalid', 'the archive does not say what project it is of');
  end if;
  v_wanted := private.project_name(coalesce(nullif(v_archive.name, ''), v_from ->> 'name'));
  v_name := v_wanted;
  while exists (select from insighter.projects p where p.created_by = auth.uid() and lower(p.name) = lower(v_name)) loop
    v_count := v_count + 1;
    v_name := left(v_wanted, 90) || ' (' || v_count || ')';
  end loop;
  v_slug := btrim(coalesce(nullif(left(btrim(regexp_replace(lower(
    regexp_replace(normalize(v_name, nfd), '[\u0300-\u036f]', '', 'g')), '[^a-z0-9]+', '-', 'g'), '-'), 50), ''), 'project'), '-');
  -- Slugs are unique among all projects, also those the caller cannot see: on a clash the id's first digits follow.
  for i in 1..2 loop
    begin
      insert into insighter.projects (id, slug, name, description, folder, created_by)
      values (v_archive.becomes, v_slug, v_name, left(coalesce(v_from ->> 'description', ''), 10000), p_folder, auth.uid());
      exit;
    exception when unique_violation then
      if i = 2 then raise; end if;
      v_slug := v_slug || '-' || left(v_archive.becomes::text, 8);
    end;
  end loop;
  perform private.archive_written(v_archive);
  select jsonb_agg(jsonb_build_object('id', left(l::jsonb ->> 'id', 40), 'name', left(l::jsonb ->> 'name', 400),
    'role', left(l::jsonb ->> 'role', 20))) into v_people
  from (select l from insighter.archive_pages g cross join lateral string_to_table(g.lines, E'\n') l
    where g.archive_id = p_id and g.section = 'people' limit 10000) told;
  insert into insighter.project_origins
    (project_id, number, name, exported_at, exported_by, people, audit_object_key, audit_rows, audit_head)
  select v_archive.becomes, coalesce(max(o.number), 0) + 1, left(coalesce(v_from ->> 'name', ''), 400),
    least(coalesce((v_from ->> 'exported_at')::timestamptz, now()), now()), left(coalesce(v_from ->> 'exported_by', ''), 400),
    coalesce(v_people, '[]'), v_archive.becomes || '/' || (p_audit ->> 'sha256'),
    coalesce((p_audit ->> 'rows')::bigint, 0), left(p_audit ->> 'head', 200)
  from insighter.project_origins o where o.project_id = v_archive.becomes;
  perform private.record(v_archive.becomes, 'imported', 'project', v_archive.becomes::text, v_name, jsonb_build_object(
    'from', left(v_from ->> 'name', 400), 'exported_by', left(v_from ->> 'exported_by', 400),
    'exported_at', left(v_from ->> 'exported_at', 40)));
  update insighter.archives set state = 'done', step = '', done = total, project_id = becomes, touched_at = now()
  where id = p_id;
  return public.projects_get(v_archive.becomes);
end
$$;

-- ---- how it goes ----------------------------------------------------------------------------------------------------

create function public.archives_get(p_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.archive_view(private.archive(p_id))
$$;

-- The caller's imports, newest first.
create function public.archives_list(p_limit int default 20) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('cursor', null, 'items', coalesce(
    jsonb_agg(private.archive_view(a) order by (a).created_at desc), '[]'))
  from (select a from insighter.archives a where a.kind = 'import'
    order by a.created_at desc limit least(greatest(p_limit, 1), 100)) l
$$;

-- Say how far it is; the answer tells whether somebody cancelled it.
create function public.archives_progress(p_id uuid, p_step text, p_done bigint, p_total bigint) returns jsonb
language plpgsql set search_path = '' as $$
begin
  update insighter.archives set step = p_step, done = p_done, total = p_total, touched_at = now()
  where id = p_id and state = 'working';
  return private.archive_view(private.archive(p_id));
end
$$;

-- End it. Of no effect where it has ended already.
create function public.archives_end(p_id uuid, p_state text, p_error jsonb default null) returns jsonb
language plpgsql set search_path = '' as $$
begin
  if p_state is null or p_state not in ('done', 'failed', 'cancelled') then
    perform private.fail(422, 'invalid', 'it ends as done, failed or cancelled');
  end if;
  perform private.archive(p_id);
  update insighter.archives set state = p_state, error = private.archive_json(p_error), touched_at = now()
  where id = p_id and state = 'working' and (kind = 'export' or p_state <> 'done');
  return private.archive_view(private.archive(p_id));
end
$$;

create function public.archives_origins(p_project_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if v_project.id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins read where a project comes from', 'ask an admin of the project');
  end if;
  return (
    select jsonb_build_object('cursor', null, 'items', coalesce(jsonb_agg(jsonb_build_object(
      'number', o.number, 'name', o.name, 'exported_at', o.exported_at, 'exported_by', o.exported_by, 'people', o.people,
      'audit_key', o.audit_object_key, 'audit_rows', o.audit_rows, 'audit_head', o.audit_head,
      'imported_by', private.person_name(o.created_by), 'imported_at', o.imported_at) order by o.number desc), '[]'))
    from insighter.project_origins o where o.project_id = v_project.id);
end
$$;

call private.expose('archives_export', 'archives_page', 'archives_import', 'archives_stage', 'archives_commit',
  'archives_get', 'archives_list', 'archives_progress', 'archives_end', 'archives_origins');
revoke all on function private.archive_ended from public, anon, authenticated, service_role;
revoke all on procedure private.archived from public, anon, authenticated, service_role;
grant execute on function private.project_ids_to_be, private.is_to_be, private.archive_remains, private.archive_json,
  private.archive_text, private.archive_tags, private.archive_audit_text, private.archive_taken, private.archive_number, private.archive_columns,
  private.archive_expression, private.archive_lost, private.archive_view, private.archive, private.archive_at_work, private.archives_tidy,
  private.archive_read, private.archive_rows, private.archive_written to authenticated;
