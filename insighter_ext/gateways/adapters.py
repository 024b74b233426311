"""One set of adapters: what the composition puts the services on, whichever database is behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from insighter_ext.config import Mode
from insighter_ext.gateways.auth import AuthGateway
from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import ObjectStore
from insighter_ext.gateways.wake import WakeSource
from insighter_ext.principal import Principal


@dataclass(frozen=True)
class Adapters:
    """Open adapters that belong together.

    Attributes:
        local_owner: the account of whoever owns the machine, in embedded mode; None where the database is elsewhere.
        close: gives back all that was opened.
    """

    mode: Mode
    data: DataGateway
    objects: ObjectStore
    auth: AuthGateway
    wake: WakeSource
    local_owner: Principal | None
    close: Callable[[], Awaitable[None]]
