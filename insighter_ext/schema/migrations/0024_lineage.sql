-- Lineage: what was made from what, in one graph over assets of every kind. An edge goes from what was there to what was made
-- of it, and is written by triggers on the tables that know it, in the transaction that makes the asset.
--
-- A node is an asset of the catalogue, with a version where its kind has them; 0 stands for none. The triggers run as their
-- caller: who cannot see an asset ties nothing to it.

create table insighter.lineage_edges (
  project_id uuid not null,
  source_kind text not null,
  source_id text not null,
  source_version int not null default 0 check (source_version >= 0),
  target_kind text not null,
  target_id text not null,
  target_version int not null default 0 check (target_version >= 0),
  -- What was done: read, ran, wrote, registered, deployed, derived, and what later files add.
  verb text not null check (verb ~ '^[a-z]{1,40}$'),
  -- Null for what was there before this table, made by somebody who is not known.
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, source_kind, source_id, source_version, target_kind, target_id, target_version, verb),
  foreign key (project_id, source_kind, source_id) references insighter.assets (project_id, kind, id) on delete cascade,
  foreign key (project_id, target_kind, target_id) references insighter.assets (project_id, kind, id) on delete cascade,
  check ((source_kind, source_id, source_version) <> (target_kind, target_id, target_version))
);
create index lineage_edges_up on insighter.lineage_edges
  (project_id, target_kind, target_id, target_version, source_kind, source_id, source_version);
create index lineage_edges_recent on insighter.lineage_edges (project_id, created_at desc);

alter table insighter.lineage_edges enable row level security;
grant select, insert on insighter.lineage_edges to authenticated;
create policy lineage_edges_select on insighter.lineage_edges for select to authenticated
  using (project_id in (select private.project_ids()));
create policy lineage_edges_insert on insighter.lineage_edges for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
-- An edge is there for whoever sees both its ends: of what is hidden nothing is told, not that something was made of it.
create policy lineage_edges_restricted on insighter.lineage_edges as restrictive for all to authenticated
  using (source_id not in (select u::text from private.unseen_assets() u)
    and target_id not in (select u::text from private.unseen_assets() u));

-- ---- writing --------------------------------------------------------------------------------------------------------

-- What the functions and triggers of every capability call. Ids are those of the catalogue; what is not in it ties nothing.
create function private.lineage_add(
  p_project_id uuid, p_source_kind text, p_source_id text, p_source_version int, p_verb text,
  p_target_kind text, p_target_id text, p_target_version int
) returns void
language sql set search_path = '' as $$
  insert into insighter.lineage_edges (project_id, source_kind, source_id, source_version, verb, target_kind, target_id,
    target_version)
  select p_project_id, p_source_kind, p_source_id, coalesce(p_source_version, 0), p_verb, p_target_kind, p_target_id,
    coalesce(p_target_version, 0)
  where (p_source_kind, p_source_id, coalesce(p_source_version, 0))
      is distinct from (p_target_kind, p_target_id, coalesce(p_target_version, 0))
    and exists (select from insighter.assets a
      where a.project_id = p_project_id and a.kind = p_source_kind and a.id = p_source_id)
    and exists (select from insighter.assets a
      where a.project_id = p_project_id and a.kind = p_target_kind and a.id = p_target_id)
  on conflict do nothing
$$;

-- The dataset version that a run noted, by its name and the beginning of its SHA-256. Two versions can have one content:
-- then it is the one that the SDK's tag names, else the newest.
create function private.lineage_read(r insighter.run_datasets) returns table (dataset_id uuid, version int)
language sql stable set search_path = '' as $$
  select d.id, v.version from insighter.datasets d
  join insighter.dataset_versions v on v.project_id = d.project_id and v.dataset_id = d.id
  where d.project_id = r.project_id and lower(d.name) = lower(r.name) and left(v.sha256, 16) = r.digest
  order by v.version::text is not distinct from r.tags ->> 'insighter.version' desc, v.version desc limit 1
$$;

