"""The live card under a cell, as people see it."""

from __future__ import annotations

import json

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import shoot, use_theme, wait_until_loaded
from tests.running import JupyterServer

SLOW = 90_000

TRAIN = """import math, time, mlflow
with mlflow.start_run(run_name="forest"):
    mlflow.log_params({"learning_rate": 0.1, "max_depth": 12, "criterion": "gini"})
    for step in range(40):
        loss = math.exp(-step / 9) + math.sin(step) / 20
        mlflow.log_metrics({"loss": loss, "auc": 1 - math.exp(-step / 7) / 2}, step=step)
        time.sleep(0.2)
"""

SEARCH = """with mlflow.start_run(run_name="search"):
    for depth in (2, 4, 8):
        with mlflow.start_run(run_name=f"depth {depth}", nested=True):
            mlflow.log_metric("auc", 0.7 + depth / 40)
mlflow.start_run(run_name="broken")
raise ValueError("no such column")
"""


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_run_is_seen_while_it_goes_on_and_afterwards(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Cards"}).json()
    cells = [nbformat.v4.new_code_cell(source) for source in (TRAIN, SEARCH)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    file = lab.root / project["folder"] / "Live.ipynb"
    file.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=kernel)))
    page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', {path}).then(() => null)",
        f"{project['folder']}/Live.ipynb",
    )
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=SLOW,
    )
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    card = page.locator(".jp-OutputArea-output", has_text="forest").first
    expect(card).to_contain_text("running", timeout=SLOW)
    expect(card.locator("svg").first).to_be_visible()
    before = card.inner_text()
    shoot(page, "cards 01 running")
    # it grows while the cell computes
    expect(card).not_to_have_text(before, use_inner_text=True)
    expect(card).to_contain_text("finished", timeout=SLOW)
    expect(page.locator(".jp-OutputArea-output", has_text="search").first).to_contain_text(
        "depth 8", timeout=SLOW
    )
    page.wait_for_timeout(1_500)
    shoot(page, "cards 02 finished")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "cards 03 dark")
    use_theme(page, "JupyterLab Light")

    # Its name opens the run's page beside the notebook, without a reload.
    card.get_by_role("link", name="forest").click()
    expect(page.get_by_role("heading", name="forest")).to_be_visible()
    assert page.url.split("?")[0].startswith(f"{lab.url}/lab")

    # Saved, it is there without a kernel: in the file, and in a page that is loaded anew.
    page.evaluate(
        "async () => { for (const w of window.jupyterapp.shell.widgets('main'))"
        " if (w.context?.path?.endsWith('Live.ipynb')) await w.context.save(); }"
    )
    saved = json.loads(file.read_text())
    [output] = [out for out in saved["cells"][0]["outputs"] if out["output_type"] == "display_data"]
    assert "finished" in "".join(output["data"]["text/html"]) and set(output["data"]) == {
        "text/html",
        "text/plain",
    }
    run = "".join(output["data"]["text/html"]).split("insighter-run=")[1].split('"')[0]
    page.goto(f"{lab.url}/lab/workspaces/linked?insighter-run={run}")
    wait_until_loaded(page)
    expect(page.get_by_role("heading", name="forest")).to_be_visible(timeout=SLOW)
    assert "insighter-run" not in page.url
