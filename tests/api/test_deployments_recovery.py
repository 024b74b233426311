"""What a server that was killed left half done, put right by whoever looks next."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest

from insighter_ext.deployments.host import Host
from insighter_ext.deployments.run_dir import CUT_OFF, RunDir
from insighter_ext.errors import Conflict, NotFound, Unavailable
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.platform import Platform
from insighter_ext.principal import Principal

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


def owner_of(platform: Platform) -> Principal:
    """Whoever Jupyter lets in."""
    assert platform.owner is not None
    return platform.owner


async def leave(
    platform: Platform, principal: Principal | None = None, place: dict[str, str] | None = None
) -> Left:
    owner = principal or owner_of(platform)
    project = await platform.data.call(owner_of(platform), "projects_create", name=f"Left {uuid4().hex}")
    if principal is not None:
        await asyncio.to_thread(
            superuser,
            platform,
            "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'editor')",
            project["id"],
            principal.user_id,
        )
    row = await platform.data.call(
        owner,
        "deployments_create",
        project_id=project["id"],
        id=uuid4(),
        name="left",
        model_name="wine",
        model_version=1,
        **(place or {}),
    )
    return Left(platform, row)


def superuser(platform: Platform, query: str, *arguments: Any) -> list[Any]:
    database = EmbeddedPostgres(platform.settings.storage_dir / "postgres")
    with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
        cursor = connection.execute(query, arguments)
        return cursor.fetchall() if cursor.description else []


def here(platform: Platform) -> dict[str, str]:
    host = Host.of(platform.settings.storage_dir)
    return {"host": host.name, "host_key": host.key}


ELSEWHERE = {"host": "lab-2", "host_key": "another machine's"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


async def status(platform: Platform, left: Left) -> str:
    return (await platform.deployments.get(owner_of(platform), left.project_id, left.name)).status


async def test_a_start_that_was_cut_off_is_told_as_failed(platform: Platform) -> None:
    left = await leave(platform)
    page = await platform.deployments.list(owner_of(platform), left.project_id)
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
            await platform.deployments.forward(owner_of(platform), slug, name, "ping", None, {})
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
    await platform.data.call(
        owner_of(platform), "deployments_stop", project_id=left.project_id, name=left.name
    )
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
    await platform.data.call(owner_of(platform), "projects_delete", id=left.project_id)
    await platform.data.call(owner_of(platform), "trash_projects_purge", id=left.project_id)
    await platform.deployments.sweep()
    held.release()
    assert process.wait(10) is not None
    assert not left.run_dir.path.exists()
    with pytest.raises(NotFound):
        await status(platform, left)


async def test_an_endpoint_on_another_machine_is_named_and_left_alone(platform: Platform) -> None:
    left = await leave(platform, place=ELSEWHERE)
    found = await platform.deployments.get(owner_of(platform), left.project_id, left.name)
    assert (found.status, found.host, found.log) == ("starting", "lab-2", [])
    await platform.deployments.sweep()
    assert await status(platform, left) == "starting", "its own machine knows better"
    _, _, slug, name = left.path.split("/")
    with pytest.raises(Unavailable) as refusal:
        await platform.deployments.forward(owner_of(platform), slug, name, "ping", None, {})
    assert refusal.value.code == "endpoint_elsewhere" and "lab-2" in refusal.value.message
    with pytest.raises(Conflict) as running:
        await platform.deployments.start(owner_of(platform), left.project_id, left.name)
    assert "lab-2" in running.value.message
    stopped = await platform.deployments.stop(owner_of(platform), left.project_id, left.name)
    assert (stopped.status, stopped.host) == ("stopped", "lab-2")
    moved = await platform.deployments.start(owner_of(platform), left.project_id, left.name)
    assert moved.host == here(platform)["host"]
    await platform.deployments.delete(owner_of(platform), left.project_id, left.name)
    await platform.trash.purge(owner_of(platform), left.project_id)
    assert not left.run_dir.path.exists()


async def test_what_moved_to_another_machine_ends_here(
    platform: Platform, process: subprocess.Popen[bytes]
) -> None:
    left = await leave(platform, place=here(platform))
    left.note(process)
    for function, place in (("deployments_stop", {}), ("deployments_start", ELSEWHERE)):
        await platform.data.call(
            owner_of(platform), function, project_id=left.project_id, name=left.name, **place
        )
    await platform.deployments.sweep()
    assert process.wait(10) is not None
    assert not left.run_dir.path.exists()
    assert await status(platform, left) == "starting"


@pytest.mark.parametrize("loss", ["left", "demoted"])
async def test_what_runs_for_somebody_who_lost_the_right_is_stopped(
    platform: Platform, process: subprocess.Popen[bytes], loss: str
) -> None:
    rows = await asyncio.to_thread(
        superuser,
        platform,
        "insert into auth.users (email) values (%s) returning id",
        f"{uuid4().hex}@example.org",
    )
    editor = Principal(rows[0][0])
    left = await leave(platform, editor, here(platform))
    left.note(process)
    await platform.deployments.sweep()
    assert await status(platform, left) == "starting" and process.poll() is None
    await asyncio.to_thread(
        superuser,
        platform,
        "delete from insighter.members where user_id = %s"
        if loss == "left"
        else "update insighter.members set role = 'viewer' where user_id = %s",
        editor.user_id,
    )
    await platform.deployments.sweep()
    assert process.wait(10) is not None
    found = await platform.deployments.get(owner_of(platform), left.project_id, left.name)
    assert found.status == "stopped" and "start it again" in (found.reason or "")
    events = await asyncio.to_thread(
        superuser,
        platform,
        "select actor, actor_kind from insighter.events where asset_id = %s and verb = 'stopped'",
        str(left.id),
    )
    assert events == [(editor.user_id, "service")]


async def test_two_servers_that_start_at_once_are_one_machine(tmp_path: Path) -> None:
    hosts = await asyncio.gather(*(asyncio.to_thread(Host.of, tmp_path / "data") for _ in range(8)))
    assert len({host.key for host in hosts}) == 1 and len(hosts[0].key) > 40
    assert Host.of(tmp_path / "data") == hosts[0] and hosts[0].key not in repr(hosts[0])
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["host.key"]
    assert (tmp_path / "data" / "host.key").stat().st_mode & 0o077 == 0
