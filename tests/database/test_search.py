"""Searches: that they show what their caller may see and nothing else, whatever is asked; how pages follow."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Invalid, NotFound
from tests.database.conftest import Database, Person

INJECTION = "x'; drop table insighter.runs; --"
ESCAPES = [
    INJECTION, "\\' or true --", "%L %I %s %1$s", "$1 $$ $a$", "') or (true", "E'\\\\'", "ü \u202e 🧪", "*", "",
    "a" * 5000,
]  # fmt: skip

# What a caller of the functions could send in place of what the grammar makes.
HOSTILE: list[Any] = [
    *({"kind": kind, "key": text, "op": op, "value": value}
      for text in ESCAPES for kind, op, value in (
          ("metric", ">", 0), ("param", "=", text), ("tag", "LIKE", text), ("param", "IN", [text]),
          ("attribute", "=", text), (text, "=", "a"), ("param", text, "a"), ("dataset", "ILIKE", text))),
    {"kind": "attribute", "key": "name) or (true", "op": "=", "value": "a"},
    {"kind": "attribute", "key": "start_time", "op": ">", "value": INJECTION},
    {"kind": "attribute", "key": "start_time", "op": ">", "value": {"a": 1}},
    {"kind": "attribute", "key": "status", "op": "IN", "value": []},
    {"kind": "attribute", "key": "status", "op": "IN", "value": [{"a": 1}, None, 5]},
    {"kind": "attribute", "key": "status", "op": "IN", "value": ["a"] * 5001},
    {"kind": "metric", "key": "auc", "op": "IS NULL", "value": None},
    {"kind": "metric", "key": "auc", "op": ">", "value": "NaN"},
    {"kind": "metric", "key": "auc", "op": ">", "value": None},
    {"kind": "metric", "key": None, "op": ">", "value": 1},
    {"kind": None, "key": None, "op": None, "value": None},
    {"kind": "ordered", "key": "this", "op": "=", "value": 1},
    {}, [], None, 5, "text", [[[[[]]]]],
]  # fmt: skip


@pytest.fixture(scope="module")
def owner(database: Database) -> Person:
    return database.person("owner")


def experiment_of(person: Person, project: str, runs: int = 3) -> str:
    """An experiment with runs that have a metric, a parameter and a tag."""
    made: str = person.call("experiments_create", name=f"E {uuid4().hex}", project_id=project)["id"]
    for index in range(runs):
        run = person.call(
            "runs_create",
            experiment_id=made,
            name=f"run {index}",
            start_time=1000 + index,
            tags={"team": "blue"},
        )["id"]
        person.call(
            "runs_log_batch",
            run_id=run,
            metrics=[{"key": "auc", "value": index / 10, "step": 0, "time": 1}],
            params={"model": ["forest", "linear"][index % 2]},
        )
    return made


@pytest.fixture(scope="module")
def project(owner: Person) -> str:
    return str(owner.call("projects_create", name="Search")["id"])


@pytest.fixture(scope="module")
def experiment(owner: Person, project: str) -> str:
    return experiment_of(owner, project, 7)


def names(answer: dict[str, Any]) -> list[str]:
    return [run["info"]["run_name"] for run in answer["runs"]]


@contextlib.contextmanager
def in_words(*what: Any) -> Iterator[None]:
    """What is refused is refused as a value: nothing of it became a part of a statement."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == "PT422" or str(error.sqlstate).startswith("22"):
            raise Invalid(str(error)) from error
        raise AssertionError(f"{what}: {error}") from error


