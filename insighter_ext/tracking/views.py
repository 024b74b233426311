"""The run table's own: the views that a project keeps of it, and what is done to many runs at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from insighter_ext.gateways import DataGateway
from insighter_ext.models import Model, Page, View
from insighter_ext.principal import Principal

ColumnKey = Annotated[
    str, Field(max_length=300, description="attributes.status, dataset, metrics.auc, params.lr, tags.team …")
]
RunIds = Annotated[
    list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]], Field(min_length=1, max_length=10_000)
]


class RunColumn(Model):
    """A column of the run table."""

    key: ColumnKey
    width: int | None = Field(None, ge=40, le=2000, description="In pixels; null for what suits its kind.")
    pinned: bool = False
    best: Literal["max", "min"] | None = Field(None, description="Which of a metric's values is marked.")


class RunSort(Model):
    """What the run table is sorted by."""

    key: ColumnKey
    descending: bool = False


class _Shown(Model):
    name: str = Field(min_length=1, max_length=100)
    experiment_id: str | None = Field(None, description="Null: for all experiments of the project.")
    columns: list[RunColumn] = Field(default_factory=list, max_length=500)
    sort: list[RunSort] = Field(default_factory=list, max_length=10)
    filter: str = Field("", max_length=5000, description="In MLflow's grammar.")
    group_by: str = Field(
        "", max_length=300, description="params.x, tags.x, dataset …; empty for not at all."
    )
    is_default: bool = Field(False, description="Whether it is what an experiment opens with.")


class RunViewCreate(_Shown):
    """A view to keep."""


class RunViewUpdate(_Shown):
    """A view as it shall be."""

    version: int = Field(description="The version that was read: when it is not the newest any more, 409.")


class RunView(View):
    """What a table of runs shows, kept in the project."""

    id: UUID
    name: str
    experiment_id: str | None
    columns: list[RunColumn]
    sort: list[RunSort]
    filter: str
    group_by: str
    is_default: bool
    version: int
    created_by: str | None = Field(
        description="Who made it; null for readers who know nobody in the project."
    )
    updated_at: datetime


class RunViewQuery(Model):
    """Views of what."""

    experiment_id: str | None = Field(None, description="Those for this experiment; left out: all.")


class RunTags(Model):
    """Tags of many runs."""

    run_ids: RunIds
    tags: dict[str, str | None] = Field(min_length=1, description="Null removes a tag.")


class SomeRuns(Model):
    """Runs of an experiment."""

    run_ids: RunIds


class RunsChanged(View):
    """How many runs were changed."""

    changed: int


class RunsMoved(View):
    """The runs that were deleted or restored; those that were so before are not among them."""

    run_ids: list[str]


class RunViews:
    """See the module. One method for each function of the database; a change of many runs is done to all or to none."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def list(self, principal: Principal, project_id: UUID, query: RunViewQuery) -> Page[RunView]:
        """The views of an experiment, its own before those of all experiments."""
        found = await self._data.call(principal, "views_list", project_id=project_id, **query.model_dump())
        return Page[RunView](items=found["items"], cursor=None)

    async def create(self, principal: Principal, project_id: UUID, body: RunViewCreate) -> RunView:
        """Keep a new view."""
        return await self._save(principal, project_id, body)

    async def update(
        self, principal: Principal, project_id: UUID, view_id: UUID, body: RunViewUpdate
    ) -> RunView:
        """Change a view.

        Raises:
            Conflict: somebody has changed it since it was read.
        """
        return await self._save(principal, project_id, body, id=view_id, version=body.version)

    async def delete(self, principal: Principal, project_id: UUID, view_id: UUID) -> None:
        """Delete a view; the runs are not touched."""
        await self._data.call(principal, "views_delete", project_id=project_id, id=view_id)

    async def tag(
        self, principal: Principal, project_id: UUID, experiment_id: str, body: RunTags
    ) -> RunsChanged:
        """Set and remove tags of runs."""
        done = await self._data.call(
            principal,
            "runs_set_tags",
            project_id=project_id,
            experiment_id=experiment_id,
            **body.model_dump(),
        )
        return RunsChanged(**done)

    async def set_deleted(
        self, principal: Principal, project_id: UUID, experiment_id: str, body: SomeRuns, deleted: bool
    ) -> RunsMoved:
        """Delete runs, or restore them."""
        done = await self._data.call(
            principal,
            "runs_set_deleted_many",
            project_id=project_id,
            experiment_id=experiment_id,
            run_ids=body.run_ids,
            deleted=deleted,
        )
        return RunsMoved(**done)

    async def _save(self, principal: Principal, project_id: UUID, body: _Shown, **which: object) -> RunView:
        shown = body.model_dump(exclude={"version", "is_default"})
        saved = await self._data.call(
            principal, "views_save", project_id=project_id, default=body.is_default, **shown, **which
        )
        return RunView(**saved)
