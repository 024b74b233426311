-- Deployments: endpoints that serve a model version. A row says what is wanted and what was last seen; the process itself is
-- found through its folder on the machine that runs it.

create table insighter.deployments (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  model_name text not null check (char_length(model_name) between 1 and 250),
  model_version int not null check (model_version >= 1),
  port int check (port between 1024 and 65535),
  status text not null default 'starting' check (status in ('starting', 'healthy', 'failed', 'stopped')),
  reason text check (char_length(reason) <= 4000),
  -- Counts the starts: what is reported of an earlier one is not taken for the present one.
  attempt int not null default 1,
  created_by uuid not null references auth.users (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, name)
);
create index deployments_active on insighter.deployments (status) where status in ('starting', 'healthy');

alter table insighter.deployments enable row level security;
grant select, delete, insert (id, project_id, name, model_name, model_version, port, created_by),
  update (status, reason, attempt, updated_at) on insighter.deployments to authenticated;

create policy deployments_select on insighter.deployments for select to authenticated
  using (project_id in (select private.project_ids()));
create policy deployments_insert on insighter.deployments for insert to authenticated
  with check (project_id in (select private.project_ids('editor')) and created_by = (select auth.uid()));
create policy deployments_update on insighter.deployments for update to authenticated
  using (project_id in (select private.project_ids('editor')))
  with check (project_id in (select private.project_ids('editor')));
create policy deployments_delete on insighter.deployments for delete to authenticated
  using (project_id in (select private.project_ids('editor')));

-- ---- the API --------------------------------------------------------------------------------------------------------

create function private.deployment_json(d insighter.deployments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', d.id, 'project_id', d.project_id, 'name', d.name, 'model', d.model_name, 'version', d.model_version,
    'port', d.port, 'status', d.status, 'reason', d.reason, 'attempt', d.attempt,
    'path', 'insighter/serve/' || (select p.slug from insighter.projects p where p.id = d.project_id) || '/' || d.name,
    'created_at', d.created_at, 'updated_at', d.updated_at,
    'created_by', coalesce(
      (select f.display_name from insighter.profiles f where f.user_id = d.created_by), 'someone'))
$$;

create function private.deployment_missing(p_name text) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.fail(404, 'deployment_not_found', format('no deployment "%s" in this project', p_name),
    'GET /insighter/api/projects/<project id>/deployments lists those there are');
end
$$;

-- A deployment as seen by the caller, or 404.
create function private.deployment(p_project_id uuid, p_name text) returns insighter.deployments
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_deployment insighter.deployments;
begin
  select * into v_deployment from insighter.deployments where project_id = v_project.id and name = p_name;
  if not found then
    perform private.deployment_missing(p_name);
  end if;
  return v_deployment;
end
$$;

-- The same, locked for a change: 403 for a role that is too low. Stopping is allowed in an archived project too.
create function private.deployment_for_change(p_project_id uuid, p_name text) returns insighter.deployments
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment(p_project_id, p_name);
begin
  if p_project_id not in (select private.project_ids('editor')) then
    perform private.fail(403, 'role_too_low', 'only editors of the project change its deployments',
      'ask an admin of the project');
  end if;
  select * into v_deployment from insighter.deployments where id = v_deployment.id for update;
  if not found then
    perform private.deployment_missing(p_name);
  end if;
  return v_deployment;
end
$$;

create function private.deployment_event(d insighter.deployments, p_verb text) returns void
language sql set search_path = '' as $$
  select private.record(d.project_id, p_verb, 'deployment', d.id::text, d.name, jsonb_strip_nulls(jsonb_build_object(
    'model', d.model_name, 'version', d.model_version,
    'reason', case when p_verb = d.status then left(d.reason, 500) end)))
$$;

-- The id comes from the caller, who has to hold the deployment's folder before anybody can see its row.
create function public.deployments_create(
  p_project_id uuid, p_id uuid, p_name text, p_model_name text, p_model_version int, p_port int default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_new insighter.deployments;
begin
  if p_name !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' then
    perform private.fail(422, 'invalid_name', format('"%s" cannot be part of an address', p_name),
      'use 1 to 63 lower-case letters (a-z), digits and dashes, with a letter or digit at both ends');
  end if;
  begin
    insert into insighter.deployments (id, project_id, name, model_name, model_version, port, created_by)
    values (p_id, v_project.id, p_name, p_model_name, p_model_version, p_port, auth.uid())
    returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'deployment_exists', format('"%s" already has a deployment "%s"', v_project.name, p_name),
      'choose another name, or delete that deployment first');
  end;
  perform private.deployment_event(v_new, 'deployed');
  return private.deployment_json(v_new);
