"""Where the secrets of a Supabase project are not: kernels, terminals, pages, logs, errors, the shown configuration.

A real server in Supabase mode, with accounts as its own sign-in, on the double of a project.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.browser_client import PASSWORD, TEAM, Browser, hang_up
from tests.running import JupyterServer, isolated_environment
from tests.supabase.double import Double


@pytest.fixture(scope="module")
def server(double: Double) -> Iterator[JupyterServer]:
    """A server of a team on a Supabase project."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        lab=True,
        arguments=(TEAM, "--InsighterApp.sign_up=open", "--ServerApp.log_level=DEBUG"),
        variables={**double.environment(), "JUPYTER_TOKEN": ""},
    )
    running.launch()
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{running.url}/insighter/api/auth", timeout=60).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        else:
            raise RuntimeError(running.log.read_text()[-3000:])
        yield running
    finally:
        running.destroy()


@pytest.fixture
def ana(server: JupyterServer, double: Double) -> Iterator[Browser]:
    """Somebody who signed up and confirmed the address."""
    address = f"ana-{uuid4().hex[:8]}@example.org"
    with Browser(server) as browser:
        answer = browser.sign_up(address, display_name="Ana")
        assert (answer.status_code, answer.json()) == (202, {"signed_in": False, "me": None})
        refused = browser.sign_in(address)
        assert (refused.status_code, refused.json()["code"]) == (403, "email_not_confirmed")
        body = {"email": address, "code": double.code(address, "confirmation")}
        answer = browser.ask("POST", "/auth/confirmation/confirm", body)
        assert answer.status_code == 200, answer.text
        yield browser


def secrets_of(double: Double) -> list[str]:
    return [double.key, double.secret]


def test_signing_in_works_on_a_supabase_project(ana: Browser, server: JupyterServer, double: Double) -> None:
    told = ana.ask("GET", "/auth").json()
    assert (told["mode"], told["accounts"], told["sends_mail"]) == ("supabase", True, True)
    status = ana.ask("GET", "/status")
    assert status.status_code == 200, status.text
    address = status.json()["me"]["email"]
    made = ana.ask("POST", "/projects", {"name": f"P {uuid4().hex[:6]}"})
    assert made.status_code == 201, made.text
    body = {"name": "ci", "project_id": made.json()["id"], "role": "viewer", "days": 1}
    secret = ana.ask("POST", "/account/tokens", body).json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.get(f"{server.url}/insighter/api/projects/{made.json()['id']}", headers=headers)
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")
    sent = {"grant_type": "password", "email": address, "password": PASSWORD}
    tokens = httpx.post(f"{server.url}/insighter/api/auth/token", json=sent).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert httpx.get(f"{server.url}/insighter/api/status", headers=headers).json()["me"]["email"] == address
    sessions = ana.ask("GET", "/account/sessions").json()["items"]
    other = next(item for item in sessions if not item["current"])
    assert ana.ask("DELETE", f"/account/sessions/{other['id']}").status_code == 204
    assert httpx.get(f"{server.url}/insighter/api/status", headers=headers).status_code == 401
    held = dict(ana.cookies)
    assert ana.ask("POST", "/auth/sign-out").status_code == 204
    assert httpx.get(f"{server.url}/insighter/api/status", cookies=held).status_code == 401


def test_a_kernel_inherits_no_secret(server: JupyterServer, ana: Browser, double: Double) -> None:
    started = ana.post("/api/kernels", json={}, headers={"X-XSRFToken": ana.xsrf})
    environment = json.loads(asyncio.run(_run(server, ana, started.json()["id"])))
    assert environment["INSIGHTER_TOKEN"].startswith("ixk_")
    assert not [name for name in environment if name.startswith("SUPABASE_") and name != "SUPABASE_URL"]
    for secret in [*secrets_of(double), str(ana.session)]:
        assert not [name for name, value in environment.items() if secret in value]


def test_a_terminal_inherits_no_secret(server: JupyterServer, ana: Browser, double: Double) -> None:
    name = ana.post("/api/terminals", json={}, headers={"X-XSRFToken": ana.xsrf}).json()["name"]
    said = asyncio.run(_terminal(server, ana, name, "env | sort; echo the-$((1+1))-end\r"))
    assert "HOME=" in said and "SUPABASE_KEY" not in said and "SUPABASE_JWT_SECRET" not in said
    assert not any(secret in said for secret in secrets_of(double))


