"""What was made from what: written by whatever makes it, read both ways, and silent about what is hidden."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Forbidden, Invalid, NotFound
from tests.database.conftest import Database, Person
from tests.database.sharing import dataset, made

MIGRATION = Path(__file__).parents[2] / "insighter_ext/schema/migrations/0024_lineage.sql"


class House:
    """A project in which a run read a dataset, its model was registered, and a version of it deployed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = database.person("owner")
        self.project = made(self.owner)
        self.kernel = self.owner.kernel(self.project)
        self.experiment = self.owner.call("experiments_create", name="search", project_id=self.project)["id"]
        dataset(self.owner, self.project, "wine", "one")
        self.run = self.start("forest")
        self.read(self.run, "wine", "one")
        self.model = self.log(self.run)
        self.register("quality", self.model)
        self.endpoint = self.deploy("wine-api", "quality", 1)

    def start(self, name: str) -> str:
        found: str = self.owner.call("runs_create", experiment_id=self.experiment, name=name)["id"]
        return found

    def read(self, run: str, name: str, content: str, by: Person | None = None, **tags: str) -> None:
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        noted = {"name": name, "digest": digest, "source_type": "http", "source": "x", "tags": tags}
        (by or self.owner).call("runs_log_inputs", run_id=run, datasets=[noted])

    def log(self, run: str) -> str:
        made = self.owner.call(
            "logged_models_create", experiment_id=self.experiment, name="m", source_run_id=run
        )
        self.owner.call("logged_models_update", id=made["id"], status="LOGGED_MODEL_READY")
        self.owner.call(
            "artifacts_put", root=f"models/{made['id']}", path="MLmodel", size=1, sha256="6" * 64,
            object_key=f"{self.project}/{'6' * 64}",
        )  # fmt: skip
        found: str = made["id"]
        return found

    def register(self, name: str, model: str) -> int:
        made = self.owner.call("models_register", project_id=self.project, name=name, model_id=model)
        return int(made["version"])

    def deploy(self, name: str, model: str, version: int) -> str:
        made = self.owner.call(
            "deployments_create", project_id=self.project, id=uuid4(), name=name, model_name=model,
            model_version=version,
        )  # fmt: skip
        found: str = made["id"]
        return found

    def upload(self, name: str, content: str, sources: list[dict[str, Any]], by: Person | None = None) -> Any:
        sha = hashlib.sha256(content.encode()).hexdigest()
        upload = {
            "name": name, "format": "parquet", "filename": "", "sha256": sha, "size": 1, "rows": 1,
            "table_object_key": f"{self.project}/{sha}", "table_size": 1, "columns": [],
        }  # fmt: skip
        return (by or self.owner).call(
            "lineage_upload", project_id=self.project, upload=upload, sources=sources
        )

    def restrict(self, kind: str, name: str) -> None:
        self.owner.call("restrictions_set", project_id=self.project, kind=kind, name=name, min_role="admin")

    def graph(
        self, kind: str | None = None, key: str | None = None, by: Person | None = None, **more: Any
    ) -> Any:
        return (by or self.owner).call("lineage_graph", project_id=self.project, kind=kind, key=key, **more)

    def names(self, *asked: Any, **more: Any) -> set[str]:
        return {said(node) for node in self.graph(*asked, **more)["nodes"]}

    def edges(self, *asked: Any, **more: Any) -> set[str]:
        found = self.graph(*asked, **more)
        nodes = {node["id"]: said(node) for node in found["nodes"]}
        return {f"{nodes[e['source']]} {e['verb']} {nodes[e['target']]}" for e in found["edges"]}

    def impact(self, kind: str, key: str, by: Person | None = None, **more: Any) -> dict[str, int]:
        found = (by or self.owner).call("lineage_impact", project_id=self.project, kind=kind, key=key, **more)
        return {item["kind"]: item["count"] for item in found["kinds"]}


def said(node: dict[str, Any]) -> str:
    return node["name"] + (f" v{node['version']}" if node["version"] else "")


ALL = {"wine v1", "forest", "quality v1", "wine-api"}


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def test_one_graph_from_every_asset_of_it(house: House) -> None:
    every = {
        "wine v1 read forest",
        "forest registered quality v1",
        "quality v1 deployed wine-api",
    }
    for kind, key in [
        ("dataset", "wine"), ("run", house.run), ("model", "quality"), ("deployment", "wine-api"),
    ]:  # fmt: skip
        found = house.graph(kind, key)
        assert {said(node) for node in found["nodes"]} == ALL
        assert house.edges(kind, key) == every
        assert [node.split("/")[0] for node in found["centre"]] == [kind]
        assert not found["more"]
    assert house.edges() == every  # of the whole project
    assert house.names("run", house.run, direction="up") == {"wine v1", "forest"}
    assert house.names("run", house.run, direction="down") == ALL - {"wine v1"}
    assert house.names("dataset", "wine", depth=1) == {"wine v1", "forest"}
    assert house.names("experiment", house.experiment) == {"search"}


