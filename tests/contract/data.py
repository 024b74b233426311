"""What services rely on when they call the database, whichever adapter is between.

A module that runs the suite brings two fixtures, ``data_gateway`` with the adapter and ``someone``, which makes
accounts: ``await someone()`` answers the principal of a new one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from insighter_ext import errors
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal

Someone = Callable[[], Awaitable[Principal]]

HOSTILE = [
    "'; drop table insighter.projects; --",
    '"\\"\\\\"',
    "%s %(role)s {} $1 $$ $tag$",
    "line\nbreak\r\ttab \x01\x1f\x7f",
    "Grüße 你好 🧪 \u202e \u2028 \ufffd",
    "\\u0027 \\x27",
    '{"a": [1]}',
    "null",
]


class DataContract:
    """The suite."""

    @pytest.mark.parametrize("text", HOSTILE)
    async def test_texts_arrive_unchanged(
        self, data_gateway: DataGateway, someone: Someone, text: str
    ) -> None:
        principal = await someone()
        made = await data_gateway.call(
            principal, "projects_create", name=f"P {uuid4().hex}", description=text
        )
        found = await data_gateway.call(principal, "projects_get", id=UUID(made["id"]))
        assert found["description"] == text

    async def test_values_of_every_kind_arrive(self, data_gateway: DataGateway, someone: Someone) -> None:
        principal = await someone()
        project = await data_gateway.call(principal, "projects_create", name=f"P {uuid4().hex}")
        made = await data_gateway.call(
            principal,
            "experiments_create",
            project_id=UUID(project["id"]),
            name="nested",
            tags={"a": "ü", '"': "'"},
        )
        found = await data_gateway.call(principal, "experiments_get", id=made["id"])
        assert found["tags"] == {"a": "ü", '"': "'"}
        page = await data_gateway.call(principal, "projects_list", limit=1, cursor=None, archived=False)
        assert len(page["items"]) == 1

    async def test_an_answer_comes_as_text(self, data_gateway: DataGateway, someone: Someone) -> None:
        principal = await someone()
        project = await data_gateway.call(
            principal, "projects_create", name=f"P {uuid4().hex}", description="ü \"'\n"
        )
        text = await data_gateway.call_text(principal, "projects_get", id=project["id"])
        assert isinstance(text, str)
        assert json.loads(text) == await data_gateway.call(principal, "projects_get", id=project["id"])
        with pytest.raises(errors.NotFound):
            await data_gateway.call_text(await someone(), "projects_get", id=project["id"])

    async def test_the_database_knows_who_asks(self, data_gateway: DataGateway, someone: Someone) -> None:
        ann, bob = await someone(), await someone()
        project = await data_gateway.call(ann, "projects_create", name=f"P {uuid4().hex}")
        with pytest.raises(errors.NotFound) as refused:
            await data_gateway.call(bob, "projects_get", id=project["id"])
        assert (refused.value.code, bool(refused.value.hint)) == ("project_not_found", True)
        with pytest.raises(errors.InsighterError) as unknown:
            await data_gateway.call(None, "projects_get", id=project["id"])
        assert unknown.value.status in {401, 403}

    async def test_simultaneous_callers_are_not_taken_for_each_other(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        people = [await someone() for _ in range(4)]
        made = await asyncio.gather(*(data_gateway.call(one, "projects_personal") for one in people * 5))
        of_whom = {}
        for one, project in zip(people * 5, made, strict=True):
            assert of_whom.setdefault(one.user_id, project["id"]) == project["id"]
        assert len(set(of_whom.values())) == len(people)

    async def test_a_credential_is_confined_to_its_project(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = replace(await someone(), token=None)
        mine = await data_gateway.call(ann, "projects_create", name=f"P {uuid4().hex}")
        other = await data_gateway.call(ann, "projects_create", name=f"P {uuid4().hex}")
        kernel = replace(ann, kind="kernel", project_id=UUID(mine["id"]), ceiling="editor")
        assert (await data_gateway.call(kernel, "projects_get", id=mine["id"]))["role"] == "editor"
        with pytest.raises(errors.NotFound):
            await data_gateway.call(kernel, "projects_get", id=other["id"])
        with pytest.raises(errors.Forbidden):
            await data_gateway.call(kernel, "projects_create", name=f"P {uuid4().hex}")

    async def test_errors_have_their_status_code_and_hint(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        principal = await someone()
        name = f"P {uuid4().hex}"
        await data_gateway.call(principal, "projects_create", name=name)
        with pytest.raises(errors.Conflict) as taken:
            await data_gateway.call(principal, "projects_create", name=name.upper())
        assert taken.value.code == "project_exists"
        with pytest.raises(errors.Invalid) as invalid:
            await data_gateway.call(principal, "projects_create", name="a/b")
        assert invalid.value.code == "invalid_name"
        assert invalid.value.hint
        with pytest.raises(errors.Invalid):
            await data_gateway.call(principal, "projects_get", id="no-uuid")

    async def test_what_nothing_can_store_is_refused(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        principal = await someone()
        for name in ("a\0b", "half a character \ud800"):
            with pytest.raises(errors.Invalid):
                await data_gateway.call(principal, "projects_create", name=name)

    async def test_a_function_that_is_not_there_means_missing_migrations(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        principal = await someone()
        with pytest.raises(errors.Unavailable) as refused:
            await data_gateway.call(principal, "no_such_function", at=datetime.now(UTC))
        assert "migration" in (refused.value.message + (refused.value.hint or ""))

    @pytest.mark.parametrize("role", ["postgres", "service_role", "supabase_auth_admin", "anon'; --"])
    async def test_no_other_role_is_taken_on(
        self, data_gateway: DataGateway, someone: Someone, role: str
    ) -> None:
        principal = replace(await someone(), role=role, token=None)
        with pytest.raises((errors.InsighterError, ValueError)):
            await data_gateway.call(principal, "projects_list")

    async def test_a_change_that_nobody_waits_for_leaves_the_gateway_usable(
        self, data_gateway: DataGateway, someone: Someone
    ) -> None:
        principal = await someone()
        for _ in range(5):
            call = asyncio.ensure_future(
                data_gateway.call(principal, "projects_create", name=f"P {uuid4().hex}")
            )
            await asyncio.sleep(0.001)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await asyncio.gather(*(data_gateway.call(principal, "platform_status") for _ in range(20)))
