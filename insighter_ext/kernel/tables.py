"""Small tables and texts that notebooks show: plain text and escaped HTML of the same content."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Row = TypeVar("Row")

Column = tuple[str, Callable[[Any], Any]]
"""A title, and how to get the value from a row."""


class Table(Sequence[Row], Generic[Row]):
    """A list of handles that shows itself as a table.

    Args:
        rows: the handles.
        columns: what to show of each.
        empty: what to say when there is none, and how to make the first.
    """

    def __init__(self, rows: Sequence[Row], columns: Sequence[Column], empty: str = "nothing yet") -> None:
        self._rows = list(rows)
        self._columns = list(columns)
        self._empty = empty

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def to_pandas(self) -> pd.DataFrame:
        """The same as a DataFrame, values in their own types."""
        import pandas as pd

        records = [{title: value(row) for title, value in self._columns} for row in self._rows]
        return pd.DataFrame(records, columns=[title for title, _ in self._columns])

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        values = [[value(row) for _, value in self._columns] for row in self._rows]
        numeric = [
            all(isinstance(row[at], int | float) and not isinstance(row[at], bool) for row in values)
            for at in range(len(self._columns))
        ]
        return (
            [title for title, _ in self._columns],
            [[say(value) for value in row] for row in values],
            numeric,
        )

    def __repr__(self) -> str:
        titles, cells, numeric = self._cells()
        if not cells:
            return self._empty
        widths = [max(len(row[at]) for row in [titles, *cells]) for at in range(len(titles))]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, numeric, strict=True)
            ).rstrip()
            for row in [titles, *cells]
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        titles, cells, numeric = self._cells()
        if not cells:
            return f"<p>{escape(self._empty)}</p>"
        side = ["right" if right else "left" for right in numeric]

        def line(tag: str, row: Sequence[str]) -> str:
            parts = (
                f'<{tag} style="text-align:{at}">{escape(cell)}</{tag}>'
                for at, cell in zip(side, row, strict=True)
            )
            return f"<tr>{''.join(parts)}</tr>"

        body = "".join(line("td", row) for row in cells)
        return f"<table><thead>{line('th', titles)}</thead><tbody>{body}</tbody></table>"


class Card:
    """A title and a few lines; the base of what shows itself as such. Subclasses give :meth:`_lines`."""

    def _lines(self) -> Sequence[str]:
        raise NotImplementedError

    def __repr__(self) -> str:
        first, *rest = self._lines()
        return "\n".join([first, *(f"  {line}" for line in rest)])

    def _repr_html_(self) -> str:
        first, *rest = (escape(line) for line in self._lines())
        return f"<div><strong>{first}</strong>{''.join(f'<br>{line}' for line in rest)}</div>"


def when(text: str | None) -> dt.datetime | None:
    """The API's point in time."""
    return dt.datetime.fromisoformat(text) if text else None


def say(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return ago(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} → {item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def ago(moment: dt.datetime) -> str:
    """How long ago, in one unit; the date when that is longer than a month."""
    seconds = (dt.datetime.now(dt.UTC) - moment).total_seconds()
    if seconds < 45:
        return "now"
    for unit, length, most in (("min", 60, 3600), ("h", 3600, 86400), ("d", 86400, 31 * 86400)):
        if seconds < most:
            return f"{max(1, round(seconds / length))} {unit} ago"
    return moment.astimezone().strftime("%Y-%m-%d")


def amount(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def bytes_(size: int) -> str:
    """A size as people read it."""
    value = float(size)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
