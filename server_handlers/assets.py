"""Routes of assets of every kind."""

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
)
from insighter_ext.models import Page
from server_handlers.base import ApiHandler, operation


class AssetsHandler(ApiHandler):
    """Assets of all projects."""

    path, tag = "/assets", "assets"

    @operation(
        "Find assets by words of their names, columns, tags, metrics and descriptions",
        query=SearchQuery,
        returns=Found,
        errors=(422,),
    )
    async def get(self, query: SearchQuery) -> Found:
        return await self.platform.assets.search(self.principal, query)


class ProjectAssetsHandler(ApiHandler):
    """Assets of one project."""

    path, tag = "/projects/{project_id:uuid}/assets", "assets"

    @operation(
        "A project's assets, the one that changed last first; or the pinned ones",
        query=AssetQuery,
        returns=Page[Asset],
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: AssetQuery) -> Page[Asset]:
        return await self.platform.assets.list(self.principal, project_id, query)


class HomeHandler(ApiHandler):
    """A project's home."""

    path, tag = "/projects/{project_id:uuid}/home", "assets"

    @operation(
        "The pinned assets; of each kind how many there are, and those that changed last",
        query=OverviewQuery,
        returns=Overview,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: OverviewQuery) -> Overview:
        return await self.platform.assets.overview(self.principal, project_id, query)


class PinHandler(ApiHandler):
    """A pin."""

    path, tag = "/projects/{project_id:uuid}/pins/{kind}/{key}", "assets"

    @operation(
        "Pin an asset, or move it among the pinned ones",
        body=PinPlace,
        returns=Pin,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, kind: str, key: str, body: PinPlace) -> Pin:
        return await self.platform.assets.pin(self.principal, project_id, kind, key, body)

    @operation("Unpin it; the answer says where it was", returns=Pin, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, kind: str, key: str) -> Pin:
        return await self.platform.assets.unpin(self.principal, project_id, kind, key)


HANDLERS = [AssetsHandler, ProjectAssetsHandler, HomeHandler, PinHandler]
