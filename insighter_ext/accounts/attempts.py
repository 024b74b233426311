"""How often somebody may try: to sign in, to use a code, to make an account.

Kept in this process, as a moving window. What is tried is counted before it is looked at, so that trying many at a time
gains nothing, and it is counted alike whether or not there is such an account.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from insighter_ext.errors import TooMany

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

Action = Literal["sign-in", "sign-up", "mail", "code", "refresh"]
By = Literal["address and place", "place", "address"]

# At most so many in so many seconds.
_LIMITS: dict[Action, dict[By, tuple[int, int]]] = {
    "sign-in": {"address and place": (5, 60), "place": (30, 60), "address": (100, 3600)},
    "code": {"address and place": (5, 60), "place": (30, 60), "address": (30, 3600)},
    "mail": {"address and place": (3, 60), "place": (10, 60), "address": (10, 3600)},
    "sign-up": {"place": (20, 60)},
    "refresh": {"place": (120, 60)},
}

_MOST_KEYS = 20_000


class Attempts:
    """Counts, and refuses what is too much."""

    def __init__(self) -> None:
        self._limiter: MovingWindowRateLimiter | None = None
        self._storage: MemoryStorage | None = None
        self._under_way: Counter[str] = Counter()

    @contextlib.contextmanager
    def trying(self, action: Action, address: str, place: str, *, forgive: bool = True) -> Iterator[None]:
        """Around an attempt.

        Args:
            address: the e-mail address it is about.
            place: the IP address it comes from.
            forgive: one that succeeds does not count.

        Raises:
            TooMany: ``rate_limited``, with ``retry_after`` in seconds.
        """
        keys = self._keys(action, address, place)
        for item, key in keys:
            self._room(item, key)
        for _, key in keys:
            self._under_way[key] += 1
        failed = True
        try:
            yield
            failed = not forgive
        finally:
            for item, key in keys:
                self._under_way[key] -= 1
                if self._under_way[key] <= 0:
                    del self._under_way[key]
                if failed:
                    self._limits().hit(item, key)
            self._tidy()

    def _keys(self, action: Action, address: str, place: str) -> list[tuple[RateLimitItem, str]]:
        from limits import RateLimitItemPerSecond

        # Hashed: what people type as an address may be a password, and has any length.
        who = hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()[:32]
        where = network(place)
        named: dict[By, str] = {"place": where, "address": who, "address and place": f"{who} {where}"}
        return [
            (RateLimitItemPerSecond(most, seconds), f"{action} {by} {named[by]}")
            for by, (most, seconds) in _LIMITS[action].items()
        ]

    def _room(self, item: RateLimitItem, key: str) -> None:
        stats = self._limits().get_window_stats(item, key)
        if stats.remaining - self._under_way[key] > 0:
            return
        if self._under_way[key] == 0:
            del self._under_way[key]
        wait = max(1, min(int(stats.reset_time - time.time()) + 1, item.get_expiry()))
        raise TooMany(
            "this was tried too often",
            hint=f"try again in {wait} seconds" if wait < 120 else f"try again in {wait // 60 + 1} minutes",
            details={"retry_after": wait},
        )

    def _limits(self) -> MovingWindowRateLimiter:
        if self._limiter is None:
            from limits.storage import MemoryStorage
            from limits.strategies import MovingWindowRateLimiter

            self._storage = MemoryStorage()
            self._limiter = MovingWindowRateLimiter(self._storage)
        return self._limiter

    def _tidy(self) -> None:
        """The library keeps a key for each place that ever tried. Those that count no more go when there are many, and
        then those that count least: who fills it with made-up addresses does not get past the limit of their place."""
        events = self._storage.events if self._storage is not None else {}
        if self._storage is None or len(events) <= _MOST_KEYS:
            return
        now = time.time()
        for key in [key for key, entries in events.items() if not entries or entries[0].expiry < now]:
            self._storage.clear(key)
        for key in sorted(events, key=lambda key: len(events[key]))[: max(0, len(events) - _MOST_KEYS // 2)]:
            self._storage.clear(key)


def network(place: str) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, which is what one household has."""
    try:
        address = ipaddress.ip_address(place.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
