"""The accounts of the embedded PostgreSQL, for whoever runs the server and for the platform: made, listed, removed.

There is no mail. Who runs the server makes the codes that prove an address or set a new password, and passes them on.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from insighter_ext.errors import Conflict, Forbidden, NotFound, Unavailable
from insighter_ext.gateways.account_rules import check_email, check_password, read_email
from insighter_ext.gateways.auth import Account, KnownAccount
from insighter_ext.gateways.embedded.passwords import Passwords, code_hash, new_code
from insighter_ext.gateways.embedded.postgres import AUTH_ROLE, EmbeddedPostgres

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    Connection = AsyncConnection[dict[str, Any]]

T = TypeVar("T")
CodeKind = Literal["recovery", "confirmation"]

log = logging.getLogger("insighter.auth")

CODE_MINUTES = 60
CODE_TRIES = 5


class AccountStore:
    """``auth.users`` and what belongs to it, as the database role that has these tables and nothing else.

    It connects when it is first asked.

    Args:
        postgres: the cluster, which is started again when a connection to it is lost.
        database: its name.
        passwords: hashes them; argon2id with the library's parameters where omitted.
    """

    def __init__(self, postgres: EmbeddedPostgres, database: str, passwords: Passwords | None = None) -> None:
        self._postgres = postgres
        self._database = database
        self._passwords = passwords or Passwords()
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def close(self) -> None:
        """Give connections back."""
        self._closed = True
        self._passwords.close()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def create_account(
        self, email: str, display_name: str | None = None, password: str | None = None
    ) -> Account:
        """Make an account for somebody. Its address is taken for proved; without a password a recovery code sets one.

        Raises:
            Conflict: ``account_exists``.
            Invalid: ``invalid_email`` or ``weak_password``.
        """
        address = check_email(email)
        hashed = None if password is None else await self._passwords.hash(check_password(password, address))

        async def work(connection: Connection) -> UUID | None:
            return await insert_account(connection, address, hashed, True, display_name)

        user_id = await self._transact(work)
        if user_id is None:
            raise account_exists()
        return Account(user_id, address, True)

    async def ensure_account(self, email: str, display_name: str | None = None) -> UUID:
        """The account of somebody whom the platform knows in another way, made where it is missing.

        Args:
            email: an address; the platform's own ``…@localhost`` and ``…@….localhost`` are taken too.
            display_name: of a new account.

        Raises:
            Conflict: ``account_unproven``: somebody made an account with the address and did not prove that it is
                theirs.
            Forbidden: ``account_closed``: it is not to be used any more.
        """
        address = check_email(email, reserved=True)

        async def work(connection: Connection) -> dict[str, Any]:
            await insert_account(connection, address, None, True, display_name)
            cursor = await connection.execute(
                """select id, banned_until > now() as banned, deleted_at is not null as deleted,
                     encrypted_password is not null and email_confirmed_at is null as unproven
                   from auth.users where email = %s""",
                [address],
            )
            row = await cursor.fetchone()
            assert row is not None
            return row

        row = await self._transact(work)
        if not is_active(row):
            raise Forbidden(
                f"the account {address} is closed", hint="ask who runs this server", code="account_closed"
            )
        if row["unproven"]:
            raise Conflict(
                f"somebody made an account as {address} and did not prove the address",
                hint="who runs this server removes that account, or confirms it",
                code="account_unproven",
            )
        return UUID(str(row["id"]))

    async def issue_code(self, email: str, kind: CodeKind) -> str:
        """A one-time code for an account, good for an hour; the one before is not good any more.

        It signs in whoever has it: it is handed to the account's owner and to nobody else.

        Raises:
            NotFound: ``account_not_found``.
        """
        address = read_email(email)
        code = new_code()

        async def work(connection: Connection) -> bool:
            cursor = await connection.execute(
                """select id, banned_until > now() as banned, deleted_at is not null as deleted from auth.users
                   where email = %s""",
                [address],
            )
            row = await cursor.fetchone()
            if row is None or not is_active(row):
                return False
            await connection.execute(
                """insert into auth.one_time_tokens (user_id, token_type, token_hash, relates_to)
                   values (%s, %s, %s, %s)
                   on conflict (user_id, token_type) do update set token_hash = excluded.token_hash, attempts = 0,
                     created_at = now(), updated_at = now()""",
                [row["id"], f"{kind}_token", code_hash(row["id"], kind, code), address],
            )
            return True

        if not await self._transact(work):
            raise _account_not_found()
        return code

    async def list_accounts(self) -> list[KnownAccount]:
        """All accounts, by address."""

        async def work(connection: Connection) -> list[dict[str, Any]]:
            cursor = await connection.execute(
                """select id as user_id, coalesce(email, '') as email,
                     raw_user_meta_data ->> 'display_name' as display_name,
                     email_confirmed_at is not null as confirmed, encrypted_password is not null as has_password,
                     created_at, last_sign_in_at
                   from auth.users where deleted_at is null order by email"""
            )
            return await cursor.fetchall()

        return [KnownAccount(**row) for row in await self._transact(work)]

    async def delete_account(self, user_id: UUID) -> None:
        """Remove an account with its sign-ins and memberships.

        Raises:
            Conflict: ``owns_projects``: they are deleted or handed over first.
            NotFound: ``account_not_found``.
        """
        import psycopg

        async def work(connection: Connection) -> int:
            return (await connection.execute("delete from auth.users where id = %s", [user_id])).rowcount

        try:
            deleted = await self._transact(work)
        except psycopg.errors.ForeignKeyViolation as error:
            raise Conflict(
                "the account owns projects",
                hint="delete them, or transfer them to another member, and try again",
                code="owns_projects",
            ) from error
        if not deleted:
            raise _account_not_found()

    async def _transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something in one transaction; once more where the connection was lost before it could be committed."""
        import psycopg
        import psycopg_pool

        for attempt in range(2):
            committing = False
            try:
                pool = await self._opened()
                async with pool.connection() as connection, connection.transaction():
                    answer = await work(connection)
                    committing = True
                return answer
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout) as error:
                if committing:
                    raise Unavailable(
                        "the database was lost while it saved the change; it may be saved or not",
                        hint="try to sign in",
                    ) from error
                log.warning("the connection to the accounts was lost (attempt %d): %s", attempt + 1, error)
                await asyncio.to_thread(self._postgres.ensure_running)
                if self._pool is not None:
                    await self._pool.check()
        raise Unavailable("the database does not answer", hint="try again in a moment")

    async def _opened(self) -> AsyncConnectionPool[Any]:
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        async with self._opening:
            if self._closed:
                raise Unavailable("the platform is not started")
            if self._pool is None:
                self._pool = AsyncConnectionPool(
                    kwargs={
                        **self._postgres.conninfo(AUTH_ROLE, self._database),
                        "autocommit": True,
                        "row_factory": dict_row,
                        # Some of Supabase's columns have no time zone: they are in UTC.
                        "options": "-c timezone=UTC -c statement_timeout=15s",
                    },
                    min_size=0,
                    max_size=4,
                    open=False,
                    timeout=20,
                    reconnect_timeout=5,
                    num_workers=1,
                )
                await self._pool.open()
            return self._pool


