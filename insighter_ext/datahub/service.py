"""Datasets as a service: bytes into the object store, a look into them, rows in the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from uuid import UUID

from insighter_ext.config import Settings
from insighter_ext.datahub.models import (
    Column,
    Dataset,
    DatasetDetail,
    Preview,
    PreviewQuery,
    Uploaded,
)
from insighter_ext.datahub.workers import Inspection, Inspector, PageReader
from insighter_ext.errors import InsighterError, NotFound, TooLarge
from insighter_ext.gateways import DataGateway, ObjectStore, ObjectWriter
from insighter_ext.lineage.models import Source
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal

log = logging.getLogger("insighter.datahub")

_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_CHUNK = 1 << 20
_MOST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Content:
    """A version's bytes, to be streamed."""

    filename: str
    media_type: str
    size: int
    """bytes"""
    sha256: str
    """hexadecimal, of these bytes"""
    chunks: AsyncIterator[bytes]


class DatahubService:
    """See the module."""

    def __init__(self, data: DataGateway, objects: ObjectStore, settings: Settings) -> None:
        self._data = data
        self._objects = objects
        self._limit = settings.max_upload_bytes
        self._inspector = Inspector(
            objects.scratch(), settings.inspect_memory_bytes, settings.inspect_workers
        )
        self._pages = PageReader()

    async def close(self) -> None:
        """End the worker that reads pages."""
        await self._pages.close()

    # ---- reading

    async def list(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[Dataset]:
        """A project's datasets by name."""
        found = await self._data.call(principal, "datasets_list", project_id=project_id, **query.model_dump())
        return Page[Dataset].model_validate(found)

    async def get(self, principal: Principal, project_id: UUID, name: str) -> DatasetDetail:
        """One dataset with all versions, by its name in whatever case."""
        found = await self._data.call(principal, "datasets_get", project_id=project_id, name=name)
        return DatasetDetail.model_validate(found)

    async def _version(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> dict[str, Any]:
        if not 0 < version <= _MOST_VERSION:
            raise NotFound(f'"{name}" has no version {version}', code="version_not_found")
        found: dict[str, Any] = await self._data.call(
            principal, "datasets_version", project_id=project_id, name=name, version=version
        )
        return found

    async def preview(
        self, principal: Principal, project_id: UUID, name: str, version: int, query: PreviewQuery
    ) -> Preview:
        """Rows of a version; none past its end. Values longer than 2,000 characters are cut and end in "…"."""
        found = await self._version(principal, project_id, name, version)
        rows: list[list[Any]] = []
        if query.offset < found["rows"]:
            path = await self._objects.local_path(principal, found["table_object_key"])
            rows = await self._pages.page(path, query.offset, query.limit)
        return Preview(
            version=version,
            columns=[Column.model_validate(column) for column in found["columns"]],
            rows=rows,
            offset=query.offset,
            total=found["rows"],
        )

    async def content(
        self,
        principal: Principal,
        project_id: UUID,
        name: str,
        version: int,
        form: Literal["original", "parquet"],
    ) -> Content:
        """A version's bytes, as uploaded or as Parquet."""
        found = await self._version(principal, project_id, name, version)
        suffix = f".{found['format']}"
        filename = found["filename"] or f"{found['name']}-v{version}{suffix}"
        key, size, media_type = found["object_key"], found["size"], _MEDIA[found["format"]]
        if form == "parquet" and found["format"] != "parquet":
            key, size, media_type = found["table_object_key"], found["table_size"], _MEDIA["parquet"]
            filename = PurePosixPath(filename).stem + ".parquet"
        chunks = await self._objects.read(principal, key)
        return Content(filename, media_type, size, key.rsplit("/", 1)[1], chunks)

    # ---- changing

    async def may_upload(self, principal: Principal, project_id: UUID, name: str) -> None:
        """Refuse what can be refused before the first byte.

        Raises:
            Invalid: the name cannot be one.
            NotFound, Forbidden, Conflict: the project is not there, the role too low, or it is archived.
        """
        await self._data.call(principal, "datasets_may_upload", project_id=project_id, name=name)

    async def add_version(
        self,
        principal: Principal,
        project_id: UUID,
        name: str,
        writer: ObjectWriter,
        filename: str,
        sources: Sequence[Source] = (),
    ) -> Uploaded:
        """Add what was written as the next version; the first makes the dataset.

        The file is read to its end before it is stored: what is no table leaves nothing. Content that the newest
        version has already adds nothing. Whatever happens, the writer is used up.

        Args:
            sources: what it was made from.

        Raises:
            Invalid: the file is no table; the message says where and why.
            NotFound: a source is not there.
        """
        try:
            sealed = await writer.seal()
            same = await self._data.call(
                principal, "datasets_unchanged", project_id=project_id, name=name, sha256=sealed.sha256
            )
            if same is not None:
                return await self._unchanged(principal, project_id, Uploaded.model_validate(same), sources)
            async with self._inspector.inspect(sealed.path) as found:
                # Half of it would be worse than all or nothing: from here on it goes through.
                return await _to_end(
                    self._store(principal, project_id, name, writer, filename, found, sources)
                )
        finally:
            await writer.abort()

    async def _store(
        self,
        principal: Principal,
        project_id: UUID,
        name: str,
        writer: ObjectWriter,
        filename: str,
        found: Inspection,
        sources: Sequence[Source],
    ) -> Uploaded:
        table = await self._objects.put(principal, project_id, found.table) if found.table else None
        stored = await writer.commit()
        try:
            upload = {
                "name": name,
                "format": found.format,
                "filename": _filename(filename),
                "sha256": stored.sha256,
                "size": stored.size,
                "table_object_key": (table or stored).key,
                "table_size": (table or stored).size,
                "rows": found.rows,
                "columns": found.columns,
            }
            answer = await (
                self._data.call(
                    principal, "lineage_upload", project_id=project_id, upload=upload, sources=_said(sources)
                )
                if sources
                else self._data.call(principal, "datasets_add_version", project_id=project_id, **upload)
            )
        except InsighterError:
            await self._release(principal, [stored.key, (table or stored).key])
            raise
        uploaded = Uploaded.model_validate(answer)
        if uploaded.unchanged and table is not None:
            await self._release(principal, [table.key])
        return uploaded

    async def _unchanged(
        self, principal: Principal, project_id: UUID, uploaded: Uploaded, sources: Sequence[Source]
    ) -> Uploaded:
        """The version that has this content already; what made it once more is one of its sources, too."""
        if sources:
            await self._data.call(
                principal,
                "lineage_note",
                project_id=project_id,
                name=uploaded.dataset.name,
                version=uploaded.version.version,
                sources=_said(sources),
            )
        return uploaded

    async def _release(self, principal: Principal, keys: Sequence[str]) -> None:
        """Remove objects that were stored for nothing, unless something else needs them."""
        try:
            await self._objects.delete(principal, keys, datetime.now(UTC))
        except InsighterError:
            log.warning("objects without an owner stay behind: %s", ", ".join(keys), exc_info=True)

    async def add_file(
        self, principal: Principal, project_id: UUID, name: str, path: Path, filename: str = ""
    ) -> Uploaded:
        """Add a file of the server's disk as the next version; the file stays where it is.

        Raises:
            NotFound: there is no such file.
            TooLarge: it is larger than the setting allows.
        """
        await self.may_upload(principal, project_id, name)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(f"no file {path.name}", code="file_not_found")
        if (await asyncio.to_thread(path.stat)).st_size > self._limit:
            raise TooLarge(
                f"the file is larger than {self._limit:,} bytes", hint="raise c.InsighterApp.max_upload_bytes"
            )
        writer = self._objects.writer(principal, project_id)
        try:
            with await asyncio.to_thread(path.open, "rb") as file:
                while chunk := await asyncio.to_thread(file.read, _CHUNK):
                    await writer.write(chunk)
        except BaseException:
            await writer.abort()
            raise
        return await self.add_version(principal, project_id, name, writer, filename or path.name)

    async def delete(self, principal: Principal, project_id: UUID, name: str) -> None:
        """Move a dataset with all versions to the trash."""
        await self._data.call(principal, "datasets_delete", project_id=project_id, name=name)


def _filename(name: str) -> str:
    """The last part of a path, without what no file name has."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:255]


def _said(sources: Sequence[Source]) -> list[dict[str, Any]]:
    return [source.model_dump() for source in sources]


async def _to_end(work: Coroutine[Any, Any, Uploaded]) -> Uploaded:
    """Await something that is finished even when who asked for it has gone."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(InsighterError):
            await task
        raise
