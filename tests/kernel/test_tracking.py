"""MLflow and the SDK in a kernel, with nothing configured."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

TRAIN = """
import mlflow, numpy as np
from sklearn.linear_model import LinearRegression

mlflow.set_experiment("lines")
with mlflow.start_run(run_name="line") as run:
    X = np.arange(20.0).reshape(-1, 1)
    model = LinearRegression().fit(X, 3 * X[:, 0] + 1)
    mlflow.log_param("slope", 3)
    mlflow.log_metric("error", 0.5)
    mlflow.sklearn.log_model(model, name="model", input_example=X[:3])
"""


@pytest.mark.timeout(240)
def test_what_mlflow_logs_lands_in_the_folder_s_project_and_can_be_registered(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    base = f"/insighter/api/projects/{project['id']}"
    with kernel(server, project["folder"], session=True) as running:
        running.run(TRAIN)
        [experiment] = [
            item for item in api.get(f"{base}/experiments").json()["items"] if item["name"] == "lines"
        ]
        [run] = api.get(f"{base}/experiments/{experiment['id']}/runs").json()["items"]
        assert (run["name"], run["status"], run["params"]) == ("line", "FINISHED", {"slope": "3"})

        # By name, with a metric of its own and an alias; by the run object; by what ran last.
        running.run("import insighter_ext as ix")
        first = running.run(
            'first = ix.models.register("line", run="line", metrics={"auc": 0.75}, alias="best"); first'
        )
        assert "line · version 1 @best" in first.value and "auc 0.75" in first.value
        assert running.run('ix.models.register("line", run=run).version').value == "2"
        assert running.run('ix.models.register("line").version').value == "3"
        assert running.run("first.metrics['auc'], first.run_id == run.info.run_id").value == "(0.75, True)"

        loaded = running.run("ix.models['line'].load('best').predict(np.array([[4.0]]))[0].round(6)")
        assert "13.0" in loaded.value
        assert running.run("ix.models['line'].set_alias('best', 2).version").value == "2"
        assert running.run("ix.models['line'].version('@best').version").value == "2"
        assert running.run("[v.version for v in ix.models['line'].versions]").value == "[3, 2, 1]"
        assert "float64" in running.run("ix.models['line'].version().signature['inputs']").value

        # What is missing is named, with what to do.
        for code, said in (
            ("ix.models['lien']", 'ModelNotFound: no registered model "lien" in project'),
            (
                "ix.models['line'].version('worst')",
                'ModelVersionNotFound: model "line" has no version "worst". It has',
            ),
            ("ix.models.register('x', run='nothing')", 'RunNotFound: no run "nothing" in project'),
            (
                "ix.deployments.create('line', 'line/9')",
                'ModelVersionNotFound: model "line" has no version "9"',
            ),
        ):
            error = running.try_run(code).error
            assert error is not None and error.startswith(said), error
        assert "Did you mean" in str(running.try_run("ix.models['lien']").error)


def test_a_kernel_of_another_project_sees_nothing_of_it(
    server: JupyterServer, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        assert running.run("import insighter_ext as ix; ix.models").value.startswith(
            "No registered model yet"
        )
        assert running.run("len(ix.projects)").value == "1"
        assert running.run("ix.project.name").value == repr(project["name"])
