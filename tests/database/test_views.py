"""The run table's own: views that a project keeps, and changes of many runs at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database, Person


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    return str(owner.call("projects_create", name=f"Tracked {uuid4().hex[:8]}")["id"])


@pytest.fixture
def experiment(owner: Person, project: str) -> str:
    return str(owner.call("experiments_create", name="search", project_id=project)["id"])


def runs(owner: Person, project: str, experiment: str, count: int) -> list[str]:
    kernel = owner.kernel(project)
    return [
        kernel.call("runs_create", experiment_id=experiment, name=f"run {n}", tags={"a": "b"})["id"]
        for n in range(count)
    ]


def tags(owner: Person, run: str) -> dict[str, str]:
    found: dict[str, str] = owner.call("runs_get", run_id=run, detail=True)["tags"]
    return {key: value for key, value in found.items() if not key.startswith("mlflow.")}


def names(found: dict[str, Any]) -> list[str]:
    return [view["name"] for view in found["items"]]


def test_a_view_comes_back_as_it_was_kept(owner: Person, project: str, experiment: str) -> None:
    columns = [{"key": "metrics.auc", "width": 90, "pinned": True, "best": "max"}]
    sort = [{"key": "metrics.auc", "descending": True}]
    kept = owner.call(
        "views_save", project_id=project, experiment_id=experiment, name=" best ", columns=columns, sort=sort,
        filter="metrics.auc > 0.5", group_by="params.lr",
    )  # fmt: skip
    [view] = owner.call("views_list", project_id=project, experiment_id=experiment)["items"]
    assert view == kept
    assert (view["name"], view["columns"], view["sort"]) == ("best", columns, sort)
    assert (view["filter"], view["group_by"], view["version"]) == ("metrics.auc > 0.5", "params.lr", 1)
    assert view["created_by"] is not None


def test_a_view_is_of_an_experiment_or_of_all(owner: Person, project: str, experiment: str) -> None:
    other = owner.call("experiments_create", name="other", project_id=project)["id"]
    owner.call("views_save", project_id=project, name="everywhere")
    owner.call("views_save", project_id=project, name="here", experiment_id=experiment)
    owner.call("views_save", project_id=project, name="there", experiment_id=other)
    assert names(owner.call("views_list", project_id=project, experiment_id=experiment)) == [
        "here",
        "everywhere",
    ]
    assert names(owner.call("views_list", project_id=project)) == ["here", "there", "everywhere"]
    with pytest.raises(NotFound):
        owner.call("views_list", project_id=project, experiment_id="987654321")
    # Of another project an experiment is not to be had, whoever asks.
    elsewhere = owner.call("projects_create", name=f"Other {uuid4().hex[:8]}")["id"]
    with pytest.raises(NotFound):
        owner.call("views_save", project_id=elsewhere, name="here", experiment_id=experiment)


def test_who_changes_what_was_changed_meanwhile_is_told(owner: Person, project: str) -> None:
    view = owner.call("views_save", project_id=project, name="best")
    mine = {"project_id": project, "id": view["id"], "version": 1}
    owner.call("views_save", **mine, name="best", filter="metrics.auc > 0")
    with pytest.raises(Conflict, match="changed meanwhile"):
        owner.call("views_save", **mine, name="best", filter="metrics.loss > 0")
    [kept] = owner.call("views_list", project_id=project)["items"]
    assert (kept["filter"], kept["version"]) == ("metrics.auc > 0", 2)
    with pytest.raises(Conflict, match="already"):
        owner.call("views_save", project_id=project, name="BEST")
    owner.call("views_delete", project_id=project, id=view["id"])
    with pytest.raises(NotFound):
        owner.call("views_save", **{**mine, "version": 2}, name="best")


def test_one_view_is_what_an_experiment_opens_with(owner: Person, project: str, experiment: str) -> None:
    first = owner.call("views_save", project_id=project, name="a", experiment_id=experiment, default=True)
    owner.call("views_save", project_id=project, name="b", experiment_id=experiment, default=True)
    owner.call("views_save", project_id=project, name="of all", default=True)
    found = owner.call("views_list", project_id=project, experiment_id=experiment)["items"]
    assert [(view["name"], view["is_default"]) for view in found] == [
        ("a", False),
        ("b", True),
        ("of all", True),
    ]
    assert found[0]["version"] == first["version"] + 1


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "a\nb"}, {"columns": {}}, {"filter": "x" * 5001}, {"sort": "no"}]
)
def test_what_is_no_view_is_not_kept(owner: Person, project: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        owner.call("views_save", project_id=project, **{"name": "a", **wrong})
    assert owner.call("views_list", project_id=project)["items"] == []


def test_tags_of_many_runs_change_together(owner: Person, project: str, experiment: str) -> None:
    made = runs(owner, project, experiment, 3)
    where = {"project_id": project, "experiment_id": experiment}
    changed = owner.call("runs_set_tags", **where, run_ids=made[:2], tags={"team": "vision", "a": None})
    assert changed == {"changed": 2}
    assert [tags(owner, run) for run in made] == [{"team": "vision"}, {"team": "vision"}, {"a": "b"}]
    # Once more it changes nothing, and says so.
    again = owner.call("runs_set_tags", **where, run_ids=made[:2], tags={"team": "vision", "a": None})
    assert again == {"changed": 0}


@pytest.mark.parametrize("verb", ["runs_set_tags", "runs_set_deleted_many"])
def test_all_or_none(owner: Person, project: str, experiment: str, verb: str) -> None:
    made = runs(owner, project, experiment, 2)
    other = owner.call("experiments_create", name="other", project_id=project)["id"]
    [foreign] = runs(owner, project, other, 1)
    more: dict[str, Any] = {"tags": {"new": "1"}} if verb == "runs_set_tags" else {"deleted": True}
    where = {"project_id": project, "experiment_id": experiment}
    for wrong in (foreign, uuid4().hex, "no-id", 5):
        with pytest.raises(NotFound):
            owner.call(verb, **where, run_ids=[*made, wrong], **more)
    for nothing in ([], {}, "x"):
        with pytest.raises(Invalid):
            owner.call(verb, **where, run_ids=nothing, **more)
    with pytest.raises(Invalid, match="10,000"):
        owner.call(verb, **where, run_ids=[uuid4().hex] * 10_001, **more)
    assert all(tags(owner, run) == {"a": "b"} for run in made)
    assert not any(owner.call("runs_get", run_id=run)["deleted"] for run in made)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"": "x"}, {"a": 1}, {"a": "x" * 8001}, {"a\nb": "x"}, {"x" * 251: "x"}, {"mlflow.runName": "x"}],
)
def test_what_is_no_tag_is_refused(
    owner: Person, project: str, experiment: str, wrong: dict[str, Any]
) -> None:
    made = runs(owner, project, experiment, 1)
    with pytest.raises(Invalid):
        owner.call(
            "runs_set_tags", project_id=project, experiment_id=experiment, run_ids=made, tags={**wrong}
        )
    assert tags(owner, made[0]) == {"a": "b"}


def test_what_is_deleted_together_comes_back_together(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    made = runs(owner, project, experiment, 3)
    where = {"project_id": project, "experiment_id": experiment}
    owner.call("runs_set_deleted", run_id=made[0], deleted=True)
    moved = owner.call("runs_set_deleted_many", **where, run_ids=made, deleted=True)["run_ids"]
    assert moved == sorted(made[1:])
    trash = owner.call("trash_list", project_id=project)["items"]
    assert sorted(entry["id"] for entry in trash if entry["kind"] == "run") == sorted(made)
    with pytest.raises(Invalid, match="deleted runs"):
        owner.call("runs_set_tags", **where, run_ids=made, tags={"x": "y"})
    # What an undo restores is what it deleted, and not what was deleted before.
    assert owner.call("runs_set_deleted_many", **where, run_ids=moved, deleted=False)["run_ids"] == moved
    assert [owner.call("runs_get", run_id=run)["deleted"] for run in made] == [True, False, False]
    assert [entry["id"] for entry in owner.call("trash_list", project_id=project)["items"]] == made[:1]
    # One event for all of them.
    told = database.superuser(
        "select verb, data ->> 'count' from insighter.events"
        " where project_id = %s and verb like 'runs%%' order by id",
        project,
    )
    assert told == [("runs_deleted", "2"), ("runs_restored", "2")]


def test_readers_look_and_editors_change(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    made = runs(owner, project, experiment, 1)
    viewer = database.person("viewer")
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'viewer') returning role",
        project,
        viewer.user_id,
    )
    view = owner.call("views_save", project_id=project, name="best")
    where = {"project_id": project, "experiment_id": experiment, "run_ids": made}
    assert names(viewer.call("views_list", project_id=project)) == ["best"]
    for call in (
        lambda: viewer.call("views_save", project_id=project, name="mine"),
        lambda: viewer.call("views_delete", project_id=project, id=view["id"]),
        lambda: viewer.call("runs_set_tags", **where, tags={"x": "y"}),
        lambda: viewer.call("runs_set_deleted_many", **where, deleted=True),
    ):
        with pytest.raises(Forbidden):
            call()
