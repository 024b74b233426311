"""Achievements in JupyterLab: a quiet notice, the account's page, the project's page with its form, and the switch."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import reload, shoot, use_theme
from tests.running import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def asked(lab: JupyterServer, method: str, path: str, **more: Any) -> Any:
    with httpx.Client(base_url=lab.url, headers={"Authorization": f"token {lab.token}"}, timeout=60) as api:
        answer = api.request(method, f"/insighter/api{path}", **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def upload(lab: JupyterServer, project: str, name: str) -> None:
    asked(
        lab, "POST", f"/projects/{project}/datasets/{name}/versions?filename={name}.csv",
        content=f"a,b\n1,{uuid4().int}\n".encode(), headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip


def achievement(page: Page, name: str) -> Locator:
    """One that is on the screen, by its name."""
    return page.locator(".jp-Insighter-Achievement:visible").filter(has_text=name)


def notice(page: Page, text: str) -> Locator:
    return page.locator(".Toastify__toast").filter(has_text=text)


def follow(page: Page) -> None:
    """The open project is followed."""
    page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
    expect(page.locator("#insighter-sidebar").get_by_text("live", exact=True)).to_be_visible()


def test_from_the_first_dataset_to_the_switch(page: Page, lab: JupyterServer) -> None:
    follow(page)
    project = asked(lab, "GET", "/status")["personal_project"]
    upload(lab, project, "wine")
    expect(notice(page, "You have earned “First dataset”.")).to_be_visible()
    page.wait_for_timeout(600)
    shoot(page, "achievement notice")
    notice(page, "First dataset").get_by_role("button", name="Show").click()
    expect(achievement(page, "First dataset")).to_have_attribute("data-earned", "true")
    expect(achievement(page, "First model")).to_have_attribute("data-earned", "false")
    upload(lab, project, "port")

    # It is no news after a reload.
    reload(page)
    follow(page)
    expect(achievement(page, "First dataset")).to_have_attribute("data-earned", "true")
    page.wait_for_timeout(1500)
    expect(notice(page, "earned")).to_have_count(0)

    page.evaluate("window.jupyterapp.commands.execute('insighter:open-account')")
    account = page.locator(".jp-Insighter-Forms .jp-Insighter-Achievements")
    expect(account.get_by_text("First dataset")).to_be_visible()
    expect(account.get_by_role("heading", name="Next")).to_be_visible()
    shoot(page, "achievements account light")
    page.set_viewport_size({"width": 1024, "height": 700})
    use_theme(page, "JupyterLab Dark")
    shoot(page, "achievements account dark narrow")
    account.get_by_label("Show my achievements").click()
    expect(account.get_by_text("They are shown to nobody")).to_be_visible()
    expect(account.locator(".jp-Insighter-Achievement")).to_have_count(0)

    # Switched off, not even the team's are told.
    rule = {"count": {"asset_kind": "dataset", "verb": "created"}, "at_least": 3}
    body = {"name": "Three datasets", "audience": "project", "rule": rule}
    asked(lab, "POST", f"/projects/{project}/achievements", json=body)
    upload(lab, project, "sherry")
    page.evaluate("window.jupyterapp.commands.execute('insighter:open-achievements')")
    expect(achievement(page, "Three datasets")).to_have_attribute("data-earned", "true")
    expect(achievement(page, "First dataset")).to_have_attribute("data-earned", "false")
    expect(page.get_by_text("yours are switched off in your account")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(notice(page, "earned")).to_have_count(0)
    asked(lab, "PUT", "/account/achievements", json={"shown": True})
    use_theme(page, "JupyterLab Light")


def test_an_admin_defines_changes_and_deletes(page: Page, lab: JupyterServer) -> None:
    follow(page)
    project = asked(lab, "GET", "/status")["personal_project"]
    upload(lab, project, "madeira")
    page.evaluate("window.jupyterapp.commands.execute('insighter:open-achievements')")
    page.get_by_role("button", name="New achievement…").click()
    form = page.locator(".jp-Insighter-Ask")
    form.get_by_label("Name").fill("Two <b>hundred</b> datasets")
    form.get_by_label("How many").fill("200")
    expect(form.get_by_role("status")).to_contain_text("of 200 so far")
    shoot(page, "achievements form light")
    form.get_by_label("What counts").select_option("json")
    form.get_by_label("Rule").fill('{"count": {"asset_kind": "dataset"}}')
    expect(form.get_by_role("status")).to_contain_text('"verb" is a list')
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("list of 1 to 20 words")
    expect(form.get_by_label("Name")).to_have_value("Two <b>hundred</b> datasets")
    form.get_by_label("What counts").select_option("count")
    form.get_by_role("button", name="Save").click()
    item = achievement(page, "Two <b>hundred</b> datasets")
    expect(item.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "200")
    shoot(page, "achievements page light")

    item.get_by_role("button", name="Edit").click()
    expect(form.get_by_label("How many")).to_have_value("200")
    expect(form.get_by_label("Name")).to_be_focused()
    form.get_by_label("How many").fill("300")
    form.get_by_role("button", name="Save").click()
    expect(item.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "300")
    item.get_by_role("button", name="Delete").click()
    form.get_by_role("button", name="Delete").click()
    expect(item).to_have_count(0)
