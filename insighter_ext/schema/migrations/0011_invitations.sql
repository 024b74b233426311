-- Invitations, and requests for access: how somebody who is not a member becomes one. Both take a person who signed in.

-- ---- invitations ----------------------------------------------------------------------------------------------------

-- To a project or to an organisation. Only the hash of its code is kept.
create table insighter.invitations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid references insighter.projects (id) on delete cascade,
  organisation_id uuid references insighter.organisations (id) on delete cascade,
  email text not null check (char_length(email) between 3 and 254 and email = lower(email collate "C")),
  role text not null,
  code_hash text not null unique check (code_hash ~ '^[0-9a-f]{64}$'),
  invited_by uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '14 days',
  accepted_at timestamptz,
  accepted_by uuid,
  declined_at timestamptz,
  revoked_at timestamptz,
  constraint invitations_to_one check (num_nonnulls(project_id, organisation_id) = 1),
  constraint invitations_role check (case when organisation_id is null
    then role in ('viewer', 'annotator', 'editor', 'admin') else role in ('member', 'admin') end),
  constraint invitations_days check (expires_at <= created_at + interval '14 days')
);
create index invitations_project on insighter.invitations (project_id, created_at, id);
create index invitations_organisation on insighter.invitations (organisation_id, created_at, id);
create index invitations_inviter on insighter.invitations (invited_by);
create index invitations_pending on insighter.invitations (email)
  where accepted_at is null and declined_at is null and revoked_at is null;
create unique index invitations_one on insighter.invitations (coalesce(project_id, organisation_id), email)
  where accepted_at is null and declined_at is null and revoked_at is null;

alter table insighter.invitations enable row level security;
grant select (id, project_id, organisation_id, email, role, invited_by, created_at, expires_at, accepted_at, accepted_by,
    declined_at, revoked_at),
  insert (id, project_id, organisation_id, email, role, code_hash, invited_by), update (revoked_at)
  on insighter.invitations to authenticated;

create policy invitations_select on insighter.invitations for select to authenticated
  using (project_id in (select private.project_ids('admin'))
    or organisation_id in (select private.organisation_ids('admin')));
create policy invitations_insert on insighter.invitations for insert to authenticated
  with check (invited_by = (select auth.uid()) and (select private.in_person())
    and (project_id in (select private.project_ids('admin'))
      or organisation_id in (select private.organisation_ids('admin'))));
-- What was answered or revoked stays so.
create policy invitations_update on insighter.invitations for update to authenticated
  using (accepted_at is null and declined_at is null and revoked_at is null and (select private.in_person())
    and (project_id in (select private.project_ids('admin'))
      or organisation_id in (select private.organisation_ids('admin'))))
  with check (project_id in (select private.project_ids('admin'))
    or organisation_id in (select private.organisation_ids('admin')));

-- An address as it is compared: capital letters of ASCII do not count, all else does. Folding more would make one address of
-- two that belong to different people, as with the Kelvin sign and the letter k.
create function private.folded_email(p_email text) returns text
language sql immutable set search_path = '' as $$
  select lower(p_email collate "C")
$$;

-- Whether it can still be accepted. It is worth what its sender's word is worth now: whoever is no admin any more has not
-- left a way back in. DEFINER: asked for people who see neither the project nor the sender.
create function private.invitation_open(i insighter.invitations) returns boolean
language sql stable security definer set search_path = '' as $$
  select i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > now()
    and case when i.project_id is not null
      then exists (select from insighter.members m
        where m.project_id = i.project_id and m.user_id = i.invited_by and m.role >= 'admin')
      else exists (select from insighter.organisation_members m
        where m.organisation_id = i.organisation_id and m.user_id = i.invited_by and m.role = 'admin') end
$$;

