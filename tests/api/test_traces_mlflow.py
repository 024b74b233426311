"""The unmodified MLflow client, and plain exporters of OpenTelemetry: what their users rely on in traces."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

MLFLOW = "/insighter/mlflow"
EXPORT = f"{MLFLOW}/v1/traces"
PROTOBUF = "application/x-protobuf"
USAGE = "mlflow.chat.tokenUsage"


@pytest.fixture
def traced(mlflow: Any, experiment: str) -> Iterator[Any]:
    """MLflow, tracing into a fresh experiment."""
    mlflow.set_experiment(experiment_id=experiment)
    yield mlflow
    mlflow.flush_trace_async_logging()


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


def test_tags_are_set_and_taken_off(traced: Any, client: Any, api: httpx.Client) -> None:
    wine(traced)(1)
    trace_id = newest(traced).info.trace_id
    client.set_trace_tag(trace_id, "verdict", "corked")
    client.set_trace_tag(trace_id, "mlflow.traceName", "renamed")
    tags = client.get_trace(trace_id).info.tags
    assert tags["verdict"] == "corked" and tags["mlflow.traceName"] == "renamed"
    client.delete_trace_tag(trace_id, "verdict")
    assert "verdict" not in client.get_trace(trace_id).info.tags
    url = f"{MLFLOW}/api/2.0/mlflow/traces"
    for method, name, body, expected in (
        ("DELETE", trace_id, {"key": "verdict"}, "RESOURCE_DOES_NOT_EXIST"),
        ("PATCH", "tr-" + "0" * 32, {"key": "a", "value": "b"}, "RESOURCE_DOES_NOT_EXIST"),
        ("PATCH", trace_id, {"key": "mlflow.trace.spansLocation", "value": "b"}, "INVALID_PARAMETER_VALUE"),
    ):
        answer = api.request(method, f"{url}/{name}/tags", json=body)
        assert answer.json()["error_code"] == expected


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


# ---- exporters of OpenTelemetry ----


def export_of(*spans: dict[str, Any], resource: dict[str, str] | None = None) -> Any:
    """An export, as protocol buffers."""
    from mlflow.tracing.utils.otlp import _set_otel_proto_anyvalue
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in (resource or {}).items():
        attribute = group.resource.attributes.add(key=key)
        _set_otel_proto_anyvalue(attribute.value, value)
    scope = group.scope_spans.add()
    for given in spans:
        span = scope.spans.add(
            trace_id=given.get("trace_id", b"\1" * 16), span_id=given.get("span_id", b"\2" * 8),
            parent_span_id=given.get("parent_span_id", b""), name=given.get("name", "call"),
            start_time_unix_nano=given.get("start", 10**18), end_time_unix_nano=given.get("end", 10**18 + 5_000_000),
        )  # fmt: skip
        for key, value in given.get("attributes", {}).items():
            _set_otel_proto_anyvalue(span.attributes.add(key=key).value, value)
    return request


def sent(api: httpx.Client, experiment: str, body: bytes, **headers: str) -> httpx.Response:
    """Send an export."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {"content-type": PROTOBUF, "x-mlflow-experiment-id": experiment, **named}
    return api.post(EXPORT, content=body, headers=told)


def new_id() -> bytes:
    """A trace's id."""
    return uuid4().bytes


