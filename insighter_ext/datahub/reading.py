"""Read a whole file with DuckDB and write its rows as Parquet. Runs in the inspection's worker process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insighter_ext.datahub import sniff
from insighter_ext.datahub.engine import identifier, quoted
from insighter_ext.datahub.sniff import Dialect, Refused

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_MOST_COLUMNS = 20_000
_LONGEST_LINE = 16_000_000
# Without it the engine takes buffers of sixteen times the longest line.
_BUFFER = 32_000_000
# What people write where a number is missing. In a column of text it stays what it is.
_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "-", "?")
_NUMBERS = {"BIGINT", "DOUBLE", "HUGEINT"}
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_JSON_BROKEN = re.compile(r"at byte (\d+) in (line|record/value) (\d+): ([^\n]*)")
_JSON_RECORD = re.compile(r"in (line|record/value) (\d+)")
_JSON_DUPLICATE = re.compile(r'has duplicate key ("[^"\n]*")')


def columns_of(connection: Connection, source: str) -> list[tuple[str, str]]:
    """Names and types of a source's columns."""
    return [(row[0], row[1]) for row in connection.execute(f"describe select * from {source}").fetchall()]


def described(connection: Connection, source: str) -> dict[str, Any]:
    """Columns and number of rows."""
    columns = [{"name": name, "type": kind} for name, kind in columns_of(connection, source)]
    row = connection.execute(f"select count(*) from {source}").fetchone()
    assert row is not None
    return {"columns": columns, "rows": row[0]}


# ---- CSV


def read_csv(connection: Connection, path: Path, table: Path) -> None:
    """CSV to Parquet. Types are those of all rows, not of a sample.

    Raises:
        Refused: with the line where the file is not CSV.
    """
    import duckdb

    with path.open("rb") as file:
        head = file.read(sniff.SAMPLE)
        complete = not file.read(1)
    dialect = sniff.dialect(sniff.decode_sample(head, "utf-8"), complete)
    # From a sample of rows first; when a later row contradicts it, from all of them.
    for sample in (20_480, -1):
        try:
            source, casts = _typed_csv(connection, path, dialect, sample)
            _write(connection, source, table, casts)
            return
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            _check_storage(error)
            try:
                _check_csv(connection, path, dialect)
            except _MixedLineEnds:
                lines = table.with_name("lines")
                _unify_lines(path, lines)
                read_csv(connection, lines, table)
                return
    _write(connection, _csv(path, dialect, all_varchar="true"), table)


class _MixedLineEnds(Exception):
    """Some lines end in LF, others in CR LF, which the engine refuses in strict mode; and no other mode is safe."""


