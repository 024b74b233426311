"""Activity in a real Chromium: what one does and says appears at the other's, at once and once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import shoot, use_theme, wait_until_loaded
from tests.browser.test_accounts import (  # noqa: F401 - fixtures
    PASSWORD,
    Opener,
    fill_sign_in,
    invite,
    new_project,
    open_browser,
    open_lab,
    panel,
    person,
    run,
    shared,
    sidebar,
)
from tests.running import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def people(shared: JupyterServer) -> Iterator[tuple[httpx.Client, httpx.Client, dict[str, Any]]]:  # noqa: F811
    """Ana, her project with a dataset, and Bo, who is a member."""
    for name in ("Ana Lind", "Bo Berg"):
        email = f"{name.split()[0].lower()}@example.org"
        with shared.client() as jupyter:
            body = {"email": email, "password": PASSWORD, "display_name": name}
            made = jupyter.post("/insighter/api/auth/sign-up", json=body)
            assert made.status_code == 201, made.text
    with person(shared, "ana@example.org") as ana, person(shared, "bo@example.org") as bo:
        project = new_project(ana, "Wine quality")
        code = invite(ana, project["id"], "bo@example.org", "editor")
        assert bo.post("/insighter/api/invitations/accept", json={"code": code}).status_code == 200
        upload(bo, project["id"], "first")  # earns him something, which is told too
        yield ana, bo, project


def signed_in(opener: Opener, server: JupyterServer, name: str) -> Page:
    page = opener()
    fill_sign_in(open_lab(page, server), f"{name}@example.org", PASSWORD)
    expect(sidebar(page).get_by_role("button", name="Signed in as")).to_be_visible(timeout=60_000)
    return page


def open_wine(page: Page, project: str, tab: str) -> Locator:
    run(page, "insighter:open-dataset", {"project": project, "name": "wine"})
    panel(page).get_by_role("tab", name=tab).click()
    return panel(page)


def upload(api: httpx.Client, project: str, name: str) -> None:
    answer = api.post(f"/insighter/api/projects/{project}/datasets/{name}/versions", content=b"a\n1\n")
    assert answer.status_code == 201, answer.text


def test_what_is_said_finds_whom_it_is_for(
    shared: JupyterServer,  # noqa: F811
    open_browser: Opener,  # noqa: F811
    people: tuple[httpx.Client, httpx.Client, dict[str, Any]],
) -> None:
    _, _, project = people
    ana, bo = signed_in(open_browser, shared, "ana"), signed_in(open_browser, shared, "bo")
    theirs = open_wine(bo, project["id"], "Comments")
    expect(theirs).to_contain_text("Nothing was said yet")
    side = sidebar(ana)
    expect(side).to_contain_text("Wine quality")
    page = open_wine(ana, project["id"], "Comments")
    field = page.get_by_label("Comment", exact=True)

    # The other is mentioned by the keyboard alone; what is no text stays text, or goes.
    field.press_sequentially("Look, @b")
    offered = page.get_by_role("listbox", name="Members").get_by_role("option")
    expect(offered).to_have_text(["Bo Berg"])
    shoot(ana, "60 mention offered")
    field.press("Enter")
    expect(field).to_have_value("Look, @Bo Berg ")
    field.press_sequentially('**bold** <img src=x onerror="window.pwned=1"><script>window.pwned=1</script>')
    # It is kept while one looks elsewhere.
    page.get_by_role("tab", name="Activity").click()
    page.get_by_role("tab", name="Comments").click()
    expect(field).to_have_value(
        'Look, @Bo Berg **bold** <img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    )
    field.press("Control+Enter")
    expect(field).to_have_value("")
    expect(page.locator(".jp-Insighter-Mention")).to_have_text("@Bo Berg")

    # It is there at the other's without a reload, with a notification.
    comment = theirs.locator(".jp-Insighter-Comment")
    expect(comment).to_contain_text("Ana Lind")
    expect(comment.locator("strong")).to_have_text("bold")
    expect(comment.locator(".jp-Insighter-Mention")).to_have_text("@Bo Berg")
    expect(comment.locator("script")).to_have_count(0)
    for each in (ana, bo):
        assert each.evaluate("window.pwned") is None
    expect(bo.locator(".Toastify")).to_contain_text("Ana Lind mentioned you on wine")
    waiting = bo.get_by_role("button", name="1 notification for you")
    expect(waiting).to_be_visible()
    expect(ana.get_by_role("button", name="notification for you")).to_have_count(0)
    shoot(bo, "61 mentioned")

    # Not again after a reload; and it can be read.
    bo.reload()
    wait_until_loaded(bo)
    expect(waiting).to_be_visible(timeout=60_000)
    expect(bo.locator(".Toastify__toast")).to_have_count(0)
    waiting.click()
    mine = panel(bo)
    expect(mine.get_by_role("tab", name="For you")).to_have_attribute("aria-selected", "true")
    shoot(bo, "62 for you")
    mine.get_by_role("button", name="Ana Lind mentioned you on wine").click()
    expect(panel(bo)).to_contain_text("wine")
    expect(waiting).to_have_count(0)

    # An answer, edited, deleted and brought back, is seen by the other as it happens.
    theirs = open_wine(bo, project["id"], "Comments")
    answer = theirs.get_by_label("Comment", exact=True)
    answer.fill("Seen")
    answer.press("Control+Enter")
    expect(page.locator(".jp-Insighter-Comment")).to_have_count(2)
    # Whoever is looking at it is not told of it besides.
    expect(ana.locator(".Toastify__toast")).to_have_count(0)
    expect(ana.get_by_role("button", name="notification for you")).to_have_count(0)
    theirs.get_by_role("button", name="Edit the comment").click()
    editing = theirs.get_by_role("textbox", name="Edit the comment")
    editing.fill("Seen, and checked")
    editing.press("Control+Enter")
    expect(page.locator(".jp-Insighter-Comment").nth(1)).to_contain_text("Seen, and checked")
    theirs.get_by_role("button", name="Delete the comment").click()
    expect(page.locator(".jp-Insighter-Comment")).to_have_count(1)
    theirs.get_by_role("button", name="Undo").click()
    expect(page.locator(".jp-Insighter-Comment")).to_have_count(2)
    use_theme(ana, "JupyterLab Dark")
    ana.set_viewport_size({"width": 1024, "height": 700})
    shoot(ana, "63 comments dark")


def test_what_happens_comes_at_the_top_and_is_found_by_person_kind_and_asset(
    shared: JupyterServer,  # noqa: F811
    open_browser: Opener,  # noqa: F811
    people: tuple[httpx.Client, httpx.Client, dict[str, Any]],
) -> None:
    api, other, project = people
    for number in range(60):
        answer = api.post(
            f"/insighter/api/projects/{project['id']}/assets/dataset/wine/comments",
            json={"body": f"n {number}"},
        )
        assert answer.status_code == 201
    page = signed_in(open_browser, shared, "ana")
    run(page, "insighter:switch-project", {"id": project["id"], "name": project["name"]})
    run(page, "insighter:open-activity")
    rows = panel(page).locator(".jp-Insighter-Event")
    expect(rows.first).to_contain_text("Ana Lind commented on wine")
    expect(panel(page)).to_contain_text("live")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/activity" in request.url else None)
    upload(other, project["id"], "port")
    expect(rows.first).to_have_text(re.compile("^Bo Berg added the dataset port"))
    expect(sidebar(page).locator(".jp-Insighter-Event").first).to_contain_text(
        "Bo Berg added the dataset port"
    )
    assert asked == []  # the list was not asked for again
    shoot(page, "64 activity")

    # Older ones come as one scrolls, none twice.
    panel(page).locator(".jp-Insighter-Scroll").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(panel(page)).to_contain_text("Ana Lind created the project Wine quality")
    texts = rows.count()
    listed = api.get(f"/insighter/api/projects/{project['id']}/activity", params={"limit": 500}).json()
    assert texts == len(listed["items"])

    panel(page).get_by_label("By whom").select_option(label="Bo Berg")
    expect(rows.first).to_contain_text("Bo Berg added the dataset port")
    panel(page).get_by_label("About what").select_option(label="Models")
    expect(panel(page)).to_contain_text("Nothing of this happened")
    panel(page).get_by_label("About what").select_option(label="Datasets")
    expect(rows.first).to_contain_text("port")
    upload(api, project["id"], "madeira")  # not Bo's: it does not come here
    upload(other, project["id"], "sherry")
    expect(rows.first).to_contain_text("sherry")
    expect(panel(page)).not_to_contain_text("madeira")
    rows.filter(has_text="port").hover()
    rows.filter(has_text="port").get_by_role("button", name="Only what happened to port").click()
    expect(rows).to_have_count(1)
    panel(page).get_by_role("button", name="port ×").click()
    expect(rows.first).to_contain_text("sherry")
    # What is looked for outlives a reload.
    # Both have one workspace, which JupyterLab saves a moment later: who saved last is not to be seen in it.
    page.wait_for_timeout(1500)
    page.goto(f"{shared.url}/lab")
    wait_until_loaded(page)
    expect(panel(page).get_by_label("By whom")).to_have_value(other_id(other))
    expect(rows.first).to_contain_text("sherry", timeout=60_000)
    rows.first.get_by_role("button", name="sherry", exact=True).click()
    expect(panel(page).get_by_role("heading", name="sherry")).to_be_visible()
    use_theme(page, "JupyterLab Dark")
    run(page, "insighter:open-activity", {"view": "all"})
    page.set_viewport_size({"width": 1024, "height": 700})
    shoot(page, "65 activity dark")

    # The bus is every plugin's.
    heard = page.evaluate(
        """async () => {
          const app = window.jupyterapp;
          const publish = args => app.commands.execute('insighter:publish-message', args);
          const id = await publish({topic: 'features.ready', data: {rows: 3}});
          try {
            await publish({topic: 'large', data: 'x'.repeat(300000)});
          } catch (error) {
            return {id, status: error.status, hint: error.hint};
          }
        }"""
    )
    assert heard["status"] == 413 and "dataset" in heard["hint"]
    latest = api.get(f"/insighter/api/projects/{project['id']}/bus/topics/features.ready").json()["message"]
    assert latest["id"] == heard["id"] and latest["data"] == {"rows": 3}


def other_id(api: httpx.Client) -> str:
    """Whose client it is."""
    return str(api.get("/insighter/api/status").json()["me"]["user_id"])
