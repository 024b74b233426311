"""Types of the models API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from insighter_ext.models import Model, View
from insighter_ext.tracking.models import Metric


class ModelVersion(View):
    """A version of a registered model."""

    name: str
    version: int
    aliases: list[str]
    run_id: str | None
    model_id: str | None = Field(description="MLflow's logged model behind the version.")
    source: str = Field(description="Where MLflow says its files are.")
    metrics: list[Metric] = Field(description="Those of its logged model, or of its run where that has none.")
    description: str
    created_at: datetime
    created_by: str


class RegisteredModel(View):
    """A registered model with its newest version."""

    name: str
    description: str
    versions: int
    latest: ModelVersion | None
    aliases: dict[str, int] = Field(description="alias → version")
    created_at: datetime
    updated_at: datetime


class RegisteredModelDetail(RegisteredModel):
    """A registered model with all its versions, newest first."""

    history: list[ModelVersion]


class SignatureField(View):
    """An input or output column of a model."""

    name: str | None = Field(description="null for a tensor or an unnamed single column")
    type: str = Field(
        description="MLflow's name of the type: double, long, string, boolean, datetime, tensor …"
    )
    required: bool = True
    shape: list[int] | None = None


class ModelSignature(View):
    """What a model takes and gives, read from its MLmodel file; for the form to try it with."""

    inputs: list[SignatureField]
    outputs: list[SignatureField]
    flavors: list[str]
    example: dict[str, Any] | None = Field(
        None,
        description="The input example it was logged with, as {columns: […], data: [[…], …]} (first rows only).",
    )


class RegisterModel(Model):
    """Register a model that a run logged."""

    name: str = Field(min_length=1, max_length=250)
    run_id: str | None = Field(None, description="The run whose model to register; or give model_id.")
    model_id: str | None = None
    description: str = ""
