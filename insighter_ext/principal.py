"""Who is asking: made once at the edge, passed down to the gateway as the first argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Kind = Literal["person", "kernel", "token", "service"]
Role = Literal["viewer", "annotator", "editor", "admin", "owner"]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes:
        user_id: the account (``auth.users.id``).
        kind: what acts for the account: the person; a kernel, or a program with an access token, each with a credential
            of its own; or the platform itself, looking after what the account started.
        project_id: the one project the credential is confined to; None for a person.
        ceiling: the highest role the credential has in any project; None for a person, whose memberships say it.
        credential_id: the credential's row, for the audit; None for a person with an access token (JWT).
        role: the database role, as Supabase names it.
        email: the account's address, where the credential says it.
        session_id: the sign-in's (``auth.sessions.id``), for a person who signed in.
        token: the JWT that proves it, where the caller sent one. It is passed on to Supabase as it is.
    """

    user_id: UUID
    kind: Kind = "person"
    project_id: UUID | None = None
    ceiling: Role | None = None
    credential_id: UUID | None = None
    role: str = "authenticated"
    email: str | None = None
    session_id: UUID | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def in_person(self) -> bool:
        """Whether it is the person, and no credential with a part of their rights; ``private.in_person`` in SQL."""
        return self.kind == "person" and self.project_id is None and self.ceiling is None

    @property
    def claims(self) -> dict[str, Any]:
        """The JWT claims that row-level security reads as ``auth.jwt()``."""
        insighter: dict[str, Any] = {"kind": self.kind}
        if self.project_id is not None:
            insighter["project"] = str(self.project_id)
        if self.ceiling is not None:
            insighter["role"] = self.ceiling
        if self.credential_id is not None:
            insighter["credential"] = str(self.credential_id)
        claims: dict[str, Any] = {
            "sub": str(self.user_id),
            "role": self.role,
            "aud": "authenticated",
            "insighter": insighter,
        }
        if self.email is not None:
            claims["email"] = self.email
        if self.session_id is not None:
            claims["session_id"] = str(self.session_id)
        return claims


PLATFORM = Principal(UUID(int=0), "service")
"""The platform itself, for nobody's account: what it asks is answered to it alone, and opens no row."""