def test_whatever_is_sent_is_data(database: Database, owner: Person, project: str, experiment: str) -> None:
    before = database.superuser("select count(*) from insighter.runs")
    kernel = owner.kernel(project)
    for hostile in HOSTILE:
        for filter in ([hostile], hostile):
            for function, arguments in (
                ("runs_search_protocol", {"experiment_ids": [experiment]}),
                ("runs_query", {"project_id": project, "experiment_id": experiment}),
                (
                    "runs_groups",
                    {"project_id": project, "experiment_id": experiment, "group": "attributes.status"},
                ),
                ("logged_models_search", {"experiment_ids": [experiment]}),
                ("experiments_search", {}),
                ("models_search", {}),
                ("model_versions_search", {}),
            ):
                for place in ("filter", "order"):
                    if place == "order" and function == "runs_groups":
                        continue
                    sent = json.dumps(filter)
                    call = (
                        f"select public.{function}({', '.join(f'p_{k} => %s' for k in [*arguments, place])})"
                    )
                    values = [json.dumps(v) if isinstance(v, list) else v for v in arguments.values()]
                    with contextlib.suppress(Invalid), in_words(function, place, filter):
                        kernel.rows(call, *values, sent)
    assert database.superuser("select count(*) from insighter.runs") == before


@pytest.mark.parametrize("text", ESCAPES)
def test_texts_are_compared_as_they_are(owner: Person, project: str, text: str) -> None:
    made = owner.call("experiments_create", name=f"E {uuid4().hex}", project_id=project)["id"]
    run = owner.call(
        "runs_create", experiment_id=made, name="odd", start_time=1, tags={"k" + text[:200]: text}
    )["id"]
    owner.call(
        "runs_create", experiment_id=made, name="other", start_time=1, tags={"k" + text[:200]: "other"}
    )
    for op, value in (("=", text), ("IN", [text, "nothing"])):
        found = owner.call(
            "runs_search_protocol",
            experiment_ids=[made],
            filter=[{"kind": "tag", "key": "k" + text[:200], "op": op, "value": value}],
            order=[{"kind": "tag", "key": "k" + text[:200], "desc": True}],
        )
        assert [one["info"]["run_id"] for one in found["runs"]] == [run]
    groups = owner.call("runs_groups", project_id=project, experiment_id=made, group="tags.k" + text[:200])
    assert {one["value"] for one in groups["items"]} == {text, "other"}


@pytest.mark.parametrize(
    "group", [INJECTION, "params.", "attributes.start_time", "metrics.auc", "", "dataset.name"]
)
def test_groups_by_anything_else_are_refused(
    owner: Person, project: str, experiment: str, group: str
) -> None:
    with pytest.raises(Invalid) as refused:
        owner.call("runs_groups", project_id=project, experiment_id=experiment, group=group)
    assert refused.value.code == "invalid_group"


def test_runs_of_others_are_not_there(database: Database, owner: Person, experiment: str) -> None:
    """Neither as rows nor as a number, by no filter, order, page or group."""
    stranger, elsewhere = database.person("stranger"), str(owner.call("projects_create", name="Else")["id"])
    own = str(stranger.call("projects_create", name="Own")["id"])
    mine = experiment_of(stranger, own, 2)
    metric = {"kind": "metric", "key": "auc", "op": ">=", "value": 0}
    for filter in ([], [metric], [{"kind": "param", "key": "model", "op": "=", "value": "forest"}]):
        found = stranger.call("runs_search_protocol", experiment_ids=[experiment, mine], filter=filter)
        assert {run["info"]["experiment_id"] for run in found["runs"]} == {mine}
        assert stranger.call("runs_search_protocol", experiment_ids=[experiment], filter=filter) == {
            "runs": []
        }
    for project in (own, elsewhere):
        for function, more in (
            ("runs_query", {}),
            ("runs_keys", {}),
            ("runs_groups", {"group": "params.model"}),
        ):
            with pytest.raises(NotFound):
                stranger.call(function, project_id=project, experiment_id=experiment, **more)
    table = stranger.call("runs_query", project_id=own, experiment_id=mine, filter=[metric])
    assert table["total"] == 2 and len(table["items"]) == 2
    # A token that belongs to somebody else's search opens nothing.
    page = owner.call("runs_search_protocol", experiment_ids=[experiment], limit=2)
    token = page["next_page_token"]
    assert stranger.call("runs_search_protocol", experiment_ids=[experiment], cursor=token) == {"runs": []}
    for asked in ([mine], [experiment, mine]):
        with pytest.raises(Invalid):
            stranger.call("runs_search_protocol", experiment_ids=asked, cursor=token)


