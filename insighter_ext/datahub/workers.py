"""The server's side of the worker processes that read files: a damaged or huge file harms only them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import insighter_ext
from insighter_ext.errors import InsighterError, Invalid, Timeout, Unavailable

log = logging.getLogger("insighter.datahub")

_PACKAGE = Path(insighter_ext.__file__).parents[1]
_PAGE_SECONDS = 30.0
_IDLE_SECONDS = 300.0
_LONGEST_ANSWER = 256 << 20


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file turned out to be."""

    format: str
    columns: list[dict[str, str]]
    rows: int
    table: Path | None
    """its rows as Parquet; None when the file itself is Parquet"""


class Inspector:
    """Reads uploaded files, a few at the same time, each in a process of its own.

    Args:
        scratch: a folder for tables in the making.
        memory: bytes that one may use.
        at_once: how many.
    """

    def __init__(self, scratch: Path, memory: int, at_once: int) -> None:
        self._scratch = scratch
        self._memory = memory
        self._slots = asyncio.Semaphore(max(1, at_once))

    @contextlib.asynccontextmanager
    async def inspect(self, path: Path) -> AsyncIterator[Inspection]:
        """Read a file to its end. What was written on the way is there until the context is left.

        Cancelling it ends the worker.

        Raises:
            Invalid: the file is no table, with the reason in words.
            Unavailable: the worker died.
        """
        async with self._slots:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._scratch))
            try:
                found = await self._run(path, folder)
                yield Inspection(
                    found["format"],
                    found["columns"],
                    found["rows"],
                    Path(found["table"]) if found["table"] else None,
                )
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))

    async def _run(self, path: Path, folder: Path) -> dict[str, Any]:
        process = await _start("insighter_ext.datahub.inspect", str(path), str(folder), str(self._memory))
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            answer, said = await asyncio.gather(process.stdout.read(), process.stderr.read())
            await process.wait()
        finally:
            await _end(process)
        if process.returncode != 0:
            raise _died(process.returncode or 0, said.decode(errors="replace"))
        found: dict[str, Any] = json.loads(answer)
        if refused := found.get("refused"):
            raise Invalid(
                refused["message"], code=refused["code"], hint=refused["hint"], details=refused["details"]
            )
        return found


class PageReader:
    """Reads pages of Parquet tables in one process, which starts with the first page and ends when idle."""

    def __init__(self) -> None:
        self._worker: _PageWorker | None = None
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def page(self, path: Path, offset: int, limit: int) -> list[list[Any]]:
        """Rows ``offset`` to ``offset + limit`` as JSON values.

        Raises:
            Timeout: it takes too long.
            Unavailable: the table cannot be read.
        """
        asked: dict[str, Any] = {"path": str(path), "offset": offset, "limit": limit}
        for attempt in range(2):
            async with self._starting:
                if self._worker is None or self._worker.gone:
                    self._worker = _PageWorker(await _start("insighter_ext.datahub.pages"))
                worker = self._worker
            try:
                return await asyncio.wait_for(worker.ask(asked), _PAGE_SECONDS)
            except TimeoutError:
                await worker.close()
                raise Timeout(
                    "the page takes too long to read", hint="ask for fewer rows, or download the version"
                ) from None
            except ConnectionError:
                log.warning("the process that reads pages ended (attempt %d)", attempt + 1)
                await worker.close()
            finally:
                self._rest_later()
        raise _page_failed()

    def _rest_later(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        if self._worker is not None and not self._worker.waiting:
            self._worker.dismiss()
            self._worker = None

    async def close(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()


class _PageWorker:
    """A running process, and who waits for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.waiting: dict[int, asyncio.Future[list[list[Any]]]] = {}
        self.gone = False
        self._process = process
        self._ids = itertools.count()
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, asked: dict[str, Any]) -> list[list[Any]]:
        """Send a request and wait for its rows.

        Raises:
            ConnectionError: the process ended.
            Unavailable: the table cannot be read.
        """
        number = next(self._ids)
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        try:
            if self.gone:
                raise BrokenPipeError
            self._process.stdin.write(json.dumps({"id": number, **asked}).encode() + b"\n")
            await self._process.stdin.drain()
            rows: list[list[Any]] = await answer
            return rows
        finally:
            self.waiting.pop(number, None)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                answer = json.loads(line)
                waiting = self.waiting.get(answer["id"])
                if waiting is None or waiting.done():
                    continue  # whoever asked has gone
                if "rows" in answer:
                    waiting.set_result(answer["rows"])
                else:
                    log.error("a page could not be read: %s", answer["error"])
                    waiting.set_exception(_page_failed())
        finally:
            self.gone = True
            for waiting in self.waiting.values():
                if not waiting.done():
                    waiting.set_exception(BrokenPipeError())

    def dismiss(self) -> None:
        """Let it end by itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def close(self) -> None:
        """End it now."""
        await _end(self._process)
        await asyncio.wait([self._listening])


async def _start(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a module of ours. Neither the current folder's modules nor the server's secrets come with it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None if module.endswith("pages") else asyncio.subprocess.PIPE,
        env={**environment, "PYTHONPATH": str(_PACKAGE), "PYTHONUTF8": "1"},
        limit=_LONGEST_ANSWER,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    if process.stdin is not None:
        process.stdin.close()


def _died(code: int, said: str) -> InsighterError:
    if "OSError" in said or "No space left" in said:
        log.error("an inspection failed:\n%s", said)
        return Unavailable(
            "the file could not be read: the disk is full or fails",
            code="storage_failed",
            hint="free some space on the disk of the data folder, then upload it again",
        )
    log.error("an inspection ended with %d:\n%s", code, said)
    return Unavailable(
        "reading the file ended unexpectedly; probably the machine ran out of memory"
        if code < 0
        else "reading the file failed",
        code="inspection_failed",
        hint="nothing was added. Upload it as Parquet, or split it; the server's log tells more",
    )


def _page_failed() -> InsighterError:
    return Unavailable("reading the page failed", code="page_failed", hint="the server's log tells more")
