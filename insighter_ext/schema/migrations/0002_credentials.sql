-- Credentials that act for an account and can be revoked: for now, those of kernels. Only a hash is kept.

create table insighter.credentials (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  kind text not null check (kind in ('kernel')),
  label text not null,
  secret_hash text not null unique check (secret_hash ~ '^[0-9a-f]{64}$'),
  -- The server that issued it: what a killed server left behind is revoked by the next.
  issuer text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index credentials_user on insighter.credentials (user_id);
create index credentials_project on insighter.credentials (project_id);

alter table insighter.credentials enable row level security;
grant select (id, user_id, project_id, kind, label, issuer, created_at, expires_at, revoked_at),
  insert (id, user_id, project_id, kind, label, secret_hash, issuer, expires_at),
  update (revoked_at) on insighter.credentials to authenticated;

-- A confined credential neither sees, makes nor revokes credentials: a kernel cannot prolong its own life.
create policy credentials_select on insighter.credentials for select to authenticated
  using (user_id = (select auth.uid()) and (select auth.jwt() -> 'insighter' ->> 'project') is null);
create policy credentials_insert on insighter.credentials for insert to authenticated
  with check (user_id = (select auth.uid()) and project_id in (select private.project_ids())
    and (select auth.jwt() -> 'insighter' ->> 'project') is null);
create policy credentials_update on insighter.credentials for update to authenticated
  using (user_id = (select auth.uid()) and (select auth.jwt() -> 'insighter' ->> 'project') is null)
  with check (user_id = (select auth.uid()));

create function public.credentials_issue(
  p_project_id uuid, p_kind text, p_label text, p_secret_hash text, p_issuer text, p_seconds int
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_id uuid := gen_random_uuid();
begin
  insert into insighter.credentials (id, user_id, project_id, kind, label, secret_hash, issuer, expires_at)
  values (v_id, auth.uid(), v_project.id, p_kind, p_label, p_secret_hash, p_issuer, now() + make_interval(secs => p_seconds));
  return jsonb_build_object('id', v_id, 'project_id', v_project.id);
end
$$;

-- Revoke one credential, or all that an issuer gave out.
create function public.credentials_revoke(p_id uuid default null, p_issuer text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_count int;
begin
  update insighter.credentials set revoked_at = now()
  where revoked_at is null and user_id = auth.uid() and (id = p_id or issuer = p_issuer);
  get diagnostics v_count = row_count;
  return jsonb_build_object('revoked', v_count);
end
$$;

-- The issuers that still have live credentials of the caller.
create function public.credentials_issuers() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(distinct issuer), '[]') from insighter.credentials
  where user_id = auth.uid() and revoked_at is null and expires_at > now()
$$;

-- Who holds a secret. Callable before anybody is known; whoever asks already has the secret, of 256 bits.
create function public.credentials_resolve(p_secret_hash text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', id, 'user_id', user_id, 'project_id', project_id, 'kind', kind)
  from insighter.credentials
  where secret_hash = p_secret_hash and revoked_at is null and expires_at > now()
$$;

call private.expose('credentials_issue', 'credentials_revoke', 'credentials_issuers', 'credentials_resolve');
grant execute on function public.credentials_resolve to anon;
