"""Routes of the bus: asked for over HTTP by programs, followed over a WebSocket by panels."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

from jupyter_server.base.websocket import WebSocketMixin
from pydantic import ValidationError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from insighter_ext.bus.models import Batch, BusQuery, Latest, Listen, Message, MessageCreate, topics_of
from insighter_ext.bus.service import Topics
from insighter_ext.errors import InsighterError, NotFound, Unauthenticated
from server_handlers.base import API, ApiHandler, PlatformHandler, operation
from server_handlers.presence import OpenPage
from server_handlers.principals import principal_of

log = logging.getLogger("insighter.bus")

_SIGNED_OUT = 4401
_GONE = 4404
_REFUSED = 4422
_FAILED = 4500

_LOOK_SECONDS = 15.0
"""A listener's credential is looked at this often: one that was revoked hears nothing more."""


class BusHandler(ApiHandler):
    """A project's messages."""

    path, tag = "/projects/{project_id:uuid}/bus", "bus"

    @operation(
        "Messages after a position, oldest first; waits for one when asked to",
        query=BusQuery,
        returns=Batch,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, query: BusQuery) -> Batch:
        reading = asyncio.ensure_future(
            self.platform.bus.read(
                self.principal, project_id, query.after, topics_of(query.topics), query.limit, query.wait
            )
        )
        self._reading = reading
        return await reading

    @operation(
        "Publish a message", body=MessageCreate, returns=Message, status=201, errors=(403, 404, 413, 422)
    )
    async def post(self, project_id: UUID, body: MessageCreate) -> Message:
        return await self.platform.bus.publish(self.principal, project_id, body)

    def on_connection_close(self) -> None:
        """Whoever asked is gone: nobody waits for them."""
        reading = getattr(self, "_reading", None)
        if reading is not None:
            reading.cancel()
        super().on_connection_close()


class BusTopicHandler(ApiHandler):
    """One topic."""

    path, tag = "/projects/{project_id:uuid}/bus/topics/{topic}", "bus"

    @operation("The newest durable message of a topic", returns=Latest, errors=(404,))
    async def get(self, project_id: UUID, topic: str) -> Latest:
        return Latest(message=await self.platform.bus.latest(self.principal, project_id, topic))


class BusSocket(WebSocketMixin, WebSocketHandler, PlatformHandler):
    """``/projects/{id}/bus/socket?after=&topics=&presence=``: batches as they come, as JSON.

    With ``presence=here`` or ``presence=away`` it is the connection of a page that has the project open: its person is
    told to the others, and the others to it, as ``{"present": […]}``.

    It is closed with 4404 when the project is not to be seen any more, with 4401 when the credential ended. After any
    other end the client goes on at the last cursor it has.

    A listener may say ``{"topics": […]}``: these are heard from then on. The answer is a batch that names them. A page
    says ``{"away": true}`` when nobody looks at it any more.
    """

    route_path: ClassVar[str] = API + r"/projects/([^/]+)/bus/socket"

    _page: OpenPage | None = None

    @property
    def max_message_size(self) -> int:
        """Names of topics need no more; Jupyter's own limit is for kernels."""
        return 65_536

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade."""
        await super().get(*args, **kwargs)

    async def open(self, project_id: str) -> None:
        """Follow."""
        super().open()
        try:
            project = UUID(project_id)
        except ValueError:
            self.close(_GONE, "project_not_found")
            return
        query = {name: values[-1] for name, values in parse_qs(self.request.query).items()}
        self._topics = Topics(topics_of(query.get("topics")))
        self._following = asyncio.ensure_future(self._follow(project, query.get("after")))
        self._watching = asyncio.ensure_future(self._watch())
        presence = query.get("presence")
        if presence in {"here", "away"}:
            self._page = OpenPage(
                self.platform, self.principal, project, self.write_message, presence == "away"
            )

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                credential = self._credential()
                if credential is not None:
                    await self._resolve(credential)
                elif await principal_of(self, self.platform) is None:
                    self.close(_SIGNED_OUT, "sign_in_required")
            except Unauthenticated as error:
                self.close(_SIGNED_OUT, error.code)
            except InsighterError:
                pass  # the database does not answer: nobody hears anything, and the next look will tell

    async def _follow(self, project_id: UUID, after: str | None) -> None:
        try:
            async with contextlib.aclosing(
                self.platform.bus.subscribe(self.principal, project_id, after, self._topics)
            ) as batches:
                async for batch in batches:
                    # Waits until it is sent: a slow reader reads the database more slowly, and nothing piles up.
                    await self.write_message(batch.model_dump_json())
        except WebSocketClosedError:
            pass
        except NotFound as error:
            self.close(_GONE, error.code)
        except InsighterError as error:
            self.close(_FAILED, error.code)
        except Exception:
            log.exception("a listener of the bus was lost")
            self.close(_FAILED, "internal")

    def on_message(self, message: str | bytes) -> None:
        """Other topics are to be heard, or a page is looked at again, or not any more."""
        try:
            said = Listen.model_validate_json(message)
        except ValidationError:
            self.close(_REFUSED, "invalid_message")
            return
        topics = getattr(self, "_topics", None)
        if topics is not None and said.topics is not None:
            topics.change(said.topics)
        if self._page is not None and said.away is not None:
            self._page.look(said.away)

    def on_close(self) -> None:
        """Stop following."""
        for task in ("_following", "_watching"):
            running = getattr(self, task, None)
            if running is not None:
                running.cancel()
        if self._page is not None:
            self._page.close()
        super().on_close()


HANDLERS = [BusHandler, BusTopicHandler]
ROUTES = [(BusSocket.route_path, BusSocket)]
