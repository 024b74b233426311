"""Projects, as a kernel sees them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import chain
from typing import Any

from insighter_ext.kernel.client import Client, current
from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.errors import NotConnected, ProjectNotFound, missing
from insighter_ext.kernel.members import Members
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, ago, amount, when


class CurrentProject(Card):
    """A project. Its attributes are asked for at each use, so they are never stale."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def id(self) -> str:
        """Its id."""
        return self._scope.project_id

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._scope.details()["name"])

    @property
    def description(self) -> str:
        """Markdown."""
        return str(self._scope.details()["description"])

    @property
    def folder(self) -> str:
        """Its folder, relative to Jupyter's root."""
        return str(self._scope.details()["folder"])

    @property
    def role(self) -> str | None:
        """What this account is in it."""
        role: str | None = self._scope.details()["role"]
        return role

    @property
    def members(self) -> Members:
        """Its members, to be read."""
        return Members(self._scope)

    @property
    def visibility(self) -> str:
        """Who sees it without being a member: private, team or public."""
        return str(self._scope.details()["visibility"])

    @property
    def last_activity(self) -> dt.datetime:
        """When something last happened in it."""
        moment = when(self._scope.details()["last_activity"])
        assert moment is not None
        return moment

    @property
    def contents(self) -> dict[str, Any]:
        """How many datasets, runs, models … there are, and the names of its endpoints."""
        found: dict[str, Any] = self._scope.client.get(*self._scope.path("contents"))
        return found

    def _lines(self) -> Sequence[str]:
        try:
            project = self._scope.details()
        except NotConnected as error:
            return [str(error)]
        counts = self.contents
        lines = [
            f"{project['name']} · {amount(project['members'], 'member')}"
            + (f" · {project['role']}" if project["role"] else "")
            + (f" · {project['visibility']}" if project["visibility"] != "private" else "")
            + (" · archived" if project["archived_at"] else ""),
            f"{amount(counts['datasets'], 'dataset')} · {amount(counts['experiments'], 'experiment')}"
            f" with {amount(counts['runs'], 'run')} · {amount(counts['models'], 'model')}"
            f" · {amount(len(counts['deployments']), 'endpoint')}",
        ]
        moment = when(project["last_activity"])
        lines.append(f"last activity: {ago(moment)}" if moment else "")
        return lines


class Project(CurrentProject):
    """A project that was asked for by name, with its own collections."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        super().__init__(scope)
        self._seen = seen
        from insighter_ext.kernel.datasets import Datasets
        from insighter_ext.kernel.deployments import Deployments
        from insighter_ext.kernel.lineage import Lineage
        from insighter_ext.kernel.models import Models

        self.datasets = Datasets(scope)
        self.models = Models(scope)
        self.deployments = Deployments(scope)
        self.lineage = Lineage(scope)


class Projects(Collection[Project]):
    """The projects one is a member of: from a kernel, its own. By name also those that are open to be read.

    Example:
        >>> ix.projects.list()
        >>> ix.projects["Wine quality"].datasets.list()
    """

    def __init__(self, client: Client | None = None) -> None:
        self._own = client

    @property
    def _client(self) -> Client:
        return self._own or current()

    def list(self) -> Table[Project]:
        """All of them, by name."""
        return Table(
            [Project(Scope(self._client, item["id"]), item) for item in self._client.pages("projects")],
            [
                ("name", lambda row: row._seen["name"]),
                ("role", lambda row: row._seen["role"]),
                ("members", lambda row: row._seen["members"]),
                ("folder", lambda row: row._seen["folder"]),
                ("last activity", lambda row: when(row._seen["last_activity"])),
            ],
            "No project yet.",
        )

    def __getitem__(self, name: str) -> Project:
        known = list(self._client.pages("projects"))
        # Those that are open to be read are asked for when the name is none of the first.
        for item in chain(known, self._client.pages("projects", scope="all")):
            if name in (item["id"], item["slug"]) or name.casefold() == item["name"].casefold():
                return Project(Scope(self._client, item["id"]), item)
        names = [item["name"] for item in known]
        raise missing(ProjectNotFound, "project", name, "sight", names, "ix.projects.list()")

    def _names(self) -> Sequence[str]:
        return [item["name"] for item in self._client.pages("projects")]
