"""Every setting, in one table.

A setting is read, in this order, from Jupyter's configuration (``c.InsighterApp.<name>``), the environment
(``INSIGHTER_<NAME>``, or ``SUPABASE_<NAME>`` for what Supabase calls so) and its default.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit


def _default_storage_dir() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "insighter"


def _setting(default: Any, help: str, *, secret: bool = False) -> Any:
    metadata = {"help": help, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    # A secret is in no representation, and so in no log and no traceback.
    return field(default=default, repr=not secret, metadata=metadata)


Mode = Literal["embedded", "supabase"]

SIGN_UP = ("open", "invited", "closed")

WEBHOOK_ADDRESSES = ("public", "any")

_SUPABASE = ("supabase_url", "supabase_key", "supabase_jwt_secret")
_SHORTEST_SECRET = 32
_LONGEST_TRASH = 36_500


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
    trash_days: int = _setting(
        30,
        "How many days what is deleted stays in the trash, from where it can be restored; with 0 it goes at once. It is"
        " the database's: of several servers the one started last says it.",
    )
    webhook_addresses: str = _setting(
        "public",
        "Where webhooks may go: 'public' for HTTPS to the public network, 'any' for this network and plain HTTP too.",
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
            ValueError: a value that is not of the setting's type, or does not go with the others; the message names the
                setting and what to do.
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
        settings = cls(**values)
        settings._validate()
        return settings

    @property
    def mode(self) -> Mode:
        """Which database is used."""
        return "supabase" if self.supabase_url else "embedded"

    def _validate(self) -> None:
        if self.sign_up not in SIGN_UP:
            raise ValueError(f"INSIGHTER_SIGN_UP is {self.sign_up!r}; it takes {', '.join(SIGN_UP)}")
        if self.webhook_addresses not in WEBHOOK_ADDRESSES:
            raise ValueError(
                f"INSIGHTER_WEBHOOK_ADDRESSES is {self.webhook_addresses!r};"
                f" it takes {', '.join(WEBHOOK_ADDRESSES)}"
            )
        if not 0 <= self.trash_days <= _LONGEST_TRASH:
            raise ValueError(
                f"INSIGHTER_TRASH_DAYS is {self.trash_days}; it takes 0 to {_LONGEST_TRASH:,} days"
            )
        needed = {variable(name): getattr(self, name) for name in _SUPABASE}
        missing = [name for name, value in needed.items() if not value]
        if len(missing) == len(needed):
            return
        if missing:
            raise ValueError(
                f"{' and '.join(name for name in needed if name not in missing)} are set,"
                f" but {' and '.join(missing)} not: a Supabase project takes all three,"
                " the embedded database none of them"
            )
        if not is_safe(self.supabase_url):
            raise ValueError(
                "SUPABASE_URL takes an address such as https://<project>.supabase.co; without TLS (http://) only one of"
                " this machine, because passwords go there"
            )
        if len(self.supabase_jwt_secret.encode()) < _SHORTEST_SECRET:
            raise ValueError(
                f"SUPABASE_JWT_SECRET has less than {_SHORTEST_SECRET} characters: copy it whole from the project's"
                " settings (JWT Keys, legacy JWT secret)"
            )
        kind = key_kind(self.supabase_key)
        if kind == "service" and not self.allow_service_key:
            raise ValueError(
                "SUPABASE_KEY is a service-role (secret) key. It passes by all permissions, and whoever runs a kernel"
                " beside this server could find it. Use the project's publishable (anon) key instead: Insighter needs"
                " no other. INSIGHTER_ALLOW_SERVICE_KEY=true takes it all the same"
            )
        if kind == "other":
            raise ValueError(
                "SUPABASE_KEY is none of a project's API keys: use its publishable key (sb_publishable_…) or its"
                " anon key"
            )


def _convert(kind: str, raw: Any, source: str) -> Any:
    try:
        if kind == "Path":
            return Path(raw).expanduser().absolute()
        if kind == "str":
            return str(raw).strip().rstrip("/") if source.lower().endswith("_url") else str(raw).strip()
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


def key_kind(key: str) -> Literal["publishable", "service", "other"]:
    """What an API key of a Supabase project lets one do.

    The older ones are JWTs that name a database role; the newer ones say it with their first letters. Nothing is
    verified here: a key that says something false of itself is refused by the project.
    """
    if key.startswith("sb_publishable_"):
        return "publishable"
    if key.startswith("sb_secret_"):
        return "service"
    parts = key.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        role = claims["role"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return "other"
    # Any other role than the stranger's is more than this key may have.
    return "publishable" if role == "anon" else "service"


def is_safe(address: str) -> bool:
    """Whether what is sent to an address can be read on the way by nobody else."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.query or parts.fragment:
        return False
    if parts.scheme == "https" or (parts.scheme == "http" and host == "localhost"):
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
