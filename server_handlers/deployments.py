"""Routes of endpoints, and the way through the server to them."""

from __future__ import annotations

from uuid import UUID

from tornado import web

from insighter_ext.deployments.models import Deployment, DeploymentCreate
from insighter_ext.errors import InsighterError, TooLarge
from insighter_ext.models import Page
from insighter_ext.serving.protocol import MAX_BODY_BYTES
from server_handlers.base import ApiHandler, PlatformHandler, operation
from server_handlers.streaming import AnsweredRefusal

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

    @operation("Stop an endpoint and move it to the trash", status=204, errors=(403, 404))
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

    @operation(
        "Start a stopped or failed endpoint again", returns=Deployment, status=202, errors=(403, 404, 409)
    )
    async def post(self, project_id: UUID, name: str) -> Deployment:
        return await self.platform.deployments.start(self.principal, project_id, name)


# Nothing else of a request reaches the model's process: not the caller's credential, not a cookie.
_FORWARDED = ("Content-Type", "Accept")


@web.stream_request_body
class ServeHandler(AnsweredRefusal, PlatformHandler):
    """The way to an endpoint: MLflow's scoring protocol, behind the server's own sign-in.

    It is not part of the JSON API: what it takes and gives is the model's affair.
    """

    ROUTE = r"/insighter/serve/([^/]+)/([^/]+)/(invocations|ping|health|version)"

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Find out who asks before the body arrives: nothing of a stranger's is kept."""
        self._chunks: list[bytes] = []
        self._size = 0
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
            self.raise_refusal()
        except (InsighterError, web.HTTPError) as refusal:
            self.refuse(refusal)

    @property
    def content_security_policy(self) -> str:
        """What a model answers is data, and no page of this server."""
        return "sandbox; default-src 'none'"

    def data_received(self, chunk: bytes) -> None:
        """Keep the body as far as it may go."""
        self._size += len(chunk)
        if self._size <= MAX_BODY_BYTES and self._refusal is None:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    async def get(self, project: str, name: str, action: str) -> None:
        """Ping, health and version."""
        await self._forward(project, name, action, None)

    async def post(self, project: str, name: str, action: str) -> None:
        """Invocations."""
        self.raise_refusal()
        if self._size > MAX_BODY_BYTES:
            raise TooLarge(
                f"a request to an endpoint may hold {MAX_BODY_BYTES // 2**20} MiB",
                hint="send fewer rows at a time",
            )
        await self._forward(project, name, action, b"".join(self._chunks))

    async def _forward(self, project: str, name: str, action: str, body: bytes | None) -> None:
        self.raise_refusal()
        allowed = "POST" if action == "invocations" else "GET"
        if self.request.method != allowed:
            self.set_header("Allow", allowed)
            raise web.HTTPError(405, f"{action} takes {allowed}")
        headers = {key: self.request.headers[key] for key in _FORWARDED if key in self.request.headers}
        answer = await self.platform.deployments.forward(self.principal, project, name, action, body, headers)
        self.set_status(answer.status)
        self.clear_header("Content-Type")
        if answer.content_type is not None:
            self.set_header("Content-Type", answer.content_type)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        await self.finish(answer.body)


HANDLERS = [DeploymentsHandler, DeploymentHandler, DeploymentStopHandler, DeploymentStartHandler]
ROUTES = [(ServeHandler.ROUTE, ServeHandler)]
