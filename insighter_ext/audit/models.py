"""Types of the audit API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View

Action = Literal["created", "changed", "deleted"]


class AuditRow(View):
    """A change, as it was written in its transaction."""

    seq: int = Field(description="Its number in the chain, from 1.")
    at: datetime
    actor: UUID | None = Field(description="The account; null for what nobody asked for through the API.")
    actor_name: str | None = Field(
        description="The account's present name, where the caller sees the account."
    )
    actor_kind: str = Field(
        description="What acted for the account: person, kernel, token, service, workflow, or system."
    )
    credential: UUID | None = Field(description="The credential that was used, unless it was a sign-in.")
    action: Action
    asset_kind: str
    asset_id: str = Field(
        description='Of what has a key of several parts: these, with ":" between them, what it belongs to first.'
    )
    asset_name: str = Field(description="Its name at that time.")
    changes: dict[str, Any] = Field(
        description="{column: [before, after]}; of a JSON object the keys that changed. Secrets are left out, values of"
        ' more than 2,000 characters are {"sha256", "length"}.'
    )
    prev_hash: str = Field(description="Hash of the row before, in hex.")
    hash: str = Field(description="SHA-256 over prev_hash and the row, in hex.")


class AuditQuery(PageQuery):
    """Which rows."""

    asset_kind: str | None = Field(None, max_length=100)
    asset_id: str | None = Field(None, max_length=2000)
    actor: UUID | None = None
    action: Action | None = None


class VerificationQuery(Model):
    """Against what."""

    head: str | None = Field(
        None,
        max_length=200,
        description='The head that an earlier verification answered, "<seq>:<hash>": the chain has to go on from it.',
    )


class Problem(View):
    """What is wrong in a chain."""

    seq: int = Field(description="The row it was found at.")
    kind: Literal["altered", "removed", "inserted", "replaced"]
    message: str


class Verification(View):
    """The state of a chain."""

    ok: bool
    rows: int
    head: str | None = Field(
        description='"<seq>:<hash>" of the last row. Kept elsewhere, it proves later that nothing up to it was changed.'
    )
    problems: list[Problem] = Field(description="The first 20, by row.")
    more: int = Field(description="How many problems there are beside these.")
