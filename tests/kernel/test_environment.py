"""What a kernel finds in its environment, and how far its credential reaches."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

OURS = (
    "INSIGHTER_URL",
    "INSIGHTER_TOKEN",
    "INSIGHTER_PROJECT",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_TOKEN",
)


def status(server: JupyterServer, secret: str, path: str = "/insighter/api/status") -> int:
    """What the server answers to a credential."""
    return httpx.get(server.url + path, headers={"Authorization": f"Bearer {secret}"}, timeout=30).status_code


def until(condition: Any, seconds: float = 30) -> bool:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("session", [False, True], ids=["bare kernel", "notebook"])
def test_a_kernel_knows_its_project(server: JupyterServer, project: dict[str, Any], session: bool) -> None:
    nested = server.root / project["folder"] / "deep" / "er"
    nested.mkdir(parents=True)
    with kernel(server, f"{project['folder']}/deep/er", session=session) as running:
        environment = running.environment()
        assert environment["INSIGHTER_PROJECT"] == project["id"]
        assert environment["INSIGHTER_URL"] == server.url
        assert environment["MLFLOW_TRACKING_URI"] == f"{server.url}/insighter/mlflow"
        assert environment["MLFLOW_TRACKING_TOKEN"] == environment["INSIGHTER_TOKEN"]
        assert environment["HOME"] == str(server.home), "the user's own environment is still there"
        assert ("JPY_SESSION_NAME" in environment) == session
        assert server.token not in environment.values()
        assert Path(running.run("import os; print(os.getcwd())").text.strip()) == nested


def test_outside_of_every_project_it_is_the_personal_one(server: JupyterServer, api: httpx.Client) -> None:
    (server.root / "elsewhere").mkdir(exist_ok=True)
    with kernel(server, "elsewhere") as running:
        personal = api.get("/insighter/api/status").json()["personal_project"]
        assert running.environment()["INSIGHTER_PROJECT"] == personal


def test_the_credential_opens_its_project_and_nothing_else(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    other = api.post("/insighter/api/projects", json={"name": f"Other {project['id'][:8]}"}).json()
    with kernel(server, project["folder"]) as running:
        secret = running.environment()["INSIGHTER_TOKEN"]
        me = httpx.get(
            f"{server.url}/insighter/api/status", headers={"Authorization": f"Bearer {secret}"}
        ).json()["me"]
        assert (me["kind"], me["project_id"]) == ("kernel", project["id"])
        assert status(server, secret, f"/insighter/api/projects/{project['id']}") == 200
        assert status(server, secret, f"/insighter/api/projects/{other['id']}") == 404
        for path in ("/api/contents", "/api/kernels", "/api/terminals"):
            assert status(server, secret, path) == 403, path


def test_a_restart_keeps_the_credential_and_a_shutdown_ends_it(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as running:
        secret = running.environment()["INSIGHTER_TOKEN"]
        assert api.post(f"/api/kernels/{running.id}/restart").status_code == 200
        assert status(server, secret) == 200
        assert api.delete(f"/api/kernels/{running.id}").status_code == 204
        assert status(server, secret) == 401


def test_closing_the_notebook_s_session_ends_the_credential(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"], session=True) as running:
        secret = running.environment()["INSIGHTER_TOKEN"]
        [session] = [item for item in api.get("/api/sessions").json() if item["kernel"]["id"] == running.id]
        assert api.delete(f"/api/sessions/{session['id']}").status_code == 204
        assert status(server, secret) == 401


def test_each_kernel_has_a_credential_of_its_own(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"]) as one, kernel(server, project["folder"]) as two:
        secrets = {running.environment()["INSIGHTER_TOKEN"] for running in (one, two)}
        assert len(secrets) == 2


@pytest.mark.slow
def test_a_kernel_that_dies_for_good_loses_its_credential(own_server: JupyterServer) -> None:
    own_server.arguments = (
        "--KernelManager.autorestart=False",
        "--AsyncIOLoopKernelRestarter.restart_limit=0",
    )
    own_server.start()
    with kernel(own_server) as running:
        secret = running.environment()["INSIGHTER_TOKEN"]
        os.kill(int(running.run("import os; print(os.getpid())").text), signal.SIGKILL)
        with own_server.client() as client:
            client.delete(f"/api/kernels/{running.id}")
        assert until(lambda: status(own_server, secret) == 401)


@pytest.mark.slow
def test_no_credential_outlives_a_server_that_was_killed(own_server: JupyterServer) -> None:
    own_server.start()
    with kernel(own_server) as running:
        secret = running.environment()["INSIGHTER_TOKEN"]
        own_server.kill()
    own_server.start()
    assert status(own_server, secret) == 401
    with kernel(own_server) as running:
        fresh = running.environment()["INSIGHTER_TOKEN"]
        assert status(own_server, fresh) == 200
    own_server.stop()
    own_server.start()
    assert status(own_server, fresh) == 401


@pytest.mark.slow
def test_a_kernel_starts_also_where_it_is_switched_off(own_server: JupyterServer) -> None:
    own_server.arguments = ("--InsighterApp.kernel_environment=False",)
    own_server.start()
    with kernel(own_server) as running:
        assert not set(OURS) & set(running.environment())


@pytest.mark.slow
def test_a_kernel_starts_also_when_the_platform_cannot(own_server: JupyterServer) -> None:
    own_server.home.joinpath("file").write_text("a data folder cannot be made below a file")
    own_server.arguments = (f"--InsighterApp.storage_dir={own_server.home}/file/data",)
    own_server.launch()
    with own_server.client() as client:
        assert until(lambda: _answers(client))
        assert client.get("/insighter/api/status").status_code >= 500
    with kernel(own_server) as running:
        assert not set(OURS) & set(running.environment())
    assert "a kernel starts without its project" in own_server.log.read_text()


class TlsServer(JupyterServer):
    """A server whose certificate names its public name only."""

    @property
    def url(self) -> str:
        """By TLS."""
        return f"https://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """One that does not mind the certificate."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=False)


@pytest.mark.slow
def test_behind_tls_kernels_reach_the_platform_by_a_door_of_their_own() -> None:
    running_server = TlsServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    certificate, key = running_server.home / "cert.pem", running_server.home / "key.pem"
    subject = ["-subj", "/CN=lab.example.org", "-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(command, check=True, capture_output=True)
    running_server.arguments = (
        f"--ServerApp.certfile={certificate}",
        f"--ServerApp.keyfile={key}",
    )
    try:
        running_server.start()
        with kernel(running_server) as running:
            environment = running.environment()
            url, secret = environment["INSIGHTER_URL"], environment["INSIGHTER_TOKEN"]
            assert url.startswith("http://127.0.0.1:")
            headers = {"Authorization": f"Bearer {secret}"}
            assert httpx.get(f"{url}/insighter/api/status", headers=headers).status_code == 200
            headers = {"Authorization": f"Bearer {running_server.token}"}
            assert httpx.get(f"{url}/api/contents", headers=headers).status_code == 404, (
                "Jupyter is not behind it"
            )
    finally:
        running_server.destroy()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api").status_code == 200
    except httpx.TransportError:
        return False
