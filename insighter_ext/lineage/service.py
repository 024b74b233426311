"""Lineage as a service: reading and exporting. Triggers in the database write it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from insighter_ext.gateways import DataGateway
from insighter_ext.lineage.models import ImpactQuery, LineageGraph, LineageImpact, LineageQuery, Source
from insighter_ext.lineage.openlineage import events
from insighter_ext.principal import Principal

_PAGE = 500


class LineageService:
    """See the module. Whoever sees a project sees its lineage, but for the assets that are hidden from them."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def graph(self, principal: Principal, project_id: UUID, query: LineageQuery) -> LineageGraph:
        """The graph around an asset, or what was tied last in the project."""
        return LineageGraph.model_validate(
            await self._data.call(principal, "lineage_graph", project_id=project_id, **query.model_dump())
        )

    async def impact(self, principal: Principal, project_id: UUID, query: ImpactQuery) -> LineageImpact:
        """What would break without an asset."""
        return LineageImpact.model_validate(
            await self._data.call(principal, "lineage_impact", project_id=project_id, **query.model_dump())
        )

    async def check(self, principal: Principal, project_id: UUID, sources: Sequence[Source]) -> None:
        """Refuse sources that are not there, before the bytes of what is made from them are taken.

        Raises:
            NotFound: there is no such asset, or no such version of it.
        """
        if sources:
            await self._data.call(
                principal,
                "lineage_check",
                project_id=project_id,
                sources=[source.model_dump() for source in sources],
            )

    async def export(self, principal: Principal, project_id: UUID) -> AsyncIterator[bytes]:
        """A project's lineage as OpenLineage events, a line of JSON each; a piece can be empty.

        Raises:
            InsighterError: before the first piece, when the caller may not read it.
        """
        cursor: str | None = None
        while True:
            page = await self._data.call(
                principal, "lineage_processes", project_id=project_id, limit=_PAGE, cursor=cursor
            )
            yield b"".join(
                json.dumps(event, ensure_ascii=False).encode() + b"\n"
                for process in page["items"]
                for event in events(project_id, process)
            )
            cursor = page["cursor"]
            if cursor is None:
                break
