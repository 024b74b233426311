"""Types of the deployments API."""

from __future__ import annotations

from collections.abc import Sequence
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
    reason: str | None = Field(description="Why it failed or was stopped, and what to do.")
    host: str | None = Field(
        None,
        description="The machine that runs it, or ran it last. Another one's is shown as it was last recorded.",
    )
    path: str = Field(
        description="Address below the server's base: insighter/serve/<project>/<name>; POST to <path>/invocations."
    )
    log: list[str] = Field(
        description="The last lines its process wrote; empty unless one deployment is asked for by a member."
    )
    created_at: datetime
    created_by: str
    updated_at: datetime


class Row(Deployment):
    """A deployment as the database answers it."""

    project_id: UUID
    port: int | None
    attempt: int
    host_hash: str | None
    log_shown: bool = False
    log: list[str] = Field(default_factory=list)

    def shown(self, log: Sequence[str] = ()) -> Deployment:
        """As the API answers it."""
        return Deployment.model_validate({**self.model_dump(), "log": list(log)})


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
