"""How histories of metrics are kept: chunks, their folding, repeated points, pages and curves."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import Invalid, NotFound
from tests.database.conftest import Database, Person


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    return str(owner.call("projects_create", name=f"Metrics {uuid4().hex[:8]}")["id"])


@pytest.fixture
def run(owner: Person, project: str) -> str:
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    return str(owner.call("runs_create", experiment_id=experiment, name="forest")["id"])


def log(person: Person, run: str, key: str, points: list[tuple[int, int, float | str]]) -> None:
    metrics = [{"key": key, "step": step, "time": time, "value": value} for step, time, value in points]
    person.call("runs_log_batch", run_id=run, metrics=metrics)


def history(person: Person, run: str, key: str, **arguments: Any) -> list[tuple[int, int, float | str]]:
    """All of it, page by page."""
    seen: list[tuple[int, int, float | str]] = []
    cursor = None
    while True:
        page = person.call("runs_metric_history", run_id=run, key=key, cursor=cursor, **arguments)
        seen += zip(page["steps"], page["times"], page["values"], strict=True)
        if (cursor := page["cursor"]) is None:
            return seen


def chunks(database: Database, run: str) -> dict[int, int]:
    found = database.superuser(
        "select level, count(*) from insighter.run_metric_chunks where run_id = %s group by level", run
    )
    return dict(found)


def test_points_logged_one_by_one_are_folded_and_none_is_lost(
    database: Database, owner: Person, run: str
) -> None:
    points: list[tuple[int, int, float | str]] = [(i // 2, i, i / 7) for i in range(2100)]
    for point in points:
        log(owner, run, "loss", [point])
    log(owner, run, "other", [(0, 0, "NaN"), (1, 0, "Infinity"), (2, 0, "-Infinity")])
    assert sum(chunks(database, run).values()) < 64 + 32 + 3
    assert chunks(database, run)[2] == 1
    assert history(owner, run, "loss") == points
    assert history(owner, run, "loss", limit=7) == points
    assert history(owner, run, "other") == [(0, 0, "NaN"), (1, 0, "Infinity"), (2, 0, "-Infinity")]
    assert history(owner, run, "unknown") == []


def test_what_was_sent_twice_is_there_once(database: Database, owner: Person, run: str) -> None:
    points: list[tuple[int, int, float | str]] = [(i, 5, "NaN" if i == 3 else i / 3) for i in range(40)]
    for _ in range(40):
        log(owner, run, "m", points)
    assert chunks(database, run) == {1: 8, 2: 1}
    assert database.superuser(
        "select cardinality(values) from insighter.run_metric_chunks where run_id = %s and level = 2", run
    ) == [(40,)]
    assert history(owner, run, "m") == points
    assert history(owner, run, "m", limit=3) == points


def test_one_metric_among_a_thousand(owner: Person, run: str) -> None:
    for step in range(5):
        owner.call(
            "runs_log_batch",
            run_id=run,
            metrics=[
                {"key": f"layer/{i}", "step": step, "time": 1, "value": i + step / 10} for i in range(1000)
            ],
        )
    assert history(owner, run, "layer/77") == [(step, 1, 77 + step / 10) for step in range(5)]
    assert len(owner.call("runs_get", run_id=run)["metrics"]) == 1000


def test_pages_of_points_in_any_order(owner: Person, run: str) -> None:
    points: list[tuple[int, int, float | str]] = [
        ((i * 7919) % 1000, (i * 104729) % 500, i % 3) for i in range(3000)
    ]
    for begin in range(0, 3000, 300):
        log(owner, run, "m", points[begin : begin + 300])
    expected = sorted(set(points))
    assert history(owner, run, "m", limit=250) == expected
    by_time = sorted(set(points), key=lambda point: (point[1], point[0], point[2]))
    assert history(owner, run, "m", limit=170, by="time") == by_time
    for cursor in ("x", "1/2", "1/2/3/4", "9" * 25 + "/1/1", "1/1/abc"):
        with pytest.raises(Invalid):
            owner.call("runs_metric_history", run_id=run, key="m", cursor=cursor)


def test_two_clients_write_one_run_at_once(database: Database, owner: Person, run: str) -> None:
    import psycopg

    failed: list[Exception] = []
    # A connection of its own for each.
    info = {**database._api.info.get_parameters(), "password": database._api.info.password}

    def write(which: int) -> None:
        claims = f'{{"sub": "{owner.user_id}", "role": "authenticated", "insighter": {{"kind": "person"}}}}'
        try:
            with psycopg.connect(**info, autocommit=True) as connection:
                for i in range(300):
                    with connection.transaction():
                        connection.execute(
                            "select set_config('role', 'authenticated', true),"
                            " set_config('request.jwt.claims', %s, true)",
                            [claims],
                        )
                        connection.execute(
                            "select public.runs_log_batch(%s, jsonb_build_array(jsonb_build_object("
                            "'key', 'shared', 'step', %s::int, 'time', 1, 'value', %s::int)))",
                            [run, i, which],
                        )
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert history(owner, run, "shared") == [(i, 1, which) for i in range(300) for which in range(3)]
    latest = owner.call("runs_get", run_id=run)["metrics"]
    assert [(item["step"], item["value"]) for item in latest] == [(299, 2)]


def test_curves_keep_what_the_eye_looks_for(owner: Person, project: str, run: str) -> None:
    values = [float(i % 100) for i in range(20_000)]
    values[7_777], values[13_131] = -500.0, 900.0
    for begin in range(0, 20_000, 5000):
        log(owner, run, "loss", [(i, i, values[i]) for i in range(begin, begin + 5000)])
    log(owner, run, "flat", [(i, i, 1) for i in range(5000)])
    log(owner, run, "short", [(0, 0, "NaN"), (1, 1, 2)])
    answer = owner.call(
        "runs_curves",
        project_id=project,
        run_ids=[run],
        keys=["flat", "loss", "short", "unknown"],
        max_points=400,
    )
    flat, loss, short = answer["curves"]
    assert (flat["key"], loss["key"], short["key"]) == ("flat", "loss", "short")
    assert (loss["total"], flat["total"], short["total"]) == (20_000, 5000, 2)
    assert short["values"] == ["NaN", 2]
    for curve in (flat, loss):
        assert 100 <= len(curve["steps"]) <= 400
        assert len(curve["steps"]) == len(curve["times"]) == len(curve["values"])
        assert curve["steps"] == sorted(set(curve["steps"]))
    assert (loss["steps"][0], loss["steps"][-1], flat["steps"][-1]) == (0, 19_999, 4999)
    assert min(loss["values"]) == -500 and max(loss["values"]) == 900
    assert all(values[step] == value for step, value in zip(loss["steps"], loss["values"], strict=True))


def test_curves_go_on_where_they_were(database: Database, owner: Person, project: str, run: str) -> None:
    def new(after: Any) -> tuple[set[tuple[int, float]], Any]:
        answer = owner.call(
            "runs_curves", project_id=project, run_ids=[run], keys=["m"], max_points=4, after=after
        )
        points = {
            point for curve in answer["curves"] for point in zip(curve["steps"], curve["values"], strict=True)
        }
        return points, answer["cursors"]

    log(owner, run, "m", [(i, 0, i) for i in range(100)])
    seen, cursors = new(None)
    assert len(seen) <= 4
    told: set[tuple[int, float]] = set()
    for i in range(100, 400):
        log(owner, run, "m", [(i, 0, i)])
        if i % 7 == 0:
            points, cursors = new(cursors)
            told |= points
            assert len(points) <= 7 + 64
    points, cursors = new(cursors)
    assert {step for step, _ in told | points} >= set(range(100, 400))
    # What is logged late, at an earlier step, is told too; and nothing when there is nothing.
    log(owner, run, "m", [(50, 0, -1)])
    assert new(cursors)[0] == {(50, -1)}
    assert new(new(cursors)[1])[0] == set()
    with pytest.raises(Invalid):
        new({run: "nonsense"})


def test_curves_of_others_are_not_there(database: Database, owner: Person, project: str, run: str) -> None:
    stranger = database.person("stranger")
    other = stranger.call("projects_create", name=f"Other {uuid4().hex[:8]}")["id"]
    for place in (project, other):
        with pytest.raises(NotFound):
            stranger.call("runs_curves", project_id=place, run_ids=[run], keys=["m"])


def test_thinned_as_mlflow_thins(owner: Person, run: str) -> None:
    log(owner, run, "m", [(i, i, i) for i in range(1000)])

    def steps(**arguments: Any) -> list[int]:
        found = owner.call("runs_metric_interval", run_ids=[run], key="m", **arguments)
        return [point["step"] for point in found]

    assert steps() == list(range(1000))
    assert steps(limit=1) == [999]
    thinned = steps(limit=10)
    assert (len(thinned), thinned[0], thinned[-1]) == (10, 0, 999)
    assert steps(limit=5, start=10, end=14) == [10, 11, 12, 13, 14]
    assert steps(limit=2, start=10, end=500) == [10, 500]


def test_a_chunk_is_not_taken_at_its_word(database: Database, owner: Person, project: str, run: str) -> None:
    good = {
        "keys": ["a", "b"],
        "ends": "{1,3}",
        "steps": "{1,1,2}",
        "times": "{0,0,0}",
        "values": "{1,NaN,-Infinity}",
    }
    good["bounds"] = "{1,2,0,0}"
    bad: list[dict[str, Any]] = [
        {"keys": ["b", "a"]},
        {"keys": ["a", "a"]},
        {"keys": ["a"]},
        {"keys": ["", "b"]},
        {"keys": ["a", "b" * 251]},
        {"ends": "{3,3}"},
        {"ends": "{1,2}"},
        {"ends": "{0,3}"},
        {"steps": "{1,1}"},
        {"steps": "{1,NULL,2}"},
        {"steps": "[0:2]={1,1,2}"},
        {"times": "{0,0,-1}", "bounds": "{1,2,-1,0}"},
        {"values": "{1,NULL,2}"},
        {"values": "{}", "steps": "{}", "times": "{}"},
        {"values": "{1,x,2}"},
        {"bounds": "{1,1,0,0}"},
        {"bounds": "{}"},
        {"keys": None},
    ]
    for change in bad:
        writes = [{"log": {"run_id": run, "points": {**good, **change}}}]
        with pytest.raises(Invalid):
            owner.call("runs_write", writes=writes)
    assert chunks(database, run) == {}
    owner.call("runs_write", writes=[{"log": {"run_id": run, "points": good}}])
    assert history(owner, run, "b") == [(1, 0, "NaN"), (2, 0, "-Infinity")]


def test_several_writes_are_one(database: Database, owner: Person, project: str, run: str) -> None:
    experiment = owner.call("runs_get", run_id=run)["experiment_id"]
    made = uuid4().hex
    create = {"create": {"experiment_id": experiment, "name": "two", "id": made, "tags": {"a": "b"}}}
    writes = [
        create,
        {"log": {"run_id": made, "params": {"lr": "1"}, "tags": {"c": "d"}}},
        {"update": {"run_id": made, "status": "FINISHED", "end_time": 5}},
    ]
    answers = owner.call("runs_write", writes=writes)
    assert (answers[0]["id"], answers[1], answers[2]["status"]) == (made, {}, "FINISHED")
    # Done again, because the answer was lost: nothing more happens.
    assert owner.call("runs_write", writes=writes)[0]["id"] == made
    told = database.superuser("select verb from insighter.events where asset_id = %s order by id", made)
    assert told == [("started",), ("finished",)]
    found = owner.call("runs_get", run_id=made)
    assert (found["params"], found["tags"]["c"], found["end_time"]) == ({"lr": "1"}, "d", 5)
    with pytest.raises(Invalid, match="Changing param"):
        owner.call(
            "runs_write",
            writes=[
                {"create": {"experiment_id": experiment, "name": "three", "id": uuid4().hex}},
                {"log": {"run_id": made, "params": {"lr": "2"}}},
            ],
        )
    assert len(owner.call("runs_search", experiment_ids=[experiment])["items"]) == 2
    # An id that is somebody else's run gives nothing away.
    stranger = database.person("stranger")
    with pytest.raises(Exception, match="another run"):
        stranger.call("runs_create", experiment_id="0", name="x", id=made)
