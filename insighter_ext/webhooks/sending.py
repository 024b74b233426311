"""One webhook request: signed, to an address that may be called, with an answer that is read to a limit.

Where only public addresses may be called, that is seen when the connection is made, of the very address that is
connected to: a name that resolves to another one in between gains nothing. No redirect is followed and no proxy asked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpcore

log = logging.getLogger("insighter.webhooks")

_SECONDS = 30.0
_MOST_BYTES = 16_384
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The address is none that may be called."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Attributes:
        status: the answer's HTTP status; None where there was no answer.
        body: its beginning, as text.
        error: why there was none, in a sentence.
        final: there is no use in trying again.
    """

    status: int | None = None
    body: str | None = None
    error: str | None = None
    final: bool = False

    @property
    def delivered(self) -> bool:
        """The receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def message(event: str, payload: dict[str, Any], workspace: str | None) -> bytes:
    """The body, as MLflow writes it."""
    entity, _, action = event.partition(".")
    body = {"entity": entity, "action": action, "timestamp": datetime.now(UTC).isoformat(), "data": payload}
    return json.dumps({**body, "workspace": workspace} if workspace else body).encode()


def headers(body: bytes, delivery: str, secret: str | None) -> dict[bytes | str, bytes | str]:
    """MLflow's headers: the delivery's id, the time, and with a secret the signature of both and the body."""
    now = str(int(time.time()))
    found: dict[bytes | str, bytes | str] = {
        "Content-Type": "application/json",
        "User-Agent": "Insighter",
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": now,
    }
    if secret:
        signed = hmac.new(secret.encode(), f"{delivery}.{now}.".encode() + body, hashlib.sha256).digest()
        found["X-MLflow-Signature"] = "v1," + base64.b64encode(signed).decode()
    return found


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public network, also inside of those that carry another."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global
    return found.is_global and not found.is_multicast


class Sender:
    """Sends webhook requests over connections of its own.

    Args:
        anywhere: addresses that are not public may be called too.
    """

    def __init__(self, anywhere: bool) -> None:
        self._anywhere = anywhere
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def send(self, url: str, body: bytes, headers: Mapping[bytes | str, bytes | str]) -> Outcome:
        """POST, and tell what came of it; raises nothing."""
        import httpcore

        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                max_connections=8, max_keepalive_connections=0, network_backend=_backend(self._anywhere)
            )
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._pool.stream("POST", url, headers=headers, content=body) as response,
            ):
                read = b""
                async for chunk in response.aiter_stream():
                    read += chunk
                    if len(read) >= _MOST_BYTES:
                        break
        except Refused as refusal:
            return Outcome(error=str(refusal), final=True)
        except TimeoutError:
            return Outcome(error=f"no answer within {_SECONDS:.0f} seconds")
        except httpcore.UnsupportedProtocol as error:
            return Outcome(error=str(error), final=True)
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            return Outcome(
                error=f"the address could not be reached: {error}" if str(error) else "no connection"
            )
        except Exception as error:
            log.exception("an address could not be called")
            return Outcome(error=f"the address could not be called: {type(error).__name__}", final=True)
        status = response.status
        problem = None if 200 <= status < 300 else f"the receiver answered {status}"
        return Outcome(
            status,
            read[:_MOST_BYTES].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            problem,
            # What is refused for what it is will be refused again.
            final=300 <= status < 500 and status not in {408, 409, 425, 429},
        )


def _backend(anywhere: bool) -> httpcore.AsyncNetworkBackend:
    import httpcore

    class Backend(httpcore.AnyIOBackend):
        """Connects to an address that was looked at, under the name that was asked for."""

        async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except socket.gaierror as error:
                raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
            addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
            if not anywhere and not all(is_public(address) for address in addresses):
                raise Refused(f"{host} is not an address of the public network")
            return await super().connect_tcp(addresses[0], port, *args, **kwargs)

    return Backend()
