"""Access tokens: every way to forge one that is known, and the keys of a project as it publishes and changes them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from insighter_ext.errors import Unauthenticated, Unavailable
from insighter_ext.gateways.tokens import PublicKeys, RemoteKeys, SecretKey, TokenVerifier, mint
from insighter_ext.principal import Principal

ISSUER = "https://project.example/auth/v1"
SECRET = "a-secret-of-a-project-with-more-than-32-characters"
USER = UUID("5b0e9e3c-6f0d-4a53-9d5b-6f6f4f2b8a11")
SESSION = UUID("0f8f4c5e-2a5c-4f0e-8a39-1c2f6f1f7d10")

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def jwk(private: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half of a key, as a project publishes it."""
    algorithm = (
        jwt.algorithms.RSAAlgorithm
        if hasattr(private, "private_numbers") and isinstance(private, rsa.RSAPrivateKey)
        else jwt.algorithms.ECAlgorithm
    )
    return {**json.loads(algorithm.to_jwk(private.public_key())), "kid": kid, "use": "sig", **more}


JWKS = {"keys": [jwk(EC_KEY, "ec", alg="ES256"), jwk(RSA_KEY, "rsa", alg="RS256")]}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, changed; None leaves one out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "sub": str(USER),
        "aud": "authenticated",
        "role": "authenticated",
        "exp": now + 600,
        "iat": now,
        "email": "ann@example.org",
        "session_id": str(SESSION),
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(kid: str | None = "ec", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token signed with the project's ES256 key."""
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), EC_KEY, algorithm="ES256", headers={**named, **(headers or {})})


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, payload: Any, key: bytes = b"") -> str:
    """A token with a header that no library would write, under HMAC-SHA256."""
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.new(key, text.encode(), hashlib.sha256).digest()) if key else ''}"


@pytest.fixture
def verifier() -> TokenVerifier:
    """What a Supabase project is verified with: its old secret and its new keys."""
    return TokenVerifier(ISSUER, SecretKey(SECRET), PublicKeys(JWKS))


async def is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await verifier.verify(token)
    assert refusal.value.code == "session_expired"
    # Nothing that was sent, and no reason: those are for the log.
    assert refusal.value.as_dict() == {
        "code": "session_expired",
        "message": "your sign-in is not valid any more",
        "details": None,
        "hint": "sign in again",
    }


# ---- good ones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["HS256", "HS256 with a key id", "ES256", "RS256"])
async def test_a_good_token_says_who_comes(verifier: TokenVerifier, kind: str) -> None:
    token = {
        "HS256": lambda: jwt.encode(claims(), SECRET, algorithm="HS256"),
        "HS256 with a key id": lambda: jwt.encode(claims(), SECRET, algorithm="HS256", headers={"kid": "x"}),
        "ES256": signed,
        "RS256": lambda: jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "rsa"}),
    }[kind]()
    principal = await verifier.verify(token)
    assert principal == Principal(USER, email="ann@example.org", session_id=SESSION, token=token)


async def test_clocks_may_differ_by_half_a_minute(verifier: TokenVerifier) -> None:
    now = int(time.time())
    await verifier.verify(signed(exp=now - 25))
    await verifier.verify(signed(nbf=now + 25, iat=now + 25))


# ---- forged ones -----------------------------------------------------------------------------------------------------


