"""Runs ``@supabase/lite``, an emulator by Supabase that shares nothing with Insighter, on a throw-away database.

What of it differs from a hosted project, so that supabase-py itself stumbles over it, is amended on the way:

- it writes time stamps as PostgreSQL does (``2026-01-01 10:00:00+00``), which supabase-py does not read;
- its tokens lack ``iss``, which a hosted project always writes and which is therefore always asked for here. They are
  signed again, with the emulator's own secret;
- it calls a signed address ``signedUrl`` and begins it with ``/storage/v1``, where Storage says ``signedURL`` and
  leaves that out;
- it hands a JSON array to a function as a text of JSON: the one function that Storage's adapter calls unwraps it.

Its tables of accounts come first, then what of ``bootstrap.sql`` it lacks, then the migrations.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg

from insighter_ext import schema
from insighter_ext.gateways.embedded.migrate import create_database
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import free_port

FOLDER = Path(__file__).parent / "emulator"
PROGRAM = FOLDER / "node_modules" / "@supabase" / "lite" / "dist" / "cli" / "index.js"

_CONFIG = """
[api]
port = {port}
schemas = ["public"]
[db]
driver = "postgres"
url = "postgres:///{database}"
[auth]
enabled = true
jwt_secret = "{secret}"
jwt_expiry = 3600
enable_signup = true
minimum_password_length = 6
publishable_key = "{key}"
secret_key = "sb_secret_{secret}"
site_url = "http://127.0.0.1:{port}"
[auth.email]
enable_confirmations = true
max_frequency = "1ms"
[storage]
enabled = true
"""


_ARRAYS = """
alter function public.objects_authorize(jsonb, text) rename to objects_authorize_unwrapped;
create function public.objects_authorize(p_keys jsonb, p_action text) returns jsonb language sql stable as $$
  select public.objects_authorize_unwrapped(
    case jsonb_typeof(p_keys) when 'string' then (p_keys #>> '{}')::jsonb else p_keys end, p_action)
$$;
call private.expose('objects_authorize', 'objects_authorize_unwrapped');
"""


@dataclass
class Emulator:
    """A running emulator."""

    postgres: EmbeddedPostgres
    database: str
    directory: Path
    port: int
    secret: str
    key: str

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def superuser(self, query: str, *arguments: Any) -> list[Any]:
        """Run a statement that no policy binds."""
        with psycopg.connect(**self.postgres.conninfo(database=self.database), autocommit=True) as connection:
            cursor = connection.execute(query, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def mails(self, address: str, subject: str) -> list[str]:
        """The codes of all mails to somebody whose subject has a word in it; the last one last."""
        said = (self.directory / "log").read_text(errors="replace")
        found = re.findall(r"^To: (.+)\nSubject: (.+)\n\n.*?code: (\d+)$", said, re.MULTILINE)
        return [code for to, about, code in found if to == address and subject in about]


@contextlib.contextmanager
def running_emulator(postgres: EmbeddedPostgres) -> Iterator[Emulator]:
    """An emulator on a database of its own, with the migrations applied and the bucket made."""
    secret = secrets.token_urlsafe(40)
    directory = Path(tempfile.mkdtemp(prefix="ixe-"))
    database = f"emulator_{secrets.token_hex(8)}"
    emulator = Emulator(
        postgres, database, directory, free_port(), secret, "sb_publishable_" + secrets.token_hex(8)
    )
    (directory / "supabase").mkdir()
    config = _CONFIG.format(port=emulator.port, database=database, secret=secret, key=emulator.key)
    (directory / "supabase" / "config.toml").write_text(config)
    (directory / "node_modules").symlink_to(FOLDER / "node_modules")
    create_database(postgres.conninfo(), database)
    try:
        with _process(emulator):
            pass  # its first start makes its tables
        emulator.superuser(schema.bootstrap())
        for migration in schema.migrations():
            emulator.superuser(f"begin;\n{migration.sql};\ncommit")
        emulator.superuser(
            "insert into storage.buckets (id, name, public) values ('insighter', 'insighter', false)"
        )
        emulator.superuser(_ARRAYS)
        # A guard of Supabase's own tables, which the emulator does not know of and would run into.
        emulator.superuser("drop trigger protect_objects_delete on storage.objects")
        with _process(emulator):
            yield emulator
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _process(emulator: Emulator) -> Iterator[None]:
    server = emulator.postgres.conninfo()
    environment = {
        **os.environ,
        "DO_NOT_TRACK": "1",
        "EXPERIMENTAL_STORAGE": "1",
        "PGHOST": str(server["host"]),
        "PGPORT": str(server["port"]),
        "PGUSER": str(server["user"]),
        "PGPASSWORD": str(server["password"]),
    }
    with (emulator.directory / "log").open("ab") as log:
        process = subprocess.Popen(
            ["node", str(PROGRAM), "start", "--no-admin"],
            cwd=emulator.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{emulator.url}/storage/v1/status")
                break
            said = (emulator.directory / "log").read_text(errors="replace")
            assert process.poll() is None and time.monotonic() < deadline, said[-4000:]
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


class Amended(httpx.AsyncBaseTransport):
    """Amends answers; see the module."""

    def __init__(self, inner: httpx.AsyncBaseTransport, emulator: Emulator) -> None:
        self._inner = inner
        self._emulator = emulator

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        path = request.url.path
        signs = request.method == "POST" and path.startswith("/storage/v1/object/sign/")
        if not (signs or path.startswith("/auth/v1/")):
            return answer
        content = await answer.aread()
        await answer.aclose()
        with contextlib.suppress(ValueError):
            content = json.dumps(self._amend(json.loads(content))).encode()
        headers = [
            (name, value)
            for name, value in answer.headers.multi_items()
            if name.lower() not in {"content-length", "content-encoding", "transfer-encoding"}
        ]
        return httpx.Response(answer.status_code, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _amend(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._amend(one) for one in value]
        if isinstance(value, dict) and "signedUrl" in value:
            return {"signedURL": value["signedUrl"].removeprefix("/storage/v1")}
        if isinstance(value, dict):
            return {
                name: self._signed(one) if name == "access_token" else self._amend(one)
                for name, one in value.items()
            }
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00", value):
            return value.replace(" ", "T") + ":00"
        return value

    def _signed(self, token: str) -> str:
        claims = jwt.decode(token, self._emulator.secret, algorithms=["HS256"], options={"verify_aud": False})
        claims["iss"] = f"{self._emulator.url}/auth/v1"
        return jwt.encode(claims, self._emulator.secret, algorithm="HS256")
