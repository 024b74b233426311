"""Assets over HTTP: home, search, pins; and who is there, over the WebSocket of a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tornado.websocket import WebSocketClientConnection

from tests.api.people import Person, a_token, team_server
from tests.api.test_bus import listening
from tests.browser_client import hang_up
from tests.running import JupyterServer

API = "/insighter/api"


def upload(api: httpx.Client, project: str, name: str, content: bytes = b"acidity,quality\n1,2\n") -> None:
    answer = api.post(f"{API}/projects/{project}/datasets/{name}/versions", content=content)
    assert answer.status_code == 201, answer.text


def test_assets_are_found_pinned_and_shown_at_home(api: httpx.Client, project: dict[str, Any]) -> None:
    id, mark = project["id"], uuid4().hex[:10]
    for name in (f"wine {mark}", f"grapes {mark}"):
        upload(api, id, name)
    found = api.get(f"{API}/assets", params={"q": f"{mark} acid"}).json()
    assert sorted(item["name"] for item in found["items"]) == [f"grapes {mark}", f"wine {mark}"]
    assert found["items"][0]["why"] == {"field": "column", "text": "acidity"} and found["more"] is False
    only = {"q": mark, "projects": id, "kinds": "model,dataset", "limit": 1}
    found = api.get(f"{API}/assets", params=only).json()
    assert len(found["items"]) == 1 and found["more"] is True

    pin = f"{API}/projects/{id}/pins/dataset/wine {mark}"
    assert api.put(pin, json={}).json() == {"kind": "dataset", "key": f"wine {mark}", "position": 1}
    home = api.get(f"{API}/projects/{id}/home").json()
    assert [item["name"] for item in home["pinned"]] == [f"wine {mark}"]
    assert [(kind["kind"], kind["count"]) for kind in home["kinds"]] == [("dataset", 2)]
    listed = api.get(f"{API}/projects/{id}/assets", params={"kind": "dataset"}).json()
    assert {item["name"]: item["pinned"] for item in listed["items"]} == {
        f"wine {mark}": True,
        f"grapes {mark}": False,
    }
    assert api.delete(pin).json()["position"] == 1
    assert api.delete(pin).status_code == 404
    assert api.get(f"{API}/projects/{id}/assets", params={"pinned": "true"}).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"q": "x" * 3000}, 200),
        ({"q": "a\x00b"}, 200),
        ({"projects": "nothing"}, 422),
        ({"kinds": "'"}, 200),
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"other": "x"}, 422),
    ],
    ids=repr,
)
def test_odd_questions_are_answered_in_words(api: httpx.Client, query: dict[str, str], status: int) -> None:
    answer = api.get(f"{API}/assets", params=query)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["message"]


def test_a_kernel_finds_what_is_in_its_project(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], kernel_token: str
) -> None:
    mark = uuid4().hex[:10]
    other = api.post(f"{API}/projects", json={"name": f"Other {mark}"}).json()["id"]
    upload(api, project["id"], f"here {mark}")
    upload(api, other, f"there {mark}")
    assert len(api.get(f"{API}/assets", params={"q": mark}).json()["items"]) == 2
    headers = {"Authorization": f"Bearer {kernel_token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as kernel:
        found = kernel.get(f"{API}/assets", params={"q": mark}).json()["items"]
        assert [item["name"] for item in found] == [f"here {mark}"]


def test_a_stale_edit_is_told_both_texts(api: httpx.Client, project: dict[str, Any]) -> None:
    path = f"{API}/projects/{project['id']}"
    before = {"description": project["description"]}
    assert api.patch(path, json={"description": "theirs", "expected": before}).status_code == 200
    answer = api.patch(path, json={"description": "mine", "expected": before})
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "changed_meanwhile" and body["message"] and body["hint"]
    assert body["details"]["yours"] == "mine" and body["details"]["theirs"] == "theirs"
    assert body["details"]["field"] == "description" and body["details"]["by"] and body["details"]["at"]
    saved = api.patch(path, json={"description": "both", "expected": {"description": "theirs"}})
    assert saved.json()["description"] == "both"


# ---- who is there ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server where people sign in."""
    with team_server() as running:
        yield running


async def seen(socket: WebSocketClientConnection, *expected: tuple[str, bool]) -> None:
    """Wait until exactly these are there: names, and whether they are away."""
    last: Any = None
    try:
        async with asyncio.timeout(20):
            while last != sorted(expected):
                text = await socket.read_message()
                assert text is not None, "closed"
                said = json.loads(text)
                if "present" in said:
                    last = sorted((each["display_name"], each["away"]) for each in said["present"])
    except TimeoutError:
        pytest.fail(f"{last} instead of {sorted(expected)}")


async def test_members_see_each_other_come_look_away_and_go(team: JupyterServer) -> None:
    with closing(Person(team, "ana")) as ana, closing(Person(team, "ben")) as ben:
        project = ana.do("POST", f"{API}/projects", {"name": f"P {uuid4().hex[:8]}"}, expect=201)["id"]
        invited = {"email": ben.email, "role": "viewer"}
        code = ana.do("POST", f"{API}/projects/{project}/invitations", invited, expect=201)["code"]
        ben.do("POST", f"{API}/invitations/accept", {"code": code})
        tokens = [person.headers["Authorization"].split(" ")[1] for person in (ana, ben)]
        async with listening(team, project, tokens[0], presence="here") as one:
            await seen(one, ("ana", False))
            async with listening(team, project, tokens[1], presence="away") as two:
                await seen(one, ("ana", False), ("ben", True))
                await two.write_message(json.dumps({"away": False}))
                await seen(one, ("ana", False), ("ben", False))
                await seen(two, ("ana", False), ("ben", False))
                here = ben.do("GET", f"{API}/projects/{project}/presence")["items"]
                assert {each["user_id"] for each in here} == {ana.user_id, ben.user_id}
                # Whoever only listens is not there, and neither are programs.
                async with listening(team, project, a_token(ana, project, "editor")[1], presence="here"):
                    ben_only = ben.do("GET", f"{API}/projects/{project}/presence")["items"]
                    assert len(ben_only) == 2
                hang_up(two)  # without a word, as when the network goes
            await seen(one, ("ana", False))


async def test_who_may_not_see_the_project_is_neither_seen_nor_told(team: JupyterServer) -> None:
    with closing(Person(team, "ana")) as ana, closing(Person(team, "eve")) as eve:
        project = ana.do("POST", f"{API}/projects", {"name": f"P {uuid4().hex[:8]}"}, expect=201)["id"]
        tokens = [person.headers["Authorization"].split(" ")[1] for person in (ana, eve)]
        async with listening(team, project, tokens[0], presence="here") as one:
            await seen(one, ("ana", False))
            async with listening(team, project, tokens[1], presence="here") as two:
                assert await two.read_message() is None and two.close_code == 4404
            assert len(ana.do("GET", f"{API}/projects/{project}/presence")["items"]) == 1
            eve.do("GET", f"{API}/projects/{project}/presence", expect=404)
