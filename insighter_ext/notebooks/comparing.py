"""The server's side of the processes that compare notebooks: what one does with them harms only itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import insighter_ext
from insighter_ext.errors import Timeout, Unavailable

log = logging.getLogger("insighter.notebooks")

_PACKAGE = Path(insighter_ext.__file__).parents[1]
_SECONDS = 30.0
_MEMORY = 2 * 1024**3
_AT_ONCE = 2


class Comparer:
    """Compares notebooks, a few pairs at the same time, each in a process of its own."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def compare(self, before: Path, after: Path) -> list[dict[str, Any]]:
        """What became of each cell, as ``CellDiff`` of the API.

        Raises:
            Timeout: it takes too long.
            Unavailable: the process died.
        """
        async with self._slots:
            process = await _start(before, after)
            try:
                answer, said = await asyncio.wait_for(process.communicate(), _SECONDS)
            except TimeoutError:
                raise Timeout(
                    "the two versions take too long to compare", hint="download both and compare them"
                ) from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await asyncio.shield(process.wait())
        if process.returncode != 0:
            log.error("a comparison ended with %d:\n%s", process.returncode, said.decode(errors="replace"))
            raise Unavailable(
                "comparing the two versions failed",
                code="comparison_failed",
                hint="the server's log tells more",
            )
        cells: list[dict[str, Any]] = json.loads(answer)
        return cells


async def _start(before: Path, after: Path) -> asyncio.subprocess.Process:
    """Neither the current folder's modules nor the server's secrets come with it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "insighter_ext.notebooks.compare",
        str(before),
        str(after),
        str(_MEMORY),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "PYTHONPATH": str(_PACKAGE), "PYTHONUTF8": "1"},
    )
