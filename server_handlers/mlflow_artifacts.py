"""MLflow's artifact transfer: files stream between the client and the object store."""

from __future__ import annotations

import mimetypes
import re
from urllib.parse import quote

from tornado import web

from insighter_ext.errors import InsighterError
from insighter_ext.tracking.artifacts import Content, Location
from server_handlers.mlflow import Protocol
from server_handlers.streaming import AnsweredRefusal, Upload

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)

# What a browser would run as a page of ours, were it not sent as a download.
_PAGES = re.compile(r"(text|application)/(.*\+)?(html|xml|javascript|xhtml)\b.*")


async def send_file(handler: Protocol, location: Location, media_type: str | None = None) -> None:
    """Answer with a file, or the part of it that the request's ``Range`` names.

    Args:
        handler: of a GET.
        location: of the file.
        media_type: where it is not to be told from the file's name.
    """
    await send_content(
        handler, await handler.platform.tracking.files.find(handler.principal, location), media_type
    )


async def send_content(handler: Protocol, content: Content, media_type: str | None = None) -> None:
    """The same, of a file that was found already."""
    name = content.location.name
    tag = f'"{content.sha256}"'
    handler.set_header("ETag", tag)
    handler.set_header("Accept-Ranges", "bytes")
    handler.set_header("Cache-Control", "private, no-cache")
    handler.set_header("Content-Type", media_type or media_type_of(name))
    # Whatever a file says it is, it does nothing in the name of whoever looks at it.
    handler.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
    if handler.request.headers.get("If-None-Match") == tag:
        handler.set_status(304)
        return
    offset, length = 0, content.size
    match = _RANGE.fullmatch(handler.request.headers.get("Range", "").strip())
    if match and match.group() != "bytes=-" and handler.request.headers.get("If-Range", tag) == tag:
        span = _span(match[1], match[2], content.size)
        if span is None:
            handler.set_header("Content-Range", f"bytes */{content.size}")
            handler.set_status(416)
            return
        offset, length = span
        handler.set_header("Content-Range", f"bytes {offset}-{offset + length - 1}/{content.size}")
        handler.set_status(206)
    handler.set_header("Content-Length", str(length))
    if length == 0 or handler.request.method == "HEAD":
        return
    async for chunk in await handler.platform.tracking.files.read(handler.principal, content, offset, length):
        handler.write(chunk)
        await handler.flush()


def _span(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Offset and length of a range of bytes; None where it has no byte of the file."""
    if first == "":
        length = min(int(last), size)
        return (size - length, length) if length else None
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end - start + 1) if start <= end else None


def media_type_of(name: str) -> str:
    """What MLflow's pages need to know of a file to show it: pages and scripts are text to them."""
    found = mimetypes.guess_type(name)[0]
    if found == "image/svg+xml":
        return found
    if name == "MLmodel" or name.rpartition(".")[2].lower() in _TEXTS or (found and _PAGES.fullmatch(found)):
        return "text/plain; charset=utf-8"
    return found or "application/octet-stream"


_TEXTS = frozenset({
    *("txt", "log", "err", "cfg", "conf", "ini", "properties", "toml", "yaml", "yml", "xml", "json", "js"),
    *("py", "csv", "tsv", "md", "rst", "ipynb", "html", "htm"),
})  # fmt: skip


class ArtifactListHandler(Protocol):
    """Folders."""

    async def get(self) -> None:
        """What lies directly in a folder."""
        location = Location.parse(self.get_query_argument("path", "", strip=False))
        self.answer({"files": await self.platform.tracking.files.list(self.principal, location)})


@web.stream_request_body
class ArtifactsHandler(AnsweredRefusal, Protocol):
    """Files."""

    _upload: Upload | None = None

    @property
    def _location(self) -> Location:
        return Location.parse(self.path_args[0])

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Check everything that can be checked before the first byte is taken."""
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
            self.raise_refusal()
            if self.request.method == "PUT":
                writer = await self.platform.tracking.files.begin(self.principal, self._location)
                self._upload = Upload(self.request, writer, self.platform.settings.max_upload_bytes)
        except (InsighterError, web.HTTPError) as error:
            self.refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body."""
        if self._upload is not None:
            await self._upload.receive(chunk)

    async def put(self, path: str) -> None:
        """The file is complete: name it."""
        self.raise_refusal()
        assert self._upload is not None
        stored = await self._upload.finish()
        await self.platform.tracking.files.put(self.principal, self._location, stored)
        self.answer({})

    async def get(self, path: str) -> None:
        """A file; never shown in the browser, where a page among the artifacts could act as its reader."""
        self.raise_refusal()
        await send_file(self, self._location, "application/octet-stream")

    async def head(self, path: str) -> None:
        """What is known of a file: its size, and in ``ETag`` its SHA-256."""
        self.raise_refusal()
        await send_file(self, self._location, "application/octet-stream")

    async def delete(self, path: str) -> None:
        """Delete a file or a folder."""
        self.raise_refusal()
        await self.platform.tracking.files.delete(self.principal, self._location)
        self.answer({})

    def on_connection_close(self) -> None:
        """The client went away in the middle: nothing of it stays."""
        super().on_connection_close()
        self._discard()

    def on_finish(self) -> None:
        """Whatever happened, no temporary file stays."""
        super().on_finish()
        self._discard()

    def _discard(self) -> None:
        if self._upload is not None:
            self._upload.discard()


BELOW_API: list[tuple[str, type[Protocol]]] = [
    (r"/2\.0/mlflow-artifacts/artifacts", ArtifactListHandler),
    (r"/2\.0/mlflow-artifacts/artifacts/(.*)", ArtifactsHandler),
]
