"""Traces: exports of spans and what they add up to, searching by quoted words alone, and what goes with what."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from insighter_ext.errors import Conflict, Forbidden, InsighterError, Invalid, NotFound
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    return str(owner.call("projects_create", name=f"Traced {uuid4().hex[:8]}")["id"])


@pytest.fixture
def experiment(owner: Person, project: str) -> str:
    return str(owner.call("experiments_create", name="calls", project_id=project)["id"])


def told(trace_id: str, **more: Any) -> dict[str, Any]:
    """What an export tells of a trace."""
    return {"id": trace_id, "start_ms": 10, "end_ms": 20, "status": "OK", "tags": {}, "metadata": {}, **more}


def span(trace_id: str, number: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    """A span of an export."""
    return {
        "trace_id": trace_id, "id": f"{number:016x}", "parent_id": None if parent is None else f"{parent:016x}",
        "name": f"step {number}", "type": "LLM", "status": "OK", "start_ns": number * 1000,
        "end_ns": number * 1000 + 500,
        "content": f'{{"attributes": {{"n": "{number}"}}}}', **more,
    }  # fmt: skip


def export(person: Person, experiment: str, traces: list[Any], spans: list[Any], **more: Any) -> None:
    person.call("traces_log_spans", experiment_id=experiment, traces=traces, spans=spans, **more)


def new() -> str:
    return f"tr-{uuid4().hex}"


def ids(found: dict[str, Any]) -> list[str]:
    return [item["id"] for item in found["items"]]


# ---- exports --------------------------------------------------------------------------------------------------------


def test_exports_of_a_trace_add_up(owner: Person, experiment: str) -> None:
    """In whatever order they come."""
    trace = new()
    child = told(
        trace, start_ms=12, end_ms=18, status=None, session_id="s", metadata={"mlflow.trace.user": "bob"}
    )
    export(owner, experiment, [child], [span(trace, 2, 1)])
    found = owner.call("traces_get", id=trace)
    assert (found["status"], found["start_ms"], found["duration_ms"]) == ("IN_PROGRESS", 12, 6)
    root = told(
        trace, start_ms=10, end_ms=25, status="ERROR", request_preview="in", name="call", tags={"a": "1"}
    )
    root |= {"session_id": "other", "metadata": {"mlflow.trace.user": "eve"}}
    export(owner, experiment, [root], [span(trace, 1)])
    found = owner.call("traces_get", id=trace, spans=True)
    assert (found["status"], found["start_ms"], found["duration_ms"]) == ("ERROR", 10, 15)
    assert (found["name"], found["session_id"], found["request_preview"]) == ("call", "s", "in")
    assert found["metadata"] == {"mlflow.trace.user": "bob"} and found["tags"]["a"] == "1"
    assert len(found["spans"]) == 2 and '"n": "1"' in found["spans"][0]


def test_what_was_said_of_a_whole_trace_stands(owner: Person, experiment: str) -> None:
    trace = new()
    final = {"metadata": {"mlflow.trace.infoFinalized": "true"}, "usage": {"total_tokens": 9}, "name": "said"}
    row = {
        "id": trace,
        "experiment_id": experiment,
        "start_ms": 5,
        "duration_ms": 50,
        "status": "OK",
        "tags": {},
        **final,
    }
    owner.call("traces_start", trace=row)
    late = told(trace, start_ms=1, end_ms=1000, status="ERROR", session_id="s")
    export(owner, experiment, [late], [span(trace, 1, usage={"total_tokens": 4})])
    found = owner.call("traces_get", id=trace)
    assert (found["start_ms"], found["duration_ms"], found["status"], found["name"]) == (5, 50, "OK", "said")
    assert found["usage"] == {"total_tokens": 9} and found["session_id"] == "s"


def test_a_token_counts_once(owner: Person, experiment: str) -> None:
    """A span that tells what it used tells it for all below it; circles and spans without their parent do no harm."""
    trace = new()

    def usage(number: int) -> dict[str, Any]:
        return {"usage": {"total_tokens": number}, "cost": {"total_cost": number / 2}}

    spans = [
        span(trace, 1), span(trace, 2, 1, **usage(10)), span(trace, 3, 2, **usage(7)), span(trace, 4, 1, **usage(5)),
        span(trace, 5, 99, **usage(1)), span(trace, 7, 6), span(trace, 6, 7, **usage(100)),
    ]  # fmt: skip
    for one in spans:
        export(owner, experiment, [told(trace)], [one])
    found = owner.call("traces_get", id=trace)
    assert found["usage"] == {"total_tokens": 16} and found["cost"] == {"total_cost": 8}


def test_an_export_is_all_or_nothing(owner: Person, experiment: str) -> None:
    good, bad = new(), new()
    with pytest.raises(Invalid):
        export(owner, experiment, [told(good), told(bad)], [span(good, 1), span(bad, 2, status="GREAT")])
    with pytest.raises(NotFound):
        owner.call("traces_get", id=good)
    with pytest.raises(Invalid):
        export(owner, experiment, [told("no such id; --")], [])


def test_exports_at_once_neither_stand_in_each_others_way_nor_lose_anything(
    database: Database, cluster: EmbeddedPostgres, owner: Person, experiment: str
) -> None:
    traces = [new() for _ in range(8)]
    name = database.superuser("select current_database()")[0][0]
    claims = {"sub": str(owner.user_id), "role": "authenticated", "insighter": {"kind": "person"}}
    claimed = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
    failures: list[str] = []

    def work(number: int) -> None:
        mine = traces if number % 2 else traces[::-1]
        rows = Jsonb([told(trace, start_ms=number) for trace in mine])
        try:
            with psycopg.connect(**cluster.conninfo(API_ROLE, name), autocommit=True) as api:
                for turn in range(5):
                    steps = [span(trace, number * 10 + turn + 1, usage={"total_tokens": 1}) for trace in mine]
                    with api.transaction():
                        api.execute(claimed, [json.dumps(claims)])
                        api.execute(
                            "select public.traces_log_spans(%s, %s, %s)", [experiment, rows, Jsonb(steps)]
                        )
        except psycopg.Error as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for trace in traces:
        found = owner.call("traces_get", id=trace, spans=True)
        assert len(found["spans"]) == 20 and found["usage"] == {"total_tokens": 20} and found["start_ms"] == 0


# ---- what goes with what --------------------------------------------------------------------------------------------


def test_an_id_belongs_to_its_project(database: Database, owner: Person, experiment: str) -> None:
    """Whoever knows the id of another's trace can have one of that id, and neither sees nor changes the other."""
    other = database.person("other")
    theirs = other.call("experiments_create", name="theirs")["id"]
    trace = new()
    export(owner, experiment, [told(trace, name="mine")], [span(trace, 1)])
    export(other, theirs, [told(trace, name="theirs")], [])
    assert owner.call("traces_get", id=trace)["name"] == "mine"
    assert other.call("traces_get", id=trace, spans=True)["spans"] == []
    assert other.call("traces_delete", experiment_id=theirs, ids=[trace]) == 1
    assert len(owner.call("traces_get", id=trace, spans=True)["spans"]) == 1
    with pytest.raises(NotFound):
        other.call("traces_update", id=trace, tags={"a": "b"})
    with pytest.raises(NotFound):
        export(other, experiment, [told(new())], [])
    assert ids(other.call("traces_search", experiment_ids=[experiment])) == []


