"""Rules that hold for the whole schema. They are read from the catalogue, so nothing new can be forgotten."""

from __future__ import annotations

import re

import pytest

from insighter_ext import schema
from insighter_ext.errors import Unavailable
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database

OURS = "('insighter', 'private', 'platform')"

# Callable before anybody is known: whoever calls them holds a secret of 192 bits or more already.
ANONYMOUS = {
    "credentials_resolve",
    "credentials_touch",
    "credentials_revoke_issued",
    "invitations_check",
    "deployments_of_host",
}

# Look past row-level security, each with its reason beside it in the SQL.
DEFINERS = {"deployments_withdraw", *ANONYMOUS}


def test_every_table_has_row_level_security_and_a_policy(database: Database) -> None:
    tables = database.superuser(
        f"""select n.nspname || '.' || c.relname, c.relrowsecurity,
              exists (select from pg_policy p where p.polrelid = c.oid)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname in {OURS}"""
    )
    assert len(tables) > 4
    assert [name for name, secured, _ in tables if not secured] == []
    # A table without any policy is closed to everybody: right for the list of migrations, a slip elsewhere.
    assert [name for name, _, policy in tables if not policy] == ["platform.migrations"]


def test_every_policy_is_for_those_who_signed_in(database: Database) -> None:
    assert (
        database.superuser(
            """select tablename, policyname, roles from pg_policies
               where schemaname = 'insighter' and roles <> '{authenticated}'"""
        )
        == []
    )


def test_policies_ask_once_per_statement_not_once_per_row(database: Database) -> None:
    policies = database.superuser(
        "select tablename, policyname, coalesce(qual, '') || ' ' || coalesce(with_check, '') from pg_policies"
        " where schemaname = 'insighter'"
    )
    for table, name, text in policies:
        bare = re.sub(r"\( SELECT \(*(auth|private)\.\w+\(", "", text)
        assert "auth.uid(" not in bare and "auth.jwt(" not in bare, (table, name, text)


def test_every_project_column_is_indexed_first(database: Database) -> None:
    unindexed = database.superuser(
        """select c.relname from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
           where c.relnamespace = 'insighter'::regnamespace and c.relkind = 'r'
             and not exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum)"""
    )
    assert unindexed == []


def test_every_foreign_key_is_indexed(database: Database) -> None:
    unindexed = database.superuser(
        """select c.conrelid::regclass::text, c.conname from pg_constraint c
           where c.contype = 'f' and c.connamespace = 'insighter'::regnamespace and c.confdeltype = 'c'
             and not exists (
               select from pg_index i
               where i.indrelid = c.conrelid and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)"""
    )
    assert unindexed == []


def test_functions_are_granted_one_by_one_and_pin_their_search_path(database: Database) -> None:
    functions = database.superuser(
        """select p.proname, p.pronamespace::regnamespace::text, p.prosecdef, coalesce(p.proconfig::text, ''),
             has_function_privilege('anon', p.oid, 'execute'), p.prorettype::regtype::text,
             exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0),
             has_function_privilege('authenticated', p.oid, 'execute')
           from pg_proc p
           where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
             and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    )
    public = [row for row in functions if row[1] == "public"]
    assert len(public) > 8
    for name, namespace, definer, config, anonymous, returns, by_public, signed_in in functions:
        assert "search_path=" in config, name
        if namespace == "public":
            assert returns == "jsonb", name
            assert not by_public, name
            assert signed_in, name
            assert anonymous == (name in ANONYMOUS), name
            assert not definer or name in DEFINERS, name
        elif name != "fail":
            assert not anonymous or by_public, name


def test_function_names_are_unique(database: Database) -> None:
    assert (
        database.superuser(
            """select proname from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
                 and prokind = 'f'
                 and not exists (select from pg_depend d where d.objid = pg_proc.oid and d.deptype = 'e')
               group by pronamespace, proname having count(*) > 1"""
        )
        == []
    )


def test_the_login_role_can_become_no_more_than_its_two_roles(database: Database) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
        database._api.execute("set local role service_role")
    for table in ("auth.users", "insighter.projects", "platform.migrations"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
            database._api.execute(f"select * from {table}")  # type: ignore[arg-type, unused-ignore]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.person().rows("select * from auth.users")


def test_migrating_twice_changes_nothing(cluster: EmbeddedPostgres, database: Database) -> None:
    name = database.superuser("select current_database()")[0][0]
    before = database.superuser("select * from platform.migrations order by version")
    owner = migrate(cluster.conninfo(database=name), cluster.password(API_ROLE))
    assert database.superuser("select * from platform.migrations order by version") == before
    assert owner == migrate(cluster.conninfo(database=name), cluster.password(API_ROLE))
    assert [row[0] for row in before] == [migration.version for migration in schema.migrations()]


def test_a_database_of_a_newer_release_is_left_alone(cluster: EmbeddedPostgres) -> None:
    create_database(cluster.conninfo(), "newer")
    migrate(cluster.conninfo(database="newer"), cluster.password(API_ROLE))
    import psycopg

    with psycopg.connect(**cluster.conninfo(database="newer"), autocommit=True) as connection:
        connection.execute(
            "insert into platform.migrations (version, name, checksum) values ('9999', 'future', '')"
        )
    with pytest.raises(Unavailable, match="newer release"):
        migrate(cluster.conninfo(database="newer"), cluster.password(API_ROLE))
