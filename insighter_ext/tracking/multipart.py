"""Large artifacts in parts, as MLflow's clients send them: several at a time, each to an address of its own.

What is here lives in this process alone, in files of the object store's scratch folder and in memory. A part is good
for nothing but to be put in its place: who has its pass can write it, and only who began the upload can complete it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from insighter_ext.errors import BadRequest, Conflict, InsighterError, Invalid, NotFound, TooLarge, TooMany
from insighter_ext.gateways import ObjectStore, ObjectWriter
from insighter_ext.gateways.spool import Spool
from insighter_ext.principal import Principal
from insighter_ext.tracking.artifacts import Artifacts, Content, Location

log = logging.getLogger("insighter.artifacts")

MOST_PARTS = 10_000
_MOST_UPLOADS = 20
_MOST_DOWNLOADS = 10_000
_UPLOAD_SECONDS = 3600
_DOWNLOAD_SECONDS = 300
_CHUNK = 1 << 20


class PartWriter:
    """A part on its way into a file. See :class:`insighter_ext.gateways.objects.ObjectWriter` for the three verbs."""

    def __init__(self, uploads: MultipartUploads, upload: _Upload, number: int) -> None:
        self._uploads, self._upload, self._number = uploads, upload, number
        self._spool = Spool(upload.folder, "part-")

    async def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            TooLarge: all parts together are larger than an artifact may be.
        """
        if self._upload.size_with(self._number, self._spool.size + len(chunk)) > self._upload.limit:
            raise _too_large(self._upload.limit)
        await self._spool.write(chunk)

    async def keep(self) -> str:
        """The part is complete.

        Returns:
            what tells this content from another (``ETag``).

        Raises:
            Conflict: another content is there for this part already.
        """
        spool = self._spool
        await spool.close()
        self._uploads.keep(self._upload, self._number, _Part(spool.path, spool.size, spool.digest))
        return spool.digest

    async def abort(self) -> None:
        """Forget what was written, unless it was kept."""
        part = self._upload.parts.get(self._number)
        await self._spool.drop(keep=part is not None and part.path == self._spool.path)


@dataclass(slots=True)
class _Part:
    path: Path
    size: int
    tag: str


@dataclass(slots=True)
class _Upload:
    principal: Principal
    location: Location
    count: int
    limit: int
    folder: Path
    writer: ObjectWriter
    until: float
    parts: dict[int, _Part] = field(default_factory=dict)
    joined: int = 0
    """how many of the first parts are in the writer already"""
    joining: asyncio.Task[None] | None = None
    broken: BaseException | None = None
    """why the parts could not be joined"""

    def size_with(self, number: int, size: int) -> int:
        return size + sum(part.size for other, part in self.parts.items() if other != number)


@dataclass(frozen=True, slots=True)
class _Download:
    principal: Principal
    content: Content
    until: float


