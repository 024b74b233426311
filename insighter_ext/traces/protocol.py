"""MLflow's JSON of traces and assessments: reading what its clients send, and writing what they expect.

Names are those of ``mlflow/protos/service.proto`` and ``assessments.proto``; the rules of the JSON of protocol buffers
hold: a time is text as in RFC 3339, a duration a number of seconds with an "s".
"""

from __future__ import annotations

import json
import math
import re
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from insighter_ext.errors import Invalid
from insighter_ext.traces.spans import MAX_TAG_KEY, MAX_TAG_VALUE, TRACE_NAME, costs, tokens
from insighter_ext.tracking.protocol import integer

Json = dict[str, Any]

STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
SESSION, USAGE, COST = "mlflow.trace.session", "mlflow.trace.tokenUsage", "mlflow.trace.cost"
FINALIZED = "mlflow.trace.infoFinalized"
SOURCE_RUN = "mlflow.assessment.sourceRunId"
LOCATION = "MLFLOW_EXPERIMENT"
MAX_TAGS = 1000

_TRACE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DURATION = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9}))?s")
_SOURCES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")


# ---- reading --------------------------------------------------------------------------------------------------------


def trace(document: Any) -> tuple[Json, list[Json]]:
    """The arguments of ``traces_start`` from a ``TraceInfoV3``: the trace, and its assessments.

    Raises:
        Invalid: something in it cannot be.
    """
    if not isinstance(document, dict):
        raise Invalid("Missing value for required parameter 'trace.trace_info'.")
    trace_id = _text(document, "trace_id") or ""
    if not _TRACE_ID.fullmatch(trace_id):
        raise Invalid(
            f"Invalid trace ID: {trace_id[:100]!r}",
            hint="it has up to 64 letters, digits, dashes and underscores",
        )
    metadata = texts(document.get("trace_metadata"), "trace_metadata")
    tags = texts(document.get("tags"), "tags")
    duration = document.get("execution_duration")
    row = {
        "id": trace_id,
        "experiment_id": location(document.get("trace_location")),
        "start_ms": moment(document.get("request_time"), "request_time") or 0,
        "duration_ms": None if duration is None else _duration(duration),
        "status": state(document.get("state")),
        "client_request_id": _text(document, "client_request_id"),
        "request_preview": _text(document, "request_preview"),
        "response_preview": _text(document, "response_preview"),
        "name": trace_name(tags.pop(TRACE_NAME, None)),
        "tags": tags,
        **split(metadata),
    }
    row["metadata"][FINALIZED] = "true"
    assessments = document.get("assessments") or []
    if not isinstance(assessments, list):
        raise Invalid("Invalid value for parameter 'assessments' supplied: it must be a list")
    return row, [assessment(item) for item in assessments]


def split(metadata: dict[str, str]) -> Json:
    """Metadata as it is kept: the session, the tokens and the costs apart, for they are counted."""
    rest = {key: value for key, value in metadata.items() if key not in (SESSION, USAGE, COST)}
    session = metadata.get(SESSION)
    if session is not None and len(session) > MAX_TAG_KEY:
        raise Invalid(f"'Session ID' exceeds the maximum length of {MAX_TAG_KEY} characters")
    return {
        "metadata": rest,
        "session_id": session,
        "usage": tokens(metadata.get(USAGE)),
        "cost": costs(metadata.get(COST)),
    }


def trace_name(name: str | None) -> str | None:
    """A name of a trace, not too long."""
    if name is not None and len(name) > 4096:
        raise Invalid("'Trace name' exceeds the maximum length of 4096 characters")
    return name


def location(document: Any) -> str:
    """The experiment of a ``TraceLocation``."""
    found = document.get("mlflow_experiment") if isinstance(document, dict) else None
    experiment_id = found.get("experiment_id") if isinstance(found, dict) else None
    if not isinstance(experiment_id, str | int) or not str(experiment_id):
        raise Invalid(
            "Missing value for required parameter 'trace_location.mlflow_experiment.experiment_id'.",
            hint="this server keeps traces in experiments",
        )
    return str(experiment_id)


