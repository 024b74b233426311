"""The live card under a cell that begins a run."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import Kernel, kernel
from tests.running import JupyterServer

TRAIN = """
import time, mlflow
with mlflow.start_run(run_name="<b>forest & co</b>") as run:
    mlflow.log_params({"lr": 0.1, "note": "<script>alert(1)</script>"})
    for step in range(6):
        mlflow.log_metrics({"loss": 1 / (step + 1), "odd": float("nan") if step == 2 else step}, step=step)
        time.sleep(0.6)
print("done", run.info.run_id)
"""


def messages(running: Kernel, code: str, more: float = 3) -> list[dict[str, Any]]:
    """What a cell publishes, and what comes for it in the seconds after its end."""
    wanted = running.send(code)
    found, idle = [], False
    running.timeout(90)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            answer = running.receive()
        except TimeoutError:
            break
        found.append(answer)
        if answer["parent_header"].get("msg_id") == wanted and answer["msg_type"] == "status":
            idle = answer["content"]["execution_state"] == "idle"
            if idle:
                running.timeout(more)
                end = time.monotonic() + more
    assert idle
    return found


def shown(found: list[dict[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """The outputs and their updates, with the text before them left out."""
    kinds = {"display_data", "update_display_data"}
    return [(item["msg_type"], item["content"]["data"]) for item in found if item["msg_type"] in kinds]


@pytest.mark.timeout(180)
def test_a_card_grows_under_the_cell_and_stays_readable(
    server: JupyterServer, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"], session=True) as running:
        found = messages(running, TRAIN)
        cards = shown(found)
        assert cards[0][0] == "display_data"
        assert {kind for kind, _ in cards[1:]} == {"update_display_data"}
        [cell] = {
            item["parent_header"]["msg_id"] for item in found if item["msg_type"].endswith("display_data")
        }
        [printed] = [item for item in found if "done" in item["content"].get("text", "")]
        assert cell == printed["parent_header"]["msg_id"], "it belongs to the cell that began the run"
        live = shown(found[: found.index(printed)])
        assert len(live) > 3, "it is updated while the cell computes"
        assert "running" in live[2][1]["text/html"]
        assert "loss: 3 values" in "".join(data["text/html"] for _, data in live)

        last = cards[-1][1]
        html = last["text/html"]
        assert "finished" in html and "running" not in html
        assert "&lt;b&gt;forest &amp; co&lt;/b&gt;" in html and "&lt;script&gt;" in html
        assert not re.search(r"<(b|script)[ >]", html), "what comes from a run is text"
        assert html.count("<svg") == 2 and "loss: 6 values, from 1 to 0.1667" in html
        [odd] = re.findall(r'aria-label="odd:.*?</svg>', html)
        assert odd.count("<polyline") == 2, "what is no number leaves a gap"
        arguments = re.search(r'data-commandlinker-args="(.*?)"', html)
        assert arguments is not None
        linked = json.loads(arguments[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">"))
        assert linked["project"] == project["id"]
        assert "widget" not in json.dumps(list(last)), "a saved notebook shows it without a kernel"
        assert last["text/plain"].startswith("run <b>forest & co</b>: finished")

        # A log call that fails says so as ever; the card is no part of it.
        broken = running.try_run(
            'with mlflow.start_run():\n    mlflow.log_param("a", 1)\n    mlflow.log_param("a", 2)'
        )
        assert broken.error is not None and "MlflowException" in broken.error
        # What its card becomes may come after the cell's end.
        cards = [data["text/html"] for data in broken.data if "text/html" in data]
        deadline = time.monotonic() + 30
        running.timeout(30)
        while "failed" not in cards[-1] and time.monotonic() < deadline:
            cards += [data["text/html"] for _, data in shown([running.receive()])]
        assert "failed" in cards[-1] and "running" not in cards[-1]


@pytest.mark.timeout(180)
def test_runs_of_one_cell_share_an_output_and_nested_ones_a_card(
    server: JupyterServer, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        code = """
import mlflow
with mlflow.start_run(run_name="search"):
    for depth in range(11):
        with mlflow.start_run(run_name=f"depth {depth}", nested=True):
            mlflow.log_metric("auc", depth / 10)
