"""Assets that are more closed than their project: not there for others, by whatever way they ask."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest

from insighter_ext.errors import Conflict, Forbidden, InsighterError, Invalid, NotFound
from tests.database.conftest import Database, Person
from tests.database.sharing import dataset, made


def test_a_restricted_asset_is_not_there_for_others(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor, named, viewer = (database.member(project, role) for role in ("editor", "viewer", "viewer"))
    dataset(owner, project, "Salaries", "salaries")
    dataset(owner, project, "Wine", "wine")
    answer = owner.call(
        "restrictions_set", project_id=project, kind="dataset", name="salaries", min_role="admin",
        people=[str(named.user_id)],
    )  # fmt: skip
    assert answer["name"] == "Salaries" and [one["user_id"] for one in answer["people"]] == [
        str(named.user_id)
    ]
    assert named.call("datasets_get", project_id=project, name="Salaries")["name"] == "Salaries"
    for person in (editor, viewer):
        assert [one["name"] for one in person.call("datasets_list", project_id=project)["items"]] == ["Wine"]
        assert person.call("projects_contents", id=project)["datasets"] == 1
        for function in ("datasets_get", "datasets_delete"):
            with pytest.raises(NotFound) as missing:
                person.call(function, project_id=project, name="Salaries")
            assert "Salaries" not in (missing.value.hint or "")
        with pytest.raises(NotFound):
            person.call("datasets_version", project_id=project, name="Salaries", version=1)
        assert person.rows("select 1 from insighter.events where asset_name = 'Salaries'") == []
        assert person.rows("select 1 from insighter.dataset_versions where rows = 1") == [(1,)]
    # The name is taken, and that is all.
    for attempt in (
        lambda: editor.call("datasets_may_upload", project_id=project, name="SALARIES"),
        lambda: dataset(editor, project, "SALARIES", "other"),
    ):
        with pytest.raises(Conflict) as error:
            attempt()
        assert error.value.code == "name_taken"
    with pytest.raises(Forbidden):
        viewer.call("datasets_may_upload", project_id=project, name="Salaries")
    # Whoever leaves and comes back is not named any more.
    owner.call("members_remove", project_id=project, user_id=named.user_id)
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'editor')",
        project,
        named.user_id,
    )
    with pytest.raises(NotFound):
        named.call("datasets_get", project_id=project, name="Salaries")
    owner.call("restrictions_remove", project_id=project, kind="dataset", name="Salaries")
    assert viewer.call("datasets_get", project_id=project, name="Salaries")["name"] == "Salaries"


def test_a_restricted_model_stays_hidden_by_every_name_it_had(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    kernel, other = owner.kernel(project), editor.kernel(project)
    kernel.call("models_create", name="first-name")
    owner.call("restrictions_set", project_id=project, kind="model", name="first-name", min_role="admin")
    kernel.call("models_update", name="first-name", new_name="second-name")
    for name in ("first-name", "second-name"):
        with pytest.raises(NotFound):
            other.call("models_get", name=name)
    assert other.call("models_list")["items"] == []
    hidden = "select verb from insighter.events where asset_kind = 'model' order by id"
    assert [row[0] for row in kernel.rows(hidden)] == ["created", "restricted", "renamed"]
    assert other.rows(hidden) == []
    with pytest.raises(Conflict) as error:
        other.call("models_create", name="second-name")
    assert error.value.code == "name_taken"
    with pytest.raises(Conflict) as error:
        other.call("model_versions_create", name="second-name", source="models:/m-" + "0" * 32)
    assert error.value.code == "name_taken"
    # The name it had before is free, and what happens under it is not hidden with it.
    other.call("models_create", name="first-name")
    assert [row[0] for row in other.rows(hidden)] == ["created"]
    with pytest.raises(Conflict) as error:
        other.call("models_update", name="first-name", new_name="second-name")
    assert error.value.code == "name_taken"
    # Also that it is gone.
    kernel.call("models_delete", name="second-name")
    assert [row[0] for row in other.rows(hidden)] == ["created"]
    assert owner.call("restrictions_list", project_id=project)["items"] == []


def test_a_restricted_deployments_name_is_taken(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    arguments = {"project_id": project, "name": "wine", "model_name": "rating", "model_version": 1}
    owner.call("deployments_create", id=uuid4(), **arguments)
    owner.call("restrictions_set", project_id=project, kind="deployment", name="wine", min_role="owner")
    assert editor.call("deployments_list", project_id=project) == []
    assert editor.call("projects_contents", id=project)["deployments"] == []
    with pytest.raises(NotFound):
        editor.call("deployments_get", project_id=project, name="wine")
    with pytest.raises(Conflict) as error:
        editor.call("deployments_create", id=uuid4(), **arguments)
    assert error.value.code == "name_taken"


def test_nobody_shuts_themself_out_or_opens_what_is_closed_to_them(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    admin = database.member(project, "admin")
    dataset(owner, project, "wine")
    with pytest.raises(Forbidden):
        admin.call("restrictions_set", project_id=project, kind="dataset", name="wine", min_role="owner")
    for arguments, code in (
        ({"kind": "dataset", "min_role": "viewer"}, "invalid_role"),
        ({"kind": "run", "min_role": "editor"}, "invalid_kind"),
        ({"kind": "dataset", "min_role": "editor", "people": [str(uuid4())]}, "not_a_member"),
    ):
        with pytest.raises(Invalid) as error:
            owner.call("restrictions_set", project_id=project, name="wine", **arguments)
        assert error.value.code == code
    owner.call("restrictions_set", project_id=project, kind="dataset", name="wine", min_role="owner")
    assert admin.call("restrictions_list", project_id=project)["items"] == []
    for function, arguments in {
        "restrictions_set": {"min_role": "editor"},
        "restrictions_remove": {},
    }.items():
        with pytest.raises(NotFound):
            admin.call(function, project_id=project, kind="dataset", name="wine", **arguments)
    for statement in (
        "delete from insighter.restrictions returning 1",
        "update insighter.restrictions set min_role = 'annotator' returning 1",
        "update insighter.restrictions set people = array[%(me)s::uuid] returning 1",
        "select 1 from insighter.restrictions",
    ):
        assert database.as_person(admin, statement, {"me": admin.user_id}) == []
    with pytest.raises(NotFound):
        admin.call("datasets_get", project_id=project, name="wine")


def test_what_a_run_noted_of_a_restricted_dataset_is_hidden_with_it(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    dataset(owner, project, "Salaries", "salaries")
    digest = hashlib.sha256(b"salaries").hexdigest()[:16]
    run = uuid4()
    database.superuser(
        "insert into insighter.experiments (project_id, name, created_by) values (%s, 'e', %s)",
        project,
        owner.user_id,
    )
    experiment = database.superuser("select id from insighter.experiments where project_id = %s", project)[0][
        0
    ]
    database.superuser(
        "insert into insighter.runs (id, project_id, experiment_id, name, start_time, created_by)"
        " values (%s, %s, %s, 'r', 0, %s)",
        run, project, experiment, owner.user_id,
    )  # fmt: skip
    for name, read in (("Salaries", digest), ("Wine", "b" * 16)):
        database.superuser(
            "insert into insighter.run_datasets"
            " (project_id, run_id, name, digest, source_type, source, schema, profile)"
            " values (%s, %s, %s, %s, '', '', '', '')",
            project, run, name, read,
        )  # fmt: skip
    seen = "select name from insighter.run_datasets order by name"
    assert editor.rows(seen) == [("Salaries",), ("Wine",)]
    owner.call("restrictions_set", project_id=project, kind="dataset", name="Salaries", min_role="admin")
    assert editor.rows(seen) == [("Wine",)]
    assert owner.rows(seen) == [("Salaries",), ("Wine",)]


def test_restrictions_open_nothing(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = made(owner)
    found = dataset(owner, project, "wine")
    database.superuser(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, people, created_by)"
        " values (%s, 'dataset', %s, 'admin', array[%s]::uuid[], %s)",
        project, found, stranger.user_id, owner.user_id,
    )  # fmt: skip
    with pytest.raises(InsighterError) as error:
        stranger.call("datasets_list", project_id=project)
    assert error.value.status == 404
    owner.call("projects_set_visibility", id=project, visibility="public")
    assert stranger.call("datasets_list", project_id=project)["items"] == []


def test_whoever_loses_sight_of_an_asset_is_told_that_much_and_nobody_else(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor, named, viewer = (database.member(project, role) for role in ("editor", "viewer", "viewer"))
    reader = database.person()
    owner.call("projects_set_visibility", id=project, visibility="public")
    secret = dataset(owner, project, "Salaries", "salaries")

    def restrict(role: str, *people: Person) -> None:
        owner.call(
            "restrictions_set", project_id=project, kind="dataset", name="Salaries", min_role=role,
            people=[str(person.user_id) for person in people],
        )  # fmt: skip

    def told(person: Person) -> int:
        found = person.rows(
            "select asset_id, asset_name, asset_uuid, data from insighter.events where verb = 'narrowed'"
        )
        for asset_id, name, asset_uuid, data in found:
            assert asset_id == str(person.user_id) and asset_uuid is None
            assert secret not in name and "Salaries" not in name and data == {}
        return len(found)

    before = viewer.call("projects_get", id=project)["last_event"]
    restrict("editor", named)
    assert [told(person) for person in (owner, editor, named, viewer, reader)] == [0, 0, 0, 1, 0]
    assert viewer.call("projects_get", id=project)["last_event"] > before
    # What one did not see before is no news.
    restrict("admin", named)
    assert [told(person) for person in (owner, editor, named, viewer, reader)] == [0, 1, 0, 1, 0]
    restrict("admin")
    assert [told(person) for person in (owner, editor, named, viewer, reader)] == [0, 1, 1, 1, 0]
    restrict("annotator")
    assert [told(person) for person in (owner, editor, named, viewer, reader)] == [0, 1, 1, 1, 0]
