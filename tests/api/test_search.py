"""Searches over HTTP: the unmodified client's, with all of the grammar, and the run table's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

API = "/insighter/api"


@pytest.fixture(scope="module")
def searched(mlflow: Any, server: JupyterServer) -> tuple[str, str]:
    """The project and an experiment in it with ten runs."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(f"searched {uuid4().hex}")
    for index in range(10):
        run = client.create_run(experiment, start_time=1000 + index, run_name=f"run {index}").info.run_id
        client.log_batch(
            run,
            [
                mlflow.entities.Metric("auc", index / 10, 1, 0),
                mlflow.entities.Metric("odd/key", index % 3, 1, 0),
            ],
            [mlflow.entities.Param("model", ["forest", "linear"][index % 2])],
            [mlflow.entities.RunTag("team", "it's")],
        )
        if index == 9:
            client.log_metric(run, "auc", float("nan"), step=1)
    with server.client() as api:
        project = api.get(f"{API}/status").json()["personal_project"]
    return project, str(experiment)


def test_the_client_filters_orders_and_pages(mlflow: Any, client: Any, searched: tuple[str, str]) -> None:
    _, experiment = searched

    def names(**asked: Any) -> list[str]:
        seen: list[str] = []
        token = None
        while True:
            page = client.search_runs([experiment], max_results=3, page_token=token, **asked)
            seen += [run.info.run_name for run in page]
            if not (token := page.token):
                return seen

    assert names(filter_string="metrics.auc > 0.5 and params.model = 'forest'") == ["run 8", "run 6"]
    assert names(filter_string="metrics.`odd/key` = 1", order_by=["metrics.auc ASC"]) == [
        "run 1",
        "run 4",
        "run 7",
    ]
    assert (
        names(order_by=["metrics.auc DESC"])[0] == "run 8" and names(order_by=["metrics.auc"])[-1] == "run 9"
    )
    assert len(names(filter_string='tags.team = "it\'s"')) == 10
    frame = mlflow.search_runs(
        [experiment], filter_string="params.model LIKE 'lin%'", order_by=["start_time"]
    )
    assert list(frame["params.model"]) == ["linear"] * 5
    assert list(frame["tags.mlflow.runName"]) == [f"run {index}" for index in (1, 3, 5, 7, 9)]
    first = client.search_runs([experiment], max_results=1)
    same = client.get_run(first[0].info.run_id)
    assert repr(same.to_dictionary()) == repr(first[0].to_dictionary())  # NaN is no equal of itself
    with pytest.raises(mlflow.exceptions.MlflowException, match="page token") as error:
        client.search_runs([experiment], max_results=1, page_token=first.token, order_by=["start_time"])
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_experiments_and_models_are_searched(mlflow: Any, client: Any) -> None:
    mark = uuid4().hex
    made = [client.create_experiment(f"{mark} {name}", tags={"mark": mark}) for name in "ab"]
    found = client.search_experiments(filter_string=f"tags.mark = '{mark}'", order_by=["name DESC"])
    assert [one.experiment_id for one in found] == made[::-1]
    for name in "ab":
        client.create_registered_model(f"{mark} {name}", tags={"mark": mark})
    found = client.search_registered_models(f"name LIKE '{mark}%'", order_by=["name DESC"])
    assert [one.name for one in found] == [f"{mark} b", f"{mark} a"]
    found = client.search_registered_models(f"tags.mark = '{mark}'", max_results=1)
    assert [one.name for one in found] == [f"{mark} a"] and found.token
    assert client.search_model_versions(f"name = '{mark} a' and version_number > 1") == []


def test_a_page_of_the_table(api: httpx.Client, searched: tuple[str, str]) -> None:
    project, experiment = searched
    base = f"{API}/projects/{project}/experiments/{experiment}"
    asked = {
        "filter": "params.model = 'linear'", "order_by": ["metrics.auc DESC"], "metrics": ["auc", "odd/key"],
        "params": ["model"], "tags": ["team"], "offset": 1, "limit": 2,
    }  # fmt: skip
    answer = api.post(f"{base}/runs/query", json=asked)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json"), (
        answer.text
    )
    found = answer.json()
    assert (found["total"], found["offset"], [row["name"] for row in found["items"]]) == (
        5,
        1,
        ["run 5", "run 3"],
    )
    assert found["items"][0]["metrics"] == {"auc": 0.5, "odd/key": 2}
    assert found["items"][0]["params"] == {"model": "linear"} and found["items"][0]["tags"] == {
        "team": "it's"
    }
    last = api.post(f"{base}/runs/query", json={**asked, "offset": 4}).json()["items"]
    assert [row["metrics"]["auc"] for row in last] == ["NaN"]
    keys = api.get(f"{base}/keys").json()
    assert [one["key"] for one in keys["metrics"]] == ["auc", "odd/key"] and keys["exact"] is True
    groups = api.post(f"{base}/runs/groups", json={"group_by": "params.model", "metrics": ["auc"]}).json()[
        "items"
    ]
    assert [(one["value"], one["count"]) for one in groups] == [("forest", 5), ("linear", 5)]
    assert groups[0]["metrics"]["auc"] == {"mean": pytest.approx(0.4), "min": 0, "max": 0.8}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"filter": "metrics.auc > 'x'"}, 422, {"position": 14, "length": 3}),
        ({"filter": "params.`🧪` = 'a' OR params.b = 'c'"}, 422, {"position": 17, "length": 2}),
        ({"filter": "x" * 1_000_000}, 422, {"position": 0, "length": 1_000_000}),
        ({"filter": "params.a = '\0'"}, 422, {"position": 12, "length": 1}),
        ({"order_by": ["metrics.auc; drop table x"]}, 422, None),
        ({"limit": 1001}, 422, [{"field": "limit", "problem": "Input should be less than or equal to 1000"}]),
        ({"metrics": [""]}, 422, ...),
        ({"metrics": ["a\0b"]}, 422, ...),
        ({"view": "other"}, 422, ...),
    ],
)
def test_a_question_that_is_none(
    api: httpx.Client, searched: tuple[str, str], asked: dict[str, Any], status: int, said: Any
) -> None:
    project, experiment = searched
    answer = api.post(f"{API}/projects/{project}/experiments/{experiment}/runs/query", json=asked)
    assert answer.status_code == status, answer.text
    assert said is ... or answer.json()["details"] == said


@pytest.mark.parametrize("experiment", ["999999", "nothing", "0x1", "-1", "9" * 30])
def test_an_experiment_that_there_is_not(
    api: httpx.Client, searched: tuple[str, str], experiment: str
) -> None:
    base = f"{API}/projects/{searched[0]}/experiments/{experiment}"
    assert api.post(f"{base}/runs/query", json={}).status_code == 404
    assert api.post(f"{base}/runs/groups", json={"group_by": "dataset"}).status_code == 404
    assert api.get(f"{base}/keys").status_code == 404
