"""What Supabase brings and a bare PostgreSQL does not: migrations and policies find here what they find there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from tests.database.conftest import Database

# The accounts as the first release made them, with somebody in.
FIRST_RELEASE = """
create schema auth;
create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text unique,
  encrypted_password text,
  raw_app_meta_data jsonb not null default '{}',
  raw_user_meta_data jsonb not null default '{}',
  email_confirmed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table auth.users enable row level security;
insert into auth.users (email) values ('owner@localhost');
"""


def shape(connection: Any) -> list[Any]:
    """Everything in the two schemas that bootstrap makes: columns, constraints, policies, triggers, grants."""
    return [
        sorted(map(str, connection.execute(query).fetchall()))
        for query in (
            """select table_schema, table_name, column_name, data_type, is_nullable, column_default
               from information_schema.columns where table_schema in ('auth', 'storage')""",
            """select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
               where connamespace in ('auth'::regnamespace, 'storage'::regnamespace) and contype <> 'n'""",
            "select schemaname, tablename, policyname, roles, qual from pg_policies where schemaname = 'auth'",
            """select tgrelid::regclass::text, tgname from pg_trigger
               where tgrelid::regclass::text like any (array['auth.%', 'storage.%']) and not tgisinternal""",
            """select table_schema, table_name, grantee, privilege_type from information_schema.role_table_grants
               where table_schema in ('auth', 'storage')""",
        )
    ]


@pytest.fixture
def other(cluster: EmbeddedPostgres) -> Iterator[str]:
    """The name of an empty database."""
    name = f"test_{uuid4().hex}"
    create_database(cluster.conninfo(), name)
    yield name
    with psycopg.connect(**cluster.conninfo(database="postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} (force)")  # type: ignore[arg-type, unused-ignore]


def test_a_database_of_the_first_release_becomes_like_a_new_one(
    cluster: EmbeddedPostgres, database: Database, other: str
) -> None:
    passwords = cluster.password(API_ROLE), cluster.password(AUTH_ROLE)
    with psycopg.connect(**cluster.conninfo(database=other), autocommit=True) as connection:
        connection.execute(FIRST_RELEASE)
        owner = connection.execute("select id from auth.users").fetchone()
        for _ in range(2):
            assert (migrate(cluster.conninfo(database=other), *passwords),) == owner
            assert shape(connection) == shape(database._superuser)
        assert connection.execute("select aud, role, deleted_at from auth.users").fetchall() == [
            ("authenticated", "authenticated", None)
        ]


def test_running_it_again_waits_for_nobody(cluster: EmbeddedPostgres, database: Database) -> None:
    """A second server starts while somebody is in the middle of a change on the first one."""
    name = database.superuser("select current_database()")[0][0]
    user = database.person().user_id
    with psycopg.connect(**cluster.conninfo(database=name)) as busy:
        busy.execute("update auth.users set updated_at = now() where id = %s", [user])
        busy.execute("insert into auth.sessions (user_id) values (%s)", [user])
        busy.execute("insert into storage.buckets (id, name) values ('busy', 'busy')")
        superuser = cluster.conninfo(database=name) | {"options": "-c lock_timeout=2s"}
        migrate(superuser, cluster.password(API_ROLE), cluster.password(AUTH_ROLE))
        busy.rollback()


def test_without_a_password_nobody_signs_people_in(cluster: EmbeddedPostgres, other: str) -> None:
    migrate(cluster.conninfo(database=other), cluster.password(API_ROLE))
    wrong = cluster.conninfo(AUTH_ROLE, other) | {"password": "guess"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**wrong)


# ---- stored objects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "folders", "file", "extension"),
    [
        ("a/b/c.tar.gz", ["a", "b"], "c.tar.gz", "gz"),
        ("c.csv", [], "c.csv", "csv"),
        ("a/b/", ["a", "b"], "", ""),
        ("../x", [".."], "x", "x"),
    ],
    ids=range(4),
)
def test_paths_are_taken_apart_as_supabase_does(
    database: Database, path: str, folders: list[str], file: str, extension: str
) -> None:
    person = database.person()
    assert person.rows(
        "select storage.foldername(%s), storage.filename(%s), storage.extension(%s)", path, path, path
    ) == [(folders, file, extension)]


def test_a_stored_object_is_not_deleted_by_hand(database: Database) -> None:
    name = uuid4().hex
    database.superuser("insert into storage.buckets (id, name) values (%s, %s)", name, name)
    database.superuser("insert into storage.objects (bucket_id, name) values (%s, 'a/b')", name)
    for table, column in (("objects", "bucket_id"), ("buckets", "id")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Use the Storage API") as refusal:
            database.superuser(f"delete from storage.{table} where {column} = %s", name)
        assert refusal.value.diag.message_hint
    with database._superuser.transaction():
        database.superuser("select set_config('storage.allow_delete_query', 'true', true)")
        database.superuser("delete from storage.objects where bucket_id = %s", name)
        database.superuser("delete from storage.buckets where id = %s", name)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.superuser("delete from storage.objects")


def test_a_path_holds_one_object(database: Database) -> None:
    name = uuid4().hex
    database.superuser("insert into storage.buckets (id, name) values (%s, %s)", name, name)
    database.superuser("insert into storage.objects (bucket_id, name) values (%s, 'a/b')", name)
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.superuser("insert into storage.objects (bucket_id, name) values (%s, 'a/b')", name)


def test_objects_of_a_bucket_without_a_policy_are_nobodys(database: Database) -> None:
    name = uuid4().hex
    database.superuser("insert into storage.buckets (id, name, public) values (%s, %s, true)", name, name)
    database.superuser("insert into storage.objects (bucket_id, name) values (%s, 'a/b')", name)
    person = database.person()
    assert person.rows("select * from storage.objects where bucket_id = %s", name) == []
    assert person.rows("select * from storage.buckets where id = %s", name) == []
    assert person.rows("update storage.objects set name = 'c' where bucket_id = %s returning id", name) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        person.rows("insert into storage.objects (bucket_id, name) values (%s, 'c') returning id", name)
    for statement in ("insert into storage.buckets (id, name) values ('x', 'x')", "truncate storage.objects"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            person.rows(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.anon.rows("select * from storage.objects")
