"""R kernels: the same environment, the same server, no Python in between."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

KERNELSPEC = Path("/usr/share/jupyter/kernels/ir")

ASK = """
library(httr2)
ask <- function(path, body = NULL) {
  asked <- request(Sys.getenv("INSIGHTER_URL")) |>
    req_url_path_append(path) |>
    req_auth_bearer_token(Sys.getenv("INSIGHTER_TOKEN"))
  if (!is.null(body)) asked <- req_body_json(asked, body)
  resp_body_json(req_perform(asked))
}
mlflow <- function(route, body) ask(paste0("insighter/mlflow/api/2.0/mlflow/", route), body)
"""

LOG = """
experiment <- mlflow("experiments/create", list(name = "in R"))$experiment_id
run <- mlflow("runs/create", list(experiment_id = experiment, run_name = "r-run", start_time = 1))$run$info$run_id
invisible(mlflow("runs/log-metric", list(run_id = run, key = "auc", value = 0.93, timestamp = 2, step = 0)))
invisible(mlflow("runs/update", list(run_id = run, status = "FINISHED", end_time = 3)))
cat(run)
"""


def missing() -> str | None:
    """Why these tests cannot run here."""
    if not KERNELSPEC.is_dir():
        return f"R's kernel is not installed ({KERNELSPEC} is not there)"
    found = subprocess.run(
        ["R", "--slave", "-e", "library(httr2); library(IRkernel)"], capture_output=True, check=False
    )
    return None if found.returncode == 0 else "R's packages IRkernel and httr2 are not installed"


REASON = missing()


@pytest.mark.r
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
def test_r_knows_its_project_and_logs_to_it(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    # The server's user sees the kernels of this Python only; this one is installed for the user by hand.
    spec = server.home / "data" / "kernels" / "ir"
    if not spec.exists():
        spec.parent.mkdir(parents=True, exist_ok=True)
        spec.symlink_to(KERNELSPEC)
    base = f"/insighter/api/projects/{project['id']}"
    with kernel(server, project["folder"], "ir") as running:
        environment = json.loads(
            running.run("cat(jsonlite::toJSON(as.list(Sys.getenv()), auto_unbox = TRUE))").text
        )
        assert environment["INSIGHTER_PROJECT"] == project["id"]
        assert environment["MLFLOW_TRACKING_URI"] == f"{server.url}/insighter/mlflow"
        running.run(ASK)
        said = running.run(
            'cat(ask(paste0("insighter/api/projects/", Sys.getenv("INSIGHTER_PROJECT")))$name)'
        ).text
        assert said == project["name"]
        run_id = running.run(LOG).text.strip()
    run = api.get(f"{base}/runs/{run_id}").json()
    assert (run["name"], run["status"], run["experiment_name"]) == ("r-run", "FINISHED", "in R")
    assert [(item["key"], item["value"]) for item in run["metrics"]] == [("auc", 0.93)]
