"""Types of the datasets API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View

Format = Literal["csv", "json", "parquet"]


class Column(View):
    """A column of a table."""

    name: str
    type: str = Field(
        description="SQL's name of the type: BIGINT, DOUBLE, VARCHAR, BOOLEAN, DATE, TIMESTAMP, …"
    )


class DatasetVersion(View):
    """One immutable version of a dataset."""

    version: int = Field(description="1 for the first.")
    format: Format = Field(description="What the file is by its content.")
    filename: str = Field(description="The name it was uploaded under.")
    sha256: str
    size: int = Field(description="bytes, of the file as uploaded")
    rows: int
    columns: list[Column]
    created_at: datetime
    created_by: str = Field(description="The person's display name.")


class Dataset(View):
    """A dataset with its newest version."""

    id: UUID
    name: str
    versions: int
    latest: DatasetVersion
    created_at: datetime
    updated_at: datetime


class DatasetDetail(Dataset):
    """A dataset with all its versions, newest first."""

    history: list[DatasetVersion]


class UploadQuery(Model):
    """What goes with an upload beside its bytes."""

    filename: str = Field(
        "", max_length=255, description="The file's name, for people; its content decides the format."
    )
    made_from: str | None = Field(
        None,
        max_length=20_000,
        description="What it was made from, for its lineage: a JSON list of {kind, key, version, if_known}.",
    )


class Uploaded(View):
    """The answer to an upload."""

    dataset: Dataset
    version: DatasetVersion
    unchanged: bool = Field(
        description="True when the newest version had this content already; nothing was added."
    )


class PreviewQuery(Model):
    """Which rows."""

    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=1, le=1000)


class Preview(View):
    """Rows of one version of a dataset."""

    version: int
    columns: list[Column]
    rows: list[list[Any]] = Field(
        description="Values as JSON; what JSON cannot say (dates, big numbers) as text."
    )
    offset: int
    total: int = Field(description="rows in the whole version")


class ContentQuery(Model):
    """In which form to download."""

    format: Literal["original", "parquet"] = "original"
