"""The points of metrics on their way to the database: read from a request, put together, packed into columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

import msgspec

from insighter_ext.errors import Invalid
from insighter_ext.tracking import protocol
from insighter_ext.tracking.protocol import Json

Point = tuple[int, int, float]
"""Step, time and value."""

_MOST_KNOWN = 100_000
_known: set[str] = set()

_Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: str


class _Metric(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: float
    timestamp: _Time
    step: _Integer = 0


class _MetricOfRun(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    run_id: str
    key: str
    value: float
    timestamp: _Time
    step: _Integer = 0
    run_uuid: str = ""


class _Batch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    run_id: str
    metrics: list[_Metric] = []
    params: list[_Pair] = []
    tags: list[_Pair] = []


_read_batch = msgspec.json.Decoder(_Batch).decode
_read_metric = msgspec.json.Decoder(_MetricOfRun).decode
_write = msgspec.json.Encoder().encode


class Unusual(Exception):
    """A request that the short way does not understand, or not take; the long way says what is wrong with it."""


class Points:
    """Points of one run by their keys, of one request or of several."""

    __slots__ = ("by_key", "count", "finite")

    def __init__(self) -> None:
        self.by_key: dict[str, list[Point]] = {}
        self.count = 0
        self.finite = True

    def add(self, others: Points) -> None:
        """Take those of another request."""
        for key, points in others.by_key.items():
            mine = self.by_key.get(key)
            if mine is None:
                self.by_key[key] = points.copy()
            else:
                mine += points
        self.count += others.count
        self.finite = self.finite and others.finite

    def columns(self) -> Json:
        """What ``private.points_put`` takes."""
        keys = sorted(self.by_key)
        points: list[Point] = []
        ends: list[int] = []
        for key in keys:
            mine = self.by_key[key]
            if len(mine) > 1:
                mine.sort(key=None if self.finite else _order)
            points += mine
            ends.append(len(points))
        steps, times, values = zip(*points, strict=True)
        return {
            "keys": keys,
            "ends": _array(ends),
            "steps": _array(steps),
            "times": _array(times),
            "values": _array(values) if self.finite else "{" + ",".join(map(repr, values)) + "}",
            "bounds": _array([min(steps), max(steps), min(times), max(times)]),
        }


def of_metrics(metrics: Iterable[Json]) -> Points:
    """Those that :func:`insighter_ext.tracking.protocol.metrics` found good."""
    found = Points()
    for metric in metrics:
        value = float(metric["value"])
        found.finite = found.finite and math.isfinite(value)
        found.by_key.setdefault(metric["key"], []).append((metric["step"], metric["time"], value))
        found.count += 1
    return found


def read_batch(body: bytes) -> tuple[str, Points | None, dict[str, str], dict[str, str]]:
    """A run's id, points, params and tags from the body of a log-batch request that is as clients send it.

    Raises:
        Unusual: it is not.
    """
    try:
        batch = _read_batch(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unusual from error
    if (
        len(batch.metrics) + len(batch.params) + len(batch.tags) > protocol.MAX_METRICS
        or max(len(batch.params), len(batch.tags)) > protocol.MAX_PARAMS_AND_TAGS
        or not batch.run_id
    ):
        raise Unusual
    return (
        batch.run_id,
        _points(batch.metrics) if batch.metrics else None,
        _pairs(batch.params, protocol.MAX_PARAM_VALUE, repeats=False) if batch.params else {},
        _pairs(batch.tags, protocol.MAX_TAG_VALUE, repeats=True) if batch.tags else {},
    )


def read_metric(body: bytes) -> tuple[str, Points]:
    """A run's id and the point of a log-metric request. Raises as :func:`read_batch`."""
    try:
        metric = _read_metric(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unusual from error
    if not metric.run_id:
        raise Unusual
    return metric.run_id, _points([metric])


def _points(metrics: list[_Metric] | list[_MetricOfRun]) -> Points:
    found = Points()
    by_key = found.by_key
    for metric in metrics:
        point = (metric.step, metric.timestamp, metric.value)
        mine = by_key.get(metric.key)
        if mine is None:
            by_key[metric.key] = [point]
        else:
            mine.append(point)
    if not by_key.keys() <= _known:
        _learn(by_key)
    found.count = len(metrics)
    return found


def _pairs(items: list[_Pair], limit: int, *, repeats: bool) -> dict[str, str]:
    found = {item.key: item.value for item in items}
    if (not repeats and len(found) != len(items)) or max(map(len, found.values())) > limit:
        raise Unusual
    if not found.keys() <= _known:
        _learn(found)
    return found


def _learn(keys: Iterable[str]) -> None:
    """Check keys once, and know them again: a run logs the same ones for ever."""
    try:
        for key in keys:
            protocol.key(key)
    except Invalid as error:
        raise Unusual from error
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    _known.update(keys)


def _array(numbers: Iterable[int] | Iterable[float]) -> str:
    return "{" + _write(numbers).decode()[1:-1] + "}"


def _order(point: Point) -> tuple[int, int, bool, float]:
    # PostgreSQL has NaN above everything.
    step, time, value = point
    return (step, time, True, 0.0) if math.isnan(value) else (step, time, False, value)