"""
        cards = shown(messages(running, code))
        assert [kind for kind, _ in cards].count("display_data") == 1
        html = cards[-1][1]["text/html"]
        assert html.count("search</a>") == 1 and html.count("depth ") >= 8 and "and 3 before" in html

        code = """
for number in range(6):
    with mlflow.start_run(run_name=f"run {number}"):
        mlflow.log_metric("auc", number)
client = mlflow.MlflowClient()
by_client = client.create_run("0", run_name="by the client").info.run_id
client.log_metric(by_client, "late", 3)
client.set_terminated(by_client, "KILLED")
"""
        cards = shown(messages(running, code))
        assert [kind for kind, _ in cards].count("display_data") == 1
        html = cards[-1][1]["text/html"]
        assert html.count("insighter:open-run") == 7
        assert html.count("border-radius:4px") == 3, "the last three as cards, those before in a line each"
        assert "by the client" in html and "stopped" in html

        # A run that goes on after its cell is updated by the cells that follow; where it stands does not change.
        begun = messages(running, 'mlflow.start_run(run_name="long"); None')
        [card] = [item for item in begun if item["msg_type"] == "display_data"]
        later = messages(running, 'mlflow.log_metric("x", 4.25); mlflow.end_run()')
        updates = [item for item in later if item["msg_type"] == "update_display_data"]
        assert {item["content"]["transient"]["display_id"] for item in updates} == {
            card["content"]["transient"]["display_id"]
        }
        assert "4.25" in updates[-1]["content"]["data"]["text/html"]
        assert "finished" in updates[-1]["content"]["data"]["text/html"]


@pytest.mark.timeout(180)
def test_autologging_has_a_card_and_its_queue_is_seen(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"]) as running:
        code = """
import mlflow, warnings
warnings.simplefilter("ignore")
mlflow.sklearn.autolog(log_models=False, silent=True)
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True)
LogisticRegression(C=0.25, max_iter=500).fit(X, y)
"""
        html = [data for _, data in shown(messages(running, code)) if "text/html" in data][-1]["text/html"]
        assert "training_accuracy_score" in html and "0.25" in html and "finished" in html


def test_it_can_be_switched_off(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"]) as running:
        running.run("import insighter_ext as ix, mlflow; ix.cards(False)")
        assert "are off" in running.run("ix.cards").value
        quiet = "with mlflow.start_run(run_name='quiet'): mlflow.log_metric('a', 1)"
        assert shown(messages(running, quiet)) == []
        running.run("ix.cards(True)")
        assert shown(messages(running, quiet)) != []


def test_nothing_of_it_is_there_without_mlflow(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"]) as running:
        running.run("import insighter_ext as ix; ix.project.name")
        names = running.run(
            "import sys; [n for n in sys.modules if n.startswith(('mlflow', 'ipywidgets'))]"
        ).value
        assert names == "[]"


@pytest.mark.timeout(180)
def test_within_an_output_widget_it_is_a_widget(server: JupyterServer, project: dict[str, Any]) -> None:
    """As in Voilà, where a button begins a run: outputs are not updated there, widgets are."""
    with kernel(server, project["folder"]) as running:
        code = """
import ipywidgets, mlflow
out = ipywidgets.Output()
with out:
    with mlflow.start_run(run_name="by a button"):
        mlflow.log_metric("auc", 0.75)
"""
        found = messages(running, code)
        states = [
            item["content"]["data"]["state"]
            for item in found
            if item["msg_type"] in {"comm_open", "comm_msg"} and "state" in item["content"]["data"]
        ]
        values = [state["value"] for state in states if "value" in state]
        assert "running" in values[0]
        assert "finished" in values[-1] and "0.75" in values[-1]
        assert "application/vnd.jupyter.widget-view+json" in shown(found)[-1][1]


def test_no_process_but_the_kernel_s_own_draws(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        code = """
import os, mlflow, sys
if (pid := os.fork()) == 0:
    status = 1
    try:
        with mlflow.start_run(run_name="in a fork"):
            mlflow.log_metric("a", 1)
        status = 0
    finally:
        os._exit(status)
print(os.waitpid(pid, 0)[1])
"""
        found = messages(running, code)
        assert shown(found) == []
        assert "".join(i["content"]["text"] for i in found if i["msg_type"] == "stream").strip() == "0"
