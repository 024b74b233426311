"""Routes of notebooks."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote
from uuid import UUID

from tornado import iostream

from insighter_ext.models import Page, PageQuery
from insighter_ext.notebooks.models import (
    Notebook,
    NotebookBind,
    NotebookDiff,
    NotebookVersion,
    RunNotebook,
    Snapshot,
    SnapshotQuery,
)
from server_handlers.base import ApiHandler, operation

_NOTEBOOKS = "/projects/{project_id:uuid}/notebooks"
_NOTEBOOK = _NOTEBOOKS + "/{notebook_id:uuid}"


class BindHandler(ApiHandler):
    """Files of project folders."""

    path, tag = "/notebooks", "notebooks"

    @operation(
        "Bind a notebook file to the project of its folder; 204 where it is in none",
        body=NotebookBind,
        returns=Notebook,
        also=204,
        errors=(422,),
    )
    async def post(self, body: NotebookBind) -> Notebook | None:
        bound = await self.platform.notebooks.bind(self.principal, body.path, self.root, body.id)
        if bound is None:
            self.outcome = 204
        return bound


class NotebooksHandler(ApiHandler):
    """All notebooks of a project."""

    path, tag = _NOTEBOOKS, "notebooks"

    @operation("A project's notebooks, by name", query=PageQuery, returns=Page[Notebook], errors=(404, 422))
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Notebook]:
        return await self.platform.notebooks.list(self.principal, project_id, query, self.root)


class NotebookHandler(ApiHandler):
    """One notebook."""

    path, tag = _NOTEBOOK, "notebooks"

    @operation("A notebook", returns=Notebook, errors=(404,))
    async def get(self, project_id: UUID, notebook_id: UUID) -> Notebook:
        return await self.platform.notebooks.get(self.principal, project_id, notebook_id, self.root)

    @operation(
        "Move a notebook with all its versions to the trash; its file stays",
        status=204,
        errors=(403, 404, 409),
    )
    async def delete(self, project_id: UUID, notebook_id: UUID) -> None:
        await self.platform.notebooks.delete(self.principal, project_id, notebook_id)


class VersionsHandler(ApiHandler):
    """Snapshots of a notebook."""

    path, tag = _NOTEBOOK + "/versions", "notebooks"

    @operation(
        "A notebook's versions, newest first",
        query=PageQuery,
        returns=Page[NotebookVersion],
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, notebook_id: UUID, query: PageQuery) -> Page[NotebookVersion]:
        return await self.platform.notebooks.versions(self.principal, project_id, notebook_id, query)

    @operation(
        "Keep a notebook as it is now, its JSON being the body, as the next version",
        query=SnapshotQuery,
        media_in="application/json",
        returns=Snapshot,
        status=201,
        errors=(403, 404, 409, 413, 422),
    )
    async def post(self, project_id: UUID, notebook_id: UUID, query: SnapshotQuery) -> Snapshot:
        result = await self.platform.notebooks.snapshot(
            self.principal, project_id, notebook_id, self.request.body, query
        )
        self.created("projects", project_id, "notebooks", notebook_id)
        return result


class VersionContentHandler(ApiHandler):
    """A version itself."""

    path, tag = _NOTEBOOK + "/versions/{version:int}/content", "notebooks"

    @operation("Download a version", media_out="application/x-ipynb+json", errors=(404,))
    async def get(self, project_id: UUID, notebook_id: UUID, version: int) -> Any:
        content = await self.platform.notebooks.content(self.principal, project_id, notebook_id, version)
        self.set_header("Content-Type", "application/x-ipynb+json")
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


class DiffHandler(ApiHandler):
    """Two versions."""

    path, tag = _NOTEBOOK + "/versions/{before:int}/diff/{after:int}", "notebooks"

    @operation(
        "What changed from one version to another, cell by cell", returns=NotebookDiff, errors=(404, 503, 504)
    )
    async def get(self, project_id: UUID, notebook_id: UUID, before: int, after: int) -> NotebookDiff:
        return await self.platform.notebooks.diff(self.principal, project_id, notebook_id, before, after)


class RunNotebookHandler(ApiHandler):
    """Where a run was made."""

    path, tag = "/projects/{project_id:uuid}/runs/{run_id}/notebook", "notebooks"

    @operation(
        "The notebook that made a run; 204 where none did", returns=RunNotebook, also=204, errors=(404,)
    )
    async def get(self, project_id: UUID, run_id: str) -> RunNotebook | None:
        found = await self.platform.notebooks.of_run(self.principal, project_id, run_id, self.root)
        if found is None:
            self.outcome = 204
        return found


HANDLERS = [
    BindHandler,
    NotebooksHandler,
    NotebookHandler,
    VersionsHandler,
    VersionContentHandler,
    DiffHandler,
    RunNotebookHandler,
]
