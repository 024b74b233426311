"""Who sees and changes runs, models and artifacts, and what the database keeps right by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from insighter_ext.errors import Forbidden, InsighterError, Invalid, NotFound
from tests.database.conftest import Database, Person

TABLES = [
    "experiments",
    "runs",
    "run_metrics_latest",
    "run_metric_chunks",
    "run_datasets",
    "logged_models",
    "logged_model_metrics",
    "run_models",
    "artifacts",
    "registered_models",
    "model_versions",
    "model_aliases",
]
SHA = "a" * 64


@dataclass
class Assets:
    """A project with one of everything."""

    owner: Person
    project: str
    experiment: str
    run: str
    model: str
    name: str


@pytest.fixture
def assets(database: Database) -> Assets:
    """One of everything, made through a kernel's credential."""
    owner = database.person("owner")
    project = owner.call("projects_create", name=f"Tracked {uuid4().hex[:8]}")["id"]
    kernel = owner.kernel(project)
    experiment = kernel.call("experiments_create", name="search", tags={"purpose": "test"})["id"]
    run = kernel.call("runs_create", experiment_id=experiment, name="forest", tags={"a": "b"})["id"]
    model = kernel.call("logged_models_create", experiment_id=experiment, name="model", source_run_id=run)[
        "id"
    ]
    metric = {"key": "auc", "value": 0.9, "step": 1, "time": 5}
    kernel.call(
        "runs_log_batch",
        run_id=run,
        metrics=[metric],
        params={"lr": "0.1"},
        model_metrics=[metric | {"model_id": model}],
    )
    kernel.call(
        "runs_log_inputs",
        run_id=run,
        datasets=[{"name": "wine", "digest": "1", "source_type": "x", "source": "y"}],
    )
    kernel.call("runs_log_outputs", run_id=run, models=[{"model_id": model, "step": 0}])
    put(kernel, f"models/{model}", "MLmodel", project)
    kernel.call("logged_models_update", id=model, status="LOGGED_MODEL_READY")
    kernel.call("models_create", name="wine")
    kernel.call("model_versions_create", name="wine", source=f"models:/{model}")
    kernel.call("models_set_alias", name="wine", alias="champion", version="1")
    return Assets(owner, project, experiment, run, model, "wine")


def put(person: Person, root: str, path: str, project: str, sha: str = SHA) -> Any:
    return person.call(
        "artifacts_put", root=root, path=path, object_key=f"{project}/{sha}", sha256=sha, size=3
    )


def status(call: Callable[[Person], Any], person: Person) -> int:
    """The HTTP status that a call by a person ends with."""
    try:
        call(person)
    except InsighterError as error:
        return error.status
    return 200


def changes(assets: Assets) -> dict[str, Callable[[Person], Any]]:
    """Every call that changes something of the project."""
    run, model, experiment = assets.run, assets.model, assets.experiment
    root = f"models/{model}"
    return {
        "experiments_create": lambda p: p.call(
            "experiments_create", name=uuid4().hex, project_id=assets.project
        ),
        "experiments_rename": lambda p: p.call("experiments_rename", id=experiment, name=uuid4().hex),
        "experiments_set_deleted": lambda p: p.call("experiments_set_deleted", id=experiment, deleted=True),
        "experiments_set_tags": lambda p: p.call("experiments_set_tags", id=experiment, tags={"x": "y"}),
        "runs_create": lambda p: p.call("runs_create", experiment_id=experiment, name="x"),
        "runs_update": lambda p: p.call("runs_update", run_id=run, status="FINISHED"),
        "runs_set_deleted": lambda p: p.call("runs_set_deleted", run_id=run, deleted=True),
        "runs_log_batch": lambda p: p.call("runs_log_batch", run_id=run, tags={"x": "y"}),
        "runs_write": lambda p: p.call("runs_write", writes=[{"update": {"run_id": run, "name": "x"}}]),
        "runs_delete_tag": lambda p: p.call("runs_delete_tag", run_id=run, key="a"),
        "runs_log_inputs": lambda p: p.call("runs_log_inputs", run_id=run, models=[model]),
        "runs_log_outputs": lambda p: p.call("runs_log_outputs", run_id=run, models=[{"model_id": model}]),
        "logged_models_create": lambda p: p.call("logged_models_create", experiment_id=experiment, name="x"),
        "logged_models_update": lambda p: p.call("logged_models_update", id=model, tags={"x": "y"}),
        "logged_models_delete": lambda p: p.call("logged_models_delete", id=model),
        "artifacts_begin": lambda p: p.call("artifacts_begin", root=root, path="x"),
        "artifacts_put": lambda p: put(p, root, "x", assets.project),
        "artifacts_delete": lambda p: p.call("artifacts_delete", root=root, path=""),
        "models_create": lambda p: p.call("models_create", name=uuid4().hex, project_id=assets.project),
        "models_register": lambda p: p.call(
            "models_register", project_id=assets.project, name="wine", run_id=None, model_id=model
        ),
        "models_set_alias": lambda p: p.call(
            "models_set_alias", name="wine", alias="x", version="1", project_id=assets.project
        ),
        "models_delete_alias": lambda p: p.call(
            "models_delete_alias", name="wine", alias="champion", project_id=assets.project
        ),
        "models_write_card": lambda p: p.call(
            "models_write_card", name="wine", body="x", revision=0, project_id=assets.project
        ),
        # These resolve the name in the caller's own project: a kernel's credential of the viewer below.
        "models_update": lambda p: p.call("models_update", name="wine", description="x"),
        "models_delete": lambda p: p.call("models_delete", name="wine"),
        "model_versions_create": lambda p: p.call(
            "model_versions_create", name="wine", source=f"models:/{model}"
        ),
        "model_versions_update": lambda p: p.call(
            "model_versions_update", name="wine", version="1", stage="Staging"
        ),
        "model_versions_delete": lambda p: p.call("model_versions_delete", name="wine", version="1"),
    }


