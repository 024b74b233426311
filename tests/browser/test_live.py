"""What happens in a project appears by itself: the server calls, and after an interruption it calls again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import wait_until_loaded
from tests.browser.test_journey import row
from tests.running import JupyterServer


def upload(api: httpx.Client, project: dict[str, Any], name: str) -> None:
    answer = api.post(f"/insighter/api/projects/{project['id']}/datasets/{name}/versions", content=b"a\n1\n")
    assert answer.status_code == 201, answer.text


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_what_others_do_appears_without_asking(page: Page, lab: JupyterServer) -> None:
    with lab.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Live"}).json()
        # Asked no more than once a minute: what appears before that was called.
        folder = lab.home / "config" / "lab" / "user-settings" / "@insighter" / "labextension"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "projects.jupyterlab-settings").write_text('{"pollInterval": 60}')
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.goto(f"{lab.url}/lab?reset")
        wait_until_loaded(page)
        page.evaluate("window.jupyterapp.commands.execute('insighter:show-sidebar')")
        page.evaluate(
            "project => window.jupyterapp.commands.execute("
            "'insighter:switch-project', {id: project.id, name: project.name})",
            project,
        )
        expect(page.locator(".jp-Insighter-Sidebar")).to_contain_text("Live")
        upload(api, project, "fish")
        expect(row(page, "Datasets", "fish")).to_be_visible()
        assert any(project["id"] in url and "/bus/socket" in url for url in sockets)

        # A page that nobody looks at asks for nothing, and catches up when it is looked at.
        show = (
            "state => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); }"
        )
        page.evaluate(show, "hidden")
        upload(api, project, "unseen")
        page.wait_for_timeout(2_000)
        expect(row(page, "Datasets", "unseen")).to_have_count(0)
        page.evaluate(show, "visible")
        expect(row(page, "Datasets", "unseen")).to_be_visible()

    # The server goes without a word and comes back: what happened meanwhile is there, and what happens then too.
    lab.kill()
    lab.start()
    with lab.client() as api:
        upload(api, project, "meanwhile")
        expect(row(page, "Datasets", "meanwhile")).to_be_visible(timeout=60_000)
        upload(api, project, "afterwards")
        expect(row(page, "Datasets", "afterwards")).to_be_visible(timeout=60_000)
