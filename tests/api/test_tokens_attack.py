"""Tokens at the door of a real server: those that were forged, have ended, or ask for more than they are good for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from server_handlers.base import API
from server_handlers.mlflow import MLFLOW
from tests.api.people import Person, Treasure, a_token, superuser, team_server
from tests.browser_client import PASSWORD, Browser
from tests.running import JupyterServer

ROUTES = [
    ("GET", f"{API}/status"),
    ("GET", f"{API}/projects"),
    ("POST", f"{API}/projects"),
    ("GET", f"{API}/account"),
    ("GET", f"{API}/account/tokens"),
    ("GET", f"{API}/openapi.json"),
    ("GET", f"{MLFLOW}/api/2.0/mlflow/experiments/search?max_results=10"),
    ("POST", f"{MLFLOW}/api/2.0/mlflow/runs/search"),
]


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server where people sign in."""
    with team_server() as server:
        yield server


@pytest.fixture(scope="module")
def ana(team: JupyterServer) -> Iterator[Person]:
    """Somebody with a good token."""
    with closing(Person(team, "Ana")) as person:
        yield person


@pytest.fixture(scope="module")
def key(team: JupyterServer) -> Any:
    """The server's own key: with it a token can be made that is wrong in one thing alone."""
    found = list(team.data_dir.rglob("access-tokens.pem"))
    assert len(found) == 1
    return load_pem_private_key(found[0].read_bytes(), None)


def refused(server: JupyterServer, token: str) -> None:
    """By every route, with nothing said about why."""
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        for method, path in ROUTES:
            answer = client.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 401, (method, path, answer.text)
            for word in ("signature", "expired at", "issuer", "audience", "Traceback", token):
                assert word not in answer.text, (path, answer.text)


def encode(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, secret: bytes | None = None) -> str:
    """A token with whatever header, signed with HMAC or not at all."""
    body = f"{encode(header)}.{encode(claims)}"
    if secret is None:
        return f"{body}."
    signature = hmac.new(secret, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def public_key(key: Any, form: str) -> bytes:
    if form == "PEM":
        return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    if form == "DER":
        return bytes(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return bytes(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


# Each makes a token of a good one's header and claims, with the server's own key where it is not the key that is wrong.
FORGERIES: dict[str, Callable[[dict[str, Any], dict[str, Any], Any], str]] = {
    "alg none": lambda h, c, k: by_hand({**h, "alg": "none"}, c),
    "alg None": lambda h, c, k: by_hand({**h, "alg": "None"}, c),
    "no alg": lambda h, c, k: by_hand({"typ": "JWT"}, c),
    "HS256 with the public key, PEM": lambda h, c, k: by_hand({**h, "alg": "HS256"}, c, public_key(k, "PEM")),
    "HS256 with the public key, DER": lambda h, c, k: by_hand({**h, "alg": "HS256"}, c, public_key(k, "DER")),
    "HS256 with the public point": lambda h, c, k: by_hand({**h, "alg": "HS256"}, c, public_key(k, "X962")),
    "HS256 with an empty secret": lambda h, c, k: by_hand({**h, "alg": "HS256"}, c, b""),
    "another key of the same id": lambda h, c, k: sign(c, ec.generate_private_key(ec.SECP256R1()), h["kid"]),
    "wrong kid": lambda h, c, k: sign(c, k, "another"),
    "no kid": lambda h, c, k: sign(c, k, None),
    "a kid that is a path": lambda h, c, k: sign(c, k, "../../../../dev/null"),
    "a key of its own in the header": lambda h, c, k: own_key(h, c),
    "expired": lambda h, c, k: sign({**c, "exp": int(time.time()) - 120}, k, h["kid"]),
    "without an end": lambda h, c, k: sign({n: v for n, v in c.items() if n != "exp"}, k, h["kid"]),
    "not yet valid": lambda h, c, k: sign({**c, "nbf": int(time.time()) + 600}, k, h["kid"]),
    "foreign issuer": lambda h, c, k: sign({**c, "iss": "https://evil.example/auth/v1"}, k, h["kid"]),
    "no issuer": lambda h, c, k: sign({n: v for n, v in c.items() if n != "iss"}, k, h["kid"]),
    "missing aud": lambda h, c, k: sign({n: v for n, v in c.items() if n != "aud"}, k, h["kid"]),
    "another aud": lambda h, c, k: sign({**c, "aud": "anon"}, k, h["kid"]),
    "anon": lambda h, c, k: sign({**c, "role": "anon"}, k, h["kid"]),
    "service_role": lambda h, c, k: sign({**c, "role": "service_role"}, k, h["kid"]),
    "role postgres": lambda h, c, k: sign({**c, "role": "postgres"}, k, h["kid"]),
    "no role": lambda h, c, k: sign({n: v for n, v in c.items() if n != "role"}, k, h["kid"]),
    "no sub": lambda h, c, k: sign({n: v for n, v in c.items() if n != "sub"}, k, h["kid"]),
    "a sub that is nobody": lambda h, c, k: sign({**c, "sub": str(uuid4())}, k, h["kid"]),
    "a sub that is no id": lambda h, c, k: sign({**c, "sub": "x' or '1'='1"}, k, h["kid"]),
    "a session that is none": lambda h, c, k: sign({**c, "session_id": str(uuid4())}, k, h["kid"]),
    "tampered payload": lambda h, c, k: tampered(sign(c, k, h["kid"]), {**c, "sub": str(uuid4())}),
    "tampered header": lambda h, c, k: ".".join(
        [encode({**h, "kid": "x"}), *sign(c, k, h["kid"]).split(".")[1:]]
    ),
    "cut signature": lambda h, c, k: sign(c, k, h["kid"])[:-6],
    "empty signature": lambda h, c, k: sign(c, k, h["kid"]).rpartition(".")[0] + ".",
}


def sign(claims: dict[str, Any], key: Any, kid: str | None) -> str:
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid} if kid else None)


def own_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    mine = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(mine.public_key()))
    return jwt.encode(claims, mine, algorithm="ES256", headers={**header, "jwk": public})


