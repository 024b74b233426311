"""Sharing in a real Chromium: what one does is seen by the other, and what one may not do is not offered."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.pages import shoot, use_theme
from tests.browser.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Meet = Callable[[str], Person]


def test_from_an_invitation_to_the_removal(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    project = ana.new_project("Wine quality")
    ana.side.get_by_role("button", name="Project actions").click()
    ana.page.get_by_role("menuitem", name="Sharing").click()
    page = ana.panel
    expect(page.get_by_role("row", name=re.compile("^Ana"))).to_contain_text("owner")
    expect(page).to_contain_text("There is nobody to transfer it to yet")
    expect(page.get_by_role("button", name="Leave project…")).to_have_count(0)
    shoot(ana.page, "70 alone")

    # Somebody who is a member already: said where the address was typed, and it leads to the member.
    page.get_by_role("button", name="Invite…").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.get_by_label("E-mail").fill(ana.email.upper())
    page.get_by_label("E-mail").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("is a member already")
    expect(page.get_by_label("E-mail")).to_have_value(ana.email.upper())
    shoot(ana.page, "71 member already")
    page.get_by_label("E-mail").fill("not an address")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("name@example.org")

    # Invited: the code is shown once, and the invitation waits in the other's sidebar.
    page.get_by_label("E-mail").fill(ben.email)
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Invite", exact=True).click()
    code = page.get_by_label("The code", exact=True).inner_text()
    assert code.startswith("ixi_")
    expect(page.get_by_role("row", name=re.compile(ben.email))).to_contain_text("viewer")
    shoot(ana.page, "72 invited")
    page.get_by_role("button", name="I have passed it on").click()
    assert code not in ana.page.content()
    ben.reload()
    waiting = ben.side.get_by_role("list", name="Invitations").get_by_role("listitem")
    expect(waiting).to_contain_text("Ana invites you to “Wine quality” as viewer.", timeout=60_000)
    waiting.get_by_role("button", name="Accept").click()
    expect(ben.switcher).to_contain_text("Wine quality")

    # She sees it by itself. He sees who is there, and is offered nothing.
    page.get_by_role("tab", name="People").click()
    role = page.get_by_label("Role of Ben")
    expect(role).to_have_value("viewer", timeout=30_000)
    expect(page.get_by_role("tab", name="Invitations")).to_have_text("Invitations")
    his = ben.share()
    expect(his.get_by_role("row", name=re.compile("^Ana"))).to_contain_text("owner")
    expect(his).to_contain_text("Who may what is said by the admins: Ana.")
    expect(his.get_by_role("combobox")).to_have_count(0)
    expect(his.get_by_role("tab")).to_have_text(["People2", "Visibility"])
    expect(his.get_by_role("button", name=re.compile("Invite|Remove|Transfer"))).to_have_count(0)
    shoot(ben.page, "73 viewer")
    ben.side.get_by_role("button", name=re.compile("^wine v")).click(button="right")
    expect(ben.page.get_by_role("menuitem", name="Open", exact=True)).to_be_visible()
    expect(ben.page.get_by_role("menuitem", name="Restrict…")).to_have_count(0)
    ben.page.keyboard.press("Escape")

    # Another role is there at once, and said by whom.
    role.select_option("admin")
    expect(ben.news("Ana made you admin of “Wine quality”.")).to_be_visible(timeout=30_000)
    his.get_by_role("tab", name="Invitations").click()
    his.get_by_label("E-mail").fill("cleo@example.org")
    shoot(ana.page, "74 people")
    use_theme(ana.page, "JupyterLab Dark")
    ana.page.set_viewport_size({"width": 1024, "height": 700})
    shoot(ana.page, "75 people dark narrow")
    ana.page.set_viewport_size({"width": 1280, "height": 800})
    use_theme(ana.page, "JupyterLab Light")

    # Undone while he types an address: it stays, cannot be sent, and he is told why.
    ana.news("Ben is admin now.").get_by_role("button", name="Undo").click()
    expect(role).to_have_value("viewer")
    notice = his.locator(".jp-Insighter-Notice")
    expect(notice).to_contain_text("Ana made you viewer.", timeout=30_000)
    expect(his.get_by_label("E-mail")).to_have_value("cleo@example.org")
    expect(his.get_by_role("button", name="Invite", exact=True)).to_be_disabled()
    shoot(ben.page, "76 not an admin any more")
    notice.get_by_role("button", name="Close").click()
    expect(his.get_by_role("tab", name="Invitations")).to_have_count(0)

    # A dataset is closed to him, from where it is listed.
    ana.side.get_by_role("button", name=re.compile("^wine v")).click(button="right")
    ana.page.get_by_role("menuitem", name="Restrict…").click()
    expect(ana.dialog).to_contain_text("Who sees “wine”?")
    ana.dialog.get_by_label("Seen by").select_option("editor")
    expect(ana.dialog.get_by_role("checkbox", name="Ben")).not_to_be_checked()
    shoot(ana.page, "77 restrict")
    ana.dialog.get_by_role("button", name="Restrict").click()
    expect(ben.news("Ana restricted something of “Wine quality”")).to_be_visible(timeout=30_000)
    expect(ben.side.get_by_role("button", name=re.compile("^wine v"))).to_have_count(0, timeout=30_000)
    page.get_by_role("tab", name="Restricted assets").click()
    row = page.get_by_role("row", name=re.compile("wine"))
    expect(row).to_contain_text("editors and above")
    shoot(ana.page, "78 closed assets")
    row.get_by_role("button", name="Change…").click()
    ana.dialog.get_by_role("checkbox", name="Ben").check()
    ana.dialog.get_by_role("button", name="Change").click()
    expect(row).to_contain_text("Ben")
    expect(ana.news("“wine” is seen by editors and above, and by Ben.")).to_be_visible()
    expect(ben.side.get_by_role("button", name=re.compile("^wine v"))).to_be_visible(timeout=30_000)
    ben.side.get_by_role("button", name=re.compile("^wine v")).click()
    expect(ben.panel).to_contain_text("2 rows × 2 columns")

    # Taken out: his screen says so, and keeps nothing of it.
    page.get_by_role("tab", name="People").click()
    page.get_by_role("row", name=re.compile("^Ben")).get_by_role("button", name="Remove…").click()
    expect(ana.dialog).to_contain_text(
        "Restricted assets do not name Ben any more, also after coming back: wine."
    )
    expect(ana.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    shoot(ana.page, "79 remove")
    ana.dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("row", name=re.compile("^Ben"))).to_have_count(0)
    expect(ben.news("“Wine quality” is closed to you")).to_be_visible(timeout=30_000)
    expect(ben.switcher).to_contain_text("Personal")
    expect(ben.panel.get_by_role("alert")).to_contain_text("you are no member any more, or it was deleted")
    expect(ben.page.locator("body")).not_to_contain_text("secret red")
    shoot(ben.page, "80 closed to him")
    ben.panel.get_by_role("button", name="Close").click()

    # They share nothing else, so to undo it takes another invitation, which is filled in.
    ana.news("Ben is not a member any more.").get_by_role("button", name="Undo").click()
    ana.news("comes back by an invitation only").get_by_role("button", name="Invite…").click()
    expect(page.get_by_label("E-mail")).to_have_value(ben.email)
    expect(page.get_by_label("Role")).to_have_value("viewer")
    assert project["id"] not in [one["id"] for one in ben.api.do("GET", "/insighter/api/projects")["items"]]


def test_asking_for_access_showing_a_project_and_handing_it_over(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    project = ana.new_project("Harvest")

    # Asked for by its address; let in as less than asked for.
    ben.run("insighter:ask-access")
    ben.dialog.get_by_label("Project").fill("No such thing")
    ben.dialog.get_by_role("button", name="Ask").click()
    expect(ben.dialog.get_by_role("alert")).to_contain_text("A project is asked for by its id")
    ben.dialog.get_by_label("Project").fill(project["slug"])
    ben.dialog.get_by_label("As", exact=True).select_option("admin")
    ben.dialog.get_by_label("Why").fill("I press the <b>grapes</b>")
    shoot(ben.page, "81 ask for access")
    ben.dialog.get_by_role("button", name="Ask").click()
    expect(ben.news("Asked.")).to_be_visible()
    page = ana.share("Requests")
    row = page.get_by_role("row", name=re.compile("^Ben"))
    expect(row).to_contain_text("I press the <b>grapes</b>", timeout=60_000)
    expect(page.get_by_role("tab", name="Requests")).to_have_text("Requests1")
    shoot(ana.page, "82 request")
    row.get_by_label("Role of Ben").select_option("viewer")
    row.get_by_role("button", name="Let in").click()
    expect(page).to_contain_text("Nobody asks for access.")
    expect(page).to_contain_text(project["slug"])
    assert ben.api.do("GET", f"/insighter/api/projects/{project['id']}")["role"] == "viewer"

    # What somebody else answered meanwhile is said where it was to be answered.
    cy = meet("Cy")
    ana.let_in(project, cy, "admin")
    dan = meet("Dan")
    dan.api.do(
        "POST", "/insighter/api/access-requests", {"project": project["slug"], "role": "editor"}, expect=202
    )
    cy.open_project(project)
    theirs = cy.share("Requests")
    theirs.get_by_role("row", name=re.compile("^Dan")).get_by_role("button", name="Decline…").click()
    page.get_by_role("tab", name="People").click()
    page.get_by_role("tab", name="Requests").click()
    page.get_by_role("row", name=re.compile("^Dan")).get_by_role("button", name="Let in").click(
        timeout=60_000
    )
    expect(page.get_by_role("row", name=re.compile("^Dan"))).to_have_count(0)
    cy.dialog.get_by_role("button", name="Decline").click()
    expect(cy.dialog.get_by_role("alert")).to_contain_text("Ana made Dan editor.")
    shoot(cy.page, "83 answered meanwhile")
    cy.dialog.get_by_role("button", name="Cancel").click()

    # To an organisation that is made on the spot, and back.
    page.get_by_role("tab", name="Visibility").click()
    page.get_by_label("Team").check()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("button", name="New organisation…").click()
    ana.dialog.get_by_label("Name").fill("Cellar")
    ana.dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Organisation", exact=True)).to_contain_text("Cellar")
    page.get_by_role("button", name="Save").click()
    expect(ana.news("“Harvest” is shown to its organisation now.")).to_be_visible()
    page.locator("summary", has_text="Cellar").click()
    page.get_by_role("button", name="Invite to Cellar…").click()
    ana.dialog.get_by_label("E-mail").fill("eve@example.org")
    ana.dialog.get_by_role("button", name="Invite").click()
    expect(page.get_by_label("The code", exact=True)).to_contain_text("ixi_")
    shoot(ana.page, "84 visibility")
    page.get_by_role("button", name="I have passed it on").click()
    ana.news("“Harvest” is shown to its organisation now.").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Private")).to_be_checked()

    # Somebody else changes it while one chooses: what is chosen stays.
    page.get_by_label("Team").check()
    cy.api.do("PUT", f"/insighter/api/projects/{project['id']}/visibility", {"visibility": "public"})
    expect(
        page.get_by_role("status").filter(has_text="Somebody changed it meanwhile. “Harvest” is public now.")
    ).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Team")).to_be_checked()
    page.get_by_role("button", name="Leave it as it is").click()
    expect(page.get_by_label("Public")).to_be_checked()
    badge = ana.side.locator(".jp-Insighter-Badge")
    expect(badge).to_have_text("public")
    page.get_by_role("tab", name="People").click()
    badge.click()
    expect(page.get_by_role("tab", name="Visibility")).to_have_attribute("aria-selected", "true")

    # Who reads it without being a member sees nobody, and can ask to be let in.
    eve = meet("Eve")
    eve.open_project(project)
    reading = eve.share()
    expect(reading).to_contain_text("you are not a member")
    expect(reading.get_by_role("table")).to_have_count(0)
    expect(reading).not_to_contain_text("Ana")
    reading.get_by_role("button", name="Ask for access…").click()
    expect(eve.dialog.get_by_label("Project")).to_have_value(project["slug"])
    shoot(eve.page, "85 reader")
    eve.dialog.get_by_role("button", name="Cancel").click()

    # The owner hands it over, and leaves.
    page.get_by_role("tab", name="People").click()
    expect(page).to_contain_text("A project always has an owner")
    page.get_by_role("button", name="Transfer…").click()
    ana.dialog.get_by_label("New owner").select_option(label=f"Cy ({cy.email})")
    ana.dialog.get_by_label("To transfer it").fill("Harves")
    expect(ana.dialog.get_by_role("button", name="Transfer")).to_be_disabled()
    ana.dialog.get_by_label("To transfer it").fill("Harvest")
    shoot(ana.page, "86 transfer")
    ana.dialog.get_by_role("button", name="Transfer").click()
    expect(page.get_by_role("row", name=re.compile("^Cy"))).to_contain_text("owner")
    expect(cy.news("Ana transferred “Harvest” to you")).to_be_visible(timeout=30_000)
    cy.api.do("PUT", f"/insighter/api/projects/{project['id']}/visibility", {"visibility": "private"})
    page.get_by_role("button", name="Leave project…").click()
    look_while_leaving(ana, project["id"])
    ana.dialog.get_by_role("button", name="Leave").click()
    expect(ana.news("You left “Harvest”.")).to_be_visible()
    expect(ana.switcher).to_contain_text("Personal")
    expect(ana.page.locator(".jp-Insighter-Page")).to_have_count(0)
    ana.page.wait_for_timeout(2500)  # until the late answers are there
    expect(ana.news("closed to you")).to_have_count(0)

    # The personal project is not shared.
    expect(ana.share()).to_contain_text("cannot be shared")
    ana.panel.get_by_role("button", name="New project").click()
    expect(ana.dialog).to_contain_text("New project")
    ana.dialog.get_by_role("button", name="Cancel").click()


def look_while_leaving(person: Person, project: str) -> None:
    """Have the panels ask for the project when it is left already, and be answered when that was told."""
    left = False

    def late(route: Route) -> None:
        answer = route.fetch()
        if answer.status == 404 and not left:
            person.page.wait_for_timeout(2000)
        route.fulfill(response=answer)

    def leave(route: Route) -> None:
        nonlocal left
        answer = route.fetch()
        person.page.evaluate("void window.jupyterapp.commands.execute('insighter:refresh')")
        person.page.wait_for_timeout(500)
        left = True
        route.fulfill(response=answer)

    person.page.route(f"**/insighter/api/projects/{project}", late)
    person.page.route(f"**/insighter/api/projects/{project}/members/*", leave)


def test_where_there_is_one_account_sharing_says_what_it_takes(page: Page) -> None:
    page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
    expect(page.locator(".jp-Insighter-Switcher")).to_be_visible(timeout=60_000)
    page.evaluate("window.jupyterapp.commands.execute('insighter:open-sharing')")
    panel = page.locator(".jp-Insighter-Page:visible")
    expect(panel).to_contain_text("Sharing takes people with accounts")
    expect(panel).to_contain_text("InsighterIdentityProvider")
    expect(panel.get_by_role("tab")).to_have_count(0)
    shoot(page, "87 one account")
    for command in ("insighter:ask-access", "insighter:restrict-asset"):
        assert page.evaluate("id => window.jupyterapp.commands.isVisible(id)", command) is False
