"""People with accounts, in a real Chromium: signing in, the account's page, what a role lets them do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import reload, shoot, thrown, use_theme, wait_until_loaded
from tests.running import JupyterServer, isolated_environment

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"

Opener = Callable[[], Page]


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server whose own sign-in is Insighter's accounts; whoever is invited may make one."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixt-")),
        lab=True,
        arguments=("--ServerApp.identity_provider_class=server_handlers.identity.InsighterIdentityProvider",),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def shared() -> Iterator[JupyterServer]:
    """A server that Jupyter's token opens, with accounts inside it; everybody may make one."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        lab=True,
        arguments=("--InsighterApp.accounts=True", "--InsighterApp.sign_up=open"),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture
def open_browser(browser: Browser) -> Iterator[Opener]:
    """Opens a page in a browser profile of its own. What a page throws fails the test."""
    problems: list[list[str]] = []
    contexts = []

    def opener() -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        problems.append(thrown(page))
        return page

    yield opener
    for context in contexts:
        context.close()
    assert [problem for one in problems for problem in one] == []


def sidebar(page: Page) -> Locator:
    """The sidebar."""
    return page.locator("#insighter-sidebar")


def panel(page: Page) -> Locator:
    """The page in the main area that is shown."""
    return page.locator(".jp-Insighter-Page:visible")


def run(page: Page, command: str, args: dict[str, Any] | None = None) -> None:
    """Run a command of JupyterLab without waiting for its end."""
    page.evaluate("([id, args]) => void window.jupyterapp.commands.execute(id, args)", [command, args or {}])


def fill_sign_in(place: Locator, email: str, password: str) -> None:
    """Fill the form for signing in and send it by Enter, as people do."""
    place.get_by_label("E-mail").fill(email)
    place.get_by_label("Password", exact=True).fill(password)
    place.get_by_label("Password", exact=True).press("Enter")


def person(server: JupyterServer, email: str, password: str = PASSWORD) -> httpx.Client:
    """A program that acts for somebody, signed in by their password."""
    with server.client() as jupyter:
        answer = jupyter.post(
            "/insighter/api/auth/token",
            json={"grant_type": "password", "email": email, "password": password},
        )
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def open_lab(page: Page, server: JupyterServer) -> Locator:
    """Open JupyterLab with Jupyter's token; its sidebar, where nobody is signed in."""
    page.goto(f"{server.url}/lab?token={server.token}&reset")
    wait_until_loaded(page)
    expect(page.locator(".jp-Launcher")).to_be_visible()  # it takes the focus when it comes
    side = sidebar(page)
    expect(side.get_by_role("heading", name="Sign in to Insighter")).to_be_visible(timeout=60_000)
    return side


