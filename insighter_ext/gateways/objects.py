"""The port to object storage: immutable, content-addressed bytes, kept apart by project.

Who may read, write and delete which object is decided in the database (``0016_objects.sql``), in both modes by the
same functions: on Supabase the policies of ``storage.objects`` call them, the embedded adapter asks them through the
data gateway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from insighter_ext.gateways.data import DataGateway
from insighter_ext.principal import Principal


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


@dataclass(frozen=True, slots=True)
class Freed:
    """What was really removed from a store."""

    objects: int = 0
    bytes: int = 0

    def __add__(self, other: Freed) -> Freed:
        return Freed(self.objects + other.objects, self.bytes + other.bytes)


class ObjectWriter(Protocol):
    """An object in the making. Nothing can be seen of it before :meth:`commit` returned."""

    async def write(self, chunk: bytes) -> None:
        """Append bytes; chunks of any size, memory stays bounded."""
        ...

    async def seal(self) -> SealedObject:
        """Nothing more is written: tell what the object is, for a look into it before the commit."""
        ...

    async def commit(self) -> StoredObject:
        """Make the object durable and visible, all at once. Whatever happens, the writer is used up.

        An object that is there already is stored again: :meth:`ObjectStore.delete` spares it then.

        Raises:
            NotFound: the principal sees no such project.
            Forbidden: it is no editor of it.
        """
        ...

    async def abort(self) -> None:
        """Forget what was written. Does nothing after a commit."""
        ...


class ObjectStore(Protocol):
    """Where the bytes of datasets, artifacts and models are."""

    def writer(self, principal: Principal, project_id: UUID) -> ObjectWriter:
        """Begin a new object of a project. Whether the principal may is asked at the commit."""
        ...

    async def put(self, principal: Principal, project_id: UUID, path: Path) -> StoredObject:
        """Take over a file of :meth:`scratch`: it is an object afterwards, and gone from where it was.

        Raises:
            NotFound, Forbidden: as :meth:`ObjectWriter.commit` does.
        """
        ...

    def scratch(self) -> Path:
        """A folder of this process for files in the making; what a killed process left is removed by the next."""
        ...

    async def read(
        self, principal: Principal, key: str, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """An object's bytes, to be streamed. What can be refused is refused before the first of them.

        Nothing is held open before the iteration begins, so an answer that is not iterated costs nothing.

        Args:
            offset: bytes to leave out.
            length: bytes to read at most; all that follow where None.

        Raises:
            NotFound: there is no such object, or none that the principal may read.
        """
        ...

    async def local_path(self, principal: Principal, key: str) -> Path:
        """A read-only file with the object's content on this machine, for libraries that want a path.

        Raises:
            NotFound: there is no such object, or none that the principal may read.
        """
        ...

    async def delete(self, principal: Principal, keys: Sequence[str], stored_until: datetime) -> Freed:
        """Remove objects that nothing needs any more; returns what was removed.

        What is not the principal's to delete stays, without an error: an object that a row names, or one of a project
        of which it is no editor.

        Args:
            keys: need not exist.
            stored_until: with a time zone. An object stored again after it belongs to somebody else and stays.
        """
        ...

    async def delete_project(self, principal: Principal, project_id: UUID) -> Freed:
        """Remove all objects of a project that the principal purged; returns what was removed.

        Raises:
            NotFound: the project is there still, or somebody else deleted it.
        """
        ...

    async def close(self) -> None:
        """Remove what was never finished, and give connections back."""
        ...


async def delete_released(objects: ObjectStore, principal: Principal, released: Mapping[str, Any]) -> Freed:
    """Remove the objects that a deletion in the database left without a row.

    Args:
        principal: whoever deleted.
        released: as the database answers it: ``keys``, and as ``newest`` when the last of their rows was written. An
            object stored again since then belongs to an upload whose row is about to be written.
    """
    until = datetime.now(UTC) - timedelta(hours=1)
    if released["newest"]:
        until = max(until, datetime.fromisoformat(released["newest"]))
    return await objects.delete(principal, released["keys"], until) if released["keys"] else Freed()


async def delete_released_projects(data: DataGateway, objects: ObjectStore, principal: Principal) -> Freed:
    """Remove the objects of all projects that the principal purged, those too that could not be removed before."""
    freed = Freed()
    for released in await data.call(principal, "objects_released"):
        freed += await objects.delete_project(principal, UUID(released))
        await data.call(principal, "objects_cleared", project_id=released)
    return freed
