"""Routes of archives. Both ways stream: a project never stands in memory as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any
from urllib.parse import quote
from uuid import UUID

from tornado import iostream, web

from insighter_ext.archives.models import ExportQuery, Import, ImportQuery, ImportsQuery, Origin
from insighter_ext.errors import InsighterError
from insighter_ext.models import Page
from server_handlers.base import ApiHandler, operation
from server_handlers.streaming import AnsweredRefusal, Upload

_TOLD_EVERY = 2.0


class ArchiveHandler(ApiHandler):
    """A project as a file."""

    path, tag = "/projects/{project_id:uuid}/archive", "archives"

    @operation(
        "The project as one file, to keep or to import elsewhere; for its admins in person",
        query=ExportQuery,
        media_out="application/zip",
        errors=(403, 404, 422),
    )
    async def get(self, project_id: UUID, query: ExportQuery) -> Any:
        export = await self.platform.archives.export(
            self.principal, project_id, query.include_files, self.root
        )
        self.set_header("Content-Type", "application/zip")
        self.set_header(
            "Content-Disposition", f"attachment; filename*=UTF-8''{quote(export.filename, safe='')}"
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        try:
            async with contextlib.aclosing(export.chunks) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    if chunk:
                        self.write(chunk)
                        await self.flush()
        except iostream.StreamClosedError:
            pass  # a client that goes away in the middle is no error of ours
        except InsighterError:
            if not self._headers_written:
                raise
            # To end the answer in order would make a whole file of it.
            self.log_exception(*_raised())
            self.detach().close()


@web.stream_request_body
class ImportsHandler(AnsweredRefusal, ApiHandler):
    """Archives on their way to become projects."""

    path, tag = "/projects/imports", "archives"
    _upload: Upload | None = None
    _import: Import | None = None
    _told = 0.0
    _received = 0
    _started = False

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Check everything that can be checked before the first byte is taken."""
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
            self.raise_refusal()
            if self.request.method == "POST":
                query = self.parse_query(ImportQuery)
                assert isinstance(query, ImportQuery)
                announced = self.request.headers.get("Content-Length", "0")
                self._total = int(announced) if announced.isdigit() and len(announced) < 19 else 0
                self._import, writer = await self.platform.archives.begin(
                    self.principal, query.name, self._total
                )
                self._upload = Upload(self.request, writer, self.platform.settings.max_upload_bytes)
        except (InsighterError, web.HTTPError) as error:
            self.refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the archive."""
        if self._upload is None or self._import is None or self._finished:
            return
        self._received += len(chunk)
        try:
            await self._upload.receive(chunk)
            if time.monotonic() - self._told > _TOLD_EVERY:
                self._told = time.monotonic()
                await self.platform.archives.told(
                    self.principal, self._import.id, "upload", self._received, self._total
                )
        except InsighterError as error:
            self.log_exception(*_raised())
            self.send_error(error.status, exc_info=_raised())

    @operation("The caller's imports, newest first", query=ImportsQuery, returns=Page[Import])
    async def get(self, query: ImportsQuery) -> Page[Import]:
        self.raise_refusal()
        return await self.platform.archives.list(self.principal, query.limit)

    @operation(
        "Upload an archive; the answer comes when it is here, and the project is made of it afterwards",
        query=ImportQuery,
        media_in="application/zip",
        returns=Import,
        status=202,
        errors=(403, 409, 413, 422),
    )
    async def post(self, query: ImportQuery) -> Import:
        self.raise_refusal()
        assert self._upload is not None and self._import is not None
        writer = self._upload.complete()
        try:
            began = await self.platform.archives.start(self.principal, self._import.id, writer, self.root)
        except BaseException:
            await asyncio.shield(writer.abort())
            raise
        self._started = True
        self.created("projects", "imports", began.id)
        return began

    def on_connection_close(self) -> None:
        """The client went away in the middle: nothing of it stays."""
        super().on_connection_close()
        self._discard()

    def on_finish(self) -> None:
        """Whatever happened, no temporary file stays."""
        super().on_finish()
        self._discard()

    def _discard(self) -> None:
        if self._upload is not None:
            self._upload.discard()
        begun, self._import = self._import, None
        if begun is not None and not self._started:
            self._giving_up = asyncio.ensure_future(self.platform.archives.give_up(self.principal, begun.id))


class ImportHandler(ApiHandler):
    """One import."""

    path, tag = "/projects/imports/{import_id:uuid}", "archives"

    @operation("How far an import of the caller's is", returns=Import, errors=(404,))
    async def get(self, import_id: UUID) -> Import:
        return await self.platform.archives.get(self.principal, import_id)

    @operation("Give up an import; nothing of it stays", status=204, errors=(404,))
    async def delete(self, import_id: UUID) -> None:
        await self.platform.archives.cancel(self.principal, import_id)


class OriginsHandler(ApiHandler):
    """Where a project was imported from."""

    path, tag = "/projects/{project_id:uuid}/origins", "archives"

    @operation(
        "Where a project was imported from, the last time first; for its admins",
        returns=Page[Origin],
        errors=(403, 404),
    )
    async def get(self, project_id: UUID) -> Page[Origin]:
        return await self.platform.archives.origins(self.principal, project_id)


class OriginAuditHandler(ApiHandler):
    """The audit a project had where it was imported from."""

    path, tag = "/projects/{project_id:uuid}/origins/{number:int}/audit", "archives"

    @operation(
        "The audit that a project had where it was imported from, as JSON Lines; for its admins",
        media_out="application/x-ndjson",
        errors=(403, 404),
    )
    async def get(self, project_id: UUID, number: int) -> None:
        chunks = await self.platform.archives.origin_audit(self.principal, project_id, number)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Disposition", f'attachment; filename="audit-of-origin-{number}.jsonl"')
        with contextlib.suppress(iostream.StreamClosedError):
            async for chunk in chunks:
                self.write(chunk)
                await self.flush()


def _raised() -> Any:
    return sys.exc_info()


HANDLERS = [ArchiveHandler, ImportsHandler, ImportHandler, OriginsHandler, OriginAuditHandler]