def operate(server: JupyterServer, *words: str) -> dict[str, Any]:
    """What ``insighter accounts …`` answers to whoever runs the machine."""
    done = subprocess.run(
        [sys.executable, "-m", "insighter_ext.cli", "accounts", *words, "--json"],
        env=isolated_environment(server.home),
        cwd=server.home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def new_project(api: httpx.Client, name: str) -> dict[str, Any]:
    """A project with a small dataset called wine."""
    made = api.post("/insighter/api/projects", json={"name": name})
    assert made.status_code == 201, made.text
    project: dict[str, Any] = made.json()
    uploaded = api.post(
        f"/insighter/api/projects/{project['id']}/datasets/wine/versions",
        params={"filename": "wine.csv"},
        content=b"alcohol,colour\n12.5,secret red\n13.1,secret white\n",
    )
    assert uploaded.status_code == 201, uploaded.text
    return project


def invite(api: httpx.Client, project: str, email: str, role: str) -> str:
    """Invite somebody; the invitation's code."""
    answer = api.post(f"/insighter/api/projects/{project}/invitations", json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


def test_from_an_invitation_to_a_token_and_out(team: JupyterServer, open_browser: Opener) -> None:
    with team.client() as operator:
        project = new_project(operator, "Wine quality")
        code = invite(operator, project["id"], "ana@example.org", "editor")

    # Nobody gets to JupyterLab without signing in; nobody makes an account without an invitation.
    page = open_browser()
    page.goto(f"{team.url}/lab")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    shoot(page, "30 login page")
    page.get_by_role("link", name="Create an account").click()
    form = page.locator("#sign-up")
    form.get_by_label("E-mail").fill("ana@example.org")
    form.get_by_label("Name").fill("Ana Lind")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("invitation")
    expect(form.get_by_label("E-mail")).to_have_value("ana@example.org")
    shoot(page, "31 invitation needed")
    form.get_by_label("Invitation code").fill(code)
    form.get_by_role("button", name="Create").click()
    page.wait_for_url("**/lab**", wait_until="commit")
    wait_until_loaded(page)

    # Whoever was invited is a member.
    side = sidebar(page)
    expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Wine quality", timeout=60_000)
    expect(side.locator(".jp-Insighter-Facts")).to_contain_text("editor")
    shoot(page, "32 invited")

    # A token for one project, with a role at most.
    side.get_by_role("button", name="Signed in as Ana Lind").click()
    page.get_by_role("menuitem", name="Account").click()
    expect(panel(page).get_by_role("heading", name="Ana Lind")).to_be_visible()
    shoot(page, "33 account")
    page.get_by_role("tab", name="Access tokens").click()
    page.get_by_role("button", name="New token…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly")
    dialog.get_by_label("Project").select_option("Wine quality")
    dialog.get_by_label("At most as").select_option("viewer")
    expect(dialog.get_by_label("At most as").locator("option")).to_have_text(
        ["viewer", "annotator", "editor"]
    )
    shoot(page, "34 new token")
    dialog.get_by_role("button", name="Create").click()
    secret = panel(page).get_by_label("The token", exact=True).inner_text()
    expect(panel(page).get_by_label("How to use it").last).to_contain_text("MLFLOW_TRACKING_TOKEN")
    shoot(page, "35 token")
    use_theme(page, "JupyterLab Dark")
    page.set_viewport_size({"width": 1024, "height": 700})
    shoot(page, "36 token dark narrow")
    page.set_viewport_size({"width": 1280, "height": 800})
    use_theme(page, "JupyterLab Light")
    datasets = f"/insighter/api/projects/{project['id']}/datasets"
    with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert [item["name"] for item in program.get(datasets).json()["items"]] == ["wine"]
        refused = program.post(f"{datasets}/more/versions?filename=a.csv", content=b"a\n1\n")
        assert refused.status_code == 403, refused.text

        # After a reload the page is back, and the secret is not.
        reload(page)
        page.get_by_role("tab", name="Access tokens").click()
        row = panel(page).get_by_role("row", name=re.compile("^nightly"))
        expect(row).to_contain_text("Wine quality")
        expect(row).not_to_contain_text("never")
        assert secret not in page.content()

        # Revoked, after a question that Enter does not answer with yes.
        row.get_by_role("button", name="Revoke").click()
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        dialog.get_by_role("button", name="Revoke").click()
        expect(panel(page)).to_contain_text("Revoked and expired (1)")
        assert program.get(datasets).status_code == 401

    # Another password: the old one is asked for, and what is wrong stands at its field.
    page.get_by_role("tab", name="Profile").click()
    panel(page).get_by_label("Current password").fill("not the password")
    panel(page).get_by_label("New password").fill("another long password")
    panel(page).get_by_role("button", name="Change password").click()
    expect(panel(page).get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    expect(panel(page).get_by_label("New password")).to_have_value("another long password")
    shoot(page, "37 wrong password")
    panel(page).get_by_label("Current password").fill(PASSWORD)
    panel(page).get_by_role("button", name="Change password").click()
    expect(panel(page)).to_contain_text("Changed.")
    page.get_by_role("tab", name="Sign-ins").click()
    expect(panel(page).get_by_role("row", name=re.compile("Chrome on Linux"))).to_contain_text("this one")
    shoot(page, "38 sign-ins")

    # Out, of JupyterLab as well.
    page.get_by_role("button", name="Sign out").first.click()
    dialog.get_by_role("button", name="Sign Out").click()
    expect(page).to_have_url(re.compile("/login"))
    assert page.request.get(f"{team.url}/insighter/api/account").status == 401
    assert page.request.get(f"{team.url}/api/contents").status in {401, 403}
    form = page.locator("#sign-in")
    form.get_by_label("E-mail").fill("ana@example.org")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()
    expect(form.get_by_role("alert")).to_be_visible()
    expect(form.get_by_label("E-mail")).to_have_value("ana@example.org")
    form.get_by_label("Password").fill("another long password")
    form.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/lab**", wait_until="commit")
    wait_until_loaded(page)
    expect(side.get_by_role("button", name="Signed in as Ana Lind")).to_be_visible(timeout=60_000)


def test_signing_in_from_the_sidebar_and_again_when_it_ends(
    shared: JupyterServer, open_browser: Opener
) -> None:
    page = open_browser()
    side = open_lab(page, shared)
    page.evaluate("window.neverReloaded = true")
    shoot(page, "40 sign in")

    # By keyboard alone; what is wrong stands at its field, and what was typed stays.
    run(page, "insighter:sign-in")
    side.get_by_role("button", name="Create an account").press("Enter")
    side.get_by_label("E-mail").fill("cleo@example.org")
    side.get_by_label("New password", exact=True).fill("short")
    side.get_by_label("New password", exact=True).press("Enter")
    expect(side.get_by_role("alert")).to_contain_text("at least 8 characters")
    expect(side.get_by_label("New password", exact=True)).to_be_focused()
    expect(side.get_by_label("New password", exact=True)).to_have_attribute("autocomplete", "new-password")
    shoot(page, "41 too short")
    use_theme(page, "JupyterLab Dark")
    shoot(page, "42 sign up dark")
    use_theme(page, "JupyterLab Light")
    side.get_by_label("Name").fill("Cleo Vance")
    side.get_by_label("New password", exact=True).fill(PASSWORD)
    side.get_by_label("New password", exact=True).press("Enter")
    expect(side.get_by_role("button", name="Signed in as Cleo Vance")).to_be_visible(timeout=60_000)
    expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Personal")
    shoot(page, "43 signed in")

    # The sign-in is ended from elsewhere, while something is being typed.
    run(page, "insighter:open-account")
    expect(panel(page)).to_contain_text("cleo@example.org")
    run(page, "insighter:create-project")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Typed before")
    with person(shared, "cleo@example.org") as elsewhere:
        for session in elsewhere.get("/insighter/api/account/sessions").json()["items"]:
            if not session["current"]:
                assert elsewhere.delete(f"/insighter/api/account/sessions/{session['id']}").status_code == 204
    expect(side.get_by_text("Your sign-in has ended")).to_be_visible(timeout=30_000)
    expect(panel(page)).to_contain_text("You are signed out.")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("signed out")
    dialog.get_by_role("button", name="Sign in").click()
    form = dialog.locator(".jp-Insighter-SignIn")
    fill_sign_in(form, "cleo@example.org", "not the password")
    expect(form.get_by_role("alert")).to_be_visible()
    expect(form.get_by_label("E-mail")).to_have_value("cleo@example.org")
    shoot(page, "44 signed out in a dialog")
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_label("Password", exact=True).press("Enter")
    expect(dialog).to_contain_text("You are signed in again")
    expect(dialog.get_by_label("Name")).to_have_value("Typed before")
    dialog.get_by_role("button", name="Create").click()
    expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Typed before")
    expect(panel(page)).not_to_contain_text("You are signed out.")
    assert page.evaluate("window.neverReloaded") is True

    # Signed out in one tab is signed out in all, and nothing of hers stays on the screen.
    other = page.context.new_page()
    other.goto(f"{shared.url}/lab/workspaces/other")
    wait_until_loaded(other)
    run(other, "insighter:show-sidebar")
    expect(sidebar(other).locator(".jp-Insighter-Switcher")).to_be_visible(timeout=60_000)
    run(page, "insighter:open-account")
    expect(panel(page)).to_contain_text("address not confirmed")
    shoot(page, "45 not confirmed")
    panel(page).get_by_label("Code").fill(operate(shared, "confirm", "cleo@example.org")["code"])
    # It is another sign-in from now on, and the server calls this one too.
    with page.expect_websocket(lambda socket: "/bus/socket" in socket.url, timeout=40_000):
        panel(page).get_by_role("button", name="Confirm").click()
    expect(panel(page)).not_to_contain_text("not confirmed")
    expect(panel(page)).to_contain_text("cleo@example.org")
    run(other, "insighter:sign-out")
    for tab in (page, other):
        expect(sidebar(tab).get_by_role("heading", name="Sign in to Insighter")).to_be_visible()
        expect(tab.locator(".jp-Insighter-Page")).to_have_count(0)
        expect(tab.locator("body")).not_to_contain_text("Typed before")
    # … until somebody signs in in one of them.
    fill_sign_in(sidebar(other), "cleo@example.org", PASSWORD)
    for tab in (page, other):
        expect(sidebar(tab).get_by_role("button", name="Signed in as Cleo Vance")).to_be_visible()


def test_two_people_and_what_a_role_lets_them_do(shared: JupyterServer, open_browser: Opener) -> None:
    # Who runs the machine makes two accounts, and hands over the codes to set their passwords.
    operate(shared, "create", "bo@example.org", "--name", "Bo Berg")
    code = operate(shared, "create", "ana@example.org", "--name", "Ana Lind")["code"]
    ana = open_browser()
    side = open_lab(ana, shared)
    side.get_by_role("button", name="Forgot your password?").click()
    side.get_by_label("E-mail").fill("ana@example.org")
    side.get_by_label("Code").fill("not the code")
    side.get_by_label("New password", exact=True).fill(PASSWORD)
    side.get_by_label("New password", exact=True).press("Enter")
    expect(side.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    shoot(ana, "49 wrong code")
    side.get_by_label("Code").fill(code)
    side.get_by_label("New password", exact=True).press("Enter")
    expect(side.get_by_role("button", name="Signed in as Ana Lind")).to_be_visible(timeout=60_000)

    code = operate(shared, "recover", "bo@example.org")["code"]
    bo = open_browser()
    side = open_lab(bo, shared)
    side.get_by_role("button", name="Forgot your password?").click()
    side.get_by_label("E-mail").fill("bo@example.org")
    side.get_by_label("Code").fill(code)
    side.get_by_label("New password", exact=True).fill(PASSWORD)
    side.get_by_role("button", name="Set password and sign in").click()
    expect(side.get_by_role("button", name="Signed in as Bo Berg")).to_be_visible(timeout=60_000)

    with person(shared, "ana@example.org") as api:
        project = new_project(api, "Wine quality")
        base = f"/insighter/api/projects/{project['id']}"

        # An invitation waits in the sidebar.
        invite(api, project["id"], "bo@example.org", "viewer")
        bo.reload()
        wait_until_loaded(bo)
        facts = side.locator(".jp-Insighter-Facts")
        row = side.get_by_role("list", name="Invitations").get_by_role("listitem")
        expect(row).to_contain_text("Ana Lind invites you to “Wine quality” as viewer.", timeout=60_000)
        shoot(bo, "50 invitation")
        row.get_by_role("button", name="Accept").click()
        expect(row).to_have_count(0)

        # A viewer sees everything, and is offered nothing that would be refused.
        expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Wine quality")
        expect(facts).to_contain_text("viewer · 2 members · read only")
        side.get_by_role("button", name=re.compile("^wine v")).click()
        expect(panel(bo)).to_contain_text("2 rows × 2 columns")
        bo.get_by_label("Show as table").check()
        expect(panel(bo)).to_contain_text("secret red")
        expect(panel(bo)).to_contain_text("read only")
        expect(panel(bo).get_by_role("button", name="New version…")).to_have_count(0)
        expect(side.get_by_role("button", name=re.compile("Upload|Deploy(?!ments)"))).to_have_count(0)
        side.get_by_role("button", name="Project actions").click()
        expect(bo.get_by_role("menuitem", name="Open Project Folder")).to_be_visible()
        expect(bo.get_by_role("menuitem", name=re.compile("Rename|Archive Project|Delete"))).to_have_count(0)
        shoot(bo, "51 viewer")
        bo.keyboard.press("Escape")

        # More rights are there at once.
        members = api.get(f"{base}/members").json()["items"]
        who = next(member["user_id"] for member in members if member["display_name"] == "Bo Berg")
        assert api.put(f"{base}/members/{who}", json={"role": "editor"}).status_code == 200
        expect(panel(bo).get_by_role("button", name="New version…")).to_be_visible(timeout=30_000)
        expect(facts).to_contain_text("editor")
        expect(facts).not_to_contain_text("read only")

        # A project for everybody says so.
        public = api.put(f"{base}/visibility", json={"visibility": "public"})
        assert public.status_code == 200, public.text
        expect(side.locator(".jp-Insighter-Badge")).to_have_text("public", timeout=30_000)
        shoot(bo, "52 public")

        # Taken out of it, one reads on as everybody does, and is offered no more changes.
        assert api.delete(f"{base}/members/{who}").status_code == 204
        expect(facts).to_contain_text("not a member · read only", timeout=60_000)
        expect(panel(bo).get_by_role("button", name="New version…")).to_have_count(0)

        # Access is lost: neither the project nor what was read of it stays on the screen.
        private = api.put(f"{base}/visibility", json={"visibility": "private"})
        assert private.status_code == 200, private.text
        expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Personal", timeout=30_000)
        expect(panel(bo).get_by_role("alert")).to_be_visible(timeout=30_000)
        expect(bo.locator("body")).not_to_contain_text("secret red")
        shoot(bo, "53 access lost")

        # Back by the code of another invitation.
        second = new_project(api, "Churn")
        code = invite(api, second["id"], "bo@example.org", "annotator")
        run(bo, "insighter:accept-invitation")
        dialog = bo.get_by_role("dialog")
        dialog.get_by_label("Invitation code").fill("not the code")
        dialog.get_by_role("button", name="Join").click()
        expect(dialog.get_by_role("alert")).to_be_visible()
        expect(dialog.get_by_label("Invitation code")).to_have_value("not the code")
        dialog.get_by_label("Invitation code").fill(code)
        dialog.get_by_role("button", name="Join").click()
        expect(side.locator(".jp-Insighter-Switcher")).to_contain_text("Churn")
        expect(facts).to_contain_text("annotator")

    # Somebody else in the same browser finds nothing of the one before.
    run(bo, "insighter:sign-out")
    expect(side.get_by_role("heading", name="Sign in to Insighter")).to_be_visible()
    fill_sign_in(side, "ana@example.org", PASSWORD)
    expect(side.get_by_role("button", name="Signed in as Ana Lind")).to_be_visible()
    expect(panel(bo)).to_have_count(0)
    expect(bo.locator("body")).not_to_contain_text("closed to you")
    expect(bo.get_by_role("button", name="Signed in as Bo Berg")).to_have_count(0)


def test_the_one_local_account_has_tokens_and_no_password(page: Page, lab: JupyterServer) -> None:
    run(page, "insighter:open-account")
    expect(panel(page)).to_contain_text("This server has one local account")
    expect(panel(page).get_by_label("Current password")).to_have_count(0)
    expect(panel(page).get_by_role("tab", name="Sign-ins")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    shoot(page, "60 local account")
    panel(page).get_by_label("Name").fill("Owner of the machine")
    panel(page).get_by_role("button", name="Save").click()
    expect(panel(page).get_by_role("heading", name="Owner of the machine")).to_be_visible()
    panel(page).get_by_role("tab", name="Access tokens").click()
    panel(page).get_by_role("button", name="New token…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("script")
    dialog.get_by_role("button", name="Create").click()
    secret = panel(page).get_by_label("The token", exact=True).inner_text()
    with httpx.Client(base_url=lab.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert program.get("/insighter/api/projects").json()["items"][0]["name"] == "Personal"
