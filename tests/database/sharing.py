"""What the tests of sharing do again and again."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg

from tests.database.conftest import Database, Person


def made(owner: Person, name: str = "Wine") -> str:
    project: str = owner.call("projects_create", name=f"{name} {uuid4().hex[:8]}")["id"]
    return project


def roles(database: Database, project: str) -> dict[UUID | None, str]:
    return dict(
        database.superuser("select user_id, role::text from insighter.members where project_id = %s", project)
    )


def account(database: Database, email: str, *, confirmed: bool = True) -> Person:
    return Person(
        database,
        database.superuser(
            "insert into auth.users (email, email_confirmed_at) values (%s, case when %s then now() end) returning id",
            email,
            confirmed,
        )[0][0],
    )


def address(name: str = "ana") -> str:
    return f"{name}-{uuid4().hex[:10]}@example.org"


def invite(
    by: Person, project: str | None, email: str, role: str = "editor", organisation: str | None = None
) -> tuple[dict[str, Any], str]:
    """The invitation and its code's hash."""
    code_hash = hashlib.sha256(uuid4().bytes).hexdigest()
    invitation = by.call(
        "invitations_create",
        email=email,
        role=role,
        code_hash=code_hash,
        **({"project_id": project} if project else {"organisation_id": organisation}),
    )
    return invitation, code_hash


def verbs(person: Person, project: str) -> list[tuple[str, str]]:
    return [
        (verb, kind)
        for verb, kind in person.rows(
            "select verb, asset_kind from insighter.events where project_id = %s order by id", project
        )
    ]


def dataset(person: Person, project: str, name: str, content: str = "a") -> str:
    sha = hashlib.sha256(content.encode()).hexdigest()
    made = person.call(
        "datasets_add_version", project_id=project, name=name, format="parquet", filename="", size=1, rows=1,
        sha256=sha, table_object_key=f"{project}/{sha}", table_size=1, columns=[],
    )  # fmt: skip
    found: str = made["dataset"]["id"]
    return found


class Apart:
    """A person on a connection of their own, whose transaction ends when told."""

    def __init__(self, database: Database, person: Person) -> None:
        import json

        self.connection = psycopg.connect(
            host=database._api.info.host,
            port=database._api.info.port,
            user=database._api.info.user,
            password=database._api.info.password,
            dbname=database._api.info.dbname,
        )
        claims = {"sub": str(person.user_id), "role": "authenticated", "insighter": {"kind": "person"}}
        self.connection.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )

    def call(self, query: str, *arguments: Any) -> str:
        """What became of it."""
        try:
            self.connection.execute(query, arguments)  # type: ignore[arg-type, unused-ignore]
        except psycopg.Error as error:
            self.connection.rollback()
            return error.diag.message_detail or error.sqlstate or "?"
        return "done"


def race(
    database: Database, first: tuple[Person, str, list[Any]], second: tuple[Person, str, list[Any]]
) -> list[str]:
    """The second begins while the first is not committed yet, and has to wait or to be refused."""
    one, two = Apart(database, first[0]), Apart(database, second[0])
    try:
        answers = [one.call(first[1], *first[2])]
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(two.call, second[1], *second[2])
            threading.Event().wait(0.3)
            one.connection.commit()
            answers.append(other.result(timeout=20))
        if answers[1] == "done":
            two.connection.commit()
        return answers
    finally:
        one.connection.close()
        two.connection.close()
