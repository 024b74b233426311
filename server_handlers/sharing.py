"""Routes of sharing: members, organisations, invitations, requests for access, restrictions."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page, PageQuery
from insighter_ext.projects.models import Project
from insighter_ext.sharing.models import (
    AccessRequest,
    AccessRequestCreate,
    AskedAccess,
    Grant,
    Invitation,
    InvitationCode,
    InvitationCreate,
    Joined,
    Member,
    MemberRole,
    NewInvitation,
    NewOwner,
    Organisation,
    OrganisationInvitationCreate,
    OrganisationMember,
    OrganisationMemberRole,
    OrganisationName,
    OwnInvitation,
    Restriction,
    RestrictionSet,
    VisibilityChange,
)
from insighter_ext.sharing.service import Group
from server_handlers.base import ApiHandler, operation

# ---- members ---------------------------------------------------------------------------------------------------------


class MembersHandler(ApiHandler):
    """A project's members."""

    path, tag = "/projects/{project_id:uuid}/members", "sharing"

    @operation(
        "A project's members, its owner first; for members",
        query=PageQuery,
        returns=Page[Member],
        errors=(403, 404, 422),
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Member]:
        return await self.platform.sharing.members(self.principal, project_id, query)


class MemberHandler(ApiHandler):
    """A member of a project."""

    path, tag = "/projects/{project_id:uuid}/members/{user_id:uuid}", "sharing"

    @operation(
        "Give somebody a role in a project; for its admins",
        body=MemberRole,
        returns=Member,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, user_id: UUID, body: MemberRole) -> Member:
        return await self.platform.sharing.set_member(self.principal, project_id, user_id, body)

    @operation("Take somebody out of a project, or leave it", status=204, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, user_id: UUID) -> None:
        await self.platform.sharing.remove_member(self.principal, project_id, user_id)


class OwnerHandler(ApiHandler):
    """A project's owner."""

    path, tag = "/projects/{project_id:uuid}/owner", "sharing"

    @operation(
        "Transfer a project to another of its members; for its owner",
        body=NewOwner,
        returns=Project,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, body: NewOwner) -> Project:
        return await self.platform.sharing.transfer(self.principal, project_id, body.user_id)


class VisibilityHandler(ApiHandler):
    """Who sees a project."""

    path, tag = "/projects/{project_id:uuid}/visibility", "sharing"

    @operation(
        "Say who sees a project without being a member; for its admins",
        body=VisibilityChange,
        returns=Project,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, body: VisibilityChange) -> Project:
        return await self.platform.sharing.set_visibility(self.principal, project_id, body)


# ---- invitations -----------------------------------------------------------------------------------------------------


class ProjectInvitationsHandler(ApiHandler):
    """Invitations to a project."""

    path, tag = "/projects/{project_id:uuid}/invitations", "sharing"

    @operation(
        "Invitations to a project that nobody answered yet; for its admins",
        query=PageQuery,
        returns=Page[Invitation],
        errors=(403, 404, 409, 422),
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Invitation]:
        return await self.platform.sharing.invitations(self.principal, Group(project_id), query)

    @operation(
        "Invite an e-mail address to a project; the code is shown once. For its admins",
        body=InvitationCreate,
        returns=NewInvitation,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: InvitationCreate) -> NewInvitation:
        made = await self.platform.sharing.invite(self.principal, Group(project_id), body.email, body.role)
        self.created("projects", project_id, "invitations", made.id)
        return made


class ProjectInvitationHandler(ApiHandler):
    """An invitation to a project."""

    path, tag = "/projects/{project_id:uuid}/invitations/{invitation_id:uuid}", "sharing"

    @operation("Take an invitation back; for admins", status=204, errors=(403, 404, 409))
    async def delete(self, project_id: UUID, invitation_id: UUID) -> None:
        await self.platform.sharing.revoke_invitation(self.principal, Group(project_id), invitation_id)


class OwnInvitationsHandler(ApiHandler):
    """The caller's invitations."""

    path, tag = "/invitations", "sharing"

    @operation(
        "What the caller's confirmed address is invited to", returns=Page[OwnInvitation], errors=(403,)
    )
    async def get(self) -> Page[OwnInvitation]:
        return await self.platform.sharing.own_invitations(self.principal)


class AcceptCodeHandler(ApiHandler):
    """Accepting by code."""

    path, tag = "/invitations/accept", "sharing"

    @operation(
        "Accept an invitation by its code", body=InvitationCode, returns=Joined, errors=(403, 404, 422)
    )
    async def post(self, body: InvitationCode) -> Joined:
        return await self.platform.sharing.accept_code(self.principal, body.code)


