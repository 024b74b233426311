"""The page to sign in, where Insighter's accounts are the server's own sign-in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.pages import shoot, thrown, until, wait_until_loaded
from tests.browser_client import PASSWORD, TEAM
from tests.running import JupyterServer


@pytest.fixture(scope="module")
def lab() -> Iterator[JupyterServer]:
    """A team's JupyterLab."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixl-")), lab=True, arguments=(TEAM, "--InsighterApp.sign_up=open")
    )
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, lab: JupyterServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A stranger's browser, as wide as a phone; what the page's policy blocks fails the test."""
    context = browser.new_context(viewport={"width": 375, "height": 700}, color_scheme=request.param)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    problems = thrown(opened)
    opened.on("console", lambda said: problems.append(said.text) if "Policy" in said.text else None)
    opened.goto(f"{lab.url}/lab/tree?reset")
    try:
        yield opened
        assert problems == []
    finally:
        context.close()


def field(page: Page, label: str) -> Locator:
    """A field of the form that is shown."""
    return page.locator("form:not([hidden])").get_by_label(label)


def test_a_stranger_signs_up_by_keyboard_and_comes_to_where_they_wanted(
    page: Page, lab: JupyterServer
) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(field(page, "E-mail address")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shoot(page, f"login-{uuid4().hex[:4]}")
    address = f"ana-{uuid4().hex[:8]}@example.org"
    page.keyboard.type(address)
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    alert = page.locator("form:not([hidden])").get_by_role("alert")
    expect(alert).to_contain_text("The address or the password is wrong.")
    page.get_by_role("link", name="Create an account").press("Enter")
    expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    expect(field(page, "E-mail address")).to_have_value(address)
    field(page, "Name").fill("Ana")
    field(page, "Password").fill("short")
    page.keyboard.press("Enter")
    expect(alert).to_contain_text("too short")
    expect(field(page, "Password")).to_be_focused()
    field(page, "Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/lab/**")
    wait_until_loaded(page)
    assert page.evaluate("document.cookie").find("insighter-session") == -1
    assert page.evaluate("window.jupyterapp.serviceManager.user.identity.display_name") == "Ana"
    page.goto(f"{lab.url}/logout")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_invitation_is_a_link(page: Page, lab: JupyterServer) -> None:
    page.goto(f"{lab.url}/login#sign-up?invitation=the-code&email=ana%40example.org")
    expect(field(page, "Invitation code")).to_have_value("the-code")
    expect(field(page, "E-mail address")).to_have_value("ana@example.org")
    field(page, "Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("alert")).to_contain_text("This invitation is not for this address")
    expect(field(page, "Password")).to_have_value(PASSWORD)  # nothing typed is lost


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_link_to_elsewhere_leads_nowhere_else(page: Page, lab: JupyterServer, wanted: str) -> None:
    page.goto(f"{lab.url}/login?next={wanted}#sign-up")
    field(page, "E-mail address").fill(f"ana-{uuid4().hex[:8]}@example.org")
    field(page, "Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url(f"{lab.url}/lab**")


def test_what_is_sent_before_it_is_known_what_an_account_takes_waits_for_that(
    page: Page, lab: JupyterServer
) -> None:
    asked: list[Route] = []
    page.route("**/insighter/api/auth", lambda route: asked.append(route))
    page.goto(f"{lab.url}/login?again#sign-up")
    field(page, "E-mail address").fill(f"ana-{uuid4().hex[:8]}@example.org")
    field(page, "Password").fill(PASSWORD)
    button = page.get_by_role("button", name="Create the account")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    until(page, lambda: bool(asked), "the page asks")
    # the server is not reached: nothing typed is lost, and the next attempt asks once more
    asked.pop().abort()
    expect(page.locator("form:not([hidden])").get_by_role("alert")).to_contain_text("does not answer")
    button.click()
    until(page, lambda: bool(asked), "the page asks")
    expect(button).to_have_attribute("aria-busy", "true")
    asked.pop().continue_()
    page.wait_for_url(f"{lab.url}/lab**")
