"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

_PATIENCE = 1.0


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they have ended; what they raise is theirs alone.

    They are asked again until they do: a cancellation that meets the end of a database call can be lost in the driver,
    and a task that goes round for ever would then go round for ever.
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PATIENCE)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