class AcceptHandler(ApiHandler):
    """Accepting."""

    path, tag = "/invitations/{invitation_id:uuid}/accept", "sharing"

    @operation("Accept one of the caller's invitations", returns=Joined, errors=(403, 404))
    async def post(self, invitation_id: UUID) -> Joined:
        return await self.platform.sharing.accept(self.principal, invitation_id)


class DeclineHandler(ApiHandler):
    """Declining."""

    path, tag = "/invitations/{invitation_id:uuid}/decline", "sharing"

    @operation("Decline one of the caller's invitations", status=204, errors=(403, 404))
    async def post(self, invitation_id: UUID) -> None:
        await self.platform.sharing.decline(self.principal, invitation_id)


# ---- requests for access ---------------------------------------------------------------------------------------------


class AskedHandler(ApiHandler):
    """What the caller asked for."""

    path, tag = "/access-requests", "sharing"

    @operation(
        "What the caller asked for within 30 days, newest first", returns=Page[AskedAccess], errors=(403,)
    )
    async def get(self) -> Page[AskedAccess]:
        return await self.platform.sharing.asked(self.principal)

    @operation(
        "Ask the admins of a project for access; answers alike whether or not there is such a project",
        body=AccessRequestCreate,
        returns=AskedAccess,
        status=202,
        errors=(403, 409, 422),
    )
    async def post(self, body: AccessRequestCreate) -> AskedAccess:
        return await self.platform.sharing.ask(self.principal, body)


