"""Spans of OpenTelemetry as MLflow keeps them, and what they tell of their trace.

A span is kept as the JSON object that MLflow's clients download (``Span.to_dict`` in ``mlflow/entities/span.py``): ids
in base64, and every attribute's value as JSON text of its own.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from insighter_ext.errors import BadRequest
from insighter_ext.traces import conventions
from insighter_ext.traces.preview import preview

Json = dict[str, Any]

REQUEST_ID = "mlflow.traceRequestId"
INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
USAGE = "mlflow.chat.tokenUsage"
COST = "mlflow.llm.cost"
MODEL = "mlflow.llm.model"
PROVIDER = "mlflow.llm.provider"
TAG = "mlflow.traceTag."
TRACE_NAME = "mlflow.traceName"
TRACE_USER = "mlflow.trace.user"
SPANS_LOCATION = "mlflow.trace.spansLocation"

TOKENS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
)
COSTS = ("input_cost", "output_cost", "total_cost")

MAX_TAG_KEY = 250
MAX_TAG_VALUE = 8000

_STATUS = ("UNSET", "OK", "ERROR")
_CODE = "STATUS_CODE_"
_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True)
class Scope:
    """Spans of one resource, as protocol buffers."""

    resource: Any
    spans: Sequence[Any]


@dataclass(slots=True)
class _Trace:
    """What the spans of one export tell of a trace."""

    start_ns: int
    end_ns: int | None = None
    row: Json = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Export:
    """The arguments of ``traces_log_spans``.

    Attributes:
        traces: a row for each trace.
        spans: a row for each span; of one that came twice, the later.
    """

    traces: list[Json]
    spans: list[Json]

    @classmethod
    def of(cls, scopes: Iterable[Scope]) -> Export:
        """From what an export holds.

        Raises:
            BadRequest: a span has no id, or a time that cannot be.
        """
        traces: dict[str, _Trace] = {}
        spans: dict[tuple[str, str], Json] = {}
        for scope in scopes:
            resource = _resource_tags(scope.resource)
            for span in scope.spans:
                row, attributes = _span(span)
                spans[row["trace_id"], row["id"]] = row
                trace = traces.setdefault(row["trace_id"], _Trace(row["start_ns"]))
                trace.resource = trace.resource or resource
                _tell(trace, row, attributes)
        return cls(
            [_row(trace_id, trace) for trace_id, trace in sorted(traces.items())], list(spans.values())
        )

    @classmethod
    def of_file(cls, trace_id: str, document: Any) -> Export:
        """From the file of a trace: ``{"spans": […]}``.

        Raises:
            BadRequest: it is no such file.
        """
        spans = document.get("spans") if isinstance(document, dict) else None
        if not isinstance(spans, list) or not spans:
            raise BadRequest("Invalid trace data: it has no spans", hint='it is a file of {"spans": […]}')
        rows = {row["id"]: row for row in (_read(trace_id, span) for span in spans)}
        trace: _Trace | None = None
        for row in rows.values():
            trace = trace or _Trace(row["start_ns"])
            _tell(trace, row, json.loads(row["content"])["attributes"])
        assert trace is not None
        return cls([_row(trace_id, trace)], list(rows.values()))


def _tell(trace: _Trace, span: Json, attributes: dict[str, str]) -> None:
    """Add what a span tells of its trace."""
    trace.start_ns = min(trace.start_ns, span["start_ns"])
    if span["end_ns"] is not None:
        trace.end_ns = max(trace.end_ns or 0, span["end_ns"])
    row = trace.row
    if session := attributes.get("session.id") or attributes.get("gen_ai.conversation.id"):
        row.setdefault("session_id", plain(session)[:250])
    if user := attributes.get("user.id"):
        row.setdefault("metadata", {TRACE_USER: plain(user)[:MAX_TAG_VALUE]})
    if span["parent_id"] is not None:
        return
    row["status"] = "ERROR" if span["status"] == "ERROR" else "OK"
    row["request_preview"] = preview(attributes.get(INPUTS), "user")
    row["response_preview"] = preview(attributes.get(OUTPUTS), "assistant")
    for key, value in attributes.items():
        name = key.removeprefix(TAG)
        if name != key and 0 < len(name) <= MAX_TAG_KEY:
            trace.tags[name] = plain(value)[:MAX_TAG_VALUE]


def _row(trace_id: str, trace: _Trace) -> Json:
    name = trace.tags.pop(TRACE_NAME, None)
    return {
        "metadata": {},
        **trace.row,
        "id": trace_id,
        "start_ms": trace.start_ns // 1_000_000,
        "end_ms": None if trace.end_ns is None else trace.end_ns // 1_000_000,
        "name": None if name is None else name[:4096],
        # What the program says of its trace counts more than what the resource says.
        "tags": {**trace.resource, **trace.tags, SPANS_LOCATION: "TRACKING_STORE"},
    }


def _resource_tags(resource: Any) -> dict[str, str]:
    tags = {}
    for item in resource.attributes:
        if (
            item.key
            and len(item.key) <= MAX_TAG_KEY
            and not item.key.startswith(("telemetry.sdk.", "mlflow."))
        ):
            value = _decoded(item.value)
            tags[_clean(item.key)] = (value if isinstance(value, str) else dumped(value))[:MAX_TAG_VALUE]
    return tags


def _span(span: Any) -> tuple[Json, dict[str, str]]:
    """The row of a span, and its attributes as they are kept."""
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        raise _unfit("its ids are not 16 and 8 bytes long")
    trace_id = "tr-" + span.trace_id.hex()
    events = [
        {"name": _clean(event.name), "time_unix_nano": event.time_unix_nano, "attributes": _plain(event)}
        for event in span.events
    ]
    attributes = {_clean(item.key): _once(dumped(_decoded(item.value))) for item in span.attributes}
    attributes[REQUEST_ID] = dumped(trace_id)
    conventions.translate(attributes, events)
    status = _STATUS[span.status.code] if span.status.code < len(_STATUS) else "UNSET"
    content = {
        "trace_id": base64.b64encode(span.trace_id).decode(),
        "span_id": base64.b64encode(span.span_id).decode(),
        "parent_span_id": base64.b64encode(span.parent_span_id).decode() or None,
        "name": _clean(span.name),
        "start_time_unix_nano": span.start_time_unix_nano,
        "end_time_unix_nano": span.end_time_unix_nano or None,
        "events": events,
        "status": {"code": _CODE + status, "message": _clean(span.status.message)},
        "attributes": attributes,
        "links": [
            {
                "trace_id": "tr-" + link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": _plain(link),
            }
            for link in span.links
        ],
    }
    return _kept(trace_id, content), attributes


def _read(trace_id: str, content: Any) -> Json:
    """The row of a span that a client kept in a file."""
    try:
        name, events, links = content["name"], content["events"], content.get("links") or []
        status, attributes = content["status"], content["attributes"]
        shapes = ((name, str), (events, list), (links, list), (status, dict), (attributes, dict))
        if not all(isinstance(value, shape) for value, shape in shapes):
            raise TypeError
        return _kept(
            trace_id,
            {
                **{key: content[key] for key in ("trace_id", "span_id")},
                "parent_span_id": content.get("parent_span_id") or None,
                "name": _clean(name),
                "start_time_unix_nano": content["start_time_unix_nano"],
                "end_time_unix_nano": content.get("end_time_unix_nano") or None,
                "events": [
                    {
                        "name": str(event["name"]),
                        "time_unix_nano": int(event["time_unix_nano"]),
                        "attributes": {
                            key: _finite(value) for key, value in (event.get("attributes") or {}).items()
                        },
                    }
                    for event in events
                ],
                "status": {"code": str(status["code"]), "message": _clean(status.get("message") or "")},
                "attributes": {
                    **{
                        key: value if isinstance(value, str) else dumped(value)
                        for key, value in attributes.items()
                    },
                    REQUEST_ID: dumped(trace_id),
                },
                "links": [
                    {
                        "trace_id": "tr-" + bytes.fromhex(link["trace_id"].removeprefix("tr-")).hex(),
                        "span_id": bytes.fromhex(link["span_id"]).hex(),
                        "attributes": dict(link.get("attributes") or {}),
                    }
                    for link in links
                ],
            },
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        raise BadRequest(
            "Invalid trace data: a span in it is none of MLflow 3", hint="update the client"
        ) from None


def _kept(trace_id: str, content: Json) -> Json:
    """The row of a span: its JSON text, and what is searched and counted of it."""
    attributes = content["attributes"]
    start, end = content["start_time_unix_nano"], content["end_time_unix_nano"]
    if (
        type(start) is not int
        or start not in _INT64
        or (end is not None and (type(end) is not int or end not in _INT64))
    ):
        raise _unfit("its time is out of range")
    kind, model, provider = (attributes.get(key) for key in (SPAN_TYPE, MODEL, PROVIDER))
    status = content["status"]["code"].removeprefix(_CODE)
    return {
        "trace_id": trace_id,
        "id": _hex(content["span_id"]),
        "parent_id": _hex(content["parent_span_id"]) if content["parent_span_id"] else None,
        "name": content["name"][:8000],
        "type": None if kind is None else plain(kind)[:500],
        "status": status if status in _STATUS else "UNSET",
        "start_ns": start,
        "end_ns": end,
        "content": json.dumps(content, ensure_ascii=False),
        "usage": tokens(attributes.get(USAGE)),
        "cost": costs(attributes.get(COST)),
        "model": None if model is None else plain(model)[:500],
        "provider": None if provider is None else plain(provider)[:500],
    }


def _hex(text: str) -> str:
    return base64.b64decode(text, validate=True).hex()


def _unfit(why: str) -> BadRequest:
    return BadRequest(f"Cannot convert OpenTelemetry span to MLflow span: {why}")


def _plain(item: Any) -> Json:
    return {_clean(pair.key): _finite(_decoded(pair.value)) for pair in item.attributes}


def _finite(value: Any) -> Any:
    # JSON has no word for the others.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _decoded(value: Any) -> Any:
    """The value of an attribute."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_decoded(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {_clean(item.key): _decoded(item.value) for item in value.kvlist_value.values}
    found = getattr(value, kind)
    if kind == "string_value":
        return _clean(found)
    return base64.b64encode(found).decode() if kind == "bytes_value" else found


