"""What happened in the project, as a kernel sees it."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any

from insighter_ext.kernel.members import Members
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Table, when


class Event:
    """Something that somebody did in the project."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def id(self) -> str:
        """Its id on the bus."""
        return str(self._seen["id"])

    @property
    def by(self) -> str:
        """Who did it."""
        return str(self._seen.get("actorname") or "someone")

    @property
    def verb(self) -> str:
        """What was done: ``created``, ``registered``, ``commented`` …"""
        return str(self.data["verb"])

    @property
    def kind(self) -> str:
        """The kind of what it was done to: ``dataset``, ``model``, ``run``, ``member`` …"""
        return str(self.data["asset_kind"])

    @property
    def name(self) -> str:
        """How that was called."""
        return str(self.data["asset_name"])

    @property
    def time(self) -> dt.datetime:
        """When."""
        moment = when(self._seen["time"])
        assert moment is not None
        return moment

    @property
    def data(self) -> dict[str, Any]:
        """All that is told of it, such as the version that was made."""
        return dict(self._seen["data"])

    def as_cloudevent(self) -> dict[str, Any]:
        """The whole of it as a CloudEvent 1.0."""
        return {key: value for key, value in self._seen.items() if value is not None}

    def __repr__(self) -> str:
        return f"{self.by} {self.verb} the {self.kind} {self.name}"


class Activity:
    """What happened in the project.

    ::

        ix.activity()
        ix.activity(kind="model", by="Ana", limit=100).to_pandas()
        ix.activity(kind="dataset", key="wine")
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(
        self, *, kind: str | None = None, key: str | None = None, by: str | None = None, limit: int = 50
    ) -> Table[Event]:
        """The last of what happened, newest first. Follow what comes with ``ix.bus.subscribe("activity")``.

        Args:
            kind: only about assets of this kind: ``dataset``, ``model``, ``run`` …; also ``project`` and ``member``.
            key: only about the asset of the kind that is called so; of an experiment or a run, its id.
            by: only what this member did, by name, address or id.
            limit: how many at most.

        Raises:
            NotFound: there is no such asset, or no such member.
        """
        person = Members(self._scope)[by].user_id if by is not None else None
        chosen = {"kind": kind, "key": key, "person": person}
        found = self._scope.client.pages(
            *self._scope.path("activity"), **{name: value for name, value in chosen.items() if value}
        )
        return Table(
            [Event(item) for item in islice(found, limit)],
            [
                ("when", lambda row: row.time),
                ("who", lambda row: row.by),
                ("what", lambda row: row.verb),
                ("kind", lambda row: row.kind),
                ("name", lambda row: row.name),
            ],
            "Nothing happened yet.",
        )

    def __repr__(self) -> str:
        return repr(self())

    def _repr_html_(self) -> str:
        return self()._repr_html_()
