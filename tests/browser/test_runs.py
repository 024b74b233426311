"""Runs as a person sees them: their curves, what differs between them, their files, notes and tags."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import reload, shoot, use_theme
from tests.browser.test_journey import panel, row
from tests.browser.test_notebooks import SLOW, command
from tests.running import JupyterServer

MLFLOW = "/insighter/mlflow/api/2.0"

# A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# What would happen if any of it ran: the application's page would say so.
SCRIPT = "<script>window.top.ran = document.title = 'ran'</script>"
ATTACK = f"{SCRIPT}<img src='nowhere' onerror=\"window.top.ran = 'ran'\">"


@dataclass
class Project:
    """A project, and a program that logs into it."""

    id: str
    name: str
    api: httpx.Client
    program: httpx.Client
    experiment: str
    secret: str

    def post(self, path: str, **body: Any) -> Any:
        answer = self.program.post(f"{MLFLOW}/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, name: str, params: dict[str, Any], tags: dict[str, str] | None = None) -> str:
        """A run that goes on."""
        made = self.post(
            "runs/create",
            experiment_id=self.experiment,
            run_name=name,
            start_time=int(time.time() * 1000),
            tags=[{"key": key, "value": value} for key, value in (tags or {}).items()],
        )
        run = str(made["run"]["info"]["run_id"])
        self.post(
            "runs/log-batch",
            run_id=run,
            params=[{"key": key, "value": str(value)} for key, value in params.items()],
        )
        return run

    def log(self, run: str, key: str, values: dict[int, float | str]) -> None:
        now = int(time.time() * 1000)
        points = [
            {"key": key, "value": value, "step": step, "timestamp": now + step}
            for step, value in values.items()
        ]
        self.post("runs/log-batch", run_id=run, metrics=points)

    def put(self, run: str, path: str, content: bytes) -> None:
        answer = self.program.put(
            f"{MLFLOW}/mlflow-artifacts/artifacts/runs/{run}/artifacts/{path}", content=content
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
def project(lab: JupyterServer, page: Page) -> Iterator[Project]:
    """A project of its own, open in the browser."""
    with lab.client() as api:
        name = f"Runs {time.time_ns()}"
        made = api.post("/insighter/api/projects", json={"name": name}).json()
        body = {"name": name, "project_id": made["id"], "role": "editor", "days": 1}
        secret = api.post("/insighter/api/account/tokens", json=body).json()["secret"]
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=lab.url, headers=headers, timeout=60) as program:
            answer = program.post(f"{MLFLOW}/mlflow/experiments/create", json={"name": "search"})
            found = Project(made["id"], name, api, program, answer.json()["experiment_id"], secret)
            page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
            command(page, "insighter:switch-project", id=found.id, name=name)
            yield found


def open_run(page: Page, project: Project, run: str, name: str) -> Locator:
    command(page, "insighter:open-run", project=project.id, id=run, name=name)
    expect(panel(page).get_by_role("heading", name=name)).to_be_visible()
    return panel(page)


def chart(page: Page, metric: str) -> Locator:
    return panel(page).locator(f'figure[data-metric="{metric}"]')


def tip(page: Page, metric: str, key: str = "End") -> Locator:
    """What a chart says of its first or last point, by the keyboard."""
    plot = chart(page, metric).locator(".jp-Insighter-Plot")
    plot.focus()
    plot.press("Escape")
    plot.press(key)
    return plot.locator(".jp-Insighter-Plot-tip")


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_curves_grow_while_a_run_goes_on(page: Page, project: Project) -> None:
    run = project.run("slow", {"depth": 12})
    project.log(run, "loss", {0: 1.0, 1: 0.5, 2: "NaN", 3: 0.5})
    project.log(run, "balance", {0: -1.0, 1: 10.0, 2: 0.0, 3: 1000.0})
    shown = open_run(page, project, run, "slow")
    expect(chart(page, "loss")).to_contain_text("last 0.5")
    expect(chart(page, "loss").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("loss.*slow: 0.5")
    )
    expect(shown.locator(".jp-Insighter-Live")).to_be_visible()
    shoot(page, "runs 01 curves")

    # What is logged is drawn by itself, more than once.
    project.log(run, "loss", {4: 0.25})
    expect(chart(page, "loss")).to_contain_text("last 0.25")
    project.log(run, "loss", {5: 0.125})
    expect(chart(page, "loss")).to_contain_text("min 0.125 · max 1 · last 0.125")
    expect(tip(page, "loss")).to_contain_text("0.125")

    # Smoothed, both are told; on a log scale what has no place there.
    expect(tip(page, "loss")).not_to_contain_text("(")
    shown.get_by_label("Smoothing").fill("0.9")
    expect(tip(page, "loss")).to_contain_text(re.compile(r"slow0\.\d+ \(0\.125\)"))
    # the first value of an average that is corrected for its start is the value itself
    expect(tip(page, "loss", "Home")).to_contain_text("slow1 (1)")
    shown.get_by_label("Log scale").check()
    expect(chart(page, "balance")).to_contain_text("2 values ≤ 0 have no place on a log scale")
    shoot(page, "runs 02 smooth and log")
    shown.get_by_label("Over").select_option("relative")
    expect(tip(page, "loss", "Home")).to_contain_text(" ms")
    shown.get_by_label("Over").select_option("step")
    shown.get_by_label("Log scale").uncheck()
    shown.get_by_label("Smoothing").fill("0")

    # The same as a table, for whoever does not see the charts.
    shown.get_by_text("The curves as a table").click()
    words = shown.locator("details", has_text="The curves as a table").locator("tbody tr")
    expect(words.filter(has_text="loss").locator("td")).to_have_text(["0.125", "0.125", "1", "5", "6"])

    # Zoomed by the mouse and back.
    plot = chart(page, "balance").locator(".u-over")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + 50, steps=5)
    page.mouse.up()
    expect(tip_of_last(page)).to_contain_text("10")
    plot.dblclick()
    expect(tip_of_last(page)).to_contain_text("1,000")

    # It ended, and so does the looking.
    project.post("runs/update", run_id=run, status="FINISHED", end_time=int(time.time() * 1000))
    expect(shown.locator(".jp-Insighter-Live")).to_have_count(0)
    use_theme(page, "JupyterLab Dark")
    shoot(page, "runs 03 curves dark")
    use_theme(page, "JupyterLab Light")


def tip_of_last(page: Page) -> Locator:
    """The last point of those in sight."""
    plot = chart(page, "balance").locator(".jp-Insighter-Plot")
    plot.focus()
    plot.press("End")
    return plot.locator(".jp-Insighter-Plot-tip")


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_what_differs_between_runs_is_marked(page: Page, project: Project) -> None:
    runs = []
    for name, depth, loss in [("deep", 12, 0.2), ("flat", 2, 0.4), ("wide", 2, 0.3)]:
        runs.append(project.run(name, {"depth": depth, "seed": 42}, {"stage": "trial"}))
        project.log(runs[-1], "loss", {0: 1.0, 1: loss})
        project.post("runs/update", run_id=runs[-1], status="FINISHED", end_time=int(time.time() * 1000))
    command(page, "insighter:compare-runs", project=project.id, experiment=project.experiment, runs=runs)
    shown = panel(page)
    matrix = shown.get_by_role("region", name="Comparison")
    expect(matrix.get_by_role("columnheader")).to_have_text(["deep", "flat", "wide"])

    def line(name: str) -> Locator:
        return matrix.locator("tr", has=page.locator(f'th[title="{name}"]'))

    differs = re.compile("jp-mod-differs")
    expect(line("depth")).to_have_class(differs)
    expect(line("depth")).to_contain_text("differs")
    expect(line("depth").locator("td")).to_have_text(["12", "2", "2"])
    expect(line("loss")).to_have_class(differs)
    expect(line("loss").locator("td")).to_have_text(["0.2min", "0.4max", "0.3"])
    expect(line("seed")).not_to_have_class(differs)
    expect(line("stage")).not_to_have_class(differs)
    shoot(page, "runs 04 comparison")

    shown.get_by_label("Only what differs").check()
    expect(line("depth")).to_be_visible()
    expect(line("seed")).to_have_count(0)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.get_by_role("button", name="Copy the comparison as Markdown").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "| depth | 12 | 2 | 2 |" in copied
    assert "seed" not in copied

    # A run is taken out of the curves, and comes back.
    plot = chart(page, "loss").get_by_role("img")
    expect(plot).to_have_attribute("aria-label", re.compile("curves of 3 runs"))
    legend = shown.get_by_role("list", name="Runs", exact=True)
    legend.get_by_role("button", name="flat").click()
    expect(plot).to_have_attribute("aria-label", re.compile("curves of 2 runs"))
    legend.get_by_role("button", name="Show all").click()
    expect(plot).to_have_attribute("aria-label", re.compile("curves of 3 runs"))
    colours = legend.locator("line").evaluate_all("lines => lines.map(line => line.getAttribute('stroke'))")
    assert len(set(colours)) == 3

    # A reload brings it back, and the palette asks for the runs.
    reload(page)
    expect(panel(page).get_by_role("region", name="Comparison").get_by_role("columnheader")).to_have_count(3)
    page.evaluate("void window.jupyterapp.commands.execute('insighter:compare-runs', {isPalette: true})")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("deep").check()
    dialog.get_by_role("button", name="Compare").click()
    expect(dialog).to_contain_text("Choose 2 to 20 runs.")
    dialog.get_by_label("wide").check()
    shoot(page, "runs 05 choose")
    dialog.get_by_role("button", name="Compare").click()
    expect(panel(page).get_by_role("columnheader")).to_have_text(["deep", "wide"])
    page.set_viewport_size({"width": 1024, "height": 700})
    use_theme(page, "JupyterLab Dark")
    shoot(page, "runs 06 comparison dark narrow")
    use_theme(page, "JupyterLab Light")


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_an_experiments_runs_over_parameters_and_metrics(page: Page, project: Project) -> None:
    for number, (model, depth) in enumerate(
        [("forest", 2), ("forest", 4), ("boosting", 8), ("boosting", 16)]
    ):
        run = project.run(f"run-{number}", {"model": model, "depth": depth, "seed": 42})
        project.log(run, "loss", {0: 1.0 - 0.2 * number})
        project.post("runs/update", run_id=run, status="FINISHED", end_time=int(time.time() * 1000))
    command(page, "insighter:open-experiment", project=project.id, id=project.experiment, name="search")
    shown = panel(page)
    if shown.get_by_role("tab", name="Parallel coordinates").count() == 0:
        shown.get_by_role("button", name="Charts", exact=True).click()
    # metrics of one value are bars
    expect(chart(page, "loss").locator(".jp-Insighter-Bars li")).to_have_count(4)

    shown.get_by_role("tab", name="Parallel coordinates").click()
    names = shown.locator(".jp-Insighter-Axis-name")
    # what is the same for all tells nothing
    expect(names).to_have_count(3)
    expect(names.filter(has_text="seed")).to_have_count(0)
    expect(shown).to_contain_text("4 of 4 runs")
    expect(shown.locator('[data-axis="params.model"]')).to_contain_text("boosting")

    # A part of an axis is chosen by dragging along it.
    line = shown.locator('[data-axis="metrics.loss"]')
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + box["height"] - 1)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    expect(shown).to_contain_text("2 of 4 runs")
    shoot(page, "runs 13 parallel")
    # and, with the keyboard, of another: both together
    model = shown.get_by_role("button", name="Axis model: all")
    model.focus()
    before = names.all_inner_texts()
    model.press("ArrowLeft" if before[0] != "model" else "ArrowRight")
    assert names.all_inner_texts() != before
    shown.get_by_role("button", name="Axis model: all").press("Shift+ArrowUp")
    expect(shown.get_by_role("button", name="Axis model: forest to forest")).to_be_visible()
    expect(shown).to_contain_text("0 of 4 runs")
    shown.get_by_role("button", name="Choose all again").click()
    expect(shown).to_contain_text("4 of 4 runs")

    # The axes are chosen too.
    shown.get_by_text(re.compile(r"^Axes \(3\)$")).click()
    shown.get_by_role("group", name="Axes").get_by_label("seed").check()
    expect(names).to_have_count(4)

    # A point of the scatter opens its run.
    shown.get_by_role("tab", name="Scatter").click()
    shown.get_by_role("combobox", name="Across").select_option("params.depth")
    shown.get_by_role("combobox", name="Up").select_option("metrics.loss")
    plot = shown.get_by_role("img", name="loss over depth, a point for each of 4 runs")
    plot.press("End")
    expect(plot).to_contain_text("run-3")
    expect(plot).to_contain_text("depth: 16")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "runs 14 scatter dark")
    use_theme(page, "JupyterLab Light")

    shown.get_by_role("tab", name="Differences").click()
    expect(
        shown.get_by_role("region", name="Comparison").locator("tr.jp-mod-differs", has_text="depth")
    ).to_be_visible()
    shown.get_by_role("tab", name="Scatter").click()
    plot.press("End")
    plot.press("Enter")
    expect(panel(page).get_by_role("heading", name="run-3")).to_be_visible()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_artifacts_are_shown_and_never_run(page: Page, project: Project) -> None:
    run = project.run("files", {})
    notebook = {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": f"# A notebook\n{ATTACK}"},
            {
                "cell_type": "code",
                "execution_count": 7,
                "metadata": {},
                "source": ["x = 41\n", "x + 1"],
                "outputs": [
                    {
                        "output_type": "execute_result",
                        "execution_count": 7,
                        "metadata": {},
                        "data": {"text/html": f"<b>forty-two</b>{ATTACK}", "text/plain": "42"},
                    },
                    {
                        "output_type": "display_data",
                        "metadata": {},
                        "data": {"application/javascript": "window.top.ran = 'ran'"},
                    },
                ],
            },
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">{SCRIPT}<circle r="20"/></svg>'
    files = {
        "plots/plot.png": PNG,
        "plots/plot.svg": svg.encode(),
        "report.md": f"# The report\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n{ATTACK}".encode(),
        "table.csv": b'name,alcohol\n"a, ""b""",12.5\nc,13\n' + b"d,14\n" * 500,
        "page.html": f"<h1>The page</h1>{ATTACK}".encode(),
        "data.json": b'{"depth": 12, "name": "forest"}',
        "analysis.ipynb": json.dumps(notebook).encode(),
        "model/MLmodel": b"artifact_path: model\nflavors:\n  sklearn: {}\n",
        "model/model.pkl": b"\x80\x04\x95\x00\x00\x00",
        "log.txt": b"a line\n" * 200_000,
    }
    for path, content in files.items():
        project.put(run, path, content)
    shown = open_run(page, project, run, "files")
    shown.get_by_role("tab", name="Artifacts").click()
    tree = shown.get_by_role("list", name="Artifacts")

    def look(name: str) -> Locator:
        tree.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()
        body = shown.get_by_role("region", name=name, exact=True)
        expect(body).to_be_visible()
        return body

    expect(look("report.md").locator("h1")).to_contain_text("The report")
    expect(look("report.md").locator("table td")).to_have_text(["1", "2"])
    table = look("table.csv")
    expect(table.locator("thead th")).to_have_text(["name", "alcohol"])
    expect(table.locator("tbody tr").first.locator("td")).to_have_text(['a, "b"', "12.5"])
    expect(table).to_contain_text("The first 200 rows")
    framed = look("page.html").locator("iframe")
    expect(framed).to_have_attribute("sandbox", "")
    expect(framed.content_frame.locator("h1")).to_have_text("The page")
    shoot(page, "runs 07 artifacts page")
    expect(look("data.json")).to_contain_text("forest")
    cells = look("analysis.ipynb")
    expect(cells.locator("h1")).to_contain_text("A notebook")
    expect(cells.locator("b", has_text="forty-two")).to_be_visible()
    expect(cells).to_contain_text("This is not shown here: application/javascript")
    shoot(page, "runs 08 artifacts notebook")
    text = look("log.txt")
    expect(text).to_contain_text("The beginning. Download the file for all of it.")
    tree.get_by_role("button", name="plots").click()
    picture = look("plot.png").locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 1
    drawing = look("plot.svg").locator("img")
    expect(drawing).to_have_js_property("naturalWidth", 40)
    tree.get_by_role("button", name="model", exact=True).click()
    expect(look("MLmodel")).to_contain_text("flavors")
    expect(look("model.pkl")).to_contain_text("A file of this kind is not shown here.")
    with page.expect_download() as download:
        shown.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == files["model/model.pkl"]
    assert page.evaluate("window.ran") is None
    assert "ran" not in page.title()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_notes_tags_name_and_deletion(
    page: Page, lab: JupyterServer, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.secret)
    client = MlflowClient(f"{lab.url}/insighter/mlflow")
    run = project.run("noted", {}, {"stage": "trial"})
    project.post("runs/update", run_id=run, status="FAILED", end_time=int(time.time() * 1000))
    client.set_tag(run, "insighter.failure.reason", "out_of_memory")
    client.set_tag(run, "insighter.failure.detail", "The kernel was ended at 14.2 GB.")
    client.set_tag(run, "mlflow.source.git.commit", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678")
    client.set_tag(run, "mlflow.source.git.repoURL", "https://ana:hunter2@example.org/ana/forest.git")
    shown = open_run(page, project, run, "noted")
    expect(shown).to_contain_text("Failed: out of memory")
    expect(shown).to_contain_text("The kernel was ended at 14.2 GB.")
    expect(shown).to_contain_text("commit a1b2c3d4")
    repository = shown.get_by_role("link", name="example.org/ana/forest")
    expect(repository).to_have_attribute("href", "https://example.org/ana/forest.git")

    # Notes are the tag that MLflow shows.
    shown.get_by_role("button", name="Add notes").click()
    field = shown.get_by_label("Notes", exact=True).last
    field.fill(f"**Too deep** for this machine.\n{ATTACK}")
    field.press("Control+Enter")
    notes = shown.get_by_role("region", name="Notes")
    expect(notes.locator("strong")).to_have_text("Too deep")
    assert client.get_run(run).data.tags["mlflow.note.content"].startswith("**Too deep** for this machine.")
    assert page.evaluate("window.ran") is None
    shoot(page, "runs 09 notes")

    # What another wrote meanwhile is not lost, and neither is what one typed oneself.
    shown.get_by_role("button", name="Edit the notes").click()
    field.fill("Mine")
    client.set_tag(run, "mlflow.note.content", "Theirs")
    shown.get_by_role("button", name="Save").click()
    expect(notes).to_contain_text("This was changed while you edited it.")
    shoot(page, "runs 10 notes meanwhile")
    notes.get_by_role("button", name="Put both together").click()
    shown.get_by_role("button", name="Save").click()
    expect(shown.get_by_role("button", name="Edit the notes")).to_be_visible()
    expect(notes).to_contain_text("Mine")
    assert client.get_run(run).data.tags["mlflow.note.content"] == "Theirs\n\nMine"

    # Tags.
    shown.get_by_role("tab", name="Tags").click()
    shown.get_by_role("button", name="Add a tag").click()
    shown.get_by_label("Name of the tag").fill("stage")
    expect(shown).to_contain_text("The run has a tag of this name")
    shown.get_by_label("Name of the tag").fill("a\tb")
    shown.get_by_label("Value of the tag").fill("7")
    shown.get_by_label("Value of the tag").press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("Names may only contain")
    shown.get_by_label("Name of the tag").fill("batch")
    shown.get_by_label("Value of the tag").press("Enter")
    expect(shown.locator("tbody tr", has_text="batch")).to_contain_text("7")
    shown.get_by_role("button", name="Change the tag stage").click()
    shown.get_by_label("Value of the tag").fill("done")
    shown.get_by_label("Value of the tag").press("Enter")
    expect(shown.locator("tbody tr", has_text="stage")).to_contain_text("done")
    shown.get_by_role("button", name="Take off the tag batch").click()
    expect(shown.locator("tbody tr", has_text="batch")).to_have_count(0)
    tags = client.get_run(run).data.tags
    assert tags["stage"] == "done"
    assert "batch" not in tags

    # Its name.
    shown.get_by_role("button", name="Rename the run").click()
    page.get_by_role("dialog").get_by_label("Name of the run").fill("renamed")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(panel(page).get_by_role("heading", name="renamed")).to_be_visible()
    assert client.get_run(run).info.run_name == "renamed"

    # Away and back, twice: by the notice, and by the page itself.
    shown = panel(page)
    shown.get_by_role("button", name="Delete", exact=True).click()
    expect(shown).to_contain_text("This run is in the trash.")
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    shoot(page, "runs 11 deleted")
    page.get_by_role("button", name="Undo").click()
    expect(shown.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    assert client.get_run(run).info.lifecycle_stage == "active"
    shown.get_by_role("button", name="Delete", exact=True).click()
    shown.get_by_role("button", name="Restore").click()
    expect(shown.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    assert client.get_run(run).info.lifecycle_stage == "active"


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_notebook_that_made_a_run_opens_as_it_was(
    page: Page, lab: JupyterServer, project: Project
) -> None:
    page.get_by_role("button", name="New Notebook", exact=True).click()
    page.get_by_role("button", name="Select Kernel").click()
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=SLOW,
    )
    run_all: Callable[[str], Any] = lambda source: page.evaluate(  # noqa: E731
        "source => { const {shell, commands} = window.jupyterapp;"
        " shell.currentWidget.content.widgets[0].model.sharedModel.setSource(source);"
        " return commands.execute('notebook:run-all-cells'); }",
        source,
    )
    first = (
        "import mlflow\nmlflow.set_experiment('made here')\n"
        "with mlflow.start_run(run_name='made'):\n    mlflow.log_metric('auc', 0.9)\n"
    )
    run_all(first)
    expect(row(page, "Experiments", "made here")).to_contain_text("1 run", timeout=SLOW)
    expect(row(page, "Notebooks", "Untitled")).to_contain_text("v1", timeout=SLOW)
    run_all("print('something else')\n")
    expect(row(page, "Notebooks", "Untitled")).to_contain_text("v2", timeout=SLOW)

    experiments = project.api.get(f"/insighter/api/projects/{project.id}/experiments").json()["items"]
    experiment = next(item["id"] for item in experiments if item["name"] == "made here")
    base = f"/insighter/api/projects/{project.id}/experiments/{experiment}/runs"
    [made] = project.api.get(base).json()["items"]
    shown = open_run(page, project, made["id"], "made")
    expect(shown).to_contain_text("in Untitled v1")
    shoot(page, "runs 12 source")
    shown.get_by_role("button", name="open the notebook as it was").click()
    expect(page.get_by_role("tab", name="Untitled v1.ipynb")).to_be_visible(timeout=SLOW)
    page.wait_for_function(
        "first => window.jupyterapp.shell.currentWidget?.content?.activeCell?.model.sharedModel.getSource() === first",
        arg=first,
        timeout=SLOW,
    )
