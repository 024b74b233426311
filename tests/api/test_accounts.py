"""Accounts over HTTP where Jupyter's sign-in comes first, under JupyterHub, by programs, and from a shell."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from insighter_ext.accounts.attempts import Attempts, network
from insighter_ext.accounts.service import hub_address
from insighter_ext.credentials.issuer import Issuer, Process
from insighter_ext.errors import TooMany
from insighter_ext.gateways.account_rules import check_email
from tests.running import JupyterServer, isolated_environment

API = "/insighter/api"
PASSWORD = "correct horse battery staple"
HUB = "--ServerApp.identity_provider_class=tests.api.hub_stand_in.JupyterHubIdentityProvider"


def an_address() -> str:
    return f"person-{uuid4().hex[:12]}@example.org"


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server with accounts behind Jupyter's own sign-in, for those who were invited."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        arguments=("--InsighterApp.accounts=True", "--ServerApp.trust_xheaders=True"),
    )
    running.launch()
    try:
        wait_for(running, {"Authorization": f"Bearer {running.token}"})
        yield running
    finally:
        running.destroy()


def wait_for(server: JupyterServer, headers: dict[str, str]) -> None:
    """Wait for the first answer of the routes to sign in."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{server.url}{API}/auth", headers=headers, timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(server.log.read_text()[-3000:])


def jupyter(server: JupyterServer, **headers: str) -> httpx.Client:
    """A client that Jupyter lets in, from an address of its own, with a jar for Insighter's cookie."""
    place = f"10.{uuid4().int % 250}.{uuid4().int % 250}.9"
    own = {"Authorization": f"Bearer {server.token}", "X-Real-IP": place, **headers}
    return httpx.Client(base_url=server.url + API, headers=own, timeout=60)


