"""The port to wake-ups: that something happened in a project, and nothing of what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class WakeSource(Protocol):
    """Tells when to look into a project again. It may tell too often, and after a gap it tells of everything."""

    def start(self, wake: Callable[[str | None], None]) -> None:
        """Begin.

        Args:
            wake: is called on the event loop with a project's id, or with what else the database calls by (see the
                triggers that notify), or with None: look everywhere.
        """
        ...

    async def close(self) -> None:
        """End."""
        ...
