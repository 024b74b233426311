"""How long signing in takes, and whether that tells who has an account.

A wrong password of a known address beside an unknown address, in turns: whoever could tell them apart by the time could
make a list of accounts. Without the limit of attempts, which would end the measurement after five.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import mean, median, stdev

from insighter_ext.config import Settings
from insighter_ext.errors import Unauthenticated
from insighter_ext.platform import Platform

ROUNDS = 100
_PASSWORD = "a password for measuring"


def main() -> None:
    """Measure and print the table."""
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="ixb-", ignore_cleanup_errors=True) as home:
        platform = await Platform.open(Settings(storage_dir=Path(home), accounts=True))
        try:
            await measure(platform)
        finally:
            await platform.close()


async def measure(platform: Platform) -> None:
    """Sign in, rightly and wrongly."""
    for number in range(20):
        await platform.auth.sign_up(f"person-{number}@example.org", _PASSWORD, confirmed=True)
    times: dict[str, list[float]] = {"right password": [], "wrong password": [], "unknown address": []}
    for number in range(ROUNDS + 5):
        known, unknown = f"person-{number % 20}@example.org", f"nobody-{number}@example.org"
        for name, email, password in (
            ("right password", known, _PASSWORD),
            ("wrong password", known, f"{_PASSWORD} {number}"),
            ("unknown address", unknown, f"{_PASSWORD} {number}"),
        ):
            begin = time.perf_counter()
            try:
                await platform.auth.sign_in(email, password)
            except Unauthenticated:
                assert name != "right password"
            if number >= 5:
                times[name].append((time.perf_counter() - begin) * 1000)
    print(f"{'milliseconds':20}{'p50':>9}{'p99':>9}")
    for name, one in times.items():
        print(f"{name:20}{median(one):9.2f}{sorted(one)[int(len(one) * 0.99)]:9.2f}")
    wrong, unknown_times = times["wrong password"], times["unknown address"]
    differences = [a - b for a, b in zip(wrong, unknown_times, strict=True)]
    error = stdev(differences) / len(differences) ** 0.5
    print(
        f"wrong - unknown: {mean(differences):+.2f} ms on average, with a standard error of {error:.2f};"
        f" medians {median(wrong) / median(unknown_times):.3f}x"
    )


if __name__ == "__main__":
    main()
