-- Audit: who changed what, as what, when, from what to what. Written in the transaction of the change, by triggers, so that
-- nothing that changes a row can forget it; append-only; and chained by hash, so that what is done behind the platform's
-- back shows.
--
-- Each project, organisation and account has a chain of its own. The chain's last row is known to its head, whose lock
-- makes the rows of one chain follow one another. That lock is taken at COMMIT, by deferred triggers: by then all locks on
-- what is changed are held, so that nobody who holds a head waits for anything but other heads. And these are taken all at
-- once, in one order: the first trigger of a transaction takes the heads of all chains that it is going to write to. A
-- deadlock is thus not possible, and one writer waits for another no longer than a COMMIT takes.

create table insighter.audit (
  id bigint generated always as identity primary key,
  scope_kind text not null check (scope_kind in ('project', 'organisation', 'account', 'platform')),
  -- Whose chain it is. No foreign key, here and below: a row outlives what it tells of.
  scope uuid not null,
  seq bigint not null check (seq > 0),
  at timestamptz not null,
  actor uuid,
  -- person, kernel, token, service, workflow; "system" where nobody asked through the API.
  actor_kind text not null,
  credential uuid,
  action text not null check (action in ('created', 'changed', 'deleted')),
  asset_kind text not null,
  -- Of what has several columns for a key: these, with ":" between them, what it belongs to first.
  asset_id text not null,
  asset_name text not null,
  -- {column: [before, after]}; of a JSON object the keys that changed. Without secrets, long values by their SHA-256.
  changes jsonb not null,
  prev_hash bytea not null,
  hash bytea not null,
  unique (scope, seq)
);
-- The path of an artifact is longer than an index takes.
create index audit_asset on insighter.audit (scope, left(asset_id, 100), seq);

-- The end of each chain. Rows stay where they are when it moves on.
create table insighter.audit_heads (
  scope uuid primary key,
  seq bigint not null,
  hash bytea not null
) with (fillfactor = 20);

-- ---- nobody changes what is written ---------------------------------------------------------------------------------

create function private.audit_refuse() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform private.fail(403, 'audit_append_only', 'the audit can be added to and not changed',
    'what it tells of is corrected by another change, which it then tells of too');
  return null;
end
$$;

-- Also for who owns the tables; who may disable triggers can do anything, and is found by the chain.
create trigger append_only before update or delete on insighter.audit
for each row execute function private.audit_refuse();
create trigger append_only_truncate before truncate on insighter.audit
for each statement execute function private.audit_refuse();
create trigger append_only before delete on insighter.audit_heads
for each row execute function private.audit_refuse();
create trigger append_only_move before update on insighter.audit_heads
for each row when (new.seq <> old.seq + 1 or new.scope <> old.scope) execute function private.audit_refuse();
create trigger append_only_truncate before truncate on insighter.audit_heads
for each statement execute function private.audit_refuse();

-- ---- the chain ------------------------------------------------------------------------------------------------------

-- What a row's hash is made of. The same on every PostgreSQL and in every session: the time is spelled out in UTC, and the
-- text of jsonb is canonical. SHA-256 over the hash of the row before and this text in UTF-8. In PL/pgSQL, here and below,
-- because that keeps its plans for the whole session: most of an audit's cost would else be planning.
create function private.audit_hash(a insighter.audit) returns bytea
language plpgsql stable set search_path = '' as $$
begin
  return sha256(a.prev_hash || convert_to(jsonb_build_array(
    a.scope_kind, a.scope, a.seq, to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    a.actor, a.actor_kind, a.credential, a.action, a.asset_kind, a.asset_id, a.asset_name, a.changes)::text, 'UTF8'));
end
$$;

