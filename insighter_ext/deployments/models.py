"""Types of the deployments API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View

DeploymentStatus = Literal["starting", "healthy", "failed", "stopped"]


class Deployment(View):
    """An endpoint."""

    id: UUID
    name: str
    model: str
    version: int
    status: DeploymentStatus
    reason: str | None = Field(description="Why it failed, and what to do.")
    path: str = Field(
        description="Address below the server's base: insighter/serve/<project>/<name>; POST to <path>/invocations."
    )
    log: list[str] = Field(
        description="The last lines its process wrote; empty unless one deployment is asked for."
    )
    created_at: datetime
    created_by: str
    updated_at: datetime


class DeploymentCreate(Model):
    """Deploy a model version: the version itself, or an alias that names it."""

    name: str = Field(
        min_length=1,
        max_length=63,
        description="Lower-case letters, digits and dashes; its part of the address.",
    )
    model: str = Field(min_length=1, max_length=250)
    version: int | None = Field(None, ge=1)
    alias: str | None = Field(None, max_length=250)
    port: int | None = Field(
        None, ge=1024, le=65535, description="A fixed local port; any free one where left out."
    )
