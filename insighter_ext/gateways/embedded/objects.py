"""The object store on the local disk: streamed in, content-addressed, and visible only when whole."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from insighter_ext.errors import NotFound
from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import Freed, StoredObject
from insighter_ext.gateways.scratch import Scratch
from insighter_ext.gateways.spool import SpooledWriter, disk_error
from insighter_ext.principal import Principal

_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}")
_BUFFER = 1 << 20
_ASKED_AT_ONCE = 1000


class LocalObjectStore:
    """Objects in a folder, ``<project id>/<first two digits>/<sha-256>``.

    Args:
        directory: made where missing, readable by its owner only.
        data: is asked who may do what, by the rule that Supabase's storage policies follow.
    """

    def __init__(self, directory: Path, data: DataGateway) -> None:
        self._directory = directory
        self._data = data
        self._scratch = Scratch(directory / ".incoming")
        directory.chmod(0o700)

    async def close(self) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        await asyncio.to_thread(self._scratch.close)

    def scratch(self) -> Path:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        return self._scratch.path

    def writer(self, principal: Principal, project_id: UUID) -> SpooledWriter:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        try:
            return SpooledWriter(self, principal, project_id)
        except OSError as error:
            raise disk_error(error) from error

    async def put(self, principal: Principal, project_id: UUID, path: Path) -> StoredObject:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""

        def seal() -> str:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            return digest

        try:
            digest = await asyncio.to_thread(seal)
            return await self.adopt(principal, project_id, path, digest)
        except OSError as error:
            raise disk_error(error) from error

    async def adopt(self, principal: Principal, project_id: UUID, path: Path, digest: str) -> StoredObject:
        """Make a durable file an object, if the principal may."""
        key = f"{project_id}/{digest}"
        await self._data.call(principal, "objects_authorize", keys=[key], action="write")
        return await asyncio.to_thread(self._move_in, key, path, digest)

    def _move_in(self, key: str, path: Path, digest: str) -> StoredObject:
        target = self.path_of(key)
        size = path.stat().st_size
        for folder in (target.parent.parent, target.parent):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                _sync_folder(folder.parent)
        path.chmod(0o400)
        os.utime(path)  # when it was stored, which delete() asks for
        path.replace(target)
        _sync_folder(target.parent)  # or the name could be lost with the power
        return StoredObject(key, digest, size)

    async def read(
        self, principal: Principal, key: str, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        return _chunks(await self.local_path(principal, key), offset, length)

    async def local_path(self, principal: Principal, key: str) -> Path:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        path = self.path_of(key)
        if await self._data.call(principal, "objects_authorize", keys=[key], action="read") != [key]:
            raise _missing()
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(
                "the stored file is missing",
                code="object_missing",
                hint="restore the objects folder from a backup",
            )
        return path

    async def delete(self, principal: Principal, keys: Sequence[str], stored_until: datetime) -> Freed:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        freed = Freed()
        for start in range(0, len(keys), _ASKED_AT_ONCE):
            released = await self._data.call(
                principal,
                "objects_authorize",
                keys=[*keys[start : start + _ASKED_AT_ONCE]],
                action="delete",
            )
            freed += await asyncio.to_thread(self._remove, released, stored_until)
        return freed

    def _remove(self, keys: Sequence[str], stored_until: datetime) -> Freed:
        freed = Freed()
        for key in keys:
            path = self.path_of(key)
            # Taken out of sight first and looked at then: nobody can store it again in between.
            handle, name = tempfile.mkstemp(dir=self._scratch.path)
            os.close(handle)
            trash = Path(name)
            try:
                path.replace(trash)
                found = trash.stat()
                if found.st_mtime <= stored_until.timestamp():
                    freed += Freed(1, found.st_size)
                elif not path.exists():
                    trash.replace(path)
            except FileNotFoundError:
                pass
            finally:
                trash.unlink(missing_ok=True)
        return freed

    def sweep(self, orphaned: Callable[[list[str]], list[str]], stored_until: datetime) -> int:
        """Remove what no row names; returns how many bytes were freed. Looks at every file: not for the event loop.

        Args:
            orphaned: tells those of some keys that no row names.
            stored_until: with a time zone. What was stored after it may be waiting for its row.
        """
        freed, keys = Freed(), []
        for path in self._directory.glob("*/??/*"):
            key = f"{path.parts[-3]}/{path.name}"
            with contextlib.suppress(FileNotFoundError):
                if _KEY.fullmatch(key) and path.stat().st_mtime <= stored_until.timestamp():
                    keys.append(key)
            if len(keys) == _ASKED_AT_ONCE:
                freed, keys = freed + self._remove(orphaned(keys), stored_until), []
        return (freed + self._remove(orphaned(keys), stored_until) if keys else freed).bytes

    async def delete_project(self, principal: Principal, project_id: UUID) -> Freed:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        if str(project_id) not in await self._data.call(principal, "objects_released"):
            raise NotFound("no such project, or you did not delete it", code="project_not_found")

        def remove() -> Freed:
            folder = self._directory / str(project_id)
            sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
            shutil.rmtree(folder, ignore_errors=True)
            return Freed(len(sizes), sum(sizes))

        return await asyncio.to_thread(remove)

    def path_of(self, key: str) -> Path:
        """Where an object of that key is or would be. Nothing but a well-formed key reaches the file system."""
        if not _KEY.fullmatch(key):
            raise _missing()
        project, digest = key.split("/")
        return self._directory / project / digest[:2] / digest


async def _chunks(path: Path, offset: int, length: int | None) -> AsyncIterator[bytes]:
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


def _missing() -> NotFound:
    return NotFound("no such object", code="object_missing")


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
