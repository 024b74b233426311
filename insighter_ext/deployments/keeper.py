"""The processes of this machine's deployments, brought in line with what the database says.

Whoever judges, starts or ends a process holds the deployment's lock, so a server can be killed at any moment, and the
next one to look puts right what it left. What is seen of a process is recorded in the name of the account that started
it, confined to the deployment's project: an account that lost its right has its endpoints stopped.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from insighter_ext.deployments import run_dir as run_dirs
from insighter_ext.deployments.forwarding import Forwarder, Target
from insighter_ext.deployments.host import Host
from insighter_ext.deployments.model_files import ModelFile, materialise
from insighter_ext.deployments.models import DeploymentStatus, Row
from insighter_ext.deployments.run_dir import CUT_OFF, Hold, RunDir, to_end
from insighter_ext.errors import Conflict, Forbidden, InsighterError, NotFound, Unavailable
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.gateways.tasks import end
from insighter_ext.principal import Principal
from insighter_ext.serving import protocol

log = logging.getLogger("insighter.deployments")

_LOG_LINES = 50
_LOOK_SECONDS = 0.1
_ROUND_SECONDS = 30.0
_HOLD_SECONDS = 20.0
_JUDGE_SECONDS = 2.0
_ACTIVE = frozenset({"starting", "healthy"})


class Models(Protocol):
    """What the processes need of the registry."""

    async def model_files(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> Sequence[ModelFile]:
        """The files of a version."""
        ...


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: DeploymentStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Own:
    """What the database says of this machine's deployments.

    Attributes:
        known: the status of each that is asked for and is this machine's.
        active: those that shall have a process, and whether whoever started them may have it run.
    """

    known: dict[UUID, str]
    active: list[tuple[Row, Principal, bool]]


class Keeper:
    """See the module.

    Args:
        host: this machine.
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
        self._objects = objects
        self._models = models
        self._host = host
        self._directory = directory
        self._start_seconds = start_seconds
        self.forwarder = Forwarder()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._targets: dict[UUID, tuple[int, Target]] = {}
        self._rounds: asyncio.Task[None] | None = None

    # ---- looking after what is there

    def open(self) -> None:
        """Begin to look after what an earlier server left; answers meanwhile are right all the same."""
        self._rounds = asyncio.ensure_future(self._make_rounds())

    async def close(self) -> None:
        """Stop looking after the processes. They go on."""
        await end(*self._tasks.values(), self._rounds)
        await self.forwarder.close()

    async def _make_rounds(self) -> None:
        first = True
        while True:
            try:
                # A machine that has no folder of a deployment has nothing to look after, once it knows.
                folders = await asyncio.to_thread(run_dirs.all_in, self._directory)
                if first or folders:
                    await self.sweep()
                first = False
            except InsighterError as error:
                log.warning("this machine's deployments could not be looked after: %s", error.message)
            except Exception:
                log.exception("this machine's deployments could not be looked after")
            await asyncio.sleep(_ROUND_SECONDS)

    async def sweep(self) -> None:
        """Bring all processes in line with their rows, which other machines and other accounts change too.

        Ends those of deployments that are deleted, stopped, moved to another machine, or run for somebody who may not
        have them run any more; removes the files of those that are not this machine's.
        """
        ids = await asyncio.to_thread(run_dirs.all_in, self._directory)
        own = await self._own(ids)
        for row, principal, permitted in own.active:
            try:
                if permitted:
                    self.attend(await self.settle(principal, row))
                else:
                    await self._withdraw(row, principal)
            except NotFound:
                pass  # deleted a moment ago
        wrong = [
            i for i in ids if i not in own.known or (own.known[i] not in _ACTIVE and self.run_dir(i).lives())
        ]
        await asyncio.gather(*map(self._clear, wrong))

    async def _withdraw(self, row: Row, principal: Principal) -> None:
        answer = await self._data.call(principal, "deployments_withdraw", id=row.id, key=self._host.key)
        if answer["stopped"]:
            log.warning("deployment %s is stopped: whoever started it may not run it any more", row.id)
            await self.end(row.id)

    async def _clear(self, deployment_id: UUID) -> None:
        run_dir = self.run_dir(deployment_id)
        await self._leave(deployment_id)
        held = run_dir.try_hold()
        if held is None:
            return  # somebody is at it
        try:
            status = (await self._own([deployment_id])).known.get(deployment_id)
            if status not in _ACTIVE:
                self._targets.pop(deployment_id, None)
                await run_dir.end()
            if status is None:
                await to_end(run_dir.remove)
        finally:
            held.release()

    async def _own(self, ids: Sequence[UUID]) -> _Own:
        # Nobody needs to have signed in: the machine's secret is what the database asks for.
        answer = await self._data.call(
            None, "deployments_of_host", key=self._host.key, ids=[str(i) for i in ids]
        )
        active = []
        for item in answer["active"]:
            row = Row.model_validate(item)
            active.append((row, self._acting(UUID(item["run_by"]), row), item["permitted"]))
        return _Own({UUID(i): status for i, status in answer["known"].items()}, active)

    async def _active(self, deployment_id: UUID) -> tuple[Row, Principal] | None:
        """A deployment that shall have a process here, and the account in whose name."""
        for row, principal, _ in (await self._own([deployment_id])).active:
            if row.id == deployment_id:
                return row, principal
        return None

    @staticmethod
    def _acting(user_id: UUID, row: Row) -> Principal:
        # Without a ceiling: an admin's endpoint may be restricted to admins, and it is to be looked after all the same.
        return Principal(user_id, "service", project_id=row.project_id)

    # ---- what is there

    def here(self, row: Row) -> bool:
        """Whether this machine runs it, or ran it last."""
        return row.host_hash in {None, self._host.key_hash}

    @property
    def place(self) -> dict[str, str]:
        """This machine, as the database is told where something is started."""
        return {"host": self._host.name, "host_key": self._host.key}

    def run_dir(self, deployment_id: UUID) -> RunDir:
        """A deployment's folder on this machine."""
        return RunDir(self._directory, deployment_id)

    async def log(self, row: Row) -> list[str]:
        """The last lines of its process; none of one on another machine."""
        return await asyncio.to_thread(self.run_dir(row.id).log, _LOG_LINES) if self.here(row) else []

    async def hold(self, deployment_id: UUID, name: str) -> Hold:
        """The deployment's lock.

        Raises:
            Conflict: another request, or another server, is at it.
        """
        held = await self.run_dir(deployment_id).hold(_HOLD_SECONDS)
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
        sight = self.run_dir(row.id).look(row.attempt)
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

    async def settle(self, reader: Principal, row: Row) -> Row:
        """The row with the status that fits the process, which is recorded; another machine's row as it is.

        Args:
            reader: sees the row.

        Raises:
            NotFound: it was deleted a moment ago.
        """
        if not self.here(row):
            return row
        verdict = self._verdict(row)
        if verdict is None:
            return row
        run_dir = self.run_dir(row.id)
        # Others who judge it are quick; whoever copies a model's files is not.
        held = run_dir.try_hold() if verdict.reason == CUT_OFF else await run_dir.hold(_JUDGE_SECONDS)
        if held is None:
            return row  # it is being started or stopped right now
        try:
            row = await self._row(reader, row)
            verdict = self._verdict(row)
            if verdict is None:
                return row
            if verdict.status == "healthy" and not await self._answers(row):
                return row
            recorded = await self._record(row, verdict)
            if recorded.status == "failed":
                await run_dir.end()  # one that took too long
        finally:
            held.release()
        return recorded if recorded.status not in _ACTIVE else recorded.model_copy(update=_fields(verdict))

    async def _row(self, reader: Principal, row: Row) -> Row:
        answer = await self._data.call(reader, "deployments_get", project_id=row.project_id, name=row.name)
        return Row.model_validate(answer)

    async def _record(self, row: Row, verdict: _Verdict) -> Row:
        """Record what was seen of a start, in the name of whoever started it."""
        seen = row.model_copy(update=_fields(verdict))
        active = await self._active(row.id)
        if active is None or active[0].attempt != row.attempt:
            return seen  # of an earlier start: it was stopped since, or deleted
        try:
            answer = await self._data.call(
                active[1],
                "deployments_set_status",
                project_id=row.project_id,
                name=row.name,
                id=row.id,
                attempt=row.attempt,
                **_fields(verdict),
            )
        except (NotFound, Forbidden):
            return seen  # it may not have it run any more: the next round ends it
        return Row.model_validate(answer)

    def target(self, row: Row) -> Target | None:
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
        run_dir = self.run_dir(row.id)
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
            return (await self.forwarder.send(target, "ping", None, {})).status == 200
        except InsighterError:
            return False

    # ---- background work, at most one task for a deployment

    def attend(self, row: Row) -> None:
        """Follow a deployment that starts here, whoever started it."""
        if row.status == "starting" and row.id not in self._tasks and self.here(row):
            self._run(row.id, self._follow(row))

    def launch(self, principal: Principal, row: Row, held: Hold) -> Row:
        """Start the process in the background, and follow it; takes the lock over.

        Args:
            principal: whoever starts it, who has to be allowed to read the model's files.
        """
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
        await end(self._tasks.pop(deployment_id, None))

    async def _start_process(self, principal: Principal, row: Row, held: Hold) -> None:
        try:
            reason = await self._try_start(principal, row)
            if reason is not None:
                await self._record(row, _Verdict("failed", reason))
        finally:
            held.release()
        await self._follow(row)

    async def _try_start(self, principal: Principal, row: Row) -> str | None:
        """Start the process; returns the reason where that fails."""
        run_dir = self.run_dir(row.id)
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
            current = await self._row(principal, row)
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

    async def _follow(self, row: Row) -> None:
        """Look at a starting process until it is healthy, or is not going to be."""
        attempt = row.attempt
        while row.status == "starting" and row.attempt == attempt:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._verdict(row) is None:
                continue
            try:
                active = await self._active(row.id)
                if active is None:
                    return
                row = await self.settle(active[1], active[0])
            except NotFound:
                return
            except Unavailable:
                log.warning("the database does not answer; deployment %s is looked at again", row.id)
                await asyncio.sleep(1)

    async def end(self, deployment_id: UUID) -> None:
        """End the process of a deployment that the database says is stopped."""
        self._targets.pop(deployment_id, None)
        await self._leave(deployment_id)
        run_dir = self.run_dir(deployment_id)
        held = await run_dir.hold(_HOLD_SECONDS)
        if held is None:
            return  # another server copies its files; it asks the database before it starts the process
        try:
            await run_dir.end()
        finally:
            held.release()


def _fields(verdict: _Verdict) -> dict[str, str | None]:
    return {"status": verdict.status, "reason": verdict.reason}
