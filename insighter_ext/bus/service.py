"""The bus as a service. Listeners read the database at their own pace: nothing waits in memory for a slow one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from insighter_ext.bus.models import Batch, Message, MessageCreate
from insighter_ext.gateways import DataGateway
from insighter_ext.gateways.wake import WakeSource
from insighter_ext.principal import Principal

_SOON = 0.05
"""Seconds until what an unfinished transaction holds back is asked for again."""

_LOOK_SECONDS = 30.0
"""A listener looks this often even if nobody woke it: a right that ended ends its listening too."""


Hears = Callable[[str], bool]
"""Whether somebody hears a topic."""


class Topics:
    """What a listener hears: all topics where None. It may change its mind while it listens."""

    def __init__(self, topics: Sequence[str] | None) -> None:
        self.heard = topics
        self.wanted: Sequence[str] | None = None
        self.ear = asyncio.Event()

    def change(self, topics: Sequence[str]) -> None:
        """Hear these, once all there is up to now was heard as before."""
        self.wanted = topics
        self.ear.set()

    def hears(self, topic: str) -> bool:
        """Whether a topic is one of them."""
        return self.heard is None or topic in self.heard


class BusService:
    """See the module.

    Args:
        wake: tells when to read; whoever opened it closes it.
    """

    def __init__(self, data: DataGateway, wake: WakeSource) -> None:
        self._data = data
        self._source = wake
        self._listening: dict[str, dict[asyncio.Event, Hears]] = {}
        self._reading: dict[str, asyncio.Future[Any]] = {}
        self._wakes = 0
        self._started = False

    async def publish(self, principal: Principal, project_id: UUID, body: MessageCreate) -> Message:
        """Tell everybody who listens.

        Raises:
            TooLarge: the data is larger than 256 KB.
        """
        return Message.model_validate(
            await self._data.call(
                principal,
                "bus_publish",
                project_id=project_id,
                topic=body.topic,
                message=body.model_dump(mode="json", exclude={"topic"}),
            )
        )

    async def latest(self, principal: Principal, project_id: UUID, topic: str) -> Message | None:
        """The newest durable message of a topic."""
        found = await self._data.call(principal, "bus_latest", project_id=project_id, topic=topic)
        return None if found is None else Message.model_validate(found)

    async def read(
        self,
        principal: Principal,
        project_id: UUID,
        after: str | None,
        topics: Sequence[str] | None = None,
        limit: int = 500,
        wait: float = 0,
    ) -> Batch:
        """What came after a position, oldest first.

        Args:
            after: a position that an answer gave; the present one where None, and then nothing is answered.
            wait: seconds to wait for a message when there is none.
        """
        with self.ear(str(project_id), str(principal.user_id), hears=Topics(topics).hears) as ear:
            deadline = asyncio.get_running_loop().time() + wait
            while True:
                ear.clear()
                found = await self._read(principal, project_id, after, topics, limit)
                left = deadline - asyncio.get_running_loop().time()
                if found["items"] or left <= 0:
                    return Batch.model_validate(found)
                after = found["cursor"]
                await heard(ear, min(left, _SOON if found["pending"] else left))

    async def subscribe(
        self,
        principal: Principal,
        project_id: UUID,
        after: str | None,
        topics: Topics,
    ) -> AsyncGenerator[Batch, None]:
        """Batches as they come, for ever. The first says where the listener stands, and may be empty; the next one is
        read when the listener asks for it. The batch after which other topics are heard names them, and may be empty.

        Raises:
            NotFound: the project is gone, or not shared with the principal any more.
        """
        with self.ear(str(project_id), str(principal.user_id), ear=topics.ear, hears=topics.hears) as ear:
            first = True
            while True:
                ear.clear()
                wanted = topics.wanted
                found = await self._read(principal, project_id, after, topics.heard, 500)
                after = found["cursor"]
                # All there was before the listener's word is told as before; a page that is full has more of it.
                turned = wanted is not None and not found["more"]
                if turned:
                    topics.heard, topics.wanted = wanted, None if topics.wanted is wanted else topics.wanted
                    found = {**found, "topics": wanted}
                if found["items"] or first or turned:
                    first = False
                    yield Batch.model_validate(found)
                if not found["more"]:
                    await heard(ear, _SOON if found["pending"] else _LOOK_SECONDS)

    async def _read(
        self,
        principal: Principal,
        project_id: UUID,
        after: str | None,
        topics: Sequence[str] | None,
        limit: int,
    ) -> dict[str, Any]:
        # A person's open panels stand at the same place when they are woken: one question answers all of them. None
        # that was asked before the wake-up does: it may not have seen what it is about.
        key = json.dumps([self._wakes, principal.claims, str(project_id), after, topics, limit])
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.ensure_future(
                self._data.call(
                    principal,
                    "bus_read",
                    project_id=project_id,
                    after=after,
                    topics=None if topics is None else list(topics),
                    limit=limit,
                )
            )
            self._reading[key] = reading
            reading.add_done_callback(lambda done: self._read_once(key, done))
        # Shielded: one of them may go while the others still wait.
        answer: dict[str, Any] = await asyncio.shield(reading)
        return answer

    def _read_once(self, key: str, done: asyncio.Future[Any]) -> None:
        self._reading.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at: whoever asked may have gone, and then it is nobody's

    @contextmanager
    def ear(
        self, *calls: str, ear: asyncio.Event | None = None, hears: Hears = lambda topic: True
    ) -> Iterator[asyncio.Event]:
        """Something that is set whenever there is something new to read.

        Args:
            calls: what the database calls: a project's id, a person's, or what a capability of its own calls by.
            ear: what is to be set; an event of its own where None.
            hears: whether a call that names a topic is meant.
        """
        if not self._started:
            self._started = True
            self._source.start(self._wake)
        ear = ear or asyncio.Event()
        for call in calls:
            self._listening.setdefault(call, {})[ear] = hears
        try:
            yield ear
        finally:
            for call in calls:
                ears = self._listening[call]
                del ears[ear]
                if not ears:
                    del self._listening[call]

    def _wake(self, called: str | None) -> None:
        self._wakes += 1
        # "<id> <topic>" is for those who hear the topic; without one it is for all whom the id calls.
        whose, _, topic = (called or "").partition(" ")
        chosen = list(self._listening.values()) if called is None else [self._listening.get(whose, {})]
        for ears in chosen:
            for ear, hears in ears.items():
                if not topic or hears(topic):
                    ear.set()


async def heard(ear: asyncio.Event, seconds: float) -> None:
    """Wait until an ear hears something, no longer than some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await ear.wait()
    except TimeoutError:
        pass
