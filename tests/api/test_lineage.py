"""From a file to an endpoint with MLflow's own client: what was made from what, both ways, and told to other tools."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.facet_v2 import dataset_version_dataset, job_type_job, schema_dataset
from openlineage.client.generated.base import EventType
from openlineage.client.serde import Serde

from insighter_ext.lineage.openlineage import events
from tests.running import JupyterServer

CSV = b"acid,sugar,good\n1,2,0\n3,1,1\n2,3,0\n4,1,1\n"

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("default")]


@dataclass
class Journey:
    """A dataset, a run that read it, the model it logged, and an endpoint that serves it."""

    api: httpx.Client
    project: dict[str, Any]
    run: str
    model: str

    @property
    def url(self) -> str:
        return f"/insighter/api/projects/{self.project['id']}"

    def graph(self, **query: Any) -> dict[str, Any]:
        answer = self.api.get(f"{self.url}/lineage", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def told(self, **query: Any) -> set[tuple[str, str, str]]:
        """Edges, in words."""
        found = self.graph(**query)
        names = {node["id"]: f"{node['name']} {node['version'] or ''}".strip() for node in found["nodes"]}
        return {(names[edge["source"]], edge["verb"], names[edge["target"]]) for edge in found["edges"]}

    def export(self) -> list[dict[str, Any]]:
        answer = self.api.get(f"{self.url}/lineage/openlineage")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def journey(
    server: JupyterServer,
    api: httpx.Client,
    project: dict[str, Any],
    kernel_token: str,
    mlflow: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Journey]:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    url = f"/insighter/api/projects/{project['id']}"
    uploaded = api.post(f"{url}/datasets/wine/versions", params={"filename": "wine.csv"}, content=CSV)
    assert uploaded.status_code == 201, uploaded.text
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", kernel_token)
    model = f"quality {uuid4().hex[:8]}"
    experiment = mlflow.MlflowClient().create_experiment("search")
    frame = pd.read_csv(io.BytesIO(CSV))
    with mlflow.start_run(experiment_id=experiment, run_name="forest") as run:
        digest = hashlib.sha256(CSV).hexdigest()[:16]
        mlflow.log_input(mlflow.data.from_pandas(frame, name="wine", digest=digest))
        fitted = LogisticRegression().fit(frame[["acid", "sugar"]], frame["good"])
        mlflow.sklearn.log_model(
            fitted, name="model", registered_model_name=model, pip_requirements=["scikit-learn"]
        )
    made = api.post(f"{url}/deployments", json={"name": "wine-api", "model": model, "version": 1})
    assert made.status_code == 202, made.text
    try:
        yield Journey(api, project, run.info.run_id, model)
    finally:
        api.delete(f"{url}/deployments/wine-api")


def test_from_file_to_endpoint_both_ways(journey: Journey) -> None:
    way = {
        ("wine 1", "read", "forest"),
        ("forest", "registered", f"{journey.model} 1"),
        (f"{journey.model} 1", "deployed", "wine-api"),
    }
    assert journey.told(kind="dataset", key="wine") == way
    assert journey.told(kind="deployment", key="wine-api") == way
    assert journey.told(kind="deployment", key="wine-api", direction="down") == set()
    assert journey.told(kind="run", key=journey.run, direction="up") == {("wine 1", "read", "forest")}
    assert journey.told() == way

    impact = journey.api.get(
        f"{journey.url}/lineage/impact", params={"kind": "dataset", "key": "wine"}
    ).json()
    assert {one["kind"]: one["count"] for one in impact["kinds"]} == {"run": 1, "model": 1, "deployment": 1}
    assert impact["running"] == ["wine-api"]

    # An upload says what it was made from, and is refused before its bytes are taken.
    sources = [{"kind": "dataset", "key": "wine"}, {"kind": "run", "key": journey.run, "if_known": True}]
    upload = f"{journey.url}/datasets/clean/versions"
    for said, status in (
        ([{"kind": "dataset", "key": "wien"}], 404),
        ([{"kind": "dataset", "key": "wine", "version": 7}], 404),
        ([{"kind": "dataset"}], 422),
        ({"kind": "dataset", "key": "wine"}, 422),
        ([{"kind": "dataset", "key": "wine", "colour": "red"}], 422),
    ):
        answer = journey.api.post(upload, params={"made_from": json.dumps(said)}, content=CSV)
        assert answer.status_code == status, answer.text
    assert journey.api.post(upload, params={"made_from": "no json"}, content=CSV).status_code == 422
    for _ in range(2):  # the second time it is unchanged
        made = journey.api.post(upload, params={"made_from": json.dumps(sources)}, content=CSV + b"5,1,1\n")
        assert made.status_code == 201, made.text
    assert journey.told(kind="dataset", key="clean", direction="up", depth=1) == {
        ("wine 1", "derived", "clean 1"),
        ("forest", "wrote", "clean 1"),
        ("wine 1", "read", "forest"),
    }

    for wrong, status in (
        ({"kind": "dataset"}, 422),
        ({"kind": "dataset", "key": "gone"}, 404),
        ({"direction": "sideways"}, 422),
        ({"depth": 51}, 422),
        ({"limit": 1001}, 422),
        ({"kind": "dataset", "key": "wine", "version": 2}, 404),
        ({"kind": "dataset", "key": "wine", "version": 99_999_999_999}, 422),
    ):
        answer = journey.api.get(f"{journey.url}/lineage", params=wrong)
        assert answer.status_code == status, answer.text
    for path in ("", "/openlineage", "/impact?kind=dataset&key=wine"):
        assert journey.api.get(f"/insighter/api/projects/{uuid4()}/lineage{path}").status_code == 404


def by_the_client(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as OpenLineage's own client writes it: it knows the fields, checks them, and adds schema URLs."""
    producer = event["producer"]

    def data(made: Any, item: dict[str, Any]) -> Any:
        facets: dict[str, Any] = {}
        for name, facet in item["facets"].items():
            if name == "version":
                facets[name] = dataset_version_dataset.DatasetVersionDatasetFacet(
                    datasetVersion=facet["datasetVersion"], producer=producer
                )
            else:
                assert name == "schema"
                fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in facet["fields"]]
                facets[name] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=producer)
        return made(namespace=item["namespace"], name=item["name"], facets=facets)

    kind = event["job"]["facets"]["jobType"]
    job_type = job_type_job.JobTypeJobFacet(
        processingType=kind["processingType"],
        integration=kind["integration"],
        jobType=kind["jobType"],
        producer=producer,
    )
    found: dict[str, Any] = Serde.to_dict(
        RunEvent(
            eventType=EventType(event["eventType"]),
            eventTime=event["eventTime"],
            run=Run(**event["run"]),
            job=Job(event["job"]["namespace"], event["job"]["name"], {"jobType": job_type}),
            inputs=[data(InputDataset, item) for item in event["inputs"]],
            outputs=[data(OutputDataset, item) for item in event["outputs"]],
            producer=producer,
        )
    )
    return found


