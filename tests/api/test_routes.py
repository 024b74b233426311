"""Rules that hold for every route; the routes are read from the application's own table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from insighter_ext.credentials.service import PREFIX
from server_handlers import openapi, routes
from server_handlers.base import API, PlatformHandler, declared
from tests.running import JupyterServer

REPOSITORY = Path(__file__).parent.parent.parent
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def concrete(pattern: str) -> str:
    """A path that a route's pattern matches."""
    path = re.sub(r"\(\?P<\w+>\[\^/\]\+\)|\(\[\^/\]\+\)", str(uuid4()), pattern)
    path = re.sub(r"\((?:\?P<\w+>|\?:)?([\w-]+)(?:\|[^()]*)?\)", r"\1", path)
    path = re.sub(r"\((?:\?P<\w+>)?\.[*+]\)", "x", path)
    return path.rstrip("$").replace("\\", "")


ROUTES = sorted({concrete(rule[0]) for rule in routes.routes()})


def test_the_paths_are_ones_the_server_knows() -> None:
    assert len(ROUTES) > 20
    for path in ROUTES:
        assert not re.search(r"[()*?^|]", path), path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {PREFIX}{'x' * 43}"},
        {"Authorization": f"Bearer {PREFIX}"},
        {"Cookie": "username-localhost=forged"},
    ],
    ids=["nothing", "wrong token", "unknown credential", "empty credential", "forged cookie"],
)
def test_no_route_answers_without_a_credential(server: JupyterServer, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=server.url, headers=headers) as client:
        for path in ROUTES:
            for method in METHODS:
                answer = client.request(method, path, json={} if method not in {"GET", "DELETE"} else None)
                assert answer.status_code in {401, 403, 405}, (method, path, answer.text)
        for path in ROUTES:
            assert client.get(path).status_code in {401, 403, 405}
        assert client.get("/insighter/api/status").status_code in {401, 403}


def test_every_handler_stands_on_the_base_handler() -> None:
    for rule in routes.routes():
        assert issubclass(rule[1], PlatformHandler), rule


def test_every_api_route_and_method_is_in_the_document() -> None:
    paths = openapi.document()["paths"]
    for handler in routes.API_HANDLERS:
        path = API + handler._ARGUMENT.sub(r"{\1}", handler.path)
        assert declared(handler), handler
        assert set(paths[path]) == set(declared(handler)), path
        for method in ("get", "post", "put", "patch", "delete"):
            own = getattr(handler, method)
            assert own.__module__.startswith("tornado") or hasattr(own, "__operation__"), (handler, method)


def test_the_document_is_served(api: httpx.Client) -> None:
    assert api.get("/insighter/api/openapi.json").json() == json.loads(json.dumps(openapi.document()))


def test_every_route_is_documented() -> None:
    page = (REPOSITORY / "docs" / "http-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]+ [^` ]+)` \|", page, re.M)
    served = {
        f"{method.upper()} {path}"
        for path, methods in openapi.document()["paths"].items()
        for method in methods
    }
    assert served - set(rows) == set()
    assert {row for row in rows if rows.count(row) > 1} == set(), "once each"
    assert {row for row in rows if row.split()[1].startswith(API)} - served == set(), (
        "what is there is served"
    )


def test_an_unknown_path_below_the_api_is_not_found(api: httpx.Client) -> None:
    assert api.get("/insighter/api/nothing/here").status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example"])
def test_a_page_of_another_site_cannot_act_with_a_cookie(server: JupyterServer, origin: str) -> None:
    with httpx.Client(base_url=server.url) as browser:
        assert (
            browser.get("/lab" if server.lab else "/api/status", params={"token": server.token}).status_code
            == 200
        )
        name = f"Forged {uuid4().hex}"
        answer = browser.post("/insighter/api/projects", json={"name": name}, headers={"Origin": origin})
        assert answer.status_code in {403, 404}
        listed: list[dict[str, Any]] = browser.get("/insighter/api/projects", params={"limit": 500}).json()[
            "items"
        ]
        assert name not in [item["name"] for item in listed]


def test_errors_carry_a_request_id_and_no_traceback(api: httpx.Client) -> None:
    answer = api.get(f"/insighter/api/projects/{uuid4()}")
    assert len(answer.headers["X-Request-Id"]) == 16
    assert "Traceback" not in answer.text and 'File "' not in answer.text
