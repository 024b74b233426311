"""What the server says of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from insighter_ext.models import View


class Me(View):
    """Who the caller is."""

    user_id: str
    display_name: str
    kind: Literal["person", "kernel"]
    project_id: str | None = Field(description="The one project a kernel's credential is confined to.")


class Status(View):
    """The platform's state; the front end compares the version with its own."""

    version: str
    mode: Literal["embedded"]
    database: str = Field(description="Product and version.")
    me: Me
    personal_project: str = Field(description="Id of the account's own project.")
