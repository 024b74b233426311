"""Lineage as OpenLineage events, spec 2-0-2: https://openlineage.io/spec/2-0-2/OpenLineage.json

A run of MLflow's is a run of the job that its experiment is; an endpoint is a run of a job of its own. Whatever goes in
or comes out is a dataset to OpenLineage: ``dataset/wine``, ``model/wine-quality``, with the version as a facet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from insighter_ext import __version__

PRODUCER = f"urn:insighter:{__version__}"

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_JOB_TYPE = f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
_VERSION = f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_SCHEMA = f"{_SPEC}/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"

_ENDS: Mapping[str, str] = {
    "finished": "COMPLETE",
    "failed": "FAIL",
    "killed": "ABORT",
    "stopped": "COMPLETE",
}
"""Of a run, and of an endpoint."""

_LAST_MILLISECOND = 253_402_300_799_999
"""Of the year 9999: what a client says can be later."""


def events(project_id: UUID, process: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of what was done once: its start and, when it is over, its end.

    Args:
        process: as ``lineage_processes`` tells it.
    """
    namespace = f"insighter://{project_id}"
    kind = str(process["kind"])
    made = {
        "run": {"runId": str(_run_id(namespace, process))},
        "job": {
            "namespace": namespace,
            "name": f"{'experiment' if kind == 'run' else kind}/{process['job']}",
            "facets": {
                "jobType": {
                    **_facet(_JOB_TYPE),
                    "processingType": "SERVICE" if kind == "deployment" else "BATCH",
                    "integration": "INSIGHTER",
                    "jobType": kind.upper(),
                }
            },
        },
        "inputs": [_data(namespace, item) for item in process["inputs"]],
        "outputs": [_data(namespace, item) for item in process["outputs"]],
        "producer": PRODUCER,
        "schemaURL": _EVENT,
    }
    if kind not in {"run", "deployment", "workflow"}:
        yield {"eventType": "COMPLETE", "eventTime": _time(process["started"]), **made}
        return
    yield {"eventType": "START", "eventTime": _time(process["started"]), **made}
    end = _ENDS.get(process["status"])
    if process["status"] == "healthy":
        yield {"eventType": "RUNNING", "eventTime": _time(process["ended"]), **made}
    elif end is not None:
        ended = process["ended"] if process["ended"] is not None else process["started"]
        yield {"eventType": end, "eventTime": _time(ended), **made}


def _run_id(namespace: str, process: Mapping[str, Any]) -> UUID:
    if process["kind"] in {"run", "deployment"}:
        return UUID(process["id"])
    return uuid5(NAMESPACE_URL, f"{namespace}/{process['kind']}/{process['id']}/{process['version']}")


def _data(namespace: str, item: Mapping[str, Any]) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    if item["version"] is not None:
        facets["version"] = {**_facet(_VERSION), "datasetVersion": str(item["version"])}
    if item.get("columns"):
        fields = [{"name": column["name"], "type": column["type"]} for column in item["columns"]]
        facets["schema"] = {**_facet(_SCHEMA), "fields": fields}
    return {"namespace": namespace, "name": f"{item['kind']}/{item['key']}", "facets": facets}


def _facet(schema: str) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": schema}


def _time(milliseconds: int) -> str:
    within = min(max(milliseconds, 0), _LAST_MILLISECOND)
    moment = datetime.fromtimestamp(within // 1000, UTC).replace(microsecond=within % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds")
