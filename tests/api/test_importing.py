"""An MLflow store is imported: everything is there, the same, once, also after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer, isolated_environment

# Each import is a process that imports MLflow, on a machine that other tests share.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A store as people have them: SQLite, files in a folder, all kinds of things in it."""
    place = tmp_path_factory.mktemp("store")
    return filled(place, f"sqlite:///{place}/mlflow.db")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same as a folder, in which MLflow kept everything for years."""
    place = tmp_path_factory.mktemp("folder")
    return filled(place, str(place / "mlruns"))


def filled(place: Path, uri: str) -> dict[str, Any]:
    """Make a store; beside it a registry with a model that was made in it."""
    script = place / "fill.py"
    script.write_text(FILL)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")},
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "ELSEWHERE": f"sqlite:///{place}/registry.db",
    }
    done = subprocess.run(
        [sys.executable, script], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {"uri": uri, "registry": environment["ELSEWHERE"], **json.loads(done.stdout.splitlines()[-1])}


FILL = """
import json, os, pathlib, mlflow
from mlflow.entities import Metric, Param, RunTag
client = mlflow.MlflowClient()
mlflow.set_experiment("forest search")
mlflow.set_experiment_tag("team", "wine")
runs = {}
with mlflow.start_run(run_name="parent", tags={"kind": "grid", "ünï": "cödé"}) as parent:
    mlflow.log_param("depth", 12)
    for begin in (0, 750):
        client.log_batch(parent.info.run_id, [
            Metric("loss", 1 / (step + 1), 1_700_000_000_000 + step, step) for step in range(begin, begin + 750)
        ])
    client.log_batch(parent.info.run_id, [
        Metric("odd", value, 1_700_000_000_000, step) for step, value in enumerate([float("nan"), float("inf"), -1e300])
    ], [Param(f"p{n}", "x" * n) for n in range(90)])
    mlflow.log_text("# notes", "notes/read me.md")
    pathlib.Path("empty.bin").write_bytes(b"")
    mlflow.log_artifact("empty.bin")
    mlflow.log_dict({"a": 1}, "deep/er/a.json")
    dataset = mlflow.data.from_numpy(__import__("numpy").arange(4.0), name="wine", targets=None)
    mlflow.log_input(dataset, "training")
    with mlflow.start_run(run_name="child", nested=True) as child:
        from sklearn.linear_model import LogisticRegression
        model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
        mlflow.log_metric("auc", 0.94, model_id=logged.model_id, dataset=dataset)
try:
    with mlflow.start_run(run_name="broken"):
        raise RuntimeError("no")
except RuntimeError:
    pass
mlflow.set_experiment("other")
with mlflow.start_run(run_name="alone"):
    pass
deleted = client.create_run("0").info.run_id
client.delete_run(deleted)
client.create_registered_model("wine-quality", tags={"owner": "ana"}, description="of wines")
def register(source, run=None, **more):
    return client.create_model_version("wine-quality", source, run, **more)
