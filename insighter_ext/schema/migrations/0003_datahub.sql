-- Datasets: named tables with immutable, numbered versions. The bytes are in the object store; here is what they are.

create table insighter.datasets (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  name text not null
    check (char_length(name) between 1 and 100 and name = btrim(name) and name !~ '[[:cntrl:]/\\]' and name !~ '^\.'),
  -- How many versions were ever added: the next one's number is one more.
  versions int not null default 0,
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, id)
);
create unique index datasets_name on insighter.datasets (project_id, lower(name));

create table insighter.dataset_versions (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  dataset_id uuid not null,
  version int not null check (version > 0),
  format text not null check (format in ('csv', 'json', 'parquet')),
  filename text not null default '' check (char_length(filename) <= 255),
  object_key text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  -- The same rows as Parquet: what pages and loads. For an uploaded Parquet file it is the file itself.
  table_object_key text not null,
  table_size bigint not null check (table_size >= 0),
  rows bigint not null check (rows >= 0),
  columns jsonb not null check (jsonb_typeof(columns) = 'array'),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, dataset_id, version),
  foreign key (project_id, dataset_id) references insighter.datasets (project_id, id) on delete cascade,
  -- Nobody can name an object of another project here and then read it.
  check (object_key = project_id::text || '/' || sha256),
  check (table_object_key ~ ('^' || project_id::text || '/[0-9a-f]{64}$'))
);
create index dataset_versions_object on insighter.dataset_versions (object_key);
create index dataset_versions_table on insighter.dataset_versions (table_object_key);

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.datasets enable row level security;
alter table insighter.dataset_versions enable row level security;

grant select, insert, delete on insighter.datasets to authenticated;
grant update (versions, updated_at) on insighter.datasets to authenticated;
grant select, insert on insighter.dataset_versions to authenticated;

create policy datasets_select on insighter.datasets for select to authenticated
  using (project_id in (select private.project_ids()));
create policy datasets_insert on insighter.datasets for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
create policy datasets_update on insighter.datasets for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy datasets_delete on insighter.datasets for delete to authenticated
  using (project_id in (select private.project_ids('editor')));
create policy dataset_versions_select on insighter.dataset_versions for select to authenticated
  using (project_id in (select private.project_ids()));
create policy dataset_versions_insert on insighter.dataset_versions for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));

-- ---- objects --------------------------------------------------------------------------------------------------------

-- Which of these objects no asset of the project needs any more. Every column of schema "insighter" whose name ends in
-- "object_key" counts, also those of tables that later migrations add. Looks past row-level security, because what the
-- caller cannot see needs its bytes too; it tells nothing but the keys it was given.
create function private.objects_unreferenced(p_project_id uuid, p_keys text[]) returns text[]
language plpgsql stable security definer set search_path = '' as $$
declare
  v_keys text[] := array(
    select distinct k from unnest(p_keys) k where split_part(k, '/', 1) = p_project_id::text
  );
  v_column record;
begin
  if p_project_id not in (select private.project_ids()) then
    return '{}';
  end if;
  for v_column in
    select c.oid::regclass::text as holder, a.attname as name
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p')
      and a.attname like '%object\_key' and not a.attisdropped
  loop
    exit when cardinality(v_keys) = 0;
    execute format('select array(select k from unnest($1) k where not exists (select from %s where %I = k))',
      v_column.holder, v_column.name) into v_keys using v_keys;
  end loop;
  return v_keys;
end
$$;

create function public.objects_unreferenced(p_project_id uuid, p_keys jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(private.objects_unreferenced((private.project(p_project_id)).id,
    array(select jsonb_array_elements_text(p_keys))))
$$;

-- ---- reading --------------------------------------------------------------------------------------------------------

create function private.dataset_version_json(v insighter.dataset_versions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'version', v.version, 'format', v.format, 'filename', v.filename, 'sha256', v.sha256, 'size', v.size,
    'rows', v.rows, 'columns', v.columns, 'created_at', v.created_at,
    'created_by', coalesce((select p.display_name from insighter.profiles p where p.user_id = v.created_by), 'someone'))
$$;

create function private.dataset_json(d insighter.datasets) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', d.id, 'name', d.name, 'versions', d.versions, 'created_at', d.created_at, 'updated_at', d.updated_at,
    'latest', (
      select private.dataset_version_json(v) from insighter.dataset_versions v
      where v.project_id = d.project_id and v.dataset_id = d.id order by v.version desc limit 1))
