"""Every setting, in one table.

A setting is read, in this order, from Jupyter's configuration (``c.InsighterApp.<name>``), the environment
(``INSIGHTER_<NAME>``, or ``SUPABASE_<NAME>`` for what Supabase calls so) and its default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


def _default_storage_dir() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "insighter"


def _setting(default: Any, help: str, *, secret: bool = False) -> Any:
    metadata = {"help": help, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    # A secret is in no representation, and so in no log and no traceback.
    return field(default=default, repr=not secret, metadata=metadata)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name.startswith("supabase_") else f"INSIGHTER_{name.upper()}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The platform's settings. ``metadata["help"]`` of each field is its documentation."""

    storage_dir: Path = _setting(
        _default_storage_dir, "Where the embedded database, objects and endpoints keep their files."
    )
    postgres_version: int = _setting(18, "Major version of the embedded PostgreSQL: 18, or 16.")
    max_upload_bytes: int = _setting(64 * 1024**3, "Largest file the server takes, in bytes.")
    inspect_memory_bytes: int = _setting(
        1024**3, "Memory that reading an uploaded file may take, in bytes; more spills to disk."
    )
    inspect_workers: int = _setting(2, "How many uploaded files are read at the same time.")
    kernel_environment: bool = _setting(
        True,
        "Whether kernels get a credential for their project and MLFLOW_TRACKING_URI in their environment.",
    )
    accounts: bool = _setting(
        False,
        "Whether people sign in to accounts of their own. Always so with a Supabase project or with Insighter's"
        " identity provider; otherwise whoever Jupyter lets in is the one local account.",
    )
    sign_up: str = _setting(
        "invited", "Who may make an account: 'open' for everybody, 'invited' with an invitation, or 'closed'."
    )
    supabase_url: str = _setting("", "Address of a Supabase project to use instead of the embedded database.")
    supabase_key: str = _setting("", "The Supabase project's publishable (anon) key.", secret=True)
    supabase_jwt_secret: str = _setting(
        "", "The secret that signs the Supabase project's tokens.", secret=True
    )
    allow_service_key: bool = _setting(
        False, "Take a service-role key although kernels run beside the server and could find it."
    )
    deployment_start_seconds: float = _setting(
        120.0, "How long an endpoint may take from start to its first healthy answer, in seconds."
    )

    @classmethod
    def load(
        cls, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings from explicit overrides, then the environment, then defaults.

        Raises:
            ValueError: a value that is not of the setting's type; the message names the setting.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in fields(cls):
            raw: Any = (overrides or {}).get(setting.name)
            source = f"c.InsighterApp.{setting.name}"
            if raw is None or raw == "":
                source = variable(setting.name)
                raw = environ.get(source, "")
            if raw is None or raw == "":
                continue
            values[setting.name] = _convert(str(setting.type), raw, source)
        return cls(**values)


def _convert(kind: str, raw: Any, source: str) -> Any:
    try:
        if kind == "Path":
            return Path(raw).expanduser().absolute()
        if kind == "str":
            return str(raw).strip()
        if kind == "bool":
            if isinstance(raw, bool):
                return raw
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                str(raw).lower()
            ]
        return {"int": int, "float": float}[kind](raw)
    except (KeyError, TypeError, ValueError):
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}.get(kind, kind)
        raise ValueError(f"{source} is {raw!r}; it takes {wanted}") from None
