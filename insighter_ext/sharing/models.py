"""Types of the sharing API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View
from insighter_ext.principal import Role
from insighter_ext.projects.models import Project, Visibility

GivenRole = Literal["viewer", "annotator", "editor", "admin"]
OrganisationRole = Literal["member", "admin"]
AssetKind = Literal["dataset", "notebook", "model", "deployment"]

# ---- members ---------------------------------------------------------------------------------------------------------


class Member(View):
    """Somebody with a role in a project."""

    user_id: UUID
    display_name: str
    email: str | None
    role: Role
    since: datetime


class MemberRole(Model):
    """The role to give."""

    role: GivenRole = Field(description="The owner's is moved by a transfer.")
    before: GivenRole | None = Field(
        None,
        description="The role that the caller saw: refused (409) where it is another one now, or none.",
    )


class NewOwner(Model):
    """To whom a project goes."""

    user_id: UUID = Field(description="One of its members.")


class VisibilityChange(Model):
    """Who sees a project without being a member."""

    visibility: Visibility
    organisation_id: UUID | None = Field(
        None, description='With "team": the organisation whose members see it.'
    )


# ---- organisations ---------------------------------------------------------------------------------------------------


class Organisation(View):
    """People who belong together."""

    id: UUID
    name: str
    role: OrganisationRole = Field(description="The caller's.")
    members: int
    created_at: datetime
    updated_at: datetime


class OrganisationName(Model):
    """What an organisation is called."""

    name: str = Field(
        min_length=1, max_length=400, description="1 to 100 characters of any script, no slashes."
    )


class OrganisationMember(View):
    """Somebody who belongs to an organisation."""

    user_id: UUID
    display_name: str
    email: str | None
    role: OrganisationRole
    since: datetime


class OrganisationMemberRole(Model):
    """The role to give."""

    role: OrganisationRole


# ---- invitations -----------------------------------------------------------------------------------------------------


class InvitationCreate(Model):
    """Whom to invite to a project, and as what."""

    email: str = Field(min_length=3, max_length=254)
    role: GivenRole


class OrganisationInvitationCreate(Model):
    """Whom to invite to an organisation, and as what."""

    email: str = Field(min_length=3, max_length=254)
    role: OrganisationRole


class Invitation(View):
    """An invitation that nobody answered yet, as admins see it."""

    id: UUID
    project_id: UUID | None
    organisation_id: UUID | None
    email: str
    role: str
    invited_by: str = Field(
        description="Name of who sent it. It is good as long as that account is an admin."
    )
    created_at: datetime
    expires_at: datetime = Field(description="14 days after it was made.")


class NewInvitation(Invitation):
    """An invitation and its code."""

    code: str = Field(
        repr=False,
        description="Shown this once. Whoever has it can accept the invitation once: give it to the invited alone.",
    )


class OwnInvitation(View):
    """An invitation to the caller's confirmed address."""

    id: UUID
    kind: Literal["project", "organisation"]
    name: str = Field(description="Of the project or the organisation.")
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class InvitationCode(Model):
    """The code of an invitation."""

    code: str = Field(min_length=1, max_length=200, repr=False)


class Joined(View):
    """What an invitation led to."""

    project: Project | None
    organisation: Organisation | None


# ---- requests for access ---------------------------------------------------------------------------------------------


class AccessRequestCreate(Model):
    """What the caller asks for."""

    project: str = Field(
        min_length=1, max_length=63, description="The project's id, or its name in addresses (slug)."
    )
    role: GivenRole = "viewer"
    message: str = Field("", max_length=1000, description="Why; its admins read it.")


class AskedAccess(View):
    """What the caller asked for. It says nothing about whether there is such a project."""

    id: UUID
    project: str = Field(description="As it was asked for.")
    role: GivenRole
    message: str
    state: Literal["pending", "granted"] = Field(
        description="A request that was declined stays pending until it lapses after 30 days."
    )
    created_at: datetime


class AccessRequest(View):
    """An open request, as the project's admins see it."""

    id: UUID
    user_id: UUID
    display_name: str
    email: str | None
    role: GivenRole
    message: str
    created_at: datetime


class Grant(Model):
    """What to give to who asked."""

    role: GivenRole | None = Field(None, description="What was asked for, where left out.")


# ---- restrictions ----------------------------------------------------------------------------------------------------


class Named(View):
    """Somebody, by id and name."""

    user_id: UUID
    display_name: str


class Restriction(View):
    """An asset that is more closed than its project."""

    kind: AssetKind
    name: str
    key: str = Field(description="What the API names it by: its name; a notebook's id.")
    min_role: Role = Field(description="Members with at least this role see it.")
    people: list[Named] = Field(description="Members who see it whatever their role.")
    created_at: datetime


class RestrictionSet(Model):
    """Who shall still see an asset."""

    min_role: Literal["annotator", "editor", "admin", "owner"] = Field(
        description="Not above the caller's own role."
    )
    people: list[UUID] = Field([], max_length=200, description="Members who see it whatever their role.")
