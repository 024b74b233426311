"""Achievements over HTTP, from an upload to the switch that takes them away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from tests.api.people import Person, team_server
from tests.running import JupyterServer

DATASETS = {"count": {"asset_kind": "dataset", "verb": "created"}}


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server on which people sign in."""
    with team_server() as server:
        yield server


@pytest.fixture
def ana(team: JupyterServer) -> Iterator[Person]:
    """Somebody with an account."""
    with closing(Person(team, "Ana")) as person:
        yield person


@pytest.fixture
def bo(team: JupyterServer) -> Iterator[Person]:
    """Somebody else."""
    with closing(Person(team, "Bo")) as person:
        yield person


def a_project(owner: Person) -> str:
    made = owner.do("POST", "/insighter/api/projects", {"name": f"Wine {uuid4().hex[:8]}"}, expect=201)
    return f"/insighter/api/projects/{made['id']}"


def upload(person: Person, project: str, name: str) -> None:
    answer = person.post(
        f"{project}/datasets/{name}/versions?filename={name}.csv",
        content=b"a,b\n1,2\n",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text


def named(person: Person, project: str) -> dict[str, Any]:
    return {item["name"]: item for item in person.do("GET", f"{project}/achievements")["items"]}


def test_from_an_upload_to_the_profile_and_off_again(ana: Person, bo: Person) -> None:
    project = a_project(ana)
    invitation = ana.do("POST", f"{project}/invitations", {"email": bo.email, "role": "viewer"}, expect=201)
    bo.do("POST", "/insighter/api/invitations/accept", {"code": invitation["code"]})
    position = bo.do("GET", f"{project}/bus")["cursor"]
    upload(ana, project, "wine")
    mine = ana.do("GET", "/insighter/api/account/achievements")
    assert mine["shown"] and [item["name"] for item in mine["items"]] == ["First dataset"]
    assert mine["items"][0]["asset"] == {"kind": "dataset", "key": "wine", "name": "wine"}
    assert all(item["progress"] < item["goal"] for item in mine["next"]) and len(mine["next"]) == 3
    heard = bo.do("GET", f"{project}/bus", params={"after": position, "topics": "activity"})["items"]
    [event] = [item for item in heard if item["type"] == "insighter.achievement.earned"]
    assert event["data"]["asset_name"] == "First dataset" and event["data"]["user_id"] == ana.user_id
    assert named(bo, project)["First dataset"]["earned"][0]["display_name"] == "Ana"
    assert named(bo, project)["Not alone"]["at"]

    assert ana.do("PUT", "/insighter/api/account/achievements", {"shown": False}) == {"shown": False}
    assert ana.do("GET", "/insighter/api/account/achievements") == {"shown": False, "items": [], "next": []}
    assert named(bo, project)["First dataset"]["earned"] == []
    heard = bo.do("GET", f"{project}/bus", params={"after": position})["items"]
    assert [item["data"]["asset_name"] for item in heard if "achievement" in item["type"]] == []
    ana.do("PUT", "/insighter/api/account/achievements", {"shown": True})
    assert ana.do("GET", "/insighter/api/account/achievements")["items"] == mine["items"]


def test_a_teams_own(ana: Person, bo: Person) -> None:
    project = a_project(ana)
    upload(ana, project, "wine")
    rule = {**DATASETS, "at_least": 2}
    trial = ana.do("POST", f"{project}/achievements/preview", {"audience": "project", "rule": rule})
    assert (trial["progress"], trial["goal"], trial["at"]) == (1, 2, None)
    assert trial["rule"]["count"]["verb"] == ["created"]
    body = {"name": "Two", "audience": "project", "rule": rule, "icon": "flag"}
    answer = ana.post(f"{project}/achievements", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"].endswith(f"/achievements/{made['id']}")
    ana.do("POST", f"{project}/achievements", body, expect=409)
    upload(ana, project, "port")
    assert named(ana, project)["Two"]["at"]
    path = f"{project}/achievements/{made['id']}"
    assert ana.do("PATCH", path, {"name": "Deux"})["name"] == "Deux"
    for method, where in (("PATCH", path), ("DELETE", path)):
        bo.do(method, where, {} if method == "PATCH" else None, expect=404)
    bo.do("POST", f"{project}/achievements", body, expect=404)
    ana.do("DELETE", path, expect=204)
    ana.do("DELETE", path, expect=404)
    assert named(ana, project)["Deux"]["retired"]


@pytest.mark.parametrize(
    "rule",
    [
        b"{}",
        b'{"count": {"asset_kind": "dataset"}}',
        b'{"count": {"asset_kind": "dataset", "verb": "created"}, "at_least": 1e999}',
        b'{"count": {"asset_kind": "dataset", "verb": "created"}, "at_least": NaN}',
        b'{"metric": {"key": "auc", "op": ">=", "value": Infinity}}',
        b'{"metric": {"key": "\\u0000", "op": ">=", "value": 1}}',
        b'{"count": {"asset_kind": "dataset", "verb": "\'; select 1; --"}}',
    ],
)
def test_what_is_no_rule_is_refused(ana: Person, rule: bytes) -> None:
    project = a_project(ana)
    for path, start in (
        ("achievements", b'{"name": "x", "audience": "person", "rule": '),
        ("achievements/preview", b'{"audience": "person", "rule": '),
    ):
        answer = ana.post(f"{project}/{path}", content=start + rule + b"}")
        assert answer.status_code in {400, 422}, answer.text
        assert answer.json()["message"]


def test_what_a_name_holds_is_text(ana: Person) -> None:
    project = a_project(ana)
    upload(ana, project, "wine")
    name = "<img src=x onerror=alert(1)>"
    ana.do(
        "POST", f"{project}/achievements", {"name": name, "audience": "person", "rule": DATASETS}, expect=201
    )
    answer = ana.get(f"{project}/achievements")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert name in named(ana, project)
