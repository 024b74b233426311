"""Exports of OpenTelemetry's spans, and a trace's spans as the file that MLflow's web UI downloads."""

from __future__ import annotations

from tornado import web

from insighter_ext.errors import BadRequest, InsighterError, Invalid, TooLarge
from insighter_ext.traces.service import MAX_BODY
from server_handlers.mlflow import Protocol
from server_handlers.streaming import AnsweredRefusal


class _Bounded(AnsweredRefusal, Protocol):
    """A body that is kept in memory, and may be that large and no larger."""

    _chunks: list[bytes]
    _received: int = 0

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Check who asks before the first byte is taken."""
        self._chunks = []
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
            self.raise_refusal()
            announced = self.request.headers.get("Content-Length", "0")
            if announced.isdigit() and int(announced) > MAX_BODY:
                raise _too_large()
        except (InsighterError, web.HTTPError) as error:
            self.refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body."""
        self._received += len(chunk)
        if self._received > MAX_BODY:
            self._chunks.clear()
            if self._received > 2 * MAX_BODY:
                raise _too_large()
        else:
            self._chunks.append(chunk)

    @property
    def _received_body(self) -> bytes:
        self.raise_refusal()
        if self._received > MAX_BODY:
            raise _too_large()
        return b"".join(self._chunks)

    async def answer_file(self, trace_id: str) -> None:
        """The spans of a trace in one file."""
        data = await self.platform.traces.mlflow.data(self.principal, trace_id)
        # Never shown in the browser, where what somebody logged could act as its reader.
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment; filename=traces.json")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.finish(data)


@web.stream_request_body
class OtlpHandler(_Bounded):
    """``/v1/traces``: what MLflow's clients and every exporter of OTLP over HTTP send."""

    async def post(self) -> None:
        """Keep the spans."""
        headers = self.request.headers
        media = headers.get("Content-Type", "")
        answer = await self.platform.traces.export(
            self.principal,
            self._received_body,
            content_type=media,
            content_encoding=headers.get("Content-Encoding", ""),
            experiment_id=headers.get("x-mlflow-experiment-id", ""),
            run_id=headers.get("x-mlflow-run-id"),
        )
        self.set_header("Content-Type", media)
        self.set_header("Cache-Control", "no-store")
        self.finish(answer)


@web.stream_request_body
class TraceFileHandler(_Bounded):
    """``traces.json`` among a trace's artifacts: where clients put spans that did not arrive by an export."""

    async def put(self, trace_id: str) -> None:
        """Keep the spans in it."""
        await self.platform.traces.put_file(self.principal, trace_id, self._received_body)
        self.answer({})

    async def get(self, trace_id: str) -> None:
        """The spans, however they came."""
        self.raise_refusal()
        await self.answer_file(trace_id)


@web.stream_request_body
class TraceArtifactHandler(_Bounded):
    """``get-trace-artifact``: the same for MLflow's web UI."""

    async def get(self) -> None:
        """Of a trace that is still running those that are here."""
        self.raise_refusal()
        trace_id = self.get_query_argument("request_id", "")
        if not trace_id:
            raise BadRequest('Request must include the "request_id" query parameter.')
        if self.get_query_argument("path", ""):
            raise Invalid("this server keeps no attachments of traces", hint="leave the path out")
        await self.answer_file(trace_id)


def _too_large() -> TooLarge:
    return TooLarge(f"the export is larger than {MAX_BODY // 2**20} MiB", hint="export the spans in parts")


BELOW_API: list[tuple[str, type[Protocol]]] = [
    (r"/2\.0/mlflow-artifacts/artifacts/traces/([^/]+)/artifacts/traces\.json", TraceFileHandler),
]