def test_a_plain_exporter(server: JupyterServer, client: Any, experiment: str) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(
        f"{server.url}{EXPORT}",
        headers={"x-mlflow-experiment-id": experiment, "Authorization": f"Bearer {server.token}"},
        compression=Compression.Gzip,
    )
    provider = TracerProvider(
        resource=Resource.create({"service.name": "cellar", "mlflow.trace.spansLocation": "x"})
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("chat") as root:
        trace_id = f"tr-{root.get_span_context().trace_id:032x}"
        root.set_attributes({
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "grape-1", "gen_ai.provider.name": "cellar",
            "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3, "session.id": "evening", "user.id": "bob",
            "gen_ai.input.messages": '[{"role": "user", "content": "red?"}]', "mlflow.traceTag.mood": "merry",
        })  # fmt: skip
        with tracer.start_as_current_span("look"):
            pass
    assert provider.force_flush()
    provider.shutdown()
    trace = client.get_trace(trace_id)
    assert [span.name for span in trace.data.spans] == ["chat", "look"]
    assert (
        trace.data.spans[0].span_type == "CHAT_MODEL" and trace.data.spans[0].inputs[0]["content"] == "red?"
    )
    assert trace.info.token_usage == {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}
    assert trace.info.state == "OK" and trace.info.trace_metadata["mlflow.trace.session"] == "evening"
    assert trace.info.trace_metadata["mlflow.trace.user"] == "bob"
    tags = trace.info.tags
    assert (tags["service.name"], tags["mood"], tags["mlflow.trace.spansLocation"]) == (
        "cellar",
        "merry",
        "TRACKING_STORE",
    )


def test_exports_in_json_and_into_a_run(api: httpx.Client, client: Any, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    trace, span = uuid4().hex, uuid4().hex[:16]
    document = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": trace, "spanId": span, "name": "by hand", "startTimeUnixNano": "1700000000000000000",
            "endTimeUnixNano": "1700000001000000000", "status": {"code": 2, "message": "spilt"},
            "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "nan", "value": {"doubleValue": "NaN"}}],
        }]}]}],
    }  # fmt: skip
    headers = {"content-type": "application/json; charset=utf-8", "x-mlflow-run-id": run}
    answer = sent(api, experiment, json.dumps(document).encode(), **headers)
    assert answer.status_code == 200 and answer.json() == {}, answer.text
    found = client.search_traces(locations=[experiment], run_id=run)
    assert [item.info.trace_id for item in found] == [f"tr-{trace}"]
    only = found[0].data.spans[0]
    assert only.span_id == span and only.get_attribute("n") == 7 and only.status.description == "spilt"
    assert found[0].info.state == "ERROR" and found[0].info.execution_duration == 1000


def test_an_export_that_comes_twice_is_there_once(api: httpx.Client, client: Any, experiment: str) -> None:
    trace = new_id()
    usage = {"mlflow.chat.tokenUsage": json.dumps({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})}
    body = export_of(
        {"trace_id": trace, "attributes": usage},
        {"trace_id": trace, "span_id": b"\3" * 8, "parent_span_id": b"\2" * 8, "attributes": usage},
    ).SerializeToString()
    for _ in range(2):
        assert sent(api, experiment, body).status_code == 200
    found = client.get_trace(f"tr-{trace.hex()}")
    assert len(found.data.spans) == 2 and found.info.token_usage["total_tokens"] == 2


def test_the_file_of_a_trace_is_uploaded_and_downloaded(
    api: httpx.Client, client: Any, experiment: str
) -> None:
    """As clients do whose spans did not arrive by an export; the web UI reads it by get-trace-artifact."""
    trace = new_id()
    name = f"tr-{trace.hex()}"
    assert (
        sent(api, experiment, export_of({"trace_id": trace, "name": "first"}).SerializeToString()).status_code
        == 200
    )
    ui = f"{MLFLOW}/ajax-api/3.0/mlflow/get-trace-artifact"
    before = api.get(ui, params={"request_id": name})
    assert before.headers["content-type"] == "application/octet-stream"
    assert before.headers["x-content-type-options"] == "nosniff"
    document = before.json()
    document["spans"].append({**document["spans"][0], "span_id": "AwMDAwMDAwM=", "name": "second\0"})
    file = f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/traces/{name}/artifacts/traces.json"
    assert api.put(file, content=json.dumps(document).encode()).status_code == 200
    assert {span["name"] for span in api.get(file).json()["spans"]} == {"first", "second\ufffd"}
    assert len(client.get_trace(name).data.spans) == 2
    for bad in (
        b"",
        b"[]",
        b"{",
        b'{"spans": [{}]}',
        b'{"spans": [1]}',
        b'{"spans": {"a": 1}}',
        b"[" * 100_000,
    ):
        assert api.put(file, content=bad).status_code == 400
    span = document["spans"][0]
    for change in (
        {"span_id": "?"}, {"span_id": "AA=="}, {"start_time_unix_nano": "x"}, {"events": [1]}, {"status": 1},
        {"start_time_unix_nano": 2**70}, {"links": [{"trace_id": "zz", "span_id": ""}]}, {"attributes": []},
    ):  # fmt: skip
        answer = api.put(file, content=json.dumps({"spans": [{**span, **change}]}).encode())
        assert answer.status_code == 400, (change, answer.text)
    assert api.put(file.replace(name, "tr-none"), content=json.dumps(document).encode()).status_code == 404
    assert len(client.get_trace(name).data.spans) == 2


