"""The ASGI application that scores: MLflow's scoring protocol behind a secret.

Parsing, prediction and serialisation are MLflow's ``scoring_server.invocations``. MLflow's own application
around that function is not used: it sends tracebacks to the client, and its middleware costs more than a
small model's prediction.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from typing import Any, TypeAlias

from mlflow.environment_variables import (
    _MLFLOW_IS_IN_SERVING_ENVIRONMENT,
    MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT,
)
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
from mlflow.version import VERSION

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Answer: TypeAlias = tuple[int, str, bytes]
"""Status, media type, body."""

# MLflow's function has no types.
_invocations: Callable[..., Any] = scoring_server.invocations

_JSON = "application/json"
_logger = logging.getLogger(__name__)


class _Disconnected(Exception):
    """The client went away before its request was read."""


class ScoringApp:
    """Serves one loaded model.

    Args:
        model: the ``PyFuncModel`` that ``mlflow.pyfunc.load_model`` gave.
        secret: what each request must bear.
        executor: where predictions run, so that the event loop stays free for ``/ping``.
        max_body_bytes: a larger request body is answered 413.
    """

    def __init__(self, model: Any, secret: str, executor: Executor, max_body_bytes: int) -> None:
        self._model = model
        self._schema = model.metadata.get_input_schema()
        self._secret = secret.encode()
        self._executor = executor
        self._max_body_bytes = max_body_bytes
        timeout: Any = MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
        self._timeout: float = timeout.get()
        os.environ[_MLFLOW_IS_IN_SERVING_ENVIRONMENT.name] = "true"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3, HTTP only)."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        extra: list[tuple[bytes, bytes]] = []
        if not self._authorized(headers):
            answer = _error(
                401,
                "UNAUTHENTICATED",
                "This endpoint needs its secret: send 'Authorization: Bearer <secret>'.",
            )
            extra.append((b"www-authenticate", b"Bearer"))
        else:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._route(scope["method"], scope["path"], headers, receive)
            except _Disconnected:
                return
            except asyncio.CancelledError:  # the grace after SIGTERM is over
                answer = _error(503, "TEMPORARILY_UNAVAILABLE", "The deployment was stopped meanwhile.")
            except TimeoutError:
                answer = (504, _JSON, b"Request processing time exceeded limit")
        status, media_type, body = answer
        head = [(b"content-length", b"%d" % len(body)), (b"content-type", media_type.encode()), *extra]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def _authorized(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, credential = headers.get(b"authorization", b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(credential.strip(), self._secret)

    async def _route(self, method: str, path: str, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        if path == "/invocations":
            return (
                await self._invocations(headers, receive)
                if method == "POST"
                else _not_allowed(method, "POST")
            )
        if path in ("/ping", "/health", "/version"):
            if method != "GET":
                return _not_allowed(method, "GET")
            return (200, _JSON, VERSION.encode() if path == "/version" else b"\n")
        return _error(404, "ENDPOINT_NOT_FOUND", "There are /invocations, /ping, /health and /version.")

    async def _invocations(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        length = headers.get(b"content-length", b"")
        body = None if length.isdigit() and int(length) > self._max_body_bytes else await self._body(receive)
        if body is None:
            return _error(
                413,
                "MAX_READ_SIZE_EXCEEDED",
                f"A request may hold {self._max_body_bytes // 2**20} MiB: send fewer rows at a time.",
            )
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._score, body, content_type)

    async def _body(self, receive: Receive) -> bytes | None:
        """The request's body; ``None`` once it is too large (the server discards the rest)."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _score(self, body: bytes, content_type: str) -> Answer:
        try:
            result = _invocations(body, content_type, self._model, self._schema)
            return (result.status, _media_type(result.mimetype), result.response.encode())
        except MlflowException as error:
            return _mlflow_error(error)
        except Exception:
            _logger.exception("A request could not be answered")
            return _error(
                500,
                "INTERNAL_ERROR",
                "The model's server could not answer this request; the deployment's log tells why.",
            )


def _media_type(mimetype: str) -> str:
    # Text carries its charset, as in the responses of MLflow's application.
    return f"{mimetype}; charset=utf-8" if mimetype.startswith("text/") else mimetype


def _mlflow_error(error: Any) -> Answer:
    content: dict[str, Any] = json.loads(error.serialize_as_json())
    trace = str(content.pop("stack_trace", "")).strip()
    if trace:
        _logger.error("%s\n%s", error.message, trace)
        content["cause"] = trace.splitlines()[-1]
    return (error.get_http_status_code(), _JSON, json.dumps(content).encode())


def _not_allowed(method: str, allowed: str) -> Answer:
    return _error(405, "BAD_REQUEST", f"{method} is not served here: use {allowed}.")


def _error(status: int, code: str, message: str) -> Answer:
    return (status, _JSON, json.dumps({"error_code": code, "message": message}).encode())
