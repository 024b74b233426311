-- Achievements: milestones of a person or of the team, counted from the events.
--
-- What is an achievement is data: a rule of a small closed grammar, see private.achievement_rule. Nothing of a rule is ever a
-- part of a statement. The platform's own definitions belong to no project, all others to the one whose admins made them.

-- ---- tables ---------------------------------------------------------------------------------------------------------

create table insighter.achievements (
  id uuid primary key default gen_random_uuid(),
  -- Null: the platform's own.
  project_id uuid references insighter.projects (id) on delete cascade,
  slug text unique check ((slug is not null) = (project_id is null)),
  name text not null,
  description text not null default '',
  icon text not null default 'star',
  -- Whose milestone it is: earned by each person, or once by the project.
  audience text not null check (audience in ('person', 'project')),
  rule jsonb not null,
  -- The events that can bring it about, as "<asset kind>.<verb>": made of the rule.
  listens text[] not null,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Deleted after somebody earned it: nobody earns it any more.
  retired_at timestamptz
);
create unique index achievements_name on insighter.achievements (project_id, lower(name)) where retired_at is null;
create index achievements_project on insighter.achievements (project_id);

create table insighter.achievements_earned (
  id bigint generated always as identity primary key,
  project_id uuid not null references insighter.projects (id) on delete cascade,
  achievement_id uuid not null references insighter.achievements (id) on delete cascade,
  -- Null: the team.
  user_id uuid references auth.users (id) on delete cascade,
  at timestamptz not null,
  -- What brought it about. No foreign key: what was earned stays earned.
  event_id bigint,
  asset_uuid uuid
);
create index achievements_earned_project on insighter.achievements_earned (project_id, at);
-- A person earns one once, wherever; a team once in its project.
create unique index achievements_earned_person on insighter.achievements_earned (achievement_id, user_id)
  where user_id is not null;
create unique index achievements_earned_team on insighter.achievements_earned (project_id, achievement_id)
  where user_id is null;
create index achievements_earned_user on insighter.achievements_earned (user_id, at desc);
create index achievements_earned_achievement on insighter.achievements_earned (achievement_id);

-- How much of a goal above one there can be at most: what was found when it was last looked at, and one for each event since.
-- Only when that is enough are the events themselves counted again.
create table insighter.achievements_counters (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  achievement_id uuid not null references insighter.achievements (id) on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  count int not null,
  -- The day or the asset of the last event: where these are counted, the next of the same adds nothing.
  last text not null,
  unique nulls not distinct (project_id, achievement_id, user_id)
) with (fillfactor = 50);
create index achievements_counters_achievement on insighter.achievements_counters (achievement_id);
create index achievements_counters_user on insighter.achievements_counters (user_id);

-- Who wants none of it: neither to see their own, nor that others do.
create table insighter.achievements_off (
  user_id uuid primary key default auth.uid() references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);

-- What is counted: the events of a kind and verb, of all or of one person.
create index events_counted on insighter.events (project_id, asset_kind, verb, actor);

-- ---- the grammar ----------------------------------------------------------------------------------------------------

create function private.achievement_invalid(p_message text, p_hint text default null) returns void
language plpgsql immutable set search_path = '' as $$
begin
  perform private.fail(422, 'invalid_rule', p_message,
    coalesce(p_hint, 'docs/achievements.md shows rules that are right'));
end
$$;

