"""Insighter: data science and MLOps inside JupyterLab, every asset in a project.

In a notebook::

    import insighter_ext as ix

    ix.project                      # the project of this notebook's folder
    wine = ix.datasets.load("wine")
    ix.models, ix.deployments       # the project's registered models and endpoints
    ix.search("wine")               # assets of every kind, by words

Importing this package is cheap: what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from insighter_ext.kernel import (
        activity,
        bus,
        cards,
        connect,
        datasets,
        deployments,
        lineage,
        models,
        notebook,
        project,
        projects,
        search,
        trash,
    )

__all__ = [
    "__version__",
    "activity",
    "bus",
    "cards",
    "connect",
    "datasets",
    "deployments",
    "lineage",
    "models",
    "notebook",
    "project",
    "projects",
    "search",
    "trash",
]

_SDK = frozenset(
    {
        "activity",
        "bus",
        "cards",
        "connect",
        "datasets",
        "deployments",
        "lineage",
        "models",
        "notebook",
        "project",
        "projects",
        "search",
        "trash",
    }
)


class _Package(ModuleType):
    """This package: ``ix.models`` stays the SDK's when the platform's own module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _SDK and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _SDK:
        import importlib

        return getattr(importlib.import_module("insighter_ext.kernel"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "load_ipython_extension"])


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext insighter_ext``: the line magics."""
    from insighter_ext.kernel.magics import load_ipython_extension as load

    load(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server where the extension's application is."""
    from server_handlers.app import InsighterApp

    return [{"module": "server_handlers.app", "app": InsighterApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built front end is."""
    return [{"src": "labextension", "dest": "@insighter/labextension"}]
