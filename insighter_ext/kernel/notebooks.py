"""The notebook that this kernel runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel.errors import NotConnected
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, ago, amount, when


class CurrentNotebook(Card):
    """The notebook of this kernel. Its attributes are asked for at each use, so they are never stale.

    Raises:
        NotConnected: the kernel runs no notebook of a project's folder.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def id(self) -> str:
        """Its id, which moving and renaming the file do not change; runs have it as the tag ``insighter.notebook``."""
        try:
            return os.environ["INSIGHTER_NOTEBOOK"]
        except KeyError:
            raise NotConnected(
                "this kernel runs no notebook of a project",
                code="no_notebook",
                hint="open a notebook in the project's folder; restart the kernel if it ran before",
            ) from None

    @property
    def name(self) -> str:
        """Its file's name without .ipynb."""
        return str(self._details()["name"])

    @property
    def path(self) -> str:
        """Its file, below the project's folder."""
        return str(self._details()["path"])

    @property
    def versions(self) -> Table[dict[str, Any]]:
        """Its versions, the newest first: snapshots of what ran."""
        path = self._scope.path("notebooks", self.id, "versions")
        return Table(
            list(self._scope.client.pages(*path)),
            [
                ("version", lambda row: row["version"]),
                ("why", lambda row: row["reason"]),
                ("outcome", lambda row: row["outcome"]),
                ("runs", lambda row: [run["name"] for run in row["runs"]]),
                ("by", lambda row: row["created_by"]),
                ("when", lambda row: when(row["created_at"])),
            ],
            "No version yet: one is kept when cells have run.",
        )

    def _details(self) -> dict[str, Any]:
        found: dict[str, Any] = self._scope.client.get(*self._scope.path("notebooks", self.id))
        return found

    def _lines(self) -> Sequence[str]:
        try:
            notebook = self._details()
        except NotConnected as error:
            return [str(error)]
        lines = [f"{notebook['name']} · {amount(notebook['versions'], 'version')}", notebook["path"]]
        if notebook["last_run"]:
            moment = when(notebook["last_run"]["at"])
            assert moment is not None
            lines.append(f"last run: {ago(moment)} by {notebook['last_run']['by']}")
        return lines