def public_pem(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def public_der(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def tampered(token: str, **changes: Any) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(claims(**changes))}.{signature}"


STRANGER = ec.generate_private_key(ec.SECP256R1())

FORGED = {
    "alg none": lambda: by_hand({"alg": "none", "typ": "JWT"}, claims()),
    "alg None": lambda: by_hand({"alg": "None"}, claims()),
    "alg nOnE, signed": lambda: by_hand({"alg": "nOnE"}, claims(), SECRET.encode()),
    "no alg": lambda: by_hand({"typ": "JWT"}, claims(), SECRET.encode()),
    "alg is null": lambda: by_hand({"alg": None}, claims(), SECRET.encode()),
    "alg is a list": lambda: by_hand({"alg": ["HS256"]}, claims(), SECRET.encode()),
    "alg in small letters": lambda: by_hand({"alg": "hs256"}, claims(), SECRET.encode()),
    "HS512 with the secret": lambda: jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
    "HS256 with the EC key's PEM": lambda: by_hand({"alg": "HS256", "kid": "ec"}, claims(), public_pem(EC_KEY)),
    "HS256 with the EC key's DER": lambda: by_hand({"alg": "HS256", "kid": "ec"}, claims(), public_der(EC_KEY)),
    "HS256 with the RSA key's PEM": lambda: by_hand({"alg": "HS256", "kid": "rsa"}, claims(), public_pem(RSA_KEY)),
    "HS256 with the JWKS entry": lambda: by_hand(
        {"alg": "HS256", "kid": "ec"}, claims(), json.dumps(JWKS["keys"][0]).encode()
    ),
    "HS256 with another secret": lambda: jwt.encode(claims(), SECRET[::-1], algorithm="HS256"),
    "HS256 with an empty secret": lambda: by_hand({"alg": "HS256"}, claims(), b"\0"),
    "unknown kid": lambda: signed(kid="other"),
    "no kid": lambda: signed(kid=None),
    "kid of the key of another algorithm": lambda: signed(kid="rsa"),
    "RS256 with the EC key's kid": lambda: jwt.encode(
        claims(), RSA_KEY, algorithm="RS256", headers={"kid": "ec"}
    ),
    "kid is a path": lambda: signed(kid="../../../../dev/null"),
    "ES256 by a stranger": lambda: jwt.encode(claims(), STRANGER, algorithm="ES256", headers={"kid": "ec"}),
    "a key of its own in the header": lambda: jwt.encode(
        claims(), STRANGER, algorithm="ES256", headers={"kid": "ec", "jwk": jwk(STRANGER, "ec", alg="ES256")}
    ),
    "keys of its own at an address": lambda: jwt.encode(
        claims(), STRANGER, algorithm="ES256", headers={"kid": "new", "jku": "http://127.0.0.1:9/jwks"}
    ),
    "signature of zeros": lambda: ".".join([*signed().split(".")[:2], part(bytes(64))]),
    "no signature": lambda: signed().rsplit(".", 1)[0] + ".",
    "signature of another token": lambda: tampered(signed(), sub=str(uuid4())),
    "role tampered with": lambda: tampered(signed(), role="service_role"),
    "a critical header": lambda: signed(headers={"crit": ["exp"]}),
    "payload perhaps not encoded": lambda: by_hand({"alg": "HS256", "b64": True}, claims(), SECRET.encode()),
    "payload not encoded": lambda: by_hand({"alg": "HS256", "b64": False, "crit": ["b64"]}, b"", SECRET.encode()),
    "another type": lambda: signed(headers={"typ": "secevent+jwt"}),
    "expired": lambda: signed(exp=int(time.time()) - 31),
    "not valid yet": lambda: signed(nbf=int(time.time()) + 60),
    "issued in the future": lambda: signed(iat=int(time.time()) + 60),
    "never expires": lambda: signed(exp=None),
    "expires at no number": lambda: signed(exp="never"),
    "expires in a list": lambda: signed(exp=[9999999999]),
    "nobody": lambda: signed(sub=None),
    "somebody without an id": lambda: signed(sub="ann"),
    "an id in another notation": lambda: signed(sub="{" + str(USER) + "}"),
    "an id without hyphens": lambda: signed(sub=USER.hex),
    "an id that is a number": lambda: signed(sub=42),
    "no audience": lambda: signed(aud=None),
    "another audience": lambda: signed(aud="service"),
    "many audiences": lambda: signed(aud=["authenticated", "other"]),
    "no issuer": lambda: signed(iss=None),
    "a foreign issuer": lambda: signed(iss="https://evil.example/auth/v1"),
    "an issuer that begins alike": lambda: signed(iss=ISSUER + ".evil.example"),
    "no role": lambda: signed(role=None),
    "anon": lambda: signed(role="anon"),
    "service_role": lambda: signed(role="service_role"),
    "a superuser": lambda: signed(role="postgres"),
    "many roles": lambda: signed(role=["authenticated", "service_role"]),
    "an anonymous sign-in": lambda: signed(is_anonymous=True),
    "a session that is none": lambda: signed(session_id="../x"),
    "the project's anon key": lambda: jwt.encode(
        {"iss": "supabase", "ref": "project", "role": "anon", "iat": 1, "exp": 9999999999}, SECRET, "HS256"
    ),
    "the project's service key": lambda: jwt.encode(
        {"iss": "supabase", "ref": "project", "role": "service_role", "iat": 1, "exp": 9999999999}, SECRET, "HS256"
    ),
    "a service key dressed up": lambda: jwt.encode(claims(role="service_role"), SECRET, "HS256"),
    "huge": lambda: signed(padding="x" * 20_000),
    "huge and no token": lambda: "a" * 10_000_000,
    "deeply nested header": lambda: part(b'{"alg":' + b"[" * 6000) + ".e30.e30",
    "deeply nested claims": lambda: by_hand(
        {"alg": "HS256"}, b'{"sub":' + b"[" * 5000 + b"]" * 5000 + b"}", SECRET.encode()
    ),
    "infinite": lambda: by_hand({"alg": "HS256"}, json.dumps(claims(exp=float("inf"))).encode(), SECRET.encode()),
    "not a number": lambda: by_hand({"alg": "HS256"}, json.dumps(claims(exp=float("nan"))).encode(), SECRET.encode()),
    "a number without end": lambda: by_hand(
        {"alg": "HS256"}, json.dumps(claims()).encode()[:-1] + b',"exp":' + b"9" * 5000 + b"}", SECRET.encode()
    ),
    "claims that are a list": lambda: by_hand({"alg": "HS256"}, [claims()], SECRET.encode()),
    "claims that are no JSON": lambda: by_hand({"alg": "HS256"}, b"\xff\xfe", SECRET.encode()),
    "a header that is a list": lambda: by_hand([{"alg": "HS256"}], claims(), SECRET.encode()),
    "empty": lambda: "",
    "dots": lambda: "..",
    "too many parts": lambda: signed() + ".x",
    "an encrypted token": lambda: ".".join([part({"alg": "dir", "enc": "A128GCM"}), "", "x", "y", "z"]),
    "spaces": lambda: " " + signed(),
    "a line break": lambda: signed() + "\n",
    "no ASCII": lambda: signed() + "ü",
    "half a surrogate": lambda: "\ud800",
    "a zero": lambda: signed().replace(".", ".\0", 1),
    "a secret of ours": lambda: "ixk_" + "a" * 43,
}  # fmt: skip


@pytest.mark.parametrize("attack", FORGED, ids=[name.replace(" ", "-") for name in FORGED])
async def test_a_forged_token_is_refused(
    verifier: TokenVerifier, attack: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = FORGED[attack]()
    await is_refused(verifier, token)
    # Who looks after the server reads why, and not what.
    (record,) = [record for record in caplog.records if record.name == "insighter.tokens"]
    assert record.levelno == logging.INFO
    assert len(record.getMessage()) < 200
    for piece in token.split("."):
        assert len(piece) < 20 or piece not in record.getMessage()


async def test_a_project_with_keys_alone_takes_no_shared_secret() -> None:
    verifier = TokenVerifier(ISSUER, PublicKeys(JWKS))
    await verifier.verify(signed())
    await is_refused(verifier, jwt.encode(claims(), SECRET, algorithm="HS256"))
    await is_refused(verifier, by_hand({"alg": "HS256", "kid": "ec"}, claims(), public_pem(EC_KEY)))


async def test_a_project_with_a_secret_alone_takes_no_keys() -> None:
    verifier = TokenVerifier(ISSUER, SecretKey(SECRET))
    await verifier.verify(jwt.encode(claims(), SECRET, algorithm="HS256"))
    await is_refused(verifier, signed())


def test_a_short_secret_is_not_taken() -> None:
    with pytest.raises(ValueError, match="32 characters") as refusal:
        SecretKey("hunter2" * 4)
    assert "hunter2" not in str(refusal.value)


def test_an_algorithm_has_one_source_of_keys() -> None:
    with pytest.raises(ValueError, match="two sources"):
        TokenVerifier(ISSUER, PublicKeys(JWKS), PublicKeys({"keys": []}))


# ---- claims of our own -----------------------------------------------------------------------------------------------


async def test_what_people_write_about_themselves_is_not_believed(verifier: TokenVerifier) -> None:
    boast = {"role": "service_role", "insighter": {"kind": "service"}, "email": "owner@example.org"}
    principal = await verifier.verify(signed(user_metadata=boast, app_metadata=boast))
    assert principal.claims == Principal(USER, email="ann@example.org", session_id=SESSION).claims


async def test_claims_of_our_own_narrow(verifier: TokenVerifier) -> None:
    project = uuid4()
    principal = await verifier.verify(signed(insighter={"project": str(project), "role": "viewer"}))
    assert (principal.project_id, principal.ceiling, principal.kind) == (project, "viewer", "token")
    principal = await verifier.verify(signed(insighter={"kind": "kernel", "project": str(project)}))
    assert (principal.project_id, principal.ceiling, principal.kind) == (project, None, "kernel")
    # Which credential it is says the database, not the token.
    principal = await verifier.verify(signed(insighter={"kind": "person", "credential": str(uuid4())}))
    assert (principal.project_id, principal.credential_id, principal.kind) == (None, None, "person")


@pytest.mark.parametrize(
    "ours",
    [
        "owner",
        ["role"],
        {"role": "superuser"},
        {"role": "Viewer"},
        {"role": ["viewer"]},
        {"role": {}},
        {"project": "*"},
        {"project": ""},
        {"project": 1},
        {"project": ["5b0e9e3c-6f0d-4a53-9d5b-6f6f4f2b8a11"]},
        {"kind": "service"},
        {"kind": "superuser"},
        {"kind": ["person"]},
        {"kind": None},
        {"projects": [str(USER)]},
    ],
    ids=range(15),
)
async def test_claims_of_our_own_that_are_not_understood_are_not_passed_over(
    verifier: TokenVerifier, ours: Any
) -> None:
    await is_refused(verifier, signed(insighter=ours))


async def test_a_minted_token_is_its_principal_for_five_minutes(verifier: TokenVerifier) -> None:
    principal = Principal(
        USER, kind="kernel", project_id=uuid4(), ceiling="editor", email="ann@example.org", session_id=SESSION
    )
    token = mint(principal, SECRET, ISSUER)
    found = await verifier.verify(token)
    assert found.claims == principal.claims
    content = jwt.decode(token, options={"verify_signature": False})
    assert content["exp"] - content["iat"] == 300
    content = jwt.decode(mint(principal, SECRET, ISSUER, seconds=86400), options={"verify_signature": False})
    assert content["exp"] - content["iat"] == 300


@pytest.mark.parametrize("role", ["service_role", "anon", "postgres", ""])
def test_no_token_is_minted_for_another_role(role: str) -> None:
    with pytest.raises(ValueError, match="no token"):
        mint(Principal(USER, role=role), SECRET, ISSUER)


# ---- keys ------------------------------------------------------------------------------------------------------------


async def test_keys_of_other_kinds_are_left_out() -> None:
    wrong = [
        {"kty": "oct", "k": part(SECRET.encode()), "kid": "oct", "alg": "HS256"},
        {"kty": "oct", "k": part(SECRET.encode()), "kid": "oct2", "alg": "ES256"},
        jwk(EC_KEY, "enc", alg="ES256", use="enc"),
        jwk(EC_KEY, "signs", alg="ES256", key_ops=["sign"]),
        jwk(EC_KEY, "renamed", alg="RS256"),
        jwk(ec.generate_private_key(ec.SECP384R1()), "p384", alg="ES256"),
        jwk(SHORT_RSA_KEY, "short", alg="RS256"),
        jwk(RSA_KEY, "padded", alg="PS256"),
        {"kty": "EC", "crv": "P-256", "kid": "half", "alg": "ES256", "x": "AA"},
        {"kty": "EC", "crv": ["P-256"], "kid": "list", "alg": "ES256"},
        {"kty": "EC", "crv": "P-256", "kid": ["list"], "alg": "ES256"},
        {**jwk(EC_KEY, "off the curve", alg="ES256"), "x": part(b"\1" * 32)},
        None,
        "ec",
    ]
    keys = PublicKeys({"keys": [*wrong, jwk(EC_KEY, "last")]})
    for entry in wrong:
        if isinstance(entry, dict) and isinstance(entry["kid"], str):
            for algorithm in ("ES256", "RS256", "HS256"):
                assert await keys.find(algorithm, entry["kid"]) is None, entry
    assert await keys.find("ES256", "last") is not None
    assert await keys.find("ES256", None) is None


async def test_a_private_key_that_was_published_verifies_as_its_public_half() -> None:
    entry = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY)), "kid": "ec", "alg": "ES256"}
    key = await PublicKeys({"keys": [entry]}).find("ES256", "ec")
    assert not hasattr(key, "private_numbers")
    await TokenVerifier(ISSUER, PublicKeys({"keys": [entry]})).verify(signed())


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, "keys"], ids=range(6))
def test_what_is_no_jwks_document_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="JWKS"):
        PublicKeys(document)


