"""People on one server, each with a JupyterLab in a browser profile of their own."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, expect

from tests.api.people import Person as Program
from tests.api.people import superuser
from tests.browser.pages import reload, thrown, wait_until_loaded
from tests.browser_client import PASSWORD, TEAM
from tests.running import JupyterServer


@contextlib.contextmanager
def lab_of_a_team() -> Iterator[JupyterServer]:
    """A JupyterLab whose own sign-in is Insighter's accounts; everybody may make one."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixp-")),
        lab=True,
        arguments=(TEAM, "--InsighterApp.sign_up=open", "--ServerApp.trust_xheaders=True"),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


class Person:
    """Somebody with an account whose address is confirmed, signed in.

    Attributes:
        name: is unique on the server only as far as the test makes it so.
        page: their JupyterLab.
        api: a program that acts for them.
        problems: what their page threw.
    """

    def __init__(self, browser: Browser, server: JupyterServer, name: str) -> None:
        self.name = name
        self.api = Program(server, name)
        self.email, self.user_id = self.api.email.lower(), self.api.user_id
        with superuser(server) as database:
            database.execute("update auth.users set email_confirmed_at = now() where id = %s", [self.user_id])
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 800}, extra_http_headers={"X-Real-IP": self.api.place}
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.problems = thrown(self.page)
        # the workspaces of a server are for all its people
        self.page.goto(f"{server.url}/login?next=/lab/workspaces/{self.user_id}")
        form = self.page.locator("#sign-in")
        form.get_by_label("E-mail").fill(self.email)
        form.get_by_label("Password").fill(PASSWORD)
        form.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(re.compile(r"^[^?]*/lab/"), wait_until="commit")
        wait_until_loaded(self.page)
        self.run("insighter:show-sidebar")
        expect(self.switcher).to_be_visible(timeout=60_000)

    def close(self) -> None:
        """End the browser profile and the program."""
        self.context.close()
        self.api.close()

    def reload(self) -> None:
        """Load the page again."""
        reload(self.page)

    def run(self, command: str, args: dict[str, Any] | None = None) -> None:
        """Run a command of JupyterLab without waiting for its end."""
        self.page.evaluate(
            "([id, args]) => void window.jupyterapp.commands.execute(id, args)", [command, args or {}]
        )

    @property
    def side(self) -> Locator:
        """The sidebar."""
        return self.page.locator("#insighter-sidebar")

    @property
    def switcher(self) -> Locator:
        """The name of the open project."""
        return self.side.locator(".jp-Insighter-Switcher")

    @property
    def panel(self) -> Locator:
        """The page in the main area that is shown."""
        return self.page.locator(".jp-Insighter-Page:visible")

    @property
    def dialog(self) -> Locator:
        """The dialog."""
        return self.page.get_by_role("dialog")

    def news(self, text: str) -> Locator:
        """A notification with a text in it."""
        return self.page.locator(".Toastify__toast", has_text=text)

    def new_project(self, name: str) -> dict[str, Any]:
        """Make a project with a small dataset called wine, and open it."""
        project: dict[str, Any] = self.api.do("POST", "/insighter/api/projects", {"name": name}, expect=201)
        self.api.do(
            "POST",
            f"/insighter/api/projects/{project['id']}/datasets/wine/versions",
            params={"filename": "wine.csv"},
            content=b"alcohol,colour\n12.5,secret red\n13.1,secret white\n",
            expect=201,
        )
        self.open_project(project)
        return project

    def open_project(self, project: dict[str, Any]) -> None:
        """Open a project that they may see."""
        self.run("insighter:switch-project", {"id": project["id"]})
        expect(self.switcher).to_contain_text(project["name"])

    def let_in(self, project: dict[str, Any], other: Person, role: str) -> None:
        """Make somebody a member of a project, without the screen."""
        path = f"/insighter/api/projects/{project['id']}/invitations"
        code = self.api.do("POST", path, {"email": other.email, "role": role}, expect=201)["code"]
        other.api.do("POST", "/insighter/api/invitations/accept", {"code": code})

    def share(self, part: str | None = None) -> Locator:
        """Open the page of sharing of the open project, at a part of it; the page."""
        self.run("insighter:open-sharing")
        expect(self.panel).to_contain_text("Sharing")
        if part is not None:
            self.panel.get_by_role("tab", name=part).click()
        return self.panel
