-- Aliases of models: who may move one, what has to hold for it, who moved it when and why.
--
-- A rule protects the aliases that its pattern fits, of one model or of all. Where several fit, all count: the highest role,
-- the most approvals, every gate. A protected alias is written by no policy: private.alias_put and private.alias_decide do it,
-- which ask for the role, the approvals and the gates with the model's row locked. Every move leaves a row of history by a
-- trigger, whoever makes it.

-- ---- tables ---------------------------------------------------------------------------------------------------------

-- Gates are data of a closed grammar: {metric, op, value, dataset}. Nothing of them is ever run.
create function private.alias_gates_valid(p_gates jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select jsonb_typeof(p_gates) = 'array' and jsonb_array_length(p_gates) <= 20 and not exists (
    select from jsonb_array_elements(p_gates) g
    where not coalesce(
      jsonb_typeof(g) = 'object'
      and (select count(*) from jsonb_object_keys(case jsonb_typeof(g) when 'object' then g else '{}' end)) = 4
      and jsonb_typeof(g -> 'metric') = 'string' and char_length(g ->> 'metric') between 1 and 250
      and g ->> 'op' in ('>=', '>', '<=', '<', '=')
      and jsonb_typeof(g -> 'value') = 'number'
      and (g -> 'dataset' = 'null' or (jsonb_typeof(g -> 'dataset') = 'string' and char_length(g ->> 'dataset') between 1 and 500)),
      false))
$$;

create table insighter.alias_rules (
  id uuid not null default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  -- Null for all models of the project, those to come too.
  model_id uuid,
  -- An alias, or several by "*".
  alias text not null check (char_length(alias) between 1 and 255 and alias ~ '^[\w*-]+$'),
  -- Who moves it, and approves that others do.
  role insighter.project_role not null check (role >= 'editor'),
  -- By how many others with that role. 0: whoever has it moves the alias at once.
  approvals int not null default 0 check (approvals between 0 and 10),
  gates jsonb not null default '[]' check (private.alias_gates_valid(gates)),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id),
  foreign key (project_id, model_id) references insighter.registered_models (project_id, id) on delete cascade
);
create unique index alias_rules_one on insighter.alias_rules (project_id, model_id, alias) nulls not distinct;

create table insighter.alias_moves (
  id bigint generated always as identity,
  project_id uuid not null,
  model_id uuid not null,
  alias text not null,
  -- Null: it was not there before, or is not any more. No foreign keys: history outlives a version.
  before int,
  version int,
  why text not null default '',
  -- The gates as they were found at that moment; those that approved, and whose request it was.
  gates jsonb not null default '[]',
  approvals jsonb not null default '[]',
  request_id uuid,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, model_id, id),
  foreign key (project_id, model_id) references insighter.registered_models (project_id, id) on delete cascade
);

create table insighter.alias_requests (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  model_id uuid not null,
  alias text not null check (char_length(alias) between 1 and 255 and alias ~ '^[\w-]+$'),
  -- Where it was when it was asked for, and where it shall be; null for nowhere.
  before int,
  version int,
  why text not null check (char_length(why) between 1 and 2000),
  state text not null default 'open' check (state in ('open', 'moved', 'rejected', 'withdrawn', 'expired', 'gone')),
  -- [{by, at, why}]
  approvals jsonb not null default '[]',
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '14 days',
  decided_by uuid,
  decided_at timestamptz,
  decision text not null default '' check (char_length(decision) <= 2000),
  foreign key (project_id, model_id) references insighter.registered_models (project_id, id) on delete cascade
);
create index alias_requests_model on insighter.alias_requests (project_id, model_id, created_at desc);
-- One at a time for an alias: two could not both be meant.
create unique index alias_requests_open on insighter.alias_requests (project_id, model_id, alias) where state = 'open';

-- ---- row-level security ---------------------------------------------------------------------------------------------

do $$
declare
  v_table text;
