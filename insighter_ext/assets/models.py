"""Types of the API of assets of every kind."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from insighter_ext.models import Model, PageQuery, View


class Asset(View):
    """An asset of any kind, as lists show it."""

    project_id: UUID
    project: str = Field(description="The project's name.")
    kind: str = Field(description="dataset, notebook, experiment, run, model or deployment.")
    key: str = Field(description="The name of a dataset, model or deployment; the id of all others.")
    name: str
    description: str = Field(description="Its beginning.")
    version: int | None = Field(description="The newest one, of what has versions.")
    status: str = Field(description="A run's or deployment's, in a word; a model's aliases.")
    owner: str | None = Field(description="Whoever made it; null where that person is not to be seen.")
    created_at: datetime
    updated_at: datetime
    pinned: bool


class Why(View):
    """Why an asset was found."""

    field: str = Field(description="name, description, column, tag, metric, model or text.")
    text: str | None = Field(description="Where the word stands, with some of what is around it.")


class FoundAsset(Asset):
    """An asset that was found."""

    why: Why


class Found(View):
    """The best of what was found."""

    items: list[FoundAsset]
    more: bool = Field(description="Whether there is more than was asked for.")


class AssetsOfKind(View):
    """A kind of assets in a project."""

    kind: str
    count: int
    items: list[Asset] = Field(description="Those that changed last.")


class Overview(View):
    """What a project's home shows."""

    pinned: list[Asset]
    kinds: list[AssetsOfKind]


class AssetQuery(PageQuery):
    """Which assets of a project."""

    kind: str | None = Field(None, max_length=40)
    pinned: bool = Field(False, description="Only the pinned ones, in their order, all on one page.")


class OverviewQuery(Model):
    """How much of each kind."""

    limit: int = Field(5, ge=1, le=50)


class SearchQuery(Model):
    """What to find, and where."""

    q: str = Field(
        "",
        description="Words, all of which an asset has; the last may be unfinished. Without any: the newest assets.",
    )
    projects: str | None = Field(
        None, description="Ids, separated by commas; all that one sees where omitted."
    )
    kinds: str | None = Field(None, description="Separated by commas; all where omitted.")
    limit: int = Field(20, ge=1, le=100)


class PinPlace(Model):
    """Where to pin an asset."""

    position: int | None = Field(
        None, ge=1, le=1000, description="From the top; behind the others where omitted."
    )


class Pin(View):
    """A pin. To pin the asset at its position again undoes its removal."""

    kind: str
    key: str
    position: int


def separated(text: str | None) -> list[str] | None:
    """What a query names with commas between."""
    return [each.strip() for each in text.split(",") if each.strip()] if text else None