register(f"models:/{logged.model_id}", child.info.run_id, tags={"a": "b"}, description="first")
register(f"models:/{logged.model_id}", child.info.run_id)
files = pathlib.Path("elsewhere"); files.mkdir(); (files / "MLmodel").write_text("flavors: {}")
register(str(files.absolute()))
register(f"{parent.info.artifact_uri}/notes", parent.info.run_id)
client.delete_model_version("wine-quality", "2")
client.set_registered_model_alias("wine-quality", "champion", "4")
client.transition_model_version_stage("wine-quality", "1", "Staging")
mlflow.genai.register_prompt("greeting", "Hello {{ who }}", commit_message="first", tags={"tone": "warm"})
mlflow.genai.register_prompt("greeting", "Good day, {{ who }}")
mlflow.genai.set_prompt_alias("greeting", "live", 1)
elsewhere = mlflow.MlflowClient(registry_uri=os.environ["ELSEWHERE"])
elsewhere.create_registered_model("kept-elsewhere")
elsewhere.create_model_version("kept-elsewhere", f"{parent.info.artifact_uri}/notes", parent.info.run_id)
print(json.dumps({"parent": parent.info.run_id, "child": child.info.run_id, "model": logged.model_id}))
"""


def importing(server: JupyterServer, project: str, *arguments: str, wait: bool = True) -> Any:
    """``insighter import mlflow`` in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "insighter_ext.cli",
        "import",
        "mlflow",
        *arguments,
        "--project",
        project,
    ]
    command += ["--url", server.url, "--token", server.token, "--json"]
    environment = {**isolated_environment(server.home), "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    place = server.home / "importing"
    place.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if not wait:
        return process
    out, error = process.communicate(timeout=180)
    assert out, error[-3000:]
    assert list(place.iterdir()) == []  # no store of the process's own was made
    return process.returncode, json.loads(out)


class Here:
    """The project, as MLflow's client of it sees it."""

    def __init__(self, api: httpx.Client, project: dict[str, Any]) -> None:
        self.api, self.project = api, project

    @property
    def headers(self) -> dict[str, str]:
        return {"X-MLFLOW-WORKSPACE": self.project["id"]}

    def call(self, method: str, path: str, **fields: Any) -> Any:
        sent = {"params": fields} if method == "GET" else {"json": fields}
        answer = self.api.request(
            method,
            f"/insighter/mlflow/api/2.0/mlflow/{path}",
            headers=self.headers,
            **sent,  # type: ignore[arg-type]
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def runs(self, experiment: str) -> dict[str, Any]:
        found = self.call("GET", "experiments/get-by-name", experiment_name=experiment)["experiment"]
        runs = self.call("POST", "runs/search", experiment_ids=[found["experiment_id"]]).get("runs", [])
        named = {run["info"]["run_name"]: run for run in runs}
        assert len(named) == len(runs)
        return named


def values(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in pairs}


def test_everything_comes_and_is_compared(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], store: dict[str, Any]
) -> None:
    code, report = importing(server, project["id"], store["uri"])
    assert report["problems"] == []
    assert code == 0
    same(report)
    there(Here(api, project), store)

    # Once more: nothing is made twice.
    code, again = importing(server, project["id"], store["uri"])
    assert (code, again["problems"], again["runs"], again["files"]) == (0, [], 0, 0)
    assert (again["runs_there"], again["model_versions"], again["same_runs"]) == (4, 0, 4)


def same(report: dict[str, Any]) -> None:
    """Everything of a store was brought, and found the same."""
    assert (report["runs"], report["logged_models"]) == (4, 1)
    assert (report["registered_models"], report["model_versions"]) == (2, 3 + 2)
    assert report["points"] == 1500 + 3 + 1
    assert report["same_runs"] == 4 and report["same_models"] == 2
    assert report["same_files"] == report["files"] > 5


def there(here: Here, store: dict[str, Any]) -> None:
    """What a store was filled with is in the project."""
    runs = here.runs("forest search")
    assert {name: run["info"]["status"] for name, run in runs.items()} == {
        "parent": "FINISHED", "child": "FINISHED", "broken": "FAILED",
    }  # fmt: skip
    parent, child = runs["parent"], runs["child"]
    tags = values(parent["data"]["tags"])
    assert (tags["kind"], tags["ünï"]) == ("grid", "cödé")
    assert tags["insighter.import.source"].endswith(f":{store['parent']}")
    assert values(child["data"]["tags"])["mlflow.parentRunId"] == parent["info"]["run_id"]
    assert values(parent["data"]["params"])["p89"] == "x" * 89
    history = here.call(
        "GET", "metrics/get-history", run_id=parent["info"]["run_id"], metric_key="loss", max_results=25_000
    )["metrics"]
    assert len(history) == 1500 and history[-1]["value"] == 1 / 1500
    latest = {metric["key"]: metric["value"] for metric in parent["data"]["metrics"]}
    assert latest["odd"] == -1e300
    assert parent["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "wine"
    model = here.call("GET", "registered-models/get", name="wine-quality")["registered_model"]
    assert values(model["tags"])["owner"] == "ana" and model["description"] == "of wines"
    versions = {
        version["version"]: version
        for version in here.call("GET", "model-versions/search", filter="name='wine-quality'")[
            "model_versions"
        ]
    }
    # The number of the version that was deleted stays free; an alias keeps what it means.
    assert sorted(versions) == ["1", "3", "4"]
    assert versions["4"]["aliases"] == ["champion"] and versions["1"]["current_stage"] == "Staging"
    assert versions["1"]["run_id"] == child["info"]["run_id"]
    first, second = (
        values(
            here.call("GET", "model-versions/get", name="greeting", version=number)["model_version"]["tags"]
        )
        for number in ("1", "2")
    )
    assert (first["mlflow.prompt.text"], first["tone"]) == ("Hello {{ who }}", "warm")
    assert second["mlflow.prompt.text"] == "Good day, {{ who }}"
    live = here.call("GET", "registered-models/alias", name="greeting", alias="live")["model_version"]
    assert live["version"] == "1"


def test_a_folder_is_a_store_too(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], folder: dict[str, Any]
) -> None:
    code, report = importing(server, project["id"], folder["uri"])
    assert report["problems"] == []
    assert code == 0
    same(report)
    there(Here(api, project), folder)


def test_a_registry_that_is_elsewhere(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], store: dict[str, Any]
) -> None:
    code, report = importing(server, project["id"], store["uri"], "--registry", store["registry"])
    assert report["problems"] == []
    assert code == 0
    assert (report["registered_models"], report["model_versions"], report["same_models"]) == (1, 1, 1)
    here = Here(api, project)
    [model] = here.call("GET", "registered-models/search")["registered_models"]
    assert model["name"] == "kept-elsewhere"
    version = here.call("GET", "model-versions/get", name="kept-elsewhere", version="1")["model_version"]
    parent = here.runs("forest search")["parent"]["info"]["run_id"]
    assert (version["run_id"], version["source"]) == (parent, f"runs:/{parent}/notes")


