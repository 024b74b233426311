"""Issue, resolve and revoke the credentials that are no JWTs: of kernels, browsers and programs."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from insighter_ext.credentials.issuer import Issuer
from insighter_ext.errors import InsighterError, Unauthenticated
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking.endings import SERVER_GONE, STOPPED, Ending

log = logging.getLogger("insighter.credentials")

PREFIX = "ixk_"
"""What a kernel's secret begins with, so that scanners and people know it for one."""

TOKEN_PREFIX = "ixp_"  # noqa: S105 - a prefix
"""The same of a personal access token."""

SESSION_PREFIX = "ixs_"
"""The same of what a browser keeps in its cookie."""

_KERNEL_SECONDS = 30 * 24 * 3600

_TOUCH_SECONDS = 60.0
_TOUCHED_MOST = 10_000
_SEEN_SECONDS = 60.0
_SEEN_MOST = 1000


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential of a kernel; the secret is known now and never again."""

    id: UUID
    project_id: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a secret stands for."""

    principal: Principal
    display_name: str


def new_secret(prefix: str) -> str:
    """256 random bits behind a prefix."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


class CredentialsService:
    """See the module.

    Args:
        servers: the folder in which this user's servers keep their names as issuers.
    """

    def __init__(self, data: DataGateway, servers: Path) -> None:
        self._data = data
        self._issuer = Issuer(servers)
        self._registered = False
        self._touched: OrderedDict[str, float] = OrderedDict()
        self._seen: OrderedDict[str, tuple[float, Holder]] = OrderedDict()
        self._touching: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """End what killed servers of this user left behind."""
        for name in await asyncio.to_thread(self._issuer.ended):
            await self._revoke_issued(name, SERVER_GONE)

    async def close(self) -> None:
        """End all that this server gave to kernels."""
        if self._touching:
            await asyncio.wait(set(self._touching), timeout=5)
        if self._registered:
            await self._revoke_issued(self._issuer.name, STOPPED)
            self._registered = False

    async def issue(self, principal: Principal, project_id: UUID, label: str) -> IssuedCredential:
        """A kernel's credential, which acts as the principal in one project only, as its editor at most."""
        if not self._registered:
            await asyncio.to_thread(self._issuer.register)
            self._registered = True
        secret = new_secret(PREFIX)
        answer = await self._data.call(
            principal,
            "credentials_issue",
            project_id=project_id,
            label=label,
            secret_hash=digest(secret),
            issuer_hash=digest(self._issuer.name),
            seconds=_KERNEL_SECONDS,
        )
        return IssuedCredential(UUID(answer["id"]), UUID(answer["project_id"]), secret)

    async def find(self, secret: str) -> Holder | None:
        """Whom a secret stands for; None where it is unknown, expired or revoked."""
        found = await self._data.call(None, "credentials_resolve", secret_hash=digest(secret))
        if found is None:
            return None
        self._touch(secret)
        principal = Principal(
            UUID(found["user_id"]),
            found["kind"],
            project_id=UUID(found["project_id"]) if found["project_id"] else None,
            ceiling=found["role"],
            credential_id=UUID(found["id"]),
            email=found["email"],
            session_id=UUID(found["session_id"]) if found["session_id"] else None,
        )
        holder = Holder(principal, found["display_name"] or "someone")
        # A browser's is never asked for of late: it would only push out kernels'.
        if not secret.startswith(SESSION_PREFIX):
            self._seen[key := digest(secret)] = (time.monotonic(), holder)
            self._seen.move_to_end(key)
            while len(self._seen) > _SEEN_MOST:
                self._seen.popitem(last=False)
        return holder

    async def resolve_lately(self, secret: str) -> Principal:
        """The same as :meth:`resolve`, as it was within the last minute: a look into the database is spared.

        For calls alone that ask in their own transaction whether the credential still stands, as ``runs_write`` does.

        Raises:
            Unauthenticated: as :meth:`resolve`.
        """
        seen = self._seen.get(digest(secret))
        if seen is not None and time.monotonic() - seen[0] < _SEEN_SECONDS:
            return seen[1].principal
        return await self.resolve(secret)

    async def resolve(self, secret: str) -> Principal:
        """The principal of a kernel's credential or an access token.

        Raises:
            Unauthenticated: it is unknown, expired or revoked, or a browser's, which counts as a cookie only.
        """
        holder = None if secret.startswith(SESSION_PREFIX) else await self.find(secret)
        if holder is None:
            raise Unauthenticated(
                "this credential is not valid any more",
                hint="make another access token"
                if secret.startswith(TOKEN_PREFIX)
                else "restart the kernel: it gets a new one when it starts",
                code="credential_invalid",
            )
        return holder.principal

    async def revoke(self, principal: Principal, credential_id: UUID) -> None:
        """End one credential."""
        await self._data.call(principal, "credentials_revoke", id=credential_id)

    async def _revoke_issued(self, name: str, ending: Ending) -> None:
        try:
            await self._data.call(None, "credentials_revoke_issued", issuer=name)
            # What its kernels left running says how it ended, in the name of whoever started each.
            for kernel in await self._data.call(None, "runs_of_issuer", issuer=name):
                await self._data.call(
                    Principal(UUID(kernel["account"]), "service", project_id=UUID(kernel["project_id"])),
                    "runs_abandon",
                    credential_id=UUID(kernel["credential_id"]),
                    reason=ending.reason,
                    detail=ending.detail,
                    late=ending is SERVER_GONE,
                )
        except InsighterError as error:
            # The name stays where it is: the next server tries again.
            log.warning("credentials of a server that ended are not revoked yet: %s", error.message)
            return
        await asyncio.to_thread(self._issuer.forget, name)

    def _touch(self, secret: str) -> None:
        """Note the use, in the background and once a minute."""
        key, now = digest(secret), time.monotonic()
        if now - self._touched.get(key, -_TOUCH_SECONDS) < _TOUCH_SECONDS:
            return
        self._touched[key] = now
        self._touched.move_to_end(key)
        while len(self._touched) > _TOUCHED_MOST:
            self._touched.popitem(last=False)
        task = asyncio.ensure_future(self._note_use(key))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _note_use(self, key: str) -> None:
        try:
            await self._data.call(None, "credentials_touch", secret_hash=key)
        except InsighterError as error:
            log.debug("the use of a credential was not noted: %s", error.message)