class AccessRequestsHandler(ApiHandler):
    """Who asks for access to a project."""

    path, tag = "/projects/{project_id:uuid}/access-requests", "sharing"

    @operation(
        "Who asks for access to a project, oldest first; for its admins",
        query=PageQuery,
        returns=Page[AccessRequest],
        errors=(403, 404, 409, 422),
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[AccessRequest]:
        return await self.platform.sharing.requests(self.principal, project_id, query)


class GrantHandler(ApiHandler):
    """Granting access."""

    path, tag = "/projects/{project_id:uuid}/access-requests/{request_id:uuid}/grant", "sharing"

    @operation(
        "Make who asked for access a member; for admins",
        body=Grant,
        returns=Member,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, request_id: UUID, body: Grant) -> Member:
        return await self.platform.sharing.grant(self.principal, project_id, request_id, body.role)


class DeclineRequestHandler(ApiHandler):
    """Declining a request."""

    path, tag = "/projects/{project_id:uuid}/access-requests/{request_id:uuid}/decline", "sharing"

    @operation("Close a request for access; who asked is not told", status=204, errors=(403, 404, 409))
    async def post(self, project_id: UUID, request_id: UUID) -> None:
        await self.platform.sharing.decline_request(self.principal, project_id, request_id)


# ---- restrictions ----------------------------------------------------------------------------------------------------


class RestrictionsHandler(ApiHandler):
    """A project's restricted assets."""

    path, tag = "/projects/{project_id:uuid}/restrictions", "sharing"

    @operation(
        "The assets that are more closed than their project; for its admins",
        query=PageQuery,
        returns=Page[Restriction],
        errors=(403, 404, 409, 422),
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Restriction]:
        return await self.platform.sharing.restrictions(self.principal, project_id, query)


class RestrictionHandler(ApiHandler):
    """A restricted asset."""

    path, tag = "/projects/{project_id:uuid}/restrictions/{kind}/{name}", "sharing"

    @operation(
        "Close a dataset, notebook (by its id), model or deployment to all but members with a role and people named",
        body=RestrictionSet,
        returns=Restriction,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, kind: str, name: str, body: RestrictionSet) -> Restriction:
        return await self.platform.sharing.restrict(self.principal, project_id, kind, name, body)

    @operation(
        "Open an asset to all who see its project; for admins", status=204, errors=(403, 404, 409, 422)
    )
    async def delete(self, project_id: UUID, kind: str, name: str) -> None:
        await self.platform.sharing.unrestrict(self.principal, project_id, kind, name)


# ---- organisations ---------------------------------------------------------------------------------------------------


class OrganisationsHandler(ApiHandler):
    """The caller's organisations."""

    path, tag = "/organisations", "sharing"

    @operation(
        "The caller's organisations, by name", query=PageQuery, returns=Page[Organisation], errors=(422,)
    )
    async def get(self, query: PageQuery) -> Page[Organisation]:
        return await self.platform.sharing.organisations(self.principal, query)

    @operation(
        "Make an organisation; the caller is its first admin",
        body=OrganisationName,
        returns=Organisation,
        status=201,
        errors=(403, 409, 422),
    )
    async def post(self, body: OrganisationName) -> Organisation:
        made = await self.platform.sharing.create_organisation(self.principal, body.name)
        self.created("organisations", made.id)
        return made


class OrganisationHandler(ApiHandler):
    """An organisation."""

    path, tag = "/organisations/{organisation_id:uuid}", "sharing"

    @operation("An organisation; for its members", returns=Organisation, errors=(404,))
    async def get(self, organisation_id: UUID) -> Organisation:
        return await self.platform.sharing.organisation(self.principal, organisation_id)

    @operation(
        "Rename an organisation; for its admins",
        body=OrganisationName,
        returns=Organisation,
        errors=(403, 404, 409, 422),
    )
    async def patch(self, organisation_id: UUID, body: OrganisationName) -> Organisation:
        return await self.platform.sharing.rename_organisation(self.principal, organisation_id, body.name)

    @operation(
        "Delete an organisation to which no project is visible; for its admins",
        status=204,
        errors=(403, 404, 409),
    )
    async def delete(self, organisation_id: UUID) -> None:
        await self.platform.sharing.delete_organisation(self.principal, organisation_id)


class OrganisationMembersHandler(ApiHandler):
    """An organisation's members."""

    path, tag = "/organisations/{organisation_id:uuid}/members", "sharing"

    @operation(
        "An organisation's members, admins first; for its members",
        query=PageQuery,
        returns=Page[OrganisationMember],
        errors=(404, 422),
    )
    async def get(self, organisation_id: UUID, query: PageQuery) -> Page[OrganisationMember]:
        return await self.platform.sharing.organisation_members(self.principal, organisation_id, query)


class OrganisationMemberHandler(ApiHandler):
    """A member of an organisation."""

    path, tag = "/organisations/{organisation_id:uuid}/members/{user_id:uuid}", "sharing"

    @operation(
        "Give a member of an organisation the other role; for its admins",
        body=OrganisationMemberRole,
        returns=OrganisationMember,
        errors=(403, 404, 409, 422),
    )
    async def put(
        self, organisation_id: UUID, user_id: UUID, body: OrganisationMemberRole
    ) -> OrganisationMember:
        return await self.platform.sharing.set_organisation_member(
            self.principal, organisation_id, user_id, body.role
        )

    @operation("Take somebody out of an organisation, or leave it", status=204, errors=(403, 404, 409))
    async def delete(self, organisation_id: UUID, user_id: UUID) -> None:
        await self.platform.sharing.remove_organisation_member(self.principal, organisation_id, user_id)


class OrganisationInvitationsHandler(ApiHandler):
    """Invitations to an organisation."""

    path, tag = "/organisations/{organisation_id:uuid}/invitations", "sharing"

    @operation(
        "Invitations to an organisation that nobody answered yet; for its admins",
        query=PageQuery,
        returns=Page[Invitation],
        errors=(403, 404, 422),
    )
    async def get(self, organisation_id: UUID, query: PageQuery) -> Page[Invitation]:
        group = Group(organisation_id=organisation_id)
        return await self.platform.sharing.invitations(self.principal, group, query)

    @operation(
        "Invite an e-mail address to an organisation; the code is shown once. For its admins",
        body=OrganisationInvitationCreate,
        returns=NewInvitation,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, organisation_id: UUID, body: OrganisationInvitationCreate) -> NewInvitation:
        group = Group(organisation_id=organisation_id)
        made = await self.platform.sharing.invite(self.principal, group, body.email, body.role)
        self.created("organisations", organisation_id, "invitations", made.id)
        return made


class OrganisationInvitationHandler(ApiHandler):
    """An invitation to an organisation."""

    path, tag = "/organisations/{organisation_id:uuid}/invitations/{invitation_id:uuid}", "sharing"

    @operation("Take an invitation to an organisation back; for its admins", status=204, errors=(403, 404))
    async def delete(self, organisation_id: UUID, invitation_id: UUID) -> None:
        group = Group(organisation_id=organisation_id)
        await self.platform.sharing.revoke_invitation(self.principal, group, invitation_id)


HANDLERS = [
    MembersHandler,
    MemberHandler,
    OwnerHandler,
    VisibilityHandler,
    ProjectInvitationsHandler,
    ProjectInvitationHandler,
    OwnInvitationsHandler,
    AcceptCodeHandler,
    AcceptHandler,
    DeclineHandler,
    AskedHandler,
    AccessRequestsHandler,
    GrantHandler,
    DeclineRequestHandler,
    RestrictionsHandler,
    RestrictionHandler,
    OrganisationsHandler,
    OrganisationHandler,
    OrganisationMembersHandler,
    OrganisationMemberHandler,
    OrganisationInvitationsHandler,
    OrganisationInvitationHandler,
]
