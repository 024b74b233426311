"""Routes of achievements."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.achievements.models import (
    Achievement,
    AchievementCreate,
    AchievementPreview,
    Achievements,
    AchievementsSetting,
    AchievementsShown,
    AchievementUpdate,
    OwnAchievements,
    Standing,
)
from server_handlers.base import ApiHandler, operation


class AchievementsHandler(ApiHandler):
    """What can be earned in a project."""

    path, tag = "/projects/{project_id:uuid}/achievements", "achievements"

    @operation(
        "What can be earned in a project, who has, and how far the caller is",
        returns=Achievements,
        errors=(404,),
    )
    async def get(self, project_id: UUID) -> Achievements:
        return await self.platform.achievements.list(self.principal, project_id)

    @operation(
        "Define an achievement of the project's own; for its admins",
        body=AchievementCreate,
        returns=Achievement,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: AchievementCreate) -> Achievement:
        made = await self.platform.achievements.create(self.principal, project_id, body)
        self.created("projects", project_id, "achievements", made.id)
        return made


class AchievementPreviewHandler(ApiHandler):
    """Rules that are tried."""

    path, tag = "/projects/{project_id:uuid}/achievements/preview", "achievements"

    @operation(
        "How far the caller, or the team, would be by a rule; for admins",
        body=AchievementPreview,
        returns=Standing,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: AchievementPreview) -> Standing:
        return await self.platform.achievements.preview(self.principal, project_id, body)


class AchievementHandler(ApiHandler):
    """An achievement of a project's own."""

    path, tag = "/projects/{project_id:uuid}/achievements/{achievement_id:uuid}", "achievements"

    @operation(
        "Change an achievement of the project's own; what was earned stays earned",
        body=AchievementUpdate,
        returns=Achievement,
        errors=(403, 404, 409, 422),
    )
    async def patch(self, project_id: UUID, achievement_id: UUID, body: AchievementUpdate) -> Achievement:
        return await self.platform.achievements.update(self.principal, project_id, achievement_id, body)

    @operation(
        "Delete an achievement of the project's own; those who earned it keep it",
        status=204,
        errors=(403, 404, 409),
    )
    async def delete(self, project_id: UUID, achievement_id: UUID) -> None:
        await self.platform.achievements.delete(self.principal, project_id, achievement_id)


class OwnAchievementsHandler(ApiHandler):
    """The caller's achievements."""

    path, tag = "/account/achievements", "achievements"

    @operation("The caller's achievements, of all projects, and what comes next", returns=OwnAchievements)
    async def get(self) -> OwnAchievements:
        return await self.platform.achievements.mine(self.principal)

    @operation(
        "Show the caller's achievements, or none of them to anybody",
        body=AchievementsShown,
        returns=AchievementsSetting,
        errors=(403,),
    )
    async def put(self, body: AchievementsShown) -> AchievementsSetting:
        return await self.platform.achievements.show(self.principal, body.shown)


HANDLERS = [AchievementsHandler, AchievementPreviewHandler, AchievementHandler, OwnAchievementsHandler]
