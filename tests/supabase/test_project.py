"""Preparing a Supabase project: the folder for its command line, and what a check of it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from insighter_ext import cli, doctor, schema
from insighter_ext.config import Settings
from insighter_ext.errors import Conflict
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.gateways.supabase import check, folder
from insighter_ext.gateways.supabase.check import Finding
from tests.supabase.double import Double, running_double


@pytest.fixture
def own(cluster: EmbeddedPostgres) -> Iterator[Double]:
    """A project that a test may break."""
    with running_double(cluster) as running:
        yield running


async def found(double: Double, service_key: str | None = None, **changes: str) -> dict[str, Finding]:
    """What a check finds, by its name."""
    settings = Settings.load({}, {**double.environment(), **changes})
    return {one.check: one for one in await check.examine(settings, service_key)}


def wrong(findings: dict[str, Finding]) -> dict[str, str]:
    """The states of what is not in order."""
    return {name: one.state for name, one in findings.items() if one.state != "ok"}


# ---- the folder


def test_the_folder_is_one_that_the_command_line_takes(tmp_path: Path) -> None:
    folder.write(tmp_path)
    config = tomllib.loads((tmp_path / "supabase" / "config.toml").read_text())
    assert config["project_id"] == "insighter"
    assert config["auth"]["email"]["enable_confirmations"] is True
    assert config["storage"]["buckets"]["insighter"]["public"] is False
    names = sorted(path.name for path in (tmp_path / "supabase" / "migrations").iterdir())
    assert all(re.fullmatch(r"\d{14}_insighter_[a-z_]+\.sql", name) for name in names)
    assert len({name[:14] for name in names}) == len(names)


def test_it_has_the_migrations_of_this_installation_in_their_order(tmp_path: Path) -> None:
    folder.write(tmp_path)
    paths = sorted((tmp_path / "supabase" / "migrations").iterdir())
    assert [path.read_text() for path in paths] == [one.sql for one in schema.migrations()]


def test_writing_it_again_changes_nothing_and_adds_what_is_new(tmp_path: Path) -> None:
    made = folder.write(tmp_path)
    assert {one.done for one in made} == {"made"}
    (tmp_path / "supabase" / "config.toml").write_text('project_id = "mine"\n')
    made[-1].path.unlink()
    again = folder.write(tmp_path)
    assert [one.path for one in again if one.done == "made"] == [made[-1].path]
    assert (tmp_path / "supabase" / "config.toml").read_text() == 'project_id = "mine"\n'


def test_a_migration_that_was_changed_is_not_written_over(tmp_path: Path) -> None:
    made = folder.write(tmp_path)
    made[1].path.write_text("-- mine\n")
    made[-1].path.unlink()
    with pytest.raises(Conflict, match=made[1].path.name):
        folder.write(tmp_path)
    assert made[1].path.read_text() == "-- mine\n"
    assert not made[-1].path.exists()


def test_the_newest_migration_says_that_it_is_the_newest(double: Double) -> None:
    answer = double.superuser("select public.platform_schema()")[0][0]
    assert answer["version"] == schema.migrations()[-1].version, "its file replaces public.platform_schema"
    assert answer["storage_policies"] == check.POLICIES
    assert answer["triggers"] == check.TRIGGERS


# ---- the check


async def test_a_project_in_order_is_said_to_be(double: Double) -> None:
    assert wrong(await found(double)) == {}


async def test_a_project_that_is_not_there_is_said_to_be_away(double: Double) -> None:
    findings = await found(double, SUPABASE_URL="http://127.0.0.1:9")
    assert wrong(findings) == {"address": "problem"}
    assert "SUPABASE_URL" in findings["address"].hint


async def test_a_key_of_another_project_is_told(double: Double) -> None:
    findings = await found(double, SUPABASE_KEY="sb_publishable_another")
    assert findings["key"].state == "problem"
    assert "publishable (anon) key" in findings["key"].hint


async def test_a_service_key_that_was_allowed_is_warned_of(double: Double) -> None:
    findings = await found(
        double, SUPABASE_KEY=double.api_key("service_role"), INSIGHTER_ALLOW_SERVICE_KEY="true"
    )
    assert findings["key"].state == "warning"


async def test_another_secret_is_told(double: Double) -> None:
    findings = await found(double, SUPABASE_JWT_SECRET="x" * 40)
    assert findings["JWT secret"].state == "problem"
    assert "SUPABASE_JWT_SECRET" in findings["JWT secret"].hint


async def test_missing_migrations_are_told_with_the_commands_that_apply_them(own: Double) -> None:
    own.superuser("drop function public.platform_schema")
    findings = await found(own)
    assert wrong(findings) == {
        "migrations": "problem",
        "new accounts": "unknown",
        "storage policies": "unknown",
    }
    assert "supabase db push" in findings["migrations"].hint


async def test_a_project_of_another_release_is_told(own: Double) -> None:
    for version, said in (("0001", "supabase db push"), ("9999", "update Insighter")):
        own.superuser(
            "create or replace function public.platform_schema() returns jsonb language sql stable as "
            f"""$$ select '{{"version": "{version}", "storage_policies": {json.dumps(check.POLICIES)},"""
            f""" "triggers": {json.dumps(check.TRIGGERS)}}}'::jsonb $$"""
        )
        findings = await found(own)
        assert wrong(findings) == {"migrations": "problem"}
        assert said in findings["migrations"].hint