end
$$;

create function public.deployments_list(p_project_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.deployment_json(d) order by d.name), '[]')
  from private.project(p_project_id) p join insighter.deployments d on d.project_id = p.id
$$;

create function public.deployments_get(p_project_id uuid, p_name text) returns jsonb
language sql stable set search_path = '' as $$
  select private.deployment_json(private.deployment(p_project_id, p_name))
$$;

-- By address; asked for each request to an endpoint.
create function public.deployments_resolve(p_project text, p_name text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_deployment insighter.deployments;
begin
  select d.* into v_deployment
  from insighter.projects p join insighter.deployments d on d.project_id = p.id
  where p.slug = p_project and d.name = p_name;
  if not found then
    perform private.fail(404, 'deployment_not_found', 'no such endpoint, or it is not shared with you',
      'the deployments of a project show their addresses');
  end if;
  return private.deployment_json(v_deployment);
end
$$;

-- Those the caller sees that shall have a process.
create function public.deployments_active() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.deployment_json(d)), '[]')
  from insighter.deployments d where d.status in ('starting', 'healthy')
$$;

-- Which of these deployments there are, whoever may see them, and their status: a server must not take the process of another
-- account's deployment for a left-over. It tells nothing to those who do not know the ids.
create function public.deployments_known(p_ids jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_object_agg(d.id, d.status), '{}')
  from insighter.deployments d where d.id in (select i::uuid from jsonb_array_elements_text(p_ids) i)
$$;

create function public.deployments_start(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment_for_change(p_project_id, p_name);
begin
  perform private.project_for(p_project_id, 'editor');
  if v_deployment.status in ('starting', 'healthy') then
    perform private.fail(409, 'deployment_running', format('"%s" is %s already', p_name,
      case v_deployment.status when 'healthy' then 'running' else 'starting' end), 'stop it first to start it anew');
  end if;
  update insighter.deployments set status = 'starting', reason = null, attempt = attempt + 1, updated_at = now()
  where id = v_deployment.id returning * into v_deployment;
  perform private.deployment_event(v_deployment, 'started');
  return private.deployment_json(v_deployment);
end
$$;

-- What does not run stays as it is: stopping twice is no error, and the reason of a failure is kept.
create function public.deployments_stop(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment_for_change(p_project_id, p_name);
begin
  if v_deployment.status in ('starting', 'healthy') then
    update insighter.deployments set status = 'stopped', reason = null, updated_at = now()
    where id = v_deployment.id returning * into v_deployment;
    perform private.deployment_event(v_deployment, 'stopped');
  end if;
  return private.deployment_json(v_deployment);
end
$$;

-- What was seen of the process of a start. Of no effect when it is news of an earlier start, no news, or the caller may not
-- write: the answer tells what is recorded.
create function public.deployments_set_status(
  p_project_id uuid, p_name text, p_id uuid, p_attempt int, p_status text, p_reason text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments;
begin
  update insighter.deployments set status = p_status, reason = left(p_reason, 4000), updated_at = now()
  where id = p_id and attempt = p_attempt and status in ('starting', 'healthy') and status <> p_status
    and p_status in ('healthy', 'failed', 'stopped')
  returning * into v_deployment;
  if found then
    perform private.deployment_event(v_deployment, p_status);
  else
    v_deployment := private.deployment(p_project_id, p_name);
  end if;
  return private.deployment_json(v_deployment);
end
$$;

create function public.deployments_delete(p_project_id uuid, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment_for_change(p_project_id, p_name);
  v_answer jsonb := private.deployment_json(v_deployment);
begin
  perform private.project_for(p_project_id, 'editor');
  delete from insighter.deployments where id = v_deployment.id;
  perform private.deployment_event(v_deployment, 'deleted');
  return v_answer;
end
$$;

call private.expose('deployments_create', 'deployments_list', 'deployments_get', 'deployments_resolve',
  'deployments_active', 'deployments_known', 'deployments_start', 'deployments_stop', 'deployments_set_status',
  'deployments_delete');
grant execute on function private.deployment_json, private.deployment_missing, private.deployment,
  private.deployment_for_change, private.deployment_event to authenticated;
