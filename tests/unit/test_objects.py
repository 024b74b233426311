"""The contract of the object store, on the local disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from insighter_ext.errors import InsighterError, NotFound, Unavailable
from insighter_ext.gateways import Freed, StoredObject
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from tests.permissive import EDITOR, Permissive
from tests.running import REPOSITORY

PROJECT = UUID("6f0c7a52-5d7e-4b57-9d62-16f0f3f0a001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store(folder: Path) -> Iterator[LocalObjectStore]:
    made = LocalObjectStore(folder, Permissive(PROJECT))
    yield made
    asyncio.run(made.close())


async def stored(store: LocalObjectStore, content: bytes, project: UUID = PROJECT) -> StoredObject:
    writer = store.writer(EDITOR, project)
    for start in range(0, len(content), 300_000):
        await writer.write(content[start : start + 300_000])
    return await writer.commit()


async def read(store: LocalObjectStore, key: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in await store.read(EDITOR, key, offset, length)])


def unfinished(folder: Path) -> list[Path]:
    return [path for path in (folder / ".incoming").rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
async def test_what_was_written_is_read(store: LocalObjectStore, size: int) -> None:
    content = os.urandom(size)
    made = await stored(store, content)
    assert made.sha256 == hashlib.sha256(content).hexdigest() and made.size == size
    assert made.key == f"{PROJECT}/{made.sha256}"
    assert await read(store, made.key) == content
    assert await read(store, made.key, 10, 5) == content[10:15]
    assert await read(store, made.key, size) == b""
    assert (await store.local_path(EDITOR, made.key)).read_bytes() == content


async def test_nothing_is_seen_before_the_commit(store: LocalObjectStore, folder: Path) -> None:
    writer = store.writer(EDITOR, PROJECT)
    await writer.write(b"x" * 2_000_000)
    sealed = await writer.seal()
    assert sealed.sha256 == hashlib.sha256(b"x" * 2_000_000).hexdigest() and sealed.size == 2_000_000
    assert sealed.path.read_bytes() == b"x" * 2_000_000
    key = f"{PROJECT}/{sealed.sha256}"
    with pytest.raises(NotFound):
        await store.local_path(EDITOR, key)
    assert (await writer.commit()).key == key
    assert unfinished(folder) == []
    await writer.abort()
    assert len(await read(store, key)) == 2_000_000


async def test_an_aborted_object_leaves_nothing_and_takes_no_more(
    store: LocalObjectStore, folder: Path
) -> None:
    writer = store.writer(EDITOR, PROJECT)
    await writer.write(b"x" * 2_000_000)
    await writer.abort()
    await writer.abort()
    assert unfinished(folder) == []
    with pytest.raises(InsighterError):
        await writer.write(b"x" * 2_000_000)
    with pytest.raises(InsighterError):
        await writer.commit()
    assert unfinished(folder) == []


async def test_a_write_that_is_cancelled_can_be_aborted(store: LocalObjectStore, folder: Path) -> None:
    for delay in (0, 0.001, 0.005):
        writer = store.writer(EDITOR, PROJECT)
        task = asyncio.create_task(writer.write(os.urandom(20_000_000)))
        await asyncio.sleep(delay)
        task.cancel()
        await writer.abort()
    assert unfinished(folder) == []


async def test_the_same_content_is_one_object_and_projects_are_apart(store: LocalObjectStore) -> None:
    other = uuid4()
    first, second, third = [
        await stored(store, b"same"),
        await stored(store, b"same"),
        await stored(store, b"same", other),
    ]
    assert first == second and first.key != third.key
    assert await store.delete_project(EDITOR, PROJECT) == Freed(1, 4)
    with pytest.raises(NotFound):
        await read(store, first.key)
    assert await read(store, third.key) == b"same"


async def test_writers_at_the_same_time_do_not_disturb_each_other(store: LocalObjectStore) -> None:
    contents = [bytes([index]) * 1_500_000 for index in range(6)] + [b"same" * 500_000] * 3
    made = await asyncio.gather(*(stored(store, content) for content in contents))
    assert [await read(store, item.key) for item in made] == contents


async def test_a_file_of_the_scratch_folder_becomes_an_object(store: LocalObjectStore) -> None:
    path = store.scratch() / "table"
    path.write_bytes(b"rows")
    made = await store.put(EDITOR, PROJECT, path)
    assert await read(store, made.key) == b"rows" and not path.exists()


async def test_delete_frees_and_spares_what_was_stored_again(store: LocalObjectStore, folder: Path) -> None:
    made = await stored(store, b"content")
    assert await store.delete(EDITOR, [made.key], datetime.now(UTC) - timedelta(minutes=1)) == Freed()
    assert await read(store, made.key) == b"content"
    assert await store.delete(EDITOR, [made.key], datetime.now(UTC) + timedelta(minutes=1)) == Freed(1, 7)
    with pytest.raises(NotFound):
        await read(store, made.key)
    assert await store.delete(EDITOR, [made.key], datetime.now(UTC)) == Freed()
    assert unfinished(folder) == []


async def test_a_sweep_takes_what_nothing_names_and_spares_what_is_new(
    store: LocalObjectStore, folder: Path
) -> None:
    named, lost, new = [await stored(store, content) for content in (b"named", b"lost", b"new")]
    (folder / str(PROJECT) / "no object").write_text("somebody's own")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for made in (named, lost):
        os.utime(await store.local_path(EDITOR, made.key), (0, yesterday.timestamp() - 60))
    asked: list[str] = []

    def orphaned(keys: list[str]) -> list[str]:
        asked.extend(keys)
        return [key for key in keys if key != named.key]

    assert await asyncio.to_thread(store.sweep, orphaned, yesterday) == len(b"lost")
    assert sorted(asked) == sorted([named.key, lost.key]), "what is new is not even asked about"
    assert await read(store, named.key) == b"named" and await read(store, new.key) == b"new"
    with pytest.raises(NotFound):
        await store.local_path(EDITOR, lost.key)
    assert (folder / str(PROJECT) / "no object").exists()


async def test_what_is_stored_again_during_a_sweep_is_spared(store: LocalObjectStore) -> None:
    lost = await stored(store, b"lost and found")
    path = await store.local_path(EDITOR, lost.key)
    os.utime(path, (0, 0))

    def orphaned(keys: list[str]) -> list[str]:
        os.utime(path)  # somebody uploads the same in this moment
        return keys

    assert store.sweep(orphaned, datetime.now(UTC) - timedelta(days=1)) == 0
    assert await read(store, lost.key) == b"lost and found"


@pytest.mark.parametrize(
    "key",
    ["", "..", "../../etc/passwd", f"{PROJECT}/../x", f"{PROJECT}/{'0' * 63}/", f"{PROJECT}/{'A' * 64}"],
)
async def test_no_key_leads_out_of_the_store(store: LocalObjectStore, key: str) -> None:
    with pytest.raises(NotFound):
        await store.local_path(EDITOR, key)
    with pytest.raises(NotFound):
        await store.delete(EDITOR, [key], datetime.now(UTC))


async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """The limit on a process's file size is as near to a full disk as a test gets without one."""
    script = """
import asyncio, resource, signal, sys
from pathlib import Path
from uuid import uuid4
from insighter_ext.errors import Unavailable
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from tests.permissive import EDITOR, Permissive
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
async def main():
    store = LocalObjectStore(Path(sys.argv[1]), Permissive())
    writer = store.writer(EDITOR, uuid4())
    try:
        for _ in range(5):
            await writer.write(bytes(1_000_001))
    except Unavailable as error:
        await writer.abort()
        print(error.code, error.hint)
    left = [path for path in Path(sys.argv[1]).rglob("*") if path.is_file() and path.name != ".lock"]
    print("left", len(left))
asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(tmp_path / "o")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "storage_failed" in done.stdout and "left 0" in done.stdout


def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(folder: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from uuid import uuid4
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from tests.permissive import EDITOR, Permissive
async def main():
    writer = LocalObjectStore(Path(sys.argv[1]), Permissive()).writer(EDITOR, uuid4())
    await writer.write(bytes(2_000_000))
    print("ready", flush=True)
    sys.stdin.read()
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        asyncio.run(LocalObjectStore(folder, Permissive()).close())
        assert len(unfinished(folder)) == 1
        process.send_signal(signal.SIGKILL)
    store = LocalObjectStore(folder, Permissive())
    assert unfinished(folder) == []
    assert list((folder / ".incoming").iterdir()) == [store.scratch()]
    asyncio.run(store.close())
    assert list((folder / ".incoming").iterdir()) == []


def test_only_its_owner_reads_the_store(store: LocalObjectStore, folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0


def test_a_store_that_cannot_be_written_says_so(store: LocalObjectStore, folder: Path) -> None:
    asyncio.run(store.close())
    with pytest.raises(Unavailable, match="could not be stored"):
        store.writer(EDITOR, PROJECT)
