"""A workspace of MLflow's is a project: the header names it, and the request reaches no further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

API = "/insighter/mlflow/api/2.0/mlflow"
HEADER = "X-MLFLOW-WORKSPACE"


@pytest.fixture
def inside(mlflow: Any, project: dict[str, Any]) -> Iterator[Any]:
    """MLflow's client, in the workspace of the fresh project."""
    from mlflow.utils.workspace_context import WorkspaceContext

    with WorkspaceContext(project["slug"]):
        yield mlflow.MlflowClient()


def test_the_header_names_the_project(inside: Any, api: httpx.Client, project: dict[str, Any]) -> None:
    name = f"here {uuid4().hex}"
    experiment = inside.create_experiment(name)
    assert inside.get_experiment(experiment).workspace == project["slug"]
    run = inside.create_run(experiment)
    inside.log_text(run.info.run_id, "hello", "a.txt")
    inside.create_registered_model("a model")
    listed = api.get(f"/insighter/api/projects/{project['id']}/experiments").json()["items"]
    assert [item["name"] for item in listed] == [name]
    assert [item.name for item in inside.search_registered_models()] == ["a model"]
    assert inside.get_experiment("0").name == "Default"
    # Without it, it is the personal project again.
    assert api.get(f"{API}/experiments/get-by-name", params={"experiment_name": name}).status_code == 404


def test_a_request_reaches_no_other_project(api: httpx.Client, inside: Any, client: Any) -> None:
    with httpx.Client(base_url=api.base_url, headers={**api.headers, "Accept": "*/*"}) as outside:
        made = outside.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]
        assert outside.get(f"{API}/runs/get", params={"run_id": made["run_id"]}).status_code == 200
    import mlflow

    for attempt in (
        lambda: inside.get_run(made["run_id"]),
        lambda: inside.set_tag(made["run_id"], "a", "b"),
        lambda: inside.create_run(made["experiment_id"]),
        lambda: inside.list_artifacts(made["run_id"]),
        lambda: inside.log_text(made["run_id"], "x", "x.txt"),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException) as error:
            attempt()
        assert "RESOURCE_DOES_NOT_EXIST" in str(error.value) or "404" in str(error.value)


def test_workspaces_are_listed_and_not_changed(
    mlflow: Any, api: httpx.Client, project: dict[str, Any]
) -> None:
    found = {item.name: item.description for item in mlflow.list_workspaces()}
    assert found[project["slug"]] == project["name"]
    assert mlflow.get_workspace(project["slug"]).name == project["slug"]
    assert mlflow.get_workspace("default").name in found
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        mlflow.get_workspace("no-such-workspace")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    for change in (
        lambda: mlflow.create_workspace("another-one"),
        lambda: mlflow.update_workspace(project["slug"], description="x"),
        lambda: mlflow.delete_workspace(project["slug"]),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException) as error:
            change()
        assert error.value.error_code == "FEATURE_DISABLED"


@pytest.mark.parametrize("name", ["no-such-workspace", "' or true --", "../x", "x" * 5000, "Ä"])
def test_a_workspace_that_is_not_there(api: httpx.Client, name: str) -> None:
    answer = api.get(f"{API}/experiments/get", params={"experiment_id": "0"}, headers={HEADER: name.encode()})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    # A client learns all the same what the server can do.
    assert (
        api.get("/insighter/mlflow/api/3.0/mlflow/server-info", headers={HEADER: "nothing"}).status_code
        == 200
    )


def test_a_kernel_stays_in_its_project(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], kernel_token: str
) -> None:
    other = api.post("/insighter/api/projects", json={"name": f"Other {uuid4().hex[:12]}"}).json()
    fields = {"experiment_id": "0"}
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {kernel_token}"}) as kernel:
        # Its owner has been in the other one, so that its name is known to the server.
        assert (
            api.get(f"{API}/experiments/get", params=fields, headers={HEADER: other["slug"]}).status_code
            == 200
        )
        for name, status in (
            (project["slug"], 200),
            ("default", 200),
            (other["slug"], 404),
            (other["id"], 404),
        ):
            answer = kernel.get(f"{API}/experiments/get", params=fields, headers={HEADER: name})
            assert answer.status_code == status, name
        listed = kernel.get("/insighter/mlflow/api/3.0/mlflow/workspaces").json()["workspaces"]
        assert [item["name"] for item in listed] == [project["slug"]]


def test_a_name_that_means_something_else_is_the_id(api: httpx.Client) -> None:
    made = api.post("/insighter/api/projects", json={"name": "default"}).json()
    named = made["id"]  # its slug is what MLflow's clients call the workspace of who names none
    assert made["slug"] == "default"
    answer = api.get("/insighter/mlflow/api/3.0/mlflow/workspaces/" + named)
    assert answer.json()["workspace"] == {"name": named, "description": "default"}
    experiment = api.get(
        f"{API}/experiments/get", params={"experiment_id": "0"}, headers={HEADER: named}
    ).json()
    assert experiment["experiment"]["workspace"] == named
