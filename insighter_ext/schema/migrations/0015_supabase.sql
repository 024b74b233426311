-- Which schema this is, for a database that is migrated by other hands than the platform's (`supabase db push`, or a person
-- in an SQL editor). The server and `insighter supabase check` compare it with the release's newest migration; so the last
-- migration of a release replaces this function, and a test says so when it was forgotten.

create function public.platform_schema() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('version', '0015', 'name', 'supabase')
$$;
call private.expose('platform_schema');
