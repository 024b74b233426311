-- The run table: sets of columns that a project keeps, and what is done to many runs at once.
--
-- A view says what a table of runs shows: which columns, in which order and how wide, sorted, filtered and grouped by what. It
-- belongs to an experiment, or to all of the project. It is the project's: whoever sees the runs sees it, editors change it, and
-- who changes one that somebody else has changed meanwhile is told so.

-- ---- views ----------------------------------------------------------------------------------------------------------

create table insighter.run_views (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  -- Null: for all experiments of the project.
  experiment_id bigint,
  name text not null check (char_length(name) between 1 and 100 and name !~ '[[:cntrl:]]' and name = btrim(name)),
  -- [{key, width, pinned, best}]; the order is the table's.
  columns jsonb not null default '[]' check (jsonb_typeof(columns) = 'array' and octet_length(columns::text) <= 100000),
  -- [{key, descending}]
  sort jsonb not null default '[]' check (jsonb_typeof(sort) = 'array' and octet_length(sort::text) <= 10000),
  filter text not null default '' check (char_length(filter) <= 5000),
  -- Empty: not grouped.
  group_by text not null default '' check (char_length(group_by) <= 300),
  -- What one sees who opens the experiment and has chosen nothing.
  is_default boolean not null default false,
  version int not null default 1,
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id),
  unique (id),
  foreign key (project_id, experiment_id) references insighter.experiments (project_id, id) on delete cascade
);
create unique index run_views_name on insighter.run_views (project_id, coalesce(experiment_id, 0), lower(name));
create unique index run_views_default on insighter.run_views (project_id, coalesce(experiment_id, 0)) where is_default;
create index run_views_experiment on insighter.run_views (project_id, experiment_id);

alter table insighter.run_views enable row level security;
grant select, insert, delete,
  update (experiment_id, name, columns, sort, filter, group_by, is_default, version, updated_at)
  on insighter.run_views to authenticated;
create policy run_views_select on insighter.run_views for select to authenticated
  using (project_id in (select private.project_ids()));
create policy run_views_insert on insighter.run_views for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
create policy run_views_update on insighter.run_views for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy run_views_delete on insighter.run_views for delete to authenticated
  using (project_id in (select private.project_ids('editor')));
call private.audited('insighter.run_views', 'run_view', 'project_id', 'id', 'name', 'version');
call private.archived('insighter.run_views', 86,
  'id=new:run_view experiment_id=id:experiment name columns sort filter group_by is_default version created_by=me created_at
   updated_at');

create function private.view_json(v insighter.run_views) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', v.id, 'name', v.name, 'experiment_id', v.experiment_id::text, 'columns', v.columns,
    'sort', v.sort, 'filter', v.filter, 'group_by', v.group_by, 'is_default', v.is_default, 'version', v.version,
    -- Whoever reads a public project knows nobody in it.
    'created_by', (select p.display_name from insighter.profiles p where p.user_id = v.created_by),
    'updated_at', v.updated_at)
$$;

-- An experiment of a project, deleted ones too.
create function private.experiment_in(p_project_id uuid, p_experiment_id text) returns insighter.experiments
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.experiments;
begin
  if p_experiment_id ~ '^[0-9]{1,18}$' then
    select * into v_found from insighter.experiments
    where project_id = p_project_id and id = p_experiment_id::bigint;
  end if;
  if v_found.id is null then
    perform private.fail(404, 'experiment_not_found', 'no such experiment in this project');
  end if;
  return v_found;
end
$$;

