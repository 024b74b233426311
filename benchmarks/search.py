"""Search as one types, over 100,000 assets: through the gateway with row-level security, beside the naive way.

20 projects, 100,000 assets; a person sees those of ten projects (60,000), but for some that are restricted. A query is
typed letter by letter, as the panel asks. The peer is a function that asks the same columns of the same rows by
``ilike``, every word anywhere, newest first: what one writes without an index of words. It runs under the same
policies, in turns with ours.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from hashlib import md5
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from insighter_ext.principal import Principal

DATABASE = "benchmark"
ROUNDS = 5

# Words by rank: the first are in many names, the last in few.
FILL = """
set session_replication_role = replica;
insert into auth.users (id, email)
  select md5('user' || i)::uuid, 'user' || i || '@example.org' from generate_series(0, 9) i;
insert into insighter.profiles (user_id, email, display_name)
  select id, email, split_part(email, '@', 1) from auth.users on conflict do nothing;
insert into insighter.projects (id, slug, name, created_by)
  select md5('project' || i)::uuid, 'project-' || i, 'Project ' || i, md5('user' || i % 2)::uuid
  from generate_series(0, 19) i;
insert into insighter.members (project_id, user_id, role)
  select md5('project' || i)::uuid, md5('user' || i % 2)::uuid, 'owner' from generate_series(0, 19) i;
insert into insighter.members (project_id, user_id, role)
  select md5('project' || i)::uuid, md5('user5')::uuid, 'viewer' from generate_series(0, 9) i;
set session_replication_role = origin;
create table words as
  select n, md5('word' || n) as word from generate_series(0, 4999) n;
update words set word = w.word from (values (0, 'wine'), (1, 'forest'), (2, 'quality'), (3, 'customer'), (4, 'churn'),
  (5, 'sales'), (6, 'acidity'), (7, 'baseline'), (8, 'titanic'), (9, 'café'), (10, 'température'), (11, 'accuracy'),
  (12, 'segment'), (13, 'weather'), (14, 'invoice'), (15, 'radiology')) w (n, word) where words.n = w.n;
update words set word = translate(word, '0123456789', 'ghijklmnop') where n > 15;
create unlogged table fill as
  select i,
    (array['run', 'run', 'run', 'run', 'run', 'run', 'dataset', 'dataset', 'model', 'experiment'])[1 + i % 10] as kind,
    case when i < 60000 then i % 10 else 10 + i % 10 end as project,
    (select string_agg(w.word, '-' order by md5(i::text || k)) from generate_series(1, 3) k
      join words w on w.n = floor(5000 * power(
        (hashtext(i || ' ' || k)::bigint + 2147483648) / 4294967296.0, 4))) as name,
    (select string_agg(w.word, ' ') from generate_series(4, 15) k
      join words w on w.n = floor(5000 * power(
        (hashtext(i || ' ' || k)::bigint + 2147483648) / 4294967296.0, 2))) as terms
  from generate_series(0, 99999) i;
insert into insighter.assets (project_id, kind, id, key, uuid, name, description, terms, version, status, created_by,
    created_at, updated_at)
  select md5('project' || project)::uuid, kind, md5('asset' || i)::uuid::text, name || ' ' || i,
    case when kind in ('dataset', 'model') then md5('asset' || i)::uuid end, name || ' ' || i,
    'What was learnt from ' || name || ' in the spring, and by whom it was asked for.', terms, 1, 'finished',
    md5('user' || project % 2)::uuid, changed, changed
  from fill, lateral (select now() - make_interval(secs => i * 7919 % 100000) as changed) at;
insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, created_by)
  select a.project_id, a.kind, a.uuid, 'admin', a.created_by from insighter.assets a
  where a.uuid is not null and hashtext(a.id) % 97 = 0;
