"""A ``supabase/`` folder for the Supabase CLI, made from the migrations of this installation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from insighter_ext import schema
from insighter_ext.errors import Conflict

_CONFIG = """\
# For the Supabase CLI; made by `insighter supabase init`. Change what you like: it is not written again.
project_id = "insighter"

[api]
enabled = true
schemas = ["public"]

[auth]
enabled = true
enable_signup = true
minimum_password_length = 8

[auth.email]
enable_signup = true
# Invitations go by e-mail address: an address has to be proved before it counts.
enable_confirmations = true

[storage]
enabled = true

[storage.buckets.insighter]
public = false
"""

_DAY = "20260101"
"""Of all our migrations: the CLI orders them by a time stamp, and these are in order within the day."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done with a file: ``made`` or ``kept``."""

    path: Path
    done: str


def file_name(migration: schema.Migration) -> str:
    """The name by which the CLI knows a migration."""
    hours, minutes = divmod(int(migration.version), 60)
    return f"{_DAY}{hours:02}{minutes:02}00_insighter_{migration.name}.sql"


def write(directory: Path) -> list[Written]:
    """Write ``supabase/config.toml`` and ``supabase/migrations/`` into a directory; what is there already stays.

    Raises:
        Conflict: a migration that is there is not that of this installation. Nothing is written then.
        OSError: it cannot be written.
    """
    folder = directory / "supabase"
    migrations = {folder / "migrations" / file_name(one): one.sql for one in schema.migrations()}
    for path, text in migrations.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise Conflict(
                f"{path} is not the migration of this installation",
                code="migration_changed",
                hint="move it away and run this again; a migration that was applied must not change",
            )
    done = []
    for path, text in {folder / "config.toml": _CONFIG, **migrations}.items():
        if path.exists():
            done.append(Written(path, "kept"))
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        done.append(Written(path, "made"))
    return done
