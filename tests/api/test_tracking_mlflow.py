"""The unmodified MLflow client against this server: what its users rely on in experiments and runs."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from insighter_ext.credentials.service import PREFIX
from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")


def code(error: pytest.ExceptionInfo[Any]) -> str:
    """MLflow's error code."""
    return str(error.value.error_code)


# ---- experiments ----


def test_experiments_from_creation_to_deletion_and_back(mlflow: Any, client: Any) -> None:
    name = f"Weinqualität/品質 {uuid4().hex}"
    made = mlflow.set_experiment(name)
    assert made.name == name and made.lifecycle_stage == "active" and int(made.experiment_id) > 0
    assert mlflow.set_experiment(name).experiment_id == made.experiment_id
    client.set_experiment_tag(made.experiment_id, "purpose", "test")
    client.rename_experiment(made.experiment_id, name + "!")
    found = client.get_experiment(made.experiment_id)
    assert (found.name, found.tags) == (name + "!", {"purpose": "test"})
    assert client.get_experiment_by_name(name) is None
    assert client.get_experiment_by_name(name + "!").experiment_id == made.experiment_id
    client.delete_experiment_tag(made.experiment_id, "purpose")
    client.delete_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "deleted"
    deleted = mlflow.search_experiments(view_type=mlflow.entities.ViewType.DELETED_ONLY)
    assert made.experiment_id in [item.experiment_id for item in deleted]
    assert made.experiment_id not in [item.experiment_id for item in mlflow.search_experiments()]
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.create_run(made.experiment_id)
    assert code(error) == "INVALID_PARAMETER_VALUE"
    client.restore_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "active"
    client.create_run(made.experiment_id)


def test_a_name_is_taken_once(mlflow: Any, client: Any, experiment: str) -> None:
    name = client.get_experiment(experiment).name
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.create_experiment(name)
    assert code(error) == "RESOURCE_ALREADY_EXISTS"


def test_experiments_page(client: Any) -> None:
    made = {client.create_experiment(f"page {uuid4().hex}") for _ in range(3)}
    seen: list[str] = []
    token = None
    while True:
        page = client.search_experiments(max_results=2, page_token=token)
        seen += [item.experiment_id for item in page]
        if not (token := page.token):
            break
    assert made <= set(seen) and len(seen) == len(set(seen))
    one = client.search_experiments(filter_string=f"name = '{client.get_experiment(made.pop()).name}'")
    assert len(one) == 1


def test_work_without_an_experiment_goes_to_the_default_one(mlflow: Any, client: Any) -> None:
    run = client.create_run("0")
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment("0").experiment_id == run.info.experiment_id
    assert run.info.run_id in [item.info.run_id for item in client.search_runs(["0"])]


# ---- runs ----


def test_a_run_with_all_that_is_logged_in_it(mlflow: Any, client: Any, experiment: str) -> None:
    with mlflow.start_run(
        experiment_id=experiment, run_name="forest", tags={"k": "v"}, description="why"
    ) as run:
        mlflow.log_param("depth", 12)
        mlflow.log_params({"lr": 0.01, "layers/first": "relu"})
        mlflow.set_tags({"a": 1, "b": "two"})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "nan": math.nan, "inf": math.inf, "ninf": -math.inf})
        mlflow.delete_tag("b")
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.info.end_time >= found.info.start_time
    assert found.info.run_name == "forest" and found.info.experiment_id == experiment
    assert found.data.params == {"depth": "12", "lr": "0.01", "layers/first": "relu"}
    assert {"k": "v", "a": "1", "mlflow.note.content": "why"}.items() <= found.data.tags.items()
    assert "b" not in found.data.tags
    metrics = found.data.metrics
    assert metrics["loss"] == 1 / 3 and metrics["auc"] == 0.9
    assert math.isnan(metrics["nan"]) and metrics["inf"] == math.inf and metrics["ninf"] == -math.inf
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert math.isnan(client.get_metric_history(run.info.run_id, "nan")[0].value)
    assert client.get_metric_history(run.info.run_id, "unknown") == []


def test_a_failed_run_says_so(mlflow: Any, client: Any, experiment: str) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run(experiment_id=experiment) as run:
        raise ZeroDivisionError
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FAILED" and found.info.run_name  # it was given a name


