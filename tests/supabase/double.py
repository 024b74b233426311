"""A double of a Supabase project: what supabase-py sends to it, answered over a real PostgreSQL.

PostgREST's part calls the migrated functions as the role that the token names, and reports errors in PostgREST's
shapes; Storage's part asks the policies of ``storage.objects``; GoTrue's part stands on the embedded accounts. It knows
no more of Supabase than that, and is itself no proof that a hosted project answers so: for that there is the emulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from tornado import httpserver, netutil, web

from insighter_ext.gateways.embedded.auth import EmbeddedAuthGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres


@dataclass
class Double:
    """A running project.

    Attributes:
        autoconfirm: whether an address counts as confirmed at once, as GoTrue calls it.
        mails: what was sent: (address, kind, code), the last one last.
        rationed: addresses that get no further mail for now.
        seen: of every request its method, path, and the role that its token named.
    """

    postgres: EmbeddedPostgres
    database: str
    directory: Path
    url: str = ""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    autoconfirm: bool = False
    mails: list[tuple[str, str, str]] = field(default_factory=list)
    rationed: set[str] = field(default_factory=set)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    fail_next: list[tuple[str, Callable[[web.RequestHandler], None]]] = field(default_factory=list)
    downloads: dict[str, tuple[str, float]] = field(default_factory=dict)
    pool: AsyncConnectionPool[Any] = field(init=False)
    accounts: EmbeddedAuthGateway = field(init=False)

    @property
    def key(self) -> str:
        """The publishable key."""
        return self.api_key("anon")

    def api_key(self, role: str) -> str:
        """One of the project's older API keys."""
        return jwt.encode({"role": role, "iss": "supabase", "exp": 2**32}, self.secret, algorithm="HS256")

    def environment(self) -> dict[str, str]:
        """The variables of Supabase mode."""
        return {"SUPABASE_URL": self.url, "SUPABASE_KEY": self.key, "SUPABASE_JWT_SECRET": self.secret}

    def code(self, address: str, kind: str) -> str:
        """The code of the last mail of a kind to somebody."""
        return next(code for to, what, code in reversed(self.mails) if (to, what) == (address, kind))

    def superuser(self, query: str, *arguments: Any) -> list[Any]:
        """Run a statement that no policy binds."""
        with psycopg.connect(**self.postgres.conninfo(database=self.database), autocommit=True) as connection:
            cursor = connection.execute(query, arguments or None)
            return cursor.fetchall() if cursor.description else []

    # ---- what the three parts share

    def claims(self, handler: web.RequestHandler) -> dict[str, Any]:
        """The claims of a request's token, verified.

        Raises:
            Answer: it is none of this project's.
        """
        request = handler.request
        key = request.headers.get("apikey", "")
        if key not in {self.key, self.api_key("service_role")}:
            message = "Invalid API key" if key else "No API key found in request"
            raise Answer(401, {"message": message, "hint": "Double check your Supabase API key."})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self.secret, algorithms=["HS256"], options={"verify_aud": False}, leeway=30
            )
        except jwt.ExpiredSignatureError:
            raise Answer(401, _postgrest("PGRST303", "JWT expired")) from None
        except jwt.PyJWTError:
            raise Answer(401, _postgrest("PGRST301", "No suitable key or wrong key type")) from None
        self.seen.append((request.method or "", request.path, str(claims.get("role"))))
        return claims

    @contextlib.asynccontextmanager
    async def acting(self, claims: dict[str, Any], read_only: bool = False) -> AsyncIterator[Any]:
        """A transaction in the role and with the claims of a token."""
        async with self.pool.connection() as connection, connection.transaction():
            if read_only:
                await connection.execute("set transaction read only")
            await connection.execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                [claims["role"], json.dumps(claims)],
            )
            yield connection


