"""Two versions of a model side by side, as a kernel sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Table, say


class Comparison:
    """Two versions side by side. Shows itself as a table, with what differs marked."""

    def __init__(self, seen: dict[str, Any], only: bool = False) -> None:
        self._seen = seen
        self._only = only

    @property
    def differences(self) -> Comparison:
        """The same with what differs alone."""
        return Comparison(self._seen, only=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for group in self._seen["groups"]:
            for row in group["rows"]:
                if row["differs"] or not self._only:
                    yield {"group": group["name"], **row}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def to_pandas(self) -> Any:
        """A DataFrame: group, key, dataset, left, right, differs."""
        import pandas as pd

        columns = ["group", "key", "dataset", "left", "right", "differs"]
        return pd.DataFrame([[row[name] for name in columns] for row in self], columns=columns)

    def _table(self) -> Table[dict[str, Any]]:
        left, right = self._seen["left"], self._seen["right"]
        return Table(
            list(self),
            [
                ("", lambda row: "≠" if row["differs"] else ""),
                ("what", lambda row: row["group"]),
                ("name", lambda row: f"{row['key']} on {row['dataset']}" if row["dataset"] else row["key"]),
                (f"v{left}", lambda row: _value(row["left"])),
                (f"v{right}", lambda row: _value(row["right"])),
            ],
            f"v{left} and v{right} do not differ" if self._only else "nothing is known of either",
        )

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def compared(scope: Scope, name: str, left: int, right: int) -> Comparison:
    """Two versions side by side."""
    return Comparison(scope.client.get(*scope.path("models", name, "compare"), left=left, right=right))


def _value(value: Any) -> str:
    return "–" if value is None else say(value)