def test_runs_nest_resume_and_rename(mlflow: Any, client: Any, experiment: str) -> None:
    mlflow.set_experiment(experiment_id=experiment)
    start = mlflow.start_run
    with (
        start(experiment_id=experiment, run_name="parent") as parent,
        start(experiment_id=experiment, nested=True) as child,
    ):
        mlflow.log_metric("m", 1)
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    with mlflow.start_run(run_id=parent.info.run_id):
        mlflow.log_metric("again", 2)
        assert client.get_run(parent.info.run_id).info.status == "RUNNING"
    client.update_run(parent.info.run_id, name="renamed")
    client.set_tag(child.info.run_id, "mlflow.runName", "by tag")
    assert client.get_run(parent.info.run_id).data.tags["mlflow.runName"] == "renamed"
    assert client.get_run(child.info.run_id).info.run_name == "by tag"


def test_deleted_runs_come_back(mlflow: Any, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert list(client.search_runs([experiment])) == []
    assert len(client.search_runs([experiment], run_view_type=mlflow.entities.ViewType.DELETED_ONLY)) == 1
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.log_metric(run_id, "m", 1)
    assert code(error) == "INVALID_PARAMETER_VALUE"
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1)


def test_runs_are_listed_newest_first_and_page(mlflow: Any, client: Any, experiment: str) -> None:
    made = [client.create_run(experiment, start_time=1000 + i // 2).info.run_id for i in range(5)]
    seen: list[str] = []
    token = None
    while True:
        page = client.search_runs([experiment], max_results=2, page_token=token)
        seen += [run.info.run_id for run in page]
        if not (token := page.token):
            break
    assert sorted(seen) == sorted(made) and seen[0] == made[4]
    frame = mlflow.search_runs([experiment], order_by=["start_time DESC"])
    assert list(frame["run_id"]) == seen


@pytest.mark.parametrize(
    "refused", [{"filter_string": "metrics.auc > 'x'"}, {"order_by": ["dataset.name DESC"]}]
)
def test_a_search_that_cannot_be_says_so(
    mlflow: Any, client: Any, experiment: str, refused: dict[str, Any]
) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"numeric value|order_by") as error:
        client.search_runs([experiment], **refused)
    assert code(error) == "INVALID_PARAMETER_VALUE"


def test_a_parameter_is_said_once(mlflow: Any, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "lr", 0.1)
    client.log_param(run_id, "lr", 0.1)
    with pytest.raises(mlflow.exceptions.MlflowException, match="Changing param values") as error:
        client.log_param(run_id, "lr", 0.2)
    assert code(error) == "INVALID_PARAMETER_VALUE"


def test_a_batch_is_all_or_nothing(mlflow: Any, client: Any, api: httpx.Client, experiment: str) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run_id = client.create_run(experiment).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric(f"m{i % 10}", i, i, i) for i in range(850)],
        params=[Param(f"p{i}", "x" * 6000) for i in range(100)],
        tags=[RunTag(f"t{i}", "y" * 8000) for i in range(50)],
    )
    before = client.get_run(run_id).to_dictionary()
    assert len(before["data"]["params"]) == 100 and before["data"]["metrics"]["m9"] == 849
    url = "/insighter/mlflow/api/2.0/mlflow/runs/log-batch"
    good = {"key": "new", "value": 1, "timestamp": 1, "step": 0}
    for bad in (
        {"metrics": [good, {**good, "key": "../up"}]},
        {"metrics": [good, {**good, "value": "much"}]},
        {"metrics": [good, {**good, "timestamp": -1}]},
        {"metrics": [good, {**good, "step": 2**63}]},
        {"metrics": [good], "params": [{"key": "p0", "value": "other"}]},
        {"metrics": [good], "params": [{"key": "twice", "value": "1"}, {"key": "twice", "value": "2"}]},
        {"metrics": [good], "params": [{"key": "long", "value": "x" * 6001}]},
        {"metrics": [good], "tags": [{"key": "x" * 251, "value": ""}]},
        {"metrics": [good], "tags": [{"key": "nul", "value": "a\x00b"}]},
        {"metrics": [good] * 1001},
        {"metrics": [{**good, "model_id": "m-" + "0" * 32}]},
        {"metrics": "many"},
        {"metrics": [good, {**good, "key": ["a"]}]},
        {"params": [{"key": "surrogate", "value": "\ud800"}]},
    ):
        answer = api.post(url, content=json.dumps({"run_id": run_id, **bad}))
        assert answer.status_code in {400, 404}, (bad, answer.text)
        assert set(answer.json()) == {"error_code", "message"}
    assert client.get_run(run_id).to_dictionary() == before
    bare = f'{{"run_id": "{run_id}", "metrics": [{{"key": "bare", "value": NaN, "timestamp": "7", "step": "3"}}]}}'
    assert api.post(url, content=bare).status_code == 200
    assert math.isnan(client.get_run(run_id).data.metrics["bare"])


