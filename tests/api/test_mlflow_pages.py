"""What MLflow's own web pages ask: the same protocol below another path, files to look at, and GraphQL."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

MLFLOW = "/insighter/mlflow"
AJAX = f"{MLFLOW}/ajax-api/2.0/mlflow"


@pytest.fixture
def run_id(client: Any, experiment: str) -> str:
    """A run with some of everything."""
    run = client.create_run(experiment, run_name="seen")
    client.log_param(run.info.run_id, "depth", 3)
    for step in range(3):
        client.log_metric(run.info.run_id, "loss", 1 / (step + 1), step=step, timestamp=1000 + step)
    client.log_metric(run.info.run_id, "gone", float("nan"), timestamp=1)
    client.log_text(run.info.run_id, "0123456789", "folder/ten.txt")
    client.log_text(run.info.run_id, "<script>alert(1)</script>", "page.html")
    client.log_text(run.info.run_id, '<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing.svg")
    return str(run.info.run_id)


def pages_queries() -> dict[str, str]:
    """The GraphQL texts in MLflow's built pages, by the names of their operations."""
    found = {}
    folder = Path(str(files("mlflow") / "server" / "js" / "build" / "static" / "js"))
    for script in folder.glob("*.js"):
        for text in re.findall(r"`(\s*query (\w+)\([^`]*)`", script.read_text()):
            found[text[1]] = text[0]
    return found


