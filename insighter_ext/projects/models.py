"""Types of the projects API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View
from insighter_ext.principal import Role

Visibility = Literal["private", "team", "public"]


class Project(View):
    """A project as its members see it."""

    id: UUID
    slug: str = Field(description="Its name in addresses; unique, and never changes.")
    name: str
    description: str = Field(description="Markdown.")
    folder: str = Field(description="Its folder, relative to Jupyter's root.")
    personal: bool = Field(
        description="Whether it is the account's own, where work lands that names no project."
    )
    visibility: Visibility = Field(
        description="Who sees it without being a member: nobody, the members of an organisation, or all who sign in."
    )
    organisation_id: UUID | None = Field(description="Whose members see it.")
    role: Role | None = Field(description="The caller's role; without being a member, the viewer's.")
    member: bool = Field(description="Whether the caller is a member.")
    members: int = Field(description="How many there are; 0 for who is none.")
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    last_event: int = Field(
        description="Number of the newest event: what the caller holds is current while it stays."
    )
    last_activity: datetime


class ProjectCreate(Model):
    """A project to be."""

    name: str = Field(
        min_length=1, max_length=400, description="1 to 100 characters of any script, no slashes."
    )
    description: str = Field("", max_length=10_000)


class ProjectExpected(Model):
    """What was there when the change began."""

    name: str | None = Field(None, max_length=400)
    description: str | None = Field(None, max_length=10_000)


class ProjectUpdate(Model):
    """What shall change; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=400)
    description: str | None = Field(None, max_length=10_000)
    archived: bool | None = None
    expected: ProjectExpected | None = Field(
        None,
        description="Where something else is there now, nothing changes: 409 `changed_meanwhile`, with `field`,"
        " `yours`, `theirs`, `by` and `at` in the details.",
    )


class ProjectQuery(PageQuery):
    """Which projects."""

    archived: bool = False
    scope: Literal["mine", "all"] = Field(
        "mine",
        description="Those one is a member of; or all that one sees, public ones and those of one's organisations too.",
    )


class ProjectContents(View):
    """What hangs on a project, for the question before its deletion."""

    datasets: int
    dataset_versions: int
    notebooks: int
    notebook_versions: int
    experiments: int
    runs: int
    models: int
    model_versions: int
    deployments: list[str] = Field(description="Names of its endpoints; those that run are stopped.")
    bytes: int = Field(description="Size of the stored files.")


class ProjectDelete(Model):
    """The confirmation of a deletion."""

    confirm: str = Field(description="The project's name, typed by whoever deletes it.")


class Quickstart(View):
    """What the quickstart made."""

    project: Project
    notebook: str = Field(description="The notebook to open, relative to Jupyter's root.")
    dataset: str


class ProjectFolder(View):
    """A project's folder, there and marked as the project's."""

    path: str = Field(description="Relative to Jupyter's root.")
