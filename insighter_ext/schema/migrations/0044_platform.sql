-- Which schema this is; see 0019_supabase.sql. Stands last, and moves on with the last file of a release.

create or replace function public.platform_schema() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'version', '0044',
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
