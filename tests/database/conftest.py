"""A database of its own for every module, on each PostgreSQL that is bundled, and people to act in it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from insighter_ext.errors import InsighterError
from insighter_ext.gateways.database_errors import domain_error
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres


@dataclass
class Person:
    """An account, or a credential of it that is confined to one project. Calls functions as the API does."""

    database: Database
    user_id: UUID | None
    confined_to: str | None = None

    def call(self, function: str, **arguments: Any) -> Any:
        """Call an API function under this person's row-level security."""
        return self.database.call(self, function, **arguments)

    def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Run a statement under this person's row-level security."""
        return self.database.as_person(self, query, arguments)

    def kernel(self, project_id: str) -> Person:
        """The same account behind a kernel's credential."""
        return Person(self.database, self.user_id, project_id)


class Database:
    """A migrated database: superuser access for the test, API access for the people in it."""

    def __init__(self, cluster: EmbeddedPostgres, name: str) -> None:
        self._superuser = psycopg.connect(**cluster.conninfo(database=name), autocommit=True)
        self._api = psycopg.connect(**cluster.conninfo(API_ROLE, name), autocommit=True)
        self.anon = Person(self, None)

    def person(self, name: str = "someone") -> Person:
        """A new account."""
        row = self.superuser(
            "insert into auth.users (email) values (%s) returning id", f"{name}-{uuid4().hex}@example.org"
        )
        return Person(self, row[0][0])

    def member(self, project_id: str, role: str) -> Person:
        """A new account with a role in a project."""
        person = self.person(role)
        self.superuser(
            "insert into insighter.members (project_id, user_id, role) values (%s, %s, %s)",
            project_id,
            person.user_id,
            role,
        )
        return person

    def superuser(self, query: str, *arguments: Any) -> list[Any]:
        """Run a statement that row-level security does not bind."""
        cursor = self._superuser.execute(query, arguments or None)
        return cursor.fetchall() if cursor.description else []

    def as_person(self, person: Person, query: Any, arguments: Any = ()) -> list[Any]:
        """Run a statement in a transaction of a person, as the gateway does."""
        claims: dict[str, Any] = {"role": "anon"}
        if person.user_id is not None:
            own = (
                {"kind": "kernel", "project": person.confined_to}
                if person.confined_to
                else {"kind": "person"}
            )
            claims = {
                "sub": str(person.user_id),
                "role": "authenticated",
                "aud": "authenticated",
                "insighter": own,
            }
        with self._api.transaction():
            self._api.execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                [claims["role"], json.dumps(claims)],
            )
            cursor = self._api.execute(query, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def call(self, person: Person, function: str, **arguments: Any) -> Any:
        """Call an API function as a person; errors as the gateway maps them."""
        from psycopg.types.json import Jsonb

        query = sql.SQL("select public.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(name))
                for name in arguments
            ),
        )
        values = {
            name: Jsonb(value) if isinstance(value, dict | list) else value
            for name, value in arguments.items()
        }
        try:
            return self.as_person(person, query, values)[0][0]
        except psycopg.Error as error:
            raise domain_error(
                error.sqlstate or "XX000",
                error.diag.message_primary or str(error),
                error.diag.message_detail,
                error.diag.message_hint,
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._superuser.close()
        self._api.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Callable[[int], EmbeddedPostgres]]:
    """Starts a PostgreSQL of a version when it is first asked for, and keeps it for all modules."""
    started: dict[int, EmbeddedPostgres] = {}
    directory = Path(tempfile.mkdtemp(prefix="ixd-"))

    def of(version: int) -> EmbeddedPostgres:
        if version not in started:
            cluster = EmbeddedPostgres(directory / f"postgres-{version}", version)
            cluster.acquire()
            started[version] = cluster
            create_database(cluster.conninfo(), MIGRATED)
            passwords = cluster.password(API_ROLE), cluster.password(AUTH_ROLE)
            migrate(cluster.conninfo(database=MIGRATED), *passwords)
        return started[version]

    try:
        yield of
    finally:
        for cluster in started.values():
            cluster.release()
        shutil.rmtree(directory, ignore_errors=True)


MIGRATED = "migrated"
"""A database that nobody is connected to: copies of it are made sooner than migrations are applied."""


@pytest.fixture(scope="module", params=[16, 18], ids=["postgresql-16", "postgresql-18"])
def cluster(request: pytest.FixtureRequest, running: Callable[[int], EmbeddedPostgres]) -> EmbeddedPostgres:
    """A running PostgreSQL of each bundled version."""
    return running(request.param)


@pytest.fixture(scope="module")
def database(cluster: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh, migrated database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(**cluster.conninfo(database="postgres"), autocommit=True) as connection:
        copy = sql.SQL("create database {} template {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(MIGRATED)))
    database = Database(cluster, name)
    try:
        yield database
    finally:
        database.close()


def refused(error: pytest.ExceptionInfo[InsighterError]) -> int:
    """The HTTP status of a refusal."""
    return error.value.status
