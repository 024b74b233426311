"""What the audit costs: the same calls with its triggers and without them, in alternating rounds on one PostgreSQL.

Calls go as the data gateway sends them: two round trips, the second one COMMIT, where the audit's rows are written.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import psycopg

from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres

ROUNDS, CALLS, WRITERS, SECONDS, ROWS = 6, 60, 8, 2.0, 100_000
DATABASE = "audit_benchmark"


class Caller:
    """An account on a connection of its own."""

    def __init__(self, info: dict[str, Any], user_id: str) -> None:
        self.connection = psycopg.connect(**info, autocommit=True, cursor_factory=psycopg.ClientCursor)
        self.claims = json.dumps(
            {"sub": user_id, "role": "authenticated", "aud": "authenticated", "insighter": {"kind": "person"}}
        )

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function as the gateway does."""
        names = ", ".join(f"p_{name} => %({name})s" for name in arguments)
        values = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in arguments.items()
        }
        cursor = self.connection.execute(
            "begin read write; select set_config('role', 'authenticated', true),"
            f" set_config('request.jwt.claims', %(claims)s, true); select public.{function}({names})",  # type: ignore[arg-type, unused-ignore]
            values | {"claims": self.claims},
        )
        cursor.nextset()
        cursor.nextset()
        row = cursor.fetchone()
        self.connection.execute("commit")
        assert row is not None
        return row[0]


def main() -> None:
    """Measure and print the tables."""
    with contextlib.ExitStack() as opened:
        folder = Path(tempfile.mkdtemp(prefix="ixb-"))
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.acquire()
        opened.callback(postgres.release)
        create_database(postgres.conninfo(), DATABASE)
        owner = str(migrate(postgres.conninfo(database=DATABASE), postgres.password(API_ROLE)))
        superuser = opened.enter_context(
            psycopg.connect(**postgres.conninfo(database=DATABASE), autocommit=True)
        )
        info = postgres.conninfo(API_ROLE, DATABASE)
        calls(superuser, Caller(info, owner))
        writers(superuser, info, owner)
        verification(superuser, Caller(info, owner))


