"""Routes of projects."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page
from insighter_ext.projects.models import (
    Project,
    ProjectContents,
    ProjectCreate,
    ProjectDelete,
    ProjectFolder,
    ProjectQuery,
    ProjectUpdate,
    Quickstart,
)
from insighter_ext.status import Status
from server_handlers.base import ApiHandler, operation


class StatusHandler(ApiHandler):
    """The server itself."""

    path, tag = "/status", "status"

    @operation("The platform's version, state and caller", returns=Status)
    async def get(self) -> Status:
        return await self.platform.status(self.principal)


class ProjectsHandler(ApiHandler):
    """All projects."""

    path, tag = "/projects", "projects"

    @operation("The caller's projects, by name", query=ProjectQuery, returns=Page[Project])
    async def get(self, query: ProjectQuery) -> Page[Project]:
        return await self.platform.projects.list(self.principal, query)

    @operation(
        "Make a project and its folder", body=ProjectCreate, returns=Project, status=201, errors=(409, 422)
    )
    async def post(self, body: ProjectCreate) -> Project:
        project = await self.platform.projects.create(self.principal, body, self.root)
        self.created("projects", project.id)
        return project


class ProjectHandler(ApiHandler):
    """One project."""

    path, tag = "/projects/{project_id:uuid}", "projects"

    @operation("A project", returns=Project, errors=(404,))
    async def get(self, project_id: UUID) -> Project:
        return await self.platform.projects.get(self.principal, project_id)

    @operation(
        "Rename, describe, archive or restore",
        body=ProjectUpdate,
        returns=Project,
        errors=(403, 404, 409, 422),
    )
    async def patch(self, project_id: UUID, body: ProjectUpdate) -> Project:
        return await self.platform.projects.update(self.principal, project_id, body)

    @operation(
        "Move a project with all its assets to the trash; its folder stays",
        body=ProjectDelete,
        status=204,
        errors=(403, 404, 409, 422),
    )
    async def delete(self, project_id: UUID, body: ProjectDelete) -> None:
        await self.platform.projects.delete(self.principal, project_id, body.confirm)


class ProjectFolderHandler(ApiHandler):
    """A project's folder."""

    path, tag = "/projects/{project_id:uuid}/folder", "projects"

    @operation("Make sure that the project's folder is there", returns=ProjectFolder, errors=(403, 404))
    async def put(self, project_id: UUID) -> ProjectFolder:
        return await self.platform.projects.open_folder(self.principal, project_id, self.root)


class ProjectContentsHandler(ApiHandler):
    """What hangs on a project."""

    path, tag = "/projects/{project_id:uuid}/contents", "projects"

    @operation("What a deletion of the project would delete", returns=ProjectContents, errors=(404,))
    async def get(self, project_id: UUID) -> ProjectContents:
        return await self.platform.projects.contents(self.principal, project_id)


class QuickstartHandler(ApiHandler):
    """The first minute."""

    path, tag = "/quickstart", "projects"

    @operation("Make a project with a real data set and a notebook to run", returns=Quickstart, status=201)
    async def post(self) -> Quickstart:
        made = await self.platform.quickstart.create(self.principal, self.root)
        self.created("projects", made.project.id)
        return made


HANDLERS = [
    StatusHandler,
    ProjectsHandler,
    ProjectHandler,
    ProjectFolderHandler,
    ProjectContentsHandler,
    QuickstartHandler,
]
