"""Endpoints as a service: what is wanted stands in the database, and a keeper brings the processes in line with it.

Every change goes to the database first, where it is permitted or refused.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from insighter_ext.deployments import keeper
from insighter_ext.deployments.forwarding import Answer
from insighter_ext.deployments.host import Host
from insighter_ext.deployments.models import Deployment, DeploymentCreate, Row
from insighter_ext.deployments.run_dir import to_end
from insighter_ext.errors import Invalid, NotFound, Unavailable
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.models import Page
from insighter_ext.principal import Principal
from insighter_ext.registry.models import ModelVersion
from insighter_ext.serving import protocol

log = logging.getLogger("insighter.deployments")


class Models(keeper.Models, Protocol):
    """What deployments need of the registry."""

    async def resolve(self, principal: Principal, project_id: UUID, name: str, alias: str) -> ModelVersion:
        """The version that an alias names."""
        ...

    async def version(self, principal: Principal, project_id: UUID, name: str, version: int) -> ModelVersion:
        """One version."""
        ...


class DeploymentsService:
    """See the module.

    Args:
        host: this machine. It runs what is started through this server, and looks after it.
        directory: where the deployments keep their files.
        start_seconds: how long one may take to become healthy.
    """

    def __init__(
        self,
        data: DataGateway,
        objects: ObjectStore,
        models: Models,
        host: Host,
        directory: Path,
        start_seconds: float,
    ) -> None:
        self._data = data
        self._models = models
        self._keeper = keeper.Keeper(data, objects, models, host, directory, start_seconds)

    # ---- the life of the service

    def open(self) -> None:
        """Begin to look after this machine's deployments; answers meanwhile are right all the same."""
        self._keeper.open()

    async def close(self) -> None:
        """Stop looking after the processes. They go on."""
        await self._keeper.close()

    async def sweep(self) -> None:
        """Bring this machine's processes in line with the database now; it is done every half minute anyway."""
        await self._keeper.sweep()

    async def project_deleted(self) -> None:
        """Call it when a project was deleted, or endpoints were purged: what is left of them ends and goes.

        What cannot be done now, the next round does.
        """
        try:
            await self._keeper.sweep()
        except Exception:
            log.exception("the endpoints of a deleted project could not be ended")

    # ---- what the API does

    async def list(self, principal: Principal, project_id: UUID) -> Page[Deployment]:
        """A project's deployments by name, without their logs."""
        answers = await self._data.call(principal, "deployments_list", project_id=project_id)
        rows = await asyncio.gather(
            *(self._seen(principal, Row.model_validate(answer)) for answer in answers)
        )
        return Page[Deployment](items=[row.shown() for row in rows if row is not None], cursor=None)

    async def get(self, principal: Principal, project_id: UUID, name: str) -> Deployment:
        """A deployment with the end of its log."""
        found = await self._row(principal, project_id, name)
        row = await self._keeper.settle(principal, found)
        self._keeper.attend(row)
        return row.shown(await self._keeper.log(row) if found.log_shown else [])

    async def create(self, principal: Principal, project_id: UUID, body: DeploymentCreate) -> Deployment:
        """Deploy a model version on this machine. Returns at once; the process is started in the background.

        Raises:
            NotFound: no such model, version or alias.
            Conflict: the name is taken.
            Invalid: the name fits no address, or not exactly one of version and alias is given.
        """
        version = await self._version(principal, project_id, body)
        deployment_id = uuid4()
        # Held before anybody can see the row: one that starts and is held by nobody was left by a killed server.
        held = await self._keeper.hold(deployment_id, body.name)
        try:
            answer = await self._data.call(
                principal,
                "deployments_create",
                project_id=project_id,
                id=deployment_id,
                name=body.name,
                model_name=body.model,
                model_version=version,
                port=body.port,
                **self._keeper.place,
            )
        except BaseException:
            await to_end(self._keeper.run_dir(deployment_id).remove)
            held.release()
            raise
        return self._keeper.launch(principal, Row.model_validate(answer), held).shown()

    async def start(self, principal: Principal, project_id: UUID, name: str) -> Deployment:
        """Start a stopped or failed deployment again, under the same address, on this machine and in the caller's name.

        Raises:
            Conflict: it runs already, or another request is at it.
        """
        row = await self._keeper.settle(principal, await self._row(principal, project_id, name))
        held = await self._keeper.hold(row.id, name)
        try:
            answer = await self._data.call(
                principal, "deployments_start", project_id=project_id, name=name, **self._keeper.place
            )
        except BaseException:
            held.release()
            raise
        return self._keeper.launch(principal, Row.model_validate(answer), held).shown()

    async def stop(self, principal: Principal, project_id: UUID, name: str) -> Deployment:
        """Stop a deployment; it can be started again. Running requests are given some seconds to finish.

        One that runs on another machine ends within half a minute.
        """
        answer = await self._data.call(principal, "deployments_stop", project_id=project_id, name=name)
        row = Row.model_validate(answer)
        if self._keeper.here(row):
            await self._keeper.end(row.id)
        return row.shown(await self._keeper.log(row))

    async def delete(self, principal: Principal, project_id: UUID, name: str) -> None:
        """Stop a deployment and move it to the trash; on another machine it ends within half a minute.

        Its files stay until it is purged: what is restored can be started again.
        """
        answer = await self._data.call(principal, "deployments_delete", project_id=project_id, name=name)
        row = Row.model_validate(answer)
        if self._keeper.here(row):
            await self._keeper.end(row.id)

    async def forward(
        self,
        principal: Principal,
        project: str,
        name: str,
        action: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Answer:
        """Send a request on to an endpoint.

        Args:
            project: the project's slug.
            action: ``invocations``, ``ping``, ``health`` or ``version``.
            body: makes it a POST.
            headers: those to send; the endpoint's secret is added.

        Raises:
            NotFound: no such endpoint.
            Unavailable: it does not run, or not on this machine; the message says why.
            Timeout: it took longer than a prediction may.
        """
        row = Row.model_validate(
            await self._data.call(principal, "deployments_resolve", project=project, name=name)
        )
        if not self._keeper.here(row):
            raise _elsewhere(row)
        target = self._keeper.target(row)
        if target is None or not protocol.is_alive(target.process):
            row = await self._keeper.settle(principal, row)
            self._keeper.attend(row)
            target = self._keeper.target(row)
            if target is None:
                raise _unavailable(row)
        try:
            return await self._keeper.forwarder.send(target, action, body, headers)
        except Unavailable:
            # A process that died of the request takes a moment to be gone.
            for _ in range(20):
                if (row := await self._keeper.settle(principal, row)).status != "healthy":
                    raise _unavailable(row) from None
                await asyncio.sleep(0.05)
            raise

    # ---- what is wanted, and what is there

    async def _row(self, principal: Principal, project_id: UUID, name: str) -> Row:
        answer = await self._data.call(principal, "deployments_get", project_id=project_id, name=name)
        return Row.model_validate(answer)

    async def _version(self, principal: Principal, project_id: UUID, body: DeploymentCreate) -> int:
        if (body.version is None) == (body.alias is None):
            raise Invalid(
                "give either a version or an alias", hint='for instance "version": 1, or "alias": "champion"'
            )
        try:
            if body.version is not None:
                return (await self._models.version(principal, project_id, body.model, body.version)).version
            assert body.alias is not None
            return (await self._models.resolve(principal, project_id, body.model, body.alias)).version
        except NotFound as error:
            hint = error.hint or (
                f"GET /insighter/api/projects/{project_id}/models lists the models with their versions and aliases"
            )
            raise NotFound(error.message, code=error.code, hint=hint) from None

    async def _seen(self, principal: Principal, row: Row) -> Row | None:
        try:
            row = await self._keeper.settle(principal, row)
        except NotFound:
            return None  # deleted a moment ago
        self._keeper.attend(row)
        return row


def _elsewhere(row: Row) -> Unavailable:
    if row.status not in {"starting", "healthy"}:
        return _unavailable(row)
    return Unavailable(
        f'the endpoint "{row.name}" runs on another machine, {row.host}',
        code="endpoint_elsewhere",
        hint=f"call it through the server on {row.host}, or stop it and start it here",
    )


def _unavailable(row: Row) -> Unavailable:
    if row.status == "failed":
        message = f'the endpoint "{row.name}" failed: {row.reason}'
        hint = "see its log, then start it again"
    elif row.status == "stopped":
        because = f": {row.reason}" if row.reason else ""
        message, hint = f'the endpoint "{row.name}" is stopped{because}', "start it again"
    else:
        message, hint = f'the endpoint "{row.name}" is still starting', "try again in some seconds"
    return Unavailable(message, code=f"endpoint_{row.status}", hint=hint)
