"""A notebook of a project, from its first cell to what changed between its versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import shoot, use_theme
from tests.browser.test_journey import panel, row, rows
from tests.running import JupyterServer

SLOW = 60_000

SOURCE = "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
RUN = "source => { const {shell, commands} = window.jupyterapp; %s return commands.execute('notebook:run-all-cells'); }"
SET = "shell.currentWidget.content.widgets[0].model.sharedModel.setSource(source);"


def command(page: Page, called: str, **args: Any) -> Any:
    return page.evaluate(
        "([called, args]) => window.jupyterapp.commands.execute(called, args).then(() => null)",
        [called, args],
    )


def run_all(page: Page, source: str) -> None:
    """Have this in the first cell of the notebook that is shown, and run it."""
    page.evaluate(RUN % SET, source)


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_what_ran_is_a_version_and_what_changed_is_shown(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Wine notes"}).json()
        base = f"/insighter/api/projects/{project['id']}/notebooks"
        page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
        command(page, "insighter:switch-project", id=project["id"], name=project["name"])
        expect(page.get_by_text("No notebooks yet")).to_be_visible()

        # ＋ makes one in the project's folder; Jupyter asks for its kernel.
        page.get_by_role("button", name="New Notebook", exact=True).click()
        select = page.get_by_role("button", name="Select Kernel")
        expect(select).to_be_visible(timeout=SLOW)
        select.click()
        expect(row(page, "Notebooks", "Untitled")).to_contain_text("never ran", timeout=SLOW)
        expect(page.locator(".jp-Insighter-NotebookBadge-button")).to_contain_text("Wine notes")
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=SLOW,
        )
        assert (lab.root / project["folder"] / "Untitled.ipynb").is_file()

        # What ran is kept, unsaved as it is.
        run_all(page, "depth = 12\nprint(depth)\n" + "\n".join(f"x{n} = {n}" for n in range(12)))
        expect(row(page, "Notebooks", "Untitled")).to_contain_text("v1", timeout=SLOW)
        [made] = api.get(base).json()["items"]
        assert (made["versions"], made["last_run"]["outcome"]) == (1, "ok")
        shoot(page, "notebooks 01 ran")

        # To run the same again is no other version.
        page.evaluate(RUN % "", "")
        page.wait_for_timeout(3_000)
        assert api.get(f"{base}/{made['id']}").json()["versions"] == 1

        # Saved, it carries its id; renamed, it is the same.
        page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")
        file = lab.root / project["folder"] / "Untitled.ipynb"
        assert json.loads(file.read_text())["metadata"]["insighter"] == {"notebook": made["id"]}
        page.evaluate(
            "async folder => { const {serviceManager, shell} = window.jupyterapp;"
            " await serviceManager.contents.rename(`${folder}/Untitled.ipynb`, `${folder}/Forest.ipynb`); }",
            project["folder"],
        )
        expect(row(page, "Notebooks", "Forest")).to_contain_text("v1", timeout=SLOW)
        assert [item["id"] for item in api.get(base).json()["items"]] == [made["id"]]

        # A run that fails is one too; the error stops nothing of ours.
        more = "depth = 13\nwidth = 3\nprint(depth)\n" + "\n".join(f"x{n} = {n}" for n in range(12))
        run_all(page, more)
        expect(row(page, "Notebooks", "Forest")).to_contain_text("v2", timeout=SLOW)
        run_all(page, more + "\n1 / 0")
        expect(row(page, "Notebooks", "Forest")).to_contain_text("v3", timeout=SLOW)
        expect(row(page, "Notebooks", "Forest")).to_contain_text("failed")
        expect(rows(page, "Notebooks")).to_have_count(1)

        row(page, "Notebooks", "Forest").locator("button").first.click()
        expect(panel(page).get_by_role("heading", name="Forest")).to_be_visible()
        expect(panel(page).locator("tbody tr")).to_have_count(3)
        shoot(page, "notebooks 02 versions")
        panel(page).locator("tbody tr", has_text="v2").get_by_role("button", name="Changes").click()
        changed = panel(page).locator(".jp-Insighter-CellDiff")
        expect(changed).to_be_visible(timeout=SLOW)
        lines = changed.locator(".jp-Insighter-CellDiff-line")
        expect(lines.filter(has_text="depth = 12")).to_have_attribute("data-op", "removed")
        expect(lines.filter(has_text="depth = 13")).to_have_attribute("data-op", "added")
        expect(lines.filter(has_text="width = 3")).to_have_attribute("data-op", "added")
        expect(lines.filter(has_text="x11 = 11")).to_have_count(0)
        expect(changed.locator(".jp-Insighter-CellDiff-outputs")).to_contain_text("12")
        shoot(page, "notebooks 03 changes")
        changed.get_by_role("button", name="Show 10 more lines").click()
        expect(lines.filter(has_text="x11 = 11")).to_have_count(1)
        use_theme(page, "JupyterLab Dark")
        shoot(page, "notebooks 04 changes dark")
        page.set_viewport_size({"width": 1024, "height": 700})
        panel(page).get_by_role("tab", name="Versions").click()
        shoot(page, "notebooks 05 versions dark narrow")
        page.set_viewport_size({"width": 1280, "height": 800})
        use_theme(page, "JupyterLab Light")

        # The first version comes back into the file, and the way back is offered.
        panel(page).get_by_role("button", name="More about version 1").click()
        page.get_by_role("menuitem", name="Restore into the File").click()
        undo = page.get_by_role("button", name="Undo")
        expect(undo).to_be_visible(timeout=SLOW)
        shoot(page, "notebooks 06 restored")
        restored = lab.root / project["folder"] / "Forest.ipynb"
        assert source_of(restored).startswith("depth = 12\n")
        assert json.loads(restored.read_text())["metadata"]["insighter"] == {"notebook": made["id"]}
        undo.click()
        expect(row(page, "Notebooks", "Forest")).to_contain_text("v5", timeout=SLOW)
        assert source_of(restored).endswith("1 / 0")

        # An old version opens as a file of its own, which is another notebook.
        command(page, "insighter:copy-notebook-version", project=project["id"], id=made["id"], version=1)
        expect(row(page, "Notebooks", "Forest v1")).to_be_visible(timeout=SLOW)
        page.wait_for_function(f"({SOURCE})().startsWith('depth = 12')", timeout=SLOW)

        # Deleted from the project, the file stays.
        row(page, "Notebooks", "Forest v1").click(button="right")
        page.get_by_role("menuitem", name="Delete Notebook…").click()
        shoot(page, "notebooks 07 delete")
        page.get_by_role("dialog").get_by_role("button", name="Move to Trash").click()
        expect(row(page, "Notebooks", "Forest v1")).to_have_count(0)
        assert (lab.root / project["folder"] / "Forest v1.ipynb").is_file()
        told = page.locator(".Toastify__toast", has_text="in the trash until")
        expect(told).to_contain_text("“Forest v1”", timeout=SLOW)
        command(page, "insighter:open-trash", project=project["id"])
        expect(page.get_by_role("row", name="Forest v1")).to_contain_text("Notebook", timeout=SLOW)
        shoot(page, "notebooks 08 in the trash")
        told.get_by_role("button", name="Undo").click()
        expect(row(page, "Notebooks", "Forest v1")).to_be_visible(timeout=SLOW)


def source_of(file: Path) -> str:
    """The first cell's."""
    source = json.loads(file.read_text())["cells"][0]["source"]
    return source if isinstance(source, str) else "".join(source)


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_to_open_a_notebook_changes_nothing_of_it(page: Page, lab: JupyterServer) -> None:
    """Neither one of a project's folder before it runs, nor ever one elsewhere."""
    cell = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "source": "1",
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]})
    with lab.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Only looking"}).json()
        for path in ("elsewhere.ipynb", f"{project['folder']}/looked-at.ipynb"):
            (lab.root / path).write_text(content)
            page.evaluate(
                "path => window.jupyterapp.commands.execute('docmanager:open', {path}).then(() => null)",
                path,
            )
            page.wait_for_function(
                "path => window.jupyterapp.shell.currentWidget.context?.path === path", arg=path
            )
            badge = page.locator(".jp-NotebookPanel:visible .jp-Insighter-NotebookBadge")
            if path.startswith("elsewhere"):
                page.wait_for_timeout(1_500)
                expect(badge).to_be_hidden()
            else:
                expect(badge).to_be_visible()
            # Jupyter itself notes the kernel.
            mark = (
                "window.jupyterapp.shell.currentWidget.context.model.getMetadata('insighter') === undefined"
            )
            assert page.evaluate(mark)
            assert (lab.root / path).read_text() == content
        [bound] = api.get(f"/insighter/api/projects/{project['id']}/notebooks").json()["items"]
        assert bound["name"] == "looked-at"