def ask(api: httpx.Client, name: str, **data: Any) -> Any:
    """What the pages' query of that name is answered."""
    query = pages_queries()[name]
    variable = re.search(r"\(\$(\w+):", query)
    assert variable
    body = {"operationName": name, "query": query, "variables": {variable[1]: data}}
    answer = api.post(f"{MLFLOW}/graphql", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["errors"] is None, answer.text
    (field,) = answer.json()["data"].values()
    return field


def test_the_pages_ask_the_same_below_another_path(api: httpx.Client, experiment: str, run_id: str) -> None:
    for path, fields in (
        ("experiments/get", {"experiment_id": experiment}),
        ("runs/get", {"run_id": run_id}),
        ("artifacts/list", {"run_id": run_id}),
        ("metrics/get-history", {"run_id": run_id, "metric_key": "loss"}),
    ):
        answer = api.get(f"{AJAX}/{path}", params=fields)
        assert answer.status_code == 200, answer.text
        assert answer.json() == api.get(f"{MLFLOW}/api/2.0/mlflow/{path}", params=fields).json()
    found = api.post(f"{AJAX}/runs/search", json={"experiment_ids": [experiment]}).json()
    assert [run["info"]["run_id"] for run in found["runs"]] == [run_id]
    info = api.get(f"{MLFLOW}/ajax-api/3.0/mlflow/server-info")
    assert info.json() == api.get(f"{MLFLOW}/api/3.0/mlflow/server-info").json()
    listed = api.get(f"{MLFLOW}/ajax-api/2.0/mlflow-artifacts/artifacts?path=runs/{run_id}/artifacts/folder")
    assert [item["path"] for item in listed.json()["files"]] == ["ten.txt"]
    missing = api.get(f"{AJAX}/users/current")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_every_query_of_the_pages_is_answered(
    api: httpx.Client, client: Any, experiment: str, run_id: str
) -> None:
    assert pages_queries().keys() == {
        "GetRun", "SearchRuns", "GetMetricHistoryBulkInterval", "MlflowGetExperimentQuery"
    }  # fmt: skip
    client.create_registered_model(name := f"seen {uuid4().hex[:8]}")
    client.create_model_version(name, f"runs:/{run_id}/folder", run_id)

    run = ask(api, "GetRun", runId=run_id)["run"]
    assert run["info"]["runName"] == "seen" and run["info"]["status"] == "RUNNING"
    assert run["info"]["startTime"].isdigit() and run["info"]["endTime"] is None
    assert run["experiment"]["experimentId"] == experiment
    assert run["experiment"]["tags"] == [{"key": "team", "value": "wine"}]
    assert [(item["name"], item["version"], item["status"]) for item in run["modelVersions"]] == [
        (name, "1", "READY")
    ]
    metrics = {item["key"]: item for item in run["data"]["metrics"]}
    assert metrics["loss"] == {"key": "loss", "value": 1 / 3, "step": "2", "timestamp": "1002"}
    assert metrics["gone"]["value"] is None
    assert run["data"]["params"] == [{"key": "depth", "value": "3"}]

    (found,) = ask(api, "SearchRuns", experimentIds=[experiment])["runs"]
    assert found["info"]["runUuid"] == run_id and found["data"] == run["data"]
    assert [item["name"] for item in found["modelVersions"]] == [name]

    points = ask(api, "GetMetricHistoryBulkInterval", runIds=[run_id], metricKey="loss")["metrics"]
    assert [(point["step"], point["value"], point["runId"]) for point in points] == [
        ("0", 1.0, run_id), ("1", 0.5, run_id), ("2", 1 / 3, run_id)
    ]  # fmt: skip

    assert ask(api, "MlflowGetExperimentQuery", experimentId=experiment)["experiment"]["name"].startswith(
        "exp "
    )
    refused = ask(api, "GetRun", runId="0" * 32)
    assert refused["run"] is None and refused["apiError"]["code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "query",
    [
        "{ nothing }",
        "mutation { mlflowSearchRuns { runs { info { runId } } } }",
        '{ a: mlflowGetRun(input: {runId: "1"}) { apiError { code } } b: mlflowGetRun { apiError { code } } }',
        "query Q { ...F } fragment F on Query { a: mlflowGetRun { apiError { code } } }",
    ],
)
def test_no_other_query_is_answered(api: httpx.Client, query: str) -> None:
    answer = api.post(f"{MLFLOW}/graphql", json={"query": query})
    assert answer.status_code == 200 and answer.json()["data"] is None and answer.json()["errors"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 1},
        {"query": "{"},
        {"query": "{ a }" * 500},
        {"query": "{ a }", "variables": []},
        {"query": "{ a }", "operationName": 1},
    ],
)
def test_what_is_no_query_is_refused(api: httpx.Client, body: Any) -> None:
    answer = api.post(f"{MLFLOW}/graphql", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_files_are_looked_at_and_never_run(api: httpx.Client, run_id: str) -> None:
    for path, kind in (
        ("folder/ten.txt", "text/plain; charset=utf-8"),
        ("page.html", "text/plain; charset=utf-8"),
        ("drawing.svg", "image/svg+xml"),
    ):
        for name in ("run_id", "run_uuid"):
            answer = api.get(f"{MLFLOW}/get-artifact", params={name: run_id, "path": path})
            assert answer.status_code == 200 and answer.headers["Content-Type"] == kind
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    again = api.get(
        f"{MLFLOW}/get-artifact",
        params={"run_id": run_id, "path": "page.html"},
        headers={
            "If-None-Match": api.get(
                f"{MLFLOW}/get-artifact", params={"run_id": run_id, "path": "page.html"}
            ).headers["ETag"]
        },
    )
    assert again.status_code == 304 and again.content == b""


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=4-2", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_part_of_a_file(
    api: httpx.Client, run_id: str, asked: str, status: int, content: bytes, told: str | None
) -> None:
    answer = api.get(
        f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/folder/ten.txt",
        headers={"Range": asked},
    )
    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (
        status,
        content,
        told,
    )


def test_files_of_models(api: httpx.Client, client: Any, mlflow: Any, experiment: str, run_id: str) -> None:
    client.create_registered_model(name := f"files {uuid4().hex[:8]}")
    client.create_model_version(name, f"runs:/{run_id}/folder", run_id)
    where = {"name": name, "version": "1", "path": "ten.txt"}
    assert api.get(f"{MLFLOW}/model-versions/get-artifact", params=where).text == "0123456789"
    model = client.create_logged_model(experiment)
    put = api.put(
        f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/models/{model.model_id}/artifacts/MLmodel",
        content=b"flavors: {}",
    )
    assert put.status_code == 200
    files_of = f"{AJAX}/logged-models/{model.model_id}/artifacts/files"
    answer = api.get(files_of, params={"artifact_file_path": "MLmodel"})
    assert answer.text == "flavors: {}" and answer.headers["Content-Type"].startswith("text/plain")
    for address, fields in (
        (files_of, {}),
        (files_of, {"artifact_file_path": "../MLmodel"}),
        (f"{MLFLOW}/get-artifact", {"run_id": run_id}),
        (f"{MLFLOW}/get-artifact", {"path": "page.html"}),
        (f"{MLFLOW}/get-artifact", {"run_id": run_id, "path": "../../x"}),
        (f"{MLFLOW}/get-artifact", {"run_id": run_id, "path": "/etc/passwd"}),
        (f"{MLFLOW}/model-versions/get-artifact", {**where, "path": "a/../../b"}),
    ):
        refused = api.get(address, params=fields)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), fields
    for address, fields in (
        (f"{MLFLOW}/get-artifact", {"run_id": "0" * 32, "path": "x"}),
        (f"{MLFLOW}/get-artifact", {"run_id": "../..", "path": "x"}),
        (f"{MLFLOW}/model-versions/get-artifact", {**where, "version": "9"}),
        (files_of, {"artifact_file_path": "nothing"}),
    ):
        missing = api.get(address, params=fields)
        assert missing.status_code in {400, 404} and missing.json()["error_code"], fields


