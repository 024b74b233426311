"""The trash by mouse: what is deleted comes back at once or later, and a purge says what it freed."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import reload, shoot, use_theme
from tests.browser.test_journey import panel, row
from tests.running import JupyterServer

API = "/insighter/api"


def table(rows: int, salt: int) -> bytes:
    return ("a,b\n" + "\n".join(f"{n},{(n + salt) * 7919 % 10007}" for n in range(rows))).encode()


def begin(page: Page, api: httpx.Client, name: str) -> dict[str, Any]:
    """A project with three datasets and a model, open in the sidebar."""
    made: dict[str, Any] = api.post(f"{API}/projects", json={"name": name}).json()
    for salt, dataset in enumerate(
        ["wine", "port", "a rather long name of a dataset, with words enough to wrap"]
    ):
        answer = api.post(
            f"{API}/projects/{made['id']}/datasets/{dataset}/versions", content=table(3000, salt)
        )
        assert answer.status_code == 201, answer.text
    page.evaluate(
        "args => window.jupyterapp.commands.execute('insighter:switch-project', args)",
        {"id": made["id"], "name": name},
    )
    page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
    expect(row(page, "Datasets", "wine")).to_be_visible()
    return made


def delete(page: Page, name: str) -> None:
    row(page, "Datasets", name).click(button="right")
    page.get_by_role("menuitem", name="Delete Dataset…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("until it is restored from the trash")
    dialog.get_by_role("button", name="Move to Trash").click()
    expect(row(page, "Datasets", name)).to_have_count(0)


def open_trash(page: Page) -> None:
    page.get_by_role("button", name="Project actions").click()
    page.get_by_role("menuitem", name="Trash").click()
    expect(panel(page).get_by_role("heading", name="Trash", exact=True)).to_be_visible()


@pytest.mark.browser
def test_undone_restored_and_purged(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        project = begin(page, api, "Tidy")
        objects = lab.data_dir / "objects" / project["id"]

        # Undone at once.
        delete(page, "wine")
        told = page.get_by_text(re.compile("“wine” is in the trash until"))
        expect(told).to_be_visible()
        shoot(page, "60 moved to the trash")
        page.get_by_role("button", name="Undo").click()
        expect(row(page, "Datasets", "wine")).to_be_visible()

        # An empty trash teaches.
        open_trash(page)
        expect(panel(page)).to_contain_text("stays here for 30 days")
        shoot(page, "61 empty trash")

        # Restored later, under another name where the old one is taken.
        for name in ("wine", "port", "a rather long name of a dataset, with words enough to wrap"):
            delete(page, name)
        entry = panel(page).get_by_role("row", name=re.compile("^wine"))
        expect(entry).to_contain_text("Dataset")
        expect(entry).to_contain_text("kB")
        shoot(page, "62 trash")
        page.set_viewport_size({"width": 1024, "height": 700})
        use_theme(page, "JupyterLab Dark")
        shoot(page, "63 trash narrow dark")
        use_theme(page, "JupyterLab Light")
        page.set_viewport_size({"width": 1280, "height": 800})
        api.post(f"{API}/projects/{project['id']}/datasets/wine/versions", content=table(5, 9))
        entry.get_by_role("button", name=re.compile("^Bring|^Restore")).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("is called “wine” by now")
        shoot(page, "64 restore under another name")
        dialog.get_by_label("Name").fill("old wine")
        dialog.get_by_role("button", name="Restore").click()
        expect(row(page, "Datasets", "old wine")).to_be_visible()
        expect(row(page, "Datasets", "wine")).to_be_visible()

        # For good: says what goes, and what it freed, which is what the disk has back.
        before = sum(path.stat().st_size for path in objects.rglob("*") if path.is_file())
        panel(page).get_by_role("button", name="Empty Trash…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("2 deleted things go for good")
        expect(dialog).to_contain_text("This cannot be undone.")
        shoot(page, "65 empty the trash")
        dialog.get_by_role("button", name="Empty Trash").click()
        freed = page.get_by_text(re.compile(r"Freed [\d.,]+ kB: 4 stored files\."))
        expect(freed).to_be_visible()
        expect(panel(page)).to_contain_text("The trash is empty")
        after = sum(path.stat().st_size for path in objects.rglob("*") if path.is_file())
        said = re.search(r"Freed ([\d.,]+) kB", freed.inner_text())
        assert said is not None and abs(float(said[1].replace(",", "")) - (before - after) / 1000) < 1
        shoot(page, "66 freed")
        reload(page)
        expect(page.get_by_role("tab", name="Trash")).to_be_visible()


@pytest.mark.browser
def test_a_project_is_deleted_and_comes_back(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        project = begin(page, api, "Gone and back")

        def remove() -> None:
            page.get_by_role("button", name="Project actions").click()
            page.get_by_role("menuitem", name="Delete Project…").click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("until you restore it from the trash")
            dialog.get_by_role("textbox").fill("Gone and back")
            dialog.get_by_role("button", name="Move to Trash").click()
            expect(page.get_by_text(re.compile("“Gone and back” is in the trash until"))).to_be_visible()
            assert api.get(f"{API}/projects/{project['id']}").status_code == 404

        remove()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name=re.compile("Project Gone and back"))).to_be_visible()
        expect(row(page, "Datasets", "wine")).to_be_visible()
        expect(page.get_by_text(re.compile("“Gone and back” is in the trash until"))).to_have_count(0)

        page.get_by_role("button", name="Project actions").click()
        page.keyboard.press("Escape")
        remove()
        page.locator(".jp-Insighter-Switcher").click()
        page.get_by_role("menuitem", name="Deleted Projects…").click()
        entry = panel(page).get_by_role("row", name=re.compile("^Gone and back"))
        expect(entry).to_contain_text("3 datasets")
        shoot(page, "67 deleted projects")
        entry.get_by_role("button", name=re.compile("for Good|for good")).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("3 datasets")
        dialog.get_by_role("button", name="Cancel").click()
        entry.get_by_role("button", name=re.compile("^Bring|^Restore")).click()
        expect(entry).to_have_count(0)
        assert api.get(f"{API}/projects/{project['id']}").status_code == 200