def test_an_import_that_was_killed_goes_on(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], store: dict[str, Any]
) -> None:
    here = Here(api, project)
    process = importing(server, project["id"], store["uri"], wait=False)

    def brought() -> list[str]:
        """The states of the runs that are there."""
        found = here.call("POST", "experiments/search", max_results=100).get("experiments", [])
        ids = [one["experiment_id"] for one in found]
        runs = here.call("POST", "runs/search", experiment_ids=ids).get("runs", []) if ids else []
        return [run["info"]["status"] for run in runs]

    deadline = time.monotonic() + 120
    while not brought() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "it was done, or failed, before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    states = brought()
    assert states and sum(state != "RUNNING" for state in states) < 4
    code, report = importing(server, project["id"], store["uri"])
    assert (code, report["problems"], report["same_runs"]) == (0, [], 4)
    assert len(here.runs("forest search")) == 3 and len(here.runs("other")) == 1
    history = here.call(
        "GET",
        "metrics/get-history",
        run_id=here.runs("forest search")["parent"]["info"]["run_id"],
        metric_key="loss",
        max_results=25_000,
    )["metrics"]
    assert len(history) == 1500


def test_what_is_not_the_same_is_told(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], store: dict[str, Any]
) -> None:
    code, report = importing(server, project["id"], store["uri"], "--verify")
    assert code == 1 and any(store["parent"] in problem for problem in report["problems"])
    assert report["runs"] == 0
    code, _ = importing(server, project["id"], store["uri"], "--experiment", "forest search")
    assert code == 0
    here = Here(api, project)
    run_id = here.runs("forest search")["parent"]["info"]["run_id"]
    put = api.put(
        f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/artifacts/deep/er/a.json",
        content=b'{"a": 2}',
        headers=here.headers,
    )
    assert put.status_code == 200, put.text
    here.call("POST", "runs/log-metric", run_id=run_id, key="loss", value=7, timestamp=1, step=5)
    code, report = importing(server, project["id"], store["uri"], "--experiment", "forest search", "--verify")
    [problem] = report["problems"]
    assert code == 1 and store["parent"] in problem
    assert 'metric "loss"' in problem and 'file "deep/er/a.json"' in problem
    assert report["same_runs"] == 2