def reads(assets: Assets) -> dict[str, Callable[[Person], Any]]:
    """Every call that shows something of the project."""
    project, run, model = assets.project, assets.run, assets.model
    return {
        "experiments_get": lambda p: p.call("experiments_get", id=assets.experiment),
        "experiments_get_by_name": lambda p: p.call("experiments_get_by_name", name="search"),
        "experiments_list": lambda p: p.call("experiments_list", project_id=project),
        "runs_get": lambda p: p.call("runs_get", run_id=run),
        "runs_search": lambda p: p.call(
            "runs_search", experiment_ids=[assets.experiment], project_id=project
        ),
        "runs_get_protocol": lambda p: p.call("runs_get_protocol", run_id=run),
        "runs_query": lambda p: p.call("runs_query", project_id=project, experiment_id=assets.experiment),
        "runs_keys": lambda p: p.call("runs_keys", project_id=project, experiment_id=assets.experiment),
        "runs_groups": lambda p: p.call(
            "runs_groups", project_id=project, experiment_id=assets.experiment, group="attributes.status"
        ),
        "runs_metric_history": lambda p: p.call("runs_metric_history", run_id=run, key="auc"),
        "runs_metric_interval": lambda p: p.call("runs_metric_interval", run_ids=[run], key="auc"),
        "runs_curves": lambda p: p.call("runs_curves", project_id=project, run_ids=[run], keys=["auc"]),
        "logged_models_get": lambda p: p.call("logged_models_get", id=model),
        "artifacts_get": lambda p: p.call("artifacts_get", root=f"models/{model}", path="MLmodel"),
        "artifacts_list": lambda p: p.call("artifacts_list", root=f"models/{model}"),
        "models_get": lambda p: p.call("models_get", name="wine", project_id=project),
        "models_list": lambda p: p.call("models_list", project_id=project),
        "models_aliases": lambda p: p.call("models_aliases", name="wine", project_id=project),
        "models_alias_check": lambda p: p.call(
            "models_alias_check", name="wine", alias="x", version="1", project_id=project
        ),
        "models_alias_moves": lambda p: p.call("models_alias_moves", name="wine", project_id=project),
        "models_card": lambda p: p.call("models_card", name="wine", project_id=project),
        "model_versions_detail": lambda p: p.call(
            "model_versions_detail", name="wine", version="1", project_id=project
        ),
        "model_versions_get": lambda p: p.call(
            "model_versions_get", name="wine", version="1", project_id=project
        ),
        "model_versions_files": lambda p: p.call(
            "model_versions_files", name="wine", version="1", project_id=project
        ),
    }


# Of protected aliases and of cards, which there are none of here: test_registry.py has them.
REQUESTS = {"models_request_alias", "models_decide_alias", "models_card_history"}

# Of the run table, of runs' pages and of ended kernels; test_views.py, test_run_pages.py and test_endings.py have them.
ELSEWHERE = {"runs_set_tags", "runs_set_deleted_many", "runs_edit", "runs_abandon", "runs_of_issuer"}

