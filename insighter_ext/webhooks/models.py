"""Types of the webhooks API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from insighter_ext.models import Model, View

WebhookStatus = Literal["ACTIVE", "DISABLED"]


class LastDelivery(View):
    """What came of the newest delivery."""

    status: Literal["pending", "delivered", "failed"]
    event: str
    response_status: int | None
    error: str | None
    at: datetime


class Webhook(View):
    """A webhook. Its secret is never told."""

    id: str
    name: str
    description: str
    url: str
    events: list[str] = Field(description='As MLflow names them, such as "model_version_alias.created".')
    status: WebhookStatus
    created_by: str
    created_at: datetime
    updated_at: datetime
    last: LastDelivery | None


class CreateWebhook(Model):
    """A new webhook."""

    name: str = Field(description="Lower-case letters, digits, dots, dashes and underscores; at most 63.")
    url: str
    events: list[str]
    description: str = Field("", max_length=1000)
    secret: str | None = Field(None, max_length=1000, description="The key of the signature (HMAC-SHA256).")
    status: WebhookStatus = "ACTIVE"


class UpdateWebhook(Model):
    """What is to change; what is left out stays."""

    name: str | None = None
    url: str | None = None
    events: list[str] | None = None
    description: str | None = Field(None, max_length=1000)
    secret: str | None = Field(None, max_length=1000, description="An empty one takes it off.")
    status: WebhookStatus | None = None


class SendTest(Model):
    """Which example to send; of the webhook's first event where left out."""

    event: str | None = None


class Delivery(View):
    """Something that was told, or is to be."""

    id: int
    delivery: str = Field(description="What the receiver knows it by; the same each time it is tried.")
    event: str
    payload: dict[str, Any]
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    next_at: datetime | None = Field(description="When it is tried again.")
    response_status: int | None
    response_body: str | None = Field(description="The beginning of the receiver's answer.")
    error: str | None
    created_at: datetime
    finished_at: datetime | None
