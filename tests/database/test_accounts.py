"""Profiles, sign-ins of browsers, access tokens, and how long each credential is good; on the database alone."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from insighter_ext.errors import InsighterError
from insighter_ext.principal import Principal
from tests.database.conftest import Database, Person

ROLES = ("viewer", "annotator", "editor", "admin", "owner")


@dataclass
class Caller:
    """Whoever calls functions as a principal."""

    database: Database
    principal: Principal

    def call(self, function: str, **arguments: Any) -> Any:
        """As the gateway does it."""
        return _As(self.database, self.principal).call(function, **arguments)

    def rows(self, query: str, *arguments: Any) -> list[Any]:
        """A statement of its own."""
        return _As(self.database, self.principal).rows(query, *arguments)

    def limited(self, **limits: Any) -> Caller:
        """The same account behind a credential."""
        return Caller(self.database, replace(self.principal, **limits))


class _As(Person):
    """A person with all of a principal's claims."""

    def __init__(self, database: Database, principal: Principal) -> None:
        super().__init__(_Claims(database, principal), principal.user_id)  # type: ignore[arg-type]


class _Claims:
    def __init__(self, database: Database, principal: Principal) -> None:
        self._database = database
        self._principal = principal

    def call(self, person: Person, function: str, **arguments: Any) -> Any:
        return Database.call(self, person, function, **arguments)  # type: ignore[arg-type]

    def as_person(self, person: Person, query: Any, arguments: Any = ()) -> list[Any]:
        api = self._database._api
        with api.transaction():
            api.execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                [self._principal.role, json.dumps(self._principal.claims)],
            )
            cursor = api.execute(query, arguments or None)
            return cursor.fetchall() if cursor.description else []


def somebody(database: Database, email: str | None = None, **about: Any) -> Caller:
    """A new account that has signed in."""
    address = email or f"{uuid4().hex}@example.org"
    user_id = database.superuser(
        "insert into auth.users (email, raw_user_meta_data) values (%s, %s) returning id",
        address,
        json.dumps(about),
    )[0][0]
    return Caller(database, Principal(user_id, email=address, session_id=sign_in(database, user_id)))


def sign_in(database: Database, user_id: UUID) -> UUID:
    """Another sign-in of an account."""
    made: UUID = database.superuser("insert into auth.sessions (user_id) values (%s) returning id", user_id)[
        0
    ][0]
    return made


def a_hash() -> str:
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def issue_session(who: Caller, **more: Any) -> str:
    """A browser's credential; its hash."""
    made = a_hash()
    who.call("sessions_issue", **{"secret_hash": made, "seconds": 60, **more})
    return made


def make_token(who: Caller, project: str, role: str = "viewer", **more: Any) -> dict[str, Any]:
    """An access token."""
    values = {"project_id": project, "name": "ci", "role": role, "secret_hash": a_hash(), "days": 1, **more}
    made: dict[str, Any] = who.call("tokens_create", **values)
    return {**made, "hash": values["secret_hash"]}


def resolve(database: Database, secret_hash: str) -> Any:
    return database.anon.call("credentials_resolve", secret_hash=secret_hash)


# ---- profiles


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ana Bo", "Ana Bo"),
        ("  Ana\t\nBo\x1b[31m ", "AnaBo[31m"),
        ("\u202eoB anA\u2066", "oB anA"),
        ("x" * 300, "x" * 100),
        ("", None),
        (" \u200b ", None),
        (["not", "a", "text"], '["not", "a", "text"]'),
        (None, None),
    ],
    ids=["name", "controls", "direction", "long", "empty", "invisible", "list", "null"],
)
def test_an_account_is_called_what_it_was_made_with(
    database: Database, given: Any, shown: str | None
) -> None:
    local = f"ana-{uuid4().hex}"
    who = somebody(database, f"{local}@example.org", display_name=given)
    assert who.call("accounts_get")["display_name"] == (shown or local)


