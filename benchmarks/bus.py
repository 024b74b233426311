"""From a change to its arrival in a hundred open panels, and what a message costs."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from pathlib import Path

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.running import JupyterServer

LISTENERS = 100
MESSAGES = 60


async def arrivals(server: JupyterServer, project: str, seconds_between: float) -> list[float]:
    """Milliseconds from publishing to the arrival, of each message at each listener."""
    address = f"ws://127.0.0.1:{server.port}/insighter/api/projects/{project}/bus/socket?topics=t"
    headers = {"Authorization": f"Bearer {server.token}"}
    sockets = [await websocket_connect(HTTPRequest(address, headers=headers)) for _ in range(LISTENERS)]
    for socket in sockets:
        await socket.read_message()
    took: list[float] = []

    async def listen(index: int) -> None:
        heard = 0
        while heard < MESSAGES:
            items = json.loads(await sockets[index].read_message() or "{}")["items"]
            now = time.time()
            took.extend((now - item["data"]) * 1000 for item in items)
            heard += len(items)

    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        listening = [asyncio.ensure_future(listen(index)) for index in range(LISTENERS)]
        for _ in range(MESSAGES):
            await client.post(
                f"/insighter/api/projects/{project}/bus",
                json={"topic": "t", "data": time.time(), "durable": False},
            )
            await asyncio.sleep(seconds_between)
        await asyncio.gather(*listening)
    for socket in sockets:
        socket.close()
    return sorted(took)


def main() -> None:
    """Print p50 and p99."""
    server = JupyterServer(Path(tempfile.mkdtemp(prefix="ixb-")))
    try:
        server.start()
        with server.client() as client:
            project = client.post("/insighter/api/projects", json={"name": "Bus"}).json()["id"]
        for pause in (0.5, 0.1):
            took = asyncio.run(arrivals(server, project, pause))
            print(
                f"{LISTENERS} listeners, a message each {pause * 1000:.0f} ms: arrival p50"
                f" {took[len(took) // 2]:.0f} ms, p99 {took[int(len(took) * 0.99)]:.0f} ms, worst {took[-1]:.0f} ms"
                " (aim: p99 ≤ 250 ms)"
            )
    finally:
        server.destroy()
        shutil.rmtree(server.home, ignore_errors=True)
