"""Who has a project open now: told to members, of people, and to nobody for longer than it is true."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import InsighterError
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person, refused
from tests.database.sharing import made


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("ana")


@pytest.fixture
def project(owner: Person) -> str:
    return made(owner)


def enter(person: Person, project: str, connection: Any = None, away: bool = False) -> str:
    connection = str(connection or uuid4())
    person.call("presence_enter", project_id=project, connection=connection, away=away)
    return connection


def here(person: Person, project: str) -> list[tuple[str, bool]]:
    found = person.call("presence_list", project_id=project)["items"]
    return [(item["user_id"], item["away"]) for item in found]


def test_each_person_once_until_the_last_of_their_pages_is_closed(
    database: Database, owner: Person, project: str
) -> None:
    viewer = database.member(project, "viewer")
    first, second = enter(owner, project), enter(owner, project, away=True)
    enter(viewer, project, away=True)
    assert here(viewer, project) == [(str(owner.user_id), False), (str(viewer.user_id), True)]
    enter(owner, project, first, away=True)
    assert dict(here(viewer, project))[str(owner.user_id)] is True
    owner.call("presence_leave", project_id=project, connection=first)
    assert len(here(owner, project)) == 2
    owner.call("presence_leave", project_id=project, connection=second)
    assert here(owner, project) == [(str(viewer.user_id), True)]


def test_what_a_killed_server_leaves_is_not_told_and_is_cleared_away(
    database: Database, owner: Person, project: str
) -> None:
    member = database.member(project, "viewer")
    enter(owner, project)
    age = "update insighter.presence set seen_at = now() - %s::interval where project_id = %s"
    database.superuser(age, "2 minutes", project)
    assert here(member, project) == []
    database.superuser(age, "11 minutes", project)
    enter(member, project)
    assert database.superuser("select user_id from insighter.presence where project_id = %s", project) == [
        (member.user_id,)
    ]


def test_programs_and_those_who_only_read_are_nowhere(
    database: Database, owner: Person, project: str
) -> None:
    stranger = database.person()
    enter(owner.kernel(project), project)
    owner.call("projects_set_visibility", id=project, visibility="public")
    enter(stranger, project)
    assert here(owner, project) == []
    enter(owner, project)
    assert here(stranger, project) == []
    assert stranger.rows("select * from insighter.presence") == []
    owner.call("projects_set_visibility", id=project, visibility="private")
    with pytest.raises(InsighterError) as error:
        enter(stranger, project)
    assert refused(error) == 404


def test_nobody_speaks_for_another(database: Database, owner: Person, project: str) -> None:
    member = database.member(project, "editor")
    connection = enter(owner, project)
    with pytest.raises(InsighterError) as error:
        enter(member, project, connection, away=True)
    assert refused(error) == 403
    member.call("presence_leave", project_id=project, connection=connection)
    assert here(member, project) == [(str(owner.user_id), False)]


def test_whoever_leaves_the_project_is_not_there_any_more_and_sees_nobody(
    database: Database, owner: Person, project: str
) -> None:
    member = database.member(project, "editor")
    enter(owner, project)
    owner.call("members_remove", project_id=project, user_id=member.user_id)
    with pytest.raises(InsighterError) as error:
        here(member, project)
    assert refused(error) == 404


def test_coming_and_going_wakes_those_who_watch_and_staying_does_not(
    database: Database, cluster: EmbeddedPostgres, owner: Person, project: str
) -> None:
    name = database.superuser("select current_database()")[0][0]
    with psycopg.connect(**cluster.conninfo(API_ROLE, name), autocommit=True) as listener:
        listener.execute("listen insighter")

        def heard() -> list[str]:
            return [notify.payload for notify in listener.notifies(timeout=0.3) if project in notify.payload]

        woken = f"presence/{project}"
        connection = enter(owner, project)
        assert heard() == [woken]
        enter(owner, project, connection)
        assert heard() == []
        enter(owner, project, connection, away=True)
        assert heard() == [woken]
        owner.call("presence_leave", project_id=project, connection=connection)
        assert heard() == [woken]
