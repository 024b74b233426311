"""The object store on Supabase Storage: written to the local disk first, sent and fetched as a stream.

Who may do what is said by the policies of ``storage.objects`` (``0016_objects.sql``), by which Storage judges the
token that every request carries. A key holds the SHA-256 of its content, so what is fetched can be checked; and a copy
on this machine is never out of date, but is given only to those whom Storage lets read the object.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from insighter_ext import errors
from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import Freed, StoredObject
from insighter_ext.gateways.scratch import Scratch
from insighter_ext.gateways.spool import SpooledWriter, disk_error
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.gateways.tasks import end
from insighter_ext.gateways.tokens import session_expired
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    import httpx
    from storage3._async.file_api import AsyncBucketProxy

log = logging.getLogger("insighter.objects")

BUCKET = "insighter"

_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}")
_BUFFER = 1 << 20
_AT_ONCE = 500
_ATTEMPTS = 4
_SIGNED_SECONDS = 600
_CACHE_BYTES = 20 << 30
_SPARED_SECONDS = 3600


class SupabaseObjectStore:
    """See :class:`insighter_ext.gateways.objects.ObjectStore`.

    Args:
        project: the Supabase project.
        data: is asked who may write, for a refusal that says why.
        directory: for files in the making and for copies of objects; made where missing.
    """

    def __init__(self, project: Project, data: DataGateway, directory: Path) -> None:
        self._project = project
        self._data = data
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        self._scratch = Scratch(directory / "incoming")
        self._cache = directory / "objects"
        self._fetching: dict[str, asyncio.Task[Path]] = {}

    async def close(self) -> None:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`. The copies stay for the next server."""
        await end(*self._fetching.values())
        await asyncio.to_thread(self._scratch.close)

    def scratch(self) -> Path:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        return self._scratch.path

    # ---- writing

    def writer(self, principal: Principal, project_id: UUID) -> SpooledWriter:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        try:
            return SpooledWriter(self, principal, project_id)
        except OSError as error:
            raise disk_error(error) from error

    async def put(self, principal: Principal, project_id: UUID, path: Path) -> StoredObject:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        try:
            digest = await asyncio.to_thread(_digest, path)
        except OSError as error:
            raise disk_error(error) from error
        return await self.adopt(principal, project_id, path, digest)

    async def adopt(self, principal: Principal, project_id: UUID, path: Path, digest: str) -> StoredObject:
        """Send a file to Storage, if the principal may; it is gone from where it was."""
        key = f"{project_id}/{digest}"
        await self._data.call(principal, "objects_authorize", keys=[key], action="write")
        size = (await asyncio.to_thread(path.stat)).st_size
        await self._store(principal, key, path, size)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return StoredObject(key, digest, size)

    async def _store(self, principal: Principal, key: str, path: Path, size: int) -> None:
        refused: errors.InsighterError | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                # Two at once send the same bytes: the second is told so, or finds the door shut while it still sends,
                # and waits until those of the first are there.
                await asyncio.sleep(0.1 * 2**attempt)
            if await self._info(principal, key) is None:
                refused = await self._upload(principal, key, path, size, again=False)
            elif attempt:
                return
            elif key in await self._data.call(principal, "objects_authorize", keys=[key], action="delete"):
                # Nothing names it yet: stored again, it is spared by a deletion that is under way.
                refused = await self._upload(principal, key, path, size, again=True)
            else:
                return  # the same bytes, which nobody may delete or replace
            if refused is None:
                return
            if (
                not isinstance(refused, errors.Conflict | errors.Unavailable)
                or refused.code == "bucket_missing"
            ):
                raise refused
        # Told each time that it is there, and never shown it: only assets that are hidden from the principal name
        # these bytes.
        if refused is not None and refused.code == "object_exists":
            return
        raise _unreachable() from refused

    async def _upload(
        self, principal: Principal, key: str, path: Path, size: int, *, again: bool
    ) -> errors.InsighterError | None:
        """Send a file as it is read, a buffer at a time; the refusal, where it is one."""
        import httpx

        try:
            answer = await self._project.http.post(
                f"{self._project.url}/storage/v1/object/{BUCKET}/{key}",
                headers={
                    "apiKey": self._project.key,
                    "Authorization": f"Bearer {self._project.token(principal)}",
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(size),
                    "Cache-Control": "max-age=31536000, immutable",
                    "x-upsert": "true" if again else "false",
                },
                content=_file_chunks(path),
                # After the last byte Storage puts the object in its place, which takes a while for a large one.
                timeout=httpx.Timeout(60, connect=10, read=600),
            )
        except httpx.HTTPError as error:
            log.warning("an object could not be sent to Supabase Storage: %s", type(error).__name__)
            return _unreachable()
        if answer.is_success:
            return None
        return storage_error(*_said(answer))

    # ---- reading

    async def read(
        self, principal: Principal, key: str, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        return self._download(await self._sign(principal, key), offset, length)

    async def local_path(self, principal: Principal, key: str) -> Path:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        address = await self._sign(principal, key)  # asked first: the copy may be another's
        path = self._cache / key
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(os.utime, path)
            return path
        fetching = self._fetching.get(key)
        if fetching is None:
            fetching = asyncio.ensure_future(self._fetch(address, key, path))
            self._fetching[key] = fetching
            fetching.add_done_callback(lambda _: self._fetching.pop(key, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, address: str, key: str, path: Path) -> Path:
        handle, name = tempfile.mkstemp(dir=self._scratch.path)
        digest = hashlib.sha256()
        try:
            with os.fdopen(handle, "wb") as file:
                async for chunk in self._download(address, 0, None):
                    await asyncio.to_thread(file.write, chunk)
                    digest.update(chunk)
            if digest.hexdigest() != key.rpartition("/")[2]:
                raise errors.Unavailable(
                    "a stored file is not what it was when it was stored",
                    code="object_altered",
                    hint="upload it again; somebody changed it in Supabase Storage",
                )
            await asyncio.to_thread(self._keep, Path(name), path)
        except OSError as error:
            raise disk_error(error) from error
        finally:
            await asyncio.to_thread(Path(name).unlink, missing_ok=True)
        return path

    def _keep(self, made: Path, path: Path) -> None:
        """Put a copy in its place, and let go those that were not used for longest where they take too much."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made.chmod(0o400)
        made.replace(path)
        found = [(one.stat(), one) for one in self._cache.glob("*/*")]
        copies = sorted((stat.st_mtime, stat.st_size, one) for stat, one in found)
        taken = sum(size for _, size, _ in copies)
        for used, size, one in copies:
            if taken <= _CACHE_BYTES or used > time.time() - _SPARED_SECONDS:
                break
            one.unlink(missing_ok=True)
            taken -= size

    async def _sign(self, principal: Principal, key: str) -> str:
        """An address at which the object can be read for some minutes, if the principal may."""
        if not _KEY.fullmatch(key):
            raise _missing()
        try:
            signed = await self._bucket(
                principal, lambda bucket: bucket.create_signed_url(key, _SIGNED_SECONDS)
            )
        except (errors.Forbidden, errors.Invalid) as error:
            raise _missing() from error
        address = signed.get("signedURL")
        if not address:
            raise _missing()
        return str(address)

    async def _download(self, address: str, offset: int, length: int | None) -> AsyncIterator[bytes]:
        import httpx

        if length is not None and length <= 0:
            return
        headers = {"apiKey": self._project.key, "Accept-Encoding": "identity"}
        if offset or length is not None:
            end = "" if length is None else str(offset + length - 1)
            headers["Range"] = f"bytes={offset}-{end}"
        left = length
        try:
            async with self._project.http.stream("GET", address, headers=headers) as answer:
                if answer.status_code == 416:  # behind its end
                    return
                if not answer.is_success:
                    await answer.aread()
                    raise storage_error(*_said(answer))
                # A server that knows no ranges sends all of it.
                skip = offset if answer.status_code == 200 else 0
                async for chunk in answer.aiter_bytes(_BUFFER):
                    chunk, skip = chunk[skip:], max(0, skip - len(chunk))
                    if left is not None:
                        chunk = chunk[:left]
                        left -= len(chunk)
                    if chunk:
                        yield chunk
                    if left == 0:
                        return
        except httpx.HTTPError as error:
            log.warning("an object could not be fetched from Supabase Storage: %s", type(error).__name__)
            raise _unreachable() from error

    # ---- deleting

    async def delete(self, principal: Principal, keys: Sequence[str], stored_until: datetime) -> Freed:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        freed = Freed()
        for start in range(0, len(keys), _AT_ONCE):
            # Those the policies would let go: about all others Storage need not be asked.
            released = await self._data.call(
                principal, "objects_authorize", keys=[*keys[start : start + _AT_ONCE]], action="delete"
            )
            limit = asyncio.Semaphore(8)

            async def size_if_old(key: str, limit: asyncio.Semaphore = limit) -> int | None:
                async with limit:
                    found = await self._info(principal, key)
                if found is None or _stored(found) > stored_until:
                    return None
                return int(found.get("size") or 0)

            sizes = await asyncio.gather(*map(size_if_old, released))
            old = {key: size for key, size in zip(released, sizes, strict=True) if size is not None}
            freed += await self._remove(principal, old)
        return freed

    async def _info(self, principal: Principal, key: str) -> dict[str, Any] | None:
        """What Storage knows of an object; None where there is none that the principal may read."""
        try:
            found: dict[str, Any] = await self._bucket(principal, lambda bucket: bucket.info(key))
        except (errors.NotFound, errors.Forbidden, errors.Invalid):
            return None
        return found

    async def _remove(self, principal: Principal, sizes: dict[str, int]) -> Freed:
        """Remove objects whose sizes are known; those that Storage did remove."""
        if not sizes:
            return Freed()
        removed = await self._bucket(principal, lambda bucket: bucket.remove(list(sizes)))
        for key in sizes:
            await asyncio.to_thread((self._cache / key).unlink, missing_ok=True)
        # Releases of Storage differ in where they tell the size.
        return Freed(
            len(removed),
            sum(
                sizes.get(str(one.get("name"))) or int((one.get("metadata") or {}).get("size") or 0)
                for one in removed
            ),
        )

    async def delete_project(self, principal: Principal, project_id: UUID) -> Freed:
        """See :class:`insighter_ext.gateways.objects.ObjectStore`."""
        if str(project_id) not in await self._data.call(principal, "objects_released"):
            raise errors.NotFound("no such project, or you did not delete it", code="project_not_found")
        freed = Freed()
        while True:
            page = await self._bucket(
                principal, lambda bucket: bucket.list(str(project_id), {"limit": _AT_ONCE})
            )
            sizes = {
                key: int((one.get("metadata") or {}).get("size") or 0)
                for one in page
                if _KEY.fullmatch(key := f"{project_id}/{one.get('name')}")
            }
            freed += await self._remove(principal, sizes)
            if len(page) < _AT_ONCE or not sizes:
                return freed

    # ---- inside

    async def _bucket(self, principal: Principal, ask: Any) -> Any:
        """Ask Storage something through supabase-py, as the principal."""
        import httpx
        from storage3.exceptions import StorageApiError

        client = self._project.client(self._project.token(principal))
        bucket: AsyncBucketProxy = client.storage.from_(BUCKET)
        try:
            return await ask(bucket)
        except StorageApiError as error:
            raise storage_error(error.status, error.code, error.message) from error
        except httpx.HTTPError as error:
            log.warning("Supabase Storage does not answer: %s", type(error).__name__)
            raise _unreachable() from error
        except ValueError as error:  # an answer that is none of Storage's
            raise errors.Unavailable(
                "Supabase Storage does not answer as it should",
                hint="run `insighter supabase check`, which says what is missing",
            ) from error


def storage_error(status: int | str, code: str, message: str) -> errors.InsighterError:
    """The domain error for an error of Storage.

    Args:
        status: what its body says, which is often another one than HTTP's.
        code: its word, such as ``Duplicate``.
        message: what it says.
    """
    number = int(status) if str(status).isdigit() else 500
    said = f"{code} {message}".lower()
    if "bucket not found" in said:
        return errors.Unavailable(
            f'the Supabase project has no bucket "{BUCKET}"',
            code="bucket_missing",
            hint="run `insighter supabase check`, which says how to make it",
        )
    if "jwt" in said or '"exp"' in said:
        return session_expired()
    if number == 409 or "duplicate" in said or "already exists" in said:
        return errors.Conflict("it is stored already", code="object_exists")
    if number == 413 or "exceeded the maximum" in said or "too large" in said:
        return errors.TooLarge(
            "the file is larger than the Supabase project takes",
            hint="who runs it raises the limit under Storage, Settings",
        )
    if number == 404 or "not found" in said:
        return _missing()
    if number in {401, 403} or "row-level security" in said:
        return errors.Forbidden("the object is not yours to change", hint="ask an admin of the project")
    if number == 429:
        return errors.TooMany("asked too often", hint="try again in a minute", details={"retry_after": 60})
    if number >= 500:
        return _unreachable()
    return errors.Invalid(message)


def _said(answer: httpx.Response) -> tuple[int | str, str, str]:
    """Status, code and message of an error."""
    try:
        body = answer.json()
        return (
            body.get("statusCode") or answer.status_code,
            str(body.get("error", "")),
            str(body.get("message", "")),
        )
    except (ValueError, AttributeError):
        return answer.status_code, "", answer.text[:200]


def _missing() -> errors.NotFound:
    return errors.NotFound("no such object", code="object_missing")


def _unreachable() -> errors.Unavailable:
    return errors.Unavailable(
        "Supabase Storage does not answer", code="storage_failed", hint="try again in a moment"
    )


def _stored(found: dict[str, Any]) -> datetime:
    """When an object was stored the last time."""
    moment = next(found[name] for name in ("last_modified", "updated_at", "created_at") if found.get(name))
    return datetime.fromisoformat(str(moment).replace("Z", "+00:00"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _file_chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _BUFFER):
            yield chunk
