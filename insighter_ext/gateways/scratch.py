"""A folder that lives as long as its process."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger("insighter.objects")


class Scratch:
    """A folder of this process inside ``directory``, beside those of other processes.

    Its owner holds a lock on it, which the operating system drops when the owner dies, however it dies: what a killed
    process left behind is found and removed by whoever comes next, and what a living one works on never is.

    Args:
        directory: made where missing.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left_behind in directory.iterdir():
            _remove_if_orphaned(left_behind)
        while True:
            self.path = Path(tempfile.mkdtemp(dir=directory))
            with contextlib.suppress(FileNotFoundError):
                self._lock: int | None = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
                if _locked(self._lock) and (self.path / ".lock").exists():
                    return
                os.close(self._lock)  # another process that just started took it for an orphan

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _remove_if_orphaned(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        with _opened(path / ".lock") as file:
            if _locked(file):
                shutil.rmtree(path, ignore_errors=True)
                log.info("removed what a server that was killed left unfinished: %s", path)
    except OSError:
        log.warning("could not tidy up %s", path, exc_info=True)
