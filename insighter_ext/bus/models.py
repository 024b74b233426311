"""Types of the bus API. Messages are CloudEvents 1.0 in their JSON form."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, View


class Message(View):
    """A message: what happened in a project (topic ``activity``), or what one of its programs published."""

    specversion: str
    id: str = Field(description="Unique in the project.")
    source: str = Field(description="/projects/<project id>")
    type: str = Field(
        description="insighter.<asset kind>.<verb> for what happened, insighter.notification.<kind> for what is for"
        " the caller; else the publisher's own word."
    )
    subject: str | None = Field(None, description="<asset kind>/<asset id> for what happened.")
    time: datetime
    datacontenttype: str
    topic: str
    actorid: UUID | None = None
    actorname: str | None = None
    actorkind: str
    data: Any = None


class MessageCreate(Model):
    """A message to be published."""

    topic: str = Field(max_length=100, description='Lower-case letters, digits, ".", "-" and "_".')
    type: str = Field("message", min_length=1, max_length=200)
    data: Any = Field(None, description="Anything that is JSON, up to 256 KB.")
    subject: str | None = Field(None, max_length=500)
    durable: bool = Field(True, description="Whether it is kept for those who come later.")


class Batch(View):
    """Messages in their order, and where to go on."""

    items: list[Message]
    cursor: str = Field(description="Ask with it for what comes after.")
    more: bool = Field(description="Whether there is more already.")
    topics: list[str] | None = Field(
        None, description="On the socket: from here on these are heard, as the listener asked for."
    )


class BusQuery(Model):
    """Which messages."""

    after: str | None = Field(None, description="A position; the present one where omitted.")
    topics: str | None = Field(None, max_length=2000, description="Separated by commas; all where omitted.")
    limit: int = Field(500, ge=1, le=1000)
    wait: float = Field(0, ge=0, le=55, description="Seconds to wait for a message when there is none.")


class Listen(Model):
    """What a listener of the socket may say: which topics to hear from now on, and whether its page is looked at."""

    topics: list[Annotated[str, Field(max_length=100)]] | None = Field(None, max_length=200)
    away: bool | None = None


class Latest(View):
    """The newest durable message of a topic."""

    message: Message | None


def topics_of(text: str | None) -> list[str] | None:
    """The topics that a query names."""
    return [each.strip() for each in text.split(",") if each.strip()] if text else None
