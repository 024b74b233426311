"""Protected aliases, comparison and cards of models from a notebook."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

TRAIN = """
import mlflow, numpy as np
import insighter_ext as ix
from sklearn.linear_model import LinearRegression

X = np.arange(20.0).reshape(-1, 1)
for error in (0.5, 0.1):
    with mlflow.start_run(run_name="line"):
        mlflow.log_param("error", error)
        mlflow.sklearn.log_model(LinearRegression().fit(X, X[:, 0]), name="model", input_example=X[:3])
        ix.models.register("line", metrics={"error": error})
line = ix.models["line"]
"""


@pytest.mark.timeout(240)
def test_a_notebook_asks_for_what_it_may_not_do(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    base = f"/insighter/api/projects/{project['id']}"
    with kernel(server, project["folder"], session=True) as running:
        running.run(TRAIN)
        running.run("line.set_alias('@best', 1, why='the first')")
        assert running.run("line.moves()[0].why, line.aliases").value == "('the first', {'best': 1})"
        gate = {"metric": "error", "op": "<", "value": 0.2}
        rule = {"alias": "champion", "role": "admin", "approvals": 1, "gates": [gate]}
        assert api.put(f"{base}/alias-rules", json=rule).status_code == 200

        refused = running.try_run("line.set_alias('champion', 2)").error
        assert refused and "@champion of" in refused and "is protected" in refused and ".request(" in refused
        failed = running.try_run("line.request('champion', 1, why='try')").error
        assert failed and "error < 0.2 (error of v1 is 0.5)" in failed
        asked = running.run("asked = line.request('champion', 2, why='smaller error'); asked").value
        assert "line@champion to v2 · open" in asked and "0 of 1 approvals by the role admin" in asked
        assert "smaller error" in running.run("line.requests()").value

        [request] = api.get(f"{base}/models/line/aliases").json()["requests"]
        decided = api.post(f"{base}/models/line/requests/{request['id']}", json={"decision": "approve"})
        assert decided.json()["state"] == "moved", decided.text
        assert running.run("asked.refresh().state").value == "'moved'"
        assert running.run("ix.models['line'].aliases").value == "{'best': 1, 'champion': 2}"
        assert running.run("line.moves('champion')[0].gates[0]['found']").value == "0.1"

        again = "again = line.request('champion', None, why='gone'); again.withdraw('no'); again.state"
        assert running.run(again).value == "'withdrawn'"

        compared = running.run("line.compare('best', 2)").value
        assert "≠" in compared and "v1" in compared.splitlines()[0]
        assert running.run("sorted({row['group'] for row in line.compare(1, 2).differences})").value == (
            "['facts', 'files', 'metrics', 'params']"
        )
        assert running.run(
            "len(line.compare(1, 1).differences), line.compare(1, 2).to_pandas().shape[1]"
        ).value == ("(0, 6)")
        assert "| error |" in running.run("line.card").value
        running.run("line.card.write('For rulers.\\n\\n{{metrics}}\\n')")
        assert "For rulers." in running.run("line.version(1).card").value
        made_with = "line.version(2).detail['packaging']['mlflow_version'] == mlflow.__version__"
        assert running.run(made_with).value == "True"
