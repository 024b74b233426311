"""The bus over HTTP and WebSocket: live, across servers, through interruptions."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.running import JupyterServer


@asynccontextmanager
async def listening(
    server: JupyterServer, project: str, token: str | None = None, **query: str
) -> AsyncIterator[WebSocketClientConnection]:
    address = httpx.URL(
        f"ws://127.0.0.1:{server.port}/insighter/api/projects/{project}/bus/socket", params=query
    )
    socket = await websocket_connect(
        HTTPRequest(str(address), headers={"Authorization": f"Bearer {token or server.token}"})
    )
    try:
        yield socket
    finally:
        socket.close()
        async with asyncio.timeout(10):
            while socket.close_code is None and await socket.read_message() is not None:
                pass


async def hear(socket: WebSocketClientConnection, count: int, seconds: float = 20) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        while len(heard) < count:
            text = await socket.read_message()
            assert text is not None, "closed"
            heard += json.loads(text)["items"]
    return heard


def publish(client: httpx.Client, project: str, topic: str, **body: Any) -> httpx.Response:
    return client.post(f"/insighter/api/projects/{project}/bus", json={"topic": topic, **body})


async def made_by(client: httpx.Client, name: str) -> dict[str, Any]:
    body = {"name": f"{name} {uuid4().hex[:8]}"}
    made: dict[str, Any] = (await asyncio.to_thread(client.post, "/insighter/api/projects", json=body)).json()
    return made


async def test_a_panel_hears_what_happens_at_once(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    async with listening(server, project["id"]) as socket:
        first = json.loads(await socket.read_message() or "")
        assert first["items"] == [] and first["cursor"]
        begun = time.monotonic()
        answer = await asyncio.to_thread(
            api.patch, f"/insighter/api/projects/{project['id']}", json={"name": f"Renamed {uuid4().hex[:8]}"}
        )
        assert answer.status_code == 200
        heard = await hear(socket, 1)
        assert heard[0]["type"] == "insighter.project.renamed"
        assert time.monotonic() - begun < 10  # a lost wake-up would take thirty seconds


async def test_two_servers_on_one_database_tell_each_other(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    """A second server of the same user shares the database; what happens on one is heard on the other."""
    home = Path(tempfile.mkdtemp(prefix="ixs-"))
    other = JupyterServer(home, arguments=(f"--InsighterApp.storage_dir={server.data_dir}",))
    try:
        await asyncio.to_thread(other.start)
        async with listening(other, project["id"]) as socket:
            await socket.read_message()
            await asyncio.to_thread(publish, api, project["id"], "t", data=1)
            assert [item["data"] for item in await hear(socket, 1)] == [1]
    finally:
        other.stop()
        shutil.rmtree(home, ignore_errors=True)


async def test_after_an_interruption_nothing_is_missing_and_nothing_twice(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    async with listening(server, project["id"], topics="n") as socket:
        cursor = json.loads(await socket.read_message() or "")["cursor"]
        for number in range(3):
            publish(api, project["id"], "n", data=number)
        heard: list[Any] = []
        while len(heard) < 3:
            batch = json.loads(await socket.read_message() or "")
            heard += [item["data"] for item in batch["items"]]
            cursor = batch["cursor"]
    for number in range(3, 8):
        publish(api, project["id"], "n", data=number)
    async with listening(server, project["id"], topics="n", after=cursor) as socket:
        heard += [item["data"] for item in await hear(socket, 5)]
    assert heard == list(range(8))


def test_waiting_for_a_message(api: httpx.Client, server: JupyterServer, project: dict[str, Any]) -> None:
    path = f"/insighter/api/projects/{project['id']}/bus"
    cursor = api.get(path).json()["cursor"]

    def later() -> None:
        time.sleep(0.4)
        with server.client() as client:
            publish(client, project["id"], "t", data={"rows": 3}, type="done")

    speaker = threading.Thread(target=later)
    speaker.start()
    found = api.get(path, params={"after": cursor, "topics": "t", "wait": 30}).json()
    speaker.join()
    assert [(item["type"], item["data"]) for item in found["items"]] == [("done", {"rows": 3})]
    assert api.get(path, params={"after": found["cursor"], "wait": 0.2}).json()["items"] == []
    assert api.get(f"{path}/topics/t").json()["message"]["data"] == {"rows": 3}
    assert api.get(f"{path}/topics/other").json()["message"] is None


def test_bad_messages(api: httpx.Client, project: dict[str, Any]) -> None:
    assert publish(api, project["id"], "t", data="x" * 263_000).status_code == 413
    assert publish(api, project["id"], "A b").status_code == 422
    assert publish(api, project["id"], "activity").status_code == 422
    assert publish(api, project["id"], "t", type="").status_code == 422
    assert publish(api, str(uuid4()), "t").status_code == 404
    path = f"/insighter/api/projects/{project['id']}/bus"
    assert api.get(path, params={"after": "nowhere"}).status_code == 422
    assert api.get(path, params={"wait": 1e9}).status_code == 422


async def test_who_may_not_see_the_project_hears_nothing(
    server: JupyterServer, kernel_token: str, api: httpx.Client
) -> None:
    other = await made_by(api, "Other")
    async with listening(server, other["id"], kernel_token) as socket:
        assert await socket.read_message() is None
        assert socket.close_code == 4404
        with pytest.raises(HTTPClientError) as refused:
            async with listening(server, other["id"], "wrong"):
                pass
        assert refused.value.code in {401, 403}


async def test_a_listener_learns_that_the_project_is_gone(server: JupyterServer, api: httpx.Client) -> None:
    made = await made_by(api, "Short-lived")
    async with listening(server, made["id"]) as socket:
        await socket.read_message()
        answer = await asyncio.to_thread(
            api.request, "DELETE", f"/insighter/api/projects/{made['id']}", json={"confirm": made["name"]}
        )
        assert answer.status_code == 204
        async with asyncio.timeout(20):
            while await socket.read_message() is not None:
                pass
        assert socket.close_code == 4404
