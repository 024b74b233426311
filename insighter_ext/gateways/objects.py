"""The port to object storage: immutable, content-addressed bytes, kept apart by project."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of an object once it is completely written."""

    key: str
    """``<project id>/<sha-256>``"""
    sha256: str
    """hexadecimal, of the whole content"""
    size: int
    """bytes"""


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object that is complete, but not in the store yet."""

    path: Path
    """a file on this machine that holds it, until the commit or abort"""
    sha256: str
    """hexadecimal, of the whole content"""
    size: int
    """bytes"""


class ObjectWriter(Protocol):
    """An object in the making. Nothing can be seen of it before :meth:`commit` returned."""

    async def write(self, chunk: bytes) -> None:
        """Append bytes; chunks of any size, memory stays bounded."""
        ...

    async def seal(self) -> SealedObject:
        """Nothing more is written: tell what the object is, for a look into it before the commit."""
        ...

    async def commit(self) -> StoredObject:
        """Make the object durable and visible, all at once."""
        ...

    async def abort(self) -> None:
        """Forget what was written. Does nothing after a commit."""
        ...


class ObjectStore(Protocol):
    """Where the bytes of datasets, artifacts and models are."""

    def writer(self, project_id: UUID) -> ObjectWriter:
        """Begin a new object of a project."""
        ...

    async def put(self, project_id: UUID, path: Path) -> StoredObject:
        """Take over a file of :meth:`scratch`: it is an object afterwards, and gone from where it was."""
        ...

    def scratch(self) -> Path:
        """A folder of this process for files in the making; what a killed process left is removed by the next."""
        ...

    def read(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream an object's bytes.

        Raises:
            NotFound: there is no such object.
        """
        ...

    async def local_path(self, key: str) -> Path:
        """A read-only file with the object's content on this machine, for libraries that want a path.

        Raises:
            NotFound: there is no such object.
        """
        ...

    async def delete(self, key: str, stored_until: datetime) -> int:
        """Remove an object that nothing needs any more; returns how many bytes were freed.

        Args:
            key: need not exist.
            stored_until: with a time zone. An object stored again after it belongs to somebody else and stays.
        """
        ...

    async def delete_project(self, project_id: UUID) -> int:
        """Remove all objects of a project; returns how many bytes were freed."""
        ...


async def delete_released(objects: ObjectStore, released: Mapping[str, Any]) -> None:
    """Remove the objects that a deletion in the database left without a row.

    Args:
        released: as the database answers it: ``keys``, and as ``newest`` when the last of their rows was written. An
            object stored again since then belongs to an upload whose row is about to be written.
    """
    until = datetime.now(UTC) - timedelta(hours=1)
    if released["newest"]:
        until = max(until, datetime.fromisoformat(released["newest"]))
    for key in released["keys"]:
        await objects.delete(key, until)