class Answer(Exception):
    """An answer that ends a request."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class Handler(web.RequestHandler):
    """Turns what is raised into what the project would answer."""

    double: Double

    def initialize(self, double: Double) -> None:
        self.double = double

    def prepare(self) -> None:
        for number, (part, action) in enumerate(self.double.fail_next):
            if part in self.request.path:
                del self.double.fail_next[number]
                action(self)
                return

    def reply(self, status: int, body: Any) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body, default=str))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1]
        if isinstance(error, Answer):
            for name, value in error.headers.items():
                self.set_header(name, value)
            self.reply(error.status, error.body)
        else:
            super().write_error(status_code, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, Answer):
            super().log_exception(typ, value, tb)

    def json(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.request.body or b"{}")
        return body


class Rpc(Handler):
    """PostgREST's ``POST /rpc/<function>``."""

    async def post(self, function: str) -> None:
        claims = self.double.claims(self)
        names = sorted(self.json())
        async with self.double.pool.connection() as connection:
            cursor = await connection.execute(
                """select p.oid::regprocedure::text, p.provolatile <> 'v', p.pronargs - p.pronargdefaults,
                     coalesce(p.proargnames, '{}'), array(select format_type(t, null) from unnest(p.proargtypes) t)
                   from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = %s""",
                [function],
            )
            row = await cursor.fetchone()
        known = {} if row is None else dict(zip(row[3], row[4], strict=False))
        if row is None or not set(names) <= set(known) or not set(row[3][: row[2]]) <= set(names):
            listed = ", ".join(names) or "without parameters"
            raise Answer(
                404,
                _postgrest(
                    "PGRST202", f"Could not find the function public.{function}({listed}) in the schema cache"
                ),
            )
        # As PostgREST does it: the body is a record of the function's own argument types.
        arguments = sql.SQL(", ").join(
            sql.SQL("{0} => body.{0}").format(sql.Identifier(name)) for name in names
        )
        record = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(known[name])) for name in names
        )
        query = sql.SQL("select public.{}({})").format(sql.Identifier(function), arguments)
        if names:
            query = sql.SQL("{} from json_to_record(%s) as body({})").format(query, record)
        try:
            async with self.double.acting(claims, read_only=row[1]) as connection:
                cursor = await connection.execute(query, [self.request.body.decode()] if names else None)
                answer = (await cursor.fetchone())[0]
        except psycopg.Error as error:
            raise _database_answer(error, claims) from error
        self.reply(200, answer)


def _database_answer(error: psycopg.Error, claims: dict[str, Any]) -> Answer:
    code = error.sqlstate or "XX000"
    if code.startswith("PT"):
        status = int(code[2:])
    else:
        anonymous = claims.get("role") == "anon"
        exact = {"42501": 401 if anonymous else 403, "23503": 409, "23505": 409, "57014": 500, "25006": 405}
        kind = {"08": 503, "53": 503, "22": 400, "23": 400, "42": 400}
        status = exact.get(code) or kind.get(code[:2], 500)
    found = error.diag
    body = {
        "code": code,
        "message": found.message_primary,
        "details": found.message_detail,
        "hint": found.message_hint,
    }
    return Answer(status, body)


def _postgrest(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "details": None, "hint": None}


@contextlib.contextmanager
def running_double(postgres: EmbeddedPostgres) -> Iterator[Double]:
    """A migrated database with a project before it, on a port of the loopback interface."""
    from tests.supabase.double_auth import auth_routes
    from tests.supabase.double_storage import storage_routes

    name = f"supabase_{uuid4().hex}"
    create_database(postgres.conninfo(), name)
    migrate(postgres.conninfo(database=name), postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
    directory = Path(tempfile.mkdtemp(prefix="ixb-"))
    double = Double(postgres, name, directory)
    double.superuser(
        "insert into storage.buckets (id, name, public) values ('insighter', 'insighter', false)"
    )
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        double.pool = AsyncConnectionPool(
            kwargs={**postgres.conninfo(database=name), "autocommit": True},
            min_size=1,
            max_size=10,
            open=False,
        )
        await double.pool.open(wait=True)
        double.accounts = EmbeddedAuthGateway(postgres, name, directory / "keys")
        routes = [(r"/rest/v1/rpc/(\w+)", Rpc), *auth_routes(), *storage_routes()]
        application = web.Application(
            [(path, handler, {"double": double}) for path, handler in routes], log_function=_quiet
        )
        server = httpserver.HTTPServer(application, max_body_size=1 << 30)
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        double.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.stop()
        await server.close_all_connections()
        await double.accounts.close()
        await double.pool.close()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield double
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
        shutil.rmtree(directory, ignore_errors=True)


def _quiet(handler: web.RequestHandler) -> None:
    """Tests read answers, not logs."""


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


__all__ = ["Answer", "Double", "Handler", "dict_row", "now", "running_double"]
