"""Models from training to loading with the unmodified MLflow client, and the registry as the panels see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.filterwarnings("default")


@dataclass
class Logged:
    """A model that was logged and registered, and what it predicts."""

    name: str
    run_id: str
    model_id: str
    data: Any
    expected: list[int]


@pytest.fixture(scope="session")
def logged(mlflow: Any) -> Logged:
    """Scikit-learn's logistic regression on iris, logged and registered as version 1 of a fresh name."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    data, target = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=300).fit(data, target)
    name = f"iris {uuid4().hex[:8]}"
    mlflow.set_experiment(f"registry {uuid4().hex[:8]}")
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.99)
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            input_example=data.head(3),
            pip_requirements=["scikit-learn"],
            params={"kind": "linear"},
        )
    return Logged(name, run.info.run_id, info.model_id, data, model.predict(data).tolist())


@pytest.fixture
def name(client: Any) -> str:
    """A registered model without versions."""
    return str(
        client.create_registered_model(f"model {uuid4().hex[:8]}", description="d", tags={"k": "v"}).name
    )


def code(error: pytest.ExceptionInfo[Any]) -> str:
    """MLflow's error code."""
    return str(error.value.error_code)


def test_a_model_is_loaded_by_each_of_its_names(mlflow: Any, client: Any, logged: Logged) -> None:
    client.set_registered_model_alias(logged.name, "champion", 1)
    uris = [f"models:/{logged.name}/1", f"models:/{logged.name}@champion", f"models:/{logged.name}/latest"]
    for uri in [*uris, f"models:/{logged.model_id}", f"runs:/{logged.run_id}/model"]:
        loaded = mlflow.pyfunc.load_model(uri)
        assert list(loaded.predict(logged.data)) == logged.expected, uri
    version = client.get_model_version_by_alias(logged.name, "champion")
    assert (version.version, version.run_id, version.aliases) == ("1", logged.run_id, ["champion"])
    assert version.status == "READY" and version.source == f"models:/{logged.model_id}"
    assert mlflow.models.get_model_info(f"models:/{logged.name}/1").model_id == logged.model_id


def test_a_logged_model_is_registered_again(mlflow: Any, client: Any, logged: Logged) -> None:
    other = f"again {uuid4().hex[:8]}"
    by_run = mlflow.register_model(f"runs:/{logged.run_id}/model", other, tags={"from": "run"})
    by_id = mlflow.register_model(f"models:/{logged.model_id}", other)
    copied = client.copy_model_version(f"models:/{logged.name}/1", other)
    assert [by_run.version, by_id.version, copied.version] == ["1", "2", "3"]
    assert client.get_model_version(other, "1").tags == {"from": "run"}
    for version in (1, 2, 3):
        loaded = mlflow.sklearn.load_model(f"models:/{other}/{version}")
        assert list(loaded.predict(logged.data)) == logged.expected
    assert {item.version for item in client.search_model_versions(f"name = '{other}'")} == {"1", "2", "3"}
    assert {
        item.version
        for item in client.search_model_versions(f"run_id='{logged.run_id}'")
        if item.name == other
    } == {
        "1",
        "2",
        "3",
    }
    assert [item.version for item in client.get_latest_versions(other)] == ["3"]


def test_autolog_logs_everything(mlflow: Any, client: Any, logged: Logged) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_input_examples=False, serialization_format="cloudpickle")
    try:
        with mlflow.start_run() as run:
            model = LogisticRegression(C=0.5, max_iter=300).fit(logged.data, logged.expected)
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["C"] == "0.5" and found.data.metrics["training_accuracy_score"] > 0.9
    assert len(found.inputs.dataset_inputs) == 1 and len(found.outputs.model_outputs) == 1
    model_id = found.outputs.model_outputs[0].model_id
    loaded = mlflow.pyfunc.load_model(f"models:/{model_id}")
    assert list(loaded.predict(logged.data)) == list(model.predict(logged.data))
    assert {metric.key for metric in client.get_logged_model(model_id).metrics} >= {"training_score"}


