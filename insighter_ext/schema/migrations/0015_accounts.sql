-- Accounts: profiles, sign-ins of browsers, personal access tokens, and how long each of them is good.
--
-- Whatever is no JWT is a credential: 256 random bits, of which only the SHA-256 is kept, resolved by one function and
-- revoked at once. A kernel and a token are confined to one project and have a ceiling there; a session is a browser's
-- sign-in: the person, as long as the sign-in it was made in lasts.

alter table insighter.credentials
  alter column project_id drop not null,
  alter column issuer set default '',
  drop constraint credentials_kind_check,
  -- What kernels could do so far does not count for more: all that are known are theirs.
  add column role insighter.project_role default 'editor',
  add column last_used_at timestamptz,
  -- Of auth.sessions. No foreign key: that schema is not ours to refer to.
  add column session_id uuid,
  add column user_agent text check (char_length(user_agent) <= 500),
  add column ip inet,
  add constraint credentials_kind check (kind in ('kernel', 'token', 'session')),
  add constraint credentials_label check (char_length(label) <= 1000),
  add constraint credentials_limits check (case kind
    when 'session' then project_id is null and role is null and session_id is not null
    else project_id is not null and role is not null and session_id is null end);
alter table insighter.credentials alter column role drop default;
create index credentials_issuer on insighter.credentials (issuer) where revoked_at is null;
create index credentials_session on insighter.credentials (session_id) where session_id is not null;

revoke select, insert on insighter.credentials from authenticated;
-- Who issued a credential is nobody's to read: it is what ends all that a server gave out.
grant select (id, user_id, project_id, kind, label, role, session_id, user_agent, ip, created_at, expires_at, last_used_at,
    revoked_at),
  insert (id, user_id, project_id, kind, label, role, secret_hash, issuer, session_id, user_agent, ip, expires_at)
  on insighter.credentials to authenticated;

drop policy credentials_select on insighter.credentials;
drop policy credentials_insert on insighter.credentials;
drop policy credentials_update on insighter.credentials;
create policy credentials_select on insighter.credentials for select to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));
-- Nobody gives away more than is theirs, and a browser's session belongs to the sign-in that made it.
create policy credentials_insert on insighter.credentials for insert to authenticated
  with check (user_id = (select auth.uid()) and (select private.in_person())
    and case kind
      when 'session' then session_id::text = (select auth.jwt() ->> 'session_id')
      when 'token' then project_id in (select private.membership_ids()) and role <= (select private.role_in(project_id))
      else project_id in (select private.project_ids()) end);
create policy credentials_update on insighter.credentials for update to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()))
  with check (user_id = (select auth.uid()));

-- ---- profiles -------------------------------------------------------------------------------------------------------

grant update (display_name) on insighter.profiles to authenticated;
create policy profiles_update on insighter.profiles for update to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person())) with check (user_id = (select auth.uid()));

-- A name as it can be shown: without control characters and those that turn the text around them. Null where nothing is left.
create function private.shown_name(p_name text) returns text
language sql immutable set search_path = '' as $$
  select nullif(btrim(left(btrim(regexp_replace(normalize(p_name, nfc),
    '[\u0001-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]', '', 'g')), 100)), '')
$$;

-- The name of a new account is the one it was made with. That is for its holder to say: nothing trusts it.
create or replace function private.profile_for_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.profiles (user_id, email, display_name)
  values (new.id, new.email, coalesce(private.shown_name(new.raw_user_meta_data ->> 'display_name'),
    private.shown_name(split_part(new.email, '@', 1)), 'someone'))
  on conflict (user_id) do nothing;
  return new;
end
$$;

-- The caller's account as the sign-in knows it.
create function private.own_user() returns table (email text, confirmed boolean, created_at timestamptz)
language sql stable security definer rows 1 set search_path = '' as $$
  select u.email::text, u.email_confirmed_at is not null, u.created_at from auth.users u
  where u.id = auth.uid() and u.deleted_at is null and coalesce(u.banned_until, '-infinity') <= now()
$$;

-- The caller's profile, made where a trigger could not, with the address as it is now.
create function private.own_profile() returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.profiles as p (user_id, email, display_name)
  select u.id, u.email, coalesce(private.shown_name(u.raw_user_meta_data ->> 'display_name'),
    private.shown_name(split_part(u.email, '@', 1)), 'someone')
  from auth.users u where u.id = auth.uid()
  on conflict (user_id) do update set email = excluded.email where p.email is distinct from excluded.email;
end
$$;

