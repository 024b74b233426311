"""Two people in two browsers, from the first invitation to the end: what one does is on the other's screen at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.pages import shoot
from tests.browser.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Meet = Callable[[str], Person]


def test_a_project_is_shared_lived_in_and_taken_away(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    project = ana.new_project("Wine quality")
    ana.api.do(
        "PATCH", f"/insighter/api/projects/{project['id']}", {"description": "Which wines are **good**."}
    )

    # She shares; he accepts, and the project is on his screen.
    invited = ana.api.do(
        "POST",
        f"/insighter/api/projects/{project['id']}/invitations",
        {"email": ben.email, "role": "editor"},
        expect=201,
    )
    ben.reload()
    waiting = ben.side.get_by_role("list", name="Invitations").get_by_role("listitem")
    expect(waiting).to_contain_text("Ana invites you to “Wine quality” as editor.", timeout=60_000)
    waiting.get_by_role("button", name="Accept").click()
    expect(ben.switcher).to_contain_text("Wine quality")
    assert invited["code"] not in ben.page.content()

    # Each sees that the other is there.
    ana.run("insighter:open-home")
    expect(ana.panel).to_contain_text("Which wines are good.")
    expect(ana.panel).to_contain_text("Ben", timeout=30_000)
    expect(ana.side).to_contain_text("2 here", timeout=30_000)
    shoot(ana.page, "90 home of two")

    # What he does is in her activity, without a question of her page.
    ana.run("insighter:open-activity")
    rows = ana.panel.locator(".jp-Insighter-Event")
    expect(rows.filter(has_text="Ben joined as editor")).to_be_visible(timeout=30_000)
    expect(rows.filter(has_text="The team earned Not alone")).to_be_visible()
    ana.page.wait_for_timeout(2_000)  # what the page loads when it opens
    asked: list[str] = []
    ana.page.on("request", lambda request: asked.append(request.url) if "/activity" in request.url else None)
    ben.api.do(
        "POST",
        f"/insighter/api/projects/{project['id']}/datasets/harvest/versions",
        params={"filename": "harvest.csv"},
        content=b"year\n2025\n",
        expect=201,
    )
    expect(rows.filter(has_text=re.compile("^Ben added the dataset harvest"))).to_be_visible()
    expect(ana.side.get_by_role("button", name=re.compile("^harvest"))).to_be_visible()
    assert asked == []
    shoot(ana.page, "91 what he did")

    # What she says of it finds him, and what he answers finds her.
    ben.run("insighter:open-dataset", {"project": project["id"], "name": "harvest"})
    ben.panel.get_by_role("tab", name="Comments").click()
    expect(ben.panel).to_contain_text("Nothing was said yet")
    ana.run("insighter:open-dataset", {"project": project["id"], "name": "harvest"})
    ana.panel.get_by_role("tab", name="Comments").click()
    said = ana.panel.get_by_label("Comment", exact=True)
    said.press_sequentially("Is 2025 whole, @Be")
    expect(ana.panel.get_by_role("option", name=re.compile("Ben"))).to_be_visible()
    said.press("Enter")
    said.press_sequentially("?")
    said.press("Control+Enter")
    heard = ben.panel.locator(".jp-Insighter-Comment")
    expect(heard).to_contain_text("Is 2025 whole, @Ben ?")
    answer = ben.panel.get_by_label("Comment", exact=True)
    answer.fill("It is.")
    answer.press("Control+Enter")
    expect(ana.panel.locator(".jp-Insighter-Comment")).to_have_count(2)
    shoot(ben.page, "92 said and answered")

    # He loses access: it goes from his screen, with a word about it, and comes in no list any more.
    ana.api.do("DELETE", f"/insighter/api/projects/{project['id']}/members/{ben.user_id}", expect=204)
    expect(ben.news("“Wine quality” is closed to you")).to_be_visible(timeout=30_000)
    expect(ben.switcher).not_to_contain_text("Wine quality")
    expect(ben.page.locator("body")).not_to_contain_text("Is 2025 whole")
    shoot(ben.page, "93 taken away")
    assert project["id"] not in [one["id"] for one in ben.api.do("GET", "/insighter/api/projects")["items"]]
    found = ben.api.do("GET", "/insighter/api/assets", params={"q": "harvest"})
    assert found["items"] == []
    assert ana.problems == [] and ben.problems == []