# ---- bad input ----


def test_broken_exports_are_refused(api: httpx.Client, experiment: str) -> None:
    good = export_of({"trace_id": new_id()}).SerializeToString()
    bomb = gzip.compress(b"\0" * 80_000_000)
    assert len(bomb) < 100_000
    long_ids = export_of({"trace_id": b"\1" * 200}).SerializeToString()
    far = export_of({"trace_id": new_id(), "start": 2**64 - 1}).SerializeToString()
    deep = {"key": "a", "value": {}}
    for _ in range(200):
        deep = {"key": "a", "value": {"arrayValue": {"values": [deep["value"]]}}}
    span = {"traceId": "1" * 32, "spanId": "1" * 16, "attributes": [deep]}
    nested = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    as_json = {"content-type": "application/json"}
    for body, headers in (
        (b"\xff\xff\xff", {}), (b"", {}), (good[:-3], {}), (good, {"content-type": "text/plain"}),
        (good, {"content-encoding": "gzip"}), (good, {"content-encoding": "br"}), (bomb, {"content-encoding": "gzip"}),
        (gzip.compress(good)[:-9], {"content-encoding": "gzip"}), (long_ids, {}), (far, {}),
        (b"{", as_json), (b"[]", as_json), (b'{"resourceSpans": 1}', as_json), (b"[" * 100_000, as_json),
        (json.dumps(nested).encode(), as_json),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', as_json),
        (export_of({"trace_id": b""}).SerializeToString(), {}),
    ):  # fmt: skip
        answer = sent(api, experiment, body, **headers)
        assert answer.status_code == 400, (body[:40], headers, answer.text)
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE" and answer.json()["message"]
    many = export_of(*({"span_id": number.to_bytes(8, "big")} for number in range(1, 10_002)))
    assert sent(api, experiment, many.SerializeToString()).status_code == 400
    assert sent(api, experiment, b"\0" * (33 * 2**20)).status_code == 400
    assert sent(api, "", good).status_code == 400
    assert sent(api, "999999999", good).status_code == 404
    assert sent(api, "1; drop table traces", good).status_code == 404
    found = api.post(f"{MLFLOW}/api/3.0/mlflow/traces/search", json={"locations": [place(experiment)]})
    assert found.json()["traces"] == []


def place(experiment: str) -> dict[str, Any]:
    """A location of traces."""
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def test_odd_spans_are_kept_as_they_are(api: httpx.Client, client: Any, experiment: str) -> None:
    trace = new_id()
    odd = {
        "nul\0": "a\0b", "empty": "", "list": [], "map": {"a": {"b": [None, True]}}, "bytes": b"\xff",
        "big": 2**63 - 1,
        "json": '{"a": "\\u0000"}', "nan": float("nan"), "mlflow.chat.tokenUsage": "nonsense", "mlflow.llm.cost": [1],
        "mlflow.spanType": 7, "gen_ai.usage.input_tokens": "many", "mlflow.traceTag.": "x",
        "quote": "'; drop table x; --",
    }  # fmt: skip
    body = export_of(
        {"trace_id": trace, "attributes": odd, "name": "n" * 9000, "end": 0},
        # In a circle, below each other.
        {"trace_id": trace, "span_id": b"\4" * 8, "parent_span_id": b"\5" * 8, "attributes": {USAGE: '{"a": 1}'}},
        {"trace_id": trace, "span_id": b"\5" * 8, "parent_span_id": b"\4" * 8},
    ).SerializeToString()  # fmt: skip
    assert sent(api, experiment, body).status_code == 200
    found = client.get_trace(f"tr-{trace.hex()}")
    root = found.data.spans[0]
    assert root.get_attribute("empty") == "" and root.get_attribute("map") == {"a": {"b": [None, True]}}
    assert root.get_attribute("big") == 2**63 - 1 and root.get_attribute("quote") == odd["quote"]
    assert root.get_attribute("nul\ufffd") == "a\ufffdb" and not root.end_time_ns
    for text in (
        "span.attributes.quote LIKE '%drop%'",
        "span.attributes.json LIKE '%a%'",
        "span.attributes.big = '9223372036854775807'",
    ):
        assert len(client.search_traces(locations=[experiment], filter_string=text)) == 1, text


