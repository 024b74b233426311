"""What every browser test does with a page of JupyterLab."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

SCREENSHOTS = os.environ.get("INSIGHTER_TEST_SCREENSHOTS")
"""The folder to keep screenshots in; without it none are taken."""


OPENED: list[Page] = []
"""The pages of the running test: what they show is told when it fails."""


@contextmanager
def hindered(browser: Browser, latency: float, slowdown: float) -> Iterator[None]:
    """As on a slow network, each answer of ours comes up to so many milliseconds later, one before the other by chance.

    And as on a slow machine, the pages compute so many times slower.
    """
    make = browser.new_context

    def new_context(**options: Any) -> BrowserContext:
        context = make(**options)
        context.add_init_script(LATE.replace("LATENCY", str(latency)))
        context.on("page", slow_down)
        return context

    def slow_down(page: Page) -> None:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})

    with patch.object(browser, "new_context", new_context):
        yield


LATE = """{
  const ask = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await ask(...asked);
    if (answer.url.includes('/insighter/')) {
      await new Promise(done => setTimeout(done, Math.random() * LATENCY));
    }
    return answer;
  };
}"""


def thrown(page: Page) -> list[str]:
    """What the page throws from now on, but for what JupyterLab does by itself."""
    OPENED.append(page)
    problems: list[str] = []

    def failed(error: Error) -> None:
        ours = "/lab/extensions/" in (error.stack or "")
        # It asks a server that a test has ended; and on a busy machine it takes its splash away twice.
        if ours or not error.message.startswith(("Failed to fetch", "Failed to execute 'removeChild'")):
            problems.append(f"{error}\n{error.stack}")

    page.on("pageerror", failed)
    return problems


def until(page: Page, condition: Callable[[], bool], told: str) -> None:
    """Wait for what no locator can see; what the page does goes on meanwhile."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {told}"
        page.wait_for_timeout(100)


def reload(page: Page) -> None:
    """Load JupyterLab again, with what is open: it saves that a moment after it was opened."""
    until(page, lambda: bool(page.evaluate(SAVED)), "JupyterLab has saved the workspace")
    page.goto(re.sub(r"[?#].*", "", page.url))
    wait_until_loaded(page)


SAVED = """async () => {
  const {shell, serviceManager} = window.jupyterapp;
  const ours = [...shell.widgets('main')].map(({id}) => id).filter(id => id.startsWith('insighter-'));
  const [, workspace] = location.pathname.match(/\\/workspaces\\/([^/]+)/) ?? [null, 'default'];
  const {data} = await serviceManager.workspaces.fetch(workspace).catch(() => ({data: {}}));
  const saved = JSON.stringify(data['layout-restorer:data']?.main ?? null);
  return ours.every(id => saved.includes(JSON.stringify(id)));
}"""


def wait_until_loaded(page: Page) -> None:
    """JupyterLab is there, with all its plugins and the workspace."""
    page.wait_for_function("window.jupyterapp !== undefined")
    page.evaluate("async () => { await window.jupyterapp.restored; }")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def shoot(page: Page, name: str) -> None:
    """A screenshot to look at, where they are asked for; animations are given their time."""
    if not SCREENSHOTS:
        return
    folder = Path(SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png")


def use_theme(page: Page, name: str) -> None:
    """Switch between "JupyterLab Light" and "JupyterLab Dark" as the menu does."""
    page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
    expect(page.locator(f'body[data-jp-theme-name="{name}"]')).to_be_attached()
