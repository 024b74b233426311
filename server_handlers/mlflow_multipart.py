"""MLflow's upload of large artifacts in parts, and passes for downloads: to and from this server itself."""

from __future__ import annotations

import posixpath
import secrets
from typing import Any
from urllib.parse import quote

from jupyter_server.auth import User
from tornado import web

from insighter_ext.errors import InsighterError, Invalid
from insighter_ext.tracking.artifacts import Content, Location
from insighter_ext.tracking.multipart import PartWriter
from insighter_ext.tracking.protocol import Fields
from server_handlers.base import json_object
from server_handlers.mlflow import MLFLOW, Protocol
from server_handlers.mlflow_artifacts import send_content
from server_handlers.streaming import AnsweredRefusal, Upload

PASS = "X-Insighter-Pass"  # noqa: S105 - the name of a header
"""The header with the pass of a part or a download. In a header, because addresses are written into logs."""

_ARTIFACTS = MLFLOW + "/api/2.0/mlflow-artifacts"


def _public(handler: Protocol, path: str) -> str:
    """An address of this server as the caller reaches it."""
    headers = handler.request.headers
    # Nobody but the caller is told the address, so what the caller's proxies say of it may be believed.
    scheme = headers.get("X-Forwarded-Proto", handler.request.protocol).partition(",")[0].strip()
    host = headers.get("X-Forwarded-Host", handler.request.host).partition(",")[0].strip()
    base = handler.base_url.rstrip("/")
    return f"{'https' if scheme == 'https' else 'http'}://{host}{base}{_ARTIFACTS}/{path}"


class Multipart(Protocol):
    """What the three verbs of an upload share: the folder is in the path, the rest in the body."""

    def fields(self) -> Fields:
        """The body."""
        return Fields(json_object(self.request.body))

    @staticmethod
    def location(folder: str, fields: Fields) -> Location:
        """Where the file will be."""
        name = posixpath.basename(fields.required("path"))
        return Location.parse(f"{folder.rstrip('/')}/{name}")


class CreateHandler(Multipart):
    """Begin an upload."""

    async def post(self, folder: str) -> None:
        """An address for each part."""
        fields = self.fields()
        upload_id, passes = await self.platform.tracking.multipart.create(
            self.principal,
            self.location(folder, fields),
            fields.integer("num_parts", 1) or 0,
            self.platform.settings.max_upload_bytes,
        )
        self.answer({
            "upload_id": upload_id,
            "credentials": [
                {
                    "url": _public(self, f"mpu/part/{upload_id}/{number}"),
                    "part_number": number,
                    "headers": {PASS: proof},
                }
                for number, proof in enumerate(passes, 1)
            ],
        })  # fmt: skip


class CompleteHandler(Multipart):
    """Complete an upload."""

    async def post(self, folder: str) -> None:
        """The parts become the file."""
        fields = self.fields()
        parts = [_part(item) for item in fields.objects("parts")]
        await self.platform.tracking.multipart.complete(
            self.principal, self.location(folder, fields), fields.required("upload_id"), parts
        )
        self.answer({})


class AbortHandler(Multipart):
    """Give an upload up."""

    async def post(self, folder: str) -> None:
        """Nothing of it stays."""
        fields = self.fields()
        await self.platform.tracking.multipart.abort(
            self.principal, self.location(folder, fields), fields.required("upload_id")
        )
        self.answer({})


def _part(item: dict[str, Any]) -> tuple[int, str]:
    fields = Fields(item)
    number = fields.integer("part_number")
    if number is None:
        raise Invalid("Missing value for required parameter 'part_number'.")
    return number, fields.text("etag")


class WithPass(Protocol):
    """For whoever has a pass, which says in whose name it was given; for others as if it were not there."""

    async def enter(self) -> str:
        """The pass, with which no other sign-in is needed."""
        proof = self.request.headers.get(PASS, "")
        if not proof:
            await Protocol.prepare(self)
            return ""
        if not self.check_host():
            raise web.HTTPError(403)
        self.request_id = secrets.token_hex(8)
        self.platform = await self.settings["insighter_platform"]()
        self.current_user = self._jupyter_current_user = User(username="pass")
        self._token_authenticated = True  # neither cookie nor origin is involved
        return proof


@web.stream_request_body
class PartHandler(AnsweredRefusal, WithPass):
    """A part."""

    _upload: Upload | None = None
    _writer: PartWriter | None = None

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Check the pass before the first byte is taken."""
        try:
            proof = await self.enter()
            self.raise_refusal()
            if self.request.method == "PUT":
                upload_id, number = self.path_args
                announced = self.request.headers.get("Content-Length", "")
                self._writer = self.platform.tracking.multipart.part(
                    upload_id,
                    int(number) if number.isdecimal() and len(number) < 10 else 0,
                    proof,
                    int(announced) if announced.isdigit() else None,
                )
                limit = self.platform.settings.max_upload_bytes
                self._upload = Upload(self.request, self._writer, limit)  # type: ignore[arg-type]
        except (InsighterError, web.HTTPError) as error:
            self.refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the part."""
        if self._upload is not None:
            await self._upload.receive(chunk)

    async def put(self, upload_id: str, number: str) -> None:
        """The part is complete."""
        self.raise_refusal()
        assert self._upload is not None and self._writer is not None
        self._upload.complete()
        try:
            self.set_header("ETag", f'"{await self._writer.keep()}"')
        finally:
            await self._writer.abort()
        self.answer({})

    def compute_etag(self) -> None:
        """The header says the part's own, and nothing of this answer."""

    def on_connection_close(self) -> None:
        """The client went away in the middle: nothing of it stays."""
        super().on_connection_close()
        if self._upload is not None:
            self._upload.discard()

    def on_finish(self) -> None:
        """Whatever happened, no temporary file stays."""
        super().on_finish()
        if self._upload is not None:
            self._upload.discard()


class PresignedHandler(Protocol):
    """A pass for a download."""

    async def get(self, path: str) -> None:
        """The address of the file, good for some minutes."""
        location = Location.parse(path)
        token, content = await self.platform.tracking.multipart.offer(self.principal, location)
        self.answer({
            "url": _public(self, f"presigned-file/{quote(path)}"),
            "headers": {PASS: token},
            "file_size": content.size,
        })  # fmt: skip


class OfferedHandler(WithPass):
    """A file for whoever has a pass for it."""

    content: Content

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Who has a pass acts in the name of who was given it."""
        proof, location = await self.enter(), Location.parse(self.path_args[0])
        self.principal, self.content = self.platform.tracking.multipart.offered(proof, location)

    async def get(self, path: str) -> None:
        """The file, or a part of it."""
        await send_content(self, self.content, "application/octet-stream")


BELOW_API: list[tuple[str, type[Protocol]]] = [
    (r"/2\.0/mlflow-artifacts/mpu/create/(.*)", CreateHandler),
    (r"/2\.0/mlflow-artifacts/mpu/complete/(.*)", CompleteHandler),
    (r"/2\.0/mlflow-artifacts/mpu/abort/(.*)", AbortHandler),
    (r"/2\.0/mlflow-artifacts/mpu/part/([^/]+)/([^/]+)", PartHandler),
    (r"/2\.0/mlflow-artifacts/presigned/(.*)", PresignedHandler),
    (r"/2\.0/mlflow-artifacts/presigned-file/(.*)", OfferedHandler),
]
