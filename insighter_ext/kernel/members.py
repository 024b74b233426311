"""A project's members, as a kernel sees them. Who may what is changed in JupyterLab or a shell, not from a kernel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.errors import NotFound, missing
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Table, when


class Member:
    """Somebody with a role in a project."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def user_id(self) -> str:
        """The account."""
        return str(self._seen["user_id"])

    @property
    def name(self) -> str:
        """As others see it."""
        return str(self._seen["display_name"])

    @property
    def email(self) -> str | None:
        """The account's address."""
        email: str | None = self._seen["email"]
        return email

    @property
    def role(self) -> str:
        """viewer, annotator, editor, admin or owner."""
        return str(self._seen["role"])

    @property
    def since(self) -> dt.datetime:
        """When the membership began."""
        moment = when(self._seen["since"])
        assert moment is not None
        return moment

    def __repr__(self) -> str:
        return f"<{self.role} {self.name}>"


class Members(Collection[Member]):
    """A project's members, its owner first. To be read only.

    Example:
        >>> ix.project.members
        >>> ix.project.members["ana@example.org"].role
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> Table[Member]:
        """All of them."""
        return Table(
            [Member(item) for item in self._scope.client.pages(*self._scope.path("members"))],
            [
                ("name", lambda row: row.name),
                ("role", lambda row: row.role),
                ("address", lambda row: row.email or ""),
                ("since", lambda row: row.since),
            ],
            "No member.",
        )

    def __getitem__(self, name: str) -> Member:
        """By address, name or id."""
        known = self.list()
        for member in known:
            if name.casefold() in (member.user_id, (member.email or "").casefold(), member.name.casefold()):
                return member
        names = [member.name for member in known]
        raise missing(NotFound, "member", name, self._scope.where(), names, "ix.project.members")

    def _names(self) -> Sequence[str]:
        return [member.email or member.name for member in self.list()]