SEARCHES = {
    "experiments_datasets",
    "experiments_search",
    "logged_models_search",
    "models_search",
    "model_versions_search",
    "runs_search_protocol",
}


def test_every_function_is_among_those_tried_below(database: Database, assets: Assets) -> None:
    there = database.superuser(
        """select proname from pg_proc where pronamespace = 'public'::regnamespace
           and proname ~ '^(experiments|runs|logged_models|artifacts|models|model_versions)_'"""
    )
    tried = changes(assets).keys() | reads(assets).keys() | SEARCHES | REQUESTS | ELSEWHERE
    assert {row[0] for row in there} == tried


def test_a_stranger_sees_and_changes_nothing(database: Database, assets: Assets) -> None:
    stranger = database.person("stranger")
    before = {table: database.superuser(f"select * from insighter.{table} order by 1, 2") for table in TABLES}
    for name, call in (reads(assets) | changes(assets)).items():
        assert status(call, stranger) == 404, name
        # A credential that claims the project opens nothing to an account that is not its member.
        assert status(call, stranger.kernel(assets.project)) == 404, name
    assert stranger.call("runs_search", experiment_ids=[assets.experiment])["items"] == []
    assert stranger.call("runs_search_protocol", experiment_ids=[assets.experiment]) == {"runs": []}
    assert stranger.call("logged_models_search", experiment_ids=[assets.experiment])["items"] == []
    assert stranger.kernel(assets.project).call("models_search")["items"] == []
    assert stranger.kernel(assets.project).call("model_versions_search")["items"] == []
    assert stranger.kernel(assets.project).call("experiments_search")["items"] == []
    for table in TABLES:
        assert stranger.rows(f"select * from insighter.{table}") == [], table
    assert {
        table: database.superuser(f"select * from insighter.{table} order by 1, 2") for table in TABLES
    } == before
    assert all(before.values())


def test_a_viewer_sees_everything_and_changes_nothing(database: Database, assets: Assets) -> None:
    viewer = database.member(assets.project, "viewer").kernel(assets.project)
    for name, call in reads(assets).items():
        assert call(viewer) not in (None, [], {"items": []}), name
    before = {table: database.superuser(f"select * from insighter.{table} order by 1, 2") for table in TABLES}
    for name, call in changes(assets).items():
        assert status(call, viewer) == 403, name
    assert {
        table: database.superuser(f"select * from insighter.{table} order by 1, 2") for table in TABLES
    } == before


def test_tables_refuse_a_viewer_even_without_the_functions(database: Database, assets: Assets) -> None:
    viewer = database.member(assets.project, "viewer")
    with pytest.raises(Exception, match="row-level security"):
        viewer.rows(
            f"insert into insighter.experiments (project_id, name) values ('{assets.project}', 'mine')"
        )
    assert viewer.rows("update insighter.runs set name = 'mine' returning 1") == []
    assert viewer.rows("delete from insighter.artifacts returning 1") == []
    assert viewer.rows("update insighter.model_aliases set version = 1 returning 1") == []
    for attempt in ("update insighter.runs set project_id = gen_random_uuid()", "delete from insighter.runs"):
        with pytest.raises(Exception, match="permission denied"):
            viewer.rows(attempt)


def test_an_editor_and_nobody_below_does_every_change(database: Database, assets: Assets) -> None:
    editor = database.member(assets.project, "editor").kernel(assets.project)
    late = {
        "models_delete",
        "model_versions_delete",
        "models_delete_alias",
        "runs_set_deleted",
        "experiments_set_deleted",
    }
    late |= {"logged_models_delete", "artifacts_delete"}
    everything = changes(assets)
    for name in [*(everything.keys() - late), "model_versions_delete", "models_delete"]:
        everything[name](editor)
    with pytest.raises(Forbidden):
        everything["runs_create"](database.member(assets.project, "annotator"))


def test_an_archived_project_keeps_what_it_has(database: Database, assets: Assets) -> None:
    assets.owner.call("projects_update", id=assets.project, archived=True)
    kernel = assets.owner.kernel(assets.project)
    for name, call in changes(assets).items():
        assert status(call, kernel) == 409, name
    assert assets.owner.call("runs_get", run_id=assets.run)["metrics"][0]["value"] == 0.9


