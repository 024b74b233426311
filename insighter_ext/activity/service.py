"""Activity as a service. What somebody sees of it is the database's business."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.activity.models import (
    ActivityQuery,
    Comment,
    Notifications,
    NotificationsQuery,
    NotificationsRead,
    People,
    Unread,
)
from insighter_ext.bus.models import Message
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal


class ActivityService:
    """See the module. One method for each function of the database."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def list(self, principal: Principal, project_id: UUID, query: ActivityQuery) -> Page[Message]:
        """What happened in a project, newest first."""
        found = await self._data.call(
            principal, "activity_list", project_id=project_id, **query.model_dump(exclude_none=True)
        )
        return Page[Message].model_validate(found)

    async def comments(
        self, principal: Principal, project_id: UUID, kind: str, key: str, query: PageQuery
    ) -> Page[Comment]:
        """What was said about an asset, newest first."""
        found = await self._data.call(
            principal, "comments_list", project_id=project_id, kind=kind, key=key, **query.model_dump()
        )
        return Page[Comment].model_validate(found)

    async def people(self, principal: Principal, project_id: UUID, kind: str, key: str) -> People:
        """Who can be mentioned where an asset is spoken of: the members that see it."""
        found = await self._data.call(principal, "comments_people", project_id=project_id, kind=kind, key=key)
        return People.model_validate(found)

    async def comment(
        self, principal: Principal, project_id: UUID, kind: str, key: str, body: str
    ) -> Comment:
        """Say something about an asset. Whom it mentions or concerns is notified."""
        made = await self._data.call(
            principal, "comments_create", project_id=project_id, kind=kind, key=key, body=body
        )
        return Comment.model_validate(made)

    async def edit(self, principal: Principal, project_id: UUID, comment_id: int, body: str) -> Comment:
        """Change what one said."""
        made = await self._data.call(
            principal, "comments_update", project_id=project_id, comment_id=comment_id, body=body
        )
        return Comment.model_validate(made)

    async def delete(self, principal: Principal, project_id: UUID, comment_id: int) -> None:
        """Take a comment away: one's own, or as an admin any."""
        await self._data.call(principal, "comments_delete", project_id=project_id, comment_id=comment_id)

    async def restore(self, principal: Principal, project_id: UUID, comment_id: int) -> Comment:
        """Bring back what one took away."""
        made = await self._data.call(
            principal, "comments_restore", project_id=project_id, comment_id=comment_id
        )
        return Comment.model_validate(made)

    async def notifications(self, principal: Principal, query: NotificationsQuery) -> Notifications:
        """What is for the caller, of all projects, newest first."""
        found = await self._data.call(principal, "notifications_list", **query.model_dump())
        return Notifications.model_validate(found)

    async def read(self, principal: Principal, body: NotificationsRead) -> Unread:
        """Note notifications as read."""
        found = await self._data.call(principal, "notifications_read", ids=body.ids)
        return Unread.model_validate(found)
