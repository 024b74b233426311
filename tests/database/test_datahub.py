"""Who sees and changes which dataset, and which bytes are still needed, proved in the database itself."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database, Person

EDITORS = {"editor", "admin", "owner"}


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def add(person: Person, project: str, name: str, content: str, table: str | None = None) -> Any:
    return person.call(
        "datasets_add_version",
        project_id=project,
        name=name,
        format="csv",
        filename=f"{name}.csv",
        sha256=digest(content),
        size=len(content),
        table_object_key=f"{project}/{digest(table or 'table of ' + content)}",
        table_size=1,
        rows=1,
        columns=[{"name": "a", "type": "BIGINT"}],
    )


def purged(person: Person, project: str, name: str) -> Any:
    """Delete a dataset for good; what is to be removed from the store."""
    entry = person.call("datasets_delete", project_id=project, name=name)
    person.call("trash_purge", project_id=project, kind="dataset", id=entry["id"])
    return person.call("trash_release", project_id=project)


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    made: str = owner.call("projects_create", name="Data")["id"]
    return made


def test_a_stranger_sees_and_changes_nothing(database: Database, owner: Person, project: str) -> None:
    add(owner, project, "secret", "x")
    stranger = database.person()
    for function, arguments in (
        ("datasets_list", {}),
        ("datasets_get", {"name": "secret"}),
        ("datasets_version", {"name": "secret", "version": 1}),
        ("datasets_may_upload", {"name": "secret"}),
        ("datasets_unchanged", {"name": "secret", "sha256": digest("x")}),
        ("datasets_delete", {"name": "secret"}),
    ):
        with pytest.raises(NotFound):
            stranger.call(function, project_id=project, **arguments)
    with pytest.raises(NotFound):
        add(stranger, project, "mine", "y")
    for table in ("datasets", "dataset_versions"):
        assert stranger.rows(f"select * from insighter.{table}") == []


@pytest.mark.parametrize("role", ["viewer", "annotator", "editor", "admin"])
def test_what_each_role_may(database: Database, owner: Person, project: str, role: str) -> None:
    add(owner, project, "t", "1")
    member = database.member(project, role)
    assert member.call("datasets_get", project_id=project, name="t")["versions"] == 1
    assert member.call("datasets_version", project_id=project, name="t", version=1)["rows"] == 1
    if role in EDITORS:
        assert add(member, project, "t", "2")["version"]["version"] == 2
        member.call("datasets_delete", project_id=project, name="t")
    else:
        with pytest.raises(Forbidden):
            add(member, project, "t", "2")
        with pytest.raises(Forbidden):
            member.call("datasets_may_upload", project_id=project, name="t")
        with pytest.raises(Forbidden):
            member.call("datasets_delete", project_id=project, name="t")


def test_a_kernels_credential_stays_in_its_project(owner: Person, project: str) -> None:
    other = owner.call("projects_create", name="Other")["id"]
    kernel = owner.kernel(project)
    assert add(kernel, project, "t", "1")["version"]["version"] == 1
    with pytest.raises(NotFound):
        add(kernel, other, "t", "1")


def test_versions_are_immutable_past_the_functions_too(owner: Person, project: str) -> None:
    add(owner, project, "t", "1")
    for attempt in (
        "update insighter.dataset_versions set rows = 7",
        "delete from insighter.dataset_versions",
        "update insighter.datasets set name = 'other'",
    ):
        with pytest.raises(Exception, match="permission denied"):
            owner.rows(attempt)


def test_nobody_names_an_object_of_another_project(database: Database, owner: Person, project: str) -> None:
    """A row that named another project's object would let its author read it."""
    other = owner.call("projects_create", name="Other of the same")["id"]
    with pytest.raises(Invalid):
        owner.call(
            "datasets_add_version", project_id=project, name="t", format="csv", filename="", sha256=digest("1"), size=1,
            table_object_key=f"{other}/{digest('1')}", table_size=1, rows=1, columns=[],
        )  # fmt: skip


