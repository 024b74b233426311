"""Moves of the aliases of models, as a kernel sees them: those that were made, and those that are asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from insighter_ext.kernel.errors import NotFound
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, say, when


class AliasRequest(Card):
    """A move of a protected alias that somebody asked for."""

    def __init__(self, scope: Scope, model: str, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._model = model
        self._seen = seen

    @property
    def alias(self) -> str:
        """The alias."""
        return str(self._seen["alias"])

    @property
    def version(self) -> int | None:
        """Where it shall point to; None where it shall be taken off."""
        found: int | None = self._seen["version"]
        return found

    @property
    def state(self) -> str:
        """open, moved, rejected, withdrawn, expired or gone (its version was deleted), when it was last looked at."""
        return str(self._seen["state"])

    @property
    def why(self) -> str:
        """What was said for it."""
        return str(self._seen["why"])

    @property
    def decision(self) -> str:
        """What was said when it was decided."""
        return str(self._seen["decision"])

    @property
    def created_by(self) -> str:
        """Who asked."""
        return str(self._seen["created_by"])

    def refresh(self) -> AliasRequest:
        """Look again what became of it.

        Raises:
            NotFound: it was decided so long ago that twenty others were since, or the model is gone.
        """
        board = self._scope.client.get(*self._scope.path("models", self._model, "aliases"))
        for item in board["requests"]:
            if item["id"] == self._seen["id"]:
                self._seen = item
                return self
        raise NotFound(
            f"the request for {self._model}@{self.alias} is not among the newest any more",
            status=404,
            code="request_not_found",
            hint="the model's moves say what became of the alias: ix.models[…].moves()",
        )

    def withdraw(self, why: str = "") -> AliasRequest:
        """Take it back; only whoever asked can."""
        path = self._scope.path("models", self._model, "requests", self._seen["id"])
        self._seen = self._scope.client.post(*path, json={"decision": "withdraw", "why": why})
        return self

    def _lines(self) -> Sequence[str]:
        goal = f"to v{self.version}" if self.version is not None else "off"
        lines = [f"{self._model}@{self.alias} {goal} · {self.state}", f"{self.why} ({self.created_by})"]
        if self.state == "open":
            given, needed = len(self._seen["approvals"]), self._seen["needed"]
            lines.append(f"{given} of {needed} approvals by the role {self._seen['role']}")
        elif self._seen["decided_by"]:
            lines.append(f"{self.state} by {self._seen['decided_by']} {self.decision}".rstrip())
        return lines


class AliasMove(Card):
    """A row of an alias's history."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def alias(self) -> str:
        """The alias."""
        return str(self._seen["alias"])

    @property
    def before(self) -> int | None:
        """The version it was at; None where it was not there."""
        found: int | None = self._seen["before"]
        return found

    @property
    def version(self) -> int | None:
        """The version it moved to; None where it was taken off."""
        found: int | None = self._seen["version"]
        return found

    @property
    def why(self) -> str:
        """What was said for it."""
        return str(self._seen["why"])

    @property
    def by(self) -> str:
        """Who moved it."""
        return str(self._seen["by"])

    @property
    def at(self) -> dt.datetime:
        """When."""
        moment = when(self._seen["at"])
        assert moment is not None
        return moment

    @property
    def gates(self) -> Sequence[Mapping[str, Any]]:
        """What had to hold, with the values that were found at that moment."""
        return list(self._seen["gates"])

    def _lines(self) -> Sequence[str]:
        return [
            f"@{self.alias}: {_spot(self.before)} → {_spot(self.version)}",
            f"{self.by}, {say(self.at)}",
            self.why,
        ]


def ask_for(scope: Scope, name: str, alias: str, version: int | None, why: str) -> AliasRequest:
    """Ask for a move."""
    sent = {"alias": alias.removeprefix("@"), "version": version, "why": why}
    return AliasRequest(scope, name, scope.client.post(*scope.path("models", name, "requests"), json=sent))


def requests_of(scope: Scope, name: str) -> Table[AliasRequest]:
    """The requests of a model: open ones, then the last decided."""
    board = scope.client.get(*scope.path("models", name, "aliases"))
    return Table(
        [AliasRequest(scope, name, item) for item in board["requests"]],
        [
            ("alias", lambda row: row.alias),
            ("to", lambda row: _spot(row.version)),
            ("state", lambda row: row.state),
            ("why", lambda row: row.why),
            ("by", lambda row: row.created_by),
        ],
        "nobody asked for a move",
    )


def moves_of(scope: Scope, name: str, alias: str | None) -> Table[AliasMove]:
    """The history of a model's aliases."""
    query = {"alias": alias.removeprefix("@")} if alias else {}
    found = scope.client.pages(*scope.path("models", name, "moves"), **query)
    return Table(
        [AliasMove(item) for item in found],
        [
            ("alias", lambda row: row.alias),
            ("from", lambda row: _spot(row.before)),
            ("to", lambda row: _spot(row.version)),
            ("why", lambda row: row.why),
            ("by", lambda row: row.by),
            ("when", lambda row: row.at),
        ],
        "no alias was moved yet",
    )


def _spot(version: int | None) -> str:
    return "–" if version is None else f"v{version}"
