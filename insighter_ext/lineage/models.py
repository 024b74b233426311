"""Types of the lineage API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from insighter_ext.errors import Invalid
from insighter_ext.models import Model, View

_MOST_VERSION = 2**31 - 1


class Source(Model):
    """An asset that something was made from."""

    kind: str = Field(max_length=40)
    key: str = Field(max_length=250, description="The name of a dataset or model; the id of all others.")
    version: int | None = Field(None, ge=1, le=_MOST_VERSION, description="The newest where omitted.")
    if_known: bool = Field(False, description="Whether it is left out, and no error, when it is not there.")


class LineageQuery(Model):
    """Which part of the graph."""

    kind: str | None = Field(None, max_length=40, description="With key: the asset in its middle.")
    key: str | None = Field(
        None, max_length=250, description="The asset's; the whole project where both are omitted."
    )
    version: int | None = Field(
        None, ge=1, le=_MOST_VERSION, description="Of the asset; all its versions where omitted."
    )
    direction: Literal["up", "down", "both"] = Field(
        "both", description="up: what it was made from; down: what was made from it."
    )
    depth: int = Field(10, ge=1, le=50, description="Steps from the asset.")
    limit: int = Field(200, ge=1, le=1000, description="How many nodes at most.")


class LineageNode(View):
    """An asset in the graph, or one version of it."""

    id: str
    kind: str
    key: str
    name: str
    version: int | None
    newest: int | None = Field(description="The newest version of the same asset.")
    status: str = Field(description="A run's or endpoint's status; a model version's aliases.")
    created_at: datetime
    created_by: str | None
    deleted: bool = Field(description="It, or this version of it, was deleted since.")
    stale: bool = Field(description="There is a newer version.")
    more_up: int = Field(
        description="Edges to what it was made from that are not in this answer; at most 100."
    )
    more_down: int = Field(
        description="Edges to what was made from it that are not in this answer; at most 100."
    )


class LineageEdge(View):
    """From what was there to what was made of it."""

    source: str = Field(description="A node's id.")
    target: str = Field(description="A node's id.")
    verb: str = Field(description="What was done: read, wrote, registered, deployed or derived.")
    created_at: datetime


class LineageGraph(View):
    """A part of the graph."""

    centre: list[str] = Field(description="The nodes of the asset that was asked for.")
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    more: bool = Field(description="Whether the limit left something out.")


class ImpactQuery(Model):
    """Of which asset."""

    kind: str = Field(max_length=40)
    key: str = Field(max_length=250)
    version: int | None = Field(
        None, ge=1, le=_MOST_VERSION, description="One version; all of them where omitted."
    )


class KindCount(View):
    """How many assets of a kind."""

    kind: str
    count: int


class LineageImpact(View):
    """What was made from an asset, over any number of steps: what would break without it."""

    kinds: list[KindCount]
    running: list[str] = Field(description="Names of the endpoints among it that run; at most 20.")
    more: bool = Field(description="Whether it is more than could be counted.")


_SOURCES = TypeAdapter(list[Source])


def sources_of(text: str | None) -> list[Source]:
    """The sources that a query names, as JSON.

    Raises:
        Invalid: it is no list of sources.
    """
    if not text:
        return []
    try:
        return _SOURCES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Invalid(
            f"made_from: {where + ': ' if where else ''}{first['msg']}",
            hint='a JSON list: [{"kind": "dataset", "key": "wine", "version": 1}]',
        ) from None
