"""A deployed model answers as MLflow's own server does, to whoever bears its secret."""

from __future__ import annotations

import json
import re
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from insighter_ext.serving import protocol

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(launch: Any, iris: Any) -> Iterator[httpx.Client]:
    with launch(iris.path).client() as client:
        yield client


@pytest.fixture(scope="module")
def mlflow_client(iris: Any) -> Any:
    """MLflow's own application around the same model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.pyfunc import scoring_server

        return scoring_server.init(mlflow.pyfunc.load_model(str(iris.path)))


def ask_mlflow(app: Any, method: str, path: str, **request: Any) -> httpx.Response:
    import asyncio

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mlflow") as client:
            return await client.request(method, path, **request)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(ask())


def bodies(data: Any) -> dict[str, dict[str, Any]]:
    split = data.to_dict(orient="split", index=False)
    columns = {name: values.tolist() for name, values in data.items()}
    return {
        "dataframe_split": {"json": {"dataframe_split": split}},
        "dataframe_records": {"json": {"dataframe_records": data.to_dict(orient="records")}},
        "inputs": {"json": {"inputs": columns}},
        "instances": {"json": {"instances": data.to_dict(orient="records")}},
        "csv": {"content": data.to_csv(index=False).encode(), "headers": {"Content-Type": "text/csv"}},
    }


@pytest.mark.parametrize("kind", ["dataframe_split", "dataframe_records", "inputs", "instances", "csv"])
def test_predictions_are_the_models_own(client: httpx.Client, iris: Any, kind: str) -> None:
    response = client.post("/invocations", **bodies(iris.data)[kind])
    assert response.status_code == 200, response.text
    assert response.json() == {"predictions": iris.predictions}


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("GET", "/ping", {}),
        ("GET", "/health", {}),
        ("GET", "/version", {}),
        ("POST", "/invocations", {"content": b"{not json", "headers": JSON}),
        ("POST", "/invocations", {"content": b"[1, 2]", "headers": JSON}),
        ("POST", "/invocations", {"content": b"\xff", "headers": JSON}),
        ("POST", "/invocations", {"json": {"rows": [1]}}),
        ("POST", "/invocations", {"json": {"dataframe_split": {"columns": ["x"], "data": [[1.0]]}}}),
        ("POST", "/invocations", {"json": {"dataframe_records": [{"sepal_length": "long"}]}}),
        ("POST", "/invocations", {"content": b'"', "headers": {"Content-Type": "text/csv"}}),
        (
            "POST",
            "/invocations",
            {"content": b"no", "headers": {"Content-Type": "application/vnd.apache.parquet"}},
        ),
        ("POST", "/invocations", {"content": b"a", "headers": {"Content-Type": "text/html"}}),
        ("POST", "/invocations", {"content": b"a", "headers": {"Content-Type": "text/csv; charset=latin1"}}),
    ],
)
def test_answers_are_mlflows_without_the_traceback(
    client: httpx.Client, mlflow_client: Any, method: str, path: str, request_: dict[str, Any]
) -> None:
    ours = client.request(method, path, **request_)
    theirs = ask_mlflow(mlflow_client, method, path, **request_)
    assert ours.status_code == theirs.status_code
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert "Traceback" not in ours.text and "stack_trace" not in ours.text
    if ours.status_code == 400:
        expected, answered = theirs.json(), ours.json()
        expected.pop("stack_trace", None)
        answered.pop("cause", None)
        for error in (expected, answered):  # MLflow's messages hold a set, whose order differs by process
            error["message"] = sorted(re.findall(r"\w+", error["message"]))
        assert answered == expected
        assert answered["error_code"] in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")
    else:
        assert ours.text == theirs.text


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer wrong", "Basic a-secret-for-the-tests", "a-secret-for-the-tests"],
)
@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/invocations", "/elsewhere"])
def test_nothing_is_answered_without_the_secret(
    client: httpx.Client, path: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    method = httpx.post if path == "/invocations" else httpx.get
    response = method(f"{client.base_url}{path}", headers=headers)
    assert response.status_code == 401
    assert response.json()["error_code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"] == "Bearer"


def test_what_is_not_served_is_refused(client: httpx.Client) -> None:
    assert client.get("/docs").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert client.get("/invocations").status_code == 405
    assert client.post("/ping").status_code == 405
    missing_type = client.post("/invocations", content=b"{}")
    assert missing_type.status_code == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(client: httpx.Client, chunked: bool) -> None:
    size = protocol.MAX_BODY_BYTES + 1
    chunk = b" " * 2**20
    content = (chunk for _ in range(size // len(chunk) + 1)) if chunked else b" " * size
    response = client.post("/invocations", content=content, headers=JSON)
    assert response.status_code == 413
    assert response.json()["error_code"] == "MAX_READ_SIZE_EXCEEDED"
    assert client.get("/ping").status_code == 200


def test_ping_answers_while_a_prediction_runs(launch: Any, slow_model: Path) -> None:
    started = launch(slow_model)
    with started.client() as client:
        body = {"dataframe_records": [{"seconds": 3}]}
        slow = threading.Thread(target=lambda: client.post("/invocations", json=body))
        slow.start()
        time.sleep(0.3)
        with started.client() as other:
            assert other.get("/ping").status_code == 200
        assert slow.is_alive()
        slow.join()

        failed = client.post("/invocations", json={"dataframe_records": [{"seconds": -1}]})
    assert failed.status_code == 400
    answer = json.loads(failed.text)
    assert answer["error_code"] == "BAD_REQUEST" and "stack_trace" not in answer
    assert answer["cause"] == "ValueError: seconds must not be negative"
    assert "Traceback" in started.log(), "the log keeps what the client is not told"
