"""The unmodified MLflow client, and plain exporters of OpenTelemetry: what their users rely on in traces.

What the client reads back is compared with what MLflow's own store answers after the same calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.filterwarnings("default")

MLFLOW = "/insighter/mlflow"
EXPORT = f"{MLFLOW}/v1/traces"
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def traced(mlflow: Any, experiment: str) -> Iterator[Any]:
    """MLflow, tracing into a fresh experiment."""
    mlflow.set_experiment(experiment_id=experiment)
    yield mlflow
    mlflow.flush_trace_async_logging()


@pytest.fixture(scope="module")
def real(mlflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MLflow's own store, on SQLite."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    place = tmp_path_factory.mktemp("real")
    return SqlAlchemyStore(f"sqlite:///{place}/mlflow.db", f"file://{place}/artifacts")


def newest(mlflow: Any) -> Any:
    """The trace that was made last, with its spans."""
    mlflow.flush_trace_async_logging()
    return mlflow.get_trace(mlflow.get_last_active_trace_id())


def code(error: pytest.ExceptionInfo[Any]) -> str:
    """MLflow's error code."""
    return str(error.value.error_code)


def wine(mlflow: Any) -> Callable[[int], int]:
    """A traced function with spans below it."""

    @mlflow.trace(span_type="CHAIN", attributes={"team": "wine"})
    def rate(bottle: int) -> int:
        with mlflow.start_span("taste", span_type="LLM") as span:
            span.set_inputs({"bottle": bottle, "notes": None})
            span.add_event(
                mlflow.entities.SpanEvent("sip", attributes={"ml": 5, "slow": True, "at": [1.5, 2.0]})
            )
            span.set_attribute(
                "mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
            )
            span.set_attribute("mlflow.llm.cost", {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3})
            span.set_outputs(["dry", "süß", "品質"])
            with mlflow.start_span("spit"):
                pass
        return bottle * 2

    return rate


# ---- the client ----


def test_a_traced_function_with_all_that_is_in_it(traced: Any, experiment: str) -> None:
    assert wine(traced)(7) == 14
    trace = newest(traced)
    assert trace.info.experiment_id == experiment and trace.info.state == "OK"
    assert trace.info.tags["mlflow.traceName"] == "rate"
    assert trace.info.request_preview == '{"bottle": 7}' and trace.info.response_preview == "14"
    assert trace.info.execution_duration is not None and trace.info.request_time > 0
    assert trace.info.token_usage == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    assert trace.info.cost == {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}
    root, taste, spit = trace.data.spans
    assert (root.name, root.span_type, root.parent_id) == ("rate", "CHAIN", None)
    assert root.inputs == {"bottle": 7} and root.outputs == 14 and root.get_attribute("team") == "wine"
    assert taste.parent_id == root.span_id and spit.parent_id == taste.span_id
    assert taste.inputs == {"bottle": 7, "notes": None} and taste.outputs == ["dry", "süß", "品質"]
    assert taste.events[0].name == "sip" and taste.events[0].attributes == {
        "ml": 5,
        "slow": True,
        "at": [1.5, 2.0],
    }
    assert root.start_time_ns <= taste.start_time_ns <= taste.end_time_ns <= root.end_time_ns
    frame = traced.search_traces(locations=[experiment])
    assert list(frame["trace_id"]) == [trace.info.trace_id] and frame["request"][0] == {"bottle": 7}
    assert len(frame["spans"][0]) == 3


def test_an_exception_is_told(traced: Any, experiment: str) -> None:
    @traced.trace
    def fail() -> None:
        raise ZeroDivisionError("nothing left")

    with pytest.raises(ZeroDivisionError):
        fail()
    trace = newest(traced)
    assert trace.info.state == "ERROR" and trace.data.spans[0].status.status_code == "ERROR"
    assert trace.data.spans[0].events[0].attributes["exception.message"] == "nothing left"
    assert traced.search_traces(locations=[experiment], filter_string="trace.status = 'ERROR'")["trace_id"][
        0
    ] == (trace.info.trace_id)