def test_a_kernel_reaches_no_other_project_of_its_account(database: Database, assets: Assets) -> None:
    other = assets.owner.call("projects_create", name=f"Other {uuid4().hex[:8]}")["id"]
    kernel = assets.owner.kernel(other)
    with pytest.raises(NotFound):
        kernel.call("runs_log_batch", run_id=assets.run, tags={"x": "y"})
    with pytest.raises(NotFound):
        kernel.call("models_create", name="x", project_id=assets.project)
    with pytest.raises(NotFound):
        kernel.call("models_get", name="wine")


def test_work_without_a_project_lands_in_the_personal_one(database: Database) -> None:
    person = database.person()
    run = person.call("runs_create", experiment_id="0", name="first")
    personal = person.call("projects_personal")
    assert run["project_id"] == personal["id"]
    default = person.call("experiments_get", id="0")
    assert (default["name"], default["id"]) == ("Default", run["experiment_id"])
    assert person.call("experiments_get_by_name", name="Default")["id"] == default["id"]
    assert [item["id"] for item in person.call("runs_search", experiment_ids=["0"])["items"]] == [run["id"]]


def test_an_object_of_another_project_cannot_be_named(database: Database, assets: Assets) -> None:
    thief = database.person("thief")
    run = thief.call("runs_create", experiment_id="0", name="x")["id"]
    with pytest.raises(Invalid):
        put(thief, f"runs/{run}", "stolen", assets.project)


@pytest.mark.parametrize(
    "path", ["../up", "/abs", "a//b", "a/./b", "a/..", "back\\slash", "new\nline", "", "x" * 1001]
)
def test_an_artifact_path_is_plain(assets: Assets, path: str) -> None:
    with pytest.raises(Invalid):
        put(assets.owner, f"runs/{assets.run}", path, assets.project)


def test_a_file_is_no_folder(assets: Assets) -> None:
    root = f"runs/{assets.run}"
    put(assets.owner, root, "a/b", assets.project)
    put(assets.owner, root, "a.txt", assets.project)
    put(assets.owner, root, "a/b", assets.project, "b" * 64)
    for path in ("a", "a/b/c"):
        with pytest.raises(Invalid, match="folder"):
            put(assets.owner, root, path, assets.project)
    assert assets.owner.call("artifacts_list", root=root) == [
        {"path": "a", "is_dir": True, "size": None},
        {"path": "a.txt", "is_dir": False, "size": 3},
    ]
    assets.owner.call("artifacts_delete", root=root, path="a")
    assert [item["path"] for item in assets.owner.call("artifacts_list", root=root)] == ["a.txt"]


def test_the_newest_metric_is_that_of_the_highest_step(assets: Assets) -> None:
    def log(*points: tuple[float | str, int, int]) -> Any:
        metrics = [
            {"key": "loss", "value": value, "step": step, "time": time} for value, step, time in points
        ]
        assets.owner.call("runs_log_batch", run_id=assets.run, metrics=metrics)
        run = assets.owner.call("runs_get", run_id=assets.run)
        return next(item for item in run["metrics"] if item["key"] == "loss")["value"]

    assert log((5, 3, 10), (1, 1, 99)) == 5
    assert log((4, 2, 100)) == 5
    assert log((3, 3, 11)) == 3
    assert log((7, 3, 11)) == 7
    assert log((2, 3, 11)) == 7
    assert log(("NaN", 4, 1)) == "NaN"
    assert log(("-Infinity", 5, 1), ("-Infinity", 5, 1)) == "-Infinity"
    history = assets.owner.call("runs_metric_history", run_id=assets.run, key="loss")
    assert list(zip(history["steps"], history["values"], strict=True)) == [
        (1, 1), (2, 4), (3, 5), (3, 2), (3, 3), (3, 7), (4, "NaN"), (5, "-Infinity"),
    ]  # fmt: skip


