"""Types of the achievements API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View

Audience = Literal["person", "project"]
Icon = Literal[
    "star",
    "flag",
    "dataset",
    "model",
    "target",
    "endpoint",
    "rescue",
    "calendar",
    "runs",
    "team",
    "champion",
    "versions",
]
Rule = dict[str, Any]

_RULE = 'What has to happen, such as {"count": {"asset_kind": "dataset", "verb": "created"}, "at_least": 10}.'


class CausingAsset(View):
    """The asset that brought it about."""

    kind: str
    key: str
    name: str


class Definition(View):
    """What can be earned."""

    id: UUID
    slug: str | None = Field(description="Of the platform's own; null for a project's.")
    own: bool = Field(description="Whether the project defined it.")
    name: str
    description: str
    icon: Icon
    audience: Audience = Field(description="Whether each person earns it, or the project once.")
    rule: Rule
    retired: bool = Field(description="Whether it was deleted after somebody earned it.")


class Earner(View):
    """Who earned it."""

    user_id: UUID | None = Field(description="Null for the team.")
    display_name: str | None
    at: datetime
    asset: CausingAsset | None = Field(description="Null where there is none to be seen.")


class Achievement(Definition):
    """How it stands in a project."""

    at: datetime | None = Field(description="When the caller, or the team, earned it.")
    progress: int | None = Field(description="Of the caller, or the team; null once it is earned.")
    goal: int
    earned: list[Earner] = Field(description="By whom in this project, at most the first hundred.")


class Achievements(View):
    """The achievements of a project."""

    shown: bool = Field(description="Whether the caller's own are shown, to the caller and to others.")
    items: list[Achievement]


class AchievementCreate(Model):
    """A new achievement of a project's own."""

    name: str = Field(max_length=1000)
    description: str = Field("", max_length=10000)
    icon: Icon = "star"
    audience: Audience
    rule: Rule = Field(description=_RULE)


class AchievementUpdate(Model):
    """What is to be changed. What was earned stays earned."""

    name: str | None = Field(None, max_length=1000)
    description: str | None = Field(None, max_length=10000)
    icon: Icon | None = None
    rule: Rule | None = Field(None, description=_RULE)


class AchievementPreview(Model):
    """A rule to be tried."""

    audience: Audience
    rule: Rule = Field(description=_RULE)


class Standing(View):
    """How far the caller, or the team, would be by a rule."""

    rule: Rule = Field(description="As it would be kept.")
    progress: int
    goal: int
    at: datetime | None = Field(description="When it was reached.")


class ProjectName(View):
    """A project."""

    id: UUID
    name: str


class OwnAchievement(Definition):
    """One the caller has earned."""

    at: datetime
    project: ProjectName
    asset: CausingAsset | None


class NextAchievement(Definition):
    """One the caller has not earned yet."""

    progress: int
    goal: int
    project: ProjectName


class OwnAchievements(View):
    """The caller's achievements, of all projects."""

    shown: bool = Field(description="Whether they are shown at all; switched off there are none.")
    items: list[OwnAchievement] = Field(description="Newest first.")
    next: list[NextAchievement] = Field(description="The three that least is missing for.")


class AchievementsShown(Model):
    """Whether the caller's achievements are shown, to the caller and to everybody else."""

    shown: bool


class AchievementsSetting(View):
    """The same, as it is set."""

    shown: bool