-- Those for an experiment, its own first, each by name; of all experiments where none is named.
create function public.views_list(p_project_id uuid, p_experiment_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_experiment bigint;
begin
  if p_experiment_id is not null then
    v_experiment := (private.experiment_in(v_project.id, p_experiment_id)).id;
  end if;
  return (
    select jsonb_build_object('items', coalesce(jsonb_agg(private.view_json(v)
      order by v.experiment_id is null, lower(v.name), v.id), '[]'))
    from insighter.run_views v
    where v.project_id = v_project.id
      and (v_experiment is null or v.experiment_id is null or v.experiment_id = v_experiment));
end
$$;

-- Keep a view: a new one where no id is given; else the one with the id, which is still the version that was read.
create function public.views_save(
  p_project_id uuid, p_name text, p_id uuid default null, p_version int default null, p_experiment_id text default null,
  p_columns jsonb default '[]', p_sort jsonb default '[]', p_filter text default '', p_group_by text default '',
  p_default boolean default false
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_experiment bigint;
  v_old insighter.run_views;
  v_view insighter.run_views;
begin
  -- One after another: there is one default, and a limit.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('insighter.views ' || v_project.id, 0));
  if p_experiment_id is not null then
    v_experiment := (private.experiment_in(v_project.id, p_experiment_id)).id;
  end if;
  if p_id is not null then
    select * into v_old from insighter.run_views where project_id = v_project.id and id = p_id for update;
    if not found then
      perform private.fail(404, 'view_not_found', 'this view was deleted', 'save it as a new one');
    elsif v_old.version is distinct from p_version then
      perform private.fail(409, 'view_changed', format('the view "%s" was changed meanwhile', v_old.name),
        'load it again, or save yours under another name');
    end if;
  elsif (select count(*) from insighter.run_views where project_id = v_project.id) >= 500 then
    perform private.fail(422, 'too_many_views', 'a project keeps 500 views', 'delete one that nobody needs');
  end if;
  if p_default then
    update insighter.run_views set is_default = false, version = version + 1, updated_at = now()
    where project_id = v_project.id and coalesce(experiment_id, 0) = coalesce(v_experiment, 0) and is_default
      and id is distinct from p_id;
  end if;
  begin
    if p_id is null then
      insert into insighter.run_views (project_id, experiment_id, name, columns, sort, filter, group_by, is_default)
      values (v_project.id, v_experiment, btrim(p_name), p_columns, p_sort, p_filter, p_group_by, p_default)
      returning * into v_view;
    else
      update insighter.run_views set experiment_id = v_experiment, name = btrim(p_name), columns = p_columns, sort = p_sort,
        filter = p_filter, group_by = p_group_by, is_default = p_default, version = version + 1,
        updated_at = now()
      where project_id = v_project.id and id = p_id
      returning * into v_view;
    end if;
  exception when unique_violation then
    perform private.fail(409, 'view_exists', format('there is a view "%s" already', btrim(p_name)),
      'choose another name, or change that view');
  end;
  return private.view_json(v_view);
end
$$;

create function public.views_delete(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
begin
  delete from insighter.run_views where project_id = v_project.id and id = p_id;
  if not found then
    perform private.fail(404, 'view_not_found', 'this view was deleted already');
  end if;
  return '{}';
end
$$;

-- ---- many runs at once ----------------------------------------------------------------------------------------------

-- The runs of an experiment that a change is about, held until it is done: all of them or an error. In the order of their
-- ids, so that two such changes wait for each other and do not stop each other.
create function private.runs_held(p_project_id uuid, p_experiment_id text, p_run_ids jsonb) returns uuid[]
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_experiment insighter.experiments := private.experiment_in(p_project_id, p_experiment_id);
  v_asked uuid[];
  v_found uuid[];
begin
  if v_experiment.deleted_at is not null then
    perform private.fail(422, 'experiment_deleted', format('the experiment "%s" is deleted', v_experiment.name),
      'restore the experiment first');
  elsif jsonb_typeof(p_run_ids) is distinct from 'array' or p_run_ids = '[]' then
    perform private.fail(422, 'no_runs', 'say which runs: a list of their ids');
  elsif jsonb_array_length(p_run_ids) > 10000 then
    perform private.fail(422, 'too_many_runs', 'at most 10,000 runs change at once', 'do it in parts');
  elsif exists (select from jsonb_array_elements(p_run_ids) i
    where jsonb_typeof(i) <> 'string' or i #>> '{}' !~ '^[0-9a-f]{32}$') then
    perform private.fail(404, 'run_not_found', 'there is something among the ids that is no run’s id');
  end if;
  select array_agg(distinct i::uuid) into v_asked from jsonb_array_elements_text(p_run_ids) i;
  select array_agg(h.id) into v_found from (
    select r.id from insighter.runs r
    where r.project_id = v_project.id and r.id = any (v_asked) and r.experiment_id = v_experiment.id
    order by r.id for update) h;
  if coalesce(cardinality(v_found), 0) < cardinality(v_asked) then
    perform private.fail(404, 'run_not_found', format('%s of the %s runs are not in this experiment',
      cardinality(v_asked) - coalesce(cardinality(v_found), 0), cardinality(v_asked)),
      'nothing was changed; load the table again');
  end if;
  return v_found;
end
$$;

-- Set tags, or remove those whose value is null. Gives how many runs it changed.
create function public.runs_set_tags(p_project_id uuid, p_experiment_id text, p_run_ids jsonb, p_tags jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_ids uuid[] := private.runs_held(p_project_id, p_experiment_id, p_run_ids);
  v_name text;
  v_count int;
begin
  if jsonb_typeof(p_tags) is distinct from 'object' or p_tags = '{}' then
    perform private.fail(422, 'no_tags', 'say which tags: an object of their keys and values');
  elsif exists (select from jsonb_each(p_tags) t where jsonb_typeof(t.value) not in ('string', 'null')
    or t.key !~ '^[/\w.\- :]{1,250}$' or char_length(t.value #>> '{}') > 8000) then
    perform private.fail(422, 'invalid_tag',
      'a tag’s key has 1 to 250 letters, digits, blanks and _-./: , its value is a text of up to 8,000, or null to remove it');
  elsif p_tags ?| array['mlflow.runName', 'mlflow.user'] then
    perform private.fail(422, 'tag_of_one', 'the name and the user of a run are its own', 'rename runs one by one');
  elsif exists (select from insighter.runs where project_id = p_project_id and id = any (v_ids) and deleted_at is not null)
  then
    perform private.fail(422, 'run_deleted', 'there are deleted runs among them', 'restore them first');
  end if;
  update insighter.runs r set tags = jsonb_strip_nulls(r.tags || p_tags)
  where r.project_id = p_project_id and r.id = any (v_ids) and r.tags is distinct from jsonb_strip_nulls(r.tags || p_tags);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    select e.name into v_name from insighter.experiments e
    where e.project_id = p_project_id and e.id = p_experiment_id::bigint;
    perform private.record(p_project_id, 'runs_tagged', 'experiment', p_experiment_id, v_name,
      jsonb_build_object('count', v_count, 'keys', (select jsonb_agg(k) from jsonb_object_keys(p_tags) k)));
  end if;
  return jsonb_build_object('changed', v_count);
end
$$;

-- Delete runs or bring them back. Gives those that it did it to, which are those that an undo is about.
create function public.runs_set_deleted_many(p_project_id uuid, p_experiment_id text, p_run_ids jsonb, p_deleted boolean)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_ids uuid[] := private.runs_held(p_project_id, p_experiment_id, p_run_ids);
  v_done text[];
  v_name text;
begin
  with done as (
    update insighter.runs set deleted_at = case when p_deleted then now() end
    where project_id = p_project_id and id = any (v_ids) and (deleted_at is not null) <> p_deleted
    returning id
  )
  select coalesce(array_agg(private.hex(d.id) order by d.id), '{}') into v_done from done d;
  if p_deleted then
    insert into insighter.trash (project_id, asset_kind, asset_id)
    select p_project_id, 'run', d from unnest(v_done) d
    on conflict do nothing;
  else
    delete from insighter.trash t
    where t.project_id = p_project_id and t.asset_kind = 'run' and t.asset_id = any (v_done);
  end if;
  if v_done <> '{}' then
    select e.name into v_name from insighter.experiments e
    where e.project_id = p_project_id and e.id = p_experiment_id::bigint;
    perform private.record(p_project_id, case when p_deleted then 'runs_deleted' else 'runs_restored' end, 'experiment',
      p_experiment_id, v_name, jsonb_build_object('count', cardinality(v_done)));
  end if;
  return jsonb_build_object('run_ids', to_jsonb(v_done));
end
$$;

grant execute on function private.view_json, private.experiment_in, private.runs_held to authenticated;
revoke execute on function private.view_json, private.experiment_in, private.runs_held from public;
call private.expose('views_list', 'views_save', 'views_delete', 'runs_set_tags', 'runs_set_deleted_many');
