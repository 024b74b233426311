"""Bodies that are too large for memory, from the socket into an object writer."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado import web
from tornado.httputil import HTTPServerRequest

from insighter_ext.errors import BadRequest, InsighterError, TooLarge
from insighter_ext.gateways import ObjectWriter, StoredObject

# A connection that is closed while bytes are still coming is reset, and the answer is lost with it. So this much is
# read and thrown away before a refusal.
_DRAINED = 8 * 1024**2


class Upload:
    """A request body on its way into the object store.

    Args:
        request: its connection's body limit is lifted to ``limit``.
        writer: takes the bytes; it is aborted unless :meth:`finish` was reached.
        limit: most bytes to take.

    Raises:
        TooLarge: the request announces more than the limit.
    """

    def __init__(self, request: HTTPServerRequest, writer: ObjectWriter, limit: int) -> None:
        self._writer: ObjectWriter | None = writer
        self._limit = limit
        self._received = 0
        self._failure: InsighterError | None = None
        self._drained = 0
        announced = request.headers.get("Content-Length")
        self._announced = int(announced) if announced and announced.isdigit() else None
        if self._announced is not None and self._announced > limit:
            self.discard()
            raise self._too_large()
        request.connection.set_max_body_size(limit + 2 * _DRAINED)  # type: ignore[union-attr]

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the file is larger than {self._limit:,} bytes, the most this server takes",
            hint="raise c.InsighterApp.max_upload_bytes, or split the file",
        )

    async def receive(self, chunk: bytes) -> None:
        """Take a piece of the body.

        Raises:
            InsighterError: it cannot be taken. Not at once: when little more comes, :meth:`complete` says it.
        """
        self._received += len(chunk)
        if self._failure is None and self._writer is not None:
            try:
                if self._received > self._limit:
                    raise self._too_large()
                await self._writer.write(chunk)
            except InsighterError as error:
                self._failure = error
                self.discard()
        if self._failure is not None:
            self._drained += len(chunk)
            if self._drained > _DRAINED:
                raise self._failure

    def complete(self) -> ObjectWriter:
        """All bytes are here: give the writer away, which is the taker's to commit or abort.

        Raises:
            BadRequest: fewer bytes came than announced.
            InsighterError: what went wrong on the way.
        """
        if self._failure is not None:
            raise self._failure
        if self._writer is None:
            raise BadRequest("the upload was cut off", code="upload_incomplete", hint="upload the file again")
        if self._announced is not None and self._received != self._announced:
            self.discard()
            raise BadRequest(
                f"{self._received:,} of {self._announced:,} bytes arrived",
                code="upload_incomplete",
                hint="upload the file again",
            )
        writer, self._writer = self._writer, None
        return writer

    async def finish(self) -> StoredObject:
        """All bytes are here: make the object durable."""
        return await self.complete().commit()

    def discard(self) -> None:
        """Forget an upload that did not finish."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._aborting = asyncio.ensure_future(writer.abort())


class AnsweredRefusal:
    """For handlers with ``stream_request_body``: whoever is refused in ``prepare`` gets to read why.

    A small body is read to its end first, and the refusal raised after it.
    """

    request: HTTPServerRequest
    _refusal: Exception | None = None
    _closing = False

    def refuse(self, error: Exception) -> None:
        """To be called in ``prepare`` with what was raised there; raises it at once where the body is a large one."""
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) > _DRAINED:
            self._closing = True
            raise error
        self.request.connection.set_max_body_size(_DRAINED)  # type: ignore[union-attr]
        self._refusal = error

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """What is not UTF-8 is refused like everything else: after a small body was read."""
        try:
            return super().decode_argument(value, name)  # type: ignore[misc, no-any-return]
        except web.HTTPError as error:
            self._refusal = BadRequest(error.log_message or "not UTF-8")
            return ""

    def set_default_headers(self) -> None:
        """A connection whose body was not read is closed: the client must not send its next request there."""
        super().set_default_headers()  # type: ignore[misc]
        if self._closing:
            self.set_header("Connection", "close")  # type: ignore[attr-defined]

    def domain_error(self, status_code: int, kwargs: dict[str, Any]) -> InsighterError:
        """What was refused in ``prepare`` is told, whoever else refuses the same request before its verb."""
        if isinstance(self._refusal, InsighterError):
            return self._refusal
        return super().domain_error(status_code, kwargs)  # type: ignore[misc, no-any-return]

    def raise_refusal(self) -> None:
        """To be called first in every verb."""
        if self._refusal is not None:
            raise self._refusal