def test_what_is_told_of_a_node(house: House) -> None:
    dataset(house.owner, house.project, "wine", "two")
    house.owner.call(
        "models_set_alias", name="quality", alias="champion", version="1", project_id=house.project
    )
    nodes = {node["kind"]: node for node in house.graph("dataset", "wine")["nodes"]}
    assert {kind: (n["version"], n["newest"], n["stale"], n["status"]) for kind, n in nodes.items()} == {
        "dataset": (1, 2, True, ""),
        "run": (None, None, False, "running"),
        "model": (1, 1, False, "@champion"),
        "deployment": (None, None, False, "starting"),
    }
    assert nodes["run"]["key"] == house.run and nodes["run"]["created_by"].startswith("owner")
    assert not any(n["deleted"] or n["more_up"] or n["more_down"] for n in nodes.values())
    near = house.graph("run", house.run, direction="up")["nodes"]
    assert {n["kind"]: (n["more_up"], n["more_down"]) for n in near} == {"dataset": (0, 0), "run": (0, 1)}


def test_versions_have_a_lineage_each(house: House) -> None:
    dataset(house.owner, house.project, "wine", "two")
    run = house.start("second")
    house.read(run, "WINE", "two")
    assert house.register("quality", house.log(run)) == 2
    assert house.names("dataset", "wine", version=2) == {"wine v2", "second", "quality v2"}
    assert house.names("dataset", "wine") == {*ALL, "wine v2", "second", "quality v2"}
    assert house.names("model", "quality", version=1) == ALL
    assert house.impact("dataset", "wine", version=2) == {"run": 1, "model": 1}
    assert house.impact("dataset", "wine") == {"run": 2, "model": 1, "deployment": 1}
    with pytest.raises(NotFound):
        house.graph("dataset", "wine", version=3)
    # One without lineage is shown as it is.
    dataset(house.owner, house.project, "lonely", "x")
    assert house.names("dataset", "lonely") == {"lonely v1"}


def test_the_same_content_twice_is_told_apart_by_the_tag(house: House) -> None:
    dataset(house.owner, house.project, "wine", "two")
    dataset(house.owner, house.project, "wine", "one")  # version 3 has the content of version 1
    one, newest, elsewhere = (house.start(name) for name in ("one", "newest", "elsewhere"))
    house.read(one, "wine", "one", **{"insighter.version": "1"})
    house.read(newest, "wine", "one")
    house.read(elsewhere, "other name", "one")
    assert house.edges("run", one) == {"wine v1 read one"}
    assert house.edges("run", newest) == {"wine v3 read newest"}
    assert house.edges("run", elsewhere) == set()


def test_what_a_dataset_was_made_from(house: House) -> None:
    sources = [
        {"kind": "dataset", "key": "wine"},
        {"kind": "run", "key": house.run},
        {"kind": "model", "key": "quality", "version": 1},
        {"kind": "dataset", "key": "gone", "if_known": True},
        {"kind": "dataset", "key": "wine", "version": 9, "if_known": True},
    ]
    assert house.upload("clean", "clean", sources)["version"]["version"] == 1
    wanted = {"wine v1 derived clean v1", "forest wrote clean v1", "quality v1 derived clean v1"}
    assert house.edges("dataset", "clean", direction="up") >= wanted
    # Its own newest version, before the upload.
    house.upload("clean", "cleaner", [{"kind": "dataset", "key": "clean"}])
    assert "clean v1 derived clean v2" in house.edges("dataset", "clean", version=2)
    # What has not changed has one source more, and is not made from itself.
    run = house.start("again")
    assert house.upload(
        "clean", "cleaner", [{"kind": "run", "key": run}, {"kind": "dataset", "key": "clean"}]
    )["unchanged"]
    house.owner.call(
        "lineage_note",
        project_id=house.project,
        name="clean",
        version=1,
        sources=[{"kind": "run", "key": run}],
    )
    assert house.edges("run", run) >= {"again wrote clean v2", "again wrote clean v1"}
    for wrong, error in [
        ([{"kind": "dataset", "key": "gone"}], NotFound),
        ([{"kind": "model", "key": "quality", "version": 7}], NotFound),
        ([{"kind": "nonsense", "key": "wine"}], NotFound),
        ([{"kind": "dataset", "key": "wine"}] * 101, Invalid),
    ]:
        with pytest.raises(error):
            house.upload("never", "never", wrong)
        with pytest.raises(error):
            house.owner.call("lineage_check", project_id=house.project, sources=wrong)
    with pytest.raises(NotFound):
        house.owner.call("datasets_get", project_id=house.project, name="never")
    viewer = house.database.member(house.project, "viewer")
    with pytest.raises(Forbidden):
        house.upload("never", "never", [], by=viewer)


