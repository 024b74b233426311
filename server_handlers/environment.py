"""Secrets of the platform leave the environment before anything inherits it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields

from insighter_ext.config import Settings, variable

SECRETS = frozenset(
    {variable(setting.name) for setting in fields(Settings) if setting.metadata["secret"]}
    # What Supabase's own tools are given, and a server that was started from the same shell inherits.
    | {"SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_ACCESS_TOKEN", "SUPABASE_DB_PASSWORD"}
)
"""The environment variables that carry the platform's secrets."""

# What a server that was started from a notebook has of that notebook's kernel.
_OF_ANOTHER_KERNEL = frozenset({"INSIGHTER_TOKEN"})


def take_secrets() -> dict[str, str]:
    """The secrets of this process's environment, which has them no more: no kernel and no terminal inherits them.

    A process of the same user can still read the environment that this one was started with, on systems that show it
    (``/proc/<pid>/environ``). Where that matters a configuration file that only the server reads holds the secrets.
    """
    return {name: os.environ.pop(name) for name in SECRETS if name in os.environ}


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment as a kernel may have it."""
    return {name: value for name, value in environment.items() if name not in SECRETS | _OF_ANOTHER_KERNEL}
