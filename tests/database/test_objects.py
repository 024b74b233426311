"""Who reads, writes and deletes which bytes: what Supabase's store enforces and what the embedded one asks agree."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Forbidden, InsighterError, Invalid, NotFound
from tests.database.conftest import Database, Person

READERS = {"viewer", "annotator", "editor", "admin", "owner"}
EDITORS = {"editor", "admin", "owner"}


def key_of(project: str, content: str) -> str:
    return f"{project}/{hashlib.sha256(content.encode()).hexdigest()}"


def add(person: Person, project: str, name: str, content: str) -> str:
    """A dataset of one version; returns its id."""
    key = key_of(project, content)
    made = person.call(
        "datasets_add_version", project_id=project, name=name, format="parquet", filename="", size=1, rows=1,
        sha256=key.split("/")[1], table_object_key=key, table_size=1, columns=[],
    )  # fmt: skip
    dataset: str = made["dataset"]["id"]
    return dataset


def restrict(database: Database, project: str, kind: str, asset: str, role: str, *people: Person) -> None:
    database.superuser(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, people, created_by)"
        " select %s, %s, %s, %s, %s, created_by from insighter.projects where id = %s",
        project,
        kind,
        asset,
        role,
        [person.user_id for person in people],
        project,
    )


class Store:
    """Supabase's list of objects, as its API uses it: under the caller's row-level security."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.superuser(
            "insert into storage.buckets (id, name) values ('insighter', 'insighter'), ('other', 'other')"
            " on conflict do nothing"
        )
        # What the storage API says before a deletion, and a person who speaks SQL could say too.
        database._api.execute("select set_config('storage.allow_delete_query', 'true', false)")

    def has(self, *keys: str) -> None:
        """The bytes are there, whoever stored them."""
        for key in keys:
            self.database.superuser(
                "insert into storage.objects (bucket_id, name) values ('insighter', %s)", key
            )

    def seen(self, person: Person) -> set[str]:
        return {name for (name,) in person.rows("select name from storage.objects")}

    def write(self, person: Person, key: str, bucket: str = "insighter") -> bool:
        try:
            person.rows("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, key)
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    def overwrite(self, person: Person, key: str, name: str | None = None) -> bool:
        try:
            changed = person.rows(
                "update storage.objects set name = %s, updated_at = now() where name = %s returning name",
                name or key,
                key,
            )
        except psycopg.errors.InsufficientPrivilege:
            return False
        return len(changed) == 1

    def delete(self, person: Person, key: str) -> bool:
        deleted = person.rows("delete from storage.objects where name = %s returning name", key)
        return len(deleted) == 1


def may(person: Person, key: str, action: str) -> bool:
    """What the embedded store is told."""
    try:
        return bool(person.call("objects_authorize", keys=[key], action=action) == [key])
    except InsighterError:
        return False


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    made: str = owner.call("projects_create", name="Data")["id"]
    return made


def someone(database: Database, owner: Person, project: str, role: str) -> Person:
    if role == "owner":
        return owner
    return database.person() if role == "stranger" else database.member(project, role)


ROLES = pytest.mark.parametrize("role", ["stranger", "viewer", "annotator", "editor", "admin", "owner"])


@ROLES
def test_what_a_row_names_is_read_by_its_readers_and_never_changes(
    database: Database, store: Store, owner: Person, project: str, role: str
) -> None:
    add(owner, project, "t", f"named, {role}")
    key = key_of(project, f"named, {role}")
    store.has(key)
    person = someone(database, owner, project, role)
    assert (key in store.seen(person)) == may(person, key, "read") == (role in READERS)
    assert not store.overwrite(person, key)
    assert not store.overwrite(person, key, key_of(project, "moved away"))
    assert not store.delete(person, key)
    assert not may(person, key, "delete")


@ROLES
def test_what_no_row_names_is_its_editors(
    database: Database, store: Store, owner: Person, project: str, role: str
) -> None:
    person = someone(database, owner, project, role)
    key = key_of(project, f"new, {role}")
    assert store.write(person, key) == may(person, key, "write") == (role in EDITORS)
    if role not in EDITORS:
        store.has(key)
    assert (key in store.seen(person)) == may(person, key, "read") == (role in EDITORS)
    assert store.overwrite(person, key) == (role in EDITORS)
    assert not store.overwrite(person, key, "out of every project")
    assert may(person, key, "delete") == (role in EDITORS)
    assert store.delete(person, key) == (role in EDITORS)


def test_nobody_without_an_account_reaches_a_byte(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    add(owner, project, "t", "for members")
    key = key_of(project, "for members")
    store.has(key)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.anon.rows("select name from storage.objects")
    for action in ("read", "write", "delete"):
        with pytest.raises(Forbidden):
            database.anon.call("objects_authorize", keys=[key], action=action)


@pytest.mark.parametrize("visibility", ["team", "public"])
def test_who_reads_a_project_reads_its_bytes_and_no_more(
    database: Database, store: Store, owner: Person, project: str, visibility: str
) -> None:
    reader, colleague = database.person("reader"), database.person("colleague")
    organisation = database.superuser(
        "insert into insighter.organisations (name) values (%s) returning id", f"Team {uuid4().hex}"
    )[0][0]
    for person in (owner, colleague):
        database.superuser(
            "insert into insighter.organisation_members values (%s, %s, 'member')",
            organisation,
            person.user_id,
        )
    owner.rows(
        "update insighter.projects set visibility = %s, organisation_id = %s where id = %s returning id",
        visibility,
        organisation,
        project,
    )
    add(owner, project, "t", f"shared, {visibility}")
    key, new = key_of(project, f"shared, {visibility}"), key_of(project, f"new, {visibility}")
    store.has(key)
    assert may(colleague, key, "read") and key in store.seen(colleague)
    assert (may(reader, key, "read"), key in store.seen(reader)) == (visibility == "public",) * 2
    for person in (reader, colleague):
        assert not store.write(person, new) and not may(person, new, "write")
        assert not store.delete(person, key) and not may(person, key, "delete")


def test_a_hidden_dataset_takes_its_bytes_along(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    viewer, editor, named = (database.member(project, role) for role in ("viewer", "editor", "viewer"))
    secret = add(owner, project, "secret", "salaries")
    add(owner, project, "open", "weather")
    restrict(database, project, "dataset", secret, "admin", named)
    key, other = key_of(project, "salaries"), key_of(project, "weather")
    store.has(key, other)
    for person in (viewer, editor):
        assert not may(person, key, "read") and key not in store.seen(person)
        assert may(person, other, "read") and other in store.seen(person)
        assert not store.overwrite(person, key) and not store.delete(person, key)
        assert not may(person, key, "delete")
    for person in (named, owner):
        assert may(person, key, "read") and key in store.seen(person)
    # The same content as another dataset: that one's readers have it anyway.
    add(owner, project, "copy", "salaries")
    assert may(viewer, key, "read") and key in store.seen(viewer)


def test_a_hidden_model_takes_its_files_and_what_is_known_of_them_along(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    viewer = database.member(project, "viewer")
    experiment = owner.call("experiments_create", name="e", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=experiment, name="r")["id"]
    logged = owner.call("logged_models_create", experiment_id=experiment, name="m", source_run_id=run)["id"]
    weights, plot = key_of(project, "weights"), key_of(project, "plot")
    for root, path, key in (
        (f"models/{logged}", "model.pkl", weights),
        (f"runs/{run}", "plot.png", plot),
    ):
        owner.call("artifacts_put", root=root, path=path, object_key=key, sha256=key.split("/")[1], size=1)
    owner.call("models_register", project_id=project, name="fraud", model_id=logged)
    store.has(weights, plot)
    assert may(viewer, weights, "read")
    model = database.superuser("select id from insighter.registered_models where project_id = %s", project)
    restrict(database, project, "model", model[0][0], "editor")
    assert not may(viewer, weights, "read") and weights not in store.seen(viewer)
    assert may(viewer, plot, "read") and plot in store.seen(viewer)
    for function, arguments in (
        ("logged_models_get", {"id": logged}),
        ("artifacts_list", {"root": f"models/{logged}"}),
        ("artifacts_get", {"root": f"models/{logged}", "path": "model.pkl"}),
        ("model_versions_files", {"name": "fraud", "version": "1", "project_id": project}),
        ("model_versions_get", {"name": "fraud", "version": "1", "project_id": project}),
    ):
        assert owner.call(function, **arguments)
        with pytest.raises(NotFound):
            viewer.call(function, **arguments)
    found = viewer.call("logged_models_search", experiment_ids=[experiment])
    assert found["items"] == []
    # Registered anew under another name, the files stay what they are.
    editor = database.member(project, "editor")
    editor.call("models_register", project_id=project, name="open", model_id=logged)
    assert viewer.call("model_versions_files", name="open", version="1", project_id=project) == []
    assert not may(viewer, weights, "read")


def test_a_kernel_reaches_the_bytes_of_its_project_alone(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    other = owner.call("projects_create", name="Other")["id"]
    add(owner, other, "t", "of the other")
    key = key_of(other, "of the other")
    store.has(key)
    kernel = owner.kernel(project)
    assert not may(kernel, key, "read") and key not in store.seen(kernel)
    assert not store.write(kernel, key_of(other, "new")) and not may(kernel, key_of(other, "new"), "write")
    assert store.write(kernel, key_of(project, "new"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "{p}",
        "{p}/",
        "{p}/x",
        "{p}/../{h}",
        "{p}/{h}/x",
        "{p}/{h}\n",
        "{p}/{H}",
        "/{p}/{h}",
        "{p}//{h}",
    ],
)
def test_no_other_name_is_an_object(store: Store, owner: Person, project: str, name: str) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    made = name.format(p=project, h=digest, H=digest.upper())
    assert not store.write(owner, made)
    assert owner.call("objects_authorize", keys=[made], action="read") == []
    assert owner.call("objects_authorize", keys=[made], action="delete") == []
    with pytest.raises(Invalid):
        owner.call("objects_authorize", keys=[made], action="write")


def test_other_buckets_are_none_of_ours(store: Store, owner: Person, project: str) -> None:
    assert not store.write(owner, key_of(project, "x"), "other")


def test_a_write_that_is_refused_says_why(database: Database, owner: Person, project: str) -> None:
    key = key_of(project, "x")
    with pytest.raises(Forbidden):
        database.member(project, "annotator").call("objects_authorize", keys=[key], action="write")
    with pytest.raises(NotFound):
        database.person().call("objects_authorize", keys=[key], action="write")
    with pytest.raises(Invalid):
        owner.call("objects_authorize", keys=[key], action="burn")


def test_what_a_deletion_released_its_author_may_delete(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    editor = database.member(project, "editor")
    add(owner, project, "t", "old")
    key = key_of(project, "old")
    store.has(key)
    entry = editor.call("datasets_delete", project_id=project, name="t")
    assert not may(editor, key, "delete") and not may(owner, key, "read"), (
        "in the trash: neither free nor read"
    )
    owner.call("trash_purge", project_id=project, kind="dataset", id=entry["id"])
    assert editor.call("trash_release", project_id=project)["keys"] == [key]
    assert not store.delete(database.member(project, "viewer"), key)
    assert may(editor, key, "delete") and store.delete(editor, key)


def test_the_bytes_of_a_deleted_project_are_cleared_by_whoever_deleted_it(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    editor, stranger = database.member(project, "editor"), database.person()
    other = owner.call("projects_create", name="Other")["id"]
    add(owner, project, "t", "left behind")
    key = key_of(project, "left behind")
    store.has(key)
    assert owner.call("objects_released") == []
    owner.call("projects_delete", id=project)
    assert owner.call("objects_released") == [] and not may(owner, key, "delete"), "it may come back"
    owner.call("trash_projects_purge", id=project)
    for person in (editor, stranger, owner.kernel(other)):
        assert person.call("objects_released") == []
        assert not store.delete(person, key) and not may(person, key, "delete")
        assert key not in store.seen(person)
        person.call("objects_cleared", project_id=project)
    assert owner.call("objects_released") == [project]
    assert not store.write(owner, key_of(project, "more")), "nothing is added any more"
    assert may(owner, key, "delete") and key in store.seen(owner) and store.delete(owner, key)
    owner.call("objects_cleared", project_id=project)
    assert owner.call("objects_released") == []
    assert not may(owner, key, "delete")


def test_nobody_makes_a_project_theirs_to_clear(database: Database, owner: Person, project: str) -> None:
    stranger = database.person()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.rows(
            "insert into insighter.released_projects (project_id, released_by) values (%s, %s)",
            project,
            stranger.user_id,
        )


def test_only_the_sweep_asks_about_everybodys_objects(
    database: Database, owner: Person, project: str
) -> None:
    add(owner, project, "t", "kept")
    keys = [key_of(project, "kept"), key_of(project, "lost"), key_of(str(uuid4()), "of nobody"), "x"]
    assert sorted(database.superuser("select private.objects_orphaned(%s)", keys)[0][0]) == sorted(keys[1:3])
    for role in ("authenticated", "anon", "service_role"):
        assert database.superuser(
            "select has_function_privilege(%s, 'private.objects_orphaned(text[])', 'execute')", role
        ) == [(False,)]


def test_a_table_that_comes_later_opens_its_bytes_to_those_who_see_its_rows(
    database: Database, store: Store, owner: Person, project: str
) -> None:
    viewer: Any = database.member(project, "viewer")
    key = key_of(project, "a mask")
    database.superuser("create table insighter.later (mask_object_key text)")
    try:
        database.superuser("insert into insighter.later values (%s)", key)
        assert not may(viewer, key, "read") and not may(owner, key, "delete")
        database.superuser("grant select on insighter.later to authenticated")
        assert may(viewer, key, "read")
    finally:
        database.superuser("drop table insighter.later")
