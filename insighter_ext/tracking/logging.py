"""MLflow's endpoints that runs are begun, changed and written with, made for thousands of calls a second.

Requests as clients send them take a short way from the bytes of the body; whatever is unusual takes the long one of
``protocol.py``, which says what is wrong with it in MLflow's words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking import points, protocol
from insighter_ext.tracking.names import random_name
from insighter_ext.tracking.protocol import Fields, Json
from insighter_ext.tracking.writes import Log, Writes

Endpoint = Callable[[Principal, Fields], Awaitable[Json]]
ShortWay = Callable[[Principal, bytes], Awaitable[Json]]


class Logging:
    """See the module."""

    def __init__(self, data: DataGateway) -> None:
        self._writes = Writes(data)

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """As in :class:`insighter_ext.tracking.endpoints.TrackingEndpoints`.

        All of these end in ``runs_write`` and nothing else: it asks for itself whether the caller's credential stands.
        """
        return {
            ("POST", "runs/create"): self.create_run,
            ("POST", "runs/update"): self.update_run,
            ("POST", "runs/set-tag"): self.set_tag,
            ("POST", "runs/log-metric"): self.log_metric,
            ("POST", "runs/log-parameter"): self.log_param,
            ("POST", "runs/log-batch"): self.log_batch,
        }

    def short_ways(self) -> dict[str, ShortWay]:
        """Path → what takes the body of a POST, and raises ``points.Unusual`` for the long way."""
        return {"runs/log-metric": self.log_metric_body, "runs/log-batch": self.log_batch_body}

    async def log_metric_body(self, principal: Principal, body: bytes) -> Json:
        """One value of a metric."""
        run_id, found = points.read_metric(body)
        await self._writes.put(principal, Log(run_id, found))
        return {}

    async def log_batch_body(self, principal: Principal, body: bytes) -> Json:
        """Metrics, parameters and tags: all of them or none."""
        await self._writes.put(principal, Log(*points.read_batch(body)))
        return {}

    async def create_run(self, principal: Principal, fields: Fields) -> Json:
        """Start a run."""
        tags = protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_TAG_VALUE)
        name, tagged = fields.text("run_name"), tags.get("mlflow.runName")
        if name and tagged and name != tagged:
            raise Invalid(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                f"(run_name='{name}', mlflow.runName='{tagged}')."
            )
        arguments = {
            "id": uuid4().hex,
            "experiment_id": protocol.experiment_id(fields) if fields.has("experiment_id") else "0",
            "name": name or random_name(),
            "user_name": fields.text("user_id"),
            "start_time": fields.integer("start_time"),
            "tags": tags,
        }
        return {"run": protocol.run(await self._writes.put(principal, {"create": arguments}))}

    async def update_run(self, principal: Principal, fields: Fields) -> Json:
        """Change status, end or name."""
        status = protocol.run_status(fields)
        arguments = {
            "run_id": fields.required("run_id", "run_uuid"),
            "status": status,
            "end_time": fields.integer("end_time"),
            "name": fields.text("run_name") or None,
        }
        return {"run_info": protocol.run_info(await self._writes.put(principal, {"update": arguments}))}

    async def set_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag of a run."""
        value = protocol.text_value(fields.text("value"), "value", protocol.MAX_TAG_VALUE)
        return await self.log(principal, fields, {"tags": {protocol.key(fields.required("key")): value}})

    async def log_metric(self, principal: Principal, fields: Fields) -> Json:
        """One value of a metric."""
        names = ("key", "value", "timestamp", "step", "model_id", "dataset_name", "dataset_digest")
        metrics, of_models = protocol.metrics(
            [{name: fields.raw(name) for name in names if fields.has(name)}]
        )
        return await self.log(principal, fields, {"metrics": metrics, "model_metrics": of_models})

    async def log_param(self, principal: Principal, fields: Fields) -> Json:
        """One parameter."""
        item = {"key": fields.text("key"), "value": fields.text("value")}
        return await self.log(principal, fields, {"params": protocol.params([item])})

    async def log_batch(self, principal: Principal, fields: Fields) -> Json:
        """Metrics, parameters and tags: all of them or none."""
        return await self.log(principal, fields, protocol.batch(fields))

    async def log(self, principal: Principal, fields: Fields, what: Json) -> Json:
        """Write what was found good: metrics, params, tags, model_metrics."""
        log = Log(
            fields.required("run_id", "run_uuid"),
            points.of_metrics(what["metrics"]) if what.get("metrics") else None,
            what.get("params", {}),
            what.get("tags", {}),
            what.get("model_metrics", []),
        )
        await self._writes.put(principal, log)
        return {}
