"""Types of the archives API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View

State = Literal["working", "done", "failed", "cancelled"]


class ExportQuery(Model):
    """What goes along beside the project's assets."""

    include_files: bool = Field(
        False, description="Whether the files of the project's folder go along; hidden ones never do."
    )


class ImportQuery(Model):
    """What the project shall be."""

    name: str | None = Field(
        None, min_length=1, max_length=400, description="Its name; the one in the archive where omitted."
    )


class ImportsQuery(Model):
    """How many."""

    limit: int = Field(20, ge=1, le=100)


class Failure(View):
    """Why an import came to nothing."""

    code: str
    message: str
    hint: str | None = None
    details: Any = None


class Import(View):
    """An archive on its way to become a project."""

    id: UUID
    name: str = Field(description="The wanted name; empty for the one in the archive.")
    state: State
    step: str = Field(description="What it is at: upload, objects, rows, files, saving.")
    done: int = Field(description="Bytes that were read.")
    total: int = Field(description="Bytes there are; 0 while nobody knows.")
    project_id: UUID | None = Field(description="The project, once it is there.")
    error: Failure | None = Field(description="Of one that failed.")
    created_at: datetime


class Person(View):
    """Somebody who worked on a project elsewhere."""

    id: str = Field(description="What the audit there calls them.")
    name: str
    role: str | None = None


class Origin(View):
    """Where a project was imported from."""

    number: int = Field(
        description="The newest is the highest: an archive of an import brings its own along."
    )
    name: str = Field(description="The project's name there.")
    exported_at: datetime
    exported_by: str
    people: list[Person]
    audit_rows: int = Field(description="Rows of its audit there, kept as they were.")
    audit_head: str | None
    imported_by: str
    imported_at: datetime