$$;

create function private.dataset_name(p_name text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_name text := btrim(normalize(p_name, nfc));
begin
  if v_name is null or v_name = '' then
    perform private.fail(422, 'invalid_name', 'a dataset needs a name', 'give it 1 to 100 characters');
  elsif char_length(v_name) > 100 then
    perform private.fail(422, 'invalid_name', 'the dataset''s name has more than 100 characters', 'shorten it');
  elsif v_name ~ '[[:cntrl:]/\\]' or v_name ~ '^\.' then
    perform private.fail(422, 'invalid_name',
      'a dataset''s name has no "/", "\" or control characters and does not begin with "."',
      'use words, spaces and dashes');
  end if;
  return v_name;
end
$$;

-- A dataset by its name, whatever its case, or 404 with the names that are there.
create function private.dataset(p_project_id uuid, p_name text) returns insighter.datasets
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_dataset insighter.datasets;
  v_names text;
begin
  select * into v_dataset from insighter.datasets
  where project_id = v_project.id and lower(name) = lower(btrim(normalize(p_name, nfc)));
  if not found then
    select string_agg(format('"%s"', n.name), ', ') into v_names
    from (select name from insighter.datasets where project_id = v_project.id order by updated_at desc limit 5) n;
    perform private.fail(404, 'dataset_not_found', format('no dataset "%s" in "%s"', left(p_name, 100), v_project.name),
      coalesce('the newest there: ' || v_names, 'the project has no datasets yet: upload a file'));
  end if;
  return v_dataset;
end
$$;

create function public.datasets_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select d from insighter.datasets d
      where d.project_id = v_project.id and (p_cursor is null or lower(d.name) > p_cursor)
      order by lower(d.name) limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.dataset_json(d) order by lower((d).name)), '[]'),
      'cursor', case when count(*) = v_limit then max(lower((d).name)) end)
    from page);
end
$$;

create function public.datasets_get(p_project_id uuid, p_name text) returns jsonb
language sql stable set search_path = '' as $$
  select private.dataset_json(d) || jsonb_build_object('history', (
    select coalesce(jsonb_agg(private.dataset_version_json(v) order by v.version desc), '[]')
    from insighter.dataset_versions v where v.project_id = d.project_id and v.dataset_id = d.id))
  from private.dataset(p_project_id, p_name) d
$$;

