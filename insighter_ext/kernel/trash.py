"""The trash, as a kernel sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.errors import NotFound, missing
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, bytes_, when


class Purged(Card):
    """What a purge did."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def details(self) -> dict[str, Any]:
        """All that the server said of it."""
        return dict(self._seen)

    @property
    def purged(self) -> int:
        """How many assets went for good."""
        return int(self._seen["purged"])

    @property
    def freed_bytes(self) -> int:
        """How large the files were that were removed."""
        return int(self._seen["freed_bytes"])

    @property
    def freed_objects(self) -> int:
        """How many files were removed."""
        return int(self._seen["freed_objects"])

    @property
    def kept_bytes(self) -> int:
        """How large the files are that other assets need too."""
        return int(self._seen["kept_bytes"])

    @property
    def kept(self) -> list[dict[str, Any]]:
        """What stays in the trash, each with ``needed_by``: the model versions that stand on its files."""
        return list(self._seen["kept"])

    def _lines(self) -> Sequence[str]:
        lines = [f"{self.purged:,} purged: {bytes_(self.freed_bytes)} of {self.freed_objects:,} files freed"]
        if self.kept_bytes:
            lines.append(f"{bytes_(self.kept_bytes)} stay, because something else needs them")
        lines += [
            f"{item['name']} stays in the trash: {', '.join(item['needed_by'])} stands on its files"
            for item in self.kept
        ]
        if self._seen["pending"]:
            lines.append("the store could not remove all of it now; the server goes on with it")
        return lines


class TrashEntry:
    """A deleted asset."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen

    @property
    def kind(self) -> str:
        """dataset, model, deployment, experiment or run."""
        return str(self._seen["kind"])

    @property
    def id(self) -> str:
        """The asset's id."""
        return str(self._seen["id"])

    @property
    def name(self) -> str:
        """As it was."""
        return str(self._seen["name"])

    @property
    def bytes(self) -> int:
        """How much a purge frees."""
        return int(self._seen["bytes"])

    @property
    def deleted_by(self) -> str:
        """Who deleted it."""
        return str(self._seen["deleted_by"])

    @property
    def deleted_at(self) -> dt.datetime:
        """When it was deleted."""
        moment = when(self._seen["deleted_at"])
        assert moment is not None
        return moment

    @property
    def purge_after(self) -> dt.datetime:
        """When it goes for good."""
        moment = when(self._seen["purge_after"])
        assert moment is not None
        return moment

    def restore(self, name: str | None = None) -> None:
        """Bring it back with everything that hangs on it.

        Args:
            name: another name, where the old one is taken by now.

        Raises:
            Conflict: the name is taken.
        """
        self._scope.client.post(
            *self._scope.path("trash", self.kind, self.id, "restore"), json={"name": name}
        )

    def purge(self) -> Purged:
        """Delete it for good. It takes an admin of the project; a kernel acts as an editor at most.

        Raises:
            Forbidden: the credential may not.
        """
        path = self._scope.path("trash", self.kind, self.id)
        return Purged(self._scope.client.send("DELETE", *path))

    def __repr__(self) -> str:
        return f"<deleted {self.kind} {self.name}>"


class Trash(Collection[TrashEntry]):
    """What was deleted in the project, the newest first.

    Example:
        >>> ix.trash.list()
        >>> ix.trash["wine"].restore()
        >>> ix.trash.restore("wine", "old wine", kind="dataset")
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> Table[TrashEntry]:
        """All of it."""
        found = self._scope.client.pages(*self._scope.path("trash"))
        return Table(
            [TrashEntry(self._scope, item) for item in found],
            [
                ("name", lambda row: row.name),
                ("kind", lambda row: row.kind),
                ("deleted", lambda row: row.deleted_at),
                ("by", lambda row: row.deleted_by),
                ("goes for good", lambda row: row.purge_after.astimezone().strftime("%Y-%m-%d")),
                ("frees", lambda row: bytes_(row.bytes)),
            ],
            "The trash is empty.",
        )

    def get(self, name: str, kind: str | None = None) -> TrashEntry:
        """What was deleted last under a name or an id.

        Args:
            kind: where things of several kinds have the name.

        Raises:
            NotFound: nothing of that name is in the trash.
        """
        known = self.list()
        for entry in known:
            if name in (entry.name, entry.id) and kind in (None, entry.kind):
                return entry
        names = [entry.name for entry in known]
        raise missing(NotFound, kind or "deleted asset", name, self._scope.where(), names, "ix.trash.list()")

    __getitem__ = get

    def restore(self, name: str, new_name: str | None = None, *, kind: str | None = None) -> None:
        """Bring back what was deleted last under a name; see :meth:`TrashEntry.restore`."""
        self.get(name, kind).restore(new_name)

    def purge(self, name: str, *, kind: str | None = None) -> Purged:
        """Delete for good what was deleted last under a name; see :meth:`TrashEntry.purge`."""
        return self.get(name, kind).purge()

    def empty(self) -> Purged:
        """Delete all of it for good; see :meth:`TrashEntry.purge`."""
        return Purged(self._scope.client.send("DELETE", *self._scope.path("trash")))

    def _names(self) -> Sequence[str]:
        return [entry.name for entry in self.list()]