def test_one_changes_ones_own_name_and_no_other(database: Database) -> None:
    ana, ben = somebody(database), somebody(database)
    assert ana.call("accounts_update", display_name="  Ana  ")["display_name"] == "Ana"
    for bad in ("", "  ", "a\nb", "x" * 101, "evil\u202egnp.exe"):
        with pytest.raises(InsighterError) as error:
            ana.call("accounts_update", display_name=bad)
        assert (error.value.status, error.value.code) == (422, "invalid_name"), bad
    ana.rows("update insighter.profiles set display_name = 'Taken'")
    assert ben.call("accounts_get")["display_name"] != "Taken"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ana.rows("update insighter.profiles set email = 'root@example.org'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ana.rows("delete from insighter.profiles")


def test_a_profile_that_is_missing_is_made_at_sign_in_with_the_address_as_it_is_now(
    database: Database,
) -> None:
    who = somebody(database)
    database.superuser("delete from insighter.profiles where user_id = %s", who.principal.user_id)
    issue_session(who)
    assert who.call("accounts_get")["display_name"]
    address = f"new-{uuid4().hex}@example.org"
    database.superuser("update auth.users set email = %s where id = %s", address, who.principal.user_id)
    who.call("accounts_ensure")
    row = database.superuser("select email from insighter.profiles where user_id = %s", who.principal.user_id)
    assert row == [(address,)] and who.call("accounts_get")["email"] == address


# ---- sign-ins


def test_a_browsers_session_is_the_person_as_long_as_the_sign_in_lasts(database: Database) -> None:
    who = somebody(database)
    held = issue_session(who, user_agent="Firefox", ip="10.0.0.1")
    found = resolve(database, held)
    assert found["user_id"] == str(who.principal.user_id)
    assert found["session_id"] == str(who.principal.session_id)
    assert (found["kind"], found["project_id"], found["role"]) == ("person", None, None)
    assert found["email"] == who.principal.email and found["display_name"]
    database.superuser("delete from auth.sessions where id = %s", who.principal.session_id)
    assert resolve(database, held) is None
    with pytest.raises(InsighterError) as error:
        issue_session(who)
    assert (error.value.status, error.value.code) == (401, "session_expired")


@pytest.mark.parametrize(
    "ending",
    [
        "update auth.sessions set not_after = now() - interval '1 second' where user_id = %s",
        "update auth.users set banned_until = now() + interval '1 hour' where id = %s",
        "update auth.users set deleted_at = now() where id = %s",
        "delete from auth.users where id = %s",
        "update insighter.credentials set expires_at = now() where user_id = %s",
    ],
    ids=["too old", "banned", "closed", "deleted", "expired"],
)
def test_no_credential_outlives_what_it_stands_on(database: Database, ending: str) -> None:
    who = somebody(database)
    other = somebody(database)
    project = other.call("projects_create", name=f"P {uuid4().hex}")["id"]
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'editor')",
        project,
        who.principal.user_id,
    )
    held = issue_session(who)
    token = make_token(who, project)["hash"]
    assert who.call("sessions_check") is not None
    database.superuser(ending, who.principal.user_id)
    assert resolve(database, held) is None
    tied_to_the_sign_in = "sessions" in ending
    assert (resolve(database, token) is None) == (not tied_to_the_sign_in)
    if "credentials" not in ending:
        assert who.call("sessions_check") is None


def test_a_token_of_a_sign_in_that_is_not_the_callers_is_none(database: Database) -> None:
    ana, ben = somebody(database), somebody(database)
    forged = ben.limited(session_id=ana.principal.session_id)
    assert forged.call("sessions_check") is None
    with pytest.raises(InsighterError):
        issue_session(forged)
    assert ben.limited(session_id=None).call("sessions_check") is not None
    with pytest.raises(InsighterError):
        issue_session(ben.limited(session_id=None))
    # Past the function as well: the row belongs to the sign-in that makes it.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ben.rows(
            "insert into insighter.credentials (user_id, kind, label, secret_hash, session_id, expires_at)"
            " values (%s, 'session', 'x', %s, %s, now() + interval '1 hour')",
            ben.principal.user_id, a_hash(), ana.principal.session_id,
        )  # fmt: skip


