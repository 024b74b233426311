"""``%%track``: a cell as a run."""

from __future__ import annotations

import subprocess
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

MLFLOW = "/insighter/mlflow/api/2.0/mlflow"


class Runs:
    """The runs of a project, as its panels see them."""

    def __init__(self, api: httpx.Client, project: dict[str, Any]) -> None:
        self._api = api
        self._base = f"/insighter/api/projects/{project['id']}"

    def named(self, name: str) -> dict[str, Any]:
        """The only run of a name."""
        found = []
        for experiment in self._api.get(f"{self._base}/experiments").json()["items"]:
            items = self._api.get(f"{self._base}/experiments/{experiment['id']}/runs").json()["items"]
            found += [{**item, "experiment": experiment["name"]} for item in items if item["name"] == name]
        [run] = found
        detail: dict[str, Any] = self._api.get(f"{self._base}/runs/{run['id']}").json()
        return {**run, **detail, "metrics": {item["key"]: item["value"] for item in detail["metrics"]}}

    def file(self, run: dict[str, Any], path: str) -> str:
        """A file of a run."""
        answer = self._api.get("/insighter/mlflow/get-artifact", params={"run_uuid": run["id"], "path": path})
        if answer.status_code != 200:
            address = (
                f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/runs/{run['id']}/artifacts/{path}"
            )
            answer = self._api.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    def files(self, run: dict[str, Any]) -> set[str]:
        """The files of a run."""
        return {
            item["path"] for item in self._api.get(f"{self._base}/runs/{run['id']}/artifacts").json()["items"]
        }


@pytest.mark.timeout(240)
def test_a_cell_is_a_run(server: JupyterServer, api: httpx.Client, project: dict[str, Any]) -> None:
    runs = Runs(api, project)
    with kernel(server, project["folder"], session=True) as running:
        running.run("%load_ext insighter_ext\nimport mlflow, sys\nlr = 0.25")
        outputs = running.run(
            "%%track forest lr={lr} depth=3 'note=two words' --experiment trees\n"
            "print('seen')\n"
            "print('warned', file=sys.stderr)\n"
            "mlflow.log_metric('auc', 0.75)\n"
            "with mlflow.start_run(run_name='within', nested=True):\n"
            "    mlflow.log_metric('auc', 0.5)\n"
            "answer = 6 * 7\n"
            "answer"
        )
        assert "seen" in outputs.text and "warned" in outputs.text, "it is shown as ever"
        assert "42" in [data["text/plain"] for data in outputs.data], "and so is the cell's value"
        run = runs.named("forest")
        assert (run["status"], run["experiment"]) == ("FINISHED", "trees")
        assert run["params"] == {"lr": "0.25", "depth": "3", "note": "two words"}
        assert run["metrics"].keys() == {"auc", "duration"} and run["metrics"]["duration"] > 0
        assert runs.files(run) == {"cell.py", "stdout.txt", "stderr.txt"}
        assert runs.file(run, "stdout.txt") == "seen\n"
        assert runs.file(run, "stderr.txt") == "warned\n"
        assert runs.file(run, "cell.py").startswith("print('seen')\n")
        assert run["tags"]["insighter.cell"].endswith("answer = 6 * 7\nanswer")
        assert runs.named("within")["tags"]["mlflow.parentRunId"] == run["id"]
        assert running.run("answer, mlflow.active_run(), type(sys.stdout).__name__").value == (
            "(42, None, 'OutStream')"
        )

        # What a cell awaits, its own lines in a traceback, and the end of a run that failed.
        running.run("%%track waits\nimport asyncio\nawait asyncio.sleep(0.1)\nmlflow.log_metric('x', 1)")
        assert runs.named("waits")["status"] == "FINISHED"
        failed = running.try_run("%%track fails depth=1\nprint('before')\ndef f():\n    return 1 / 0\nf()")
        assert failed.error == "ZeroDivisionError: division by zero"
        run = runs.named("fails")
        assert (run["status"], run["tags"]["insighter.error"]) == ("FAILED", failed.error)
        assert runs.file(run, "stdout.txt") == "before\n"
        told = runs.file(run, "traceback.txt")
        assert "return 1 / 0" in told and told.count("IPython") == 0, told
        assert running.run("mlflow.active_run() is None").value == "True"

        # Within a run that is open it is nested; the open run goes on.
        running.run("outer = mlflow.start_run(run_name='outer'); None")
        running.run("%%track inner\npass")
        assert runs.named("inner")["tags"]["mlflow.parentRunId"] == runs.named("outer")["id"]
        assert runs.named("outer")["status"] == "RUNNING"
        running.run("mlflow.end_run()")
        # A cell that ends its run itself has ended it.
        running.run("%%track ends\nmlflow.end_run()\nprint('after')")
        assert runs.named("ends")["status"] == "FINISHED"
        assert runs.file(runs.named("ends"), "stdout.txt") == "after\n"