begin
  foreach v_table in array array['alias_rules', 'alias_moves', 'alias_requests'] loop
    execute format('alter table insighter.%I enable row level security', v_table);
    execute format('grant select on insighter.%I to authenticated', v_table);
    execute format('create policy %I on insighter.%I for select to authenticated
      using (project_id in (select private.project_ids()))', v_table || '_select', v_table);
    execute format('create policy %I on insighter.%I as restrictive for all to authenticated
      using (%s not private.is_hidden(''model'', project_id, model_id))', v_table || '_restricted', v_table,
      case v_table when 'alias_rules' then 'model_id is null or' else '' end);
  end loop;
end
$$;

-- Rules say who may what: that takes an admin, in person.
grant insert, delete, update (role, approvals, gates, updated_at) on insighter.alias_rules to authenticated;
create policy alias_rules_insert on insighter.alias_rules for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and created_by = (select auth.uid())
    and role <= (select private.role_in(project_id)) and (select private.in_person()));
create policy alias_rules_update on insighter.alias_rules for update to authenticated
  using (project_id in (select private.project_ids('admin')) and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')) and role <= (select private.role_in(project_id)));
create policy alias_rules_delete on insighter.alias_rules for delete to authenticated
  using (project_id in (select private.project_ids('admin')) and (select private.in_person()));

call private.audited('insighter.alias_rules', 'alias_rule', 'project_id', 'model_id,id', 'alias');
call private.audited('insighter.alias_requests', 'alias_request', 'project_id', 'model_id,id', 'alias');
call private.archived('insighter.alias_rules', 43,
  'id=new:alias_rule model_id=id:model alias role approvals gates created_by=me created_at updated_at');

-- As a restricted model's versions are, so is what is audited of its requests and cards.
create or replace function private.hidden_audit() returns table (kind text, id text)
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select k, h::text from private.hidden('dataset') h
      cross join unnest(array['dataset', 'dataset_version', 'restriction']) k
    union all select k, h::text from private.hidden('notebook') h
      cross join unnest(array['notebook', 'notebook_version', 'restriction']) k
    union all select k, h::text from private.hidden('model') h
      cross join unnest(array['model', 'model_version', 'model_alias', 'alias_rule', 'alias_request', 'model_card',
        'restriction']) k
    union all select k, h::text from private.hidden('deployment') h cross join unnest(array['deployment', 'restriction']) k
    union all select 'artifact', r from private.hidden_roots() r
    union all select k, substr(r, 8) from private.hidden_roots() r cross join unnest(array['logged_model', 'run_model']) k
      where starts_with(r, 'models/')
    union all select 'run_dataset', left(v.sha256, 16) from private.hidden('dataset') h
      join insighter.datasets d on d.id = h
      join insighter.dataset_versions v on v.project_id = d.project_id and v.dataset_id = d.id
    union all select 'run_dataset', unnest(r.remains) from insighter.restrictions r
      where r.asset_kind = 'dataset' and r.asset_id in (select private.hidden('dataset'));
end
$$;

-- ---- what protects an alias -----------------------------------------------------------------------------------------

-- All rules that fit an alias, as one; "rules" is 0 where none does.
create function private.alias_rule(
  p_project_id uuid, p_model_id uuid, p_alias text,
  out rules int, out role insighter.project_role, out approvals int, out gates jsonb
)
language sql stable set search_path = '' as $$
  with fitting as (
    select r from insighter.alias_rules r
    where r.project_id = p_project_id and (r.model_id is null or r.model_id = p_model_id)
      and p_alias like replace(replace(r.alias, '_', '\_'), '*', '%')
  )
  select count(*)::int, max((f.r).role), coalesce(max((f.r).approvals), 0), (
    select coalesce(jsonb_agg(g.gate order by g.gate), '[]') from (
      select distinct e as gate from fitting f2 cross join jsonb_array_elements((f2.r).gates) e) g)
  from fitting f
$$;

create function private.alias_protected(p_project_id uuid, p_model_id uuid, p_alias text) returns boolean
language sql stable set search_path = '' as $$
  select (private.alias_rule(p_project_id, p_model_id, p_alias)).rules > 0
$$;

-- On top of what editors may: a protected alias is no policy's to write.
create policy model_aliases_protected_insert on insighter.model_aliases as restrictive for insert to authenticated
  with check (not private.alias_protected(project_id, model_id, alias));
create policy model_aliases_protected_update on insighter.model_aliases as restrictive for update to authenticated
  using (not private.alias_protected(project_id, model_id, alias));
create policy model_aliases_protected_delete on insighter.model_aliases as restrictive for delete to authenticated
  using (not private.alias_protected(project_id, model_id, alias));

-- The members with a role who see a model. DEFINER: who sees what is for admins to read, and an editor has to know whether
-- there is anybody to ask.
create function private.alias_judges(p_project_id uuid, p_model_id uuid, p_role insighter.project_role) returns setof uuid
language sql stable security definer rows 5 set search_path = '' as $$
  select m.user_id from insighter.members m
  where m.project_id = p_project_id and m.role >= p_role
    and m.user_id in (select private.audience(p_project_id, 'model', p_model_id::text))
$$;

-- How many approvals a request of somebody takes: as many as the rules say, as long as there are so many others. Whoever is
-- alone with the role approves what they asked for themselves, for else nobody could.
create function private.alias_needed(
  p_project_id uuid, p_model_id uuid, p_role insighter.project_role, p_approvals int, p_asker uuid
) returns int
language sql stable set search_path = '' as $$
  select greatest(1, least(p_approvals, (
    select count(*)::int from private.alias_judges(p_project_id, p_model_id, p_role) j where j <> p_asker)))
$$;

-- Each gate with the value that was found, whether it holds, and why not. A value is the newest of the version's logged model
-- on the dataset that the gate names; where it names none, the model's without a dataset, else the newest of its run.
--
-- DEFINER: what a gate asks for is measured for everybody alike, also on a dataset that is closed to whoever moves the alias. That
-- one learns whether it holds, and not the value.
create function private.alias_gates(p_project_id uuid, p_model_id uuid, p_version int, p_gates jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(g.gate || jsonb_build_object('found', case when not g.closed then g.value end, 'digest', g.digest,
      'passed', g.passed, 'reason', case
      when g.passed then null
      when g.closed then format('%s of v%s does not hold; its dataset is not shared with you', g.gate ->> 'metric', p_version)
      when g.value is null and g.gate ->> 'dataset' is not null then
        format('v%s has no metric "%s" on the dataset "%s"', p_version, g.gate ->> 'metric', g.gate ->> 'dataset')
      when g.value is null then format('v%s has no metric "%s"', p_version, g.gate ->> 'metric')
      else format('%s of v%s is %s', g.gate ->> 'metric', p_version, g.value) end) order by g.number), '[]')
  from (
    select e.gate, e.number, f.value, f.digest,
      f.digest is not null and exists (select from private.hidden_reads() h
        where h.project_id = p_project_id and h.digest = f.digest) as closed,
      -- What is not finite fails: for PostgreSQL, NaN is larger than everything.
      coalesce(f.value not in ('NaN', 'Infinity', '-Infinity') and case e.gate ->> 'op'
        when '>=' then f.value >= (e.gate ->> 'value')::float8
        when '>' then f.value > (e.gate ->> 'value')::float8
        when '<=' then f.value <= (e.gate ->> 'value')::float8
        when '<' then f.value < (e.gate ->> 'value')::float8
        when '=' then f.value = (e.gate ->> 'value')::float8 end, false) as passed
    from jsonb_array_elements(p_gates) with ordinality e (gate, number)
    join insighter.model_versions v on v.project_id = p_project_id and v.model_id = p_model_id and v.version = p_version
    left join lateral (
      (select x.value, nullif(x.dataset_digest, '') as digest from insighter.logged_model_metrics x
       where x.project_id = v.project_id and x.model_id = v.logged_model_id and x.key = e.gate ->> 'metric'
         and x.dataset_name = coalesce(e.gate ->> 'dataset', '')
       order by x.step desc, x.time desc limit 1)
      union all
      (select l.value, null from insighter.run_metrics_latest l
       where e.gate ->> 'dataset' is null and l.project_id = v.project_id and l.run_id = v.run_id
         and l.key = e.gate ->> 'metric')
      limit 1) f on true
    where p_project_id in (select private.project_ids()) and not private.is_hidden('model', p_project_id, p_model_id)
  ) g
$$;

create function private.alias_gate_text(p_gate jsonb) returns text
language sql immutable set search_path = '' as $$
  select concat_ws(' ', p_gate ->> 'metric', replace(replace(p_gate ->> 'op', '>=', '≥'), '<=', '≤'), p_gate ->> 'value',
    'on ' || (p_gate ->> 'dataset'))
$$;

-- ---- history --------------------------------------------------------------------------------------------------------

-- DEFINER: nobody else writes history. What the functions below know of the move is in a setting of the transaction. Where the
-- model itself goes, its history goes with it; what an import brings along was moved elsewhere.
create function private.alias_noted() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_row insighter.model_aliases := case when tg_op = 'DELETE' then old else new end;
  v_before int := case when tg_op <> 'INSERT' then old.version end;
  v_version int := case when tg_op <> 'DELETE' then new.version end;
  v_note jsonb := nullif(current_setting('insighter.alias_note', true), '')::jsonb;
begin
  if v_before is distinct from v_version and not private.is_to_be(v_row.project_id) then
    insert into insighter.alias_moves (project_id, model_id, alias, before, version, why, gates, approvals, request_id)
    select m.project_id, m.id, v_row.alias, v_before, v_version,
      coalesce(v_note ->> 'why', case when tg_op = 'DELETE' then format('version %s was deleted', v_before) else '' end),
      coalesce(v_note -> 'gates', '[]'), coalesce(v_note -> 'approvals', '[]'), (v_note ->> 'request')::uuid
    from insighter.registered_models m where m.project_id = v_row.project_id and m.id = v_row.model_id;
  end if;
  return null;
end
$$;
create trigger alias_noted after insert or update or delete on insighter.model_aliases
for each row execute function private.alias_noted();

-- ---- moving ---------------------------------------------------------------------------------------------------------

-- Write it, with the model's row locked, and the gates as they are then. For the two functions below alone.
create function private.alias_apply(p_model insighter.registered_models, p_alias text, p_version int, p_gates jsonb, p_note jsonb)
returns void
language plpgsql set search_path = '' as $$
declare
  v_gates jsonb := '[]';
  v_failed text;
begin
  if p_version is not null then
    v_gates := private.alias_gates(p_model.project_id, p_model.id, p_version, p_gates);
    select string_agg(format('%s (%s)', private.alias_gate_text(g), g ->> 'reason'), '; ') into v_failed
    from jsonb_array_elements(v_gates) g where not (g ->> 'passed')::boolean;
    if v_failed is not null then
      perform private.fail_with(409, 'gates_failed',
        format('@%s of "%s" does not move to v%s: a gate does not hold: %s', p_alias, p_model.name, p_version, v_failed),
        'log what is missing, or choose a version that holds them', jsonb_build_object('gates', v_gates));
    end if;
  end if;
  perform set_config('insighter.alias_note', (p_note || jsonb_build_object('gates', v_gates))::text, true);
  if p_version is null then
    delete from insighter.model_aliases a
    where a.project_id = p_model.project_id and a.model_id = p_model.id and a.alias = p_alias;
  else
    begin
      insert into insighter.model_aliases as a (project_id, model_id, alias, version)
      values (p_model.project_id, p_model.id, p_alias, p_version)
      on conflict (project_id, model_id, alias) do update set version = excluded.version;
    exception when foreign_key_violation then  -- deleted meanwhile
      perform private.fail(404, 'version_not_found',
        format('Model Version (name=%s, version=%s) not found', p_model.name, p_version));
    end;
  end if;
  perform set_config('insighter.alias_note', '', true);
  -- Whoever asked for just that has it.
  update insighter.alias_requests q set state = 'moved', decided_by = auth.uid(), decided_at = now()
  where q.project_id = p_model.project_id and q.model_id = p_model.id and q.alias = p_alias and q.state = 'open'
    and q.version is not distinct from p_version;
end
$$;

-- A model that the caller may change, its row locked: moves of its aliases come one after the other.
create function private.alias_lock(p_project_id uuid, p_model_id uuid) returns insighter.registered_models
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models;
begin
  select * into v_model from insighter.registered_models m
  where m.project_id = p_project_id and m.id = p_model_id and p_project_id in (select private.project_ids('editor'))
    and not private.is_hidden('model', p_project_id, p_model_id)
  for no key update;
  if not found then
    perform private.fail(404, 'model_not_found', 'no such model');
  end if;
  return v_model;
end
$$;

-- Move an alias at once (to null: take it off); whether anything changed. DEFINER: a protected alias is no policy's to write,
-- so what protects it is asked here.
create function private.alias_put(p_project_id uuid, p_model_id uuid, p_alias text, p_version int, p_why text) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_model insighter.registered_models := private.alias_lock(p_project_id, p_model_id);
  v_before int;
  v_rule record;
  v_others int;
begin
  select a.version into v_before from insighter.model_aliases a
  where a.project_id = p_project_id and a.model_id = p_model_id and a.alias = p_alias;
  if v_before is not distinct from p_version then
    return v_before;
  end if;
  select * into v_rule from private.alias_rule(p_project_id, p_model_id, p_alias);
  if v_rule.rules > 0 then
    select count(*) into v_others from private.alias_judges(p_project_id, p_model_id, v_rule.role) j where j <> auth.uid();
    if private.role_in(p_project_id) < v_rule.role
      or (v_rule.approvals > 0 and (v_others > 0 or not private.in_person())) then
      perform private.fail(403, 'alias_protected',
        format('@%s of "%s" is protected: %s', p_alias, v_model.name, case
          when v_rule.approvals = 0 then format('moving it takes the role %s', v_rule.role)
          when v_rule.approvals = 1 then format('moving it takes the approval of another %s', v_rule.role)
          else format('moving it takes %s approvals of the role %s', v_rule.approvals, v_rule.role) end),
        format('ask for it: in JupyterLab on the model''s page under Aliases, or in a notebook with '
          'ix.models["%s"].request("%s", %s, why="…")', v_model.name, p_alias, coalesce(p_version::text, 'None')));
    end if;
  end if;
  perform private.alias_apply(v_model, p_alias, p_version, v_rule.gates, jsonb_build_object('why', p_why));
  return v_before;
end
$$;

-- Ask for a move. DEFINER: nobody else writes requests.
create function private.alias_ask(p_project_id uuid, p_model_id uuid, p_alias text, p_version int, p_why text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_model insighter.registered_models := private.alias_lock(p_project_id, p_model_id);
  v_before int;
  v_rule record;
  v_gates jsonb;
  v_failed text;
  v_id uuid;
begin
  select a.version into v_before from insighter.model_aliases a
  where a.project_id = p_project_id and a.model_id = p_model_id and a.alias = p_alias;
  select * into v_rule from private.alias_rule(p_project_id, p_model_id, p_alias);
  if v_rule.rules = 0 then
    perform private.fail(409, 'alias_not_protected', format('@%s of "%s" is not protected', p_alias, v_model.name),
      'move it: every editor may');
  elsif v_before is not distinct from p_version then
    perform private.fail(409, 'alias_unchanged', case when p_version is null
      then format('"%s" has no alias @%s', v_model.name, p_alias)
      else format('@%s of "%s" is at v%s already', p_alias, v_model.name, p_version) end);
  end if;
  v_gates := private.alias_gates(p_project_id, p_model_id, p_version, v_rule.gates);
  select string_agg(format('%s (%s)', private.alias_gate_text(g), g ->> 'reason'), '; ') into v_failed
  from jsonb_array_elements(v_gates) g where not (g ->> 'passed')::boolean;
  if v_failed is not null then
    perform private.fail_with(409, 'gates_failed',
      format('v%s cannot become @%s of "%s": a gate does not hold: %s', p_version, p_alias, v_model.name, v_failed),
      'log what is missing, or choose a version that holds them', jsonb_build_object('gates', v_gates));
  end if;
  update insighter.alias_requests q set state = 'expired'
  where q.project_id = p_project_id and q.model_id = p_model_id and q.alias = p_alias and q.state = 'open'
    and q.expires_at <= now();
  insert into insighter.alias_requests (project_id, model_id, alias, before, version, why)
  values (p_project_id, p_model_id, p_alias, v_before, p_version, p_why)
  on conflict do nothing returning id into v_id;
  if v_id is null then
    perform private.fail(409, 'already_asked', (select format('%s asked already that @%s be %s', private.person_name(q.created_by),
      p_alias, coalesce('moved to v' || q.version, 'taken off')) from insighter.alias_requests q
      where q.project_id = p_project_id and q.model_id = p_model_id and q.alias = p_alias and q.state = 'open'),
      'have that request decided or withdrawn first');
  end if;
  perform private.notify(j, p_project_id, 'alias_asked', 'model', p_model_id::text, jsonb_build_object(
    'alias', p_alias, 'version', p_version, 'why', left(p_why, 200)))
  from private.alias_judges(p_project_id, p_model_id, v_rule.role) j where j <> auth.uid();
  return v_id;
end
$$;

-- Approve, reject or withdraw a request; what it is then. The approval that completes it moves the alias, if the gates hold at
-- that moment: else nothing is written, not even the approval. DEFINER: as above.
create function private.alias_decide(p_model_id uuid, p_id uuid, p_decision text, p_why text)
returns insighter.alias_requests
language plpgsql security definer set search_path = '' as $$
declare
  v_request insighter.alias_requests;
  v_model insighter.registered_models;
  v_rule record;
  v_others int;
  v_given int;
begin
  select * into v_request from insighter.alias_requests q where q.id = p_id and q.model_id = p_model_id;
  if not found then
    perform private.fail(404, 'request_not_found', 'no such request');
  end if;
  -- In the order of a deletion of the version: model, version, request.
  v_model := private.alias_lock(v_request.project_id, p_model_id);
  perform from insighter.model_versions v
  where v.project_id = v_model.project_id and v.model_id = v_model.id and v.version = v_request.version for key share;
  select * into v_request from insighter.alias_requests q where q.id = p_id for update;
  if v_request.state <> 'open' or v_request.expires_at <= now() then
    perform private.fail(409, 'request_closed', case
      when v_request.state = 'open' then 'this request has expired'
      when v_request.state = 'gone' then format('version %s was deleted', v_request.version)
      else format('this request is %s already', v_request.state) end, 'ask anew');
  end if;
  if p_decision = 'withdraw' then
    if v_request.created_by <> auth.uid() then
      perform private.fail(403, 'not_yours', 'a request is withdrawn by whoever asked', 'reject it');
    end if;
    update insighter.alias_requests set state = 'withdrawn', decided_by = auth.uid(), decided_at = now(), decision = p_why
    where id = p_id returning * into v_request;
    return v_request;
  end if;
  select * into v_rule from private.alias_rule(v_model.project_id, v_model.id, v_request.alias);
  -- Where it is protected no more, every editor may move it, and approve that it moves.
  v_rule.role := coalesce(v_rule.role, 'editor');
  if not private.in_person() then
    perform private.fail(403, 'not_in_person', 'requests are decided by people', 'decide it in JupyterLab, on the model''s page');
  elsif private.role_in(v_model.project_id) < v_rule.role then
    perform private.fail(403, 'role_too_low', format('this takes the role %s', v_rule.role), 'ask somebody who has it');
  elsif p_decision = 'reject' then
    update insighter.alias_requests set state = 'rejected', decided_by = auth.uid(), decided_at = now(), decision = p_why
    where id = p_id returning * into v_request;
  else
    select count(*) into v_others from private.alias_judges(v_model.project_id, v_model.id, v_rule.role) j
    where j <> v_request.created_by;
    if v_request.created_by = auth.uid() and v_others > 0 then
      perform private.fail(403, 'own_request', 'what one asked for is approved by somebody else',
        format('ask another %s of the project', v_rule.role));
    elsif exists (select from jsonb_array_elements(v_request.approvals) a where a ->> 'by' = auth.uid()::text) then
      perform private.fail(409, 'approved_already', 'you have approved it already', 'it waits for others');
    end if;
    v_request.approvals := v_request.approvals || jsonb_build_object('by', auth.uid(), 'at', now(), 'why', p_why);
    -- What somebody approved who has not the role any more does not count.
    select count(*) into v_given from jsonb_array_elements(v_request.approvals) a
    where (a ->> 'by')::uuid in (select private.alias_judges(v_model.project_id, v_model.id, v_rule.role));
    if v_given >= private.alias_needed(v_model.project_id, v_model.id, v_rule.role, v_rule.approvals, v_request.created_by) then
      perform private.alias_apply(v_model, v_request.alias, v_request.version, v_rule.gates, jsonb_build_object(
        'why', v_request.why, 'approvals', v_request.approvals, 'request', p_id));
      v_request.state := 'moved';
    end if;
    update insighter.alias_requests set approvals = v_request.approvals, state = v_request.state,
      decided_by = case when v_request.state = 'moved' then auth.uid() end,
      decided_at = case when v_request.state = 'moved' then now() end, decision = p_why
    where id = p_id returning * into v_request;
  end if;
  if v_request.state <> 'open' and v_request.created_by <> auth.uid() then
    perform private.notify(v_request.created_by, v_model.project_id, 'alias_decided', 'model', v_model.id::text,
      jsonb_build_object('alias', v_request.alias, 'version', v_request.version, 'state', v_request.state,
        'why', left(p_why, 200)));
  end if;
  return v_request;
end
$$;
revoke all on function private.alias_apply, private.alias_lock from public, anon, authenticated, service_role;

-- ---- what stands under a protected alias ----------------------------------------------------------------------------

-- A version that bears one stays until the alias is moved; requests for a deleted one are void. DEFINER: rules and requests
-- count, whoever deletes. With the model all goes.
create function private.version_guarded() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_name text;
  v_alias text;
begin
  select m.name into v_name from insighter.registered_models m where m.project_id = old.project_id and m.id = old.model_id;
  if not found then
    return old;
  end if;
  select a.alias into v_alias from insighter.model_aliases a
  where a.project_id = old.project_id and a.model_id = old.model_id and a.version = old.version
    and private.alias_protected(a.project_id, a.model_id, a.alias)
  order by a.alias limit 1;
  if found and auth.uid() is not null then
    perform private.fail(409, 'alias_protected', format('v%s of "%s" bears the protected alias @%s', old.version, v_name, v_alias),
      'move the alias to another version first');
  end if;
  update insighter.alias_requests q set state = 'gone', decided_at = now()
  where q.project_id = old.project_id and q.model_id = old.model_id and q.version = old.version and q.state = 'open';
  return old;
end
$$;
create trigger version_guarded before delete on insighter.model_versions
for each row execute function private.version_guarded();

-- Renaming or deleting a model takes its aliases away from whoever loads it by them: the role that moves these may.
create function private.model_guarded() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid := new.project_id;
  v_model uuid;
  v_role insighter.project_role;
  v_alias text;
begin
  if tg_table_name = 'trash' then
    v_model := new.asset_id::uuid;
  elsif pg_trigger_depth() > 1 then  -- the trash's own renaming, which is asked above
    return new;
  else
    v_model := new.id;
  end if;
  select r.role, a.alias into v_role, v_alias from insighter.model_aliases a
  cross join lateral private.alias_rule(a.project_id, a.model_id, a.alias) r
  where a.project_id = v_project and a.model_id = v_model and r.rules > 0
  order by r.role desc, a.alias limit 1;
  if auth.uid() is not null and private.role_in(v_project) < v_role then
    perform private.fail(403, 'alias_protected',
      format('the protected alias @%s names a version of this model: deleting or renaming it takes the role %s', v_alias, v_role),
      format('ask somebody with the role %s', v_role));
  end if;
  return new;
end
$$;
create trigger alias_guarded before insert on insighter.trash
for each row when (new.asset_kind = 'model') execute function private.model_guarded();
create trigger alias_guarded before update of name on insighter.registered_models
for each row when (new.name is distinct from old.name) execute function private.model_guarded();

grant execute on function private.alias_gates_valid, private.alias_rule, private.alias_protected,
  private.alias_judges, private.alias_needed, private.alias_gates, private.alias_gate_text, private.alias_put,
  private.alias_ask, private.alias_decide to authenticated;