def test_the_newest_content_again_is_no_version(owner: Person, project: str) -> None:
    add(owner, project, "t", "1")
    assert add(owner, project, "T", "1")["unchanged"] is True
    assert (
        owner.call("datasets_unchanged", project_id=project, name="t", sha256=digest("1"))["unchanged"]
        is True
    )
    assert owner.call("datasets_unchanged", project_id=project, name="t", sha256=digest("2")) is None
    assert add(owner, project, "t", "2")["version"]["version"] == 2
    assert owner.call("datasets_unchanged", project_id=project, name="t", sha256=digest("1")) is None


def test_deleting_tells_which_objects_nothing_needs(database: Database, owner: Person, project: str) -> None:
    add(owner, project, "one", "shared")
    add(owner, project, "one", "alone")
    add(owner, project, "two", "shared")
    gone = purged(owner, project, "one")
    assert sorted(gone["keys"]) == sorted(f"{project}/{digest(text)}" for text in ("alone", "table of alone"))
    assert gone["newest"]


def test_an_artifact_with_the_same_content_keeps_the_object(
    database: Database, owner: Person, project: str
) -> None:
    add(owner, project, "t", "shared with a run")
    key = f"{project}/{digest('shared with a run')}"
    database.superuser(
        "insert into insighter.artifacts (project_id, root, path, object_key, sha256, size, created_by)"
        " values (%s, %s, 'data.csv', %s, %s, 1, %s)",
        project,
        f"runs/{'0' * 32}",
        key,
        digest("shared with a run"),
        owner.user_id,
    )
    assert key not in purged(owner, project, "t")["keys"]
    assert owner.call("objects_authorize", keys=[key, f"{project}/{digest('nobody')}"], action="delete") == [
        f"{project}/{digest('nobody')}"
    ]


def test_tables_that_come_later_count_too(database: Database, owner: Person, project: str) -> None:
    add(owner, project, "t", "needed later")
    key = f"{project}/{digest('needed later')}"
    database.superuser("create table insighter.later (mask_object_key text)")
    try:
        database.superuser("insert into insighter.later values (%s)", key)
        assert key not in purged(owner, project, "t")["keys"]
    finally:
        database.superuser("drop table insighter.later")


def test_an_archived_project_does_not_change(owner: Person, project: str) -> None:
    add(owner, project, "t", "1")
    owner.call("projects_update", id=project, archived=True)
    for act in (
        lambda: add(owner, project, "t", "2"),
        lambda: owner.call("datasets_may_upload", project_id=project, name="t"),
        lambda: owner.call("datasets_delete", project_id=project, name="t"),
    ):
        with pytest.raises(Conflict):
            act()


def test_events_tell_who_did_what(database: Database, owner: Person, project: str) -> None:
    add(owner, project, "t", "1")
    add(owner.kernel(project), project, "t", "2")
    owner.call("datasets_delete", project_id=project, name="t")
    events = database.superuser(
        "select verb, asset_name, actor_kind, actor, data ->> 'version' from insighter.events"
        " where project_id = %s and asset_kind = 'dataset' order by id",
        project,
    )
    assert events == [
        ("created", "t", "person", owner.user_id, "1"),
        ("updated", "t", "kernel", owner.user_id, "2"),
        ("deleted", "t", "person", owner.user_id, None),
    ]


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".x", "a\\b", "a\nb", "x" * 101])
def test_names_that_cannot_be(owner: Person, project: str, name: str) -> None:
    with pytest.raises(Invalid):
        owner.call("datasets_may_upload", project_id=project, name=name)
    with pytest.raises(Invalid):
        add(owner, project, name, "1")


def test_deleting_the_project_deletes_its_datasets(database: Database, owner: Person, project: str) -> None:
    add(owner, project, "t", "1")
    owner.call("projects_delete", id=project)
    owner.call("trash_projects_purge", id=project)
    assert database.superuser("select * from insighter.dataset_versions where project_id = %s", project) == []