@pytest.mark.parametrize(
    "text",
    [
        "tag.a = 'x'; drop table insighter.traces", "tag.`a' or '1'='1` = 'x'", "name = '' or true --'",
        "status = (select 1)",
        "name LIKE 'x\\'", "name RLIKE '('",
        "name RLIKE '(a*)*\\1$'", "tag.a = '\0'", "span.attributes.` = 'x'", "timestamp > 1e999999",
        "timestamp > 99999999999999999999999999", "feedback.`a'--` > 1", "name IN ()", "x" * 300_000, "'" * 1001,
    ],
)  # fmt: skip
def test_filters_that_try_something_do_nothing(api: httpx.Client, experiment: str, text: str) -> None:
    url = f"{MLFLOW}/api/3.0/mlflow/traces/search"
    for more in ({"filter": text}, {"order_by": [text]}):
        answer = api.post(url, json={"locations": [place(experiment)], **more})
        assert answer.status_code in (200, 400), answer.text
        assert answer.status_code == 400 or answer.json()["traces"] == []
    assert api.post(url, json={"locations": [place(experiment)]}).status_code == 200


def test_requests_that_cannot_be(api: httpx.Client, experiment: str) -> None:
    url = f"{MLFLOW}/api/3.0/mlflow/traces"
    info = {
        "trace_id": f"tr-{uuid4().hex}", "trace_location": place(experiment), "execution_duration": "1.5s",
        "state": "OK", "request_time": "2024-01-01T00:00:00.123456789Z",
    }  # fmt: skip
    made = api.post(url, json={"trace": {"trace_info": info}})
    assert made.status_code == 200, made.text
    assert made.json()["trace"]["trace_info"]["request_time"] == "2024-01-01T00:00:00.123Z"
    for change in (
        {"trace_id": ""}, {"trace_id": "x" * 65}, {"trace_id": "../x"}, {"trace_id": 1}, {"trace_location": None},
        {"trace_location": {"inference_table": {"full_table_name": "x"}}}, {"request_time": "yesterday"},
        {"request_time": 5},
        {"execution_duration": "long"}, {"execution_duration": 3}, {"state": "GREAT"}, {"tags": []},
        {"tags": {"": "x"}},
        {"tags": {"k" * 251: "x"}}, {"tags": {str(n): "x" for n in range(1001)}},
        {"trace_metadata": {"mlflow.trace.session": "s" * 251}},
        {"request_preview": 1}, {"request_preview": "x" * 10_001}, {"client_request_id": "x" * 251},
        {"tags": {"a": "\0"}},
        {"assessments": [{}]}, {"assessments": 1}, {"assessments": [{"assessment_name": "a", "feedback": 1}]},
        {"tags": {"mlflow.traceName": "n" * 4097}},
    ):  # fmt: skip
        answer = api.post(url, json={"trace": {"trace_info": {**info, **change}}})
        assert answer.status_code == 400, (change, answer.text)
    assessed = f"{url}/{info['trace_id']}/assessments"
    said = {"assessment_name": "a", "feedback": {"value": 1}, "source": {"source_type": "HUMAN"}}
    assert api.post(assessed, json={"assessment": said}).status_code == 200
    for change in (
        {"assessment_name": ""}, {"assessment_name": "x" * 251}, {"feedback": []}, {"source": 1},
        {"source": {"source_type": "DOG"}},
        {"create_time": "x"}, {"metadata": [1]}, {"overrides": "a-none"}, {"rationale": 5},
        {"assessment_id": "x" * 65},
        {"feedback": {"value": "x" * 1_100_000}}, {"feedback": {"error": "x"}}, {"feedback": {"value": 10**400}},
    ):  # fmt: skip
        answer = api.post(assessed, json={"assessment": {**said, **change}})
        assert answer.status_code in (400, 404), (change, answer.text)
    for method, path, body in (
        ("POST", "/search", {}),
        ("POST", "/search", {"locations": [place(experiment)], "max_results": 501}),
        ("POST", "/search", {"locations": [place(experiment)], "page_token": "x"}),
        ("POST", "/search", {"locations": 5}),
        ("POST", "/delete-traces", {"experiment_id": experiment}), ("POST", "/batchGetInfos", {"trace_ids": []}),
        ("POST", "/delete-traces", {"experiment_id": experiment, "max_timestamp_millis": 1, "request_ids": ["x"]}),
        ("POST", "/delete-traces", {"experiment_id": experiment, "max_timestamp_millis": 1, "max_traces": 0}),
        ("POST", "/link-to-run", {"trace_ids": ["x"] * 101, "run_id": "0" * 32}),
        ("POST", "/metrics", {"experiment_ids": [experiment]}),
        ("POST", "/link-prompts", {"trace_id": info["trace_id"], "prompt_versions": [{"name": "a", "version": "x"}]}),
        ("PATCH", f"/{info['trace_id']}/tags", {"key": "mlflow.trace.spansLocation", "value": "x"}),
        ("PATCH", f"/{info['trace_id']}/tags", {"key": "", "value": "x"}),
    ):  # fmt: skip
        answer = api.request(method, url + path, json=body)
        assert answer.status_code == 400, (path, body, answer.text)


