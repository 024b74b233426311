"""Logging by many at once and histories, over HTTP as MLflow's clients and its pages ask."""

from __future__ import annotations

import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.tracking.logging import Logging
from tests.running import JupyterServer

MLFLOW = "/insighter/mlflow/api/2.0/mlflow"


def post(api: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return api.post(f"{MLFLOW}/{path}", json=body)


def get(api: httpx.Client, path: str, **query: Any) -> Any:
    answer = api.get(f"{MLFLOW}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def run(api: httpx.Client, experiment: str) -> str:
    return str(post(api, "runs/create", experiment_id=experiment).json()["run"]["info"]["run_id"])


def metrics(count: int, key: str = "m", start: int = 0) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": i / 7, "timestamp": 1000 + i, "step": i} for i in range(start, start + count)
    ]


def points(found: Any) -> list[tuple[int, Any]]:
    return [(item["step"], item["value"]) for item in found["metrics"]]


def test_two_clients_write_one_run_and_both_are_complete(
    server: JupyterServer, api: httpx.Client, run: str
) -> None:
    def write(which: int) -> None:
        with server.client() as client:
            for begin in range(0, 600, 60):
                answer = post(client, "runs/log-batch", run_id=run, metrics=metrics(60, f"of {which}", begin))
                assert answer.status_code == 200, answer.text
                one = {"key": "both", "value": which, "timestamp": 5, "step": begin}
                assert post(client, "runs/log-metric", run_id=run, **one).status_code == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    for which in range(4):
        found = get(api, "metrics/get-history", run_id=run, metric_key=f"of {which}")
        assert points(found) == [(i, i / 7) for i in range(600)]
    both = get(api, "metrics/get-history", run_id=run, metric_key="both")
    assert points(both) == [(begin, which) for begin in range(0, 600, 60) for which in range(4)]


def test_a_request_that_is_repeated_changes_nothing(api: httpx.Client, run: str) -> None:
    body = {"run_id": run, "metrics": metrics(300), "params": [{"key": "a", "value": "1"}]}
    for _ in range(3):
        assert post(api, "runs/log-batch", **body).status_code == 200
    assert points(get(api, "metrics/get-history", run_id=run, metric_key="m")) == [
        (i, i / 7) for i in range(300)
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"metrics": [*metrics(5), {"key": "m", "value": "much", "timestamp": 1}]},
        {"metrics": [*metrics(5), {"key": "m", "value": 1, "timestamp": -1}]},
        {"metrics": [*metrics(5), {"key": "../m", "value": 1, "timestamp": 1}]},
        {"metrics": [*metrics(5), {"key": "m" * 251, "value": 1, "timestamp": 1}]},
        {"metrics": metrics(1001)},
        {"metrics": metrics(5), "params": [{"key": "p", "value": "2"}]},
        {"metrics": metrics(5), "params": [{"key": "q", "value": "1"}, {"key": "q", "value": "2"}]},
        {"metrics": metrics(5), "tags": [{"key": "t", "value": 7}]},
    ],
    ids=lambda bad: ",".join(f"{name} {len(items)}" for name, items in bad.items()),
)
def test_half_a_batch_is_none(api: httpx.Client, run: str, bad: dict[str, Any]) -> None:
    post(api, "runs/log-batch", run_id=run, params=[{"key": "p", "value": "1"}])
    answer = post(api, "runs/log-batch", run_id=run, **bad)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert get(api, "metrics/get-history", run_id=run, metric_key="m") == {"metrics": []}
    data = get(api, "runs/get", run_id=run)["run"]["data"]
    assert (data["metrics"], data["params"]) == ([], [{"key": "p", "value": "1"}])


