"""From a run to predictions of an endpoint, in a notebook."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

TRAIN = """
import mlflow, numpy as np, pandas as pd, insighter_ext as ix
from sklearn.linear_model import LinearRegression

X = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0) ** 2})
with mlflow.start_run(run_name="plane"):
    model = LinearRegression().fit(X, 2 * X["a"] - X["b"])
    mlflow.sklearn.log_model(model, name="model", input_example=X[:2])
version = ix.models.register("plane", alias="champion")
"""


@pytest.mark.timeout(300)
def test_deploy_predict_stop_start_and_delete(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"], session=True) as running:
        running.run(TRAIN)
        assert "healthy" in running.run('endpoint = ix.deployments.create("flat", version, wait=True)').value
        running.run("asked = endpoint.predict(X.head(3).set_index(pd.Index(['x', 'y', 'z'])))")
        assert running.run("type(asked).__name__, list(asked.index)").value == "('Series', ['x', 'y', 'z'])"
        assert running.run("np.allclose(asked, model.predict(X.head(3)))").value == "True"
        assert running.run("endpoint.predict({'a': 3.0, 'b': 1.0}).round(6).tolist()").value == "[5.0]"
        assert (
            running.run("endpoint.status, endpoint.version, endpoint.model").value
            == "('healthy', 1, 'plane')"
        )
        assert "flat · healthy · plane version 1" in running.run("endpoint").value
        assert running.run("ix.deployments._ipython_key_completions_()").value == "['flat']"

        # What a colleague gets works in a shell.
        command = running.run("print(endpoint.curl())").text
        done = subprocess.run(
            ["sh", "-c", command],
            env={"TOKEN": server.token, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            check=True,
        )
        assert b"predictions" in done.stdout, done.stdout

        error = str(running.try_run("endpoint.predict({'a': [1.0]})").error)
        assert error.startswith("PredictionFailed") and "b" in error, error
        assert running.run("endpoint.stop().status").value == "'stopped'"
        error = str(running.try_run("endpoint.predict(X)").error)
        assert "stopped" in error or "not running" in error, error
        assert running.run("endpoint.start().status").value == "'healthy'"
        assert running.run("len(ix.deployments['flat'].predict(X))").value == "10"
        running.run("endpoint.delete()")
        assert str(running.try_run("ix.deployments['flat']").error).startswith("DeploymentNotFound")

        running.run("%load_ext insighter_ext")
        shown = running.run("%deploy plane@champion --name by-magic").data
        assert "by-magic · healthy" in shown[-1]["text/plain"]
        running.run("ix.deployments['by-magic'].delete()")


@pytest.mark.timeout(300)
def test_a_model_that_cannot_be_loaded_says_why(server: JupyterServer, project: dict[str, Any]) -> None:
    broken = """
import mlflow, insighter_ext as ix

class Broken(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        raise RuntimeError("the weights are gone")
    def predict(self, context, model_input, params=None):
        return model_input

with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Broken(), pip_requirements=["mlflow"])
version = ix.models.register("broken")
"""
    with kernel(server, project["folder"]) as running:
        running.run(broken)
        error = str(running.try_run('ix.deployments.create("broken", version)').error)
        assert error.startswith('DeploymentFailed: the endpoint "broken" failed:'), error
        assert "the weights are gone" in error
        assert running.run("ix.deployments['broken'].status").value == "'failed'"
        assert "the weights are gone" in str(running.run("ix.deployments['broken'].reason").value)
        running.run("ix.deployments['broken'].delete()")