def test_sign_ins_are_listed_page_by_page_and_ended_one_by_one(database: Database) -> None:
    who, stranger = somebody(database), somebody(database)
    others = [sign_in(database, who.principal.user_id) for _ in range(4)]
    issue_session(who, user_agent="Firefox" + "x" * 1000, ip="2001:db8::1")
    held = issue_session(who.limited(session_id=others[0]))
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = who.call("sessions_list", limit=2, cursor=cursor)
        seen += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert {item["id"] for item in seen} == {str(who.principal.session_id), *map(str, others)}
    assert len(seen) == 5
    current = [item for item in seen if item["current"]]
    assert [item["id"] for item in current] == [str(who.principal.session_id)]
    assert current[0]["ip"] == "2001:db8::1" and current[0]["user_agent"].startswith("Firefox")
    with pytest.raises(InsighterError) as error:
        stranger.call("sessions_end", id=others[0])
    assert error.value.status == 404
    assert resolve(database, held) is not None
    who.call("sessions_end", id=others[0])
    assert resolve(database, held) is None


# ---- access tokens


@pytest.mark.parametrize("mine", ROLES)
def test_nobody_gives_a_token_more_than_is_theirs(database: Database, mine: str) -> None:
    owner = somebody(database)
    project = owner.call("projects_create", name=f"P {uuid4().hex}")["id"]
    who = owner
    if mine != "owner":
        who = somebody(database)
        database.superuser(
            "insert into insighter.members (project_id, user_id, role) values (%s, %s, %s)",
            project, who.principal.user_id, mine,
        )  # fmt: skip
    for role in ROLES:
        if ROLES.index(role) <= ROLES.index(mine):
            assert make_token(who, project, role)["role"] == role
            continue
        with pytest.raises(InsighterError) as error:
            make_token(who, project, role)
        assert (error.value.status, error.value.code) == (403, "role_too_low")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            who.rows(
                "insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)"
                " values (%s, %s, 'token', 'x', %s, %s, now() + interval '1 hour')",
                who.principal.user_id, project, role, a_hash(),
            )  # fmt: skip


def test_a_token_works_in_its_project_as_its_role_and_nowhere_else(database: Database) -> None:
    who = somebody(database)
    mine = who.call("projects_create", name=f"P {uuid4().hex}")["id"]
    other = who.call("projects_create", name=f"Q {uuid4().hex}")["id"]
    found = resolve(database, make_token(who, mine, "viewer")["hash"])
    assert (found["kind"], found["project_id"], found["role"]) == ("token", mine, "viewer")
    token = who.limited(kind="token", project_id=UUID(mine), ceiling="viewer", session_id=None)
    assert [item["id"] for item in token.call("projects_list")["items"]] == [mine]
    assert token.call("projects_get", id=mine)["role"] == "viewer"
    for function, arguments in (
        ("projects_get", {"id": other}),
        ("projects_update", {"id": mine, "description": "x"}),
        ("projects_create", {"name": "x"}),
        ("experiments_create", {"project_id": mine, "name": "x"}),
    ):
        with pytest.raises(InsighterError) as error:
            token.call(function, **arguments)
        assert error.value.status in {403, 404, 422}, function


def test_nobody_but_the_person_looks_after_credentials(database: Database) -> None:
    who = somebody(database)
    project = who.call("projects_create", name=f"P {uuid4().hex}")["id"]
    made = make_token(who, project, "owner")
    token = {"project_id": project, "name": "x", "role": "viewer", "days": 1}
    kernel = {"project_id": project, "label": "x", "issuer_hash": a_hash(), "seconds": 60}
    for credential in (
        who.limited(kind="kernel", project_id=UUID(project), ceiling="editor"),
        who.limited(kind="token", project_id=UUID(project), ceiling="owner"),
        who.limited(kind="token", ceiling="owner"),
    ):
        calls: list[tuple[str, dict[str, Any]]] = [
            ("accounts_get", {}),
            ("accounts_update", {"display_name": "x"}),
            ("accounts_ensure", {}),
            ("accounts_leave", {}),
            ("sessions_list", {}),
            ("sessions_issue", {"secret_hash": a_hash(), "seconds": 60}),
            ("sessions_end", {"id": who.principal.session_id}),
            ("tokens_list", {}),
            ("tokens_create", {**token, "secret_hash": a_hash()}),
            ("tokens_revoke", {"id": made["id"]}),
            ("credentials_issue", {**kernel, "secret_hash": a_hash()}),
        ]  # fmt: skip
        for function, arguments in calls:
            with pytest.raises(InsighterError) as error:
                credential.call(function, **arguments)
            assert error.value.status == 403, function
        assert credential.rows("select id from insighter.credentials") == []
        assert credential.call("credentials_revoke", id=made["id"])["revoked"] == 0
    assert resolve(database, made["hash"]) is not None


