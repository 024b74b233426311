"""Serving a model: Insighter's scoring process beside ``mlflow models serve``, in one run on one machine.

Both serve one logistic regression. Printed are the time to the first ``/ping``, the resident memory of all
processes of each, and requests a second at one row per request. Rounds alternate between the two, so that a
machine that slows down slows both. Ratios above 1 are in Insighter's favour.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median

import psutil

from insighter_ext.serving import protocol

ROUNDS, SECONDS, CONNECTIONS = 3, 4.0, (1, 8)
ROW = b'{"dataframe_split": {"columns": ["a", "b", "c", "d"], "data": [[5.1, 3.5, 1.4, 0.2]]}}'
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer benchmark"}


@dataclass
class Server:
    """A started server: where it answers, what it took, and by number of connections what was measured."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    boot_seconds: float = 0.0
    memory_mb: float = 0.0
    rates: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    """Measure both and print the table."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as started:
        root = Path(folder)
        model = save_model(root / "model")
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            port, mlflow_port = one.getsockname()[1], two.getsockname()[1]
        names = {"deployment_id": "1", "name": "iris", "model_name": "iris", "model_version": "1"}
        spec = protocol.Spec(**names, model_dir=str(model), port=port, secret="benchmark")
        protocol.write_spec(root, spec)
        mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
        mlflow += ["-m", str(model), "-p", str(mlflow_port)]
        ours = start(started, "insighter", protocol.command(root), port)
        theirs = start(started, "mlflow models serve", mlflow, mlflow_port)
        for _ in range(ROUNDS):
            for connections in CONNECTIONS:
                for server in (ours, theirs):
                    measure(server, connections)
    report(ours, theirs)


def save_model(path: Path) -> Path:
    """Train a logistic regression on 150 rows of 4 columns and save it with MLflow."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    data, target = load_iris(return_X_y=True, as_frame=True)
    data.columns = ["a", "b", "c", "d"]
    model = LogisticRegression(max_iter=500).fit(data, target)
    mlflow.sklearn.save_model(model, path, signature=infer_signature(data, model.predict(data)))
    return path


def start(started: contextlib.ExitStack, name: str, command: list[str], port: int) -> Server:
    """Start a server, have it stopped in the end, and wait until ``/ping`` answers 200."""
    begin = time.perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started.callback(stop, process)
    server = Server(name, process, port)
    while process.poll() is None and time.perf_counter() - begin < 90:
        with contextlib.suppress(OSError, HTTPException):
            if ask(HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/ping") == 200:
                server.boot_seconds = time.perf_counter() - begin
                server.memory_mb = sum(one.memory_info().rss for one in tree(process)) / 1e6
                return server
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with its children."""
    for one in tree(process) if process.poll() is None else []:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    process.wait(timeout=30)


def tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A process and all its descendants."""
    root = psutil.Process(process.pid)
    return [root, *root.children(recursive=True)]


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> int:
    """Send one request; returns the status."""
    connection.request(method, path, body, HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


def measure(server: Server, connections: int) -> None:
    """Send one-row requests over as many connections for some seconds, and note what was answered."""
    answers: list[int] = []
    end = time.perf_counter() + SECONDS

    def send() -> None:
        with contextlib.closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            while time.perf_counter() < end:
                answers.append(ask(connection, "POST", "/invocations", ROW))

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    server.rates[connections].append(len(answers) / SECONDS)


def report(ours: Server, theirs: Server) -> None:
    """Print the table, with medians over the rounds."""
    print(f"{'':28}{ours.name:>12}{theirs.name:>22}{'ratio':>8}")
    rows = [("start to /ping, s", ours.boot_seconds, theirs.boot_seconds, -1)]
    rows.append(("memory, MB", ours.memory_mb, theirs.memory_mb, -1))
    for n in CONNECTIONS:
        rows.append((f"requests/s, {n} connections", median(ours.rates[n]), median(theirs.rates[n]), 1))
    for label, mine, other, better in rows:
        print(f"{label:28}{mine:>12.1f}{other:>22.1f}{(mine / other) ** better:>8.2f}")


if __name__ == "__main__":
    main()
