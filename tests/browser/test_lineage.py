"""Lineage on the screen: a graph that is walked by keys, and the same in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import shoot, use_theme
from tests.kernel.notebook import kernel
from tests.running import JupyterServer

TRAIN = """
import logging, warnings
warnings.simplefilter("ignore"); logging.disable(logging.WARNING)
import mlflow, pandas as pd
import insighter_ext as ix
from sklearn.linear_model import LogisticRegression

raw = pd.DataFrame({"acid": [1, 3, 2, 4], "sugar": [2, 1, 3, 1], "good": [0, 1, 0, 1]})
ix.datasets.upload("raw", raw)
frame = ix.datasets.load("raw")
ix.datasets.upload("wine", frame.assign(sweet=frame.sugar > 1))
for name in ("forest", "linear"):
    with mlflow.start_run(run_name=name):
        wine = ix.datasets.load("wine")
        model = LogisticRegression().fit(wine[["acid", "sugar"]], wine["good"])
        mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    ix.models.register("quality", run=name)
with mlflow.start_run(run_name="report"):
    ix.datasets.load("raw")
"""


@pytest.fixture(scope="module")
def project(lab: JupyterServer) -> Iterator[dict[str, Any]]:
    """A dataset, cleaned, read by two runs that registered a version of a model each, one of which is deployed."""
    with lab.client() as api:
        made = api.post("/insighter/api/projects", json={"name": "Wine"}).json()
        with kernel(lab, made["folder"], session=True) as running:
            running.run(TRAIN)
        body = {"name": "wine-api", "model": "quality", "version": 1}
        deployments = f"/insighter/api/projects/{made['id']}/deployments"
        assert api.post(deployments, json=body).status_code == 202
        try:
            yield made
        finally:
            api.delete(f"{deployments}/wine-api")


def command(page: Page, which: str, **arguments: str) -> None:
    page.evaluate(
        "([name, args]) => window.jupyterapp.commands.execute(name, args)", [f"insighter:{which}", arguments]
    )


def node(page: Page, name: str) -> Any:
    return page.locator(".jp-Insighter-LineageNode-main", has_text=re.compile(rf"^{name}(v\d|[A-Z])")).first


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_graph_of_an_asset_by_mouse_and_keys(
    page: Page, lab: JupyterServer, project: dict[str, Any]
) -> None:
    command(page, "open-dataset", project=project["id"], name="wine")
    page.get_by_role("tab", name="Lineage").last.click()
    view = page.locator(".jp-Insighter-Lineage")
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(7)
    expect(node(page, "wine")).to_have_attribute("aria-current", "true")
    expect(view.locator(".jp-Insighter-Lineage-impact")).to_contain_text(
        re.compile(r"What would break: 1 deployment, 1 model, 2 runs")
    )
    expect(view.locator(".jp-Insighter-Lineage-impact")).to_contain_text("wine-api run")
    shoot(page, "lineage tab")

    # One stop of the Tab key; arrows go along the edges, Enter opens.
    node(page, "wine").focus()
    page.keyboard.press("ArrowLeft")
    expect(node(page, "raw")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(node(page, "wine")).to_be_focused()
    page.keyboard.press("ArrowRight")
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert first.startswith("Run ") and first.endswith(", finished")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Run ")
    assert view.locator(".jp-Insighter-LineageNode-main[tabindex='0']").count() == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    details = view.locator(".jp-Insighter-Lineage-details")
    expect(details).to_contain_text("quality v")
    shoot(page, "lineage details")
    details.get_by_role("button", name="Show its lineage").click()
    expect(node(page, "quality")).to_have_attribute("aria-current", "true")
    view.get_by_role("button", name="Back", exact=True).click()
    expect(node(page, "wine")).to_have_attribute("aria-current", "true")

    # What it was made from alone; one of the two is always shown.
    view.get_by_role("button", name="Used by", exact=True).click()
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(2)
    view.get_by_role("button", name="Made from", exact=True).click()
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(2)
    view.get_by_role("button", name="Used by", exact=True).click()
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(7)

    # In words.
    view.get_by_role("button", name="List", exact=True).click()
    used = view.get_by_role("region", name="Used by")
    expect(used.locator("li li li")).to_contain_text("wine-api")
    expect(view.get_by_role("region", name="Made from")).to_contain_text("raw v1")
    shoot(page, "lineage list")
    used.get_by_role("button", name="wine-api").click()
    expect(page.get_by_role("heading", name="wine-api")).to_be_visible()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_graph_of_a_project_keeps_its_places(
    page: Page, lab: JupyterServer, project: dict[str, Any]
) -> None:
    command(page, "switch-project", id=project["id"], name="Wine")
    command(page, "open-lineage", project=project["id"])
    view = page.locator(".jp-Insighter-Lineage")
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(8)
    shoot(page, "lineage project")
    use_theme(page, "JupyterLab Dark")
    page.set_viewport_size({"width": 1024, "height": 700})
    view.get_by_role("button", name="Show all of it").click()
    node(page, "forest").click()
    shoot(page, "lineage project dark")
    expect(view.locator(".jp-Insighter-Lineage-details")).to_contain_text("finished")
    page.keyboard.press("Escape")
    expect(view.locator(".jp-Insighter-Lineage-details")).to_have_count(0)

    # What is new comes to what is there, and nothing that is there moves.
    def places() -> dict[str, str]:
        found: dict[str, str] = page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('.react-flow__node')]"
            ".map(node => [node.dataset.id, node.style.transform]))"
        )
        return found

    before = places()
    with lab.client() as api:
        answer = api.post(
            f"/insighter/api/projects/{project['id']}/datasets/later/versions",
            params={"made_from": '[{"kind": "dataset", "key": "raw"}]'},
            content=b"a\n1\n",
        )
        assert answer.status_code == 201, answer.text
    expect(view.locator(".jp-Insighter-LineageNode")).to_have_count(9)
    after = places()
    assert before.items() <= after.items()
    assert len(set(after.values())) == 9
    view.get_by_role("button", name="List", exact=True).click()
    expect(view.get_by_role("row", name=re.compile("raw v1 .*made into.* later v1"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert "openlineage.io/spec" in download.value.path().read_text(encoding="utf-8")
    use_theme(page, "JupyterLab Light")


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_without_lineage_it_teaches(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        made = api.post("/insighter/api/projects", json={"name": "Empty"}).json()
        upload(api, made, "lonely")
    command(page, "open-dataset", project=made["id"], name="lonely")
    page.get_by_role("tab", name="Lineage").last.click()
    view = page.locator(".jp-Insighter-Lineage")
    expect(view).to_contain_text("Nothing would break without it")
    expect(view).to_contain_text('ix.datasets.load("lonely")')
    shoot(page, "lineage empty")


def upload(api: httpx.Client, project: dict[str, Any], name: str) -> None:
    answer = api.post(f"/insighter/api/projects/{project['id']}/datasets/{name}/versions", content=b"a\n1\n")
    assert answer.status_code == 201, answer.text