def test_copies_of_a_model_and_runs_that_read_one(house: House) -> None:
    house.kernel.call("models_create", name="copy", project_id=house.project)
    house.kernel.call("model_versions_create", name="copy", source="models:/quality/1", run_id=house.run)
    assert "quality v1 derived copy v1" in house.edges("model", "copy")
    # A run reads a logged model before it has a name, another one after.
    trained, before, after = (house.start(name) for name in ("trained", "before", "after"))
    model = house.log(trained)
    house.owner.call("runs_log_inputs", run_id=before, models=[model])
    assert house.edges("run", before) == set()
    house.register("late", model)
    house.owner.call("runs_log_inputs", run_id=after, models=[model])
    assert house.edges("model", "late") == {
        "trained registered late v1", "late v1 read before", "late v1 read after",
    }  # fmt: skip


@pytest.mark.parametrize(
    "source", ["mlflow-artifacts:/runs/{run}/artifacts/99999999999999", "runs:/{run}/12345678901234"]
)
def test_no_source_of_a_version_is_too_strange(house: House, source: str) -> None:
    house.kernel.call("models_create", name="strange", project_id=house.project)
    house.kernel.call("model_versions_create", name="strange", source=source.format(run=house.run))
    assert house.edges("model", "strange") >= {"forest registered strange v1"}


def test_a_circle_ends_where_it_began(house: House) -> None:
    house.upload("clean", "clean", [{"kind": "model", "key": "quality"}])
    house.owner.call(
        "lineage_note", project_id=house.project, name="wine", version=1,
        sources=[{"kind": "dataset", "key": "clean"}],
    )  # fmt: skip
    for direction in ("up", "down", "both"):
        found = house.graph("dataset", "wine", direction=direction, depth=50)
        names = [said(node) for node in found["nodes"]]
        assert sorted(names) == sorted(set(names))
        assert {*ALL, "clean v1"} - set(names) == ({"wine-api"} if direction == "up" else set())
    assert house.impact("dataset", "wine") == {"dataset": 1, "run": 1, "model": 1, "deployment": 1}


@pytest.mark.parametrize(
    ("kind", "name", "left"),
    [
        ("dataset", "wine", {"forest", "quality v1", "wine-api"}),
        ("model", "quality", {"wine v1", "forest"}),
        ("deployment", "wine-api", {"wine v1", "forest", "quality v1"}),
    ],
)
def test_of_what_is_restricted_nothing_is_told(house: House, kind: str, name: str, left: set[str]) -> None:
    house.owner.call("runs_update", run_id=house.run, status="FINISHED")
    house.restrict(kind, name)
    editor = house.database.member(house.project, "editor")
    hidden = ALL - left - {"wine-api"}
    uuid = house.database.superuser(
        "select id from insighter.assets where project_id = %s and kind = %s", house.project, kind
    )[0][0]
    answers = [house.graph(by=editor), editor.call("lineage_processes", project_id=house.project)]
    for asked in [("dataset", "wine"), ("run", house.run), ("model", "quality"), ("deployment", "wine-api")]:
        if asked == (kind, name):
            with pytest.raises(NotFound):
                house.graph(*asked, by=editor)
            with pytest.raises(NotFound):
                house.impact(*asked, by=editor)
            continue
        found = house.graph(*asked, by=editor)
        assert {said(node) for node in found["nodes"]} <= (left if asked[0] != "deployment" else ALL - hidden)
        assert not any(node["more_up"] or node["more_down"] for node in found["nodes"])
        answers += [
            found,
            editor.call("lineage_impact", project_id=house.project, kind=asked[0], key=asked[1]),
        ]
    for answer in answers:
        assert uuid not in str(answer)
        assert f"'{name}'" not in str(answer)
        assert not any(f"'{one}'" in str(answer) for one in hidden)
    assert house.impact("run", house.run, by=editor) == {
        "dataset": {"model": 1, "deployment": 1}, "model": {}, "deployment": {"model": 1},
    }[kind]  # fmt: skip
    # Whoever may see it sees it in its place.
    assert house.names("run", house.run) == ALL
    # And nobody ties to it what they make; whether it is there is not told by trying.
    with pytest.raises(NotFound):
        house.upload("x", "x", [{"kind": kind, "key": name}], by=editor)
    house.upload("x", "x", [{"kind": kind, "key": name, "if_known": True}], by=editor)
    assert house.edges("dataset", "x") == set()
    if kind == "dataset":
        with pytest.raises(Forbidden):
            house.read(house.start("blind"), "wine", "one", by=editor)


