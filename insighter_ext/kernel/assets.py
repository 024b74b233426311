"""Assets of every kind, as a kernel finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel.client import Client, current
from insighter_ext.kernel.tables import Table, when


def search(query: str = "", *, kinds: Sequence[str] | str = (), limit: int = 20) -> Table[dict[str, Any]]:
    """Find assets by words of their names, columns, tags, metrics and descriptions; from a kernel, in its project.

    Args:
        query: words, all of which an asset has; the last may be unfinished. Without any: the newest assets.
        kinds: dataset, notebook, experiment, run, model, deployment, or several of them; all where omitted.
        limit: how many at most, up to 100.

    Returns:
        The best of them, as dictionaries: project, kind, key, name, version, status, owner, updated_at, why …

    Example:
        >>> ix.search("wine qual")
        >>> ix.search("auc", kinds="model")[0]["key"]
    """
    return found(current(), query, [kinds] if isinstance(kinds, str) else list(kinds), limit)


def found(client: Client, query: str, kinds: Sequence[str], limit: int) -> Table[dict[str, Any]]:
    """What :func:`search` answers, of a server."""
    answer = client.get("assets", q=query, kinds=",".join(kinds) or None, limit=limit)
    return Table(
        answer["items"],
        [
            ("name", lambda row: row["name"]),
            ("kind", lambda row: row["kind"]),
            ("version", lambda row: row["version"]),
            ("status", lambda row: row["status"]),
            ("project", lambda row: row["project"]),
            ("owner", lambda row: row["owner"]),
            ("changed", lambda row: when(row["updated_at"])),
            ("found by", _why),
        ],
        "Nothing has all of these words.",
    )


def _why(row: dict[str, Any]) -> str:
    why = row["why"]
    return why["field"] if why["text"] is None else f"{why['field']}: {why['text']}"
