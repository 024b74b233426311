"""Who is asking: made once at the edge, passed down to the gateway as the first argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Kind = Literal["person", "kernel"]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes:
        user_id: the account (``auth.users.id``).
        kind: what acts for the account: the person, or a kernel with a credential of its own.
        project_id: the one project the credential is confined to; None for a person.
        role: the database role, as Supabase names it.
    """

    user_id: UUID
    kind: Kind = "person"
    project_id: UUID | None = None
    role: str = "authenticated"
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def claims(self) -> dict[str, Any]:
        """The JWT claims that row-level security reads as ``auth.jwt()``."""
        insighter: dict[str, Any] = {"kind": self.kind}
        if self.project_id is not None:
            insighter["project"] = str(self.project_id)
        return {
            "sub": str(self.user_id),
            "role": self.role,
            "aud": "authenticated",
            "insighter": insighter,
            **self.extra,
        }
