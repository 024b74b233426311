"""MLflow's API of traces: each endpoint is a method from the request's fields to the answer's JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.traces import metrics, protocol, search
from insighter_ext.traces.spans import MAX_TAG_VALUE, TRACE_NAME
from insighter_ext.tracking.protocol import Fields, Json, key, text_value

Endpoint = Callable[[Principal, Fields], Awaitable[Json]]

MAX_PAGE = 500
MAX_LINKS = 100
MAX_IDS = 1000
MAX_DELETED_IDS = 10_000

_WAITS = (1.0, 2.0)
_KEPT_TAGS = ("mlflow.trace.spansLocation", "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure")
_FIELDS = ("assessment_name", "rationale", "metadata", "valid")


class TracesEndpoints:
    """See the module. A trace is in the project of its experiment."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint; ``{name}`` in a path becomes a field."""
        return {
            ("POST", "traces"): self.start,
            ("GET", "traces"): self.search_v2,
            ("GET", "traces/get"): self.get,
            ("GET", "traces/batchGet"): self.batch,
            ("POST", "traces/batchGetInfos"): self.batch_infos,
            ("POST", "traces/search"): self.search,
            ("POST", "traces/delete-traces"): self.delete,
            ("POST", "traces/link-to-run"): self.link_run,
            ("POST", "traces/link-prompts"): self.link_prompts,
            ("POST", "traces/calculate-filter-correlation"): self.correlate,
            ("POST", "traces/metrics"): self.metrics,
            ("GET", "traces/{trace_id}"): self.info,
            ("PATCH", "traces/{trace_id}"): self.end_v2,
            ("GET", "traces/{trace_id}/info"): self.info_v2,
            ("PATCH", "traces/{trace_id}/tags"): self.set_tag,
            ("DELETE", "traces/{trace_id}/tags"): self.delete_tag,
            ("POST", "traces/{trace_id}/assessments"): self.assess,
            ("GET", "traces/{trace_id}/assessments/{assessment_id}"): self.assessment,
            ("PATCH", "traces/{trace_id}/assessments/{assessment_id}"): self.update_assessment,
            ("DELETE", "traces/{trace_id}/assessments/{assessment_id}"): self.delete_assessment,
        }

    # ---- traces ----

    async def start(self, principal: Principal, fields: Fields) -> Json:
        """What a program says of a trace, at its end; in MLflow 2 that it began."""
        if not fields.has("trace"):
            return await self._start_v2(principal, fields)
        trace, assessments = protocol.trace(fields.object("trace").get("trace_info"))
        made = await self._data.call(principal, "traces_start", trace=trace, assessments=assessments)
        return {"trace": {"trace_info": protocol.trace_info(made)}}

    async def info(self, principal: Principal, fields: Fields) -> Json:
        """A trace without its spans."""
        found = await self._data.call(principal, "traces_get", id=fields.required("trace_id"))
        return {"trace": {"trace_info": protocol.trace_info(found)}}

    async def get(self, principal: Principal, fields: Fields) -> Json:
        """A trace with its spans; unless parts are welcome, once all are there that it said it has."""
        trace_id = fields.required("trace_id")
        for wait in (*_WAITS, None):
            found = await self._data.call(principal, "traces_get", id=trace_id, spans=True)
            if fields.flag("allow_partial") or _complete(found):
                return {"trace": await asyncio.to_thread(protocol.whole_trace, found)}
            if wait is not None:
                await asyncio.sleep(wait)
        raise NotFound(f"Trace with ID {trace_id} is not fully exported yet, please try again later.")

    async def data(self, principal: Principal, trace_id: str) -> bytes:
        """The spans of a trace as the file that MLflow's web UI downloads: ``{"spans": […]}``."""
        found = await self._data.call(principal, "traces_get", id=trace_id, spans=True)
        return b'{"spans":[' + ",".join(found["spans"]).encode() + b"]}"

    async def batch(self, principal: Principal, fields: Fields) -> Json:
        """Traces with their spans, those of them that are complete."""
        found = await self._batch(principal, fields, spans=True)
        complete = [row for row in found if row["spans"] and _complete(row)]
        return {"traces": await asyncio.to_thread(lambda: [protocol.whole_trace(row) for row in complete])}

    async def batch_infos(self, principal: Principal, fields: Fields) -> Json:
        """Traces without their spans."""
        found = await self._batch(principal, fields, spans=False)
        return {"trace_infos": [protocol.trace_info(row) for row in found]}

    async def _batch(self, principal: Principal, fields: Fields, *, spans: bool) -> list[Json]:
        ids = _ids(fields, "trace_ids", 100 if spans else MAX_IDS)
        experiments = fields.strings("experiment_ids") if fields.has("experiment_ids") else None
        found = await self._data.call(
            principal, "traces_list", ids=ids, experiment_ids=experiments, spans=spans
        )
        return list(found)

    async def search(self, principal: Principal, fields: Fields) -> Json:
        """Traces of experiments that match a filter, newest first or as asked for."""
        places = [item for item in fields.objects("locations") if "mlflow_experiment" in item]
        if not fields.items("locations"):
            raise Invalid("Missing value for required parameter 'locations'.")
        found, token = await self._search(principal, fields, [protocol.location(item) for item in places])
        return {
            "traces": [protocol.trace_info(row) for row in found],
            **({"next_page_token": token} if token else {}),
        }

    async def _search(
        self, principal: Principal, fields: Fields, experiments: list[str]
    ) -> tuple[list[Json], str | None]:
        if len(experiments) > MAX_IDS:
            raise Invalid(f"at most {MAX_IDS} experiments are searched at once")
        limit, offset = fields.limit(100, MAX_PAGE), search.page_offset(fields.text("page_token"))
        found = await self._data.call(
            principal,
            "traces_search",
            experiment_ids=experiments,
            conditions=search.conditions(fields.text("filter")),
            order=search.orders(fields.strings("order_by")),
            limit=limit,
            offset=offset,
        )
        rows = list(found["items"])
        return rows, search.page_token(offset + limit) if len(rows) == limit else None

    async def delete(self, principal: Principal, fields: Fields) -> Json:
        """Delete traces of an experiment for good: these, or up to a time, the oldest first."""
        ids, until = fields.strings("request_ids"), fields.integer("max_timestamp_millis")
        most = fields.integer("max_traces")
        if (until is None) == (not ids):
            raise Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified, and not both.")
        if ids and most is not None:
            raise Invalid("`max_traces` can't be specified if `trace_ids` is specified.")
        if most is not None and not 0 < most < 2**31:
            raise Invalid(f"`max_traces` must be a positive integer, received {most}.")
        if len(ids) > MAX_DELETED_IDS:
            raise Invalid(
                f"at most {MAX_DELETED_IDS} traces are deleted at once", hint="delete them in parts"
            )
        count = await self._data.call(
            principal,
            "traces_delete",
            experiment_id=fields.required("experiment_id"),
            max_start_ms=until,
            max_traces=most,
            ids=ids or None,
        )
        return {"traces_deleted": count}

    async def set_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag."""
        name = key(fields.required("key"))
        _not_kept(name, "set")
        value = text_value(fields.text("value")[:MAX_TAG_VALUE], "value", MAX_TAG_VALUE)
        if name == TRACE_NAME:
            protocol.trace_name(value)
        await self._data.call(principal, "traces_update", id=fields.required("trace_id"), tags={name: value})
        return {}

    async def delete_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off."""
        name = fields.required("key")
        _not_kept(name, "deleted")
        await self._data.call(principal, "traces_update", id=fields.required("trace_id"), tags={name: None})
        return {}

    async def link_run(self, principal: Principal, fields: Fields) -> Json:
        """Link traces to a run, beside the one that made them."""
        ids = _ids(
            fields, "trace_ids", MAX_LINKS, "Cannot link more than 100 traces to a run in a single request."
        )
        await self._data.call(principal, "traces_link_run", ids=ids, run_id=fields.required("run_id"))
        return {}

    async def link_prompts(self, principal: Principal, fields: Fields) -> Json:
        """Link versions of prompts to a trace."""
        items = fields.objects("prompt_versions")
        if not items or len(items) > MAX_LINKS:
            raise Invalid(f"Parameter 'prompt_versions' must have from 1 to {MAX_LINKS} items")
        prompts = []
        for item in items:
            name, version = item.get("name"), str(item.get("version", ""))
            if not isinstance(name, str) or not name or len(name) > 500 or not version.isdecimal():
                raise Invalid("Parameter 'prompt_versions' must have names and versions, which are numbers")
            prompts.append(f"{name}/{int(version[:20])}")
        await self._data.call(
            principal, "traces_link_prompts", id=fields.required("trace_id"), prompts=prompts
        )
        return {}

    async def correlate(self, principal: Principal, fields: Fields) -> Json:
        """How two filters go together."""
        counts = await self._data.call(
            principal,
            "traces_correlate",
            experiment_ids=_ids(fields, "experiment_ids", MAX_IDS),
            filter1=search.conditions(fields.required("filter_string1")),
            filter2=search.conditions(fields.required("filter_string2")),
            base=search.conditions(fields.text("base_filter")),
        )
        return metrics.correlation(counts)

    async def metrics(self, principal: Principal, fields: Fields) -> Json:
        """Numbers over traces, spans or assessments."""
        asked = metrics.query(fields)
        rows = await self._data.call(
            principal,
            "traces_metrics",
            experiment_ids=_ids(fields, "experiment_ids", MAX_IDS),
            query=asked,
        )
        return {"data_points": metrics.points(asked, rows)}

    # ---- assessments ----

    async def assess(self, principal: Principal, fields: Fields) -> Json:
        """Say something of a trace."""
        made = await self._data.call(
            principal,
            "assessments_create",
            trace_id=fields.required("trace_id"),
            assessment=protocol.assessment(fields.raw("assessment")),
        )
        return {"assessment": protocol.written_assessment(made)}

    async def assessment(self, principal: Principal, fields: Fields) -> Json:
        """What was said."""
        found = await self._data.call(
            principal,
            "assessments_get",
            trace_id=fields.required("trace_id"),
            id=fields.required("assessment_id"),
        )
        return {"assessment": protocol.written_assessment(found)}

    async def update_assessment(self, principal: Principal, fields: Fields) -> Json:
        """Say it otherwise: the fields that ``update_mask`` names."""
        said, mask = fields.object("assessment"), fields.raw("update_mask")
        paths = mask.split(",") if isinstance(mask, str) else (mask or {}).get("paths", [])
        names = [_snake(str(path)) for path in paths]
        kinds = [name for name in names if name in ("feedback", "expectation")]
        if len(kinds) > 1:
            raise Invalid("Cannot specify both `expectation` and `feedback` parameters.")
        changes: Json = {}
        if kinds:
            changes = protocol.value_of({kinds[0]: said.get(kinds[0]) or {}, "error": said.get("error")})
            del changes["type"]
        whole = {**said, "assessment_name": said.get("assessment_name") or "-", "feedback": {}}
        checked = protocol.assessment(whole)
        for name in names:
            if name in _FIELDS:
                ours = "name" if name == "assessment_name" else name
                changes[ours] = checked[ours] if name in said or name == "valid" else None
        changes = {
            name: value for name, value in changes.items() if value is not None or name in ("error", "number")
        }
        made = await self._data.call(
            principal,
            "assessments_update",
            trace_id=fields.required("trace_id"),
            id=fields.required("assessment_id"),
            changes=changes,
            type=kinds[0] if kinds else None,
        )
        return {"assessment": protocol.written_assessment(made)}

    async def delete_assessment(self, principal: Principal, fields: Fields) -> Json:
        """Take it back; what it took the place of is valid again."""
        await self._data.call(
            principal,
            "assessments_delete",
            trace_id=fields.required("trace_id"),
            id=fields.required("assessment_id"),
        )
        return {}

    # ---- as MLflow 2 had it ----

    async def _start_v2(self, principal: Principal, fields: Fields) -> Json:
        from uuid import uuid4

        tags = protocol.pairs(fields.objects("tags"), "tags")
        trace = {
            "id": uuid4().hex,
            "experiment_id": fields.text("experiment_id", "0"),
            "start_ms": protocol.required_integer(fields.raw("timestamp_ms"), "timestamp_ms"),
            "status": "IN_PROGRESS",
            "name": protocol.trace_name(tags.pop(TRACE_NAME, None)),
            "tags": tags,
            **protocol.split(protocol.pairs(fields.objects("request_metadata"), "request_metadata")),
        }
        made = await self._data.call(principal, "traces_start", trace=trace)
        return {"trace_info": protocol.trace_info_v2(made)}

    async def end_v2(self, principal: Principal, fields: Fields) -> Json:
        """How a trace ended."""
        said = protocol.split(protocol.pairs(fields.objects("request_metadata"), "request_metadata"))
        metadata = said.pop("metadata")
        made = await self._data.call(
            principal,
            "traces_update",
            id=fields.required("trace_id"),
            tags=protocol.pairs(fields.objects("tags"), "tags"),
            metadata=metadata,
            end_ms=protocol.required_integer(fields.raw("timestamp_ms"), "timestamp_ms"),
            status=protocol.state(fields.raw("status")),
            fields={name: value for name, value in said.items() if value is not None},
        )
        return {"trace_info": protocol.trace_info_v2(made)}

    async def info_v2(self, principal: Principal, fields: Fields) -> Json:
        """A trace."""
        found = await self._data.call(principal, "traces_get", id=fields.required("trace_id"))
        return {"trace_info": protocol.trace_info_v2(found)}

    async def search_v2(self, principal: Principal, fields: Fields) -> Json:
        """Traces of experiments."""
        experiments = _ids(fields, "experiment_ids", MAX_IDS)
        found, token = await self._search(principal, fields, experiments)
        return {
            "traces": [protocol.trace_info_v2(row) for row in found],
            **({"next_page_token": token} if token else {}),
        }


def _complete(row: Json) -> bool:
    """Whether all spans are there that the trace said it has."""
    try:
        expected = json.loads(row["metadata"].get("mlflow.trace.sizeStats", "{}")).get("num_spans", 0)
    except (ValueError, AttributeError):
        return True
    return bool(row["spans"]) and (type(expected) is not int or len(row["spans"]) >= expected)


def _ids(fields: Fields, name: str, maximum: int, message: str | None = None) -> list[str]:
    found = fields.strings(name)
    if not found:
        raise Invalid(f"Missing value for required parameter '{name}'.")
    if len(found) > maximum:
        raise Invalid(message or f"Parameter '{name}' has more than {maximum} items", hint="ask in parts")
    return found


def _not_kept(name: str, what: str) -> None:
    if name in _KEPT_TAGS:
        raise Invalid(f"Tag '{name}' is immutable and cannot be {what} on a trace.")


def _snake(path: str) -> str:
    """A path of a field mask, which JSON writes in camel case."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path)