class Publisher:
    """A project's server: publishes a document, and counts how often it was asked."""

    def __init__(self) -> None:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with publisher.lock:
                    publisher.asked += 1
                time.sleep(publisher.delay)
                self.send_response(publisher.status)
                for name, value in publisher.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(publisher.content)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has read enough
                    self.wfile.write(publisher.content)

            def log_message(self, *_: object) -> None:
                pass

        self.lock = threading.Lock()
        self.asked = 0
        self.delay = 0.0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content = b""
        self.publish(JWKS)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/auth/v1/.well-known/jwks.json"

    def publish(self, document: Any) -> None:
        self.content = json.dumps(document).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.close()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    # Follows redirects by itself: the keys must not.
    async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as client:
        yield client


async def test_published_keys_are_fetched_once(publisher: Publisher, client: httpx.AsyncClient) -> None:
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client))
    assert publisher.asked == 0
    for _ in range(5):
        await verifier.verify(signed())
    assert publisher.asked == 1


async def test_all_who_wait_share_one_request(publisher: Publisher, client: httpx.AsyncClient) -> None:
    publisher.delay = 0.2
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client))
    waiting = [asyncio.ensure_future(verifier.verify(signed())) for _ in range(20)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(answer, Principal) for answer in answers) == 19
    assert publisher.asked == 1


