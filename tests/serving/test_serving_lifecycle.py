"""A scoring process says truthfully what it is doing, why it cannot start, and ends when told."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from insighter_ext.serving import protocol


def test_from_start_to_stop(launch: Any, iris: Any) -> None:
    started = launch(iris.path)
    phases: list[str] = []
    # Reading as fast as possible: a half-written state would raise.
    while not phases or phases[-1] not in ("ready", "failed"):
        state = protocol.read_state(started.run_dir)
        if state is not None and (not phases or phases[-1] != state.phase):
            phases.append(state.phase)
        assert started.process.poll() is None, started.log()
    assert phases in (["starting", "loading", "ready"], ["loading", "ready"])

    assert state is not None and state.pid == started.process.pid and protocol.is_alive(state)
    assert state.warnings == () and state.reason is None
    for name in (protocol.STATE_FILE, protocol.SPEC_FILE):
        assert stat.S_IMODE((started.run_dir / name).stat().st_mode) == 0o600
    assert "a-secret-for-the-tests" not in started.log()

    for ignored in (signal.SIGHUP, signal.SIGINT):
        started.process.send_signal(ignored)
    with started.client() as client:
        assert client.get("/ping").status_code == 200

    assert started.stop() == protocol.EXIT_STOPPED
    stopped = started.until("stopped")
    assert not protocol.is_alive(stopped)
    assert sorted(path.name for path in started.run_dir.iterdir()) == ["log.txt", "spec.json", "state.json"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{stopped.port}/ping")


def test_a_running_request_is_finished_before_the_end(launch: Any, slow_model: Path) -> None:
    started = launch(slow_model)
    answers: list[httpx.Response] = []
    with started.client() as client:
        body = {"dataframe_records": [{"seconds": 2}]}
        request = threading.Thread(target=lambda: answers.append(client.post("/invocations", json=body)))
        request.start()
        time.sleep(0.5)
        assert started.stop() == protocol.EXIT_STOPPED
        request.join()
    assert [answer.json() for answer in answers] == [{"predictions": [2.0]}]


def test_a_request_that_outlasts_the_grace_does_not_keep_the_process(launch: Any, slow_model: Path) -> None:
    started = launch(slow_model)
    answers: list[httpx.Response] = []
    with started.client() as client:
        body = {"dataframe_records": [{"seconds": 50}]}
        request = threading.Thread(target=lambda: answers.append(client.post("/invocations", json=body)))
        request.start()
        time.sleep(0.5)
        begin = time.monotonic()
        assert started.stop() == protocol.EXIT_STOPPED
        assert time.monotonic() - begin < protocol.GRACE_SECONDS + 10
        request.join()
    assert [answer.status_code for answer in answers] == [503]
    assert started.until("stopped").reason is None


def test_stop_while_loading(launch: Any, iris: Any) -> None:
    started = launch(iris.path)
    started.until("loading")
    assert started.stop() == protocol.EXIT_STOPPED
    started.until("stopped")


def test_a_killed_process_is_known_to_be_gone(launch: Any, iris: Any) -> None:
    started = launch(iris.path)
    state = started.until("loading")
    assert protocol.is_alive(state)
    started.process.kill()
    deadline = time.monotonic() + 10
    while protocol.is_alive(state):  # not reaped yet, hence a zombie at best
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_port_in_use(launch: Any, iris: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        started = launch(iris.path, port=port)
        state = started.until("failed")
        assert state.reason == (
            f"port {port} on 127.0.0.1 is in use by another program: choose another port or leave it out"
        )
        assert started.process.wait(timeout=30) == protocol.EXIT_PORT


def test_port_taken_while_the_model_loads(launch: Any, iris: Any) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        started = launch(iris.path, port=other.getsockname()[1])
        started.until("loading")
        other.listen()
        assert "is in use by another program" in (started.until("failed").reason or "")
        assert started.process.wait(timeout=30) == protocol.EXIT_PORT


def test_explicit_port_is_used_again_at_once(launch: Any, iris: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    for _ in range(2):
        started = launch(iris.path, port=port)
        with started.client() as client:
            assert client.base_url.port == port and client.get("/ping").status_code == 200
            assert started.stop() == protocol.EXIT_STOPPED


def test_missing_packages_are_all_named(launch: Any, iris: Any, tmp_path: Path) -> None:
    model = iris.copy(tmp_path / "model")
    with open(model / "requirements.txt", "a") as file:
        file.write(
            "\n# a comment\n--extra-index-url https://example.org/simple\n"
            "no-such-package-a==1.2\nno_such_package_b[extra]>=3  # why\n"
            "no-such-package-c; sys_platform == 'win32'\n"
        )
    started = launch(model)
    state = started.until("failed")
    assert started.process.wait(timeout=30) == protocol.EXIT_REQUIREMENTS
    assert state.reason is not None
    assert "no-such-package-a==1.2, no_such_package_b[extra]>=3." in state.reason
    assert "-m pip install no-such-package-a==1.2 'no_such_package_b[extra]>=3'" in state.reason
    assert "package-c" not in state.reason


def test_other_versions_are_warnings(launch: Any, iris: Any, tmp_path: Path) -> None:
    model = iris.copy(tmp_path / "model")
    (model / "requirements.txt").write_text("mlflow==1.0\nnumpy<1\nscikit-learn\n")
    mlmodel = (model / "MLmodel").read_text()
    (model / "MLmodel").write_text(re.sub(r"python_version: .*", "python_version: 3.8.1", mlmodel))
    started = launch(model)
    state = started.until("ready", "failed")
    assert state.phase == "ready", state.reason
    python, mlflow, numpy = state.warnings
    assert "Python 3.8.1" in python and "mlflow==1.0" in mlflow and "numpy<1" in numpy
    assert numpy in started.log()


def test_broken_model_file(launch: Any, iris: Any, tmp_path: Path) -> None:
    model = iris.copy(tmp_path / "model")
    (model / "model.skops").write_bytes(b"broken")
    started = launch(model)
    state = started.until("failed")
    assert started.process.wait(timeout=30) == protocol.EXIT_MODEL
    assert "BadZipFile" in (state.reason or "") and "deploy another version" in (state.reason or "")
    assert "Traceback" not in (state.reason or "") and "BadZipFile" in (state.detail or "")


def test_no_model_there(launch: Any, tmp_path: Path) -> None:
    started = launch(tmp_path / "gone")
    assert "There is no MLflow model in" in (started.until("failed").reason or "")
    assert started.process.wait(timeout=30) == protocol.EXIT_MODEL


def test_module_that_is_not_installed(launch: Any, slow_model: Path, tmp_path: Path) -> None:
    import shutil

    model = Path(shutil.copytree(slow_model, tmp_path / "model"))
    (model / "slow.py").write_text("import no_such_module.part\n")
    state = launch(model).until("failed")
    assert "needs the Python module 'no_such_module'" in (state.reason or "")


def test_types_skops_does_not_trust_are_named(launch: Any, iris: Any, tmp_path: Path) -> None:
    import json

    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    model = iris.copy(tmp_path / "model")
    skops.io.dump(FunctionTransformer(json.dumps), model / "model.skops")
    state = launch(model).until("failed")
    assert "types that skops does not trust: json.dumps" in (state.reason or "")
    assert "skops_trusted_types" in (state.reason or "")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"deployment_id": "7"}'], ids=["empty", "list", "no fields", "one field"]
)
def test_spec_that_cannot_be_used(launch: Any, tmp_path: Path, content: str) -> None:
    import subprocess

    (tmp_path / protocol.SPEC_FILE).write_text(content)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        protocol.command(tmp_path), env=environment, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == protocol.EXIT_SPEC
    state = protocol.read_state(tmp_path)
    assert state is not None and state.phase == "failed" and "spec.json" in (state.reason or "")


def test_a_spec_keeps_its_secret_out_of_logs_and_refuses_nonsense() -> None:
    good: dict[str, Any] = {
        "deployment_id": "7",
        "name": "iris",
        "model_name": "iris",
        "model_version": "1",
        "model_dir": "/models/iris",
        "secret": "hidden",
    }
    assert "hidden" not in repr(protocol.Spec(**good))
    for wrong in ({"port": 70000}, {"port": True}, {"model_dir": "iris"}, {"secret": ""}, {"secret": "é"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            protocol.Spec(**{**good, **wrong})


def test_a_state_from_a_later_version_can_be_read(tmp_path: Path) -> None:
    state = protocol.State(phase="ready", pid=1, process_started=2.0, warnings=("one",))
    protocol.write_state(tmp_path, state)
    path = tmp_path / protocol.STATE_FILE
    path.write_text(path.read_text().replace("{", '{"from_later": 1, ', 1))
    assert protocol.read_state(tmp_path) == state
    assert protocol.read_state(tmp_path / "none") is None
