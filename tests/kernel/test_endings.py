"""A kernel that ends leaves no run that seems to go on: each says how its kernel ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import Kernel, kernel
from tests.running import JupyterServer

OPEN = """
import os, mlflow
parent = mlflow.start_run(run_name="parent")
child = mlflow.start_run(run_name="child", nested=True)
mlflow.log_metric("loss", 0.5)
print(os.getpid(), parent.info.run_id, child.info.run_id)
"""


def begin(running: Kernel) -> tuple[int, list[str]]:
    """A run and one within it; the process and the runs."""
    pid, *runs = running.run(OPEN).text.split()[-3:]
    return int(pid), runs


def mlflow(client: httpx.Client, run_id: str) -> tuple[str, dict[str, str], int | None]:
    """A run's status, what is said of its end, and when that was, as MLflow's clients see it."""
    answer = client.get("/insighter/mlflow/api/2.0/mlflow/runs/get", params={"run_id": run_id})
    assert answer.status_code == 200, answer.text
    run = answer.json()["run"]
    tags = {tag["key"].removeprefix("insighter.failure."): tag["value"] for tag in run["data"]["tags"]}
    end = run["info"].get("end_time")
    said = {key: tags[key] for key in ("reason", "detail") if key in tags}
    return run["info"]["status"], said, int(end) if end else None


def ended(client: httpx.Client, runs: list[str], seconds: float = 30) -> tuple[str, str, str]:
    """Wait until all the runs have ended; status, reason and detail, which are the same of all."""
    deadline = time.monotonic() + seconds
    while any(mlflow(client, run)[0] == "RUNNING" for run in runs):
        assert time.monotonic() < deadline, "the runs seem to go on"
        time.sleep(0.1)
    found = {
        (status, said["reason"], said["detail"]) for status, said, _ in (mlflow(client, r) for r in runs)
    }
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize(
    ("end", "reason", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("import os; os._exit(7)", "crashed", "status 7"),
    ],
)
@pytest.mark.timeout(180)
def test_a_kernel_that_died_ends_its_runs_with_the_reason(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], end: str, reason: str, words: str
) -> None:
    with (
        kernel(server, project["folder"], session=True) as running,
        kernel(server, project["folder"]) as other,
    ):
        _, runs = begin(running)
        _, others = begin(other)
        running.send(end)
        status, told, detail = ended(api, runs)
        assert (status, told) == ("FAILED", reason)
        assert words in detail
        assert [mlflow(api, run)[0] for run in others] == ["RUNNING"] * 2, "another kernel goes on"

        if reason != "killed":
            return
        # Jupyter restarts what died, with the same credential: what runs now is another matter.
        deadline = time.monotonic() + 30
        while api.get(f"/api/kernels/{running.id}").json()["execution_state"] in {
            "restarting",
            "starting",
            "dead",
        }:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        again = Kernel(server, running.id)
        _, fresh = begin(again)
        time.sleep(2.5)
        assert [mlflow(api, run)[0] for run in fresh] == ["RUNNING"] * 2
        assert again.run("mlflow.end_run(); mlflow.end_run()").error is None
        assert [mlflow(api, run)[:2] for run in fresh] == [("FINISHED", {})] * 2
        again.close()


@pytest.mark.timeout(180)
def test_restarting_and_shutting_down_stop_what_runs(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        _, runs = begin(running)
        running.send("import time; time.sleep(600)")
        assert api.post(f"/api/kernels/{running.id}/restart").status_code == 200
        assert ended(api, runs, seconds=1)[:2] == ("KILLED", "restarted")
        again = Kernel(server, running.id)
        _, runs = begin(again)
        again.send("import time; time.sleep(600)")
        assert api.delete(f"/api/kernels/{running.id}").status_code == 204
        assert ended(api, runs, seconds=1)[:2] == ("KILLED", "shut_down")
        again.close()


@pytest.mark.timeout(180)
def test_a_server_that_was_killed_tells_with_its_next_start(own_server: JupyterServer) -> None:
    own_server.start()
    with kernel(own_server) as running:
        pid, runs = begin(running)
        script = begin_elsewhere(own_server)
        before = int(time.time() * 1000)
        own_server.kill()
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.1)
    own_server.start()
    with own_server.client() as client:
        status, reason, detail = ended(client, runs)
        assert (status, reason) == ("FAILED", "server_gone")
        assert "unexpectedly" in detail
        for run in runs:
            end = mlflow(client, run)[2]
            assert end is not None and end <= before, "when it was last heard of, not when that was found out"
        assert mlflow(client, script)[0] == "RUNNING", "a program with a token ends its runs itself"


@pytest.mark.timeout(180)
def test_a_server_that_stops_stops_what_its_kernels_run(own_server: JupyterServer) -> None:
    own_server.start()
    with kernel(own_server) as running:
        _, runs = begin(running)
        running.send("import time; time.sleep(600)")
        own_server.stop()
    own_server.start()
    with own_server.client() as client:
        status, reason, detail = ended(client, runs)
        assert (status, reason) == ("KILLED", "shut_down")
        assert "server was stopped" in detail


def begin_elsewhere(server: JupyterServer) -> str:
    """A run of a program that is no kernel."""
    code = "import mlflow, os; print(mlflow.start_run().info.run_id, flush=True); os._exit(0)"
    address = {"MLFLOW_TRACKING_URI": f"{server.url}/insighter/mlflow", "MLFLOW_TRACKING_TOKEN": server.token}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **address},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def memory_group(megabytes: int) -> Path | None:
    """A new control group with a limit of memory; None where none may be made."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        base = Path("/sys/fs/cgroup") / controllers / path.lstrip("/")
        group = base / f"insighter-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / ("memory.limit_in_bytes" if controllers else "memory.max")).write_text(
                    f"{megabytes << 20}"
                )
                return group
            except OSError:
                group.rmdir()
    return None


@contextlib.contextmanager
def limited(megabytes: int) -> Iterator[Callable[[int], None]]:
    """A control group with a limit of memory; processes are put into it by their number."""
    group = memory_group(megabytes)
    if group is None:
        pytest.skip("needs control groups of memory that may be made here")

    def confine(pid: int) -> None:
        (group / "cgroup.procs").write_text(str(pid))

    try:
        yield confine
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


@pytest.mark.timeout(180)
def test_a_kernel_that_ran_out_of_memory_says_so(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with limited(600) as confine, kernel(server, project["folder"]) as running:
        pid, runs = begin(running)
        confine(pid)
        time.sleep(2.5)  # until it was looked at there
        running.send("held = []\nwhile True: held.append(bytearray(20_000_000))")
        status, reason, detail = ended(api, runs)
        assert (status, reason) == ("FAILED", "out_of_memory")
        assert "memory ran out" in detail