def shell(server: JupyterServer, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line of whoever runs the machine."""
    return subprocess.run(
        [sys.executable, "-m", "insighter_ext.cli", *words],
        env=isolated_environment(server.home),
        cwd=server.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextlib.contextmanager
def signed_up(server: JupyterServer) -> Iterator[tuple[httpx.Client, str]]:
    """A client of somebody for whom an account was made from the shell, and the address."""
    address = an_address()
    code = json.loads(shell(server, "accounts", "create", address, "--name", "Ana", "--json").stdout)["code"]
    body = {"email": address, "code": code, "password": PASSWORD}
    with jupyter(server) as client:
        answer = client.post("/auth/recovery/confirm", json=body)
        assert answer.status_code == 200, answer.text
        yield client, address


# ---- behind Jupyter's sign-in


def test_whoever_jupyter_lets_in_still_signs_in_to_an_account(team: JupyterServer) -> None:
    with jupyter(team) as client:
        told = client.get("/auth").json()
        assert (told["accounts"], told["login_page"], told["sign_up"], told["me"]) == (
            True,
            False,
            "invited",
            None,
        )
        for path in ("/status", "/projects", "/account", "/nothing/here"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required"), path
        assert client.post("/projects", json={"name": "x"}).status_code == 401
    # And nobody comes to these routes past Jupyter.
    for method, path in (("GET", "/auth"), ("POST", "/auth/sign-in"), ("POST", "/auth/token")):
        assert httpx.request(method, team.url + API + path, json={}).status_code in {401, 403, 404}, path


def test_the_account_is_there_for_its_owner(team: JupyterServer) -> None:
    with signed_up(team) as (client, address):
        account = client.get("/account").json()
        assert (account["email"], account["display_name"], account["local"], account["confirmed"]) == (
            address, "Ana", False, True,
        )  # fmt: skip
        assert client.patch("/account", json={"display_name": " Ana Bo "}).json()["display_name"] == "Ana Bo"
        assert client.patch("/account", json={"display_name": "a\u0007"}).status_code == 422
        assert client.patch("/account", json={"display_name": "a\u0000"}).status_code == 422
        assert client.patch("/account", json={"email": "x@example.org"}).status_code == 422
        assert client.get("/status").json()["me"]["display_name"] == "Ana Bo"
        assert client.post("/auth/sign-out").status_code == 204
        assert client.get("/account").status_code == 401


def test_an_unknown_path_answers_the_apis_own_error(team: JupyterServer) -> None:
    with signed_up(team) as (client, _):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, "/nothing/here", json={})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), method


def test_a_kernel_that_nobody_in_particular_starts_has_no_credential(team: JupyterServer) -> None:
    with team.client() as client:
        started = client.post("/api/kernels", json={})
        assert started.status_code == 201
        client.delete(f"/api/kernels/{started.json()['id']}")
    assert "starts without its project: nobody has signed in" in team.log.read_text()


# ---- invitations


@pytest.mark.parametrize("given", [None, "", "guessed-code", "x" * 200])
def test_an_account_takes_an_invitation(team: JupyterServer, given: str | None) -> None:
    with jupyter(team) as client:
        body = {"email": an_address(), "password": PASSWORD, "invitation": given}
        answer = client.post("/auth/sign-up", json=body)
        expected = (422, "invitation_invalid") if given else (403, "invitation_needed")
        assert (answer.status_code, answer.json()["code"]) == expected
        assert answer.json()["hint"]
        assert client.post("/auth/sign-in", json=body | {"invitation": None}).status_code == 422
        del body["invitation"]
        assert client.post("/auth/sign-in", json=body).status_code == 401


def test_an_invitation_opens_its_project_to_its_address_once(team: JupyterServer) -> None:
    invited = an_address()
    with signed_up(team) as (owner, _), jupyter(team) as other, jupyter(team) as client:
        project = owner.post("/projects", json={"name": f"Shared {uuid4().hex[:8]}"}).json()["id"]
        made = owner.post(f"/projects/{project}/invitations", json={"email": invited, "role": "editor"})
        assert made.status_code == 201, made.text
        code = made.json()["code"]
        taken = {"email": an_address(), "password": PASSWORD, "invitation": code}
        assert other.post("/auth/sign-up", json=taken).json()["code"] == "invitation_invalid"
        body = {"email": invited.upper(), "password": PASSWORD, "invitation": code, "display_name": "Ben"}
        answer = client.post("/auth/sign-up", json=body)
        assert answer.status_code == 201 and answer.json()["me"]["display_name"] == "Ben", answer.text
        assert client.get(f"/projects/{project}").json()["role"] == "editor"
        # What the code proves is the invitation, not the address.
        again = other.post("/auth/sign-up", json={**body, "email": invited})
        assert again.status_code in {409, 422}


# ---- programs


def test_a_program_signs_in_refreshes_and_is_ended_with_its_sign_in(team: JupyterServer) -> None:
    with signed_up(team) as (client, address), jupyter(team) as program:
        body = {"grant_type": "password", "email": address, "password": PASSWORD}
        first = program.post("/auth/token", json=body)
        assert first.status_code == 200 and "insighter-session" not in first.headers.get("set-cookie", "")
        tokens = first.json()
        assert tokens["token_type"] == "bearer" and tokens["expires_at"]

        def status(token: str) -> httpx.Response:
            return httpx.get(f"{team.url}{API}/status", headers={"Authorization": f"Bearer {token}"})

        me = status(tokens["access_token"]).json()["me"]
        assert (me["kind"], me["email"]) == ("person", address)
        second = program.post(
            "/auth/token", json={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        ).json()
        assert status(second["access_token"]).status_code == 200
        # Forged ones are told apart from everything else, and from each other in no way.
        head, payload, signature = second["access_token"].split(".")
        for forged in (
            f"{head}.{payload}.{signature[:-4]}AAAA",
            f"{head}.{payload}.",
            f"eyJhbGciOiJub25lIn0.{payload}.",
        ):
            assert (status(forged).status_code, status(forged).json()["code"]) == (401, "session_expired")
        sessions = client.get("/account/sessions").json()["items"]
        theirs = next(item for item in sessions if not item["current"])
        assert client.delete(f"/account/sessions/{theirs['id']}").status_code == 204
        assert status(second["access_token"]).status_code == 401  # at once on this server
        gone = {"grant_type": "refresh_token", "refresh_token": second["refresh_token"]}
        assert program.post("/auth/token", json=gone).status_code == 401
        assert client.get("/status").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"grant_type": "password"},
        {"grant_type": "password", "email": "a@example.org"},
        {"grant_type": "refresh_token"},
        {"grant_type": "client_credentials", "email": "a", "password": "b"},
        {"grant_type": "password", "email": "a@example.org", "password": 5},
        {"grant_type": "password", "email": "a@example.org", "password": "p" * 5000},
    ],
    ids=["nothing", "no address", "no password", "no token", "another grant", "number", "long"],
)
def test_half_a_request_for_tokens_is_refused(team: JupyterServer, body: dict[str, Any]) -> None:
    with jupyter(team) as program:
        answer = program.post("/auth/token", json=body)
        assert answer.status_code == 422 and "p" * 100 not in answer.text


def test_an_access_token_is_made_used_seen_and_revoked(team: JupyterServer) -> None:
    with signed_up(team) as (client, _):
        project = client.post("/projects", json={"name": f"P {uuid4().hex[:8]}"}).json()["id"]
        other = client.get("/status").json()["personal_project"]
        body = {"name": "nightly", "project_id": project, "role": "viewer", "days": 30}
        made = client.post("/account/tokens", json=body)
        assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
        secret = made.json()["secret"]
        listed = client.get("/account/tokens")
        assert secret not in listed.text and listed.json()["items"][0]["last_used_at"] is None
        with httpx.Client(base_url=team.url + API, headers={"Authorization": f"Bearer {secret}"}) as program:
            me = program.get("/status").json()["me"]
            assert (me["kind"], me["role"], me["project_id"]) == ("token", "viewer", project)
            assert program.get(f"/projects/{project}").status_code == 200
            assert program.get(f"/projects/{other}").status_code == 404
            assert program.patch(f"/projects/{project}", json={"name": "Taken"}).status_code == 403
            assert program.post("/projects", json={"name": "Mine"}).status_code == 403
            for method, path in (
                ("GET", "/account"), ("GET", "/account/tokens"), ("POST", "/account/tokens"),
                ("GET", "/account/sessions"), ("DELETE", f"/account/tokens/{made.json()['id']}"),
                ("POST", "/account/password"),
            ):  # fmt: skip
                sent = body if path.endswith("tokens") else {"current": PASSWORD, "new": "another password"}
                answer = program.request(method, path, json=sent if method == "POST" else None)
                assert (answer.status_code, answer.json()["code"]) == (403, "in_person_only"), (method, path)
            deadline = time.monotonic() + 10
            while client.get("/account/tokens").json()["items"][0]["last_used_at"] is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert client.delete(f"/account/tokens/{made.json()['id']}").status_code == 204
            refused = program.get("/status")
            assert (refused.status_code, refused.json()["code"]) == (401, "credential_invalid")
        assert client.get("/account/tokens").json()["items"][0]["revoked_at"] is not None


# ---- JupyterHub


@pytest.fixture(scope="module")
def hub() -> Iterator[JupyterServer]:
    """A server whose sign-in is the Hub's."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")), arguments=(HUB,))
    running.launch()
    try:
        wait_for(running, {"X-Hub-User": "ana"})
        yield running
    finally:
        running.destroy()


def test_the_hubs_user_name_is_the_account(hub: JupyterServer) -> None:
    def status(**headers: str) -> httpx.Response:
        return httpx.get(
            f"{hub.url}{API}/status", headers={key.replace("_", "-"): value for key, value in headers.items()}
        )

    ana, ben = status(X_Hub_User="ana").json(), status(X_Hub_User="ben").json()
    assert ana["me"]["user_id"] != ben["me"]["user_id"]
    assert (ana["me"]["display_name"], ana["me"]["local"], ana["accounts"]) == ("ana", False, True)
    assert status(X_Hub_User="ana").json()["me"] == ana["me"]
    assert status().status_code == 401
    # A service of the Hub that is called like somebody is nobody.
    assert status(X_Hub_User="ana", X_Hub_Kind="service").status_code == 401
    # A server's token is no way around the Hub.
    assert status(Authorization=f"Bearer {hub.token}").status_code == 401
    project = httpx.post(
        f"{hub.url}{API}/projects", json={"name": "Ana's"}, headers={"X-Hub-User": "ana"}
    ).json()["id"]
    assert httpx.get(f"{hub.url}{API}/projects/{project}", headers={"X-Hub-User": "ben"}).status_code == 404


def test_every_name_of_the_hub_is_an_account_of_its_own() -> None:
    names = [
        "ana",
        "Ana",
        "ANA",
        "ana@example.org",
        "ana=40example.org",
        "ana b",
        "ána",
        "a" * 64,
        "a" * 65,
        "a" * 66,
        "..",
        "=",
        "==",
    ]
    names += [hub_address("a" * 65).partition("@")[0], "x" * 30 + "é" * 30]
    addresses = [hub_address(name) for name in names]
    assert len(set(addresses)) == len(names)
    for address in addresses:
        assert check_email(address, reserved=True) == address


# ---- from a shell


def test_accounts_from_a_shell(team: JupyterServer) -> None:
    address = an_address()
    made = shell(team, "accounts", "create", address)
    assert made.returncode == 0 and "good once" in made.stdout, made.stderr
    assert shell(team, "accounts", "create", address).returncode == 1
    assert shell(team, "accounts", "create", "no address").returncode == 1
    assert address in shell(team, "accounts", "list").stdout
    code = json.loads(shell(team, "accounts", "recover", address, "--json").stdout)["code"]
    with jupyter(team) as client:
        body = {"email": address, "code": code, "password": PASSWORD}
        assert client.post("/auth/recovery/confirm", json=body).status_code == 200
        assert client.post("/auth/recovery/confirm", json=body).json()["code"] == "code_invalid"
        project = client.post("/projects", json={"name": f"Kept {uuid4().hex[:8]}"}).json()
        refused = shell(team, "accounts", "delete", address, "--yes")
        assert refused.returncode == 1 and project["name"] in refused.stderr
        assert client.delete(f"/projects/{project['id']}", params={}).status_code in {400, 422}
        client.request("DELETE", f"/projects/{project['id']}", json={"confirm": project["name"]})
        assert (
            shell(team, "accounts", "delete", address).returncode == 1
        )  # it asks first, and nobody is there to answer
        gone = shell(team, "accounts", "delete", address, "--yes")
        assert gone.returncode == 0, gone.stderr
        assert client.get("/status").status_code == 401
    assert address not in shell(team, "accounts", "list").stdout
    assert shell(team, "accounts", "recover", address).returncode == 1
    assert shell(team, "accounts", "delete", "owner@localhost", "--yes").returncode == 1


def test_tokens_from_a_shell(server: JupyterServer) -> None:
    named = ["--url", server.url, "--token", server.token]
    made = shell(server, "token", "create", "nightly", "--role", "editor", "--days", "2", *named)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("ixp_")
    answer = httpx.get(f"{server.url}{API}/status", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["me"]["kind"] == "token"
    assert "nightly" in shell(server, "token", "list", *named).stdout
    assert shell(server, "token", "revoke", "nightly", *named).returncode == 0
    assert (
        httpx.get(f"{server.url}{API}/status", headers={"Authorization": f"Bearer {secret}"}).status_code
        == 401
    )
    assert shell(server, "token", "revoke", "nightly", *named).returncode == 1
    assert shell(server, "token", "create", "x", "--days", "999", *named).returncode == 1


# ---- what counts as one who tries, and servers that ended


def test_a_household_counts_as_one() -> None:
    assert network("10.0.0.1") == "10.0.0.1" == network("::ffff:10.0.0.1")
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("fe80::1%eth0") == network("fe80::2")
    assert network("") == network("nonsense")


def fail(attempts: Attempts, address: str, place: str) -> None:
    with contextlib.suppress(PermissionError), attempts.trying("sign-in", address, place):
        raise PermissionError


def test_attempts_take_no_more_memory_than_they_may_and_forget_no_attacker() -> None:
    attempts = Attempts()
    for _ in range(5):
        fail(attempts, "victim@example.org", "10.200.0.1")
    for number in range(21_000):
        fail(attempts, f"{number}@example.org", f"10.{number // 65025}.{number // 255 % 255}.{number % 255}")
    assert len(attempts._failed) <= 20_000 and not attempts._under_way
    with pytest.raises(TooMany) as error:
        fail(attempts, "Victim@example.org ", "10.200.0.1")
    assert 0 < error.value.details["retry_after"] <= 60
    fail(attempts, "victim@example.org", "10.200.0.2")


def test_a_server_that_ended_is_told_from_one_that_runs(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mine, other = Issuer(tmp_path), Issuer(tmp_path)
        mine.register()
        other.register()
        assert mine.ended() == []
        (theirs,) = [path for path in tmp_path.iterdir() if other.name in path.read_text()]
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
        said = json.loads(theirs.read_text())
        # The same number, of a process that began at another time.
        theirs.write_text(json.dumps({**said, "created": said["created"] - 100}))
        assert mine.ended() == [other.name]
        theirs.write_text(json.dumps({**said, "host": "elsewhere", "pid": 1}))
        assert mine.ended() == []
        theirs.write_text("{")
        assert mine.ended() == []
        assert Process("elsewhere", child.pid, 0).is_alive()
        child.communicate(b"\n")
    mine.forget(mine.name)
    assert [path for path in tmp_path.iterdir() if mine.name in path.read_text()] == []
    assert os.listdir(tmp_path) == [theirs.name]