async def test_a_key_that_is_new_is_looked_for_and_one_that_is_withdrawn_forgotten(
    publisher: Publisher, client: httpx.AsyncClient
) -> None:
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client, cooldown=0))
    await verifier.verify(signed())
    publisher.publish({"keys": [jwk(STRANGER, "next", alg="ES256")]})
    after = jwt.encode(claims(), STRANGER, algorithm="ES256", headers={"kid": "next"})
    await verifier.verify(after)
    assert publisher.asked == 2
    await is_refused(verifier, signed())


async def test_made_up_key_ids_do_not_make_it_ask_again_and_again(
    publisher: Publisher, client: httpx.AsyncClient
) -> None:
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client, cooldown=0.4))
    await verifier.verify(signed())
    for number in range(20):
        await is_refused(verifier, signed(kid=f"made-up-{number}"))
    assert publisher.asked == 1
    await asyncio.sleep(0.45)
    await asyncio.gather(*(is_refused(verifier, signed(kid=f"made-up-{number}")) for number in range(20)))
    assert publisher.asked == 2
    await verifier.verify(signed())


async def test_a_token_without_a_key_id_asks_nobody(publisher: Publisher, client: httpx.AsyncClient) -> None:
    verifier = TokenVerifier(ISSUER, SecretKey(SECRET), RemoteKeys(publisher.address, client))
    await is_refused(verifier, signed(kid=None))
    await verifier.verify(jwt.encode(claims(), SECRET, algorithm="HS256", headers={"kid": "ec"}))
    assert publisher.asked == 0


