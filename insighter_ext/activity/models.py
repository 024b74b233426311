"""Types of the activity API. What happened is told as the bus tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View


class ActivityQuery(Model):
    """Which of what happened."""

    person: UUID | None = Field(None, description="Only what this account did.")
    kind: str | None = Field(
        None, max_length=40, description="Only about assets of this kind; also project, member."
    )
    key: str | None = Field(
        None, max_length=1000, description="Only about the asset of this key; takes its kind."
    )
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = None


class AssetName(View):
    """An asset, as addresses name it."""

    kind: str
    key: str


class NamedAsset(AssetName):
    """An asset, and what people call it."""

    name: str


class Somebody(View):
    """An account."""

    user_id: UUID
    display_name: str


class People(View):
    """Accounts."""

    items: list[Somebody]


class Comment(View):
    """What somebody said about an asset."""

    id: int
    asset: AssetName
    body: str = Field(description="Markdown; somebody is mentioned by @[name](user id).")
    author_id: UUID
    author: str
    created_at: datetime
    edited_at: datetime | None
    mine: bool
    mentions: list[Somebody]


class CommentText(Model):
    """What is said."""

    body: str = Field(
        min_length=1,
        max_length=20_000,
        description="Markdown, up to 10,000 characters; somebody is mentioned by @[name](user id).",
    )


class Notification(View):
    """What is for one person."""

    id: int
    kind: str = Field(description="mention, comment, or another capability's own word.")
    project_id: UUID
    project: str
    asset: NamedAsset | None
    actor_id: UUID | None
    actor: str | None
    comment_id: int | None
    excerpt: str | None = Field(description="How the comment begins.")
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class Unread(View):
    """How many wait to be read."""

    unread: int


class Notifications(Unread):
    """A page of notifications, newest first."""

    items: list[Notification]
    cursor: str | None = Field(None, description="Ask for the next page with it; null on the last page.")


class NotificationsQuery(PageQuery):
    """Which notifications."""

    unread: bool = Field(False, description="Only those that were not read.")


class NotificationsRead(Model):
    """What was read."""

    ids: list[int] | None = Field(None, max_length=1000, description="All where omitted.")