def test_a_server_is_a_store_too(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], tmp_path: Path
) -> None:
    """A server is read like any store: here another project of this one."""
    source = api.post("/insighter/api/projects", json={"name": f"Source {uuid4().hex[:8]}"}).json()
    there = Here(api, source)
    experiment = there.call("POST", "experiments/create", name="remote")["experiment_id"]
    made = there.call("POST", "runs/create", experiment_id=experiment, run_name="r", start_time=1)["run"]
    there.call(
        "POST", "runs/log-batch", run_id=made["info"]["run_id"], params=[{"key": "a", "value": "b"}],
        metrics=[{"key": "m", "value": 1, "timestamp": 1, "step": 1}],
    )  # fmt: skip
    model = there.call(
        "POST", "logged-models", experiment_id=experiment, name="m", source_run_id=made["info"]["run_id"]
    )["model"]["info"]["model_id"]
    for root in (f"runs/{made['info']['run_id']}", f"models/{model}"):
        put = api.put(
            f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/{root}/artifacts/MLmodel",
            content=b"flavors: {}",
            headers=there.headers,
        )
        assert put.status_code == 200, put.text
    there.call("PATCH", f"logged-models/{model}", model_id=model, status="LOGGED_MODEL_READY")
    there.call("POST", "registered-models/create", name="remote")
    there.call("POST", "model-versions/create", name="remote", source=f"models:/{model}")
    there.call("POST", "runs/update", run_id=made["info"]["run_id"], status="FINISHED", end_time=2)
    command = [
        sys.executable,
        "-m",
        "insighter_ext.cli",
        "import",
        "mlflow",
        f"{server.url}/insighter/mlflow",
    ]
    command += ["--project", project["id"], "--url", server.url, "--token", server.token, "--json"]
    environment = {
        **isolated_environment(server.home),
        "MLFLOW_TRACKING_TOKEN": server.token,
        "MLFLOW_WORKSPACE": source["slug"],
    }
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert (report["same_runs"], report["same_files"], report["same_models"]) == (1, 2, 1)
    assert list(tmp_path.iterdir()) == []
    run = Here(api, project).runs("remote")["r"]
    assert run["info"]["status"] == "FINISHED" and values(run["data"]["params"]) == {"a": "b"}


def test_a_model_of_the_projects_own_is_left_alone(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], store: dict[str, Any]
) -> None:
    here = Here(api, project)
    here.call("POST", "registered-models/create", name="wine-quality", description="ours")
    code, report = importing(server, project["id"], store["uri"])
    assert code == 1
    assert [problem for problem in report["problems"] if "of its own" in problem]
    assert (
        here.call("GET", "registered-models/get", name="wine-quality")["registered_model"]["description"]
        == "ours"
    )
    assert report["same_runs"] == 4


@pytest.mark.parametrize(
    "uri", ["sqlite:///missing.db", "./missing", "file:///nowhere/at/all", "http://127.0.0.1:9"]
)
def test_an_address_that_is_none(
    server: JupyterServer, project: dict[str, Any], tmp_path: Path, uri: str
) -> None:
    command = [sys.executable, "-m", "insighter_ext.cli", "import", "mlflow", uri]
    command += ["--project", project["id"], "--url", server.url, "--token", server.token]
    environment = {**isolated_environment(server.home), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "insighter: " in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing was made there