def test_what_is_restricted_is_no_word_to_search_by(database: Database, owner: Person) -> None:
    project = str(owner.call("projects_create", name="Closed")["id"])
    experiment = experiment_of(owner, project, 2)
    viewer = database.member(project, "viewer")
    runs = [
        run["info"]["run_id"]
        for run in owner.call("runs_search_protocol", experiment_ids=[experiment])["runs"]
    ]
    ((dataset,),) = database.superuser(
        "insert into insighter.datasets (project_id, name, versions, created_by) values (%s, 'secret', 1, %s)"
        " returning id", project, owner.user_id,
    )  # fmt: skip
    sha = "a" * 64
    database.superuser(
        "insert into insighter.dataset_versions (project_id, dataset_id, version, format, object_key, sha256, size,"
        " table_object_key, table_size, rows, columns, created_by)"
        " values (%s, %s, 1, 'csv', %s, %s, 1, %s, 1, 1, '[]', %s)",
        project, dataset, f"{project}/{sha}", sha, f"{project}/{sha}", owner.user_id,
    )  # fmt: skip
    owner.call(
        "runs_log_inputs",
        run_id=runs[0],
        datasets=[{"name": "secret", "digest": sha[:16], "source_type": "x", "source": "x", "tags": {}}],
    )
    by_name = [{"kind": "dataset", "key": "name", "op": "=", "value": "secret"}]
    asked = {"project_id": project, "experiment_id": experiment}

    def seen(person: Person) -> tuple[int, int, list[Any], list[Any]]:
        table = person.call("runs_query", **asked, filter=by_name)
        everything = person.call("runs_query", **asked)
        groups = person.call("runs_groups", **asked, group="dataset")["items"]
        found = person.call("runs_search_protocol", experiment_ids=[experiment], filter=by_name)
        return (
            table["total"],
            len(found["runs"]),
            [one["name"] for run in everything["items"] for one in run["datasets"]],
            sorted((one["value"] or "", one["count"]) for one in groups),
        )

    assert seen(viewer) == seen(owner) == (1, 1, ["secret"], [("", 1), ("secret", 1)])
    owner.call(
        "restrictions_set", project_id=project, kind="dataset", name="secret", min_role="admin", people=[]
    )
    assert seen(owner) == (1, 1, ["secret"], [("", 1), ("secret", 1)])
    assert seen(viewer) == (0, 0, [], [("", 2)])


def test_pages_follow_each_other_though_runs_are_added(owner: Person, project: str) -> None:
    experiment = experiment_of(owner, project, 6)
    order = [{"kind": "metric", "key": "auc", "desc": True}]
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = owner.call(
            "runs_search_protocol", experiment_ids=[experiment], order=order, limit=2, cursor=cursor
        )
        seen += names(page)
        # One that comes first of all: an offset would give a run twice now.
        run = owner.call("runs_create", experiment_id=experiment, name="new", start_time=5000)["id"]
        owner.call("runs_log_batch", run_id=run, metrics=[{"key": "auc", "value": 9, "step": 0, "time": 1}])
        if (cursor := page.get("next_page_token")) is None:
            break
    assert seen == [f"run {index}" for index in (5, 4, 3, 2, 1, 0)]


def test_a_token_belongs_to_its_search(owner: Person, project: str, experiment: str) -> None:
    page = owner.call("runs_search_protocol", experiment_ids=[experiment], limit=2)
    token = page["next_page_token"]
    assert "next_page_token" in owner.call(
        "runs_search_protocol", experiment_ids=[experiment], limit=3, cursor=token
    )
    for other in (
        {"filter": [{"kind": "metric", "key": "auc", "op": ">", "value": 0}]},
        {"order": [{"kind": "attribute", "key": "start_time", "desc": False}]},
        {"view": "all"},
        {"cursor": "nothing"},
        {"cursor": ""},
        {"cursor": "e30="},
        {"cursor": token[:-8]},
        {"cursor": "é" * 100},
    ):
        with pytest.raises(Invalid) as refused:
            owner.call(
                "runs_search_protocol",
                **{"experiment_ids": [experiment], "limit": 2, "cursor": token, **other},
            )
        assert refused.value.code == "invalid_cursor"