def test_no_page_answer_or_log_has_a_secret(server: JupyterServer, ana: Browser, double: Double) -> None:
    paths = (
        "/lab",
        "/login",
        "/insighter/api/status",
        "/insighter/api/auth",
        "/insighter/api/openapi.json",
        "/api/me",
    )
    for path in (
        *paths,
        "/insighter/api/nothing",
        "/api/status",
        "/lab/api/settings",
        "/insighter/mlflow/version",
    ):
        text = ana.get(path).text
        assert not any(secret in text for secret in secrets_of(double)), path
    double.fail_next.append(("/rest/v1/rpc/projects_list", lambda handler: handler.set_status(500)))
    failed = ana.ask("GET", "/projects")
    for secret in [*secrets_of(double), str(ana.session), PASSWORD]:
        assert secret not in failed.text
        assert secret not in server.log.read_text(errors="replace")


@pytest.mark.parametrize("where", ["environment", "file"])
def test_the_configuration_that_is_shown_has_no_secret(double: Double, tmp_path: Path, where: str) -> None:
    environment = {**isolated_environment(tmp_path), **double.environment()}
    if where == "file":
        for name in double.environment():
            del environment[name]
        (tmp_path / "config").mkdir()
        lines = [f"c.InsighterApp.{name.lower()} = {value!r}" for name, value in double.environment().items()]
        (tmp_path / "config" / "jupyter_server_config.py").write_text("\n".join(lines))
    for flag in ("--show-config", "--show-config-json"):
        command = [sys.executable, "-m", "jupyter_server", flag, "--allow-root", "--ServerApp.port=0"]
        command += ["--ServerApp.jpserver_extensions={'insighter_ext': True}"]
        shown = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        said = shown.stdout + shown.stderr
        assert "insighter_ext" in said, said
        assert (double.url in said) == (where == "file")
        assert not any(secret in said for secret in secrets_of(double)), flag


@pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_JWT_SECRET"])
def test_a_wrong_configuration_shows_no_secret_and_leaves_none_behind(
    double: Double, tmp_path_factory: pytest.TempPathFactory, missing: str
) -> None:
    environment = double.environment()
    del environment[missing]
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")), variables=environment)
    running.launch()
    try:
        deadline = time.monotonic() + 60
        with running.client() as client:
            while True:
                try:
                    started = client.post("/api/kernels", json={})
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            assert started.status_code == 201
            name = client.post("/api/terminals", json={}).json()["name"]
            said = asyncio.run(_terminal(running, client, name, "env | sort; echo the-$((1+1))-end\r"))
        assert "SUPABASE_KEY" not in said
        text = said + running.log.read_text(errors="replace")
        assert not any(secret in text for secret in secrets_of(double))
        assert missing in running.log.read_text(errors="replace")  # it says what is missing
    finally:
        running.destroy()


# ---- as a browser does it


def _request(server: JupyterServer, client: httpx.Client, path: str) -> HTTPRequest:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}
    if "authorization" in client.headers:
        headers["Authorization"] = client.headers["authorization"]
    return HTTPRequest(server.url.replace("http", "ws", 1) + path, headers=headers)


async def _run(server: JupyterServer, client: httpx.Client, kernel: str) -> str:
    """What a kernel says its environment is."""
    connection = await websocket_connect(_request(server, client, f"/api/kernels/{kernel}/channels"))
    header = {"msg_id": uuid4().hex, "msg_type": "execute_request", "session": uuid4().hex, "username": ""}
    content = {"code": "import os, json; print(json.dumps(dict(os.environ)))", "silent": False}
    message = {"header": header | {"version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content}
    await connection.write_message(json.dumps({**message, "channel": "shell"}))
    printed = ""
    async with asyncio.timeout(60):
        while True:
            raw = await connection.read_message()
            assert isinstance(raw, str), "the connection was closed"
            told = json.loads(raw)
            if told["parent_header"].get("msg_id") == header["msg_id"]:
                if told["msg_type"] == "stream":
                    printed += told["content"]["text"]
                if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                    hang_up(connection)
                    return printed


async def _terminal(server: JupyterServer, client: httpx.Client, name: str, typed: str) -> str:
    """What a terminal answers to what is typed."""
    connection = await websocket_connect(_request(server, client, f"/terminals/websocket/{name}"))
    said = ""
    async with asyncio.timeout(60):
        await connection.write_message(json.dumps(["stdin", typed]))
        while "the-2-end" not in said:
            raw = await connection.read_message()
            assert isinstance(raw, str), "the connection was closed"
            kind, *text = json.loads(raw)
            said += "".join(map(str, text)) if kind == "stdout" else ""
    hang_up(connection)
    return said
