"""Presence as a service: what a page says of itself, and who else is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

from insighter_ext.bus.service import BusService, heard
from insighter_ext.gateways import DataGateway
from insighter_ext.presence.models import Presence
from insighter_ext.principal import Principal

_PAUSE = 2.0
"""Seconds between two looks, however many come and go; and where the database cannot call, however often one asks."""

_LOOK_SECONDS = 30.0
"""Who went without a word is missed after no more than this and what the database waits for them."""


class PresenceService:
    """See the module."""

    def __init__(self, data: DataGateway, bus: BusService) -> None:
        self._data = data
        self._bus = bus

    async def enter(self, principal: Principal, project_id: UUID, connection: UUID, away: bool) -> None:
        """A page is there. To be said again before the database takes it for gone, in a minute and a half."""
        await self._data.call(
            principal, "presence_enter", project_id=project_id, connection=connection, away=away
        )

    async def leave(self, principal: Principal, project_id: UUID, connection: UUID) -> None:
        """It is there no longer."""
        await self._data.call(principal, "presence_leave", project_id=project_id, connection=connection)

    async def list(self, principal: Principal, project_id: UUID) -> Presence:
        """Who is there."""
        return Presence.model_validate(
            await self._data.call(principal, "presence_list", project_id=project_id)
        )

    async def follow(self, principal: Principal, project_id: UUID) -> AsyncGenerator[Presence, None]:
        """Who is there, now and whenever that changes, for ever.

        Raises:
            NotFound: the project is gone, or not shared with the principal any more.
        """
        with self._bus.ear(f"presence/{project_id}") as ear:
            before: Presence | None = None
            while True:
                ear.clear()
                found = await self.list(principal, project_id)
                if found != before:
                    before = found
                    yield found
                await asyncio.sleep(_PAUSE)
                await heard(ear, _LOOK_SECONDS)
