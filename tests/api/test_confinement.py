"""What a kernel's credential reaches: its own project on Insighter's routes, and nothing else of the server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from server_handlers import openapi
from server_handlers.mlflow import MLFLOW
from tests.api.test_hostile_input import filled
from tests.running import JupyterServer


@pytest.fixture
def other(api: httpx.Client) -> dict[str, Any]:
    """Another project of the same account, with a dataset."""
    made: dict[str, Any] = api.post(
        "/insighter/api/projects", json={"name": f"Other {uuid4().hex[:12]}"}
    ).json()
    answer = api.post(f"/insighter/api/projects/{made['id']}/datasets/secret/versions", content=b"a,b\n1,2\n")
    assert answer.status_code == 201
    return made


def test_no_route_lets_a_kernel_into_another_project(
    server: JupyterServer, kernel_token: str, other: dict[str, Any], api: httpx.Client
) -> None:
    values = {
        "project_id": other["id"],
        "name": "secret",
        "version": "1",
        "experiment_id": "0",
        "run_id": "0" * 32,
    }
    bodies = {
        "PATCH": {"name": "taken"},
        "DELETE": {"confirm": other["name"]},
        "PUT": {"version": 1},
        "POST": {"name": "m", "model": "m", "version": 1},
    }
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {kernel_token}"}) as kernel:
        assert kernel.get("/insighter/api/status").json()["me"]["kind"] == "kernel"
        for path, methods in openapi.document()["paths"].items():
            if "{project_id}" not in path:
                continue
            for method in methods:
                verb = method.upper()
                answer = kernel.request(verb, filled(path, values), json=bodies.get(verb))
                assert answer.status_code in {404, 422}, (verb, path, answer.text)
                assert other["name"] not in answer.text
        listed = kernel.get("/insighter/api/projects").json()["items"]
        assert other["id"] not in [item["id"] for item in listed]
        assert kernel.post("/insighter/api/projects", json={"name": uuid4().hex}).status_code == 403
        assert kernel.post("/insighter/api/quickstart", json={}).status_code == 403
    assert api.get(f"/insighter/api/projects/{other['id']}/datasets/secret").status_code == 200
    assert api.get(f"/insighter/api/projects/{other['id']}").json()["name"] == other["name"]


@pytest.mark.parametrize(
    "path", ["/api/contents", "/api/kernels", "/api/sessions", "/api/terminals", "/api/me", "/files/x"]
)
def test_jupyters_own_api_knows_no_kernel_credential(
    server: JupyterServer, kernel_token: str, path: str
) -> None:
    for sent in (
        {"headers": {"Authorization": f"Bearer {kernel_token}"}},
        {"headers": {"Authorization": f"token {kernel_token}"}},
        {"params": {"token": kernel_token}},
    ):
        answer = httpx.get(server.url + path, **sent)  # type: ignore[arg-type]
        assert answer.status_code in {302, 403, 404}, answer.text


def test_a_kernel_credential_in_an_address_is_none(server: JupyterServer, kernel_token: str) -> None:
    """Addresses end in logs and histories."""
    answer = httpx.get(f"{server.url}/insighter/api/status", params={"token": kernel_token})
    assert answer.status_code in {401, 403}
    assert kernel_token not in server.log.read_text(errors="replace")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/insighter/api/projects"),
        ("PATCH", "/insighter/api/projects/{id}"),
        ("DELETE", "/insighter/api/projects/{id}"),
        ("PUT", "/insighter/api/projects/{id}/folder"),
        ("POST", "/insighter/api/projects/{id}/datasets/d/versions"),
        ("POST", f"{MLFLOW}/api/2.0/mlflow/experiments/create"),
        ("PUT", f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/runs/{'0' * 32}/artifacts/x"),
        ("DELETE", f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/runs/{'0' * 32}/artifacts/x"),
        ("POST", "/insighter/serve/p/n/invocations"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}], ids=["no token", "other site"])
def test_a_cookie_alone_changes_nothing(
    server: JupyterServer, project: dict[str, Any], method: str, path: str, headers: dict[str, str]
) -> None:
    """Without the XSRF token, which another site's page cannot read."""
    with httpx.Client(base_url=server.url) as browser:
        assert browser.get("/api/status", params={"token": server.token}).status_code == 200
        assert browser.get("/insighter/api/status").status_code == 200  # the cookie lets it in
        sent = {"name": f"Forged {uuid4().hex}", "confirm": project["name"]}
        answer = browser.request(method, path.format(id=project["id"]), json=sent, headers=headers)
        assert answer.status_code in {403, 404}, answer.text
        assert browser.get(f"/insighter/api/projects/{project['id']}").json()["name"] == project["name"]
