-- Reading the audit: who sees what of it, whether it is as it was written, and taking it out.

-- ---- verification ---------------------------------------------------------------------------------------------------

-- What is wrong with a chain: {ok, rows, head, problems: [{seq, kind, message}], more}. A head is written "<seq>:<hash in
-- hex>"; the one that somebody noted elsewhere shows that the chain since goes on from there, which is all that can be
-- said against whoever can rewrite a whole chain. At most 20 problems, the others are counted.
create function private.audit_problems(p_scope uuid, p_head text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_nothing bytea := decode(repeat('00', 32), 'hex');
  v_head insighter.audit_heads;
  v_rows bigint;
  v_last bigint;
  v_hash bytea;
  v_noted bytea;
  v_problems jsonb;
  v_count bigint;
begin
  if p_head !~ '^[0-9]{1,18}:[0-9a-f]{64}$' then
    perform private.fail(422, 'invalid_head', 'a head is the number of a row, ":" and the 64 digits of its hash',
      'copy it as "insighter audit verify" printed it');
  end if;
  select * into v_head from insighter.audit_heads h where h.scope = p_scope;
  with chain as (
    select a.seq, a.prev_hash, a.hash, private.audit_hash(a) as computed,
      lag(a.seq, 1, 0::bigint) over w as seq_before, lag(a.hash, 1, v_nothing) over w as hash_before
    from insighter.audit a where a.scope = p_scope
    window w as (order by a.seq)
  ), problems as (
    select c.seq, f.kind, f.message
    from chain c
    cross join lateral (values
      ('removed', c.seq > c.seq_before + 1, case when c.seq - c.seq_before = 2
        then format('row %s was removed', c.seq - 1)
        else format('rows %s to %s were removed', c.seq_before + 1, c.seq - 1) end),
      ('inserted', c.seq <= c.seq_before, format('there is a second row %s', c.seq)),
      ('altered', c.hash is distinct from c.computed,
        format('row %s is not what was written: it was altered, moved or put in', c.seq)),
      ('replaced', c.seq = c.seq_before + 1 and c.hash = c.computed and c.prev_hash is distinct from c.hash_before,
        case when c.seq = 1 then 'row 1 does not begin the chain: what was before it was removed'
          else format('row %s is not the one that row %s was written after: it was replaced', c.seq - 1, c.seq) end)
    ) f (kind, applies, message)
    where f.applies
  )
  select (select count(*) from chain), (select max(c.seq) from chain c),
    (select c.hash from chain c order by c.seq desc limit 1),
    (select coalesce(jsonb_agg(to_jsonb(f) order by f.seq, f.kind), '[]')
      from (select * from problems order by seq, kind limit 20) f),
    (select count(*) from problems)
  into v_rows, v_last, v_hash, v_problems, v_count;

  v_last := coalesce(v_last, 0);
  v_problems := v_problems || coalesce((
    select jsonb_agg(jsonb_build_object('seq', f.seq, 'kind', f.kind, 'message', f.message))
    from (values
      (v_last, 'inserted', v_head.scope is null and v_rows > 0, 'nothing says where the chain ends: its head was removed'),
      (v_last + 1, 'removed', v_head.seq > v_last, case when v_head.seq = v_last + 1
        then format('row %s, the last, was removed', v_head.seq)
        else format('rows %s to %s, the end of the chain, were removed', v_last + 1, v_head.seq) end),
      (v_head.seq + 1, 'inserted', v_head.seq < v_last,
        format('rows %s to %s were put in: the platform wrote up to %s', v_head.seq + 1, v_last, v_head.seq)),
      (v_last, 'replaced', v_head.seq = v_last and v_rows > 0 and v_head.hash is distinct from v_hash,
        format('row %s, the last, was replaced', v_last)),
      (0::bigint, 'removed', v_rows = 0 and coalesce(v_head.seq, 0) = 0 and (
          exists (select from insighter.projects p where p.id = p_scope)
          or exists (select from insighter.organisations o where o.id = p_scope)
          or exists (select from insighter.profiles u where u.user_id = p_scope)),
        'the whole chain was removed')
    ) f (seq, kind, applies, message)
    where f.applies), '[]');
  if p_head is not null then
    select a.hash into v_noted from insighter.audit a
    where a.scope = p_scope and a.seq = split_part(p_head, ':', 1)::bigint;
    if v_noted is null and p_head <> '0:' || repeat('0', 64) then
      v_problems := v_problems || jsonb_build_object('seq', split_part(p_head, ':', 1)::bigint, 'kind', 'removed',
        'message', format('row %s, whose hash was noted, is not there: the end of the chain was removed',
          split_part(p_head, ':', 1)));
    elsif v_noted <> decode(split_part(p_head, ':', 2), 'hex') then
      v_problems := v_problems || jsonb_build_object('seq', split_part(p_head, ':', 1)::bigint, 'kind', 'replaced',
        'message', format('row %s has another hash than was noted: the chain was rewritten, here or before',
          split_part(p_head, ':', 1)));
    end if;
  end if;
  return jsonb_build_object(
    'ok', v_problems = '[]', 'rows', v_rows,
    'head', case when v_rows > 0 then v_last || ':' || encode(v_hash, 'hex') end,
    'problems', v_problems, 'more', greatest(v_count - 20, 0));
end
$$;

-- The same for whoever may read the chain. It looks at all rows, also at those of assets hidden from the caller, of which
-- it tells no more than that they are in order.
create function private.audit_verified(p_scope uuid, p_head text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_scope in (select private.audit_scopes()) then
    return private.audit_problems(p_scope, p_head);
  end if;
  return null;
end
$$;

-- The chains the caller may read: of projects and organisations by their admins, of an account by itself.
create function private.audit_scopes() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select private.project_ids('admin')
  union all select private.organisation_ids('admin')
  union all select auth.uid() where private.in_person()
$$;

-- Rows that tell of assets hidden from the caller, by their kind and what they belong to: the first part of their id, or, of
-- what a run read or made, the digest or the logged model at its end.
create function private.hidden_audit() returns table (kind text, id text)
language plpgsql stable security definer rows 5 set search_path = '' as $$
begin
  return query
    select k, h::text from private.hidden('dataset') h
      cross join unnest(array['dataset', 'dataset_version', 'restriction']) k
    union all select k, h::text from private.hidden('model') h
      cross join unnest(array['model', 'model_version', 'model_alias', 'restriction']) k
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

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.audit enable row level security;
alter table insighter.audit_heads enable row level security;
revoke all on insighter.audit, insighter.audit_heads from public, anon, authenticated, service_role;
grant select on insighter.audit, insighter.audit_heads to authenticated;

create policy audit_select on insighter.audit for select to authenticated
  using (scope in (select private.audit_scopes()));
create policy audit_restricted on insighter.audit as restrictive for all to authenticated
  using ((asset_kind, case asset_kind when 'run_dataset' then right(asset_id, 16)
      when 'run_model' then split_part(asset_id, ':', 3) else split_part(asset_id, ':', 1) end)
    not in (select h.kind, h.id from private.hidden_audit() h));
create policy audit_heads_select on insighter.audit_heads for select to authenticated
  using (scope in (select private.audit_scopes()));

-- ---- the API --------------------------------------------------------------------------------------------------------

-- The chain that is meant: a project's, an organisation's, or with neither the caller's own. 404 for what the caller does
-- not see, 403 for what takes an admin.
create function private.audit_of(p_project_id uuid, p_organisation_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_scope uuid := coalesce(p_project_id, p_organisation_id, auth.uid());
begin
  if p_project_id is not null then
    perform private.project(p_project_id);
  elsif p_organisation_id is not null then
    perform from insighter.organisations where id = p_organisation_id;
    if not found then
      perform private.fail(404, 'organisation_not_found', 'no such organisation, or you are not a member of it',
        'GET /insighter/api/organisations lists yours');
    end if;
  end if;
  if v_scope not in (select private.audit_scopes()) then
    if coalesce(p_project_id, p_organisation_id) is null then
      perform private.fail(403, 'not_in_person', 'an account''s own audit is read in person', 'sign in to the platform');
    end if;
    perform private.fail(403, 'role_too_low', 'only admins read the audit', 'ask an admin');
  end if;
  return v_scope;
end
$$;

create function private.audit_json(a insighter.audit) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'scope_kind', a.scope_kind, 'scope', a.scope, 'seq', a.seq,
    'at', to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', a.actor, 'actor_kind', a.actor_kind, 'credential', a.credential, 'action', a.action,
    'asset_kind', a.asset_kind, 'asset_id', a.asset_id, 'asset_name', a.asset_name, 'changes', a.changes,
    'prev_hash', encode(a.prev_hash, 'hex'), 'hash', encode(a.hash, 'hex'));
end
$$;

-- Newest first. The cursor is the number of the last row.
create function public.audit_list(
  p_project_id uuid default null, p_organisation_id uuid default null, p_asset_kind text default null,
  p_asset_id text default null, p_actor uuid default null, p_action text default null, p_limit int default 100,
  p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_scope uuid := private.audit_of(p_project_id, p_organisation_id);
  v_limit int := least(greatest(p_limit, 1), 500);
  v_answer jsonb;
begin
  with page as (
    select a from insighter.audit a
    where a.scope = v_scope
      and (p_cursor is null or a.seq < p_cursor::bigint)
      and (p_asset_kind is null or a.asset_kind = p_asset_kind)
      and (p_asset_id is null or (left(a.asset_id, 100) = left(p_asset_id, 100) and a.asset_id = p_asset_id))
      and (p_actor is null or a.actor = p_actor)
      and (p_action is null or a.action = p_action)
    order by a.seq desc
    limit v_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.audit_json(a)
      || jsonb_build_object('actor_name', f.display_name) order by (a).seq desc), '[]'),
    'cursor', case when count(*) = v_limit then min((a).seq)::text end)
  into v_answer
  from page left join insighter.profiles f on f.user_id = (page.a).actor;
  return v_answer;
end
$$;

create function public.audit_verify(
  p_project_id uuid default null, p_organisation_id uuid default null, p_head text default null
) returns jsonb
language sql stable set search_path = '' as $$
  select private.audit_verified(private.audit_of(p_project_id, p_organisation_id), p_head)
$$;

-- Oldest first, from after a row to a row: by default to the chain's present end, which the answer names.
create function public.audit_export(
  p_project_id uuid default null, p_organisation_id uuid default null, p_after bigint default 0, p_until bigint default null,
  p_limit int default 1000
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_scope uuid := private.audit_of(p_project_id, p_organisation_id);
  v_limit int := least(greatest(p_limit, 1), 5000);
  v_head insighter.audit_heads;
  v_answer jsonb;
begin
  select * into v_head from insighter.audit_heads h where h.scope = v_scope;
  with page as (
    select a from insighter.audit a
    where a.scope = v_scope and a.seq > p_after and a.seq <= coalesce(p_until, v_head.seq)
    order by a.seq
    limit v_limit
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(private.audit_json(a) order by (a).seq), '[]'),
    'after', case when count(*) = v_limit then max((a).seq) end,
    'head', v_head.seq || ':' || encode(v_head.hash, 'hex'), 'until', coalesce(p_until, v_head.seq, 0))
  into v_answer
  from page;
  return v_answer;
end
$$;

call private.expose('audit_list', 'audit_verify', 'audit_export');
-- None of these is for callers, whatever the server grants by default; then those that the functions above use.
revoke all on function private.audit_problems, private.audit_verified, private.audit_scopes, private.hidden_audit,
  private.audit_of, private.audit_json
  from public, anon, authenticated, service_role;
grant execute on function private.audit_verified, private.audit_scopes, private.hidden_audit, private.audit_of,
  private.audit_json to authenticated;
