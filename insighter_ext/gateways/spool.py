"""An object in the making, on the local disk: what both object stores write to before the object is one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Protocol
from uuid import UUID

from insighter_ext.errors import Conflict, InsighterError, Unavailable
from insighter_ext.gateways.objects import SealedObject, StoredObject
from insighter_ext.principal import Principal

_BUFFER = 1 << 20


class Spooling(Protocol):
    """What a writer needs of its store."""

    def scratch(self) -> Path:
        """A folder for files in the making."""
        ...

    async def adopt(self, principal: Principal, project_id: UUID, path: Path, digest: str) -> StoredObject:
        """Make a durable file an object, if the principal may."""
        ...


class SpooledWriter:
    """Collects a megabyte at a time, hashes and writes it off the event loop."""

    def __init__(self, store: Spooling, principal: Principal, project_id: UUID) -> None:
        self._store = store
        self._principal = principal
        self._project_id = project_id
        handle, name = tempfile.mkstemp(dir=store.scratch())
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._path = Path(name)
        self._hash = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()
        # Cancelling a request does not stop the thread that writes for it: the file closes after, not under it.
        self._writing = threading.Lock()

    async def write(self, chunk: bytes) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        self._pending += chunk
        if len(self._pending) >= _BUFFER:
            await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        with self._writing:
            if self._file.closed:
                raise Conflict("the upload was given up", code="upload_aborted", hint="upload the file again")
            pending, self._pending = self._pending, bytearray()
            view = memoryview(pending)
            try:
                while view:
                    view = view[self._file.write(view) :]
            except OSError as error:
                raise disk_error(error) from error
            self._hash.update(pending)
            self._size += len(pending)

    async def seal(self) -> SealedObject:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        await asyncio.to_thread(self._flush)
        return SealedObject(self._path, self._hash.hexdigest(), self._size)

    async def commit(self) -> StoredObject:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        try:
            await asyncio.to_thread(self._finish)
            return await self._store.adopt(
                self._principal, self._project_id, self._path, self._hash.hexdigest()
            )
        except OSError as error:
            raise disk_error(error) from error
        finally:
            await self.abort()

    def _finish(self) -> None:
        self._flush()
        with self._writing:
            os.fsync(self._file.fileno())
            self._file.close()

    async def abort(self) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        await asyncio.shield(asyncio.to_thread(self._abort))

    def _abort(self) -> None:
        with self._writing:
            self._file.close()
            self._path.unlink(missing_ok=True)


def disk_error(error: OSError) -> InsighterError:
    """What is said of a disk that does not take or give what it should."""
    return Unavailable(
        f"the file could not be stored: {error.strerror or error}",
        code="storage_failed",
        hint="free some space on the disk of the data folder, then upload it again",
    )
