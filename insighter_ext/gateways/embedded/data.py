"""The data gateway on the embedded PostgreSQL: does in one transaction what PostgREST does."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from insighter_ext import errors
from insighter_ext.gateways.database_errors import domain_error
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

log = logging.getLogger("insighter.data")


class EmbeddedDataGateway:
    """Calls functions over a pool of connections as the login role that can become ``authenticated`` and no more.

    Args:
        postgres: the cluster, which is started again when a connection to it is lost.
        database: its name.
        size: most connections at a time.
    """

    def __init__(self, postgres: EmbeddedPostgres, database: str, size: int = 8) -> None:
        self._postgres = postgres
        self._database = database
        self._size = size
        self._pool: AsyncConnectionPool[Any] | None = None
        self._read_only: dict[str, bool] = {}
        self._reviving: asyncio.Lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and learn which functions only read."""
        import psycopg
        import psycopg_pool

        self._pool = psycopg_pool.AsyncConnectionPool(
            kwargs={
                **self._postgres.conninfo(API_ROLE, self._database),
                "autocommit": True,
                # Values are quoted here: with placeholders each statement would be a round trip of its own.
                "cursor_factory": psycopg.AsyncClientCursor,
            },
            min_size=1,
            max_size=self._size,
            open=False,
            timeout=20,
            # After a crash of PostgreSQL connections shall be there when it is, not after a back-off of minutes.
            reconnect_timeout=5,
        )
        await self._pool.open(wait=True)
        await self._learn()

    async def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def call(self, principal: Principal | None, function: str, **arguments: Any) -> Any:
        """See :class:`insighter_ext.gateways.data.DataGateway`."""
        return await self._call(principal, function, arguments, as_text=False)

    async def call_text(self, principal: Principal | None, function: str, **arguments: Any) -> str:
        """See :class:`insighter_ext.gateways.data.DataGateway`."""
        return str(await self._call(principal, function, arguments, as_text=True))

    async def _call(
        self, principal: Principal | None, function: str, arguments: dict[str, Any], *, as_text: bool
    ) -> Any:
        import psycopg
        import psycopg_pool

        for attempt in range(3):
            committing = False

            def before_commit() -> None:
                nonlocal committing
                committing = True

            try:
                return await self._call_once(principal, function, arguments, before_commit, as_text)
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout) as error:
                if getattr(error, "sqlstate", None) == "57014":
                    raise domain_error("57014", str(error), None, None) from error
                if (getattr(error, "sqlstate", None) or "").startswith("40"):
                    # Two changes stood in each other's way, and this one was taken back as a whole, at COMMIT too.
                    log.warning("%s is done again (attempt %d): %s", function, attempt + 1, error)
                    continue
                if committing:
                    raise errors.Unavailable(
                        "the database was lost while it saved the change; it may be saved or not",
                        hint="look whether it is there before you repeat it",
                    ) from error
                # Nothing of the transaction can have been committed: doing it again is safe.
                log.warning(
                    "the database connection was lost in %s (attempt %d): %s", function, attempt + 1, error
                )
                await self._revive()
            except ValueError as error:  # half a character, or a number that JSON does not know
                raise errors.Invalid(f"a value cannot be stored: {error}", hint="change it") from error
            except psycopg.Error as error:
                if error.sqlstate is None:  # refused before it was sent: a NUL character in a text
                    raise errors.Invalid(str(error), hint="remove the character") from error
                diagnosis = error.diag
                raise domain_error(
                    error.sqlstate or "XX000",
                    diagnosis.message_primary or str(error),
                    diagnosis.message_detail,
                    diagnosis.message_hint,
                ) from error
        raise errors.Unavailable("the database does not answer", hint="try again in a moment")

    async def _call_once(
        self,
        principal: Principal | None,
        function: str,
        arguments: dict[str, Any],
        before_commit: Callable[[], None],
        as_text: bool,
    ) -> Any:
        if self._pool is None:
            raise errors.Unavailable("the platform is not started")
        if function not in self._read_only:
            await self._learn()
        read_only = self._read_only.get(function)
        if read_only is None:
            raise errors.Unavailable(
                f"the database has no function {function}",
                hint="its migrations are missing: restart the server",
            )
        role, claims = ("anon", {"role": "anon"}) if principal is None else (principal.role, principal.claims)
        values = {f"p_{name}": _adapt(value) for name, value in arguments.items()}
        values |= {"role": role, "claims": json.dumps(claims)}
        async with self._pool.connection() as connection:
            try:
                cursor = await connection.execute(
                    _statements(function, tuple(arguments), read_only, as_text), values
                )
                cursor.nextset()  # of begin
                cursor.nextset()  # of set_config
                row = await cursor.fetchone()
                if not read_only:
                    before_commit()
                    await connection.execute("commit")
            except BaseException:
                if not connection.broken and not connection.closed:
                    await _shielded(connection.rollback)
                raise
        return row[0] if row else None

    async def _learn(self) -> None:
        assert self._pool is not None
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "select proname, provolatile <> 'v' from pg_proc where pronamespace = 'public'::regnamespace"
            )
            self._read_only = dict(await cursor.fetchall())

    async def _revive(self) -> None:
        async with self._reviving:
            await asyncio.to_thread(self._postgres.ensure_running)
            if self._pool is not None:
                await self._pool.check()


async def _shielded(action: Callable[[], Awaitable[None]]) -> None:
    """Run a clean-up to its end although the request was cancelled, and let nothing of it hide the first error."""
    import psycopg

    try:
        await asyncio.shield(action())
    except psycopg.Error:
        log.debug("roll-back failed", exc_info=True)


@functools.cache
def _statements(function: str, names: tuple[str, ...], read_only: bool, as_text: bool) -> str:
    """What a call sends in one go; a change is committed apart, when its answer is here."""
    from psycopg import sql

    query = sql.SQL(
        "begin {}; select set_config('role', %(role)s, true), set_config('request.jwt.claims', %(claims)s, true); "
        "select public.{}({}){}{}"
    ).format(
        sql.SQL("read only" if read_only else "read write"),
        sql.Identifier(function),
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(f"p_{name}"))
            for name in names
        ),
        sql.SQL("::text" if as_text else ""),
        sql.SQL("; commit" if read_only else ""),
    )
    return query.as_string()


def _adapt(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        from psycopg.types.json import Jsonb

        return Jsonb(value, dumps=_dumps)
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _dumps(value: Any) -> str:
    return json.dumps(value, default=str, allow_nan=False)
