"""Embedded accounts: signing in, what is kept of it, and what those find who try to get in without."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import argon2
import psycopg
import pytest
import pytest_asyncio

from insighter_ext import errors
from insighter_ext.gateways.embedded.accounts import CODE_TRIES
from insighter_ext.gateways.embedded.auth import MOST_SESSIONS, EmbeddedAuthGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.passwords import Passwords, secret_hash
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from insighter_ext.gateways.embedded.signing import SigningKey
from insighter_ext.principal import Principal
from tests.contract.auth import ANOTHER, PASSWORD, AuthContract, an_address, expired, refused, wrong
from tests.database.conftest import Database, Person

TABLES = ("users", "identities", "sessions", "refresh_tokens", "one_time_tokens")


class Operator:
    """Who runs the server."""

    def __init__(self, gateway: EmbeddedAuthGateway, database: Database) -> None:
        self._gateway = gateway
        self._database = database

    async def code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        return await self._gateway.issue_code(email, kind)

    async def ban(self, user_id: UUID) -> None:
        self._database.superuser(
            "update auth.users set banned_until = now() + interval '1 day' where id = %s", user_id
        )

    async def delete(self, user_id: UUID) -> None:
        await self._gateway.delete_account(user_id)


def quick() -> argon2.PasswordHasher:
    """Real hashes, made quickly: what is tested here does not depend on how slow they are."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest_asyncio.fixture
async def auth_gateway(
    cluster: EmbeddedPostgres, database: Database, keys: Path
) -> AsyncIterator[EmbeddedAuthGateway]:
    name = database.superuser("select current_database()")[0][0]
    gateway = EmbeddedAuthGateway(cluster, name, keys, Passwords(quick()))
    yield gateway
    await gateway.close()


@pytest.fixture
def auth_office(auth_gateway: EmbeddedAuthGateway, database: Database) -> Operator:
    return Operator(auth_gateway, database)


class TestEmbedded(AuthContract):
    """The suite that all adapters pass."""


def sessions(database: Database, user_id: UUID) -> list[UUID]:
    return [row[0] for row in database.superuser("select id from auth.sessions where user_id = %s", user_id)]


async def signed_up(gateway: EmbeddedAuthGateway, email: str | None = None, **options: Any) -> Any:
    session = await gateway.sign_up(email or an_address(), PASSWORD, **options)
    assert session is not None
    return session


# ---- what is kept ----------------------------------------------------------------------------------------------------


async def test_nothing_secret_is_kept_in_clear(auth_gateway: EmbeddedAuthGateway, database: Database) -> None:
    session = await signed_up(auth_gateway)
    later = await auth_gateway.refresh(session.refresh_token)
    code = await auth_gateway.issue_code(session.account.email, "recovery")
    kept = " ".join(
        row[0] for table in TABLES for row in database.superuser(f"select t::text from auth.{table} t")
    )
    for secret in (
        PASSWORD,
        code,
        code.replace("-", ""),
        session.refresh_token,
        later.refresh_token,
        session.access_token,
        later.access_token,
    ):
        assert secret not in kept
    assert "$argon2id$" in kept


