"""Numbers over traces, spans and assessments, as MLflow's charts ask for them; and how two filters go together."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from insighter_ext.errors import Invalid
from insighter_ext.traces.search import metric_conditions
from insighter_ext.tracking.protocol import Fields

Json = dict[str, Any]

VIEWS = ("", "TRACES", "SPANS", "ASSESSMENTS")
AGGREGATIONS = ("", "COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX")

_SPREAD = {"AVG", "MIN", "MAX", "PERCENTILE"}
_COUNT = {"COUNT"}
_SUMS = _SPREAD | {"SUM"}
_MODEL = {"span_model_name", "span_model_provider"}
_TRACE = {"trace_name"}
_TOKENS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)

# View → metric → how it is aggregated, and by what it is grouped.
METRICS: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "TRACES": {
        "trace_count": (_COUNT, {"trace_name", "trace_status"}),
        "session_count": (_COUNT, set()),
        "latency": (_SPREAD, _TRACE),
        **dict.fromkeys(_TOKENS, (_SUMS, _TRACE)),
    },
    "SPANS": {
        "span_count": (_COUNT, {"span_name", "span_type", "span_status", *_MODEL}),
        "latency": (_SPREAD, {"span_name", "span_status"}),
        **dict.fromkeys(("input_cost", "output_cost", "total_cost"), (_SUMS, _MODEL)),
    },
    "ASSESSMENTS": {
        "assessment_count": (_COUNT, {"assessment_name", "assessment_value"}),
        "assessment_value": (_SPREAD, {"assessment_name"}),
    },
}
MAX_POINTS = 1000
MAX_AGGREGATIONS = 20


def query(fields: Fields) -> Json:
    """The argument of ``traces_metrics`` from a request.

    Raises:
        Invalid: no such metric, or not aggregated or grouped like that.
    """
    view = _name(fields.raw("view_type"), VIEWS, "view_type")
    metric = fields.required("metric_name")
    if metric not in METRICS[view]:
        raise Invalid(f"metric_name must be one of {sorted(METRICS[view])}, got '{metric}'")
    types, groups = METRICS[view][metric]
    dimensions = fields.strings("dimensions")
    if wrong := set(dimensions) - groups:
        raise Invalid(f"Found invalid dimension(s): {sorted(wrong)}. Supported dimensions: {sorted(groups)}")
    interval = fields.integer("time_interval_seconds") or None
    start, end = fields.integer("start_time_ms"), fields.integer("end_time_ms")
    if interval is not None and (start is None or end is None):
        raise Invalid("start_time_ms and end_time_ms are required if time_interval_seconds is set")
    if interval is not None and not 0 < interval < 10**9:
        raise Invalid(f"Invalid value {interval} for parameter 'time_interval_seconds' supplied")
    return {
        "view": view,
        "metric": metric,
        "aggregations": _aggregations(fields.objects("aggregations"), types),
        "dimensions": list(dict.fromkeys(dimensions)),
        "conditions": metric_conditions(fields.strings("filters")),
        "interval_ms": None if interval is None else interval * 1000,
        "start_ms": start,
        "end_ms": end,
        "limit": fields.limit(MAX_POINTS, 10_000),
    }


def points(asked: Json, rows: list[Json]) -> list[Json]:
    """The answer's data points."""
    names = [*(["time_bucket"] if asked["interval_ms"] else []), *asked["dimensions"]]
    found = []
    for row in rows:
        values = {key: value for key, value in row["values"].items() if value is not None}
        dimensions = dict(zip(names, row["dimensions"], strict=True))
        if asked["interval_ms"]:
            moment = int(dimensions["time_bucket"]) / 1000
            dimensions["time_bucket"] = datetime.fromtimestamp(moment, UTC).isoformat()
        if values:
            found.append({"metric_name": asked["metric"], "dimensions": dimensions, "values": values})
    return found


def _aggregations(items: list[Json], types: set[str]) -> list[Json]:
    if not 1 <= len(items) <= MAX_AGGREGATIONS:
        raise Invalid(f"Parameter 'aggregations' must have from 1 to {MAX_AGGREGATIONS} items")
    found = []
    for item in items:
        kind = _name(item.get("aggregation_type"), AGGREGATIONS, "aggregation_type")
        if kind not in types:
            raise Invalid(
                f"Found invalid aggregation_type(s): ['{kind}']. Supported aggregation types: {sorted(types)}"
            )
        percentile = item.get("percentile_value")
        if kind == "PERCENTILE":
            if (
                isinstance(percentile, bool)
                or not isinstance(percentile, int | float)
                or not 0 <= percentile <= 100
            ):
                raise Invalid(f"Percentile value must be between 0 and 100, got {percentile!r}")
            found.append({"name": f"P{float(percentile)}", "type": kind, "percentile": percentile})
        else:
            found.append({"name": kind, "type": kind})
    return found


def _name(value: Any, names: tuple[str, ...], what: str) -> str:
    if type(value) is int and 0 < value < len(names):
        return names[value]
    if not isinstance(value, str) or value not in names[1:]:
        raise Invalid(
            f"Invalid value {value!r} for parameter '{what}' supplied: one of {', '.join(names[1:])}"
        )
    return value


def correlation(counts: Json) -> Json:
    """Normalised pointwise mutual information of two filters, as counted and smoothed (Jeffreys' prior).

    Args:
        counts: ``total``, ``filter1``, ``filter2`` and ``joint``, numbers of traces.
    """
    total, one, other, joint = (counts[name] for name in ("total", "filter1", "filter2", "joint"))
    cells = (joint, one - joint, other - joint, total - one - other + joint)
    if total <= 0 or one == 0 or other == 0:
        plain = smoothed = math.nan
    else:
        plain = -1.0 if joint == 0 else _npmi(cells, 0.0)
        smoothed = _npmi(cells, 0.5)
    return {
        "npmi": _number(plain),
        "npmi_smoothed": _number(smoothed),
        "filter1_count": one,
        "filter2_count": other,
        "joint_count": joint,
        "total_count": total,
    }


def _npmi(cells: tuple[int, int, int, int], smoothing: float) -> float:
    if cells[1:] == (0, 0, 0):
        return 1.0
    both, one, other, neither = (cell + smoothing for cell in cells)
    total = both + one + other + neither
    information = math.log(both * total / ((both + one) * (both + other)))
    return max(-1.0, min(1.0, information / math.log(total / both)))


def _number(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value
