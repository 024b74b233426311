"""The platform's SQL: ``bootstrap.sql`` makes what Supabase brings, ``migrations/`` all that is Insighter's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered, forward-only step."""

    version: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text; a migration that was applied must not change any more."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def bootstrap() -> str:
    """The SQL that makes a bare PostgreSQL look like a Supabase project. Can be run again at any time."""
    return (files(__name__) / "bootstrap.sql").read_text(encoding="utf-8")


def migrations() -> list[Migration]:
    """All migrations in their order."""
    found = []
    for entry in (files(__name__) / "migrations").iterdir():
        if entry.name.endswith(".sql"):
            version, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(version, name, entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)
