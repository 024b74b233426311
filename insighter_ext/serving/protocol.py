"""The files through which the platform and a scoring process speak.

Standard library only, and psutil once a process is asked after. The contract is told in
:mod:`insighter_ext.serving`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

SPEC_FILE: Final = "spec.json"
STATE_FILE: Final = "state.json"
LOG_FILE: Final = "log.txt"

#: Largest request body that is read, in bytes.
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
#: How long running requests may take to finish after SIGTERM, in seconds.
GRACE_SECONDS: Final = 10

EXIT_STOPPED: Final = 0
EXIT_UNEXPECTED: Final = 1
EXIT_SPEC: Final = 2
EXIT_PORT: Final = 3
EXIT_REQUIREMENTS: Final = 4
EXIT_MODEL: Final = 5

Phase: TypeAlias = Literal["starting", "loading", "ready", "failed", "stopped"]
#: Phases after which the process is gone.
FINAL_PHASES: Final[frozenset[Phase]] = frozenset({"failed", "stopped"})

# Clock corrections move a process's creation time a little; a reused pid differs by far more than this.
_CREATION_TOLERANCE_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to serve, and where: ``spec.json``.

    ``model_dir`` is the absolute path of an MLflow model directory (the one that holds ``MLmodel``); ``port``
    0 means any free port. ``secret`` is what every request must bear; it is left out of the representation,
    hence of logs.
    """

    deployment_id: str
    name: str
    model_name: str
    model_version: str
    model_dir: str
    secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        for attribute in (
            "deployment_id",
            "name",
            "model_name",
            "model_version",
            "model_dir",
            "secret",
            "host",
        ):
            value: Any = getattr(self, attribute)
            if not isinstance(value, str) or not value:
                raise ValueError(f"{attribute} must be a text that is not empty")
        if not self.secret.isascii():
            raise ValueError("secret must be ASCII, because it travels in an HTTP header")
        if type(self.port) is not int or not 0 <= self.port <= 65535:
            raise ValueError("port must be a number from 0 to 65535")
        if not os.path.isabs(self.model_dir):
            raise ValueError("model_dir must be an absolute path")


@dataclass(frozen=True, kw_only=True)
class State:
    """What the process is doing: ``state.json``.

    ``process_started`` is psutil's ``create_time`` (seconds since the epoch): with ``pid`` it recognises the
    process even when the pid was given to another one. ``port`` is known from the phase ``loading`` on.
    ``reason`` is one sentence for people, with what to do next; ``detail`` is the end of a traceback; both
    are null unless the phase is ``failed``. ``warnings`` tell how the installed packages and Python differ
    from those the model was made with. ``updated_at`` is in seconds since the epoch.
    """

    phase: Phase
    pid: int
    process_started: float
    port: int | None = None
    reason: str | None = None
    detail: str | None = None
    warnings: tuple[str, ...] = ()
    updated_at: float = field(default_factory=time.time)


def command(run_dir: str | os.PathLike[str]) -> list[str]:
    """The command line that starts the process for a run directory, with this interpreter.

    ``-P`` keeps the current directory off ``sys.path``: a ``random.py`` in someone's project must not become
    the server's ``random``.
    """
    return [sys.executable, "-P", "-m", "insighter_ext.serving", os.path.abspath(run_dir)]


def write_spec(run_dir: str | os.PathLike[str], spec: Spec) -> None:
    """Write ``spec.json``, readable by its owner only."""
    _write(Path(run_dir) / SPEC_FILE, asdict(spec))


def read_spec(run_dir: str | os.PathLike[str]) -> Spec:
    """Read ``spec.json``.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON object, lacks a field, or a field has no acceptable value.
    """
    try:
        return Spec(**_known(Spec, _read(Path(run_dir) / SPEC_FILE)))
    except TypeError as error:  # a field is missing
        raise ValueError(str(error)) from error


def write_state(run_dir: str | os.PathLike[str], state: State) -> None:
    """Replace ``state.json`` as a whole, readable by its owner only. The scoring process alone does this."""
    _write(Path(run_dir) / STATE_FILE, asdict(state))


def read_state(run_dir: str | os.PathLike[str]) -> State | None:
    """Read ``state.json``; ``None`` when the process has not written one yet.

    Raises:
        OSError: it is there and cannot be read.
        ValueError: it was not written by a scoring process.
    """
    try:
        document = _known(State, _read(Path(run_dir) / STATE_FILE))
    except FileNotFoundError:
        return None
    if document.get("phase") not in get_args(Phase):
        raise ValueError(f"unknown phase {document.get('phase')!r}")
    document["warnings"] = tuple(document.get("warnings") or ())
    try:
        return State(**document)
    except TypeError as error:
        raise ValueError(str(error)) from error


def is_alive(state: State) -> bool:
    """Whether the process that wrote this state still runs (a reused pid and a zombie do not count)."""
    import psutil  # type: ignore[import-untyped, unused-ignore]

    try:
        process = psutil.Process(state.pid)
        return bool(
            abs(process.create_time() - state.process_started) < _CREATION_TOLERANCE_SECONDS
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def _known(kind: type[Spec] | type[State], document: dict[str, Any]) -> dict[str, Any]:
    # A process outlives an upgrade of the platform, so either side may meet fields the other does not know
    # yet.
    names = {entry.name for entry in fields(kind)}
    return {name: value for name, value in document.items() if name in names}


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} must hold a JSON object")
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    # mkstemp creates with mode 0600. The name is new each time: a signal may interrupt one write with
    # another.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
