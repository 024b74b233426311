"""Sharing over HTTP, on a server where people sign in: what they do for each other, and try on each other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from insighter_ext.kernel.client import Client
from insighter_ext.kernel.projects import Projects
from tests.browser_client import PASSWORD, TEAM, Browser
from tests.running import JupyterServer

NOBODY = "00000000-0000-4000-8000-000000000000"


def an_address(name: str = "person") -> str:
    return f"{name}-{uuid4().hex[:12]}@example.org"


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server on which people sign in."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        arguments=(TEAM, "--InsighterApp.sign_up=open", "--ServerApp.trust_xheaders=True"),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


class Someone(Browser):
    """Somebody who signed up. Requests answer their JSON, and are checked for their status."""

    user_id: str
    email: str

    def do(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == expect, (method, path, answer.text)
        return answer.json() if answer.content else None


@pytest.fixture
def people(team: JupyterServer) -> Iterator[Any]:
    """Makes people."""
    made: list[Someone] = []

    def join(name: str = "Person", email: str | None = None, **more: Any) -> Someone:
        place = f"10.{uuid4().int % 250}.{uuid4().int % 250}.9"
        someone = Someone(team, headers={"X-Real-IP": place})
        someone.__enter__()
        made.append(someone)
        someone.email = email or an_address(name.lower())
        answer = someone.sign_up(someone.email, display_name=name, **more)
        assert answer.status_code == 201, answer.text
        someone.user_id = answer.json()["me"]["user_id"]
        return someone

    yield join
    for someone in made:
        someone.close()


def a_project(owner: Someone, name: str = "Wine") -> dict[str, Any]:
    project: dict[str, Any] = owner.do("POST", "/projects", {"name": f"{name} {uuid4().hex[:8]}"}, expect=201)
    return project


def add(owner: Someone, project: dict[str, Any], person: Someone, role: str) -> None:
    invitation = owner.do(
        "POST", f"/projects/{project['id']}/invitations", {"email": person.email, "role": role}, expect=201
    )
    person.do("POST", "/invitations/accept", {"code": invitation["code"]})


def test_a_project_is_shared_from_invitation_to_transfer(people: Any) -> None:
    ana, bo = people("Ana"), people("Bo")
    project = a_project(ana)
    path = f"/projects/{project['id']}"
    bo.do("GET", path, expect=404)

    answer = ana.ask("POST", f"{path}/invitations", {"email": bo.email, "role": "viewer"})
    invitation = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"{path}/invitations/{invitation['id']}")
    assert invitation["code"].startswith("ixi_") and len(invitation["code"]) == 36
    listed = ana.do("GET", f"{path}/invitations")["items"]
    assert [one["id"] for one in listed] == [invitation["id"]] and "code" not in listed[0]
    # The address is not confirmed, so only the code opens it.
    assert bo.do("GET", "/invitations")["items"] == []
    bo.do("POST", f"/invitations/{invitation['id']}/accept", expect=404)
    joined = bo.do("POST", "/invitations/accept", {"code": f" {invitation['code']}\n"})
    assert joined["project"]["role"] == "viewer" and joined["organisation"] is None
    bo.do("POST", "/invitations/accept", {"code": invitation["code"]}, expect=404)

    members = ana.do("GET", f"{path}/members")["items"]
    assert [(one["display_name"], one["role"]) for one in members] == [("Ana", "owner"), ("Bo", "viewer")]
    assert bo.do("GET", f"{path}/members")["items"] == members
    bo.do("PUT", f"{path}/members/{bo.user_id}", {"role": "admin"}, expect=403)
    ana.do("PUT", f"{path}/members/{bo.user_id}", {"role": "owner"}, expect=422)
    assert ana.do("PUT", f"{path}/members/{bo.user_id}", {"role": "admin"})["role"] == "admin"
    ana.do("PUT", f"{path}/members/{NOBODY}", {"role": "viewer"}, expect=404)
    bo.do("PUT", f"{path}/owner", {"user_id": bo.user_id}, expect=403)
    assert ana.do("PUT", f"{path}/owner", {"user_id": bo.user_id})["role"] == "admin"
    ana.do("DELETE", f"{path}/members/{bo.user_id}", expect=409)
    ana.do("DELETE", f"{path}/members/{ana.user_id}", expect=204)
    ana.do("GET", path, expect=404)


def test_an_account_is_made_with_an_invitation(people: Any) -> None:
    ana = people("Ana")
    project = a_project(ana)
    email = an_address("new")
    code = ana.do(
        "POST", f"/projects/{project['id']}/invitations", {"email": email, "role": "editor"}, expect=201
    )["code"]
    newcomer = people("New", email, invitation=code)
    assert newcomer.do("GET", f"/projects/{project['id']}")["role"] == "editor"
    assert newcomer.do("GET", "/account")["confirmed"] is False


def test_an_invitation_of_ones_own_proves_nothing_about_anothers_address(people: Any) -> None:
    ana, mallory = people("Ana"), people("Mallory")
    secret, trap = a_project(ana, "Secret"), a_project(mallory, "Trap")
    victim = an_address("victim")
    waiting = ana.do(
        "POST", f"/projects/{secret['id']}/invitations", {"email": victim, "role": "admin"}, expect=201
    )
    code = mallory.do(
        "POST", f"/projects/{trap['id']}/invitations", {"email": victim, "role": "viewer"}, expect=201
    )["code"]
    impostor = people("Victim", victim, invitation=code)
    assert impostor.do("GET", f"/projects/{trap['id']}")["role"] == "viewer"
    impostor.do("GET", f"/projects/{secret['id']}", expect=404)
    assert impostor.do("GET", "/invitations")["items"] == []
    impostor.do("POST", f"/invitations/{waiting['id']}/accept", expect=404)


def test_visibility_and_organisations(people: Any) -> None:
    ana, bo, cy = people("Ana"), people("Bo"), people("Cy")
    answer = ana.ask("POST", "/organisations", {"name": f"Cellar {uuid4().hex[:8]}"})
    organisation = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/organisations/{organisation['id']}")
    assert (organisation["role"], organisation["members"]) == ("admin", 1)
    place = f"/organisations/{organisation['id']}"
    cy.do("GET", place, expect=404)
    ana.do("POST", f"{place}/invitations", {"email": bo.email, "role": "viewer"}, expect=422)
    code = ana.do("POST", f"{place}/invitations", {"email": bo.email, "role": "member"}, expect=201)["code"]
    assert bo.do("POST", "/invitations/accept", {"code": code})["organisation"]["id"] == organisation["id"]
    assert [one["display_name"] for one in bo.do("GET", f"{place}/members")["items"]] == ["Ana", "Bo"]
    bo.do("PATCH", place, {"name": "mine"}, expect=403)

    project = a_project(ana)
    path = f"/projects/{project['id']}"
    body = {"visibility": "team", "organisation_id": organisation["id"]}
    assert ana.do("PUT", f"{path}/visibility", body)["visibility"] == "team"
    seen = bo.do("GET", path)
    assert (seen["role"], seen["member"], seen["members"]) == ("viewer", False, 0)
    assert project["id"] not in [one["id"] for one in bo.do("GET", "/projects")["items"]]
    assert project["id"] in [one["id"] for one in bo.do("GET", "/projects?scope=all")["items"]]
    cy.do("GET", path, expect=404)
    bo.do("GET", f"{path}/members", expect=403)
    bo.do("PUT", f"{path}/visibility", {"visibility": "public"}, expect=403)
    ana.do("DELETE", place, expect=409)
    ana.do("PUT", f"{path}/visibility", {"visibility": "public"})
    assert cy.do("GET", path)["role"] == "viewer"
    ana.do("PUT", f"{place}/members/{bo.user_id}", {"role": "admin"})
    ana.do("DELETE", f"{place}/members/{ana.user_id}", expect=204)
    bo.do("DELETE", f"{place}/members/{bo.user_id}", expect=409)
    bo.do("DELETE", place, expect=204)


def test_access_is_asked_for_and_granted(people: Any) -> None:
    ana, bo = people("Ana"), people("Bo")
    project = a_project(ana)
    answers = [
        bo.ask("POST", "/access-requests", {"project": asked, "role": "editor", "message": "Please"})
        for asked in (project["slug"], f"no-{uuid4().hex[:8]}", NOBODY)
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert {(one.json()["state"], one.json()["role"]) for one in answers} == {("pending", "editor")}
    path = f"/projects/{project['id']}/access-requests"
    bo.do("GET", path, expect=404)
    [request] = ana.do("GET", path)["items"]
    assert (request["display_name"], request["email"], request["message"]) == ("Bo", bo.email, "Please")
    assert ana.do("POST", f"{path}/{request['id']}/grant", {"role": "viewer"})["role"] == "viewer"
    assert bo.do("GET", f"/projects/{project['id']}")["role"] == "viewer"
    ana.do("POST", f"{path}/{request['id']}/decline", expect=404)
    assert [one["project"] for one in bo.do("GET", "/access-requests")["items"]][-1] == project["slug"]


def test_a_dataset_is_closed_and_opened(people: Any) -> None:
    ana, bo = people("Ana"), people("Bo")
    project = a_project(ana)
    add(ana, project, bo, "editor")
    path = f"/projects/{project['id']}"
    name = "Löhne & co"
    upload = f"/insighter/api{path}/datasets/{name}/versions"
    headers = {"X-XSRFToken": ana.xsrf}
    assert ana.post(upload, content=b"a,b\n1,2\n", headers=headers).status_code == 201
    closed = ana.do(
        "PUT", f"{path}/restrictions/dataset/{name}", {"min_role": "admin", "people": [ana.user_id]}
    )
    assert closed["name"] == name and closed["people"][0]["display_name"] == "Ana"
    assert len(ana.do("GET", f"{path}/restrictions")["items"]) == 1
    assert bo.do("GET", f"{path}/datasets")["items"] == []
    for tail in ("", "/versions/1/preview", "/versions/1/content"):
        assert bo.ask("GET", f"{path}/datasets/{name}{tail}").status_code == 404, tail
    refused = bo.post(upload, content=b"a,b\n3,4\n", headers={"X-XSRFToken": bo.xsrf})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
    bo.do("GET", f"{path}/restrictions", expect=403)
    bo.do("DELETE", f"{path}/restrictions/dataset/{name}", expect=403)
    ana.do("PUT", f"{path}/restrictions/run/x", {"min_role": "admin"}, expect=422)
    ana.do("PUT", f"{path}/restrictions/dataset/nothing", {"min_role": "admin"}, expect=404)
    ana.do("DELETE", f"{path}/restrictions/dataset/{name}", expect=204)
    assert len(bo.do("GET", f"{path}/datasets")["items"]) == 1


def test_a_token_reads_members_and_changes_none(people: Any, team: JupyterServer) -> None:
    ana = people("Ana")
    project = a_project(ana)
    secret = ana.do(
        "POST", "/account/tokens",
        {"name": "script", "project_id": project["id"], "role": "owner", "days": 1}, expect=201,
    )["secret"]  # fmt: skip
    client = Client(team.url, secret, project["id"])
    found = Projects(client)[project["name"]]
    assert [member.role for member in found.members] == ["owner"]
    assert found.members[ana.email].name == "Ana" and "Ana" in repr(found.members)
    assert found.visibility == "private"
    client.close()
    path = f"{team.url}/insighter/api/projects/{project['id']}"
    bearer = {"Authorization": f"Bearer {secret}"}
    for method, tail, body in (
        ("PUT", f"members/{ana.user_id}", {"role": "viewer"}),
        ("DELETE", f"members/{ana.user_id}", None),
        ("PUT", "visibility", {"visibility": "public"}),
        ("PUT", "owner", {"user_id": ana.user_id}),
        ("POST", "invitations", {"email": an_address(), "role": "admin"}),
        ("GET", "invitations", None),
        ("GET", "access-requests", None),
    ):
        answer = httpx.request(method, f"{path}/{tail}", json=body, headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (403, "in_person_only"), (method, tail)


def test_sharing_from_a_shell(people: Any, team: JupyterServer) -> None:
    ana, bo = people("Ana"), people("Bo")
    project = a_project(ana)

    def run(*words: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "insighter_ext.cli", *words, "--url", team.url, "--email", ana.email],
            input=PASSWORD + "\n",
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
            start_new_session=True,  # no terminal: the password is read from standard input
        )
        assert done.returncode == expect, done.stderr
        return done.stdout if expect == 0 else done.stderr

    here = ("--project", project["name"])
    code = run("member", "invite", bo.email, "--role", "editor", *here).strip()
    bo.do("POST", "/invitations/accept", {"code": code})
    assert run("member", "set", bo.email.upper(), "admin", *here) == f"Bo is admin of {project['name']}\n"
    assert "admin" in run("member", "list", *here)
    assert "no member" in run("member", "set", "nobody", "viewer", *here, expect=1)
    run("project", "share", project["name"], "--visibility", "public")
    assert bo.do("GET", f"/projects/{project['id']}")["visibility"] == "public"
    run("project", "share", project["name"], "--visibility", "team", "--organisation", "x", expect=1)
    run("project", "transfer", project["name"], "Bo")
    assert bo.do("GET", f"/projects/{project['id']}")["role"] == "owner"
    run("member", "remove", "Ana", *here)
    ana.do("GET", f"/projects/{project['id']}/members", expect=403)
