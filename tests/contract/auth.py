"""What people rely on when they sign in, whichever adapter answers.

A module that runs the suite brings two fixtures, ``auth_gateway`` with the adapter and ``auth_office`` with what
happens behind its back, and a class that inherits: ``class TestAccounts(AuthContract): ...``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID, uuid4

import pytest

from insighter_ext import errors
from insighter_ext.gateways.auth import AuthGateway, Session

PASSWORD = "correct horse battery"
ANOTHER = "staple gun tuesday"


class Office(Protocol):
    """What reaches accounts by other ways than the gateway."""

    async def code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        """The code that the account's owner is given: from the mail that was asked for, or from who runs the server."""
        ...

    async def ban(self, user_id: UUID) -> None:
        """Close an account for a day."""
        ...

    async def delete(self, user_id: UUID) -> None:
        """Remove an account."""
        ...


def an_address(name: str = "ann") -> str:
    return f"{name}-{uuid4().hex}@example.org"


async def an_account(gateway: AuthGateway, office: Office, email: str | None = None) -> Session:
    """A new account, signed in."""
    email = email or an_address()
    session = await gateway.sign_up(email, PASSWORD)
    return session or await gateway.confirm(email, await office.code(email, "confirmation"))


@dataclass
class Refusal:
    """What a refusal said."""

    error: errors.InsighterError = field(init=False)


@contextmanager
def refused(kind: type[errors.InsighterError], code: str) -> Iterator[Refusal]:
    """Expect a refusal of a class, with the code word that programs rely on."""
    refusal = Refusal()
    with pytest.raises(kind) as found:
        yield refusal
    refusal.error = found.value
    assert found.value.code == code


def expired() -> AbstractContextManager[Refusal]:
    return refused(errors.Unauthenticated, "session_expired")


def wrong() -> AbstractContextManager[Refusal]:
    return refused(errors.Unauthenticated, "invalid_credentials")


