"""Notebooks as a service: files of a project's folder, snapshots into the object store, rows in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from insighter_ext.errors import Conflict, Forbidden, InsighterError, NotFound, TooLarge
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.models import Page, PageQuery
from insighter_ext.notebooks import files, snapshots
from insighter_ext.notebooks.comparing import Comparer
from insighter_ext.notebooks.models import (
    Notebook,
    NotebookDiff,
    NotebookVersion,
    RunNotebook,
    Snapshot,
    SnapshotQuery,
)
from insighter_ext.principal import Principal
from insighter_ext.projects import folders
from insighter_ext.projects.service import ProjectsService

log = logging.getLogger("insighter.notebooks")

_CHUNK = 1 << 20
_MOST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Content:
    """A version's bytes, to be streamed."""

    filename: str
    size: int
    """bytes"""
    sha256: str
    chunks: AsyncIterator[bytes]


class NotebooksService:
    """See the module. ``root`` is always Jupyter's root folder."""

    def __init__(self, data: DataGateway, objects: ObjectStore, projects: ProjectsService) -> None:
        self._data = data
        self._objects = objects
        self._projects = projects
        self._comparer = Comparer()
        self._folders: dict[UUID, str] = {}
        """where projects' folders were seen, for those that were moved"""

    # ---- reading

    async def list(
        self, principal: Principal, project_id: UUID, query: PageQuery, root: Path
    ) -> Page[Notebook]:
        """A project's notebooks by name."""
        found = await self._data.call(
            principal, "notebooks_list", project_id=project_id, **query.model_dump()
        )
        page = Page[Notebook].model_validate(found)
        folder = await self._folder(principal, project_id, root)
        await asyncio.to_thread(_find_files, page.items, root, folder)
        return page

    async def get(self, principal: Principal, project_id: UUID, notebook_id: UUID, root: Path) -> Notebook:
        """One notebook."""
        found = await self._data.call(principal, "notebooks_get", project_id=project_id, id=notebook_id)
        notebook = Notebook.model_validate(found)
        await self._on_disk(principal, notebook, root)
        return notebook

    async def of_run(
        self, principal: Principal, project_id: UUID, run_id: str, root: Path
    ) -> RunNotebook | None:
        """The notebook that made a run; None where none did, or none that the principal sees."""
        found = await self._data.call(principal, "notebooks_of_run", project_id=project_id, run_id=run_id)
        if found is None:
            return None
        notebook = RunNotebook.model_validate(found)
        await self._on_disk(principal, notebook, root)
        return notebook

    async def versions(
        self, principal: Principal, project_id: UUID, notebook_id: UUID, query: PageQuery
    ) -> Page[NotebookVersion]:
        """A notebook's versions, newest first."""
        found = await self._data.call(
            principal, "notebooks_versions", project_id=project_id, id=notebook_id, **query.model_dump()
        )
        return Page[NotebookVersion].model_validate(found)

    async def content(
        self, principal: Principal, project_id: UUID, notebook_id: UUID, version: int
    ) -> Content:
        """A version's bytes: a notebook that any tool opens, without the mark of its identity."""
        found = await self._version(principal, project_id, notebook_id, version)
        chunks = await self._objects.read(principal, found["object_key"])
        return Content(f"{found['name']} v{version}.ipynb", found["size"], found["sha256"], chunks)

    async def diff(
        self, principal: Principal, project_id: UUID, notebook_id: UUID, before: int, after: int
    ) -> NotebookDiff:
        """What changed from one version to another, cell by cell."""
        rows = [await self._version(principal, project_id, notebook_id, number) for number in (before, after)]
        paths = [await self._objects.local_path(principal, row["object_key"]) for row in rows]
        cells = await self._comparer.compare(*paths)
        counts = {
            state: sum(cell["state"] == state for cell in cells) for state in ("added", "removed", "changed")
        }
        return NotebookDiff.model_validate({"before": before, "after": after, "cells": cells, **counts})

    async def _version(
        self, principal: Principal, project_id: UUID, notebook_id: UUID, version: int
    ) -> dict[str, Any]:
        if not 0 < version <= _MOST_VERSION:
            raise NotFound(f"there is no version {version}", code="version_not_found")
        found: dict[str, Any] = await self._data.call(
            principal, "notebooks_version", project_id=project_id, id=notebook_id, version=version
        )
        return found

    # ---- binding

    async def bind(
        self, principal: Principal, path: str, root: Path, notebook_id: UUID | None = None
    ) -> Notebook | None:
        """Make a file of a project's folder a notebook of the project, or find which one it is.

        Whoever may only look at the project finds it, and makes none.

        Args:
            path: of the file, below the root; not trusted.
            notebook_id: what it is known as; what the file says where omitted.

        Returns:
            None where the file is in no project's folder, or not to be made a notebook by the principal.

        Raises:
            Invalid: the file is no notebook.
        """
        located = await asyncio.to_thread(files.locate, path, root)
        if located is None:
            return None
        told = await asyncio.to_thread(files.read, located.file)
        claimed = notebook_id or told.id
        known = await self._known(principal, located.project_id, claimed)
        copy = (
            known is not None
            and known.path != located.path
            and await asyncio.to_thread(files.carries, located.folder, known.path, known.id)
        )
        try:
            found = await self._data.call(
                principal,
                "notebooks_bind",
                project_id=located.project_id,
                path=located.path,
                id=claimed,
                copy=copy,
                kernel=told.kernel,
                language=told.language,
            )
        except NotFound:
            return None
        except (Forbidden, Conflict):
            if known is None or copy:
                return None
            found = known.model_dump()
        self._folders[located.project_id] = located.place.removesuffix(located.path).rstrip("/")
        return Notebook.model_validate({**found, "file": located.place})

    async def _known(
        self, principal: Principal, project_id: UUID, notebook_id: UUID | None
    ) -> Notebook | None:
        if notebook_id is None:
            return None
        try:
            found = await self._data.call(principal, "notebooks_get", project_id=project_id, id=notebook_id)
        except NotFound:
            return None
        return Notebook.model_validate(found)

    async def attach(
        self, principal: Principal, notebook: Notebook, kernel_id: UUID, credential_id: UUID
    ) -> None:
        """A kernel with a credential of the principal's runs this notebook: it made the runs that the kernel begins."""
        await self._data.call(
            principal,
            "notebooks_attach",
            project_id=notebook.project_id,
            id=notebook.id,
            kernel_id=kernel_id,
            credential_id=credential_id,
        )

    # ---- versions

    async def snapshot(
        self, principal: Principal, project_id: UUID, notebook_id: UUID, raw: bytes, query: SnapshotQuery
    ) -> Snapshot:
        """Keep a notebook as it is now, unless the newest version has the same sources and outputs.

        Raises:
            Invalid: it is no notebook.
            TooLarge: even without its outputs.
        """
        if len(raw) > snapshots.LARGEST_BODY:
            raise TooLarge(
                f"the notebook has more than {snapshots.LARGEST_BODY:,} bytes", hint="clear its outputs"
            )
        prepared = await asyncio.to_thread(snapshots.prepare, raw)
        asked = {"project_id": project_id, "id": notebook_id, **query.model_dump()}
        same = await self._data.call(
            principal, "notebooks_unchanged", fingerprint=prepared.fingerprint, **asked
        )
        if same is not None:
            return Snapshot.model_validate(same)
        writer = self._objects.writer(principal, project_id)
        try:
            for start in range(0, len(prepared.content), _CHUNK):
                await writer.write(prepared.content[start : start + _CHUNK])
            stored = await writer.commit()
        finally:
            await writer.abort()
        try:
            answer = await self._data.call(
                principal,
                "notebooks_add_version",
                sha256=stored.sha256,
                size=stored.size,
                fingerprint=prepared.fingerprint,
                cells=prepared.cells,
                stripped=prepared.stripped,
                kernel=prepared.kernel,
                language=prepared.language,
                **asked,
            )
        except InsighterError:
            await self._release(principal, stored.key)
            raise
        if answer["unchanged"]:
            await self._release(principal, stored.key)
        return Snapshot.model_validate(answer)

    async def _release(self, principal: Principal, key: str) -> None:
        """Remove an object that was stored for nothing, unless something else needs it."""
        try:
            await self._objects.delete(principal, [key], datetime.now(UTC))
        except InsighterError:
            log.warning("an object without an owner stays behind: %s", key, exc_info=True)

    async def delete(self, principal: Principal, project_id: UUID, notebook_id: UUID) -> None:
        """Move a notebook with all versions to the trash; its file stays where it is."""
        await self._data.call(principal, "notebooks_delete", project_id=project_id, id=notebook_id)

    # ---- where the files are

    async def _on_disk(self, principal: Principal, notebook: Notebook, root: Path) -> None:
        folder = await self._folder(principal, notebook.project_id, root)
        await asyncio.to_thread(_find_files, [notebook], root, folder)

    async def _folder(self, principal: Principal, project_id: UUID, root: Path) -> str | None:
        """Where the project's folder is on this machine, below the root; None where it is not."""
        seen = self._folders.get(project_id)
        if seen is not None and await asyncio.to_thread(folders.belongs, root, seen, project_id):
            return seen
        stored = (await self._projects.get(principal, project_id)).folder
        there = await asyncio.to_thread(folders.belongs, root, stored, project_id)
        return stored if stored and there else None


def _find_files(notebooks: Sequence[Notebook], root: Path, folder: str | None) -> None:
    """Tell each where its file is, if it is there."""
    if folder is None:
        return
    for notebook in notebooks:
        place = f"{folder}/{notebook.path}".lstrip("/")
        if files.locate(place, root) is not None:
            notebook.file = place
