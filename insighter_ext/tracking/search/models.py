"""Types of the run table: what it asks and what it is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from insighter_ext.models import Model, View
from insighter_ext.tracking.models import DatasetInput, RunStatus

RunView = Literal["active", "deleted", "all"]
Key = Annotated[str, Field(min_length=1, max_length=250)]
Number = float | Literal["NaN", "Infinity", "-Infinity"]


class RunTableQuery(Model):
    """A page of the run table: filtered, ordered, with the columns that are shown."""

    filter: str = Field("", description="In MLflow's grammar; a refusal says where in it, in code points.")
    order_by: list[str] = Field([], description="Such as `metrics.auc DESC`; newest first where it is empty.")
    view: RunView = "active"
    metrics: list[Key] = Field([], max_length=1000, description="Keys of the columns wanted.")
    params: list[Key] = Field([], max_length=1000)
    tags: list[Key] = Field([], max_length=1000)
    offset: int = Field(0, ge=0, le=100_000_000)
    limit: int = Field(100, ge=1, le=1000)


class RunRow(View):
    """A run with the columns that were asked for; what it does not have is left out."""

    id: str
    name: str
    status: RunStatus
    started_at: str | None = Field(description="ISO 8601 in UTC; null where the client's time is no date.")
    ended_at: str | None
    created_by: str
    deleted: bool
    metrics: dict[str, Number]
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[DatasetInput]
    models: list[str] = Field(description="Ids of the models it logged.")


class RunTable(View):
    """A page of the run table."""

    total: int = Field(description="How many runs the filter lets through.")
    offset: int
    items: list[RunRow]


class RunKey(View):
    """A key, and how many runs have it."""

    key: str
    runs: int


class RunKeys(View):
    """The keys of an experiment's runs, by name."""

    metrics: list[RunKey]
    params: list[RunKey]
    tags: list[RunKey]
    runs: int = Field(description="How many runs there are.")
    exact: bool = Field(
        description="Whether all runs were counted. Of very many runs with very many keys some stand for all."
    )


class GroupQuery(Model):
    """Runs in groups."""

    filter: str = ""
    view: RunView = "active"
    group_by: str = Field(
        max_length=300,
        description="`params.…`, `tags.…`, `dataset`, `attributes.status` or `attributes.user_id`.",
    )
    metrics: list[Key] = Field([], max_length=20)


class GroupMetric(View):
    """A metric in a group; values that are not finite are left out. Null where none is left."""

    mean: float | None
    min: float | None
    max: float | None


class RunGroup(View):
    """The runs with one value; null stands for those without."""

    value: str | None
    count: int
    metrics: dict[str, GroupMetric]


class RunGroups(View):
    """Groups of runs, the largest first, 1,000 at most."""

    items: list[RunGroup]
