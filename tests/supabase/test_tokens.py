"""Whose tokens a server in Supabase mode believes; the forgeries themselves are in the tests of tokens."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from insighter_ext import errors
from insighter_ext.gateways import AuthGateway
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.principal import Principal
from tests.supabase.double import Double


def claims(double: Double, **changes: Any) -> dict[str, Any]:
    """What a hosted project writes into a token."""
    return {
        "iss": f"{double.url}/auth/v1",
        "sub": str(uuid4()),
        "aud": "authenticated",
        "role": "authenticated",
        "email": "ann@example.org",
        "session_id": str(uuid4()),
        "user_metadata": {"role": "owner", "insighter": {"project": None}},
        "exp": int(time.time()) + 3600,
        **changes,
    }


async def test_one_that_the_project_signs_by_its_newer_keys_is_believed(
    double: Double, auth_gateway: AuthGateway
) -> None:
    key = await double.accounts._signing_key()
    token, _ = key.sign({**claims(double)}, 3600)
    kid = jwt.get_unverified_header(token)["kid"]
    payload = {**jwt.decode(token, options={"verify_signature": False}), "iss": f"{double.url}/auth/v1"}
    token = jwt.encode(payload, key._private, algorithm="ES256", headers={"kid": kid})
    principal = await auth_gateway.verify(token)
    assert (principal.email, principal.kind, principal.token) == ("ann@example.org", "person", token)


async def test_one_signed_with_the_public_key_as_if_it_were_a_secret_is_not(
    double: Double, auth_gateway: AuthGateway
) -> None:
    public = (await double.accounts.jwks())["keys"][0]
    signed = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "typ": "JWT", "kid": public["kid"]}, claims(double))
    )
    digest = hmac.digest(json.dumps(public).encode(), signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    with pytest.raises(errors.Unauthenticated):
        await auth_gateway.verify(forged)


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "service_role"},
        {"role": "anon"},
        {"iss": "https://another.supabase.co/auth/v1"},
        {"aud": "anon"},
        {"exp": 1},
        {"sub": None},
        {"is_anonymous": True},
    ],
    ids=str,
)
async def test_what_is_no_sign_in_of_a_person_is_refused(
    double: Double, auth_gateway: AuthGateway, changes: dict[str, Any]
) -> None:
    token = jwt.encode(claims(double, **changes), double.secret, algorithm="HS256")
    with pytest.raises(errors.Unauthenticated) as refused:
        await auth_gateway.verify(token)
    assert refused.value.code == "session_expired"


async def test_an_api_key_is_no_sign_in(double: Double, auth_gateway: AuthGateway) -> None:
    for key in (double.key, double.api_key("service_role"), "sb_publishable_x", "sb_secret_x"):
        with pytest.raises(errors.Unauthenticated):
            await auth_gateway.verify(key)


async def test_what_the_server_signs_is_short_lived_and_never_more_than_a_person(project: Project) -> None:
    token = project.token(Principal(uuid4(), "kernel", uuid4(), "editor"))
    said = jwt.decode(token, options={"verify_signature": False})
    assert said["exp"] - time.time() <= 300
    assert (said["role"], said["insighter"]["role"], said["insighter"]["kind"]) == (
        "authenticated",
        "editor",
        "kernel",
    )
    with pytest.raises(ValueError):
        project.token(Principal(uuid4(), role="service_role"))
