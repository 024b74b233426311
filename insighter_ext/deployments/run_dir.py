"""A deployment's folder on this machine, and the process that belongs to it.

Below the folder of all deployments::

    <id>.lock      held by the server that starts, stops or judges the process right now; dropped by the kernel with it
    <id>/          what the scoring process works with, see insighter_ext.serving: spec.json, state.json, log.txt
    <id>/model/    the files of the model version
    <id>/process.json   which process was started, and for which attempt

The process outlives the server that started it, and several servers of one account share the folder: nothing of this is
kept in memory, and no signal is sent to a process id without proof that it still is the process that was started.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar
from uuid import UUID

from insighter_ext.serving import protocol

if TYPE_CHECKING:
    import psutil

P = ParamSpec("P")
T = TypeVar("T")

STOP_SECONDS = 12.0
"""How long a process may take to end by itself; it gives running requests ``protocol.GRACE_SECONDS``."""

DIED = "its process ended unexpectedly (killed, perhaps out of memory): start it again"
CUT_OFF = "its start was cut off when the server ended: start it again"
SENT_AWAY = "its process was told to end from outside, perhaps with the machine: start it again"

_PROCESS_FILE = "process.json"
_PREVIOUS_LOG = "log.previous.txt"
_LOG_BYTES = 64 * 1024
_LINE_CHARACTERS = 2000

# What lets a process act for the user on this server, or speak to the database: the model's code needs none of it.
_WITHHELD = re.compile(
    r"(JUPYTER|JPY_|INSIGHTER_|SUPABASE_|MLFLOW_TRACKING_|MLFLOW_REGISTRY_URI|MLFLOW_RUN_ID)"
)


async def to_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a thread; whoever is cancelled meanwhile waits for its end: it never works unobserved."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):  # whoever ends a task may ask more than once
                await asyncio.wait([work])
        raise


def environment() -> dict[str, str]:
    """What a scoring process inherits of this server's environment."""
    return {name: value for name, value in os.environ.items() if not _WITHHELD.match(name)}


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of the process of an attempt.

    Attributes:
        kind: ``none`` where no process was started for the attempt.
        since: when the process began, in seconds since the epoch.
    """

    kind: Literal["none", "starting", "ready", "failed", "stopped"]
    reason: str | None = None
    since: float = 0.0
    alive: bool = False


class Hold:
    """The lock of a deployment, held until :meth:`release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let others in. Can be called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # also when a child in the making has a copy of it
            os.close(descriptor)


class RunDir:
    """See the module.

    Args:
        directory: the folder of all deployments.
        deployment_id: names the folder.
    """

    def __init__(self, directory: Path, deployment_id: UUID) -> None:
        self.path = directory / str(deployment_id)
        self.model = self.path / "model"
        self._lock = directory / f"{deployment_id}.lock"

    # ---- one at a time

    def try_hold(self) -> Hold | None:
        """The lock; None while somebody else has it, be it in this server or in another."""
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = os.fstat(descriptor)
                with contextlib.suppress(FileNotFoundError):
                    there = self._lock.stat()
                    if (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino):
                        return Hold(descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            os.close(descriptor)  # it was removed with its deployment while we waited

    async def hold(self, seconds: float) -> Hold | None:
        """The lock, waiting for it; None when that takes longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        while (held := self.try_hold()) is None:
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.05)
        return held

    def remove(self) -> None:
        """Remove the folder and the lock; for whoever holds it and has ended the process."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlink(missing_ok=True)

    # ---- the process

    def spawn(self, spec: protocol.Spec, attempt: int) -> None:
        """Start the process in a session of its own; for whoever holds the lock.

        Raises:
            OSError: the folder cannot be written, or the process cannot be started.
        """
        import psutil

        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in (_PROCESS_FILE, protocol.STATE_FILE):
            (self.path / stale).unlink(missing_ok=True)
        protocol.write_spec(self.path, spec)
        log = self.path / protocol.LOG_FILE
        if log.exists():
            log.replace(self.path / _PREVIOUS_LOG)
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as output:
            process = subprocess.Popen(
                protocol.command(self.path),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.path,
                env=environment(),
                close_fds=True,
                start_new_session=True,
            )
        # While this server lives it is the parent: without somebody who waits, an ended process would stay as a zombie.
        threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
        try:
            started = psutil.Process(process.pid).create_time()
        except psutil.NoSuchProcess:
            started = time.time()  # so short a life: its state file tells why
        self._write(_PROCESS_FILE, {"pid": process.pid, "process_started": started, "attempt": attempt})

    def look(self, attempt: int) -> Sight:
        """What the process of an attempt is doing; costs two small files and a look at the process table."""
        process = self._process()
        if process is None or process[1] not in {attempt, None}:
            return Sight("none")
        started = process[0]
        # In this order: a process writes its last state before it ends.
        alive = protocol.is_alive(started)
        state = self.state()
        if state is not None and state.phase == "failed":
            return Sight("failed", state.reason or DIED, started.process_started, alive)
        if alive:
            ready = state is not None and state.phase == "ready"
            return Sight("ready" if ready else "starting", None, started.process_started, alive)
        if state is not None and state.phase == "stopped":
            return Sight("stopped", SENT_AWAY, started.process_started)
        return Sight("failed", DIED, started.process_started)

    def state(self) -> protocol.State | None:
        """What the process last wrote of itself."""
        try:
            return protocol.read_state(self.path)
        except (OSError, ValueError):
            return None

    def lives(self) -> bool:
        """Whether a process is there, whichever attempt it belongs to."""
        process = self._process()
        return process is not None and protocol.is_alive(process[0])

    async def end(self) -> None:
        """End the process, and what it started; for whoever holds the lock. Returns when all are gone."""
        import psutil

        process = self._process()
        if process is None or not protocol.is_alive(process[0]):
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(process[0].pid)
            family = [leader, *leader.children(recursive=True)]
            # psutil sends no signal to a number that was given to another process since.
            leader.terminate()
            await _gone([leader], STOP_SECONDS)
            for survivor in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    survivor.kill()
            await _gone(family, 5)

    def log(self, lines: int) -> list[str]:
        """The last lines the process wrote; reads no more than the end of the file."""
        try:
            with (self.path / protocol.LOG_FILE).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOG_BYTES))
                text = file.read(_LOG_BYTES).decode("utf-8", "replace")
        except OSError:
            return []
        found = text.splitlines()
        if size > _LOG_BYTES:
            found = found[1:]  # the first is cut
        return [line[:_LINE_CHARACTERS] for line in found[-lines:]]

    def _process(self) -> tuple[protocol.State, int | None] | None:
        """The process that was started last, and for which attempt."""
        try:
            found: dict[str, Any] = json.loads((self.path / _PROCESS_FILE).read_bytes())
            started = protocol.State(
                phase="starting", pid=found["pid"], process_started=found["process_started"]
            )
            return started, int(found["attempt"])
        except (OSError, ValueError, KeyError, TypeError):
            # The server was killed before it could note what it started: the process tells of itself.
            state = self.state()
            return None if state is None else (state, None)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        partial = self.path / f".{name}.partial"
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self.path / name)


async def _gone(processes: list[psutil.Process], seconds: float) -> bool:
    import psutil

    deadline = time.monotonic() + seconds
    while True:
        left = []
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(process)
        if not left or time.monotonic() > deadline:
            return not left
        await asyncio.sleep(0.05)


def all_in(directory: Path) -> list[UUID]:
    """The ids of all deployments that have a folder or a lock in a folder of deployments."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for entry in directory.iterdir():
            with contextlib.suppress(ValueError):
                found.add(UUID(entry.name.removesuffix(".lock")))
    return sorted(found)
