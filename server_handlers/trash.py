"""Routes of the trash."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page, PageQuery
from insighter_ext.projects.models import Project
from insighter_ext.trash.models import Purged, TrashedProject, TrashEntry, TrashQuery, TrashRestore
from server_handlers.base import ApiHandler, operation

_TRASH = "/projects/{project_id:uuid}/trash"


class TrashHandler(ApiHandler):
    """What was deleted in a project."""

    path, tag = _TRASH, "trash"

    @operation(
        "A project's trash, the newest first", query=TrashQuery, returns=Page[TrashEntry], errors=(403, 404)
    )
    async def get(self, project_id: UUID, query: TrashQuery) -> Page[TrashEntry]:
        return await self.platform.trash.list(self.principal, project_id, query)

    @operation("Empty a project's trash: all of it goes for good", returns=Purged, errors=(403, 404, 409))
    async def delete(self, project_id: UUID) -> Purged:
        return await self.platform.trash.purge(self.principal, project_id)


class TrashEntryHandler(ApiHandler):
    """One deleted asset."""

    path, tag = _TRASH + "/{kind}/{asset_id}", "trash"

    @operation("Delete an asset of the trash for good", returns=Purged, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, kind: str, asset_id: str) -> Purged:
        return await self.platform.trash.purge(self.principal, project_id, kind, asset_id)


class TrashRestoreHandler(ApiHandler):
    """The way back."""

    path, tag = _TRASH + "/{kind}/{asset_id}/restore", "trash"

    @operation(
        "Restore an asset with everything that hangs on it",
        body=TrashRestore,
        returns=TrashEntry,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, kind: str, asset_id: str, body: TrashRestore) -> TrashEntry:
        return await self.platform.trash.restore(self.principal, project_id, kind, asset_id, body.name)


class TrashedProjectsHandler(ApiHandler):
    """Deleted projects."""

    path, tag = "/trash", "trash"

    @operation(
        "The caller's deleted projects, the newest first", query=PageQuery, returns=Page[TrashedProject]
    )
    async def get(self, query: PageQuery) -> Page[TrashedProject]:
        return await self.platform.trash.projects(self.principal, query)


class TrashedProjectHandler(ApiHandler):
    """One deleted project."""

    path, tag = "/trash/{project_id:uuid}", "trash"

    @operation("Delete a project of the trash for good; its folder stays", returns=Purged, errors=(403, 404))
    async def delete(self, project_id: UUID) -> Purged:
        return await self.platform.trash.purge_project(self.principal, project_id, self.root)


class TrashedProjectRestoreHandler(ApiHandler):
    """The way back."""

    path, tag = "/trash/{project_id:uuid}/restore", "trash"

    @operation(
        "Restore a project with everything in it",
        body=TrashRestore,
        returns=Project,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: TrashRestore) -> Project:
        return await self.platform.trash.restore_project(self.principal, project_id, body.name)


HANDLERS = [
    TrashHandler,
    TrashEntryHandler,
    TrashRestoreHandler,
    TrashedProjectsHandler,
    TrashedProjectHandler,
    TrashedProjectRestoreHandler,
]
