"""Routes of lineage."""

from __future__ import annotations

import contextlib
from uuid import UUID

from tornado import iostream

from insighter_ext.lineage.models import ImpactQuery, LineageGraph, LineageImpact, LineageQuery
from server_handlers.base import ApiHandler, operation

_LINEAGE = "/projects/{project_id:uuid}/lineage"


class LineageHandler(ApiHandler):
    """The graph."""

    path, tag = _LINEAGE, "lineage"

    @operation(
        "What an asset was made from, and what was made from it; of the whole project without an asset",
        query=LineageQuery,
        returns=LineageGraph,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: LineageQuery) -> LineageGraph:
        return await self.platform.lineage.graph(self.principal, project_id, query)


class LineageImpactHandler(ApiHandler):
    """What would break."""

    path, tag = _LINEAGE + "/impact", "lineage"

    @operation(
        "What would break without an asset: all that was made from it, counted by kind",
        query=ImpactQuery,
        returns=LineageImpact,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: ImpactQuery) -> LineageImpact:
        return await self.platform.lineage.impact(self.principal, project_id, query)


class OpenLineageHandler(ApiHandler):
    """The graph, for other tools."""

    path, tag = _LINEAGE + "/openlineage", "lineage"

    @operation(
        "A project's lineage as OpenLineage events, a line of JSON each",
        media_out="application/x-ndjson",
        errors=(404,),
    )
    async def get(self, project_id: UUID) -> None:
        lines = self.platform.lineage.export(self.principal, project_id)
        # A refusal comes with the first lines, while an error can still be answered.
        first = await anext(lines)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Disposition", f'attachment; filename="lineage-{project_id}.jsonl"')
        # A client that goes away in the middle is no error of ours.
        with contextlib.suppress(iostream.StreamClosedError):
            self.write(first)
            async for piece in lines:
                self.write(piece)
                await self.flush()


HANDLERS = [LineageHandler, LineageImpactHandler, OpenLineageHandler]