# ---- who may ----


def test_a_kernel_traces_in_its_project_alone(
    server: JupyterServer, api: httpx.Client, client: Any, experiment: str, kernel_token: str
) -> None:
    outside = new_id()
    assert sent(api, experiment, export_of({"trace_id": outside}).SerializeToString()).status_code == 200
    inside = new_id()
    own = {"Authorization": f"Bearer {kernel_token}"}
    with httpx.Client(base_url=server.url, headers=own) as kernel:
        assert sent(kernel, "0", export_of({"trace_id": inside}).SerializeToString()).status_code == 200
        assert (
            sent(kernel, experiment, export_of({"trace_id": new_id()}).SerializeToString()).status_code == 404
        )
        # The same id in the kernel's own project is another trace.
        assert (
            sent(
                kernel, "0", export_of({"trace_id": outside, "name": "mine"}).SerializeToString()
            ).status_code
            == 200
        )
        url = f"{MLFLOW}/api/3.0/mlflow/traces"
        seen = kernel.get(f"{url}/get", params={"trace_id": f"tr-{outside.hex()}"}).json()
        assert seen["trace"]["spans"][0]["name"] == "mine"
        body = {"locations": [place("0"), place(experiment)]}
        found = kernel.post(f"{url}/search", json=body).json()["traces"]
        assert {item["trace_id"] for item in found} == {f"tr-{inside.hex()}", f"tr-{outside.hex()}"}
        answer = kernel.post(
            f"{url}/delete-traces", json={"experiment_id": experiment, "max_timestamp_millis": 2**60}
        )
        assert answer.status_code == 404
    assert client.get_trace(f"tr-{outside.hex()}").data.spans[0].name == "call"


def test_nobody_traces_without_signing_in(server: JupyterServer, experiment: str) -> None:
    body = export_of({"trace_id": new_id()}).SerializeToString()
    with httpx.Client(base_url=server.url) as stranger:
        assert sent(stranger, experiment, body).status_code in (401, 403)
        bad = {"Authorization": "Bearer ixk_" + "x" * 40}
        assert sent(stranger, experiment, body, **bad).status_code == 401
        for path in ("api/3.0/mlflow/traces/search", "ajax-api/3.0/mlflow/get-trace-artifact"):
            assert stranger.get(f"{MLFLOW}/{path}").status_code in (401, 403)
