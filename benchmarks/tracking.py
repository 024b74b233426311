"""Logging experiments: Insighter beside ``mlflow server``, through the same protocol, on the same PostgreSQL.

Both get the same requests over the same number of connections, in alternating rounds, so that a machine that slows
down slows both. ``mlflow server`` runs with its default of four workers and has a database of its own. Ratios above 1
are in Insighter's favour.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import psutil

from insighter_ext.gateways.embedded.migrate import create_database
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer, free_port, isolated_environment

ROUNDS, SECONDS, CONNECTIONS, BATCH = 3, 3.0, 4, 1000


@dataclass
class Server:
    """A started server, and by measurement the rates of its rounds."""

    name: str
    port: int
    prefix: str
    headers: dict[str, str]
    process: psutil.Process
    experiment: str = ""
    run: str = ""
    rates: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def connect(self) -> HTTPConnection:
        """A connection of its own."""
        return HTTPConnection("127.0.0.1", self.port, timeout=60)

    def post(self, connection: HTTPConnection, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call an endpoint."""
        connection.request("POST", f"{self.prefix}/api/2.0/mlflow/{path}", json.dumps(body), self.headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {path} answered {response.status}: {answer[:300]!r}")
        return json.loads(answer)  # type: ignore[no-any-return]

    def memory(self) -> float:
        """Resident memory of all its processes, in megabytes."""
        return (
            sum(one.memory_info().rss for one in [self.process, *self.process.children(recursive=True)]) / 1e6
        )


def main() -> None:
    """Measure both and print the table."""
    with contextlib.ExitStack() as started:
        home = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="ixb-")))
        jupyter = JupyterServer(home)
        started.callback(jupyter.destroy)
        jupyter.start()
        assert jupyter.process is not None
        ours = Server(
            "insighter",
            jupyter.port,
            "/insighter/mlflow",
            {"Authorization": f"Bearer {jupyter.token}", "Content-Type": "application/json"},
            psutil.Process(jupyter.process.pid),
        )
        theirs = start_mlflow(started, home, EmbeddedPostgres(jupyter.data_dir / "postgres"))
        for server in (ours, theirs):
            with contextlib.closing(server.connect()) as connection:
                server.experiment = server.post(connection, "experiments/create", {"name": "benchmark"})[
                    "experiment_id"
                ]
                server.run = create_run(server, connection, 0)
        for _ in range(ROUNDS):
            for what, call, count in (
                ("log-metric (metrics/s)", log_metric, 1),
                (f"log-batch of {BATCH} (metrics/s)", log_batch, BATCH),
                ("create run (runs/s)", create_run, 1),
            ):
                for server in (ours, theirs):
                    measure(server, what, call, count)
        report(ours, theirs)


def start_mlflow(started: contextlib.ExitStack, home: Path, postgres: EmbeddedPostgres) -> Server:
    """``mlflow server`` on a fresh database of the same PostgreSQL."""
    info = postgres.conninfo()
    create_database(info, "mlflow")
    address = (
        f"postgresql+psycopg://{info['user']}:{quote(info['password'])}@/mlflow"
        f"?host={quote(info['host'], safe='')}&port={info['port']}"
    )
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", address, "--artifacts-destination", str(home / "mlflow")]
    log = started.enter_context((home / "mlflow.log").open("wb"))
    process = subprocess.Popen(command, cwd=home, env=isolated_environment(home), stdout=log, stderr=log)
    started.callback(stop, process)
    server = Server(
        "mlflow server", port, "", {"Content-Type": "application/json"}, psutil.Process(process.pid)
    )
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException), contextlib.closing(server.connect()) as connection:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return server
        time.sleep(0.2)
    raise RuntimeError(f"mlflow server did not start:\n{(home / 'mlflow.log').read_text()[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with its children."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.kill()
    process.wait(timeout=30)


def log_metric(server: Server, connection: HTTPConnection, number: int) -> None:
    """One value of one metric."""
    body = {
        "run_id": server.run,
        "key": f"m{number % 20}",
        "value": 0.5,
        "timestamp": 1_700_000_000_000,
        "step": number,
    }
    server.post(connection, "runs/log-metric", body)


def log_batch(server: Server, connection: HTTPConnection, number: int) -> None:
    """The largest batch there is: 100 metrics at ten steps."""
    metrics = [
        {"key": f"b{i % 100}", "value": i / 7, "timestamp": 1_700_000_000_000, "step": number * 10 + i // 100}
        for i in range(BATCH)
    ]
    server.post(connection, "runs/log-batch", {"run_id": server.run, "metrics": metrics})


def create_run(server: Server, connection: HTTPConnection, number: int) -> str:
    """A run as the client starts it."""
    tags = [{"key": f"mlflow.t{i}", "value": "x" * 20} for i in range(4)]
    body = {
        "experiment_id": server.experiment,
        "start_time": 1_700_000_000_000,
        "run_name": "r",
        "tags": tags,
    }
    return str(server.post(connection, "runs/create", body)["run"]["info"]["run_id"])


def measure(
    server: Server, what: str, call: Callable[[Server, HTTPConnection, int], object], count: int
) -> None:
    """Call over several connections for some seconds, and note how much was done."""
    round_number = len(server.rates[what])
    done = [0] * CONNECTIONS
    begin = time.perf_counter()

    def send(which: int) -> None:
        with contextlib.closing(server.connect()) as connection:
            while time.perf_counter() - begin < SECONDS:
                call(server, connection, (round_number * CONNECTIONS + which) * 1_000_000 + done[which])
                done[which] += 1

    threads = [threading.Thread(target=send, args=(which,)) for which in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.rates[what].append(sum(done) * count / (time.perf_counter() - begin))


def report(ours: Server, theirs: Server) -> None:
    """Print the table, with medians over the rounds."""
    print(f"{'':32}{ours.name:>14}{theirs.name:>16}{'ratio':>9}")
    for what, rates in ours.rates.items():
        mine, other = median(rates), median(theirs.rates[what])
        print(f"{what:32}{mine:>14,.0f}{other:>16,.0f}{mine / other:>8.1f}x")
    mine, other = ours.memory(), theirs.memory()
    print(f"{'memory (MB)':32}{mine:>14,.0f}{other:>16,.0f}{other / mine:>8.1f}x")


if __name__ == "__main__":
    main()
