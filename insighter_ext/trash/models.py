"""Types of the trash API."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View


class TrashEntry(View):
    """A deleted asset."""

    kind: str = Field(description="dataset, model, deployment, experiment or run; others may join them.")
    id: str = Field(description="The asset's id; of a run MLflow's.")
    name: str = Field(description="As it was, and is again when it is restored.")
    deleted_at: datetime
    deleted_by: str
    purge_after: datetime = Field(description="When it goes for good.")
    objects: int = Field(0, description="Stored files that a purge frees: those that nothing else needs.")
    bytes: int = Field(0, description="How large these are.")


class TrashQuery(PageQuery):
    """Which of a project's trash."""

    kind: str | None = Field(None, max_length=40)


class TrashRestore(Model):
    """How something comes back."""

    name: str | None = Field(
        None, min_length=1, max_length=400, description="Another name, where the old one is taken by now."
    )


class Kept(View):
    """What was not purged, because something needs it."""

    kind: str
    id: str
    name: str
    needed_by: list[str] = Field(description="Versions of registered models that stand on its files.")


class Purged(View):
    """What a purge did."""

    purged: int = Field(description="How many assets went for good.")
    freed_objects: int = Field(description="Stored files that were removed.")
    freed_bytes: int = Field(description="How large these were.")
    kept_objects: int = Field(
        0, description="Files of what was purged that other assets need too: they stay."
    )
    kept_bytes: int = 0
    kept: list[Kept] = Field(default_factory=list, description="What stays in the trash, and why.")
    pending: bool = Field(
        False, description="The store could not remove all files now: the server goes on with it later."
    )


class TrashedProject(View):
    """A deleted project of the caller's."""

    id: UUID
    name: str
    deleted_at: datetime
    deleted_by: str
    purge_after: datetime = Field(description="When it goes for good.")
    assets: dict[str, int] = Field(description="What is in it: how many of each kind.")
    bytes: int = Field(description="How large its stored files are.")
