"""From a change to its arrival in a hundred open panels, on one server and on two, of one account and of a hundred."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import httpx
import psycopg
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from insighter_ext.credentials.service import PREFIX
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer

LISTENERS = 100
MESSAGES = 60


def accounts(server: JupyterServer, project: str, count: int) -> list[str]:
    """Credentials of so many accounts that are members of the project, each reading under its own rights."""
    secrets_ = [PREFIX + secrets.token_urlsafe(32) for _ in range(count)]
    database = EmbeddedPostgres(server.data_dir / "postgres")
    with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
        for number, secret in enumerate(secrets_):
            email = f"listener-{number}-{secrets.token_hex(4)}@example.org"
            connection.execute(
                """with person as (insert into auth.users (email) values (%s) returning id),
                   member as (insert into insighter.members (project_id, user_id, role)
                     select %s, id, 'viewer' from person)
                   insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)
                   select id, %s, 'kernel', 'benchmark', 'viewer', %s, now() + interval '1 hour' from person""",
                [email, project, project, hashlib.sha256(secret.encode()).hexdigest()],
            )
    return secrets_


async def arrivals(
    servers: list[JupyterServer], tokens: list[str] | None, project: str, seconds_between: float
) -> list[float]:
    """Milliseconds from publishing to the arrival, of each message at each listener.

    Args:
        tokens: of each listener; each server's own where None.
    """
    path = f"/insighter/api/projects/{project}/bus"
    sockets = []
    for number in range(LISTENERS):
        server = servers[number % len(servers)]
        bearer = tokens[number] if tokens else server.token
        address = f"ws://127.0.0.1:{server.port}{path}/socket?topics=activity,notifications,t"
        sockets.append(
            await websocket_connect(HTTPRequest(address, headers={"Authorization": f"Bearer {bearer}"}))
        )
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

    headers = {"Authorization": f"Bearer {servers[0].token}"}
    async with httpx.AsyncClient(base_url=servers[0].url, headers=headers, timeout=60) as client:
        listening = [asyncio.ensure_future(listen(index)) for index in range(LISTENERS)]
        for _ in range(MESSAGES):
            await client.post(path, json={"topic": "t", "data": time.time(), "durable": False})
            await asyncio.sleep(seconds_between)
        await asyncio.gather(*listening)
    for socket in sockets:
        socket.close()
    return sorted(took)


def main() -> None:
    """Print p50 and p99."""
    first = JupyterServer(Path(tempfile.mkdtemp(prefix="ixb-")))
    second = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixb-")), arguments=(f"--InsighterApp.storage_dir={first.data_dir}",)
    )
    try:
        first.start()
        second.start()
        with first.client() as client:
            project = client.post("/insighter/api/projects", json={"name": "Bus"}).json()["id"]
        own = accounts(first, project, LISTENERS)
        for servers in ([first], [first, second]):
            for whose, tokens in (("one account", None), (f"{LISTENERS} accounts", own)):
                for pause in (0.5, 0.1):
                    took = asyncio.run(arrivals(servers, tokens, project, pause))
                    print(
                        f"{LISTENERS} listeners of {whose} on {len(servers)} server(s), a message each"
                        f" {pause * 1000:.0f} ms: arrival p50 {took[len(took) // 2]:.0f} ms,"
                        f" p99 {took[int(len(took) * 0.99)]:.0f} ms, worst {took[-1]:.0f} ms (aim: p99 ≤ 250 ms)",
                        flush=True,
                    )
    finally:
        second.stop()
        first.destroy()
        for server in (first, second):
            shutil.rmtree(server.home, ignore_errors=True)
