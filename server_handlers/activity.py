"""Routes of activity: what happened, comments, and what is for the caller."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.activity.models import (
    ActivityQuery,
    Comment,
    CommentText,
    Notifications,
    NotificationsQuery,
    NotificationsRead,
    People,
    Unread,
)
from insighter_ext.bus.models import Message
from insighter_ext.models import Page, PageQuery
from server_handlers.base import ApiHandler, operation


class ActivityHandler(ApiHandler):
    """What happened in a project."""

    path, tag = "/projects/{project_id:uuid}/activity", "activity"

    @operation(
        "What happened, newest first, as the bus tells it",
        query=ActivityQuery,
        returns=Page[Message],
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: ActivityQuery) -> Page[Message]:
        return await self.platform.activity.list(self.principal, project_id, query)


class CommentsHandler(ApiHandler):
    """What is said about an asset."""

    path, tag = "/projects/{project_id:uuid}/assets/{kind}/{key}/comments", "activity"

    @operation(
        "Comments on an asset, newest first; for members",
        query=PageQuery,
        returns=Page[Comment],
        errors=(403, 404, 422),
    )
    async def get(self, project_id: UUID, kind: str, key: str, query: PageQuery) -> Page[Comment]:
        return await self.platform.activity.comments(self.principal, project_id, kind, key, query)

    @operation(
        "Comment on an asset", body=CommentText, returns=Comment, status=201, errors=(403, 404, 409, 422)
    )
    async def post(self, project_id: UUID, kind: str, key: str, body: CommentText) -> Comment:
        return await self.platform.activity.comment(self.principal, project_id, kind, key, body.body)


class CommentsPeopleHandler(ApiHandler):
    """Whom a comment can mention."""

    path, tag = "/projects/{project_id:uuid}/assets/{kind}/{key}/people", "activity"

    @operation("The members that see an asset, and can be mentioned", returns=People, errors=(403, 404))
    async def get(self, project_id: UUID, kind: str, key: str) -> People:
        return await self.platform.activity.people(self.principal, project_id, kind, key)


class CommentHandler(ApiHandler):
    """A comment."""

    path, tag = "/projects/{project_id:uuid}/comments/{comment_id:int}", "activity"

    @operation("Edit one's comment", body=CommentText, returns=Comment, errors=(403, 404, 409, 422))
    async def patch(self, project_id: UUID, comment_id: int, body: CommentText) -> Comment:
        return await self.platform.activity.edit(self.principal, project_id, comment_id, body.body)

    @operation("Delete a comment: one's own, or as an admin any", status=204, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, comment_id: int) -> None:
        await self.platform.activity.delete(self.principal, project_id, comment_id)


class CommentRestoreHandler(ApiHandler):
    """A comment that was deleted."""

    path, tag = "/projects/{project_id:uuid}/comments/{comment_id:int}/restore", "activity"

    @operation("Bring back what one deleted; for a day", returns=Comment, errors=(403, 404, 409))
    async def post(self, project_id: UUID, comment_id: int) -> Comment:
        return await self.platform.activity.restore(self.principal, project_id, comment_id)


class NotificationsHandler(ApiHandler):
    """What is for the caller."""

    path, tag = "/notifications", "activity"

    @operation(
        "What is for the caller, of all projects, newest first",
        query=NotificationsQuery,
        returns=Notifications,
        errors=(422,),
    )
    async def get(self, query: NotificationsQuery) -> Notifications:
        return await self.platform.activity.notifications(self.principal, query)


class NotificationsReadHandler(ApiHandler):
    """What the caller has read."""

    path, tag = "/notifications/read", "activity"

    @operation("Note notifications as read", body=NotificationsRead, returns=Unread, errors=(403, 422))
    async def post(self, body: NotificationsRead) -> Unread:
        return await self.platform.activity.read(self.principal, body)


HANDLERS = [
    ActivityHandler,
    CommentsHandler,
    CommentsPeopleHandler,
    CommentHandler,
    CommentRestoreHandler,
    NotificationsHandler,
    NotificationsReadHandler,
]
