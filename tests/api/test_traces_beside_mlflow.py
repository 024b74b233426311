"""Traces beside MLflow's own store: the same calls to both, and what they answer compared."""

# ruff: noqa: B023  (what is called in a loop is called at once)

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def real(mlflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MLflow's own store, on SQLite."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    place = tmp_path_factory.mktemp("real")
    return SqlAlchemyStore(f"sqlite:///{place}/mlflow.db", f"file://{place}/artifacts")


SESSION = "mlflow.trace.session"


class Both:
    """The same calls to this server and to MLflow's own store."""

    def __init__(self, ours: Any, real: Any) -> None:
        name = f"both {uuid4().hex}"
        self.stores = {"ours": ours, "real": real}
        self.experiments = {key: store.create_experiment(name) for key, store in self.stores.items()}
        self.trace_ids: list[str] = []

    def call(self, do: Callable[[Any, str], Any]) -> dict[str, Any]:
        """What each answers; of an error its code."""
        from mlflow.exceptions import MlflowException

        found: dict[str, Any] = {}
        for key, store in self.stores.items():
            try:
                found[key] = do(store, self.experiments[key])
            except MlflowException as error:
                found[key] = f"error {error.error_code}"
        return found

    def same(self, do: Callable[[Any, str], Any]) -> Any:
        """The same, which both have to answer alike."""
        found = self.call(do)
        assert found["ours"] == found["real"]
        return found["ours"]

    def info(self, info: Any) -> dict[str, Any]:
        """All of a trace's description but where it is."""
        # As it comes out of MLflow's own server, which its client reads from the protocol's messages.
        told = type(info).from_proto(info.to_proto()).to_dict()
        del told["trace_location"], told["tags"]["mlflow.artifactLocation"]
        for item in told.get("assessments", []):
            for name in ("assessment_id", "create_time", "last_update_time", "overrides"):
                item.pop(name, None)
        told.get("assessments", []).sort(key=lambda item: item["assessment_name"])
        return dict(told)

    def whole(self, trace: Any) -> dict[str, Any]:
        """The same with its spans."""
        return {**self.info(trace.info), "spans": [span.to_dict() for span in trace.data.spans]}


@pytest.fixture(scope="module")
def both(mlflow: Any, real: Any) -> Both:
    """Twelve traces in each of two stores, written in three ways."""
    from mlflow.entities import (
        AssessmentSource,
        Expectation,
        Feedback,
        Span,
        TraceInfo,
        TraceLocation,
        TraceState,
    )
    from mlflow.tracking._tracking_service.utils import _get_store
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    both = Both(_get_store(), real)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    second = 1_000_000_000
    for number in range(12):
        exporter.clear()
        start = (1_700_000_000 + number * 60) * second
        words: dict[str, Any] = {
            "mlflow.spanInputs": json.dumps({"question": f"wine {number}", "ok": [1, None, True]}),
            "mlflow.spanOutputs": json.dumps(f"answer {number % 3}"),
            "mlflow.spanType": json.dumps("CHAIN" if number % 2 else "AGENT"),
            "color": json.dumps("red" if number % 2 else "white"),
            "year": 1990 + number,
        }
        with tracer.start_as_current_span(
            "root", start_time=start, attributes=words, end_on_exit=False
        ) as root:
            child = tracer.start_span("child", start_time=start + second // 10)
            if number % 4 == 0:
                child.set_attributes(
                    {
                        "mlflow.chat.tokenUsage": json.dumps(
                            {"input_tokens": number, "output_tokens": 2, "total_tokens": number + 2}
                        )
                    }
                )
                child.set_attributes(
                    {
                        "mlflow.llm.cost": json.dumps(
                            {"input_cost": number / 8, "output_cost": 0.5, "total_cost": number / 8 + 0.5}
                        ),
                        "mlflow.llm.model": json.dumps("grape-1"),
                    }
                )
            child.add_event("sip", {"ml": number}, timestamp=start + second // 5)
            child.end(start + second // 4)
            root.end(start + second * (1 + number % 5) // 2)
        read: list[ReadableSpan] = list(exporter.get_finished_spans())
        trace_id = f"tr-{read[0].context.trace_id:032x}"
        both.trace_ids.append(trace_id)
        for span in read:
            span._attributes = {**span.attributes, "mlflow.traceRequestId": json.dumps(trace_id)}  # type: ignore[attr-defined]
            span._attributes = {
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in span._attributes.items()
            }  # type: ignore[attr-defined]
        spans = [Span(span) for span in read]
        for key, store in both.stores.items():
            info = TraceInfo(
                trace_id=trace_id, trace_location=TraceLocation.from_experiment_id(both.experiments[key]),
                request_time=start // 1_000_000, execution_duration=500 * (1 + number % 5),
                state=TraceState.ERROR if number % 6 == 5 else TraceState.OK,
                client_request_id=f"client-{number}" if number % 2 else None,
                request_preview=f"preview {number}", response_preview=None,
                tags={"mlflow.traceName": f"name {number % 4}", **({"team": "wine"} if number % 3 == 0 else {})},
                trace_metadata={"k": str(number), **({SESSION: f"s{number % 2}"} if number < 6 else {})},
            )  # fmt: skip
            if number % 3 == 0:  # described first, spans after
                store.start_trace(info)
                store.log_spans(both.experiments[key], spans)
            elif number % 3 == 1:  # spans first, one by one
                for span in spans:
                    store.log_spans(both.experiments[key], [span])
                store.start_trace(info)
            else:  # never described
                store.log_spans(both.experiments[key], spans)
            if number % 2 == 0:
                person = AssessmentSource("HUMAN", "bob")
                said: list[Any] = [
                    Feedback(name="good", value=number % 4 == 0, source=person, trace_id=trace_id),
                    Feedback(
                        name="score", value=number / 10, source=person, trace_id=trace_id, rationale="why"
                    ),
                    Feedback(
                        name="word", value="yes" if number < 6 else "no", source=person, trace_id=trace_id
                    ),
                    Expectation(name="rating", value={"points": number}, source=person, trace_id=trace_id),
                ]
                for item in said:
                    item.assessment_id = None
                    store.create_assessment(item)
    return both


def test_every_trace_is_as_in_mlflows_own_store(both: Both) -> None:
    for trace_id in both.trace_ids:
        both.same(lambda store, _: both.info(store.get_trace_info(trace_id)))
        both.same(lambda store, _: both.whole(store.get_trace(trace_id)))
    asked = [*both.trace_ids[3:6], "tr-none", both.trace_ids[0]]
    both.same(
        lambda store, _: sorted(
            (both.whole(t) for t in store.batch_get_traces(asked)), key=lambda t: t["trace_id"]
        )
    )
    both.same(lambda store, _: sorted(t.trace_id for t in store.batch_get_trace_infos(asked)))
    both.same(lambda store, _: store.get_trace("tr-none"))


FILTERS = [
    "",
    "trace.status = 'ERROR'",
    "attributes.status != 'OK'",
    "status IN ('ERROR', 'OK')",
    "status NOT IN ('ERROR')",
    "trace.name = 'name 1'",
    "name LIKE 'name %'",
    "name ILIKE 'NAME 3'",
    "trace.name RLIKE '^name [12]$'",
    "request_id IN ({ids})",
    "timestamp > 1700000300000",
    "timestamp_ms <= 1700000300000 AND timestamp_ms >= 1700000060000",
    "execution_time > 1000",
    "trace.execution_time_ms = 500",
    "end_time < 1700000100000",
    "client_request_id = 'client-3'",
    "client_request_id LIKE 'client-%'",
    "tag.team = 'wine'",
    "tags.team != 'wine'",
    "tag.team IS NULL",
    "tag.team IS NOT NULL AND metadata.k = '3'",
    "tag.`mlflow.traceName` = 'name 2'",
    "request_metadata.k LIKE '1%'",
    "metadata.`mlflow.trace.session` = 's1'",
    "metadata.`mlflow.trace.session` IS NULL",
    "metadata.`mlflow.trace.tokenUsage` IS NOT NULL",
    'metadata.`mlflow.trace.tokenUsage` = \'{{"input_tokens": 4, "output_tokens": 2, "total_tokens": 6}}\'',
    "metadata.`mlflow.trace.cost` != '{{}}'",
    "span.name = 'child'",
    "span.type = 'AGENT'",
    "span.type IN ('AGENT', 'CHAIN') AND span.name LIKE '%oo%'",
    "span.name = 'child' AND span.type = 'AGENT'",
    "span.status = 'ERROR'",
    "span.attributes.color LIKE '%white%'",
    "span.attributes.color ILIKE '%RED%'",
    "span.content LIKE '%wine 1%'",
    "trace.text LIKE '%wine 7%'",
    "feedback.good = 'true'",
    "feedback.good != 'true'",
    "feedback.score > 0.3",
    "feedback.score <= 0.4 AND feedback.word = 'yes'",
    "feedback.word LIKE '%e%'",
    "feedback.none IS NULL",
    "feedback.word IS NULL",
    "expectation.rating IS NOT NULL",
    "expectation.rating LIKE '%10%'",
    "run_id = 'unknown'",
    "prompt = 'a/1'",
    # Refused by both.
    "trace.status > 'OK'",
    "feedback.score > 'x'",
    "feedback.word = 3",
    "span.nothing = 'x'",
    "nothing = 'x'",
    "other.thing = 'x'",
    "status = 'OK' OR status = 'ERROR'",
    "timestamp > 'x'",
    "prompt = 'a'",
    "metadata.`mlflow.trace.cost` LIKE 'a'",
]


@pytest.mark.parametrize("text", FILTERS)
def test_filters_find_what_mlflows_own_store_finds(both: Both, text: str) -> None:
    ids = ", ".join(f"'{trace_id}'" for trace_id in both.trace_ids[:3])
    asked = text.format(ids=ids)
    both.same(
        lambda store, experiment: [
            t.trace_id for t in store.search_traces(locations=[experiment], filter_string=asked)[0]
        ]
    )


@pytest.mark.parametrize(
    "order",
    [
        ["timestamp ASC"], ["execution_time DESC"], ["status", "timestamp_ms DESC"], ["name DESC"], ["request_id"],
        ["tag.team DESC", "metadata.k ASC"], ["metadata.`mlflow.trace.session` ASC"],
        ["nothing"], ["metadata.`mlflow.trace.cost`"],
    ],
)  # fmt: skip
def test_orders_are_those_of_mlflows_own_store(both: Both, order: list[str]) -> None:
    def pages(store: Any, experiment: str) -> list[str]:
        seen, token = [], None
        while True:
            page, token = store.search_traces(
                locations=[experiment], order_by=order, max_results=5, page_token=token
            )
            seen += [trace.trace_id for trace in page]
            if token is None:
                return seen

    both.same(pages)


def test_orders_that_are_a_defect_there_are_none_here(both: Both) -> None:
    def ids(order: list[str]) -> Callable[[Any, str], Any]:
        return lambda store, where: [
            t.trace_id for t in store.search_traces(locations=[where], order_by=order)[0]
        ]

    found = both.call(ids(["end_time ASC"]))
    assert found["real"] == "error INTERNAL_ERROR" and set(found["ours"]) == set(both.trace_ids)
    found = both.call(ids(["timestamp", "timestamp"]))
    assert found == {"real": "error INTERNAL_ERROR", "ours": "error INVALID_PARAMETER_VALUE"}


def test_numbers_are_those_of_mlflows_own_store(both: Both) -> None:
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    spread = [
        MetricAggregation(kind) for kind in (AggregationType.AVG, AggregationType.MIN, AggregationType.MAX)
    ]
    spread.append(MetricAggregation(AggregationType.PERCENTILE, 75.0))
    count = [MetricAggregation(AggregationType.COUNT)]
    total = [MetricAggregation(AggregationType.SUM), *spread]
    traces, spans, assessments = MetricViewType.TRACES, MetricViewType.SPANS, MetricViewType.ASSESSMENTS
    window = {
        "time_interval_seconds": 300,
        "start_time_ms": 1_700_000_000_000,
        "end_time_ms": 1_700_000_700_000,
    }
    queries: list[tuple[Any, str, Any, dict[str, Any]]] = [
        (traces, "trace_count", count, {}),
        (traces, "trace_count", count, {"dimensions": ["trace_name", "trace_status"]}),
        (traces, "trace_count", count, window),
        (traces, "session_count", count, {}),
        (traces, "latency", spread, {"dimensions": ["trace_name"], **window}),
        (traces, "latency", spread, {"filters": ["trace.status = 'OK'", "trace.tag.team = 'wine'"]}),
        (traces, "total_tokens", total, {}),
        (traces, "trace_count", count, {"filters": ["trace.metadata.k = '3'"]}),
        (spans, "span_count", count, {"dimensions": ["span_name", "span_type", "span_status"]}),
        (spans, "latency", spread, {"filters": ["span.name = 'child'"]}),
        (spans, "total_cost", total, {"dimensions": ["span_model_name"]}),
        (assessments, "assessment_count", count, {"dimensions": ["assessment_name", "assessment_value"]}),
        (assessments, "assessment_value", spread, {"dimensions": ["assessment_name"]}),
        (assessments, "assessment_value", spread, {"filters": ["assessment.name = 'score'"]}),
        # Refused by both.
        (traces, "nothing", count, {}),
        (traces, "trace_count", spread, {}),
        (traces, "trace_count", count, {"dimensions": ["span_name"]}),
        (traces, "trace_count", count, {"filters": ["trace.nothing = 'x'"]}),
        (traces, "trace_count", count, {"filters": ["trace.status = 'OK' AND trace.status = 'ERROR'"]}),
        (traces, "trace_count", count, {"time_interval_seconds": 60}),
    ]  # fmt: skip

    def rounded(points: Any) -> list[Any]:
        return [(p.dimensions, {key: round(value, 9) for key, value in p.values.items()}) for p in points]

    for view, metric, aggregations, more in queries:
        both.same(
            lambda store, experiment: rounded(
                store.query_trace_metrics([experiment], view, metric, aggregations, **more)
            )
        )


def test_filters_go_together_as_in_mlflows_own_store(both: Both) -> None:
    for one, other, base in (
        ("feedback.good = 'true'", "feedback.score > 0.3", None),
        ("status = 'OK'", "status = 'OK'", None),
        ("status = 'OK'", "status = 'ERROR'", None),
        ("status = 'nothing'", "status = 'OK'", None),
        ("tag.team = 'wine'", "span.type = 'AGENT'", "timestamp > 1700000100000"),
    ):
        both.same(
            lambda store, experiment: [
                str(round(number, 9))
                for number in vars(
                    store.calculate_trace_filter_correlation([experiment], one, other, base)
                ).values()
                if number is not None
            ]
        )
