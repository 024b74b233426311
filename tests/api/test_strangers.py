"""Every route, as somebody who has no part in the project it is about, and as somebody who may only look at it.

The routes come from the OpenAPI document and from the tables of MLflow's endpoints, so none can be forgotten.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from insighter_ext.registry.endpoints import RegistryEndpoints
from insighter_ext.tracking.endpoints import TrackingEndpoints
from server_handlers import openapi, routes
from server_handlers.base import API
from server_handlers.mlflow import MLFLOW
from tests.api.people import A_NOTEBOOK, A_RULE, Person, Treasure, superuser, team_server
from tests.api.test_hostile_input import Nothing, fields_of
from tests.api.test_routes import METHODS, ROUTES, concrete
from tests.browser_client import hang_up
from tests.running import JupyterServer

OPERATIONS = [
    (method.upper(), path) for path, methods in openapi.document()["paths"].items() for method in methods
]
WITH_IDS = [(method, path) for method, path in OPERATIONS if "{" in path]
IN_PROJECTS = [(method, path) for method, path in OPERATIONS if "{project_id}" in path]

# What is sent to routes that take a body: a valid one, so that it is not for the body that somebody is refused.
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /projects/{project_id}": {"description": "changed"},
    "DELETE /projects/{project_id}": {"confirm": "its name"},
    "POST /projects/{project_id}/bus": {"topic": "changed", "data": 1},
    "POST /projects/{project_id}/assets/{kind}/{key}/comments": {"body": "changed"},
    "PATCH /projects/{project_id}/comments/{comment_id}": {"body": "changed"},
    "PUT /projects/{project_id}/pins/{kind}/{key}": {"position": 1},
    "POST /projects/{project_id}/notebooks/{notebook_id}/versions": A_NOTEBOOK,
    "POST /projects/{project_id}/trash/{kind}/{asset_id}/restore": {"name": "changed"},
    "POST /trash/{project_id}/restore": {"name": "changed"},
    "POST /projects/{project_id}/achievements": {"name": "changed", "audience": "person", "rule": A_RULE},
    "POST /projects/{project_id}/achievements/preview": {"audience": "person", "rule": A_RULE},
    "PATCH /projects/{project_id}/achievements/{achievement_id}": {"name": "changed"},
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/query": {"filter": "status != 'x'"},
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/groups": {"group_by": "attributes.status"},
    "POST /projects/{project_id}/runs/curves": {"run_ids": ["0" * 32], "keys": ["changed"]},
    "POST /projects/{project_id}/models": {"name": "changed", "run_id": "0" * 32},
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/tags": {
        "run_ids": ["0" * 32],
        "tags": {"changed": "1"},
    },
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/delete": {"run_ids": ["0" * 32]},
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/restore": {"run_ids": ["0" * 32]},
    "POST /projects/{project_id}/run-views": {"name": "changed"},
    "PUT /projects/{project_id}/run-views/{view_id}": {"name": "changed", "version": 1},
    "PUT /projects/{project_id}/models/{name}/aliases/{alias}": {"version": 1},
    "POST /projects/{project_id}/webhooks": {
        "name": "changed",
        "url": "https://example.org",
        "events": ["model_version.created"],
    },
    "PATCH /projects/{project_id}/webhooks/{webhook_id}": {"name": "changed"},
    "POST /projects/{project_id}/webhooks/{webhook_id}/test": {"event": "model_version.created"},
    "POST /projects/{project_id}/models/{name}/requests": {
        "alias": "changed",
        "version": 1,
        "why": "changed",
    },
    "POST /projects/{project_id}/models/{name}/requests/{request_id}": {"decision": "approve"},
    "PUT /projects/{project_id}/models/{name}/card": {"body": "changed", "revision": 0},
    "PUT /projects/{project_id}/alias-rules": {"alias": "changed"},
    "POST /projects/{project_id}/deployments": {"name": "changed", "model": "changed", "version": 1},
    "PUT /projects/{project_id}/members/{user_id}": {"role": "viewer"},
    "PUT /projects/{project_id}/owner": {"user_id": str(uuid4())},
    "PUT /projects/{project_id}/visibility": {"visibility": "public"},
    "POST /projects/{project_id}/invitations": {"email": "changed@example.org", "role": "viewer"},
    "POST /projects/{project_id}/access-requests/{request_id}/grant": {"role": "viewer"},
    "PUT /projects/{project_id}/restrictions/{kind}/{name}": {"min_role": "admin", "people": []},
    "PATCH /organisations/{organisation_id}": {"name": "changed"},
    "PATCH /projects/{project_id}/runs/{run_id}": {"note": "changed"},
    "PUT /organisations/{organisation_id}/members/{user_id}": {"role": "member"},
    "POST /organisations/{organisation_id}/invitations": {"email": "changed@example.org", "role": "member"},
}

# What a viewer may do to a project, though it is no reading.
OF_A_VIEWER = {
    "POST /projects/{project_id}/assets/{kind}/{key}/comments",
    # Where on this machine somebody has the project's notebooks is their own affair.
    "PUT /projects/{project_id}/folder",
    # Reading, by questions that are longer than an address.
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/query",
    "POST /projects/{project_id}/experiments/{experiment_id}/runs/groups",
}

FOR_VIEWERS = [each for each in IN_PROJECTS if f"{each[0]} {each[1].removeprefix(API)}" not in OF_A_VIEWER]

# The routes that are open to everybody: what one signs in with.
DOORS = {
    f"{API}/auth",
    *(f"{API}/auth/{name}" for name in ("sign-up", "sign-in", "sign-out", "recovery", "recovery/confirm")),
    *(f"{API}/auth/{name}" for name in ("confirmation", "confirmation/confirm", "token")),
}

ENDPOINTS = [
    (method, path, endpoint)
    for part in (TrackingEndpoints, RegistryEndpoints)
    for (method, path), endpoint in part(Nothing()).table().items()  # type: ignore[arg-type]
]


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server where people sign in."""
    with team_server() as server:
        yield server


