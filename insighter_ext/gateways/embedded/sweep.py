"""What a killed server stored and never named is removed, some time later.

An object is stored before the row that names it is written; a server that is killed in between leaves it behind. Once a
day objects of the day before are looked at, and those that no row names go; with them what such servers left of exports
and imports. The database is asked as its owner, because
nobody's permissions cover everybody's objects.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from insighter_ext.gateways.embedded.objects import LocalObjectStore
from insighter_ext.gateways.tasks import end

if TYPE_CHECKING:
    from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres

log = logging.getLogger("insighter.objects")

_FIRST_SECONDS = 300.0  # a server that starts has better things to do
_DAY = timedelta(days=1)


class Sweep:
    """Runs in the background from :meth:`open` to :meth:`close`."""

    def __init__(self, objects: LocalObjectStore, postgres: EmbeddedPostgres) -> None:
        self._objects = objects
        self._postgres = postgres
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.ensure_future(self._daily())

    async def close(self) -> None:
        """Stop, in the middle of a sweep too."""
        self._stop.set()
        await end(self._task)

    async def _daily(self) -> None:
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            try:
                await asyncio.to_thread(self.run)
            except Exception:
                log.warning("objects without an owner stay behind until tomorrow", exc_info=True)
            await asyncio.sleep(_DAY.total_seconds())

    def run(self) -> int:
        """Sweep now, in this thread; returns how many bytes were freed."""
        import psycopg

        with psycopg.connect(**self._postgres.conninfo(), autocommit=True) as connection:

            def orphaned(keys: list[str]) -> list[str]:
                if self._stop.is_set():
                    return []
                row = connection.execute("select private.objects_orphaned(%s)", [keys]).fetchone()
                return list(row[0]) if row else []

            connection.execute("delete from insighter.archives a where private.archive_lost(a)")
            freed = self._objects.sweep(orphaned, datetime.now(UTC) - _DAY)
        if freed:
            log.info("removed %d bytes that nothing needs", freed)
        return freed
