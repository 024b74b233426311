"""A project's home: what it is for, who is there, what it has; and the search over all assets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import shoot, use_theme
from tests.running import JupyterServer

API = "/insighter/api"

SCRIPTED = """# Wine

Which wines are good, and **why**.

<script>window.ran = 'script'</script>
<img src="x" onerror="window.ran = 'image'">
[a link](javascript:window.ran='link')
<iframe srcdoc="<script>parent.ran = 'frame'</script>"></iframe>
"""


@pytest.fixture
def project(lab: JupyterServer) -> Iterator[dict[str, Any]]:
    """A project with a dataset and an experiment."""
    with lab.client() as api:
        made: dict[str, Any] = api.post(
            f"{API}/projects",
            json={"name": f"Wine {uuid4().hex[:6]}", "description": "Which wines are good."},
        ).json()
        for name in ("reds", "whites", "café"):
            upload(api, made, name, b"fixed_acidity,quality\n7.4,5\n7.8,6\n")
        yield made


def upload(api: httpx.Client, project: dict[str, Any], name: str, content: bytes) -> None:
    answer = api.post(f"{API}/projects/{project['id']}/datasets/{name}/versions", content=content)
    assert answer.status_code == 201, answer.text


def enter(page: Page, project: dict[str, Any]) -> Locator:
    """Switch to the project by hand; its home."""
    page.evaluate(
        "project => window.jupyterapp.commands.execute('insighter:switch-project', {id: project.id})", project
    )
    home = page.locator(".jp-Insighter-PageHost", has=page.locator("h1", has_text=project["name"]))
    expect(home).to_be_visible()
    return home


def order(home: Locator, table: str) -> list[str]:
    return home.locator(f"table[aria-label='{table}'] tbody th").all_inner_texts()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_home_shows_the_project_and_its_assets(page: Page, project: dict[str, Any]) -> None:
    home = enter(page, project)
    expect(home.locator(".jp-Insighter-Markdown")).to_have_text("Which wines are good.")
    expect(home.locator("table[aria-label='Datasets'] tbody tr")).to_have_count(3)
    expect(home.locator(".jp-Insighter-Summary")).to_contain_text("3 datasets")

    # Pinned ones stand first, for everybody; a slip is undone.
    row = home.locator("table[aria-label='Datasets'] tbody tr", has_text="reds")
    row.hover()
    row.get_by_role("button", name="Pin", exact=True).click()
    expect(home.locator("table[aria-label='Pinned'] tbody tr")).to_have_count(1)
    other = home.locator("table[aria-label='Datasets'] tbody tr", has_text="whites")
    other.get_by_role("button", name="Pin", exact=True).focus()
    page.keyboard.press("Enter")
    expect(home.locator("table[aria-label='Pinned'] tbody tr")).to_have_count(2)
    assert order(home, "Pinned") == ["reds", "whites"]
    home.locator("table[aria-label='Pinned'] tbody tr", has_text="reds").get_by_role(
        "button", name="Unpin"
    ).click()
    expect(home.locator("table[aria-label='Pinned'] tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(home.locator("table[aria-label='Pinned'] tbody tr")).to_have_count(2)
    assert order(home, "Pinned") == ["reds", "whites"]
    shoot(page, "home")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "home dark")
    page.set_viewport_size({"width": 1024, "height": 700})
    shoot(page, "home dark narrow")
    use_theme(page, "JupyterLab Light")
    shoot(page, "home narrow")

    home.locator("table[aria-label='Datasets']").get_by_role("button", name="whites").click()
    expect(page.locator(".jp-Insighter-PageHost h1", has_text="whites")).to_be_visible()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_all_assets_are_searched_by_keyboard(page: Page, lab: JupyterServer, project: dict[str, Any]) -> None:
    with lab.client() as api:
        other = api.post(f"{API}/projects", json={"name": f"Grapes {uuid4().hex[:6]}"}).json()
        upload(api, other, f"acidity {other['id'][:4]}", b"a\n1\n")
    enter(page, project)
    page.keyboard.press("Control+Alt+k")
    field = page.get_by_role("combobox", name="Search all assets")
    expect(field).to_be_focused()
    found = page.get_by_role("listbox", name="Assets that were found")
    expect(found.get_by_role("option").first).to_be_visible()  # without a word: the newest
    page.keyboard.type("acidi")
    expect(found.get_by_role("option").first).to_contain_text(f"acidity {other['id'][:4]}")
    expect(found.get_by_role("group", name=project["name"])).to_contain_text("column: fixed_acidity")
    expect(field).to_have_attribute("aria-expanded", "true")
    shoot(page, "search")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "search dark")
    use_theme(page, "JupyterLab Light")

    # Down and up, round and round; Escape closes the list and keeps what was typed, once more clears it.
    assert active(page) == f"acidity {other['id'][:4]}"
    page.keyboard.press("ArrowUp")
    last = active(page)
    page.keyboard.press("ArrowDown")
    assert active(page) == f"acidity {other['id'][:4]}" != last
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    expect(field).to_have_value("acidi")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")

    page.keyboard.type("cafe")
    expect(found.get_by_role("option").first).to_contain_text("café")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Insighter-PageHost h1", has_text="café").first).to_be_visible()
    expect(found).to_have_count(0)

    field.fill("no such thing anywhere")
    expect(page.locator(".jp-Insighter-Found")).to_contain_text("Nothing has all of these words")


def active(page: Page) -> str:
    """The name of the option that the keyboard is at."""
    id = page.get_by_role("combobox", name="Search all assets").get_attribute("aria-activedescendant")
    return page.locator(f'[id="{id}"] .jp-Insighter-Found-name').inner_text()


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_a_purpose_with_a_script_in_it_is_text(
    page: Page, lab: JupyterServer, project: dict[str, Any]
) -> None:
    home = enter(page, project)
    home.get_by_role("button", name="Edit the purpose").click()
    field = home.locator(".jp-Insighter-Purpose textarea")
    field.fill(SCRIPTED)
    page.keyboard.press("Control+Enter")
    expect(home.locator(".jp-Insighter-Markdown strong")).to_have_text("why")
    page.wait_for_timeout(500)
    assert page.evaluate("window.ran") is None
    rendered = home.locator(".jp-Insighter-Markdown")
    assert rendered.locator("script, iframe, [onerror]").count() == 0
    for link in rendered.locator("a").all():
        assert not (link.get_attribute("href") or "").startswith("javascript")
    with lab.client() as api:
        assert api.get(f"{API}/projects/{project['id']}").json()["description"] == SCRIPTED


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_of_two_who_edit_the_purpose_the_second_sees_both(
    page: Page, lab: JupyterServer, project: dict[str, Any]
) -> None:
    home = enter(page, project)
    home.get_by_role("button", name="Edit the purpose").click()
    field = home.locator(".jp-Insighter-Purpose textarea")
    field.fill("Mine.")
    with lab.client() as api:
        path = f"{API}/projects/{project['id']}"
        assert api.patch(path, json={"description": "Theirs."}).status_code == 200
        page.wait_for_timeout(500)  # what is being typed is not overwritten by what comes
        expect(field).to_have_value("Mine.")
        home.get_by_role("button", name="Save").click()
        note = home.locator(".jp-Insighter-Meanwhile")
        expect(note).to_contain_text("changed this while you edited it")
        expect(note.locator("pre")).to_have_text("Theirs.")
        expect(field).to_have_value("Mine.")
        shoot(page, "conflict")
        note.get_by_role("button", name="Put both together").click()
        expect(field).to_have_value("Theirs.\n\nMine.")
        home.get_by_role("button", name="Save").click()
        expect(home.locator(".jp-Insighter-Markdown")).to_have_text(re.compile(r"Theirs\.\s+Mine\."))
        assert api.get(path).json()["description"] == "Theirs.\n\nMine."

        # Nothing typed is lost by a slip: it is asked once more.
        home.get_by_role("button", name="Edit the purpose").click()
        field.fill("Unsaved.")
        page.keyboard.press("Escape")
        expect(field).to_have_value("Unsaved.")
        page.keyboard.press("Escape")
        expect(field).to_have_count(0)

        # The dialogs of the sidebar tell it too.
        page.evaluate("void window.jupyterapp.commands.execute('insighter:describe-project')")
        dialog = page.locator(".jp-Dialog textarea")
        dialog.fill("Typed.")
        assert api.patch(path, json={"description": "Again theirs."}).status_code == 200
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(page.locator(".jp-Dialog .jp-Insighter-Meanwhile pre")).to_have_text("Again theirs.")
        page.locator(".jp-Dialog").get_by_role("button", name="Take theirs").click()
        expect(dialog).to_have_value("Again theirs.")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        assert api.get(path).json()["description"] == "Again theirs."
