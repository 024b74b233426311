"""A deployment's folder and process, with real files and real processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from insighter_ext.deployments import run_dir as run_dirs
from insighter_ext.deployments.model_files import materialise
from insighter_ext.deployments.run_dir import CUT_OFF, DIED, SENT_AWAY, RunDir, to_end
from insighter_ext.errors import Invalid, NotFound, Unavailable
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from insighter_ext.serving import protocol
from insighter_ext.serving.protocol import State
from tests.permissive import EDITOR, Permissive


@pytest.fixture
def folder(tmp_path: Path) -> RunDir:
    found = RunDir(tmp_path / "deployments", uuid4())
    found.path.mkdir(parents=True)
    return found


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that knows nothing of deployments."""
    code = "import time, sys; print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


@pytest.fixture
def deaf_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ignores SIGTERM and has a child, whose id it prints."""
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as started:
        yield started
        started.kill()


def note(folder: RunDir, pid: int, started: float, attempt: int = 1) -> None:
    content = {"pid": pid, "process_started": started, "attempt": attempt}
    (folder.path / "process.json").write_text(json.dumps(content))


async def test_a_process_id_that_was_given_to_another_process_is_left_alone(
    folder: RunDir, process: subprocess.Popen[bytes]
) -> None:
    note(folder, process.pid, psutil.Process(process.pid).create_time() - 3600)
    assert not folder.lives()
    sight = folder.look(1)
    assert (sight.kind, sight.reason) == ("failed", DIED)
    await folder.end()
    assert process.poll() is None


async def test_ending_waits_until_the_process_is_gone(
    folder: RunDir, process: subprocess.Popen[bytes]
) -> None:
    note(folder, process.pid, psutil.Process(process.pid).create_time())
    assert folder.lives() and folder.look(1).kind == "starting"
    assert folder.look(2).kind == "none"
    await folder.end()
    assert not folder.lives()
    assert process.wait(5) != 0
    await folder.end()


async def test_a_process_that_does_not_listen_is_killed_with_its_children(
    folder: RunDir, deaf_process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_dirs, "STOP_SECONDS", 0.3)
    assert deaf_process.stdout is not None
    child = psutil.Process(int(deaf_process.stdout.readline()))
    note(folder, deaf_process.pid, psutil.Process(deaf_process.pid).create_time())
    await folder.end()
    assert deaf_process.wait(5) == -9
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_what_is_seen_of_a_process(folder: RunDir) -> None:
    assert folder.look(1).kind == "none"
    me = psutil.Process()
    mine = {"pid": me.pid, "process_started": me.create_time()}
    note(folder, me.pid, me.create_time())
    for phase, kind in [("starting", "starting"), ("loading", "starting"), ("ready", "ready")]:
        protocol.write_state(folder.path, State(phase=phase, **mine))  # type: ignore[arg-type]
        assert folder.look(1).kind == kind
    protocol.write_state(folder.path, State(phase="failed", reason="no such package", **mine))  # type: ignore[arg-type]
    assert (folder.look(1).kind, folder.look(1).reason) == ("failed", "no such package")
    note(folder, me.pid, 1.0)
    protocol.write_state(folder.path, State(phase="stopped", **mine))  # type: ignore[arg-type]
    assert (folder.look(1).kind, folder.look(1).reason) == ("stopped", SENT_AWAY)
    protocol.write_state(folder.path, State(phase="ready", **mine))  # type: ignore[arg-type]
    assert (folder.look(1).kind, folder.look(1).reason) == ("failed", DIED)


def test_a_process_that_its_server_could_not_note_tells_of_itself(folder: RunDir) -> None:
    me = psutil.Process()
    protocol.write_state(folder.path, State(phase="ready", pid=me.pid, process_started=me.create_time()))
    assert folder.lives() and folder.look(3).kind == "ready"


async def test_one_at_a_time_in_this_process_and_in_others(folder: RunDir) -> None:
    held = folder.try_hold()
    assert held is not None
    assert folder.try_hold() is None
    assert await folder.hold(0.1) is None
    code = (
        "import sys; from pathlib import Path; from uuid import UUID;"
        "from insighter_ext.deployments.run_dir import RunDir;"
        "print(RunDir(Path(sys.argv[1]), UUID(sys.argv[2])).try_hold())"
    )
    command = [sys.executable, "-c", code, str(folder.path.parent), folder.path.name]
    assert (await to_end(subprocess.check_output, command)).strip() == b"None"
    waiting = asyncio.ensure_future(folder.hold(5))
    await asyncio.sleep(0.1)
    folder.remove()
    held.release()
    again = await waiting
    assert again is not None, "the lock that was removed with its deployment is made anew"
    assert folder.try_hold() is None
    again.release()


def test_the_log_is_read_from_its_end(folder: RunDir) -> None:
    assert folder.log(5) == []
    with (folder.path / protocol.LOG_FILE).open("w") as log:
        log.writelines(f"line {number}\n" for number in range(100_000))
        log.write("x" * 10_000 + "\n")
        log.write("the end\n")
    lines = folder.log(50)
    assert len(lines) == 50 and lines[0] == "line 99952" and lines[-1] == "the end"
    assert lines[-2] == "x" * 2000


def test_the_process_inherits_no_credential_of_the_server(
    folder: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "this-must-not-be-inherited"
    for name in (
        "JUPYTER_TOKEN",
        "JUPYTERHUB_API_TOKEN",
        "JPY_API_TOKEN",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_PASSWORD",
        "INSIGHTER_URL",
        "SUPABASE_KEY",
        "SUPABASE_JWT_SECRET",
    ):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "7")
    inherited = run_dirs.environment()
    assert secret not in inherited.values()
    assert (
        inherited["MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"] == "7" and inherited["PATH"] == os.environ["PATH"]
    )


async def stored(objects: LocalObjectStore, content: bytes) -> str:
    writer = objects.writer(EDITOR, uuid4())
    await writer.write(content)
    return (await writer.commit()).key


async def test_the_model_s_files_are_copied_as_a_whole(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path / "objects", Permissive())
    target = tmp_path / "run" / "model"
    files = [
        ("MLmodel", await stored(objects, b"flavors: {}"), 11),
        ("data/a b/ü.bin", await stored(objects, b"\0" * 5000), 5000),
    ]
    await materialise(objects, EDITOR, files, target)
    assert (target / "MLmodel").read_bytes() == b"flavors: {}"
    assert (target / "data" / "a b" / "ü.bin").stat().st_size == 5000
    with (target / "MLmodel").open("ab") as copy:
        copy.write(b" ")  # its own: the stored object is read-only, and stays as it is
    missing = [*files, ("gone", f"{uuid4()}/{'0' * 64}", 3)]
    with pytest.raises(NotFound):
        await materialise(objects, EDITOR, missing, tmp_path / "other" / "model")
    assert not (tmp_path / "other" / "model").exists()


@pytest.mark.parametrize("path", ["../up", "a/../../up", "/etc/passwd", "", ".", "a\\b", "nul\0"], ids=repr)
async def test_a_path_that_leads_out_of_the_model_is_refused(tmp_path: Path, path: str) -> None:
    objects = LocalObjectStore(tmp_path / "objects", Permissive())
    with pytest.raises(Invalid):
        await materialise(
            objects, EDITOR, [(path, await stored(objects, b"x"), 1)], tmp_path / "run" / "model"
        )
    assert not (tmp_path / "run").exists()


async def test_a_version_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no files"):
        await materialise(
            LocalObjectStore(tmp_path / "objects", Permissive()), EDITOR, [], tmp_path / "model"
        )


async def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path / "objects", Permissive())
    with pytest.raises(Unavailable, match="MB are free"):
        await materialise(
            objects, EDITOR, [("big", await stored(objects, b"x"), 10**18)], tmp_path / "run" / "model"
        )
    assert list((tmp_path / "run").iterdir()) == []


def test_reasons_say_what_to_do() -> None:
    for reason in (DIED, CUT_OFF, SENT_AWAY):
        assert "start it again" in reason


def test_only_ids_are_taken_for_deployments(tmp_path: Path) -> None:
    one, two = uuid4(), uuid4()
    (tmp_path / str(one)).mkdir()
    (tmp_path / f"{two}.lock").touch()
    (tmp_path / "something else").mkdir()
    assert run_dirs.all_in(tmp_path) == sorted([one, two])
    assert run_dirs.all_in(tmp_path / "missing") == []
