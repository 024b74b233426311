"""JupyterLab with Insighter in a real Chromium."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.browser.pages import OPENED, hindered, thrown, wait_until_loaded
from tests.browser.people import Person, lab_of_a_team
from tests.chromium import chromium_path
from tests.running import JupyterServer

# What is waited for comes in a moment, on a busy machine in a longer one.
expect.set_options(timeout=20_000)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that failed, tell what its pages show: who reads the log has no other eyes."""
    report = yield
    if report.when == "call" and report.failed:
        for page in OPENED:
            if not page.is_closed():
                with contextlib.suppress(Error):
                    report.sections.append((page.url, page.locator("body").aria_snapshot(timeout=5_000)))
    if report.when == "teardown":
        OPENED.clear()
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    path = chromium_path()
    if path is None:
        pytest.fail(
            "there is no Chromium: install one (Debian: apt-get install chromium), or name it in CHROMIUM_PATH"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        latency, slowdown = (os.environ.get(f"INSIGHTER_TEST_{name}") for name in ("LATENCY", "SLOWDOWN"))
        wanted = latency or slowdown
        with (
            hindered(chromium, float(latency or 0), float(slowdown or 1))
            if wanted
            else contextlib.nullcontext()
        ):
            yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[JupyterServer]:
    """A JupyterLab with Insighter in an empty home."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixl-")), lab=True)
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def team_lab() -> Iterator[JupyterServer]:
    """A JupyterLab on which people sign in to their accounts."""
    with lab_of_a_team() as running:
        yield running


@pytest.fixture
def meet(browser: Browser, team_lab: JupyterServer) -> Iterator[Callable[[str], Person]]:
    """Makes people who are signed in, by their names. What their pages throw fails the test."""
    met: list[Person] = []

    def one(name: str) -> Person:
        met.append(Person(browser, team_lab, name))
        return met[-1]

    yield one
    for person in met:
        person.close()
    assert [(person.name, problem) for person in met for problem in person.problems] == []


@pytest.fixture
def page(browser: Browser, lab: JupyterServer, request: pytest.FixtureRequest) -> Iterator[Page]:
    """JupyterLab, loaded, in a fresh browser profile. What the page logs as an error fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    opened = context.new_page()
    problems = thrown(opened)
    opened.goto(f"{lab.url}/lab?token={lab.token}&reset")
    wait_until_loaded(opened)
    try:
        yield opened
        assert problems == []
    finally:
        context.close()
