"""The bus when things die: every event exactly once at every listener, in one order; and slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.api.test_bus import hear, listening
from tests.api.test_survival import postmaster
from tests.browser_client import hang_up
from tests.running import JupyterServer

pytestmark = pytest.mark.timeout(300)

WRITERS = 4
MESSAGES = 60
"""Of each writer: fewer than a topic keeps, so that none is pushed out while somebody is away."""

END = "end"


class Writer(threading.Thread):
    """Publishes on a topic of its own and renames a project, at one server and the other. What was answered is noted;
    what was not may have been done or not, and is not tried again.
    """

    def __init__(self, number: int, servers: list[JupyterServer], project: str) -> None:
        super().__init__()
        self.number, self.servers, self.project = number, servers, project
        self.acknowledged: list[str] = []
        self.renamed: list[str] = []
        self.refused: set[int] = set()

    def run(self) -> None:
        dice = random.Random(self.number)
        base = f"/insighter/api/projects/{self.project}"
        for number in range(MESSAGES):
            server = self.servers[dice.randrange(len(self.servers))]
            with server.client() as client, contextlib.suppress(httpx.TransportError):
                body = {"topic": f"t{self.number}", "data": [self.number, number]}
                answer = client.post(f"{base}/bus", json=body)
                if answer.status_code == 201:
                    self.acknowledged.append(answer.json()["id"])
                else:
                    self.refused.add(answer.status_code)
                if number % 6 == 0:
                    name = f"Named {self.number} {number}"
                    answer = client.patch(base, json={"name": name})
                    if answer.status_code == 200:
                        self.renamed.append(name)
            time.sleep(0.05 * dice.random())


class Listener:
    """Follows a project through everything: whatever ends its connection, it goes on at its last position, at another
    server.
    """

    def __init__(self, servers: list[JupyterServer], project: str, cursor: str, first: int) -> None:
        self.servers, self.project, self.cursor = servers, project, cursor
        self.turn = first
        self.heard: list[dict[str, Any]] = []
        self.interrupted = 0
        self.connection: WebSocketClientConnection | None = None

    @property
    def server(self) -> JupyterServer:
        return self.servers[self.turn % len(self.servers)]

    def take(self, batch: dict[str, Any]) -> bool:
        self.heard += batch["items"]
        self.cursor = batch["cursor"]
        return any(item["topic"] == END for item in batch["items"])

    async def run(self) -> None:
        while True:
            try:
                if await self.follow():
                    return
            except (OSError, StreamClosedError, httpx.TransportError, TimeoutError):
                pass
            self.interrupted += 1
            self.turn += 1
            await asyncio.sleep(0.1)

    async def follow(self) -> bool:
        """Until the connection ends, or the end is heard."""
        raise NotImplementedError


class Panel(Listener):
    """Over a WebSocket."""

    async def follow(self) -> bool:
        address = f"ws://127.0.0.1:{self.server.port}/insighter/api/projects/{self.project}/bus/socket"
        request = HTTPRequest(
            f"{address}?after={self.cursor}",
            headers={"Authorization": f"Bearer {self.server.token}"},
            connect_timeout=5,
        )

        try:
            self.connection = await websocket_connect(request)
        except HTTPClientError:
            return False
        try:
            while True:
                text = await asyncio.wait_for(self.connection.read_message(), 20)
                if text is None:
                    return False
                if self.take(json.loads(text)):
                    return True
        finally:
            hang_up(self.connection)
            self.connection = None


class Program(Listener):
    """By questions that wait."""

    async def follow(self) -> bool:
        headers = {"Authorization": f"Bearer {self.server.token}"}
        async with httpx.AsyncClient(base_url=self.server.url, headers=headers, timeout=15) as client:
            while True:
                answer = await client.get(
                    f"/insighter/api/projects/{self.project}/bus", params={"after": self.cursor, "wait": 5}
                )
                if answer.status_code != 200:
                    assert answer.status_code == 503, answer.text
                    return False
                if self.take(answer.json()):
                    return True


async def test_everything_is_heard_exactly_once_whatever_is_killed(own_server: JupyterServer) -> None:
    second = JupyterServer(own_server.home)
    second.log = own_server.home / "second.log"
    servers = [own_server, second]
    try:
        for server in servers:
            await asyncio.to_thread(server.start)
        with own_server.client() as client:
            project = client.post("/insighter/api/projects", json={"name": "Survival"}).json()["id"]
            path = f"/insighter/api/projects/{project}/bus"
            cursor = client.get(path).json()["cursor"]
        listeners: list[Listener] = [
            *(Panel(servers, project, cursor, first) for first in (0, 1, 0, 1)),
            *(Program(servers, project, cursor, first) for first in (0, 1)),
        ]
        following = [asyncio.ensure_future(listener.run()) for listener in listeners]
        writers = [Writer(number, servers, project) for number in range(WRITERS)]
        for writer in writers:
            writer.start()

        begun = time.monotonic()
        killed: list[str] = []
        while any(writer.is_alive() for writer in writers) or len(killed) < 3:
            await asyncio.sleep(0.3)
            connected = [one for one in listeners if one.connection is not None]
            if connected:
                hang_up(min(connected, key=lambda one: one.interrupted).connection)
            passed = time.monotonic() - begun
            if not killed and passed > 1:
                killed.append("postgresql")
                postmaster(own_server.data_dir).kill()
            elif len(killed) == 1 and passed > 3:
                killed.append("server")
                second.kill()
                await asyncio.to_thread(second.start)
            elif len(killed) == 2 and passed > 5:
                killed.append("postgresql again, all of it")
                main = postmaster(own_server.data_dir)
                for process in [main, *main.children(recursive=True)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
        await asyncio.to_thread(lambda: [writer.join() for writer in writers])

        with own_server.client() as client:
            deadline = time.monotonic() + 60
            while (await asyncio.to_thread(client.post, path, json={"topic": END})).status_code != 201:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.5)
        async with asyncio.timeout(90):
            await asyncio.gather(*following)
    finally:
        await asyncio.to_thread(second.stop)

    acknowledged = {each for writer in writers for each in writer.acknowledged}
    renamed = {each for writer in writers for each in writer.renamed}
    assert len(acknowledged) > WRITERS * MESSAGES / 3 and len(renamed) > WRITERS
    assert all(writer.refused <= {503} for writer in writers)
    first = [item["id"] for item in listeners[0].heard]
    assert len(first) == len(set(first))  # none twice
    assert acknowledged <= set(first)  # none missing
    names = [item["data"]["asset_name"] for item in listeners[0].heard if item["topic"] == "activity"]
    assert renamed <= set(names) and len(names) == len(set(names))
    for listener in listeners[1:]:
        assert [item["id"] for item in listener.heard] == first  # and all in one order
    # What one writer said came in the order in which it was said.
    for number in range(WRITERS):
        said = [item["data"][1] for item in listeners[0].heard if item["topic"] == f"t{number}"]
        assert said == sorted(said)
    # What a question waits for is asked again by the server itself when PostgreSQL is back: it may not notice anything.
    assert all(listener.interrupted for listener in listeners if isinstance(listener, Panel))


def deaf(server: JupyterServer, project: str, cursor: str) -> socket.socket:
    """A listener that opened its WebSocket and reads nothing from it."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(
        f"GET /insighter/api/projects/{project}/bus/socket?after={cursor} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


