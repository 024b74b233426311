"""What row-level security costs: lists under it, through the gateway, beside the same calls as superuser without it.

The database has 10,000 projects, some of them public or shared with an organisation, 100,000 memberships and
1,000,000 events. Both sides call the same functions, over the same gateway, in turns; what the superuser's side asks of
the tables is not bound by a policy.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from insighter_ext.principal import Principal

ROUNDS = 400
DATABASE = "benchmark"

# Of n people, person i is a member of the projects i, i + 1009, i + 2018 … (about ten), and the first of 200.
FILL = """
set session_replication_role = replica;
insert into auth.users (id, email)
  select md5('user' || i)::uuid, 'user' || i || '@example.org' from generate_series(0, 9999) i;
insert into insighter.profiles (user_id, email, display_name)
  select id, email, split_part(email, '@', 1) from auth.users
  on conflict do nothing;
insert into insighter.organisations (id, name, created_by)
  select md5('organisation' || i)::uuid, 'Organisation ' || i, md5('user' || i)::uuid from generate_series(0, 49) i;
insert into insighter.organisation_members (organisation_id, user_id, role)
  select md5('organisation' || i % 50)::uuid, md5('user' || i)::uuid, case when i < 50 then 'admin' else 'member' end
  from generate_series(0, 4999) i;
insert into insighter.projects (id, slug, name, description, created_by, visibility, organisation_id)
  select md5('project' || i)::uuid, 'project-' || i, 'Project ' || i, 'What it is about.', md5('user' || i)::uuid,
    case when i % 100 = 1 then 'public' when i % 33 = 2 then 'team' else 'private' end::insighter.visibility,
    case when i % 33 = 2 then md5('organisation' || i % 50)::uuid end
  from generate_series(0, 9999) i;
insert into insighter.members (project_id, user_id, role)
  select md5('project' || i)::uuid, md5('user' || (i + n * 1009) % 10000)::uuid,
    (array['owner', 'admin', 'editor', 'editor', 'annotator', 'viewer'])[least(n, 5) + 1]::insighter.project_role
  from generate_series(0, 9999) i, generate_series(0, 9) n
  on conflict do nothing;
insert into insighter.members (project_id, user_id, role)
  select md5('project' || i * 50)::uuid, md5('user0')::uuid, 'editor' from generate_series(1, 190) i
  on conflict do nothing;
insert into insighter.datasets (id, project_id, name, versions, created_by)
  select md5('dataset' || i)::uuid, md5('project' || i % 10000)::uuid, 'dataset ' || i, 1,
    md5('user' || i % 10000)::uuid
  from generate_series(0, 99999) i;
insert into insighter.dataset_versions (project_id, dataset_id, version, format, object_key, sha256, size,
    table_object_key, table_size, rows, columns, created_by)
  select project_id, id, 1, 'csv', project_id || '/' || repeat(md5(id::text), 2), repeat(md5(id::text), 2), 1000,
    project_id || '/' || repeat(md5(id::text), 2), 1000, 100, '[{"name": "a"}, {"name": "b"}]', created_by
  from insighter.datasets;
-- Half of them spread over all projects, half in the busiest hundred.
insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name, data, created_at)
  select md5('project' || case when i % 2 = 0 then i / 2 % 10000 else i / 2 % 100 end)::uuid,
    md5('user' || i % 10000)::uuid, 'person', 'updated', 'dataset', md5('dataset' || i % 100000)::uuid::text,
    'dataset ' || i % 100000, '{"version": 1, "rows": 100}', now() - make_interval(secs => 1000000 - i)
  from generate_series(0, 999999) i;
insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, created_by)
  select md5('project' || i % 10000)::uuid, 'dataset', md5('dataset' || i)::uuid, 'admin',
    md5('user' || i % 10000)::uuid
  from generate_series(0, 99999, 101) i;
insert into insighter.audit (scope_kind, scope, seq, at, actor, actor_kind, action, asset_kind, asset_id, asset_name,
    changes, prev_hash, hash)
  select 'project', md5('project' || i % 100)::uuid, i / 100 + 1, now(), md5('user0')::uuid, 'person', 'changed',
    'dataset', md5('dataset' || i % 100000)::uuid::text, 'dataset', '{}', '', '' from generate_series(0, 99999) i;
