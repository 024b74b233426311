"""What traces are searched by, and counted by: MLflow's words, as conditions that the database takes.

A condition goes as ``{"on", "key", "op", "value"}``, see ``private.trace_condition``; those on spans mean one span
together.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from insighter_ext.errors import Invalid
from insighter_ext.traces.spans import costs, tokens
from insighter_ext.tracking.search.grammar import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
    Condition,
    Field,
    Kind,
    Vocabulary,
    parse_filter,
    parse_orders,
)
from insighter_ext.tracking.search.tokens import refuse

Json = dict[str, Any]

_PATTERNS = TEXT_OPERATORS | {"RLIKE"}
_TEXT = Field("text", _PATTERNS | LIST_OPERATORS)
_NULLABLE = Field("text", _PATTERNS | NULL_OPERATORS)
_CONTENT = Field("text", frozenset({"LIKE", "ILIKE"}))
_NUMBER = Field("number", NUMBER_OPERATORS)
_ASSESSED = Field("any", _PATTERNS | NUMBER_OPERATORS | NULL_OPERATORS)

_TIMES = {
    **dict.fromkeys(("timestamp", "timestamp_ms"), "start"),
    **dict.fromkeys(("execution_time", "execution_time_ms"), "duration"),
    **dict.fromkeys(("end_time", "end_time_ms"), "end"),
}
# A pattern with one can take for ever to match.
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_SPAN_KEYS = ("name", "type", "status", "content")
_SESSION = "mlflow.trace.session"
_TOTALS = {"mlflow.trace.tokenUsage": ("usage", tokens), "mlflow.trace.cost": ("cost", costs)}

TRACES = Vocabulary(
    "traces",
    prefixes={
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "trace"), "attribute"),
        **dict.fromkeys(("request_metadata", "metadata"), "metadata"),
        **{name: name for name in ("span", "feedback", "expectation", "issue")},
    },
    kinds={
        "tag": Kind(others=_NULLABLE),
        "metadata": Kind(others=_NULLABLE),
        "attribute": Kind(
            keys={
                **{key: Field("number", NUMBER_OPERATORS, name=name) for key, name in _TIMES.items()},
                "request_id": Field("text", _TEXT.operators, name="id"),
                "status": _TEXT,
                "client_request_id": _TEXT,
                "name": Field("text", _TEXT.operators | NULL_OPERATORS),
                "run_id": Field("text", _PATTERNS | NULL_OPERATORS),
                "prompt": Field("text", frozenset({"="})),
                "text": _CONTENT,
            }
        ),
        "span": Kind(
            keys={**dict.fromkeys(("name", "type", "status"), _TEXT), "content": _CONTENT}, others=_TEXT
        ),
        "feedback": Kind(others=_ASSESSED),
        "expectation": Kind(others=_ASSESSED),
        "issue": Kind(keys={"id": Field("text", frozenset({"="}))}),
    },
    orders={
        "tag": None,
        "metadata": None,
        "attribute": frozenset({*_TIMES, "status", "request_id", "experiment_id", "name", "run_id"}),
    },
)

METRICS = Vocabulary(
    "metrics of traces",
    prefixes={name: name for name in ("trace", "span", "assessment")},
    kinds={
        "trace": Kind(others=Field("text", frozenset({"="}))),
        "span": Kind(keys=dict.fromkeys(("name", "status", "type"), Field("text", frozenset({"="})))),
        "assessment": Kind(keys=dict.fromkeys(("name", "type"), Field("text", frozenset({"="})))),
    },
    orders={},
    bare="trace",
)


def conditions(text: str) -> list[Json]:
    """A filter of traces.

    Raises:
        Invalid: it is none; ``details`` say where.
    """
    return [_condition(item) for item in parse_filter(text, TRACES)]


def orders(clauses: list[str]) -> list[Json]:
    """What an ``order_by`` of traces says.

    Raises:
        Invalid: a clause is not one of traces.
    """
    found = []
    for order in parse_orders(clauses, TRACES):
        on, key = order.kind, order.key
        if on == "attribute":
            on = {"request_id": "id", "experiment_id": "experiment"}.get(key, key)
            if key == "run_id":
                on, key = "metadata", "mlflow.sourceRun"
        elif on == "tag" and key == "mlflow.traceName":
            on = "name"
        elif on == "metadata" and key == _SESSION:
            on = "session"
        elif on == "metadata" and key in _TOTALS:
            raise Invalid(
                f"Ordering by reserved metadata '{key}' is not supported because it is represented by multiple "
                "columns.",
                code="invalid_order",
            )
        found.append({"on": on, "key": key, "desc": not order.ascending})
    return found


def metric_conditions(filters: list[str]) -> list[Json]:
    """Filters of a query of metrics, one comparison each; ``on: of`` means the assessment itself.

    Raises:
        Invalid: one of them is none.
    """
    found = []
    for text in filters:
        parsed = parse_filter(text, METRICS)
        if len(parsed) != 1:
            raise Invalid(f"Invalid filter: '{text}'. Expected one filter clause.", code="invalid_filter")
        item = parsed[0]
        if item.kind == "trace":
            entity, _, key = item.key.partition(".")
            if (entity, bool(key)) not in {("status", False), ("tag", True), ("metadata", True)}:
                raise Invalid(
                    f"Invalid entity '{item.key}' specified for view type 'trace'. "
                    "Valid entities are ['status', 'tag.<key>', 'metadata.<key>']",
                    code="invalid_filter",
                )
            kind = "attribute" if entity == "status" else entity
            item = Condition(kind, key.strip("`\"'") or entity, item.operator, item.value)
            found.append(_condition(item))
        else:
            on = "span" if item.kind == "span" else "of"
            found.append({"on": on, "key": item.key, "op": "=", "value": item.value})
    return found


def _condition(item: Condition) -> Json:
    if item.operator == "RLIKE" and _BACK_REFERENCE.search(str(item.value)):
        raise refuse(
            "Invalid pattern in filter string: it refers back to a group",
            item.start,
            item.length,
            "leave it out",
        )
    kind, key, value = item.kind, item.key, item.as_json()["value"]
    found: Json = {"on": kind, "key": key, "op": item.operator, "value": value}
    if kind == "attribute" or (kind in ("tag", "metadata") and key in ("name", "run_id", "prompt")):
        return _attribute(found, item)
    if kind == "tag" and key == "mlflow.traceName":
        return {**found, "on": "name"}
    if kind == "tag" and key == "mlflow.linkedPrompts":
        return _attribute({**found, "key": "prompt"}, item)
    if kind == "metadata":
        return _metadata(found, item)
    if kind == "span":
        if key.startswith("attributes.") and len(key) > len("attributes."):
            return {**found, "key": "attribute", "attribute": key.removeprefix("attributes.").strip("`")}
        if key not in _SPAN_KEYS:
            raise refuse(
                f"Invalid span attribute '{key}'. Supported attributes: name, status, type, "
                "attributes.<attribute_name>.",
                item.start,
                item.length,
            )
    if kind in ("feedback", "expectation"):
        return _assessed(found, item)
    return found


def _attribute(found: Json, item: Condition) -> Json:
    key = found["key"]
    if key == "text":
        return {**found, "on": "span", "key": "content"}
    if key == "run_id":
        return _metadata({**found, "on": "metadata", "key": "mlflow.sourceRun"}, item)
    if key == "prompt" and (item.operator != "=" or str(item.value).count("/") != 1):
        raise refuse(
            f"Invalid prompts filter value '{item.value}'. Expected format: prompt = \"name/version\"",
            item.start,
            item.length,
        )
    return {**found, "on": key}


def _metadata(found: Json, item: Condition) -> Json:
    key, operator = found["key"], item.operator
    if key == "mlflow.sourceRun" and operator == "=":
        return {**found, "on": "run"}
    if key == _SESSION:
        return {**found, "on": "session"}
    if key not in _TOTALS:
        return found
    on, read = _TOTALS[key]
    if operator not in {"=", "!=", *NULL_OPERATORS}:
        raise refuse(
            f"Comparator '{operator}' is not supported for reserved metadata '{key}'. "
            "Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported.",
            item.start,
            item.length,
        )
    if operator in NULL_OPERATORS:
        return {**found, "on": on}
    # What is answered as this text is kept as numbers: only exactly that text is equal to it.
    numbers = read(item.value)
    same = numbers is not None and json.dumps(numbers) == item.value
    return {**found, "on": on, "value": item.value if same else "{}"}


def _assessed(found: Json, item: Condition) -> Json:
    numeric = item.operator in ("<", "<=", ">", ">=")
    if item.operator not in NULL_OPERATORS and isinstance(item.value, str) == numeric:
        wanted = "a numeric value" if numeric else "a quoted string value"
        raise refuse(
            f"Expected {wanted} for {item.kind} when using comparator '{item.operator}'. Got value {item.value}",
            item.start,
            item.length,
        )
    value = found["value"]
    if item.operator in ("=", "!="):
        # Values are JSON: of a text with quotes, of anything else without.
        value = [value, json.dumps(value)]
    return {**found, "on": "assessment", "type": item.kind, "value": value}


def page_token(offset: int) -> str:
    """A token for the page that begins there."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def page_offset(token: str) -> int:
    """Where the page of a token begins.

    Raises:
        Invalid: it is no token of ours.
    """
    if not token:
        return 0
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        offset = None
    if type(offset) is not int or not 0 <= offset < 2**40:
        raise Invalid(
            "Invalid page token, could not base64-decode", hint="leave page_token out to begin anew"
        )
    return offset