class AuthContract:
    """The suite."""

    async def test_an_account_signs_in_and_its_token_says_who_it_is(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        email = an_address("Ann.Mixed")
        made = await an_account(auth_gateway, auth_office, email)
        session = await auth_gateway.sign_in(email.upper(), PASSWORD)
        assert session.account.user_id == made.account.user_id
        assert session.account.email == email.lower()
        assert session.id != made.id
        principal = await auth_gateway.verify(session.access_token)
        assert (principal.user_id, principal.email) == (session.account.user_id, email.lower())
        assert (principal.kind, principal.role) == ("person", "authenticated")
        assert (principal.project_id, principal.ceiling, principal.credential_id) == (None, None, None)
        assert (principal.session_id, principal.token) == (session.id, session.access_token)
        left = session.expires_at - datetime.now(UTC)
        assert timedelta(minutes=4) < left <= timedelta(hours=1, minutes=1)

    async def test_no_secret_is_in_a_representation(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        principal = await auth_gateway.verify(session.access_token)
        shown = repr(session) + repr(principal) + repr(auth_gateway) + str(vars(auth_gateway))
        for secret in (session.access_token, session.refresh_token, PASSWORD):
            assert secret not in shown

    async def test_an_address_has_one_account(self, auth_gateway: AuthGateway, auth_office: Office) -> None:
        email = an_address()
        first = await an_account(auth_gateway, auth_office, email)
        for again in (email, email.upper()):
            if auth_gateway.sends_mail:
                assert await auth_gateway.sign_up(again, ANOTHER) is None
            else:
                with refused(errors.Conflict, "account_exists"):
                    await auth_gateway.sign_up(again, ANOTHER)
        with wrong():
            await auth_gateway.sign_in(email, ANOTHER)
        assert (await auth_gateway.sign_in(email, PASSWORD)).account.user_id == first.account.user_id

    async def test_unknown_and_wrong_answer_alike(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        banned = await an_account(auth_gateway, auth_office)
        await auth_office.ban(banned.account.user_id)
        tried = {
            "wrong": (session.account.email, ANOTHER),
            "unknown": (an_address("nobody"), PASSWORD),
            "empty": (session.account.email, ""),
            "nearly": (session.account.email, PASSWORD + " "),
            "banned, wrong": (banned.account.email, ANOTHER),
        }
        answers = set()
        for email, password in tried.values():
            with wrong() as answer:
                await auth_gateway.sign_in(email, password)
            answers.add(json.dumps(answer.error.as_dict()))
        assert len(answers) == 1

    @pytest.mark.parametrize("password", ["", "short", "1234567"])
    async def test_a_weak_password_is_refused(self, auth_gateway: AuthGateway, password: str) -> None:
        with refused(errors.Invalid, "weak_password"):
            await auth_gateway.sign_up(an_address(), password)

    @pytest.mark.parametrize(
        "email", ["", "ann", "ann@", "@example.org", "a b@example.org", "ann@exa mple.org"]
    )
    async def test_an_address_that_is_none_is_refused(self, auth_gateway: AuthGateway, email: str) -> None:
        with refused(errors.Invalid, "invalid_email"):
            await auth_gateway.sign_up(email, PASSWORD)

    # ---- tokens

    async def test_a_refresh_token_is_good_for_one_exchange(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        first = await an_account(auth_gateway, auth_office)
        second = await auth_gateway.refresh(first.refresh_token)
        assert (second.id, second.account) == (first.id, first.account)
        assert second.refresh_token != first.refresh_token
        third = await auth_gateway.refresh(second.refresh_token)
        assert (await auth_gateway.verify(third.access_token)).session_id == first.id

    async def test_a_replayed_refresh_token_ends_the_session(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        first = await an_account(auth_gateway, auth_office)
        other = await auth_gateway.sign_in(first.account.email, PASSWORD)
        second = await auth_gateway.refresh(first.refresh_token)
        third = await auth_gateway.refresh(second.refresh_token)
        with expired():
            await auth_gateway.refresh(first.refresh_token)
        with expired():
            await auth_gateway.refresh(third.refresh_token)
        assert (await auth_gateway.refresh(other.refresh_token)).id == other.id

    async def test_simultaneous_refreshes_share_one_exchange(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        answers = await asyncio.gather(*(auth_gateway.refresh(session.refresh_token) for _ in range(10)))
        assert len({answer.refresh_token for answer in answers}) == 1
        assert (await auth_gateway.refresh(answers[0].refresh_token)).id == session.id

    async def test_one_who_stops_waiting_leaves_the_exchange_to_the_others(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        impatient = asyncio.ensure_future(auth_gateway.refresh(session.refresh_token))
        patient = asyncio.ensure_future(auth_gateway.refresh(session.refresh_token))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).id == session.id

    @pytest.mark.parametrize(
        "token", ["", "x", "a" * 43, "a" * 5000, "'; drop table auth.users; --", "ü\u2028"]
    )
    async def test_a_made_up_refresh_token_is_refused(self, auth_gateway: AuthGateway, token: str) -> None:
        with expired():
            await auth_gateway.refresh(token)

    async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        with expired():
            await auth_gateway.verify(session.refresh_token)
        with expired():
            await auth_gateway.refresh(session.access_token)

    async def test_a_tampered_access_token_is_refused(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        other = await an_account(auth_gateway, auth_office)
        header, payload, signature = session.access_token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims["sub"] = str(other.account.user_id)
        forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        theirs = other.access_token.split(".")
        nobody = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        for token in (
            f"{header}.{forged}.{signature}",
            f"{header}.{payload}.{theirs[2]}",
            f"{header}.{payload}.",
            f"{nobody}.{payload}.",
            f"{nobody}.{forged}.{signature}",
            session.access_token + "A" * 20_000,
            "",
        ):
            with expired():
                await auth_gateway.verify(token)

    async def test_signing_out_ends_this_sign_in_alone(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        first = await an_account(auth_gateway, auth_office)
        second = await auth_gateway.sign_in(first.account.email, PASSWORD)
        principal = await auth_gateway.verify(first.access_token)
        await auth_gateway.sign_out(principal)
        with expired():
            await auth_gateway.refresh(first.refresh_token)
        assert (await auth_gateway.refresh(second.refresh_token)).id == second.id

    # ---- passwords and codes

    async def test_a_code_sets_a_new_password_and_ends_what_was_before(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        before = await an_account(auth_gateway, auth_office)
        email = before.account.email
        code = await auth_office.code(email, "recovery")
        after = await auth_gateway.recover(email.upper(), code, ANOTHER)
        assert after.account.user_id == before.account.user_id
        assert after.account.confirmed
        with expired():
            await auth_gateway.refresh(before.refresh_token)
        with wrong():
            await auth_gateway.sign_in(email, PASSWORD)
        await auth_gateway.sign_in(email, ANOTHER)
        assert (await auth_gateway.refresh(after.refresh_token)).id == after.id
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.recover(email, code, "a third password")

    async def test_a_weak_password_does_not_use_a_code_up(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        email = (await an_account(auth_gateway, auth_office)).account.email
        code = await auth_office.code(email, "recovery")
        with refused(errors.Invalid, "weak_password"):
            await auth_gateway.recover(email, code, "short")
        await auth_gateway.recover(email, code, ANOTHER)

    @pytest.mark.parametrize("code", ["", "0", "000000", "0000-0000-0000", "x" * 300, "ünïcödé\u2028"])
    async def test_a_wrong_code_is_refused_for_known_and_unknown_alike(
        self, auth_gateway: AuthGateway, auth_office: Office, code: str
    ) -> None:
        email = (await an_account(auth_gateway, auth_office)).account.email
        await auth_office.code(email, "recovery")
        with refused(errors.Invalid, "code_invalid") as known:
            await auth_gateway.recover(email, code, ANOTHER)
        with refused(errors.Invalid, "code_invalid") as unknown:
            await auth_gateway.recover(an_address("nobody"), code, ANOTHER)
        assert known.error.as_dict() == unknown.error.as_dict()
        await auth_gateway.sign_in(email, PASSWORD)

    async def test_a_code_is_for_one_account_and_one_purpose(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        mine = (await an_account(auth_gateway, auth_office)).account.email
        theirs = (await an_account(auth_gateway, auth_office)).account.email
        code = await auth_office.code(mine, "recovery")
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.recover(theirs, code, ANOTHER)
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.confirm(mine, code)

    async def test_a_code_confirms_an_address_once(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        email = an_address()
        await auth_gateway.sign_up(email, PASSWORD)
        code = await auth_office.code(email, "confirmation")
        session = await auth_gateway.confirm(email, code)
        assert session.account.confirmed
        assert (await auth_gateway.sign_in(email, PASSWORD)).account.confirmed
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.confirm(email, code)

    async def test_asking_for_a_code_tells_nothing(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        known = (await an_account(auth_gateway, auth_office)).account.email
        for email in (known, an_address("nobody")):
            assert await auth_gateway.send_recovery(email) is None
            assert await auth_gateway.resend_confirmation(email) is None

    async def test_another_password_ends_the_other_sign_ins(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        here = await an_account(auth_gateway, auth_office)
        elsewhere = await auth_gateway.sign_in(here.account.email, PASSWORD)
        principal = await auth_gateway.verify(here.access_token)
        with wrong():
            await auth_gateway.change_password(principal, ANOTHER, "a third password")
        with refused(errors.Invalid, "weak_password"):
            await auth_gateway.change_password(principal, PASSWORD, "short")
        await auth_gateway.change_password(principal, PASSWORD, ANOTHER)
        with expired():
            await auth_gateway.refresh(elsewhere.refresh_token)
        with wrong():
            await auth_gateway.sign_in(here.account.email, PASSWORD)
        await auth_gateway.sign_in(here.account.email, ANOTHER)
        assert (await auth_gateway.refresh(here.refresh_token)).id == here.id

    # ---- accounts that are no more

    async def test_a_closed_account_neither_signs_in_nor_goes_on(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        code = await auth_office.code(session.account.email, "recovery")
        await auth_office.ban(session.account.user_id)
        with wrong():
            await auth_gateway.sign_in(session.account.email, PASSWORD)
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.recover(session.account.email, code, ANOTHER)
        with expired():
            await auth_gateway.refresh(session.refresh_token)

    async def test_a_deleted_account_neither_signs_in_nor_goes_on(
        self, auth_gateway: AuthGateway, auth_office: Office
    ) -> None:
        session = await an_account(auth_gateway, auth_office)
        await auth_office.delete(session.account.user_id)
        with wrong():
            await auth_gateway.sign_in(session.account.email, PASSWORD)
        with expired():
            await auth_gateway.refresh(session.refresh_token)