async def test_lost_policies_and_triggers_are_told(own: Double) -> None:
    own.superuser("drop policy insighter_insert on storage.objects")
    own.superuser("drop trigger insighter_profile on auth.users")
    findings = await found(own)
    assert wrong(findings) == {"new accounts": "problem", "storage policies": "problem"}
    assert "insighter_insert" in findings["storage policies"].said


async def test_addresses_that_nobody_proves_are_warned_of(own: Double) -> None:
    own.autoconfirm = True
    findings = await found(own)
    assert wrong(findings) == {"sign-ups": "warning"}
    assert "Confirm email" in findings["sign-ups"].hint


async def test_a_public_bucket_is_a_problem(own: Double) -> None:
    own.superuser("update storage.buckets set public = true")
    assert wrong(await found(own)) == {"bucket is private": "problem"}


async def test_a_policy_that_lets_everybody_write_is_a_problem(own: Double) -> None:
    own.superuser("create policy oops on storage.objects for insert to authenticated with check (true)")
    findings = await found(own)
    assert findings["bucket"].state == "problem"
    assert "could store" in findings["bucket"].said


async def test_a_missing_bucket_is_told_and_made_with_a_service_key(own: Double) -> None:
    own.superuser(
        "do $$ begin set local storage.allow_delete_query = 'true'; delete from storage.buckets; end $$"
    )
    findings = await found(own)
    assert wrong(findings) == {"bucket": "problem"}
    assert "insert into storage.buckets" in findings["bucket"].hint
    assert findings["bucket"].hint.count("--create-bucket") == 1
    assert wrong(await found(own, "not-a-key")) == {"bucket": "problem"}
    assert wrong(await found(own, own.api_key("service_role"))) == {}
    assert own.superuser("select id, public from storage.buckets") == [("insighter", False)]


