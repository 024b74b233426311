"""Requests from the server to the scoring processes, over connections that are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from insighter_ext.errors import Timeout, Unavailable
from insighter_ext.serving import protocol

if TYPE_CHECKING:
    import httpx

_PREDICTION_SECONDS = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"
# The process answers 504 itself when a prediction takes too long; this is for a process that hangs as a whole.
_SPARE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Target:
    """A scoring process that listens."""

    host: str
    port: int
    secret: str = field(repr=False)
    process: protocol.State


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scoring process answered."""

    status: int
    content_type: str | None
    body: bytes


class Forwarder:
    """A pool of connections to this machine's scoring processes."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._seconds = float(os.environ.get(_PREDICTION_SECONDS) or 60) + _SPARE_SECONDS

    async def send(self, target: Target, action: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """Send one request: a POST where there is a body, else a GET.

        Raises:
            Unavailable: nothing listens there, the connection broke, or the secret does not fit.
            Timeout: no answer in the time a prediction may take.
        """
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                # Shorter than the processes keep idle connections: none is closed while it is taken up again.
                limits=httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30),
                timeout=httpx.Timeout(self._seconds, connect=5, pool=10),
                headers={"Accept-Encoding": "identity"},
                trust_env=False,  # no proxy stands between this machine and itself
                verify=False,  # noqa: S501 - nothing is encrypted on the loopback interface; certificates take time to load
            )
        try:
            answer = await self._client.request(
                "GET" if body is None else "POST",
                f"http://{target.host}:{target.port}/{action}",
                headers={**headers, "Authorization": f"Bearer {target.secret}"},
                content=body,
            )
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise Timeout("the endpoint did not answer in time", hint="send fewer rows at a time") from error
        except httpx.TransportError as error:
            raise Unavailable("the endpoint closed the connection", hint="try again in a moment") from error
        if answer.status_code == 401:
            raise Unavailable("the endpoint was started anew", hint="try again in a moment")
        return Answer(answer.status_code, answer.headers.get("Content-Type"), answer.content)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
