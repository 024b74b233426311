"""Routes of the audit."""

from __future__ import annotations

import contextlib
from uuid import UUID

from tornado import iostream

from insighter_ext.audit.models import AuditQuery, AuditRow, Verification, VerificationQuery
from insighter_ext.audit.service import Chain
from insighter_ext.models import Page
from server_handlers.base import ApiHandler, operation


class ProjectAuditHandler(ApiHandler):
    """What was changed in a project."""

    path, tag = "/projects/{project_id:uuid}/audit", "audit"

    @operation(
        "What was changed in a project, newest first; for its admins",
        query=AuditQuery,
        returns=Page[AuditRow],
        errors=(403, 404, 422),
    )
    async def get(self, project_id: UUID, query: AuditQuery) -> Page[AuditRow]:
        return await self.platform.audit.list(self.principal, Chain(project_id), query)


class ProjectVerificationHandler(ApiHandler):
    """Whether a project's audit is as it was written."""

    path, tag = "/projects/{project_id:uuid}/audit/verification", "audit"

    @operation(
        "Whether a project's audit is as it was written; for its admins",
        query=VerificationQuery,
        returns=Verification,
        errors=(403, 404, 422),
    )
    async def get(self, project_id: UUID, query: VerificationQuery) -> Verification:
        return await self.platform.audit.verify(self.principal, Chain(project_id), query.head)


class ProjectAuditExportHandler(ApiHandler):
    """A project's audit, to keep."""

    path, tag = "/projects/{project_id:uuid}/audit/export", "audit"

    @operation(
        "A project's audit as JSON Lines, oldest first, with the chain's head at the end; for its admins",
        media_out="application/x-ndjson",
        errors=(403, 404),
    )
    async def get(self, project_id: UUID) -> None:
        lines = self.platform.audit.export(self.principal, Chain(project_id))
        # A refusal comes with the first lines, while an error can still be answered.
        first = await anext(lines)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Disposition", f'attachment; filename="audit-{project_id}.jsonl"')
        # A client that goes away in the middle is no error of ours.
        with contextlib.suppress(iostream.StreamClosedError):
            self.write(first)
            async for piece in lines:
                self.write(piece)
                await self.flush()


class OrganisationAuditHandler(ApiHandler):
    """What was changed in an organisation."""

    path, tag = "/organisations/{organisation_id:uuid}/audit", "audit"

    @operation(
        "What was changed in an organisation and its members, newest first; for its admins",
        query=AuditQuery,
        returns=Page[AuditRow],
        errors=(403, 404, 422),
    )
    async def get(self, organisation_id: UUID, query: AuditQuery) -> Page[AuditRow]:
        return await self.platform.audit.list(self.principal, Chain(organisation_id=organisation_id), query)


class AccountAuditHandler(ApiHandler):
    """What was changed of the caller's account."""

    path, tag = "/account/audit", "audit"

    @operation(
        "What was changed of the caller's account and its credentials, newest first",
        query=AuditQuery,
        returns=Page[AuditRow],
        errors=(403, 422),
    )
    async def get(self, query: AuditQuery) -> Page[AuditRow]:
        return await self.platform.audit.list(self.principal, Chain(), query)


HANDLERS = [
    ProjectAuditHandler,
    ProjectVerificationHandler,
    ProjectAuditExportHandler,
    OrganisationAuditHandler,
    AccountAuditHandler,
]
