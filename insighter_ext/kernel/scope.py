"""The project that a collection belongs to."""

from __future__ import annotations

from typing import Any

from insighter_ext.kernel.client import Client, current


class Scope:
    """A client and a project.

    Args:
        client: the process's own, looked up at each use, where omitted.
        project_id: the client's own where omitted.
    """

    def __init__(self, client: Client | None = None, project_id: str | None = None) -> None:
        self._client = client
        self._project_id = project_id

    @property
    def client(self) -> Client:
        """The client."""
        return self._client or current()

    @property
    def project_id(self) -> str:
        """The project's id."""
        return self._project_id or self.client.project_id

    def details(self) -> dict[str, Any]:
        """The project as the API answers it."""
        found: dict[str, Any] = self.client.get("projects", self.project_id)
        return found

    def where(self) -> str:
        """The project's name, for messages."""
        return f'project "{self.details()["name"]}"'

    def path(self, *parts: object) -> tuple[object, ...]:
        """The segments of a path below the project."""
        return ("projects", self.project_id, *parts)
