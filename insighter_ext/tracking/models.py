"""Types of the experiments API, as the panels and the SDK see it. MLflow's own protocol is in ``protocol.py``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


class Experiment(View):
    """An experiment with what a list shows of it."""

    id: str
    name: str
    runs: int
    running: int = Field(description="runs in status RUNNING")
    last_run: datetime | None
    created_at: datetime


class Metric(View):
    """A metric's newest value. Not finite values come as the strings NaN, Infinity, -Infinity."""

    key: str
    value: float | Literal["NaN", "Infinity", "-Infinity"]
    step: int
    timestamp: datetime


class Run(View):
    """A run with the newest value of each metric."""

    id: str
    name: str
    experiment_id: str
    status: RunStatus
    started_at: datetime | None
    ended_at: datetime | None
    created_by: str
    metrics: list[Metric]
    params: dict[str, str]


class DatasetInput(View):
    """A dataset that a run read."""

    name: str
    digest: str
    context: str | None = None


class RunDetail(Run):
    """All of a run."""

    tags: dict[str, str]
    inputs: list[DatasetInput]
    models: list[str] = Field(description="Ids of the models it logged.")
    artifact_uri: str
    experiment_name: str
    deleted: bool


class RunChange(Model):
    """What to change of a run; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=5000)
    note: str | None = Field(None, description='Markdown, kept as the tag mlflow.note.content; "" for none.')
    tags: dict[str, str | None] = Field(default_factory=dict, description="Null takes a tag off.")
    expected: dict[str, str | None] = Field(
        default_factory=dict,
        description="Tags as they were seen before, null for none. Where another value is there now, nothing changes:"
        " 409 `changed_meanwhile`, with `field`, `theirs`, `by` and `at` in its details.",
    )


class MetricPoint(View):
    """One value in a metric's history."""

    value: float | Literal["NaN", "Infinity", "-Infinity"]
    step: int
    timestamp: datetime


class MetricHistory(View):
    """A page of a metric of a run, in the order of its steps."""

    key: str
    points: list[MetricPoint]
    cursor: str | None = Field(description="Of the next page; null on the last.")


class MetricHistoryQuery(Model):
    """Which page of a history."""

    limit: int = Field(25_000, ge=1, le=100_000)
    cursor: str | None = None


class CurvesBody(Model):
    """Which metrics of which runs, and what of them."""

    run_ids: list[str] = Field(min_length=1, max_length=100)
    keys: list[str] = Field(min_length=1, max_length=20)
    max_points: int = Field(
        1000,
        ge=4,
        le=10_000,
        description="Of a curve; a longer one is thinned to the first and the last point, the least and the "
        "greatest of each of equal parts. With many curves each gets less: all together have at most 400,000.",
    )
    after: dict[str, str] | None = Field(
        None, description="Cursors of the answer before: of these runs only what was logged since."
    )


class Curve(View):
    """A metric of a run: three columns of one length, by step and time. Empty curves are left out."""

    run_id: str
    key: str
    total: int = Field(description="Points of which these are a choice, or all.")
    steps: list[int]
    times: list[int] = Field(description="milliseconds since 1970")
    values: list[float | Literal["NaN", "Infinity", "-Infinity"]]


class Curves(View):
    """Metrics of runs for a chart.

    With ``after`` a point may come again, when the database folded what had been logged in small pieces: a point of
    the same step, time and value is the same one.
    """

    curves: list[Curve]
    cursors: dict[str, str] = Field(description="Of each run, for the next question.")


class RunQuery(PageQuery):
    """Which page of runs, newest first."""


class ArtifactFile(View):
    """A file or folder among a run's artifacts."""

    path: str
    is_dir: bool
    size: int | None


class ArtifactQuery(Model):
    """Below which folder."""

    path: str = ""
