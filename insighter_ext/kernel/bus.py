"""The project's bus, as a kernel hears it and speaks on it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from typing import Any

from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, when

_WAIT = 25.0
"""Seconds the server holds a question that has no answer yet."""


class Message(Card):
    """A message of the bus: what happened in the project, or what a program published."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def topic(self) -> str:
        """The topic it was published on; ``activity`` for what happened in the project."""
        return str(self._seen["topic"])

    @property
    def type(self) -> str:
        """The publisher's word for what it is."""
        return str(self._seen["type"])

    @property
    def subject(self) -> str | None:
        """What it is about."""
        found: str | None = self._seen["subject"]
        return found

    @property
    def data(self) -> Any:
        """What was sent."""
        return self._seen["data"]

    @property
    def time(self) -> dt.datetime:
        """When it was published."""
        moment = when(self._seen["time"])
        assert moment is not None
        return moment

    @property
    def by(self) -> str:
        """Who published it."""
        return str(self._seen["actorname"] or "someone")

    def as_cloudevent(self) -> dict[str, Any]:
        """The whole message as a CloudEvent 1.0."""
        return {key: value for key, value in self._seen.items() if value is not None}

    def _lines(self) -> Sequence[str]:
        shown = repr(self.data)
        return [
            f"{self.topic}: {self.type}",
            f"from {self.by}, {self.time.astimezone():%Y-%m-%d %H:%M:%S}",
            shown if len(shown) <= 200 else shown[:199] + "…",
        ]


class Subscription:
    """Messages as they come: iterate over it. It begins where it was made, and misses nothing between two looks."""

    def __init__(self, scope: Scope, topics: tuple[str, ...], timeout: float | None) -> None:
        self._scope = scope
        self._topics = ",".join(topics) or None
        self._timeout = timeout
        self._cursor: str = self._ask(None, 0)["cursor"]

    def __iter__(self) -> Iterator[Message]:
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            left = _WAIT if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            found = self._ask(self._cursor, min(left, _WAIT))
            for item in found["items"]:
                yield Message(item)
                if self._timeout is not None:
                    deadline = time.monotonic() + self._timeout
            self._cursor = found["cursor"]

    def _ask(self, after: str | None, wait: float) -> Any:
        return self._scope.client.send(
            "GET",
            *self._scope.path("bus"),
            query={"after": after, "topics": self._topics, "wait": f"{wait:.1f}" if wait else None},
            timeout=wait + 30,
        )


class Bus:
    """What happens in the project, and messages between its programs.

    ::

        ix.bus.publish("features.ready", {"rows": 1200})
        ix.bus.latest("features.ready").data
        for message in ix.bus.subscribe("features.ready", timeout=60):
            print(message.by, message.data)
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def publish(
        self,
        topic: str,
        data: Any = None,
        *,
        type: str = "message",
        subject: str | None = None,
        durable: bool = True,
    ) -> Message:
        """Tell everybody who listens in the project.

        Args:
            topic: lower-case letters, digits, ``.``, ``-`` and ``_``.
            data: anything that is JSON, up to 256 KB; larger things are shared as a dataset or an artifact.
            durable: kept for those who come later (the newest hundred of a topic).

        Raises:
            InsighterClientError: the role does not allow it, or the message is too large.
        """
        body = {"topic": topic, "data": data, "type": type, "subject": subject, "durable": durable}
        return Message(self._scope.client.post(*self._scope.path("bus"), json=body))

    def subscribe(self, *topics: str, timeout: float | None = None) -> Subscription:
        """Messages from now on.

        Args:
            topics: which; all where none is named, what happens in the project (``activity``) among them.
            timeout: seconds of silence after which the iteration ends; never where omitted.
        """
        return Subscription(self._scope, topics, timeout)

    def latest(self, topic: str) -> Message | None:
        """The newest durable message of a topic; None when there is none."""
        found = self._scope.client.get(*self._scope.path("bus", "topics", topic))["message"]
        return None if found is None else Message(found)

    def __repr__(self) -> str:
        return f"the bus of {self._scope.where()}: publish, subscribe, latest"