@pytest.mark.parametrize(
    ("limit", "offset"), [(0, 0), (-1, 0), (10**6, 0), (1, -1), (1, 2 * 10**9), (None, 0)]
)
def test_pages_have_a_size(owner: Person, project: str, experiment: str, limit: Any, offset: int) -> None:
    with pytest.raises(Invalid):
        owner.call("runs_query", project_id=project, experiment_id=experiment, limit=limit, offset=offset)


def test_the_table_has_what_was_asked_for(owner: Person, project: str, experiment: str) -> None:
    odd = owner.call("runs_create", experiment_id=experiment, name="odd", start_time=2**60)["id"]
    values = [("nan", "NaN"), ("up", "Infinity"), ("down", "-Infinity"), ("auc", 0.125)]
    owner.call(
        "runs_log_batch",
        run_id=odd,
        metrics=[{"key": key, "value": value, "step": 0, "time": 1} for key, value in values],
        params={"lr": "0.1"},
    )
    asked = {"project_id": project, "experiment_id": experiment}
    keys = ["auc", "nan", "up", "down", "nothing", INJECTION]
    table = owner.call(
        "runs_query", **asked, metrics=keys, params=["lr", "nothing"], tags=["mlflow.runName"], limit=2
    )
    assert (table["total"], table["offset"], len(table["items"])) == (8, 0, 2)
    first = table["items"][0]
    assert first["metrics"] == dict(values)
    assert (first["params"], first["tags"]) == ({"lr": "0.1"}, {"mlflow.runName": "odd"})
    assert first["started_at"] is None and first["deleted"] is False and first["id"] == odd
    assert table["items"][1]["started_at"] == "1970-01-01T00:00:01.006Z"
    beyond = owner.call("runs_query", **asked, offset=100)
    assert (beyond["total"], beyond["items"]) == (8, [])
    owner.call("runs_set_deleted", run_id=odd, deleted=True)
    assert owner.call("runs_query", **asked)["total"] == 7
    assert [one["id"] for one in owner.call("runs_query", **asked, view="deleted")["items"]] == [odd]


def test_keys_and_groups(owner: Person, project: str) -> None:
    experiment = experiment_of(owner, project, 5)
    asked = {"project_id": project, "experiment_id": experiment}
    keys = owner.call("runs_keys", **asked)
    assert keys["metrics"] == [{"key": "auc", "runs": 5}]
    assert keys["params"] == [{"key": "model", "runs": 5}]
    assert {"key": "team", "runs": 5} in keys["tags"]
    assert (keys["runs"], keys["exact"]) == (5, True)
    groups = owner.call("runs_groups", **asked, group="params.model", metrics=["auc", "nothing"])
    none = {"mean": None, "min": None, "max": None}
    forest, linear = groups["items"]
    assert (forest["value"], forest["count"], forest["metrics"]["nothing"]) == ("forest", 3, none)
    assert forest["metrics"]["auc"] == {"mean": pytest.approx(0.2), "min": 0, "max": 0.4}
    assert (linear["value"], linear["count"]) == ("linear", 2)
    run = owner.call("runs_search_protocol", experiment_ids=[experiment], limit=1)["runs"][0]["info"][
        "run_id"
    ]
    owner.call("runs_log_batch", run_id=run, metrics=[{"key": "auc", "value": "NaN", "step": 1, "time": 1}])
    (only,) = owner.call("runs_groups", **asked, group="attributes.status", metrics=["auc"])["items"]
    assert only["value"] == "RUNNING" and only["metrics"]["auc"]["max"] == pytest.approx(0.3)
    empty = owner.call("experiments_create", name=f"E {uuid4().hex}", project_id=project)["id"]
    asked["experiment_id"] = empty
    assert owner.call("runs_groups", **asked, group="dataset") == {"items": []}
    assert owner.call("runs_keys", **asked) == {
        "metrics": [], "params": [], "tags": [], "runs": 0, "exact": True,
    }  # fmt: skip