async def insert_account(
    connection: Connection, address: str, hashed: str | None, confirmed: bool, display_name: str | None
) -> UUID | None:
    """A new account; None where the address has one."""
    from psycopg.types.json import Jsonb

    # Neither a zero nor half of a surrogate pair is a text to PostgreSQL.
    name = (display_name or "").replace("\0", "").encode("utf-8", "replace").decode()[:200]
    about = {"display_name": name} if name else {}
    cursor = await connection.execute(
        """insert into auth.users (email, encrypted_password, aud, role, email_confirmed_at, raw_user_meta_data,
             raw_app_meta_data)
           values (%s, %s, 'authenticated', 'authenticated', case when %s then now() end, %s, %s)
           on conflict (email) do nothing returning id""",
        [address, hashed, confirmed, Jsonb(about), Jsonb({"provider": "email", "providers": ["email"]})],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    user_id = UUID(str(row["id"]))
    await connection.execute(
        """insert into auth.identities (provider_id, provider, user_id, identity_data)
           values (%s, 'email', %s, %s)""",
        [str(user_id), user_id, Jsonb({"sub": str(user_id), "email": address, "email_verified": confirmed})],
    )
    return user_id


async def redeem_code(connection: Connection, address: str, kind: CodeKind, code: str) -> UUID | None:
    """Use a code up. A wrong one counts, and after a few there is no code to be guessed any more."""
    cursor = await connection.execute(
        """select t.id, t.user_id, t.token_hash, t.attempts,
             u.banned_until > now() as banned, u.deleted_at is not null as deleted,
             t.created_at > now() - make_interval(mins => %s) as current
           from auth.users u join auth.one_time_tokens t on t.user_id = u.id
           where u.email = %s and t.token_type = %s for update of t""",
        [CODE_MINUTES, address, f"{kind}_token"],
    )
    row = await cursor.fetchone()
    if row is None or not is_active(row):
        return None
    right = hmac.compare_digest(row["token_hash"], code_hash(row["user_id"], kind, code))
    if right and row["current"]:
        await connection.execute("delete from auth.one_time_tokens where id = %s", [row["id"]])
        return UUID(str(row["user_id"]))
    # Not waiting for the disk here, or how long a refusal takes would tell that the account waits for a code.
    await connection.execute("set local synchronous_commit = off")
    if row["attempts"] + 1 >= CODE_TRIES or not row["current"]:
        await connection.execute("delete from auth.one_time_tokens where id = %s", [row["id"]])
    else:
        await connection.execute(
            "update auth.one_time_tokens set attempts = attempts + 1, updated_at = now() where id = %s",
            [row["id"]],
        )
    return None


def is_active(row: dict[str, Any]) -> bool:
    """Whether an account may sign in: it is neither ``banned`` nor ``deleted``."""
    return not row["banned"] and not row["deleted"]


def account_of(row: dict[str, Any] | None) -> Account:
    """An account by its ``id``, ``email`` and ``email_confirmed_at``."""
    assert row is not None
    return Account(UUID(str(row["id"])), row["email"] or "", row["email_confirmed_at"] is not None)


def account_exists() -> Conflict:
    """The answer to a sign-up with an address that has an account. Where no mail is sent there is no hiding it."""
    return Conflict("this address has an account", hint="sign in with it", code="account_exists")


def _account_not_found() -> NotFound:
    return NotFound(
        "there is no such account", hint="`insighter accounts list` shows all", code="account_not_found"
    )
