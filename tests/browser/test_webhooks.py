"""The page of webhooks in a real Chromium: made, tested, called, switched off, deleted."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import shoot, use_theme
from tests.running import JupyterServer


@pytest.fixture(scope="module")
def lab() -> Iterator[JupyterServer]:
    """A JupyterLab that may call its own machine."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixl-")),
        lab=True,
        arguments=("--InsighterApp.webhook_addresses=any",),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def project(lab: JupyterServer) -> dict[str, Any]:
    """There before the page is opened."""
    with lab.client() as api:
        made: dict[str, Any] = api.post("/insighter/api/projects", json={"name": "Hooks"}).json()
    return made


@pytest.fixture
def receiver() -> Iterator[str]:
    """The address of somebody else's server, which takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}/hook"
    finally:
        listening.shutdown()
        listening.server_close()


def test_a_webhook_from_its_making_to_its_end(
    project: dict[str, Any], page: Page, lab: JupyterServer, receiver: str
) -> None:
    with lab.client() as api:
        page.wait_for_function(
            "id => window.jupyterapp.commands.isEnabled('insighter:open-webhooks', {project: id})",
            arg=project["id"],
        )
        page.evaluate(
            "project => window.jupyterapp.commands.execute('insighter:open-webhooks', {project})",
            project["id"],
        )
        host = page.locator(".jp-Insighter-PageHost")
        expect(host.get_by_text("A webhook calls an address when")).to_be_visible()
        host.get_by_role("button", name="New webhook…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("ci")
        dialog.get_by_label("Address").fill("ftp://nowhere")
        dialog.get_by_label("Secret").fill("between the two of us")
        dialog.get_by_role("button", name="Save").click()
        # What was wrong stands in the form, and nothing typed is lost.
        expect(dialog.get_by_text("Allowed schemes are")).to_be_visible()
        dialog.get_by_label("Address").fill(receiver)
        shoot(page, "webhooks form")
        dialog.get_by_role("button", name="Save").click()
        expect(host.get_by_text("not called yet")).to_be_visible()
        host.get_by_role("button", name="Test").click()
        expect(host.get_by_text("last call taken")).to_be_visible()
        api.headers["X-MLFLOW-WORKSPACE"] = project["id"]
        rest = "/insighter/mlflow/api/2.0/mlflow"
        experiment = api.post(f"{rest}/experiments/create", json={"name": "e"}).json()["experiment_id"]
        made = api.post(f"{rest}/logged-models", json={"experiment_id": experiment, "name": "m"}).json()
        source = f"models:/{made['model']['info']['model_id']}"
        assert api.post(f"{rest}/registered-models/create", json={"name": "wine"}).status_code == 200
        version = {"name": "wine", "source": source}
        assert api.post(f"{rest}/model-versions/create", json=version).status_code == 200
        host.get_by_text("What it was called for").click()
        row = host.get_by_role("row", name="wine · 1")
        expect(row).to_contain_text("model_version.created")
        expect(row.get_by_text("200")).to_be_visible()
        shoot(page, "webhooks")
        use_theme(page, "JupyterLab Dark")
        shoot(page, "webhooks dark")
        row.get_by_role("button", name="Send again").click()
        expect(row).to_contain_text("200")
        host.get_by_role("button", name="Switch off").click()
        expect(host.get_by_text("switched off")).to_be_visible()
        host.get_by_role("button", name="Delete…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(host.get_by_text("A webhook calls an address when")).to_be_visible()
        assert api.get(f"/insighter/api/projects/{project['id']}/webhooks").json()["items"] == []
