"""Assets of every kind as a service."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.assets.models import (
    Asset,
    AssetQuery,
    Found,
    Overview,
    OverviewQuery,
    Pin,
    PinPlace,
    SearchQuery,
    separated,
)
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Page
from insighter_ext.principal import Principal


class AssetsService:
    """See the module. One method for each function of the database."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def list(self, principal: Principal, project_id: UUID, query: AssetQuery) -> Page[Asset]:
        """A project's assets, the one that changed last first."""
        return Page[Asset].model_validate(
            await self._data.call(principal, "assets_list", project_id=project_id, **query.model_dump())
        )

    async def overview(self, principal: Principal, project_id: UUID, query: OverviewQuery) -> Overview:
        """What a project's home shows of its assets."""
        return Overview.model_validate(
            await self._data.call(principal, "assets_overview", project_id=project_id, limit=query.limit)
        )

    async def search(self, principal: Principal, query: SearchQuery) -> Found:
        """The best of the assets that have all words of a query, in all projects the principal sees."""
        return Found.model_validate(
            await self._data.call(
                principal,
                "assets_search",
                query=query.q,
                projects=separated(query.projects),
                kinds=separated(query.kinds),
                limit=query.limit,
            )
        )

    async def pin(self, principal: Principal, project_id: UUID, kind: str, key: str, place: PinPlace) -> Pin:
        """Show an asset first, to everybody in the project."""
        return Pin.model_validate(
            await self._data.call(
                principal, "assets_pin", project_id=project_id, kind=kind, key=key, position=place.position
            )
        )

    async def unpin(self, principal: Principal, project_id: UUID, kind: str, key: str) -> Pin:
        """Show it among the others again; the answer says where it was."""
        return Pin.model_validate(
            await self._data.call(principal, "assets_unpin", project_id=project_id, kind=kind, key=key)
        )
