"""The run table with ten thousand runs and a thousand metrics: found, sorted, grouped, tagged, deleted, restored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.api.people import superuser
from tests.browser.pages import shoot, until, use_theme, wait_until_loaded
from tests.browser.runs import fill
from tests.running import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RUNS = 10_000


@dataclass
class Filled:
    """A project with an experiment full of runs, and one with none."""

    project: str
    experiment: str
    empty: str


@pytest.fixture(scope="module")
def filled(lab: JupyterServer) -> Filled:
    with lab.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Wine quality"}).json()["id"]
    made = []
    with superuser(lab) as database:
        for name in ("forest-search", "nothing-yet"):
            row = database.execute(
                "insert into insighter.experiments (project_id, name, created_by)"
                " select id, %s, created_by from insighter.projects where id = %s returning id",
                [name, project],
            ).fetchone()
            assert row is not None
            made.append(str(row[0]))
    fill(lab, project, made[0], runs=RUNS, metrics=12)
    return Filled(project, *made)


class Table:
    """The run table on a page."""

    def __init__(self, page: Page, filled: Filled) -> None:
        self.page, self.filled = page, filled
        self.root = page.locator(".jp-Insighter-RunTable:visible")
        self.grid = self.root.get_by_role("grid", name="Runs")
        self.filter = self.root.get_by_role("combobox", name="Filter")
        self.total = self.root.get_by_role("status").first

    def open(self, experiment: str | None = None) -> None:
        self.page.evaluate(
            "args => window.jupyterapp.commands.execute('insighter:open-experiment', args)",
            {
                "project": self.filled.project,
                "id": experiment or self.filled.experiment,
                "name": "an experiment",
            },
        )

    def row(self, number: int) -> Locator:
        """By its place in the table, from 0."""
        return self.grid.locator(f"[role=row][aria-rowindex='{number + 2}']")

    def run(self, name: str) -> Locator:
        """By its name."""
        return self.grid.get_by_role("row").filter(has=self.page.get_by_role("button", name=name, exact=True))

    def names(self) -> list[str]:
        """What the rows are called that are there."""
        return self.grid.locator("[data-open]").all_text_contents()

    def head(self, label: str) -> Locator:
        return self.grid.get_by_role("columnheader").filter(has_text=re.compile(rf"^{label}\W*\d?\W*$"))

    def cell(self, row: Locator, label: str) -> Locator:
        column = self.head(label).get_attribute("aria-colindex")
        return row.locator(f"[aria-colindex='{column}']")

    def search(self, text: str) -> None:
        self.filter.fill(text)
        self.filter.press("Enter")

    def menu(self, item: str) -> None:
        self.page.locator(".lm-Menu-item").filter(has_text=item).first.click()

    def bar(self, button: str) -> Locator:
        return self.root.get_by_role("toolbar").get_by_role("button", name=re.compile(button))


@pytest.fixture
def table(page: Page, filled: Filled) -> Table:
    made = Table(page, filled)
    page.evaluate("localStorage.clear()")
    made.open()
    expect(made.total).to_have_text("10,000 runs")
    expect(made.head("auc")).to_be_visible()
    return made


def test_only_what_is_in_sight_is_there(table: Table) -> None:
    expect(table.grid).to_have_attribute("aria-rowcount", str(RUNS + 1))
    expect(table.row(0)).to_contain_text("forest-10000")
    assert table.grid.get_by_role("row").count() < 80
    # to the end at once: what is there comes, and nothing of all that lies between
    asked: list[str] = []
    table.page.on(
        "request", lambda request: asked.append(request.post_data or "") if "/query" in request.url else None
    )
    table.grid.press("Control+End")
    expect(table.run("forest-1")).to_be_visible()
    assert table.grid.get_by_role("row").count() < 80
    assert len(asked) <= 3
    # as many columns as there are metrics: those in sight are there
    table.page.evaluate("document.querySelector('.jp-Insighter-Grid').scrollTo(0, 0)")
    table.bar("Columns").click()
    dialog = table.page.get_by_role("dialog")
    dialog.get_by_label("Search columns").fill("metric_0")
    dialog.get_by_role("button", name="Add all 100").click()
    shoot(table.page, "run-table-columns")
    dialog.get_by_role("button", name="Show").click()
    expect(table.grid).to_have_attribute("aria-colcount", re.compile(r"^1[01]\d$"))
    assert table.grid.get_by_role("columnheader").count() < 30
    table.head("Run").click(position={"x": 10, "y": 10})
    table.grid.press("End")
    expect(table.head("metric_099")).to_be_visible()
    # the names stay where they are
    expect(table.head("Run")).to_be_in_viewport()


def test_columns_are_pulled_pinned_and_made_wider(table: Table) -> None:
    page = table.page
    table.head("depth").drag_to(table.head("auc"))
    depth, auc = table.head("depth").bounding_box(), table.head("auc").bounding_box()
    assert depth and auc and depth["x"] < auc["x"]
    edge = table.head("depth").locator(".jp-Insighter-Grid-edge").bounding_box()
    assert edge
    page.mouse.move(edge["x"] + 2, edge["y"] + 10)
    page.mouse.down()
    page.mouse.move(edge["x"] + 62, edge["y"] + 10, steps=4)
    page.mouse.up()
    wider = table.head("depth").bounding_box()
    assert wider and abs(wider["width"] - depth["width"] - 60) <= 2
    # it was not taken for a click that sorts
    assert table.head("depth").get_attribute("aria-sort") is None
    table.head("loss").click(button="right")
    table.menu("Pin to the Left")
    table.head("Run").click(position={"x": 10, "y": 10})
    table.grid.press("End")
    expect(table.head("loss")).to_be_in_viewport()
    # all runs have the same model: it is the one column that hides
    table.root.get_by_label("Differing only").check()
    table.grid.press("Home")
    expect(table.head("lr")).to_be_visible()
    expect(table.head("model")).to_have_count(0)


def test_charts_open_below(table: Table) -> None:
    page = table.page
    page.set_viewport_size({"width": 1280, "height": 900})
    table.bar("Charts").click()
    charts = page.get_by_role("tablist", name="Charts of the experiment")
    expect(charts).to_be_visible()
    for number in range(3):
        table.row(number).get_by_role("checkbox").click()
    page.get_by_role("tab", name="Parallel coordinates").click()
    expect(page.get_by_text("3 of 3 runs")).to_be_visible()
    before = table.grid.bounding_box()
    page.get_by_role("separator", name="Height of the charts").press("ArrowUp")
    after = table.grid.bounding_box()
    assert before and after and after["height"] < before["height"]
    shoot(page, "run-table-charts")
    expect(table.bar("Compare")).to_be_enabled()
    table.bar("Charts").click()
    expect(charts).to_have_count(0)


def test_sorting_is_the_servers(table: Table) -> None:
    table.head("auc").click()
    expect(table.head("auc")).to_have_attribute("aria-sort", "descending")
    expect(table.row(0)).to_contain_text(re.compile(r"0\.99|1\.0"))
    best = table.cell(table.row(0), "auc").inner_text()
    table.head("auc").click()
    expect(table.head("auc")).to_have_attribute("aria-sort", "ascending")
    expect(table.cell(table.row(0), "auc")).not_to_have_text(best)
    expect(table.cell(table.row(0), "auc")).to_have_text(re.compile(r"^0\.500"))
    # a second order below the first
    table.head("depth").click()
    expect(table.head("depth")).to_have_attribute("aria-sort", "ascending")
    table.head("loss").click(modifiers=["Shift"])
    expect(table.head("loss")).to_have_attribute("aria-sort", "descending")
    expect(table.head("depth")).to_have_attribute("aria-sort", "ascending")
    # the best of a column is marked, wherever it is
    table.head("auc").click(button="right")
    table.menu("Mark the Highest Value")
    table.head("auc").click()
    expect(table.cell(table.row(0), "auc")).to_have_class(re.compile("jp-mod-best"))
    expect(table.cell(table.row(12), "auc")).not_to_have_class(re.compile("jp-mod-best"))


def test_a_filter_is_completed_checked_and_remembered(table: Table) -> None:
    page = table.page
    table.grid.focus()
    page.keyboard.press("/")
    expect(table.filter).to_be_focused()
    page.keyboard.type("metrics.au")
    options = table.root.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("metrics.auc")
    shoot(page, "run-table-completion")
    # what is taken over and what is typed on at once come to stand in their order
    page.keyboard.press("Tab")
    page.keyboard.type("> 0.99 AND attributes.status = ")
    expect(table.filter).to_have_value("metrics.auc > 0.99 AND attributes.status = ")
    expect(options).to_have_text(
        [re.compile(word) for word in ("FINISHED", "RUNNING", "FAILED", "KILLED", "SCHEDULED")]
    )
    page.keyboard.type("'FAI")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(table.filter).to_have_value("metrics.auc > 0.99 AND attributes.status = 'FAILED' ")
    page.keyboard.press("Enter")
    expect(table.total).to_have_text(re.compile(r"^\d+ runs match$"))
    expect(table.cell(table.row(0), "Status")).to_have_text("failed")

    # what is wrong is said where it is, and what was there stays
    table.search("metrics.auc >> 0.9")
    error = table.root.get_by_role("alert")
    expect(error).to_be_visible()
    expect(error.locator("mark")).to_be_visible()
    shoot(page, "run-table-error")
    expect(table.filter).to_have_attribute("aria-invalid", "true")
    expect(table.row(0)).to_be_visible()

    # nothing matches: the way out stands there
    table.search("metrics.auc > 7")
    expect(table.root).to_contain_text("No run matches this filter.")
    shoot(page, "run-table-no-match")
    table.root.get_by_role("button", name="Clear the filter").last.click()
    expect(table.total).to_have_text("10,000 runs")

    # a plain word is looked for in the names
    table.filter.fill("forest-99")
    options.filter(has_text="name contains").click()
    table.filter.press("Enter")
    expect(table.total).to_have_text("111 runs match")
    # passing through a filter that is there changes nothing
    table.filter.blur()
    table.filter.focus()
    expect(options.first).to_be_hidden()
    written = table.filter.input_value()
    table.filter.press("Tab")
    expect(table.filter).not_to_be_focused()
    expect(table.filter).to_have_value(written)
    table.filter.focus()
    # Esc once closes what is offered, or clears
    table.filter.press("Escape")
    expect(table.filter).to_have_value("")
    expect(table.total).to_have_text("10,000 runs")
    # what was used is offered again
    table.filter.blur()
    table.filter.click()
    expect(options.first).to_contain_text("forest-99")


def test_groups_are_counted_and_opened(table: Table) -> None:
    table.bar("Group by").click()
    table.menu("lr")
    groups = table.grid.locator(".jp-mod-group")
    expect(groups).to_have_count(3)
    expect(groups.first).to_contain_text("0.01")
    expect(groups.first).to_contain_text("3,334")
    expect(table.cell(groups.first, "auc")).to_have_text(re.compile(r"0\.\d+ 0\.50\d+–(0\.\d+|1\.0+)"))
    groups.nth(1).get_by_role("button").click()
    expect(table.row(2).locator("[data-open]")).to_be_visible()
    expect(table.cell(table.row(2), "lr")).to_have_text(
        groups.nth(1).locator(".jp-Insighter-Grid-value").inner_text()
    )
    expect(table.grid).to_have_attribute("aria-rowcount", re.compile(r"^33\d\d$"))
    shoot(table.page, "run-table-groups")
    table.bar("Group by").click()
    table.menu("Not Grouped")
    expect(table.row(0)).to_contain_text("forest-10000")


def test_the_keyboard_reaches_everything(table: Table) -> None:
    grid = table.grid
    table.row(0).locator("[aria-colindex='3']").click()
    grid.press("ArrowDown")
    grid.press(" ")
    expect(table.row(1)).to_have_attribute("aria-selected", "true")
    expect(table.total).to_have_text("1 run selected")
    for _ in range(3):
        grid.press("Shift+ArrowDown")
    expect(table.total).to_have_text("4 runs selected")
    active = grid.get_attribute("aria-activedescendant")
    assert active is not None
    expect(table.page.locator(f"[id='{active}']")).to_be_visible()
    grid.press("Escape")
    expect(table.total).to_have_text("10,000 runs")
    # all that match, however few are here
    grid.press("Control+a")
    expect(table.total).to_have_text("10,000 runs selected")
    grid.press("Escape")
    # a column's head: sort, move, make wider
    grid.press("Control+Home")
    grid.press("ArrowUp")
    for _ in range(3):
        grid.press("ArrowRight")
    grid.press("Enter")
    expect(table.head("auc")).to_have_attribute("aria-sort", "descending")
    before = table.head("auc").bounding_box()
    grid.press("Alt+ArrowRight")
    after = table.head("auc").bounding_box()
    assert before and after and after["x"] > before["x"]
    grid.press("Alt+Shift+ArrowRight")
    wider = table.head("auc").bounding_box()
    assert wider and wider["width"] == after["width"] + 16
    grid.press("ArrowDown")
    grid.press("Enter")
    expect(table.page.locator(".jp-Insighter-Page-title:visible")).to_have_text(re.compile("forest-"))


def test_many_runs_are_tagged_deleted_and_brought_back(table: Table, lab: JupyterServer) -> None:
    page = table.page
    table.search("attributes.run_name LIKE 'forest-7%' AND params.depth = '5'")
    expect(table.total).to_have_text(re.compile(r"^\d+ runs match$"))
    count = int(table.total.inner_text().split()[0])
    table.grid.get_by_label("Select all runs that match").click()
    expect(table.total).to_have_text(f"{count} runs selected")
    shoot(page, "run-table-selected")
    table.bar("Tag").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tag", exact=True).fill("reviewed")
    dialog.get_by_label("Value").fill("yes")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator(".jp-toast-message").filter(has_text=f"Changed {count} runs")).to_be_visible()
    table.bar("Delete").click()
    expect(table.total).to_have_text("0 runs match")
    table.search("tags.reviewed = 'yes'")
    table.root.get_by_label("Which runs").select_option("Deleted")
    expect(table.total).to_have_text(f"{count} runs match")
    page.locator(".Toastify__toast").filter(has_text="deleted").get_by_role("button", name="Undo").click()
    expect(table.root).to_contain_text("No run matches this filter.")
    table.root.get_by_label("Which runs").select_option("Active")
    expect(table.total).to_have_text(f"{count} runs match")
    # an editor of the shell sees the same: it is MLflow's tag and MLflow's deletion
    with lab.client() as api:
        found = api.post(
            f"/insighter/api/projects/{table.filled.project}/experiments/{table.filled.experiment}/runs/query",
            json={"filter": "tags.reviewed = 'yes'", "tags": ["reviewed"]},
        ).json()
    assert found["total"] == count and not any(run["deleted"] for run in found["items"])


def test_what_is_shown_is_exported(table: Table, tmp_path: Path) -> None:
    table.search("metrics.auc > 0.999")
    expect(table.total).to_have_text(re.compile(r"^\d+ runs match$"))
    count = int(table.total.inner_text().split()[0])
    table.root.get_by_role("button", name="More").click()
    with table.page.expect_download() as download:
        table.menu("Export as CSV")
    download.value.save_as(tmp_path / "runs.csv")
    lines = (tmp_path / "runs.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == count + 1
    head = lines[0].split(",")
    assert head[:2] == ["attributes.run_id", "attributes.run_name"] and "metrics.auc" in head
    assert all(float(line.split(",")[head.index("metrics.auc")]) > 0.999 for line in lines[1:])


def test_a_view_is_kept_for_all_and_survives(table: Table, lab: JupyterServer) -> None:
    page = table.page
    table.head("loss").click()
    table.search("params.lr = '0.1'")
    table.head("depth").click(button="right")
    table.menu("Hide")
    expect(table.head("depth")).to_have_count(0)
    expect(table.bar("View")).to_contain_text("changed")
    table.bar("View").click()
    table.menu("Save as a New View")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("by loss")
    dialog.get_by_role("button", name="Save").click()
    expect(table.bar("View")).to_have_text(re.compile("by loss"))
    expect(table.bar("View")).not_to_contain_text("changed")

    page.reload()
    wait_until_loaded(page)
    table.open()
    expect(table.bar("View")).to_have_text(re.compile("by loss"))
    expect(table.filter).to_have_value("params.lr = '0.1'")
    expect(table.head("loss")).to_have_attribute("aria-sort", "descending")
    expect(table.head("depth")).to_have_count(0)

    # Somebody else changes it meanwhile: nobody's work is overwritten unasked.
    base = f"/insighter/api/projects/{table.filled.project}/run-views"
    with lab.client() as api:
        [view] = api.get(base).json()["items"]
        theirs = {**{name: view[name] for name in ("name", "experiment_id", "columns", "sort", "group_by")}}
        changed = api.put(
            f"{base}/{view['id']}",
            json={**theirs, "filter": "params.lr = '0.01'", "version": view["version"]},
        )
        assert changed.status_code == 200, changed.text
    table.search("params.lr = '0.001'")
    expect(table.bar("View")).to_contain_text("changed")
    table.bar("View").click()
    with lab.client() as api:
        again = {**theirs, "filter": "params.lr = '0.1'", "version": changed.json()["version"]}
        assert api.put(f"{base}/{view['id']}", json=again).status_code == 200
    table.menu("Save “by loss”")
    expect(page.get_by_role("dialog")).to_contain_text("changed meanwhile")
    page.get_by_role("dialog").get_by_role("button", name="Take Theirs").click()
    expect(table.filter).to_have_value("params.lr = '0.1'")

    # Another name saves the name alone: what is shown stays unsaved.
    table.search("params.lr = '0.001'")
    table.bar("View").click()
    table.menu("Rename “by loss”")
    dialog.get_by_label("Name").fill("by least loss")
    dialog.get_by_role("button", name="Save").click()
    expect(table.bar("View")).to_have_text(re.compile("by least loss"))
    expect(table.bar("View")).to_contain_text("changed")
    with lab.client() as api:
        [view] = api.get(base).json()["items"]
        assert (view["name"], view["filter"]) == ("by least loss", "params.lr = '0.1'")
        # What others save before the menu is opened, which loads it, is not overwritten unasked either.
        again = {**theirs, "name": view["name"], "filter": "params.lr = '0.01'", "version": view["version"]}
        assert api.put(f"{base}/{view['id']}", json=again).status_code == 200
    for answer, kept in (("Cancel", "params.lr = '0.01'"), ("Replace Theirs", "params.lr = '0.001'")):
        table.bar("View").click()
        table.menu("Save “by least loss”")
        expect(dialog).to_contain_text("changed meanwhile")
        dialog.get_by_role("button", name=answer).click()
        expect(table.filter).to_have_value("params.lr = '0.001'")
        if answer != "Cancel":
            expect(table.bar("View")).not_to_contain_text("changed")
        with lab.client() as api:
            assert [one["filter"] for one in api.get(base).json()["items"]] == [kept]

    # Deleted and taken back; what an experiment opens with is seen by whoever has chosen nothing.
    table.bar("View").click()
    table.menu("Open with")
    until_views(page, lab, base, [True])
    table.bar("View").click()
    table.menu("Delete “by least loss”")
    expect(table.bar("View")).to_contain_text("usual")
    page.locator(".Toastify__toast").filter(has_text="is deleted").get_by_role("button", name="Undo").click()
    until_views(page, lab, base, [True])
    page.evaluate("localStorage.clear()")
    page.reload()
    wait_until_loaded(page)
    page.evaluate("localStorage.removeItem('insighter:run-table')")
    table.open()
    expect(table.bar("View")).to_have_text(re.compile("by least loss"))
    with lab.client() as api:
        for one in api.get(base).json()["items"]:
            api.delete(f"{base}/{one['id']}")


def until_views(page: Page, lab: JupyterServer, base: str, defaults: list[bool]) -> None:
    """Wait for as many views as are given, and for which of them the experiment opens with."""
    with lab.client() as api:
        until(
            page,
            lambda: [one["is_default"] for one in api.get(base).json()["items"]] == defaults,
            "the views are as they should be",
        )


def test_what_failed_is_asked_for_again(table: Table) -> None:
    views = re.compile(r"/run-views\?")
    table.page.route(views, lambda route: route.fulfill(status=500, json={}))
    table.bar("View").click()
    again = table.root.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    table.page.keyboard.press("Escape")
    again.click()
    expect(again).to_be_visible()
    table.page.unroute(views)
    again.click()
    expect(again).to_have_count(0)
    expect(table.total).to_have_text("10,000 runs")


def test_new_runs_come_and_nothing_jumps(table: Table, lab: JupyterServer) -> None:
    with lab.client() as api:

        def log(path: str, **body: Any) -> Any:
            answer = api.post(
                f"/insighter/mlflow/api/2.0/mlflow/{path}",
                json=body,
                headers={"Authorization": f"token {lab.token}"},
            )
            assert answer.status_code == 200, answer.text
            return answer.json()

        grid = table.grid
        table.page.evaluate("document.querySelector('.jp-Insighter-Grid').scrollTo(0, 28 * 500)")
        watched = table.run("forest-9490")
        expect(watched).to_be_visible()
        before = watched.bounding_box()
        watched.get_by_role("checkbox").click()
        made = log(
            "runs/create",
            experiment_id=table.filled.experiment,
            run_name="newcomer",
            start_time=1_900_000_000_000,
        )["run"]["info"]["run_id"]
        expect(grid).to_have_attribute("aria-rowcount", str(RUNS + 2))
        after = watched.bounding_box()
        assert before and after and abs(before["y"] - after["y"]) < 2
        expect(watched).to_have_attribute("aria-selected", "true")
        grid.press("Escape")
        table.page.evaluate("document.querySelector('.jp-Insighter-Grid').scrollTo(0, 0)")
        expect(table.row(0)).to_contain_text("newcomer")
        expect(table.row(0)).to_contain_text("running")
        log("runs/log-metric", run_id=made, key="auc", value=0.123456, timestamp=1, step=1)
        expect(table.cell(table.row(0), "auc")).to_have_text("0.1235")
        log("runs/update", run_id=made, status="FINISHED", end_time=1_900_000_060_000)
        expect(table.row(0)).to_contain_text("finished")
        log("runs/delete", run_id=made)
        expect(grid).to_have_attribute("aria-rowcount", str(RUNS + 1))


def test_an_empty_experiment_teaches_and_all_fits(table: Table) -> None:
    page = table.page
    for width, height, theme in (
        (1024, 700, "Light"),
        (1024, 700, "Dark"),
        (1800, 1000, "Dark"),
        (1800, 1000, "Light"),
    ):
        page.set_viewport_size({"width": width, "height": height})
        use_theme(page, f"JupyterLab {theme}")
        shoot(page, f"run-table-{width}-{theme}")
        box = table.grid.bounding_box()
        assert box and box["x"] + box["width"] <= width and box["height"] > 200
    table.open(table.filled.empty)
    expect(table.root).to_contain_text("No runs in this experiment yet")
    expect(table.root).to_contain_text("mlflow.set_experiment(")
    shoot(page, "run-table-empty")
