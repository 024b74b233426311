"""Activity over HTTP: the list, comments that find whom they are for, and a person's own notifications, live."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from server_handlers.base import API
from tests.api.people import Person, a_token, team_server
from tests.api.test_bus import hear, listening
from tests.running import JupyterServer


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server with accounts."""
    with team_server() as running:
        yield running


class Team:
    """Two people and a dataset."""

    def __init__(self, server: JupyterServer, ana: Person, ben: Person) -> None:
        self.server, self.ana, self.ben = server, ana, ben
        ben.do("POST", f"{API}/notifications/read", {})
        self.project = self.ana.do(
            "POST", f"{API}/projects", {"name": f"Wine {uuid4().hex[:8]}"}, expect=201
        )["id"]
        self.base = f"{API}/projects/{self.project}"
        self.join(self.ben, "viewer")
        self.upload(self.ana, "wine")
        self.wine = f"{self.base}/assets/dataset/wine"

    def join(self, person: Person, role: str) -> None:
        code = self.ana.do(
            "POST", f"{self.base}/invitations", {"email": person.email, "role": role}, expect=201
        )["code"]
        person.do("POST", f"{API}/invitations/accept", {"code": code})

    def upload(self, person: Person, name: str) -> None:
        person.do(
            "POST", f"{self.base}/datasets/{quote(name)}/versions", content=b"a\n1\n",
            params={"filename": "a.csv"}, expect=201,
        )  # fmt: skip

    def told(self, person: Person) -> list[Any]:
        """What somebody was told of this project."""
        items = person.do("GET", f"{API}/notifications")["items"]
        return [item for item in items if item["project_id"] == self.project]

    def say(self, person: Person, text: str, expect: int = 201) -> Any:
        return person.do("POST", f"{self.wine}/comments", {"body": text}, expect=expect)


@pytest.fixture(scope="module")
def people(team: JupyterServer) -> Iterator[tuple[Person, Person]]:
    """Ana and Ben."""
    ana, ben = Person(team, "Ana"), Person(team, "Ben")
    with contextlib.closing(ana), contextlib.closing(ben):
        yield ana, ben


@pytest.fixture
def wine(team: JupyterServer, people: tuple[Person, Person]) -> Team:
    """A project of Ana's with a dataset, in which Ben is a viewer."""
    return Team(team, *people)