-- The version that a logged model was registered as last, if it was: before that nothing tells of it but its run.
create function private.lineage_logged(p_project_id uuid, p_logged_model_id text)
returns table (model_id uuid, version int)
language sql stable set search_path = '' as $$
  select v.model_id, v.version from insighter.model_versions v
  where v.project_id = p_project_id and v.logged_model_id = p_logged_model_id
  order by v.created_at desc, v.version desc limit 1
$$;

-- What a model version was made from: another version that it copies, else the run that logged it.
create function private.lineage_origin(v insighter.model_versions) returns table (kind text, id text, version int)
language sql stable set search_path = '' as $$
  with copied as (
    select regexp_match(v.source, '^models:/+([^/@]+)(?:/([0-9]{1,9})|@([^/]+))$') as said
  ), found as (
    select 1 as rank, 'model' as kind, m.id::text as id, coalesce(c.said[2]::int, a.version) as version
    from copied c
    join insighter.registered_models m on m.project_id = v.project_id and m.name = c.said[1]
    left join insighter.model_aliases a on a.project_id = m.project_id and a.model_id = m.id and a.alias = c.said[3]
    union all
    select 2, 'run', private.hex(v.run_id), 0 where v.run_id is not null
  )
  select f.kind, f.id, f.version from found f where f.version is not null order by f.rank limit 1
$$;

create function private.lineage_traced() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_table_name = 'run_datasets' then
    perform private.lineage_add(new.project_id, 'dataset', f.dataset_id::text, f.version, 'read',
      'run', private.hex(new.run_id), 0)
    from private.lineage_read(new) f;
  elsif tg_table_name = 'run_models' then
    perform private.lineage_add(new.project_id, 'model', f.model_id::text, f.version, 'read',
      'run', private.hex(new.run_id), 0)
    from private.lineage_logged(new.project_id, new.model_id) f;
  elsif tg_table_name = 'model_versions' then
    perform private.lineage_add(new.project_id, f.kind, f.id, f.version,
      case f.kind when 'run' then 'registered' else 'derived' end, 'model', new.model_id::text, new.version)
    from private.lineage_origin(new) f;
    -- Runs that read it before it had a name. A logged model that has one already is known by that.
    perform private.lineage_add(new.project_id, 'model', new.model_id::text, new.version, 'read',
      'run', private.hex(r.run_id), 0)
    from insighter.run_models r
    where r.project_id = new.project_id and r.model_id = new.logged_model_id and r.role = 'input'
      and not exists (select from insighter.model_versions o
        where o.project_id = new.project_id and o.logged_model_id = new.logged_model_id
          and (o.model_id, o.version) <> (new.model_id, new.version));
  elsif tg_table_name = 'notebook_runs' then
    perform private.lineage_add(new.project_id, 'notebook', new.notebook_id::text, new.version, 'ran',
      'run', private.hex(new.run_id), 0);
  else
    perform private.lineage_add(new.project_id, 'model', m.id::text, new.model_version, 'deployed',
      'deployment', new.id::text, 0)
    from insighter.registered_models m where m.project_id = new.project_id and m.name = new.model_name;
  end if;
  return null;
end
$$;

-- By their name they come after those of the catalogue, which makes the rows that edges point to.
create trigger traced after insert on insighter.run_datasets
for each row execute function private.lineage_traced();
create trigger traced after insert on insighter.run_models
for each row when (new.role = 'input') execute function private.lineage_traced();
create trigger traced after insert on insighter.model_versions
for each row execute function private.lineage_traced();
create trigger traced after insert on insighter.deployments
for each row execute function private.lineage_traced();
-- The version is known once there is a snapshot of what made the run.
create trigger traced after insert or update of version on insighter.notebook_runs
for each row when (new.version is not null) execute function private.lineage_traced();

-- What was there before.
insert into insighter.lineage_edges (project_id, source_kind, source_id, source_version, verb, target_kind, target_id,
  target_version, created_by, created_at)
select r.project_id, 'dataset', f.dataset_id::text, f.version, 'read', 'run', private.hex(r.run_id), 0, u.created_by,
  u.created_at
