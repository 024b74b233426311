"""Passwords and codes of embedded accounts, as they are kept. Nothing here can be turned back."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from insighter_ext.errors import TooMany
from insighter_ext.gateways.account_rules import normalised

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from argon2 import PasswordHasher

    T = TypeVar("T")

# Each takes 64 MiB and about a twentieth of a second of a core: two at a time leave room for everything else.
_AT_A_TIME = 2
_MOST_WAITING = 50

# Crockford's: no letter that is read as another. Twelve of them are 60 bits, for an hour and five tries.
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 12
_CODE_MISREAD = str.maketrans("OIL", "011", " -\t\r\n")


def new_code() -> str:
    """A one-time code, to be read out or typed: three groups of four."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def code_hash(user_id: UUID, purpose: str, code: str) -> str:
    """What is kept of a code. It is of use for nobody else and for nothing else."""
    read = code[:100].upper().translate(_CODE_MISREAD)
    return hashlib.sha256(f"{user_id}/{purpose}/{read}".encode("utf-8", "replace")).hexdigest()


def secret_hash(secret: str) -> str:
    """What is kept of a secret of 256 random bits: no salt or slowness can make it harder to find."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class Passwords:
    """Hashes passwords with argon2id, off the event loop and a few at a time.

    Args:
        hasher: another than argon2-cffi's default.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._decoy = ""
        self._preparing = threading.Lock()

    def close(self) -> None:
        """End the threads when they are done."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    async def hash(self, password: str) -> str:
        """The hash of a password that :func:`check_password` took."""
        return await self._work(lambda: self._ready().hash(password))

    async def verify(self, stored: str | None, password: str) -> tuple[bool, str | None]:
        """Whether it is the password, and its hash anew where the stored one was made with parameters of before.

        It is the same work whether or not there is a password to compare with: how long it takes tells nobody whether
        an account exists.

        Raises:
            TooMany: so many wait already that this one would wait too long.
        """
        typed = normalised(password)
        return await self._work(lambda: self._verify(stored, typed))

    def _verify(self, stored: str | None, typed: str | None) -> tuple[bool, str | None]:
        from argon2.exceptions import InvalidHashError, VerificationError

        hasher = self._ready()
        try:
            hasher.verify(stored or self._decoy, typed or "")
        except (InvalidHashError, VerificationError):
            return False, None
        if stored is None or typed is None:
            return False, None
        return True, hasher.hash(typed) if hasher.check_needs_rehash(stored) else None

    def _ready(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        with self._preparing:
            if self._hasher is None:
                self._hasher = PasswordHasher()
            if not self._decoy:
                self._decoy = self._hasher.hash(secrets.token_urlsafe(32))
        return self._hasher

    async def _work(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise TooMany(
                "too many people sign in at this moment",
                hint="try again in a few seconds",
                details={"retry_after": 5},
            )
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="insighter-passwords")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
