"""Endpoints as a service: what is wanted stands in the database, and the processes are brought in line with it.

Every change goes to the database first, where it is permitted or refused. Whoever judges, starts or ends a process
holds the deployment's lock. So a server can be killed at any moment, and the next one to look puts right what it left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

from pydantic import Field

from insighter_ext.deployments import run_dir as run_dirs
from insighter_ext.deployments.forwarding import Answer, Forwarder, Target
from insighter_ext.deployments.model_files import ModelFile, materialise
from insighter_ext.deployments.models import Deployment, DeploymentCreate, DeploymentStatus
from insighter_ext.deployments.run_dir import CUT_OFF, Hold, RunDir, to_end
from insighter_ext.errors import Conflict, InsighterError, Invalid, NotFound, Unavailable
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.models import Page
from insighter_ext.principal import Principal
from insighter_ext.registry.models import ModelVersion
from insighter_ext.serving import protocol

log = logging.getLogger("insighter.deployments")

_LOG_LINES = 50
_LOOK_SECONDS = 0.1
_HOLD_SECONDS = 20.0
_JUDGE_SECONDS = 2.0
_ACTIVE = frozenset({"starting", "healthy"})


class Models(Protocol):
    """What deployments need of the registry."""

    async def resolve(self, principal: Principal, project_id: UUID, name: str, alias: str) -> ModelVersion:
        """The version that an alias names."""
        ...

    async def version(self, principal: Principal, project_id: UUID, name: str, version: int) -> ModelVersion:
        """One version."""
        ...

    async def model_files(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> Sequence[ModelFile]:
        """The files of a version."""
        ...


class Row(Deployment):
    """A deployment as the database answers it."""

    project_id: UUID
    port: int | None
    attempt: int
    log: list[str] = Field(default_factory=list)

    def shown(self, log: Sequence[str] = ()) -> Deployment:
        """As the API answers it."""
        return Deployment.model_validate({**self.model_dump(), "log": list(log)})


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: DeploymentStatus
    reason: str | None = None


class DeploymentsService:
    """See the module.

    Args:
        owner: as whom a starting server looks after what another one left; where there is nobody, whoever asks for
            a deployment has it looked after.
        directory: where the deployments keep their files.
        start_seconds: how long one may take to become healthy.
    """

    def __init__(
        self,
        data: DataGateway,
        objects: ObjectStore,
        models: Models,
        owner: Principal | None,
        directory: Path,
        start_seconds: float,
    ) -> None:
        self._data = data
        self._objects = objects
        self._models = models
        self._owner = owner
        self._directory = directory
        self._start_seconds = start_seconds
        self._forwarder = Forwarder()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._targets: dict[UUID, tuple[int, Target]] = {}
        self._reconciling: asyncio.Task[None] | None = None

    # ---- the life of the service

    def open(self) -> None:
        """Begin to look after what an earlier server left; answers meanwhile are right all the same."""
        self._reconciling = asyncio.ensure_future(self._reconcile())

    async def close(self) -> None:
        """Stop looking after the processes. They go on."""
        tasks = [*self._tasks.values(), *([self._reconciling] if self._reconciling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._forwarder.close()

    async def _reconcile(self) -> None:
        if self._owner is None:
            return
        try:
            for answer in await self._data.call(self._owner, "deployments_active"):
                with contextlib.suppress(NotFound):
                    self._attend(self._owner, await self._settle(self._owner, Row.model_validate(answer)))
            await self.sweep()
        except Exception:
            log.exception("what earlier servers left of deployments could not be looked after")

    async def sweep(self) -> None:
        """End the processes of deployments that are deleted or stopped, and remove the files of those deleted."""
        ids = await asyncio.to_thread(run_dirs.all_in, self._directory)
        if ids and self._owner is not None:
            known = await self._known(ids)
            wrong = [
                i for i in ids if i not in known or (known[i] not in _ACTIVE and self._run_dir(i).lives())
            ]
            await asyncio.gather(*map(self._clear, wrong))

    async def project_deleted(self) -> None:
        """Call it when a project was deleted: its endpoints end. What cannot be done now, the next server does."""
        try:
            await self.sweep()
        except Exception:
            log.exception("the endpoints of a deleted project could not be ended")

    async def _clear(self, deployment_id: UUID) -> None:
        run_dir = self._run_dir(deployment_id)
        await self._leave(deployment_id)
        held = run_dir.try_hold()
        if held is None:
            return  # somebody is at it
        try:
            status = (await self._known([deployment_id])).get(deployment_id)
            if status not in _ACTIVE:
                await run_dir.end()
            if status is None:
                await to_end(run_dir.remove)
        finally:
            held.release()

    async def _known(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        answer = await self._data.call(self._owner, "deployments_known", ids=[str(i) for i in ids])
        return {UUID(i): status for i, status in answer.items()}

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
        row = await self._settle(principal, await self._row(principal, project_id, name))
        self._attend(principal, row)
        return row.shown(await asyncio.to_thread(self._run_dir(row.id).log, _LOG_LINES))

    async def create(self, principal: Principal, project_id: UUID, body: DeploymentCreate) -> Deployment:
        """Deploy a model version. Returns at once; the process is started and followed in the background.

        Raises:
            NotFound: no such model, version or alias.
            Conflict: the name is taken.
            Invalid: the name fits no address, or not exactly one of version and alias is given.
        """
        version = await self._version(principal, project_id, body)
        deployment_id = uuid4()
        # Held before anybody can see the row: one that starts and is held by nobody was left by a killed server.
        held = await self._hold(deployment_id, body.name)
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
            )
        except BaseException:
            await to_end(self._run_dir(deployment_id).remove)
            held.release()
            raise
        return self._launch(principal, Row.model_validate(answer), held).shown()

    async def start(self, principal: Principal, project_id: UUID, name: str) -> Deployment:
        """Start a stopped or failed deployment again, with the same files under the same address.

        Raises:
            Conflict: it runs already, or another request is at it.
        """
        row = await self._settle(principal, await self._row(principal, project_id, name))
        held = await self._hold(row.id, name)
        try:
            answer = await self._data.call(principal, "deployments_start", project_id=project_id, name=name)
        except BaseException:
            held.release()
            raise
        return self._launch(principal, Row.model_validate(answer), held).shown()

    async def stop(self, principal: Principal, project_id: UUID, name: str) -> Deployment:
        """Stop a deployment; it can be started again. Running requests are given some seconds to finish."""
        answer = await self._data.call(principal, "deployments_stop", project_id=project_id, name=name)
        row = Row.model_validate(answer)
        await self._end(row.id)
        return row.shown(await asyncio.to_thread(self._run_dir(row.id).log, _LOG_LINES))

    async def delete(self, principal: Principal, project_id: UUID, name: str) -> None:
        """Stop a deployment and forget it, with its files."""
        answer = await self._data.call(principal, "deployments_delete", project_id=project_id, name=name)
        await self._end(UUID(answer["id"]), remove=True)

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
            Unavailable: it does not run; the message says why.
            Timeout: it took longer than a prediction may.
        """
        row = Row.model_validate(
            await self._data.call(principal, "deployments_resolve", project=project, name=name)
        )
        target = self._target(row)
        if target is None or not protocol.is_alive(target.process):
            row = await self._settle(principal, row)
            self._attend(principal, row)
            target = self._target(row)
            if target is None:
                raise _unavailable(row)
        try:
            return await self._forwarder.send(target, action, body, headers)
        except Unavailable:
            # A process that died of the request takes a moment to be gone.
            for _ in range(20):
                if (row := await self._settle(principal, row)).status != "healthy":
                    raise _unavailable(row) from None
                await asyncio.sleep(0.05)
            raise

    # ---- what is wanted

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

    # ---- what is there

    def _run_dir(self, deployment_id: UUID) -> RunDir:
        return RunDir(self._directory, deployment_id)

    async def _hold(self, deployment_id: UUID, name: str) -> Hold:
        held = await self._run_dir(deployment_id).hold(_HOLD_SECONDS)
        if held is None:
            raise Conflict(
                f'"{name}" is being started or stopped by another request',
                code="deployment_busy",
                hint="try again in a moment",
            )
        return held

    def _verdict(self, row: Row) -> _Verdict | None:
        """What the row's status has to become, from what can be seen; None where it is right."""
        if row.status not in _ACTIVE:
            return None
        sight = self._run_dir(row.id).look(row.attempt)
        if sight.kind == "none":
            return _Verdict("failed", CUT_OFF)
        if sight.kind in {"failed", "stopped"}:
            return _Verdict("failed" if sight.kind == "failed" else "stopped", sight.reason)
        if row.status == "starting":
            if sight.kind == "ready":
                return _Verdict("healthy")
            if time.time() - sight.since > self._start_seconds:
                return _Verdict(
                    "failed",
                    f"it did not become healthy in {self._start_seconds:g} s: see its log; "
                    "c.InsighterApp.deployment_start_seconds allows it more time",
                )
        return None

    async def _settle(self, principal: Principal, row: Row) -> Row:
        """The row with the status that fits the process; recorded where the principal may write."""
        verdict = self._verdict(row)
        if verdict is None:
            return row
        run_dir = self._run_dir(row.id)
        # Others who judge it are quick; whoever copies a model's files is not.
        held = run_dir.try_hold() if verdict.reason == CUT_OFF else await run_dir.hold(_JUDGE_SECONDS)
        if held is None:
            return row  # it is being started or stopped right now
        try:
            row = await self._row(principal, row.project_id, row.name)
            verdict = self._verdict(row)
            if verdict is None:
                return row
            if verdict.status == "healthy" and not await self._answers(row):
                return row
            recorded = await self._record(principal, row, verdict)
            if recorded.status == "failed":
                await run_dir.end()  # one that took too long
        finally:
            held.release()
        return recorded if recorded.status not in _ACTIVE else recorded.model_copy(update=_fields(verdict))

    async def _seen(self, principal: Principal, row: Row) -> Row | None:
        try:
            row = await self._settle(principal, row)
        except NotFound:
            return None  # deleted a moment ago
        self._attend(principal, row)
        return row

    async def _record(self, principal: Principal, row: Row, verdict: _Verdict) -> Row:
        answer = await self._data.call(
            principal,
            "deployments_set_status",
            project_id=row.project_id,
            name=row.name,
            id=row.id,
            attempt=row.attempt,
            **_fields(verdict),
        )
        return Row.model_validate(answer)

    def _target(self, row: Row) -> Target | None:
        """Where the process of a healthy deployment listens, and what opens it."""
        if row.status != "healthy":
            self._targets.pop(row.id, None)
            return None
        attempt, target = self._targets.get(row.id, (0, None))
        if target is None or attempt != row.attempt:
            target = self._read_target(row)
            if target is not None:
                self._targets[row.id] = row.attempt, target
        return target

    def _read_target(self, row: Row) -> Target | None:
        run_dir = self._run_dir(row.id)
        state = run_dir.state()
        if state is None or state.port is None:
            return None
        try:
            spec = protocol.read_spec(run_dir.path)
        except (OSError, ValueError):
            return None
        return Target(spec.host, state.port, spec.secret, state)

    async def _answers(self, row: Row) -> bool:
        target = self._read_target(row)
        if target is None:
            return False
        try:
            return (await self._forwarder.send(target, "ping", None, {})).status == 200
        except InsighterError:
            return False

    # ---- background work, at most one task for a deployment

    def _attend(self, principal: Principal, row: Row) -> None:
        """Follow a deployment that starts, whoever started it."""
        if row.status == "starting" and row.id not in self._tasks:
            self._run(row.id, self._follow(principal, row))

    def _launch(self, principal: Principal, row: Row, held: Hold) -> Row:
        previous = self._tasks.pop(row.id, None)
        if previous is not None:
            previous.cancel()
        task = self._run(row.id, self._start_process(principal, row, held))
        task.add_done_callback(lambda _: held.release())  # also when it was cancelled before its first step
        return row

    def _run(self, deployment_id: UUID, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks[deployment_id] = task

        def done(task: asyncio.Task[None]) -> None:
            if self._tasks.get(deployment_id) is task:
                del self._tasks[deployment_id]
            if not task.cancelled() and task.exception() is not None:
                log.error("deployment %s cannot be followed", deployment_id, exc_info=task.exception())

        task.add_done_callback(done)
        return task

    async def _leave(self, deployment_id: UUID) -> None:
        task = self._tasks.pop(deployment_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _start_process(self, principal: Principal, row: Row, held: Hold) -> None:
        try:
            reason = await self._try_start(principal, row)
            if reason is not None:
                await self._record(principal, row, _Verdict("failed", reason))
        except NotFound:
            return  # deleted meanwhile
        finally:
            held.release()
        await self._follow(principal, row)

    async def _try_start(self, principal: Principal, row: Row) -> str | None:
        """Start the process; returns the reason where that fails."""
        run_dir = self._run_dir(row.id)
        try:
            await run_dir.end()  # one that a killed server was about to end
            if not run_dir.model.is_dir():
                files = await self._models.model_files(principal, row.project_id, row.model, row.version)
                await materialise(self._objects, principal, files, run_dir.model)
            spec = protocol.Spec(
                deployment_id=str(row.id),
                name=row.name,
                model_name=row.model,
                model_version=str(row.version),
                model_dir=str(run_dir.model),
                secret=secrets.token_urlsafe(32),
                port=row.port or 0,
            )
            current = await self._row(principal, row.project_id, row.name)
            if (current.id, current.attempt, current.status) == (row.id, row.attempt, "starting"):
                await to_end(run_dir.spawn, spec, row.attempt)
        except InsighterError as error:
            return f"{error.message}: {error.hint}" if error.hint else error.message
        except OSError as error:
            log.warning("deployment %s could not be started", row.id, exc_info=True)
            return f"its process could not be started ({error.strerror or error}): start it again"
        except Exception:
            log.exception("deployment %s could not be started", row.id)
            return "its process could not be started: the server's log tells why"
        return None

    async def _follow(self, principal: Principal, row: Row) -> None:
        """Look at a starting process until it is healthy, or is not going to be."""
        attempt = row.attempt
        while row.status == "starting" and row.attempt == attempt:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                row = await self._settle(principal, row)
            except NotFound:
                return
            except Unavailable:
                log.warning("the database does not answer; deployment %s is looked at again", row.id)
                await asyncio.sleep(1)

    async def _end(self, deployment_id: UUID, *, remove: bool = False) -> None:
        """End the process of a deployment that the database says is stopped or gone."""
        self._targets.pop(deployment_id, None)
        await self._leave(deployment_id)
        run_dir = self._run_dir(deployment_id)
        held = await run_dir.hold(_HOLD_SECONDS)
        if held is None:
            return  # another server copies its files; it asks the database before it starts the process
        try:
            await run_dir.end()
            if remove:
                await to_end(run_dir.remove)
        finally:
            held.release()


def _fields(verdict: _Verdict) -> dict[str, str | None]:
    return {"status": verdict.status, "reason": verdict.reason}


def _unavailable(row: Row) -> Unavailable:
    if row.status == "failed":
        message = f'the endpoint "{row.name}" failed: {row.reason}'
        hint = "see its log, then start it again"
    elif row.status == "stopped":
        message, hint = f'the endpoint "{row.name}" is stopped', "start it again"
    else:
        message, hint = f'the endpoint "{row.name}" is still starting', "try again in some seconds"
    return Unavailable(message, code=f"endpoint_{row.status}", hint=hint)
