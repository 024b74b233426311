"""The one list of routes: read by the application, the OpenAPI document and the tests that walk all of them."""

from __future__ import annotations

from typing import Any

from server_handlers import (
    accounts,
    achievements,
    activity,
    archives,
    assets,
    audit,
    bus,
    datahub,
    deployments,
    lineage,
    mlflow,
    notebooks,
    openapi,
    presence,
    projects,
    registry,
    sharing,
    tracking,
    tracking_search,
    trash,
)
from server_handlers.base import ApiHandler

API_HANDLERS: list[type[ApiHandler]] = [
    # Before the projects: "imports" is no id of one.
    *archives.HANDLERS,
    *projects.HANDLERS,
    *datahub.HANDLERS,
    *notebooks.HANDLERS,
    *tracking.HANDLERS,
    *tracking_search.HANDLERS,
    *registry.HANDLERS,
    *deployments.HANDLERS,
    *sharing.HANDLERS,
    *audit.HANDLERS,
    *lineage.HANDLERS,
    *bus.HANDLERS,
    *achievements.HANDLERS,
    *assets.HANDLERS,
    *presence.HANDLERS,
    *activity.HANDLERS,
    *trash.HANDLERS,
    *accounts.HANDLERS,
]


def routes() -> list[tuple[str, type[Any]]]:
    """Every route below the server's base URL."""
    return [
        *(handler.route() for handler in API_HANDLERS),
        openapi.OpenApiHandler.route(),
        *deployments.ROUTES,
        *bus.ROUTES,
        *mlflow.routes(),
        # Last: it takes what no other route has taken.
        accounts.UnknownHandler.route(),
    ]
