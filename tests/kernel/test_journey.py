"""The whole journey, through the public surfaces only: from a CSV file to predictions of a live endpoint."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import httpx
import nbformat
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer


def wait_until_settled(api: httpx.Client, url: str, seconds: float = 90) -> dict[str, Any]:
    """An endpoint as soon as it is not starting any more."""
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = api.get(url).json()
        if found["status"] != "starting" or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


@pytest.mark.timeout(240)
def test_from_a_csv_file_to_a_live_endpoint(server: JupyterServer, api: httpx.Client) -> None:
    # A project with data and a notebook.
    made = api.post("/insighter/api/quickstart", timeout=60)
    assert made.status_code == 201, made.text
    project, notebook = made.json()["project"], made.json()["notebook"]
    base = f"/insighter/api/projects/{project['id']}"

    # The user's own file: the same wines in another order are the next version.
    original = api.get(f"{base}/datasets/wine/versions/1/content").content
    header, *rows = list(csv.reader(io.StringIO(original.decode())))
    text = io.StringIO()
    csv.writer(text).writerows([header, *reversed(rows)])
    uploaded = api.post(
        f"{base}/datasets/wine/versions",
        params={"filename": "my wines.csv"},
        content=text.getvalue().encode(),
    )
    assert uploaded.status_code == 201, uploaded.text
    version = uploaded.json()["version"]
    assert (version["version"], version["format"], version["rows"]) == (2, "csv", len(rows))
    assert [column["name"] for column in version["columns"]] == header

    # The notebook, cell by cell, in a kernel of the project's folder.
    cells = nbformat.read(server.root / notebook, as_version=4).cells
    with kernel(server, project["folder"], session=True) as running:
        for cell in cells:
            if cell.cell_type == "code":
                running.run(cell.source)
        # Run a second time, its last cell puts the endpoint in the place of the one before.
        running.run(cells[-1].source)
        endpoint = wait_until_settled(api, f"{base}/deployments/wine")
        if endpoint.get("status") == "healthy":
            assert api.delete(f"{base}/deployments/wine").status_code == 204

        # The run, with what it measured and what it read.
        experiments = api.get(f"{base}/experiments").json()["items"]
        runs = [
            run
            for experiment in experiments
            for run in api.get(f"{base}/experiments/{experiment['id']}/runs").json()["items"]
        ]
        assert len(runs) == 1 and runs[0]["status"] == "FINISHED", runs
        metrics = {metric["key"]: metric["value"] for metric in runs[0]["metrics"]}
        assert 0.8 < metrics["accuracy"] <= 1 and 0.8 < metrics["auc"] <= 1, metrics
        run = api.get(f"{base}/runs/{runs[0]['id']}").json()
        assert [item["name"] for item in run["inputs"]] == ["wine"]
        assert run["inputs"][0]["digest"] in version["sha256"]
        assert run["models"] and run["params"]

        # The model, with its signature.
        models = api.get(f"{base}/models").json()["items"]
        assert [model["name"] for model in models] == ["wine-quality"]
        registered = models[0]["latest"]
        assert registered["run_id"] == run["id"]
        signature = api.get(f"{base}/models/wine-quality/versions/{registered['version']}/signature").json()
        features = [field["name"] for field in signature["inputs"]]
        assert features and set(features) < set(header)

        # The endpoint.
        deployed = api.post(
            f"{base}/deployments",
            json={"name": "wine-live", "model": "wine-quality", "version": registered["version"]},
        )
        assert deployed.status_code == 202, deployed.text
        endpoint = wait_until_settled(api, f"{base}/deployments/wine-live")
        assert endpoint["status"] == "healthy", endpoint
        picked = [[float(row[header.index(name)]) for name in features] for row in rows[::9]]
        answer = api.post(
            f"/{endpoint['path']}/invocations",
            json={"dataframe_split": {"columns": features, "data": picked}},
        )
        assert answer.status_code == 200, answer.text

        # What the model itself says of the same rows.
        own = running.run(
            "import json, mlflow, pandas as pd\n"
            f"rows = pd.DataFrame(json.loads({json.dumps(picked)!r}), columns=json.loads({json.dumps(features)!r}))\n"
            f"model = mlflow.pyfunc.load_model('models:/wine-quality/{registered['version']}')\n"
            "print('=>' + json.dumps(model.predict(rows).tolist()))"
        ).text
        predictions = answer.json()["predictions"]
        assert predictions == json.loads(own.rpartition("=>")[2])
        assert len(set(predictions)) > 1

    # The project's name in the question before it is deleted, and nothing left behind afterwards.
    contents = api.get(f"{base}/contents").json()
    assert (contents["datasets"], contents["dataset_versions"], contents["model_versions"]) == (1, 2, 1)
    assert contents["deployments"] == ["wine-live"] and contents["bytes"] > 0
    assert api.request("DELETE", base, json={"confirm": project["name"]}).status_code == 204
    assert api.get(f"{base}/deployments").status_code == 404
    assert api.post(f"/{endpoint['path']}/invocations", json={}).status_code == 404
    assert api.delete(f"/insighter/api/trash/{project['id']}").json()["freed_bytes"] > 0
    assert not (server.data_dir / "objects" / project["id"]).exists()
    assert (server.root / notebook).is_file()