from insighter.run_datasets r join insighter.runs u on u.project_id = r.project_id and u.id = r.run_id
cross join lateral private.lineage_read(r) f
union all
select r.project_id, 'model', f.model_id::text, f.version, 'read', 'run', private.hex(r.run_id), 0, u.created_by,
  u.created_at
from insighter.run_models r join insighter.runs u on u.project_id = r.project_id and u.id = r.run_id
cross join lateral private.lineage_logged(r.project_id, r.model_id) f where r.role = 'input'
union all
select v.project_id, f.kind, f.id, f.version, case f.kind when 'run' then 'registered' else 'derived' end, 'model',
  v.model_id::text, v.version, v.created_by, v.created_at
from insighter.model_versions v cross join lateral private.lineage_origin(v) f
where (f.kind, f.id, f.version) <> ('model', v.model_id::text, v.version)
union all
select d.project_id, 'model', m.id::text, d.model_version, 'deployed', 'deployment', d.id::text, 0, d.created_by,
  d.created_at
from insighter.deployments d
join insighter.registered_models m on m.project_id = d.project_id and m.name = d.model_name
union all
select n.project_id, 'notebook', n.notebook_id::text, n.version, 'ran', 'run', private.hex(n.run_id), 0, u.created_by,
  n.created_at
from insighter.notebook_runs n join insighter.runs u on u.project_id = n.project_id and u.id = n.run_id
where n.version is not null
on conflict do nothing;

-- ---- datasets, and what they were made from -------------------------------------------------------------------------

-- Whether a kind has versions, and an asset of it stands in the graph once for each.
create function private.lineage_versioned(p_kind text) returns boolean
language sql immutable set search_path = '' as $$
  select p_kind in ('dataset', 'model', 'notebook')
$$;

-- Whether there is such a version of an asset.
create function private.lineage_version_exists(a insighter.assets, p_version int) returns boolean
language sql stable set search_path = '' as $$
  select case a.kind
    when 'dataset' then exists (select from insighter.dataset_versions v
      where v.project_id = a.project_id and v.dataset_id = a.uuid and v.version = p_version)
    when 'model' then exists (select from insighter.model_versions v
      where v.project_id = a.project_id and v.model_id = a.uuid and v.version = p_version)
    when 'notebook' then exists (select from insighter.notebook_versions v
      where v.project_id = a.project_id and v.notebook_id = a.uuid and v.version = p_version)
    else true end
$$;

-- The sources that somebody says: [{kind, key, version, if_known}]. One that is not there is an error, unless it says
-- "if_known": what was found out by itself makes no upload fail. Without a version it is the newest.
create function private.lineage_sources(p_project_id uuid, p_sources jsonb)
returns table (kind text, id text, version int)
language plpgsql stable set search_path = '' as $$
declare
  v_source record;
  v_asset insighter.assets;
begin
  if jsonb_array_length(p_sources) > 100 then
    perform private.fail(422, 'too_many_sources', 'a dataset names at most 100 sources', 'name the nearest ones');
  end if;
  for v_source in
    select s.kind, s.key, s.version, coalesce(s.if_known, false) as if_known
    from jsonb_to_recordset(p_sources) as s (kind text, key text, version int, if_known boolean)
  loop
    if v_source.if_known and not exists (
      select from insighter.assets a
      where a.project_id = p_project_id and a.kind = v_source.kind and a.key = normalize(v_source.key, nfc)
    ) then
      continue;
    end if;
    v_asset := private.asset_of(p_project_id, v_source.kind, v_source.key);
    version := case when private.lineage_versioned(v_asset.kind) then coalesce(v_source.version, v_asset.version, 0) else 0 end;
    if not private.lineage_version_exists(v_asset, version) then
      continue when v_source.if_known;
      perform private.fail(404, 'version_not_found', format('the %s "%s" has no version %s', v_asset.kind, v_asset.name,
        version), format('its newest is %s', v_asset.version));
    end if;
    kind := v_asset.kind;
    id := v_asset.id;
    return next;
  end loop;