async def test_a_slow_reader_holds_up_nobody_and_fills_no_memory(own_server: JupyterServer) -> None:
    await asyncio.to_thread(own_server.start)
    with own_server.client() as client:
        project = client.post("/insighter/api/projects", json={"name": "Slow"}).json()["id"]
        path = f"/insighter/api/projects/{project}/bus"
        cursor = client.get(path).json()["cursor"]
        text = "x" * 200_000
        async with listening(own_server, project, topics="tick") as socket_:
            await socket_.read_message()

            async def tick() -> float:
                begun = time.monotonic()
                await asyncio.to_thread(client.post, path, json={"topic": "tick"})
                await hear(socket_, 1)
                return time.monotonic() - begun

            await tick()
            assert own_server.process is not None
            process = psutil.Process(own_server.process.pid)
            slow = [deaf(own_server, project, cursor) for _ in range(5)]
            try:
                for number in range(20):
                    await asyncio.to_thread(client.post, path, json={"topic": "large", "data": text})
                    if number == 10:
                        before = process.memory_info().rss
                times = []
                for _ in range(40):
                    await asyncio.to_thread(client.post, path, json={"topic": "large", "data": text})
                    times.append(await tick())
                grown = process.memory_info().rss - before
                # To keep for five what was said since would take forty megabytes; others hear it as before.
                assert grown < 25_000_000, grown
                assert sorted(times)[len(times) // 2] < 1
            finally:
                for connection in slow:
                    connection.close()
