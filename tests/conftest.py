"""Fixtures that all tests share. What takes a second to make is made once in a test process."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.running import JupyterServer


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A temporary folder with a short path (sockets allow no more than about a hundred characters)."""
    path = Path(tempfile.mkdtemp(prefix="ixt-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(short_tmp: Path) -> AsyncIterator[Any]:
    """An open Platform on an embedded database of its own. Tests keep apart by making projects of their own.

    Tests that use it run on the session's loop: ``pytestmark = pytest.mark.asyncio(loop_scope="session")``.
    """
    from insighter_ext.config import Settings
    from insighter_ext.platform import Platform

    opened = await Platform.open(Settings(storage_dir=short_tmp / "platform"))
    yield opened
    await opened.close()
    await asyncio.sleep(0)


@pytest.fixture(scope="session")
def server() -> Iterator[JupyterServer]:
    """A running ``jupyter server`` with Insighter, shared by the tests of this process; do not break it."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture
def own_server() -> Iterator[JupyterServer]:
    """A server for one test alone, not started yet: to be killed, restarted, broken."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    try:
        yield running
    finally:
        running.destroy()


@pytest.fixture(scope="session")
def api(server: JupyterServer) -> Iterator[httpx.Client]:
    """An HTTP client to the shared server, with its token. Paths begin with ``/insighter/api``."""
    with server.client() as client:
        yield client


@pytest.fixture
def project(api: httpx.Client) -> dict[str, Any]:
    """A fresh project on the shared server, as the API answers it."""
    answer = api.post("/insighter/api/projects", json={"name": f"Test {uuid4().hex[:12]}"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
