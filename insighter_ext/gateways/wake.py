"""The port to wake-ups: that something happened in a project or for a person, and nothing of what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class WakeSource(Protocol):
    """Tells when to look again. It may tell too often, and after a gap it tells of everything."""

    def start(self, wake: Callable[[str | None], None]) -> None:
        """Begin.

        Args:
            wake: is called on the event loop with a project's or a person's id, and behind a blank the topic where
                only who hears that one need look; with what else the database calls by (see the triggers that notify);
                or with None: everybody is to look.
        """
        ...

    async def close(self) -> None:
        """End."""
        ...