-- Make it a membership; false where somebody was faster. A role is never lowered. Its callers have made sure that it is
-- open, and that this account may take it. DEFINER: whoever is invited is no admin, and has no rights there yet.
create function private.invitation_taken(p_id uuid, p_user_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_taken insighter.invitations;
  v_before insighter.project_role;
begin
  update insighter.invitations set accepted_at = now(), accepted_by = p_user_id
  where id = p_id and accepted_at is null and declined_at is null and revoked_at is null and expires_at > now()
  returning * into v_taken;
  if not found then
    return false;
  end if;
  if v_taken.organisation_id is not null then
    insert into insighter.organisation_members as m (organisation_id, user_id, role)
    values (v_taken.organisation_id, p_user_id, v_taken.role)
    on conflict (organisation_id, user_id) do update set role = 'admin' where m.role = 'member' and excluded.role = 'admin';
    return true;
  end if;
  select m.role into v_before from insighter.members m where m.project_id = v_taken.project_id and m.user_id = p_user_id;
  insert into insighter.members as m (project_id, user_id, role)
  values (v_taken.project_id, p_user_id, v_taken.role::insighter.project_role)
  on conflict (project_id, user_id) do update set role = excluded.role where m.role < excluded.role;
  if found then
    -- Not by private.record: at a sign-up nobody is signed in yet.
    insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name, data)
    values (v_taken.project_id, p_user_id, 'person', case when v_before is null then 'joined' else 'changed' end, 'member',
      p_user_id::text, private.person_name(p_user_id), jsonb_build_object('before', v_before, 'after', v_taken.role));
  end if;
  return true;
end
$$;

-- A new account with a confirmed address joins what that address was invited to. An account that was there before is asked.
-- DEFINER: it runs in the sign-in's own transaction, as a role that has no part in the platform.
create function private.newcomer_joins() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
begin
  if new.email is null or new.email_confirmed_at is null then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if old.email_confirmed_at is not null then
      return null;
    end if;
    -- A new password together with the proof: whoever made the account was perhaps not whose address it is. What they gave
    -- out for it ends.
    if new.encrypted_password is distinct from old.encrypted_password then
      update insighter.credentials set revoked_at = now() where user_id = new.id and revoked_at is null;
    end if;
  end if;
  for v_id in
    select i.id from insighter.invitations i
    where i.email = private.folded_email(new.email) and private.invitation_open(i)
      and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
    order by i.created_at, i.id
  loop
    perform private.invitation_taken(v_id, new.id);
  end loop;
  return null;
end
$$;

-- Triggers run by name: after the one that makes the profile.
create trigger insighter_welcome after insert or update of email_confirmed_at on auth.users
for each row execute function private.newcomer_joins();