-- The naive way: the caller's policies do the rest.
create function public.benchmark_ilike(p_query text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_agg(to_jsonb(page)) from (
    select p.name as project, a.kind, a.key, a.name, a.version, a.status, f.display_name, a.updated_at
    from insighter.assets a
    join insighter.projects p on p.id = a.project_id
    left join insighter.profiles f on f.user_id = a.created_by
    where a.deleted_at is null and (
      select bool_and(concat_ws(' ', a.name, a.terms, a.description) ilike '%' || w || '%')
      from string_to_table(p_query, ' ') w)
    order by a.updated_at desc limit 20) page
$$;
call private.expose('benchmark_ilike');
"""

QUERIES = [
    "wine quality",
    "customer churn",
    "titanic",
    "cafe",
    "radiology base",
    "forest 4242",
    "acidity",
    "sales segment",
]


def _id(text: str) -> UUID:
    return UUID(md5(text.encode(), usedforsecurity=False).hexdigest())


def main() -> None:
    """Fill a database, measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="ixb-", ignore_cleanup_errors=True) as home:
        postgres = EmbeddedPostgres(Path(home) / "postgres")
        postgres.acquire()
        try:
            _fill(postgres)
            asyncio.run(_measure(postgres))
        finally:
            postgres.release()


def _fill(postgres: EmbeddedPostgres) -> None:
    create_database(postgres.conninfo(), DATABASE)
    migrate(postgres.conninfo(database=DATABASE), postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
    with psycopg.connect(**postgres.conninfo(database=DATABASE), autocommit=True) as connection:
        for statement in FILL.split(";\n"):
            if statement.strip():
                begun = time.perf_counter()
                connection.execute(statement + ";")  # type: ignore[arg-type, unused-ignore]
                if "insert into insighter.assets" in statement:
                    seconds = time.perf_counter() - begun
        connection.execute("vacuum (analyze)")
        count, size = connection.execute(
            "select (select count(*) from insighter.assets),"
            " pg_size_pretty(pg_relation_size('insighter.assets_search'))"
        ).fetchone() or (0, "")
    print(f"{count:,} assets, added at {count / seconds:,.0f}/s; the index of words has {size}")


async def _measure(postgres: EmbeddedPostgres) -> None:
    gateway = EmbeddedDataGateway(postgres, DATABASE)
    await gateway.open()
    print(
        f"\n{'milliseconds, typed letter by letter':40}{'p50':>8}{'p95':>8}{'worst':>8}{'ratio p50':>12}{'p95':>8}"
    )
    try:
        for name, person in [
            ("who sees 60,000 in ten projects", "user5"),
            ("who owns ten of twenty", "user0"),
        ]:
            principal = Principal(_id(person))
            ours, naive = [], []
            for query in QUERIES:
                for typed in (query[:length] for length in range(1, len(query) + 1)):
                    for _ in range(ROUNDS):
                        ours.append(await _timed(gateway, principal, "assets_search", query=typed))
                    naive.append(await _timed(gateway, principal, "benchmark_ilike", query=typed.strip()))
            _row(f"assets_search, {name}", ours, naive)
            _row("  ilike under the same policies", naive, naive)
        principal = Principal(_id("user5"))
        for name, arguments in [
            ("newest of all (no query)", {}),
            ("of one kind", {"query": "win", "kinds": ["dataset"]}),
        ]:
            _row(name, [await _timed(gateway, principal, "assets_search", **arguments) for _ in range(100)])
        project = _id("project0")
        for name, function in [("a project's home", "assets_overview"), ("a project's list", "assets_list")]:
            _row(name, [await _timed(gateway, principal, function, project_id=project) for _ in range(100)])
    finally:
        await gateway.close()


async def _timed(
    gateway: EmbeddedDataGateway, principal: Principal, function: str, **arguments: Any
) -> float:
    begun = time.perf_counter()
    await gateway.call(principal, function, **arguments)
    return (time.perf_counter() - begun) * 1000


def _row(name: str, times: list[float], peer: list[float] | None = None) -> None:
    def at(some: list[float], share: float) -> float:
        return sorted(some)[int(len(some) * share)]

    ratios = ""
    if peer is not None and peer is not times:
        ratios = f"{median(times) / median(peer):11.3f}x{at(times, 0.95) / at(peer, 0.95):7.3f}x"
    print(f"{name:40}{median(times):8.2f}{at(times, 0.95):8.2f}{max(times):8.2f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
