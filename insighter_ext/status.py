"""What the server says of itself."""

from __future__ import annotations

from pydantic import Field

from insighter_ext.config import Mode
from insighter_ext.models import View
from insighter_ext.principal import Kind, Role


class Me(View):
    """Who the caller is."""

    user_id: str
    display_name: str
    email: str | None = Field(description="The account's address, where the credential says it.")
    kind: Kind
    project_id: str | None = Field(description="The one project a credential is confined to.")
    role: Role | None = Field(description="The highest role a credential has; null for a person.")
    local: bool = Field(description="Whether it is the one account of a server where nobody signs in.")


class Status(View):
    """The platform's state; the front end compares the version with its own."""

    version: str
    mode: Mode
    accounts: bool = Field(description="Whether people sign in to accounts of their own.")
    database: str = Field(description="Product and version.")
    me: Me
    personal_project: str = Field(description="Id of the account's own project.")
    trash_days: int = Field(
        description="How many days what is deleted can be restored; 0 where it goes at once."
    )
