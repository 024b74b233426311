"""Every endpoint of the router is asked by MLflow's own client at least once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from insighter_ext.platform import Platform
from server_handlers.mlflow import Router

pytestmark = pytest.mark.filterwarnings("default")

ELSEWHERE = ("traces", "webhooks")
"""What has tests of its own with the client: prefixes of paths."""

BY_PAGES = {
    # No client of Python asks these: MLflow's web pages do (test_mlflow_pages.py), or clients of older releases.
    ("GET", "artifacts/list"),
    ("GET", "logged-models/{model_id}/artifacts/directories"),
    ("POST", "experiments/search-datasets"),
    ("GET", "experiments/search"),
    ("GET", "metrics/get-history-bulk"),
    ("GET", "metrics/get-history-bulk-interval"),
    ("GET", "registered-models/get-latest-versions"),
}
"""Endpoints that no part of the Python client asks, each tried in ``mlflow_script.py``."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """(method, path below ``mlflow/``) of what the client sends."""
    import requests

    seen: set[tuple[str, str]] = set()
    send = requests.Session.send

    def recorded(self: Any, request: Any, **more: Any) -> Any:
        if match := re.search(r"/api/[23]\.0/mlflow/([^?]*)", request.url):
            seen.add((request.method, match[1]))
        return send(self, request, **more)

    monkeypatch.setattr(requests.Session, "send", recorded)
    return seen


def use_everything(mlflow: Any, client: Any, api: httpx.Client, tmp_path: Path) -> None:
    """Each method of the clients that has an endpoint of its own."""
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        RunTag,
    )
    from mlflow.models import Model

    name = f"clients {uuid4().hex[:12]}"
    experiment = client.create_experiment(name, artifact_location="s3://elsewhere/x", tags={"a": "b"})
    found = client.get_experiment(experiment)
    assert found.tags["insighter.artifact_location"] == "s3://elsewhere/x"
    assert found.artifact_location.startswith("mlflow-artifacts:/")
    assert client.get_experiment_by_name(name).experiment_id == experiment
    client.search_experiments()
    client.set_experiment_tag(experiment, "c", "d")
    client.delete_experiment_tag(experiment, "c")
    client.rename_experiment(experiment, name + "!")
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)

    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "m", 1.5)
    client.log_param(run, "p", 1)
    client.set_tag(run, "t", 1)
    client.delete_tag(run, "t")
    client.log_batch(run, [Metric("m", 2, 2, 2)], [Param("q", "2")], [RunTag("u", "2")])
    client.update_run(run, "FINISHED", "another name")
    assert sorted(point.value for point in client.get_metric_history(run, "m")) == [1.5, 2]
    client.log_text(run, "hello", "folder/a.txt")
    assert [item.path for item in client.list_artifacts(run, "folder")] == ["folder/a.txt"]
    client.search_runs([experiment])
    client._tracking_client._record_logged_model(run, Model("old", run, flavors={}))
    assert "mlflow.log-model.history" in client.get_run(run).data.tags

    model = client.create_logged_model(experiment, name="deep", source_run_id=run, params={"x": "1"})
    model_id = model.model_id
    client.log_model_params(model_id, {"y": "2"})
    client.set_logged_model_tags(model_id, {"k": "v"})
    client.delete_logged_model_tag(model_id, "k")
    (tmp_path / "MLmodel").write_text("flavors: {}")
    client.log_model_artifact(model_id, str(tmp_path / "MLmodel"))
    client.finalize_logged_model(model_id, "READY")
    assert client.get_logged_model(model_id).params == {"x": "1", "y": "2"}
    assert [item.path for item in client.list_logged_model_artifacts(model_id)] == ["MLmodel"]
    client.search_logged_models([experiment])
    client.log_inputs(run, [DatasetInput(Dataset("d", "1", "local", "x"))], [LoggedModelInput(model_id)])
    client.log_outputs(run, [LoggedModelOutput(model_id, 1)])
    gone = client.create_logged_model(experiment, name="gone").model_id
    client.delete_logged_model(gone)
    client.delete_run(run)
    client.restore_run(run)

    registered = f"clients {uuid4().hex[:12]}"
    client.create_registered_model(registered)
    client.set_registered_model_tag(registered, "a", "b")
    client.delete_registered_model_tag(registered, "a")
    client.update_registered_model(registered, "described")
    client.create_model_version(registered, f"models:/{model_id}", run_id=run, model_id=model_id)
    client.copy_model_version(f"models:/{registered}/1", registered)
    client.rename_registered_model(registered, registered + " 2")
    registered += " 2"
    client.update_model_version(registered, "1", "described")
    client.set_model_version_tag(registered, "1", "a", "b")
    client.delete_model_version_tag(registered, "1", "a")
    client.transition_model_version_stage(registered, "1", "Staging")
    client.set_registered_model_alias(registered, "best", "1")
    assert client.get_model_version_by_alias(registered, "best").version == "1"
    client.delete_registered_model_alias(registered, "best")
    client.get_model_version(registered, "1")
    assert client.get_model_version_download_uri(registered, "1").endswith(f"models/{model_id}/artifacts")
    assert len(client.get_latest_versions(registered)) == 2
    client.get_registered_model(registered)
    client.search_registered_models()
    client.search_model_versions(f"name = '{registered}'")
    client.delete_model_version(registered, "2")
    client.delete_registered_model(registered)

    assert mlflow.list_workspaces()
    mlflow.get_workspace("default")
    for change in (
        lambda: mlflow.create_workspace("another-one"),
        lambda: mlflow.update_workspace("another-one", description="x"),
        lambda: mlflow.delete_workspace("another-one"),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException):
            change()


@pytest.mark.asyncio(loop_scope="session")
async def test_the_client_asks_every_endpoint(
    mlflow: Any,
    client: Any,
    api: httpx.Client,
    platform: Platform,
    asked: set[tuple[str, str]],
    tmp_path: Path,
) -> None:
    use_everything(mlflow, client, api, tmp_path)
    router = Router(platform)
    found = {(method, path) for method, path in router.table if not path.startswith(ELSEWHERE)}
    missing = {
        (method, path)
        for method, path in found
        if not any(
            method == used and re.fullmatch(re.sub(r"{\w+}", r"[^/]+", path), where) for used, where in asked
        )
    }
    assert missing - BY_PAGES == set()
    assert not BY_PAGES & asked


def test_prompts(mlflow: Any, client: Any) -> None:
    """MLflow's prompts are registered models of a kind of their own."""
    name = f"prompt-{uuid4().hex[:12]}"
    first = mlflow.genai.register_prompt(name, "Hello {{ who }}", commit_message="first", tags={"a": "b"})
    assert (first.version, first.commit_message, first.tags) == (1, "first", {"a": "b"})
    second = mlflow.genai.register_prompt(name, [{"role": "user", "content": "Bye {{ who }}"}])
    mlflow.genai.set_prompt_alias(name, "live", 2)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live").version == second.version == 2
    assert mlflow.genai.load_prompt(name, version=1).format(who="you") == "Hello you"
    assert mlflow.genai.load_prompt(f"prompts:/{name}/9", allow_missing=True) is None
    assert mlflow.genai.load_prompt(f"prompts:/{name}@nobody", allow_missing=True) is None
    client.set_prompt_tag(name, "k", "v")
    assert client.get_prompt(name).tags["k"] == "v"
    client.set_prompt_version_tag(name, 1, "k", "v")
    client.delete_prompt_version_tag(name, 1, "k")
    mlflow.genai.delete_prompt_alias(name, "live")
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.create_model_version(name, "models:/m-" + "0" * 32)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(mlflow.exceptions.MlflowException):
        client.create_registered_model(name)
    client.delete_prompt_version(name, "1")
    client.delete_prompt_version(name, "2")
    client.delete_prompt(name)
    assert client.get_prompt(name) is None


def test_a_prompt_is_no_model_of_the_panels(mlflow: Any, client: Any, api: httpx.Client) -> None:
    name = f"prompt-{uuid4().hex[:12]}"
    mlflow.genai.register_prompt(name, "Hello")
    project = api.get("/insighter/api/status").json()["personal_project"]
    models = api.get(f"/insighter/api/projects/{project}/models", params={"limit": 500}).json()["items"]
    assert name not in [item["name"] for item in models]
