"""Who sees and changes which project, proved in the database itself."""

from __future__ import annotations

from typing import Any

import pytest

from insighter_ext.errors import Conflict, Forbidden, InsighterError, NotFound
from tests.database.conftest import Database, Person, refused
from tests.database.sharing import race

ROLES = ["viewer", "annotator", "editor", "admin", "owner"]


def test_a_stranger_sees_nothing_of_a_project(database: Database) -> None:
    owner, stranger = database.person("owner"), database.person("stranger")
    project = owner.call("projects_create", name="Secret plans")["id"]
    assert stranger.call("projects_list")["items"] == []
    for function in ("projects_get", "projects_delete"):
        with pytest.raises(NotFound):
            stranger.call(function, id=project)
    with pytest.raises(NotFound):
        stranger.call("projects_update", id=project, name="Mine now")
    for table in ("projects", "members", "events"):
        assert stranger.rows(f"select * from insighter.{table}") == [], table
    assert [row[0] for row in stranger.rows("select user_id from insighter.profiles")] == [stranger.user_id]


def test_nobody_who_is_not_signed_in_calls_anything(database: Database) -> None:
    functions = database.superuser(
        """select proname from pg_proc p
           where pronamespace = 'public'::regnamespace and proname <> 'credentials_resolve'
             and pronargs = pronargdefaults
             and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    )
    assert functions
    for (function,) in functions:
        with pytest.raises(InsighterError) as error:
            database.anon.call(function)
        assert error.value.status == 403, function


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_may_do_to_a_project(database: Database, role: str) -> None:
    owner = database.person()
    project = owner.call("projects_create", name=f"Shared with {role}")["id"]
    member = database.member(project, role) if role != "owner" else owner
    assert member.call("projects_get", id=project)["role"] == role
    if role in {"admin", "owner"}:
        assert member.call("projects_update", id=project, description="changed")["description"] == "changed"
    else:
        with pytest.raises(Forbidden):
            member.call("projects_update", id=project, description="changed")
    if role == "owner":
        assert member.call("projects_delete", id=project)["id"] == project
    else:
        with pytest.raises(Forbidden):
            member.call("projects_delete", id=project)


def test_members_tables_are_not_writable_past_the_functions(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = owner.call("projects_create", name="Closed doors")["id"]
    attempts = [
        f"insert into insighter.members (project_id, user_id, role)"
        f" values ('{project}', '{stranger.user_id}', 'owner')",
        "update insighter.members set user_id = auth.uid()",
        "delete from insighter.events",
        "update insighter.projects set created_by = auth.uid()",
        f"insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name)"
        f" values ('{project}', '{owner.user_id}', 'person', 'deleted', 'project', '', '')",
    ]
    for person in (owner, stranger):
        for attempt in attempts:
            with pytest.raises(Exception, match=r"permission denied|violates row-level security"):
                person.rows(attempt)


def test_a_confined_credential_sees_its_project_alone(database: Database) -> None:
    owner = database.person()
    mine = owner.call("projects_create", name="Of the kernel")["id"]
    other = owner.call("projects_create", name="Not of the kernel")["id"]
    kernel = owner.kernel(mine)
    assert [item["id"] for item in kernel.call("projects_list")["items"]] == [mine]
    with pytest.raises(NotFound):
        kernel.call("projects_get", id=other)
    with pytest.raises(Forbidden):
        kernel.call("projects_create", name="Escape")
    with pytest.raises(InsighterError):
        kernel.call("projects_personal")
    with pytest.raises(InsighterError):
        kernel.call(
            "credentials_issue",
            project_id=mine,
            label="me too",
            secret_hash="0" * 64,
            issuer_hash="0" * 64,
            seconds=60,
        )
    assert kernel.rows("select id from insighter.credentials") == []


def test_a_credential_resolves_until_it_is_revoked_or_expires(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = owner.call("projects_create", name="With kernels")["id"]

    def issue(digest: str, seconds: int = 60) -> str:
        made = owner.call(
            "credentials_issue",
            project_id=project, label="k", secret_hash=digest * 64, issuer_hash=digest * 64, seconds=seconds,
        )  # fmt: skip
        return str(made["id"])

    first = issue("a")
    issue("b", seconds=0)
    assert database.anon.call("credentials_resolve", secret_hash="a" * 64)["project_id"] == project
    assert database.anon.call("credentials_resolve", secret_hash="b" * 64) is None
    assert database.anon.call("credentials_resolve", secret_hash="c" * 64) is None
    assert stranger.call("credentials_revoke", id=first)["revoked"] == 0
    assert owner.call("credentials_revoke", id=first)["revoked"] == 1
    assert database.anon.call("credentials_resolve", secret_hash="a" * 64) is None
    with pytest.raises(NotFound):
        stranger.call(
            "credentials_issue",
            project_id=project,
            label="k",
            secret_hash="d" * 64,
            issuer_hash="d" * 64,
            seconds=9,
        )


def test_an_archived_project_is_restored_by_its_admins(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Sleeping")["id"]
    assert owner.call("projects_update", id=project, archived=True)["archived_at"]
    assert owner.call("projects_list")["items"] == []
    assert owner.call("projects_update", id=project, archived=False)["archived_at"] is None


def test_two_people_may_use_one_name_and_get_different_slugs(database: Database) -> None:
    slugs = {database.person().call("projects_create", name="Wine quality")["slug"] for _ in range(3)}
    assert len(slugs) == 3 and "wine-quality" in slugs
    same = database.person()
    same.call("projects_create", name="Straße")
    with pytest.raises(Conflict):
        same.call("projects_create", name=" STRAßE ")


def test_events_name_the_actor_whatever_the_caller_says(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Observed")["id"]
    owner.call("projects_update", id=project, name="Observed closely")
    events = owner.rows(
        "select verb, actor, actor_kind, data from insighter.events where project_id = %s order by id",
        project,
    )
    assert [(verb, actor, kind) for verb, actor, kind, _ in events] == [
        ("created", owner.user_id, "person"),
        ("renamed", owner.user_id, "person"),
    ]
    assert events[1][3] == {"before": "Observed"}


# ---- two people at one text -----------------------------------------------------------------------------------------


def conflict(person: Person, project: str, **arguments: Any) -> Any:
    with pytest.raises(InsighterError) as error:
        person.call("projects_update", id=project, **arguments)
    assert refused(error) == 409 and error.value.code == "changed_meanwhile"
    return error.value.details


def test_what_somebody_changed_meanwhile_is_not_overwritten(database: Database) -> None:
    owner = database.person("ana")
    project = owner.call("projects_create", name="Purpose", description="before")["id"]
    admin = database.member(project, "admin")
    admin.call("projects_update", id=project, description="theirs", expected={"description": "before"})
    told = conflict(owner, project, description="mine", expected={"description": "before"})
    assert (told["field"], told["yours"], told["theirs"]) == ("description", "mine", "theirs")
    assert told["by"].startswith("admin") and told["at"]
    assert owner.call("projects_get", id=project)["description"] == "theirs"
    # With what is there now as the expected one it is saved; the same text twice is no conflict.
    owner.call("projects_update", id=project, description="merged", expected={"description": "theirs"})
    owner.call("projects_update", id=project, description="merged", expected={"description": "long ago"})
    # A change of something else is none either.
    admin.call("projects_update", id=project, name="Purpose two")
    owner.call(
        "projects_update",
        id=project,
        description="last",
        expected={"name": "Purpose", "description": "merged"},
    )
    told = conflict(
        owner, project, name="Mine", description="x", expected={"name": "Purpose", "description": "last"}
    )
    assert (told["field"], told["yours"], told["theirs"]) == ("name", "Mine", "Purpose two")
    assert owner.call("projects_get", id=project)["description"] == "last"
    # Who expects nothing overwrites.
    assert owner.call("projects_update", id=project, description="forced")["description"] == "forced"


def test_of_two_at_the_same_moment_the_second_is_told(database: Database) -> None:
    owner = database.person("ana")
    project = owner.call("projects_create", name="Moment", description="before")["id"]
    query = (
        'select public.projects_update(%s, p_description => %s, p_expected => \'{"description": "before"}\')'
    )
    answers = race(database, (owner, query, [project, "first"]), (owner, query, [project, "second"]))
    assert answers[0] == "done" and '"changed_meanwhile"' in answers[1] and '"theirs": "first"' in answers[1]
    assert owner.call("projects_get", id=project)["description"] == "first"
