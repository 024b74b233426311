"""The whole journey by mouse and keyboard: from the launcher to predictions, with a screenshot of each step."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import reload, shoot, use_theme
from tests.running import JupyterServer

SLOW = 120_000


def rows(page: Page, section: str) -> Locator:
    """The rows of a section of the sidebar."""
    return page.get_by_role("list", name=section, exact=True).locator(".jp-Insighter-Row")


def row(page: Page, section: str, name: str) -> Locator:
    """A row of the sidebar by its name."""
    named = page.locator(".jp-Insighter-Row-name", has_text=re.compile(f"^{re.escape(name)}$"))
    return rows(page, section).filter(has=named)


def panel(page: Page) -> Locator:
    """The page in the main area that is shown."""
    return page.locator(".jp-Insighter-Page:visible")


def wines_in_another_order(lab: JupyterServer, folder: Path) -> Path:
    """The quickstart's data as a user's own file."""
    with lab.client() as api:
        projects = api.get("/insighter/api/projects").json()["items"]
        project = next(item for item in projects if item["name"] == "Wine quality")
        content = api.get(f"/insighter/api/projects/{project['id']}/datasets/wine/versions/1/content").content
    header, *lines = list(csv.reader(io.StringIO(content.decode())))
    path = folder / "wine.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *reversed(lines)])
    return path


@pytest.mark.browser
@pytest.mark.timeout(420)
def test_from_the_launcher_to_predictions(page: Page, lab: JupyterServer, tmp_path: Path) -> None:
    card = page.get_by_text("Quickstart", exact=True).first
    expect(card).to_be_visible()
    shoot(page, "01 launcher")

    # The quickstart makes a project, and opens its notebook.
    card.click()
    expect(page.get_by_role("tab", name="quickstart.ipynb")).to_be_visible(timeout=SLOW)
    expect(row(page, "Datasets", "wine")).to_contain_text("178×14", timeout=30_000)
    shoot(page, "02 quickstart")

    # The user's own file becomes the next version.
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("^Upload")).first.click()
    chooser.value.set_files(wines_in_another_order(lab, tmp_path))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Adds version 2")
    shoot(page, "03 upload")
    dialog.get_by_role("button", name="Upload").click()
    expect(row(page, "Datasets", "wine")).to_contain_text("v2", timeout=30_000)

    # Its rows.
    row(page, "Datasets", "wine").click()
    expect(panel(page)).to_contain_text("178 rows × 14 columns")
    page.get_by_label("Show as table").check()
    expect(panel(page).get_by_role("columnheader", name="alcohol", exact=True)).to_be_visible()
    page.get_by_label("Show as table").uncheck()
    shoot(page, "04 dataset")

    # The notebook, all cells.
    page.get_by_role("tab", name="quickstart.ipynb").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(row(page, "Experiments", "quickstart")).to_contain_text("1 run", timeout=SLOW)
    expect(row(page, "Models", "wine-quality")).to_contain_text("v1", timeout=SLOW)
    expect(row(page, "Deployments", "wine")).to_contain_text("healthy", timeout=SLOW)
    shoot(page, "05 notebook")

    # The run with its metrics.
    row(page, "Experiments", "quickstart").click()
    expect(panel(page)).to_contain_text("accuracy")
    shoot(page, "06 experiment")
    panel(page).get_by_text("logistic", exact=True).click()
    expect(panel(page)).to_contain_text("auc")
    expect(panel(page)).to_contain_text("finished", ignore_case=True)
    shoot(page, "07 run")

    # The model, deployed by a click.
    row(page, "Models", "wine-quality").click()
    expect(panel(page)).to_contain_text("champion")
    shoot(page, "08 model")
    panel(page).get_by_role("button", name=re.compile("^Deploy")).first.click()
    dialog.get_by_label("Name of the endpoint").fill("wine-live")
    shoot(page, "09 deploy")
    dialog.get_by_role("button", name="Deploy").click()
    expect(panel(page).locator("h1", has_text="wine-live")).to_be_visible(timeout=30_000)
    expect(row(page, "Deployments", "wine-live")).to_contain_text("healthy", timeout=SLOW)

    # Tried with the form made from its signature.
    form = panel(page).get_by_role("region", name="Try it")
    expect(form.get_by_label("alcohol", exact=False).first).not_to_have_value("")
    form.get_by_role("button", name="Predict").click()
    expect(form.get_by_role("status").last).to_contain_text(
        re.compile("Barolo|Grignolino|Barbera"), timeout=30_000
    )
    shoot(page, "10 endpoint light")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "11 endpoint dark")
    page.set_viewport_size({"width": 1024, "height": 700})
    shoot(page, "12 endpoint dark narrow")
    page.set_viewport_size({"width": 1280, "height": 800})
    for name, section, thing in [
        ("13 dataset dark", "Datasets", "wine"),
        ("14 experiment dark", "Experiments", "quickstart"),
        ("15 model dark", "Models", "wine-quality"),
    ]:
        row(page, section, thing).click()
        shoot(page, name)
    use_theme(page, "JupyterLab Light")

    # Stopped.
    row(page, "Deployments", "wine-live").click()
    panel(page).get_by_role("button", name="Stop", exact=True).click()
    expect(row(page, "Deployments", "wine-live")).to_contain_text("stopped", timeout=30_000)
    expect(panel(page).get_by_role("button", name="Start", exact=True)).to_be_visible()
    shoot(page, "16 stopped")

    # A reload brings the workspace back.
    reload(page)
    expect(page.get_by_role("tab", name="wine-live")).to_be_visible(timeout=30_000)


@pytest.mark.browser
def test_bad_input_is_answered_in_words_and_nothing_typed_is_lost(
    page: Page, lab: JupyterServer, tmp_path: Path
) -> None:
    with lab.client() as api:
        made = api.post("/insighter/api/projects", json={"name": "Bad input"}).json()
    page.evaluate(
        "args => window.jupyterapp.commands.execute('insighter:switch-project', args)",
        {"id": made["id"], "name": made["name"]},
    )
    page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
    expect(page.get_by_text("No data yet")).to_be_visible()
    shoot(page, "20 empty project")

    # A file that is no table: the reason, the file's name, and a way on.
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("^Upload")).first.click()
    chooser.value.set_files(picture)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    problem = page.get_by_text("picture.csv was not uploaded")
    expect(problem).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    shoot(page, "21 not a table")
    page.get_by_role("button", name="Dismiss").click()
    expect(problem).not_to_be_visible()

    # A name that is taken: the dialog stays, with what was typed.
    page.evaluate("void window.jupyterapp.commands.execute('insighter:create-project')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").first.fill("bad INPUT")
    dialog.get_by_role("button", name=re.compile("Create|New|Make")).last.click()
    expect(dialog).to_contain_text("you already have a project", ignore_case=True)
    expect(dialog.get_by_label("Name").first).to_have_value("bad INPUT")
    shoot(page, "22 name taken")
    dialog.get_by_role("button", name="Cancel").click()


@pytest.mark.browser
def test_markup_in_names_stays_text(page: Page, lab: JupyterServer) -> None:
    hostile = "<img src=x onerror=window.hacked=1>"
    with lab.client() as api:
        made = api.post("/insighter/api/projects", json={"name": hostile, "description": hostile})
        assert made.status_code == 201, made.text
        base = f"/insighter/api/projects/{made.json()['id']}"
        upload = api.post(
            httpx.URL(f"{base}/datasets/{'%3Cb%3Ebold%3C%2Fb%3E'.replace('%2F', '-')}/versions"),
            params={"filename": hostile},
            content=f'"{hostile}",b\n{hostile},2\n'.encode(),
        )
        assert upload.status_code == 201, upload.text
    page.evaluate(
        "args => window.jupyterapp.commands.execute('insighter:switch-project', args)",
        {"id": made.json()["id"], "name": hostile},
    )
    page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
    rows(page, "Datasets").first.click()
    page.get_by_label("Show as table").check()
    expect(panel(page).get_by_role("columnheader", name=hostile)).to_be_visible()
    assert page.evaluate("window.hacked") is None
