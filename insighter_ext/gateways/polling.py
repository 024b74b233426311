"""Wake-ups by the clock, where the database cannot call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from insighter_ext.gateways.tasks import end


class PollingWakeSource:
    """Lets everybody look every so often.

    Args:
        seconds: between two looks.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self, wake: Callable[[str | None], None]) -> None:
        """See :class:`insighter_ext.gateways.wake.WakeSource`."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(wake))

    async def close(self) -> None:
        """See :class:`insighter_ext.gateways.wake.WakeSource`."""
        task, self._task = self._task, None
        await end(task)

    async def _run(self, wake: Callable[[str | None], None]) -> None:
        while True:
            wake(None)
            await asyncio.sleep(self._seconds)
