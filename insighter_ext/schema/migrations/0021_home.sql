-- A project's home: its assets listed, found and pinned, who is there now, and its purpose, which two people may edit at once.

-- ---- what assets are found by -----------------------------------------------------------------------------------------

-- Text as it is searched: words with blanks between them, without case and marks. What is a letter is said here and not by the
-- database's locale. Scripts without blanks between words, and symbols, are found sign by sign.
create or replace function private.search_text(p_text text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select btrim(regexp_replace(regexp_replace(regexp_replace(lower(normalize(coalesce(p_text, ''), nfkd)),
    -- Accents, vowel points, what chooses a sign's variant.
    '[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u3099\u309a\ufe00-\ufe0f]',
    '', 'g'),
    '([\u2190-\u2bff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff])',
    ' \1 ', 'g'),
    '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u05be\u05c0\u05c3\u060c\u061b\u061f\u0964\u0965\u2000-\u206f\u3000-\u303f]+',
    ' ', 'g'))
$$;

-- The words of a text as a tsvector is written, each with a mark: its position and weight.
create function private.search_words(p_text text, p_mark text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select string_agg(distinct '''' || left(w, 64) || ''':' || p_mark, ' ')
  from string_to_table(private.search_text(p_text), ' ') w where w <> ''
$$;

-- The name as it is searched: what a name begins with is found by an index of its own, without a look at all that do.
alter table insighter.assets add column named text not null default '';

-- With the words stand, as words that nobody can type, the kind and the project. So the one index answers "this word, in these
-- projects", and a word that is common elsewhere costs little here.
create or replace function private.asset_search() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.named := left(private.search_text(left(new.name, 1000)), 100);
  -- A tsvector holds at most 1 MB: what is longer is found by its beginning.
  new.search := concat_ws(' ', '''p ' || new.project_id || '''', '''k ' || new.kind || '''',
    private.search_words(left(new.name, 1000), '1A'), private.search_words(left(new.terms, 20000), '2B'),
    private.search_words(left(new.description, 20000), '3C'))::tsvector;
  return new;
end
$$;
update insighter.assets set name = name;

-- Without a list of what is pending: a search would read it from end to end.
create index assets_search on insighter.assets using gin (search) with (fastupdate = off) where deleted_at is null;
create index assets_named on insighter.assets (project_id, named text_pattern_ops) where deleted_at is null;
create index assets_updated on insighter.assets (project_id, updated_at desc, kind, id) where deleted_at is null;

-- The best of the assets that have all words of a query, the last of which may be unfinished; without words the newest ones.
-- However many there are, a few thousand are compared at most: those whose name it is or begins with it, the newest, and of a
-- query that is rare among these a thousand others. DEFINER: the index of words cannot be used below row-level security, as a
-- comparison of words might tell of rows that are not to be seen. What that would let through is asked for here, and again by
-- whoever reads the rows.
create function private.assets_found(p_query text, p_projects uuid[], p_kinds text[], p_limit int)
returns table (project_id uuid, kind text, id text, place bigint)
language plpgsql stable security definer rows 50 set search_path = ''
-- The plans that fit, whatever the query; planning costs more than they do.
set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_text text := private.search_text(left(p_query, 200));
  -- What has no word in it, but is not empty either: "--".
  v_signs text := case when v_text = '' then lower(btrim(normalize(left(p_query, 200), nfc))) end;
  v_named text := left(v_text, 100);
  v_projects uuid[] := array(
    select distinct p from private.project_ids() p where p_projects is null or p = any (p_projects));
  v_unseen uuid[] := array(select private.unseen_assets());
  v_kinds text[] := array(select k from unnest(p_kinds) k where k ~ '^[a-z]{1,20}$');
  v_scope text;
  v_in_name tsquery;
  v_words tsquery;
  v_window int := greatest(50, 2000 / greatest(cardinality(v_projects), 1));
begin
  if cardinality(v_projects) = 0 or (p_kinds is not null and cardinality(v_kinds) = 0) then
    return;
  end if;
  if v_text = '' then
    return query
      select w.project_id, w.kind, w.id, row_number() over (order by w.updated_at desc, w.kind, w.id)
      from unnest(v_projects) p
      cross join lateral (
        select a.project_id, a.kind, a.id, a.name, a.updated_at from insighter.assets a
        where a.project_id = p and a.deleted_at is null and (p_kinds is null or a.kind = any (v_kinds))
          and (a.uuid is null or a.uuid <> all (v_unseen))
        order by a.updated_at desc, a.kind, a.id
        limit case when v_signs = '' then p_limit else v_window end) w
      where v_signs = '' or position(v_signs in lower(w.name)) > 0
      order by w.updated_at desc, w.kind, w.id limit p_limit;
    return;
  end if;
  v_scope := '(' || (select string_agg('''p ' || p || '''', ' | ') from unnest(v_projects) p) || ')'
    || coalesce(' & (' || (select string_agg('''k ' || k || '''', ' | ') from unnest(v_kinds) k) || ')', '');
  select string_agg('''' || left(w.word, 64) || ''':' || case when w.n = w.last then '*A' else 'A' end, ' & ')::tsquery,
    (v_scope || ' & ' || string_agg('''' || left(w.word, 64) || '''' || case when w.n = w.last then ':*' else '' end,
      ' & '))::tsquery
  into v_in_name, v_words
  from (select word, n, count(*) over () as last
    from unnest((string_to_array(v_text, ' '))[1:12]) with ordinality u (word, n)) w;
  return query
    with begun as (
      select w.* from unnest(v_projects) p
      cross join lateral (
        select a.project_id, a.kind, a.id, a.updated_at, case when a.named = v_named then 0 else 1 end as tier
        from insighter.assets a
        where a.project_id = p and a.deleted_at is null
          and a.named operator(pg_catalog.~>=~) v_named and a.named operator(pg_catalog.~<~) (v_named || chr(1114111))
          and (p_kinds is null or a.kind = any (v_kinds)) and (a.uuid is null or a.uuid <> all (v_unseen))
        order by a.named using operator(pg_catalog.~<~) limit greatest(20, 300 / cardinality(v_projects))) w
    ), recent as materialized (
      select w.project_id, w.kind, w.id, w.updated_at, w.tier from unnest(v_projects) p
      cross join lateral (
        select a.*, case when a.named = v_named then 0 when starts_with(a.named, v_named) then 1
          when a.search @@ v_in_name then 2 else 3 end as tier
        from insighter.assets a where a.project_id = p and a.deleted_at is null
        order by a.updated_at desc, a.kind, a.id limit v_window) w
      where w.search @@ v_words and (w.uuid is null or w.uuid <> all (v_unseen))
    ), rare as (
      select a.project_id, a.kind, a.id, a.updated_at, case when a.named = v_named then 0
        when starts_with(a.named, v_named) then 1 when a.search @@ v_in_name then 2 else 3 end as tier
      from insighter.assets a
      where (select count(*) from recent) < 200
        and a.search @@ v_words and a.deleted_at is null and (a.uuid is null or a.uuid <> all (v_unseen))
      limit 1000
    ), candidates as (
      select c.project_id, c.kind, c.id, max(c.updated_at) as updated_at, min(c.tier) as tier,
        -- Runs come by the thousand, with names that a program gave them.
        c.kind = 'run' as common
      from (select * from begun union all select * from recent union all select * from rare) c
      group by c.project_id, c.kind, c.id
    )
    select c.project_id, c.kind, c.id, row_number() over (order by c.tier, c.common, c.updated_at desc, c.kind, c.id)
    from candidates c order by c.tier, c.common, c.updated_at desc, c.kind, c.id limit p_limit;
end
$$;

-- The first place in a text where a word stands, with some of what is around it. Null where it does not.
create function private.search_piece(p_text text, p_word text, p_begins boolean, p_around int) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_pieces text[] := (regexp_split_to_array(btrim(left(p_text, 20000)), '\s+'))[1:3000];
  v_place int;
begin
  select min(p.n) into v_place from unnest(v_pieces) with ordinality p (piece, n)
  -- Most have no marks, and what has is looked for near the beginning: to take them off costs.
  where (p.n <= 200 or lower(p.piece) like '%' || p_word || '%')
    and ' ' || private.search_text(p.piece) || ' ' like '% ' || p_word || case when p_begins then '%' else ' %' end;
  return left(array_to_string(v_pieces[greatest(v_place - p_around, 1):v_place + p_around], ' '), 200);
end
$$;

-- Why an asset was found: the first of the words that is not in its name, and where that stands.
create function private.asset_why(
  p_project_id uuid, p_kind text, p_id text, p_name text, p_terms text, p_description text, p_words text[]
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_name text := ' ' || private.search_text(p_name) || ' ';
  v_field text;
  v_text text;
  v_begins boolean;
begin
  for i in 1..cardinality(p_words) loop
    v_begins := i = cardinality(p_words);
    continue when v_name like '% ' || p_words[i] || case when v_begins then '%' else ' %' end;
    v_text := private.search_piece(p_terms, p_words[i], v_begins,
      case when p_kind in ('dataset', 'deployment') then 0 else 1 end);
    if v_text is null then
      return jsonb_build_object('field', 'description',
        'text', coalesce(private.search_piece(p_description, p_words[i], v_begins, 6), left(p_description, 200)));
    end if;
    v_field := case p_kind when 'dataset' then 'column' when 'deployment' then 'model' when 'notebook' then 'text' else 'tag' end;
    if p_kind = 'model' then
      -- Behind its tags stand its metrics.
      select private.search_piece(concat_ws(' ', private.tag_terms(m.tags), (
          select private.tag_terms(v.tags) from insighter.model_versions v
          where v.project_id = m.project_id and v.model_id = m.id order by v.version desc limit 1)), p_words[i], v_begins, 1)
      into v_text
      from insighter.registered_models m where m.project_id = p_project_id and m.id = p_id::uuid;
      if v_text is null then
        v_field := 'metric';
        v_text := private.search_piece(p_terms, p_words[i], v_begins, 0);
      end if;
    end if;
    return jsonb_build_object('field', v_field, 'text', v_text);
  end loop;
  return jsonb_build_object('field', 'name', 'text', null);
end
$$;

-- ---- pins: what a project shows first, to everybody ---------------------------------------------------------------------

-- One order for the whole project, so that whoever comes new sees what matters to the others.
create table insighter.pins (
  project_id uuid not null,
  asset_kind text not null,
  asset_id text not null,
  position int not null check (position > 0),
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (project_id, asset_kind, asset_id),
  foreign key (project_id, asset_kind, asset_id) references insighter.assets (project_id, kind, id) on delete cascade
);

alter table insighter.pins enable row level security;
grant select, insert (project_id, asset_kind, asset_id, position), update (position), delete on insighter.pins to authenticated;
create policy pins_select on insighter.pins for select to authenticated
  using (project_id in (select private.project_ids()));
create policy pins_insert on insighter.pins for insert to authenticated
  with check (project_id in (select private.project_ids('editor')));
create policy pins_update on insighter.pins for update to authenticated
  using (project_id in (select private.project_ids('editor'))) with check (project_id in (select private.project_ids('editor')));
create policy pins_delete on insighter.pins for delete to authenticated
  using (project_id in (select private.project_ids('editor')));
-- Of what is hidden nobody learns that it is pinned.
create policy pins_restricted on insighter.pins as restrictive for all to authenticated
  using (exists (select from insighter.assets a
    where a.project_id = pins.project_id and a.kind = pins.asset_kind and a.id = pins.asset_id));

-- ---- assets in the API --------------------------------------------------------------------------------------------------

-- Assets as they are listed, found by their keys, in this order.
create function private.assets_json(p_projects uuid[], p_kinds text[], p_ids text[], p_words text[] default null)
returns table (place bigint, item jsonb)
language sql stable set search_path = '' as $$
  select k.place, jsonb_build_object(
    'project_id', a.project_id, 'project', p.name, 'kind', a.kind, 'key', a.key, 'name', a.name,
    'description', left(a.description, 300), 'version', a.version, 'status', a.status, 'owner', f.display_name,
    'created_at', a.created_at, 'updated_at', a.updated_at, 'pinned', n.position is not null)
    || case when p_words is null then '{}' else jsonb_build_object('why',
      private.asset_why(a.project_id, a.kind, a.id, a.name, a.terms, a.description, p_words)) end
  from unnest(p_projects, p_kinds, p_ids) with ordinality k (project_id, kind, id, place)
  join insighter.assets a on a.project_id = k.project_id and a.kind = k.kind and a.id = k.id
  join insighter.projects p on p.id = a.project_id
  left join insighter.profiles f on f.user_id = a.created_by
  left join insighter.pins n on n.project_id = a.project_id and n.asset_kind = a.kind and n.asset_id = a.id
$$;

-- All or some of a project's assets, the one that changed last first; the pinned ones in their own order.
create function public.assets_list(
  p_project_id uuid, p_kind text default null, p_pinned boolean default false, p_limit int default 100,
  p_cursor text default null
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
  v_limit int := least(greatest(p_limit, 1), 500);
  v_at timestamptz := split_part(p_cursor, '/', 1)::timestamptz;
  v_kind text := split_part(p_cursor, '/', 2);
  v_id text := substr(p_cursor, char_length(split_part(p_cursor, '/', 1)) + char_length(v_kind) + 3);
  v_keys record;
begin
  if p_pinned then
    select array_agg(n.project_id order by n.position) as projects, array_agg(n.asset_kind order by n.position) as kinds,
      array_agg(n.asset_id order by n.position) as ids, null as cursor
    into v_keys
    from insighter.pins n
    join insighter.assets a on a.project_id = n.project_id and a.kind = n.asset_kind and a.id = n.asset_id
    where n.project_id = v_project.id and a.deleted_at is null and (p_kind is null or n.asset_kind = p_kind);
  else
    select array_agg(a.project_id order by a.place) as projects, array_agg(a.kind order by a.place) as kinds,
      array_agg(a.id order by a.place) as ids,
      case when count(*) = v_limit then
        (array_agg(a.updated_at || '/' || a.kind || '/' || a.id order by a.place desc))[1] end as cursor
    into v_keys
    from (select a.project_id, a.kind, a.id, a.updated_at,
        row_number() over (order by a.updated_at desc, a.kind, a.id) as place
      from insighter.assets a
      where a.project_id = v_project.id and a.deleted_at is null and (p_kind is null or a.kind = p_kind)
        and (p_cursor is null or a.updated_at < v_at or (a.updated_at = v_at and (a.kind, a.id) > (v_kind, v_id)))
        and (p_cursor is null or a.updated_at <= v_at)
      order by a.updated_at desc, a.kind, a.id limit v_limit) a;
  end if;
  return (
    select jsonb_build_object('items', coalesce(jsonb_agg(j.item order by j.place), '[]'), 'cursor', v_keys.cursor)
    from private.assets_json(v_keys.projects, v_keys.kinds, v_keys.ids) j);
end
$$;

-- What a project's home shows: the pinned assets, and of each kind how many there are and those that changed last.
create function public.assets_overview(p_project_id uuid, p_limit int default 5) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  return jsonb_build_object(
    'pinned', public.assets_list(v_project.id, p_pinned => true) -> 'items',
    'kinds', (
      select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'count', c.count,
        'items', public.assets_list(v_project.id, c.kind, p_limit => least(p_limit, 50)) -> 'items') order by c.kind), '[]')
      from (select a.kind, count(*) from insighter.assets a
        where a.project_id = v_project.id and a.deleted_at is null group by a.kind) c));
end
$$;

-- Search in all projects one sees, or in some of them, as one types.
create function public.assets_search(
  p_query text default '', p_projects jsonb default null, p_kinds jsonb default null, p_limit int default 20
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_limit int := least(greatest(p_limit, 1), 100);
  v_words text[] := (string_to_array(nullif(private.search_text(left(p_query, 200)), ''), ' '))[1:12];
  v_keys record;
begin
  select array_agg(f.project_id order by f.place) as projects, array_agg(f.kind order by f.place) as kinds,
    array_agg(f.id order by f.place) as ids
  into v_keys
  from private.assets_found(coalesce(p_query, ''),
    case when p_projects is not null then array(select p::uuid from jsonb_array_elements_text(p_projects) p) end,
    case when p_kinds is not null then array(select jsonb_array_elements_text(p_kinds)) end, v_limit + 1) f;
  return (
    select jsonb_build_object('items', coalesce(jsonb_agg(j.item order by j.place), '[]'),
      'more', coalesce(cardinality(v_keys.ids) > v_limit, false))
    from private.assets_json(v_keys.projects[1:v_limit], v_keys.kinds[1:v_limit], v_keys.ids[1:v_limit],
      coalesce(v_words, '{}')) j);
end
$$;

-- The event names an asset as the events of its kind do.
create function private.pin_told(p_asset insighter.assets, p_verb text) returns void
language sql set search_path = '' as $$
  select private.record(p_asset.project_id, p_verb, p_asset.kind,
    case p_asset.kind when 'model' then p_asset.key else p_asset.id end, p_asset.name)
$$;

-- Pin an asset: at a position, which moves the others on, or behind them. What is pinned already moves there.
create function public.assets_pin(p_project_id uuid, p_kind text, p_key text, p_position int default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_asset insighter.assets := private.asset_of(p_project_id, p_kind, p_key);
  v_old int;
  v_last int;
  v_position int;
begin
  if v_asset.deleted_at is not null then
    perform private.fail(409, 'asset_deleted', format('the %s "%s" is deleted', p_kind, v_asset.name), 'restore it first');
  end if;
  -- One after the other: positions are given by counting.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('insighter.pins ' || v_project.id, 0));
  select n.position into v_old from insighter.pins n
  where n.project_id = v_project.id and n.asset_kind = p_kind and n.asset_id = v_asset.id;
  select coalesce(max(n.position), 0) into v_last from insighter.pins n where n.project_id = v_project.id;
  if v_old is null and (select count(*) from insighter.pins n where n.project_id = v_project.id) >= 50 then
    perform private.fail(409, 'too_many_pins', 'a project pins at most 50 assets', 'unpin another one first');
  end if;
  if v_old is null then
    v_position := least(greatest(coalesce(p_position, v_last + 1), 1), v_last + 1);
    update insighter.pins n set position = n.position + 1 where n.project_id = v_project.id and n.position >= v_position;
    insert into insighter.pins (project_id, asset_kind, asset_id, position)
    values (v_project.id, p_kind, v_asset.id, v_position);
    perform private.pin_told(v_asset, 'pinned');
  else
    v_position := least(greatest(coalesce(p_position, v_old), 1), v_last);
    update insighter.pins n
    set position = case when n.position = v_old then v_position when v_old < v_position then n.position - 1 else n.position + 1 end
    where n.project_id = v_project.id
      and n.position between least(v_old, v_position) and greatest(v_old, v_position) and v_old <> v_position;
  end if;
  return jsonb_build_object('kind', p_kind, 'key', v_asset.key, 'position', v_position);
end
$$;

-- Unpin it. The answer says where it was: to pin it there undoes this.
create function public.assets_unpin(p_project_id uuid, p_kind text, p_key text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project_for(p_project_id, 'editor');
  v_asset insighter.assets := private.asset_of(p_project_id, p_kind, p_key);
  v_position int;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('insighter.pins ' || v_project.id, 0));
  delete from insighter.pins n where n.project_id = v_project.id and n.asset_kind = p_kind and n.asset_id = v_asset.id
  returning n.position into v_position;
  if not found then
    perform private.fail(404, 'pin_not_found', format('the %s "%s" is not pinned', p_kind, v_asset.name),
      'GET /insighter/api/projects/<project id>/assets?pinned=true lists what is');
  end if;
  update insighter.pins n set position = n.position - 1 where n.project_id = v_project.id and n.position > v_position;
  perform private.pin_told(v_asset, 'unpinned');
  return jsonb_build_object('kind', p_kind, 'key', v_asset.key, 'position', v_position);
end
$$;

-- ---- presence: who has the project open now -----------------------------------------------------------------------------

-- A row for each open page of each person, kept fresh by the server the page is connected to. What a killed server leaves
-- counts no more after a while.
create table insighter.presence (
  project_id uuid not null references insighter.projects (id) on delete cascade,
  connection uuid not null,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  -- The page is open, and nobody looks at it.
  away boolean not null default false,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  primary key (project_id, connection)
);
create index presence_user on insighter.presence (user_id);

-- Whether the caller is a person in a browser: kernels and programs are nowhere.
create function private.at_screen() returns boolean
language sql stable set search_path = '' as $$
  select private.in_person() and coalesce(auth.jwt() -> 'insighter' ->> 'kind', 'person') = 'person'
$$;

alter table insighter.presence enable row level security;
grant select, insert (project_id, connection, away, seen_at), update (away, seen_at), delete on insighter.presence to authenticated;
create policy presence_select on insighter.presence for select to authenticated
  using (project_id in (select private.membership_ids()));
create policy presence_insert on insighter.presence for insert to authenticated
  with check (project_id in (select private.membership_ids()) and user_id = (select auth.uid()) and (select private.at_screen()));
create policy presence_update on insighter.presence for update to authenticated
  using (user_id = (select auth.uid()) and (select private.at_screen()));
-- What is long out of date is cleared away by whoever comes next.
create policy presence_delete on insighter.presence for delete to authenticated
  using ((select private.at_screen()) and (user_id = (select auth.uid())
    or (project_id in (select private.membership_ids()) and seen_at < now() - interval '10 minutes')));

-- A wake-up for those who watch who is there, and for nobody else.
create function private.wake_presence() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('insighter', 'presence/' || case when tg_op = 'DELETE' then old.project_id else new.project_id end);
  return null;
end
$$;
create trigger presence_wake after insert or delete on insighter.presence
for each row execute function private.wake_presence();
create trigger presence_moved after update on insighter.presence
for each row when (old.away is distinct from new.away) execute function private.wake_presence();

-- Say that one is there, and again before a minute and a half is over. Whoever may read the project without being a member of
-- it is seen by nobody.
create function public.presence_enter(p_project_id uuid, p_connection uuid, p_away boolean default false) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  if not private.at_screen() or v_project.id not in (select private.membership_ids()) then
    return '{}';
  end if;
  insert into insighter.presence as p (project_id, connection, away) values (v_project.id, p_connection, p_away)
  on conflict (project_id, connection) do update set away = excluded.away, seen_at = now();
  delete from insighter.presence p where p.project_id = v_project.id and p.seen_at < now() - interval '10 minutes';
  return '{}';
end
$$;

create function public.presence_leave(p_project_id uuid, p_connection uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  delete from insighter.presence p
  where p.project_id = p_project_id and p.connection = p_connection and p.user_id = auth.uid();
  return '{}';
end
$$;

-- Who is there, each person once, for members.
create function public.presence_list(p_project_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_project insighter.projects := private.project(p_project_id);
begin
  return (
    select jsonb_build_object('items', coalesce(jsonb_agg(jsonb_build_object(
      'user_id', h.user_id, 'display_name', f.display_name, 'away', h.away, 'since', h.since)
      order by h.away, lower(f.display_name), h.user_id), '[]'))
    from (select p.user_id, bool_and(p.away) as away, min(p.created_at) as since from insighter.presence p
      where p.project_id = v_project.id and p.seen_at > now() - interval '90 seconds' group by p.user_id) h
    join insighter.profiles f on f.user_id = h.user_id);
end
$$;

-- ---- two people at one text ---------------------------------------------------------------------------------------------

-- An error with something for programs: both gateways take it out of the detail again.
create function private.fail_with(p_status int, p_code text, p_message text, p_hint text, p_details jsonb) returns void
language plpgsql immutable set search_path = '' as $$
begin
  perform private.fail(p_status, jsonb_build_object('code', p_code, 'details', p_details)::text, p_message, p_hint);
end
$$;

-- "p_expected" is what the caller saw before: {name, description}, or one of them. What somebody else has changed meanwhile is
-- not overwritten, and the refusal tells both.
drop function public.projects_update(uuid, text, text, text, boolean);
create function public.projects_update(
  p_id uuid, p_name text default null, p_description text default null, p_folder text default null,
  p_archived boolean default null, p_expected jsonb default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_old insighter.projects := private.project(p_id);
  v_new insighter.projects;
  v_name text := case when p_name is not null then private.project_name(p_name) end;
  v_field text;
begin
  if p_id not in (select private.project_ids('admin')) then
    perform private.fail(403, 'role_too_low', 'only admins change a project', 'ask an admin of the project');
  end if;
  if v_old.personal and (p_archived or p_name is not null) then
    perform private.fail(409, 'project_personal', 'the personal project keeps its name and cannot be archived');
  end if;
  begin
    -- The condition is looked at again after waiting for whoever changes the row at the same time.
    update insighter.projects set
      name = coalesce(v_name, name),
      description = coalesce(p_description, description),
      folder = coalesce(p_folder, folder),
      archived_at = case when p_archived is null then archived_at when p_archived then coalesce(archived_at, now()) end,
      updated_at = now()
    where id = p_id and (v_name is null or name in (v_name, coalesce(p_expected ->> 'name', name)))
      and (p_description is null or description in (p_description, coalesce(p_expected ->> 'description', description)))
    returning * into v_new;
  exception when unique_violation then
    perform private.fail(409, 'project_exists', format('you already have a project "%s"', btrim(p_name)),
      'choose another name');
  end;
  if v_new.id is null then
    v_new := private.project(p_id);
    v_field := case when v_name not in (v_new.name, coalesce(p_expected ->> 'name', v_new.name)) then 'name' else 'description' end;
    perform private.fail_with(409, 'changed_meanwhile', format('the %s was changed while you edited it', v_field),
      'compare the two, and save again with what is there now as the expected one', jsonb_build_object(
        'field', v_field,
        'yours', case v_field when 'name' then v_name else p_description end,
        'theirs', case v_field when 'name' then v_new.name else v_new.description end,
        'by', (select f.display_name from insighter.events e join insighter.profiles f on f.user_id = e.actor
          where e.project_id = p_id and e.asset_kind = 'project'
            and e.verb = case v_field when 'name' then 'renamed' else 'described' end
          order by e.id desc limit 1),
        'at', v_new.updated_at));
  end if;
  if v_new.name is distinct from v_old.name then
    perform private.record(p_id, 'renamed', 'project', p_id::text, v_new.name, jsonb_build_object('before', v_old.name));
  end if;
  if v_new.description is distinct from v_old.description then
    perform private.record(p_id, 'described', 'project', p_id::text, v_new.name);
  end if;
  if (v_new.archived_at is null) is distinct from (v_old.archived_at is null) then
    perform private.record(p_id, case when p_archived then 'archived' else 'restored' end, 'project', p_id::text, v_new.name);
  end if;
  return private.project_json(v_new);
end
$$;

-- ---- grants ---------------------------------------------------------------------------------------------------------

call private.expose('assets_list', 'assets_overview', 'assets_search', 'assets_pin', 'assets_unpin', 'presence_enter',
  'presence_leave', 'presence_list', 'projects_update');
revoke all on function private.search_words from public, anon, authenticated, service_role;
grant execute on function private.assets_found, private.search_piece, private.asset_why, private.assets_json,
  private.pin_told, private.at_screen, private.wake_presence, private.fail_with to authenticated;
