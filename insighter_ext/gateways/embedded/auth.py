"""Accounts on the embedded PostgreSQL: what GoTrue is for a Supabase project, over the same tables.

A sign-in is a row of ``auth.sessions``. Its access token, signed with the platform's own key, is good for an hour; its
refresh token for one exchange, and only its hash is kept. A refresh token that comes a second time was copied by
somebody: the session ends, for the thief and for the owner, who signs in again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from insighter_ext.errors import Forbidden, Invalid, Unauthenticated
from insighter_ext.gateways.account_rules import check_email, check_password, read_email
from insighter_ext.gateways.auth import Account, Session
from insighter_ext.gateways.embedded.accounts import (
    AccountStore,
    account_exists,
    account_of,
    insert_account,
    is_active,
    redeem_code,
)
from insighter_ext.gateways.embedded.passwords import Passwords, secret_hash
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.gateways.embedded.signing import ISSUER, SigningKey
from insighter_ext.gateways.tokens import PublicKeys, TokenVerifier, session_expired
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from insighter_ext.gateways.embedded.accounts import Connection

log = logging.getLogger("insighter.auth")

ACCESS_SECONDS = 3600
IDLE_DAYS = 30
"""a sign-in that was not refreshed for so long is over"""
MOST_SESSIONS = 100
"""of an account at a time; the oldest ends for the next"""


class EmbeddedAuthGateway(AccountStore):
    """Sign-ins; see :class:`insighter_ext.gateways.auth.AuthGateway`, and its parent for what the platform does itself.

    Args:
        postgres: the cluster.
        database: its name.
        keys: the folder of the key that signs access tokens; made where missing.
        passwords: hashes them; argon2id with the library's parameters where omitted.
    """

    sends_mail = False

    def __init__(
        self, postgres: EmbeddedPostgres, database: str, keys: Path, passwords: Passwords | None = None
    ) -> None:
        super().__init__(postgres, database, passwords)
        self._keys = keys
        self._key: SigningKey | None = None
        self._verifier: TokenVerifier | None = None
        self._exchanges: dict[str, asyncio.Task[Session]] = {}

    # ---- signing in

    async def sign_up(
        self, email: str, password: str, *, display_name: str | None = None, confirmed: bool = False
    ) -> Session | None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`. As no mail is sent it signs in at once."""
        address = check_email(email)
        hashed = await self._passwords.hash(check_password(password, address))

        async def work(connection: Connection) -> Session:
            user_id = await insert_account(connection, address, hashed, confirmed, display_name)
            if user_id is None:
                raise account_exists()
            return await self._begin(connection, Account(user_id, address, confirmed))

        return await self._transact(work)

    async def sign_in(self, email: str, password: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        address = read_email(email)

        async def find(connection: Connection) -> dict[str, Any] | None:
            cursor = await connection.execute(
                """select id, encrypted_password, banned_until > now() as banned, deleted_at is not null as deleted
                   from auth.users where email = %s""",
                [address],
            )
            return await cursor.fetchone()

        found = await self._transact(find)
        # A closed account is an unknown one, in what it answers and in what it takes to.
        stored = found["encrypted_password"] if found and is_active(found) else None
        correct, hashed = await self._passwords.verify(stored, password)
        if not correct or found is None:
            raise _invalid_credentials()

        async def work(connection: Connection) -> Session | None:
            # Only with the password that was compared: another may have been set meanwhile, which ends all sign-ins.
            cursor = await connection.execute(
                """update auth.users set last_sign_in_at = now(), encrypted_password = coalesce(%s, %s)
                   where id = %s and encrypted_password = %s
                   returning id, email, email_confirmed_at,
                     banned_until > now() as banned, deleted_at is not null as deleted""",
                [hashed, stored, found["id"], stored],
            )
            user = await cursor.fetchone()
            return await self._begin(connection, account_of(user)) if user and is_active(user) else None

        session = await self._transact(work)
        if session is None:
            raise _invalid_credentials()
        return session

    async def refresh(self, refresh_token: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        token = secret_hash(refresh_token)
        exchange = self._exchanges.get(token)
        if exchange is None:
            exchange = asyncio.ensure_future(self._exchange(token))
            self._exchanges[token] = exchange
            exchange.add_done_callback(lambda done: self._exchanged(token, done))
        # Whoever gives up waiting does not take the answer from the others.
        return await asyncio.shield(exchange)

    async def sign_out(self, principal: Principal) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if principal.session_id is None:
            return

        async def work(connection: Connection) -> None:
            await connection.execute(
                "delete from auth.sessions where id = %s and user_id = %s",
                [principal.session_id, principal.user_id],
            )

        await self._transact(work)

    async def verify(self, token: str) -> Principal:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if self._verifier is None:
            self._verifier = TokenVerifier(ISSUER, PublicKeys((await self._signing_key()).jwks))
        return await self._verifier.verify(token)

    # ---- passwords and codes

    async def send_recovery(self, email: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`. There is no mail: see :meth:`issue_code`."""

    async def resend_confirmation(self, email: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`. There is no mail: see :meth:`issue_code`."""

    async def recover(self, email: str, code: str, password: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        address = read_email(email)
        hashed = await self._passwords.hash(check_password(password, address))

        async def work(connection: Connection) -> Session | None:
            user_id = await redeem_code(connection, address, "recovery", code)
            if user_id is None:
                return None
            # The code came to the address, or by the hand of who knows whose it is.
            cursor = await connection.execute(
                """update auth.users set encrypted_password = %s, updated_at = now(), last_sign_in_at = now(),
                     email_confirmed_at = coalesce(email_confirmed_at, now())
                   where id = %s returning id, email, email_confirmed_at""",
                [hashed, user_id],
            )
            account = account_of(await cursor.fetchone())
            # After the password: who is signing in with the old one meanwhile has to be among them.
            await connection.execute("delete from auth.sessions where user_id = %s", [user_id])
            await connection.execute("delete from auth.one_time_tokens where user_id = %s", [user_id])
            return await self._begin(connection, account)

        return await self._by_code(work)

    async def confirm(self, email: str, code: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        address = read_email(email)

        async def work(connection: Connection) -> Session | None:
            user_id = await redeem_code(connection, address, "confirmation", code)
            if user_id is None:
                return None
            cursor = await connection.execute(
                """update auth.users set email_confirmed_at = coalesce(email_confirmed_at, now()), updated_at = now(),
                     last_sign_in_at = now()
                   where id = %s returning id, email, email_confirmed_at""",
                [user_id],
            )
            return await self._begin(connection, account_of(await cursor.fetchone()))

        return await self._by_code(work)

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if not principal.in_person:
            raise Forbidden("only the person changes the password", hint="sign in yourself")

        async def find(connection: Connection) -> dict[str, Any] | None:
            cursor = await connection.execute(
                """select email, encrypted_password, banned_until > now() as banned, deleted_at is not null as deleted
                   from auth.users where id = %s""",
                [principal.user_id],
            )
            return await cursor.fetchone()

        found = await self._transact(find)
        password = check_password(new, found["email"] if found else "")
        stored = found["encrypted_password"] if found and is_active(found) else None
        correct, _ = await self._passwords.verify(stored, current)
        if not correct:
            raise _invalid_credentials()
        hashed = await self._passwords.hash(password)

        async def work(connection: Connection) -> bool:
            cursor = await connection.execute(
                """update auth.users set encrypted_password = %s, updated_at = now()
                   where id = %s and encrypted_password = %s""",
                [hashed, principal.user_id, stored],
            )
            await connection.execute(
                "delete from auth.sessions where user_id = %s and id is distinct from %s",
                [principal.user_id, principal.session_id],
            )
            await connection.execute(
                "delete from auth.one_time_tokens where user_id = %s", [principal.user_id]
            )
            return cursor.rowcount == 1

        if not await self._transact(work):
            raise _invalid_credentials()

    async def jwks(self) -> dict[str, Any]:
        """The public key that access tokens are verified with, as a JWKS document."""
        return (await self._signing_key()).jwks

    # ---- inside

    async def _begin(self, connection: Connection, account: Account) -> Session:
        """A new sign-in of an account."""
        # Programs that sign in for every run leave no end of them.
        await connection.execute(
            """delete from auth.sessions where user_id = %s and (not_after < now() or id in (
                 select id from auth.sessions where user_id = %s order by created_at desc, id offset %s))""",
            [account.user_id, account.user_id, MOST_SESSIONS - 1],
        )
        cursor = await connection.execute(
            "insert into auth.sessions (user_id, not_after) values (%s, now() + make_interval(days => %s))"
            " returning id",
            [account.user_id, IDLE_DAYS],
        )
        row = await cursor.fetchone()
        assert row is not None
        return await self._issue(connection, row["id"], account, None)

    async def _issue(
        self, connection: Connection, session_id: UUID, account: Account, parent: str | None
    ) -> Session:
        """The next pair of tokens of a sign-in."""
        refresh_token = secrets.token_urlsafe(32)
        await connection.execute(
            "insert into auth.refresh_tokens (token, user_id, session_id, parent) values (%s, %s, %s, %s)",
            [secret_hash(refresh_token), str(account.user_id), session_id, parent],
        )
        principal = Principal(account.user_id, email=account.email, session_id=session_id)
        access_token, expires = (await self._signing_key()).sign(principal.claims, ACCESS_SECONDS)
        return Session(
            session_id, account, access_token, refresh_token, datetime.fromtimestamp(expires, tz=UTC)
        )

    def _exchanged(self, token: str, exchange: asyncio.Task[Session]) -> None:
        self._exchanges.pop(token, None)
        if not exchange.cancelled():
            exchange.exception()  # whoever waited for it has it; if nobody does any more, nobody needs to know

    async def _exchange(self, token: str) -> Session:
        async def work(connection: Connection) -> Session | str:
            cursor = await connection.execute(
                """select t.id as token_id, t.revoked, s.id as session_id, s.not_after < now() as idle,
                     u.id, u.email, u.email_confirmed_at,
                     u.banned_until > now() as banned, u.deleted_at is not null as deleted
                    from auth.refresh_tokens t
                    join auth.sessions s on s.id = t.session_id join auth.users u on u.id = s.user_id
                    where t.token = %s for update of t, s""",
                [token],
            )
            row = await cursor.fetchone()
            if row is None:
                return "it is unknown, or its session is over"
            ended = (
                "it was used before: the session ends"
                if row["revoked"]
                else "the account is closed"
                if not is_active(row)
                else "the session was not used for long"
                if row["idle"]
                else None
            )
            if ended is not None:
                await connection.execute("delete from auth.sessions where id = %s", [row["session_id"]])
                return f"{ended} (account {row['id']})"
            await connection.execute(
                "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s",
                [row["token_id"]],
            )
            await connection.execute(
                """update auth.sessions set refreshed_at = now(), updated_at = now(),
                     not_after = now() + make_interval(days => %s) where id = %s""",
                [IDLE_DAYS, row["session_id"]],
            )
            return await self._issue(connection, row["session_id"], account_of(row), token)

        answer = await self._transact(work)
        if isinstance(answer, str):
            log.info("a refresh token was refused: %s", answer)
            raise session_expired()
        return answer

    async def _by_code(self, work: Callable[[Connection], Awaitable[Session | None]]) -> Session:
        session = await self._transact(work)
        if session is None:
            raise Invalid(
                "this code is wrong, used or too old",
                hint="ask who runs this server for a new one",
                code="code_invalid",
            )
        return session

    async def _signing_key(self) -> SigningKey:
        if self._key is None:
            self._key = await asyncio.to_thread(SigningKey.load, self._keys)
        return self._key


def _invalid_credentials() -> Unauthenticated:
    return Unauthenticated(
        "the address or the password is wrong",
        hint="try again, or ask for a code to set a new password",
        code="invalid_credentials",
    )