async def test_old_keys_are_fetched_again(publisher: Publisher, client: httpx.AsyncClient) -> None:
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client, ttl=0.2))
    await verifier.verify(signed())
    publisher.publish({"keys": []})
    await verifier.verify(signed())
    await asyncio.sleep(0.25)
    await is_refused(verifier, signed())
    assert publisher.asked >= 2


def test_keys_are_never_good_for_longer_than_ten_minutes() -> None:
    assert RemoteKeys("https://project.example/jwks", httpx.AsyncClient(), ttl=86400)._ttl == 600


@pytest.mark.parametrize("trouble", ["status", "garbage", "no jwks", "nested", "large", "redirect", "gone"])
async def test_keys_that_cannot_be_had_are_told_as_such(
    publisher: Publisher, client: httpx.AsyncClient, trouble: str
) -> None:
    """Not as an expired sign-in: nobody has to sign in again because a server is away."""
    elsewhere = Publisher()
    try:
        if trouble == "status":
            publisher.status = 503
        elif trouble == "garbage":
            publisher.content = b"<html>"
        elif trouble == "no jwks":
            publisher.publish([])
        elif trouble == "nested":
            publisher.content = b"[" * 50_000
        elif trouble == "large":
            publisher.publish({**JWKS, "padding": "x" * 70_000})
        elif trouble == "redirect":
            publisher.status, publisher.headers = 302, {"Location": elsewhere.address}
        address = publisher.address if trouble != "gone" else "http://127.0.0.1:1/jwks"
        keys = RemoteKeys(address, client, cooldown=0)
        verifier = TokenVerifier(ISSUER, keys)
        with pytest.raises(Unavailable):
            await verifier.verify(signed())
        assert elsewhere.asked == 0
        if trouble != "gone":
            publisher.status, publisher.headers = 200, {}
            publisher.publish(JWKS)
            await verifier.verify(signed())
    finally:
        elsewhere.close()


