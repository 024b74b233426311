"""DuckDB, shut in: bounded memory, no network, no file but those it was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect(
    memory: int, spill: Path, *, readable: Path | None = None, threads: int = 2
) -> duckdb.DuckDBPyConnection:
    """Open an engine of one's own, in memory.

    Args:
        memory: bytes it may use before it spills.
        spill: a folder it may write and read.
        readable: the one other file it may read; None leaves the file system open to it.
        threads: of the engine.
    """
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory // 1024} KiB",
            "threads": threads,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    if readable is not None:
        connection.execute(f"set allowed_directories = [{quoted(f'{spill}/')}]")
        connection.execute(f"set allowed_paths = [{quoted(str(readable))}]")
        connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
