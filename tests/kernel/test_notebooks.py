"""A run that is made in a notebook knows which, and which version of it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

RUN = """
import mlflow
mlflow.set_experiment("lines")
with mlflow.start_run(run_name="{name}") as run:
    mlflow.log_metric("error", 0.5)
print(run.info.run_id)
"""


def content(source: str = "") -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}


@pytest.mark.timeout(240)
def test_a_run_knows_its_notebook_and_gets_its_version(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    base = f"/insighter/api/projects/{project['id']}"
    (server.root / project["folder"] / "train.ipynb").write_text(json.dumps(content()))
    with kernel(server, project["folder"], file="train.ipynb") as running:
        [bound] = api.get(f"{base}/notebooks").json()["items"]
        assert (bound["name"], bound["versions"]) == ("train", 0), "the kernel's start has bound it"
        assert running.environment()["INSIGHTER_NOTEBOOK"] == bound["id"]

        def run(name: str) -> str:
            return running.run(RUN.format(name=name)).text.split()[-1]

        def made_by(run_id: str) -> dict[str, Any]:
            answer = api.get(f"{base}/runs/{run_id}/notebook")
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        def snapshot(source: str) -> dict[str, Any]:
            query = {"reason": "ran", "outcome": "ok", "kernel_id": running.id}
            url = f"{base}/notebooks/{bound['id']}/versions"
            answer = api.post(url, params=query, content=json.dumps(content(source)))
            assert answer.status_code == 201, answer.text
            told: dict[str, Any] = answer.json()
            return told

        first = run("first")
        assert (made_by(first)["id"], made_by(first)["version"]) == (bound["id"], None)
        assert snapshot("one")["version"]["runs"] == [{"id": first, "name": "first"}]
        second, third = run("second"), run("third")
        snapshot("two")
        # What ran again and came out the same is of the same version.
        fourth = run("fourth")
        assert snapshot("two")["unchanged"]
        assert [made_by(run_id)["version"] for run_id in (first, second, third, fourth)] == [1, 2, 2, 2]

        tags = {
            item["key"]: item["value"] for item in _run(api, running.environment(), fourth)["data"]["tags"]
        }
        assert (tags["insighter.notebook"], tags["insighter.notebook_version"]) == (bound["id"], "2")
        # A file that is renamed while its kernel runs stays the same notebook.
        (server.root / project["folder"] / "train.ipynb").rename(server.root / project["folder"] / "t2.ipynb")
        asked = {"path": f"{project['folder']}/t2.ipynb", "id": bound["id"]}
        assert api.post("/insighter/api/notebooks", json=asked).json()["id"] == bound["id"]
        assert made_by(run("fifth"))["name"] == "t2"

        shown = running.run(
            "import insighter_ext as ix; print(ix.notebook.name, len(ix.notebook.versions)); ix.notebook"
        )
        assert shown.text.split() == ["t2", "2"] and "2 versions" in shown.value
        assert "third, second" in running.run("ix.notebook.versions").value


def _run(api: httpx.Client, environment: dict[str, str], run_id: str) -> dict[str, Any]:
    """A run as MLflow's clients get it."""
    answer = httpx.get(
        f"{environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/runs/get",
        params={"run_id": run_id},
        headers={"Authorization": f"Bearer {environment['MLFLOW_TRACKING_TOKEN']}"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["run"]
    return found


def test_a_kernel_without_a_notebook_of_a_project_says_so(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        assert "INSIGHTER_NOTEBOOK" not in running.environment()
        shown = running.try_run("import insighter_ext as ix; ix.notebook.id")
        assert shown.error is not None and "no notebook of a project" in shown.error
        run_id = running.run(RUN.format(name="bare")).text.split()[-1]
        answer = api.get(f"/insighter/api/projects/{project['id']}/runs/{run_id}/notebook")
        assert answer.status_code == 204