-- One version, with where its bytes are.
create function public.datasets_version(p_project_id uuid, p_name text, p_version int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_dataset insighter.datasets := private.dataset(p_project_id, p_name);
  v_version insighter.dataset_versions;
begin
  select * into v_version from insighter.dataset_versions
  where project_id = v_dataset.project_id and dataset_id = v_dataset.id and version = p_version;
  if not found then
    perform private.fail(404, 'version_not_found', format('"%s" has no version %s', v_dataset.name, p_version),
      format('its newest is %s', v_dataset.versions));
  end if;
  return private.dataset_version_json(v_version) || jsonb_build_object('name', v_dataset.name,
    'object_key', v_version.object_key, 'table_object_key', v_version.table_object_key,
    'table_size', v_version.table_size);
end
$$;

-- ---- changing -------------------------------------------------------------------------------------------------------

-- All that can be refused before the first byte: the name, the role, an archived project.
create function public.datasets_may_upload(p_project_id uuid, p_name text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('project_id', (private.project_for(p_project_id, 'editor')).id,
    'name', private.dataset_name(p_name))
$$;

-- What an upload answers when the newest version has this content already; otherwise null.
create function public.datasets_unchanged(p_project_id uuid, p_name text, p_sha256 text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_name text := private.dataset_name(p_name);
begin
  return (
    select jsonb_build_object('dataset', private.dataset_json(d), 'version', private.dataset_version_json(v),
      'unchanged', true)
    from insighter.datasets d
    join insighter.dataset_versions v
      on v.project_id = d.project_id and v.dataset_id = d.id and v.version = d.versions
    where d.project_id = v_project.id and lower(d.name) = lower(v_name) and v.sha256 = p_sha256);
end
$$;

-- Add a version; the first makes the dataset. Uploads of one name at the same time queue up at the dataset's row.
create function public.datasets_add_version(
  p_project_id uuid, p_name text, p_format text, p_filename text, p_sha256 text, p_size bigint,
  p_table_object_key text, p_table_size bigint, p_rows bigint, p_columns jsonb
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_name text := private.dataset_name(p_name);
  v_dataset insighter.datasets;
  v_version insighter.dataset_versions;
begin
  insert into insighter.datasets (project_id, name) values (v_project.id, v_name)
  on conflict (project_id, lower(name)) do nothing;
  select * into v_dataset from insighter.datasets
  where project_id = v_project.id and lower(name) = lower(v_name) for update;
  if not found then
    perform private.fail(409, 'dataset_deleted', format('"%s" was deleted during the upload', v_name),
      'upload it again');
  end if;
  select * into v_version from insighter.dataset_versions
  where project_id = v_project.id and dataset_id = v_dataset.id and version = v_dataset.versions;
  if found and v_version.sha256 = p_sha256 then
    return jsonb_build_object('dataset', private.dataset_json(v_dataset),
      'version', private.dataset_version_json(v_version), 'unchanged', true);
  end if;
  update insighter.datasets set versions = versions + 1, updated_at = now()
  where id = v_dataset.id returning * into v_dataset;
  insert into insighter.dataset_versions (project_id, dataset_id, version, format, filename, object_key, sha256, size,
    table_object_key, table_size, rows, columns)
  values (v_project.id, v_dataset.id, v_dataset.versions, p_format, p_filename,
    v_project.id::text || '/' || p_sha256, p_sha256, p_size, p_table_object_key, p_table_size, p_rows, p_columns)
  returning * into v_version;
  perform private.record(v_project.id, case v_version.version when 1 then 'created' else 'updated' end, 'dataset',
    v_dataset.id::text, v_dataset.name, jsonb_build_object('version', v_version.version, 'rows', v_version.rows,
      'columns', jsonb_array_length(v_version.columns), 'size', v_version.size));
  return jsonb_build_object('dataset', private.dataset_json(v_dataset),
    'version', private.dataset_version_json(v_version), 'unchanged', false);
end
$$;

-- Delete a dataset with all versions. Answers which objects nothing in the project needs any more, and when the last of
-- these versions was added: an object stored again since then is another upload's.
create function public.datasets_delete(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_dataset insighter.datasets := private.dataset(p_project_id, p_name);
  v_keys text[];
  v_newest timestamptz;
begin
  v_project := private.project_for(p_project_id, 'editor');
  select * into v_dataset from insighter.datasets where id = v_dataset.id for update;
  select array_agg(k.key), max(v.created_at) into v_keys, v_newest
  from insighter.dataset_versions v, lateral (values (v.object_key), (v.table_object_key)) k (key)
  where v.project_id = v_project.id and v.dataset_id = v_dataset.id;
  delete from insighter.datasets where id = v_dataset.id;
  perform private.record(v_project.id, 'deleted', 'dataset', v_dataset.id::text, v_dataset.name,
    jsonb_build_object('versions', v_dataset.versions));
  return jsonb_build_object('keys', private.objects_unreferenced(v_project.id, v_keys), 'newest', v_newest);
end
$$;

call private.expose('objects_unreferenced', 'datasets_list', 'datasets_get', 'datasets_version', 'datasets_may_upload',
  'datasets_unchanged', 'datasets_add_version', 'datasets_delete');
revoke all on function private.objects_unreferenced from public;
grant execute on function private.objects_unreferenced, private.dataset_version_json, private.dataset_json,
  private.dataset_name, private.dataset to authenticated;
