"""The bus in the database: one order, nothing missing, nothing twice, and nobody hears what is not for them."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from insighter_ext.errors import InsighterError
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person, refused


def project_of(person: Person, name: str) -> str:
    return str(person.call("projects_create", name=name)["id"])


def read_all(person: Person, project: str, cursor: str | None, **arguments: Any) -> tuple[list[Any], str]:
    found = person.call("bus_read", project_id=project, after=cursor, **arguments)
    return found["items"], found["cursor"]


def publish(person: Person, project: str, topic: str, type: str = "t", **message: Any) -> Any:
    return person.call("bus_publish", project_id=project, topic=topic, message={"type": type, **message})


def test_what_happened_before_a_position_is_not_told_and_what_comes_after_is(database: Database) -> None:
    owner = database.person("ana")
    project = project_of(owner, "Bus")
    items, cursor = read_all(owner, project, None)
    assert items == []
    owner.call("projects_update", id=project, name="Bus two")
    publish(owner, project, "features.ready", type="done", data={"rows": 3}, subject="x")
    items, after = read_all(owner, project, cursor)
    assert [(item["topic"], item["type"]) for item in items] == [
        ("activity", "insighter.project.renamed"),
        ("features.ready", "done"),
    ]
    assert items[0]["specversion"] == "1.0" and items[0]["source"] == f"/projects/{project}"
    assert items[0]["data"] | {"before": "Bus", "asset_name": "Bus two"} == items[0]["data"]
    assert items[1]["data"] == {"rows": 3} and items[1]["actorkind"] == "person"
    assert items[1]["actorname"].startswith("ana")
    assert read_all(owner, project, after)[0] == []
    assert [item["topic"] for item in read_all(owner, project, cursor, topics=["features.ready"])[0]] == [
        "features.ready"
    ]


def test_a_page_ends_anywhere_and_goes_on_there(database: Database) -> None:
    owner = database.person()
    project = project_of(owner, "Pages")
    _, cursor = read_all(owner, project, None)
    for number in range(7):
        publish(owner, project, "t", type=str(number))
    heard = []
    while True:
        found = owner.call("bus_read", project_id=project, after=cursor, limit=2)
        heard += [item["type"] for item in found["items"]]
        cursor = found["cursor"]
        if not found["more"]:
            break
    assert heard == [str(number) for number in range(7)]


def test_the_newest_durable_message_of_a_topic(database: Database) -> None:
    owner = database.person()
    project = project_of(owner, "Latest")
    assert owner.call("bus_latest", project_id=project, topic="t") is None
    for number in range(102):
        publish(owner, project, "t", type="n", data=number)
    publish(owner, project, "t", type="n", data="fleeting", durable=False)
    assert owner.call("bus_latest", project_id=project, topic="t")["data"] == 101
    kept = database.superuser(
        "select count(*) from insighter.messages where project_id = %s and topic = 't' and durable", project
    )
    assert kept[0][0] == 100


@pytest.mark.parametrize("topic", ["", "Activity", "activity", "a b", "ä", "x" * 101, ".x", "a/b"])
def test_topics_that_cannot_be(database: Database, topic: str) -> None:
    owner = database.person()
    project = project_of(owner, "Topics")
    with pytest.raises(InsighterError) as error:
        publish(owner, project, topic, type="t")
    assert refused(error) == 422


def test_a_message_of_more_than_256_kilobytes_is_refused_with_what_to_do(database: Database) -> None:
    owner = database.person()
    project = project_of(owner, "Large")
    publish(owner, project, "t", type="t", data={"x": "y" * 260_000})
    with pytest.raises(InsighterError, match="256 KB") as error:
        publish(owner, project, "t", type="t", data={"x": "y" * 263_000})
    assert refused(error) == 413
    assert "artifact" in str(error.value.hint)


@pytest.mark.parametrize(
    "position", ["", "1", "1.x.2", "-1.a.0", "1.a.0; drop", "99999999999999999999.a.0", "1.e.é"]
)
def test_made_up_positions(database: Database, position: str) -> None:
    owner = database.person()
    with pytest.raises(InsighterError) as error:
        owner.call("bus_read", project_id=project_of(owner, "Made up"), after=position)
    assert refused(error) == 422


def test_who_hears_and_who_speaks(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = project_of(owner, "Ears")
    viewer, annotator = database.member(project, "viewer"), database.member(project, "annotator")
    _, cursor = read_all(viewer, project, None)
    publish(annotator, project, "t", type="t")
    assert len(read_all(viewer, project, cursor)[0]) == 1
    with pytest.raises(InsighterError) as error:
        publish(viewer, project, "t", type="t")
    assert refused(error) == 403
    for function, arguments in (
        ("bus_read", {"after": cursor}),
        ("bus_latest", {"topic": "t"}),
        ("bus_publish", {"topic": "t"}),
    ):
        with pytest.raises(InsighterError) as error:
            stranger.call(function, project_id=project, **arguments)
        assert refused(error) == 404


def test_nothing_is_missing_and_nothing_twice_among_writers_of_any_pace(
    cluster: EmbeddedPostgres, database: Database
) -> None:
    """Writers take their ids and commit later, in any order; a reader meanwhile follows."""
    owner = database.person()
    project = project_of(owner, "Writers")
    name = database.superuser("select current_database()")[0][0]
    claims = json.dumps({"sub": str(owner.user_id), "role": "authenticated", "insighter": {"kind": "person"}})
    _, cursor = read_all(owner, project, None)
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        dice = random.Random(seed)
        try:
            with psycopg.connect(**cluster.conninfo(API_ROLE, name), autocommit=True) as connection:
                for number in range(40):
                    with connection.transaction(force_rollback=dice.random() < 0.1):
                        connection.execute(
                            "select set_config('role', 'authenticated', true),"
                            " set_config('request.jwt.claims', %s, true)",
                            [claims],
                        )
                        time.sleep(dice.random() * 0.002)
                        connection.execute(
                            "select public.bus_publish(%s, 't', jsonb_build_object('type', %s::text))",
                            [project, f"{seed}/{number}"],
                        )
                        time.sleep(dice.random() * 0.01)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=[seed]) for seed in range(6)]
    for writer in writers:
        writer.start()
    heard: list[str] = []
    while any(writer.is_alive() for writer in writers):
        items, cursor = read_all(owner, project, cursor, limit=7)
        heard += [item["id"] for item in items]
    for writer in writers:
        writer.join()
    while True:
        items, cursor = read_all(owner, project, cursor)
        heard += [item["id"] for item in items]
        if not items:
            break
    assert failures == []
    # The oldest have been pushed out meanwhile, but each was heard before or is there now.
    there = database.superuser("select 'm' || id from insighter.messages where project_id = %s", project)
    assert len(heard) == len(set(heard))
    assert {row[0] for row in there} <= set(heard)
    assert len(heard) > 100


def test_after_a_crash_what_is_said_is_not_taken_for_heard() -> None:
    """Numbers of transactions that left nothing durable behind are given again: no position may stand on them."""
    directory = Path(tempfile.mkdtemp(prefix="ixd-"))
    postgres = EmbeddedPostgres(directory / "postgres")
    try:
        postgres.acquire()
        create_database(postgres.conninfo(), "crash")
        here = postgres.conninfo(database="crash")
        migrate(here, postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
        database = Database(postgres, "crash")
        owner = database.person()
        project = project_of(owner, "Crash")
        publish(owner, project, "t", data="before")
        with contextlib.closing(database), psycopg.connect(**here, autocommit=True) as other:
            before = other.execute("select pg_current_xact_id()::text::bigint").fetchall()[0][0]
            other.execute("checkpoint")
            main = psutil.Process(
                int((postgres.directory / "data" / "postmaster.pid").read_text().split()[0])
            )
            children = main.children(recursive=True)
            for process in children:
                if "walwriter" in " ".join(process.cmdline()):
                    process.suspend()  # it would make durable what is to be lost
            for _ in range(200):
                with other.transaction(force_rollback=True):
                    other.execute("select pg_current_xact_id()")
            _, cursor = read_all(owner, project, None)
            _, again = read_all(owner, project, cursor)
            for process in [main, *main.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        deadline = time.monotonic() + 30
        while postgres.answers() and time.monotonic() < deadline:
            time.sleep(0.01)  # a killed process takes connections until the kernel has taken it apart
        postgres.ensure_running()
        with contextlib.closing(Database(postgres, "crash")) as database:
            owner = Person(database, owner.user_id)
            publish(owner, project, "t", data="after")
            xid = database.superuser("select max(xid)::text::bigint from insighter.messages")[0][0]
            assert xid < before + 200  # the numbers were given again: else this proves nothing
            for position in (cursor, again):
                assert [item["data"] for item in read_all(owner, project, position)[0]] == ["after"]
    finally:
        postgres.release()
        shutil.rmtree(directory, ignore_errors=True)


def test_a_project_has_a_thousand_topics_with_messages_that_stay(database: Database) -> None:
    owner = database.person()
    project = project_of(owner, "Many")
    database.superuser(
        "insert into insighter.messages (project_id, topic, type, durable, actor, actor_kind)"
        " select %s, 't' || n, 'x', true, %s, 'person' from generate_series(1, 1000) n",
        project, owner.user_id,
    )  # fmt: skip
    with pytest.raises(InsighterError, match="topics") as error:
        publish(owner, project, "another")
    assert refused(error) == 409 and "subject" in str(error.value.hint)
    publish(owner, project, "t7")
    publish(owner, project, "another", durable=False)
    for topic in ("activity", "notifications"):
        with pytest.raises(InsighterError, match="own") as error:
            publish(owner, project, topic)
        assert refused(error) == 422
