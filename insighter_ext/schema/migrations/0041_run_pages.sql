-- What a run's page changes: name, notes and tags, in one transaction and not over what somebody else wrote meanwhile.

-- "p_tags" maps keys to values; null takes a tag off, and one that is not there is no error. "p_expected" maps keys to what
-- the caller saw before, null for nothing: where another value is there now, nothing changes.
create function public.runs_edit(p_project_id uuid, p_run_id text, p_tags jsonb, p_expected jsonb default '{}')
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_run record;
  v_tags jsonb;
  v_key text;
begin
  -- first whether there is such a run in the project at all: who is in another must not hear more
  perform public.runs_get(p_run_id, p_project_id);
  select f.id, f.project_id into v_run from private.run_for(p_run_id) f;
  select r.tags into v_tags from insighter.runs r where r.project_id = v_run.project_id and r.id = v_run.id for update;
  select e.key into v_key from jsonb_each_text(p_expected) e
  where coalesce(v_tags ->> e.key, '') not in (coalesce(e.value, ''), coalesce(p_tags ->> e.key, ''))
  limit 1;
  if v_key is not null then
    perform private.fail_with(409, 'changed_meanwhile', format('the tag %s was changed while you edited it', v_key),
      'compare the two, and save again with what is there now as the expected one',
      jsonb_build_object('field', v_key, 'theirs', coalesce(v_tags ->> v_key, ''), 'by', null, 'at', now()));
  end if;
  for v_key in
    select t.key from jsonb_each_text(p_tags) t where t.value is null and v_tags ? t.key
  loop
    perform public.runs_delete_tag(p_run_id, v_key);
  end loop;
  perform public.runs_log_batch(p_run_id, p_tags => jsonb_strip_nulls(p_tags));
  return public.runs_get(p_run_id, p_project_id, true);
end
$$;
call private.expose('runs_edit');