async def test_a_server_that_is_away_is_not_asked_by_every_request(
    publisher: Publisher, client: httpx.AsyncClient
) -> None:
    publisher.status = 500
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client))
    for _ in range(10):
        with pytest.raises(Unavailable):
            await verifier.verify(signed())
    assert publisher.asked == 1


async def test_keys_at_hand_serve_on_while_a_made_up_one_cannot_be_looked_for(
    publisher: Publisher, client: httpx.AsyncClient
) -> None:
    verifier = TokenVerifier(ISSUER, RemoteKeys(publisher.address, client, cooldown=0))
    await verifier.verify(signed())
    publisher.status = 500
    await is_refused(verifier, signed(kid="made-up"))
    await verifier.verify(signed())


@pytest.mark.parametrize(
    "address",
    [
        "http://project.example/jwks",
        "http://127.0.0.1.evil.example/jwks",
        "http://10.0.0.1/jwks",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
        "https://user:password@project.example/jwks",
        "https:///jwks",
        "//project.example/jwks",
        "",
        "http://[::1",
    ],
    ids=range(10),
)
def test_keys_are_not_fetched_where_others_could_change_them(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        RemoteKeys(address, httpx.AsyncClient())


@pytest.mark.parametrize(
    "address",
    ["https://project.example/jwks", "http://127.0.0.1:54321/jwks", "http://[::1]:1/", "http://localhost/"],
)
def test_keys_come_over_https_or_from_this_machine(address: str) -> None:
    RemoteKeys(address, httpx.AsyncClient())