def same(event: dict[str, Any]) -> bool:
    """Whether OpenLineage's client says the same; it leaves out what is empty."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(each) for name, each in value.items() if each not in ({}, [], None)}
        return [bare(each) for each in value] if isinstance(value, list) else value

    ours, theirs = bare(event), bare(by_the_client(event))
    assert ours == theirs
    return True


def test_openlineage_events_are_what_its_own_client_writes(journey: Journey) -> None:
    sources = json.dumps([{"kind": "dataset", "key": "wine"}])
    journey.api.post(
        f"{journey.url}/datasets/clean/versions", params={"made_from": sources}, content=CSV + b"5,1,1\n"
    )
    told = journey.export()
    assert all(same(event) for event in told)
    run = [event for event in told if event["run"]["runId"] == str(UUID(journey.run))]
    assert [event["eventType"] for event in run] == ["START", "COMPLETE"]
    assert run[0]["eventTime"] < run[1]["eventTime"]
    assert {event["job"]["name"] for event in run} == {"experiment/search"}
    (wine,) = run[1]["inputs"]
    assert wine["name"] == "dataset/wine" and wine["facets"]["version"]["datasetVersion"] == "1"
    assert [field["name"] for field in wine["facets"]["schema"]["fields"]] == ["acid", "sugar", "good"]
    assert [item["name"] for item in run[1]["outputs"]] == [f"model/{journey.model}"]
    jobs = {event["job"]["name"] for event in told}
    assert jobs == {"experiment/search", "deployment/wine-api", "dataset/clean"}
    assert {event["job"]["namespace"] for event in told} == {f"insighter://{journey.project['id']}"}
    # The same runs again when it is exported again.
    assert [e["run"] for e in journey.export()] == [e["run"] for e in told]


@pytest.mark.parametrize("moment", [-5, 0, 1_700_000_000_123, 2**63 - 1, -(2**63)])
def test_whatever_a_client_took_for_a_time_is_exported(moment: int) -> None:
    process = {
        "kind": "run", "id": uuid4().hex, "key": "x", "name": "r", "version": None, "job": "search",
        "status": "killed", "started": moment, "ended": None, "inputs": [], "outputs": [],
    }  # fmt: skip
    told = list(events(uuid4(), process))
    assert [event["eventType"] for event in told] == ["START", "ABORT"]
    assert all(same(event) for event in told)


def test_the_project_may_be_empty(api: httpx.Client, project: dict[str, Any]) -> None:
    url = f"/insighter/api/projects/{project['id']}/lineage"
    assert api.get(url).json() == {"centre": [], "nodes": [], "edges": [], "more": False}
    assert api.get(f"{url}/openlineage").text == ""