def test_what_is_not_there_is_said_in_mlflows_words(mlflow: Any, client: Any, api: httpx.Client) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: client.get_run("0" * 32),
        lambda: client.get_run("nonsense"),
        lambda: client.get_experiment("999999999"),
        lambda: client.log_metric("f" * 32, "m", 1),
        lambda: client.get_logged_model("m-" + "0" * 32),
    ]
    for call in calls:
        with pytest.raises(mlflow.exceptions.MlflowException) as error:
            call()
        assert code(error) == "RESOURCE_DOES_NOT_EXIST"
    answer = api.post("/insighter/mlflow/api/3.0/mlflow/traces", json={})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    answer = api.post("/insighter/mlflow/api/2.0/mlflow/runs/create", content=b'{"run_name": "\\ud800"}')
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    answer = api.post("/insighter/mlflow/api/2.0/mlflow/runs/create", content=b"{")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert api.get("/insighter/mlflow/version").text == mlflow.__version__
    assert api.get("/insighter/mlflow/health").text == "OK"


def test_datasets_are_recorded_as_inputs(
    mlflow: Any, client: Any, api: httpx.Client, experiment: str
) -> None:
    import pandas as pd

    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2]}), source="wine.csv", name="wine")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_input(data, context="training")
        mlflow.log_input(data, context="training")
    (found,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("wine", data.digest)
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]


# ---- artifacts ----


def test_artifacts_go_there_and_back(mlflow: Any, client: Any, experiment: str, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    big = secrets.token_bytes(5_000_000)
    (tmp_path / "deep" / "big.bin").write_bytes(big)
    (tmp_path / "deep" / "er" / "Größe 品質.txt").write_text("ü")
    (tmp_path / "deep" / "empty").write_bytes(b"")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_artifacts(str(tmp_path / "deep"), "out")
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": [1]}, "a.json")
        mlflow.log_text("replaced", "notes/hello.txt")
    run_id = run.info.run_id
    listed = {item.path: (item.is_dir, item.file_size) for item in client.list_artifacts(run_id)}
    assert listed.keys() == {"out", "notes", "a.json"} and listed["out"] == (True, None)
    inside = {item.path: item.file_size for item in client.list_artifacts(run_id, "out")}
    assert inside == {"out/big.bin": 5_000_000, "out/er": None, "out/empty": 0}
    got = Path(
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="", dst_path=str(tmp_path / "back"))
    )
    assert (got / "out" / "big.bin").read_bytes() == big
    assert (got / "out" / "er" / "Größe 品質.txt").read_text() == "ü"
    assert (got / "out" / "empty").read_bytes() == b""
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt") == "replaced"
    repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(
        run.info.artifact_uri
    )
    repository.delete_artifacts("out")
    assert {item.path for item in client.list_artifacts(run_id)} == {"notes", "a.json"}


def test_deleted_artifacts_free_the_bytes_that_nothing_else_needs(
    api: httpx.Client, server: JupyterServer, client: Any, experiment: str
) -> None:
    run_id = client.create_run(experiment).info.run_id
    url = f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts"
    content = secrets.token_bytes(100)
    for path in ("folder/one", "other"):
        assert api.put(f"{url}/{path}", content=content).status_code == 200

    def stored() -> list[Path]:
        return list((server.data_dir / "objects").rglob(hashlib.sha256(content).hexdigest()))

    assert len(stored()) == 1
    assert api.delete(f"{url}/folder").status_code == 200
    assert len(stored()) == 1
    assert api.get(f"{url}/other").content == content
    assert api.delete(f"{url}/other").status_code == 200
    assert stored() == []
    assert api.put(f"{url}/again", content=content).status_code == 200
    assert api.get(f"{url}/again").content == content


