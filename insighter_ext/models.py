"""Types that every capability's models share."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Model(BaseModel):
    """Base of what the API takes: unknown fields are refused, so that a slip of the pen is not silently ignored."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class View(BaseModel):
    """Base of what the API answers."""

    # What has a default is still always in the answer: its schema says so.
    model_config = ConfigDict(
        extra="ignore", protected_namespaces=(), json_schema_serialization_defaults_required=True
    )


class Ready(str):
    """JSON as the database made it: sent as it is, and not taken apart on the way."""

    __slots__ = ()


class Page(View, Generic[T]):
    """One page of a list."""

    items: list[T]
    cursor: str | None = Field(None, description="Ask for the next page with it; null on the last page.")


class PageQuery(Model):
    """Which page of a list."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = None
