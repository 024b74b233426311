-- Deployments of many accounts, on many machines. A row says which machine runs its process, and for whom: the server on that
-- machine looks after it as that account, with that account's rights, and stops what the account may not run any more.
--
-- A machine is known by a secret of 256 bits that it keeps in its data folder; here is the secret's hash. Whoever knows the
-- secret learns which deployments the machine has, and for whom. It is the authority because nothing else is at hand: a
-- server that starts has processes to look after, and nobody has signed in to it yet.

alter table insighter.deployments
  -- For people; it says nothing of rights.
  add column host text check (char_length(host) between 1 and 255),
  -- Null for what was deployed before machines were told apart: whoever has its folder runs it.
  add column host_hash text check (host_hash ~ '^[0-9a-f]{64}$'),
  -- Whoever started it last; before there was this column, who made it.
  add column run_by uuid;
alter table insighter.deployments alter column run_by set default auth.uid();
create index deployments_host on insighter.deployments (host_hash);

grant insert (host, host_hash), update (host, host_hash, run_by) on insighter.deployments to authenticated;

-- Nobody has a process run in another's name.
create function private.deployment_run_by() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.run_by is distinct from auth.uid() then
    perform private.fail(403, 'not_yours', 'a deployment is started in one''s own name', null);
  end if;
  return new;
end
$$;

create trigger deployment_run_by before update of run_by on insighter.deployments
for each row when (new.run_by is distinct from old.run_by) execute function private.deployment_run_by();

create or replace function private.deployment_json(d insighter.deployments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', d.id, 'project_id', d.project_id, 'name', d.name, 'model', d.model_name, 'version', d.model_version,
    'port', d.port, 'status', d.status, 'reason', d.reason, 'attempt', d.attempt,
    'path', 'insighter/serve/' || (select p.slug from insighter.projects p where p.id = d.project_id) || '/' || d.name,
    'host', d.host, 'host_hash', d.host_hash,
    -- What a process writes can hold what it was sent: whoever reads the project without being a member does not see it.
    'log_shown', d.project_id in (select private.membership_ids()),
    'created_at', d.created_at, 'updated_at', d.updated_at,
    'created_by', coalesce(
      (select f.display_name from insighter.profiles f where f.user_id = d.created_by), 'someone'))
$$;

-- ---- making and starting: on which machine --------------------------------------------------------------------------

drop function public.deployments_create(uuid, uuid, text, text, int, int);
drop function public.deployments_start(uuid, text);

-- A machine proves itself by its secret: nobody puts a deployment on a machine that is not theirs to speak for.
create function private.host_hash(p_key text) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to(p_key, 'UTF8')), 'hex')
$$;

-- The id comes from the caller, who has to hold the deployment's folder before anybody can see its row.
create function public.deployments_create(
  p_project_id uuid, p_id uuid, p_name text, p_model_name text, p_model_version int, p_port int default null,
  p_host text default null, p_host_key text default null
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
    insert into insighter.deployments
      (id, project_id, name, model_name, model_version, port, created_by, host, host_hash)
    values (p_id, v_project.id, p_name, p_model_name, p_model_version, p_port, auth.uid(), p_host, private.host_hash(p_host_key))
    returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'deployment_exists', format('"%s" already has a deployment "%s"', v_project.name, p_name),
      'choose another name, or delete that deployment first');
  end;
  perform private.deployment_event(v_new, 'deployed');
  return private.deployment_json(v_new);
end
$$;

-- From now on it runs on the caller's machine, and in the caller's name.
create function public.deployments_start(
  p_project_id uuid, p_name text, p_host text default null, p_host_key text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_deployment insighter.deployments := private.deployment_for_change(p_project_id, p_name);
begin
  perform private.project_for(p_project_id, 'editor');
  if v_deployment.status in ('starting', 'healthy') then
    perform private.fail(409, 'deployment_running', format('"%s" is %s already%s', p_name,
      case v_deployment.status when 'healthy' then 'running' else 'starting' end,
      case when v_deployment.host_hash <> private.host_hash(p_host_key) then ', on ' || v_deployment.host else '' end),
      'stop it first to start it anew');
  end if;
  update insighter.deployments set status = 'starting', reason = null, attempt = attempt + 1, host = p_host,
    host_hash = private.host_hash(p_host_key), run_by = auth.uid(), updated_at = now()
  where id = v_deployment.id returning * into v_deployment;
  perform private.deployment_event(v_deployment, 'started');
  return private.deployment_json(v_deployment);
end
$$;

-- ---- what a machine asks about its own ------------------------------------------------------------------------------

drop function public.deployments_active();
drop function public.deployments_known(jsonb);

create function private.deployment_is_of(d insighter.deployments, p_key text) returns boolean
language sql immutable set search_path = '' as $$
  select d.host_hash is null or d.host_hash = private.host_hash(p_key)
$$;

-- May the account still have it run? It has to be an editor, and to see the deployment itself.
create function private.deployment_permitted(d insighter.deployments) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from insighter.members m
    where m.project_id = d.project_id and m.user_id = coalesce(d.run_by, d.created_by) and m.role >= 'editor'
      and not exists (
        select from insighter.restrictions r
        where r.project_id = d.project_id and r.asset_kind = 'deployment' and r.asset_id = d.id
          and m.role < r.min_role and not m.user_id = any (r.people)))
$$;
revoke all on function private.deployment_is_of, private.deployment_permitted from public;

-- A machine's deployments: under "known" the status of those among p_ids (the ids of the folders it has) that are its own,
-- under "active" those that shall have a process, with the account in whose name, and whether that account still may.
-- Callable before anybody signed in; whoever asks holds the machine's secret, of 256 bits.
create function public.deployments_of_host(p_key text, p_ids jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with given as (select i::uuid as id from jsonb_array_elements_text(p_ids) i),
  own as (
    select d from insighter.deployments d
    where d.host_hash = private.host_hash(p_key)
    union all
    select d from given g join insighter.deployments d on d.id = g.id where d.host_hash is null
  )
  select jsonb_build_object(
    'known', coalesce((select jsonb_object_agg((d).id, (d).status) from own where (d).id in (select id from given)), '{}'),
    'active', coalesce((
      select jsonb_agg(private.deployment_json(d) || jsonb_build_object(
        'run_by', coalesce((d).run_by, (d).created_by), 'permitted', private.deployment_permitted(d)))
      from own where (d).status in ('starting', 'healthy')), '[]'))
$$;

-- Stop what runs for somebody who may not run it any more. Of no effect otherwise, or without the machine's secret. It is
-- that account which is on record: its right ended.
create function public.deployments_withdraw(p_id uuid, p_key text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_deployment insighter.deployments;
begin
  select * into v_deployment from insighter.deployments where id = p_id for update;
  if v_deployment.id is null or v_deployment.status not in ('starting', 'healthy')
    or auth.uid() is distinct from coalesce(v_deployment.run_by, v_deployment.created_by)
    or not private.deployment_is_of(v_deployment, p_key) or private.deployment_permitted(v_deployment) then
    return jsonb_build_object('stopped', false);
  end if;
  update insighter.deployments set status = 'stopped', updated_at = now(), reason =
    'whoever started it may not run it any more: start it again to have it run in your name'
  where id = p_id returning * into v_deployment;
  perform private.deployment_event(v_deployment, 'stopped');
  return jsonb_build_object('stopped', true);
end
$$;

call private.expose('deployments_create', 'deployments_start', 'deployments_of_host', 'deployments_withdraw');
grant execute on function public.deployments_of_host to anon;
grant execute on function private.deployment_run_by, private.host_hash to authenticated;