async def test_an_answer_that_is_refused_is_logged_without_the_secret(
    auth_gateway: EmbeddedAuthGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = await signed_up(auth_gateway)
    await auth_gateway.refresh(session.refresh_token)
    with expired():
        await auth_gateway.refresh(session.refresh_token)
    with expired():
        await auth_gateway.verify(session.access_token + "x")
    with wrong():
        await auth_gateway.sign_in(session.account.email, "not the password")
    assert "used before" in caplog.text
    assert "access token was refused" in caplog.text
    for secret in (session.refresh_token, session.access_token, "not the password", PASSWORD):
        assert secret not in caplog.text


async def test_a_sign_in_is_a_row_that_goes_with_it(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    """Requests ask for this row: whatever ends a sign-in has to end the row."""
    first = await signed_up(auth_gateway)
    user = first.account.user_id
    second = await auth_gateway.sign_in(first.account.email, PASSWORD)
    assert set(sessions(database, user)) == {first.id, second.id}

    await auth_gateway.change_password(await auth_gateway.verify(second.access_token), PASSWORD, ANOTHER)
    assert sessions(database, user) == [second.id]

    third = await auth_gateway.refresh(second.refresh_token)
    assert sessions(database, user) == [third.id] == [second.id]
    with expired():  # at once: it was used before, by whomever
        await auth_gateway.refresh(second.refresh_token)
    assert sessions(database, user) == []

    fourth = await auth_gateway.sign_in(first.account.email, ANOTHER)
    await auth_gateway.sign_out(await auth_gateway.verify(fourth.access_token))
    assert sessions(database, user) == []

    await auth_gateway.sign_in(first.account.email, ANOTHER)
    code = await auth_gateway.issue_code(first.account.email, "recovery")
    fifth = await auth_gateway.recover(first.account.email, code, PASSWORD)
    assert sessions(database, user) == [fifth.id]


async def test_nobody_signs_somebody_else_out(auth_gateway: EmbeddedAuthGateway, database: Database) -> None:
    mine, theirs = await signed_up(auth_gateway), await signed_up(auth_gateway)
    await auth_gateway.sign_out(Principal(mine.account.user_id, session_id=theirs.id))
    assert sessions(database, theirs.account.user_id) == [theirs.id]


async def test_a_sign_in_that_nobody_uses_ends(auth_gateway: EmbeddedAuthGateway, database: Database) -> None:
    session = await signed_up(auth_gateway)
    database.superuser(
        "update auth.sessions set not_after = now() - interval '1 s' where id = %s", session.id
    )
    with expired():
        await auth_gateway.refresh(session.refresh_token)
    assert sessions(database, session.account.user_id) == []


async def test_a_program_that_signs_in_for_every_run_leaves_no_end_of_sign_ins(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    first = await signed_up(auth_gateway)
    user = first.account.user_id
    database.superuser(
        "insert into auth.sessions (user_id, created_at) select %s, now() + i * interval '1 ms'"
        " from generate_series(1, %s) i",
        user,
        MOST_SESSIONS + 20,
    )
    last = await auth_gateway.sign_in(first.account.email, PASSWORD)
    kept = sessions(database, user)
    assert len(kept) == MOST_SESSIONS
    assert last.id in kept and first.id not in kept
    assert (await auth_gateway.refresh(last.refresh_token)).id == last.id


async def test_two_servers_that_exchange_one_token_end_its_session(
    auth_gateway: EmbeddedAuthGateway, cluster: EmbeddedPostgres, database: Database, keys: Path
) -> None:
    """One of them is not who it says it is. Neither server knows of the other: the database tells."""
    name = database.superuser("select current_database()")[0][0]
    other = EmbeddedAuthGateway(cluster, name, keys, Passwords(quick()))
    try:
        session = await signed_up(auth_gateway)
        answers = await asyncio.gather(
            auth_gateway.refresh(session.refresh_token),
            other.refresh(session.refresh_token),
            return_exceptions=True,
        )
        assert sorted(isinstance(answer, errors.Unauthenticated) for answer in answers) == [False, True]
        assert sessions(database, session.account.user_id) == []
    finally:
        await other.close()


# ---- accounts --------------------------------------------------------------------------------------------------------


async def test_without_mail_a_new_account_is_signed_in_and_not_confirmed(
    auth_gateway: EmbeddedAuthGateway,
) -> None:
    assert not (await signed_up(auth_gateway)).account.confirmed
    assert (await signed_up(auth_gateway, confirmed=True)).account.confirmed


@pytest.mark.parametrize(
    "email",
    [
        "owner@localhost",
        "Ann@LOCALHOST",
        "ann@hub.localhost",
        "ann@example",
        "ann@-example.org",
        "ann..b@example.org",
        ".ann@example.org",
        "ann@example.org\n",
        "ann\0@example.org",
        "ann@exämple.org",
        "аnn@example.org",
        "a" * 65 + "@example.org",
        "ann@" + "a." * 130 + "org",
        "ann@example.org,bob@example.org",
        '"ann b"@example.org',
    ],
    ids=range(15),
)
async def test_addresses_that_nobody_can_take(auth_gateway: EmbeddedAuthGateway, email: str) -> None:
    if email.endswith("\n"):
        assert (await signed_up(auth_gateway, f"{uuid4().hex}@example.org ")).account.email[-1] == "g"
    with refused(errors.Invalid, "invalid_email"):
        await auth_gateway.sign_up(email, PASSWORD)
    with wrong():
        await auth_gateway.sign_in(email, PASSWORD)


async def test_passwords_that_are_tried_first(auth_gateway: EmbeddedAuthGateway) -> None:
    email = an_address("somebody")
    for password in (
        email,
        email.upper(),
        email.split("@")[0],
        "a" * 20,
        "x" * 201,
        "\ud800abcdefgh",
        "ﷺ" * 60,
    ):
        with refused(errors.Invalid, "weak_password"):
            await auth_gateway.sign_up(email, password)


async def test_a_password_is_the_same_on_every_keyboard(auth_gateway: EmbeddedAuthGateway) -> None:
    email = an_address()
    await auth_gateway.sign_up(email, "Größenwahn")
    await auth_gateway.sign_in(email, "Gro\u0308ßenwahn")
    for other in ("Grossenwahn", "größenwahn", "Größenwahn\0", "\ud800"):
        with wrong():
            await auth_gateway.sign_in(email, other)


async def test_the_longest_password_counts_to_its_end(auth_gateway: EmbeddedAuthGateway) -> None:
    email = an_address()
    password = "0123456789" * 20
    await auth_gateway.sign_up(email, password)
    await auth_gateway.sign_in(email, password)
    for other in (password[:-1], password + "0", password[:72], password * 100):
        with wrong():
            await auth_gateway.sign_in(email, other)


async def test_whom_the_platform_knows_has_one_account(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    email = f"{uuid4().hex}@hub.localhost"
    found = await asyncio.gather(*(auth_gateway.ensure_account(email, "Bob <b>") for _ in range(5)))
    assert len(set(found)) == 1
    with wrong():
        await auth_gateway.sign_in(email, "")
    profile = database.superuser("select display_name from insighter.profiles where user_id = %s", found[0])
    assert profile == [("Bob <b>",)]


@pytest.mark.parametrize("name", ["\0", "a\0b", "\ud800", "x" * 5000, "\u202e", "''; --"], ids=range(6))
async def test_an_account_is_made_whatever_somebody_is_called(
    auth_gateway: EmbeddedAuthGateway, database: Database, name: str
) -> None:
    user = (await auth_gateway.create_account(an_address("someone"), name)).user_id
    shown = database.superuser("select display_name from insighter.profiles where user_id = %s", user)[0][0]
    assert shown and len(shown) <= 200


async def test_an_account_that_was_made_in_wait_for_somebody_is_not_theirs(
    auth_gateway: EmbeddedAuthGateway,
) -> None:
    squatted = an_address()
    await auth_gateway.sign_up(squatted, PASSWORD)
    with refused(errors.Conflict, "account_unproven"):
        await auth_gateway.ensure_account(squatted, "Ann")
    proven = an_address()
    session = await signed_up(auth_gateway, proven, confirmed=True)
    assert await auth_gateway.ensure_account(proven, "Ann") == session.account.user_id


async def test_a_closed_account_is_not_opened_again(
    auth_gateway: EmbeddedAuthGateway, auth_office: Operator
) -> None:
    email = an_address()
    await auth_office.ban(await auth_gateway.ensure_account(email, "Ann"))
    with refused(errors.Forbidden, "account_closed"):
        await auth_gateway.ensure_account(email, "Ann")
    with refused(errors.NotFound, "account_not_found"):
        await auth_gateway.issue_code(email, "recovery")


async def test_who_runs_the_server_makes_lists_and_removes_accounts(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    email = an_address()
    account = await auth_gateway.create_account(email.upper(), "Ann")
    with refused(errors.Conflict, "account_exists"):
        await auth_gateway.create_account(email)
    listed = {row.user_id: row for row in await auth_gateway.list_accounts()}[account.user_id]
    assert (listed.email, listed.display_name, listed.confirmed, listed.has_password) == (
        email,
        "Ann",
        True,
        False,
    )
    code = await auth_gateway.issue_code(email, "recovery")
    session = await auth_gateway.recover(email, code, PASSWORD)
    assert session.account.user_id == account.user_id
    await auth_gateway.delete_account(account.user_id)
    for table in TABLES[1:]:
        key = "user_id::text"
        assert not database.superuser(f"select from auth.{table} where {key} = %s", str(account.user_id)), (
            table
        )
    with refused(errors.NotFound, "account_not_found"):
        await auth_gateway.delete_account(account.user_id)
    with refused(errors.NotFound, "account_not_found"):
        await auth_gateway.issue_code(email, "recovery")


async def test_an_account_that_owns_projects_stays(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    session = await signed_up(auth_gateway)
    database.superuser(
        "insert into insighter.projects (slug, name, created_by) values (%s, 'Mine', %s)",
        uuid4().hex,
        session.account.user_id,
    )
    with refused(errors.Conflict, "owns_projects"):
        await auth_gateway.delete_account(session.account.user_id)
    await auth_gateway.sign_in(session.account.email, PASSWORD)


@pytest.mark.parametrize("way", ["sign-up", "confirm", "recover", "operator"])
async def test_whoever_was_invited_joins_when_the_address_is_proved(
    auth_gateway: EmbeddedAuthGateway, database: Database, way: str
) -> None:
    owner = database.person("owner")
    project = owner.call("projects_create", name=f"Shared {uuid4().hex}")["id"]
    email = an_address("guest")
    code_hash = secret_hash(uuid4().hex)
    owner.call("invitations_create", email=email, role="editor", code_hash=code_hash, project_id=project)
    if way == "sign-up":
        user = (await signed_up(auth_gateway, email, confirmed=True)).account.user_id
    elif way == "operator":
        user = (await auth_gateway.create_account(email)).user_id
    else:
        user = (await signed_up(auth_gateway, email)).account.user_id
    query = "select role::text from insighter.members where project_id = %s and user_id = %s"
    if way in ("confirm", "recover"):
        assert database.superuser(query, project, user) == []  # anybody could have typed the address
        if way == "confirm":
            await auth_gateway.confirm(email, await auth_gateway.issue_code(email, "confirmation"))
        else:
            await auth_gateway.recover(email, await auth_gateway.issue_code(email, "recovery"), ANOTHER)
    assert database.superuser(query, project, user) == [("editor",)]


async def test_an_account_goes_with_its_memberships_and_leaves_what_others_own(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    owner = database.person("owner")
    project = owner.call("projects_create", name=f"Shared {uuid4().hex}")["id"]
    user = (await signed_up(auth_gateway)).account.user_id
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'admin')", project, user
    )
    Person(database, user).call("experiments_create", project_id=project, name="Mine")
    await auth_gateway.delete_account(user)
    assert not database.superuser("select from insighter.members where user_id = %s", user)
    assert not database.superuser("select from insighter.profiles where user_id = %s", user)
    assert database.superuser(
        "select count(*) from insighter.experiments where project_id = %s and name = 'Mine'", project
    ) == [(1,)]


# ---- codes -----------------------------------------------------------------------------------------------------------


async def test_a_code_cannot_be_found_by_trying(auth_gateway: EmbeddedAuthGateway) -> None:
    email = (await signed_up(auth_gateway)).account.email
    code = await auth_gateway.issue_code(email, "recovery")
    for _ in range(CODE_TRIES):
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.recover(email, "0000-0000-0000", ANOTHER)
    with refused(errors.Invalid, "code_invalid"):
        await auth_gateway.recover(email, code, ANOTHER)
    code = await auth_gateway.issue_code(email, "recovery")
    for _ in range(CODE_TRIES - 1):
        with refused(errors.Invalid, "code_invalid"):
            await auth_gateway.recover(email, "0000-0000-0000", ANOTHER)
    await auth_gateway.recover(email, code, ANOTHER)


async def test_trying_codes_all_at_once_gives_no_more_tries(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    email = (await signed_up(auth_gateway)).account.email
    code = await auth_gateway.issue_code(email, "confirmation")
    tries = [f"{number:04}-0000-0000" for number in range(20)]
    await asyncio.gather(*(auth_gateway.confirm(email, wrong) for wrong in tries), return_exceptions=True)
    with refused(errors.Invalid, "code_invalid"):
        await auth_gateway.confirm(email, code)


async def test_a_code_is_used_once_though_two_use_it_at_once(auth_gateway: EmbeddedAuthGateway) -> None:
    email = (await signed_up(auth_gateway)).account.email
    code = await auth_gateway.issue_code(email, "recovery")
    answers = await asyncio.gather(
        *(auth_gateway.recover(email, code, ANOTHER) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_a_code_is_good_for_an_hour_and_until_the_next(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    session = await signed_up(auth_gateway)
    email, user = session.account.email, session.account.user_id
    first = await auth_gateway.issue_code(email, "recovery")
    second = await auth_gateway.issue_code(email, "recovery")
    with refused(errors.Invalid, "code_invalid"):
        await auth_gateway.recover(email, first, ANOTHER)
    age = "update auth.one_time_tokens set created_at = created_at - interval '{}' where user_id = %s"
    database.superuser(age.format("58 min"), user)
    await auth_gateway.recover(email, second, ANOTHER)
    third = await auth_gateway.issue_code(email, "recovery")
    database.superuser(age.format("61 min"), user)
    with refused(errors.Invalid, "code_invalid"):
        await auth_gateway.recover(email, third, ANOTHER)


async def test_a_code_can_be_typed_as_it_is_read(auth_gateway: EmbeddedAuthGateway) -> None:
    email = (await signed_up(auth_gateway)).account.email
    for change in (
        str.lower,
        lambda code: code.replace("-", " "),
        lambda code: code.replace("0", "o").replace("1", "l"),
    ):
        code = await auth_gateway.issue_code(email, "confirmation")
        await auth_gateway.confirm(email, f" {change(code)} ")


async def test_another_password_takes_codes_away(auth_gateway: EmbeddedAuthGateway) -> None:
    session = await signed_up(auth_gateway)
    code = await auth_gateway.issue_code(session.account.email, "recovery")
    await auth_gateway.change_password(await auth_gateway.verify(session.access_token), PASSWORD, ANOTHER)
    with refused(errors.Invalid, "code_invalid"):
        await auth_gateway.recover(session.account.email, code, PASSWORD)


async def test_only_a_person_changes_the_password(auth_gateway: EmbeddedAuthGateway) -> None:
    user = (await signed_up(auth_gateway)).account.user_id
    for principal in (
        Principal(user, kind="kernel", project_id=uuid4()),
        Principal(user, kind="token"),
        Principal(user, project_id=uuid4()),
        Principal(user, ceiling="owner"),
    ):
        with pytest.raises(errors.Forbidden):
            await auth_gateway.change_password(principal, PASSWORD, ANOTHER)


# ---- hashing ---------------------------------------------------------------------------------------------------------


class Watched(argon2.PasswordHasher):
    """Notes which parameters each comparison works with, and how many go on at a time."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.compared: list[tuple[int, int, int]] = []
        self.now = self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        found = argon2.extract_parameters(hash if isinstance(hash, str) else hash.decode())
        self.compared.append((found.time_cost, found.memory_cost, found.parallelism))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return super().verify(hash, password)
        finally:
            self.now -= 1


@pytest_asyncio.fixture
async def watched(
    cluster: EmbeddedPostgres, database: Database, keys: Path
) -> AsyncIterator[tuple[EmbeddedAuthGateway, Watched]]:
    name = database.superuser("select current_database()")[0][0]
    hasher = Watched()
    gateway = EmbeddedAuthGateway(cluster, name, keys, Passwords(hasher))
    yield gateway, hasher
    await gateway.close()


async def test_an_unknown_address_takes_the_same_work(
    watched: tuple[EmbeddedAuthGateway, Watched], database: Database
) -> None:
    gateway, hasher = watched
    known, closed, without = an_address(), an_address(), an_address()
    await gateway.sign_up(known, PASSWORD)
    session = await signed_up(gateway, closed)
    await gateway.create_account(without)
    database.superuser("update auth.users set deleted_at = now() where id = %s", session.account.user_id)
    work = []
    for email, password in (
        (known, ANOTHER),
        (an_address("nobody"), PASSWORD),
        (closed, PASSWORD),
        (without, PASSWORD),
        ("no address at all", PASSWORD),
        (known, "x" * 100_000),
        (an_address("nobody"), "x" * 100_000),
    ):
        hasher.compared.clear()
        with wrong():
            await gateway.sign_in(email, password)
        work.append(list(hasher.compared))
    assert work == [[(hasher.time_cost, hasher.memory_cost, hasher.parallelism)]] * 7


async def test_hashes_are_made_as_the_library_advises(
    database: Database, cluster: EmbeddedPostgres, keys: Path
) -> None:
    name = database.superuser("select current_database()")[0][0]
    gateway = EmbeddedAuthGateway(cluster, name, keys)
    try:
        user = (await signed_up(gateway)).account.user_id
    finally:
        await gateway.close()
    kept = database.superuser("select encrypted_password from auth.users where id = %s", user)[0][0]
    assert argon2.extract_parameters(kept) == argon2.profiles.RFC_9106_LOW_MEMORY


async def test_only_two_are_compared_at_a_time_and_a_crowd_is_told_to_wait() -> None:
    hasher = Watched(time_cost=2, memory_cost=4096, parallelism=1)
    passwords = Passwords(hasher)
    crowd = await asyncio.gather(
        *(passwords.verify(None, "guess") for _ in range(80)), return_exceptions=True
    )
    told = [answer for answer in crowd if isinstance(answer, errors.TooMany)]
    assert hasher.most <= 2
    assert len(told) == 30
    assert told[0].details == {"retry_after": 5}
    assert await passwords.verify(None, "guess") == (False, None)
    passwords.close()


async def test_a_hash_of_before_is_made_anew_when_its_owner_signs_in(
    auth_gateway: EmbeddedAuthGateway, watched: tuple[EmbeddedAuthGateway, Watched], database: Database
) -> None:
    session = await signed_up(auth_gateway)
    query = "select encrypted_password from auth.users where id = %s"
    before = database.superuser(query, session.account.user_id)[0][0]
    gateway, hasher = watched
    with wrong():
        await gateway.sign_in(session.account.email, ANOTHER)
    assert database.superuser(query, session.account.user_id)[0][0] == before
    await gateway.sign_in(session.account.email, PASSWORD)
    after = database.superuser(query, session.account.user_id)[0][0]
    assert not hasher.check_needs_rehash(after) and hasher.check_needs_rehash(before)
    await gateway.sign_in(session.account.email, PASSWORD)


class Slow(Passwords):
    """Lets something happen between comparing a password and signing in."""

    meanwhile: Any = None

    async def verify(self, stored: str | None, password: str) -> tuple[bool, str | None]:
        answer = await super().verify(stored, password)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return answer


async def test_a_password_that_was_changed_meanwhile_signs_nobody_in(
    auth_gateway: EmbeddedAuthGateway, cluster: EmbeddedPostgres, database: Database, keys: Path
) -> None:
    """Who knows the old password must not slip in while its owner locks them out."""
    name = database.superuser("select current_database()")[0][0]
    passwords = Slow(quick())
    thief = EmbeddedAuthGateway(cluster, name, keys, passwords)
    try:
        owner = await signed_up(auth_gateway)
        principal = await auth_gateway.verify(owner.access_token)
        passwords.meanwhile = lambda: auth_gateway.change_password(principal, PASSWORD, ANOTHER)
        with wrong():
            await thief.sign_in(owner.account.email, PASSWORD)
        assert sessions(database, owner.account.user_id) == [owner.id]

        async def ban() -> None:
            database.superuser(
                "update auth.users set banned_until = 'infinity' where id = %s", principal.user_id
            )

        passwords.meanwhile = ban
        with wrong():
            await thief.sign_in(owner.account.email, ANOTHER)
    finally:
        await thief.close()


@pytest.mark.parametrize("way", ["change", "recover"])
async def test_a_sign_in_that_is_on_its_way_ends_with_its_password(
    auth_gateway: EmbeddedAuthGateway, cluster: EmbeddedPostgres, database: Database, way: str
) -> None:
    """Somebody with the old password is just signing in, on another server, while the owner locks them out."""
    name = database.superuser("select current_database()")[0][0]
    owner = await signed_up(auth_gateway)
    user, email = owner.account.user_id, owner.account.email
    code = await auth_gateway.issue_code(email, "recovery")
    with psycopg.connect(**cluster.conninfo(database=name)) as thief:
        thief.execute("update auth.users set last_sign_in_at = now() where id = %s", [user])
        made = thief.execute(
            "insert into auth.sessions (user_id) values (%s) returning id", [user]
        ).fetchone()
        if way == "change":
            principal = await auth_gateway.verify(owner.access_token)
            lock_out: Any = auth_gateway.change_password(principal, PASSWORD, ANOTHER)
        else:
            lock_out = auth_gateway.recover(email, code, ANOTHER)
        locking = asyncio.ensure_future(lock_out)
        query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = %s"
        while not database.superuser(query, AUTH_ROLE)[0][0]:
            assert not locking.done()
            await asyncio.sleep(0.01)
        thief.commit()
    await locking
    assert made is not None and made[0] not in sessions(database, user)
    assert len(sessions(database, user)) == 1


# ---- the key ---------------------------------------------------------------------------------------------------------


def modes(folder: Path) -> list[str]:
    return [oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.iterdir())]


async def test_the_key_is_its_owners_alone(auth_gateway: EmbeddedAuthGateway, keys: Path) -> None:
    session = await signed_up(auth_gateway)
    assert modes(keys) == ["0o700", "0o600"]
    published = await auth_gateway.jwks()
    assert [sorted(key) for key in published["keys"]] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]
    assert (await auth_gateway.verify(session.access_token)).session_id == session.id


def test_servers_that_start_at_once_agree_on_a_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from insighter_ext.gateways.embedded.signing import SigningKey;"
        " print(SigningKey.load(pathlib.Path(sys.argv[1])).key_id)"
    )
    servers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "keys")], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {server.communicate(timeout=60)[0] for server in servers}
    assert len(answers) == 1 and answers != {b""}
    assert len(list((tmp_path / "keys").iterdir())) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    SigningKey.load(tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(mode)
    with pytest.raises(errors.Unavailable, match="others") as refusal:
        SigningKey.load(tmp_path)
    assert "remove the file" in str(refusal.value.hint)


def test_what_is_no_key_is_not_used(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    SigningKey.load(tmp_path)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for content in (b"", b"garbage", good[: len(good) // 2], other):
        file.write_bytes(content)
        with pytest.raises(errors.Unavailable):
            SigningKey.load(tmp_path)
    elsewhere = tmp_path.parent / "elsewhere.pem"
    elsewhere.write_bytes(good)
    elsewhere.chmod(0o600)
    file.unlink()
    file.symlink_to(elsewhere)
    with pytest.raises(errors.Unavailable):
        SigningKey.load(tmp_path)


async def test_another_key_refuses_what_was_signed_before(
    auth_gateway: EmbeddedAuthGateway, cluster: EmbeddedPostgres, tmp_path: Path
) -> None:
    session = await signed_up(auth_gateway)
    other = EmbeddedAuthGateway(cluster, "unused", tmp_path / "other")
    with expired():
        await other.verify(session.access_token)
    await other.close()


# ---- the database ----------------------------------------------------------------------------------------------------


async def test_it_connects_when_somebody_signs_in(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    query = "select count(*) from pg_stat_activity where usename = %s and datname = current_database()"
    with expired():
        await auth_gateway.verify("a.b.c")
    assert database.superuser(query, AUTH_ROLE)[0][0] == 0
    await signed_up(auth_gateway)
    assert database.superuser(query, AUTH_ROLE)[0][0] == 1


async def test_it_survives_the_loss_of_its_connections(
    auth_gateway: EmbeddedAuthGateway, database: Database
) -> None:
    session = await signed_up(auth_gateway)
    database.superuser("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", AUTH_ROLE)
    await asyncio.sleep(0.1)
    assert (await auth_gateway.refresh(session.refresh_token)).id == session.id


@pytest.fixture
def own_cluster() -> Iterator[EmbeddedPostgres]:
    """A cluster for one test alone, to be stopped."""
    directory = Path(tempfile.mkdtemp(prefix="ixa-"))
    postgres = EmbeddedPostgres(directory / "postgres")
    try:
        postgres.acquire()
        yield postgres
    finally:
        postgres.release()
        shutil.rmtree(directory, ignore_errors=True)


async def test_it_starts_a_database_that_is_gone(own_cluster: EmbeddedPostgres, keys: Path) -> None:
    create_database(own_cluster.conninfo(), "gone")
    passwords = own_cluster.password(API_ROLE), own_cluster.password(AUTH_ROLE)
    migrate(own_cluster.conninfo(database="gone"), *passwords)
    gateway = EmbeddedAuthGateway(own_cluster, "gone", keys, Passwords(quick()))
    try:
        session = await signed_up(gateway)
        os.kill(int((own_cluster.data / "postmaster.pid").read_text().splitlines()[0]), 9)
        await asyncio.sleep(0.5)
        assert (await gateway.sign_in(session.account.email, PASSWORD)).account == session.account
    finally:
        await gateway.close()


def test_who_signs_people_in_has_the_accounts_and_nothing_else(
    cluster: EmbeddedPostgres, database: Database
) -> None:
    name = database.superuser("select current_database()")[0][0]
    with psycopg.connect(**cluster.conninfo(AUTH_ROLE, name), autocommit=True) as connection:
        connection.execute("select count(*) from auth.users")
        for statement in (
            "select * from insighter.projects",
            "select * from insighter.profiles",
            "select * from storage.objects",
            "select * from platform.migrations",
            "select public.projects_list()",
            "set role service_role",
            "set role authenticated",
            "set role postgres",
            "create table public.x ()",
            "create table auth.x ()",
            "truncate auth.users",
            "create role x superuser",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type, unused-ignore]


@pytest.mark.parametrize("table", TABLES)
def test_the_api_does_not_reach_the_accounts(database: Database, table: str) -> None:
    for person in (database.person(), database.anon):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            person.rows(f"select * from auth.{table}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
        database._api.execute(f"select * from auth.{table}")  # type: ignore[arg-type, unused-ignore]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
        database._api.execute("set local role supabase_auth_admin")