def tampered(token: str, claims: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{encode(claims)}.{signature}"


def test_a_good_token_is_let_in(team: JupyterServer, ana: Person, key: Any) -> None:
    """Else what is refused below would say nothing. What is made here with the server's key is good, too."""
    header, claims = parts(ana.tokens["access_token"])
    for token in (ana.tokens["access_token"], sign(claims, key, header["kid"])):
        with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {token}"}) as client:
            assert client.get(f"{API}/account").json()["user_id"] == ana.user_id


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(team: JupyterServer, ana: Person, key: Any, name: str) -> None:
    header, claims = parts(ana.tokens["access_token"])
    refused(team, FORGERIES[name](header, claims, key))


def test_what_a_token_claims_beyond_its_account_is_not_believed(
    team: JupyterServer, ana: Person, key: Any
) -> None:
    """The limits of credentials and who somebody is are claims too: those of a signed token count, and open nothing."""
    header, claims = parts(ana.tokens["access_token"])
    with closing(Person(team, "Olga")) as olga:
        treasure = Treasure(team, olga)
        grown = {"kind": "service", "project": treasure.project_id, "role": "owner"}
        for more in ({"insighter": grown}, {"user_metadata": {"role": "owner"}}, {"app_metadata": grown}):
            token = sign({**claims, **more}, key, header["kid"])
            with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {token}"}) as client:
                for path in ("", "/datasets", "/audit", "/members"):
                    answer = client.get(treasure.base + path)
                    assert answer.status_code in {401, 404}, (more, path, answer.text)


def test_a_refresh_token_is_good_once(team: JupyterServer) -> None:
    with closing(Person(team, "Reto")) as reto:
        first = reto.tokens["refresh_token"]
        exchange = {"grant_type": "refresh_token", "refresh_token": first}
        second = reto.do("POST", f"{API}/auth/token", exchange)
        reto.bear(second["access_token"])
        assert reto.get(f"{API}/account").status_code == 200
        # Somebody else used it before, or will: nobody can tell whom it was stolen from.
        with superuser(team) as database:
            database.execute("update auth.refresh_tokens set updated_at = updated_at - interval '1 hour'")
        replayed = reto.post(f"{API}/auth/token", json=exchange)
        assert replayed.status_code == 401, replayed.text
        exchange["refresh_token"] = second["refresh_token"]
        assert reto.post(f"{API}/auth/token", json=exchange).status_code == 401
        eventually_refused(team, second["access_token"])


def eventually_refused(server: JupyterServer, token: str) -> None:
    """Within seconds: that a sign-in still stands is looked up every few seconds."""
    deadline = time.monotonic() + 30
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        while (answer := client.get(f"{API}/account")).status_code != 401:
            assert answer.status_code == 200 and time.monotonic() < deadline, answer.text
            time.sleep(0.5)
    refused(server, token)


def test_the_token_of_a_deleted_account_is_refused(team: JupyterServer) -> None:
    with closing(Person(team, "Dora")) as dora:
        project = dora.do("POST", f"{API}/projects", {"name": "Dora's"}, expect=201)
        _, secret = a_token(dora, project["id"], "owner")
        with superuser(team) as database:
            database.execute("delete from insighter.projects where created_by = %s", [dora.user_id])
            database.execute("delete from auth.users where id = %s", [dora.user_id])
        refused(team, secret)
        eventually_refused(team, dora.tokens["access_token"])
        exchange = {"grant_type": "refresh_token", "refresh_token": dora.tokens["refresh_token"]}
        assert dora.post(f"{API}/auth/token", json=exchange).status_code == 401


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now() - interval '1 second'"])
def test_an_access_token_that_has_ended_is_refused(team: JupyterServer, ana: Person, end: str) -> None:
    project = ana.do("POST", f"{API}/projects", {"name": f"P {uuid4().hex}"}, expect=201)
    token_id, secret = a_token(ana, project["id"], "editor")
    with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert program.get(f"{API}/projects/{project['id']}").status_code == 200
    if end.startswith("revoked"):
        ana.do("DELETE", f"{API}/account/tokens/{token_id}", expect=204)
    else:
        with superuser(team) as database:
            database.execute(
                "update insighter.credentials set created_at = now() - interval '2 days', "
                "expires_at = now() - interval '1 second' where id = %s",
                [token_id],
            )
    refused(team, secret)


def test_an_access_token_reaches_its_project_and_its_role(team: JupyterServer, ana: Person) -> None:
    project, other = (
        ana.do("POST", f"{API}/projects", {"name": f"P {uuid4().hex}"}, expect=201) for _ in range(2)
    )
    token_id, secret = a_token(ana, project["id"], "viewer")
    base = f"{API}/projects/{project['id']}"
    with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {secret}"}) as program:
        assert program.get(base).json()["role"] == "viewer"
        assert [one["id"] for one in program.get(f"{API}/projects").json()["items"]] == [project["id"]]
        assert program.get(f"{API}/projects/{other['id']}").status_code == 404
        for method, path, body in [
            ("PATCH", base, {"description": "x"}),
            ("DELETE", base, {"confirm": project["name"]}),
            ("PUT", f"{base}/visibility", {"visibility": "public"}),
            ("POST", f"{base}/invitations", {"email": "x@example.org", "role": "viewer"}),
            ("POST", f"{base}/datasets/x/versions", {"a": 1}),
            ("POST", f"{API}/projects", {"name": "another"}),
            ("POST", f"{API}/organisations", {"name": f"another {uuid4().hex}"}),
            (
                "POST",
                f"{API}/account/tokens",
                {"name": "x", "project_id": project["id"], "role": "owner", "days": 9},
            ),
            ("DELETE", f"{API}/account/tokens/{token_id}", None),
            ("PATCH", f"{API}/account", {"display_name": "x"}),
            ("POST", f"{API}/account/password", {"current": PASSWORD, "new": "another good password"}),
            ("GET", f"{API}/account", None),
            ("GET", f"{API}/account/sessions", None),
            ("GET", f"{API}/account/tokens", None),
            ("GET", f"{API}/account/audit", None),
            ("POST", f"{MLFLOW}/api/2.0/mlflow/experiments/create", {"name": "x"}),
        ]:
            answer = program.request(method, path, json=body)
            assert answer.status_code == 403, (method, path, answer.text)
        # It is good for Insighter's routes and for no others of the server.
        for path in ("/api/contents", "/api/kernels", "/api/terminals", "/api/sessions"):
            assert program.get(path).status_code in {302, 401, 403}, path


def test_the_cookie_of_a_sign_in_that_ended_is_refused(team: JupyterServer) -> None:
    def browser() -> Browser:
        return Browser(team, headers={"X-Real-IP": "10.77.0.1"})

    with browser() as first, browser() as thief:
        email = f"cora-{uuid4().hex[:8]}@example.org"
        assert first.sign_up(email).status_code == 201
        assert first.session is not None
        for name, value in first.cookies.items():
            thief.cookies.set(name, value)
        thief.xsrf = first.xsrf
        assert thief.ask("GET", "/account").status_code == 200
        assert first.ask("POST", "/auth/sign-out").status_code == 204
        for method, path in ROUTES:
            if path.startswith(API):
                answer = thief.ask(method, path.removeprefix(API), {} if method == "POST" else None)
                assert answer.status_code in {401, 403}, (method, path, answer.text)
        assert thief.get("/api/contents").status_code in {302, 403}


def test_guessing_passwords_is_slowed_and_tells_nothing(team: JupyterServer) -> None:
    """The address of an account and one that nobody has: the same answers, and after a few tries none."""
    with closing(Person(team, "Vic")) as vic:
        seen: list[list[tuple[int, Any]]] = []
        for email in (vic.email, f"nobody-{uuid4().hex[:8]}@example.org"):
            place = {"X-Real-IP": f"10.88.{uuid4().int % 250}.{uuid4().int % 250}"}
            answers = []
            for number in range(9):
                answer = httpx.post(
                    f"{team.url}{API}/auth/token",
                    json={"grant_type": "password", "email": email, "password": f"wrong password {number}"},
                    headers=place,
                )
                body = answer.json()
                if answer.status_code == 429:
                    assert 0 < int(answer.headers["Retry-After"]) <= 60
                    body = {"code": body["code"]}
                answers.append((answer.status_code, body))
            seen.append(answers)
        assert seen[0] == seen[1]
        assert [status for status, _ in seen[0]] == [401] * 5 + [429] * 4
        assert seen[0][0][1]["code"] == "invalid_credentials"
        # From another place the account's holder still gets in.
        assert vic.post(
            f"{API}/auth/token", json={"grant_type": "password", "email": vic.email, "password": PASSWORD}
        ).is_success


def test_no_token_is_in_the_log(team: JupyterServer, ana: Person) -> None:
    """Last: what came before is in the log by now."""
    log = team.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
    for secret in (ana.tokens["access_token"], ana.tokens["refresh_token"], PASSWORD):
        assert secret not in log
    assert "eyJ" not in log and "ixt_" not in log
