"""Wake-ups from the embedded PostgreSQL: one connection that listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from insighter_ext.gateways.tasks import end

log = logging.getLogger("insighter.bus")

CHANNEL = "insighter"
_WAIT = 0.2
_LONGEST_WAIT = 5.0


class ListeningWakeSource:
    """Listens on a connection of its own, and connects again when it is lost: then everybody looks, as nobody
    knows what was missed.

    Args:
        postgres: the cluster.
        database: its name.
    """

    def __init__(self, postgres: EmbeddedPostgres, database: str) -> None:
        self._postgres = postgres
        self._database = database
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
        import psycopg

        wait = _WAIT
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    **self._postgres.conninfo(API_ROLE, self._database), autocommit=True
                )
                async with connection:
                    await connection.execute(f"listen {CHANNEL}")
                    wait = _WAIT
                    wake(None)
                    async for notify in connection.notifies():
                        wake(notify.payload)
            except (psycopg.Error, OSError) as error:
                log.warning("the channel to the database was lost: %s", error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
            try:
                await asyncio.to_thread(self._postgres.ensure_running)
            except Exception as error:  # noqa: BLE001 - the next attempt may do better
                log.warning("the database does not start: %s", error)