class MultipartUploads:
    """Uploads that were begun, and passes for downloads.

    Args:
        files: where a completed file gets its name.
        objects: whose scratch folder holds the parts.
    """

    def __init__(self, files: Artifacts, objects: ObjectStore) -> None:
        self._files = files
        self._objects = objects
        self._key = secrets.token_bytes(32)
        self._uploads: dict[str, _Upload] = {}
        self._downloads: dict[str, _Download] = {}
        self._cleaning: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- uploads ----

    async def create(
        self, principal: Principal, location: Location, count: int, limit: int
    ) -> tuple[str, list[str]]:
        """Begin an upload.

        Args:
            principal: who will complete it.
            location: of the file.
            count: of parts.
            limit: most bytes of all parts.

        Returns:
            the upload's id, and the pass of each part, in their order.

        Raises:
            Invalid: too many parts, or none.
            TooMany: the caller has begun too many and completed none of them.
        """
        if not 1 <= count <= MOST_PARTS:
            raise Invalid(f"an upload has 1 to {MOST_PARTS:,} parts, not {count:,}", hint="use larger parts")
        self._clean()
        begun = sum(upload.principal.user_id == principal.user_id for upload in self._uploads.values())
        if begun >= _MOST_UPLOADS:
            raise TooMany(
                f"{begun} uploads were begun and not completed",
                hint="complete or abort them, or wait an hour",
                details={"retry_after": 60},
            )
        writer = await self._files.begin(principal, location)
        upload_id = secrets.token_hex(16)
        until = time.monotonic() + _UPLOAD_SECONDS
        self._uploads[upload_id] = _Upload(
            principal, location, count, limit, self._objects.scratch(), writer, until
        )
        self._clean_later()
        return upload_id, [self._pass(upload_id, number) for number in range(1, count + 1)]

    def part(self, upload_id: str, number: int, proof: str, announced: int | None) -> PartWriter:
        """A writer for a part.

        Args:
            upload_id: of the upload.
            number: of the part, from 1.
            proof: the part's pass.
            announced: bytes that will come, where that is known.

        Raises:
            NotFound: there is no such part, or this is not its pass.
            TooLarge: all parts together are larger than an artifact may be.
        """
        upload = self._uploads.get(upload_id)
        known = hmac.compare_digest(self._pass(upload_id, number).encode(), proof.encode())
        if upload is None or not known or upload.until < time.monotonic() or not 1 <= number <= upload.count:
            raise _missing()
        if announced is not None and upload.size_with(number, announced) > upload.limit:
            raise _too_large(upload.limit)
        upload.until = time.monotonic() + _UPLOAD_SECONDS
        return PartWriter(self, upload, number)

    def keep(self, upload: _Upload, number: int, part: _Part) -> None:
        """Put a written part in its place, and join what has become joinable."""
        before = upload.parts.get(number)
        if upload not in self._uploads.values():
            part.path.unlink(missing_ok=True)
            raise _missing()
        if before is not None:
            if before.tag == part.tag:  # sent twice because the answer was lost
                part.path.unlink(missing_ok=True)
                return
            if number <= upload.joined or (upload.joining is not None and number == upload.joined + 1):
                part.path.unlink(missing_ok=True)
                raise Conflict(
                    f"part {number} was sent with another content", code="part_changed", hint="begin again"
                )
            before.path.unlink(missing_ok=True)
        upload.parts[number] = part
        if upload.joining is None and upload.joined + 1 in upload.parts:
            upload.joining = asyncio.create_task(self._join(upload))
            self._tasks.add(upload.joining)
            upload.joining.add_done_callback(self._tasks.discard)

    async def _join(self, upload: _Upload) -> None:
        """Write parts into the object as they become the next: what is left at the end is little."""
        try:
            while (part := upload.parts.get(upload.joined + 1)) is not None:
                with await asyncio.to_thread(part.path.open, "rb") as file:
                    while chunk := await asyncio.to_thread(file.read, _CHUNK):
                        await upload.writer.write(chunk)
                upload.joined += 1
                await asyncio.to_thread(part.path.unlink, missing_ok=True)
        except BaseException as error:
            # The writer has a piece of a part by now: it cannot be written again.
            upload.broken = error
            if not isinstance(error, InsighterError):
                raise
        finally:
            upload.joining = None

    async def complete(
        self, principal: Principal, location: Location, upload_id: str, parts: Sequence[tuple[int, str]]
    ) -> None:
        """All parts are there: the file appears as a whole.

        Args:
            principal: who began it.
            location: where it was begun.
            upload_id: its id.
            parts: each part's number and what tells its content.

        Raises:
            NotFound: no such upload of this caller.
            BadRequest: a part is missing, or has another content than the caller sent.
        """
        upload = self._own(principal, location, upload_id)
        wanted = list(range(1, upload.count + 1))
        if sorted(number for number, _ in parts) != wanted or sorted(upload.parts) != wanted:
            missing = [number for number in wanted if number not in upload.parts]
            raise BadRequest(
                f"parts are missing: {missing[:10]}"
                if missing
                else "the parts named are not those of the upload",
                code="upload_incomplete",
                hint="send all parts, then complete the upload",
            )
        if any(upload.parts[number].tag != tag.strip('"') for number, tag in parts):
            raise BadRequest(
                "a part arrived with another content than was sent",
                code="upload_incomplete",
                hint="begin again",
            )
        del self._uploads[upload_id]
        try:
            if upload.joining is not None:
                await asyncio.shield(upload.joining)
            if upload.broken is None:
                await self._join(upload)
            if upload.broken is not None:
                raise upload.broken
            await self._files.put(principal, location, await upload.writer.commit())
        finally:
            await self._forget(upload)

    async def abort(self, principal: Principal, location: Location, upload_id: str) -> None:
        """Forget an upload. Where there is none of this caller, that is done already."""
        try:
            upload = self._own(principal, location, upload_id)
        except NotFound:
            return
        del self._uploads[upload_id]
        await self._forget(upload)

    def _own(self, principal: Principal, location: Location, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if (
            upload is None
            or upload.principal.user_id != principal.user_id
            or upload.location != location
            or principal.project_id not in {None, upload.principal.project_id}
        ):
            raise _missing()
        return upload

    def _pass(self, upload_id: str, number: int) -> str:
        return hmac.new(self._key, f"{upload_id}/{number}".encode(), hashlib.sha256).hexdigest()

    async def _forget(self, upload: _Upload) -> None:
        if upload.joining is not None:
            upload.joining.cancel()
            await asyncio.gather(upload.joining, return_exceptions=True)
        await upload.writer.abort()
        for part in upload.parts.values():
            await asyncio.to_thread(part.path.unlink, missing_ok=True)

    def _clean(self) -> None:
        now = time.monotonic()
        for upload_id, upload in list(self._uploads.items()):
            if upload.until < now:
                log.info("an upload to %s was given up", upload.location.root)
                del self._uploads[upload_id]
                task = asyncio.create_task(self._forget(upload))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        for token, download in list(self._downloads.items()):
            if download.until < now:
                del self._downloads[token]

    def _clean_later(self) -> None:
        if self._cleaning is None and (self._uploads or self._downloads):
            self._cleaning = asyncio.get_running_loop().call_later(_UPLOAD_SECONDS / 4, self._cleaned)

    def _cleaned(self) -> None:
        self._cleaning = None
        self._clean()
        self._clean_later()

    # ---- downloads ----

    async def offer(self, principal: Principal, location: Location) -> tuple[str, Content]:
        """A pass by which one file can be read for some minutes, and the file."""
        self._clean()
        content = await self._files.find(principal, location)
        if len(self._downloads) >= _MOST_DOWNLOADS:
            self._downloads.pop(next(iter(self._downloads)))
        token = secrets.token_hex(32)
        self._downloads[token] = _Download(principal, content, time.monotonic() + _DOWNLOAD_SECONDS)
        self._clean_later()
        return token, content

    def offered(self, token: str, location: Location) -> tuple[Principal, Content]:
        """What a pass opens, and in whose name.

        Raises:
            NotFound: nothing, or not this file.
        """
        found = self._downloads.get(token)
        if found is None or found.until < time.monotonic() or found.content.location != location:
            raise _missing()
        return found.principal, found.content

    async def close(self) -> None:
        """Forget everything."""
        if self._cleaning is not None:
            self._cleaning.cancel()
        uploads, self._uploads = list(self._uploads.values()), {}
        for upload in uploads:
            await self._forget(upload)
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _missing() -> NotFound:
    return NotFound(
        "there is no such upload or download, or its time is over",
        code="upload_not_found",
        hint="begin again",
    )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the file is larger than {limit:,} bytes, the most this server takes",
        hint="raise c.InsighterApp.max_upload_bytes, or split the file",
    )
