"""The port to object storage: immutable, content-addressed bytes, kept apart by project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
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


class ObjectWriter(Protocol):
    """An object in the making. Nothing can be seen of it before :meth:`commit` returned."""

    async def write(self, chunk: bytes) -> None:
        """Append bytes; chunks of any size, memory stays bounded."""
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

    async def delete_project(self, project_id: UUID) -> int:
        """Remove all objects of a project; returns how many bytes were freed."""
        ...
