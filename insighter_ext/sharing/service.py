"""Sharing as a service. Who may do any of it is the database's business."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from insighter_ext.credentials.service import digest
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal
from insighter_ext.projects.models import Project
from insighter_ext.sharing.models import (
    AccessRequest,
    AccessRequestCreate,
    AskedAccess,
    Invitation,
    Joined,
    Member,
    MemberRole,
    NewInvitation,
    Organisation,
    OrganisationMember,
    OwnInvitation,
    Restriction,
    RestrictionSet,
    VisibilityChange,
)

CODE_PREFIX = "ixi_"


@dataclass(frozen=True, slots=True)
class Group:
    """What people are invited to: a project, or an organisation."""

    project_id: UUID | None = None
    organisation_id: UUID | None = None


class SharingService:
    """See the module. One method for each function of the database."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    # ---- members and ownership

    async def members(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[Member]:
        """Who has which role: the owner first, then by role and name."""
        return Page[Member].model_validate(
            await self._data.call(principal, "members_list", project_id=project_id, **query.model_dump())
        )

    async def set_member(
        self, principal: Principal, project_id: UUID, user_id: UUID, change: MemberRole
    ) -> Member:
        """Give somebody a role; somebody new has to share a project or an organisation with the caller."""
        return Member.model_validate(
            await self._data.call(
                principal, "members_set", project_id=project_id, user_id=user_id, **change.model_dump()
            )
        )

    async def remove_member(self, principal: Principal, project_id: UUID, user_id: UUID) -> None:
        """Take somebody out of a project, or leave it."""
        await self._data.call(principal, "members_remove", project_id=project_id, user_id=user_id)

    async def transfer(self, principal: Principal, project_id: UUID, user_id: UUID) -> Project:
        """Make another member the owner; the caller becomes an admin."""
        return Project.model_validate(
            await self._data.call(principal, "projects_transfer", id=project_id, user_id=user_id)
        )

    async def set_visibility(
        self, principal: Principal, project_id: UUID, change: VisibilityChange
    ) -> Project:
        """Say who sees a project without being a member."""
        return Project.model_validate(
            await self._data.call(
                principal,
                "projects_set_visibility",
                id=project_id,
                visibility=change.visibility,
                organisation_id=change.organisation_id,
            )
        )

    # ---- organisations

    async def organisations(self, principal: Principal, query: PageQuery) -> Page[Organisation]:
        """The caller's organisations, by name."""
        return Page[Organisation].model_validate(
            await self._data.call(principal, "organisations_list", **query.model_dump())
        )

    async def create_organisation(self, principal: Principal, name: str) -> Organisation:
        """Make an organisation; the caller is its first admin."""
        return Organisation.model_validate(
            await self._data.call(principal, "organisations_create", name=name)
        )

    async def organisation(self, principal: Principal, organisation_id: UUID) -> Organisation:
        """One of the caller's organisations."""
        return Organisation.model_validate(
            await self._data.call(principal, "organisations_get", id=organisation_id)
        )

    async def rename_organisation(
        self, principal: Principal, organisation_id: UUID, name: str
    ) -> Organisation:
        """Call it something else."""
        return Organisation.model_validate(
            await self._data.call(principal, "organisations_update", id=organisation_id, name=name)
        )

    async def delete_organisation(self, principal: Principal, organisation_id: UUID) -> None:
        """Delete an organisation to which no project is visible."""
        await self._data.call(principal, "organisations_delete", id=organisation_id)

    async def organisation_members(
        self, principal: Principal, organisation_id: UUID, query: PageQuery
    ) -> Page[OrganisationMember]:
        """Who belongs to it: admins first, then by name."""
        return Page[OrganisationMember].model_validate(
            await self._data.call(
                principal,
                "organisation_members_list",
                organisation_id=organisation_id,
                **query.model_dump(),
            )
        )

    async def set_organisation_member(
        self, principal: Principal, organisation_id: UUID, user_id: UUID, role: str
    ) -> OrganisationMember:
        """Give a member the other role."""
        return OrganisationMember.model_validate(
            await self._data.call(
                principal,
                "organisation_members_set",
                organisation_id=organisation_id,
                user_id=user_id,
                role=role,
            )
        )

    async def remove_organisation_member(
        self, principal: Principal, organisation_id: UUID, user_id: UUID
    ) -> None:
        """Take somebody out of an organisation, or leave it."""
        await self._data.call(
            principal, "organisation_members_remove", organisation_id=organisation_id, user_id=user_id
        )

    # ---- invitations

    async def invite(self, principal: Principal, group: Group, email: str, role: str) -> NewInvitation:
        """Invite an address. The answer is the same whether or not anybody has an account with it."""
        code = CODE_PREFIX + secrets.token_urlsafe(24)
        made = await self._data.call(
            principal,
            "invitations_create",
            email=email,
            role=role,
            code_hash=digest(code),
            project_id=group.project_id,
            organisation_id=group.organisation_id,
        )
        return NewInvitation.model_validate({**made, "code": code})

    async def invitations(self, principal: Principal, group: Group, query: PageQuery) -> Page[Invitation]:
        """Those that nobody answered yet."""
        return Page[Invitation].model_validate(
            await self._data.call(
                principal,
                "invitations_list",
                project_id=group.project_id,
                organisation_id=group.organisation_id,
                **query.model_dump(),
            )
        )

    async def revoke_invitation(self, principal: Principal, group: Group, invitation_id: UUID) -> None:
        """Take an invitation back."""
        await self._data.call(
            principal,
            "invitations_revoke",
            id=invitation_id,
            project_id=group.project_id,
            organisation_id=group.organisation_id,
        )

    async def own_invitations(self, principal: Principal) -> Page[OwnInvitation]:
        """What the caller's confirmed address is invited to."""
        return Page[OwnInvitation].model_validate(await self._data.call(principal, "invitations_mine"))

    async def accept(self, principal: Principal, invitation_id: UUID) -> Joined:
        """Accept one of the own invitations."""
        return Joined.model_validate(await self._data.call(principal, "invitations_accept", id=invitation_id))

    async def accept_code(self, principal: Principal, code: str) -> Joined:
        """Accept the invitation that a code belongs to."""
        return Joined.model_validate(
            await self._data.call(principal, "invitations_accept", code_hash=digest(code.strip()))
        )

    async def decline(self, principal: Principal, invitation_id: UUID) -> None:
        """Decline one of the own invitations."""
        await self._data.call(principal, "invitations_decline", id=invitation_id)

    # ---- requests for access

    async def ask(self, principal: Principal, body: AccessRequestCreate) -> AskedAccess:
        """Ask a project's admins for access. The answer is the same whether or not there is such a project."""
        return AskedAccess.model_validate(
            await self._data.call(principal, "access_requests_create", **body.model_dump())
        )

    async def asked(self, principal: Principal) -> Page[AskedAccess]:
        """What the caller asked for within 30 days, newest first."""
        return Page[AskedAccess].model_validate(await self._data.call(principal, "access_requests_mine"))

    async def requests(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[AccessRequest]:
        """A project's open requests, oldest first."""
        return Page[AccessRequest].model_validate(
            await self._data.call(
                principal, "access_requests_list", project_id=project_id, **query.model_dump()
            )
        )

    async def grant(
        self, principal: Principal, project_id: UUID, request_id: UUID, role: str | None
    ) -> Member:
        """Make who asked a member."""
        return Member.model_validate(
            await self._data.call(
                principal, "access_requests_grant", project_id=project_id, id=request_id, role=role
            )
        )

    async def decline_request(self, principal: Principal, project_id: UUID, request_id: UUID) -> None:
        """Close a request; who asked is not told."""
        await self._data.call(principal, "access_requests_decline", project_id=project_id, id=request_id)

    # ---- restrictions

    async def restrictions(
        self, principal: Principal, project_id: UUID, query: PageQuery
    ) -> Page[Restriction]:
        """The assets that are more closed than the project."""
        return Page[Restriction].model_validate(
            await self._data.call(principal, "restrictions_list", project_id=project_id, **query.model_dump())
        )

    async def restrict(
        self, principal: Principal, project_id: UUID, kind: str, name: str, body: RestrictionSet
    ) -> Restriction:
        """Close an asset to all but some."""
        return Restriction.model_validate(
            await self._data.call(
                principal,
                "restrictions_set",
                project_id=project_id,
                kind=kind,
                name=name,
                min_role=body.min_role,
                people=[str(person) for person in body.people],
            )
        )

    async def unrestrict(self, principal: Principal, project_id: UUID, kind: str, name: str) -> None:
        """Open an asset to all who see its project."""
        await self._data.call(principal, "restrictions_remove", project_id=project_id, kind=kind, name=name)