def test_an_artifact_is_a_download_and_never_a_page(api: httpx.Client, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    url = f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/page.html"
    script = b"<script>alert(1)</script>"
    assert api.put(url, content=script, headers={"Content-Type": "text/html"}).status_code == 200
    answer = api.get(url)
    assert answer.content == script
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("path", ["%2e%2e/up", "a/%2e%2e/b", "a//b", "a%5Cb", "a%00b", "x" * 1001])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_an_artifact_path_leads_nowhere_else(
    api: httpx.Client, client: Any, experiment: str, method: str, path: str
) -> None:
    run_id = client.create_run(experiment).info.run_id
    url = f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/{path}"
    answer = api.request(method, url, content=b"x" if method == "PUT" else None)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


def test_artifacts_need_a_run(api: httpx.Client) -> None:
    base = "/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts"
    for path in (f"runs/{'0' * 32}/artifacts/x", f"models/m-{'0' * 32}/artifacts/x", "etc/passwd", "x"):
        for method in ("PUT", "GET"):
            answer = api.request(method, f"{base}/{path}", content=b"x" if method == "PUT" else None)
            assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    assert api.get(base, params={"path": "../.."}).status_code == 400


# ---- projects ----


def test_a_kernels_runs_are_its_projects(
    mlflow: Any,
    client: Any,
    api: httpx.Client,
    project: dict[str, Any],
    kernel_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outside = client.create_run("0")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", kernel_token)
    name = f"mine {uuid4().hex}"
    experiment = client.create_experiment(name)
    with mlflow.start_run(experiment_id=experiment, run_name="in the project") as run:
        mlflow.log_metric("auc", 0.9)
        mlflow.log_metric("bad", math.nan)
        mlflow.log_param("p", 1)
        mlflow.log_text("x", "f.txt")
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.get_run(outside.info.run_id)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"
    assert [item.name for item in client.search_experiments()] == [name]

    # The same as the panels see it.
    base = f"/insighter/api/projects/{project['id']}"
    (listed,) = api.get(f"{base}/experiments").json()["items"]
    assert (listed["id"], listed["name"], listed["runs"], listed["running"]) == (experiment, name, 1, 0)
    (row,) = api.get(f"{base}/experiments/{experiment}/runs").json()["items"]
    assert {metric["key"]: metric["value"] for metric in row["metrics"]} == {"auc": 0.9, "bad": "NaN"}
    detail = api.get(f"{base}/runs/{run.info.run_id}").json()
    assert (
        detail["experiment_name"] == name
        and detail["params"] == {"p": "1"}
        and detail["status"] == "FINISHED"
    )
    history = api.get(f"{base}/runs/{run.info.run_id}/metrics/auc").json()
    assert [point["value"] for point in history["points"]] == [0.9]
    files = api.get(f"{base}/runs/{run.info.run_id}/artifacts").json()["items"]
    assert files == [{"path": "f.txt", "is_dir": False, "size": 1}]
    assert api.get(base).json()["last_event"] > project["last_event"]
    assert api.get(f"{base}/runs/{outside.info.run_id}").status_code == 404
    assert api.get(f"{base}/experiments/{outside.info.experiment_id}/runs").status_code == 404

    api.patch(base, json={"archived": True})
    with pytest.raises(mlflow.exceptions.MlflowException, match="archived"):
        client.log_metric(run.info.run_id, "late", 1)


def test_a_revoked_credential_is_refused_in_mlflows_words(server: JupyterServer) -> None:
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {PREFIX}{'x' * 43}"}
    ) as stranger:
        answer = stranger.post("/insighter/mlflow/api/2.0/mlflow/runs/create", json={})
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
        url = f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{'0' * 32}/artifacts/x"
        answer = stranger.put(url, content=b"x" * 100_000)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