-- Of a project or an organisation, for its admins; the one that is meant.
create function private.inviting(p_project_id uuid, p_organisation_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if num_nonnulls(p_project_id, p_organisation_id) <> 1 then
    perform private.fail(422, 'invalid', 'an invitation is to one project or to one organisation', 'name one of them');
  elsif p_project_id is not null then
    return (private.project_shared_by(p_project_id)).id;
  end if;
  perform private.must_be_in_person();
  return (private.organisation_for(p_organisation_id)).id;
end
$$;

-- Whether an address is that of a member. DEFINER: the address an account signs in with is in no table that people read.
-- For admins, who see all members and their addresses.
create function private.is_member(p_project_id uuid, p_organisation_id uuid, p_email text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from insighter.members m join auth.users u on u.id = m.user_id
    where m.project_id = p_project_id and p_project_id in (select private.project_ids('admin'))
      and private.folded_email(u.email) = p_email
    union all
    select from insighter.organisation_members m join auth.users u on u.id = m.user_id
    where m.organisation_id = p_organisation_id and p_organisation_id in (select private.organisation_ids('admin'))
      and private.folded_email(u.email) = p_email)
$$;

-- Whether anybody has an account with the address changes nothing about the answer. Inviting again takes the earlier
-- invitation's place.
create function public.invitations_create(
  p_email text, p_role text, p_code_hash text, p_project_id uuid default null, p_organisation_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
  v_email text := private.folded_email(btrim(p_email, E' \t\r\n'));
  v_new insighter.invitations;
  v_id uuid := gen_random_uuid();
begin
  if v_email is null or char_length(v_email) > 254
    or v_email !~ '^[^\s\u0001-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff@<>(),:;"\\\[\]]+@[^\s\u0001-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff@<>(),:;"\\\[\]]+$' then
    perform private.fail(422, 'invalid_email', 'that is no e-mail address', 'write it as name@example.org');
  end if;
  if p_project_id is not null then
    perform private.role_below_owner(p_role);
  elsif p_role is null or p_role not in ('member', 'admin') then
    perform private.fail(422, 'invalid_role', 'that is no role in an organisation', 'member or admin');
  end if;
  if private.is_member(p_project_id, p_organisation_id, v_email) then
    perform private.fail(409, 'member_already', format('%s is a member already', v_email),
      'give the member another role instead');
  end if;
  update insighter.invitations set revoked_at = now()
  where coalesce(project_id, organisation_id) = v_to and email = v_email
    and accepted_at is null and declined_at is null and revoked_at is null;
  begin
    insert into insighter.invitations (id, project_id, organisation_id, email, role, code_hash, invited_by)
    values (v_id, p_project_id, p_organisation_id, v_email, p_role, p_code_hash, auth.uid());
  exception when unique_violation then
    perform private.fail(409, 'invited_already', 'somebody invited the same address at the same time', 'look again');
  end;
  return (select jsonb_build_object('id', i.id, 'project_id', i.project_id, 'organisation_id', i.organisation_id,
      'email', i.email, 'role', i.role, 'invited_by', private.person_name(i.invited_by), 'created_at', i.created_at,
      'expires_at', i.expires_at)
    from insighter.invitations i where i.id = v_id);
end
$$;

-- Those that can still be accepted, and those that lapsed less than two weeks ago, oldest first.
create function public.invitations_list(
  p_project_id uuid default null, p_organisation_id uuid default null, p_limit int default 100, p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select i.id, i.project_id, i.organisation_id, i.email, i.role, private.person_name(i.invited_by) as invited_by,
        i.created_at, i.expires_at
      from insighter.invitations i
      where (i.project_id = p_project_id or i.organisation_id = p_organisation_id)
        and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
        and i.expires_at > now() - interval '14 days'
        and (p_cursor is null or (i.created_at, i.id)
          > (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid))
      order by i.created_at, i.id limit v_limit
    )
    select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(p) order by p.created_at, p.id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select to_jsonb(l.created_at) #>> '{}' || '/' || l.id from page l order by l.created_at desc, l.id desc limit 1) end)
    from page p);
end
$$;

create function public.invitations_revoke(
  p_id uuid, p_project_id uuid default null, p_organisation_id uuid default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_to uuid := private.inviting(p_project_id, p_organisation_id);
begin
  update insighter.invitations set revoked_at = now()
  where id = p_id and coalesce(project_id, organisation_id) = v_to
    and accepted_at is null and declined_at is null and revoked_at is null;
  if not found then
    perform private.fail(404, 'invitation_not_found', 'no such invitation that is still open',
      'whoever accepted it is a member now');
  end if;
  return '{}';
end
$$;

-- The address that the caller proved to have. From the sign-in's own table: what a token says of its holder can be as the
-- holder likes. DEFINER: nobody reads that table.
create function private.own_address() returns text
language sql stable security definer set search_path = '' as $$
  select private.folded_email(u.email) from auth.users u
  where u.id = auth.uid() and u.email_confirmed_at is not null and u.deleted_at is null
$$;

-- The caller's open invitations, with what they are to. DEFINER: nothing there can be seen before they are accepted.
create function private.own_invitations() returns table (
  id uuid, kind text, name text, role text, invited_by text, created_at timestamptz, expires_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select i.id, case when i.project_id is null then 'organisation' else 'project' end, coalesce(p.name, o.name), i.role,
    private.person_name(i.invited_by), i.created_at, i.expires_at
  from insighter.invitations i
  left join insighter.projects p on p.id = i.project_id
  left join insighter.organisations o on o.id = i.organisation_id
  where i.email = private.own_address() and private.in_person() and private.invitation_open(i)
    and i.accepted_at is null and i.declined_at is null and i.revoked_at is null
$$;

create function public.invitations_mine() returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.must_be_in_person();
  return (select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(i) order by i.created_at, i.id), '[]'), 'cursor', null)
    from private.own_invitations() i);
