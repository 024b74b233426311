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


class Spool:
    """A file in the making: collects a megabyte at a time, hashes and writes it off the event loop.

    Args:
        folder: where it is made.
        prefix: what its name begins with.

    Raises:
        Unavailable: here and below: the disk does not take it.
    """

    def __init__(self, folder: Path, prefix: str | None = None) -> None:
        try:
            handle, name = tempfile.mkstemp(dir=folder, prefix=prefix)
        except OSError as error:
            raise disk_error(error) from error
        self.path = Path(name)
        self.size = 0
        """bytes that came so far"""
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._hash = hashlib.sha256()
        self._pending = bytearray()
        # Cancelling a request does not stop the thread that writes for it: the file closes after, not under it.
        self._writing = threading.Lock()

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            Conflict: it was removed meanwhile.
        """
        self.size += len(chunk)
        self._pending += chunk
        if len(self._pending) >= _BUFFER:
            await self.flush()

    async def flush(self) -> None:
        """Everything that came is in the file."""
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

    async def close(self, *, durable: bool = False) -> None:
        """The file is complete.

        Args:
            durable: wait until it would survive a loss of power.
        """
        await asyncio.to_thread(self._finish, durable)

    def _finish(self, durable: bool) -> None:
        self._flush()
        with self._writing:
            try:
                if durable:
                    os.fsync(self._file.fileno())
            except OSError as error:
                raise disk_error(error) from error
            finally:
                self._file.close()

    async def drop(self, *, keep: bool = False) -> None:
        """Close it as it is, also while its request is cancelled; and remove it, unless it is to be kept."""
        await asyncio.shield(asyncio.to_thread(self._drop, keep))

    def _drop(self, keep: bool) -> None:
        with self._writing:
            self._file.close()
            if not keep:
                self.path.unlink(missing_ok=True)


class SpooledWriter:
    """Writes an object: see :class:`insighter_ext.gateways.objects.ObjectWriter`."""

    def __init__(self, store: Spooling, principal: Principal, project_id: UUID) -> None:
        self._store = store
        self._principal = principal
        self._project_id = project_id
        self._spool = Spool(store.scratch())

    async def write(self, chunk: bytes) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        await self._spool.write(chunk)

    async def seal(self) -> SealedObject:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        await self._spool.flush()
        return SealedObject(self._spool.path, self._spool.digest, self._spool.size)

    async def commit(self) -> StoredObject:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        spool = self._spool
        try:
            await spool.close(durable=True)
            return await self._store.adopt(self._principal, self._project_id, spool.path, spool.digest)
        except OSError as error:
            raise disk_error(error) from error
        finally:
            await self.abort()

    async def abort(self) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectWriter`."""
        await self._spool.drop()


def disk_error(error: OSError) -> InsighterError:
    """What is said of a disk that does not take or give what it should."""
    return Unavailable(
        f"the file could not be stored: {error.strerror or error}",
        code="storage_failed",
        hint="free some space on the disk of the data folder, then upload it again",
    )
