"""Issue, resolve and revoke the credentials that kernels hold."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from uuid import UUID

from insighter_ext.errors import Unauthenticated
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal

PREFIX = "ixk_"
"""What a kernel's secret begins with, so that scanners and people know it for one."""

_LIFETIME = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential; the secret is known now and never again."""

    id: UUID
    project_id: UUID
    secret: str


def this_process() -> str:
    """A name of this process that no later process with the same number shares."""
    import psutil

    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def is_alive(issuer: str) -> bool:
    """Whether the process of that name still runs on this machine."""
    import psutil

    number, _, created = issuer.partition("@")
    try:
        return abs(psutil.Process(int(number)).create_time() - float(created)) < 0.05
    except (psutil.Error, ValueError):
        return False


class CredentialsService:
    """See the module."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data
        self._issuer = this_process()

    async def issue(self, principal: Principal, project_id: UUID, label: str) -> IssuedCredential:
        """A credential that acts as the principal, in one project only."""
        secret = PREFIX + secrets.token_urlsafe(32)
        answer = await self._data.call(
            principal,
            "credentials_issue",
            project_id=project_id,
            kind="kernel",
            label=label,
            secret_hash=_hash(secret),
            issuer=self._issuer,
            seconds=_LIFETIME,
        )
        return IssuedCredential(UUID(answer["id"]), UUID(answer["project_id"]), secret)

    async def resolve(self, secret: str) -> Principal:
        """The principal that a secret stands for.

        Raises:
            Unauthenticated: it is unknown, expired or revoked.
        """
        found = await self._data.call(None, "credentials_resolve", secret_hash=_hash(secret))
        if found is None:
            raise Unauthenticated(
                "this credential is not valid any more",
                hint="restart the kernel: it gets a new one when it starts",
            )
        return Principal(UUID(found["user_id"]), found["kind"], UUID(found["project_id"]))

    async def revoke(self, principal: Principal, credential_id: UUID) -> None:
        """End one credential."""
        await self._data.call(principal, "credentials_revoke", id=credential_id)

    async def revoke_mine(self, principal: Principal) -> None:
        """End all that this server issued; for its orderly end."""
        await self._data.call(principal, "credentials_revoke", issuer=self._issuer)

    async def revoke_orphans(self, principal: Principal) -> None:
        """End those whose server was killed before it could do so itself."""
        for issuer in await self._data.call(principal, "credentials_issuers"):
            if issuer != self._issuer and not is_alive(issuer):
                await self._data.call(principal, "credentials_revoke", issuer=issuer)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