end
$$;

-- Whether these can be the sources of a dataset: asked before its bytes are taken.
create function public.lineage_check(p_project_id uuid, p_sources jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
begin
  return (select jsonb_build_object('sources', count(*)) from private.lineage_sources(v_project.id, p_sources));
end
$$;

create function private.lineage_made(p_project_id uuid, p_dataset_id text, p_version int, p_sources jsonb) returns void
language sql set search_path = '' as $$
  select private.lineage_add(p_project_id, s.kind, s.id, s.version,
    case when private.lineage_versioned(s.kind) and s.kind <> 'notebook' then 'derived' else 'wrote' end,
    'dataset', p_dataset_id, p_version)
  from jsonb_to_recordset(p_sources) as s (kind text, id text, version int)
$$;

-- Add a version of a dataset, with what it was made from. p_upload has the arguments of datasets_add_version by their names.
create function public.lineage_upload(p_project_id uuid, p_upload jsonb, p_sources jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  -- Found before the upload: a source that is the dataset's own newest version is the one before.
  v_sources jsonb := (
    select coalesce(jsonb_agg(to_jsonb(s)), '[]') from private.lineage_sources(v_project.id, p_sources) s);
  v_answer jsonb := public.datasets_add_version(v_project.id, p_upload ->> 'name', p_upload ->> 'format',
    p_upload ->> 'filename', p_upload ->> 'sha256', (p_upload ->> 'size')::bigint, p_upload ->> 'table_object_key',
    (p_upload ->> 'table_size')::bigint, (p_upload ->> 'rows')::bigint, p_upload -> 'columns');
begin
  perform private.lineage_made(v_project.id, v_answer -> 'dataset' ->> 'id', (v_answer -> 'version' ->> 'version')::int,
    v_sources);
  return v_answer;
end
$$;

-- The same of a version that is there already: an upload of what has not changed.
create function public.lineage_note(p_project_id uuid, p_name text, p_version int, p_sources jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_dataset insighter.datasets := private.dataset(p_project_id, p_name);
begin
  if not exists (select from insighter.dataset_versions v
    where v.project_id = v_project.id and v.dataset_id = v_dataset.id and v.version = p_version) then
    perform private.fail(404, 'version_not_found', format('"%s" has no version %s', v_dataset.name, p_version));
  end if;
  perform private.lineage_made(v_project.id, v_dataset.id::text, p_version, (
    select coalesce(jsonb_agg(to_jsonb(s)), '[]') from private.lineage_sources(v_project.id, p_sources) s));
  return '{}';
end
$$;

-- ---- reading --------------------------------------------------------------------------------------------------------

-- In answers a node is "<kind>/<id>/<version>".

-- The nodes of an asset: one of a version, or all that the graph knows, and without any its newest version.
create function private.lineage_nodes_of(a insighter.assets, p_version int) returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_versions int[] := array(
    select e.source_version from insighter.lineage_edges e
    where e.project_id = a.project_id and e.source_kind = a.kind and e.source_id = a.id
    union select e.target_version from insighter.lineage_edges e
    where e.project_id = a.project_id and e.target_kind = a.kind and e.target_id = a.id
    order by 1 desc);
begin
  if p_version is not null then
    if not p_version = any (v_versions) and not private.lineage_version_exists(a, p_version) then
      perform private.fail(404, 'version_not_found', format('the %s "%s" has no version %s', a.kind, a.name, p_version));
    end if;
    v_versions := array[p_version];
  elsif v_versions = '{}' then
    v_versions := array[case when private.lineage_versioned(a.kind) then coalesce(a.version, 0) else 0 end];
  end if;
  return array(select a.kind || '/' || a.id || '/' || v from unnest(v_versions) v);
end
$$;

-- All that can be reached from some nodes in one direction, these among them, nearest first; no more than p_limit. A step
-- at a time: a circle ends where it began.
create function private.lineage_walk(p_project_id uuid, p_from text[], p_down boolean, p_depth int, p_limit int)
returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_seen text[] := p_from;
  v_front text[] := p_from;
begin
  for i in 1..p_depth loop
    exit when cardinality(v_front) = 0 or cardinality(v_seen) >= p_limit;
    v_front := array(
      select s.node from (
        -- "offset 0": by the index for each node, and never all edges of the project.
        select e.target_kind || '/' || e.target_id || '/' || e.target_version as node, e.created_at
        from unnest(v_front) f cross join lateral (
          select * from insighter.lineage_edges e
          where p_down and e.project_id = p_project_id and e.source_kind = split_part(f, '/', 1)
            and e.source_id = split_part(f, '/', 2) and e.source_version = split_part(f, '/', 3)::int offset 0) e
        union all
        select e.source_kind || '/' || e.source_id || '/' || e.source_version, e.created_at
        from unnest(v_front) f cross join lateral (
          select * from insighter.lineage_edges e
          where not p_down and e.project_id = p_project_id and e.target_kind = split_part(f, '/', 1)
            and e.target_id = split_part(f, '/', 2) and e.target_version = split_part(f, '/', 3)::int offset 0) e
      ) s
      where not exists (select from unnest(v_seen) n where n = s.node)
      group by s.node order by max(s.created_at) desc, s.node limit p_limit - cardinality(v_seen));
    v_seen := v_seen || v_front;
  end loop;
  return v_seen;
end
$$;

-- What is told of nodes. "more_up" and "more_down" count the edges that lead out of the set, up to a hundred.
create function private.lineage_nodes_json(p_project_id uuid, p_nodes text[]) returns jsonb
language sql stable set search_path = '' as $$
  with wanted as (
    select n.node, n.position, split_part(n.node, '/', 1) as kind, split_part(n.node, '/', 2) as id,
      split_part(n.node, '/', 3)::int as version
    from unnest(p_nodes) with ordinality n (node, position)
  ), onward as (
    select e.source, e.target from (
      select e.source_kind || '/' || e.source_id || '/' || e.source_version as source,
        e.target_kind || '/' || e.target_id || '/' || e.target_version as target
      from wanted w cross join lateral (
        select * from insighter.lineage_edges e
        where e.project_id = p_project_id and e.source_kind = w.kind and e.source_id = w.id and e.source_version = w.version
          and not exists (select from unnest(p_nodes) n
            where n = e.target_kind || '/' || e.target_id || '/' || e.target_version)
        limit 100) e
      union all
      select e.source_kind || '/' || e.source_id || '/' || e.source_version,
        e.target_kind || '/' || e.target_id || '/' || e.target_version
      from wanted w cross join lateral (
        select * from insighter.lineage_edges e
        where e.project_id = p_project_id and e.target_kind = w.kind and e.target_id = w.id and e.target_version = w.version
          and not exists (select from unnest(p_nodes) n
            where n = e.source_kind || '/' || e.source_id || '/' || e.source_version)
        limit 100) e) e
  ), down as (
    select l.source as node, count(*) as count from onward l group by 1
  ), up as (
    select l.target as node, count(*) as count from onward l group by 1
  ), found as (
    select w.node, w.position, w.kind, w.version, a.key, a.name, a.version as newest, a.status, a.deleted_at,
      coalesce(dv.version, mv.version, nv.version) as there,
      coalesce(dv.created_at, mv.created_at, nv.created_at, a.created_at) as created_at,
      coalesce(dv.created_by, mv.created_by, nv.created_by, a.created_by) as created_by, mv.model_id
    from wanted w
    join insighter.assets a on a.project_id = p_project_id and a.kind = w.kind and a.id = w.id
    left join insighter.dataset_versions dv on w.kind = 'dataset' and dv.project_id = p_project_id
      and dv.dataset_id = a.uuid and dv.version = w.version
    left join insighter.model_versions mv on w.kind = 'model' and mv.project_id = p_project_id
      and mv.model_id = a.uuid and mv.version = w.version
    left join insighter.notebook_versions nv on w.kind = 'notebook' and nv.project_id = p_project_id
      and nv.notebook_id = a.uuid and nv.version = w.version
  ), people as materialized (
    -- Each person once, whatever they made.
    select p.user_id, p.display_name from insighter.profiles p where p.user_id in (select f.created_by from found f)
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', f.node, 'kind', f.kind, 'key', f.key, 'name', f.name, 'version', nullif(f.version, 0),
    'newest', case when f.version > 0 then f.newest end,
    'status', case f.kind when 'model' then (
      select coalesce(string_agg('@' || l.alias, ' ' order by l.alias), '') from insighter.model_aliases l
      where l.project_id = p_project_id and l.model_id = f.model_id and l.version = f.version) else f.status end,
    'created_at', f.created_at, 'created_by', p.display_name,
    'deleted', f.deleted_at is not null
      or (f.version > 0 and private.lineage_versioned(f.kind) and f.there is null),
    'stale', f.version > 0 and f.version < f.newest,
    'more_up', coalesce(up.count, 0), 'more_down', coalesce(down.count, 0)) order by f.position), '[]')
  from found f
  left join people p on p.user_id = f.created_by
  left join up on up.node = f.node
  left join down on down.node = f.node
$$;

-- The graph around an asset: what it was made from ("up"), what was made from it ("down"), or both. Without an asset what
-- was tied last in the project. "more" says that there was no room for all within p_depth steps.
create function public.lineage_graph(
  p_project_id uuid, p_kind text default null, p_key text default null, p_version int default null,
  p_direction text default 'both', p_depth int default 10, p_limit int default 200
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_depth int := least(greatest(p_depth, 1), 50);
  v_centre text[] := '{}';
  v_up text[] := '{}';
  v_nodes text[];
  v_edges jsonb;
  v_more boolean;
begin
  if p_direction not in ('up', 'down', 'both') then
    perform private.fail(422, 'invalid_direction', format('there is no direction "%s"', left(p_direction, 20)),
      'up, down or both');
  elsif (p_kind is null) <> (p_key is null) then
    perform private.fail(422, 'invalid_asset', 'an asset is named by its kind and its key',
      'give both, or neither for the whole project');
  end if;
  if p_kind is null then
    v_nodes := array(
      select s.node from (
        select unnest(array[e.source_kind || '/' || e.source_id || '/' || e.source_version,
          e.target_kind || '/' || e.target_id || '/' || e.target_version]) as node, e.created_at
        from (select * from insighter.lineage_edges e where e.project_id = v_project.id
          order by e.created_at desc limit 5 * v_limit) e) s
      group by s.node order by max(s.created_at) desc, s.node limit v_limit + 1);
    v_more := cardinality(v_nodes) > v_limit;
    v_nodes := v_nodes[1:v_limit];
  else
    v_centre := (private.lineage_nodes_of(private.asset_of(v_project.id, p_kind, p_key), p_version))[1:v_limit];
    -- Neither side takes the other's room.
    if p_direction <> 'down' then
      v_up := private.lineage_walk(v_project.id, v_centre, false, v_depth,
        case p_direction when 'up' then v_limit + 1 else greatest(v_limit / 2, cardinality(v_centre)) + 1 end);
    end if;
    v_nodes := v_up;
    if p_direction <> 'up' then
      v_nodes := array(select distinct on (n.node) n.node from (
        select u.node, u.position from unnest(v_up) with ordinality u (node, position)
        union all select d.node, d.position from unnest(private.lineage_walk(v_project.id, v_centre, true, v_depth,
          v_limit + 1 - greatest(cardinality(v_up) - cardinality(v_centre), 0))) with ordinality d (node, position)) n
        order by n.node, n.position);
      v_nodes := v_centre || array(select n from unnest(v_nodes) n where not n = any (v_centre));
    end if;
    v_more := cardinality(v_nodes) > v_limit;
    v_nodes := v_nodes[1:v_limit];
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('source', e.source, 'target', e.target, 'verb', e.verb,
    'created_at', e.created_at) order by e.created_at, e.source, e.target, e.verb), '[]') into v_edges
  from (
    select n as source, e.target_kind || '/' || e.target_id || '/' || e.target_version as target, e.verb, e.created_at
    from unnest(v_nodes) n cross join lateral (
      select * from insighter.lineage_edges e
      where e.project_id = v_project.id and e.source_kind = split_part(n, '/', 1)
        and e.source_id = split_part(n, '/', 2) and e.source_version = split_part(n, '/', 3)::int offset 0) e) e
  where exists (select from unnest(v_nodes) n where n = e.target);
  return jsonb_build_object('centre', to_jsonb(v_centre), 'nodes', private.lineage_nodes_json(v_project.id, v_nodes),
    'edges', v_edges, 'more', v_more);