@pytest.fixture(scope="module")
def treasure(team: JupyterServer) -> Iterator[Treasure]:
    """Somebody's project."""
    with closing(Person(team, "Olga")) as owner:
        yield Treasure(team, owner)


@pytest.fixture(scope="module")
def stranger(team: JupyterServer, treasure: Treasure) -> Iterator[Person]:
    """Somebody who has no part in it, and a project of their own."""
    with closing(Person(team, "Stan")) as person:
        person.do("POST", f"{API}/projects", {"name": "Mine"}, expect=201)
        yield person


@pytest.fixture(scope="module")
def viewer(team: JupyterServer, treasure: Treasure) -> Iterator[Person]:
    """A member with the lowest role."""
    with closing(Person(team, "Vera")) as person:
        with superuser(team) as database:
            database.execute(
                "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'viewer')",
                [treasure.project_id, person.user_id],
            )
        yield person


def url(treasure: Treasure, path: str, **instead: str) -> str:
    def fill(found: re.Match[str]) -> str:
        return quote(instead.get(found[1]) or treasure.argument(found[1], path), safe="")

    return re.sub(r"{(\w+)}", fill, path)


def ask(treasure: Treasure, person: httpx.Client, method: str, path: str, at: str) -> httpx.Response:
    name = f"{method} {path.removeprefix(API)}"
    body = BODIES.get(name)
    if body == {"confirm": "its name"}:
        body = {"confirm": treasure.name}
    if "/datasets/" in path and path.endswith("/versions") and method == "POST":
        return person.request(method, at, content=b"a,b\n1,2\n")
    sent: dict[str, Any] = {"json": body} if body is not None else {}
    if path.endswith("/lineage/impact"):
        sent["params"] = {"kind": "dataset", "key": treasure.dataset}
    if path.endswith("/models/{name}/compare"):
        sent["params"] = {"left": 1, "right": 1}
    return person.request(method, at, **sent)


@pytest.mark.parametrize(("method", "path"), WITH_IDS, ids=[f"{m} {p}" for m, p in WITH_IDS])
def test_to_a_stranger_there_is_nothing(
    team: JupyterServer, treasure: Treasure, stranger: Person, method: str, path: str
) -> None:
    before = treasure.unchanged(team)
    at = url(treasure, path)
    answer = ask(treasure, stranger, method, path, at)
    assert answer.status_code == 404, answer.text
    # What was named is no news.
    told = answer.text
    for said in {treasure.argument(name, path) for name in re.findall(r"{(\w+)}", path)}:
        told = told.replace(said, "")
    assert not treasure.contains(told + str(answer.headers)), told
    assert treasure.unchanged(team) == before
    # And it is the answer that is given for what there is not.
    first = re.findall(r"{(\w+)}", path)[0]
    nowhere = str(uuid4())
    other = ask(treasure, stranger, method, path, url(treasure, path, **{first: nowhere}))
    assert other.status_code == 404
    assert other.text.replace(nowhere, "…") == answer.text.replace(treasure.argument(first, path), "…")


def test_what_lists_all_that_one_sees_lists_nothing_of_it(treasure: Treasure, stranger: Person) -> None:
    for method, path in OPERATIONS:
        if method == "GET" and "{" not in path:
            for query in ("", "?limit=500", "?scope=all&limit=500"):
                answer = stranger.get(f"{path}{query}")
                assert answer.status_code < 500, (path, query, answer.text)
                assert not treasure.contains(answer.text), (path, query)


@pytest.mark.parametrize(("method", "path"), FOR_VIEWERS, ids=[f"{m} {p}" for m, p in FOR_VIEWERS])
def test_a_viewer_looks_and_changes_nothing(
    team: JupyterServer, treasure: Treasure, viewer: Person, method: str, path: str
) -> None:
    before = treasure.unchanged(team)
    answer = ask(treasure, viewer, method, path, url(treasure, path))
    if method == "GET":
        assert answer.status_code in {200, 204, 403, 409, 422}, answer.text
    else:
        assert answer.status_code in {403, 404}, answer.text
    assert treasure.unchanged(team) == before


