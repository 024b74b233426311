"""The folder that belongs to a project, known by a small marker file, so that it can be moved and renamed."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from uuid import UUID

from insighter_ext.errors import Unavailable

MARKER = ".insighter.json"


def make(root: Path, wanted: str, project_id: UUID) -> str:
    """Make and mark a folder below ``root``; where the wanted name is taken, a number is appended.

    Returns:
        The folder's path relative to ``root``, with forward slashes.
    """
    root = root.resolve()
    for number in range(1, 1000):
        folder = root / (wanted if number == 1 else f"{wanted}-{number}")
        if not folder.resolve().is_relative_to(root):
            folder = root / str(project_id)  # a stored path that leads out, by a link made since
        try:
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                if _read(folder) != project_id and not (folder.is_dir() and not any(folder.iterdir())):
                    continue
            _write(folder, project_id)
        except OSError as error:
            raise Unavailable(
                f"the project's folder could not be made: {error.strerror}",
                code="folder_failed",
                hint=f"check that the server may write to {root}",
            ) from error
        return folder.relative_to(root).as_posix()
    raise Unavailable(
        f'no free folder name like "{wanted}"', code="folder_failed", hint="remove some of those folders"
    )


def belongs(root: Path, folder: str, project_id: UUID) -> bool:
    """Whether the folder is there and marked as this project's."""
    return _read(root / folder) == project_id


def unmark(root: Path, folder: str, project_id: UUID) -> None:
    """Take the marker off; the files in the folder stay."""
    if folder and belongs(root, folder, project_id):
        (root / folder / MARKER).unlink(missing_ok=True)


def project_of(path: Path, root: Path) -> UUID | None:
    """The id in the nearest marker at or above a path, not looking above ``root``."""
    found = nearest(path, root)
    return found[0] if found else None


def nearest(path: Path, root: Path) -> tuple[UUID, Path] | None:
    """The same with the folder that is marked, its links resolved."""
    path, root = path.resolve(), root.resolve()
    if not path.is_relative_to(root):
        return None
    for folder in [path, *path.parents]:
        if (found := _read(folder)) is not None:
            return found, folder
        if folder == root:
            break
    return None


def _write(folder: Path, project_id: UUID) -> None:
    """Put the marker in place as a whole; a link of its name is replaced, not followed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=MARKER)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps({"project": str(project_id)}) + "\n")
        Path(name).chmod(0o644)
        Path(name).replace(folder / MARKER)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(folder: Path) -> UUID | None:
    # A marker may come with a folder from anywhere: neither a link is followed nor a pipe waited for.
    try:
        handle = os.open(folder / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            marker = os.read(handle, 4096) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
        finally:
            os.close(handle)
        return UUID(json.loads(marker)["project"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