def test_a_page_uploads_a_small_file(api: httpx.Client, client: Any, run_id: str) -> None:
    address = f"{AJAX}/upload-artifact"
    answer = api.post(address, params={"run_uuid": run_id, "path": "notes/a.txt"}, content=b"hello")
    assert answer.status_code == 200 and answer.json() == {}
    assert api.get(f"{MLFLOW}/get-artifact", params={"run_id": run_id, "path": "notes/a.txt"}).text == "hello"
    for fields, content in (
        ({"run_uuid": run_id}, b"x"),
        ({"path": "a"}, b"x"),
        ({"run_uuid": run_id, "path": "a"}, b""),
        ({"run_uuid": run_id, "path": "a/../b"}, b"x"),
        ({"run_uuid": run_id, "path": "big"}, b"x" * (10 * 1024**2 + 1)),
    ):
        refused = api.post(address, params=fields, content=content)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert {item.path for item in client.list_artifacts(run_id)} == {
        "drawing.svg", "folder", "notes", "page.html"
    }  # fmt: skip


def test_datasets_of_experiments(api: httpx.Client, client: Any, experiment: str, run_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    wine = Dataset("wine", "d1", "local", "x")
    client.log_inputs(run_id, [DatasetInput(wine, [InputTag("mlflow.data.context", "train")])])
    client.log_inputs(run_id, [DatasetInput(Dataset("beer", "d2", "local", "y"), [])])
    answer = api.post(f"{AJAX}/experiments/search-datasets", json={"experiment_ids": [experiment, "1"]})
    assert answer.json() == {
        "dataset_summaries": [
            {"experiment_id": experiment, "name": "beer", "digest": "d2"},
            {"experiment_id": experiment, "name": "wine", "digest": "d1", "context": "train"},
        ]
    }
    for bad in ([], [str(number) for number in range(21)]):
        refused = api.post(f"{AJAX}/experiments/search-datasets", json={"experiment_ids": bad})
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_nothing_is_reported_anywhere(api: httpx.Client) -> None:
    address = f"{MLFLOW}/ajax-api/3.0/mlflow/ui-telemetry"
    assert api.get(address).json()["disable_ui_telemetry"] is True
    assert api.post(address, json={"records": [{"event_name": "x"}]}).json() == {"status": "disabled"}


def test_a_page_of_another_site_changes_nothing(server: JupyterServer, experiment: str, run_id: str) -> None:
    """A browser's cookie alone is not enough to change something: Jupyter's XSRF token has to come with it."""
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        browser.get("/tree", params={"token": server.token})
        assert browser.get(f"{AJAX}/runs/get", params={"run_id": run_id}).status_code == 200
        xsrf = browser.cookies.get("_xsrf") or ""
        requests: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", f"{AJAX}/runs/delete", {"json": {"run_id": run_id}}),
            ("POST", f"{MLFLOW}/graphql", {"json": {"query": "{ a }"}}),
            ("POST", f"{AJAX}/upload-artifact?run_uuid={run_id}&path=a", {"content": b"x"}),
            ("PATCH", f"{AJAX}/registered-models/update", {"json": {"name": "x"}}),
            ("DELETE", f"{AJAX}/registered-models/delete", {"json": {"name": "x"}} ),
            ("PUT", f"{MLFLOW}/ajax-api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/a", {"content": b"x"}),
            ("DELETE", f"{MLFLOW}/ajax-api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/a", {}),
        ]  # fmt: skip
        for method, address, more in requests:
            answer = browser.request(method, address, **more)
            assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED"), address
        answer = browser.post(f"{AJAX}/runs/delete", json={"run_id": run_id}, headers={"X-XSRFToken": xsrf})
        assert answer.status_code == 200