def test_where_nothing_can_be_logged(api: httpx.Client, client: Any, experiment: str, run: str) -> None:
    def refused(run_id: str) -> list[tuple[int, str]]:
        answers = [
            post(api, "runs/log-batch", run_id=run_id, metrics=metrics(2)),
            post(api, "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1),
            post(api, "runs/log-parameter", run_id=run_id, key="m", value="1"),
            post(api, "runs/set-tag", run_id=run_id, key="m", value="1"),
        ]
        return [(answer.status_code, answer.json()["error_code"]) for answer in answers]

    assert refused("0" * 32) == [(404, "RESOURCE_DOES_NOT_EXIST")] * 4
    assert refused("'; drop table runs; --") == [(404, "RESOURCE_DOES_NOT_EXIST")] * 4
    client.delete_run(run)
    assert refused(run) == [(400, "INVALID_PARAMETER_VALUE")] * 4
    client.restore_run(run)
    client.delete_experiment(experiment)
    assert refused(run) == [(400, "INVALID_PARAMETER_VALUE")] * 4
    assert (
        post(api, "runs/create", experiment_id=experiment).json()["error_code"] == "INVALID_PARAMETER_VALUE"
    )
    client.restore_experiment(experiment)
    assert post(api, "runs/log-metric", run_id=run, key="m", value=1, timestamp=1).status_code == 200


WRITES: dict[str, dict[str, Any]] = {
    "runs/create": {},
    "runs/update": {"status": "FINISHED"},
    "runs/set-tag": {"key": "late", "value": "1"},
    "runs/log-metric": {"key": "late", "value": 1, "timestamp": 1},
    "runs/log-parameter": {"key": "late", "value": "1"},
    "runs/log-batch": {"metrics": [{"key": "late", "value": 1, "timestamp": 1}]},
}


@pytest.mark.parametrize("path", WRITES)
def test_a_credential_that_ended_has_ended_at_once(
    server: JupyterServer, kernel_token: str, path: str
) -> None:
    def expire(what: str) -> None:
        database = EmbeddedPostgres(server.data_dir / "postgres")
        with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
            secret = hashlib.sha256(kernel_token.encode()).hexdigest()
            connection.execute(f"update insighter.credentials set {what} where secret_hash = %s", [secret])

    headers = {"Authorization": f"Bearer {kernel_token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as kernel:
        run = post(kernel, "runs/create", experiment_id="0").json()["run"]["info"]["run_id"]
        body = {"run_id": run, "experiment_id": "0", **WRITES[path]}
        assert post(kernel, path, **body).status_code == 200
        before = get(kernel, "runs/get", run_id=run)
        for what in ("revoked_at = now()", "revoked_at = null, expires_at = now()"):
            expire(what)
            answer = post(kernel, path, **body)
            assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED"), what
        expire("expires_at = now() + interval '1 hour'")
        assert get(kernel, "runs/get", run_id=run) == before


def test_all_that_asks_for_itself_is_tried(server: JupyterServer) -> None:
    assert {("POST", path) for path in WRITES} == Logging(None).table().keys()  # type: ignore[arg-type]


def test_values_that_are_no_numbers(api: httpx.Client, client: Any, run: str) -> None:
    for step, value in enumerate((math.nan, math.inf, -math.inf)):
        client.log_metric(run, "odd", value, step=step)
    found = client.get_metric_history(run, "odd")
    assert math.isnan(found[0].value) and [point.value for point in found[1:]] == [math.inf, -math.inf]
    raw = api.post(
        f"{MLFLOW}/runs/log-batch",
        content=json.dumps({"run_id": run, "metrics": [{"key": "raw", "value": math.nan, "timestamp": 1}]}),
    )
    assert raw.status_code == 200
    assert get(api, "metrics/get-history", run_id=run, metric_key="raw")["metrics"][0]["value"] == "NaN"


def test_a_history_comes_in_pages(api: httpx.Client, client: Any, run: str) -> None:
    for begin in range(0, 3000, 1000):
        post(api, "runs/log-batch", run_id=run, metrics=metrics(1000, "m", begin))
    seen: list[tuple[int, Any]] = []
    query: dict[str, Any] = {"run_id": run, "metric_key": "m", "max_results": 700}
    pages = 0
    while True:
        found = get(api, "metrics/get-history", **query)
        seen += points(found)
        pages += 1
        if "next_page_token" not in found:
            break
        query["page_token"] = found["next_page_token"]
    assert seen == [(i, i / 7) for i in range(3000)] and pages >= 5
    assert len(client.get_metric_history(run, "m")) == 3000
    for change in ({"max_results": 0}, {"max_results": -1}, {"page_token": "x"}, {"metric_key": ""}):
        answer = api.get(f"{MLFLOW}/metrics/get-history", params={"run_id": run, "metric_key": "m", **change})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), change


def test_histories_of_many_runs(api: httpx.Client, experiment: str, run: str) -> None:
    other = post(api, "runs/create", experiment_id=experiment).json()["run"]["info"]["run_id"]
    for one in (run, other):
        post(api, "runs/log-batch", run_id=one, metrics=metrics(50))
    both = sorted([run, other])
    found = get(api, "metrics/get-history-bulk", run_id=[run, other, "0" * 32], metric_key="m")
    assert [item["run_id"] for item in found["metrics"]] == [both[0]] * 50 + [both[1]] * 50
    assert (
        len(get(api, "metrics/get-history-bulk", run_id=both, metric_key="m", max_results=70)["metrics"])
        == 70
    )
    for query in ({}, {"run_id": run}, {"metric_key": "m"}, {"run_id": ["0" * 32] * 101, "metric_key": "m"}):
        answer = api.get(f"{MLFLOW}/metrics/get-history-bulk", params=query)
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    interval = {"run_ids": [other, run], "metric_key": "m"}
    thinned = get(api, "metrics/get-history-bulk-interval", **interval, max_results=5)["metrics"]
    assert [item["run_id"] for item in thinned] == [other] * 5 + [run] * 5
    assert [thinned[0]["step"], thinned[4]["step"]] == [0, 49]
    some = get(api, "metrics/get-history-bulk-interval", **interval, start_step=3, end_step=5)["metrics"]
    assert [item["step"] for item in some] == [3, 4, 5] * 2
    for change in (
        {"start_step": 1},
        {"start_step": 5, "end_step": 1},
        {"max_results": 2501},
        {"run_ids": []},
    ):
        answer = api.get(f"{MLFLOW}/metrics/get-history-bulk-interval", params={**interval, **change})
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE", change
    unknown = api.get(f"{MLFLOW}/metrics/get-history-bulk-interval", params={**interval, "run_ids": "0" * 32})
    assert unknown.status_code == 404


def test_curves_and_pages_of_the_panel(api: httpx.Client, experiment: str, run: str) -> None:
    for begin in range(0, 5000, 1000):
        post(api, "runs/log-batch", run_id=run, metrics=metrics(1000, "loss/train", begin))
    personal = next(
        item["id"]
        for item in api.get("/insighter/api/projects", params={"limit": 500}).json()["items"]
        if item.get("personal", True)
    )
    base = f"/insighter/api/projects/{personal}/runs"
    body = {"run_ids": [run], "keys": ["loss/train", "unknown"], "max_points": 100}
    first = api.post(f"{base}/curves", json=body)
    assert first.status_code == 200, first.text
    (curve,) = first.json()["curves"]
    assert (curve["total"], curve["steps"][0], curve["steps"][-1]) == (5000, 0, 4999)
    assert len(curve["steps"]) == len(curve["times"]) == len(curve["values"]) <= 100
    post(api, "runs/log-metric", run_id=run, key="loss/train", value="NaN", timestamp=9, step=5000)
    after = api.post(f"{base}/curves", json={**body, "after": first.json()["cursors"]}).json()
    assert [(one["steps"], one["values"]) for one in after["curves"]] == [([5000], ["NaN"])]
    for change in ({"run_ids": []}, {"keys": ["k"] * 21}, {"max_points": 3}, {"after": {run: "x"}}):
        assert api.post(f"{base}/curves", json={**body, **change}).status_code == 422, change
    assert api.post(f"{base}/curves", json={**body, "run_ids": ["x"]}).status_code in {404, 422}
    page = api.get(f"{base}/{run}/metrics/loss%2Ftrain", params={"limit": 2000}).json()
    assert (len(page["points"]), page["points"][-1]["step"]) == (2000, 1999)
    rest = api.get(
        f"{base}/{run}/metrics/loss%2Ftrain", params={"limit": 100_000, "cursor": page["cursor"]}
    ).json()
    assert (len(rest["points"]), rest["cursor"]) == (3001, None)
    assert api.get(f"{base}/{run}/metrics/m", params={"limit": 100_001}).status_code == 422