def test_of_two_projects_ones_own_comes_first(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    another = owner.call("projects_create", name=f"Another {uuid4().hex[:8]}")["id"]
    other = owner.call("experiments_create", name="calls", project_id=another)["id"]
    trace = new()
    for place, name in ((experiment, "first"), (other, "second")):
        export(owner, place, [told(trace, name=name)], [])
    assert owner.kernel(project).call("traces_get", id=trace)["name"] == "first"
    assert owner.kernel(another).call("traces_get", id=trace)["name"] == "second"
    assert len(owner.call("traces_list", ids=[trace, trace])) == 2
    assert len(owner.call("traces_list", ids=[trace], experiment_ids=[other])) == 1


def test_the_trash_hides_traces_and_a_purge_takes_them(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    trace = new()
    elsewhere = owner.call("experiments_create", name="elsewhere", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=elsewhere, name="run")["id"]
    export(owner, experiment, [told(trace)], [span(trace, 1)], run_id=run)
    said = {
        "id": "a-1",
        "type": "feedback",
        "name": "good",
        "value": "1",
        "source_type": "HUMAN",
        "valid": True,
    }
    owner.call(
        "assessments_create",
        trace_id=trace,
        assessment={**said, "numeric": True, "created_ms": 1, "updated_ms": 1},
    )
    owner.call("experiments_set_deleted", id=experiment, deleted=True)
    for table in ("traces", "trace_spans", "trace_assessments"):
        assert owner.rows(f"select count(*) from insighter.{table} where project_id = %s", project) == [(0,)]
    for refused in (
        lambda: owner.call("traces_get", id=trace),
        lambda: owner.call("assessments_get", trace_id=trace, id="a-1"),
        lambda: owner.call("traces_update", id=trace, tags={"a": "b"}),
    ):
        with pytest.raises(NotFound):
            refused()
    with pytest.raises(Invalid):
        export(owner, experiment, [told(new())], [])
    with pytest.raises(Forbidden):  # it is there, and hidden
        export(owner, elsewhere, [told(trace)], [])
    assert ids(owner.call("traces_search", experiment_ids=[experiment, elsewhere])) == []
    owner.call("trash_restore", project_id=project, kind="experiment", id=experiment)
    assert len(owner.call("traces_get", id=trace, spans=True)["spans"]) == 1
    owner.call("experiments_set_deleted", id=experiment, deleted=True)
    owner.call("trash_purge", project_id=project, kind="experiment", id=experiment)
    for table in ("traces", "trace_spans", "trace_assessments", "trace_runs"):
        assert database.superuser(
            f"select count(*) from insighter.{table} where project_id = %s", project
        ) == [(0,)]


def test_with_a_run_go_its_links_alone(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    trace = new()
    run = owner.call("runs_create", experiment_id=experiment, name="run")["id"]
    # Linked before it comes, as a client may whose spans are still on their way.
    owner.call("traces_link_run", ids=[trace], run_id=run)
    export(owner, experiment, [told(trace)], [])
    condition = [{"on": "run", "op": "=", "value": run}]
    assert ids(owner.call("traces_search", experiment_ids=[experiment], conditions=condition)) == [trace]
    owner.call("runs_set_deleted", run_id=run, deleted=True)
    owner.call("trash_purge", project_id=project, kind="run", id=run)
    assert ids(owner.call("traces_search", experiment_ids=[experiment], conditions=condition)) == []
    assert ids(owner.call("traces_search", experiment_ids=[experiment])) == [trace]


def test_traces_are_no_events_and_no_assets(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    before = database.superuser("select count(*) from insighter.events where project_id = %s", project)
    trace = new()
    export(owner, experiment, [told(trace)], [span(trace, 1)])
    assert (
        database.superuser("select count(*) from insighter.events where project_id = %s", project) == before
    )
    assert owner.call("assets_search", query=trace)["items"] == []


def test_viewers_read_and_editors_write(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    trace = new()
    viewer, editor = (database.member(project, role) for role in ("viewer", "editor"))
    export(editor, experiment, [told(trace)], [span(trace, 1)])
    assert len(viewer.call("traces_get", id=trace, spans=True)["spans"]) == 1
    assert ids(viewer.call("traces_search", experiment_ids=[experiment])) == [trace]
    for refused in (
        lambda: export(viewer, experiment, [told(new())], []),
        lambda: viewer.call("traces_update", id=trace, tags={"a": "b"}),
        lambda: viewer.call("traces_delete", experiment_id=experiment, max_start_ms=100),
        lambda: viewer.call("assessments_delete", trace_id=trace, id="a"),
    ):
        with pytest.raises(Forbidden):
            refused()
    owner.call("projects_update", id=project, archived=True)
    with pytest.raises(InsighterError):
        export(editor, experiment, [told(new())], [])


def test_an_assessment_has_an_id_of_its_own(owner: Person, experiment: str) -> None:
    trace = new()
    export(owner, experiment, [told(trace)], [])
    said = {
        "id": "a-1",
        "type": "feedback",
        "name": "good",
        "value": "1",
        "source_type": "HUMAN",
        "valid": True,
    }
    said |= {"numeric": True, "created_ms": 1, "updated_ms": 1}
    owner.call("assessments_create", trace_id=trace, assessment=said)
    with pytest.raises(Conflict):
        owner.call("assessments_create", trace_id=trace, assessment=said)
    with pytest.raises(NotFound):
        owner.call("assessments_create", trace_id=trace, assessment={**said, "id": "a-2", "overrides": "a-3"})


# ---- searching ------------------------------------------------------------------------------------------------------

EVIL = "x' or true; drop table insighter.traces; --"
OPERATORS = ["=", "!=", "<", "LIKE", "ILIKE", "RLIKE", "IN", "IS NULL"]


@contextmanager
def refused_in_words(known: bool) -> Iterator[None]:
    """What is refused is refused as a value. A word that there is none for is dropped: nothing of it is read as SQL.

    Args:
        known: whether all words are the vocabulary's, so that only a value or its type can be wrong.
    """
    try:
        yield
    except InsighterError as error:
        cause = error.__cause__
        state, said = (str(cause.sqlstate), str(cause)) if isinstance(cause, psycopg.Error) else ("", "")
        if state == "PT422" or state.startswith("22") or state == "42883":  # no such operator for the type
            return
        if known or re.search(r"or true|\bdrop\b", said.splitlines()[0]):
            pytest.fail(f"{error}")


@pytest.mark.parametrize("op", [*OPERATORS, "; drop table x", None])
def test_whatever_a_condition_says_is_quoted(owner: Person, experiment: str, op: str | None) -> None:
    """The functions can be called by whoever may sign in, past what checks filters first."""
    trace = new()
    export(owner, experiment, [told(trace)], [span(trace, 1)])
    words = [
        {"on": "tag", "key": EVIL}, {"on": "metadata", "key": EVIL}, {"on": "name"}, {"on": "run"}, {"on": "prompt"},
        {"on": "span", "key": "name"}, {"on": "span", "key": EVIL, "attribute": EVIL}, {"on": "issue"}, {"on": EVIL},
        {"on": "assessment", "type": EVIL, "key": EVIL}, {"on": "start"}, {},
    ]  # fmt: skip
    for word in words:
        for value in (EVIL, [EVIL], {"a": EVIL}, None, 5):
            condition = {**word, "op": op, "value": value}
            with refused_in_words(known=op in OPERATORS and word.get("on") not in {EVIL, None}):
                owner.call("traces_search", experiment_ids=[experiment], conditions=[condition])
    for order in ({"on": EVIL}, {"on": "tag", "key": EVIL, "desc": True}, {}):
        with refused_in_words(known=order.get("on") == "tag"):
            owner.call("traces_search", experiment_ids=[experiment], order=[order])
    assert ids(owner.call("traces_search", experiment_ids=[experiment])) == [trace]


def test_numbers_quote_what_they_are_asked(owner: Person, experiment: str) -> None:
    trace = new()
    export(owner, experiment, [told(trace)], [span(trace, 1)])
    count = [{"name": EVIL, "type": "COUNT"}]
    asked = {
        "view": "SPANS",
        "metric": "span_count",
        "aggregations": count,
        "dimensions": ["span_name"],
        "limit": 5,
    }
    asked |= {"conditions": [{"on": "span", "key": "name", "op": "=", "value": "step 1"}]}
    found = owner.call("traces_metrics", experiment_ids=[experiment], query=asked)
    assert found == [{"dimensions": ["step 1"], "values": {EVIL: 1}}]
    for change in (
        {"metric": EVIL}, {"dimensions": [EVIL]}, {"aggregations": [{"name": "a", "type": EVIL}]}, {"view": EVIL},
    ):  # fmt: skip
        with refused_in_words(known=False):
            owner.call("traces_metrics", experiment_ids=[experiment], query={**asked, **change})
    assert ids(owner.call("traces_search", experiment_ids=[experiment])) == [trace]


def test_a_page_of_ten_thousand_reads_by_its_index(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    """The newest of an experiment are read in the order of an index, not sorted."""
    database.superuser(
        """insert into insighter.traces (project_id, id, experiment_id, start_ms, status, created_by)
           select %s, 'tr-' || n, %s, n, 'OK', %s from generate_series(1, 10000) n""",
        project, int(experiment), owner.user_id,
    )  # fmt: skip
    database.superuser("analyze insighter.traces")
    plan = "\n".join(
        line
        for (line,) in owner.rows(
            "explain select t.* from insighter.traces t where t.project_id = %s and t.experiment_id = %s"
            " order by t.start_ms desc, t.id limit 100",
            project,
            int(experiment),
        )
    )
    assert "traces_experiment" in plan and "Sort" not in plan, plan
    found = owner.call("traces_search", experiment_ids=[experiment], limit=3, offset=9)
    assert ids(found) == ["tr-9991", "tr-9990", "tr-9989"]


def test_nobody_stands_in_the_way_with_a_trace_of_the_same_id(
    database: Database, owner: Person, project: str, experiment: str
) -> None:
    other = database.person("other")
    theirs = other.call("projects_create", name=f"Public {uuid4().hex[:8]}")["id"]
    database.superuser("update insighter.projects set visibility = 'public' where id = %s", theirs)
    trace = new()
    export(owner, experiment, [told(trace)], [span(trace, 1)])
    copy = other.call("experiments_create", name="copies", project_id=theirs)["id"]
    export(other, str(copy), [told(trace)], [span(trace, 2)])
    assert owner.call("traces_get", id=trace)["experiment_id"] == experiment
    [listed] = owner.call("traces_list", ids=[trace])
    assert listed["experiment_id"] == experiment
    assert other.call("traces_get", id=trace)["experiment_id"] == str(copy)
