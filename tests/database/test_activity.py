"""Activity in the database: filters that stay fast, comments as closed as what they are about, and who is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from insighter_ext.errors import InsighterError
from tests.database.conftest import Database, Person, refused


@pytest.fixture
def ana(database: Database) -> Person:
    """Who owns the project."""
    return database.person("ana")


@pytest.fixture
def project(ana: Person) -> str:
    """A project with the dataset wine."""
    made = str(ana.call("projects_create", name="Wine")["id"])
    ana.call(
        "datasets_add_version", project_id=made, name="wine", format="csv", filename="wine.csv", sha256="a" * 64,
        size=1, table_object_key=f"{made}/{'a' * 64}", table_size=1, rows=1, columns=[],
    )  # fmt: skip
    return made


def say(person: Person, project: str, body: str) -> Any:
    return person.call("comments_create", project_id=project, kind="dataset", key="wine", body=body)


def told(person: Person) -> list[tuple[str, str | None]]:
    items = person.call("notifications_list")["items"]
    return [(item["kind"], item["excerpt"]) for item in items]


def test_every_filter_finds_its_index_among_many_events(
    database: Database, ana: Person, project: str
) -> None:
    """A rare thing is found without reading the common ones before it."""
    rare = database.member(project, "editor")
    database.superuser("set session_replication_role = replica")  # they are rows, and nothing that happened
    database.superuser(
        "insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_name)"
        " select %s, %s, 'person', 'started', 'run', md5(n::text), 'r' from generate_series(1, 50000) n",
        project, ana.user_id,
    )  # fmt: skip
    database.superuser("set session_replication_role = origin")
    database.superuser("analyze insighter.events")
    found = rare.call("activity_list", project_id=project, kind="dataset", key="wine")
    assert [item["data"]["verb"] for item in found["items"]] == ["created"]
    assert found["items"][0]["data"]["asset_key"] == "wine"
    by = "select public.activity_list(p_project_id => %s, p_person => %s)"
    assert rare.rows(by, project, rare.user_id)[0][0]["items"] == []
    assert len(rare.rows(by, project, ana.user_id)[0][0]["items"]) == 50
    first = rare.call("activity_list", project_id=project, limit=2)
    assert len(first["items"]) == 2 and first["cursor"]
    for condition, value in (
        ("actor = %s", rare.user_id),
        ("asset_kind = %s", "member"),
        ("asset_kind = 'dataset' and asset_id = %s", "wine"),
    ):
        plan = database.superuser(
            f"explain (analyze, timing off) select * from insighter.events where project_id = %s and {condition}"
            " order by id desc limit 50",
            project, value,
        )  # fmt: skip
        text = "\n".join(line for (line,) in plan)
        passed_over = re.findall(r"Rows Removed by Filter: (\d+)", text)
        assert sum(map(int, passed_over)) < 100, text


def test_a_kind_that_is_missing_and_cursors_that_cannot_be(ana: Person, project: str) -> None:
    for function, arguments in (
        ("activity_list", {"project_id": project, "key": "wine"}),
        ("activity_list", {"project_id": project, "cursor": "1; drop"}),
        ("comments_list", {"project_id": project, "kind": "dataset", "key": "wine", "cursor": "x"}),
        ("notifications_list", {"cursor": "-1"}),
    ):
        with pytest.raises(InsighterError) as error:
            ana.call(function, **arguments)
        assert refused(error) == 422


def test_nobody_is_told_of_what_they_do_not_see(database: Database, ana: Person, project: str) -> None:
    viewer, closed_out = database.member(project, "admin"), database.member(project, "viewer")
    say(closed_out, project, "I was here")
    ana.call("restrictions_set", project_id=project, kind="dataset", name="wine", min_role="admin")
    say(ana, project, f"@[x]({viewer.user_id}) now")
    assert [kind for kind, _ in told(viewer)] == ["mention"]
    # Who spoke before, and sees it no more, hears nothing: neither by the list nor on the bus.
    assert told(closed_out) == []
    heard = closed_out.call(
        "bus_read", project_id=project, after="0.a.0", topics=["notifications", "activity"]
    )
    assert all(item["data"].get("verb") != "commented" for item in heard["items"])
    with pytest.raises(InsighterError) as error:
        say(closed_out, project, "hello?")
    assert refused(error) == 404
    # Who leaves hears nothing more, and may be invited again.
    viewer.call("members_remove", project_id=project, user_id=viewer.user_id)
    assert told(viewer) == []


def test_a_mention_takes_a_member_and_is_told_once(database: Database, ana: Person, project: str) -> None:
    ben, stranger = database.member(project, "viewer"), database.person()
    for nobody in (stranger.user_id, "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(InsighterError) as error:
            say(ana, project, f"@[x]({nobody})")
        assert refused(error) == 422
    made = say(ana, project, f"@[x]({ben.user_id}) and @[y]({ben.user_id}) and @[me]({ana.user_id})")
    assert [kind for kind, _ in told(ben)] == ["mention"] and told(ana) == []
    assert {one["user_id"] for one in made["mentions"]} == {str(ben.user_id), str(ana.user_id)}
    # Edited: who was mentioned before is not told again, who is new is.
    carl = database.member(project, "viewer")
    body = f"@[x]({ben.user_id}) @[z]({carl.user_id})"
    ana.call("comments_update", project_id=project, comment_id=made["id"], body=body)
    assert len(told(ben)) == 1 and len(told(carl)) == 1
    # With the comment what it told goes, and comes back with it.
    ana.call("comments_delete", project_id=project, comment_id=made["id"])
    assert told(ben) == []
    ana.call("comments_restore", project_id=project, comment_id=made["id"])
    assert len(told(ben)) == 1


def test_only_the_newest_thousand_notifications_stay(database: Database, ana: Person, project: str) -> None:
    ben = database.member(project, "viewer")
    for _ in range(3):
        say(ana, project, f"@[x]({ben.user_id})")
    database.superuser(
        "insert into insighter.notifications (user_id, project_id, kind)"
        " select %s, %s, 'mention' from generate_series(1, 1200)",
        ben.user_id, project,
    )  # fmt: skip
    say(ana, project, f"@[x]({ben.user_id}) the last")
    kept = database.superuser("select count(*) from insighter.notifications where user_id = %s", ben.user_id)
    assert kept[0][0] == 1000
    assert ben.call("notifications_list")["unread"] == 1000
    assert ben.call("notifications_read") == {"unread": 0}


def test_comments_go_with_their_asset_and_the_deleted_ones_in_time(
    database: Database, ana: Person, project: str
) -> None:
    first, second = say(ana, project, "one"), say(ana, project, "two")
    ana.call("comments_delete", project_id=project, comment_id=first["id"])
    database.superuser(
        "update insighter.comments set deleted_at = now() - interval '2 days' where id = %s", first["id"]
    )
    ana.call("comments_delete", project_id=project, comment_id=second["id"])
    left = database.superuser("select id from insighter.comments where project_id = %s", project)
    assert left == [(second["id"],)]
    database.superuser("delete from insighter.datasets where project_id = %s", project)
    assert database.superuser("select id from insighter.comments where project_id = %s", project) == []


def test_in_an_archived_project_nothing_is_said(ana: Person, project: str) -> None:
    made = say(ana, project, "before")
    ana.call("projects_update", id=project, archived=True)
    for function, arguments in (
        ("comments_create", {"kind": "dataset", "key": "wine", "body": "x"}),
        ("comments_update", {"comment_id": made["id"], "body": "x"}),
        ("comments_delete", {"comment_id": made["id"]}),
    ):
        with pytest.raises(InsighterError) as error:
            ana.call(function, project_id=project, **arguments)
        assert refused(error) == 409
    assert len(ana.call("comments_list", project_id=project, kind="dataset", key="wine")["items"]) == 1