def test_strangers_and_other_projects(house: House) -> None:
    stranger = house.database.person()
    other = made(stranger)
    dataset(stranger, other, "wine", "one")
    with pytest.raises(NotFound):
        house.graph("dataset", "wine", by=stranger)
    assert stranger.call("lineage_graph", project_id=other, kind="dataset", key="wine")["edges"] == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.rows(
            "insert into insighter.lineage_edges (project_id, source_kind, source_id, target_kind, target_id, verb)"
            " select project_id, source_kind, source_id, target_kind, target_id, 'derived'"
            " from (values (%s::uuid, 'run', %s, 'dataset', %s))"
            " e (project_id, source_kind, source_id, target_kind, target_id)",
            house.project,
            house.run,
            house.run,
        )
    # The two ends are of one project: a key says so.
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        stranger.rows(
            "insert into insighter.lineage_edges (project_id, source_kind, source_id, target_kind, target_id, verb)"
            " select %s, 'run', %s, a.kind, a.id, 'derived' from insighter.assets a where a.project_id = %s limit 1",
            other,
            house.run,
            other,
        )


def test_what_was_deleted(house: House) -> None:
    house.owner.call("runs_set_deleted", run_id=house.run, deleted=True)
    assert {said(n): n["deleted"] for n in house.graph("dataset", "wine")["nodes"]} == {
        "wine v1": False, "forest": True, "quality v1": False, "wine-api": False,
    }  # fmt: skip
    assert house.impact("dataset", "wine") == {"model": 1, "deployment": 1}
    house.owner.call("runs_set_deleted", run_id=house.run, deleted=False)
    # A version that is gone still says where the endpoint comes from.
    house.kernel.call("model_versions_delete", name="quality", version="1")
    assert {said(n): n["deleted"] for n in house.graph("deployment", "wine-api")["nodes"]} == {
        "wine v1": False, "forest": False, "quality v1": True, "wine-api": False,
    }  # fmt: skip
    assert house.names("model", "quality", version=1) == ALL
    # An asset that is gone takes its edges along, and nothing else.
    house.owner.call("datasets_delete", project_id=house.project, name="wine")
    house.kernel.call("models_delete", name="quality")
    assert house.edges() == set()
    assert house.names("run", house.run) == {"forest"}
    house.owner.call("projects_delete", id=house.project)


def test_endpoints_that_run_are_named(house: House) -> None:
    house.deploy("second", "quality", 1)
    house.owner.call("deployments_stop", project_id=house.project, name="second")
    found = house.owner.call("lineage_impact", project_id=house.project, kind="dataset", key="wine")
    assert found == {
        "kinds": [
            {"kind": "deployment", "count": 2}, {"kind": "model", "count": 1}, {"kind": "run", "count": 1},
        ],
        "running": ["wine-api"],
        "more": False,
    }  # fmt: skip
    assert house.owner.call("lineage_impact", project_id=house.project, kind="deployment", key="second") == {
        "kinds": [], "running": [], "more": False,
    }  # fmt: skip


def test_a_large_graph_is_cut_and_says_so(house: House) -> None:
    house.database.superuser(
        """with r as (
             insert into insighter.runs (project_id, experiment_id, name, start_time, created_by)
             select %s, %s, 'many ' || i, i, %s from generate_series(1, 1500) i returning id, project_id)
           insert into insighter.lineage_edges (project_id, source_kind, source_id, source_version, verb,
             target_kind, target_id)
           select r.project_id, 'dataset', d.id::text, 1, 'read', 'run', private.hex(r.id)
           from r join insighter.datasets d on d.project_id = r.project_id and d.name = 'wine'""",
        house.project,
        house.experiment,
        house.owner.user_id,
    )
    for limit in (1, 2, 50, 1000):
        for direction in ("up", "down", "both"):
            found = house.graph("dataset", "wine", limit=limit, direction=direction)
            assert len(found["nodes"]) <= limit
            assert found["nodes"][0]["name"] == "wine"
            known = {node["id"] for node in found["nodes"]}
            assert all({edge["source"], edge["target"]} <= known for edge in found["edges"])
            assert found["more"] == (direction != "up")
    assert found["nodes"][0]["more_down"] == 100  # as far as it counts
    whole = house.graph(limit=100)
    assert len(whole["nodes"]) == 100 and whole["more"]
    assert house.impact("dataset", "wine") == {"run": 1501, "model": 1, "deployment": 1}


