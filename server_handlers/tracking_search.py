"""Routes of the run table: its pages, the keys there are, and groups."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Ready
from insighter_ext.tracking.search.models import GroupQuery, RunGroups, RunKeys, RunTable, RunTableQuery
from server_handlers.base import ApiHandler, operation

_EXPERIMENT = "/projects/{project_id:uuid}/experiments/{experiment_id}"


class RunTableHandler(ApiHandler):
    """A page of the run table. It reads and changes nothing; a filter may be longer than an address."""

    path, tag = _EXPERIMENT + "/runs/query", "experiments"

    @operation(
        "A page of runs, filtered, ordered and with the columns asked for",
        body=RunTableQuery,
        returns=RunTable,
        errors=(404,),
    )
    async def post(self, project_id: UUID, experiment_id: str, body: RunTableQuery) -> Ready:
        return await self.platform.tracking.table.query(self.principal, project_id, experiment_id, body)


class RunGroupsHandler(ApiHandler):
    """Runs in groups."""

    path, tag = _EXPERIMENT + "/runs/groups", "experiments"

    @operation(
        "Runs in groups, with mean, least and greatest of metrics",
        body=GroupQuery,
        returns=RunGroups,
        errors=(404,),
    )
    async def post(self, project_id: UUID, experiment_id: str, body: GroupQuery) -> Ready:
        return await self.platform.tracking.table.groups(self.principal, project_id, experiment_id, body)


class RunKeysHandler(ApiHandler):
    """The columns that a run table can have."""

    path, tag = _EXPERIMENT + "/keys", "experiments"

    @operation("The keys of metrics, parameters and tags in an experiment", returns=RunKeys, errors=(404,))
    async def get(self, project_id: UUID, experiment_id: str) -> Ready:
        return await self.platform.tracking.table.keys(self.principal, project_id, experiment_id)


HANDLERS = [RunTableHandler, RunGroupsHandler, RunKeysHandler]
