"""Read an uploaded file to its end, in a process of its own: format, columns, rows, and the rows as Parquet.

``python -m insighter_ext.datahub.inspect <file> <folder> <memory>`` prints one JSON object: either ``format``,
``columns``, ``rows`` and ``table`` (a Parquet file in the folder; null when the file itself is Parquet), or ``refused``
with ``code``, ``message``, ``hint`` and ``details``. It ends when its standard input closes, so it never outlives who
asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from insighter_ext.datahub import sniff
from insighter_ext.datahub.engine import connect, quoted
from insighter_ext.datahub.reading import described, read_csv, read_json, read_parquet
from insighter_ext.datahub.sniff import Refused


def inspect(path: Path, folder: Path, memory: int) -> dict[str, Any]:
    """See the module.

    Args:
        path: the file; its name does not matter.
        folder: an empty folder for the table and what spills.
        memory: bytes that may be used before spilling.

    Raises:
        Refused: with the reason in words.
    """
    kind = sniff.kind(path)
    if kind.format != "parquet" and kind.encoding != "utf-8":
        path = _to_utf8(path, folder / "text", kind.encoding)
    import duckdb

    table = folder / "table.parquet"
    with connect(memory, folder, readable=path) as connection:
        try:
            if kind.format == "parquet":
                return {"format": "parquet", **read_parquet(connection, path), "table": None}
            (read_csv if kind.format == "csv" else read_json)(connection, path, table)
            found = described(connection, f"read_parquet({quoted(str(table))})")
            return {"format": kind.format, **found, "table": str(table)}
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise Refused(
                "inspect_memory",
                f"reading the file takes more than {memory / 2**20:,.0f} MiB of memory",
                "raise c.InsighterApp.inspect_memory_bytes, or upload the table as Parquet",
            ) from error


def _to_utf8(source: Path, target: Path, encoding: str) -> Path:
    try:
        with (
            source.open(encoding=encoding, newline="") as file,
            target.open("w", encoding="utf-8", newline="") as converted,
        ):
            while piece := file.read(1 << 20):
                converted.write(piece)
    except UnicodeError:
        raise Refused(
            "not_utf8",
            f"the file is not {encoding.upper()} throughout",
            "save it as UTF-8 and upload it again",
        ) from None
    return target


def end_with_parent() -> None:
    """Leave the process when standard input closes, whatever it is doing."""

    def wait() -> None:
        while os.read(0, 1 << 16):
            pass
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()


def first_to_go() -> None:
    """When the machine runs out of memory, this process goes rather than the server it works for."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _main() -> None:
    end_with_parent()
    first_to_go()
    path, folder, memory = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    try:
        answer = inspect(path, folder, memory)
    except Refused as refused:
        answer = {
            "refused": {
                "code": refused.code,
                "message": refused.message,
                "hint": refused.hint,
                "details": refused.details,
            }
        }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