def test_histories_and_lists_page_without_loss(assets: Assets) -> None:
    metrics = [
        {"key": "m", "value": float("nan") if i == 3 else i / 3, "step": i // 2, "time": i} for i in range(9)
    ]
    for metric in metrics:
        metric["value"] = "NaN" if metric["value"] != metric["value"] else metric["value"]
    assets.owner.call("runs_log_batch", run_id=assets.run, metrics=metrics)
    seen, cursor = [], None
    while True:
        page = assets.owner.call("runs_metric_history", run_id=assets.run, key="m", limit=2, cursor=cursor)
        seen += page["times"]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == list(range(9))
    for number in range(4):
        assets.owner.call("runs_create", experiment_id=assets.experiment, name=f"r{number}", start_time=1000)
    ids, cursor = [], None
    while True:
        page = assets.owner.call("runs_search", experiment_ids=[assets.experiment], limit=2, cursor=cursor)
        ids += [item["id"] for item in page["items"]]
        if (cursor := page["cursor"]) is None:
            break
    assert len(ids) == len(set(ids)) == 5 and ids[0] == assets.run


def test_a_batch_is_all_or_nothing(assets: Assets) -> None:
    before = assets.owner.call("runs_get", run_id=assets.run)
    bad: list[dict[str, Any]] = [
        {"metrics": [{"key": "m", "value": 1, "step": 0, "time": 1}], "params": {"lr": "0.2", "new": "1"}},
        {"metrics": [{"key": "m", "value": 1, "step": 0, "time": -1}], "params": {"new": "1"}},
        {
            "params": {"new": "1"},
            "model_metrics": [{"key": "m", "value": 1, "step": 0, "time": 1, "model_id": "m-x"}],
        },
    ]
    for arguments in bad:
        with pytest.raises(InsighterError):
            assets.owner.call("runs_log_batch", run_id=assets.run, **arguments)
    assert assets.owner.call("runs_get", run_id=assets.run) == before
    assets.owner.call("runs_log_batch", run_id=assets.run, params={"lr": "0.1", "new": "1"})


def test_versions_count_up_and_are_never_given_again(assets: Assets) -> None:
    kernel = assets.owner.kernel(assets.project)
    kernel.call("model_versions_delete", name="wine", version="1")
    made = kernel.call("model_versions_create", name="wine", source=f"models:/{assets.model}")
    assert made["version"] == 2 and made["run_id"] == assets.run and made["model_id"] == assets.model
    assert kernel.call("models_get", name="wine")["aliases"] == {}
    copy = kernel.call("model_versions_create", name="wine", source="models:/wine/2")
    assert (copy["root"], copy["version"]) == (f"models/{assets.model}", 3)


@pytest.mark.parametrize(
    "source", ["s3://bucket/model", "/etc", "file:///etc", "runs:/x/model", "models:/", "http://x/y"]
)
def test_only_files_of_this_server_are_registered(assets: Assets, source: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        assets.owner.kernel(assets.project).call("model_versions_create", name="wine", source=source)


def test_a_model_stays_in_the_project_of_its_files(assets: Assets) -> None:
    assets.owner.call("models_create", name="elsewhere")  # in the personal project
    with pytest.raises(Invalid, match="another project"):
        assets.owner.call("model_versions_create", name="elsewhere", source=f"models:/{assets.model}")


def test_what_happened_is_told_once(database: Database, assets: Assets) -> None:
    owner = assets.owner
    owner.call("runs_update", run_id=assets.run, status="FINISHED", end_time=9)
    owner.call("runs_update", run_id=assets.run, status="FINISHED", end_time=9)
    told = database.superuser(
        "select verb, asset_kind from insighter.events"
        " where project_id = %s and asset_kind <> 'achievement' order by id",
        UUID(assets.project),
    )
    assert told == [
        ("created", "project"),
        ("created", "experiment"),
        ("started", "run"),
        ("created", "model"),
        ("registered", "model"),
        ("aliased", "model"),
        ("finished", "run"),
    ]


def test_a_deleted_experiment_takes_its_runs_along_and_back(assets: Assets) -> None:
    owner = assets.owner
    gone = owner.call("runs_create", experiment_id=assets.experiment, name="deleted before")["id"]
    owner.call("runs_set_deleted", run_id=gone, deleted=True)
    owner.call("experiments_set_deleted", id=assets.experiment, deleted=True)
    with pytest.raises(Invalid, match="active"):
        owner.call("runs_log_batch", run_id=assets.run, tags={"x": "y"})
    owner.call("experiments_set_deleted", id=assets.experiment, deleted=False)
    assert not owner.call("runs_get", run_id=assets.run)["deleted"]
    assert owner.call("runs_get", run_id=gone)["deleted"]


def test_a_deleted_project_leaves_nothing(database: Database, assets: Assets) -> None:
    assets.owner.call("projects_delete", id=assets.project)
    assets.owner.call("trash_projects_purge", id=assets.project)
    for table in TABLES:
        left = database.superuser(
            f"select count(*) from insighter.{table} where project_id = %s", UUID(assets.project)
        )
        assert left == [(0,)], table


def test_ids_are_mlflows(assets: Assets) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", assets.run)
    assert re.fullmatch(r"m-[0-9a-f]{32}", assets.model)
    assert re.fullmatch(r"[1-9][0-9]*", assets.experiment)
