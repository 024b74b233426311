"""Metric histories: of one run, of many, thinned, and as the curves of a chart.

The database keeps them in chunks (``0030_metrics.sql``) and answers in columns of one length: ``steps``, ``times`` and
``values``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking import protocol
from insighter_ext.tracking.models import (
    Curve,
    Curves,
    CurvesBody,
    MetricHistory,
    MetricHistoryQuery,
    MetricPoint,
)
from insighter_ext.tracking.protocol import Fields, Json, clock

MOST_RUNS = 100
MOST_PER_PAGE = 25_000
MOST_PER_RUN = 2500
_MOST_POINTS_OF_CURVES = 400_000

Endpoint = Callable[[Principal, Fields], Awaitable[Json]]


class Histories:
    """See the module."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """MLflow's endpoints, as in :class:`insighter_ext.tracking.endpoints.TrackingEndpoints`."""
        return {
            ("GET", "metrics/get-history"): self.history,
            ("GET", "metrics/get-history-bulk"): self.bulk,
            ("GET", "metrics/get-history-bulk-interval"): self.interval,
        }

    async def history(self, principal: Principal, fields: Fields) -> Json:
        """All values of a metric, by time, step and value; with ``max_results`` in pages."""
        run_id, name = fields.required("run_id", "run_uuid"), fields.required("metric_key")
        cursor = fields.text("page_token") or None
        if fields.has("max_results"):
            limit = fields.limit(MOST_PER_PAGE, 2**31 - 1)
            items, cursor = await self._page(principal, run_id, name, min(limit, MOST_PER_PAGE), cursor)
            return protocol.page("metrics", items, cursor)
        # A client that does not page expects everything in one answer.
        everything: list[Json] = []
        while True:
            items, cursor = await self._page(principal, run_id, name, MOST_PER_PAGE, cursor)
            everything += items
            if cursor is None:
                return {"metrics": everything}

    async def bulk(self, principal: Principal, fields: Fields) -> Json:
        """A metric of several runs, run by run, up to ``max_results`` values in all. Unknown runs have none."""
        run_ids = fields.strings("run_id")
        if not run_ids:
            raise Invalid("GetMetricHistoryBulk request must specify at least one run_id.")
        if len(run_ids) > MOST_RUNS:
            raise Invalid(
                f"GetMetricHistoryBulk request cannot specify more than {MOST_RUNS} run_ids. "
                f"Received {len(run_ids)} run_ids."
            )
        if not fields.has("metric_key"):
            raise Invalid("GetMetricHistoryBulk request must specify a metric_key.")
        name = fields.required("metric_key")
        rest = min(fields.limit(MOST_PER_PAGE, 2**31 - 1), MOST_PER_PAGE)
        found: list[Json] = []
        for run_id in sorted(set(run_ids)):
            if rest <= len(found):
                break
            try:
                items, _ = await self._page(principal, run_id, name, rest - len(found), None)
            except NotFound:
                continue
            found += [{**item, "run_id": run_id} for item in items]
        return {"metrics": found}

    async def interval(self, principal: Principal, fields: Fields) -> Json:
        """A metric of several runs between two steps, of each run evenly thinned, with first and last."""
        run_ids = fields.strings("run_ids")
        if not run_ids:
            raise Invalid("Missing value for required parameter 'run_ids'.")
        if len(run_ids) > MOST_RUNS:
            raise Invalid(
                f"GetMetricHistoryBulkInterval request must specify at most {MOST_RUNS} run_ids. "
                f"Received {len(run_ids)} run_ids."
            )
        limit = fields.integer("max_results", MOST_PER_RUN)
        if limit is None or not 1 <= limit <= MOST_PER_RUN:
            raise Invalid(f"max_results must be between 1 and {MOST_PER_RUN}.")
        start, end = fields.integer("start_step"), fields.integer("end_step")
        if (start is None) != (end is None):
            raise Invalid("If either start step or end step are specified, both must be specified.")
        if start is not None and end is not None and start > end:
            raise Invalid(
                f"end_step must be greater than start_step. Found start_step={start} and end_step={end}."
            )
        found = await self._data.call(
            principal,
            "runs_metric_interval",
            run_ids=run_ids,
            key=fields.required("metric_key"),
            start=start,
            end=end,
            limit=limit,
        )
        return {"metrics": found}

    async def of_run(
        self, principal: Principal, project_id: UUID, run_id: str, key: str, query: MetricHistoryQuery
    ) -> MetricHistory:
        """A page of a metric's values, by step."""
        found = await self._data.call(
            principal,
            "runs_metric_history",
            run_id=run_id,
            key=key,
            project_id=project_id,
            **query.model_dump(),
        )
        points = [
            MetricPoint(value=value, step=step, timestamp=clock(time))
            for step, time, value in zip(found["steps"], found["times"], found["values"], strict=True)
        ]
        return MetricHistory(key=key, points=points, cursor=found["cursor"])

    async def curves(self, principal: Principal, project_id: UUID, body: CurvesBody) -> Curves:
        """Metrics of runs for a chart, thinned, or what is new of them. All curves together have a bounded size."""
        most = max(4, _MOST_POINTS_OF_CURVES // (len(body.run_ids) * len(body.keys)))
        found = await self._data.call(
            principal,
            "runs_curves",
            project_id=project_id,
            run_ids=body.run_ids,
            keys=body.keys,
            max_points=min(body.max_points, most),
            after=body.after,
        )
        curves = [Curve.model_construct(**curve) for curve in found["curves"]]
        return Curves.model_construct(curves=curves, cursors=found["cursors"])

    async def _page(
        self, principal: Principal, run_id: str, name: str, limit: int, cursor: str | None
    ) -> tuple[list[Json], str | None]:
        found: dict[str, Any] = await self._data.call(
            principal, "runs_metric_history", run_id=run_id, key=name, limit=limit, cursor=cursor, by="time"
        )
        columns = zip(found["steps"], found["times"], found["values"], strict=True)
        items = [
            {"key": name, "value": value, "timestamp": time, "step": step} for step, time, value in columns
        ]
        return items, found["cursor"]
