-- Runs whose kernel ended before they did. Whoever begins a run says when it ends; a process that was killed says nothing
-- any more, and its run would be running for ever. Which kernel a run is of is known by the credential it was begun with.

alter table insighter.runs add column credential_id uuid;
alter table insighter.runs
  alter column credential_id set default (auth.jwt() -> 'insighter' ->> 'credential')::uuid;
create index runs_of_kernels on insighter.runs (credential_id)
  where status in ('RUNNING', 'SCHEDULED') and credential_id is not null;

-- Credentials do not go along with a project's file.
update insighter.archived_tables set left_out = left_out || '{credential_id}'::text[] where name = 'runs';

-- When a run was last heard of, in milliseconds: its newest metric, or the last use of its kernel's credential, which is noted
-- to the minute. A client's clock may be wrong, but nothing has ended in the future or before it began.
create function private.run_last_heard(r insighter.runs) returns bigint
language sql stable set search_path = '' as $$
  select greatest(r.start_time, least(private.ms(clock_timestamp()), greatest(
    (select max(l.time) from insighter.run_metrics_latest l where l.project_id = r.project_id and l.run_id = r.id),
    (select private.ms(c.last_used_at) from insighter.credentials c where c.id = r.credential_id))))
$$;

-- Say of the runs of a kernel that ended how they ended. A definer function: it is for whoever started the kernel, and goes for
-- one who may not change the project any more, too; the kernel's own rights have ended with it. "p_late": it ended some time
-- ago, and is found out only now. Runs begun by a program with an access token are not asked about: they end themselves.
create function public.runs_abandon(p_credential_id uuid, p_reason text, p_detail text, p_late boolean default false)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_claims jsonb := auth.jwt() -> 'insighter';
  v_project uuid;
  v_run insighter.runs;
  v_ids text[] := '{}';
begin
  if p_reason is null or p_reason not in ('out_of_memory', 'killed', 'crashed', 'restarted', 'shut_down', 'server_gone', 'lost')
  then
    perform private.fail(422, 'invalid_reason', 'no such reason for the end of a kernel',
      'out_of_memory, killed, crashed, restarted, shut_down, server_gone or lost');
  end if;
  select c.project_id into v_project from insighter.credentials c
  where c.id = p_credential_id and c.kind = 'kernel' and c.user_id = auth.uid()
    and c.project_id = coalesce((v_claims ->> 'project')::uuid, c.project_id)
    and coalesce((v_claims ->> 'role')::insighter.project_role, 'owner') >= 'editor';
  for v_run in
    select * from insighter.runs r
    where r.credential_id = p_credential_id and r.project_id = v_project and r.status in ('RUNNING', 'SCHEDULED')
    order by r.id for update
  loop
    update insighter.runs r set
      status = case when p_reason in ('restarted', 'shut_down') then 'KILLED' else 'FAILED' end,
      end_time = case when p_late then private.run_last_heard(v_run)
        else greatest(v_run.start_time, private.ms(clock_timestamp())) end,
      tags = r.tags
        || jsonb_build_object('insighter.failure.reason', p_reason, 'insighter.failure.detail', left(p_detail, 2000))
    where r.project_id = v_run.project_id and r.id = v_run.id;
    perform private.record(v_run.project_id, case when p_reason in ('restarted', 'shut_down') then 'stopped' else 'failed' end,
      'run', private.hex(v_run.id), v_run.name,
      jsonb_build_object('experiment_id', v_run.experiment_id::text, 'reason', p_reason));
    v_ids := v_ids || private.hex(v_run.id);
  end loop;
  return jsonb_build_object('abandoned', to_jsonb(v_ids));
end
$$;

-- What a server that ended gave to kernels that have runs still running, of all accounts; by the server's name, its secret.
create function public.runs_of_issuer(p_issuer text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('credential_id', c.id, 'account', c.user_id, 'project_id', c.project_id)), '[]')
  from insighter.credentials c
  where c.issuer = encode(sha256(convert_to(p_issuer, 'UTF8')), 'hex') and c.kind = 'kernel'
    and exists (select from insighter.runs r where r.credential_id = c.id and r.status in ('RUNNING', 'SCHEDULED'))
$$;

call private.expose('runs_abandon', 'runs_of_issuer');
grant execute on function public.runs_of_issuer to anon;
revoke all on function private.run_last_heard from public, anon, authenticated, service_role;
