"""MLflow's own web pages in a tab of JupyterLab, of the project that is open."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.pages import shoot, use_theme
from tests.running import JupyterServer


@pytest.fixture(scope="module")
def project(lab: JupyterServer) -> dict[str, Any]:
    """Runs of two experiments with curves, and a registered model."""
    with lab.client() as api:
        made: dict[str, Any] = api.post("/insighter/api/projects", json={"name": "Pages"}).json()
        api.headers["X-MLFLOW-WORKSPACE"] = made["id"]

        def call(path: str, **body: Any) -> Any:
            answer = api.post(f"/insighter/mlflow/api/2.0/mlflow/{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        made["experiment"] = call("experiments/create", name="forest search")["experiment_id"]
        made["runs"] = []
        for number in range(3):
            run = call(
                "runs/create", experiment_id=made["experiment"], run_name=f"forest-{number}", start_time=1
            )
            made["runs"].append(run["run"]["info"]["run_id"])
            metrics = [
                {"key": "auc", "value": 1 - 1 / (step + 2 + number), "timestamp": step, "step": step}
                for step in range(20)
            ]
            params = [{"key": "depth", "value": str(number)}]
            call("runs/log-batch", run_id=made["runs"][-1], metrics=metrics, params=params)
            call("runs/update", run_id=made["runs"][-1], status="FINISHED", end_time=2000)
        model = call("logged-models", experiment_id=made["experiment"], name="m")["model"]["info"]["model_id"]
        call("registered-models/create", name="wine-quality")
        call("model-versions/create", name="wine-quality", source=f"models:/{model}")
    return made


def opened(page: Page, project: dict[str, Any], path: str) -> FrameLocator:
    """MLflow's page in its tab."""
    page.evaluate(
        "([project, path]) => window.jupyterapp.commands.execute('insighter:open-mlflow', {project, path})",
        [project["id"], path],
    )
    return page.frame_locator(".jp-Insighter-Mlflow iframe")


def test_runs_charts_comparison_and_models(project: dict[str, Any], page: Page) -> None:
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 500 else None)
    page.wait_for_function("id => window.jupyterapp.commands.isEnabled('insighter:open-mlflow', {project: id})",
                           arg=project["id"])  # fmt: skip
    base = f"experiments/{project['experiment']}"
    frame = opened(page, project, f"{base}/runs")
    expect(page.get_by_role("tab", name="MLflow · Pages")).to_be_visible()
    for number in range(3):
        expect(frame.get_by_role("link", name=f"forest-{number}")).to_be_visible()
    expect(frame.get_by_text("3 matching runs")).to_be_visible()
    shoot(page, "mlflow runs")
    # One tab for a project: it goes where it is sent.
    frame = opened(page, project, f"{base}/runs/{project['runs'][0]}")
    expect(frame.get_by_role("heading", name="forest-0")).to_be_visible()
    expect(frame.get_by_text("depth")).to_be_visible()
    frame = opened(page, project, f"{base}/runs/{project['runs'][0]}/model-metrics")
    expect(frame.locator(".js-plotly-plot").first).to_be_visible()
    runs = ",".join(f'"{run}"' for run in project["runs"][:2])
    frame = opened(page, project, f'compare-runs?runs=[{runs}]&experiments=["{project["experiment"]}"]')
    expect(frame.get_by_text(re.compile("Comparing 2 Runs"))).to_be_visible()
    shoot(page, "mlflow comparison")
    frame = opened(page, project, "models/wine-quality")
    expect(frame.get_by_text("Version 1").first).to_be_visible()
    assert failed == []


def test_what_is_changed_there_is_changed_here(
    page: Page, project: dict[str, Any], lab: JupyterServer
) -> None:
    """The page sends Jupyter's XSRF token, and changes the project that it was opened for."""
    frame = opened(page, project, "experiments")
    name = f"by hand {uuid4().hex[:6]}"
    frame.get_by_role("button", name="Create").first.click()
    frame.get_by_label("Experiment Name").fill(name)
    frame.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(frame.get_by_text(name).first).to_be_visible()
    with lab.client() as api:
        there = api.get(f"/insighter/api/projects/{project['id']}/experiments").json()["items"]
    assert name in [one["name"] for one in there]


def test_it_is_as_dark_as_lab(page: Page, project: dict[str, Any]) -> None:
    frame = opened(page, project, "experiments")
    expect(frame.locator("body:not(.dark-mode)")).to_be_visible()
    expect(frame.get_by_text("forest search")).to_be_visible()
    use_theme(page, "JupyterLab Dark")
    expect(frame.locator("body.dark-mode")).to_be_visible()
    expect(frame.get_by_text("forest search")).to_be_visible()
    shoot(page, "mlflow dark")
    use_theme(page, "JupyterLab Light")
    expect(frame.locator("body:not(.dark-mode)")).to_be_visible()


def test_the_link_that_a_client_prints_opens_its_run(
    page: Page, project: dict[str, Any], lab: JupyterServer
) -> None:
    """It names no project: the page asks whose the experiment is."""
    page.goto("about:blank")
    page.goto(f"{lab.url}/insighter/mlflow/#/experiments/{project['experiment']}/runs/{project['runs'][1]}")
    expect(page.get_by_role("heading", name="forest-1")).to_be_visible()
