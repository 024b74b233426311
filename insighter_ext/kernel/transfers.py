"""Bytes of datasets between this machine and the platform: streamed, checked, and kept in a cache by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from insighter_ext.kernel.errors import DownloadFailed
from insighter_ext.kernel.progress import Progress
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import bytes_

CHUNK = 1024 * 1024

CACHE_BYTES = 10 * 1000**3
"""Above it the files that were not read for longest make room."""


def cache_folder() -> Path:
    """Where downloaded files are kept; for the eyes of this user only."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "insighter" / "datasets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def fetch(scope: Scope, path: Sequence[object], sha256: str) -> Path:
    """A dataset version as a Parquet file on this machine.

    Args:
        path: the version's path below the project.
        sha256: of the file as uploaded; it names the file in the cache.

    Raises:
        DownloadFailed: what arrived is not what the server announced.
    """
    folder = cache_folder()
    kept = folder / f"{sha256}.parquet"
    if kept.exists():
        with contextlib.suppress(OSError):
            os.utime(kept)
        return kept
    digest, received = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            scope.client.stream(*scope.path(*path, "content"), query={"format": "parquet"}) as answer,
        ):
            length, etag = answer.headers.get("Content-Length"), answer.headers.get("ETag", "").strip('"')
            for chunk in answer.iter_raw():
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
        if (length and received != int(length)) or (etag and etag != digest.hexdigest()):
            raise DownloadFailed(
                f"{received:,} bytes arrived that are not the ones the server has",
                code="corrupt",
                hint="load it again",
            )
        os.replace(temporary, kept)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _make_room(folder, kept)
    return kept


def _make_room(folder: Path, kept: Path) -> None:
    found = []
    for file in folder.glob("*.parquet"):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((status.st_mtime, status.st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total <= CACHE_BYTES:
            return
        if file != kept:
            with contextlib.suppress(OSError):
                file.unlink()
                total -= size


def send(
    scope: Scope, name: str, file: Path, filename: str, sources: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Stream a file up as the next version of a dataset; the API's answer.

    Args:
        sources: what it was made from.
    """
    size = file.stat().st_size
    line = Progress()
    answer: dict[str, Any] = scope.client.send(
        "POST",
        *scope.path("datasets", name, "versions"),
        query={"filename": filename, "made_from": json.dumps(sources) if sources else None},
        content=_read(file, size, name, line),
        headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"},
        timeout=600.0,  # reading a large file takes the server a while, after the last byte
    )
    version = answer["version"]
    said = "unchanged, still" if answer["unchanged"] else f"{bytes_(size)} uploaded,"
    line.done(
        f"{name}: {said} version {version['version']}, {version['rows']:,} rows × {len(version['columns'])}"
    )
    return answer


def _read(file: Path, size: int, name: str, line: Progress) -> Iterator[bytes]:
    sent = 0
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
            sent += len(chunk)
            line.update(f"{name}: {bytes_(sent)} of {bytes_(size)} uploaded ({sent / size:.0%})")


@contextlib.contextmanager
def as_file(data: Any) -> Iterator[tuple[Path, str]]:
    """A file with the data, and its name: a path itself, a DataFrame or Arrow table as Parquet.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: it is neither.
    """
    if isinstance(data, str | os.PathLike):
        file = Path(data).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file}")
        yield file, file.name
        return
    table = _arrow(data)
    with tempfile.TemporaryDirectory(prefix="insighter-") as folder:
        import pyarrow.parquet as pq

        file = Path(folder) / "table.parquet"
        pq.write_table(table, file)
        yield file, ""


def _arrow(data: Any) -> Any:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        frame = data.copy(deep=False)
        frame.attrs = {}
        if not (isinstance(frame.index, pandas.RangeIndex) and frame.index.name is None):
            frame = frame.reset_index()
        frame.columns = [str(column) for column in frame.columns]
        return pa.Table.from_pandas(frame, preserve_index=False)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    raise TypeError(f"upload takes a path, a DataFrame or an Arrow table, not {type(data).__name__}")
