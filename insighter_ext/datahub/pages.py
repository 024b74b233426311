"""Pages of Parquet tables as JSON, from a process that stays: it takes requests and gives answers, a line each.

A request: ``{"id", "path", "offset", "limit"}``; its answer: ``{"id", "rows"}`` or ``{"id", "error"}``. It ends when
its standard input closes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insighter_ext.datahub.engine import connect, identifier, quoted
from insighter_ext.datahub.inspect import first_to_go

if TYPE_CHECKING:
    import duckdb

LONGEST_TEXT = 2000
"""characters of a value that a page shows; longer ones are cut and end in an ellipsis"""

_MEMORY = 512 << 20
_EXACT = 2**53
_PLAIN = {
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}
_FLOATS = {"FLOAT", "DOUBLE"}


def page(connection: duckdb.DuckDBPyConnection, path: str, offset: int, limit: int) -> list[list[Any]]:
    """Some rows, as JSON can say them."""
    source = f"read_parquet({quoted(path)})"
    columns = [(row[0], row[1]) for row in connection.execute(f"describe select * from {source}").fetchall()]
    chosen = ", ".join(_shown(identifier(name), kind) for name, kind in columns)
    # Rows are picked first, and only those are turned into text.
    rows = connection.execute(
        f"select {chosen} from (select * from {source} limit {int(limit)} offset {int(offset)})"
    ).fetchall()
    nested = {index for index, (_, kind) in enumerate(columns) if _is_nested(kind)}
    return [[_value(value, index in nested) for index, value in enumerate(row)] for row in rows]


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]") or kind == "JSON"


def _shown(column: str, kind: str) -> str:
    if kind in _PLAIN or kind in _FLOATS:
        return column
    if kind == "BLOB":
        return f"hex({column}[1:{LONGEST_TEXT // 2 + 1}])"
    if _is_nested(kind):
        return f"cast(to_json({column}) as varchar)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"replace(regexp_replace(cast({column} as varchar), '[+]00$', 'Z'), ' ', 'T')"
    if kind.startswith("TIMESTAMP"):
        return f"replace(cast({column} as varchar), ' ', 'T')"
    return f"left(cast({column} as varchar), {LONGEST_TEXT + 1})"


def _value(value: Any, nested: bool) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)
    if len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    return _exact(json.loads(value)) if nested else value


def _exact(value: Any) -> Any:
    """Nested values, with what JSON cannot say as text."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value if isinstance(value, str) else _value(value, False)


def _main() -> None:
    first_to_go()
    with tempfile.TemporaryDirectory() as spill, connect(_MEMORY, Path(spill)) as connection:
        for line in sys.stdin:
            asked = json.loads(line)
            answer: dict[str, Any]
            try:
                answer = {"rows": page(connection, asked["path"], asked["offset"], asked["limit"])}
            except Exception as error:  # noqa: BLE001 - whatever the file provokes is told to who asked
                answer = {"error": f"{type(error).__name__}: {error}"}
            sys.stdout.write(json.dumps({"id": asked["id"], **answer}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main()
