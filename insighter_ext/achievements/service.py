"""Achievements as a service. What was earned is counted in the database."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.achievements.models import (
    Achievement,
    AchievementCreate,
    AchievementPreview,
    Achievements,
    AchievementsSetting,
    AchievementUpdate,
    OwnAchievements,
    Standing,
)
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal


class AchievementsService:
    """See the module. One method for each function of the database."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def list(self, principal: Principal, project_id: UUID) -> Achievements:
        """What can be earned in a project, by whom it was, and how far the caller is."""
        return Achievements.model_validate(
            await self._data.call(principal, "achievements_list", project_id=project_id)
        )

    async def create(self, principal: Principal, project_id: UUID, body: AchievementCreate) -> Achievement:
        """Define one of the project's own; what happened before counts.

        Raises:
            Invalid: the rule is none; the message says why.
        """
        return Achievement.model_validate(
            await self._data.call(
                principal, "achievements_create", project_id=project_id, **body.model_dump()
            )
        )

    async def update(
        self, principal: Principal, project_id: UUID, id: UUID, body: AchievementUpdate
    ) -> Achievement:
        """Change one of the project's own."""
        return Achievement.model_validate(
            await self._data.call(
                principal, "achievements_update", project_id=project_id, id=id, **body.model_dump()
            )
        )

    async def delete(self, principal: Principal, project_id: UUID, id: UUID) -> None:
        """Delete one of the project's own: nobody earns it any more, and those who have keep it."""
        await self._data.call(principal, "achievements_delete", project_id=project_id, id=id)

    async def preview(self, principal: Principal, project_id: UUID, body: AchievementPreview) -> Standing:
        """How far the caller, or the team, would be by a rule."""
        return Standing.model_validate(
            await self._data.call(
                principal, "achievements_preview", project_id=project_id, **body.model_dump()
            )
        )

    async def mine(self, principal: Principal) -> OwnAchievements:
        """The caller's own, of all projects, and what comes next."""
        return OwnAchievements.model_validate(await self._data.call(principal, "achievements_mine"))

    async def show(self, principal: Principal, shown: bool) -> AchievementsSetting:
        """Show the caller's achievements, or none of them to anybody."""
        return AchievementsSetting.model_validate(
            await self._data.call(principal, "achievements_show", shown=shown)
        )
