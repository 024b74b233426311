"""Logging experiments: Insighter beside ``mlflow server``, through the same protocol, on the same PostgreSQL.

Both get the same requests over the same number of connections, from a process of its own (``tracking_load.py``), in
alternating rounds, so that a machine that slows down slows both. ``mlflow server`` runs with its default of four
workers and has a database of its own. Ratios above 1 are in Insighter's favour.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psutil
import psycopg

from benchmarks.tracking_load import BATCH
from insighter_ext.gateways.embedded.migrate import create_database
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import REPOSITORY, JupyterServer, free_port, isolated_environment

ROUNDS, SECONDS, CONNECTIONS = 3, 3.0, 4
WRITES = {
    "metric": ("log-metric (metrics/s)", 1),
    "batch": (f"log-batch of {BATCH} (metrics/s)", BATCH),
    "run": ("create run + log-batch (runs/s)", 1),
}
MEMORY = "memory (MB)"
AIMS = {WRITES["metric"][0]: 10, WRITES["batch"][0]: 25, WRITES["run"][0]: 10, MEMORY: 20}
"""How many times better it shall be."""
SEARCH_AIMS = {300: 10, 10_000: 25}
# What other work on the machine does not change.
CPU = "CPU ms for each, with database: "
FILTER, ORDER = "metrics.auc > 0.5 and params.model = 'forest'", ["metrics.auc DESC"]


@dataclass
class Server:
    """A started server, and by measurement the numbers of its rounds."""

    name: str
    port: int
    prefix: str
    headers: dict[str, str]
    process: psutil.Process
    boot: float
    database: psutil.Process | None = None
    experiment: str = ""
    run: str = ""
    filled: dict[int, str] = field(default_factory=dict)
    numbers: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call an endpoint."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request("POST", f"{self.prefix}/api/2.0/mlflow/{path}", json.dumps(body), self.headers)
            response = connection.getresponse()
            answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {path} answered {response.status}: {answer[:300]!r}")
        return json.loads(answer)  # type: ignore[no-any-return]

    def load(self, what: str, seconds: float, connections: int, **more: Any) -> dict[str, float]:
        """Load it from another process."""
        task = {
            "port": self.port,
            "prefix": self.prefix,
            "headers": self.headers,
            "what": what,
            "seconds": seconds,
            "connections": connections,
            "experiment": self.experiment,
            "run": self.run,
            **more,
        }
        command = [sys.executable, "-m", "benchmarks.tracking_load"]
        done = subprocess.run(command, cwd=REPOSITORY, input=json.dumps(task), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def memory(self) -> float:
        """Resident memory of all its processes, in megabytes."""
        return sum(one.memory_info().rss for one in tree(self.process)) / 1e6

    def work(self) -> float:
        """Seconds of processor time of all its processes and of the database, until now."""
        assert self.database is not None
        times = [one.cpu_times() for one in {*tree(self.process), *tree(self.database)}]
        return sum(one.user + one.system for one in times)


def tree(process: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    return [process, *process.children(recursive=True)]


def main() -> None:
    """Measure both and print the table."""
    with contextlib.ExitStack() as started:
        home = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="ixb-")))
        ours, postgres, database = start_insighter(started, home)
        theirs = start_mlflow(started, home, postgres)
        both = (ours, theirs)
        ours.database = theirs.database = database_process(home)
        for server in both:
            warm_up(server)
            server.experiment = server.post("experiments/create", {"name": "benchmark"})["experiment_id"]
            server.run = server.post("runs/create", {"experiment_id": server.experiment})["run"]["info"][
                "run_id"
            ]
        for number in range(ROUNDS):
            for what, (name, count) in WRITES.items():
                for server in both:
                    before = server.work()
                    done = server.load(what, SECONDS, CONNECTIONS, round=number)
                    server.numbers[name].append(done["count"] * count / done["seconds"])
                    worked = (server.work() - before) / done["count"]
                    server.numbers[f"{CPU}{what}"].append(worked * 1000)
        for server in both:
            server.numbers[MEMORY].append(server.memory())
        report(ours, theirs)
        search(ours, theirs, postgres, database)


def start_insighter(started: contextlib.ExitStack, home: Path) -> tuple[Server, EmbeddedPostgres, str]:
    """A bare Jupyter server with Insighter, with its PostgreSQL and the name of its database."""
    jupyter = JupyterServer(home)
    started.callback(jupyter.destroy)
    # Once to make the database cluster, which mlflow server has not to do either.
    jupyter.start()
    jupyter.stop()
    begin = time.perf_counter()
    jupyter.launch()
    assert jupyter.process is not None
    headers = {"Authorization": f"Bearer {jupyter.token}", "Content-Type": "application/json"}
    server = Server(
        "insighter", jupyter.port, "/insighter/mlflow", headers, psutil.Process(jupyter.process.pid), 0
    )
    server.boot = first_answer(server, begin, jupyter.process, home / "server.log")
    postgres = EmbeddedPostgres(jupyter.data_dir / "postgres")
    return server, postgres, postgres.conninfo()["dbname"]


def start_mlflow(started: contextlib.ExitStack, home: Path, postgres: EmbeddedPostgres) -> Server:
    """``mlflow server`` on a database of its own in the same PostgreSQL, whose tables are made before."""
    info = postgres.conninfo()
    create_database(info, "mlflow")
    address = (
        f"postgresql+psycopg://{info['user']}:{quote(info['password'])}@/mlflow"
        f"?host={quote(info['host'], safe='')}&port={info['port']}"
    )
    environment = isolated_environment(home)
    subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", address],
        cwd=home, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", address, "--artifacts-destination", str(home / "mlflow")]
    # On a busy machine its supervisor would kill workers that are merely slow.
    command += ["--uvicorn-opts", "--timeout-worker-healthcheck 60"]
    log = started.enter_context((home / "mlflow.log").open("wb"))
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    started.callback(stop, process)
    headers = {"Content-Type": "application/json"}
    server = Server("mlflow server", port, "", headers, psutil.Process(process.pid), 0)
    server.boot = first_answer(server, begin, process, home / "mlflow.log")
    return server


def first_answer(server: Server, begin: float, process: subprocess.Popen[bytes], log: Path) -> float:
    """Seconds until a call of the protocol is answered."""
    while process.poll() is None and time.perf_counter() - begin < 300:
        with contextlib.suppress(OSError, HTTPException, RuntimeError):
            server.post("experiments/search", {"max_results": 1})
            return time.perf_counter() - begin
        time.sleep(0.05)
    raise RuntimeError(f"{server.name} did not start:\n{log.read_text()[-2000:]}")


def database_process(home: Path) -> psutil.Process:
    """The PostgreSQL below a folder."""
    for process in psutil.process_iter(["name", "cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if process.info["name"] == "postgres" and str(home) in line:
            return process
    raise RuntimeError("no PostgreSQL is running")


def warm_up(server: Server) -> None:
    """Ask until all its workers are there, who hang up while they start."""
    answered = 0
    while answered < 40:
        try:
            server.post("experiments/search", {"max_results": 1})
            answered += 1
        except (OSError, HTTPException):
            answered = 0
            time.sleep(0.5)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with its children."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.kill()
    process.wait(timeout=30)


# ---- search ---------------------------------------------------------------------------------------------------------


def search(ours: Server, theirs: Server, postgres: EmbeddedPostgres, database: str) -> None:
    """Runs with a filter and an order, of few and of many. Whoever refuses the filter ends the benchmark."""
    for size in SEARCH_AIMS:
        for server, name in ((ours, database), (theirs, "mlflow")):
            server.filled[size] = server.post("experiments/create", {"name": f"{size} runs"})["experiment_id"]
            with psycopg.connect(**{**postgres.conninfo(), "dbname": name}) as connection:
                fill(connection, server.filled[size], size, mlflow=server is theirs)
    print()
    print(f"{'search, p50 / p95 (ms)':38}{ours.name:>14}{theirs.name:>16}{'ratio':>9}")
    for size in SEARCH_AIMS:
        for limit in (100, 1000):
            found: dict[str, dict[str, float]] = {}
            answers = []
            for server in (ours, theirs):
                body = {
                    "experiment_ids": [server.filled[size]],
                    "filter": FILTER,
                    "order_by": ORDER,
                    "max_results": limit,
                }
                answers.append([run["info"]["run_name"] for run in server.post("runs/search", body)["runs"]])
                found[server.name] = server.load("search", 2.5, 1, round=0, body=body)
            if answers[0] != answers[1] or not answers[0]:
                raise RuntimeError(f"both found other runs: {answers[0][:3]} and {answers[1][:3]}")
            mine, other = found[ours.name], found[theirs.name]
            cells = [f"{one['p50']:,.1f} / {one['p95']:,.1f}" for one in (mine, other)]
            ratios = [other[which] / mine[which] for which in ("p50", "p95")]
            print(
                f"{f'{size:,} runs, {limit:,} at most':38}{cells[0]:>14}{cells[1]:>16}"
                f"{ratios[0]:>8.1f}x / {ratios[1]:.1f}x{verdict(min(ratios), SEARCH_AIMS[size])}"
            )


def fill(connection: psycopg.Connection[Any], experiment: str, size: int, *, mlflow: bool) -> None:
    """Runs with five metrics, five params and two tags each, by SQL."""
    named = f"('x' || md5('{uuid4()}' || i))"
    runs = f"""create temp table made on commit drop as
        select i, md5('{experiment}' || {named}) as id, (i * 7919 % {size})::float8 / {size} as auc,
          case when i % 3 = 0 then 'forest' else 'linear' end as model, 1700000000000 + i as at
        from generate_series(1, {size}) i"""
    connection.execute(runs)
    metrics = """select m.id, k.key, case k.key when 'auc' then m.auc else m.auc + k.n end as value, m.at
        from made m cross join (values ('auc', 0), ('loss', 1), ('f1', 2), ('precision', 3), ('recall', 4)) k (key, n)
        """
    if mlflow:
        connection.execute(
            """insert into runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri,
                 experiment_id, source_type, source_name, entry_point_name, source_version)
               select id, 'run ' || i, 'me', 'FINISHED', at, at, 'active', 'mlflow-artifacts:/x', %s, 'UNKNOWN', '', '',
                 '' from made""",
            [int(experiment)],
        )
        for table in ("latest_metrics", "metrics"):
            connection.execute(
                f"insert into {table} (run_uuid, key, value, timestamp, step, is_nan)"
                f" select id, key, value, at, 0, false from ({metrics}) x"
            )
        connection.execute(
            """insert into params (run_uuid, key, value) select id, 'model', model from made
               union all select id, 'p' || n, n::text from made cross join generate_series(1, 4) n"""
        )
        connection.execute(
            """insert into tags (run_uuid, key, value) select id, 'mlflow.runName', 'run ' || i from made
               union all select id, 'team', 'a' from made"""
        )
    else:
        # Neither audit nor catalogue is what is measured here.
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            """insert into insighter.runs (id, project_id, experiment_id, name, status, user_name, start_time, end_time,
                 params, tags, created_by)
               select m.id::uuid, e.project_id, e.id, 'run ' || i, 'FINISHED', 'me', at, at,
                 jsonb_build_object('model', model, 'p1', '1', 'p2', '2', 'p3', '3', 'p4', '4'),
                 jsonb_build_object('mlflow.runName', 'run ' || i, 'team', 'a'), e.created_by
               from made m cross join insighter.experiments e where e.id = %s""",
            [int(experiment)],
        )
        connection.execute(
            f"""insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
               select r.project_id, r.id, x.key, x.value, 0, x.at from ({metrics}) x
               join insighter.runs r on r.id = x.id::uuid"""
        )
    connection.commit()
    with psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True) as other:
        other.execute("analyze")


def report(ours: Server, theirs: Server) -> None:
    """Print the table, with medians over the rounds."""
    print(f"{'':38}{ours.name:>14}{theirs.name:>16}{'ratio':>9}")
    for what, numbers in ours.numbers.items():
        mine, other = median(numbers), median(theirs.numbers[what])
        less = what.startswith(("memory", CPU))
        ratio = other / mine if less else mine / other
        print(
            f"{what:38}{mine:>14,.{digits(mine)}f}{other:>16,.{digits(other)}f}{ratio:>8.1f}x"
            f"{verdict(ratio, AIMS.get(what))}"
        )
    print(
        f"{'boot to the first answer (s)':38}{ours.boot:>14.1f}{theirs.boot:>16.1f}{theirs.boot / ours.boot:>8.1f}x"
    )


def verdict(ratio: float, aim: int | None) -> str:
    """Whether an aim was met."""
    return "" if aim is None else f"  aim {aim}x: {'met' if ratio >= aim else 'missed'}"


def digits(number: float) -> int:
    return 0 if number >= 20 else 2


if __name__ == "__main__":
    main()
