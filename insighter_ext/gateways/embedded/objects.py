"""The object store on the local disk: streamed in, content-addressed, and visible only when whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from insighter_ext.errors import InsighterError, NotFound, Unavailable
from insighter_ext.gateways.objects import StoredObject

_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}")
_BUFFER = 1 << 20


class LocalObjectStore:
    """Objects in a folder, ``<project id>/<first two digits>/<sha-256>``.

    Args:
        directory: made where missing, readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)

    def writer(self, project_id: UUID) -> LocalObjectWriter:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        return LocalObjectWriter(self, project_id, self._incoming)

    async def read(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        path = await self.local_path(key)
        with await asyncio.to_thread(path.open, "rb") as file:
            file.seek(offset)
            left = length
            while left is None or left > 0:
                chunk = await asyncio.to_thread(file.read, _BUFFER if left is None else min(left, _BUFFER))
                if not chunk:
                    return
                if left is not None:
                    left -= len(chunk)
                yield chunk

    async def local_path(self, key: str) -> Path:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        path = self.path_of(key)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(
                "the stored file is missing",
                code="object_missing",
                hint="restore the objects folder from a backup",
            )
        return path

    async def delete_project(self, project_id: UUID) -> int:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""

        def remove() -> int:
            folder = self._directory / str(project_id)
            freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            shutil.rmtree(folder, ignore_errors=True)
            return freed

        return await asyncio.to_thread(remove)

    def path_of(self, key: str) -> Path:
        """Where an object of that key is or would be. Nothing but a well-formed key reaches the file system."""
        if not _KEY.fullmatch(key):
            raise NotFound("no such object", code="object_missing")
        project, digest = key.split("/")
        return self._directory / project / digest[:2] / digest


class LocalObjectWriter:
    """Collects a megabyte at a time, hashes and writes it off the event loop."""

    def __init__(self, store: LocalObjectStore, project_id: UUID, incoming: Path) -> None:
        self._store = store
        self._project_id = project_id
        handle, name = tempfile.mkstemp(dir=incoming)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._path = Path(name)
        self._hash = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()

    async def write(self, chunk: bytes) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        self._pending += chunk
        if len(self._pending) >= _BUFFER:
            pending, self._pending = self._pending, bytearray()
            await asyncio.to_thread(self._append, pending)

    def _append(self, data: bytearray) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _disk_error(error) from error
        self._hash.update(data)
        self._size += len(data)

    async def commit(self) -> StoredObject:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        try:
            return await asyncio.to_thread(self._commit)
        except BaseException:
            await self.abort()
            raise

    def _commit(self) -> StoredObject:
        self._append(self._pending)
        self._pending = bytearray()
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            digest = self._hash.hexdigest()
            key = f"{self._project_id}/{digest}"
            target = self._store.path_of(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._path.chmod(0o400)
            self._path.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # or the name could be lost with the power
            finally:
                os.close(folder)
        except OSError as error:
            raise _disk_error(error) from error
        return StoredObject(key, digest, self._size)

    async def abort(self) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _disk_error(error: OSError) -> InsighterError:
    return Unavailable(
        f"the file could not be stored: {error.strerror or error}",
        code="storage_failed",
        hint="free some space on the disk of the data folder, then upload it again",
    )