def _clean(text: str) -> str:
    # PostgreSQL keeps no NUL character.
    return text.replace("\0", "\ufffd") if "\0" in text else text


def dumped(value: Any) -> str:
    """JSON text of an attribute's value."""
    return json.dumps(value, ensure_ascii=False)


def loaded(text: str) -> Any:
    """The value in JSON text; the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def plain(text: str) -> str:
    """The same as text: of a text what it says, of anything else its JSON."""
    value = loaded(text)
    return value if isinstance(value, str) else text


def _once(text: str) -> str:
    """Programs send texts that are JSON texts already: these are kept without the second pair of quotes."""
    if text.startswith('"'):
        inner = json.loads(text)
        if (
            inner[:1] in ('"', "{", "[")
            and isinstance(loaded(inner), str | dict | list)
            and loaded(inner) != inner
        ):
            return str(inner)
    return text


def tokens(value: Any) -> dict[str, int] | None:
    """Numbers of tokens, those of them that are whole numbers; None where nothing is said."""
    found = _object(value)
    if found is None:
        return None
    return {
        key: int(found[key]) for key in TOKENS if _number(found.get(key)) and found[key] == int(found[key])
    } or None


def costs(value: Any) -> dict[str, float] | None:
    """Costs, those of them that are numbers; None where nothing is said."""
    found = _object(value)
    if found is None:
        return None
    return {key: float(found[key]) for key in COSTS if _number(found.get(key))} or None


def _object(value: Any) -> Json | None:
    if isinstance(value, str):
        value = loaded(value)
    return value if isinstance(value, dict) else None


def _number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) < 2**63
    )