def test_logged_models_with_params_tags_and_metrics(mlflow: Any, client: Any, logged: Logged) -> None:
    found = client.get_logged_model(logged.model_id)
    assert (found.name, found.source_run_id, str(found.status)) == ("model", logged.run_id, "READY")
    assert found.params == {"kind": "linear"}
    client.set_logged_model_tags(logged.model_id, {"a/b": "c", "d": "e"})
    client.delete_logged_model_tag(logged.model_id, "a/b")
    client.log_metric(
        logged.run_id, "f1", 0.8, model_id=logged.model_id, dataset_name="wine", dataset_digest="1"
    )
    client.log_metric(
        logged.run_id, "f1", 0.9, step=1, model_id=logged.model_id, dataset_name="wine", dataset_digest="1"
    )
    found = client.get_logged_model(logged.model_id)
    assert found.tags["d"] == "e" and "a/b" not in found.tags
    (metric,) = [metric for metric in found.metrics if metric.key == "f1"]
    assert (metric.value, metric.dataset_name, metric.run_id) == (0.9, "wine", logged.run_id)
    experiment = client.get_run(logged.run_id).info.experiment_id
    pages = [client.search_logged_models([experiment], max_results=1)]
    while pages[-1].token:
        pages.append(client.search_logged_models([experiment], max_results=1, page_token=pages[-1].token))
    assert logged.model_id in [model.model_id for page in pages for model in page]
    on_wine = client.search_logged_models(
        [experiment], filter_string="metrics.f1 > 0.85", datasets=[{"dataset_name": "wine"}]
    )
    assert [model.model_id for model in on_wine] == [logged.model_id]
    assert (
        client.search_logged_models(
            [experiment], filter_string="metrics.f1 > 0.85", datasets=[{"dataset_name": "beer"}]
        )
        == []
    )
    with pytest.raises(mlflow.exceptions.MlflowException, match="comparator") as error:
        client.search_logged_models([experiment], filter_string="params.kind > 'a'")
    assert code(error) == "INVALID_PARAMETER_VALUE"
    many = mlflow.initialize_logged_model(name="many", params={f"p{i}": str(i) for i in range(250)})
    assert len(client.get_logged_model(many.model_id).params) == 250
    client.finalize_logged_model(many.model_id, "FAILED")
    assert str(client.get_logged_model(many.model_id).status) == "FAILED"
    client.delete_logged_model(many.model_id)
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.get_logged_model(many.model_id)
    assert code(error) == "RESOURCE_DOES_NOT_EXIST"


def test_registered_models_from_creation_to_deletion(mlflow: Any, client: Any, name: str) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.create_registered_model(name)
    assert code(error) == "RESOURCE_ALREADY_EXISTS"
    client.update_registered_model(name, description="**new**")
    client.set_registered_model_tag(name, "x", "y")
    client.delete_registered_model_tag(name, "k")
    found = client.get_registered_model(name)
    assert (found.description, found.tags, found.latest_versions) == ("**new**", {"x": "y"}, [])
    renamed = f"{name} 2"
    client.rename_registered_model(name, renamed)
    assert [item.name for item in client.search_registered_models(f"name = '{renamed}'")] == [renamed]
    seen: list[str] = []
    token = None
    while True:
        page = client.search_registered_models(max_results=1, page_token=token)
        seen += [item.name for item in page]
        if not (token := page.token):
            break
    assert renamed in seen and seen == sorted(seen)
    client.delete_registered_model(renamed)
    for gone in (name, renamed):
        with pytest.raises(mlflow.exceptions.MlflowException) as error:
            client.get_registered_model(gone)
        assert code(error) == "RESOURCE_DOES_NOT_EXIST"


def test_versions_are_described_tagged_staged_and_deleted(
    mlflow: Any, client: Any, name: str, logged: Logged
) -> None:
    source = f"models:/{logged.model_id}"
    for number in ("1", "2"):
        assert client.create_model_version(name, source, tags={"n": number}).version == number
    client.update_model_version(name, "1", description="first")
    client.set_model_version_tag(name, "1", "x", "y")
    client.delete_model_version_tag(name, "1", "n")
    found = client.get_model_version(name, "1")
    assert (found.description, found.tags, found.run_id) == ("first", {"x": "y"}, logged.run_id)
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "production", archive_existing_versions=True)
    assert client.get_model_version(name, "1").current_stage == "Archived"
    assert [item.version for item in client.get_latest_versions(name, ["Production"])] == ["2"]
    client.set_registered_model_alias(name, "best", 2)
    client.set_registered_model_alias(name, "best", 1)
    assert client.get_registered_model(name).aliases == {"best": "1"}
    client.delete_model_version(name, "1")
    with pytest.raises(mlflow.exceptions.MlflowException):
        client.get_model_version_by_alias(name, "best")
    assert client.create_model_version(name, source).version == "3"
    client.set_registered_model_alias(name, "best", 3)
    client.delete_registered_model_alias(name, "best")
    assert client.get_registered_model(name).aliases == {}


