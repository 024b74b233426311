"""The machine that runs deployments, as the database knows it.

A machine has a name for people, and a secret of 256 bits that proves to the database which deployments are its own. The
secret is made once and kept in the folder of what belongs to that database, where only its user reads it; the database
has its hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

_FILE = "host.key"


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: what runs in one folder.

    Attributes:
        name: the machine's own, for people.
        key: the secret.
    """

    name: str
    key: str = field(repr=False)

    @property
    def key_hash(self) -> str:
        """What the rows of its deployments say: the SHA-256 of the secret, in hexadecimal digits."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    @classmethod
    def of(cls, directory: Path) -> Host:
        """The machine of a folder. Servers that share the folder, at the same time too, are one machine."""
        path = directory / _FILE
        if path.exists():
            return cls(_name(), path.read_text(encoding="ascii").strip())
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = directory / f".{_FILE}.{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(partial, path)  # unlike a rename it fails where another server was faster
        finally:
            partial.unlink(missing_ok=True)
        return cls(_name(), path.read_text(encoding="ascii").strip())


def _name() -> str:
    return socket.gethostname()[:255] or "this machine"
