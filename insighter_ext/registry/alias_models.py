"""Types of what the models API says of aliases: what protects them, who moved them, what is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View

Role = Literal["editor", "admin", "owner"]
Comparator = Literal[">=", ">", "<=", "<", "="]
Number = float | Literal["NaN", "Infinity", "-Infinity"]
Why = Annotated[str, Field(max_length=2000)]


class Gate(Model):
    """What has to hold of a version before an alias moves to it: ``auc >= 0.9`` on the dataset ``gold``."""

    metric: str = Field(min_length=1, max_length=250)
    op: Comparator
    value: float = Field(allow_inf_nan=False)
    dataset: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="The dataset that the metric was measured on; null for the model's own value, or its run's.",
    )


class GateResult(View):
    """A gate, and what was found."""

    metric: str
    op: Comparator
    value: float
    dataset: str | None
    found: Number | None = Field(description="The metric's newest value; null where there is none.")
    passed: bool
    reason: str | None = Field(description="Why it does not hold; null where it does.")


class AliasRule(View):
    """Who moves an alias, and what has to hold for it."""

    id: UUID
    alias: str = Field(description="An alias, or several by *.")
    model: str | None = Field(description="The one model it is for; null for all of the project.")
    all_models: bool
    role: Role
    approvals: int = Field(
        description="By how many others with the role; 0: whoever has it moves it at once."
    )
    gates: list[GateSpec]
    created_by: str
    updated_at: datetime


class GateSpec(View):
    """A gate as a rule says it."""

    metric: str
    op: Comparator
    value: float
    dataset: str | None


class AliasRules(View):
    """All rules of a project."""

    items: list[AliasRule]


class PutAliasRule(Model):
    """Protect an alias: of one model, or of all. Of a model and a pattern there is one rule."""

    alias: str = Field(min_length=1, max_length=255, pattern=r"^[\w*-]+$")
    model: str | None = Field(None, min_length=1, max_length=250)
    role: Role = "admin"
    approvals: int = Field(0, ge=0, le=10)
    gates: list[Gate] = Field(default_factory=list, max_length=20)


class AliasCheck(View):
    """What stands in the way of a move, for whoever asks, now."""

    alias: str
    before: int | None
    version: int | None
    protected: bool
    role: Role | None
    approvals: int
    needed: int = Field(description="Approvals it takes: fewer where there are not so many others.")
    gates: list[GateResult]
    passed: bool
    way: Literal["move", "request", "none"] = Field(description="What is left to do for it.")


class AliasState(AliasCheck):
    """An alias: where it is, since when, and what protects it."""

    since: datetime | None
    by: str | None
    why: str


class Approval(View):
    """Somebody approved a request."""

    by: str
    at: datetime
    why: str


class AliasRequest(View):
    """A move that somebody asked for."""

    id: UUID
    alias: str
    before: int | None
    version: int | None = Field(description="null: the alias shall be taken off")
    why: str
    state: Literal["open", "moved", "rejected", "withdrawn", "expired", "gone"]
    created_by: str
    created_at: datetime
    expires_at: datetime
    approvals: list[Approval]
    needed: int
    role: Role
    gates: list[GateResult] = Field(description="As they are now, of an open request.")
    decided_by: str | None
    decided_at: datetime | None
    decision: str
    mine: bool
    may_decide: bool
    may_approve: bool


class AliasBoard(View):
    """The aliases of a model, the rules that are for it, and the requests: open ones, then the last 20 decided."""

    aliases: list[AliasState]
    rules: list[AliasRule]
    requests: list[AliasRequest]


class AliasMove(View):
    """A row of an alias's history."""

    alias: str
    before: int | None
    version: int | None
    why: str
    gates: list[GateResult] = Field(description="As they were at that moment.")
    approvals: list[Approval]
    asked_by: str | None
    by: str
    at: datetime


class SetAlias(Model):
    """Point an alias to a version."""

    version: int = Field(ge=1)
    why: Why = ""


class WhyQuery(Model):
    """Why something is done."""

    why: Why = ""


class CheckQuery(Model):
    """Of which version."""

    version: int | None = Field(None, ge=1, le=999_999_999)


class MovesQuery(PageQuery):
    """Which moves."""

    alias: str | None = Field(None, max_length=255)


class RequestAlias(Model):
    """Ask for a move."""

    alias: str = Field(min_length=1, max_length=255)
    version: int | None = Field(ge=1, le=999_999_999, description="null to have the alias taken off")
    why: str = Field(max_length=2000, description="For whoever decides; not empty.")


class DecideAlias(Model):
    """Decide a request: approve or reject it, or withdraw one's own."""

    decision: Literal["approve", "reject", "withdraw"]
    why: Why = ""


AliasRule.model_rebuild()
