"""How often somebody may try: to sign in, to use a code, to make an account.

Kept in this process, as a moving window. What is tried is counted before it is looked at, so that trying many at a time
gains nothing, and it is counted alike whether or not there is such an account.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Literal, NamedTuple

from insighter_ext.errors import TooMany

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


class _Limit(NamedTuple):
    key: str
    most: int
    seconds: int


class Attempts:
    """Counts, and refuses what is too much.

    The library ``limits`` has such windows too; its keys in memory are never given up, and a thread of its own looks
    through all of them, which is what somebody who fills them would hope for.
    """

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}
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
        limits = _limits(action, address, place)
        for limit in limits:
            self._room(limit)
        for limit in limits:
            self._under_way[limit.key] += 1
        failed = True
        try:
            yield
            failed = not forgive
        finally:
            for limit in limits:
                self._under_way[limit.key] -= 1
                if self._under_way[limit.key] <= 0:
                    del self._under_way[limit.key]
                if failed:
                    self._failed.setdefault(limit.key, deque()).append(time.monotonic() + limit.seconds)
            self._tidy()

    def _room(self, limit: _Limit) -> None:
        """Whether there is room for one more. What is kept of an attempt is when it does not count any more."""
        now = time.monotonic()
        failed = self._failed.get(limit.key)
        while failed and failed[0] <= now:
            failed.popleft()
        if failed is not None and not failed:
            del self._failed[limit.key]
        count = len(failed or ())
        if count + self._under_way.get(limit.key, 0) < limit.most:
            return
        # The oldest that has to go; where those that are under way take the room, they are soon done.
        wait = max(1, int(failed[max(0, count - limit.most)] - now) + 1) if failed else 1
        raise TooMany(
            "this was tried too often",
            hint=f"try again in {wait} seconds" if wait < 120 else f"try again in {wait // 60 + 1} minutes",
            details={"retry_after": wait},
        )

    def _tidy(self) -> None:
        """When there are many keys those go that do not count any more, and then those that count least: who fills it
        with made-up addresses does not get past the limit of their place."""
        if len(self._failed) <= _MOST_KEYS:
            return
        now = time.monotonic()
        kept = {key: failed for key, failed in self._failed.items() if failed and failed[-1] > now}
        most_first = sorted(kept, key=lambda key: len(kept[key]), reverse=True)
        self._failed = {key: kept[key] for key in most_first[: _MOST_KEYS // 2]}


def _limits(action: Action, address: str, place: str) -> list[_Limit]:
    # Hashed: what people type as an address may be a password, and has any length.
    who = hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()[:32]
    where = network(place)
    named: dict[By, str] = {"place": where, "address": who, "address and place": f"{who} {where}"}
    return [
        _Limit(f"{action} {by} {named[by]}", most, seconds) for by, (most, seconds) in _LIMITS[action].items()
    ]


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