-- One of a rule's lists of words: a word alone is a list of one.
create function private.achievement_words(p_value jsonb, p_what text, p_pattern text) returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_list jsonb := case when jsonb_typeof(p_value) = 'string' then jsonb_build_array(p_value) else p_value end;
begin
  if v_list is null or jsonb_typeof(v_list) <> 'array' or jsonb_array_length(v_list) not between 1 and 20
    or exists (select from jsonb_array_elements(v_list) w
      where jsonb_typeof(w) <> 'string' or coalesce(w #>> '{}', '') !~ p_pattern) then
    perform private.achievement_invalid(format('"%s" is a list of 1 to 20 words', p_what));
  end if;
  return v_list;
end
$$;

create function private.achievement_whole(p_value jsonb, p_what text, p_most int) returns int
language plpgsql immutable set search_path = '' as $$
begin
  if jsonb_typeof(p_value) <> 'number' or (p_value #>> '{}')::numeric <> trunc((p_value #>> '{}')::numeric)
    or (p_value #>> '{}')::numeric not between 1 and p_most then
    perform private.achievement_invalid(format('"%s" is a whole number from 1 to %s', p_what, p_most));
  end if;
  return (p_value #>> '{}')::numeric::int;
end
$$;

create function private.achievement_keys(p_object jsonb, p_what text, variadic p_known text[]) returns void
language plpgsql immutable set search_path = '' as $$
declare
  v_unknown text;
begin
  if jsonb_typeof(p_object) is distinct from 'object' then
    perform private.achievement_invalid(format('%s is an object', p_what));
  end if;
  select k into v_unknown from jsonb_object_keys(p_object) k where not k = any (p_known) order by k limit 1;
  if v_unknown is not null then
    perform private.achievement_invalid(format('%s has no "%s"', p_what, left(v_unknown, 40)),
      'it may have: ' || array_to_string(p_known, ', '));
  end if;
end
$$;

-- A rule, put in order; 422 in words where it is none. One of these, and how many of them:
--   {"count": {"asset_kind": [...], "verb": [...], "where": {"<key of the event''s data>": {"op": ">=", "value": 10}}}}
--   {"metric": {"key": ["auc"], "op": ">=", "value": 0.9}}   model versions whose run or logged model has such a metric
--   {"streak": {"asset_kind": [...], "from": [...], "until": [...], "days": 30}}   days of an asset without a verb of "until"
--   {"recovered": {"asset_kind": [...], "failed": [...], "well": [...]}}   well again, the last that was heard being a failure
-- "at_least": 10, "distinct": "event", "asset" or "day", "within_days": 30
create function private.achievement_rule(p_rule jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  c_word constant text := '^[a-z][a-z0-9_]{0,39}$';
  v_rule jsonb := jsonb_build_object('at_least', 1, 'distinct', 'event') || case jsonb_typeof(p_rule)
    when 'object' then jsonb_strip_nulls(p_rule) else '{}' end;
  v_kind text;
  v_body jsonb;
  v_condition record;
begin
  perform private.achievement_keys(p_rule, 'a rule', 'count', 'metric', 'streak', 'recovered', 'at_least', 'distinct',
    'within_days');
  select k into v_kind from jsonb_object_keys(v_rule) k where k in ('count', 'metric', 'streak', 'recovered');
  if (select count(*) from jsonb_object_keys(v_rule) k where k in ('count', 'metric', 'streak', 'recovered')) <> 1 then
    perform private.achievement_invalid('a rule has one of "count", "metric", "streak" and "recovered"');
  end if;
  v_rule := v_rule || jsonb_build_object('at_least', private.achievement_whole(v_rule -> 'at_least', 'at_least', 10000));
  if v_rule ? 'within_days' then
    v_rule := v_rule
      || jsonb_build_object('within_days', private.achievement_whole(v_rule -> 'within_days', 'within_days', 3650));
  end if;
  if jsonb_typeof(v_rule -> 'distinct') <> 'string' or v_rule ->> 'distinct' not in ('event', 'asset', 'day') then
    perform private.achievement_invalid('"distinct" is "event", "asset" or "day"');
  end if;
  if v_rule ? 'within_days' and (v_kind <> 'count' or v_rule ->> 'distinct' = 'asset') then
    perform private.achievement_invalid('"within_days" goes with a "count" of events or days');
  end if;
  v_body := v_rule -> v_kind;
  if v_kind = 'metric' then
    perform private.achievement_keys(v_body, '"metric"', 'key', 'op', 'value');
    v_body := v_body || jsonb_build_object('key', private.achievement_words(v_body -> 'key', 'key', '^[^[:cntrl:]]{1,250}$'));
    if coalesce(v_body ->> 'op', '') not in ('>=', '>', '<=', '<') or jsonb_typeof(v_body -> 'value') is distinct from 'number' then
      perform private.achievement_invalid('"metric" has an "op" (">=", ">", "<=" or "<") and a number as "value"');
    end if;
    return v_rule || jsonb_build_object(v_kind, v_body);
  end if;
  case v_kind
    when 'count' then perform private.achievement_keys(v_body, '"count"', 'asset_kind', 'verb', 'where');
    when 'streak' then perform private.achievement_keys(v_body, '"streak"', 'asset_kind', 'from', 'until', 'days');
    else perform private.achievement_keys(v_body, '"recovered"', 'asset_kind', 'failed', 'well');
  end case;
  v_body := v_body
    || jsonb_build_object('asset_kind', private.achievement_words(v_body -> 'asset_kind', 'asset_kind', c_word));
  if v_body -> 'asset_kind' ? 'achievement' then
    perform private.achievement_invalid('achievements are not counted themselves');
  end if;
  if v_kind = 'streak' then
    v_body := v_body || jsonb_build_object(
      'from', private.achievement_words(v_body -> 'from', 'from', c_word),
      'until', private.achievement_words(v_body -> 'until', 'until', c_word),
      'days', private.achievement_whole(coalesce(v_body -> 'days', 'null'), 'days', 3650));
  elsif v_kind = 'recovered' then
    v_body := v_body || jsonb_build_object(
      'failed', private.achievement_words(v_body -> 'failed', 'failed', c_word),
      'well', private.achievement_words(v_body -> 'well', 'well', c_word));
  else
    v_body := v_body || jsonb_build_object('verb', private.achievement_words(v_body -> 'verb', 'verb', c_word));
    if v_body ? 'where' then
      if jsonb_typeof(v_body -> 'where') <> 'object' or (select count(*) from jsonb_object_keys(v_body -> 'where')) > 10 then
        perform private.achievement_invalid('"where" is an object of at most 10 conditions');
      end if;
      for v_condition in select w.key, w.value from jsonb_each(v_body -> 'where') w loop
        if v_condition.key !~ c_word then
          perform private.achievement_invalid('"where" names a key of the event''s data, such as "version"');
        end if;
        perform private.achievement_keys(v_condition.value, format('the condition on "%s"', v_condition.key), 'op', 'value');
        if coalesce(v_condition.value ->> 'op', '') not in ('=', '!=', '>=', '>', '<=', '<')
          or coalesce(jsonb_typeof(v_condition.value -> 'value'), 'null') not in ('number', 'string', 'boolean')
          or (jsonb_typeof(v_condition.value -> 'value') <> 'number' and v_condition.value ->> 'op' not in ('=', '!='))
          or length(v_condition.value ->> 'value') > 200 then
          perform private.achievement_invalid(format('the condition on "%s" has an "op" and a "value": %s', v_condition.key,
            'numbers are compared by =, !=, >=, >, <= and <, words and true or false by = and !='));
        end if;
      end loop;
    end if;
  end if;
  return v_rule || jsonb_build_object(v_kind, v_body);
end
$$;

-- Which events can bring it about. A streak ends with none: it is found when it is looked for.
create function private.achievement_listens(p_rule jsonb) returns text[]
language sql immutable set search_path = '' as $$
  select case when p_rule ? 'metric' then array['model.registered', 'run.finished'] else array(
    select distinct k || '.' || v
    from jsonb_array_elements_text(coalesce(p_rule -> 'count', p_rule -> 'recovered') -> 'asset_kind') k,
      jsonb_array_elements_text(coalesce(p_rule #> '{count,verb}', p_rule #> '{recovered,well}')) v) end
$$;

-- Whichever way a definition is written.
create function private.achievement_valid() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.name := btrim(normalize(new.name, nfc));
  if coalesce(new.name, '') = '' or char_length(new.name) > 100 or new.name ~ '[[:cntrl:]]' then
    perform private.fail(422, 'invalid_name', 'an achievement has a name of 1 to 100 characters', 'shorten it');
  elsif char_length(new.description) > 500 then
    perform private.fail(422, 'invalid_description', 'the description has more than 500 characters', 'shorten it');
  elsif new.icon is null or new.icon not in ('star', 'flag', 'dataset', 'model', 'target', 'endpoint', 'rescue', 'calendar',
      'runs', 'team', 'champion', 'versions') then
    perform private.fail(422, 'invalid_icon', format('there is no icon "%s"', left(new.icon, 40)),
      'star, flag, dataset, model, target, endpoint, rescue, calendar, runs, team, champion or versions');
  end if;
  new.rule := private.achievement_rule(new.rule);
  new.listens := private.achievement_listens(new.rule);
  return new;
end
$$;
create trigger achievement_valid before insert or update on insighter.achievements
for each row execute function private.achievement_valid();

-- ---- counting -------------------------------------------------------------------------------------------------------

-- Values of different types are never alike.
create function private.achievement_compare(p_left jsonb, p_op text, p_right jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_typeof(p_left) = jsonb_typeof(p_right) and case p_op
    when '=' then p_left = p_right when '!=' then p_left <> p_right
    when '>=' then p_left >= p_right when '>' then p_left > p_right
    when '<=' then p_left <= p_right when '<' then p_left < p_right end, false)
$$;

create function private.achievement_fits(p_where jsonb, p_data jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select p_where is null or not exists (
    select from jsonb_each(p_where) w
    where not private.achievement_compare(p_data -> w.key, w.value ->> 'op', w.value -> 'value'))
$$;

-- What fits a rule in a project, of one person or, with null, of all. Under the caller's rights: whoever may not see an event
-- does not count it. "p_since" leaves out older events.
create function private.achievement_hits(p_rule jsonb, p_project uuid, p_user uuid, p_since timestamptz)
returns table (place text, at timestamptz, event_id bigint, asset text, asset_uuid uuid)
language plpgsql stable set search_path = '' as $$
declare
  v_body jsonb := coalesce(p_rule -> 'count', p_rule -> 'streak', p_rule -> 'recovered', p_rule -> 'metric');
  v_kinds text[] := array(select jsonb_array_elements_text(v_body -> 'asset_kind'));
  v_verbs text[] := array(select jsonb_array_elements_text(coalesce(v_body -> 'verb', v_body -> 'from', v_body -> 'well')));
  v_others text[] := array(select jsonb_array_elements_text(coalesce(v_body -> 'until', v_body -> 'failed')));
  v_where jsonb := v_body -> 'where';
  v_span interval := make_interval(days => (v_body ->> 'days')::int);
begin
  if p_rule ? 'metric' then
    return query
      select v.model_id || ':' || v.version, v.created_at, null::bigint, 'model/' || v.model_id, v.model_id
      from insighter.model_versions v
      where v.project_id = p_project and (p_user is null or v.created_by = p_user) and (
        exists (
          select from insighter.run_metrics_latest m
          where m.project_id = v.project_id and m.run_id = v.run_id and v_body -> 'key' ? m.key
            and private.achievement_compare(to_jsonb(m.value), v_body ->> 'op', v_body -> 'value'))
        or exists (
          select from insighter.logged_model_metrics m
          where m.project_id = v.project_id and m.model_id = v.logged_model_id and v_body -> 'key' ? m.key
            and private.achievement_compare(to_jsonb(m.value), v_body ->> 'op', v_body -> 'value')));
  elsif p_rule ? 'count' then
    -- Of a person in a query of its own, which then reads that person's part of the index alone.
    return query
      select e.id::text, e.created_at, e.id, e.asset_kind || '/' || coalesce(e.asset_uuid::text, e.asset_id), e.asset_uuid
      from insighter.events e
      where p_user is null and e.project_id = p_project and e.asset_kind = any (v_kinds) and e.verb = any (v_verbs)
        and (p_since is null or e.created_at > p_since)
        and (v_where is null or private.achievement_fits(v_where, e.data))
      union all
      select e.id::text, e.created_at, e.id, e.asset_kind || '/' || coalesce(e.asset_uuid::text, e.asset_id), e.asset_uuid
      from insighter.events e
      where e.project_id = p_project and e.asset_kind = any (v_kinds) and e.verb = any (v_verbs) and e.actor = p_user
        and (p_since is null or e.created_at > p_since)
        and (v_where is null or private.achievement_fits(v_where, e.data));
  else
    return query
      with heard as (
        select e.id, e.created_at, e.verb, e.actor, e.asset_kind || '/' || coalesce(e.asset_uuid::text, e.asset_id) as asset,
          e.asset_uuid
        from insighter.events e
        where e.project_id = p_project and e.asset_kind = any (v_kinds) and e.verb = any (v_verbs || v_others)
      ), turns as (
        select h.*, lag(h.verb) over of_asset as before, min(h.created_at) filter (where h.verb = any (v_others)) over (
          partition by h.asset order by h.id rows between current row and unbounded following) as ended
        from heard h window of_asset as (partition by h.asset order by h.id)
      )
      select u.id::text, u.created_at + coalesce(v_span, '0'), u.id, u.asset, u.asset_uuid from turns u
      where u.verb = any (v_verbs) and (p_user is null or u.actor = p_user) and case
        when p_rule ? 'recovered' then u.before = any (v_others)
        else u.created_at + v_span <= now() and (u.ended is null or u.ended >= u.created_at + v_span) end;
  end if;
end
$$;

-- How far it is, and when and by what it was reached; "at" is null before that. What is closed to some of the project does
-- not count, but for what the platform itself says of a person, for then nobody can ask by a rule what they may not see.
create function private.achievement_standing(
  a insighter.achievements, p_project uuid, p_user uuid, p_since timestamptz default null
) returns table (progress int, goal int, at timestamptz, event_id bigint, asset_uuid uuid)
language plpgsql stable set search_path = '' as $$
declare
  v_goal int := (a.rule ->> 'at_least')::int;
  v_within interval := make_interval(days => (a.rule ->> 'within_days')::int);
  v_distinct text := a.rule ->> 'distinct';
begin
  return query
    with hits as (
      select h.*, case v_distinct when 'asset' then h.asset
        when 'day' then to_char(h.at at time zone 'UTC', 'YYYY-MM-DD') else h.place end as one
      from private.achievement_hits(a.rule, p_project, p_user, p_since) h
      where h.asset_uuid is null or (a.audience = 'person' and a.project_id is null) or h.asset_uuid not in (
        select r.asset_id from insighter.restrictions r where r.project_id = p_project)
    ), firsts as (
      select distinct on (h.one) h.* from hits h order by h.one, h.at, h.event_id
    ), numbered as (
      select f.*, lag(f.at, v_goal - 1) over (order by f.at, f.event_id, f.place) as began from firsts f
    ), reached as (
      select n.* from numbered n where n.began is not null and (v_within is null or n.began > n.at - v_within)
      order by n.at, n.event_id, n.place limit 1
    )
    select least(v_goal, (select count(*) from firsts f where v_within is null or f.at > now() - v_within))::int, v_goal,
      r.at, r.event_id, r.asset_uuid
    from (select) one left join reached r on true;
end
$$;

-- ---- earning: nobody else writes here -------------------------------------------------------------------------------

create function private.hides_achievements(p_user uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from insighter.achievements_off o where o.user_id = p_user)
$$;

-- Tell of it in the activity: not of what belongs to the past, nor of people who want none of it.
create function private.achievement_told(p_earned insighter.achievements_earned) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_uuid, asset_name, data)
  select p_earned.project_id, p_earned.user_id, 'person', 'earned', 'achievement', a.id::text, p_earned.asset_uuid, a.name,
    jsonb_build_object('audience', a.audience, 'user_id', p_earned.user_id, 'icon', a.icon, 'description', a.description)
  from insighter.achievements a
  where a.id = p_earned.achievement_id and p_earned.at >= a.updated_at and p_earned.at > now() - interval '7 days'
    and not private.hides_achievements(p_earned.user_id);
end
$$;

-- With each event, at COMMIT: the audit's head of the project is locked by then, so that of two transactions which reach a
-- goal together the second one sees the first. It costs those events that some definition listens to, until it is earned;
-- and whatever goes wrong here, the event stays.
create function private.achievements_counted() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_found record;
  v_one text;
  v_count int;
  v_standing record;
  v_earned insighter.achievements_earned;
begin
  for v_found in
    select a as definition, a.id, a.rule, (a.rule ->> 'at_least')::int as goal, s.user_id
    from insighter.achievements a
    cross join lateral (select case a.audience when 'person' then new.actor end as user_id) s
    where (a.project_id is null or a.project_id = new.project_id) and a.retired_at is null
      and new.asset_kind || '.' || new.verb = any (a.listens)
      and (a.audience = 'project' or new.actor is not null)
      and (a.rule #> '{count,where}' is null or private.achievement_fits(a.rule #> '{count,where}', new.data))
      and not exists (
        select from insighter.achievements_earned e
        where e.achievement_id = a.id and e.user_id is not distinct from s.user_id
          and (s.user_id is not null or e.project_id = new.project_id))
      -- A run that no version was made of says nothing of a model.
      and case when a.rule ? 'metric' and new.asset_kind = 'run' then exists (
        select from insighter.model_versions v where v.project_id = new.project_id and v.run_id = new.asset_id::uuid)
        else true end
  loop
    begin
      perform private.audit_lock(new.project_id);
      if v_found.goal > 1 and not v_found.rule ? 'metric' then
        v_one := case v_found.rule ->> 'distinct' when 'asset' then new.asset_id
          when 'day' then to_char(new.created_at at time zone 'UTC', 'YYYY-MM-DD') else new.id::text end;
        update insighter.achievements_counters c
        set count = c.count + case when c.last = v_one then 0 else 1 end, last = v_one
        where c.project_id = new.project_id and c.achievement_id = v_found.id
          and c.user_id is not distinct from v_found.user_id
        returning c.count into v_count;
        continue when v_count < v_found.goal;
      end if;
      select * into v_standing from private.achievement_standing(v_found.definition, new.project_id, v_found.user_id,
        now() - make_interval(days => (v_found.rule ->> 'within_days')::int)) s;
      if v_standing.at is null and v_one is not null then
        insert into insighter.achievements_counters (project_id, achievement_id, user_id, count, last)
        values (new.project_id, v_found.id, v_found.user_id, v_standing.progress, v_one)
        on conflict (project_id, achievement_id, user_id) do update set count = excluded.count;
      elsif v_standing.at is not null then
        insert into insighter.achievements_earned (project_id, achievement_id, user_id, at, event_id, asset_uuid)
        values (new.project_id, v_found.id, v_found.user_id, v_standing.at, v_standing.event_id, v_standing.asset_uuid)
        on conflict do nothing
        returning * into v_earned;
        if found then
          delete from insighter.achievements_counters c
          where c.project_id = new.project_id and c.achievement_id = v_found.id
            and c.user_id is not distinct from v_found.user_id;
          perform private.achievement_told(v_earned);
        end if;
      end if;
    exception when others then
      raise warning 'the achievement % was not counted: %', v_found.id, sqlerrm;
    end;
    v_one := null;
  end loop;
  return null;
end
$$;
create constraint trigger achievements_counted after insert on insighter.events
deferrable initially deferred for each row when (new.asset_kind <> 'achievement')
execute function private.achievements_counted();

-- All that is due by now, from all events there are: in a project or, with null, all of them; for a person and the teams they
-- are in or, with null, everybody. Days that pass without an event bring nothing about by themselves; and a definition may
-- be younger than what it counts.
create function private.achievements_recount(p_project uuid, p_user uuid) returns void
language sql security definer set search_path = '' as $$
  with subjects as (
    select m.project_id, m.user_id, 'person' as audience from insighter.members m
    where (p_project is null or m.project_id = p_project) and (p_user is null or m.user_id = p_user)
    union all
    select p.id, null, 'project' from insighter.projects p
    where (p_project is null or p.id = p_project) and (p_user is null or exists (
      select from insighter.members m where m.project_id = p.id and m.user_id = p_user))
  ), made as (
    insert into insighter.achievements_earned (project_id, achievement_id, user_id, at, event_id, asset_uuid)
    -- Of several projects in which a person earned it, the first counts.
    select distinct on (a.id, j.user_id, case when j.user_id is null then j.project_id end)
      j.project_id, a.id, j.user_id, s.at, s.event_id, s.asset_uuid
    from subjects j
    join insighter.projects p on p.id = j.project_id and p.archived_at is null
    join insighter.achievements a on a.audience = j.audience and a.retired_at is null
      and (a.project_id is null or a.project_id = j.project_id)
    cross join lateral private.achievement_standing(a, j.project_id, j.user_id) s
    where s.at is not null and not exists (
      select from insighter.achievements_earned e
      where e.achievement_id = a.id and e.user_id is not distinct from j.user_id
        and (j.user_id is not null or e.project_id = j.project_id))
    order by a.id, j.user_id, case when j.user_id is null then j.project_id end, s.at
    on conflict do nothing
    returning *
  )
  select private.achievement_told(m) from made m
$$;

-- ---- row-level security ---------------------------------------------------------------------------------------------

alter table insighter.achievements enable row level security;
alter table insighter.achievements_earned enable row level security;
alter table insighter.achievements_off enable row level security;
alter table insighter.achievements_counters enable row level security;

grant select, insert (project_id, name, description, icon, audience, rule), delete on insighter.achievements to authenticated;
grant update (name, description, icon, rule, updated_at, retired_at) on insighter.achievements to authenticated;
grant select on insighter.achievements_earned to authenticated;
grant select, insert (user_id), delete on insighter.achievements_off to authenticated;

create policy achievements_select on insighter.achievements for select to authenticated
  using (project_id is null or project_id in (select private.project_ids()));
create policy achievements_insert on insighter.achievements for insert to authenticated
  with check (project_id in (select private.project_ids('admin')) and created_by = (select auth.uid()));
create policy achievements_update on insighter.achievements for update to authenticated
  using (project_id in (select private.project_ids('admin'))) with check (project_id in (select private.project_ids('admin')));
create policy achievements_delete on insighter.achievements for delete to authenticated
  using (project_id in (select private.project_ids('admin')));
-- The team's are for all who see the project, a person's for its members, unless the person wants none of it.
create policy achievements_earned_select on insighter.achievements_earned for select to authenticated
  using (project_id in (select private.project_ids()) and (user_id is null
    or (project_id in (select private.membership_ids()) and not private.hides_achievements(user_id))));
-- Not "unseen": what lies in the trash was earned all the same.
create policy achievements_earned_restricted on insighter.achievements_earned as restrictive for all to authenticated
  using (asset_uuid is null or asset_uuid not in (select private.hidden_assets()));
create policy achievements_counters_nobody on insighter.achievements_counters for select to authenticated using (false);
create policy achievements_off_select on insighter.achievements_off for select to authenticated
  using (user_id = (select auth.uid()));
create policy achievements_off_insert on insighter.achievements_off for insert to authenticated
  with check (user_id = (select auth.uid()) and (select private.in_person()));
create policy achievements_off_delete on insighter.achievements_off for delete to authenticated
  using (user_id = (select auth.uid()) and (select private.in_person()));

-- The activity tells of it to those who see it there, also when it is switched off later. By text: what other events are
-- about has no such id.
create policy events_of_achievements on insighter.events as restrictive for all to authenticated
  using (asset_kind <> 'achievement' or data ->> 'user_id' is null or exists (
    select from insighter.achievements_earned e where e.user_id = actor and e.achievement_id::text = asset_id));

-- ---- the API --------------------------------------------------------------------------------------------------------

-- What is due is counted before it is told. DEFINER: nobody writes what was earned; it is for members alone.
create function private.achievements_settle(p_project uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if auth.uid() is not null and (p_project is null or p_project in (select private.membership_ids())) then
    perform private.achievements_recount(p_project, auth.uid());
  end if;
end
$$;

-- The same for everybody, after a definition was made or changed.
create function private.achievements_settle_all(p_project uuid, p_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_project in (select private.project_ids('admin')) then
    delete from insighter.achievements_counters c where c.achievement_id = p_id;
    perform private.achievements_recount(p_project, null);
  end if;
end
$$;

-- The asset that brought it about, where the caller sees it and it still is there.
create function private.achievement_asset(e insighter.achievements_earned) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('kind', s.kind, 'key', s.key, 'name', s.name) from insighter.assets s
  where s.project_id = e.project_id and s.kind in ('dataset', 'model', 'deployment') and s.id = e.asset_uuid::text
$$;

create function private.achievement_json(a insighter.achievements) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', a.id, 'slug', a.slug, 'own', a.project_id is not null, 'name', a.name,
    'description', a.description, 'icon', a.icon, 'audience', a.audience, 'rule', a.rule, 'retired', a.retired_at is not null)
$$;

-- How it stands in a project: the caller's progress, or the team's, and who earned it, the first hundred of them.
create function private.achievement_in(a insighter.achievements, p_project uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_user uuid := case a.audience when 'person' then auth.uid() end;
  v_mine insighter.achievements_earned;
  v_off boolean := a.audience = 'person' and private.hides_achievements(auth.uid());
  v_standing record;
begin
  select e.* into v_mine from insighter.achievements_earned e
  where e.achievement_id = a.id and e.user_id is not distinct from v_user and (v_user is not null or e.project_id = p_project);
  if v_mine.id is null and a.retired_at is null and not v_off then
    select s.progress, s.goal into v_standing from private.achievement_standing(a, p_project, v_user) s;
  else
    select null::int as progress, (a.rule ->> 'at_least')::int as goal into v_standing;
  end if;
  return private.achievement_json(a) || jsonb_build_object(
    'at', v_mine.at, 'progress', v_standing.progress, 'goal', v_standing.goal,
    'earned', (
      select coalesce(jsonb_agg(jsonb_build_object('user_id', f.user_id, 'display_name', f.display_name, 'at', f.at,
        'asset', f.asset) order by f.at, f.id), '[]')
      from (
        select e.id, e.user_id, case when e.user_id is not null then coalesce(u.display_name, 'someone') end as display_name,
          e.at, private.achievement_asset(e) as asset
        from insighter.achievements_earned e left join insighter.profiles u on u.user_id = e.user_id
        where e.achievement_id = a.id and e.project_id = p_project order by e.at, e.id limit 100) f));
end
$$;

-- The platform's own first, then the project's. There are at most fifty of these: no pages.
create function public.achievements_list(p_project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  perform private.achievements_settle(v_project.id);
  return jsonb_build_object(
    'shown', not private.hides_achievements(auth.uid()),
    'items', (
      select coalesce(jsonb_agg(private.achievement_in(a, v_project.id) order by a.project_id is not null, a.created_at, a.id), '[]')
      from insighter.achievements a
      where (a.project_id is null or a.project_id = v_project.id) and (a.retired_at is null or exists (
        select from insighter.achievements_earned e where e.achievement_id = a.id and e.project_id = v_project.id))));
end
$$;

-- A project's own definition, or 404.
create function private.own_achievement(p_project_id uuid, p_id uuid) returns insighter.achievements
language plpgsql stable set search_path = '' as $$
declare
  v_found insighter.achievements;
begin
  select * into v_found from insighter.achievements
  where id = p_id and project_id = p_project_id and retired_at is null;
  if not found then
    perform private.fail(404, 'achievement_not_found', 'the project has no such achievement of its own',
      'those of the platform stay as they are');
  end if;
  return v_found;
end
$$;

create function public.achievements_create(
  p_project_id uuid, p_name text, p_audience text, p_rule jsonb, p_description text default '', p_icon text default 'star'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'admin');
  v_made insighter.achievements;
begin
  if p_audience is null or p_audience not in ('person', 'project') then
    perform private.fail(422, 'invalid_audience', 'it is for each "person" or for the "project"', 'choose one of them');
  elsif (select count(*) from insighter.achievements a
      where a.project_id = v_project.id and a.retired_at is null) >= 50 then
    perform private.fail(422, 'too_many', 'a project has at most 50 achievements of its own', 'delete one first');
  end if;
  begin
    insert into insighter.achievements (project_id, name, description, icon, audience, rule)
    values (v_project.id, p_name, p_description, p_icon, p_audience, p_rule)
    returning * into v_made;
  exception when unique_violation then
    perform private.fail(409, 'achievement_exists', format('the project has an achievement "%s" already', btrim(p_name)),
      'choose another name');
  end;
  perform private.achievements_settle_all(v_project.id, v_made.id);
  return private.achievement_in(v_made, v_project.id);
end
$$;

-- What was earned stays earned, whatever the rule is from now on.
create function public.achievements_update(
  p_project_id uuid, p_id uuid, p_name text default null, p_description text default null, p_icon text default null,
  p_rule jsonb default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'admin');
  v_new insighter.achievements := private.own_achievement(v_project.id, p_id);
begin
  begin
    update insighter.achievements set name = coalesce(p_name, name), description = coalesce(p_description, description),
      icon = coalesce(p_icon, icon), rule = coalesce(p_rule, rule), updated_at = now()
    where id = v_new.id returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'achievement_exists', format('the project has an achievement "%s" already', btrim(p_name)),
      'choose another name');
  end;
  perform private.achievements_settle_all(v_project.id, v_new.id);
  return private.achievement_in(v_new, v_project.id);
end
$$;

-- Nobody earns it any more. Those who have keep it; where nobody has, nothing is left of it.
create function public.achievements_delete(p_project_id uuid, p_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'admin');
  v_old insighter.achievements := private.own_achievement(v_project.id, p_id);
begin
  if private.achievement_earned(v_project.id, v_old.id) then
    update insighter.achievements set retired_at = now() where id = v_old.id;
  else
    delete from insighter.achievements where id = v_old.id;
  end if;
  return '{}';
end
$$;

-- Whether anybody has, also those who show it to nobody.
create function private.achievement_earned(p_project uuid, p_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select p_project in (select private.project_ids('admin')) and exists (
    select from insighter.achievements_earned e where e.achievement_id = p_id)
$$;

-- How far the caller, or the team, would be by a rule.
create function public.achievements_preview(p_project_id uuid, p_audience text, p_rule jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'admin');
  v_like insighter.achievements;
begin
  v_like.project_id := v_project.id;
  v_like.audience := p_audience;
  v_like.rule := private.achievement_rule(p_rule);
  return (
    select jsonb_build_object('rule', v_like.rule, 'progress', s.progress, 'goal', s.goal, 'at', s.at)
    from private.achievement_standing(v_like, v_project.id, case p_audience when 'person' then auth.uid() end) s);
end
$$;

-- The caller's own, of all projects, newest first, and what comes next: of the ten projects that changed last, the three
-- that least is missing for.
create function public.achievements_mine() returns jsonb
language plpgsql set search_path = '' as $$
begin
  if auth.uid() is null or private.hides_achievements(auth.uid()) then
    return jsonb_build_object('shown', false, 'items', '[]'::jsonb, 'next', '[]'::jsonb);
  end if;
  perform private.achievements_settle(null);
  return jsonb_build_object('shown', true,
    'items', (
      select coalesce(jsonb_agg(private.achievement_json(a) || jsonb_build_object('at', e.at,
        'project', jsonb_build_object('id', p.id, 'name', p.name), 'asset', private.achievement_asset(e))
        order by e.at desc, e.id desc), '[]')
      from insighter.achievements_earned e
      join insighter.achievements a on a.id = e.achievement_id
      join insighter.projects p on p.id = e.project_id
      where e.user_id = auth.uid()),
    'next', (
      with recent as (
        select p.id, p.name from insighter.projects p
        where p.id in (select private.membership_ids()) and p.archived_at is null
        order by (select max(v.id) from insighter.events v where v.project_id = p.id) desc nulls last limit 10
      ), candidates as (
        select distinct on (a.id) a as definition, p.id, p.name, s.progress, s.goal
        from insighter.achievements a
        join recent p on a.project_id is null or a.project_id = p.id
        cross join lateral private.achievement_standing(a, p.id, auth.uid()) s
        where a.audience = 'person' and a.retired_at is null and s.at is null and not exists (
          select from insighter.achievements_earned e where e.achievement_id = a.id and e.user_id = auth.uid())
        order by a.id, s.progress::float / s.goal desc, p.name
      ), next as (
        select c.* from candidates c order by c.progress::float / c.goal desc, c.goal, (c.definition).created_at, (c.definition).name limit 3
      )
      select coalesce(jsonb_agg(private.achievement_json(n.definition) || jsonb_build_object('progress', n.progress,
        'goal', n.goal, 'project', jsonb_build_object('id', n.id, 'name', n.name))
        order by n.progress::float / n.goal desc, n.goal, (n.definition).created_at, (n.definition).name), '[]')
      from next n));
end
$$;

-- Whether the caller's own are shown, to the caller and to everybody else.
create function public.achievements_show(p_shown boolean) returns jsonb
language plpgsql set search_path = '' as $$
begin
  if not private.in_person() then
    perform private.fail(403, 'credential_confined', 'a credential does not change what a person has set',
      'do it in JupyterLab, on the account''s page');
  elsif p_shown then
    delete from insighter.achievements_off where user_id = auth.uid();
  else
    insert into insighter.achievements_off (user_id) values (auth.uid()) on conflict do nothing;
  end if;
  return jsonb_build_object('shown', p_shown);
end
$$;

-- ---- the platform's own ---------------------------------------------------------------------------------------------

-- Before the table is audited: they belong to no chain.
insert into insighter.achievements (slug, name, description, icon, audience, rule, created_by, created_at)
select d.slug, d.name, d.description, d.icon, d.audience, d.rule::jsonb, null, now() + d.place * interval '1 microsecond'
from (values
  (1, 'first-dataset', 'First dataset', 'Added a dataset.', 'dataset', 'person',
    '{"count": {"asset_kind": "dataset", "verb": "created"}}'),
  (2, 'first-model', 'First model', 'Registered a version of a model.', 'model', 'person',
    '{"count": {"asset_kind": "model", "verb": "registered"}}'),
  (3, 'model-past-target', 'Past the target',
    'Registered a model with an accuracy, AUC, F1 or R² of 0.9 or better.', 'target', 'person',
    '{"metric": {"key": ["test_accuracy", "test_auc", "test_roc_auc", "test_f1", "test_r2", "val_accuracy", "val_auc",
      "val_roc_auc", "val_f1", "val_r2", "accuracy", "auc", "roc_auc", "f1", "f1_score", "r2"], "op": ">=", "value": 0.9}}'),
  (4, 'first-champion', 'A champion', 'Gave a version of a model an alias.', 'champion', 'person',
    '{"count": {"asset_kind": "model", "verb": "aliased"}}'),
  (5, 'first-endpoint', 'First endpoint', 'Deployed a model that answers.', 'endpoint', 'person',
    '{"count": {"asset_kind": "deployment", "verb": "healthy"}}'),
  (6, 'endpoint-rescued', 'Back on its feet', 'Brought an endpoint that had failed back to health.', 'rescue', 'person',
    '{"recovered": {"asset_kind": "deployment", "failed": "failed", "well": "healthy"}}'),
  (7, 'dataset-ten-versions', 'A dataset with a history', 'Brought a dataset to its tenth version.', 'versions', 'person',
    '{"count": {"asset_kind": "dataset", "verb": "updated", "where": {"version": {"op": ">=", "value": 10}}}}'),
  (8, 'hundred-runs', 'A hundred runs', 'Finished 100 runs in a project.', 'runs', 'person',
    '{"count": {"asset_kind": "run", "verb": "finished"}, "at_least": 100, "distinct": "asset"}'),
  (9, 'first-teammate', 'Not alone', 'Somebody else became a member of the project.', 'team', 'project',
    '{"count": {"asset_kind": "member", "verb": ["added", "joined"]}}'),
  (10, 'thousand-runs', 'A thousand runs', 'Finished 1,000 runs, all of us together.', 'runs', 'project',
    '{"count": {"asset_kind": "run", "verb": "finished"}, "at_least": 1000, "distinct": "asset"}'),
  (11, 'endpoint-thirty-days', 'Thirty quiet days', 'An endpoint answered for 30 days without a failed health check.',
    'calendar', 'project',
    '{"streak": {"asset_kind": "deployment", "from": "healthy", "until": ["failed", "stopped", "deleted"], "days": 30}}')
) d (place, slug, name, description, icon, audience, rule);

call private.audited('insighter.achievements', 'achievement', 'project_id', 'id', 'name', 'listens');

-- What was there before.
select private.achievements_recount(null, null);

call private.expose('achievements_list', 'achievements_create', 'achievements_update', 'achievements_delete',
  'achievements_preview', 'achievements_mine', 'achievements_show');
-- None of these is for callers, whatever the server grants by default.
revoke all on function private.achievement_told, private.achievements_counted, private.achievements_recount
  from public, anon, authenticated, service_role;
grant execute on function private.achievement_invalid, private.achievement_words, private.achievement_whole,
  private.achievement_keys, private.achievement_rule, private.achievement_listens, private.achievement_valid,
  private.achievement_compare, private.achievement_fits, private.achievement_hits, private.achievement_standing,
  private.hides_achievements, private.achievements_settle, private.achievements_settle_all, private.achievement_asset,
  private.achievement_json, private.achievement_in, private.own_achievement, private.achievement_earned to authenticated;