def test_the_command_says_it_in_words_and_in_json(
    own: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in own.environment().items():
        monkeypatch.setenv(name, value)
    assert cli.main(["supabase", "check"]) == 0
    assert "Insighter can use this project." in capsys.readouterr().out
    own.superuser("update storage.buckets set public = true")
    assert cli.main(["supabase", "check", "--json"]) == 1
    said = capsys.readouterr().out
    assert json.loads(said)["ok"] is False
    assert own.secret not in said and own.key not in said


def test_without_a_project_the_command_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "SUPABASE_JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["supabase", "check"]) == 1
    assert "SUPABASE_URL, SUPABASE_KEY and SUPABASE_JWT_SECRET" in capsys.readouterr().err


# ---- migrations, as other hands than the platform's apply them


@pytest.mark.parametrize("version", [16, 18])
def test_the_migrations_apply_as_supabase_db_push_runs_them(tmp_path: Path, version: int) -> None:
    directory = Path("/tmp") / f"ixm-{uuid4().hex[:8]}"
    postgres = EmbeddedPostgres(directory / "postgres", version)
    try:
        postgres.acquire()
        _like_a_hosted_project(postgres)
        folder.write(tmp_path)
        for path in sorted((tmp_path / "supabase" / "migrations").iterdir()):
            _psql(postgres, path)
        with psycopg.connect(**_owner(postgres)) as connection:
            said = connection.execute("select public.platform_schema() ->> 'version'").fetchone()
            assert said == (schema.migrations()[-1].version,)
            hosted = connection.execute(_GRANTS).fetchall()
            elsewhere = connection.execute(_NOT_OURS).fetchall()
        with running_double(postgres) as embedded:
            assert hosted == embedded.superuser(_GRANTS)
        assert hosted
        assert sorted(elsewhere) == [
            ("policy", "storage.objects insighter_delete"),
            ("policy", "storage.objects insighter_insert"),
            ("policy", "storage.objects insighter_select"),
            ("policy", "storage.objects insighter_update"),
            *(("trigger", f"auth.users {name}") for name in check.TRIGGERS),
        ]
    finally:
        postgres.release()
        subprocess.run(["rm", "-rf", str(directory)], check=True)


_GRANTS = """
  select p.oid::regprocedure::text, r.rolname
  from pg_proc p, pg_roles r
  where p.pronamespace = 'public'::regnamespace and r.rolname in ('anon', 'authenticated', 'service_role')
    and has_function_privilege(r.oid, p.oid, 'execute')
  union all
  select c.oid::regclass::text || ' ' || a.privilege_type, a.grantee::regrole::text
  from pg_class c, aclexplode(c.relacl) a
  where c.relnamespace = 'insighter'::regnamespace and a.grantee <> c.relowner
  order by 1, 2
"""
"""Who may call and touch what of ours."""

_NOT_OURS = """
  select 'policy', p.schemaname || '.' || p.tablename || ' ' || p.policyname from pg_policies p
  where p.schemaname in ('auth', 'storage') and p.policyname <> 'signing_in'
  union all
  select 'trigger', t.tgrelid::regclass || ' ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where c.relnamespace::regnamespace::text in ('auth', 'storage') and not t.tgisinternal
    and t.tgname not like 'protect\\_%%'
  union all
  select 'owned', c.oid::regclass::text from pg_class c
  where c.relnamespace::regnamespace::text in ('auth', 'storage') and c.relowner = 'project_owner'::regrole
  union all
  select 'owned', p.oid::regprocedure::text from pg_proc p
  where p.pronamespace::regnamespace::text in ('auth', 'storage') and p.proowner = 'project_owner'::regrole
""".replace("%%", "%")
"""What the migrations made in schemas that belong to Supabase."""


def _owner(postgres: EmbeddedPostgres) -> dict[str, object]:
    return {**postgres.conninfo(database="hosted"), "user": "project_owner", "password": "owner"}


def _like_a_hosted_project(postgres: EmbeddedPostgres) -> None:
    """What a hosted project's ``postgres`` is: no superuser, owner of the database, a guest in Supabase's schemas."""
    server = postgres.conninfo(database="postgres")
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute("create role project_owner login createrole createdb bypassrls password 'owner'")
        connection.execute("create role supabase_storage_admin nologin")
        connection.execute("create database hosted owner project_owner")
    with psycopg.connect(**postgres.conninfo(database="hosted"), autocommit=True) as connection:
        connection.execute(schema.bootstrap())
        connection.execute("""
            drop schema platform cascade;
            alter default privileges grant execute on functions to public;
            -- May write policies for Storage's tables without being their owner: hosted by an extension, here so.
            alter table storage.objects owner to supabase_storage_admin;
            grant usage on schema storage to supabase_storage_admin;
            grant supabase_storage_admin to project_owner;
            grant usage on schema auth, storage to project_owner;
            grant all on all tables in schema auth, storage to project_owner;
            grant anon, authenticated, service_role to project_owner with admin option;
            alter default privileges for role project_owner in schema public
              grant all on functions to anon, authenticated, service_role;
            alter default privileges for role project_owner in schema public
              grant all on tables to anon, authenticated, service_role;
        """)


def _psql(postgres: EmbeddedPostgres, path: Path) -> None:
    """Run a file as one transaction."""
    to = _owner(postgres)
    done = subprocess.run(
        [
            postgres._program("psql"),
            *("-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-h", str(to["host"]), "-p", str(to["port"])),
            *("-U", "project_owner", "-d", "hosted", "-f", str(path)),
        ],
        env={"PGPASSWORD": "owner", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sys.platform != "win32"


def test_the_doctor_looks_into_the_project(own: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in own.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("insighter_ext.kernel.servers.find", lambda *_: None)
    database = next(one for one in doctor.examine() if one.check == "database")
    assert (database.ok, own.url in database.said) == (True, True)
    own.superuser("update storage.buckets set public = true")
    database = next(one for one in doctor.examine() if one.check == "database")
    assert (database.ok, database.hint) == (False, "insighter supabase check")