def test_what_happened_newest_first_page_by_page_and_by_person_kind_and_asset(wine: Team) -> None:
    wine.upload(wine.ana, "port")
    wine.say(wine.ben, "nice")

    def asked(**query: Any) -> list[str]:
        items = wine.ana.do("GET", f"{wine.base}/activity", params=query)["items"]
        return [f"{item['data']['verb']} {item['data']['asset_name']}" for item in items]

    everything = asked()
    everything = [each for each in everything if not each.startswith("earned ")]
    assert everything[:-1] == ["commented wine", "created port", "created wine", "joined Ben"]
    assert everything[-1].startswith("created Wine")
    assert asked(person=wine.ben.user_id) == ["commented wine", "joined Ben"]
    assert asked(kind="dataset") == ["commented wine", "created port", "created wine"]
    assert asked(kind="dataset", key="wine") == ["commented wine", "created wine"]
    assert asked(kind="member") == ["joined Ben"]
    paged, cursor = [], None
    while True:
        page = wine.ana.do(
            "GET", f"{wine.base}/activity", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        paged += [item["id"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    whole = wine.ana.do("GET", f"{wine.base}/activity")["items"]
    assert paged == [item["id"] for item in whole]
    assert whole[0]["actorname"] == "Ben" and whole[0]["topic"] == "activity"
    assert whole[0]["data"]["asset_key"] == "wine"
    for query in ({"cursor": "x"}, {"key": "wine"}, {"person": "ben"}):
        assert wine.ana.get(f"{wine.base}/activity", params=query).status_code == 422
    missing = wine.ana.get(f"{wine.base}/activity", params={"kind": "dataset", "key": "no"})
    assert missing.status_code == 404


def test_an_event_is_told_live_just_as_the_list_has_it(wine: Team) -> None:
    async def run() -> None:
        token = wine.ben.tokens["access_token"]
        async with listening(wine.server, wine.project, token, topics="activity") as socket:
            await socket.read_message()
            await asyncio.to_thread(wine.upload, wine.ana, "sherry")
            [heard] = await hear(socket, 1)
        listed = await asyncio.to_thread(wine.ben.do, "GET", f"{wine.base}/activity")
        assert listed["items"][0] == heard

    asyncio.run(run())


def test_a_comment_is_written_edited_deleted_and_brought_back(wine: Team) -> None:
    made = wine.say(wine.ben, "  Is **this** the _new_ one?  ")
    assert made["body"] == "Is **this** the _new_ one?" and made["mine"] and made["author"] == "Ben"
    path = f"{wine.base}/comments/{made['id']}"
    assert wine.ana.patch(path, json={"body": "no"}).status_code == 403
    edited = wine.ben.do("PATCH", path, {"body": "It is."})
    assert edited["edited_at"] and edited["body"] == "It is."
    [seen] = wine.ana.do("GET", f"{wine.wine}/comments")["items"]
    assert seen["body"] == "It is." and not seen["mine"]
    wine.ben.do("DELETE", path, expect=204)
    assert wine.ana.do("GET", f"{wine.wine}/comments")["items"] == []
    assert wine.ana.post(f"{path}/restore").status_code == 404
    assert wine.ben.do("POST", f"{path}/restore")["body"] == "It is."
    wine.ana.do("DELETE", path, expect=204)  # an admin of the project
    assert wine.ben.post(f"{path}/restore").status_code == 404
    assert wine.ben.delete(path).status_code == 404


@pytest.mark.parametrize("body", ["", " \n\t ", "x" * 10_001, "x" * 30_000])
def test_what_is_no_comment(wine: Team, body: str) -> None:
    assert wine.ben.post(f"{wine.wine}/comments", json={"body": body}).status_code == 422


def test_a_mention_finds_its_person_and_nobody_is_mentioned_who_does_not_see_it(wine: Team) -> None:
    found = wine.ben.do("GET", f"{API}/notifications")
    assert found["unread"] == 0
    wine.say(wine.ana, f"Look, @[Ben]({wine.ben.user_id})!")
    found = wine.ben.do("GET", f"{API}/notifications")
    assert found["unread"] == 1
    told = found["items"][0]
    assert (told["kind"], told["actor"], told["project_id"]) == ("mention", "Ana", wine.project)
    assert told["asset"] == {"kind": "dataset", "key": "wine", "name": "wine"}
    assert told["excerpt"].startswith("Look, ")
    refused = wine.ana.post(f"{wine.wine}/comments", json={"body": f"@[Nobody]({uuid4()})"})
    assert refused.status_code == 422 and refused.json()["code"] == "cannot_be_mentioned"

    # Closed to Ben from now on: neither what he was told nor the comments are his to see, and he is told no more.
    restricted = {"min_role": "admin", "people": []}
    wine.ana.do("PUT", f"{wine.base}/restrictions/dataset/wine", restricted)
    assert wine.told(wine.ben) == []
    assert wine.ben.get(f"{wine.wine}/comments").status_code == 404
    refused = wine.ana.post(f"{wine.wine}/comments", json={"body": f"@[Ben]({wine.ben.user_id})"})
    assert refused.status_code == 422
    people = wine.ana.do("GET", f"{wine.wine}/people")["items"]
    assert [one["display_name"] for one in people] == ["Ana"]


def test_who_made_it_and_who_spoke_before_are_told_and_nobody_of_their_own_words(wine: Team) -> None:
    wine.say(wine.ben, "first")
    [told] = wine.told(wine.ana)
    assert told["kind"] == "comment" and told["excerpt"] == "first"
    assert wine.told(wine.ben) == []
    said = wine.say(wine.ana, "second")
    [told] = wine.ben.do("GET", f"{API}/notifications", params={"unread": "true"})["items"]
    assert wine.ben.do("POST", f"{API}/notifications/read", {"ids": [told["id"]]}) == {"unread": 0}
    assert wine.ben.do("GET", f"{API}/notifications")["items"][0]["read_at"]
    assert wine.ben.do("GET", f"{API}/notifications", params={"unread": "true"})["items"] == []
    wine.ana.do("DELETE", f"{wine.base}/comments/{said['id']}", expect=204)
    assert wine.told(wine.ben) == []


def test_what_is_for_somebody_arrives_while_another_project_is_open(wine: Team) -> None:
    elsewhere = wine.ben.do("POST", f"{API}/projects", {"name": f"Elsewhere {uuid4().hex[:8]}"}, expect=201)[
        "id"
    ]

    async def run() -> None:
        token = wine.ben.tokens["access_token"]
        async with (
            listening(wine.server, elsewhere, token, topics="activity,notifications") as socket,
            listening(wine.server, elsewhere, token, topics="activity") as other,
        ):
            await socket.read_message()
            await other.read_message()
            await asyncio.to_thread(wine.say, wine.ana, f"@[Ben]({wine.ben.user_id}) here")
            [heard] = await hear(socket, 1, seconds=10)
            assert heard["type"] == "insighter.notification.mention"
            assert heard["source"] == f"/projects/{wine.project}"
            assert heard["data"]["excerpt"].endswith("here")
            with pytest.raises(TimeoutError):
                await hear(other, 1, seconds=1)

    asyncio.run(run())


def test_only_people_comment_and_only_they_have_notifications(wine: Team) -> None:
    _, secret = a_token(wine.ana, wine.project, "owner")
    token = {"Authorization": f"Bearer {secret}"}
    said = wine.ana.post(f"{wine.wine}/comments", json={"body": "by a program"}, headers=token)
    assert said.status_code == 403 and said.json()["code"] == "not_in_person"
    wine.say(wine.ben, "to the owner")
    assert wine.ana.get(f"{API}/notifications", headers=token).json()["items"] == []
    assert len(wine.told(wine.ana)) == 1
    after = wine.ana.get(f"{wine.base}/bus", headers=token).json()["cursor"]
    wine.say(wine.ben, "again")
    heard = wine.ana.get(
        f"{wine.base}/bus", params={"after": after, "topics": "notifications,activity"}, headers=token
    ).json()
    assert [item["topic"] for item in heard["items"]] == ["activity"]


def test_what_was_not_listened_to_before_is_heard_from_then_on(wine: Team) -> None:
    """A listener changes its topics: what it listened to goes on without a gap, and the new ones begin there."""

    def publish(topic: str, data: Any) -> None:
        wine.ana.do("POST", f"{wine.base}/bus", {"topic": topic, "data": data}, expect=201)

    async def run() -> None:
        token = wine.ana.tokens["access_token"]
        async with listening(wine.server, wine.project, token, topics="one") as socket:
            await socket.read_message()
            await asyncio.to_thread(publish, "two", "before")
            await asyncio.to_thread(publish, "one", 1)
            await socket.write_message(json.dumps({"topics": ["one", "two"]}))
            heard: list[Any] = []
            while True:
                batch = json.loads(await socket.read_message() or "")
                heard += [item["data"] for item in batch["items"]]
                if batch["topics"]:
                    break
            assert batch["topics"] == ["one", "two"] and heard == [1]
            await asyncio.to_thread(publish, "two", 2)
            assert [item["data"] for item in await hear(socket, 1)] == [2]
            await socket.write_message("nonsense")
            while await socket.read_message() is not None:
                pass
            assert socket.close_code == 4422

    asyncio.run(run())