def test_tokens_are_listed_without_their_secret_and_revoked_for_good(database: Database) -> None:
    who, stranger = somebody(database), somebody(database)
    project = who.call("projects_create", name=f"P {uuid4().hex}")
    made = [make_token(who, project["id"], name=f"t{number}") for number in range(3)]
    first = who.call("tokens_list", limit=2)
    second = who.call("tokens_list", limit=2, cursor=first["cursor"])
    assert [item["name"] for item in first["items"] + second["items"]] == ["t2", "t1", "t0"]
    assert first["items"][0]["project"] == project["name"] and second["cursor"] is None
    assert not any(one["hash"] in json.dumps(first) for one in made)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        who.rows("select secret_hash from insighter.credentials")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        who.rows("select issuer from insighter.credentials")
    assert stranger.call("tokens_list")["items"] == []
    with pytest.raises(InsighterError) as error:
        stranger.call("tokens_revoke", id=made[0]["id"])
    assert error.value.status == 404
    revoked = who.call("tokens_revoke", id=made[0]["id"])["revoked_at"]
    assert who.call("tokens_revoke", id=made[0]["id"])["revoked_at"] == revoked
    assert resolve(database, made[0]["hash"]) is None and resolve(database, made[1]["hash"]) is not None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        who.rows("update insighter.credentials set expires_at = now() + interval '9 years'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        who.rows("update insighter.credentials set role = 'owner'")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"days": 0}, 422), ({"days": 366}, 422), ({"days": None}, 422), ({"name": ""}, 422), ({"name": "a\tb"}, 422),
        ({"name": "x" * 101}, 422), ({"name": None}, 422), ({"role": "root"}, 422),
        ({"secret_hash": "not a hash"}, 422), ({"project_id": "00000000-0000-4000-8000-000000000000"}, 404),
    ],
    ids=["no days", "many days", "null days", "no name", "tab", "long name", "null name", "role", "hash", "project"],
)  # fmt: skip
def test_a_token_that_cannot_be_is_refused(database: Database, wrong: dict[str, Any], status: int) -> None:
    who = somebody(database)
    project = who.call("projects_create", name=f"P {uuid4().hex}")["id"]
    with pytest.raises(InsighterError) as error:
        make_token(who, project, **wrong)
    assert error.value.status == status


def test_whoever_reads_a_public_project_makes_no_token_for_it(database: Database) -> None:
    owner, reader = somebody(database), somebody(database)
    project = owner.call("projects_create", name=f"P {uuid4().hex}")["id"]
    database.superuser("update insighter.projects set visibility = 'public' where id = %s", project)
    assert reader.call("projects_get", id=project)["role"] == "viewer"
    with pytest.raises(InsighterError) as error:
        make_token(reader, project)
    assert error.value.status == 403


# ---- kernels


def test_a_kernel_works_in_its_project_and_says_not_who_may_what(database: Database) -> None:
    who = somebody(database)
    project = who.call("projects_create", name=f"P {uuid4().hex}")["id"]
    held = a_hash()
    issued = {
        "project_id": project,
        "label": "k",
        "secret_hash": held,
        "issuer_hash": a_hash(),
        "seconds": 60,
    }
    who.call("credentials_issue", **issued)
    found = resolve(database, held)
    assert (found["kind"], found["role"], found["project_id"]) == ("kernel", "editor", project)
    kernel = who.limited(kind="kernel", project_id=UUID(project), ceiling="editor")
    assert kernel.call("experiments_create", project_id=project, name="x")
    for change in ({"name": "Renamed"}, {"archived": True}, {"description": "x"}):
        with pytest.raises(InsighterError) as error:
            kernel.call("projects_update", id=project, **change)
        assert error.value.status == 403
    with pytest.raises(InsighterError) as error:
        kernel.call("projects_delete", id=project)
    assert error.value.status == 403


