"""A project as a file, by mouse: downloaded, and imported again; and a file that is none."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import shoot, use_theme
from tests.running import JupyterServer

API = "/insighter/api"


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_out_and_in_again(page: Page, lab: JupyterServer, tmp_path: Path) -> None:
    with lab.client() as api:
        project = api.post(f"{API}/projects", json={"name": "Wine"}).json()
        api.post(
            f"{API}/projects/{project['id']}/datasets/wine/versions", content=b"a,b\n1,2\n"
        ).raise_for_status()
    (lab.root / project["folder"] / "notes.md").write_text("# Notes")
    page.evaluate("id => window.jupyterapp.commands.execute('insighter:switch-project', {id})", project["id"])
    expect(page.locator(".jp-Insighter-Switcher")).to_contain_text("Wine")

    page.get_by_role("button", name="Project actions").click()
    page.get_by_role("menuitem", name="Export Project…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("No addresses and nothing that lets anybody in is in it.")
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    shoot(page, "archives 1 export")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "archives 1 export dark")
    with page.expect_download() as downloading:
        dialog.get_by_role("button", name="Export").click()
    file = tmp_path / downloading.value.suggested_filename
    assert file.name.startswith("wine-") and file.name.endswith(".insighter.zip")
    downloading.value.save_as(file)
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
        assert archive.read("files/notes.md") == b"# Notes"

    page.locator(".jp-Insighter-Switcher").click()
    page.get_by_role("menuitem", name="Import Project…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("File").set_input_files(file)
    dialog.get_by_label("Name").fill("Port")
    shoot(page, "archives 2 import dark")
    dialog.get_by_role("button", name="Import").click()
    done = page.locator(".Toastify__toast", has_text="“Port” is imported.")
    expect(done).to_be_visible(timeout=30_000)
    shoot(page, "archives 3 imported dark")
    done.get_by_role("button", name="Open").click()
    expect(page.locator(".jp-Insighter-Switcher")).to_contain_text("Port")
    expect(page.get_by_role("list", name="Datasets", exact=True)).to_contain_text("wine")
    use_theme(page, "JupyterLab Light")

    # A file that is no archive: said where the import was, and nothing is there.
    wrong = tmp_path / "holiday.zip"
    wrong.write_bytes(b"PK\x03\x04 not really")
    page.set_viewport_size({"width": 1024, "height": 700})
    page.evaluate("() => void window.jupyterapp.commands.execute('insighter:import-project')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Import").click()
    expect(dialog).to_be_visible()  # without a file there is nothing to import
    dialog.get_by_label("File").set_input_files(wrong)
    shoot(page, "archives 4 import")
    dialog.get_by_role("button", name="Import").click()
    failed = page.locator(".Toastify__toast", has_text="Not imported:")
    expect(failed).to_contain_text("This file is no archive, or it is cut off", timeout=30_000)
    expect(page.locator(".Toastify__toast", has_text="mporting")).to_have_count(0)
    shoot(page, "archives 5 refused")
    with lab.client() as api:
        names = {one["name"] for one in api.get(f"{API}/projects").json()["items"]}
    assert names == {"Personal", "Wine", "Port"}
