"""Routes of datasets. An upload streams: it never stands in memory as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from tornado import iostream, web

from insighter_ext.datahub.models import (
    ContentQuery,
    Dataset,
    DatasetDetail,
    Preview,
    PreviewQuery,
    Uploaded,
    UploadQuery,
)
from insighter_ext.errors import InsighterError
from insighter_ext.lineage.models import sources_of
from insighter_ext.models import Page, PageQuery
from server_handlers.base import ApiHandler, operation
from server_handlers.streaming import AnsweredRefusal, Upload

_DATASETS = "/projects/{project_id:uuid}/datasets"


class DatasetsHandler(ApiHandler):
    """All datasets of a project."""

    path, tag = _DATASETS, "datasets"

    @operation("A project's datasets, by name", query=PageQuery, returns=Page[Dataset], errors=(404,))
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Dataset]:
        return await self.platform.datahub.list(self.principal, project_id, query)


class DatasetHandler(ApiHandler):
    """One dataset."""

    path, tag = _DATASETS + "/{name}", "datasets"

    @operation("A dataset with all its versions", returns=DatasetDetail, errors=(404,))
    async def get(self, project_id: UUID, name: str) -> DatasetDetail:
        return await self.platform.datahub.get(self.principal, project_id, name)

    @operation("Move a dataset with all its versions to the trash", status=204, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, name: str) -> None:
        await self.platform.datahub.delete(self.principal, project_id, name)


@web.stream_request_body
class DatasetVersionsHandler(AnsweredRefusal, ApiHandler):
    """Uploads."""

    path, tag = _DATASETS + "/{name}/versions", "datasets"
    _upload: Upload | None = None
    _adding: asyncio.Task[Uploaded] | None = None

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Check everything that can be checked before the first byte is taken."""
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
            self.raise_refusal()
            if self.request.method == "POST":
                sources = sources_of(cast(UploadQuery, self.parse_query(UploadQuery)).made_from)
                project_id = self.path_arguments(dict(self.path_kwargs))["project_id"]
                limit = self.platform.settings.max_upload_bytes
                await self.platform.datahub.may_upload(self.principal, project_id, self.path_kwargs["name"])
                await self.platform.lineage.check(self.principal, project_id, sources)
                writer = self.platform.objects.writer(self.principal, project_id)
                self._upload = Upload(self.request, writer, limit)
        except (InsighterError, web.HTTPError) as error:
            self.refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body. What goes wrong is answered at once, not after the rest of a large file."""
        if self._upload is None or self._finished:
            return
        try:
            await self._upload.receive(chunk)
        except InsighterError as error:
            self.log_exception(*sys.exc_info())
            self.send_error(error.status, exc_info=sys.exc_info())

    @operation(
        "Upload a file (CSV, JSON or Parquet, told by its content) as the next version",
        query=UploadQuery,
        media_in="application/octet-stream",
        returns=Uploaded,
        status=201,
        errors=(403, 404, 409, 413, 422),
    )
    async def post(self, project_id: UUID, name: str, query: UploadQuery) -> Uploaded:
        self.raise_refusal()
        assert self._upload is not None
        writer = self._upload.complete()
        self._adding = asyncio.ensure_future(
            self.platform.datahub.add_version(
                self.principal, project_id, name, writer, query.filename, sources_of(query.made_from)
            )
        )
        try:
            result = await self._adding
        except asyncio.CancelledError:
            raise web.Finish from None  # nobody listens any more
        self.created("projects", project_id, "datasets", name)
        return result

    def on_connection_close(self) -> None:
        """The client went away in the middle: nothing of it stays, and no work goes on for it."""
        super().on_connection_close()
        if self._adding is not None:
            self._adding.cancel()
        self._discard()

    def on_finish(self) -> None:
        """Whatever happened, no temporary file stays."""
        super().on_finish()
        self._discard()

    def _discard(self) -> None:
        if self._upload is not None:
            self._upload.discard()


class DatasetPreviewHandler(ApiHandler):
    """Rows of a version."""

    path, tag = _DATASETS + "/{name}/versions/{version:int}/preview", "datasets"

    @operation("Some rows of a version", query=PreviewQuery, returns=Preview, errors=(404, 422))
    async def get(self, project_id: UUID, name: str, version: int, query: PreviewQuery) -> Preview:
        return await self.platform.datahub.preview(self.principal, project_id, name, version, query)


class DatasetContentHandler(ApiHandler):
    """The bytes of a version."""

    path, tag = _DATASETS + "/{name}/versions/{version:int}/content", "datasets"

    @operation(
        "Download a version, as uploaded or as Parquet",
        query=ContentQuery,
        media_out="application/octet-stream",
        errors=(404,),
    )
    async def get(self, project_id: UUID, name: str, version: int, query: ContentQuery) -> Any:
        content = await self.platform.datahub.content(self.principal, project_id, name, version, query.format)
        self.set_header("Content-Type", content.media_type)
        self.set_header(
            "Content-Disposition", f"attachment; filename*=UTF-8''{quote(content.filename, safe='')}"
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("ETag", f'"{content.sha256}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        self.set_header("Content-Length", str(content.size))
        # A client that goes away in the middle is no error of ours.
        with contextlib.suppress(iostream.StreamClosedError):
            async for chunk in content.chunks:
                self.write(chunk)
                await self.flush()


HANDLERS = [
    DatasetsHandler,
    DatasetHandler,
    DatasetVersionsHandler,
    DatasetPreviewHandler,
    DatasetContentHandler,
]