@pytest.mark.timeout(120)
def test_what_does_not_fit_runs_nothing(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"]) as running:
        running.run("%load_ext insighter_ext\n%load_ext insighter_ext")
        for line, said in (
            ("%%track one two", "two names"),
            ("%%track --nothing", "unknown option --nothing"),
            ("%%track --experiment", "takes a name"),
            ("%%track 'open", "No closing quotation"),
            ("%%track =1", "no name of a parameter"),
        ):
            outputs = running.try_run(f"{line}\nran = True")
            assert outputs.text.startswith("UsageError: ")
            assert said in outputs.text and "%%track [NAME]" in outputs.text
        assert running.run("'ran' in globals()").value == "False"
        # A cell that cannot begin is no run.
        assert str(running.try_run("%%track broken\nx = = 1").error).startswith("SyntaxError")
        assert running.run("import mlflow; len(mlflow.search_runs(search_all_experiments=True))").value == "0"


@pytest.mark.timeout(180)
def test_much_output_is_kept_in_part_and_an_interrupted_cell_is_stopped(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    runs = Runs(api, project)
    with kernel(server, project["folder"]) as running:
        running.run("%load_ext insighter_ext\nimport mlflow, time")
        running.run("%%track much\nfor i in range(60):\n    print(f'{i} ' + 'x' * 49_990)")
        text = runs.file(runs.named("much"), "stdout.txt")
        assert len(text) < 1_600_000 and text.startswith("0 x") and "\n59 x" in text
        assert "characters are left out here" in text

        wanted = running.send("%%track slow\nprint('begun', flush=True)\ntime.sleep(60)")
        while running.receive()["msg_type"] != "stream":
            pass
        assert api.post(f"/api/kernels/{running.id}/interrupt").status_code == 204
        while (answer := running.receive())["msg_type"] != "execute_reply":
            pass
        assert answer["parent_header"]["msg_id"] == wanted and answer["content"]["status"] == "error"
        running.run("1")
        run = runs.named("slow")
        assert (run["status"], run["tags"]["insighter.error"]) == ("KILLED", "KeyboardInterrupt: ")


@pytest.mark.timeout(180)
def test_the_machine_s_load_is_logged(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    """MLflow's own system metrics, unchanged, and by ``--system``."""
    runs = Runs(api, project)
    with kernel(server, project["folder"]) as running:
        running.run(
            "%load_ext insighter_ext\nimport mlflow, time\n"
            "mlflow.set_system_metrics_sampling_interval(0.3)\nmlflow.set_system_metrics_samples_before_logging(1)"
        )
        running.run("%%track loaded --system\ntime.sleep(3)")
        running.run(
            "mlflow.enable_system_metrics_logging()\n"
            "with mlflow.start_run(run_name='unchanged'):\n    time.sleep(3)\n"
            "mlflow.disable_system_metrics_logging()"
        )
        running.run("with mlflow.start_run(run_name='without'):\n    time.sleep(1)")
        for name in ("loaded", "unchanged"):
            metrics = runs.named(name)["metrics"]
            assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(
                metrics
            )
            assert metrics["system/system_memory_usage_megabytes"] > 0
            detail = runs.named(name)
            assert detail["status"] == "FINISHED"
        assert runs.named("without")["metrics"] == {}


@pytest.mark.timeout(120)
def test_a_run_knows_its_notebook_and_commit(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    folder = server.root / project["folder"] / "deep"
    folder.mkdir()
    who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]
    for words in (["init"], ["commit", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)
    said = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True)
    with kernel(server, f"{project['folder']}/deep", file="Trees.ipynb") as running:
        running.run("import mlflow\nwith mlflow.start_run(run_name='known'): pass")
        tags = Runs(api, project).named("known")["tags"]
        assert tags["mlflow.source.type"] == "NOTEBOOK"
        assert tags["mlflow.source.name"] == "deep/Trees.ipynb"
        assert tags["mlflow.source.git.commit"] == said.stdout.decode().strip()
        assert tags["insighter.git.dirty"] == "false"
        assert "mlflow.source.git.repoURL" not in tags