-- What a panel of the newest activity asks.
create function public.benchmark_events(p_project_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_agg(to_jsonb(page)) from (
    select id, actor, verb, asset_kind, asset_name, data, created_at from insighter.events
    where project_id = p_project_id order by id desc limit 50) page
$$;
call private.expose('benchmark_events');
set session_replication_role = origin;
"""


class Unbound(EmbeddedDataGateway):
    """The same gateway, as superuser."""

    def __init__(self, postgres: EmbeddedPostgres, database: str) -> None:
        super().__init__(_Superuser(postgres), database)  # type: ignore[arg-type]


class _Superuser:
    """Connects as superuser, whatever role is asked for."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres

    def conninfo(self, role: str, database: str) -> dict[str, Any]:
        """Of the superuser."""
        return self._postgres.conninfo(database=database)


def _id(text: str) -> UUID:
    from hashlib import md5

    return UUID(md5(text.encode(), usedforsecurity=False).hexdigest())


def main() -> None:
    """Fill a database, measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="ixb-", ignore_cleanup_errors=True) as home:
        postgres = EmbeddedPostgres(Path(home) / "postgres")
        postgres.acquire()
        try:
            fill(postgres)
            asyncio.run(measure(postgres))
        finally:
            postgres.release()


def fill(postgres: EmbeddedPostgres) -> None:
    """Make the database."""
    began = time.perf_counter()
    create_database(postgres.conninfo(), DATABASE)
    migrate(postgres.conninfo(database=DATABASE), postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
    with psycopg.connect(**postgres.conninfo(database=DATABASE), autocommit=True) as connection:
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement + ";")  # type: ignore[arg-type, unused-ignore]
        connection.execute("vacuum (analyze)")
        counts = [
            connection.execute(f"select count(*) from insighter.{name}").fetchone()[0]  # type: ignore[arg-type, index, unused-ignore]
            for name in ("projects", "members", "events")
        ]
    seconds = time.perf_counter() - began
    print("{:,} projects, {:,} memberships, {:,} events; made in {:.0f} s".format(*counts, seconds))


_OLDEST = {"after": "0.a.0", "limit": 100}

CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("projects of a person with 10", "user4321", "projects_list", {}),
    ("projects of a person with 200", "user0", "projects_list", {"limit": 500}),
    ("newest events, of 10 projects", "user4321", "benchmark_events", {"project_id": _id("project4321")}),
    ("newest events, of 200, busy", "user0", "benchmark_events", {"project_id": _id("project0")}),
    ("events in order, of 10", "user4321", "bus_read", {"project_id": _id("project4321"), **_OLDEST}),
    ("events in order, of 200, busy", "user0", "bus_read", {"project_id": _id("project0"), **_OLDEST}),
    ("datasets of a project, of 10", "user4321", "datasets_list", {"project_id": _id("project4321")}),
    ("datasets of a project, of 200", "user0", "datasets_list", {"project_id": _id("project0")}),
    ("audit of a project", "user0", "audit_list", {"project_id": _id("project0")}),
]


async def measure(postgres: EmbeddedPostgres) -> None:
    """Call both sides in turns."""
    bound, unbound = EmbeddedDataGateway(postgres, DATABASE), Unbound(postgres, DATABASE)
    await bound.open()
    await unbound.open()
    superuser = str(postgres.conninfo()["user"])
    print(f"\n{'milliseconds':32}{'with RLS':^18}{'without':^18}{'ratio':^14}")
    print(f"{'':32}{'p50':>9}{'p99':>9}{'p50':>9}{'p99':>9}{'p50':>7}{'p99':>7}")
    try:
        for name, person, function, arguments in CASES:
            user_id = _id(person)
            sides = [(bound, Principal(user_id)), (unbound, Principal(user_id, role=superuser))]
            answers = [await gateway.call(principal, function, **arguments) for gateway, principal in sides]
            if function == "projects_list":
                assert len(answers[0]["items"]) in {10, 200}, len(answers[0]["items"])
            assert answers[0] and answers[1], name
            times: list[list[float]] = [[], []]
            for round_number in range(ROUNDS + 20):
                for side, (gateway, principal) in enumerate(sides):
                    begin = time.perf_counter()
                    await gateway.call(principal, function, **arguments)
                    if round_number >= 20:
                        times[side].append((time.perf_counter() - begin) * 1000)
            (with_50, with_99), (without_50, without_99) = (
                (median(one), sorted(one)[int(len(one) * 0.99)]) for one in times
            )
            print(
                f"{name:32}{with_50:9.2f}{with_99:9.2f}{without_50:9.2f}{without_99:9.2f}"
                f"{with_50 / without_50:6.2f}x{with_99 / without_99:6.2f}x",
                flush=True,
            )
    finally:
        await bound.close()
        await unbound.close()


if __name__ == "__main__":
    main()
