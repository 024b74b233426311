"""The servers that gave credentials to kernels, so that what a killed one left behind can be revoked by the next.

Each server has a random name, kept while it runs in a file that only its user reads; the database knows the name's
hash. Whoever knows the name can end the credentials given out under it, and do nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process, named so that no later one with the same number is taken for it."""

    host: str
    pid: int
    created: float

    def is_alive(self) -> bool:
        """Whether it still runs; True for one of another machine, of which nothing is known here."""
        import psutil

        if self.host != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE  # a killed one that nobody has reaped yet
            return alive and abs(process.create_time() - self.created) < 0.05
        except psutil.Error:
            return False


class Issuer:
    """This server as an issuer of credentials.

    Args:
        folder: where the servers of this user keep their names.
    """

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_urlsafe(32)
        self._folder = folder

    def register(self) -> None:
        """Keep the name for the next server, before anything is issued under it."""
        import psutil

        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        me = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "created": psutil.Process().create_time(),
            "name": self.name,
        }
        # Not called by the name: a folder's list is read by more than its files.
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(me, file)

    def ended(self) -> list[str]:
        """Names of servers that do not run any more and did not say so."""
        names = []
        for path in self._folder.glob("*.json"):
            try:
                told = json.loads(path.read_text())
                process = Process(str(told["host"]), int(told["pid"]), float(told["created"]))
                name = str(told["name"])
            except (OSError, ValueError, KeyError, TypeError):
                continue  # being written just now, or being removed
            if name != self.name and not process.is_alive():
                names.append(name)
        return names

    def forget(self, name: str) -> None:
        """Remove a name under which nothing is left to revoke."""
        for path in self._folder.glob("*.json"):
            try:
                if json.loads(path.read_text())["name"] == name:
                    path.unlink(missing_ok=True)
            except (OSError, ValueError, KeyError, TypeError):
                continue
