"""Bring an embedded database to the schema of this installation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from insighter_ext import schema
from insighter_ext.errors import Unavailable
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE

_LOCK = 0x1516472  # any constant: migrations of one database run one after the other

OWNER_EMAIL = "owner@localhost"
"""The account that whoever Jupyter lets in acts as, in embedded single-user mode."""


def create_database(server: dict[str, Any], name: str) -> None:
    """Create the database if it is not there. ``server`` connects as superuser to any database."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def migrate(superuser: dict[str, Any], api_password: str, auth_password: str | None = None) -> UUID:
    """Apply bootstrap and the missing migrations, each in a transaction of its own.

    Args:
        superuser: connection arguments.
        api_password: what the API's login role shall be known by.
        auth_password: the same of the role that signs people in. Where omitted it stays as it is; it cannot log in
            until it has one.

    Returns:
        The id of the local owner's account, which is made where it is missing.

    Raises:
        Unavailable: the database was made by a newer release, or an applied migration has changed since.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(**superuser, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        with connection.transaction():
            connection.execute(sql.SQL(schema.bootstrap()))  # type: ignore[arg-type, unused-ignore]
            for role, password in ((API_ROLE, api_password), (AUTH_ROLE, auth_password)):
                if password is not None:
                    connection.execute(
                        sql.SQL("alter role {} with password {}").format(
                            sql.Identifier(role), sql.Literal(password)
                        )
                    )
        known = {migration.version: migration for migration in schema.migrations()}
        applied = dict(connection.execute("select version, checksum from platform.migrations").fetchall())
        if unknown := sorted(set(applied) - set(known)):
            raise Unavailable(
                f"this database was made by a newer release of Insighter (migration {unknown[-1]})",
                hint="update Insighter, or set INSIGHTER_STORAGE_DIR to another folder",
            )
        for version, migration in known.items():
            if version not in applied:
                with connection.transaction():
                    connection.execute(sql.SQL(migration.sql))  # type: ignore[arg-type, unused-ignore]
                    connection.execute(
                        "insert into platform.migrations (version, name, checksum) values (%s, %s, %s)",
                        [version, migration.name, migration.checksum],
                    )
            elif applied[version] != migration.checksum:
                raise Unavailable(
                    f"migration {version}_{migration.name} differs from the one this database was made with",
                    hint="a released migration never changes: reinstall Insighter, or add a new migration",
                )
        row = connection.execute(
            "insert into auth.users (email) values (%s) on conflict (email) do update set email = excluded.email"
            " returning id",
            [OWNER_EMAIL],
        ).fetchone()
        assert row is not None
        return UUID(str(row[0]))