def test_every_route_with_a_body_has_one_here() -> None:
    document = openapi.document()["paths"]
    taking = {
        f"{method} {path.removeprefix(API)}"
        for method, path in WITH_IDS
        if "application/json" in document[path][method.lower()].get("requestBody", {}).get("content", {})
    }
    assert taking == set(BODIES)


@pytest.mark.parametrize(("method", "path", "endpoint"), ENDPOINTS, ids=[f"{m} {p}" for m, p, _ in ENDPOINTS])
def test_an_endpoint_of_mlflow_tells_a_stranger_nothing(
    team: JupyterServer, treasure: Treasure, stranger: Person, method: str, path: str, endpoint: Any
) -> None:
    """With every id and every name of the project for each of the fields that the endpoint reads."""
    named = {
        **treasure.values, "name": treasure.model, "experiment_name": treasure.experiment_name, "path": "",
        "value": "1", "timestamp": 1, "step": 1, "new_name": "changed", "stage": "None", "status": "FINISHED",
        "experiment_ids": [treasure.experiment], "run_ids": [treasure.run], "max_results": 100,
    }  # fmt: skip
    sent = {
        name: named[name] for name in [*fields_of(endpoint), "experiment_ids", "run_ids"] if name in named
    }
    at = f"{MLFLOW}/api/2.0/mlflow/" + re.sub(r"{(\w+)}", lambda f: quote(str(named[f[1]]), safe=""), path)
    before = treasure.unchanged(team)
    if method == "GET":
        answer = stranger.get(f"{at}?{urlencode(sent, doseq=True)}")
    else:
        answer = stranger.request(method, at, json=sent)
    assert answer.status_code < 500, answer.text
    assert treasure.unchanged(team) == before
    told = answer.text
    for said in sorted({str(value) for value in named.values()}, key=len, reverse=True):
        if treasure.contains(said):
            told = told.replace(said, "")
    assert not treasure.contains(told), told


@pytest.mark.parametrize("root", ["runs/{run_id}", "models/{model_id}"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_artifacts_of_others_are_not_there(
    team: JupyterServer, treasure: Treasure, stranger: Person, method: str, root: str
) -> None:
    before = treasure.unchanged(team)
    place = root.format(**treasure.values)
    files = f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts"
    at = f"{files}/{place}/artifacts/{treasure.canary}.txt"
    assert treasure.owner.get(at).text == treasure.canary
    answer = stranger.request(method, at, content=b"changed" if method == "PUT" else None)
    assert answer.status_code == 404, answer.text
    assert stranger.get(f"{files}?path={place}/artifacts").status_code == 404
    assert treasure.unchanged(team) == before
    assert treasure.owner.get(at).text == treasure.canary


def test_endpoints_of_others_are_not_there(treasure: Treasure, stranger: Person) -> None:
    for method, action in (("POST", "invocations"), ("GET", "ping")):
        answer = stranger.request(method, f"/insighter/serve/{treasure.slug}/{treasure.deployment}/{action}")
        assert answer.status_code == 404, answer.text
        assert not treasure.contains(answer.text)


def test_the_bus_of_others_is_not_there(team: JupyterServer, treasure: Treasure, stranger: Person) -> None:
    async def listen(person: Person) -> tuple[str | None, int | None]:
        address = f"ws{treasure.base_url.removeprefix('http')}/bus/socket?after=0.a.0"
        socket = await websocket_connect(
            HTTPRequest(address, headers={"Authorization": person.headers["Authorization"]})
        )
        message = await asyncio.wait_for(socket.read_message(), 20)
        code = socket.close_code
        hang_up(socket)
        return (None if message is None else str(message)), code

    told, _ = asyncio.run(listen(treasure.owner))
    assert told is not None and treasure.contains(told)
    assert asyncio.run(listen(stranger)) == (None, 4404)


def test_where_people_sign_in_only_the_doors_are_open(team: JupyterServer) -> None:
    doors = {concrete(rule[0]) for rule in routes.routes() if getattr(rule[1], "for_strangers", False)}
    assert {path for path in doors if path in DOORS} == DOORS
    with httpx.Client(base_url=team.url, headers={"X-Real-IP": "10.9.9.9"}) as client:
        for path in ROUTES:
            for method in METHODS:
                answer = client.request(method, path, json={} if method not in {"GET", "DELETE"} else None)
                if path in DOORS:
                    assert answer.status_code < 500, (method, path, answer.text)
                else:
                    assert answer.status_code in {401, 403, 405}, (method, path, answer.text)


def test_the_canary_is_everywhere(treasure: Treasure) -> None:
    """Else the tests above would see nothing."""
    for path in (
        "", "/datasets", "/experiments", f"/experiments/{treasure.experiment}/runs", f"/runs/{treasure.run}", "/models",
        "/deployments", "/invitations", "/audit", "/bus?after=0.a.0",
    ):  # fmt: skip
        assert treasure.contains(treasure.owner.do("GET", treasure.base + path).__repr__()), path
