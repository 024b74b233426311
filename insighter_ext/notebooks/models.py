"""Types of the notebooks API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from insighter_ext.models import Model, View

Outcome = Literal["ok", "failed"]
Reason = Literal["ran", "saved", "restored"]


class LastRun(View):
    """When cells of a notebook ran last."""

    at: datetime
    by: str = Field(description="The person's display name.")
    outcome: Outcome = Field(description="Whether a cell raised an error.")


class Notebook(View):
    """A notebook of a project."""

    id: UUID
    project_id: UUID
    name: str = Field(description="Its file's name without .ipynb.")
    path: str = Field(description="Below the project's folder, where it was seen last.")
    file: str | None = Field(
        None, description="The same below Jupyter's root; null where this server has no such file."
    )
    kernel: str = Field(description="The kernel's name, such as python3 or ir.")
    language: str
    versions: int = Field(description="How many there are; the newest has this number.")
    last_run: LastRun | None
    created_by: str
    created_at: datetime
    updated_at: datetime


class RunNotebook(Notebook):
    """The notebook that made a run."""

    version: int | None = Field(description="The version that did; null until there is a snapshot of it.")


class MadeRun(View):
    """A run that a version made."""

    id: str
    name: str


class NotebookVersion(View):
    """A snapshot of a notebook."""

    version: int = Field(description="1 for the first.")
    sha256: str
    size: int = Field(description="bytes")
    cells: int
    reason: Reason = Field(description="Why there is one; restored: an older version was put back.")
    outcome: Outcome | None = Field(description="Of what ran; null where nothing did.")
    stripped: bool = Field(description="Whether its outputs were too large to keep.")
    path: str = Field(description="Where the file was then, below the project's folder.")
    runs: list[MadeRun] = Field(description="Runs it made, newest first; 20 at most.")
    created_by: str
    created_at: datetime


class NotebookBind(Model):
    """Which file is meant."""

    path: str = Field(min_length=1, max_length=4096, description="Below Jupyter's root, with slashes.")
    id: UUID | None = Field(
        None, description="The notebook it is known as; what its file says where left out."
    )


class SnapshotQuery(Model):
    """What goes with a snapshot beside the notebook itself."""

    reason: Reason = "saved"
    outcome: Outcome | None = Field(None, description="Of what ran; with the reason ran, and only then.")
    kernel_id: UUID | None = Field(None, description="Jupyter's id of the kernel that ran it.")

    @model_validator(mode="after")
    def _outcome_of_what_ran(self) -> SnapshotQuery:
        if (self.outcome is None) == (self.reason == "ran"):
            raise ValueError("an outcome goes with the reason ran, and only then")
        return self


class Snapshot(View):
    """The answer to a snapshot."""

    notebook: Notebook
    version: NotebookVersion
    unchanged: bool = Field(
        description="True when the newest version has the same sources and outputs; nothing was added."
    )


class DiffLine(View):
    """A line of a cell's source."""

    op: Literal["same", "added", "removed"]
    text: str


class DiffOutput(View):
    """An output, as far as it can be shown without running anything of it."""

    kind: Literal["text", "error", "image", "other"]
    text: str = Field(description="Cut after 10,000 characters.")
    image: str | None = Field(
        None, description="A PNG, JPEG or GIF in base64; of others only the type is told."
    )
    type: str = Field(description="Its MIME type, or stream and error.")


class CellDiff(View):
    """What became of a cell."""

    state: Literal["same", "changed", "added", "removed"]
    type: str = Field(description="code, markdown or raw")
    before: int | None = Field(description="Its place in the one version, from 1.")
    after: int | None = Field(description="Its place in the other.")
    lines: list[DiffLine]
    outputs_changed: bool
    outputs_before: list[DiffOutput] = Field(description="Of a cell whose outputs changed, or that went.")
    outputs_after: list[DiffOutput]


class NotebookDiff(View):
    """Cell by cell, from one version to another."""

    before: int
    after: int
    cells: list[CellDiff]
    added: int
    removed: int
    changed: int
