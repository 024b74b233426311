"""Attempts on a real server to get at what is somebody else's, by detours: each once worked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from server_handlers.base import API
from tests.api.people import Person, Treasure, superuser, team_server
from tests.browser_client import PASSWORD, Browser
from tests.running import JupyterServer, isolated_environment


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server on which everybody may make an account."""
    with team_server() as running:
        yield running


def code(server: JupyterServer, kind: str, email: str) -> str:
    """A code as whoever runs the machine makes it."""
    made = subprocess.run(
        [sys.executable, "-m", "insighter_ext.cli", "accounts", kind, email, "--json"],
        env=isolated_environment(server.home),
        cwd=server.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: str = json.loads(made.stdout)["code"]
    return found


def test_nobody_has_their_account_proved_by_whose_address_it_is(team: JupyterServer) -> None:
    """Somebody signs up with another's address and waits for its owner to confirm it."""
    with closing(Person(team, "squatter")) as squatter, Browser(team) as owner:
        body = {"email": squatter.email, "code": code(team, "confirm", squatter.email)}
        refused = owner.ask("POST", "/auth/confirmation/confirm", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_first")
        assert squatter.do("GET", f"{API}/account")["confirmed"] is False
        # As somebody else neither; and from within it is still good, so the attempts used nothing up.
        with closing(Person(team, "other")) as other:
            answer = other.post(f"{API}/auth/confirmation/confirm", json=body)
            assert answer.json()["code"] == "sign_in_first"
        assert squatter.post(f"{API}/auth/confirmation/confirm", json=body).status_code == 200
        assert squatter.do("GET", f"{API}/account")["confirmed"] is True


def test_what_was_given_out_before_an_address_was_proved_ends_with_its_owner(team: JupyterServer) -> None:
    with closing(Person(team, "squatter")) as squatter:
        project = squatter.do("GET", f"{API}/status")["personal_project"]
        body = {"name": "for later", "project_id": project, "role": "owner", "days": 365}
        token = squatter.do("POST", f"{API}/account/tokens", body, expect=201)["secret"]
        with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {token}"}) as program:
            assert program.get(f"{API}/projects/{project}").status_code == 200
            recovery = {
                "email": squatter.email,
                "code": code(team, "recover", squatter.email),
                "password": PASSWORD + " of the owner",
            }
            with Browser(team) as owner:
                assert owner.ask("POST", "/auth/recovery/confirm", recovery).status_code == 200
                assert owner.ask("GET", "/account").json()["confirmed"] is True
            assert program.get(f"{API}/projects/{project}").status_code == 401
            assert squatter.get(f"{API}/account").status_code == 401


def test_a_forgotten_password_leaves_the_tokens_of_a_proved_account(team: JupyterServer) -> None:
    with closing(Person(team, "owner")) as owner, Browser(team) as page:
        proof = {"email": owner.email, "code": code(team, "confirm", owner.email)}
        assert owner.post(f"{API}/auth/confirmation/confirm", json=proof).status_code == 200
        project = owner.do("GET", f"{API}/status")["personal_project"]
        body = {"name": "nightly", "project_id": project, "role": "editor", "days": 30}
        token = owner.do("POST", f"{API}/account/tokens", body, expect=201)["secret"]
        recovery = {
            "email": owner.email,
            "code": code(team, "recover", owner.email),
            "password": PASSWORD + "2",
        }
        assert page.ask("POST", "/auth/recovery/confirm", recovery).status_code == 200
        program = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{team.url}{API}/projects/{project}", headers=program).status_code == 200


def test_the_log_of_a_public_projects_endpoint_is_its_members(team: JupyterServer) -> None:
    """A model's process writes what it stumbles over, and that may be what somebody sent it."""
    with closing(Person(team, "owner")) as owner, closing(Person(team, "reader")) as reader:
        treasure = Treasure(team, owner)
        owner.do("PUT", f"{treasure.base}/visibility", {"visibility": "public"})
        with superuser(team) as database:
            row = database.execute(
                "select id from insighter.deployments where name = %s", [treasure.deployment]
            ).fetchone()
        assert row is not None
        folder = team.data_dir / "deployments" / str(row[0])
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text("cannot convert: somebody's data\n")
        path = f"{treasure.base}/deployments/{treasure.deployment}"
        assert owner.do("GET", path)["log"] == ["cannot convert: somebody's data"]
        shown = reader.do("GET", path)
        assert (shown["status"], shown["log"]) == ("stopped", [])