def test_a_trace_in_a_run_shows_its_run(traced: Any, client: Any, experiment: str) -> None:
    with traced.start_run() as run:
        wine(traced)(1)
    wine(traced)(2)
    other = newest(traced).info.trace_id
    found = traced.search_traces(locations=[experiment], run_id=run.info.run_id, return_type="list")
    assert [trace.info.trace_metadata["mlflow.sourceRun"] for trace in found] == [run.info.run_id]
    client.link_traces_to_run([other], run.info.run_id)
    client.link_traces_to_run([other], run.info.run_id)
    found = traced.search_traces(locations=[experiment], run_id=run.info.run_id, return_type="list")
    assert other in [trace.info.trace_id for trace in found] and len(found) == 2
    with pytest.raises(traced.exceptions.MlflowException) as error:
        client.link_traces_to_run([other], "0" * 32)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"


def test_tags_are_set_and_taken_off(traced: Any, client: Any) -> None:
    wine(traced)(1)
    trace_id = newest(traced).info.trace_id
    client.set_trace_tag(trace_id, "verdict", "corked")
    client.set_trace_tag(trace_id, "mlflow.traceName", "renamed")
    tags = client.get_trace(trace_id).info.tags
    assert tags["verdict"] == "corked" and tags["mlflow.traceName"] == "renamed"
    client.delete_trace_tag(trace_id, "verdict")
    assert "verdict" not in client.get_trace(trace_id).info.tags
    for refused, expected in (
        (lambda: client.delete_trace_tag(trace_id, "verdict"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.set_trace_tag("tr-" + "0" * 32, "a", "b"), "RESOURCE_DOES_NOT_EXIST"),
        (
            lambda: client.set_trace_tag(trace_id, "mlflow.trace.spansLocation", "x"),
            "INVALID_PARAMETER_VALUE",
        ),
    ):
        with pytest.raises(traced.exceptions.MlflowException) as error:
            refused()
        assert code(error) == expected


def test_feedback_and_expectations(traced: Any, client: Any) -> None:
    from mlflow.entities import AssessmentSource, Feedback

    wine(traced)(1)
    trace_id = newest(traced).info.trace_id
    person = AssessmentSource(source_type="HUMAN", source_id="bob")
    said = traced.log_feedback(trace_id=trace_id, name="good", value=True, source=person, rationale="dry")
    wanted = traced.log_expectation(
        trace_id=trace_id, name="rating", value={"points": [90, 95]}, source=person
    )
    assert said.assessment_id and said.valid and said.value is True and said.rationale == "dry"
    assert traced.get_assessment(trace_id, wanted.assessment_id).value == {"points": [90, 95]}
    failed = traced.log_feedback(trace_id=trace_id, name="judge", error=ValueError("no tongue"))
    assert traced.get_assessment(trace_id, failed.assessment_id).error.error_message == "no tongue"

    changed = traced.update_assessment(
        trace_id, said.assessment_id, Feedback(name="better", value=0.5, metadata={"a": "b"})
    )
    assert changed.name == "better" and changed.value == 0.5 and changed.metadata == {"a": "b"}
    assert changed.last_update_time_ms >= changed.create_time_ms and changed.source.source_id == "bob"
    with pytest.raises(traced.exceptions.MlflowException) as error:
        traced.update_assessment(trace_id, wanted.assessment_id, Feedback(name="x", value=1))
    assert code(error) == "INVALID_PARAMETER_VALUE"

    over = traced.override_feedback(
        trace_id=trace_id, assessment_id=said.assessment_id, value=1.0, source=person
    )
    by_id = {item.assessment_id: item for item in client.get_trace(trace_id).info.assessments}
    assert (
        by_id[said.assessment_id].valid is False and by_id[over.assessment_id].overrides == said.assessment_id
    )
    traced.delete_assessment(trace_id, over.assessment_id)
    traced.delete_assessment(trace_id, over.assessment_id)
    by_id = {item.assessment_id: item for item in client.get_trace(trace_id).info.assessments}
    assert over.assessment_id not in by_id and by_id[said.assessment_id].valid is True
    with pytest.raises(traced.exceptions.MlflowException) as error:
        traced.get_assessment(trace_id, over.assessment_id)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"


def test_traces_are_deleted_by_id_and_by_time(traced: Any, client: Any, experiment: str) -> None:
    made = []
    for bottle in range(4):
        wine(traced)(bottle)
        made.append(newest(traced).info)
    assert client.delete_traces(experiment, trace_ids=[made[0].trace_id, "tr-none"]) == 1
    assert client.delete_traces(experiment, max_timestamp_millis=made[3].request_time - 1, max_traces=1) == 1
    assert client.delete_traces(experiment, max_timestamp_millis=made[2].request_time) == 1
    left = traced.search_traces(locations=[experiment], return_type="list")
    assert [trace.info.trace_id for trace in left] == [made[3].trace_id]
    with pytest.raises(traced.exceptions.MlflowException) as error:
        client.get_trace(made[0].trace_id)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"


def test_traces_go_and_come_with_their_experiment(traced: Any, client: Any, experiment: str) -> None:
    wine(traced)(1)
    trace_id = newest(traced).info.trace_id
    client.delete_experiment(experiment)
    with pytest.raises(traced.exceptions.MlflowException) as error:
        client.get_trace(trace_id)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"
    assert traced.search_traces(locations=[experiment], return_type="list") == []
    client.restore_experiment(experiment)
    assert len(client.get_trace(trace_id).data.spans) == 3


def test_spans_of_other_processes_and_prompts(traced: Any, client: Any, mlflow: Any) -> None:
    """A trace whose spans come in several exports counts each token once, and is found by its prompt."""
    with traced.start_span("root") as root:
        root.set_attribute(
            "mlflow.chat.tokenUsage", {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}
        )
        wine(traced)(1)
    trace = newest(traced)
    assert trace.info.token_usage["total_tokens"] == 8 and len(trace.data.spans) == 4
    prompt = mlflow.entities.model_registry.PromptVersion("tasting", 3, "{{x}}")
    mlflow.tracking._tracking_service.utils._get_store().link_prompts_to_trace(trace.info.trace_id, [prompt])
    found = client.search_traces(locations=[trace.info.experiment_id], filter_string="prompt = 'tasting/3'")
    assert [item.info.trace_id for item in found] == [trace.info.trace_id]


def test_what_mlflow_2_asks(api: httpx.Client, experiment: str) -> None:
    url = f"{MLFLOW}/api/2.0/mlflow/traces"
    begun = api.post(
        url,
        json={
            "experiment_id": experiment, "timestamp_ms": 1000,
            "request_metadata": [{"key": "a", "value": "b"}], "tags": [{"key": "mlflow.traceName", "value": "old"}],
        },
    )  # fmt: skip
    assert begun.status_code == 200, begun.text
    trace_id = begun.json()["trace_info"]["request_id"]
    ended = api.patch(
        f"{url}/{trace_id}",
        json={
            "timestamp_ms": "1500",
            "status": "OK",
            "request_metadata": [],
            "tags": [{"key": "t", "value": "1"}],
        },
    )
    info = ended.json()["trace_info"]
    assert info["execution_time_ms"] == 500 and info["status"] == "OK"
    assert {"key": "t", "value": "1"} in info["tags"] and {"key": "mlflow.traceName", "value": "old"} in info[
        "tags"
    ]
    assert api.get(f"{url}/{trace_id}/info").json()["trace_info"] == info
    found = api.get(url, params={"experiment_ids": [experiment], "filter": "timestamp_ms < 2000"}).json()
    assert [item["request_id"] for item in found["traces"]] == [trace_id]