def test_a_servers_name_ends_what_it_gave_to_kernels_and_nothing_else(database: Database) -> None:
    name = secrets.token_urlsafe(32)
    digest = hashlib.sha256(name.encode()).hexdigest()
    people = [somebody(database) for _ in range(3)]
    held = []
    for who in people:
        project = who.call("projects_create", name=f"P {uuid4().hex}")["id"]
        for issuer in (digest, a_hash()):
            secret = a_hash()
            issued = {
                "project_id": project,
                "label": "k",
                "secret_hash": secret,
                "issuer_hash": issuer,
                "seconds": 60,
            }
            who.call("credentials_issue", **issued)
            held.append((issuer, secret))
    token = make_token(people[0], project := people[0].call("projects_personal")["id"])
    assert project
    for guess in (digest, "", secrets.token_urlsafe(32)):
        assert database.anon.call("credentials_revoke_issued", issuer=guess)["revoked"] == 0
    assert database.anon.call("credentials_revoke_issued", issuer=name)["revoked"] == 3
    for issuer, secret in held:
        assert (resolve(database, secret) is None) == (issuer == digest)
    assert resolve(database, token["hash"]) is not None


def test_the_last_use_is_noted_to_the_minute_and_only_by_who_has_the_secret(database: Database) -> None:
    who = somebody(database)
    made = make_token(who, who.call("projects_personal")["id"])
    assert made["last_used_at"] is None
    assert database.anon.call("credentials_touch", secret_hash=made["hash"])["touched"] == 1
    assert database.anon.call("credentials_touch", secret_hash=made["hash"])["touched"] == 0
    assert database.anon.call("credentials_touch", secret_hash=a_hash())["touched"] == 0
    assert who.call("tokens_list")["items"][0]["last_used_at"] is not None
    who.call("tokens_revoke", id=made["id"])
    database.superuser("update insighter.credentials set last_used_at = null where id = %s", made["id"])
    assert database.anon.call("credentials_touch", secret_hash=made["hash"])["touched"] == 0


def test_what_a_credential_is_limited_by_cannot_be_left_out(database: Database) -> None:
    who = somebody(database)
    project = who.call("projects_personal")["id"]
    columns = "(user_id, kind, label, secret_hash, expires_at, project_id, role, session_id)"
    for kind, project_id, role, session in (
        ("kernel", None, "editor", None),
        ("kernel", project, None, None),
        ("token", None, "viewer", None),
        ("token", project, None, None),
        ("session", project, "viewer", who.principal.session_id),
        ("session", None, None, None),
        ("other", project, "viewer", None),
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            database.superuser(
                f"insert into insighter.credentials {columns} values (%s, %s, 'x', %s, now(), %s, %s, %s)",
                who.principal.user_id, kind, a_hash(), project_id, role, session,
            )  # fmt: skip


def test_secrets_are_in_no_row_of_the_audit(database: Database) -> None:
    who = somebody(database)
    hashes = [make_token(who, who.call("projects_personal")["id"])["hash"], issue_session(who)]
    rows = database.superuser("select a::text from insighter.audit a where actor = %s", who.principal.user_id)
    assert any("credential" in row[0] for row in rows)
    assert not any(one in row[0] for row in rows for one in hashes)


# ---- the end of an account


def test_an_account_leaves_with_its_personal_project_when_nothing_else_is_its(database: Database) -> None:
    who = somebody(database)
    personal = who.call("projects_personal")["id"]
    project = who.call("projects_create", name=f"Kept {uuid4().hex}")["id"]
    platform = who.limited(kind="service", session_id=None)
    with pytest.raises(InsighterError) as error:
        who.call("accounts_leave")
    assert error.value.status == 403
    with pytest.raises(InsighterError) as error:
        platform.call("accounts_leave")
    assert error.value.code == "projects_owned" and "Kept" in error.value.message
    assert who.call("projects_get", id=personal)
    who.call("projects_delete", id=project)
    assert platform.call("accounts_leave")["personal_project"] == personal
    database.superuser("delete from auth.users where id = %s", who.principal.user_id)
