-- Which schema this is, for a database that is migrated by other hands than the platform's (`supabase db push`, or a person
-- in an SQL editor). The server and `insighter supabase check` compare it with the release's newest migration; so the last
-- migration of a release replaces this function, and a test says so when it was forgotten.

create function public.platform_schema() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'version', '0019',
    -- What stands in schemas that are not ours, and can be lost there.
    'storage_policies', (select coalesce(jsonb_agg(p.policyname order by p.policyname), '[]')
      from pg_catalog.pg_policies p
      where p.schemaname = 'storage' and p.tablename = 'objects' and p.policyname like 'insighter\_%'),
    'triggers', (select coalesce(jsonb_agg(t.tgname order by t.tgname), '[]') from pg_catalog.pg_trigger t
      where t.tgrelid = 'auth.users'::regclass and t.tgname like 'insighter\_%' and t.tgenabled <> 'D'))
$$;
call private.expose('platform_schema');

-- PostgreSQL lets everybody execute a new function. What lies in schema "private" was granted one by one, to those who need it.
revoke execute on all routines in schema private from public;
