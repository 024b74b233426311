"""Archives as a service: an export is streamed, an import is work that goes on when nobody looks."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from insighter_ext import __version__
from insighter_ext.archives import format
from insighter_ext.archives.format import Archive, Audit, Manifest, Member, Writer
from insighter_ext.archives.models import Import, Origin
from insighter_ext.errors import Conflict, InsighterError, Invalid, NotFound
from insighter_ext.gateways import DataGateway, ObjectStore, ObjectWriter, delete_released_projects
from insighter_ext.gateways.spool import disk_error
from insighter_ext.gateways.tasks import end
from insighter_ext.models import Page
from insighter_ext.principal import Principal
from insighter_ext.projects import folders

log = logging.getLogger("insighter.archives")

_TOLD_EVERY = 1.0
"""seconds between two reports of how far an import is"""
_ALIVE_EVERY = 20.0
"""seconds after which an export says that it is still there"""


@dataclass(frozen=True, slots=True)
class Export:
    """An archive to be streamed."""

    filename: str
    chunks: AsyncIterator[bytes]


class ArchivesService:
    """See the module. ``root`` is always Jupyter's root folder."""

    def __init__(self, data: DataGateway, objects: ObjectStore) -> None:
        self._data = data
        self._objects = objects
        self._jobs: dict[UUID, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Give up what is being imported; nothing of it stays."""
        await end(*self._jobs.values())

    # ---- taking out

    async def export(self, principal: Principal, project_id: UUID, files: bool, root: Path) -> Export:
        """A project as an archive.

        Its rows are of one moment, copied aside by the call that this begins with; objects never change.

        Raises:
            Forbidden: the caller is no admin of it, or not there in person.
            Invalid: it has more objects than an archive takes.
        """
        begun = await self._data.call(principal, "archives_export", project_id=project_id)
        objects = begun["sections"].get("objects", {}).get("rows", 0)
        if objects > format.MOST_OBJECTS:
            await self._end(principal, begun["id"], "done")
            raise Invalid(
                f"the project has {objects:,} objects; an archive takes {format.MOST_OBJECTS:,}",
                code="project_too_large",
                hint="delete what is not needed any more, or move the project with a backup of the database",
            )
        folder = None
        if files and await asyncio.to_thread(folders.belongs, root, begun["folder"], project_id):
            folder = root / begun["folder"]
        filename = f"{begun['slug']}-{time.strftime('%Y-%m-%d')}{format.SUFFIX}"
        return Export(filename, self._written(principal, project_id, begun, folder))

    async def _written(
        self, principal: Principal, project_id: UUID, begun: dict[str, Any], folder: Path | None
    ) -> AsyncIterator[bytes]:
        writer = Writer()
        members: dict[str, Member] = {}
        found: list[str] = []
        project: dict[str, Any] = {}
        told = time.monotonic()
        try:
            for section in ("project", "people", "audit", "objects", *sorted(begun["sections"])):
                name = format.member_of(section)
                if name in members:
                    continue
                known = begun["sections"].get(section, {"pages": 0, "rows": 0})
                writer.begin(name, packed=True)
                for number in range(1, known["pages"] + 1):
                    lines: str | None = await self._data.call(
                        principal, "archives_page", id=begun["id"], section=section, page=number
                    )
                    if lines is None:
                        raise Conflict("the export was ended", code="archive_ended", hint="export it again")
                    if section == "project":
                        project = json.loads(lines)
                    elif section == "objects":
                        found += (json.loads(line)["sha256"] for line in lines.split("\n"))
                    await asyncio.to_thread(writer.write, lines.encode() + b"\n")
                    yield writer.take()
                    if time.monotonic() - told > _ALIVE_EVERY:  # whoever takes it may be slow
                        told = time.monotonic()
                        await self.told(principal, begun["id"], "rows", 0, 0)
                members[name] = writer.end(known["rows"])
        finally:
            await asyncio.shield(self._end(principal, begun["id"], "done"))
        size = 0
        for sha256 in found:
            writer.begin(f"objects/{sha256}", packed=False)
            async for chunk in await self._objects.read(principal, f"{project_id}/{sha256}"):
                await asyncio.to_thread(writer.write, chunk)
                yield writer.take()
            stored = writer.end()
            if stored.sha256 != sha256:
                raise InsighterError("a stored file is not what it was stored as", code="object_damaged")
            size += stored.size
        listed: list[dict[str, Any]] = []
        if folder is not None:
            for path, file in await asyncio.to_thread(lambda: list(format.files_of(folder))):
                writer.begin(f"files/{path}", packed=False)
                async for chunk in _chunks(file):
                    await asyncio.to_thread(writer.write, chunk)
                    yield writer.take()
                taken = writer.end()
                listed.append({"path": path, "size": taken.size, "sha256": taken.sha256})
            writer.begin("files.jsonl", packed=True)
            writer.write(b"".join(json.dumps(one).encode() + b"\n" for one in listed))
            members["files.jsonl"] = writer.end(len(listed))
        head = project.get("audit_head")
        writer.finish(
            Manifest(
                format="insighter-project",
                version=format.VERSION,
                platform=__version__,
                project=project["name"],
                exported_at=project["exported_at"],
                members=members,
                objects=len(found),
                object_bytes=size,
                files=len(listed),
                audit=Audit(
                    head=head, withheld=int(head.split(":")[0]) - members["audit.jsonl"].rows if head else 0
                ),
            )
        )
        yield writer.take()

    # ---- bringing in

    async def begin(self, principal: Principal, name: str | None, total: int) -> tuple[Import, ObjectWriter]:
        """Before the first byte: what can be refused is refused. The writer takes the archive.

        Raises:
            Forbidden: the caller is not there in person.
            Invalid: no project can have this name.
        """
        begun = await self._data.call(principal, "archives_import", name=name, total=total)
        try:
            writer = self._objects.writer(principal, UUID(begun["becomes"]))
        except BaseException:
            await asyncio.shield(self._end(principal, begun["id"], "failed"))
            raise
        return Import.model_validate(begun), writer

    async def told(
        self, principal: Principal, import_id: UUID | str, step: str, done: int, total: int
    ) -> Import:
        """Say how far it is.

        Raises:
            Conflict: it was cancelled.
        """
        seen = await self._data.call(
            principal, "archives_progress", id=import_id, step=step, done=done, total=total
        )
        if seen["state"] != "working":
            raise Conflict("it was cancelled", code="archive_ended", hint="begin it again")
        return Import.model_validate(seen)

    async def start(self, principal: Principal, import_id: UUID, writer: ObjectWriter, root: Path) -> Import:
        """The archive is here: go on with it in the background."""
        began = await self.told(principal, import_id, "objects", 0, 0)
        task = asyncio.ensure_future(self._imported(principal, import_id, writer, root))
        self._jobs[import_id] = task
        task.add_done_callback(lambda _: self._jobs.pop(import_id, None))
        return began

    async def give_up(self, principal: Principal, import_id: UUID) -> None:
        """Its bytes never came to an end."""
        await self._ended(principal, import_id, "cancelled", None)

    async def list(self, principal: Principal, limit: int) -> Page[Import]:
        """The caller's imports, newest first."""
        return Page[Import].model_validate(await self._data.call(principal, "archives_list", limit=limit))

    async def get(self, principal: Principal, import_id: UUID) -> Import:
        """How far an import of the caller's is."""
        return Import.model_validate(await self._data.call(principal, "archives_get", id=import_id))

    async def cancel(self, principal: Principal, import_id: UUID) -> None:
        """Give up an import; nothing of it stays. Whichever server works on it finds out.

        Raises:
            NotFound: the caller has no such import.
        """
        await self.get(principal, import_id)
        await self._ended(principal, import_id, "cancelled", None)
        if import_id in self._jobs:
            await end(self._jobs[import_id])

    async def origins(self, principal: Principal, project_id: UUID) -> Page[Origin]:
        """Where a project was imported from, the last time first."""
        return Page[Origin].model_validate(
            await self._data.call(principal, "archives_origins", project_id=project_id)
        )

    async def origin_audit(self, principal: Principal, project_id: UUID, number: int) -> AsyncIterator[bytes]:
        """The audit that a project had where it was imported from, as it is in the archive."""
        known = await self._data.call(principal, "archives_origins", project_id=project_id)
        for origin in known["items"]:
            if origin["number"] == number and origin["audit_key"]:
                return await self._objects.read(principal, origin["audit_key"])
        raise NotFound("no such origin of this project", code="origin_not_found")

    async def _imported(
        self, principal: Principal, import_id: UUID, writer: ObjectWriter, root: Path
    ) -> None:
        error: InsighterError | None = None
        try:
            sealed = await writer.seal()
            await _Job(self, self._data, self._objects, principal, import_id, root).run(sealed.path)
        except asyncio.CancelledError:
            error = Conflict("the import was ended", code="import_cancelled", hint="import it again")
            raise
        except InsighterError as raised:
            error = raised
        except OSError as raised:
            error = disk_error(raised)
        except Exception:
            log.exception("an import came to nothing")
            error = InsighterError("something went wrong inside the server", hint="its log tells more")
        finally:
            with suppress(Exception):
                await writer.abort()
            if error is not None:
                await asyncio.shield(self._ended(principal, import_id, "failed", error))

    async def _ended(
        self, principal: Principal, import_id: UUID, state: str, error: InsighterError | None
    ) -> None:
        """It came to nothing: the rows go with this, and then the objects."""
        await self._end(principal, import_id, state, error)
        with suppress(InsighterError):  # a server's round does it
            await delete_released_projects(self._data, self._objects, principal)

    async def _end(
        self,
        principal: Principal,
        archive_id: str | UUID,
        state: Literal["done", "failed", "cancelled"] | str,
        error: InsighterError | None = None,
    ) -> None:
        try:
            await self._data.call(
                principal,
                "archives_end",
                id=archive_id,
                state=state,
                error=None if error is None else error.as_dict(),
            )
        except NotFound:
            pass
        except InsighterError:
            log.warning("an archive was not ended; what is left of it goes later", exc_info=True)


class _Job:
    """One import. Whatever it raises, nobody has seen anything of the project before."""

    def __init__(
        self,
        service: ArchivesService,
        data: DataGateway,
        objects: ObjectStore,
        principal: Principal,
        import_id: UUID,
        root: Path,
    ) -> None:
        self._service = service
        self._data = data
        self._objects = objects
        self._principal = principal
        self._id = import_id
        self._root = root
        self._done = self._total = 0
        self._told = 0.0

    async def run(self, path: Path) -> None:
        known = await self._data.call(self._principal, "archives_get", id=self._id)
        project_id = UUID(known["becomes"])
        archive = await asyncio.to_thread(Archive, path)
        try:
            self._total = archive.total_bytes
            rows, problems = await asyncio.to_thread(archive.audit)
            if problems:
                raise Invalid(
                    f"the audit in the archive is not as it was written: {problems[0]}",
                    code="audit_damaged",
                    hint="export the project again from where it is",
                )
            stored = await self._store_objects(archive, project_id)
            audit = await self._store(archive.pages("audit.jsonl"), project_id)
            await self._stage("objects", 1, "\n".join(json.dumps({"sha256": one}) for one in stored))
            for section in archive.sections:
                if section != "audit":
                    await self._stage_member(archive, section)
            folder = await self._make_folder(archive, project_id)
            try:
                await self._progress("saving", 0, force=True)
                await self._data.call(
                    self._principal,
                    "archives_commit",
                    id=self._id,
                    folder=folder,
                    audit={"sha256": audit, "rows": rows, "head": archive.manifest.audit.head},
                )
            except BaseException:
                # It was made for this, and is new.
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._root / folder, True))
                raise
        finally:
            await asyncio.to_thread(archive.close)

    async def _store_objects(self, archive: Archive, project_id: UUID) -> list[str]:
        stored = await asyncio.to_thread(archive.objects)
        for sha256 in stored:
            found = await self._store(archive.object_bytes(sha256), project_id, sha256, archive)
            assert found == sha256
        return stored

    async def _store(
        self,
        chunks: Iterator[Any],
        project_id: UUID,
        sha256: str | None = None,
        archive: Archive | None = None,
    ) -> str:
        """Make an object of bytes, or of pages of lines; its SHA-256. It is none before its name is proved."""
        writer = self._objects.writer(self._principal, project_id)
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                data: bytes = chunk if isinstance(chunk, bytes) else chunk[0].encode() + b"\n"
                await writer.write(data)
                await self._progress("objects", len(data))
            sealed = await writer.seal()
            if sha256 is not None and archive is not None:
                archive.check_object(sha256, sealed.sha256)
            return (await writer.commit()).sha256
        finally:
            await writer.abort()

    async def _stage_member(self, archive: Archive, section: str) -> None:
        pages = archive.pages(format.member_of(section))
        number = 1 if section == "objects" else 0
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            number += 1
            await self._stage(section, number, page[0])
            await self._progress("rows", len(page[0]))

    async def _stage(self, section: str, number: int, lines: str) -> None:
        if lines:
            await self._data.call(
                self._principal, "archives_stage", id=self._id, section=section, page=number, lines=lines
            )

    async def _make_folder(self, archive: Archive, project_id: UUID) -> str:
        """The project's folder, with the files that came along."""
        lines = await asyncio.to_thread(archive.files)
        wanted = re.sub(r"[^a-z0-9]+", "-", archive.manifest.project.lower()).strip("-")[:50] or "project"
        folder = await asyncio.to_thread(folders.make, self._root, wanted, project_id)
        try:
            for line in lines:
                await asyncio.to_thread(archive.extract, line, self._root / folder)
                await self._progress("files", int(line.get("size") or 0))
        except BaseException:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._root / folder, True))
            raise
        return folder

    async def _progress(self, step: str, more: int, *, force: bool = False) -> None:
        self._done += more
        if force or time.monotonic() - self._told > _TOLD_EVERY:
            self._told = time.monotonic()
            await self._service.told(
                self._principal, self._id, step, min(self._done, self._total), self._total
            )


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, format.CHUNK):
            yield chunk