def _unify_lines(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb") as unified:
        held = b""
        while piece := file.read(1 << 20):
            piece = held + piece
            held = b"\r" if piece.endswith(b"\r") else b""
            unified.write(piece[: len(piece) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        unified.write(b"\n" if held else b"")


def _csv(path: Path, dialect: Dialect, **more: str) -> str:
    options = {
        "delim": quoted(dialect.delimiter),
        "quote": "'\"'",
        "escape": quoted(dialect.escape),
        "comment": "''",
        "header": str(dialect.header).lower(),
        "skip": str(dialect.line - 1),
        "strict_mode": "true",
        "null_padding": "false",
        "max_line_size": str(_LONGEST_LINE),
        "buffer_size": str(_BUFFER),
        **more,
    }
    return f"read_csv({quoted(str(path))}, {', '.join(f'{key} = {value}' for key, value in options.items())})"


def _typed_csv(
    connection: Connection, path: Path, dialect: Dialect, sample: int
) -> tuple[str, dict[str, str]]:
    options = {"sample_size": str(sample)}
    types = dict(columns_of(connection, _csv(path, dialect, **options)))
    if dialect.delimiter in ";\t":
        # Where the comma is the decimal sign, it cannot separate fields.
        comma = {**options, "decimal_separator": "','"}
        with_comma = dict(columns_of(connection, _csv(path, dialect, **comma)))
        if list(with_comma.values()).count("VARCHAR") < list(types.values()).count("VARCHAR"):
            options, types = comma, with_comma
    plain = _csv(path, dialect, **options)
    lenient = _csv(path, dialect, **options, nullstr=f"[{', '.join(quoted(word) for word in _MISSING)}]")
    casts = {
        name: f"cast(case when {identifier(name)} not in ({', '.join(quoted(word) for word in _MISSING)})"
        f" then {identifier(name)} end as {'VARCHAR' if kind == 'HUGEINT' else kind})"
        for name, kind in columns_of(connection, lenient)
        if kind in _NUMBERS
        and types[name] == "VARCHAR"
        and (kind == "BIGINT" or "decimal_separator" not in options)
    }
    return plain, casts


def _check_csv(connection: Connection, path: Path, dialect: Dialect) -> None:
    """Read all rows as text: what fails now is the file's form and not its types."""
    import duckdb

    names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(dialect.columns))
    source = _csv(path, dialect, auto_detect="false", columns=f"{{{names}}}")
    every = " + ".join(f"count(c{index})" for index in range(min(dialect.columns, 1000)))
    try:
        connection.execute(f"select {every} from {source}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        _check_storage(error)
        if "invalid state" in str(error) and path.name != "lines":
            raise _MixedLineEnds from error
        raise _csv_refusal(str(error), dialect) from error


def _csv_refusal(said: str, dialect: Dialect) -> Refused:
    found = _LINE.search(said)
    line = int(found[1]) if found else 0
    where = f"line {line:,}" if line else "the file"
    if width := _WIDTH.search(said):
        expected, got = int(width[1]), int(width[2])
        return Refused(
            "ragged_rows",
            f"{where} has {got} {'column' if got == 1 else 'columns'}, expected {expected}"
            f" (separated by {sniff.DELIMITER_NAMES[dialect.delimiter]})",
            "make all rows equally long: put fields that contain the separator in quotes, and remove titles"
            " above the header and notes below the rows",
            {"line": line, "expected": expected, "found": got},
        )
    if "utf-8 encoded" in said or "unicode" in said.lower():
        return sniff.not_utf8(line)
    if "quote" in said.lower():
        return Refused(
            "unbalanced_quotes",
            f"{where}: a quoted field does not end as it should",
            'close every quote; a quote within a quoted field is written twice: "say ""hi"""',
            {"line": line},
        )
    if "line size" in said.lower():
        return Refused(
            "line_too_long",
            f"{where} is longer than {_LONGEST_LINE:,} bytes",
            "a quote that is never closed makes one line of many; if the field really is so long, upload Parquet",
            {"line": line},
        )
    return Refused("not_a_table", f"{where} cannot be read as CSV", sniff.TEXT_HINT, {"line": line})


# ---- JSON


def read_json(connection: Connection, path: Path, table: Path) -> None:
    """An array of objects, or one object per line, to Parquet.

    Raises:
        Refused: with the place where the file is not JSON, or why it is no table.
    """
    import duckdb

    with path.open("rb") as file:
        head = file.read(sniff.SAMPLE).removeprefix(b"\xef\xbb\xbf").lstrip()
    form = "array" if head.startswith(b"[") else "newline_delimited"
    if form == "newline_delimited" and b"\n" in head and not head.split(b"\n", 1)[0].rstrip().endswith(b"}"):
        form = "unstructured"  # objects written over several lines
    source = (
        f"read_json({quoted(str(path))}, format = '{form}', sample_size = -1, records = true,"
        f" maximum_object_size = {_LONGEST_LINE})"
    )
    try:
        columns = columns_of(connection, source)
        if head.startswith(b"{"):
            _check_records(connection, source, columns)
        _write(connection, source, table)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        _check_storage(error)
        raise _json_refusal(str(error)) from error


def _check_records(connection: Connection, source: str, columns: list[tuple[str, str]]) -> None:
    """One object alone is a row if it is flat; else it is a document, or columns side by side."""
    if len(connection.execute(f"select 1 from {source} limit 2").fetchall()) == 1:
        for name, kind in columns:
            if kind.startswith(("STRUCT", "MAP", "JSON")) or kind.endswith("]"):
                raise Refused(
                    "not_a_table",
                    f'the file is one JSON object with nested values ("{name}"), not a list of rows',
                    'write the rows as an array of objects; with pandas: frame.to_json(…, orient="records")',
                )


def _json_refusal(said: str) -> Refused:
    if found := _JSON_BROKEN.search(said):
        place = "line" if found[2] == "line" else "record"
        return Refused(
            "broken_json",
            f"the JSON is broken at byte {int(found[1]):,} of {place} {int(found[3]):,}:"
            f" {found[4].strip().rstrip('.')}",
            "the file may have been cut off; write it again with a JSON library",
            {"byte": int(found[1]), place: int(found[3])},
        )
    record = _JSON_RECORD.search(said)
    where = f"{'line' if record[1] == 'line' else 'record'} {int(record[2]):,}" if record else "an object"
    if found := _JSON_DUPLICATE.search(said):
        return Refused(
            "duplicate_keys", f"{where} has the key {found[1]} twice", "give each value a key of its own"
        )
    if "maximum_object_size" in said:
        return Refused(
            "line_too_long",
            f"an object is longer than {_LONGEST_LINE:,} bytes",
            "write the rows as an array of smaller objects, or upload Parquet",
        )
    if "non-record JSON" in said:
        return Refused(
            "not_a_table",
            "the JSON is no list of objects with fields",
            'rows are objects: [{"name": "value"}, …], or one object per line',
        )
    return Refused("broken_json", f"{where} cannot be read as JSON", "write it again with a JSON library")


# ---- Parquet


def read_parquet(connection: Connection, path: Path) -> dict[str, Any]:
    """Columns and rows of a Parquet file, after a look at its first and last rows.

    Raises:
        Refused: it is damaged.
    """
    import duckdb

    source = f"read_parquet({quoted(str(path))})"
    try:
        found = described(connection, source)
        for offset in {0, max(0, found["rows"] - 1)}:
            connection.execute(
                f"create or replace temp table probe as select * from {source} limit 1 offset {offset}"
            )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise Refused(
            "parquet_damaged", "the Parquet file is damaged and cannot be read", "write or copy it again"
        ) from error
    if not found["columns"]:
        raise Refused("not_a_table", "the Parquet file has no columns", sniff.TEXT_HINT)
    return found


# ---- writing


def _write(connection: Connection, source: str, table: Path, casts: dict[str, str] | None = None) -> None:
    """Copy all rows to Parquet, in their order."""
    columns = columns_of(connection, source)
    if len(columns) > _MOST_COLUMNS:
        raise Refused(
            "too_many_columns",
            f"the table has {len(columns):,} columns; {_MOST_COLUMNS:,} is the most",
            "turn it round, so that what are columns now become rows",
        )
    chosen = ", ".join(
        f"{(casts or {}).get(name) or _stored(identifier(name), kind)} as {identifier(name)}"
        for name, kind in columns
    )
    # The rows of a group stand in memory together, so a wide table gets shorter groups: multiples of DuckDB's vectors.
    group = max(2048, min(122_880, 4_000_000 // len(columns) // 2048 * 2048))
    connection.execute(
        f"copy (select {chosen} from {source}) to {quoted(str(table))}"
        f" (format parquet, compression zstd, row_group_size {group})"
    )


def _stored(column: str, kind: str) -> str:
    """A column in a type that Parquet has and pandas knows, without losing a digit."""
    if kind == "JSON":  # values of several kinds in one column: texts as they are, the rest as JSON
        return f"{column} ->> '$'"
    if kind in {"HUGEINT", "UHUGEINT", "UUID"}:
        return f"cast({column} as varchar)"
    return column


def _check_storage(error: Exception) -> None:
    """A full disk is not the file's fault."""
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        raise OSError(28, "No space left on device") from error