def test_of_many_runs_some_stand_for_all(database: Database, owner: Person, project: str) -> None:
    experiment = owner.call("experiments_create", name=f"E {uuid4().hex}", project_id=project)["id"]
    database.superuser(
        """with made as (
             insert into insighter.runs (project_id, experiment_id, name, start_time, created_by)
             select %s, %s, 'run', i, %s from generate_series(1, 150) i returning id)
           insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
           select %s, id, 'm' || n, 1, 0, 0 from made, generate_series(1, 2000) n""",
        project, experiment, owner.user_id, project,
    )  # fmt: skip
    keys = owner.call("runs_keys", project_id=project, experiment_id=experiment)
    assert (keys["runs"], keys["exact"], len(keys["metrics"])) == (150, False, 2000)
    assert {one["runs"] for one in keys["metrics"]} == {150}


def test_of_many_runs_a_metric_is_read_at_once_and_of_few_run_by_run(
    database: Database, owner: Person, project: str
) -> None:
    """Both ways give the same, page by page: every third run has no value, and one has NaN."""
    many, few = (
        owner.call("experiments_create", name=f"E {uuid4().hex}", project_id=project)["id"] for _ in range(2)
    )
    for experiment, runs in ((many, 1200), (few, 30)):
        database.superuser(
            """with made as (
                 insert into insighter.runs (project_id, experiment_id, name, start_time, created_by, params)
                 select %s, %s, i::text, i, %s, jsonb_build_object('even', (i %% 2 = 0)::text)
                 from generate_series(1, %s) i returning id, name::int as i)
               insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
               select %s, id, 'dense', case when i = 4 then 'NaN' else (i %% 100)::float8 end, 0, 0
               from made where i %% 3 <> 0""",
            project, experiment, owner.user_id, runs, project,
        )  # fmt: skip

    def dense(experiment: str) -> list[str]:
        row = database.superuser(
            "select private.runs_dense('{dense}', %s, array[%s::bigint])", project, experiment
        )
        return list(row[0][0])

    assert (dense(many), dense(few)) == (["dense"], [])
    order = [{"kind": "metric", "key": "dense", "desc": True}]
    even = [{"kind": "param", "key": "even", "op": "=", "value": "true"}]
    above = [*even, {"kind": "metric", "key": "dense", "op": ">=", "value": 20}]

    def found(experiment: str, condition: list[Any]) -> list[int]:
        names: list[int] = []
        cursor = None
        while True:
            page = owner.call(
                "runs_search",
                experiment_ids=[experiment],
                filter=condition,
                order=order,
                limit=70,
                cursor=cursor,
            )
            names += [int(run["name"]) for run in page["items"]]
            if (cursor := page["cursor"]) is None:
                return names

    def expected(runs: int, condition: list[Any]) -> list[int]:
        numbers = [i for i in range(1, runs + 1) if not condition or i % 2 == 0]
        value = {i: i % 100 for i in numbers if i % 3 and i != 4}
        if condition == above:
            numbers = [i for i in numbers if value.get(i, -1) >= 20]
        # Not a number comes after all numbers, what is missing after that; among equals the newest is first.
        return sorted(numbers, key=lambda i: (i not in value, i % 3 == 0, -value.get(i, 0), -i))

    for experiment, runs in ((many, 1200), (few, 30)):
        for condition in ([], even, above):
            assert found(experiment, condition) == expected(runs, condition)
    assert database.superuser("show enable_nestloop") == [("on",)]
