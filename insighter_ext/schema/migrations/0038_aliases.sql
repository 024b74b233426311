-- The API of aliases and of the rules that protect them; see 0037_alias_rules.sql.

-- ---- aliases --------------------------------------------------------------------------------------------------------

drop function public.models_set_alias(text, text, text, uuid);
drop function public.models_delete_alias(text, text, uuid);

create function public.models_set_alias(
  p_name text, p_alias text, p_version text, p_project_id uuid default null, p_why text default ''
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_version insighter.model_versions := private.model_version(v_model, p_version);
  v_before int := private.alias_put(v_model.project_id, v_model.id, p_alias, v_version.version, left(p_why, 2000));
begin
  if v_before is distinct from v_version.version then
    perform private.record(v_model.project_id, 'aliased', 'model', p_name, p_name || '@' || p_alias,
      jsonb_build_object('alias', p_alias, 'version', v_version.version, 'before', v_before));
  end if;
  return private.registered_model_json(v_model);
end
$$;

create function public.models_delete_alias(
  p_name text, p_alias text, p_project_id uuid default null, p_why text default ''
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_before int := private.alias_put(v_model.project_id, v_model.id, p_alias, null, left(p_why, 2000));
begin
  if v_before is null then
    perform private.fail(404, 'alias_not_found', format('Registered model alias %s not found.', p_alias));
  end if;
  perform private.record(v_model.project_id, 'unaliased', 'model', p_name, p_name || '@' || p_alias,
    jsonb_build_object('alias', p_alias, 'before', v_before));
  return '{}';
end
$$;

create function private.alias_rule_json(r insighter.alias_rules) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', r.id, 'alias', r.alias, 'role', r.role, 'approvals', r.approvals, 'gates', r.gates,
    'model', (select m.name from insighter.registered_models m where m.project_id = r.project_id and m.id = r.model_id),
    'all_models', r.model_id is null, 'created_by', private.person_name(r.created_by), 'updated_at', r.updated_at)
$$;

-- What stands in the way of a move, for the caller, now. "way" is what is left to do: "move", "request" or "none".
create function private.alias_check(p_model insighter.registered_models, p_alias text, p_version int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_rule record;
  v_gates jsonb := '[]';
  v_passed boolean;
  v_others int := 0;
  v_before int;
  v_role insighter.project_role := private.role_in(p_model.project_id);
begin
  select a.version into v_before from insighter.model_aliases a
  where a.project_id = p_model.project_id and a.model_id = p_model.id and a.alias = p_alias;
  select * into v_rule from private.alias_rule(p_model.project_id, p_model.id, p_alias);
  if v_rule.rules > 0 then
    select count(*) into v_others from private.alias_judges(p_model.project_id, p_model.id, v_rule.role) j where j <> auth.uid();
    if p_version is not null then
      v_gates := private.alias_gates(p_model.project_id, p_model.id, p_version, v_rule.gates);
    end if;
  end if;
  v_passed := not exists (select from jsonb_array_elements(v_gates) g where not (g ->> 'passed')::boolean);
  return jsonb_build_object('alias', p_alias, 'before', v_before, 'version', p_version, 'protected', v_rule.rules > 0,
    'role', v_rule.role, 'approvals', v_rule.approvals, 'gates', v_gates, 'passed', v_passed,
    'needed', case when v_rule.rules > 0 and v_rule.approvals > 0 then least(v_rule.approvals, v_others) else 0 end,
    'way', case
      when v_role is null or v_role < 'editor' or not v_passed then 'none'
      when v_rule.rules = 0 then 'move'
      when v_role >= v_rule.role and (v_rule.approvals = 0 or (v_others = 0 and private.in_person())) then 'move'
      else 'request' end);
end
$$;

create function public.models_alias_check(
  p_name text, p_alias text, p_version text default null, p_project_id uuid default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
begin
  return private.alias_check(v_model, p_alias,
    case when p_version is not null then (private.model_version(v_model, p_version)).version end);
end
$$;

create function private.alias_request_json(q insighter.alias_requests, p_model insighter.registered_models) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', q.id, 'alias', q.alias, 'before', q.before, 'version', q.version, 'why', q.why,
    'state', case when q.state = 'open' and q.expires_at <= now() then 'expired' else q.state end,
    'created_by', private.person_name(q.created_by), 'created_at', q.created_at, 'expires_at', q.expires_at,
    'approvals', (select coalesce(jsonb_agg(jsonb_build_object('by', private.person_name((a ->> 'by')::uuid), 'at', a -> 'at',
      'why', a -> 'why')), '[]') from jsonb_array_elements(q.approvals) a),
    'decided_by', case when q.decided_by is not null then private.person_name(q.decided_by) end, 'decided_at', q.decided_at, 'decision', q.decision,
    'mine', q.created_by = auth.uid(),
    'role', coalesce(r.role, 'editor'),
    'needed', private.alias_needed(q.project_id, q.model_id, coalesce(r.role, 'editor'), r.approvals, q.created_by),
    'gates', case when q.state = 'open' and q.version is not null
      then private.alias_gates(q.project_id, q.model_id, q.version, r.gates) else '[]' end,
    'may_decide', q.state = 'open' and q.expires_at > now() and private.in_person()
      and private.role_in(q.project_id) >= coalesce(r.role, 'editor'),
    'may_approve', q.state = 'open' and q.expires_at > now() and private.in_person()
      and private.role_in(q.project_id) >= coalesce(r.role, 'editor')
      and not exists (select from jsonb_array_elements(q.approvals) a where a ->> 'by' = auth.uid()::text)
      and (q.created_by <> auth.uid() or not exists (
        select from private.alias_judges(q.project_id, q.model_id, coalesce(r.role, 'editor')) j where j <> q.created_by)))
  from private.alias_rule(q.project_id, q.model_id, q.alias) r
$$;

-- The aliases of a model: where they are and since when, what protects them, and the requests: open ones, then the last decided.
create function public.models_aliases(p_name text, p_project_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
begin
  return jsonb_build_object(
    'aliases', (
      select coalesce(jsonb_agg(private.alias_check(v_model, n.alias, null) || jsonb_build_object(
        'version', a.version, 'since', l.created_at, 'by', private.person_name(l.created_by), 'why', coalesce(l.why, ''))
        order by n.alias), '[]')
      from (
        select x.alias from insighter.model_aliases x where x.project_id = v_model.project_id and x.model_id = v_model.id
        union select r.alias from insighter.alias_rules r
        where r.project_id = v_model.project_id and (r.model_id is null or r.model_id = v_model.id)
          and strpos(r.alias, '*') = 0) n
      left join insighter.model_aliases a
        on a.project_id = v_model.project_id and a.model_id = v_model.id and a.alias = n.alias
      left join lateral (
        select m.created_at, m.created_by, m.why from insighter.alias_moves m
        where m.project_id = v_model.project_id and m.model_id = v_model.id and m.alias = n.alias
        order by m.id desc limit 1) l on a.version is not null),
    'rules', (
      select coalesce(jsonb_agg(private.alias_rule_json(r) order by r.alias, r.model_id nulls last), '[]')
      from insighter.alias_rules r
      where r.project_id = v_model.project_id and (r.model_id is null or r.model_id = v_model.id)),
    'requests', (
      select coalesce(jsonb_agg(private.alias_request_json(q, v_model)
        order by q.state <> 'open', q.created_at desc), '[]')
      from (
        (select o.* from insighter.alias_requests o
         where o.project_id = v_model.project_id and o.model_id = v_model.id and o.state = 'open')
        union all
        (select d.* from insighter.alias_requests d
         where d.project_id = v_model.project_id and d.model_id = v_model.id and d.state <> 'open'
         order by d.created_at desc limit 20)) q));
end
$$;

-- Who moved what from where to where, when and why; newest first.
create function public.models_alias_moves(
  p_name text, p_alias text default null, p_limit int default 100, p_cursor text default null, p_project_id uuid default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model(p_name, p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  if p_cursor !~ '^[0-9]{1,18}$' then
    perform private.fail(422, 'invalid_cursor', 'this is no cursor of this list', 'take the one an answer gave');
  end if;
  return (
    with page as materialized (
      select m.* from insighter.alias_moves m
      where m.project_id = v_model.project_id and m.model_id = v_model.id and (p_alias is null or m.alias = p_alias)
        and (p_cursor is null or m.id < p_cursor::bigint)
      order by m.id desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(jsonb_build_object(
        'alias', p.alias, 'before', p.before, 'version', p.version, 'why', p.why,
        -- What was measured on a dataset that is closed to the reader stays closed.
        'gates', (select coalesce(jsonb_agg(case
            when (p.project_id, g ->> 'digest') in (select h.project_id, h.digest from private.hidden_reads() h)
            then g || '{"found": null}' else g end order by n), '[]')
          from jsonb_array_elements(p.gates) with ordinality e (g, n)),
        'approvals', (select coalesce(jsonb_agg(jsonb_build_object('by', private.person_name((a ->> 'by')::uuid),
          'at', a -> 'at', 'why', a -> 'why')), '[]') from jsonb_array_elements(p.approvals) a),
        'asked_by', (select private.person_name(q.created_by) from insighter.alias_requests q where q.id = p.request_id),
        'by', private.person_name(p.created_by), 'at', p.created_at) order by p.id desc), '[]'),
      'cursor', case when count(*) = v_limit then min(p.id)::text end)
    from page p);
end
$$;

create function public.models_request_alias(
  p_name text, p_alias text, p_version text default null, p_why text default '', p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_version int := case when p_version is not null then (private.model_version(v_model, p_version)).version end;
  v_id uuid;
begin
  if btrim(p_why) = '' then
    perform private.fail(422, 'why_missing', 'say why the alias shall move', 'whoever approves it reads that');
  end if;
  v_id := private.alias_ask(v_model.project_id, v_model.id, p_alias, v_version, p_why);
  perform private.record(v_model.project_id, 'asked', 'model', p_name, p_name || '@' || p_alias,
    jsonb_build_object('alias', p_alias, 'version', v_version, 'request', v_id));
  return (select private.alias_request_json(q, v_model) from insighter.alias_requests q where q.id = v_id);
end
$$;

create function public.models_decide_alias(
  p_name text, p_id uuid, p_decision text, p_why text default '', p_project_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_model insighter.registered_models := private.registered_model_for(p_name, p_project_id);
  v_request insighter.alias_requests;
  v_before int;
begin
  if p_decision not in ('approve', 'reject', 'withdraw') then
    perform private.fail(422, 'invalid_decision', 'a request is approved, rejected or withdrawn');
  end if;
  v_request := private.alias_decide(v_model.id, p_id, p_decision, left(p_why, 2000));
  perform private.record(v_model.project_id,
    case p_decision when 'approve' then 'approved' when 'reject' then 'rejected' else 'withdrawn' end, 'model', p_name,
    p_name || '@' || v_request.alias, jsonb_build_object('alias', v_request.alias, 'version', v_request.version, 'request', p_id));
  -- Where it really was: it may have moved since it was asked for.
  select m.before into v_before from insighter.alias_moves m
  where m.project_id = v_model.project_id and m.model_id = v_model.id and m.request_id = p_id order by m.id desc limit 1;
  if v_request.state = 'moved' and v_request.version is not null then
    perform private.record(v_model.project_id, 'aliased', 'model', p_name, p_name || '@' || v_request.alias,
      jsonb_build_object('alias', v_request.alias, 'version', v_request.version, 'before', v_before));
  elsif v_request.state = 'moved' then
    perform private.record(v_model.project_id, 'unaliased', 'model', p_name, p_name || '@' || v_request.alias,
      jsonb_build_object('alias', v_request.alias, 'before', v_before));
  end if;
  return private.alias_request_json(v_request, v_model);
end
$$;

-- ---- rules ----------------------------------------------------------------------------------------------------------

create function public.alias_rules_list(p_project_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  return jsonb_build_object('items', (
    select coalesce(jsonb_agg(private.alias_rule_json(r) order by r.alias, r.model_id nulls last), '[]')
    from insighter.alias_rules r where r.project_id = v_project.id));
end
$$;

-- Rules are for admins to make, in person.
create function private.alias_rules_project(p_project_id uuid) returns insighter.projects
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'admin');
begin
  if not private.in_person() then
    perform private.fail(403, 'not_in_person', 'who may move an alias is said by people', 'sign in to the platform');
  end if;
  return v_project;
end
$$;

-- Of one model and one pattern there is one rule: this makes or changes it.
create function public.alias_rules_put(
  p_project_id uuid, p_alias text, p_role text, p_approvals int default 0, p_gates jsonb default '[]',
  p_model text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.alias_rules_project(p_project_id);
  v_model insighter.registered_models;
  v_rule insighter.alias_rules;
begin
  if p_model is not null then
    v_model := private.registered_model(p_model, v_project.id);
  end if;
  if p_role::insighter.project_role > private.role_in(v_project.id) then
    perform private.fail(403, 'role_too_low', 'a rule asks for no higher role than one''s own', 'ask the owner of the project');
  elsif not private.alias_gates_valid(p_gates) then
    perform private.fail(422, 'invalid_gates', 'these are no gates',
      'a list of up to 20 of {"metric", "op": one of >= > <= < =, "value": a number, "dataset": a name or null}');
  end if;
  insert into insighter.alias_rules as r (project_id, model_id, alias, role, approvals, gates)
  values (v_project.id, v_model.id, p_alias, p_role::insighter.project_role, p_approvals, p_gates)
  on conflict (project_id, model_id, alias) do update
  set role = excluded.role, approvals = excluded.approvals, gates = excluded.gates, updated_at = now()
  returning * into v_rule;
  if v_model.id is not null then
    perform private.record(v_project.id, 'protected', 'model', v_model.name, v_model.name || '@' || p_alias,
      jsonb_build_object('alias', p_alias));
  else
    perform private.record(v_project.id, 'protected', 'project', v_project.id::text, v_project.name,
      jsonb_build_object('alias', '@' || p_alias));
  end if;
  return private.alias_rule_json(v_rule);
end
$$;

create function public.alias_rules_delete(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.alias_rules_project(p_project_id);
  v_rule insighter.alias_rules;
  v_model text;
begin
  delete from insighter.alias_rules r where r.project_id = v_project.id and r.id = p_id returning * into v_rule;
  if not found then
    perform private.fail(404, 'rule_not_found', 'no such rule', 'GET /insighter/api/projects/<project id>/alias-rules lists them');
  end if;
  select m.name into v_model from insighter.registered_models m where m.project_id = v_project.id and m.id = v_rule.model_id;
  if v_model is not null then
    perform private.record(v_project.id, 'unprotected', 'model', v_model, v_model || '@' || v_rule.alias,
      jsonb_build_object('alias', v_rule.alias));
  else
    perform private.record(v_project.id, 'unprotected', 'project', v_project.id::text, v_project.name,
      jsonb_build_object('alias', '@' || v_rule.alias));
  end if;
  return '{}';
end
$$;

call private.expose('models_set_alias', 'models_delete_alias', 'models_alias_check', 'models_aliases',
  'models_alias_moves', 'models_request_alias', 'models_decide_alias', 'alias_rules_list', 'alias_rules_put',
  'alias_rules_delete');
grant execute on function private.alias_rule_json, private.alias_check, private.alias_request_json,
  private.alias_rules_project to authenticated;
