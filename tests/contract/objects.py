"""What services rely on when they store bytes, whichever store takes them.

A module that runs the suite brings the fixtures ``object_store`` with the adapter, ``data_gateway`` with the database
that says who may do what, and ``someone``, which makes accounts.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from insighter_ext import errors
from insighter_ext.gateways import DataGateway, Freed, ObjectStore, StoredObject
from insighter_ext.principal import Principal

Someone = Callable[[], Awaitable[Principal]]

CONTENT = b"".join(number.to_bytes(4, "big") for number in range(700_000))
"""2.8 MB, no two blocks alike."""


async def a_project(data: DataGateway, owner: Principal) -> UUID:
    """A new project's id."""
    return UUID((await data.call(owner, "projects_create", name=f"P {uuid4().hex}"))["id"])


async def stored(
    store: ObjectStore, principal: Principal, project_id: UUID, content: bytes = CONTENT
) -> StoredObject:
    """An object, written in pieces."""
    writer = store.writer(principal, project_id)
    for start in range(0, len(content), 300_000):
        await writer.write(content[start : start + 300_000])
    return await writer.commit()


async def fetched(store: ObjectStore, principal: Principal, key: str, *where: Any) -> bytes:
    """An object's bytes, or some of them."""
    return b"".join([chunk async for chunk in await store.read(principal, key, *where)])


