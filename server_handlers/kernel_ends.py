"""Notices how each kernel ends, so that the runs it leaves behind can say so.

Once a second it looks whether the processes live and how much memory they have: when one was killed, nobody else can
tell any more whether memory had run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from insighter_ext.tracking.endings import RESTARTED, SHUT_DOWN, Ending, judge
from insighter_ext.tracking.memory import Watch

log = logging.getLogger("insighter.kernels")

_SECONDS = 1.0


class _Seen:
    """A kernel's process of now; its next one, after a restart, is another."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self.told = False
        self.memory = Watch(process.pid)

    def ending(self) -> Ending | None:
        """How it ended by itself; None as long as it lives, or where that was told."""
        code = self.process.poll()
        if code is None or self.told:
            return None
        self.told = True
        return judge(code, self.memory.traces())


class KernelEnds:
    """Watches the kernels of a kernel manager.

    Args:
        manager: the server's kernel manager.
        ended: is told a kernel's id and how its process ended, where the kernel itself goes on with another.
    """

    def __init__(self, manager: Any, ended: Callable[[str, Ending], None]) -> None:
        self._manager = manager
        self._ended = ended
        self._seen: dict[str, _Seen | None] = {}
        self._asked: dict[str, Ending] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, kernel_id: str) -> None:
        """From now on, until :meth:`forget`."""
        self._seen[kernel_id] = self._look(kernel_id)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._watch())

    @contextlib.contextmanager
    def asked(self, kernel_id: str, ending: Ending = SHUT_DOWN) -> Any:
        """While somebody has a kernel end, its end is no riddle; one that ended before is told first."""
        self._check(kernel_id)
        self._asked[kernel_id] = ending
        try:
            yield
        finally:
            self._asked.pop(kernel_id, None)

    def restarted(self, kernel_id: str) -> None:
        """Somebody had it restarted."""
        if kernel_id in self._seen:
            self._ended(kernel_id, RESTARTED)
            self._seen[kernel_id] = self._look(kernel_id)

    def forget(self, kernel_id: str) -> Ending:
        """It is removed: how it ended."""
        seen = self._seen.pop(kernel_id, None)
        by_itself = seen.ending() if seen is not None and kernel_id not in self._asked else None
        return by_itself or self._asked.get(kernel_id, SHUT_DOWN)

    async def close(self) -> None:
        """Stop looking."""
        self._seen.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _watch(self) -> None:
        while self._seen:
            await asyncio.sleep(_SECONDS)
            for kernel_id in list(self._seen):
                try:
                    self._check(kernel_id)
                except Exception as error:  # noqa: BLE001 - the other kernels are looked at all the same
                    log.warning("how kernel %s is doing is not known: %s", kernel_id, error)

    def _check(self, kernel_id: str) -> None:
        seen = self._seen.get(kernel_id)
        if kernel_id in self._asked or kernel_id not in self._seen:
            return
        if seen is not None:
            ending = seen.ending()
            if ending is not None:
                log.warning("kernel %s ended: %s", kernel_id, ending.detail)
                self._ended(kernel_id, ending)
            elif not seen.told:
                seen.memory.look()
                return
        # Jupyter may have begun another process in its place.
        now = self._process(kernel_id)
        if now is not None and (seen is None or now is not seen.process):
            self._seen[kernel_id] = self._look(kernel_id)

    def _look(self, kernel_id: str) -> _Seen | None:
        process = self._process(kernel_id)
        return _Seen(process) if process is not None else None

    def _process(self, kernel_id: str) -> Any:
        """The kernel's process; None where it is none of this machine."""
        if kernel_id not in self._manager:
            return None
        provisioner = getattr(self._manager.get_kernel(kernel_id), "provisioner", None)
        process = getattr(provisioner, "process", None)
        return process if hasattr(process, "poll") and hasattr(process, "pid") else None
