"""What a server that was killed left half done, put right by whoever looks next."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest

from insighter_ext.deployments.run_dir import CUT_OFF, RunDir
from insighter_ext.errors import NotFound, Unavailable
from insighter_ext.platform import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Left:
    """A deployment as a killed server leaves it: a row, perhaps a folder, perhaps a process."""

    def __init__(self, platform: Platform, row: dict[str, Any]) -> None:
        self.id, self.project_id, self.name = UUID(row["id"]), UUID(row["project_id"]), row["name"]
        self.path = row["path"]
        self.run_dir = RunDir(platform.settings.storage_dir / "deployments", self.id)

    def note(self, process: subprocess.Popen[bytes]) -> None:
        """Note the process as that of the first start."""
        self.run_dir.path.mkdir(parents=True, exist_ok=True)
        started = psutil.Process(process.pid).create_time()
        (self.run_dir.path / "process.json").write_text(
            json.dumps({"pid": process.pid, "process_started": started, "attempt": 1})
        )


async def leave(platform: Platform) -> Left:
    project = await platform.data.call(platform.owner, "projects_create", name=f"Left {uuid4().hex}")
    row = await platform.data.call(
        platform.owner,
        "deployments_create",
        project_id=project["id"],
        id=uuid4(),
        name="left",
        model_name="wine",
        model_version=1,
    )
    return Left(platform, row)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


async def status(platform: Platform, left: Left) -> str:
    return (await platform.deployments.get(platform.owner, left.project_id, left.name)).status


async def test_a_start_that_was_cut_off_is_told_as_failed(platform: Platform) -> None:
    left = await leave(platform)
    page = await platform.deployments.list(platform.owner, left.project_id)
    assert [(item.status, item.reason) for item in page.items] == [("failed", CUT_OFF)]


async def test_a_start_that_another_server_is_at_is_left_alone(platform: Platform) -> None:
    left = await leave(platform)
    held = left.run_dir.try_hold()
    assert held is not None
    try:
        assert await status(platform, left) == "starting"
        await platform.deployments.sweep()
        _, _, slug, name = left.path.split("/")
        with pytest.raises(Unavailable) as refusal:
            await platform.deployments.forward(platform.owner, slug, name, "ping", None, {})
        assert refusal.value.code == "endpoint_starting"
    finally:
        held.release()
    assert await status(platform, left) == "failed"


async def test_the_process_of_a_stopped_deployment_is_ended(
    platform: Platform, process: subprocess.Popen[bytes]
) -> None:
    left = await leave(platform)
    left.note(process)
    assert await status(platform, left) == "starting"
    await platform.data.call(platform.owner, "deployments_stop", project_id=left.project_id, name=left.name)
    await platform.deployments.sweep()
    assert process.wait(10) is not None
    assert left.run_dir.path.is_dir()


async def test_what_a_deleted_deployment_left_is_removed(
    platform: Platform, process: subprocess.Popen[bytes]
) -> None:
    left, kept = await leave(platform), await leave(platform)
    left.note(process)
    held = kept.run_dir.try_hold()
    assert held is not None
    await platform.data.call(platform.owner, "projects_delete", id=left.project_id)
    await platform.deployments.sweep()
    held.release()
    assert process.wait(10) is not None
    assert not left.run_dir.path.exists()
    with pytest.raises(NotFound):
        await status(platform, left)
