"""The audit as a service: reading, verifying and exporting a chain. Triggers in the database write it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from insighter_ext.audit.models import AuditQuery, AuditRow, Verification
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Page
from insighter_ext.principal import Principal

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Chain:
    """Whose audit is meant: a project's, an organisation's, or with neither the caller's own account's."""

    project_id: UUID | None = None
    organisation_id: UUID | None = None


class AuditService:
    """See the module. Projects and organisations show their audit to their admins, accounts to themselves."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def list(self, principal: Principal, chain: Chain, query: AuditQuery) -> Page[AuditRow]:
        """Rows, newest first; those of assets that are hidden from the caller are not among them."""
        return Page[AuditRow].model_validate(
            await self._data.call(
                principal,
                "audit_list",
                project_id=chain.project_id,
                organisation_id=chain.organisation_id,
                **query.model_dump(),
            )
        )

    async def verify(self, principal: Principal, chain: Chain, head: str | None = None) -> Verification:
        """Compute every hash of the chain again, also of rows that the caller does not see.

        Args:
            head: what an earlier verification answered, for the caller to have kept elsewhere.
        """
        return Verification.model_validate(
            await self._data.call(
                principal,
                "audit_verify",
                project_id=chain.project_id,
                organisation_id=chain.organisation_id,
                head=head,
            )
        )

    async def export(self, principal: Principal, chain: Chain) -> AsyncIterator[bytes]:
        """The chain as JSON Lines, oldest first, as it is when the first line is asked for.

        The last line is ``{"head", "rows", "withheld"}``: without it the export was cut off. ``withheld`` counts the
        rows of assets hidden from the caller.

        Raises:
            InsighterError: before the first line, when the caller may not read it.
        """
        after, until, head, rows = 0, None, None, 0
        while True:
            page = await self._data.call(
                principal,
                "audit_export",
                project_id=chain.project_id,
                organisation_id=chain.organisation_id,
                after=after,
                until=until,
                limit=_PAGE,
            )
            if until is None:
                until, head = page["until"], page["head"]
            rows += len(page["items"])
            yield b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in page["items"])
            if page["after"] is None:
                break
            after = page["after"]
        yield json.dumps({"head": head, "rows": rows, "withheld": until - rows}).encode() + b"\n"