create function public.accounts_ensure() returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.must_be_in_person();
  perform private.own_profile();
  return (select jsonb_build_object('user_id', f.user_id, 'display_name', f.display_name)
    from insighter.profiles f where f.user_id = auth.uid());
end
$$;

create function public.accounts_get() returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.must_be_in_person();
  return (select jsonb_build_object('user_id', f.user_id, 'email', u.email, 'display_name', f.display_name,
      'confirmed', u.confirmed, 'created_at', u.created_at)
    from insighter.profiles f, private.own_user() u where f.user_id = auth.uid());
end
$$;

create function public.accounts_update(p_display_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_name text := private.shown_name(p_display_name);
begin
  perform private.must_be_in_person();
  if v_name is null or v_name <> btrim(normalize(p_display_name, nfc)) then
    perform private.fail(422, 'invalid_name', 'a name has 1 to 100 characters, and no control characters among them',
      'choose another name');
  end if;
  update insighter.profiles set display_name = v_name where user_id = auth.uid();
  return public.accounts_get();
end
$$;

-- What keeps an account from being deleted goes: its personal project. For the platform alone, which deletes the account and
-- the project's files next. What it shares with others is theirs too, and needs another owner first.
create function private.personal_project_goes() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_others text;
  v_personal uuid;
begin
  select string_agg(format('"%s"', p.name), ', ' order by p.name) into v_others
  from insighter.projects p where p.created_by = auth.uid() and not p.personal;
  if v_others is not null then
    perform private.fail(409, 'projects_owned', 'the account owns projects: ' || v_others,
      'transfer them to another member, or delete them, first');
  end if;
  delete from insighter.projects p where p.created_by = auth.uid() and p.personal returning p.id into v_personal;
  return jsonb_build_object('personal_project', v_personal);
end
$$;

create function public.accounts_leave() returns jsonb
language plpgsql set search_path = '' as $$
begin
  if (auth.jwt() -> 'insighter' ->> 'kind') is distinct from 'service' then
    perform private.fail(403, 'service_only', 'an account is deleted by whoever runs the platform',
      'insighter accounts delete');
  end if;
  return private.personal_project_goes();
end
$$;

-- ---- sign-ins -------------------------------------------------------------------------------------------------------

-- The caller's sign-ins that last, of browsers and of programs.
create function private.own_sessions() returns table (
  id uuid, created_at timestamptz, refreshed_at timestamptz, user_agent text, ip inet
)
language sql stable security definer set search_path = '' as $$
  select s.id, s.created_at, coalesce(s.refreshed_at at time zone 'UTC', s.updated_at), s.user_agent, s.ip
  from auth.sessions s
  where s.user_id = auth.uid() and coalesce(s.not_after, 'infinity') > now()
$$;

-- Whether the caller's access token still stands for somebody: the account is there, and so is the sign-in it was given in.
-- Null where not.
create function public.sessions_check() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('email', u.email)
  from private.own_user() u
  where (auth.jwt() ->> 'session_id') is null
    or (auth.jwt() ->> 'session_id')::uuid in (select s.id from private.own_sessions() s)
$$;

-- A browser's credential for the sign-in that the caller's claims name.
create function public.sessions_issue(p_secret_hash text, p_seconds int, p_user_agent text default null, p_ip text default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid := gen_random_uuid();
  v_session uuid := (auth.jwt() ->> 'session_id')::uuid;
begin
  perform private.must_be_in_person();
  if v_session is null or v_session not in (select s.id from private.own_sessions() s) then
    perform private.fail(401, 'session_expired', 'this sign-in is over', 'sign in again');
  end if;
  perform private.own_profile();
  insert into insighter.credentials (id, user_id, kind, label, secret_hash, session_id, user_agent, ip, expires_at)
  values (v_id, auth.uid(), 'session', 'browser', p_secret_hash, v_session, left(p_user_agent, 500), p_ip::inet,
    now() + make_interval(secs => least(p_seconds, 90 * 86400)));
  return jsonb_build_object('id', v_id);
end
$$;

create function public.sessions_list(p_limit int default 100, p_cursor text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  perform private.must_be_in_person();
  return (
    with sessions as (
      select s.id, s.created_at, coalesce(c.user_agent, s.user_agent) as user_agent, coalesce(c.ip, s.ip) as ip,
        greatest(c.last_used_at, s.refreshed_at, s.created_at) as last_used_at
      from private.own_sessions() s
      left join lateral (
        select max(k.last_used_at) as last_used_at, (array_agg(k.user_agent order by k.created_at desc))[1] as user_agent,
          (array_agg(k.ip order by k.created_at desc))[1] as ip
        from insighter.credentials k where k.session_id = s.id and k.user_id = auth.uid()
      ) c on true
    ), page as (
      select * from sessions
      where p_cursor is null
        or (created_at, id) < (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid)
      order by created_at desc, id desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(jsonb_build_object(
        'id', id, 'created_at', created_at, 'last_used_at', last_used_at, 'user_agent', user_agent, 'ip', host(ip),
        'current', coalesce(id::text = auth.jwt() ->> 'session_id', false)) order by created_at desc, id desc), '[]'),
      'cursor', case when count(*) = v_limit
        then (select created_at || '/' || id from page order by created_at, id limit 1) end)
    from page);
end
$$;

-- End what browsers hold for a sign-in. The sign-in itself is ended by what signs people in.
create function public.sessions_end(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_count int;
begin
  perform private.must_be_in_person();
  update insighter.credentials set revoked_at = now()
  where session_id = p_id and user_id = auth.uid() and revoked_at is null;
  get diagnostics v_count = row_count;
  if v_count = 0 and p_id not in (select s.id from private.own_sessions() s) then
    perform private.fail(404, 'session_not_found', 'no such sign-in of yours',
      'GET /insighter/api/account/sessions lists them');
  end if;
  return jsonb_build_object('id', p_id);
end
$$;

-- ---- personal access tokens -----------------------------------------------------------------------------------------

create function private.token_json(c insighter.credentials) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', c.id, 'name', c.label, 'project_id', c.project_id,
    'project', (select p.name from insighter.projects p where p.id = c.project_id), 'role', c.role,
    'created_at', c.created_at, 'expires_at', c.expires_at, 'last_used_at', c.last_used_at, 'revoked_at', c.revoked_at)
$$;

-- Rows as they may be read, for the function above: whole rows are nobody's to select.
create function private.own_tokens() returns setof insighter.credentials
language sql stable security definer set search_path = '' as $$
  select * from insighter.credentials c where c.user_id = auth.uid() and c.kind = 'token' and private.in_person()
$$;

create function public.tokens_create(p_project_id uuid, p_name text, p_role text, p_secret_hash text, p_days int)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_id uuid := gen_random_uuid();
  v_project insighter.projects;
  v_name text := private.shown_name(p_name);
begin
  perform private.must_be_in_person();
  v_project := private.project(p_project_id);
  if v_name is null or v_name <> btrim(normalize(p_name, nfc)) then
    perform private.fail(422, 'invalid_name', 'a token''s name has 1 to 100 characters, and no control characters among them',
      'name it after what will use it');
  end if;
  if p_days is null or p_days not between 1 and 365 then
    perform private.fail(422, 'invalid_days', 'a token is good for 1 to 365 days', 'make another when it ends');
  end if;
  if p_project_id not in (select private.membership_ids()) then
    perform private.fail(403, 'role_too_low', format('only members of "%s" make tokens for it', v_project.name),
      'ask an admin of the project');
  end if;
  if p_role::insighter.project_role > private.role_in(p_project_id) then
    perform private.fail(403, 'role_too_low', format('your role in "%s" is %s: a token of yours has no higher one',
      v_project.name, private.role_in(p_project_id)), 'choose a lower role, or ask an admin of the project');
  end if;
  if (select count(*) from insighter.credentials
      where user_id = auth.uid() and kind = 'token' and revoked_at is null and expires_at > now()) >= 100 then
    perform private.fail(409, 'too_many_tokens', 'you have 100 tokens already', 'revoke those that nothing uses any more');
  end if;
  insert into insighter.credentials (id, user_id, project_id, kind, label, role, secret_hash, expires_at)
  values (v_id, auth.uid(), p_project_id, 'token', v_name, p_role::insighter.project_role, p_secret_hash,
    now() + make_interval(days => p_days));
  return (select private.token_json(t) from private.own_tokens() t where t.id = v_id);
end
$$;

create function public.tokens_list(p_limit int default 100, p_cursor text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  perform private.must_be_in_person();
  return (
    with page as (
      select t from private.own_tokens() t
      where p_cursor is null
        or (t.created_at, t.id) < (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid)
      order by t.created_at desc, t.id desc limit v_limit
    )
    select jsonb_build_object(
      'items', coalesce(jsonb_agg(private.token_json(t) order by (t).created_at desc, (t).id desc), '[]'),
      'cursor', case when count(*) = v_limit
        then (select (t).created_at || '/' || (t).id from page order by (t).created_at, (t).id limit 1) end)
    from page);
end
$$;

create function public.tokens_revoke(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.must_be_in_person();
  update insighter.credentials set revoked_at = coalesce(revoked_at, now())
  where id = p_id and kind = 'token' and user_id = auth.uid();
  if not found then
    perform private.fail(404, 'token_not_found', 'no such access token of yours',
      'GET /insighter/api/account/tokens lists them');
  end if;
  return (select private.token_json(t) from private.own_tokens() t where t.id = p_id);
end
$$;

-- ---- credentials of kernels, and what all kinds share ---------------------------------------------------------------

drop function public.credentials_issue(uuid, text, text, text, text, int);
drop function public.credentials_revoke(uuid, text);
drop function public.credentials_issuers();
drop function public.credentials_resolve(text);

-- A kernel's credential. It works in its project, and does not change who may what there.
create function public.credentials_issue(
  p_project_id uuid, p_label text, p_secret_hash text, p_issuer_hash text, p_seconds int
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects;
  v_id uuid := gen_random_uuid();
begin
  perform private.must_be_in_person();
  v_project := private.project(p_project_id);
  insert into insighter.credentials (id, user_id, project_id, kind, label, role, secret_hash, issuer, expires_at)
  values (v_id, auth.uid(), v_project.id, 'kernel', left(p_label, 1000), 'editor', p_secret_hash, p_issuer_hash,
    now() + make_interval(secs => least(p_seconds, 30 * 86400)));
  return jsonb_build_object('id', v_id, 'project_id', v_project.id, 'role', 'editor');
end
$$;

create function public.credentials_revoke(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_count int;
begin
  update insighter.credentials set revoked_at = now() where id = p_id and revoked_at is null and user_id = auth.uid();
  get diagnostics v_count = row_count;
  return jsonb_build_object('revoked', v_count);
end
$$;

-- End all that a server gave to kernels, whoever started them. A server's name is a secret of 256 bits which it keeps for the
-- next one on its machine: whoever knows it may.
create function public.credentials_revoke_issued(p_issuer text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_count int;
begin
  update insighter.credentials set revoked_at = now()
  where issuer = encode(sha256(convert_to(p_issuer, 'UTF8')), 'hex') and kind = 'kernel' and revoked_at is null;
  get diagnostics v_count = row_count;
  return jsonb_build_object('revoked', v_count);
end
$$;

-- A credential that stands for somebody now.
create function private.live_credential(p_secret_hash text) returns setof insighter.credentials
language sql stable security definer rows 1 set search_path = '' as $$
  select c.* from insighter.credentials c join auth.users u on u.id = c.user_id
  where c.secret_hash = p_secret_hash and c.revoked_at is null and c.expires_at > now()
    and u.deleted_at is null and coalesce(u.banned_until, '-infinity') <= now()
    and (c.kind <> 'session' or exists (
      select from auth.sessions s
      where s.id = c.session_id and s.user_id = c.user_id and coalesce(s.not_after, 'infinity') > now()))
$$;

-- Who holds a secret. Callable before anybody is known; whoever asks already has the secret, of 256 bits.
create function public.credentials_resolve(p_secret_hash text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', c.id, 'user_id', c.user_id, 'project_id', c.project_id, 'role', c.role,
    'kind', case c.kind when 'session' then 'person' else c.kind end, 'session_id', c.session_id,
    'email', u.email, 'display_name', f.display_name)
  from private.live_credential(p_secret_hash) c
  join auth.users u on u.id = c.user_id
  left join insighter.profiles f on f.user_id = c.user_id
$$;

-- Note that it was used, to the minute.
create function public.credentials_touch(p_secret_hash text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_count int;
begin
  update insighter.credentials set last_used_at = now()
  where id in (select l.id from private.live_credential(p_secret_hash) l)
    and coalesce(last_used_at, '-infinity') < now() - interval '1 minute';
  get diagnostics v_count = row_count;
  return jsonb_build_object('touched', v_count);
end
$$;

call private.expose('accounts_ensure', 'accounts_get', 'accounts_update', 'accounts_leave', 'sessions_check',
  'sessions_issue', 'sessions_list', 'sessions_end', 'tokens_create', 'tokens_list', 'tokens_revoke', 'credentials_issue',
  'credentials_revoke', 'credentials_revoke_issued', 'credentials_resolve', 'credentials_touch');
grant execute on function public.credentials_resolve, public.credentials_touch, public.credentials_revoke_issued to anon;
grant execute on function private.shown_name, private.own_user, private.own_profile,
  private.personal_project_goes, private.own_sessions, private.token_json, private.own_tokens to authenticated;

-- Kernels from before hold more than kernels shall, and their servers' names are no secrets.
update insighter.credentials set revoked_at = now() where revoked_at is null;