end
$$;

-- What would break without an asset, or a version of it: all that was made from it, counted by kind, and the endpoints
-- among it that run. What was deleted already is not counted.
create function public.lineage_impact(p_project_id uuid, p_kind text, p_key text, p_version int default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_asset insighter.assets := private.asset_of(p_project_id, p_kind, p_key);
  v_from text[] := private.lineage_nodes_of(v_asset, p_version);
  v_answer jsonb;
begin
  with recursive reached as (
    select split_part(n, '/', 1) as kind, split_part(n, '/', 2) as id, split_part(n, '/', 3)::int as version
    from unnest(v_from) n
    union
    select e.target_kind, e.target_id, e.target_version
    from reached r cross join lateral (
      select * from insighter.lineage_edges e
      where e.project_id = v_asset.project_id and e.source_kind = r.kind and e.source_id = r.id
        and e.source_version = r.version offset 0) e
  ), bounded as materialized (
    select * from reached limit 20000
  ), affected as materialized (
    select distinct a.kind, a.id, a.name, a.status from bounded b
    join insighter.assets a on a.project_id = v_asset.project_id and a.kind = b.kind and a.id = b.id
    where a.deleted_at is null and (a.kind, a.id) <> (v_asset.kind, v_asset.id)
  )
  select jsonb_build_object(
    'kinds', (select coalesce(jsonb_agg(jsonb_build_object('kind', k.kind, 'count', k.count) order by k.kind), '[]')
      from (select f.kind, count(*) as count from affected f group by 1) k),
    'running', (select coalesce(jsonb_agg(d.name order by d.name), '[]')
      from (select f.name from affected f where f.kind = 'deployment' and f.status in ('starting', 'healthy')
        order by f.name limit 20) d),
    'more', (select count(*) >= 20000 from bounded))
  into v_answer;
  return v_answer;
end
$$;

-- ---- for OpenLineage ------------------------------------------------------------------------------------------------

-- Kinds that do something, while those of all others are something.
create function private.lineage_process(p_kind text) returns boolean
language sql immutable set search_path = '' as $$
  select p_kind in ('run', 'deployment', 'workflow')
$$;

-- What was done, with what went in and what came out: runs and deployments, and for a version made without them its making.
-- By kind and id; a page can be empty and not the last.
create function public.lineage_processes(p_project_id uuid, p_limit int default 500, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_answer jsonb;
begin
  with page as materialized (
    select a.kind, a.id, a.key, a.name, a.status, a.uuid, a.created_at, a.updated_at from insighter.assets a
    where a.project_id = v_project.id and a.deleted_at is null
      and (p_cursor is null or (a.kind, a.id) > (split_part(p_cursor, '/', 1), split_part(p_cursor, '/', 2)))
    order by a.kind, a.id limit v_limit
  ), edges as materialized (
    select p.kind, p.id, case when private.lineage_process(p.kind) then 0 else e.target_version end as version,
      true as input, e.source_kind as other_kind, e.source_id as other_id, e.source_version as other_version
    from page p cross join lateral (
      select * from insighter.lineage_edges e
      where e.project_id = v_project.id and e.target_kind = p.kind and e.target_id = p.id offset 0) e
    where private.lineage_process(p.kind) or not private.lineage_process(e.source_kind)
    union
    -- What a process hands to another is an output of its own name.
    select p.kind, p.id, 0, false, case when private.lineage_process(e.target_kind) then p.kind else e.target_kind end,
      case when private.lineage_process(e.target_kind) then p.id else e.target_id end,
      case when private.lineage_process(e.target_kind) then 0 else e.target_version end
    from page p cross join lateral (
      select * from insighter.lineage_edges e
      where e.project_id = v_project.id and e.source_kind = p.kind and e.source_id = p.id offset 0) e
    where private.lineage_process(p.kind)
    union
    -- What is made without a process comes out of its own making.
    select p.kind, p.id, e.target_version, false, p.kind, p.id, e.target_version
    from page p cross join lateral (
      select * from insighter.lineage_edges e
      where e.project_id = v_project.id and e.target_kind = p.kind and e.target_id = p.id offset 0) e
    where not private.lineage_process(p.kind) and not private.lineage_process(e.source_kind)
  ), data as materialized (
    -- Each once, of datasets with their columns.
    select d.kind, d.id, d.version, jsonb_build_object('kind', a.kind, 'key', a.key, 'name', a.name,
      'version', nullif(d.version, 0), 'columns', v.columns) as item
    from (select distinct e.other_kind as kind, e.other_id as id, e.other_version as version from edges e) d
    join insighter.assets a on a.project_id = v_project.id and a.kind = d.kind and a.id = d.id
    left join insighter.dataset_versions v on d.kind = 'dataset' and v.project_id = v_project.id
      and v.dataset_id = a.uuid and v.version = d.version
  ), found as (
    select e.kind, e.id, e.version,
      coalesce(jsonb_agg(d.item order by d.kind, d.id, d.version) filter (where e.input), '[]') as inputs,
      coalesce(jsonb_agg(d.item order by d.kind, d.id, d.version) filter (where not e.input), '[]') as outputs
    from edges e join data d on d.kind = e.other_kind and d.id = e.other_id and d.version = e.other_version
    group by 1, 2, 3
  )
  select jsonb_build_object(
    'items', coalesce((
      select jsonb_agg(jsonb_build_object(
        'kind', p.kind, 'id', p.id, 'key', p.key, 'name', p.name, 'version', nullif(f.version, 0),
        'job', coalesce((select x.name from insighter.experiments x
          where x.project_id = v_project.id and x.id = r.experiment_id), p.name),
        'status', p.status,
        -- Milliseconds: those of a run are what its client said, whatever that is.
        'started', coalesce(r.start_time, private.ms(coalesce(dv.created_at, mv.created_at, p.created_at))),
        'ended', case p.kind when 'run' then r.end_time else private.ms(p.updated_at) end,
        'inputs', f.inputs, 'outputs', f.outputs)
        order by p.kind, p.id, f.version)
      from found f join page p on p.kind = f.kind and p.id = f.id
      left join insighter.runs r on r.project_id = v_project.id and r.id = case p.kind when 'run' then p.id::uuid end
      left join insighter.dataset_versions dv on p.kind = 'dataset' and dv.project_id = v_project.id
        and dv.dataset_id = p.uuid and dv.version = f.version
      left join insighter.model_versions mv on p.kind = 'model' and mv.project_id = v_project.id
        and mv.model_id = p.uuid and mv.version = f.version), '[]'),
    'cursor', (select case when count(*) = v_limit
      then (array_agg(p.kind || '/' || p.id order by p.kind desc, p.id desc))[1] end from page p))
  into v_answer;
  return v_answer;
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('lineage_check', 'lineage_upload', 'lineage_note', 'lineage_graph', 'lineage_impact',
  'lineage_processes');
grant execute on function private.lineage_add, private.lineage_read, private.lineage_logged, private.lineage_origin,
  private.lineage_traced, private.lineage_versioned, private.lineage_version_exists, private.lineage_sources,
  private.lineage_made, private.lineage_nodes_of, private.lineage_walk, private.lineage_nodes_json,
  private.lineage_process to authenticated;
