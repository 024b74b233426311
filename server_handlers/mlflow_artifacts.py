"""MLflow's artifact transfer: files stream between the client and the object store."""

from __future__ import annotations

from urllib.parse import quote

from tornado import web

from insighter_ext.errors import InsighterError
from insighter_ext.tracking.artifacts import Location
from server_handlers.mlflow import Protocol
from server_handlers.streaming import AnsweredRefusal, Upload


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
        content = await self.platform.tracking.files.open(self.principal, self._location)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(content.size))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(content.name, safe='')}")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("ETag", f'"{content.sha256}"')
        async for chunk in content.chunks:
            self.write(chunk)
            await self.flush()

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
