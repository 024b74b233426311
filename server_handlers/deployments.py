"""Routes of endpoints, and the way through the server to them."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.deployments.models import Deployment, DeploymentCreate
from insighter_ext.models import Page
from server_handlers.base import ApiHandler, operation

_DEPLOYMENTS = "/projects/{project_id:uuid}/deployments"


class DeploymentsHandler(ApiHandler):
    """All endpoints of a project."""

    path, tag = _DEPLOYMENTS, "deployments"

    @operation("A project's endpoints, by name", returns=Page[Deployment], errors=(404,))
    async def get(self, project_id: UUID) -> Page[Deployment]:
        return await self.platform.deployments.list(self.principal, project_id)

    @operation(
        "Deploy a model version; the answer comes at once, its status tells when it is healthy",
        body=DeploymentCreate,
        returns=Deployment,
        status=202,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: DeploymentCreate) -> Deployment:
        deployment = await self.platform.deployments.create(self.principal, project_id, body)
        self.created("projects", project_id, "deployments", deployment.name)
        return deployment


class DeploymentHandler(ApiHandler):
    """One endpoint."""

    path, tag = _DEPLOYMENTS + "/{name}", "deployments"

    @operation("An endpoint with the end of its log", returns=Deployment, errors=(404,))
    async def get(self, project_id: UUID, name: str) -> Deployment:
        return await self.platform.deployments.get(self.principal, project_id, name)

    @operation("Stop an endpoint and forget it", status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, name: str) -> None:
        await self.platform.deployments.delete(self.principal, project_id, name)


class DeploymentStopHandler(ApiHandler):
    """Stopping."""

    path, tag = _DEPLOYMENTS + "/{name}/stop", "deployments"

    @operation("Stop an endpoint; it can be started again", returns=Deployment, errors=(403, 404))
    async def post(self, project_id: UUID, name: str) -> Deployment:
        return await self.platform.deployments.stop(self.principal, project_id, name)


class DeploymentStartHandler(ApiHandler):
    """Starting again."""

    path, tag = _DEPLOYMENTS + "/{name}/start", "deployments"

    @operation("Start a stopped or failed endpoint again", returns=Deployment, status=202, errors=(403, 404, 409))
    async def post(self, project_id: UUID, name: str) -> Deployment:
        return await self.platform.deployments.start(self.principal, project_id, name)


HANDLERS = [DeploymentsHandler, DeploymentHandler, DeploymentStopHandler, DeploymentStartHandler]