end
$$;

create function private.invitation_missing() returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.fail(404, 'invitation_not_found',
    'no such invitation for you: it may have been used, revoked, or be older than 14 days', 'ask for another one');
end
$$;

-- Accept by the id of an own invitation, or by a code, which is enough by itself. DEFINER: see invitation_taken.
create function private.invitation_accepted(p_id uuid, p_code_hash text) returns insighter.invitations
language plpgsql security definer set search_path = '' as $$
declare
  v_found insighter.invitations;
begin
  if private.in_person() then
    select i.* into v_found from insighter.invitations i
    where case when p_id is not null then i.id = p_id and i.email = private.own_address() else i.code_hash = p_code_hash end
      and private.invitation_open(i);
  end if;
  if v_found.id is null or not private.invitation_taken(v_found.id, auth.uid()) then
    perform private.invitation_missing();
  end if;
  return v_found;
end
$$;

create function public.invitations_accept(p_id uuid default null, p_code_hash text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_taken insighter.invitations;
begin
  perform private.must_be_in_person();
  v_taken := private.invitation_accepted(p_id, p_code_hash);
  return jsonb_build_object(
    'project', case when v_taken.project_id is not null then public.projects_get(v_taken.project_id) end,
    'organisation', case when v_taken.organisation_id is not null then public.organisations_get(v_taken.organisation_id) end);
end
$$;

-- DEFINER: whoever is invited does not see the row.
create function private.invitation_declined(p_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update insighter.invitations i set declined_at = now()
  where i.id = p_id and i.email = private.own_address() and private.in_person()
    and i.accepted_at is null and i.declined_at is null and i.revoked_at is null and private.invitation_open(i);
  return found;
end
$$;

create function public.invitations_decline(p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.must_be_in_person();
  if not private.invitation_declined(p_id) then
    perform private.invitation_missing();
  end if;
  return '{}';
end
$$;

-- What a code is good for, for the form that makes an account; null where for nothing. DEFINER, and callable before anybody
-- is known: whoever asks already has the code, of 192 bits.
create function public.invitations_check(p_code_hash text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('email', i.email, 'role', i.role,
    'project', (select p.name from insighter.projects p where p.id = i.project_id),
    'organisation', (select o.name from insighter.organisations o where o.id = i.organisation_id))
  from insighter.invitations i
  where i.code_hash = p_code_hash and private.invitation_open(i)
$$;

-- ---- requests for access --------------------------------------------------------------------------------------------

-- What somebody asked for, as they wrote it, whether or not there is such a project: the asker's own list, which can tell
-- nothing about what the asker does not see.
create table insighter.access_asked (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  asked text not null check (asked ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  role insighter.project_role not null check (role < 'owner'),
  message text not null default '' check (char_length(message) <= 1000),
  created_at timestamptz not null default now(),
  unique (user_id, asked)
);

-- What a project's admins see of it.
create table insighter.access_requests (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references insighter.projects (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role insighter.project_role not null check (role < 'owner'),
  message text not null default '' check (char_length(message) <= 1000),
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  decision text check (decision in ('granted', 'declined')),
  decided_by uuid,
  check ((decided_at is null) = (decision is null))
);
create index access_requests_project on insighter.access_requests (project_id, created_at, id);
create index access_requests_user on insighter.access_requests (user_id);
create unique index access_requests_one on insighter.access_requests (project_id, user_id) where decided_at is null;

alter table insighter.access_asked enable row level security;
alter table insighter.access_requests enable row level security;
grant select, insert (user_id, asked, role, message), delete on insighter.access_asked to authenticated;
grant select, update (decided_at, decision, decided_by) on insighter.access_requests to authenticated;

create policy access_asked_select on insighter.access_asked for select to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));
create policy access_asked_insert on insighter.access_asked for insert to authenticated
  with check (user_id = (select auth.uid()) and (select private.in_person()));
-- What is older than 30 days may be asked anew.
create policy access_asked_delete on insighter.access_asked for delete to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()) and created_at < now() - interval '30 days');
create policy access_requests_select on insighter.access_requests for select to authenticated
  using (project_id in (select private.project_ids('admin')));
create policy access_requests_update on insighter.access_requests for update to authenticated
  using (decided_at is null and project_id in (select private.project_ids('admin')) and (select private.in_person()))
  with check (project_id in (select private.project_ids('admin')) and decided_by = (select auth.uid()));

-- Put a request before the admins, if there is such a project; it tells nobody whether. DEFINER: the asker does not see
-- the project.
create function private.access_requested(p_asked text, p_role insighter.project_role, p_message text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if private.in_person() then
    insert into insighter.access_requests (project_id, user_id, role, message)
    -- Nothing is refused here: a refusal would tell that there is such a project.
    select p.id, auth.uid(), least(p_role, 'admin'), left(p_message, 1000) from insighter.projects p
    where p_asked in (p.slug, p.id::text) and not p.personal
      and not exists (select from insighter.access_requests r where r.project_id = p.id and r.user_id = auth.uid()
        and r.created_at > now() - interval '30 days')
    on conflict do nothing;
  end if;
end
$$;

-- "granted" is what the asker sees anyway. A request that was declined stays "pending" for the asker until it lapses after 30
-- days: to be told of it would be to be told that there is such a project.
create function private.access_asked_json(a insighter.access_asked) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', a.id, 'project', a.asked, 'role', a.role, 'message', a.message,
    'state', case when exists (
        select from insighter.projects p join insighter.members m on m.project_id = p.id
        where a.asked in (p.slug, p.id::text) and m.user_id = auth.uid() and m.role >= a.role)
      then 'granted' else 'pending' end,
    'created_at', a.created_at)
$$;

create function public.access_requests_create(p_project text, p_role text, p_message text default '') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_asked text := lower(btrim(p_project));
  v_role insighter.project_role := private.role_below_owner(p_role);
  v_message text := btrim(regexp_replace(coalesce(p_message, ''), '[\u0001-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]', '', 'g'));
  v_new insighter.access_asked;
begin
  perform private.must_be_in_person();
  if v_asked is null or v_asked !~ '^[a-z0-9][a-z0-9-]{0,62}$' then
    perform private.fail(422, 'invalid_project', 'a project is asked for by its id, or by its name in addresses',
      'whoever told you of the project can tell you its address');
  elsif char_length(v_message) > 1000 then
    perform private.fail(422, 'message_too_long', 'the message has more than 1,000 characters', 'shorten it');
  end if;
  if exists (
    select from insighter.projects p join insighter.members m on m.project_id = p.id
    where v_asked in (p.slug, p.id::text) and m.user_id = auth.uid() and m.role >= v_role
  ) then
    perform private.fail(409, 'member_already', 'you have this role in the project already', 'open the project');
  end if;
  delete from insighter.access_asked where user_id = auth.uid() and created_at < now() - interval '30 days';
  if (select count(*) from insighter.access_asked where user_id = auth.uid() and asked <> v_asked) >= 20 then
    perform private.fail(409, 'too_many_requests', 'you asked for access to 20 projects within 30 days',
      'ask again when some of these requests are older than that, or talk to an admin of the project');
  end if;
  insert into insighter.access_asked (user_id, asked, role, message) values (auth.uid(), v_asked, v_role, v_message)
  on conflict (user_id, asked) do nothing returning * into v_new;
  if found then
    perform private.access_requested(v_asked, v_role, v_message);
  else
    select * into v_new from insighter.access_asked where user_id = auth.uid() and asked = v_asked;
  end if;
  return private.access_asked_json(v_new);
end
$$;

create function public.access_requests_mine() returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.must_be_in_person();
  return (select jsonb_build_object('items', coalesce(jsonb_agg(private.access_asked_json(a) order by a.created_at desc), '[]'),
      'cursor', null)
    from insighter.access_asked a where a.user_id = auth.uid() and a.created_at > now() - interval '30 days');
end
$$;

-- Who asks. DEFINER: an admin does not see people outside, but has to know whom it is about. For admins alone.
create function private.askers(p_project_id uuid) returns table (user_id uuid, display_name text, email text)
language sql stable security definer set search_path = '' as $$
  select f.user_id, f.display_name, f.email
  from insighter.access_requests r join insighter.profiles f on f.user_id = r.user_id
  where r.project_id = p_project_id and r.decided_at is null and p_project_id in (select private.project_ids('admin'))
$$;

create function public.access_requests_list(p_project_id uuid, p_limit int default 100, p_cursor text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_shared_by(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
begin
  return (
    with page as (
      select r.id, r.user_id, coalesce(a.display_name, 'someone') as display_name, a.email, r.role, r.message, r.created_at
      from insighter.access_requests r left join private.askers(v_project.id) a on a.user_id = r.user_id
      where r.project_id = v_project.id and r.decided_at is null
        and (p_cursor is null or (r.created_at, r.id)
          > (split_part(p_cursor, '/', 1)::timestamptz, split_part(p_cursor, '/', 2)::uuid))
      order by r.created_at, r.id limit v_limit
    )
    select jsonb_build_object('items', coalesce(jsonb_agg(to_jsonb(p) order by p.created_at, p.id), '[]'),
      'cursor', case when count(*) = v_limit then (
        select to_jsonb(l.created_at) #>> '{}' || '/' || l.id from page l order by l.created_at desc, l.id desc limit 1) end)
    from page p);
end
$$;

create function private.access_decided(p_project_id uuid, p_id uuid, p_decision text) returns insighter.access_requests
language plpgsql set search_path = '' as $$
declare
  v_request insighter.access_requests;
begin
  perform private.project_shared_by(p_project_id);
  update insighter.access_requests set decided_at = now(), decision = p_decision, decided_by = auth.uid()
  where id = p_id and project_id = p_project_id and decided_at is null returning * into v_request;
  if not found then
    perform private.fail(404, 'request_not_found', 'no such request that is still open',
      'somebody may have answered it already');
  end if;
  return v_request;
end
$$;

-- With the role that was asked for, or another one. A role is never lowered.
create function public.access_requests_grant(p_project_id uuid, p_id uuid, p_role text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_request insighter.access_requests := private.access_decided(p_project_id, p_id, 'granted');
  v_role insighter.project_role := private.role_below_owner(coalesce(p_role, v_request.role::text));
  v_before insighter.project_role;
  v_member insighter.members;
begin
  select m.role into v_before from insighter.members m
  where m.project_id = p_project_id and m.user_id = v_request.user_id;
  if v_before is null then
    insert into insighter.members (project_id, user_id, role) values (p_project_id, v_request.user_id, v_role)
    on conflict (project_id, user_id) do nothing;
  else
    update insighter.members set role = v_role
    where project_id = p_project_id and user_id = v_request.user_id and role < v_role;
  end if;
  if found then
    perform private.record(p_project_id, case when v_before is null then 'added' else 'changed' end, 'member',
      v_request.user_id::text, private.person_name(v_request.user_id),
      jsonb_build_object('before', v_before, 'after', v_role));
  end if;
  select * into v_member from insighter.members where project_id = p_project_id and user_id = v_request.user_id;
  return private.member_json(v_member);
end
$$;

create function public.access_requests_decline(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.access_decided(p_project_id, p_id, 'declined');
  return '{}';
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('invitations_create', 'invitations_list', 'invitations_revoke', 'invitations_mine',
  'invitations_accept', 'invitations_decline', 'invitations_check', 'access_requests_create', 'access_requests_mine',
  'access_requests_list', 'access_requests_grant', 'access_requests_decline');
grant execute on function public.invitations_check to anon;
-- These act for others, and are called by the functions above alone.
revoke all on function private.invitation_open, private.invitation_taken, private.newcomer_joins from public, anon, authenticated, service_role;
grant execute on function private.folded_email, private.inviting, private.is_member, private.own_address,
  private.own_invitations, private.invitation_missing, private.invitation_accepted, private.invitation_declined,
  private.access_requested, private.access_asked_json, private.askers, private.access_decided to authenticated;
