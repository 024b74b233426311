"""Types of what the models API knows of a version: what it was measured by, made from and packed with; its card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from insighter_ext.models import Model, View
from insighter_ext.registry.models import ModelVersion, SignatureField
from insighter_ext.tracking.models import Metric


class VersionMetric(Metric):
    """A metric of a version, measured on a dataset or not."""

    dataset: str | None
    digest: str | None
    run_id: str | None
    source: Literal["model", "run"] = Field(description="Logged for the model, or for the run that made it.")


class VersionRun(View):
    """The run that made a version."""

    id: str
    name: str
    status: str
    experiment_id: str
    experiment: str
    deleted: bool
    commit: str | None


class VersionDataset(View):
    """A dataset that the run read."""

    name: str
    digest: str
    context: str
    dataset: str | None = Field(description="The project's dataset of that content, where it is one.")
    version: int | None


class VersionDeployment(View):
    """An endpoint that serves the version."""

    name: str
    status: str


class VersionFile(View):
    """A file; its path is relative to the model's folder, its size in bytes."""

    path: str
    size: int


class Flavor(View):
    """A way to load it, with what its MLmodel file says of it."""

    name: str
    details: dict[str, str]


class Packaging(View):
    """What its MLmodel file and its requirements say. Nothing of it was run."""

    flavors: list[Flavor]
    mlflow_version: str | None
    python_version: str | None
    requirements: list[str]
    runs_code: list[str] = Field(description="What in it runs code of whoever made it when it is loaded.")
    inputs: list[SignatureField]
    outputs: list[SignatureField]


class VersionDetail(ModelVersion):
    """All that is known of a version."""

    measured: list[VersionMetric]
    params: dict[str, str]
    model_type: str
    run: VersionRun | None
    datasets: list[VersionDataset]
    deployments: list[VersionDeployment]
    packaging: Packaging
    size: int = Field(description="Bytes of all its files.")
    file_count: int
    files: list[VersionFile] = Field(description="The first 1,000.")


Value = str | float | int | None


class Compared(View):
    """Something of two versions; null where one has it not."""

    key: str
    dataset: str | None = None
    left: Value
    right: Value
    differs: bool


class ComparedGroup(View):
    """What is compared together."""

    name: Literal["facts", "metrics", "params", "inputs", "outputs", "datasets", "requirements", "files"]
    rows: list[Compared]
    differing: int


class VersionComparison(View):
    """Two versions side by side."""

    name: str
    left: int
    right: int
    groups: list[ComparedGroup]


class CompareQuery(Model):
    """Which two."""

    left: int = Field(ge=1, le=999_999_999)
    right: int = Field(ge=1, le=999_999_999)


class CardQuery(Model):
    """The card of which version; the model's where left out."""

    version: int | None = Field(None, ge=1, le=999_999_999)


class ModelCard(View):
    """A model's card: what people wrote, with what is known in its places."""

    name: str
    version: int | None = Field(description="The version whose card it is; null for the model's.")
    shows: int | None = Field(description="The version whose facts it tells.")
    source: Literal["version", "model", "generated"] = Field(description="Whose text it is.")
    revision: int = Field(description="Of the text of just this card; 0 where there is none yet.")
    body: str = Field(
        description="The text to edit: Markdown, with lines like {{metrics}} for what is known."
    )
    markdown: str = Field(description="The text to read.")
    by: str | None
    at: datetime | None
    parts: list[str] = Field(description="What can stand between {{ and }}.")


class WriteCard(Model):
    """Write a card."""

    body: str = Field(max_length=100_000)
    revision: int = Field(ge=0, le=999_999_999, description="The one that was seen; 0 where there was none.")
    version: int | None = Field(None, ge=1, le=999_999_999)


class CardRevision(View):
    """A state of a card."""

    revision: int
    body: str
    by: str
    at: datetime


class CardHistory(View):
    """All states of a card, newest first; the last 100."""

    items: list[CardRevision]
