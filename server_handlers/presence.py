"""Who has a project open: asked for over HTTP, and kept and told by the WebSocket of each open page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from tornado.websocket import WebSocketClosedError

from insighter_ext.errors import InsighterError, NotFound
from insighter_ext.presence.models import Presence
from server_handlers.base import ApiHandler, operation

if TYPE_CHECKING:
    from insighter_ext.platform import Platform
    from insighter_ext.principal import Principal

log = logging.getLogger("insighter.presence")

_AGAIN_SECONDS = 30.0
"""A page is said to be there this often."""


class PresenceHandler(ApiHandler):
    """Who is there."""

    path, tag = "/projects/{project_id:uuid}/presence", "presence"

    @operation("Who has the project open now", returns=Presence, errors=(404,))
    async def get(self, project_id: UUID) -> Presence:
        return await self.platform.presence.list(self.principal, project_id)


class OpenPage:
    """A page that has a project open, for as long as its connection lasts.

    Args:
        tell: sends a text to the page.
        away: whether nobody looks at it.
    """

    def __init__(
        self,
        platform: Platform,
        principal: Principal,
        project_id: UUID,
        tell: Callable[[str], Awaitable[None]],
        away: bool,
    ) -> None:
        self._presence = platform.presence
        self._who = (principal, project_id)
        self._tell = tell
        self._away = away
        self._connection = uuid4()
        self._moved = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._stay()), asyncio.ensure_future(self._watch())]

    def look(self, away: bool) -> None:
        """Whether nobody looks at the page."""
        self._away = away
        self._moved.set()

    def close(self) -> None:
        """The connection is gone."""
        for task in self._tasks:
            task.cancel()

    async def _stay(self) -> None:
        try:
            while True:
                self._moved.clear()
                with contextlib.suppress(
                    InsighterError
                ):  # what the database does not know now it learns next time
                    await self._presence.enter(*self._who, self._connection, self._away)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN_SECONDS):
                        await self._moved.wait()
        finally:
            # Here, where nothing that was said before can come after it.
            leaving = asyncio.ensure_future(self._presence.leave(*self._who, self._connection))
            leaving.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(leaving)

    async def _watch(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._presence.follow(*self._who)) as seen:
                    async for presence in seen:
                        await self._tell(json.dumps({"present": presence.model_dump(mode="json")["items"]}))
            except (NotFound, WebSocketClosedError):
                return
            except InsighterError:
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                log.exception("a page does not learn any more who else is there")
                return


HANDLERS = [PresenceHandler]
