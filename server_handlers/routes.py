"""The one list of routes: read by the application, the OpenAPI document and the tests that walk all of them."""

from __future__ import annotations

from typing import Any

from server_handlers import (
    accounts,
    audit,
    bus,
    datahub,
    deployments,
    mlflow,
    openapi,
    projects,
    registry,
    sharing,
    tracking,
    trash,
)
from server_handlers.base import ApiHandler

API_HANDLERS: list[type[ApiHandler]] = [
    *projects.HANDLERS,
    *datahub.HANDLERS,
    *tracking.HANDLERS,
    *registry.HANDLERS,
    *deployments.HANDLERS,
    *sharing.HANDLERS,
    *audit.HANDLERS,
    *bus.HANDLERS,
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
