"""What runs write, together: what comes while a write of the same caller is under way goes as one when that is done.

A transaction costs much the same for one request as for twenty: the way to the database and back, the permissions, the
disk. Each request is answered when its transaction is committed; and when one of several is refused, each is tried by
itself, so that nobody suffers for another. Alone, a request waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from insighter_ext.errors import InsighterError
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking.points import Points
from insighter_ext.tracking.protocol import Json

_MOST_REQUESTS = 64
_MOST_POINTS = 16_000


@dataclass(slots=True)
class Log:
    """What one request logs of a run, or several."""

    run_id: str
    points: Points | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    model_metrics: list[Json] = field(default_factory=list)

    def takes(self, other: Log) -> bool:
        """Whether both can be one: a parameter that has another value is refused by itself."""
        return all(self.params.get(key, value) == value for key, value in other.params.items())

    def add(self, other: Log) -> None:
        """Take what another request logs after this one."""
        if other.points is not None:
            if self.points is None:
                self.points = Points()
            self.points.add(other.points)
        self.params.update(other.params)
        self.tags.update(other.tags)
        self.model_metrics += other.model_metrics

    def copy(self) -> Log:
        """One that can be added to."""
        copied = Log(self.run_id)
        copied.add(self)
        return copied

    def written(self) -> Json:
        """As ``runs_write`` takes it."""
        log: Json = {"run_id": self.run_id}
        if self.points is not None:
            log["points"] = self.points.columns()
        if self.params:
            log["params"] = self.params
        if self.tags:
            log["tags"] = self.tags
        if self.model_metrics:
            log["model_metrics"] = self.model_metrics
        return {"log": log}


Write = Log | Json
"""A log; or ``{"create": …}`` or ``{"update": …}`` with the arguments of ``runs_create`` or ``runs_update``."""


@dataclass(slots=True, eq=False)
class _Request:
    write: Write
    answer: asyncio.Future[Any]


class Writes:
    """See the module."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data
        self._waiting: dict[Principal, deque[_Request]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, principal: Principal, write: Write) -> Any:
        """Write, and give the answer when it is committed.

        Raises:
            InsighterError: of this write alone.
        """
        request = _Request(write, asyncio.get_running_loop().create_future())
        waiting = self._waiting.get(principal)
        if waiting is not None:
            waiting.append(request)
        else:
            self._waiting[principal] = deque([request])
            task = asyncio.ensure_future(self._work(principal))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await request.answer

    async def _work(self, principal: Principal) -> None:
        waiting = self._waiting[principal]
        try:
            while waiting:
                requests, writes = _together(waiting)
                await self._write(principal, requests, writes)
        finally:
            del self._waiting[principal]
            for request in waiting:
                request.answer.cancel()

    async def _write(
        self, principal: Principal, requests: list[tuple[_Request, int]], writes: list[Write]
    ) -> None:
        try:
            answers = await self._call(principal, writes)
        except InsighterError as error:
            if len(requests) == 1 or error.status >= 500:
                for request, _ in requests:
                    _fail(request, error)
                return
            for request, _ in requests:
                await self._write(principal, [(request, 0)], [request.write])
            return
        except BaseException as error:
            for request, _ in requests:
                _fail(request, error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        for request, position in requests:
            if not request.answer.done():
                request.answer.set_result(answers[position])

    async def _call(self, principal: Principal, writes: list[Write]) -> list[Any]:
        written = [write.written() if isinstance(write, Log) else write for write in writes]
        answers: list[Any] = await self._data.call(principal, "runs_write", writes=written)
        return answers


def _together(waiting: deque[_Request]) -> tuple[list[tuple[_Request, int]], list[Write]]:
    """The requests that go now, each with the position of its answer, and what is written for them."""
    requests: list[tuple[_Request, int]] = []
    writes: list[Write] = []
    logs: dict[str, int] = {}
    copied: set[int] = set()
    points = 0
    while waiting and len(requests) < _MOST_REQUESTS and points < _MOST_POINTS:
        write = waiting[0].write
        position = len(writes)
        if isinstance(write, Log):
            points += write.points.count if write.points is not None else 0
            found = logs.get(write.run_id)
            if found is None:
                logs[write.run_id] = position
                writes.append(write)
            else:
                position = found
                log = writes[position]
                assert isinstance(log, Log)
                if not log.takes(write):
                    break
                if position not in copied:
                    # The request's own stays as it is: should all be refused, it is tried again by itself.
                    writes[position] = log = log.copy()
                    copied.add(position)
                log.add(write)
        else:
            writes.append(write)
            # What is logged after a change of a run is written after it.
            logs.pop(str(write.get("update", {}).get("run_id")), None)
        requests.append((waiting.popleft(), position))
    return requests, writes


def _fail(request: _Request, error: BaseException) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