def state(value: Any) -> str:
    """A state, by its name or number."""
    if value is None:
        return STATES[0]
    if type(value) is int and 0 <= value < len(STATES):
        return STATES[value]
    if value == "TRACE_STATUS_UNSPECIFIED":
        return STATES[0]
    if value not in STATES:
        raise Invalid(f"Invalid value {value!r} for parameter 'state' supplied: one of {', '.join(STATES)}")
    return str(value)


def texts(document: Any, name: str) -> dict[str, str]:
    """An object of texts: tags or metadata; values that are too long are cut, as MLflow's server cuts them."""
    if document is None:
        return {}
    if not isinstance(document, dict) or len(document) > MAX_TAGS:
        raise Invalid(
            f"Invalid value for parameter '{name}' supplied: it must be an object of at most {MAX_TAGS} texts"
        )
    found = {}
    for key, value in document.items():
        if not key or len(key) > MAX_TAG_KEY:
            raise Invalid(
                f"'{name}' has a key that is empty or exceeds the maximum length of {MAX_TAG_KEY} characters"
            )
        found[key] = (value if isinstance(value, str) else "" if value is None else json.dumps(value))[
            :MAX_TAG_VALUE
        ]
    return found


def pairs(items: list[Json], name: str) -> dict[str, str]:
    """The same from ``[{key, value}]``."""
    return texts({str(item.get("key") or ""): item.get("value") for item in items}, name)