def test_what_cannot_be_asked(house: House) -> None:
    for wrong in ({"direction": "sideways"}, {"kind": "dataset"}, {"key": "wine"}):
        with pytest.raises(Invalid):
            house.owner.call("lineage_graph", project_id=house.project, **wrong)
    for kind, key in [("dataset", "gone"), ("nonsense", "wine"), ("run", uuid4().hex), ("model", "wine")]:
        with pytest.raises(NotFound):
            house.graph(kind, key)


def test_processes_go_page_by_page(house: House) -> None:
    house.upload("clean", "clean", [{"kind": "dataset", "key": "wine"}])
    items: list[Any] = []
    cursor, pages = None, 0
    while True:
        page = house.owner.call("lineage_processes", project_id=house.project, limit=2, cursor=cursor)
        items += page["items"]
        pages += 1
        cursor = page["cursor"]
        if cursor is None:
            break
    assert pages > 2
    assert items == house.owner.call("lineage_processes", project_id=house.project)["items"]
    told = {
        (item["kind"], item["name"]): (
            [(d["kind"], d["key"], d["version"]) for d in item["inputs"]],
            [(d["kind"], d["key"], d["version"]) for d in item["outputs"]],
        )
        for item in items
    }
    assert told == {
        ("dataset", "clean"): ([("dataset", "wine", 1)], [("dataset", "clean", 1)]),
        ("run", "forest"): ([("dataset", "wine", 1)], [("model", "quality", 1)]),
        ("deployment", "wine-api"): ([("model", "quality", 1)], []),
    }


def test_what_was_there_before_is_tied_too(house: House) -> None:
    columns = (
        "source_kind, source_id, source_version, verb, target_kind, target_id, target_version, created_by"
    )
    query = f"select {columns} from insighter.lineage_edges where project_id = %s order by 1, 2, 3, 5, 6, 7"
    before = house.database.superuser(query, house.project)
    assert len(before) == 3
    house.database.superuser("delete from insighter.lineage_edges")
    text = MIGRATION.read_text(encoding="utf-8")
    past = text[text.index("-- What was there before.") : text.index("-- ---- datasets, and what they")]
    house.database.superuser(past)
    assert house.database.superuser(query, house.project) == before


def test_a_notebook_s_version_ran_as_a_run(house: House) -> None:
    """Once there is a snapshot of what made the run."""
    run = house.database.superuser("select id from insighter.runs where private.hex(id) = %s", house.run)[0][
        0
    ]
    notebook = house.database.superuser(
        "insert into insighter.notebooks (project_id, path, created_by) values (%s, 'fit.ipynb', %s) returning id",
        house.project,
        house.owner.user_id,
    )[0][0]
    house.database.superuser(
        "insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id)"
        " values (%s, %s, %s, gen_random_uuid())",
        house.project,
        run,
        notebook,
    )
    assert house.names("run", house.run) == ALL
    house.database.superuser(
        "insert into insighter.notebook_versions (project_id, notebook_id, version, object_key, sha256, size,"
        " fingerprint, cells, reason, path, created_by)"
        " values (%s, %s, 1, %s, repeat('a', 64), 1, repeat('b', 64), 1, 'saved', 'fit.ipynb', %s)",
        house.project,
        notebook,
        f"{house.project}/{'a' * 64}",
        house.owner.user_id,
    )
    house.database.superuser(
        "update insighter.notebook_runs set version = 1 where project_id = %s", house.project
    )
    found = house.graph("run", house.run, direction="up")
    (node,) = (node for node in found["nodes"] if node["kind"] == "notebook")
    assert (node["key"], node["version"], node["deleted"]) == (str(notebook), 1, False)
    assert "ran" in {edge["verb"] for edge in found["edges"]}
    assert house.impact("notebook", str(notebook)) == {"run": 1, "model": 1, "deployment": 1}
