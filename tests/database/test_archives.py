"""Archives in the database: what goes along and what stays, one moment, all or nothing, and archives made by hand."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import InsighterError
from tests.database.conftest import Database, Person, refused

# Tables of a project that are in no archive, each with its reason.
LEFT_OUT = {
    "members": "who may what is said anew where it is imported; their names go along, for people to read",
    "invitations": "addresses, and codes that let somebody in",
    "access_requests": "of people who are not there",
    "credentials": "they let somebody in",
    "released_projects": "a note of what is still to be cleared away",
    "events": "an account for people, in their names: where it is imported the activity begins with the import",
    "messages": "what programs say to each other, for those who listen",
    "assets": "made by triggers of what goes along",
    "archives": "an export or an import on its way",
}
SHA = "ab" * 32


def test_every_table_of_a_project_goes_along_or_stays_for_a_reason(database: Database) -> None:
    tables = {
        name
        for (name,) in database.superuser(
            """select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
               where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped"""
        )
    }
    archived = {name for (name,) in database.superuser("select name from insighter.archived_tables")}
    assert len(archived) > 10
    assert tables - set(LEFT_OUT) == archived
    assert set(LEFT_OUT) <= tables


def test_every_column_of_them_goes_along_or_is_left_out(database: Database) -> None:
    columns = database.superuser(
        """select t.name, a.attname, t.columns ? a.attname, a.attname = any (t.left_out)
           from insighter.archived_tables t
           join pg_attribute a on a.attrelid = ('insighter.' || t.name)::regclass and a.attnum > 0 and not a.attisdropped
           where a.attname <> 'project_id'"""
    )
    assert len(columns) > 100
    assert [f"{table}.{column}" for table, column, taken, left in columns if taken == left] == []
    named = {(table, column) for table, column, *_ in columns}
    told = database.superuser(
        "select name, jsonb_object_keys(columns) from insighter.archived_tables"
        " union select name, unnest(left_out) from insighter.archived_tables"
    )
    assert set(told) == named


def test_nothing_that_is_called_a_secret_goes_along(database: Database) -> None:
    taken = database.superuser("select name, jsonb_object_keys(columns) from insighter.archived_tables")
    secret = re.compile(r"secret|passw|token|credential|hash|(^|_)(e?mail|code|host|port|key_id|url)(_|$)")
    assert [(table, column) for table, column in taken if secret.search(column)] == []