-- Take the heads of all chains this transaction writes to, and make those that are missing.
create function private.audit_lock(p_scope uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_locked text := coalesce(current_setting('insighter.audit_locked', true), '');
  v_scopes uuid[];
begin
  if position(p_scope::text in v_locked) > 0 then
    return;
  end if;
  v_scopes := array(
    select distinct s::uuid
    from unnest(string_to_array(ltrim(current_setting('insighter.audit_scopes', true), ','), ',') || p_scope::text) s
    where position(s in v_locked) = 0
    order by 1);
  -- New heads first, and only then the locks on those that are there: whoever waits for a new one holds none.
  if (select count(*) from insighter.audit_heads h where h.scope = any (v_scopes)) < cardinality(v_scopes) then
    insert into insighter.audit_heads (scope, seq, hash)
    select s, 0, decode(repeat('00', 32), 'hex') from unnest(v_scopes) s order by s
    on conflict do nothing;
  end if;
  perform from insighter.audit_heads h where h.scope = any (v_scopes) order by h.scope for update;
  perform set_config('insighter.audit_locked', v_locked || ',' || array_to_string(v_scopes, ','), true);
end
$$;

-- Add a row to a chain. For triggers at COMMIT alone, for it holds the chain's head from then on.
create function private.audit_write(
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
    perform private.audit_lock(p_scope);
    select h.seq + 1, h.hash, h.ctid into v_row.seq, v_row.prev_hash, v_head
    from insighter.audit_heads h where h.scope = p_scope;
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

-- ---- what changed ---------------------------------------------------------------------------------------------------

-- A value as it is told: a long one by what identifies it.
create function private.audit_value(p_value jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  if length(p_value #>> '{}') > 2000 then
    return jsonb_build_object('sha256', encode(sha256(convert_to(p_value #>> '{}', 'UTF8')), 'hex'),
      'length', length(p_value #>> '{}'));
  end if;
  return p_value;
end
$$;

-- What of an object is told: the keys whose values differ from those of another. People log what they should not: what a
-- key calls a secret is not kept where it can never be taken out again.
create function private.audit_object(p_object jsonb, p_other jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_told jsonb;
begin
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

create function private.audit_changes(p_before jsonb, p_after jsonb, p_ignored text[]) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_object_agg(c.key, case
      when jsonb_typeof(coalesce(c.before, c.after)) = 'object' and jsonb_typeof(coalesce(c.after, c.before)) = 'object'
      then jsonb_build_array(
        case when c.before is not null then private.audit_object(c.before, coalesce(c.after, '{}')) end,
        case when c.after is not null then private.audit_object(c.after, coalesce(c.before, '{}')) end)
      -- No short text is a long value: spares most of them the call.
      when length(c.before::text) > 2000 or length(c.after::text) > 2000
      then jsonb_build_array(private.audit_value(c.before), private.audit_value(c.after))
      else jsonb_build_array(c.before, c.after) end), '{}')
    from (
      select k as key, nullif(p_before -> k, 'null') as before, nullif(p_after -> k, 'null') as after
      from jsonb_object_keys(coalesce(p_after, p_before)) k
      where p_before -> k is distinct from p_after -> k and not k = any (p_ignored)
        and k !~ 'secret|password|token|hash$'
      offset 0  -- keeps the planner from computing before and after anew at each place above
    ) c
    where c.before is distinct from c.after);
end
$$;

-- The chain that a row of an audited table belongs to, by the first of these columns that has a value.
create function private.audit_scope(
  p_row jsonb, p_asset_kind text, p_columns text, out kind text, out scope uuid
)
language plpgsql stable set search_path = '' as $$
declare
  v_column text;
begin
  foreach v_column in array string_to_array(p_columns, ',') loop
    scope := (p_row ->> v_column)::uuid;
    if scope is not null then
      kind := case v_column when 'id' then p_asset_kind when 'project_id' then 'project'
        when 'organisation_id' then 'organisation' else 'account' end;
      return;
    end if;
  end loop;
  kind := 'platform';
  scope := '00000000-0000-0000-0000-000000000000';
end
$$;

-- At the change itself: notes the chain. Nothing is locked yet.
create function private.audit_note() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_noted text := coalesce(current_setting('insighter.audit_scopes', true), '');
  v_scope text;
begin
  -- Most tables have one column that says it; the others are asked as jsonb.
  if tg_argv[1] = 'project_id' then
    v_scope := case when tg_op = 'DELETE' then old.project_id else new.project_id end;
  else
    v_scope := (private.audit_scope(case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end,
      tg_argv[0], tg_argv[1])).scope;
  end if;
  if position(v_scope in v_noted) = 0 then
    perform set_config('insighter.audit_scopes', v_noted || ',' || v_scope, true);
  end if;
  return null;
end
$$;

-- What people know an asset by, where its row does not say it: that of what it belongs to.
create function private.audit_name(p_kind text, p_row jsonb) returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  v_kind text := case p_kind when 'restriction' then p_row ->> 'asset_kind' else p_kind end;
  v_project uuid := (p_row ->> 'project_id')::uuid;
begin
  if v_kind in ('member', 'organisation_member', 'access_request') then
    return (select f.display_name from insighter.profiles f where f.user_id = (p_row ->> 'user_id')::uuid);
  elsif v_kind in ('dataset', 'dataset_version') then
    return (select d.name from insighter.datasets d
      where d.project_id = v_project and d.id = coalesce(p_row ->> 'dataset_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind in ('model', 'model_version', 'model_alias') then
    return (select m.name from insighter.registered_models m
      where m.project_id = v_project and m.id = coalesce(p_row ->> 'model_id', p_row ->> 'asset_id')::uuid);
  elsif v_kind = 'deployment' then
    return (select d.name from insighter.deployments d
      where d.project_id = v_project and d.id = (p_row ->> 'asset_id')::uuid);
  end if;
  return null;
end
$$;

-- At COMMIT: tells of the change. Its arguments are the asset's kind, the columns that name its chain, those of its id, that
-- of its name, and those of no interest.
create function private.audit_change() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_before jsonb;
  v_after jsonb;
  v_row jsonb;
  v_ignored text[] := string_to_array(tg_argv[4], ',');
  v_kind text := 'project';
  v_scope uuid;
  v_id text;
  v_changes jsonb;
begin
  if tg_op <> 'INSERT' then
    -- What goes with its project is told by the one row that tells of the project's deletion.
    if tg_argv[1] = 'project_id' then
      if not exists (select from insighter.projects p where p.id = old.project_id) then
        return null;
      end if;
    end if;
    v_before := to_jsonb(old);
    v_row := v_before;
  end if;
  if tg_op <> 'DELETE' then
    v_after := to_jsonb(new);
    v_row := v_after;
  end if;
  if tg_op = 'UPDATE' and v_before - v_ignored = v_after - v_ignored then
    return null;
  end if;
  if tg_argv[1] = 'project_id' then
    v_scope := (v_row ->> 'project_id')::uuid;
  else
    select s.kind, s.scope into v_kind, v_scope from private.audit_scope(v_row, tg_argv[0], tg_argv[1]) s;
    -- So with an organisation, an account, and what of an account belonged to a project.
    if tg_op <> 'INSERT' and (
      (tg_argv[0] <> 'project' and v_row ->> 'project_id' is not null
        and not exists (select from insighter.projects p where p.id = (v_row ->> 'project_id')::uuid))
      or (tg_argv[0] not in ('project', 'organisation') and v_row ->> 'organisation_id' is not null
        and not exists (select from insighter.organisations o where o.id = (v_row ->> 'organisation_id')::uuid))
      or (tg_argv[0] <> 'account' and v_kind = 'account'
        and not exists (select from insighter.profiles f where f.user_id = v_scope))
    ) then
      return null;
    end if;
  end if;
  if position(',' in tg_argv[2]) = 0 then
    v_id := v_row ->> tg_argv[2];
  else
    select string_agg(v_row ->> c.name, ':' order by c.position) into v_id
    from string_to_table(tg_argv[2], ',') with ordinality c (name, position);
  end if;
  -- Runs are known by the 32 digits that MLflow's clients know.
  if tg_argv[0] in ('run', 'run_dataset', 'run_model') then
    v_id := replace(left(v_id, 36), '-', '') || substr(v_id, 37);
  end if;
  v_changes := private.audit_changes(v_before, v_after, v_ignored || string_to_array(tg_argv[1], ','));
  if tg_op = 'DELETE' and tg_argv[0] = 'project' then
    v_changes := v_changes || jsonb_build_object('contents', jsonb_build_array(
      coalesce(nullif(current_setting('insighter.audit_contents', true), '')::jsonb -> v_scope::text, '{}'), null));
  end if;
  perform private.audit_write(v_kind, v_scope,
    case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'changed' else 'deleted' end,
    tg_argv[0], v_id,
    case when tg_argv[3] = '' then private.audit_name(tg_argv[0], v_row) else v_row ->> tg_argv[3] end, v_changes);
  return null;
end
$$;

-- Have a table audited. For every table of schema "insighter" a migration calls this, or says why not in the list of
-- tests/database/test_audit.py.
--
-- p_scope names the columns that say whose chain it is, the first with a value counts: project_id, organisation_id, user_id
-- (the account's own), or id where the row is itself a project or an organisation. p_id names the key, what the asset
-- belongs to first; p_name the column people know it by; p_ignored what changes without anybody wanting to know, such as
-- counters.
create procedure private.audited(
  p_table regclass, p_kind text, p_scope text default 'project_id', p_id text default 'id', p_name text default '',
  p_ignored text default ''
)
language plpgsql set search_path = '' as $$
declare
  v_missing text;
begin
  select c into v_missing
  from string_to_table(concat_ws(',', p_scope, p_id, nullif(p_name, ''), nullif(p_ignored, '')), ',') c
  where not exists (select from pg_catalog.pg_attribute a
    where a.attrelid = p_table and a.attname = c and a.attnum > 0 and not a.attisdropped);
  if v_missing is not null then
    raise exception 'table % has no column "%"', p_table, v_missing;
  end if;
  if exists (select from string_to_table(p_scope, ',') c where c not in ('project_id', 'organisation_id', 'user_id')
    and (c <> 'id' or p_kind not in ('project', 'organisation'))) then
    raise exception '"%" names no chain', p_scope;
  end if;
  execute format('create trigger audited_scope after insert or update or delete on %s
    for each row execute function private.audit_note(%L, %L)', p_table, p_kind, p_scope);
  execute format('create constraint trigger audited after insert or update or delete on %s
    deferrable initially deferred for each row execute function private.audit_change(%L, %L, %L, %L, %L)',
    p_table, p_kind, p_scope, p_id, p_name,
    concat_ws(',', 'created_at', 'updated_at', 'last_used_at', nullif(p_ignored, '')));
end
$$;

-- How much a project takes with it, kind by kind: counted while it is still there, told at COMMIT.
create function private.audit_contents() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_contents jsonb := '{}';
  v_count bigint;
  v_table record;
begin
  for v_table in
    select t.tgrelid::regclass as name, split_part(encode(t.tgargs, 'escape'), '\000', 1) as kind
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_attribute a on a.attrelid = t.tgrelid and a.attname = 'project_id' and not a.attisdropped
    where t.tgname = 'audited'
  loop
    execute format('select count(*) from %s where project_id = $1', v_table.name) into v_count using old.id;
    if v_count > 0 then
      v_contents := v_contents || jsonb_build_object(v_table.kind, v_count);
    end if;
  end loop;
  perform set_config('insighter.audit_contents', (
    coalesce(nullif(current_setting('insighter.audit_contents', true), '')::jsonb, '{}')
    || jsonb_build_object(old.id, v_contents))::text, true);
  return old;
end
$$;

create trigger audited_contents before delete on insighter.projects
for each row execute function private.audit_contents();

-- ---- the tables -----------------------------------------------------------------------------------------------------

-- Not audited: events, which are an account of changes themselves, for people; and measurements (run_metrics,
-- run_metrics_latest, logged_model_metrics), which are data that a run adds by the thousand and never changes. The run
-- they belong to is audited.

call private.audited('insighter.profiles', 'account', 'user_id', 'user_id', 'display_name');
call private.audited('insighter.projects', 'project', 'id', 'id', 'name');
call private.audited('insighter.members', 'member', 'project_id', 'user_id');
-- Who issued a credential is nobody's to read.
call private.audited('insighter.credentials', 'credential', 'user_id', 'id', 'label', 'issuer');
call private.audited('insighter.organisations', 'organisation', 'id', 'id', 'name');
call private.audited('insighter.organisation_members', 'organisation_member', 'organisation_id', 'user_id');
call private.audited('insighter.invitations', 'invitation', 'project_id,organisation_id', 'id', 'email');
call private.audited('insighter.access_asked', 'access_asked', 'user_id', 'id', 'asked');
call private.audited('insighter.access_requests', 'access_request');
-- What is left of deleted versions is told by their deletion.
call private.audited('insighter.restrictions', 'restriction', 'project_id', 'asset_id,asset_kind', '', 'remains');
-- How many versions there were is told by the versions.
call private.audited('insighter.datasets', 'dataset', 'project_id', 'id', 'name', 'versions');
call private.audited('insighter.dataset_versions', 'dataset_version', 'project_id', 'dataset_id,version');
call private.audited('insighter.experiments', 'experiment', 'project_id', 'id', 'name');
call private.audited('insighter.runs', 'run', 'project_id', 'id', 'name');
call private.audited('insighter.run_datasets', 'run_dataset', 'project_id', 'run_id,name,digest', 'name');
call private.audited('insighter.run_models', 'run_model', 'project_id', 'run_id,role,model_id');
call private.audited('insighter.logged_models', 'logged_model', 'project_id', 'id', 'name');
call private.audited('insighter.artifacts', 'artifact', 'project_id', 'root,path', 'path');
call private.audited('insighter.registered_models', 'model', 'project_id', 'id', 'name', 'last_version');
call private.audited('insighter.model_versions', 'model_version', 'project_id', 'model_id,version');
call private.audited('insighter.model_aliases', 'model_alias', 'project_id', 'model_id,alias');
call private.audited('insighter.deployments', 'deployment', 'project_id', 'id', 'name');

-- What was there before there was an audit: each chain begins with a row that says so.
select private.audit_write('account', f.user_id, 'changed', 'account', f.user_id::text, f.display_name,
  '{"audited": [false, true]}') from insighter.profiles f order by f.user_id;
select private.audit_write('organisation', o.id, 'changed', 'organisation', o.id::text, o.name,
  '{"audited": [false, true]}') from insighter.organisations o order by o.id;
select private.audit_write('project', p.id, 'changed', 'project', p.id::text, p.name,
  '{"audited": [false, true]}') from insighter.projects p order by p.id;

-- None of these is for callers, whatever the server grants by default.
revoke all on function private.audit_refuse, private.audit_hash, private.audit_lock, private.audit_write,
  private.audit_value, private.audit_object, private.audit_changes, private.audit_scope, private.audit_note,
  private.audit_name, private.audit_change, private.audit_contents
  from public, anon, authenticated, service_role;
revoke all on procedure private.audited from public, anon, authenticated, service_role;
