"""Assets of all kinds: what the catalogue tells of them, how they are found, and which stand first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import InsighterError
from tests.database.conftest import Database, Person, refused
from tests.database.sharing import Apart, dataset, made, verbs


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("ana")


@pytest.fixture
def project(owner: Person) -> str:
    return made(owner)


def names(person: Person, query: str, **arguments: Any) -> list[str]:
    return [item["name"] for item in person.call("assets_search", query=query, **arguments)["items"]]


def why(person: Person, query: str) -> tuple[str, str | None]:
    found = person.call("assets_search", query=query)["items"][0]["why"]
    return found["field"], found["text"]


def listed(person: Person, project: str, **arguments: Any) -> list[tuple[str, str]]:
    found = person.call("assets_list", project_id=project, **arguments)["items"]
    return [(item["kind"], item["name"]) for item in found]


def columns(person: Person, project: str, name: str, *columns: str) -> None:
    sha = uuid4().hex * 2
    person.call(
        "datasets_add_version", project_id=project, name=name, format="parquet", filename="", size=1, rows=1,
        sha256=sha, table_object_key=f"{project}/{sha}", table_size=1, columns=[{"name": each} for each in columns],
    )  # fmt: skip


def run(person: Person, project: str, name: str, **tags: str) -> str:
    experiment = person.call("experiments_create", name=f"e {uuid4().hex[:8]}", project_id=project)["id"]
    return str(person.call("runs_create", experiment_id=experiment, name=name, tags=tags)["id"])


def model(person: Person, project: str, name: str, metric: str, **tags: str) -> None:
    experiment = person.call("experiments_create", name=f"e {uuid4().hex[:8]}", project_id=project)["id"]
    source = person.call("runs_create", experiment_id=experiment, name="trained")["id"]
    point = {"key": metric, "value": 0.9, "step": 0, "time": 1}
    person.call("runs_log_batch", run_id=source, metrics=[point])
    logged = person.call(
        "logged_models_create", experiment_id=experiment, name="m", source_run_id=source, model_type=""
    )["id"]
    person.call(
        "artifacts_put",
        root=f"models/{logged}",
        path="MLmodel",
        object_key=f"{project}/{'7' * 64}",
        sha256="7" * 64,
        size=1,
    )
    person.call("models_register", project_id=project, name=name, model_id=logged)
    if tags:
        person.kernel(project).call("models_update", name=name, tags=tags)


def deployment(person: Person, project: str, name: str, of: str) -> str:
    id = str(uuid4())
    person.call(
        "deployments_create",
        project_id=project,
        id=id,
        name=name,
        model_name=of,
        model_version=1,
        port=50_000,
    )
    return id


# ---- how they are found ---------------------------------------------------------------------------------------------


def test_by_words_of_the_name_the_last_of_which_is_unfinished(owner: Person, project: str) -> None:
    dataset(owner, project, "wine quality")
    dataset(owner, project, "red wine")
    assert names(owner, "wine") == ["wine quality", "red wine"]  # what begins with it comes first
    assert names(owner, "win") == ["wine quality", "red wine"]
    assert (
        names(owner, "wine qual") == names(owner, "QUAL") == names(owner, "quality wine") == ["wine quality"]
    )
    assert names(owner, "win quality") == names(owner, "wines") == names(owner, "ine") == []
    assert names(owner, "wine quality red") == []


def test_the_name_itself_comes_before_all_others_and_runs_after_them(owner: Person, project: str) -> None:
    columns(owner, project, "grapes", "forest")
    for number in range(3):
        run(owner, project, f"forest {number}")
    run(owner, project, "forest")
    dataset(owner, project, "the forest")
    dataset(owner, project, "forest fires")
    assert names(owner, "forest") == [
        "forest",
        "forest fires",
        "forest 2",
        "forest 1",
        "forest 0",
        "the forest",
        "grapes",
    ]


def test_by_columns_tags_metrics_and_descriptions_and_it_says_so(owner: Person, project: str) -> None:
    columns(owner, project, "wine", "fixed_acidity", "Café au lait")
    tagged = run(owner, project, "bold-owl-3", team="tannin chemistry")
    model(owner, project, "forest", "valid_auc", purpose="sommelier")
    deployment(owner, project, "endpoint", "forest")
    owner.call(
        "experiments_create",
        name="grapes",
        project_id=project,
        tags={"mlflow.note.content": "All about <b>oak</b> barrels."},
    )
    assert why(owner, "wine") == ("name", None)
    assert why(owner, "acid") == ("column", "fixed_acidity")
    assert why(owner, "wine cafe") == ("column", "Café")
    field, text = why(owner, "tannin")
    assert field == "tag" and text is not None and "team tannin" in text
    assert why(owner, "auc") == ("metric", "valid_auc")
    assert why(owner, "sommel") == ("tag", "purpose sommelier")
    assert why(owner, "endpoint forest") == ("model", "forest")
    assert why(owner, "oak") == ("description", "All about <b>oak</b> barrels.")
    found = owner.call("assets_search", query="bold owl")["items"][0]
    assert found["kind"] == "run" and found["key"] == tagged and found["status"] == "running"
    assert found["owner"].startswith("ana")
    assert found["project_id"] == project and found["project"].startswith("Wine")


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("café crème", ["cafe", "CAFÉ", "cafe\u0301 creme", "crè"]),
        ("cafe\u0301 noir", ["café noir", "noir"]),
        ("葡萄酒质量", ["葡萄酒", "质量", "葡"]),
        ("ワインの品質", ["ワイン", "品質"]),
        ("와인 품질", ["와인", "품질"]),
        ("نبيذ أَحْمَر", ["نبيذ", "أحمر", "احم"]),
        ("गुणवत्ता आँकड़े", ["गुणवत्ता", "गुणव"]),
        ("Ünïcode Straße", ["unicode", "straße"]),
        ("🍷 tasting 🥇", ["🍷", "🥇 tast", "tasting"]),
        ("ВИНО Крым", ["вино", "крым"]),
        ("x1_y-2.csv", ["x1", "y 2", "csv", "x1_y-2.csv"]),
    ],
)
def test_in_every_script(owner: Person, project: str, name: str, queries: list[str]) -> None:
    run(owner, project, name)
    run(owner, project, "something else")
    for query in queries:
        assert names(owner, query) == [name], query


@pytest.mark.parametrize(
    "query",
    [
        "wine & !red",
        "'wine' | red:*",
        "wine <-> red",
        ":*",
        "(",
        "wine:A",
        "\\",
        "%",
        "_",
        "''",
        "--",
        "wine\u2028",
        "<script>",
    ],
)
def test_signs_of_a_query_language_are_plain_text(owner: Person, project: str, query: str) -> None:
    dataset(owner, project, "wine red")
    assert all(name == "wine red" for name in names(owner, query))


def test_without_letters_and_without_anything(owner: Person, project: str) -> None:
    first = run(owner, project, "a -- b")
    run(owner, project, "100 %")
    assert [item["key"] for item in owner.call("assets_search", query=" -- ")["items"]] == [first]
    assert names(owner, "%") == ["100 %"]
    assert (
        len(names(owner, "")) == 4 and names(owner, "  ")[0] == "100 %"
    )  # newest first; each with its experiment
    assert len(names(owner, "x" * 100_000)) == 0
    assert len(names(owner, "wine " * 20_000)) == 0


def test_of_very_many_the_name_itself_and_the_newest_are_found(
    database: Database, owner: Person, project: str
) -> None:
    """More than are compared: neither is hidden by those that came before."""
    experiment = owner.call("experiments_create", name="many", project_id=project)["id"]
    fill = """insert into insighter.runs (id, project_id, experiment_id, name, status, start_time, created_by)
        select gen_random_uuid(), %s, %s, 'forest ' || n, 'FINISHED', 0, %s from generate_series(1, 1500) n"""
    database.superuser(fill, project, int(experiment), owner.user_id)
    dataset(owner, project, "forest")
    database.superuser(fill, project, int(experiment), owner.user_id)
    dataset(owner, project, "my forest")
    found = owner.call("assets_search", query="forest", limit=100)
    assert found["items"][0]["name"] == "forest" and found["items"][0]["kind"] == "dataset"
    assert found["more"] and len(found["items"]) == 100
    newest = owner.call("assets_search", query="fores", kinds=["dataset"])
    assert [item["name"] for item in newest["items"]] == ["forest", "my forest"] and not newest["more"]
    last = run(owner, project, "forest newest")
    assert last in [item["key"] for item in owner.call("assets_search", query="fores", limit=100)["items"]]


def test_by_kind_and_by_project(owner: Person, project: str) -> None:
    other = made(owner)
    dataset(owner, project, "wine")
    dataset(owner, other, "wine")
    run(owner, project, "wine")
    assert len(names(owner, "wine")) == 3
    assert len(names(owner, "wine", projects=[project])) == 2
    assert len(names(owner, "wine", kinds=["dataset"])) == 2
    assert len(names(owner, "wine", projects=[other], kinds=["run"])) == 0
    assert names(owner, "wine", projects=[]) == names(owner, "wine", kinds=["nothing' | 'k dataset"]) == []
    assert names(owner, "", projects=[other]) == ["wine"]


# ---- what nobody is told who must not see it ------------------------------------------------------------------------


def test_a_stranger_finds_nothing(database: Database, owner: Person, project: str) -> None:
    columns(owner, project, "secret wine", "acidity")
    stranger = database.person()
    for query in ("secret", "acid", "", "--", "wine"):
        assert names(stranger, query) == []
        assert names(stranger, query, projects=[project]) == []
    with pytest.raises(InsighterError) as error:
        stranger.call("assets_list", project_id=project)
    assert refused(error) == 404
    with pytest.raises(InsighterError) as error:
        stranger.call("assets_overview", project_id=project)
    assert refused(error) == 404
    found = "select count(*) from private.assets_found('secret', array[%s::uuid], null, 10)"
    assert stranger.rows(found, project) == [(0,)]
    assert owner.rows(found, project) == [(1,)]


def test_a_restricted_asset_is_found_by_those_who_see_it(
    database: Database, owner: Person, project: str
) -> None:
    columns(owner, project, "secret wine", "acidity")
    viewer, admin = database.member(project, "viewer"), database.member(project, "admin")
    owner.call("assets_pin", project_id=project, kind="dataset", key="secret wine")
    assert names(viewer, "secret") == names(viewer, "acid") == ["secret wine"]
    owner.call("restrictions_set", project_id=project, kind="dataset", name="secret wine", min_role="admin")
    for query in ("secret", "secret wine", "acid", "", "wine"):
        assert names(viewer, query) == []
        assert names(admin, query) == ["secret wine"]
    assert listed(viewer, project) == listed(viewer, project, pinned=True) == []
    assert viewer.call("assets_overview", project_id=project) == {"pinned": [], "kinds": []}
    assert viewer.rows("select count(*) from insighter.pins") == [(0,)]
    assert viewer.rows("select count(*) from private.assets_found('secret', null, null, 10)") == [(0,)]
    owner.call("restrictions_remove", project_id=project, kind="dataset", name="secret wine")
    assert names(viewer, "secret") == ["secret wine"]


def test_a_kernels_credential_finds_what_is_in_its_project(owner: Person, project: str) -> None:
    other = made(owner)
    dataset(owner, project, "wine here")
    dataset(owner, other, "wine there")
    kernel = owner.kernel(project)
    assert names(kernel, "wine") == names(kernel, "") == ["wine here"]
    assert names(kernel, "wine", projects=[other]) == []


def test_who_reads_a_public_project_finds_its_assets_and_not_its_people(
    database: Database, owner: Person, project: str
) -> None:
    dataset(owner, project, f"open {project}")
    stranger = database.person()
    owner.call("projects_set_visibility", id=project, visibility="public")
    found = stranger.call("assets_search", query=f"open {project}")["items"]
    assert [item["name"] for item in found] == [f"open {project}"]
    assert found[0]["owner"] is None
    owner.call("projects_set_visibility", id=project, visibility="private")
    assert names(stranger, f"open {project}") == []


def test_the_words_of_the_index_are_nobodys_to_read(owner: Person, project: str) -> None:
    import psycopg

    dataset(owner, project, "wine")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.rows("select search from insighter.assets")


# ---- the catalogue is kept by triggers ------------------------------------------------------------------------------


def test_what_is_renamed_aliased_finished_or_deleted_is_told_as_it_is(owner: Person, project: str) -> None:
    model(owner, project, "forest", "auc")
    owner.call("models_set_alias", name="forest", alias="champion", version="1", project_id=project)
    assert owner.call("assets_search", query="forest", kinds=["model"])["items"][0]["status"] == "@champion"
    owner.kernel(project).call("models_update", name="forest", new_name="jungle")
    assert names(owner, "forest", kinds=["model"]) == [] and names(owner, "jungle") == ["jungle"]

    id = run(owner, project, "quick fox")
    owner.call("runs_update", run_id=id, name="slow fox", status="FINISHED", end_time=5)
    found = owner.call("assets_search", query="slow fox")["items"][0]
    assert found["status"] == "finished" and names(owner, "quick") == []
    owner.call("runs_set_deleted", run_id=id, deleted=True)
    assert names(owner, "slow") == [] and ("run", "slow fox") not in listed(owner, project)
    owner.call("runs_set_deleted", run_id=id, deleted=False)
    assert names(owner, "slow") == ["slow fox"]

    experiment = owner.call("experiments_create", name="first try", project_id=project)["id"]
    owner.call("experiments_rename", id=experiment, name="second try")
    assert names(owner, "first") == [] and names(owner, "second") == ["second try"]
    owner.call("experiments_set_deleted", id=experiment, deleted=True)
    assert names(owner, "second") == []

    columns(owner, project, "grapes", "old_column")
    columns(owner, project, "grapes", "new_column")
    assert names(owner, "old_column") == [] and names(owner, "new_column") == ["grapes"]
    assert owner.call("assets_search", query="grapes")["items"][0]["version"] == 2
    owner.call("datasets_delete", project_id=project, name="grapes")
    assert names(owner, "grapes") == []

    id = deployment(owner, project, "service", "jungle")
    owner.call(
        "deployments_set_status",
        project_id=project,
        name="service",
        id=id,
        attempt=1,
        status="healthy",
        reason="",
    )
    assert owner.call("assets_search", query="service")["items"][0]["status"] == "healthy"
    owner.call("deployments_delete", project_id=project, name="service")
    assert names(owner, "service") == []


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_a_list_is_paged_newest_first_and_misses_nothing(owner: Person, project: str) -> None:
    for number in range(7):
        dataset(owner, project, f"d {number}", content=str(number))
    heard: list[str] = []
    cursor = None
    while True:
        page = owner.call("assets_list", project_id=project, kind="dataset", limit=3, cursor=cursor)
        heard += [item["name"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert heard == [f"d {number}" for number in reversed(range(7))]
    assert listed(owner, project, kind="model") == []
    with pytest.raises(InsighterError) as error:
        owner.call("assets_list", project_id=project, cursor="made up")
    assert refused(error) == 422


def test_rows_of_one_transaction_are_paged_too(database: Database, owner: Person, project: str) -> None:
    experiment = owner.call("experiments_create", name="same time", project_id=project)["id"]
    database.superuser(
        """insert into insighter.runs (id, project_id, experiment_id, name, status, start_time, created_by)
           select gen_random_uuid(), %s, %s, 'r', 'FINISHED', 0, %s from generate_series(1, 10)""",
        project,
        int(experiment),
        owner.user_id,
    )
    heard: list[str] = []
    cursor = None
    while True:
        page = owner.call("assets_list", project_id=project, limit=4, cursor=cursor)
        heard += [item["key"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(heard) == len(set(heard)) == 11


def test_the_overview_counts_every_kind(owner: Person, project: str) -> None:
    for number in range(3):
        dataset(owner, project, f"d {number}", content=str(number))
    run(owner, project, "r")
    owner.call("assets_pin", project_id=project, kind="dataset", key="d 1")
    seen = owner.call("assets_overview", project_id=project, limit=2)
    assert [item["name"] for item in seen["pinned"]] == ["d 1"]
    counted = {kind["kind"]: (kind["count"], len(kind["items"])) for kind in seen["kinds"]}
    assert counted == {"dataset": (3, 2), "experiment": (1, 1), "run": (1, 1)}
    assert [item["pinned"] for item in seen["kinds"][0]["items"]] == [False, True]


# ---- pins -----------------------------------------------------------------------------------------------------------


def pinned(person: Person, project: str) -> list[str]:
    return [name for _, name in listed(person, project, pinned=True)]


def pin(person: Person, project: str, key: str, position: int | None = None) -> int:
    return int(
        person.call("assets_pin", project_id=project, kind="dataset", key=key, position=position)["position"]
    )


def test_pins_keep_their_order_and_unpinning_is_undone(owner: Person, project: str) -> None:
    for name in "abcd":
        dataset(owner, project, name, content=name)
        assert pin(owner, project, name) == ord(name) - ord("a") + 1
    assert pinned(owner, project) == ["a", "b", "c", "d"]
    assert pin(owner, project, "d", 1) == 1
    assert pinned(owner, project) == ["d", "a", "b", "c"]
    assert pin(owner, project, "d", 3) == 3
    assert pinned(owner, project) == ["a", "b", "d", "c"]
    assert (
        pin(owner, project, "d") == 3
        and pin(owner, project, "d", 99) == 4
        and pin(owner, project, "d", -1) == 1
    )
    gone = owner.call("assets_unpin", project_id=project, kind="dataset", key="a")
    assert pinned(owner, project) == ["d", "b", "c"] and gone["position"] == 2
    assert pin(owner, project, "a", gone["position"]) == 2
    assert pinned(owner, project) == ["d", "a", "b", "c"]
    assert verbs(owner, project)[-2:] == [("unpinned", "dataset"), ("pinned", "dataset")]
    with pytest.raises(InsighterError) as error:
        owner.call("assets_unpin", project_id=project, kind="dataset", key="nothing")
    assert refused(error) == 404
    owner.call("assets_unpin", project_id=project, kind="dataset", key="a")
    with pytest.raises(InsighterError) as error:
        owner.call("assets_unpin", project_id=project, kind="dataset", key="a")
    assert refused(error) == 404


def test_a_pin_follows_its_asset(owner: Person, project: str) -> None:
    model(owner, project, "forest", "auc")
    owner.call("assets_pin", project_id=project, kind="model", key="forest")
    owner.kernel(project).call("models_update", name="forest", new_name="jungle")
    assert pinned(owner, project) == ["jungle"]
    id = run(owner, project, "r")
    owner.call("assets_pin", project_id=project, kind="run", key=id)
    owner.call("runs_set_deleted", run_id=id, deleted=True)
    assert pinned(owner, project) == ["jungle"]
    with pytest.raises(InsighterError) as error:
        owner.call("assets_pin", project_id=project, kind="run", key=id)
    assert refused(error) == 409
    owner.call("runs_set_deleted", run_id=id, deleted=False)
    assert pinned(owner, project) == ["jungle", "r"]


def test_only_so_many_are_pinned(owner: Person, project: str) -> None:
    for number in range(51):
        dataset(owner, project, f"d {number}", content=str(number))
    for number in range(50):
        pin(owner, project, f"d {number}")
    with pytest.raises(InsighterError) as error:
        pin(owner, project, "d 50")
    assert refused(error) == 409 and error.value.code == "too_many_pins"


def test_two_who_pin_at_once_get_two_positions(database: Database, owner: Person, project: str) -> None:
    for name in "ab":
        dataset(owner, project, name, content=name)
    one, two = Apart(database, owner), Apart(database, owner)
    query = "select public.assets_pin(%s, 'dataset', %s)"
    try:
        assert one.call(query, project, "a") == "done"
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(two.call, query, project, "b")
            threading.Event().wait(0.3)
            one.connection.commit()
            assert other.result(timeout=20) == "done"
            two.connection.commit()
    finally:
        one.connection.close()
        two.connection.close()
    assert pinned(owner, project) == ["a", "b"]
    assert database.superuser(
        "select position from insighter.pins where project_id = %s order by 1", project
    ) == [(1,), (2,)]
