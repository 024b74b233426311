"""What is deleted is nobody's to see, comes back whole, and goes when its time is over and not before."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from insighter_ext.errors import Conflict, Forbidden, InsighterError, Invalid, NotFound
from tests.database.conftest import Database, Person
from tests.database.sharing import made


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def add(person: Person, project: str, name: str, content: str = "wine") -> str:
    key = f"{project}/{digest(content)}"
    answer = person.call(
        "datasets_add_version", project_id=project, name=name, format="parquet", filename="t", sha256=digest(content),
        size=len(content), table_object_key=key, table_size=len(content), rows=1, columns=[{"name": name}],
    )  # fmt: skip
    return str(answer["dataset"]["id"])


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    return made(owner, "Trash")


def trash(person: Person, project: str) -> dict[str, dict[str, Any]]:
    """What is in it, by kind and name."""
    return {
        f"{item['kind']} {item['name']}": item
        for item in person.call("trash_list", project_id=project)["items"]
    }


def over(database: Database, project: str) -> None:
    """Its time is over."""
    database.superuser("update insighter.trash set purge_after = now() where project_id = %s", project)
    database.superuser(
        "update insighter.trashed_projects set purge_after = now() where project_id = %s", project
    )


def run_in(person: Person, experiment: str, name: str, content: str) -> tuple[str, str]:
    """A run with a file of its own, and a model it logged, with another."""
    run = person.call("runs_create", experiment_id=experiment, name=name)["id"]
    person.call("runs_log_batch", run_id=run, metrics=[{"key": "auc", "value": 0.9, "step": 1, "time": 1}])
    model = person.call("logged_models_create", experiment_id=experiment, name=name, source_run_id=run)["id"]
    person.call("logged_models_update", id=model, status="LOGGED_MODEL_READY")
    project = person.confined_to
    for root, text in ((f"runs/{run}", content), (f"models/{model}", f"{content} model")):
        person.call(
            "artifacts_put", root=root, path="MLmodel", object_key=f"{project}/{digest(text)}", sha256=digest(text),
            size=len(text),
        )  # fmt: skip
    return run, model


def released(person: Person, project: str) -> set[str]:
    return set(person.call("trash_release", project_id=project)["keys"])


# ---- out of sight ---------------------------------------------------------------------------------------------------


def test_what_is_deleted_is_in_no_list_no_search_and_no_address(
    database: Database, owner: Person, project: str
) -> None:
    dataset = add(owner, project, "wine")
    key = f"{project}/{digest('wine')}"
    entry = owner.call("datasets_delete", project_id=project, name="Wine")
    assert (entry["kind"], entry["id"], entry["name"]) == ("dataset", dataset, "wine")
    for person in (owner, database.member(project, "admin"), owner.kernel(project)):
        assert person.call("datasets_list", project_id=project)["items"] == []
        assert person.rows("select * from insighter.datasets where project_id = %s", project) == []
        assert person.rows("select * from insighter.dataset_versions where project_id = %s", project) == []
        assert person.rows("select id from insighter.assets where project_id = %s", project) == []
        with pytest.raises(NotFound):
            person.call("datasets_version", project_id=project, name="wine", version=1)
        assert person.call("objects_authorize", keys=[key], action="read") == []
        assert person.call("objects_authorize", keys=[key], action="delete") == []
    # Neither by the name that it has meanwhile, which is nobody's to know.
    (name,) = database.superuser("select name from insighter.datasets where id = %s", dataset)[0]
    with pytest.raises(NotFound):
        owner.call("datasets_get", project_id=project, name=name)
    with pytest.raises(NotFound):
        owner.call("restrictions_set", project_id=project, kind="dataset", name=name, min_role="admin")


def test_a_viewer_neither_sees_the_trash_nor_restores(
    database: Database, owner: Person, project: str
) -> None:
    dataset = add(owner, project, "wine")
    owner.call("datasets_delete", project_id=project, name="wine")
    for role in ("viewer", "annotator"):
        member = database.member(project, role)
        for call in (
            lambda who=member: who.call("trash_list", project_id=project),
            lambda who=member: who.call("trash_restore", project_id=project, kind="dataset", id=dataset),
            lambda who=member: who.call("trash_purge", project_id=project),
            lambda who=member: who.call("trash_release", project_id=project),
        ):
            with pytest.raises(Forbidden):
                call()
        assert member.rows("select * from insighter.trash") == []
        assert member.rows("delete from insighter.trash returning 1") == []
    with pytest.raises(NotFound):
        database.person("stranger").call("trash_list", project_id=project)


def test_what_is_restricted_is_so_in_the_trash_too(database: Database, owner: Person, project: str) -> None:
    dataset = add(owner, project, "salaries")
    owner.call("restrictions_set", project_id=project, kind="dataset", name="salaries", min_role="owner")
    owner.call("datasets_delete", project_id=project, name="salaries")
    for role in ("editor", "admin"):
        member = database.member(project, role)
        assert trash(member, project) == {}
        with pytest.raises(NotFound):
            member.call("trash_restore", project_id=project, kind="dataset", id=dataset)
        if role == "admin":
            assert member.call("trash_purge", project_id=project)["items"] == []
            told = member.call("audit_list", project_id=project, asset_kind="trash")["items"]
            assert told == [], "the audit neither"
        events = member.rows("select * from insighter.events where asset_name = 'salaries'")
        assert events == []
    assert list(trash(owner, project)) == ["dataset salaries"]
    owner.call("trash_restore", project_id=project, kind="dataset", id=dataset)
    assert database.member(project, "admin").call("datasets_list", project_id=project)["items"] == []
    assert [item["name"] for item in owner.call("restrictions_list", project_id=project)["items"]] == [
        "salaries"
    ]


def test_what_runs_noted_and_logged_stays_to_be_seen(owner: Person, project: str) -> None:
    """The files of a model are those of the run that logged it: a deletion of the model closes nothing."""
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search")["id"]
    run, model = run_in(kernel, experiment, "forest", "file")
    kernel.call("models_create", name="rating")
    kernel.call("model_versions_create", name="rating", source=f"models:/{model}")
    kernel.call("models_delete", name="rating")
    assert kernel.call("artifacts_list", root=f"models/{model}")
    assert kernel.call("logged_models_get", id=model)["source_run_id"] == run


def test_nobody_writes_the_trash_for_another_or_for_longer(
    database: Database, owner: Person, project: str
) -> None:
    dataset = add(owner, project, "wine")
    other = made(database.person(), "Other")
    editor = database.member(project, "editor")
    for query, values in (
        ("insert into insighter.trash (project_id, asset_kind, asset_id, purge_after)"
         " values (%s, 'dataset', %s, now())",
         (project, dataset)),
        ("insert into insighter.trash (project_id, asset_kind, asset_id, deleted_by) values (%s, 'dataset', %s, %s)",
         (project, dataset, owner.user_id)),
        ("insert into insighter.trash (project_id, asset_kind, asset_id) values (%s, 'dataset', %s)",
         (other, dataset)),
        ("update insighter.trash_period set days = 0", ()),
        ("insert into insighter.released_objects (project_id, object, newest) values (%s, %s, now())",
         (project, f"{project}/{digest('wine')}")),
    ):  # fmt: skip
        with pytest.raises(psycopg.Error):
            editor.rows(query, *values)
    for person in (owner, editor, owner.kernel(project)):
        with pytest.raises(Forbidden):
            person.call("trash_due", days=0)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.rows("select private.trash_told(t, 'purged', '{}') from insighter.trash t")


# ---- back -----------------------------------------------------------------------------------------------------------


def test_everything_that_hung_on_it_comes_back(database: Database, owner: Person, project: str) -> None:
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search")["id"]
    _, logged = run_in(kernel, experiment, "forest", "file")
    kernel.call("models_create", name="rating", tags={"team": "wine"})
    kernel.call("model_versions_create", name="rating", source=f"models:/{logged}")
    kernel.call("models_set_alias", name="rating", alias="champion", version="1")
    owner.call("restrictions_set", project_id=project, kind="model", name="rating", min_role="editor")
    before = kernel.call("models_get", name="rating", history=True)
    entry = kernel.call("models_delete", name="rating")
    kernel.call("models_create", name="rating", description="another")
    with pytest.raises(Conflict) as error:
        owner.call("trash_restore", project_id=project, kind="model", id=entry["id"])
    assert error.value.code == "name_taken" and "another name" in (error.value.hint or "")
    with pytest.raises(Invalid):
        owner.call("trash_restore", project_id=project, kind="model", id=entry["id"], name="a/b")
    owner.call("trash_restore", project_id=project, kind="model", id=entry["id"], name="rating-1")
    back = kernel.call("models_get", name="rating-1", history=True)
    assert back["tags"] == {"team": "wine"} and back["aliases"] == {"champion": 1}
    assert [item["version"] for item in back["history"]] == [item["version"] for item in before["history"]]
    assert kernel.call("models_get", name="rating")["description"] == "another", "which keeps apart"
    with pytest.raises(NotFound):
        database.member(project, "viewer").call("models_get", name="rating-1", project_id=project)
    with pytest.raises(NotFound) as gone:
        owner.call("trash_restore", project_id=project, kind="model", id=entry["id"])
    assert gone.value.code == "not_in_trash"


def test_an_endpoint_stops_and_comes_back_stopped(database: Database, owner: Person, project: str) -> None:
    made = owner.call(
        "deployments_create", project_id=project, id=uuid4(), name="wine", model_name="m", model_version=1
    )
    owner.call("deployments_delete", project_id=project, name="wine")
    status = database.superuser("select status from insighter.deployments where id = %s", made["id"])
    assert status == [("stopped",)]
    owner.call("trash_restore", project_id=project, kind="deployment", id=made["id"])
    assert owner.call("deployments_get", project_id=project, name="wine")["status"] == "stopped"


def test_the_name_is_free_at_once_and_nobody_can_be_in_the_way(
    database: Database, owner: Person, project: str
) -> None:
    for _ in range(3):
        add(owner, project, "wine")
        owner.call("datasets_delete", project_id=project, name="wine")
    assert [item["name"] for item in owner.call("trash_list", project_id=project)["items"]] == ["wine"] * 3
    names = database.superuser("select name from insighter.datasets where project_id = %s", project)
    assert len({name for (name,) in names}) == 3
    for name in ("ä" * 100, "x" * 100, "a.b c"):
        add(owner, project, name)
        owner.call("datasets_delete", project_id=project, name=name)


def test_the_activity_and_the_audit_tell_all_of_it(database: Database, owner: Person, project: str) -> None:
    kernel = owner.kernel(project)
    entry = None
    for act in ("trash_restore", "trash_purge"):
        if act == "trash_restore":
            kernel.call("models_create", name="rating")
        entry = kernel.call("models_delete", name="rating")
        if act == "trash_purge":
            # Of that name there is another: what is told of the old one is not about it.
            kernel.call("models_create", name="rating")
        owner.call(act, project_id=project, kind="model", id=entry["id"])
    assert entry is not None
    events = owner.rows(
        "select verb, asset_name, asset_uuid::text = %s from insighter.events"
        " where project_id = %s and asset_kind = 'model' order by id",
        entry["id"], project,
    )  # fmt: skip
    assert events == [
        ("created", "rating", True), ("deleted", "rating", True), ("restored", "rating", True),
        ("deleted", "rating", True), ("created", "rating", False), ("purged", "rating", True),
    ]  # fmt: skip
    told = owner.call("audit_list", project_id=project, asset_kind="trash")["items"]
    assert [(row["action"], row["asset_name"]) for row in told] == [
        (action, "rating") for action in ("deleted", "created", "deleted", "created")
    ]
    gone = owner.call("audit_list", project_id=project, asset_kind="model", action="deleted")["items"]
    assert gone[0]["asset_name"].startswith("rating-trashed-")


# ---- notebooks ------------------------------------------------------------------------------------------------------


def bound(person: Person, project: str, path: str = "fit.ipynb", **more: Any) -> str:
    return str(person.call("notebooks_bind", project_id=project, path=path, **more)["id"])


def keep(person: Person, project: str, notebook: str, content: str) -> None:
    person.call(
        "notebooks_add_version", project_id=project, id=notebook, sha256=digest(content), size=len(content),
        fingerprint=digest(content), cells=1, reason="ran", outcome="ok",
    )  # fmt: skip


def test_a_deleted_notebook_is_hidden_with_all_that_is_its_own(
    database: Database, owner: Person, project: str
) -> None:
    kernel = owner.kernel(project)
    notebook, kernel_id = bound(owner, project), uuid4()
    keep(owner, project, notebook, "one")
    key = f"{project}/{digest('one')}"
    credential = owner.call(
        "credentials_issue", project_id=project, label="kernel", secret_hash=digest(str(kernel_id)),
        issuer_hash="2" * 64, seconds=3600,
    )["id"]  # fmt: skip
    owner.call(
        "notebooks_attach", project_id=project, id=notebook, kernel_id=kernel_id, credential_id=credential
    )
    experiment = kernel.call("experiments_create", name="search")["id"]
    run = kernel.call("runs_create", experiment_id=experiment, name="forest")["id"]
    database.superuser(
        "insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id, version)"
        " values (%s, %s, %s, %s, 1)",
        project, UUID(run), notebook, kernel_id,
    )  # fmt: skip
    tables = ("notebooks", "notebook_versions", "notebook_kernels", "notebook_runs")
    rows = {table: f"select 1 from insighter.{table} where project_id = '{project}'" for table in tables}
    people = (owner, database.member(project, "admin"), kernel)
    for person in people:
        assert {table: len(person.rows(query)) for table, query in rows.items()} == dict.fromkeys(tables, 1)
    entry = owner.call("notebooks_delete", project_id=project, id=notebook)
    assert (entry["kind"], entry["id"], entry["name"]) == ("notebook", notebook, "fit")
    for person in people:
        assert {table: len(person.rows(query)) for table, query in rows.items()} == dict.fromkeys(tables, 0)
        assert person.rows("select 1 from insighter.assets where id = %s", notebook) == []
        assert person.call("notebooks_list", project_id=project)["items"] == []
        assert person.call("notebooks_of_run", project_id=project, run_id=run) is None
        assert person.call("objects_authorize", keys=[key], action="read") == []
        assert person.call("objects_authorize", keys=[key], action="delete") == []
        for function in ("notebooks_get", "notebooks_versions", "notebooks_delete"):
            with pytest.raises(NotFound):
                person.call(function, project_id=project, id=notebook)
    with pytest.raises(NotFound):
        keep(owner, project, notebook, "two")
    with pytest.raises(Invalid) as refused:
        owner.call("trash_restore", project_id=project, kind="notebook", id=notebook, name="other")
    assert refused.value.code == "invalid_name"
    with pytest.raises(Forbidden):
        database.member(project, "viewer").call(
            "trash_restore", project_id=project, kind="notebook", id=notebook
        )
    owner.call("trash_restore", project_id=project, kind="notebook", id=notebook, name="fit")
    for person in people:
        assert {table: len(person.rows(query)) for table, query in rows.items()} == dict.fromkeys(tables, 1)
        assert person.call("notebooks_of_run", project_id=project, run_id=run)["id"] == notebook
        assert person.call("objects_authorize", keys=[key], action="read") == [key]
    assert bound(owner, project) == notebook, "its path leads to it again"
    told = owner.rows("select verb from insighter.events where asset_uuid = %s order by id", notebook)
    assert [verb for (verb,) in told] == ["created", "ran", "deleted", "restored"]


def test_the_file_of_a_deleted_notebook_is_a_new_one_when_it_is_used(owner: Person, project: str) -> None:
    unmarked = bound(owner, project)
    owner.call("notebooks_delete", project_id=project, id=unmarked)
    second = bound(owner, project)
    assert second != unmarked
    assert bound(owner, project, id=second) == second  # now the file carries it
    owner.call("notebooks_delete", project_id=project, id=second)
    third = bound(owner, project, id=second)
    assert third not in (unmarked, second)
    assert bound(owner, project, id=second) == third, "and one only, though the file was not saved yet"
    deleted = owner.call("trash_list", project_id=project)["items"]
    assert [item["id"] for item in deleted] == [second, unmarked]
    # Both come back beside it, though all three were at one path; the file is the one whose id it carries.
    for notebook in (unmarked, second):
        owner.call("trash_restore", project_id=project, kind="notebook", id=notebook)
    listed = owner.call("notebooks_list", project_id=project)["items"]
    assert {item["id"] for item in listed} == {unmarked, second, third}
    assert bound(owner, project, id=third) == third
    assert bound(owner, project, id=second) == second
    assert bound(owner, project, id=unmarked) == unmarked


def test_the_file_of_a_closed_notebook_becomes_no_other_when_that_is_deleted(
    database: Database, owner: Person, project: str
) -> None:
    notebook = bound(owner, project)
    owner.call("restrictions_set", project_id=project, kind="notebook", name=notebook, min_role="owner")
    owner.call("notebooks_delete", project_id=project, id=notebook)
    editor = database.member(project, "editor")
    assert trash(editor, project) == {}
    with pytest.raises(NotFound):
        bound(editor, project, id=notebook)
    owner.call("trash_restore", project_id=project, kind="notebook", id=notebook)
    assert editor.call("notebooks_list", project_id=project)["items"] == []


def test_a_purged_notebook_frees_its_snapshots_and_no_others(
    database: Database, owner: Person, project: str
) -> None:
    kept, gone = bound(owner, project, "kept.ipynb"), bound(owner, project, "gone.ipynb")
    for notebook, content in ((kept, "shared"), (gone, "shared"), (gone, "alone!"), (gone, "again")):
        keep(owner, project, notebook, content)
    keep(owner, project, gone, "alone!")
    owner.call("notebooks_delete", project_id=project, id=gone)
    weight = trash(owner, project)["notebook gone"]
    assert (weight["objects"], weight["bytes"]) == (2, len("alone!") + len("again"))
    (ended,) = owner.call("trash_purge", project_id=project, kind="notebook", id=gone)["items"]
    assert (ended["purged"], ended["kept_objects"], ended["kept_bytes"]) == (True, 1, len("shared"))
    assert released(owner, project) == {f"{project}/{digest(text)}" for text in ("alone!", "again")}
    for table, column in (("notebooks", "id"), ("notebook_versions", "notebook_id"), ("assets", "uuid")):
        left = database.superuser(f"select 1 from insighter.{table} where {column} = %s", gone)
        assert left == [], table
    assert trash(owner, project) == {}
    told = owner.rows("select verb from insighter.events where asset_uuid = %s order by id", gone)
    assert [verb for (verb,) in told][-2:] == ["deleted", "purged"]
    assert owner.call("notebooks_get", project_id=project, id=kept)["versions"] == 1


# ---- for good -------------------------------------------------------------------------------------------------------


def test_admins_purge_and_others_wait_until_its_time_is_over(
    database: Database, owner: Person, project: str
) -> None:
    dataset = add(owner, project, "wine")
    owner.call("datasets_delete", project_id=project, name="wine")
    editor = database.member(project, "editor")
    with pytest.raises(Forbidden):
        editor.call("trash_purge", project_id=project, kind="dataset", id=dataset)
    assert editor.call("trash_purge", project_id=project, due=True)["items"] == []
    assert editor.rows("select private.trash_end(%s, 'dataset', %s)", project, dataset) == [(None,)]
    over(database, project)
    ended = editor.call("trash_purge", project_id=project, due=True)["items"]
    assert [(item["name"], item["purged"]) for item in ended] == [("wine", True)]
    assert database.superuser("select * from insighter.datasets where id = %s", dataset) == []
    assert database.superuser("select * from insighter.trash where project_id = %s", project) == []


def test_what_a_purge_frees_is_known_before_and_what_else_is_needed_stays(
    owner: Person, project: str
) -> None:
    add(owner, project, "one", "shared")
    add(owner, project, "one", "alone!")
    add(owner, project, "two", "shared")
    owner.call("datasets_delete", project_id=project, name="one")
    weight = trash(owner, project)["dataset one"]
    assert (weight["objects"], weight["bytes"]) == (1, len("alone!"))
    owner.call("datasets_delete", project_id=project, name="two")
    assert trash(owner, project)["dataset two"]["bytes"] == 0, "the other one needs it, in the trash too"
    ended = owner.call("trash_purge", project_id=project, kind="dataset", id=weight["id"])["items"]
    assert (ended[0]["kept_objects"], ended[0]["kept_bytes"]) == (1, len("shared"))
    assert released(owner, project) == {f"{project}/{digest('alone!')}"}
    assert owner.call("trash_purge", project_id=project)["items"][0]["kept_objects"] == 0
    assert released(owner, project) == {f"{project}/{digest('shared')}"}


def test_a_server_that_is_killed_leaves_its_work_to_the_next(
    database: Database, owner: Person, project: str
) -> None:
    add(owner, project, "wine")
    owner.call("datasets_delete", project_id=project, name="wine")
    owner.call("trash_purge", project_id=project)
    key = f"{project}/{digest('wine')}"
    assert released(owner, project) == {key}
    assert released(owner, project) == set(), "nobody else takes what is taken"
    database.superuser("update insighter.released_objects set taken_at = taken_at - interval '11 minutes'")
    assert released(owner, project) == {key}
    owner.call("trash_released", project_id=project, keys=[key])
    database.superuser("update insighter.released_objects set taken_at = taken_at - interval '11 minutes'")
    assert released(owner, project) == set()


def test_deleted_runs_go_with_their_metrics_and_files(
    database: Database, owner: Person, project: str
) -> None:
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search")["id"]
    kept, _ = run_in(kernel, experiment, "kept", "kept")
    gone, model = run_in(kernel, experiment, "gone", "gone")
    kernel.call("runs_set_deleted", run_id=gone, deleted=True)
    assert kernel.call("runs_get", run_id=gone)["deleted"], "MLflow's clients go on to see it"
    entry = trash(owner, project)["run gone"]
    assert (entry["objects"], entry["bytes"]) == (2, len("gone") + len("gone model"))
    owner.call("trash_purge", project_id=project, kind="run", id=gone)
    with pytest.raises(NotFound):
        kernel.call("runs_get", run_id=gone)
    with pytest.raises(NotFound):
        kernel.call("logged_models_get", id=model)
    chunks = database.superuser(
        "select count(*) from insighter.run_metric_chunks where project_id = %s", project
    )
    assert chunks == [(1,)]
    assert kernel.call("runs_get", run_id=kept)["metrics"]
    assert released(owner, project) == {f"{project}/{digest(text)}" for text in ("gone", "gone model")}


def test_a_run_that_a_registered_model_stands_on_stays(owner: Person, project: str) -> None:
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search")["id"]
    run, _ = run_in(kernel, experiment, "forest", "file")
    other, logged = run_in(kernel, experiment, "other", "other")
    kernel.call("models_create", name="rating")
    kernel.call("model_versions_create", name="rating", source=f"mlflow-artifacts:/runs/{run}/artifacts")
    kernel.call("model_versions_create", name="rating", source=f"models:/{logged}")
    kernel.call("experiments_set_deleted", id=experiment, deleted=True)
    ended = owner.call("trash_purge", project_id=project)["items"]
    assert [(item["name"], item["purged"], item["needed_by"]) for item in ended] == [
        ("search", False, ["rating v1", "rating v2"])
    ]
    with pytest.raises(NotFound):
        kernel.call("runs_get", run_id=other)  # nothing stands on it but its model, which stays
    assert kernel.call("model_versions_files", name="rating", version="1")
    assert kernel.call("model_versions_files", name="rating", version="2")
    assert released(owner, project) == {f"{project}/{digest(text)}" for text in ("other", "file model")}
    kernel.call("models_delete", name="rating")
    ended = owner.call("trash_purge", project_id=project)["items"]
    assert [(item["name"], item["purged"]) for item in ended] == [("rating", True), ("search", True)]
    assert released(owner, project) == {f"{project}/{digest(text)}" for text in ("other model", "file")}


def test_an_experiment_comes_back_with_its_runs_and_not_with_those_deleted_before(
    owner: Person, project: str
) -> None:
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search")["id"]
    before, _ = run_in(kernel, experiment, "before", "1")
    with_it, _ = run_in(kernel, experiment, "with it", "2")
    kernel.call("runs_set_deleted", run_id=before, deleted=True)
    kernel.call("experiments_set_deleted", id=experiment, deleted=True)
    assert set(trash(owner, project)) == {"run before", "experiment search"}
    with pytest.raises(Conflict):
        owner.call("trash_restore", project_id=project, kind="run", id=before)
    owner.call("trash_restore", project_id=project, kind="experiment", id=experiment)
    assert not kernel.call("runs_get", run_id=with_it)["deleted"]
    assert set(trash(owner, project)) == {"run before"}
    kernel.call("runs_set_deleted", run_id=before, deleted=False)
    assert trash(owner, project) == {}


def test_an_archived_project_gives_nothing_back_and_nothing_up_by_hand(
    database: Database, owner: Person, project: str
) -> None:
    dataset = add(owner, project, "wine")
    owner.call("datasets_delete", project_id=project, name="wine")
    owner.call("projects_update", id=project, archived=True)
    for function in ("trash_restore", "trash_purge"):
        with pytest.raises(Conflict):
            owner.call(function, project_id=project, kind="dataset", id=dataset)
    over(database, project)
    assert owner.call("trash_purge", project_id=project, due=True)["items"]


# ---- whole projects -------------------------------------------------------------------------------------------------


def test_a_deleted_project_is_gone_for_all_and_comes_back_whole(
    database: Database, owner: Person, project: str
) -> None:
    add(owner, project, "wine")
    admin, kernel = database.member(project, "admin"), owner.kernel(project)
    name = owner.call("projects_get", id=project)["name"]
    endpoint = owner.call(
        "deployments_create", project_id=project, id=uuid4(), name="wine", model_name="m", model_version=1
    )
    database.superuser("update insighter.projects set visibility = 'public' where id = %s", project)
    reader = database.person()
    assert reader.call("projects_get", id=project)
    owner.call("projects_delete", id=project)
    for person in (owner, admin, kernel, reader):
        with pytest.raises(NotFound):
            person.call("projects_get", id=project)
        with pytest.raises(NotFound):
            person.call("datasets_list", project_id=project)
        for table in ("projects", "members", "datasets", "events", "assets", "audit"):
            column = {"projects": "id", "audit": "scope"}.get(table, "project_id")
            assert (
                person.rows(f"select {column} from insighter.{table} where {column} = %s", project) == []
            ), table
        key = f"{project}/{digest('wine')}"
        assert person.call("objects_authorize", keys=[key], action="read") == []
    status = database.superuser("select status from insighter.deployments where id = %s", endpoint["id"])
    assert status == [("stopped",)]
    for person in (admin, reader):
        assert person.call("trash_projects_list")["items"] == []
        with pytest.raises(NotFound):
            person.call("trash_projects_restore", id=project)
    with pytest.raises(Forbidden):
        kernel.call("trash_projects_restore", id=project)
    with pytest.raises(Forbidden):
        kernel.call("trash_projects_purge", id=project)
    (entry,) = owner.call("trash_projects_list")["items"]
    assert (entry["name"], entry["assets"], entry["bytes"]) == (name, {"dataset": 1, "deployment": 1}, 4)
    other = owner.call("projects_create", name=name)
    with pytest.raises(Conflict):
        owner.call("trash_projects_restore", id=project)
    assert owner.call("trash_projects_restore", id=project, name="Back")["name"] == "Back"
    assert admin.call("datasets_get", project_id=project, name="wine")["versions"] == 1
    assert kernel.call("projects_get", id=project)["visibility"] == "public"
    assert other["slug"] != owner.call("projects_get", id=project)["slug"]
    assert owner.call("trash_projects_list")["items"] == []


def test_a_project_goes_for_good_by_its_owner_or_when_its_time_is_over(
    database: Database, owner: Person, project: str
) -> None:
    admin = database.member(project, "admin")
    owner.call("projects_delete", id=project)
    with pytest.raises(NotFound):
        admin.call("trash_projects_purge", id=project)
    assert admin.rows("select private.project_purged(%s)", project) == [(None,)]
    with pytest.raises(Forbidden):
        owner.kernel(project).call("trash_projects_purge", id=project)
    over(database, project)
    assert owner.kernel(project).call("trash_projects_purge", id=project)["id"] == project
    assert database.superuser("select * from insighter.projects where id = %s", project) == []
    assert owner.call("objects_released") == [project]


def test_what_lies_in_the_trash_keeps_no_organisation(
    database: Database, owner: Person, project: str
) -> None:
    organisation = owner.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    owner.call("projects_set_visibility", id=project, visibility="team", organisation_id=organisation)
    owner.call("projects_delete", id=project)
    owner.call("organisations_delete", id=organisation)
    assert owner.call("trash_projects_restore", id=project)["visibility"] == "private"


def test_the_personal_project_is_not_deleted(owner: Person) -> None:
    with pytest.raises(InsighterError) as error:
        owner.call("projects_delete", id=owner.call("projects_personal")["id"])
    assert error.value.status == 409
