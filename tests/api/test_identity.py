"""Insighter's accounts as the server's own sign-in: a real server, and browsers that come to it."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from server_handlers.identity import local_path
from tests.browser_client import PASSWORD, TEAM, Browser, hang_up
from tests.running import JupyterServer


def an_address() -> str:
    return f"person-{uuid4().hex[:12]}@example.org"


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server on which people sign in."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        lab=True,
        arguments=(TEAM, "--InsighterApp.sign_up=open", "--ServerApp.trust_xheaders=True"),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


def browser(server: JupyterServer, place: str | None = None) -> Browser:
    """A new browser, from an address of its own so that its attempts are counted apart."""
    return Browser(server, headers={"X-Real-IP": place or f"10.{uuid4().int % 250}.{uuid4().int % 250}.7"})


@pytest.fixture
def ana(team: JupyterServer) -> Iterator[Browser]:
    """Somebody who signed up."""
    with browser(team) as made:
        assert made.sign_up(an_address(), display_name="Ana Bo").status_code == 201
        yield made


# ---- the page


def test_a_stranger_is_led_to_the_page_to_sign_in(team: JupyterServer) -> None:
    with browser(team) as stranger:
        answer = stranger.get("/lab/tree/a.ipynb")
        assert answer.status_code == 302
        assert answer.headers["location"] == "/login?next=%2Flab%2Ftree%2Fa.ipynb"
        for path in ("/api/contents", "/api/kernels", "/api/terminals", "/api/me", "/files/x", "/api/status"):
            assert stranger.get(path).status_code in {302, 403}, path
        status = stranger.ask("GET", "/status")
        assert (status.status_code, status.json()["code"]) == (401, "sign_in_required")
        assert stranger.ask("GET", "/auth").json() == {
            "mode": "embedded",
            "accounts": True,
            "login_page": True,
            "sign_up": "open",
            "sends_mail": False,
            "me": None,
        }


def test_the_page_runs_nothing_but_its_own_files(team: JupyterServer) -> None:
    with browser(team) as stranger:
        page = stranger.get("/login")
        policy = page.headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page.text)
        for name in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
            assert stranger.get(name).status_code == 200, name
        assert "{{" not in page.text
        assert stranger.get("/login/insighter.py").status_code in {302, 404}
        assert stranger.get("/login/../identity.py").status_code in {302, 404}


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/lab/tree/a.ipynb?x=1#y", "/lab/tree/a.ipynb?x=1#y"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("///evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("/lab\r\nSet-Cookie: a=b", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("https:/evil.example", "/"),
        ("http://[", "/"),
    ],
)
def test_signing_in_leads_on_to_this_server_alone(wanted: str, leads_to: str) -> None:
    assert local_path(wanted, "/") == leads_to
    assert local_path("/elsewhere", "/user/ana/") == "/user/ana/"
    assert local_path("/user/ana/lab", "/user/ana/") == "/user/ana/lab"


def test_whoever_is_signed_in_goes_on_from_the_page(ana: Browser) -> None:
    assert ana.get("/login", params={"next": "/lab/tree/a"}).headers["location"] == "/lab/tree/a"
    assert ana.get("/login", params={"next": "//evil.example/x"}).headers["location"] == "/"


# ---- signing in and out


def test_who_signs_up_is_signed_in_everywhere(ana: Browser) -> None:
    me = ana.ask("GET", "/auth").json()["me"]
    assert (me["display_name"], me["kind"], me["local"], me["role"]) == ("Ana Bo", "person", False, None)
    identity = ana.get("/api/me").json()["identity"]
    assert (identity["username"], identity["display_name"]) == (me["user_id"], "Ana Bo")
    assert ana.get("/lab").status_code == 200
    assert ana.get("/api/contents").status_code == 200
    assert ana.ask("GET", "/status").json()["me"] == me


def test_the_cookie_is_for_the_server_alone(team: JupyterServer) -> None:
    with browser(team) as one:
        said = one.sign_up(an_address()).headers["set-cookie"]
        name, _, rest = said.partition("=")
        assert name == f"insighter-session-127-0-0-1-{team.port}"
        assert re.match(r"ixs_[\w-]{43};", rest)
        flags = {flag.strip().lower() for flag in rest.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags and "secure" not in flags
        one.cookies.clear()
        with Browser(team, headers={"X-Scheme": "https", "X-Real-IP": "10.9.9.9"}) as by_https:
            assert "secure" in by_https.sign_up(an_address()).headers["set-cookie"].lower()


def test_signing_out_ends_it_at_once_wherever_the_cookie_was_copied_to(
    ana: Browser, team: JupyterServer
) -> None:
    copied = dict(ana.cookies)
    assert ana.ask("POST", "/auth/sign-out").status_code == 204
    assert ana.session is None
    with httpx.Client(base_url=team.url, cookies=copied) as thief:
        assert thief.get("/insighter/api/status").status_code == 401
        assert thief.get("/api/contents").status_code == 403
        assert thief.get("/lab").status_code == 302


def test_the_way_out_of_jupyterlab_signs_out_and_a_foreign_link_does_not(ana: Browser) -> None:
    ana.get("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert ana.ask("GET", "/status").status_code == 200
    answer = ana.get("/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.headers["location"] == "/login"
    assert ana.ask("GET", "/status").status_code == 401


def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(team: JupyterServer) -> None:
    address = an_address()
    with browser(team) as one, browser(team) as attacker, browser(team) as victim:
        assert one.sign_up(address).status_code == 201
        assert attacker.sign_up(an_address()).status_code == 201
        planted = attacker.session
        assert planted is not None
        name = f"insighter-session-127-0-0-1-{team.port}"
        victim.cookies.set(name, planted, domain="127.0.0.1", path="/")
        assert victim.session == planted
        assert victim.sign_in(address).status_code == 200
        assert victim.session not in {None, planted}
        # What was planted has ended: it would have shown the victim's first steps to the attacker otherwise.
        assert attacker.ask("GET", "/status").status_code == 401
        for made_up in ("ixs_" + "A" * 43, "ixs_", "1", "ixs_" + "x" * 5000):
            with browser(team) as other:
                other.cookies.set(name, made_up, domain="127.0.0.1", path="/")
                assert other.ask("GET", "/status").status_code == 401
                assert other.sign_in(address).status_code == 200
                assert other.session not in {None, made_up}


def test_one_of_several_sign_ins_is_ended_from_another(team: JupyterServer) -> None:
    address = an_address()
    with browser(team) as laptop, browser(team) as phone:
        laptop.sign_up(address)
        phone.sign_in(address)
        sessions = laptop.ask("GET", "/account/sessions").json()["items"]
        assert [item["current"] for item in sessions] == [False, True]
        assert all(item["ip"].startswith("10.") and "httpx" in item["user_agent"] for item in sessions)
        assert laptop.ask("DELETE", f"/account/sessions/{sessions[0]['id']}").status_code == 204
        assert phone.ask("GET", "/status").status_code == 401
        assert laptop.ask("GET", "/status").status_code == 200
        assert laptop.ask("DELETE", f"/account/sessions/{sessions[0]['id']}").status_code == 404


def test_nobody_ends_the_sign_in_of_another(team: JupyterServer, ana: Browser) -> None:
    with browser(team) as stranger:
        stranger.sign_up(an_address())
        session = ana.ask("GET", "/account/sessions").json()["items"][0]["id"]
        assert stranger.ask("DELETE", f"/account/sessions/{session}").status_code == 404
    assert ana.ask("GET", "/status").status_code == 200


def test_another_password_ends_the_other_sign_ins(team: JupyterServer) -> None:
    address = an_address()
    with browser(team) as laptop, browser(team) as phone:
        laptop.sign_up(address)
        phone.sign_in(address)
        wrong = laptop.ask("POST", "/account/password", {"current": "not it", "new": "quite another one"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_password")
        body = {"current": PASSWORD, "new": "quite another one"}
        assert laptop.ask("POST", "/account/password", body).status_code == 204
        assert phone.ask("GET", "/status").status_code == 401
        assert laptop.ask("GET", "/status").status_code == 200
        assert phone.sign_in(address).status_code == 401
        assert phone.sign_in(address, "quite another one").status_code == 200


# ---- other sites


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/sign-in", {"email": "a@example.org", "password": "x"}),
        ("POST", "/auth/sign-up", {"email": "a@example.org", "password": "x"}),
        ("POST", "/auth/sign-out", None),
        ("POST", "/projects", {"name": "Forged"}),
        ("PATCH", "/account", {"display_name": "Forged"}),
        ("POST", "/account/password", {"current": PASSWORD, "new": "forged forged"}),
        (
            "POST",
            "/account/tokens",
            {
                "name": "t",
                "project_id": "00000000-0000-4000-8000-000000000000",
                "role": "owner",
                "days": 1,
            },
        ),
        ("DELETE", "/account/sessions/00000000-0000-4000-8000-000000000000", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cookie_alone_does_nothing(ana: Browser, method: str, path: str, body: Any) -> None:
    for headers in (
        {"X-XSRFToken": ""},
        {"X-XSRFToken": "2|forged|forged|1"},
        {"Origin": "https://evil.example"},
    ):
        answer = ana.ask(method, path, body, headers=headers)
        assert answer.status_code in {403, 404}, (headers, answer.text)
    assert ana.ask("GET", "/account").json()["display_name"] == "Ana Bo"


# ---- what is no sign-in to Jupyter


def test_tokens_of_insighter_open_no_route_of_jupyters(team: JupyterServer) -> None:
    address = an_address()
    with browser(team) as one:
        one.sign_up(address)
        project = one.ask("GET", "/status").json()["personal_project"]
        body = {"name": "ci", "project_id": project, "role": "editor", "days": 1}
        secret = one.ask("POST", "/account/tokens", body).json()["secret"]
        session = one.session
    body = {"grant_type": "password", "email": address, "password": PASSWORD}
    tokens = httpx.post(f"{team.url}/insighter/api/auth/token", json=body)
    assert tokens.status_code == 200 and "set-cookie" not in tokens.headers
    jwt = tokens.json()["access_token"]
    for held in (secret, jwt, session):
        with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {held}"}) as program:
            for path in ("/api/contents", "/api/kernels", "/api/terminals", "/api/me", "/lab", "/files/x"):
                assert program.get(path).status_code in {302, 403, 404}, path
            expected = 401 if held == session else 200
            assert program.get("/insighter/api/status").status_code == expected
        assert httpx.get(f"{team.url}/insighter/api/status", params={"token": held}).status_code == 401
    assert (
        httpx.get(
            f"{team.url}/insighter/api/status",
            headers={"Cookie": f"insighter-session-127-0-0-1-{team.port}={secret}"},
        ).status_code
        == 401
    )


# ---- the operator


def test_jupyters_token_is_the_operators_and_told_to_nobody(team: JupyterServer, ana: Browser) -> None:
    with team.client() as operator:
        assert operator.get("/insighter/api/status").json()["me"]["local"] is True
        assert operator.get("/api/contents").status_code == 200
    for path in ("/lab", "/lab/api/settings", "/api/me", "/api/config/x", "/login", "/insighter/api/status"):
        assert team.token not in ana.get(path).text, path
    for file in (team.home / "runtime").iterdir():
        assert team.token not in file.read_text(errors="replace"), file
    # A browser that came with it stays signed in.
    with httpx.Client(base_url=team.url) as page:
        assert page.get("/lab", params={"token": team.token}).status_code == 200
        assert page.get("/insighter/api/status").json()["me"]["local"] is True
        for name, value in page.cookies.items():
            assert team.token not in value, name
        # Who signs in to an account there is the account.
        page.headers["X-XSRFToken"] = page.cookies["_xsrf"]
        body = {"email": an_address(), "password": PASSWORD}
        assert page.post("/insighter/api/auth/sign-up", json=body).status_code == 201
        assert page.get("/insighter/api/status").json()["me"]["local"] is False


def test_the_operators_cookie_cannot_be_made_up(team: JupyterServer) -> None:
    name = f"username-127-0-0-1-{team.port}"
    for value in ("operator", '"2|1:0|10:1|4:user|8:operator|abc"', json.dumps({"username": "operator"})):
        answer = httpx.get(f"{team.url}/insighter/api/status", headers={"Cookie": f"{name}={value}"})
        assert answer.status_code == 401


# ---- kernels


def test_a_kernel_acts_for_whoever_started_it(team: JupyterServer, ana: Browser) -> None:
    with browser(team) as ben:
        ben.sign_up(an_address(), display_name="Ben")
        for person in (ana, ben):
            mine = person.ask("GET", "/status").json()
            kernel = person.post("/api/kernels", json={}, headers={"X-XSRFToken": person.xsrf}).json()["id"]
            code = (
                "import os, json, urllib.request as r;"
                "q = r.Request(os.environ['INSIGHTER_URL'] + '/insighter/api/status',"
                " headers={'Authorization': 'Bearer ' + os.environ['INSIGHTER_TOKEN']});"
                "print(r.urlopen(q).read().decode())"
            )
            said = asyncio.run(run_code(team, person, kernel, code))
            told = json.loads(said)["me"]
            assert told["user_id"] == mine["me"]["user_id"]
            assert (told["kind"], told["role"], told["project_id"]) == (
                "kernel",
                "editor",
                mine["personal_project"],
            )
            person.request("DELETE", f"/api/kernels/{kernel}", headers={"X-XSRFToken": person.xsrf})


def test_the_connection_of_a_kernel_ends_with_the_sign_in(team: JupyterServer, ana: Browser) -> None:
    kernel = ana.post("/api/kernels", json={}, headers={"X-XSRFToken": ana.xsrf}).json()["id"]

    async def watch() -> Any:
        connection = await websocket_connect(socket_request(team, ana, kernel))
        assert await asyncio.to_thread(lambda: ana.ask("POST", "/auth/sign-out").status_code) == 204
        async with asyncio.timeout(20):
            while await connection.read_message() is not None:
                pass
        code = connection.close_code
        hang_up(connection)
        return code

    cookies = httpx.Cookies(ana.cookies)
    assert asyncio.run(watch()) == 4001
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with httpx.Client(base_url=team.url, cookies=cookies) as again:
        assert again.get(f"/api/kernels/{kernel}/channels", headers=upgrade).status_code == 403


def socket_request(team: JupyterServer, person: Browser, kernel: str) -> HTTPRequest:
    cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    address = f"{team.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
    return HTTPRequest(address, headers={"Cookie": cookie})


async def run_code(team: JupyterServer, person: Browser, kernel: str, code: str) -> str:
    """What a kernel prints, over the same connection that a notebook has."""
    connection = await websocket_connect(socket_request(team, person, kernel))
    header = {
        "msg_id": uuid4().hex,
        "msg_type": "execute_request",
        "session": uuid4().hex,
        "username": "",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
    }
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await connection.write_message(json.dumps(message))
    printed = ""
    async with asyncio.timeout(60):
        while True:
            raw = await connection.read_message()
            assert isinstance(raw, str), "the connection was closed"
            told = json.loads(raw)
            if told["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if told["msg_type"] == "stream":
                printed += told["content"]["text"]
            assert told["msg_type"] != "error", told["content"]
            if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                hang_up(connection)
                return printed


# ---- trying it out


def test_an_unknown_address_and_a_wrong_password_are_alike(team: JupyterServer) -> None:
    known = an_address()
    with browser(team) as one:
        one.sign_up(known)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    bodies = set()
    for _ in range(8):
        for kind, address in (("known", known), ("unknown", an_address())):
            with browser(team) as guesser:
                began = time.perf_counter()
                answer = guesser.sign_in(address, "not the password")
                took[kind].append(time.perf_counter() - began)
                bodies.add((answer.status_code, answer.text))
                assert "set-cookie" not in answer.headers
    assert len(bodies) == 1
    known_time, unknown_time = min(took["known"]), min(took["unknown"])
    # Hashing takes many times of everything else: were it left out for an unknown address, that would be a fraction.
    assert 0.5 < known_time / unknown_time < 2, took


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_guessing_is_stopped_and_says_for_how_long(team: JupyterServer, known: bool) -> None:
    address = an_address()
    with browser(team) as guesser, browser(team) as owner:
        if known:
            owner.sign_up(address)
        answers = [guesser.sign_in(address, f"guess {number}").status_code for number in range(7)]
        assert answers == [401] * 5 + [429] * 2
        refused = guesser.sign_in(address, PASSWORD)
        assert refused.status_code == 429  # the right one comes too late as well
        wait = refused.json()["details"]["retry_after"]
        assert refused.headers["retry-after"] == str(wait) and 0 < wait <= 60
        assert refused.json()["code"] == "rate_limited"
        if known:  # who owns it signs in from elsewhere
            assert owner.sign_in(address).status_code == 200


def test_guessing_at_many_addresses_from_one_place_is_stopped(team: JupyterServer) -> None:
    with browser(team) as guesser:
        answers = [guesser.sign_in(an_address(), "letmein123").status_code for _ in range(33)]
        assert answers[:30] == [401] * 30 and set(answers[30:]) == {429}


def test_guessing_many_at_a_time_gains_nothing(team: JupyterServer) -> None:
    address = an_address()
    with browser(team, "10.77.0.1") as guesser:
        headers = {"X-XSRFToken": guesser.xsrf, "X-Real-IP": "10.77.0.1"}

        async def guess() -> list[int]:
            async with httpx.AsyncClient(
                base_url=team.url, cookies=guesser.cookies, headers=headers
            ) as client:
                body = {"email": address, "password": "guess"}
                asked = [client.post("/insighter/api/auth/sign-in", json=body) for _ in range(20)]
                return [answer.status_code for answer in await asyncio.gather(*asked)]

        answers = asyncio.run(guess())
    assert sorted(set(answers)) == [401, 429] and answers.count(401) <= 5


def test_who_signs_in_rightly_is_not_counted(team: JupyterServer) -> None:
    address = an_address()
    with browser(team) as one:
        one.sign_up(address)
        assert [one.sign_in(address).status_code for _ in range(8)] == [200] * 8


@pytest.mark.parametrize("path", ["/auth/recovery", "/auth/confirmation"])
def test_asking_for_a_code_tells_nothing(team: JupyterServer, path: str) -> None:
    known = an_address()
    with browser(team) as one:
        one.sign_up(known)
        answers = {
            (a.status_code, a.text)
            for a in (one.ask("POST", path, {"email": e}) for e in (known, an_address()))
        }
        assert answers == {(202, '{"sent":false}')}
        for _ in range(3):
            last = one.ask("POST", path, {"email": known})
        assert last.status_code == 429


@pytest.mark.parametrize("path", ["/auth/recovery/confirm", "/auth/confirmation/confirm"])
def test_guessing_at_a_code_is_stopped(team: JupyterServer, path: str) -> None:
    known = an_address()
    with browser(team) as one:
        one.sign_up(known)
        # An address is proved from within its account; a password is set by strangers to it, too.
        for email in (known, an_address()) if "recovery" in path else (known,):
            body = {"email": email, "code": "0000-0000-0000"}
            if "recovery" in path:
                body["password"] = "a new long password"
            answers = [one.ask("POST", path, body) for _ in range(6)]
            assert [a.status_code for a in answers] == [422] * 5 + [429]
            assert {a.json()["code"] for a in answers[:5]} == {"code_invalid"}


def test_passwords_and_codes_are_in_no_log(team: JupyterServer) -> None:
    secret = f"secret-{uuid4().hex}"
    with browser(team) as one:
        address = an_address()
        one.sign_up(address, secret)
        one.sign_in(address, secret)
        one.sign_in(address, secret + "x")
        one.ask("POST", "/auth/sign-in", {"email": address, "password": [secret]})
        one.ask("POST", "/auth/sign-in", {"email": address, "password": secret * 50})
        one.ask("POST", "/auth/recovery/confirm", {"email": address, "code": secret, "password": secret})
        refused = one.ask("POST", "/auth/sign-in", {"email": address, "password": secret, "other": secret})
        assert refused.status_code == 422 and secret not in refused.text
        held = one.session
    assert held is not None
    text = team.log.read_text(errors="replace")
    assert secret not in text and held not in text and team.token not in text.split("is running at", 1)[1]