def calls(superuser: psycopg.Connection[Any], caller: Caller) -> None:
    """p50 of single calls, one after the other."""
    project = caller.call("projects_create", name="benchmark")["id"]
    experiment = caller.call("experiments_create", name="benchmark", project_id=project)["id"]
    run = caller.call("runs_create", experiment_id=experiment, name="benchmark")["id"]
    steps = iter(range(10**9))
    sha = "a" * 64

    def metrics() -> None:
        step = next(steps)
        batch = [{"key": f"m{n}", "value": 0.5, "step": step, "time": step} for n in range(100)]
        caller.call("runs_log_batch", run_id=run, metrics=batch)

    def params() -> None:
        new = caller.call("runs_create", experiment_id=experiment, name="p")["id"]
        caller.call("runs_log_batch", run_id=new, params={f"p{n}": str(n) for n in range(20)})

    def dataset() -> None:
        caller.call(
            "datasets_add_version", project_id=project, name=f"d {uuid4().hex}", format="csv", filename="d.csv",
            sha256=sha, size=1, table_object_key=f"{project}/{sha}", table_size=1, rows=1, columns=[],
        )  # fmt: skip

    wanted: dict[str, Callable[[], Any]] = {
        "create an experiment": lambda: caller.call(
            "experiments_create", name=uuid4().hex, project_id=project
        ),
        "create a dataset (2 rows)": dataset,
        "create a run, log 20 params": params,
        "log a batch of 100 metrics": metrics,
    }
    times: defaultdict[tuple[str, bool], list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for on in (True, False):
            with audited(superuser, on):
                for what, call in wanted.items():
                    for _ in range(CALLS // ROUNDS * 2):
                        start = time.perf_counter()
                        call()
                        times[what, on].append(time.perf_counter() - start)
    print(f"{'p50':<32}{'audited':>10}{'without':>10}{'cost':>10}{'ratio':>8}")
    for what in wanted:
        with_, without = median(times[what, True]) * 1e3, median(times[what, False]) * 1e3
        print(
            f"{what:<32}{with_:>7.2f} ms{without:>7.2f} ms{with_ - without:>7.2f} ms{with_ / without:>8.2f}"
        )


def writers(superuser: psycopg.Connection[Any], info: dict[str, Any], owner: str) -> None:
    """Throughput of writers at the same time, in one project and each in its own."""
    callers = [Caller(info, owner) for _ in range(WRITERS)]
    projects = [callers[0].call("projects_create", name=f"writer {n}")["id"] for n in range(WRITERS)]
    print(f"\n{f'{WRITERS} writers, experiments/s':<32}{'audited':>10}{'without':>10}{'ratio':>8}")
    for what, mine in (("all in one project", projects[:1] * WRITERS), ("each in its own", projects)):
        rates: defaultdict[bool, list[float]] = defaultdict(list)
        for _ in range(3):
            for on in (True, False):
                with audited(superuser, on):
                    rates[on].append(rate(callers, mine))
        print(
            f"{what:<32}{median(rates[True]):>10,.0f}{median(rates[False]):>10,.0f}"
            f"{median(rates[True]) / median(rates[False]):>8.2f}"
        )


def rate(callers: list[Caller], projects: list[str]) -> float:
    """Experiments made in a second by all callers together."""
    counts = [0] * len(callers)
    end = time.perf_counter() + SECONDS

    def work(n: int) -> None:
        while time.perf_counter() < end:
            callers[n].call("experiments_create", name=uuid4().hex, project_id=projects[n])
            counts[n] += 1

    threads = [threading.Thread(target=work, args=[n]) for n in range(len(callers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def verification(superuser: psycopg.Connection[Any], caller: Caller) -> None:
    """How long a long chain takes to verify and to export."""
    project = caller.call("projects_create", name="long")["id"]
    start = time.perf_counter()
    superuser.execute(
        "insert into insighter.experiments (project_id, name, created_by)"
        " select %s, 'e' || n, gen_random_uuid() from generate_series(1, %s) n",
        [project, ROWS - 2],
    )
    written = time.perf_counter() - start
    superuser.execute("analyze insighter.audit")
    start = time.perf_counter()
    state = caller.call("audit_verify", project_id=project)
    verified = time.perf_counter() - start
    assert state["ok"] and state["rows"] == ROWS
    after: int | None = 0
    start, exported = time.perf_counter(), 0
    while after is not None:
        page = caller.call("audit_export", project_id=project, after=after)
        exported, after = exported + len(page["items"]), page["after"]
    took = time.perf_counter() - start
    assert exported == ROWS
    start = time.perf_counter()
    caller.call("audit_list", project_id=project)
    listed = time.perf_counter() - start
    start = time.perf_counter()
    caller.call("projects_delete", id=project)
    deleted = time.perf_counter() - start
    print(f"\na chain of {ROWS:,} rows")
    print(f"  written in one transaction      {written:>7.1f} s   ({written / ROWS * 1e6:.0f} µs a row)")
    print(f"  verified                        {verified:>7.2f} s")
    print(f"  exported, without HTTP          {took:>7.2f} s")
    print(f"  a page of 100 rows              {listed * 1e3:>7.1f} ms")
    print(f"  the project with them deleted   {deleted:>7.1f} s")


@contextlib.contextmanager
def audited(superuser: psycopg.Connection[Any], on: bool) -> Iterator[None]:
    """With or without the audit's triggers."""
    tables = superuser.execute(
        "select tgrelid::regclass::text from pg_trigger where tgname = 'audited'"
    ).fetchall()
    switch(superuser, [table for (table,) in tables], on)
    try:
        yield
    finally:
        switch(superuser, [table for (table,) in tables], True)


def switch(superuser: psycopg.Connection[Any], tables: list[str], on: bool) -> None:
    """All of its triggers at once."""
    for table in tables:
        for name in ("audited", "audited_scope"):
            superuser.execute(f"alter table {table} {'enable' if on else 'disable'} trigger {name}")  # type: ignore[arg-type, unused-ignore]
