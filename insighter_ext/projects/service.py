"""Projects as a service: rows in the database, a folder on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.gateways import DataGateway, ObjectStore, delete_released_projects
from insighter_ext.models import Page
from insighter_ext.principal import Principal
from insighter_ext.projects import folders
from insighter_ext.projects.models import (
    Project,
    ProjectContents,
    ProjectCreate,
    ProjectFolder,
    ProjectQuery,
    ProjectUpdate,
)


class ProjectsService:
    """See the module. ``root`` is always Jupyter's root folder.

    Args:
        after_deletion: is called when a project is gone from the database, to end what runs for it.
    """

    def __init__(
        self,
        data: DataGateway,
        objects: ObjectStore,
        after_deletion: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._data = data
        self._objects = objects
        self._after_deletion = after_deletion

    async def create(self, principal: Principal, body: ProjectCreate, root: Path) -> Project:
        """Make a project and its folder."""
        made = await self._data.call(
            principal, "projects_create", name=body.name, description=body.description
        )
        project = Project.model_validate(made)
        try:
            return await self._give_folder(principal, project, root)
        except BaseException:
            # A project without its folder would take the name and be of no use.
            await asyncio.shield(self.forget(principal, project.id))
            raise

    async def list(self, principal: Principal, query: ProjectQuery) -> Page[Project]:
        """The caller's projects by name."""
        return Page[Project].model_validate(
            await self._data.call(principal, "projects_list", **query.model_dump())
        )

    async def get(self, principal: Principal, project_id: UUID) -> Project:
        """One project."""
        return Project.model_validate(await self._data.call(principal, "projects_get", id=project_id))

    async def personal(self, principal: Principal) -> Project:
        """The account's own project, made when first asked for."""
        return Project.model_validate(await self._data.call(principal, "projects_personal"))

    async def contents(self, principal: Principal, project_id: UUID) -> ProjectContents:
        """What a deletion of the project would delete."""
        return ProjectContents.model_validate(
            await self._data.call(principal, "projects_contents", id=project_id)
        )

    async def update(self, principal: Principal, project_id: UUID, body: ProjectUpdate) -> Project:
        """Rename, describe, archive or restore."""
        changes = body.model_dump(exclude_none=True)
        return Project.model_validate(
            await self._data.call(principal, "projects_update", id=project_id, **changes)
        )

    async def delete(self, principal: Principal, project_id: UUID, confirm: str) -> None:
        """Move a project with all its assets to the trash; its folder stays, and is its own when it comes back.

        Raises:
            Invalid: ``confirm`` is not the project's name.
        """
        project = await self.get(principal, project_id)
        if confirm.strip() != project.name:
            raise Invalid(
                f'the confirmation does not match the name "{project.name}"',
                code="not_confirmed",
                hint="repeat the project's name exactly",
            )
        await self._data.call(principal, "projects_delete", id=project_id)
        if self._after_deletion is not None:
            await self._after_deletion()

    async def forget(self, principal: Principal, project_id: UUID) -> None:
        """Delete a project for good: one that was not made to its end, and holds nothing that could be wanted back."""
        await self._data.call(principal, "projects_delete", id=project_id)
        await self._data.call(principal, "trash_projects_purge", id=project_id)
        await delete_released_projects(self._data, self._objects, principal)

    async def open_folder(self, principal: Principal, project_id: UUID, root: Path) -> ProjectFolder:
        """Make sure that the project's folder is there, and say where."""
        project = await self.get(principal, project_id)
        if not project.folder or not await asyncio.to_thread(
            folders.belongs, root, project.folder, project_id
        ):
            project = await self._give_folder(principal, project, root)
        return ProjectFolder(path=project.folder)

    async def of_path(self, principal: Principal, path: Path, root: Path) -> Project:
        """The project a file or folder belongs to: the nearest marked folder above it, else the personal project."""
        if principal.project_id is not None:
            return await self.get(principal, principal.project_id)
        marked = await asyncio.to_thread(folders.project_of, path, root)
        if marked is not None:
            try:
                return await self.get(principal, marked)
            except NotFound:
                pass  # a folder copied from elsewhere: its project is not the caller's
        return await self.personal(principal)

    async def _give_folder(self, principal: Principal, project: Project, root: Path) -> Project:
        folder = await asyncio.to_thread(folders.make, root, project.folder or project.slug, project.id)
        updated = await self._data.call(principal, "projects_update", id=project.id, folder=folder)
        return Project.model_validate(updated)
