"""The run table's questions over 10,000 runs with 1,000 metrics each: ten million newest values.

Pages sorted by a metric, filtered, and from far down; the keys that there are; groups. All of them through the service
and the gateway, under row-level security, beside the same questions of a superuser, whom no policy binds. A peer for a
table of this size there is not: with ``mlflow server`` searches are compared in ``benchmarks/tracking.py``.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from insighter_ext.principal import Principal
from insighter_ext.tracking.search.models import GroupQuery, RunTableQuery
from insighter_ext.tracking.searching import RunTable

RUNS = int(os.environ.get("INSIGHTER_BENCH_RUNS", "10000"))
METRICS = int(os.environ.get("INSIGHTER_BENCH_METRICS", "1000"))
ROUNDS = 15
DATABASE = "benchmark"
PROJECT = UUID("00000000-0000-4000-8000-000000000001")
USER = UUID("00000000-0000-4000-8000-000000000002")
EXPERIMENT = "1"

FILL = f"""
set session_replication_role = replica;
insert into auth.users (id, email) values ('{USER}', 'someone@example.org');
insert into insighter.profiles (user_id, email, display_name) values ('{USER}', 'someone@example.org', 'Someone')
  on conflict do nothing;
insert into insighter.projects (id, slug, name, created_by) values ('{PROJECT}', 'project', 'Project', '{USER}');
insert into insighter.members (project_id, user_id, role) values ('{PROJECT}', '{USER}', 'owner');
insert into insighter.experiments (id, project_id, name, created_by) overriding system value
  values ({EXPERIMENT}, '{PROJECT}', 'Many runs', '{USER}');
insert into insighter.runs (id, project_id, experiment_id, name, status, user_name, start_time, end_time, params, tags,
    created_by)
  select md5('run' || i)::uuid, '{PROJECT}', {EXPERIMENT}, 'run ' || i, 'FINISHED', 'someone', 1.7e12 + i * 1000,
    1.7e12 + i * 1000 + 900,
    jsonb_build_object('model', (array['forest', 'boosting', 'linear'])[i % 3 + 1], 'lr', (i % 50 / 1000.0)::text)
      || (select jsonb_object_agg('param_' || n, (i * n % 17)::text) from generate_series(1, 20) n),
    jsonb_build_object('mlflow.runName', 'run ' || i, 'team', 'team ' || i % 7), '{USER}'
  from generate_series(1, {RUNS}) i;
insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
  select '{PROJECT}', md5('run' || i)::uuid, case n when 1 then 'auc' else 'metric_' || n end,
    hashint8(i::bigint * 1000003 + n) / 4294967296.0 + 0.5, 10, 1.7e12 + i * 1000
  from generate_series(1, {RUNS}) i, generate_series(1, {METRICS}) n;
insert into insighter.run_datasets (project_id, run_id, name, digest, source_type, source)
  select '{PROJECT}', md5('run' || i)::uuid, 'wine', 'v' || i % 4, 'local', '' from generate_series(1, {RUNS}) i;
set session_replication_role = origin;
"""


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
    print(f"{RUNS:,} runs with {METRICS:,} metrics each; made in {time.perf_counter() - began:.0f} s")


_COLUMNS = {
    "metrics": ["auc", *(f"metric_{n}" for n in range(2, 11))],
    "params": ["model", "lr", "param_1", "param_2", "param_3"],
    "tags": ["team"],
}
_BEST = {"order_by": ["metrics.auc DESC"], **_COLUMNS}
_FOREST = {"filter": "metrics.auc > 0.5 AND params.model = 'forest'", **_BEST}

PAGES: list[tuple[str, dict[str, Any]]] = [
    ("first page, newest first", _COLUMNS),
    ("first page, by a metric", _BEST),
    ("the same from row 9,000", {**_BEST, "offset": RUNS * 9 // 10}),
    ("filtered, by a metric", _FOREST),
    ("filtered by a parameter, 1,000 rows", {**_COLUMNS, "filter": "params.model = 'forest'", "limit": 1000}),
    ("by two metrics", {**_COLUMNS, "order_by": ["metrics.metric_500", "metrics.auc DESC"]}),
]


class _Superuser:
    """Connects as superuser, whatever role is asked for."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres

    def conninfo(self, role: str, database: str) -> dict[str, Any]:
        """Of the superuser."""
        return self._postgres.conninfo(database=database)


async def measure(postgres: EmbeddedPostgres) -> None:
    """Each question of both sides in turns."""
    bound = EmbeddedDataGateway(postgres, DATABASE)
    unbound = EmbeddedDataGateway(_Superuser(postgres), DATABASE)  # type: ignore[arg-type]
    person = Principal(USER, "person")
    sides = [(RunTable(bound), person), (RunTable(unbound), replace(person, role="postgres"))]
    await bound.open()
    await unbound.open()
    print(f"{'':38} {'p50':>8} {'p95':>8}   {'beside no policies':>18}")
    try:
        for name, query in PAGES:
            asked = RunTableQuery(**query)
            await _row(name, sides, lambda table, who, q=asked: table.query(who, PROJECT, EXPERIMENT, q))
        await _row("keys", sides, lambda table, who: table.keys(who, PROJECT, EXPERIMENT))
        grouped = GroupQuery(group_by="params.model", metrics=["auc"])
        await _row(
            "groups by a parameter", sides, lambda table, who: table.groups(who, PROJECT, EXPERIMENT, grouped)
        )
    finally:
        await bound.close()
        await unbound.close()


async def _row(name: str, sides: Any, ask: Any) -> None:
    took: list[list[float]] = [[] for _ in sides]
    for turn in range(ROUNDS + 1):
        for side, (table, who) in enumerate(sides):
            began = time.perf_counter()
            await ask(table, who)
            if turn:
                took[side].append((time.perf_counter() - began) * 1000)
    mine = sorted(took[0])
    print(
        f"{name:38} {median(mine):5.0f} ms {mine[int(len(mine) * 0.95)]:5.0f} ms   "
        f"{median(mine) / median(took[1]):17.2f}×"
    )


if __name__ == "__main__":
    main()