def moment(value: Any, name: str) -> int | None:
    """Milliseconds since 1970 of a time in text."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(
            f"Invalid value {value!r} for parameter '{name}' supplied: it must be a time as in RFC 3339"
        ) from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    delta = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _duration(value: Any) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Invalid(
            f"Invalid value {value!r} for parameter 'execution_duration' supplied: it must be a duration like 1.5s"
        )
    return int(match[1]) * 1000 + int((match[2] or "0").ljust(9, "0")[:3]) * (
        -1 if value.startswith("-") else 1
    )


def _text(document: Json, name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"Invalid value for parameter '{name}' supplied: it must be a string")
    return value


def assessment(document: Any) -> Json:
    """A row of ``trace_assessments`` from an ``Assessment``.

    Raises:
        Invalid: something in it cannot be.
    """
    if not isinstance(document, dict):
        raise Invalid("Missing value for required parameter 'assessment'.")
    name = _text(document, "assessment_name")
    if not name or len(name) > 250:
        raise Invalid("'assessment_name' is missing, or exceeds the maximum length of 250 characters")
    source = document.get("source") or {}
    if not isinstance(source, dict):
        raise Invalid("Invalid value for parameter 'assessment.source' supplied: it must be an object")
    metadata = document.get("metadata")
    now = int(time.time() * 1000)
    created = moment(document.get("create_time"), "create_time")
    row = {
        "id": _text(document, "assessment_id") or f"a-{uuid4().hex}",
        "name": name,
        "rationale": _text(document, "rationale") or None,
        "source_type": _source(source.get("source_type")),
        "source_id": _text(source, "source_id") or None,
        "span_id": _text(document, "span_id") or None,
        "metadata": texts(metadata, "metadata") if metadata else None,
        "overrides": _text(document, "overrides") or None,
        "valid": document.get("valid") is not False,
        "created_ms": now if created is None else created,
        "updated_ms": moment(document.get("last_update_time"), "last_update_time") or created or now,
        **value_of(document),
    }
    row["run_id"] = (row["metadata"] or {}).get(SOURCE_RUN, "")[:32] or None
    return row


def value_of(document: Json) -> Json:
    """What is said in an ``Assessment``: its type, its value as JSON text, its error, and its number.

    Raises:
        Invalid: it is neither feedback, nor expectation, nor a reference to an issue.
    """
    for kind in ("feedback", "expectation", "issue"):
        if kind in document and not isinstance(document[kind], dict):
            raise Invalid(f"Invalid value for parameter '{kind}' supplied: it must be an object")
    error = None
    if "feedback" in document:
        kind, found = "feedback", document["feedback"]
        # A google.protobuf.Value has no whole numbers.
        value = _doubles(found.get("value"))
        error = found.get("error") or document.get("error")
        if error is not None and not (
            isinstance(error, dict) and isinstance(error.get("error_code", ""), str)
        ):
            raise Invalid(
                "Invalid value for parameter 'feedback.error' supplied: it must be an object with an error_code"
            )
    elif "expectation" in document:
        kind, found = "expectation", document["expectation"]
        value = _doubles(found.get("value"))
        if isinstance(serialized := found.get("serialized_value"), dict):
            try:
                value = json.loads(serialized.get("value", ""))
            except (TypeError, ValueError, RecursionError):
                raise Invalid(
                    "Invalid value for parameter 'expectation.serialized_value' supplied: it is no JSON"
                ) from None
    elif "issue" in document:
        kind, value = "issue", {"issue_name": str(document["issue"].get("issue_name", ""))}
    else:
        raise Invalid("Assessment must have either feedback, expectation, or issue value")
    number, numeric = _number(value)
    return {"type": kind, "value": json.dumps(value), "error": error, "number": number, "numeric": numeric}


def _doubles(value: Any) -> Any:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise Invalid("a number in the assessment's value is too large") from None
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    return value


def _number(value: Any) -> tuple[float | None, bool]:
    """What can be averaged of a value, and whether the value is a number."""
    if isinstance(value, bool):
        return float(value), False
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None, False
        return (number, True) if math.isfinite(number) else (None, False)
    if isinstance(value, str) and value.strip().lower() in ("yes", "no"):
        return float(value.strip().lower() == "yes"), False
    return None, False


def _source(value: Any) -> str:
    if value is None:
        return _SOURCES[0]
    if type(value) is int and 0 <= value < len(_SOURCES):
        return _SOURCES[value]
    name = str(value).upper()
    if name == "AI_JUDGE":
        return "LLM_JUDGE"
    if name not in _SOURCES:
        raise Invalid(
            f"Invalid value {value!r} for parameter 'source.source_type' supplied: one of {', '.join(_SOURCES)}"
        )
    return name


# ---- writing --------------------------------------------------------------------------------------------------------


def written_moment(milliseconds: int) -> str:
    """A time as the JSON of protocol buffers has it."""
    try:
        found = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        found = datetime.fromtimestamp(0, UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _metadata(row: Json) -> dict[str, str]:
    metadata = dict(row["metadata"])
    if row["session_id"] is not None:
        metadata[SESSION] = row["session_id"]
    if usage := tokens(row["usage"]):
        metadata[USAGE] = json.dumps(usage)
    if cost := costs(row["cost"]):
        metadata[COST] = json.dumps(cost)
    return metadata


def _tags(row: Json) -> dict[str, str]:
    return row["tags"] if row["name"] is None else {**row["tags"], TRACE_NAME: row["name"]}


def trace_info(row: Json) -> Json:
    """A ``TraceInfoV3``."""
    info: Json = {
        "trace_id": row["id"],
        "trace_location": {"type": LOCATION, "mlflow_experiment": {"experiment_id": row["experiment_id"]}},
        "request_time": written_moment(row["start_ms"]),
        "state": row["status"],
        "trace_metadata": _metadata(row),
        "tags": _tags(row),
    }
    for name in ("client_request_id", "request_preview", "response_preview"):
        if row[name] is not None:
            info[name] = row[name]
    if (duration := row["duration_ms"]) is not None:
        info["execution_duration"] = (
            f"{'-' if duration < 0 else ''}{abs(duration) // 1000}.{abs(duration) % 1000:03d}s"
        )
    if row["assessments"]:
        info["assessments"] = [written_assessment(item) for item in row["assessments"]]
    return info


def trace_info_v2(row: Json) -> Json:
    """A ``TraceInfo`` of MLflow 2."""
    return {
        "request_id": row["id"],
        "experiment_id": row["experiment_id"],
        "timestamp_ms": row["start_ms"],
        **({} if row["duration_ms"] is None else {"execution_time_ms": row["duration_ms"]}),
        "status": "TRACE_STATUS_UNSPECIFIED" if row["status"] == STATES[0] else row["status"],
        "request_metadata": [{"key": key, "value": value} for key, value in _metadata(row).items()],
        "tags": [{"key": key, "value": value} for key, value in _tags(row).items()],
    }


def whole_trace(row: Json) -> Json:
    """A ``Trace``: its description and its spans."""
    return {"trace_info": trace_info(row), "spans": [_otel_span(json.loads(text)) for text in row["spans"]]}


def written_assessment(row: Json) -> Json:
    """An ``Assessment``."""
    value = json.loads(row["value"])
    said: Json
    if row["type"] == "issue":
        said = {"issue": value}
    elif row["type"] == "feedback":
        said = {"feedback": {"value": value, **({"error": row["error"]} if row["error"] else {})}}
    elif isinstance(value, list | dict):
        said = {
            "expectation": {
                "serialized_value": {"serialization_format": "JSON_FORMAT", "value": json.dumps(value)}
            }
        }
    else:
        said = {"expectation": {"value": value}}
    source = {
        "source_type": row["source_type"],
        **({"source_id": row["source_id"]} if row["source_id"] else {}),
    }
    optional = {name: row[name] for name in ("span_id", "rationale", "metadata", "overrides") if row[name]}
    return {
        "assessment_id": row["id"],
        "assessment_name": row["name"],
        "trace_id": row["trace_id"],
        "source": source,
        "create_time": written_moment(row["created_ms"]),
        "last_update_time": written_moment(row["updated_ms"]),
        **said,
        **optional,
        "valid": row["valid"],
    }


def _otel_span(span: Json) -> Json:
    """A span as protocol buffers of OpenTelemetry have it in JSON."""
    return {
        "trace_id": span["trace_id"],
        "span_id": span["span_id"],
        **({"parent_span_id": span["parent_span_id"]} if span["parent_span_id"] else {}),
        "name": span["name"],
        "start_time_unix_nano": span["start_time_unix_nano"],
        **({"end_time_unix_nano": span["end_time_unix_nano"]} if span["end_time_unix_nano"] else {}),
        "attributes": [
            {"key": key, "value": _any(_loaded(value))} for key, value in span["attributes"].items()
        ],
        "events": [
            {
                "name": event["name"],
                "time_unix_nano": event["time_unix_nano"],
                "attributes": [
                    {"key": key, "value": _any(value)} for key, value in event["attributes"].items()
                ],
            }
            for event in span["events"]
        ],
        "links": [_link(link) for link in span["links"]],
        "status": span["status"],
    }


def _link(link: Json) -> Json:
    import base64

    return {
        "trace_id": base64.b64encode(bytes.fromhex(link["trace_id"].removeprefix("tr-"))).decode(),
        "span_id": base64.b64encode(bytes.fromhex(link["span_id"])).decode(),
        "attributes": [
            {"key": key, "value": _any(value)} for key, value in (link["attributes"] or {}).items()
        ],
    }


def _loaded(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def _any(value: Any) -> Json:
    """An ``AnyValue``."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, int):
        return {"int_value": value} if -(2**63) <= value < 2**63 else {"string_value": str(value)}
    if isinstance(value, float):
        return {"double_value": value if math.isfinite(value) else _word(value)}
    if isinstance(value, list):
        return {"array_value": {"values": [_any(item) for item in value]}}
    return {"kvlist_value": {"values": [{"key": key, "value": _any(item)} for key, item in value.items()]}}


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def required_integer(value: Any, name: str) -> int:
    """A 64-bit integer that has to be there."""
    if value is None:
        raise Invalid(f"Missing value for required parameter '{name}'.")
    return integer(value, name)