@pytest.mark.parametrize("alias", ["v1", "latest", "a b", "a/b", ""])
def test_an_alias_has_a_plain_name(
    mlflow: Any, client: Any, api: httpx.Client, name: str, alias: str
) -> None:
    body = {"name": name, "alias": alias, "version": "1"}
    answer = api.post("/insighter/mlflow/api/2.0/mlflow/registered-models/alias", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("bad", ["a/b", "a:b", "", "..", "x" * 251, "a\x00b"])
def test_a_model_has_a_plain_name(api: httpx.Client, bad: str) -> None:
    answer = api.post("/insighter/mlflow/api/2.0/mlflow/registered-models/create", json={"name": bad})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


@pytest.mark.parametrize(
    "source", ["s3://bucket/x", "/etc/passwd", "models:/m-" + "0" * 32, "models:/nothing/7"]
)
def test_a_version_needs_files_of_this_server(mlflow: Any, client: Any, name: str, source: str) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.create_model_version(name, source)
    assert code(error) in {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"}
    assert client.get_registered_model(name).latest_versions == []


# ---- as the panels see it ----


@pytest.fixture
def models(api: httpx.Client) -> str:
    """The address of the personal project's models: where a person's client works."""
    personal = api.get("/insighter/api/status").json()["personal_project"]
    return f"/insighter/api/projects/{personal}/models"


def test_panels_register_alias_and_read_the_signature(
    api: httpx.Client, models: str, client: Any, logged: Logged
) -> None:
    name = f"panel {uuid4().hex[:8]}"
    answer = api.post(models, json={"name": name, "run_id": logged.run_id, "description": "from the panel"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["version"], made["model_id"], made["run_id"]) == (1, logged.model_id, logged.run_id)
    assert api.get(answer.headers["Location"]).json() == made
    assert api.post(models, json={"name": name, "model_id": logged.model_id}).json()["version"] == 2
    answer = api.put(f"{models}/{name}/aliases/champion", json={"version": 2})
    assert answer.json()["aliases"] == {"champion": 2} and answer.json()["latest"]["aliases"] == ["champion"]
    detail = api.get(f"{models}/{name}").json()
    assert [item["version"] for item in detail["history"]] == [2, 1]
    assert name in [item["name"] for item in api.get(models).json()["items"]]
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert api.delete(f"{models}/{name}/aliases/champion").status_code == 204
    assert api.delete(f"{models}/{name}/aliases/champion").status_code == 404

    signature = api.get(f"{models}/{name}/versions/1/signature").json()
    assert [(field["name"], field["type"]) for field in signature["inputs"]] == [
        (column, "double") for column in logged.data.columns
    ]
    assert [field["type"] for field in signature["outputs"]] == ["long"]
    assert "sklearn" in signature["flavors"] and "python_function" in signature["flavors"]
    assert signature["example"]["columns"] == list(logged.data.columns)
    assert signature["example"]["data"] == logged.data.head(3).to_numpy().tolist()


def test_what_cannot_be_registered_is_refused_in_words(
    api: httpx.Client, models: str, client: Any, experiment: str, logged: Logged
) -> None:
    empty = client.create_run(experiment).info.run_id
    for body, status in (
        ({"name": "x", "run_id": empty}, 422),
        ({"name": "x", "run_id": "0" * 32}, 404),
        ({"name": "x", "model_id": "m-" + "0" * 32}, 404),
        ({"name": "x"}, 422),
        ({"name": "x", "run_id": empty, "model_id": logged.model_id}, 422),
        ({"name": "a/b", "run_id": logged.run_id}, 422),
    ):
        answer = api.post(models, json=body)
        assert answer.status_code == status, (body, answer.text)
        assert answer.json()["message"]
    assert api.get(f"{models}/x").status_code == 404
    assert api.get(f"{models}/{logged.name}/versions/99").status_code == 404
    assert api.get(f"{models}/{logged.name}/versions/99/signature").status_code == 404


def test_a_model_among_a_runs_artifacts_is_registered_too(
    mlflow: Any, api: httpx.Client, models: str, client: Any, experiment: str
) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "flavors: {python_function: {loader_module: x}}\n", "old/MLmodel")
    made = api.post(models, json={"name": f"old {uuid4().hex[:8]}", "run_id": run_id}).json()
    assert made["source"] == f"mlflow-artifacts:/runs/{run_id}/artifacts/old" and made["model_id"] is None
    signature = api.get(f"{models}/{made['name']}/versions/1/signature").json()
    assert signature == {"inputs": [], "outputs": [], "flavors": ["python_function"], "example": None}
    assert client.get_model_version_download_uri(made["name"], "1") == made["source"]
