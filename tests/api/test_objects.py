"""Bytes that a killed server stored and never named."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from insighter_ext.errors import NotFound
from insighter_ext.gateways import StoredObject
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.gateways.embedded.sweep import Sweep
from insighter_ext.platform import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_they_are_removed_a_day_later_and_nothing_else_is(platform: Platform, tmp_path: Path) -> None:
    owner, objects = platform.owner, platform.objects
    assert owner is not None and isinstance(objects, LocalObjectStore)
    project = await platform.data.call(owner, "projects_create", name=f"Swept {uuid4().hex}")
    project_id = UUID(project["id"])

    async def store(content: bytes) -> StoredObject:
        writer = objects.writer(owner, project_id)
        await writer.write(content)
        return await writer.commit()

    lost, waiting = await store(b"never named"), await store(b"waits for its row")
    file = tmp_path / "table.csv"
    file.write_bytes(b"a\n1\n")
    added = await platform.datahub.add_file(owner, project_id, "kept", file)
    kept = f"{project_id}/{added.version.sha256}"
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for key in (lost.key, kept):
        os.utime(await objects.local_path(owner, key), (0, long_ago))
    sweep = Sweep(objects, EmbeddedPostgres(platform.settings.storage_dir / "postgres"))
    assert await asyncio.to_thread(sweep.run) >= lost.size
    for key in (waiting.key, kept):
        assert (await objects.local_path(owner, key)).is_file()
    with pytest.raises(NotFound):
        await objects.local_path(owner, lost.key)
    assert (await platform.datahub.get(owner, project_id, "kept")).name == "kept"