class ObjectsContract:
    """The suite."""

    async def test_what_was_stored_is_read_in_whole_and_in_part(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        project_id = await a_project(data_gateway, ann)
        made = await stored(object_store, ann, project_id)
        digest = hashlib.sha256(CONTENT).hexdigest()
        assert made == StoredObject(f"{project_id}/{digest}", digest, len(CONTENT))
        assert await fetched(object_store, ann, made.key) == CONTENT
        assert await fetched(object_store, ann, made.key, 1_500_001) == CONTENT[1_500_001:]
        assert await fetched(object_store, ann, made.key, 10, 1_100_000) == CONTENT[10:1_100_010]
        assert await fetched(object_store, ann, made.key, 5, 0) == b""
        assert await fetched(object_store, ann, made.key, len(CONTENT) - 1, 50) == CONTENT[-1:]
        assert await fetched(object_store, ann, made.key, len(CONTENT) + 5) == b""
        path = await object_store.local_path(ann, made.key)
        assert path.read_bytes() == CONTENT
        assert path.stat().st_mode & 0o222 == 0

    async def test_nothing_is_there_before_the_commit_or_after_an_abort(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        project_id = await a_project(data_gateway, ann)
        writer = object_store.writer(ann, project_id)
        await writer.write(CONTENT)
        sealed = await writer.seal()
        assert sealed.path.read_bytes() == CONTENT
        key = f"{project_id}/{sealed.sha256}"
        with pytest.raises(errors.NotFound):
            await object_store.local_path(ann, key)
        await writer.abort()
        with pytest.raises(errors.NotFound):
            await object_store.read(ann, key)
        assert list(object_store.scratch().glob("tmp*")) == []

    async def test_the_same_bytes_are_stored_twice_without_an_error(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        project_id = await a_project(data_gateway, ann)
        first, second = await asyncio.gather(
            stored(object_store, ann, project_id), stored(object_store, ann, project_id)
        )
        assert first == second == await stored(object_store, ann, project_id)
        assert await fetched(object_store, ann, first.key) == CONTENT

    async def test_bytes_that_are_stored_out_of_ones_sight_are_stored_again(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        """As with the small files that all models have alike, when the first of the models is restricted."""
        ann, bob = await someone(), await someone()
        project_id = await a_project(data_gateway, ann)

        async def name(principal: Principal, what: str, made: StoredObject) -> None:
            await data_gateway.call(
                principal, "datasets_add_version", project_id=project_id, name=what, format="parquet",
                filename="a.parquet", sha256=made.sha256, size=made.size, table_object_key=made.key,
                table_size=made.size, rows=1, columns=[{"name": "a", "type": "int"}],
            )  # fmt: skip

        await name(ann, "closed", await stored(object_store, ann, project_id))
        await data_gateway.call(
            ann, "restrictions_set", project_id=project_id, kind="dataset", name="closed", min_role="admin"
        )
        code = hashlib.sha256(uuid4().bytes).hexdigest()
        await data_gateway.call(
            ann,
            "invitations_create",
            project_id=project_id,
            email="bob@example.org",
            role="editor",
            code_hash=code,
        )
        await data_gateway.call(bob, "invitations_accept", code_hash=code)
        key = f"{project_id}/{hashlib.sha256(CONTENT).hexdigest()}"
        with pytest.raises(errors.NotFound):
            await object_store.read(bob, key)
        made = await stored(object_store, bob, project_id)
        assert made.key == key
        await name(bob, "open", made)
        assert await fetched(object_store, bob, key) == CONTENT

    async def test_an_empty_object_is_one(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        made = await stored(object_store, ann, await a_project(data_gateway, ann), b"")
        assert made.size == 0
        assert await fetched(object_store, ann, made.key) == b""
        assert (await object_store.local_path(ann, made.key)).read_bytes() == b""

    async def test_a_file_of_the_scratch_folder_is_taken_over(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        path = object_store.scratch() / uuid4().hex
        path.write_bytes(CONTENT)
        made = await object_store.put(ann, await a_project(data_gateway, ann), path)
        assert not path.exists()
        assert await fetched(object_store, ann, made.key) == CONTENT

    async def test_strangers_reach_nothing(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann, bob = await someone(), await someone()
        project_id = await a_project(data_gateway, ann)
        made = await stored(object_store, ann, project_id)
        await object_store.local_path(ann, made.key)  # where there are copies, there is one now
        with pytest.raises(errors.NotFound):
            await object_store.read(bob, made.key)
        with pytest.raises(errors.NotFound):
            await object_store.local_path(bob, made.key)
        with pytest.raises(errors.NotFound):
            await stored(object_store, bob, project_id, b"mine")
        assert await object_store.delete(bob, [made.key], datetime.now(UTC) + timedelta(hours=1)) == Freed()
        with pytest.raises(errors.NotFound):
            await object_store.delete_project(bob, project_id)
        assert await fetched(object_store, ann, made.key) == CONTENT

    @pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "a/b", "0" * 64, "%2e%2e/x", "é\u2028"])
    async def test_a_name_that_is_no_key_is_not_found(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone, name: str
    ) -> None:
        ann = await someone()
        for key in (name, f"{await a_project(data_gateway, ann)}/{name}"):
            with pytest.raises(errors.NotFound):
                await object_store.read(ann, key)
            with pytest.raises(errors.NotFound):
                await object_store.local_path(ann, key)

    async def test_a_deletion_spares_what_was_stored_after_it(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        project_id = await a_project(data_gateway, ann)
        made = await stored(object_store, ann, project_id)
        other = await stored(object_store, ann, project_id, b"other")
        await asyncio.sleep(0.05)
        between = datetime.now(UTC)
        await asyncio.sleep(0.05)
        await stored(object_store, ann, project_id)
        absent = f"{project_id}/{'0' * 64}"
        assert await object_store.delete(ann, [made.key, other.key, absent], between) == Freed(
            1, len(b"other")
        )
        assert await fetched(object_store, ann, made.key) == CONTENT
        with pytest.raises(errors.NotFound):
            await object_store.read(ann, other.key)
        assert await object_store.delete(ann, [made.key], datetime.now(UTC)) == Freed(1, len(CONTENT))
        with pytest.raises(errors.NotFound):
            await object_store.local_path(ann, made.key)

    async def test_with_a_project_go_its_objects(
        self, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
    ) -> None:
        ann = await someone()
        project_id = await a_project(data_gateway, ann)
        kept = await stored(object_store, ann, await a_project(data_gateway, ann))
        made = [await stored(object_store, ann, project_id, f"{n}".encode()) for n in range(3)]
        with pytest.raises(errors.NotFound):
            await object_store.delete_project(ann, project_id)
        await data_gateway.call(ann, "projects_delete", id=project_id)
        await data_gateway.call(ann, "trash_projects_purge", id=project_id)
        assert await object_store.delete_project(ann, project_id) == Freed(3, 3)
        for one in made:
            with pytest.raises(errors.NotFound):
                await object_store.read(ann, one.key)
        assert await fetched(object_store, ann, kept.key) == CONTENT
